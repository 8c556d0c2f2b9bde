/**
 * Softirqs of other kernels: those that ksoftirqd has alone while it runs (Linux 4.9 to 6.3), and
 * turns that only their rounds end (before 3.9).
 *
 * @module
 */

import assert from "node:assert/strict";
import type { WorkloadGroup } from "../../harness/spec.ts";
import { readMachine } from "../../harness/spec.ts";
import { groupOf, loadModules, runToEnd, withCosts, X710 } from "./machine_runs.ts";

const modules = await loadModules();
const host = { nodes: [{ id: 0, cpus: [0] }], distance: [[10]], siblings: [] };

/** One CPU that takes a flood of datagrams beside another group. */
function measure(alone: 0 | 1, flows: number, group: WorkloadGroup) {
  const flood = groupOf({ test: "UDP_STREAM", connections: flows, message_bytes: 1472 });
  const { groups: [flooded, other], cpus } = runToEnd(modules, {
    groups: [flood, group],
    machine: withCosts({ ...X710, host }, { ksoftirqd_alone: alone }),
    warmupMs: 10,
    measureMs: 150,
  });
  return {
    received: flooded!.bytes,
    transactions: other!.transactions,
    p99Ms: other!.latency_ns!.p99 / 1e6,
    softirqShare: cpus[0]!.softirq_ns / 150e6,
  };
}

Deno.test("with softirqs in ksoftirqd alone, threads keep their share of a flooded CPU", () => {
  // Flows on several queues: their interrupts come while ksoftirqd waits for its turn.
  const datagrams = groupOf({
    test: "UDP_RR",
    connections: 16,
    service_ns: 20_000,
    arrival: { loop: "open", rate_per_second: 10_000, distribution: "poisson" },
  });
  const [atOnce, alone] = [measure(0, 4, datagrams), measure(1, 4, datagrams)];
  assert.ok(atOnce.softirqShare > 0.8, `${atOnce.softirqShare} of the time in softirqs`);
  assert.ok(alone.softirqShare < 0.6, `${alone.softirqShare} of the time in softirqs`);
  assert.ok(alone.received > 5 * atOnce.received, "the flood reaches its own sockets");
  assert.ok(alone.transactions > 5 * atOnce.transactions, "and so do the others");
  assert.ok(alone.p99Ms < 0.2 * atOnce.p99Ms, `p99 ${alone.p99Ms} and ${atOnce.p99Ms} ms`);
});

Deno.test("a CPU whose softirqs never get to ksoftirqd does not know the difference", () => {
  const prints = [0, 1].map((alone) =>
    runToEnd(modules, {
      groups: [groupOf({ test: "TCP_RR", connections: 40 })],
      machine: withCosts(X710, { ksoftirqd_alone: alone }),
    }).fingerprint
  );
  assert.equal(prints[0], prints[1]);
});

/** Milliseconds of a transaction on the CPU that takes the interrupts of 200 connections. */
async function victimMs(costs: Record<string, number>): Promise<number> {
  const { groups: [victim] } = runToEnd(modules, {
    groups: [
      groupOf({ test: "TCP_RR", name: "victim", pin: true }),
      groupOf({ test: "TCP_RR", name: "antagonist", connections: 200 }),
    ],
    machine: withCosts(await readMachine("e1000e-2010", "/"), { timer_hz: 1000, ...costs }),
    warmupMs: 100,
    measureMs: 900,
  });
  return victim!.latency_ns!.mean / 1e6;
}

Deno.test("before Linux 3.9 a thread on a flooded CPU waits for ten rounds at each turn", async () => {
  const inline = { bh_enables_per_call: 2 };
  const [limit, rounds] = [
    await victimMs(inline),
    await victimMs({ ...inline, softirq_restarts_only: 1 }),
  ];
  // Ten rounds of two jiffies of 1 ms against one turn of 2 ms.
  assert.ok(Math.abs(rounds / limit - 10) < 1.5, `${rounds} and ${limit} ms`);
});

Deno.test("a thread that pays for the softirqs which interrupt it lets ksoftirqd go first", async () => {
  const inline = { bh_enables_per_call: 2 };
  const [nobody, thread] = [
    await victimMs(inline),
    await victimMs({ ...inline, irq_time_accounting: 0 }),
  ];
  // Each turn within a call is followed by one of ksoftirqd.
  assert.ok(Math.abs(thread / nobody - 2) < 0.3, `${thread} and ${nobody} ms`);
});

Deno.test("softirqs that each call runs make a flooded thread wait, and an idle host never", async () => {
  const [none, two] = [await victimMs({}), await victimMs({ bh_enables_per_call: 2 })];
  assert.ok(two > 4 * none, `${two} and ${none} ms`);
  const quiet = [0, 2].map((calls) =>
    runToEnd(modules, {
      groups: [groupOf({ test: "TCP_RR", connections: 4 })],
      machine: withCosts(X710, { bh_enables_per_call: calls }),
    }).fingerprint
  );
  assert.equal(quiet[0], quiet[1]);
});
