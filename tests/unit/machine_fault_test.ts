/**
 * Faults of the machine: each does what its name says, by its counter or cause, and what the real
 * thing has to recover from it does.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Measurement, TestName } from "../../harness/record.ts";
import { groupOf, loadModules, type SmallRun, startRun, withCosts, X710 } from "./machine_runs.ts";

const modules = await loadModules();
/** Frames are sent again soon enough for a run of a few milliseconds. */
const QUICK = { retransmit_ns: 200_000, syn_retransmit_ns: 400_000 };

/** A run with a look at all rules now and then, and the totals of the host beside its results. */
function faulty(costs: Record<string, number>, run: Partial<SmallRun> = {}): Measurement {
  const model = startRun(modules, {
    groups: [groupOf({ test: "TCP_STREAM", connections: 4 })],
    machine: withCosts(X710, { ...QUICK, ...costs }),
    warmupMs: 1,
    measureMs: 10,
    ...run,
  });
  while (!model.advance(2000)) model.measurement();
  return model.measurement();
}

const bytes = (measured: Measurement): number => measured.groups[0]!.bytes;

Deno.test("faults that are off change no event", () => {
  const lengths = { link_down_us: 7, reorder_delay_us: 7, service_task_us: 7, pcie_stall_us: 7 };
  assert.equal(faulty(lengths).fingerprint, faulty({}).fingerprint);
});

Deno.test("a link that is down a fifth of the time loses frames both ways, and streams go on", () => {
  const sound = faulty({});
  const flaps = faulty({ link_flap_period_us: 1000, link_down_us: 200 });
  assert.equal(sound.drops["link_down"], undefined);
  assert.ok(flaps.drops["link_down"]! > 0);
  assert.equal(flaps.drops["lost_on_link"], undefined, "the causes are told apart");
  assert.ok(bytes(flaps) > 0.2 * bytes(sound) && bytes(flaps) < 0.85 * bytes(sound));
});

Deno.test("a link that is always down brings nothing", () => {
  const measured = faulty({ link_flap_period_us: 1000, link_down_us: 1000 });
  assert.equal(bytes(measured), 0);
  assert.ok(measured.drops["link_down"]! > 0);
});

Deno.test("frames that come late are not lost, and hold up their flow no longer than that", () => {
  const [sound, late, later] = [{}, { reorder_ppm: 10_000 }, {
    reorder_ppm: 10_000,
    reorder_delay_us: 1000,
  }].map((costs) => faulty(costs, { groups: [groupOf({ test: "TCP_RR", request_bytes: 8000 })] }));
  const longest = (measured: typeof sound): number => measured!.groups[0]!.latency_ns!.max;
  assert.deepEqual(late!.drops, {});
  assert.equal(late!.retransmits, 0, "what is late is not sent again");
  assert.ok(longest(late) > longest(sound) + 10_000 && longest(late) < longest(sound) + 60_000);
  assert.ok(
    longest(later) > longest(sound) + 800_000 && longest(later) < longest(sound) + 1_100_000,
  );
});

Deno.test("datagrams that overtake each other all arrive", () => {
  const group = groupOf({ test: "UDP_RR", connections: 4, outstanding: 8 });
  const measured = faulty({ reorder_ppm: 100_000 }, { groups: [group] });
  assert.deepEqual(measured.drops, {});
  assert.ok(measured.groups[0]!.transactions > 1000);
});

Deno.test("a vector whose interrupt was lost is silent until the service task forces one", () => {
  const run = { groups: [groupOf({ test: "TCP_RR" as TestName, connections: 16 })], measureMs: 15 };
  const transactions = (costs: Record<string, number>): number =>
    faulty(costs, run).groups[0]!.transactions;
  const sound = transactions({});
  const lossy = { msix_loss_ppm: 20_000 };
  // i40e looks once a second: longer than this run.
  const silent = transactions(lossy);
  const recovered = transactions({ ...lossy, service_task_us: 200 });
  assert.ok(silent < 0.2 * sound, `${silent} of ${sound}`);
  assert.ok(recovered > 3 * silent && recovered < sound, `${recovered} of ${sound}`);
});

Deno.test("the rings restart though a vector waits for an interrupt that was lost", () => {
  const measured = faulty({ msix_loss_ppm: 1_000_000, ring_restart_ns: 200_000 }, {
    operations: [{ at_ms: 2, ethtool: "-G eth0 rx 1024 tx 1024" }],
  });
  assert.ok(measured.remarks.some((remark) => remark.includes("-G eth0")));
  assert.ok(measured.drops["device_reset"]! > 0);
});

Deno.test("while the bus stands still nothing passes, and nothing is lost", () => {
  const group = groupOf({ test: "TCP_RR", connections: 2 });
  const [sound, stalls] = [{}, { pcie_stall_period_us: 1000, pcie_stall_us: 300 }]
    .map((costs) => faulty(costs, { groups: [group] }));
  const [before, after] = [sound, stalls].map((measured) => measured!.groups[0]!);
  const share = after!.transactions / before!.transactions;
  assert.ok(share > 0.5 && share < 0.75, `${share} of the transactions in 0.7 of the time`);
  const longest = after!.latency_ns!.max - before!.latency_ns!.max;
  assert.ok(longest > 250_000 && longest < 650_000, `${longest} ns longer`);
  assert.deepEqual(stalls!.drops, {});
});

Deno.test("a timer that drifts makes what waits for it wait longer, and nothing else", () => {
  const lossy = { loss_ppm: 20_000, retransmit_ns: 1_000_000 };
  const group = groupOf({ test: "TCP_RR", connections: 1 });
  const p99 = (drift: number): number =>
    faulty({ ...lossy, timer_drift_ppm: drift }, { groups: [group], measureMs: 100 })
      .groups[0]!.latency_ns!.p99;
  const [exact, late] = [p99(0), p99(500_000)];
  assert.ok(late > 1.4 * exact && late < 1.6 * exact, `${late} beside ${exact}`);
  const unlost = (drift: number) =>
    faulty({ timer_drift_ppm: drift }, { groups: [group] }).groups[0]!.latency_ns;
  assert.deepEqual(unlost(500_000), unlost(0));
});
