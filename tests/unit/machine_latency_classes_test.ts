/**
 * Moderation by classes of latency, the rule of Intel's drivers before 2018: which interval a load
 * leads to, and how the vector goes there.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { MachineSpec } from "../../harness/spec.ts";
import { groupOf, loadModules, runToEnd, X710 } from "./machine_runs.ts";

const modules = await loadModules();

/** A machine of one queue pair with ixgbe's moderation. */
const CLASSES: MachineSpec = {
  ...X710,
  nic: { ...X710.nic, queue_pairs: 1, itr_per_vector: true, moderation: "latency_classes" },
  costs: { ...X710.costs, tx_report_packets: 1 },
};

/**
 * Load on one queue, what it is in bytes a microsecond, and the interval at the end: on the way up
 * the driver's integers stop at 490 quarters of the 500 that it wants; the register has 488.
 */
const LOADS = [
  [
    "one request at a time, 7 bytes a us: lowest, 100,000 a second",
    groupOf({ test: "TCP_RR" }),
    10,
  ],
  [
    "a stream, 1200 bytes a us: bulk, nearly 8,000 a second",
    groupOf({ test: "TCP_STREAM", connections: 4 }),
    122,
  ],
  [
    "sending, 1200 bytes a us: the slower of both directions",
    groupOf({ test: "TCP_MAERTS", connections: 4 }),
    122,
  ],
] as const;

for (const [name, group, usecs] of LOADS) {
  Deno.test(name, () => {
    const run = { groups: [group], machine: CLASSES, warmupMs: 20, measureMs: 20 };
    const [queue] = runToEnd(modules, run).queues;
    assert.equal(queue!.itr_rx_usecs, usecs);
    assert.equal(queue!.itr_tx_usecs, usecs, "the vector has one interval");
  });
}

Deno.test("from 50 us the vector goes a tenth of the way with each completion", () => {
  // Quarters: (10 x 40 x 200) / (9 x 40 + 200) = 142, then 113, 95, 83, 74; the register has 2 us.
  const expected = [50, 34, 28, 22, 20, 18];
  const seen: number[] = [];
  const groups = [groupOf({ test: "TCP_RR" })];
  for (let usecs = 20; usecs < 1200; usecs += 4) {
    const measureMs = usecs / 1000;
    const { queues } = runToEnd(modules, { groups, machine: CLASSES, warmupMs: 0, measureMs }, 50);
    const now = queues[0]!.itr_rx_usecs;
    if (seen.at(-1) !== now) seen.push(now);
    if (seen.length === expected.length) break;
  }
  assert.deepEqual(seen, expected);
});

Deno.test("intervals that are fixed stay fixed", () => {
  const coalesce = { ...X710.nic.coalesce, adaptive_rx: false, adaptive_tx: false, rx_usecs: 30 };
  const machine = { ...CLASSES, nic: { ...CLASSES.nic, coalesce: { ...coalesce, tx_usecs: 30 } } };
  const { queues } = runToEnd(modules, { groups: [groupOf({ test: "TCP_STREAM" })], machine });
  assert.equal(queues[0]!.itr_rx_usecs, 30);
});
