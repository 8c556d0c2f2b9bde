/**
 * What interrupting costs beyond its own time, and what runs beside the workload: caches, enabling
 * the interrupt, the tick, housekeeping; and completion queues that are armed each of its own.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Measurement } from "../../harness/record.ts";
import type { MachineSpec, WorkloadGroup } from "../../harness/spec.ts";
import { groupOf, loadModules, runToEnd, withCosts, X710 } from "./machine_runs.ts";

const modules = await loadModules();

/** One CPU and one queue. */
const ONE: MachineSpec = {
  ...X710,
  nic: { ...X710.nic, queue_pairs: 1 },
  host: { nodes: [{ id: 0, cpus: [0] }], distance: [[10]], siblings: [] },
};

function run(costs: Record<string, number>, group: Partial<WorkloadGroup>, measureMs = 50) {
  const groups = [groupOf({ test: "UDP_RR", ...group })];
  return runToEnd(modules, { groups, machine: withCosts(ONE, costs), measureMs });
}

/** CPU time of the application and its calls for a transaction, nanoseconds. */
function threadNs({ cpus: [cpu], groups: [group] }: Measurement): number {
  return (cpu!.user_ns + cpu!.system_ns) / group!.transactions;
}

Deno.test("a thread that softirqs interrupt fetches its cache lines again: 1 us a frame", () => {
  const busy = { connections: 32, service_ns: 20_000 };
  const more = threadNs(run({ cache_refill_ns: 1000 }, busy)) - threadNs(run({}, busy));
  assert.ok(more > 700 && more < 1100, `a saturated CPU: ${more} ns more a transaction`);
  // Whoever is alone sleeps when its request comes.
  const alone = (refill: number) => run({ cache_refill_ns: refill }, {}).groups[0]!.latency_ns!.p50;
  assert.equal(alone(1000), alone(0));
});

Deno.test("enabling the interrupt costs a completion, unless the completion defers it", () => {
  const softirqNs = (enable: number, deferral: Record<string, number>) => {
    const { cpus, queues, groups } = run({ irq_enable_ns: enable, ...deferral }, {});
    return { each: cpus[0]!.softirq_ns / groups[0]!.transactions, raised: queues[0]!.interrupts };
  };
  const more = softirqNs(700, {}).each - softirqNs(0, {}).each;
  assert.ok(more > 690 && more < 1100, `${more} ns more a transaction`);
  const deferral = { napi_defer_hard_irqs: 100, gro_flush_timeout_ns: 20_000 };
  assert.deepEqual(softirqNs(700, deferral), softirqNs(0, deferral));
});

Deno.test("the tick interrupts a CPU that spins, 1000 times a second, and none that is idle", () => {
  const irqNs = (costs: Record<string, number>, group: Partial<WorkloadGroup>) =>
    run({ timer_hz: 1000, ...costs }, group, 100).cpus[0]!.irq_ns;
  const spins = { busy_poll_ns: 1_000_000 };
  const ticks = irqNs({ ...spins, tick_ns: 3000 }, {}) - irqNs(spins, {});
  // A tick that delays the thread leaves it a few packets less to be interrupted for.
  assert.ok(Math.abs(ticks - 100 * 3000) <= 10_000, `${ticks} ns in 100 jiffies`);
  const arrival = { loop: "open", rate_per_second: 100, distribution: "constant" } as const;
  const idle = irqNs({ tick_ns: 3000 }, { arrival }) - irqNs({}, { arrival });
  assert.ok(idle <= 2 * 3000, `${idle} ns on an idle CPU`);
});

Deno.test("housekeeping has its share of each CPU, and a request that meets it waits", () => {
  const arrival = { loop: "open", rate_per_second: 5000, distribution: "poisson" } as const;
  const at = (costs: Record<string, number>) => run(costs, { arrival, outstanding: 8 }, 400);
  const without = at({});
  // A turn of 200 us every 4 ms: a twentieth.
  const beside = at({ housekeeping_ns: 200_000, housekeeping_interval_ns: 4_000_000 });
  const share = (beside.cpus[0]!.system_ns - without.cpus[0]!.system_ns) / 400e6;
  assert.ok(share > 0.035 && share < 0.07, `${share} of the CPU`);
  const [calm, slow] = [without, beside].map(({ groups }) => groups[0]!.latency_ns!);
  assert.ok(slow!.max > 200_000 && slow!.max > 3 * calm!.max, `${calm!.max}, ${slow!.max} ns`);
  assert.ok(slow!.p50 < 1.1 * calm!.p50, `${calm!.p50}, ${slow!.p50} ns`);
});

Deno.test("housekeeping does not keep a CPU from a thread for longer than its turn", () => {
  const spin = {
    busy_poll_ns: 1_000_000,
    housekeeping_ns: 50_000,
    housekeeping_interval_ns: 2_000_000,
  };
  const { groups: [group], cpus: [cpu] } = run(spin, {}, 200);
  assert.ok(group!.latency_ns!.max < 1_000_000, `${group!.latency_ns!.max} ns`);
  assert.ok(cpu!.idle_ns === 0, "the thread spins on");
});

Deno.test("a completion queue that is armed interrupts while the other's poll is under way", () => {
  const interrupts = (moderation: "dim" | "dim_cqe") => {
    const none = { rx_usecs: 0, tx_usecs: 0, rx_usecs_high: 0 };
    const coalesce = { adaptive_rx: false, adaptive_tx: false, ...none };
    const machine = withCosts({ ...ONE, nic: { ...ONE.nic, moderation, coalesce } }, {
      rx_write_back_descriptors: 1,
      tx_report_packets: 1,
    });
    const groups = [groupOf({ test: "UDP_RR", connections: 8 })];
    const { queues: [queue], groups: [group] } = runToEnd(modules, { groups, machine });
    return queue!.interrupts / group!.transactions;
  };
  const [masked, armed] = [interrupts("dim"), interrupts("dim_cqe")];
  assert.ok(armed > 1.1 * masked, `${masked} interrupts a transaction, ${armed}`);
});
