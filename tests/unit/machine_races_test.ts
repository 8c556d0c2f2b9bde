/**
 * Rare meetings that random runs have found: each broke a conservation rule once, or looked stuck.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Measurement } from "../../harness/record.ts";
import {
  groupOf,
  loadModules,
  runToEnd,
  type SmallRun,
  startRun,
  withCosts,
  X710,
  XL710,
} from "./machine_runs.ts";

const modules = await loadModules();

/** Runs to the end with a look at all conservation rules every 200 events. */
function runWatched(run: SmallRun): Measurement {
  const model = startRun(modules, { warmupMs: 1, measureMs: 4, ...run });
  while (!model.advance(200)) model.measurement();
  return model.measurement();
}

Deno.test("the timer of what GRO keeps may come while an interrupt is on its way", () => {
  const measured = runWatched({
    machine: withCosts(X710, { gro_flush_timeout_ns: 20_000, pcie_mbps: 4000 }),
    groups: [groupOf({ test: "TCP_RR", connections: 24, request_bytes: 8000 })],
  });
  assert.ok(measured.groups[0]!.transactions > 0);
});

Deno.test("moderation by completion leaves no debt to the fixed interval that follows it", () => {
  const nic = { ...X710.nic, queue_pairs: 4, moderation: "dim_cqe" as const };
  const costs = { channel_reset_ns: 400_000, retransmit_ns: 500_000, tx_report_packets: 1 };
  const measured = runWatched({
    seed: 3,
    machine: withCosts({ ...X710, nic }, costs),
    policy: "MIX",
    groups: [groupOf({ test: "TCP_STREAM", connections: 24, hint: "BULK" })],
    // After the reset the driver's intervals come first, then those of the policy.
    operations: [{ at_ms: 0.2, ethtool: "-L eth0 combined 8" }],
  });
  assert.ok(measured.groups[0]!.bytes > 0);
});

Deno.test("a segment that others overtook on its way to a full ring is lost once", () => {
  const coalesce = { ...XL710.nic.coalesce, adaptive_rx: false, rx_usecs: 236 };
  const nic = { ...XL710.nic, queue_pairs: 4, ring: 64, itr_per_vector: true, coalesce };
  const costs = { queue_packet_ns: 2000, rx_packet_ns: 600, loss_ppm: 1000 };
  const measured = runWatched({
    seed: 2,
    machine: withCosts({ ...XL710, nic }, costs),
    groups: [groupOf({ test: "TCP_STREAM", connections: 13 })],
    operations: [
      { at_ms: 0.3, ethtool: "-X eth0 weight 1 5" },
      { at_ms: 1, ethtool: "-X eth0 equal 4" },
      { at_ms: 2, ethtool: "-X eth0 weight 1 5" },
    ],
  });
  assert.ok(measured.drops["ring_full"]! > 0);
});

Deno.test("frames that the device withholds wait out the deferral of their interrupt", () => {
  // Three segments fill the window, so five rounds make a request; each waits for 100 x 200 us.
  const transactions = (measureMs: number, costs: Record<string, number>): number =>
    runToEnd(modules, {
      machine: withCosts(X710, {
        tcp_window_bytes: 4360,
        napi_defer_hard_irqs: 100,
        gro_flush_timeout_ns: 200_000,
        ...costs,
      }),
      policy: "MIX",
      groups: [groupOf({
        test: "TCP_CRR",
        request_bytes: 19_990,
        arrival: { loop: "open", rate_per_second: 500_000, distribution: "poisson" },
      })],
      measureMs,
    }).groups[0]!.transactions;
  assert.equal(transactions(60, {}), 0);
  const slow = transactions(1000, {});
  assert.ok(slow >= 2 && slow <= 12, `${slow} in a second`);
  // Once the driver sees them, GRO keeps full segments for a jiffy of 4 ms: 20 ms a request.
  assert.equal(transactions(60, { wb_on_itr: 1 }), 3);
  assert.equal(transactions(60, { rx_write_back_descriptors: 1 }), 3);
  assert.ok(transactions(60, { napi_defer_hard_irqs: 0 }) > 50);
});
