/**
 * Softirqs that ksoftirqd has alone while it runs, as Linux 4.9 to 6.3 have it.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { WorkloadGroup } from "../../harness/spec.ts";
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
