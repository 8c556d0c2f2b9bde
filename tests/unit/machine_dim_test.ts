/**
 * Dynamic interrupt moderation, for comparison with the i40e driver's rule: profiles, walk, rest.
 *
 * @module
 */

import assert from "node:assert/strict";
import { compileVariant } from "./machine_parts.ts";
import { bareMachine, groupOf, loadModules, runToEnd, withCosts, X710 } from "./machine_runs.ts";

const modules = await loadModules();
const module = await compileVariant({
  more: `
    import { dimEvent, dimStart, dimUsecs } from "./machine/dim";
    export { dimEvent, dimStart, dimUsecs };
    export function sleep(usecs: u32): void {
      schedule(now() + usecs * 10000, EV_MARK, 7);
      takeEvent();
    }
  `,
});
type Calls = Record<
  "dimEvent" | "dimStart" | "dimUsecs" | "nicDim" | "sleep",
  (...values: number[]) => number
>;

const RX = 1;
const TX = 0;
const EVENTS = 64;
/** Time between two completions: a sample takes 640 us. */
const USECS = 10;

/** The receive side of queue 0, from its start; a sample has so many bytes at each completion. */
function directionOf(isRx = RX) {
  const { calls } = bareMachine(module) as unknown as { calls: Calls };
  const first = calls.dimStart(0, isRx);
  const sample = (bytes: number, packets = 10, usecs = USECS) => {
    let interval = 0;
    for (let event = 0; event < EVENTS; event++) {
      calls.sleep(usecs);
      interval = calls.dimEvent(0, isRx, packets, bytes, 1);
    }
    return interval;
  };
  return { calls, first, sample };
}

Deno.test("the profiles are the kernel's for event queues, us", () => {
  const { calls } = directionOf();
  const profiles = (isRx: number) => [0, 1, 2, 3, 4].map((place) => calls.dimUsecs(isRx, place));
  assert.deepEqual(profiles(RX), [1, 8, 64, 128, 256]);
  assert.deepEqual(profiles(TX), [1, 8, 32, 64, 128]);
  assert.equal(directionOf(RX).first, 8);
  assert.equal(directionOf(TX).first, 8);
});

Deno.test("nothing changes before 64 completions", () => {
  const { calls } = directionOf();
  const answers = Array.from({ length: EVENTS }, () => {
    calls.sleep(USECS);
    return calls.dimEvent(0, RX, 10, 1000, 1);
  });
  assert.deepEqual(answers.slice(0, -1), Array(EVENTS - 1).fill(8));
  assert.equal(answers.at(-1), 1);
});

/** Bytes at each completion, sample by sample, and the interval after each. */
const WALKS = [
  ["goes on while it gets better and parks at the best", [
    [1000, 1], // first traffic: out of parking, to the left
    [1000, 8], // no better: back
    [1500, 64],
    [2000, 128],
    [1500, 64], // worse: back
    [2000, 64], // better after one step back: the best, parked
    [2000, 64],
    [2180, 64], // less than 10 per cent is no change
    [3000, 8], // a change: it looks again
  ]],
  ["stops at the first profile", [
    [1000, 1],
    [2000, 1], // better, but there is no further left: parked
    [2000, 1],
    [1000, 8], // a change: to the right, where there is room
  ]],
  ["stays parked without traffic", [[0, 8], [0, 8]]],
] as const;

for (const [name, steps] of WALKS) {
  Deno.test(`DIM ${name}`, () => {
    const { sample } = directionOf();
    assert.deepEqual(steps.map(([bytes]) => sample(bytes)), steps.map(([, usecs]) => usecs));
  });
}

Deno.test("at equal bytes more packets are better, at equal packets fewer events", () => {
  const packets = directionOf();
  assert.deepEqual([packets.sample(1000, 10), packets.sample(1000, 20)], [1, 1], "parked at 1 us");
  const events = directionOf();
  // The same bytes and packets in a time, by half as many completions.
  assert.equal(events.sample(1000, 10, 10), 1);
  assert.equal(events.sample(2000, 20, 20), 1, "better: parked at 1 us");
  const more = directionOf();
  assert.equal(more.sample(2000, 20, 20), 1);
  assert.equal(more.sample(1000, 10, 10), 8, "worse: back");
});

Deno.test("after ten steps that led nowhere it rests for ten samples", () => {
  const { sample } = directionOf();
  const intervals = Array.from({ length: 22 }, () => sample(1000));
  assert.deepEqual(intervals.slice(0, 10), [1, 8, 1, 8, 1, 8, 1, 8, 1, 8]);
  assert.deepEqual(intervals.slice(10, 20), Array(10).fill(8));
  assert.equal(intervals[20], 1, "and walks on");
});

Deno.test("a machine with DIM has its intervals in force, and a policy its own", () => {
  const machine = { ...X710, nic: { ...X710.nic, moderation: "dim" } } as const;
  const groups = [groupOf({ test: "TCP_STREAM", connections: 8 })];
  const { queues } = runToEnd(modules, { groups, machine, measureMs: 40 });
  const usecs = queues.map((queue) => queue.itr_rx_usecs);
  assert.ok(usecs.every((interval) => [2, 8, 64, 128, 256].includes(interval)), `${usecs}`);
  assert.ok(new Set(usecs).size > 1, `some have moved: ${usecs}`);
  assert.ok(queues.every(({ adaptive }) => adaptive));
  const fixed = runToEnd(modules, { groups, machine, policy: "BULK" });
  assert.deepEqual(fixed.queues.map((queue) => queue.itr_rx_usecs), Array(8).fill(50));
});

Deno.test("at low load DIM throttles a request longer than the driver's rule does", () => {
  const latency = (["adaptive", "dim"] as const).map((moderation) => {
    const machine = { ...X710, nic: { ...X710.nic, moderation } };
    const groups = [groupOf({ test: "TCP_RR", connections: 24 })];
    return runToEnd(modules, { groups, machine, measureMs: 60, warmupMs: 40 }).groups[0]!
      .latency_ns!;
  });
  assert.ok(latency[1]!.p50 > latency[0]!.p50, `${latency[0]!.p50}, ${latency[1]!.p50}`);
});

/** A device whose receive is moderated by completion, with the machine's one stream of requests. */
function byCompletion(requestsPerSecond: number) {
  const nic = { ...X710.nic, queue_pairs: 1, moderation: "dim_cqe" } as const;
  const machine = withCosts({ ...X710, nic }, {
    rx_write_back_descriptors: 1,
    atr_sample_packets: 0,
  });
  const arrival = {
    loop: "open",
    rate_per_second: requestsPerSecond,
    distribution: "constant",
  } as const;
  const group = groupOf({ test: "UDP_RR", connections: 32, outstanding: 64, arrival });
  const measured = runToEnd(modules, { groups: [group], machine, measureMs: 4 });
  return { queue: measured.queues[0]!, latency: measured.groups[0]!.latency_ns! };
}

Deno.test("by completion the interval begins anew with each frame: only a pause or 128 end it", () => {
  // Gaps of 5 us never let the 8 us of the first profile pass, gaps of 50 us always do.
  const busy = byCompletion(200_000);
  const calm = byCompletion(20_000);
  const perInterrupt = ({ queue }: typeof busy) => queue.rx_packets / queue.interrupts;
  assert.ok(perInterrupt(busy) > 2 * perInterrupt(calm), `${perInterrupt(busy)}`);
  assert.ok(busy.latency.max > 128 * 5000 && busy.latency.max < 2 * 128 * 5000);
  assert.ok(calm.latency.min > 8000 && calm.latency.max < 60_000, `${calm.latency.max} ns`);
});

Deno.test("the profiles for completion queues are 2 to 64 us, and only receive has them", () => {
  const { calls } = bareMachine(module) as unknown as { calls: Calls };
  calls.nicDim(2);
  const usecs = (isRx: number) => [0, 1, 2, 3, 4].map((place) => calls.dimUsecs(isRx, place));
  assert.deepEqual(usecs(RX), [2, 8, 16, 32, 64]);
  assert.deepEqual(usecs(TX), [1, 8, 32, 64, 128]);
  calls.nicDim(1);
  assert.deepEqual(usecs(RX), [1, 8, 64, 128, 256]);
});
