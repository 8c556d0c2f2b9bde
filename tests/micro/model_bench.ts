/**
 * `deno task bench:micro`, the whole model: how long it takes for virtual time, for packets of few
 * and of many flows, and whether a long run keeps its room. Names say what one iteration does.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ModelRun } from "../../harness/machine/model.ts";
import type { TestName } from "../../harness/record.ts";
import type { MachineSpec } from "../../harness/spec.ts";
import { median } from "../../harness/stats/quantile.ts";
import {
  groupOf,
  loadModules,
  type SmallRun,
  startRun,
  X710,
  XL710,
} from "../unit/machine_runs.ts";

const modules = await loadModules();
/** Longer than any of these runs. */
const FOREVER_MS = 3_600_000;
const WARMUP_MS = 10;
const SLICE_EVENTS = 50_000;

function withQueues(machine: MachineSpec, queuePairs: number): MachineSpec {
  return { ...machine, nic: { ...machine.nic, queue_pairs: queuePairs } };
}

/** So many connections, in groups that the model takes, with this rate of all together. */
function groupsOf(test: TestName, connections: number, ratePerSecond?: number) {
  const count = Math.ceil(connections / 1000);
  return Array.from({ length: count }, (_, place) =>
    groupOf({
      test,
      name: `g${place}`,
      connections: connections / count,
      message_bytes: 65_536,
      arrival: ratePerSecond === undefined ? { loop: "closed" } : {
        loop: "open",
        rate_per_second: ratePerSecond / count,
        distribution: "poisson",
      },
    }));
}

/** A run without end, past its warm-up. */
class Endless {
  readonly #model: ModelRun;
  #untilMs = WARMUP_MS;

  constructor(run: SmallRun) {
    this.#model = startRun(modules, { ...run, warmupMs: WARMUP_MS, measureMs: FOREVER_MS });
    this.advanceMs(WARMUP_MS);
  }

  advance(events: number): void {
    for (let left = events; left > 0; left -= SLICE_EVENTS) {
      this.#model.advance(Math.min(left, SLICE_EVENTS));
    }
  }

  /** Whole slices: a little more than asked for, and the next time so much less. */
  advanceMs(ms: number): void {
    this.#untilMs += ms;
    const share = this.#untilMs / (WARMUP_MS + FOREVER_MS);
    while (this.#model.progress() < share) this.#model.advance(1000);
  }

  get room() {
    return this.#model.room();
  }
}

const GROUP = "model, events with handlers and statistics";
for (
  const [name, run] of [
    ["TCP requests on 512 connections", { groups: groupsOf("TCP_RR", 512) }],
    ["UDP requests on 512 connections", { groups: groupsOf("UDP_RR", 512) }],
    ["10G bulk receive", { groups: groupsOf("TCP_STREAM", 8) }],
    ["connect, request, response", { groups: groupsOf("TCP_CRR", 64) }],
  ] as const satisfies readonly (readonly [string, SmallRun])[]
) {
  const endless = new Endless(run);
  Deno.bench({ name: `${name}: 100000 events`, group: GROUP, fn: () => endless.advance(100_000) });
}

for (
  const [name, run] of [
    ["1 M packets/s on 8 queues (aim 2.5 s)", { groups: groupsOf("UDP_RR", 512, 500_000) }],
    ["40G bulk receive on 8 queues (aim 8 s)", {
      machine: withQueues(XL710, 8),
      groups: groupsOf("TCP_STREAM", 16),
    }],
  ] as const satisfies readonly (readonly [string, SmallRun])[]
) {
  const endless = new Endless(run);
  const group = "model, one second of virtual time";
  Deno.bench({ name: `${name}: 1 s`, group, n: 5, warmup: 0, fn: () => endless.advanceMs(1000) });
}

// The same load on more and more flows: the cost of a packet is to stay the same, within 1.5. They
// take turns, and medians count: what else runs on this machine hits all of them alike.
const FLOWS = [10, 100, 1000, 10_000];
const TURNS = 60;
const TURN_MS = 5;
for (const test of ["UDP_RR", "TCP_RR"] as const) {
  const ratePerSecond = 200_000;
  const runs = FLOWS.map((flows) => new Endless({ groups: groupsOf(test, flows, ratePerSecond) }));
  const times: number[][] = FLOWS.map(() => []);
  for (let turn = 0; turn < TURNS; turn++) {
    runs.forEach((run, place) => {
      const from = performance.now();
      run.advanceMs(TURN_MS);
      times[place]!.push(performance.now() - from);
    });
  }
  const packets = 2 * ratePerSecond / 1000 * TURN_MS;
  const medians = times.map((each) => median(each) * 1e6 / packets);
  const shown = FLOWS.map((flows, place) => `${flows} flows ${medians[place]!.toFixed(0)}`);
  const ratio = medians.at(-1)! / medians[0]!;
  console.log(`${test}, ns a packet: ${shown.join(", ")}: ${ratio.toFixed(2)} times (aim 1.5)`);
}

// All threads want a CPU: the queues of the scheduler are long.
for (const flows of [100, 10_000]) {
  const endless = new Endless({ groups: groupsOf("UDP_RR", flows) });
  Deno.bench({
    name: `${flows} UDP connections in a closed loop: 10 ms`,
    group: "model, a host without an idle CPU",
    baseline: flows === 100,
    n: 20,
    fn: () => endless.advanceMs(10),
  });
}

Deno.bench({
  name: "10000 sockets in 64 MiB, set up and 1 ms of their run: 1 host",
  group: "model, room",
  n: 5,
  fn: () => {
    const groups = groupsOf("TCP_RR", 10_000, 200_000);
    const model = startRun(modules, { groups, policy: "LATENCY", warmupMs: 1, measureMs: 1 });
    while (!model.advance(SLICE_EVENTS));
    assert.equal(model.room().bytes, 64 * 2 ** 20);
  },
});

// LAB_ROOM_EVENTS=1e9 deno task bench:micro: a thousand million instead, some minutes.
{
  const events = Number(Deno.env.get("LAB_ROOM_EVENTS") ?? 1e8);
  const endless = new Endless({ groups: groupsOf("TCP_RR", 1000), machine: X710 });
  endless.advance(10_000_000);
  const early = { ...endless.room, rss: Deno.memoryUsage().rss };
  Deno.bench({
    name: `a long run keeps its room: ${events / 1e6} million events`,
    group: "model, room",
    n: 1,
    warmup: 0,
    fn: () => {
      endless.advance(events);
      const late = { ...endless.room, rss: Deno.memoryUsage().rss };
      assert.equal(late.bytes, early.bytes);
      for (const pool of ["eventsEver", "packetsEver"] as const) {
        assert.ok(late[pool] < early[pool] * 1.3, `${pool}: ${early[pool]}, then ${late[pool]}`);
      }
      // The process as a whole: less than one more machine would take.
      assert.ok(late.rss < early.rss + 2 ** 26, `process: ${early.rss}, then ${late.rss} bytes`);
      console.log(`room after 10 million events: ${JSON.stringify(early)}`);
      console.log(`room after ${events / 1e6} million more: ${JSON.stringify(late)}`);
    },
  });
}
