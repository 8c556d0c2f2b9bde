/** Verdicts of the gate: identical, regressed, improved, contradictory, missing, incomparable. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { RunRecord } from "../../harness/record.ts";
import { makeBaseline } from "../../reports/gate/baseline.ts";
import { LIVE_RUNS_MIN } from "../../reports/gate/live.ts";
import type { Comparison, Outcome } from "../../reports/gate/comparison.ts";
import { judge, type Verdict } from "../../reports/gate/judge.ts";
import { plantSlowdown } from "../../reports/gate/self_test.ts";
import { buildRecord } from "../record_builder.ts";

const SEEDS = [1, 2, 3];
const OPTIONS = { minimumEffect: 0.01 };
const RUNS = SEEDS.flatMap((seed) => [
  buildRecord({ seed, sampleCount: 2000 }),
  buildRecord({ seed, sampleCount: 2000, policy: "LATENCY" }),
]);
const BASELINE = makeBaseline(RUNS);

function outcomesOf(
  verdict: Verdict,
  metric: string | null,
  cell = "rr/model/stock/NONE",
): Outcome[] {
  return verdict.comparisons.filter((each) => each.cell === cell && each.metric === metric)
    .map((each) => each.outcome);
}

/** The comparison of the p99 of the NONE cell. */
function p99Of(verdict: Verdict): Comparison | undefined {
  return verdict.comparisons.find((each) =>
    each.cell === "rr/model/stock/NONE" && each.metric === "rr/latency_ns_p99"
  );
}

/** Slows the NONE cell by a factor that depends on the seed. */
function slowed(factorOf: (seed: number) => number): RunRecord[] {
  return RUNS.map((record) =>
    record.policy === "NONE" ? plantSlowdown(record, factorOf(record.seed)) : record
  );
}

Deno.test("The same records again pass and every comparison is identical", () => {
  const verdict = judge(RUNS, BASELINE, OPTIONS);
  assert.equal(verdict.outcome, "pass");
  assert.deepEqual([...new Set(verdict.comparisons.map((each) => each.outcome))], ["identical"]);
  assert.ok(verdict.comparisons.length >= 28);
});

Deno.test("The order of the records does not matter", () => {
  assert.deepEqual(judge([...RUNS].reverse(), BASELINE, OPTIONS), judge(RUNS, BASELINE, OPTIONS));
});

Deno.test("A planted 10 % slow-down is a regression of latency and throughput in its cell only", () => {
  const verdict = judge(slowed(() => 1.1), BASELINE, OPTIONS);
  assert.equal(verdict.outcome, "regression");
  assert.deepEqual(outcomesOf(verdict, "rr/latency_ns_p99"), ["regression"]);
  assert.deepEqual(outcomesOf(verdict, "rr/throughput"), ["regression"]);
  assert.deepEqual(outcomesOf(verdict, "dropped_packets"), ["identical"]);
  const others = verdict.comparisons.filter((each) => each.cell.endsWith("LATENCY"));
  assert.ok(others.length > 0 && others.every((each) => each.outcome === "identical"));
});

Deno.test("A 10 % gain is an improvement and passes", () => {
  const verdict = judge(slowed(() => 1 / 1.1), BASELINE, OPTIONS);
  assert.equal(verdict.outcome, "pass");
  assert.deepEqual(outcomesOf(verdict, "rr/latency_ns_p99"), ["improved"]);
});

Deno.test("A change below the minimum effect passes and is told apart from identical", () => {
  const verdict = judge(slowed(() => 1.005), BASELINE, OPTIONS);
  assert.equal(verdict.outcome, "pass");
  assert.deepEqual(outcomesOf(verdict, "rr/latency_ns_p99"), ["within"]);
  const strict = judge(slowed(() => 1.005), BASELINE, { minimumEffect: 0.001 });
  assert.equal(strict.outcome, "regression");
});

Deno.test("Seeds that contradict each other are incomparable, not red and not green", () => {
  const verdict = judge(slowed((seed) => seed === 3 ? 0.8 : 1.2), BASELINE, OPTIONS);
  assert.equal(verdict.outcome, "incomparable");
  assert.deepEqual(outcomesOf(verdict, "rr/latency_ns_p99"), ["incomparable"]);
});

Deno.test("A regression of one seed fails, and the reason names the seed", () => {
  const verdict = judge(slowed((seed) => seed === 2 ? 10 : 1), BASELINE, OPTIONS);
  assert.equal(verdict.outcome, "regression");
  const p99 = p99Of(verdict);
  assert.equal(p99?.outcome, "regression");
  assert.equal(p99?.reason, "only seed 2 at 10.0×");
});

Deno.test("Seeds that contradict each other are incomparable even where the median is unchanged", () => {
  const factors = [1.5, 1, 0.6];
  const verdict = judge(slowed((seed) => factors[seed - 1]!), BASELINE, OPTIONS);
  assert.equal(verdict.outcome, "incomparable");
  const p99 = p99Of(verdict);
  assert.equal(p99?.outcome, "incomparable");
  assert.equal(p99?.reason, "seeds disagree: seed 1 at 1.50×, seed 3 at 0.60×");
});

Deno.test("A metric is within the threshold only when no single seed moved beyond it", () => {
  const factors = fc.tuple(...SEEDS.map(() => fc.constantFrom(0.5, 0.995, 1, 1.005, 3)));
  fc.assert(
    fc.property(factors, (factorOf) => {
      const verdict = judge(slowed((seed) => factorOf[seed - 1]!), BASELINE, OPTIONS);
      const worse = factorOf.includes(3);
      const better = factorOf.includes(0.5);
      const expected = worse ? (better ? "incomparable" : "regression") : "pass";
      assert.equal(verdict.outcome, expected);
      const outcomes = outcomesOf(verdict, "rr/latency_ns_p99");
      assert.equal(["within", "identical"].includes(outcomes[0]!), !worse && !better);
    }),
    { numRuns: 40 },
  );
});

Deno.test("Neutral metrics change without a verdict", () => {
  const changed = RUNS.map((record) => ({
    ...record,
    measurement: { ...record.measurement, cpu_utilisation: 0.9 },
  }));
  const verdict = judge(changed, BASELINE, OPTIONS);
  assert.equal(verdict.outcome, "pass");
  assert.deepEqual(outcomesOf(verdict, "cpu_utilisation"), ["changed"]);
});

Deno.test("A change that no metric shows is still told", () => {
  const changed = RUNS.map((record) => ({
    ...record,
    measurement: { ...record.measurement, fingerprint: "0".repeat(16) },
  }));
  const verdict = judge(changed, BASELINE, OPTIONS);
  assert.equal(verdict.outcome, "pass");
  assert.deepEqual(outcomesOf(verdict, null), ["changed"]);
});

Deno.test("Drops that appear where there were none are a regression without an infinite ratio", () => {
  const dropping = RUNS.map((record) => ({
    ...record,
    measurement: { ...record.measurement, drops: { rx_ring_full: 3 } },
  }));
  const verdict = judge(dropping, BASELINE, OPTIONS);
  const [drops] = verdict.comparisons.filter((each) => each.metric === "dropped_packets");
  assert.equal(drops?.outcome, "regression");
  assert.equal(drops?.ratio, null);
});

Deno.test("A missing run fails, also when every other run is identical", () => {
  const verdict = judge(RUNS.slice(1), BASELINE, OPTIONS);
  assert.equal(verdict.outcome, "regression");
  assert.deepEqual(verdict.missing_runs, ["rr/model/stock/NONE/1"]);
});

Deno.test("No records at all fail", () => {
  assert.equal(judge([], BASELINE, OPTIONS).outcome, "regression");
});

Deno.test("A value that the baseline has and the records lack fails", () => {
  const blind = RUNS.map((record) => ({
    ...record,
    measurement: { ...record.measurement, interrupts: null },
  }));
  const verdict = judge(blind, BASELINE, OPTIONS);
  assert.equal(verdict.outcome, "regression");
  assert.deepEqual(outcomesOf(verdict, "interrupts_per_rx_packet"), ["missing"]);
});

Deno.test("An extra run is told and does not change the verdict", () => {
  const verdict = judge([...RUNS, buildRecord({ policy: "BULK" })], BASELINE, OPTIONS);
  assert.equal(verdict.outcome, "pass");
  assert.deepEqual(verdict.extra_runs, ["rr/model/netpolicy/BULK/1"]);
});

Deno.test("A partial run, another workload and another generator are incomparable", () => {
  const variants: readonly ((record: RunRecord) => RunRecord)[] = [
    (record) => ({ ...record, status: "partial" }),
    (record) => ({ ...record, workload_sha256: "00".repeat(32) }),
    (record) => ({ ...record, generator: "another" }),
  ];
  for (const change of variants) {
    const verdict = judge(RUNS.map(change), BASELINE, OPTIONS);
    assert.equal(verdict.outcome, "incomparable");
    assert.ok(verdict.comparisons.every((each) => each.reason !== null));
  }
});

Deno.test("Another workload or machine description is named, with ratios that are not judged", () => {
  const changed = slowed(() => 1.5).map((record) => ({
    ...record,
    workload_sha256: "0123456789abcdef".repeat(4),
  }));
  const verdict = judge(changed, BASELINE, OPTIONS);
  assert.equal(verdict.outcome, "incomparable");
  assert.deepEqual(outcomesOf(verdict, null), ["incomparable"]);
  assert.match(
    verdict.comparisons[0]!.reason!,
    /^workload or machine description .* is 0123456789ab, the baseline's is [0-9a-f]{12}: /,
  );
  const p99 = p99Of(verdict)!;
  assert.equal(p99.outcome, "changed");
  assert.ok(Math.abs(p99.ratio! - 1.5) < 0.01);
  assert.equal(p99.reason, "for information, not judged");
});

Deno.test("Another generator is named, and no ratio is made across generators", () => {
  const changed = RUNS.map((record) => ({ ...record, generator: "another" }));
  const verdict = judge(changed, BASELINE, OPTIONS);
  assert.equal(verdict.comparisons.length, 2, "one row a cell");
  assert.match(
    verdict.comparisons[0]!.reason!,
    /^generator is "another", the baseline's is "i40e-model": numbers of two/,
  );
});

Deno.test("Another build of the core is a note, not a verdict", () => {
  const rebuilt = RUNS.map((record) => ({
    ...record,
    wasm: { policy_sha256: "11".repeat(32), machine_sha256: "22".repeat(32) },
  }));
  const verdict = judge(rebuilt, BASELINE, OPTIONS);
  assert.equal(verdict.outcome, "pass");
  assert.equal(verdict.notes.length, 2);
});

/** Live runs whose rates scatter around a factor, by up to 3 % unless said otherwise. */
function liveRuns(count: number, factor: number, scatter = 0.03): RunRecord[] {
  return Array.from({ length: count }, (_, position) =>
    plantSlowdown(
      buildRecord({ target: "live", seed: position + 1, sampleCount: 2000 }),
      factor * (1 + scatter * ((position * 7) % 10 - 5) / 5),
    ));
}

Deno.test("Live runs are never judged exactly: steady metrics pass, a p99 of few samples is open", () => {
  const baseline = makeBaseline(liveRuns(LIVE_RUNS_MIN, 1));
  const noisy = judge(liveRuns(LIVE_RUNS_MIN, 1.02), baseline, OPTIONS);
  const outcome = (metric: string) => outcomesOf(noisy, metric, "rr/live/stock/NONE")[0];
  assert.deepEqual(["rr/throughput", "rr/latency_ns_p50"].map(outcome), ["within", "within"]);
  assert.equal(outcome("rr/latency_ns_p99"), "inconclusive", "0.68x to 1.53x could be anything");
  assert.equal(noisy.outcome, "inconclusive");
});

Deno.test("Live runs fewer than ten a side are incomparable", () => {
  const few = makeBaseline(liveRuns(LIVE_RUNS_MIN - 1, 1));
  const verdict = judge(liveRuns(LIVE_RUNS_MIN, 1), few, OPTIONS);
  assert.equal(verdict.outcome, "incomparable");
});

Deno.test("A live change that the scatter of the runs hides is inconclusive", () => {
  const baseline = makeBaseline(liveRuns(LIVE_RUNS_MIN, 1, 0.5));
  const verdict = judge(liveRuns(LIVE_RUNS_MIN, 1.15, 0.5), baseline, OPTIONS);
  assert.equal(verdict.outcome, "inconclusive");
  assert.ok(verdict.comparisons.some((each) => /spread of the runs/.test(each.reason ?? "")));
});

Deno.test("A live slow-down beyond noise is a regression, in another environment it is refused", () => {
  const baseline = makeBaseline(liveRuns(LIVE_RUNS_MIN, 1));
  const slow = liveRuns(LIVE_RUNS_MIN, 1.3);
  assert.equal(judge(slow, baseline, OPTIONS).outcome, "regression");
  const elsewhere = slow.map((record) => ({ ...record, environment: { kernel: "other" } }));
  const verdict = judge(elsewhere, baseline, OPTIONS);
  assert.equal(verdict.outcome, "refused");
  assert.match(verdict.comparisons[0]!.reason!, /another environment/);
});

Deno.test("For every slow-down the verdict is red exactly when it exceeds the minimum effect", () => {
  const cases = fc.record({
    percent: fc.integer({ min: -60, max: 200 }),
    effectPercent: fc.constantFrom(1, 5, 10),
  }).filter(({ percent, effectPercent }) => Math.abs(percent - effectPercent) > 0.5);
  fc.assert(
    fc.property(cases, ({ percent, effectPercent }) => {
      const factor = 1 + percent / 100;
      const verdict = judge(slowed(() => factor), BASELINE, {
        minimumEffect: effectPercent / 100,
      });
      assert.equal(verdict.outcome, percent > effectPercent ? "regression" : "pass");
    }),
    { numRuns: 40 },
  );
});
