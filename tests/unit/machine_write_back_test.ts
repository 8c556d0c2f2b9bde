/**
 * Write-back of receive descriptors: which frames the driver sees, and when.
 *
 * @module
 */

import assert from "node:assert/strict";
import { compileVariant } from "./machine_parts.ts";
import { bareMachine, groupOf, loadModules, runToEnd, withCosts, X710 } from "./machine_runs.ts";

const modules = await loadModules();
const module = await compileVariant({
  more: `
    import { packetTake } from "./machine/abi";
    import { rxArrive, rxPop } from "./machine/ring";
    import { vectorComplete, itrStart } from "./machine/itr";
    import { rxWaiting, rxWithheld, writeBackForced } from "./machine/write_back";
    export { writeBackForced };
    export function land(): bool { return rxArrive(packetTake(0, 0, 0, 66)); }
    export function visible(): u32 { return rxWaiting(0); }
    export function withheld(): u32 { return rxWithheld(0); }
    export function cleanAll(): void { while (rxWaiting(0) > 0) rxPop(0); }
    export function complete(): void { vectorComplete(0, rxWaiting(0) > 0, false); }
    export function fixedUsecs(usecs: u32): void { itrStart(0, true, usecs); }
    export function sleep(usecs: u32): void { schedule(now() + usecs * 10000, EV_MARK, 7); }
    /** Kind of the next event; only an interval's end and a write-back have their effect. */
    export function next(): u32 {
      const index = takeEvent();
      if (index == 0) return 0;
      const kind = eventAt(index).kind;
      if (kind == EV_WRITE_BACK || kind == EV_ITR) handle(kind, eventAt(index).target);
      return kind;
    }
  `,
});

const EV_ITR = 3;
const EV_MSIX = 4;
const EV_MARK = 17;
const EV_WRITE_BACK = 21;

/** Queue 0 with a fixed receive interval, 1 ms after its last interrupt. */
function queueOf(costs: Record<string, number> = {}, usecs = 50) {
  const machine = bareMachine(module, { costs });
  const calls = machine.calls as unknown as Record<string, (...values: number[]) => number>;
  calls["fixedUsecs"]!(usecs);
  const sleep = (us: number) => {
    calls["sleep"]!(us);
    assert.equal(calls["next"]!(), EV_MARK);
  };
  sleep(1000);
  const arrive = (count: number) => {
    for (let i = 0; i < count; i++) assert.equal(calls["land"]!(), 1);
  };
  /** What the driver sees, and what the device holds back. */
  const frames = () => [calls["visible"]!(), calls["withheld"]!()];
  return { calls, sleep, arrive, frames };
}

/** The same with the vector masked by the interrupt for a first frame, which is cleaned. */
function polled(costs: Record<string, number> = {}, usecs = 50) {
  const queue = queueOf(costs, usecs);
  queue.arrive(1);
  assert.equal(queue.calls["next"]!(), EV_MSIX);
  queue.calls["cleanAll"]!();
  return queue;
}

Deno.test("a frame that interrupts at once is seen at once", () => {
  const { calls, arrive, frames } = queueOf();
  arrive(1);
  assert.deepEqual(frames(), [1, 0]);
  assert.equal(calls["next"]!(), EV_MSIX);
});

Deno.test("while the driver polls, the last frames stay back until four fill a line", () => {
  // The frame that interrupted is the first of its line.
  const { arrive, frames } = polled();
  arrive(1);
  assert.deepEqual(frames(), [0, 1]);
  arrive(1);
  assert.deepEqual(frames(), [0, 2]);
  arrive(1);
  assert.deepEqual(frames(), [3, 0]);
  arrive(2);
  assert.deepEqual(frames(), [3, 2]);
});

Deno.test("what stays back comes with the next interrupt, when its interval is over", () => {
  const { calls, arrive, frames, sleep } = polled();
  sleep(5);
  arrive(2);
  assert.deepEqual(frames(), [0, 2]);
  calls["complete"]!();
  assert.deepEqual(frames(), [0, 2], "the interval lasts");
  assert.equal(calls["next"]!(), EV_ITR);
  assert.deepEqual(frames(), [2, 0]);
  assert.equal(calls["nowNs"]!(), 1_050_000);
  assert.equal(calls["next"]!(), EV_MSIX);
});

Deno.test("what stays back comes at completion if the interval is over then", () => {
  const { calls, arrive, frames, sleep } = polled();
  sleep(80);
  arrive(2);
  assert.deepEqual(frames(), [0, 2]);
  calls["complete"]!();
  assert.deepEqual(frames(), [2, 0]);
  assert.equal(calls["next"]!(), EV_MSIX);
});

Deno.test("without an interrupt nothing ever brings it: the stall of a driver that only polls", () => {
  const { calls, arrive, frames, sleep } = polled();
  arrive(2);
  sleep(100_000);
  assert.deepEqual(frames(), [0, 2], "after 100 ms");
  calls["writeBackForced"]!(0);
  assert.deepEqual(frames(), [2, 0], "a software interrupt does");
});

Deno.test("WB_ON_ITR brings it when the interval is over, once in each interval", () => {
  const { calls, arrive, frames, sleep } = polled({ wb_on_itr: 1 });
  sleep(5);
  arrive(2);
  assert.deepEqual(frames(), [0, 2]);
  assert.equal(calls["next"]!(), EV_WRITE_BACK);
  assert.equal(calls["nowNs"]!(), 1_050_000);
  assert.deepEqual(frames(), [2, 0]);
  // One more would end the line of the first three.
  arrive(2);
  assert.deepEqual(frames(), [3, 1]);
  assert.equal(calls["next"]!(), EV_WRITE_BACK);
  assert.equal(calls["nowNs"]!(), 1_100_000);
  assert.deepEqual(frames(), [4, 0]);
});

Deno.test("with an interval of 0 WB_ON_ITR holds nothing back", () => {
  const { calls, arrive, frames } = polled({ wb_on_itr: 1 }, 0);
  const before = calls["nowNs"]!();
  arrive(1);
  assert.equal(calls["next"]!(), EV_WRITE_BACK);
  assert.equal(calls["nowNs"]!(), before);
  assert.deepEqual(frames(), [1, 0]);
});

Deno.test("a ring without free descriptors holds nothing back", () => {
  const { arrive, frames, calls } = polled({ rx_write_back_descriptors: 9 });
  arrive(511);
  assert.deepEqual(frames(), [511, 0]);
  assert.equal(calls["land"]!(), 0, "the ring of 512 is full");
});

Deno.test("a device that writes each descriptor by itself holds nothing back", () => {
  const { arrive, frames } = polled({ rx_write_back_descriptors: 1 });
  arrive(3);
  assert.deepEqual(frames(), [3, 0]);
});

Deno.test("one request at a time is not delayed by a nanosecond", () => {
  const latencies = [1, 4, 8].map((rx_write_back_descriptors) => {
    const machine = withCosts(X710, { rx_write_back_descriptors });
    const { groups } = runToEnd(modules, { groups: [groupOf({ test: "TCP_RR" })], machine });
    return groups[0]!.latency_ns;
  });
  assert.deepEqual(latencies[1], latencies[0]);
  assert.deepEqual(latencies[2], latencies[0]);
});

Deno.test("many requests on one queue take more interrupts, and some wait for the interval", () => {
  const [single, line] = [1, 4].map((rx_write_back_descriptors) => {
    const nic = { ...X710.nic, queue_pairs: 1 };
    const machine = withCosts({ ...X710, nic }, { rx_write_back_descriptors });
    const groups = [groupOf({ test: "UDP_RR", connections: 4 })];
    return runToEnd(modules, { groups, machine, policy: "CPU", measureMs: 40 });
  });
  const p90 = (measured: typeof single) => measured!.groups[0]!.latency_ns!.p90;
  const perPacket = (measured: typeof single) =>
    1 / measured!.interrupts!.rx_packets_per_interrupt!;
  assert.ok(perPacket(line) >= perPacket(single), `${perPacket(line)}, ${perPacket(single)}`);
  assert.ok(p90(line) >= p90(single), `${p90(line)}, ${p90(single)}`);
});
