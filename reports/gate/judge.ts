/**
 * The verdict of records against a baseline. Pure.
 *
 * Model and mock runs are deterministic, so the first question is whether they are identical. Where
 * they are not, the seeds of a cell (workload, target, mechanism, policy) are judged together: no
 * noise is to be allowed for, so one seed that is worse beyond the minimum effect is a regression,
 * unless another is better beyond it: then the seeds contradict each other. Live runs are judged by
 * live.ts. A missing run or value fails: absence is never a pass.
 *
 * @module
 */

import type { RunRecord } from "../../harness/record.ts";
import { median } from "../../harness/stats/quantile.ts";
import { groupBy } from "../cells.ts";
import { type Direction, type Metric, metricsOf, type Unit } from "../metrics.ts";
import { formatRatio } from "../page/client/format.js";
import { type Baseline, type BaselineRun, toBaselineRun } from "./baseline.ts";
import { incomparableLive, judgeLive } from "./live.ts";

/** What became of one metric of one cell. */
export type Outcome =
  | "identical"
  | "within"
  | "improved"
  | "changed"
  | "regression"
  | "missing"
  | "inconclusive";

/** One metric of one cell, or the cell as a whole where `metric` is null. */
export interface Comparison {
  /** `workload/target/mechanism/policy`. */
  readonly cell: string;
  readonly metric: string | null;
  readonly unit: Unit | null;
  readonly direction: Direction;
  readonly outcome: Outcome;
  /** Medians over the seeds compared. */
  readonly baseline: number | null;
  readonly current: number | null;
  /** Median of current over baseline, paired by seed; null where it has no finite value. */
  readonly ratio: number | null;
  readonly seed_count: number;
  /** Why, where the outcome alone does not say. */
  readonly reason: string | null;
}

/** The answer of the gate. */
export interface Verdict {
  readonly outcome: "pass" | "regression" | "inconclusive";
  readonly comparisons: readonly Comparison[];
  readonly missing_runs: readonly string[];
  /** Runs without a counterpart in the baseline: told, not judged. */
  readonly extra_runs: readonly string[];
  readonly notes: readonly string[];
}

/** How strict the gate is. */
export interface GateOptions {
  /** Smallest change that counts, as a share: 0.01 is 1 %. */
  readonly minimumEffect: number;
}

/** A run of the baseline with the run of now. */
export interface Pair {
  readonly before: BaselineRun;
  readonly now: BaselineRun;
}

/** Stands for a change from zero: larger than any real ratio, finite so that a median exists. */
const UNBOUNDED_LOSS = 1e9;

/** Why a metric is missing. */
export const LOST_REASON = "the baseline has a value, the records have none";

/** Digits of a hash that a reason shows: enough to find it in the records. */
const HASH_SHOWN_LENGTH = 12;

/** Seeds that a reason names; more would hide the table. */
const SEEDS_SHOWN_MAX = 4;

/** `workload/target/mechanism/policy`. */
export function cellName(
  run: Pick<BaselineRun, "workload" | "target" | "mechanism" | "policy">,
): string {
  return `${run.workload}/${run.target}/${run.mechanism}/${run.policy}`;
}

/**
 * Judges records against a baseline.
 *
 * @param records The runs of now.
 * @param baseline The accepted runs.
 */
export function judge(
  records: readonly RunRecord[],
  baseline: Baseline,
  options: GateOptions,
): Verdict {
  const runsNow = groupBy(records, (record) => record.run_id);
  const known = new Set(baseline.runs.map((run) => run.run_id));
  const comparisons: Comparison[] = [];
  const notes: string[] = [];
  for (const [cell, before] of groupBy(baseline.runs, cellName)) {
    const present = before.filter((run) => runsNow.has(run.run_id));
    if (present.length === 0) continue;
    const now = present.flatMap((run) => runsNow.get(run.run_id)!);
    comparisons.push(...judgeCell(cell, present, now, options));
  }
  const missing = baseline.runs.map((run) => run.run_id).filter((id) => !runsNow.has(id));
  const extra = [...runsNow.keys()].filter((id) => !known.has(id));
  notes.push(...buildNotes(records, baseline));
  return {
    outcome: overall(comparisons, missing),
    comparisons,
    missing_runs: missing,
    extra_runs: extra,
    notes,
  };
}

function overall(
  comparisons: readonly Comparison[],
  missing: readonly string[],
): Verdict["outcome"] {
  const has = (outcome: Outcome): boolean => comparisons.some((each) => each.outcome === outcome);
  if (missing.length > 0 || has("regression") || has("missing")) return "regression";
  // Nothing compared is nothing proved.
  return has("inconclusive") || comparisons.length === 0 ? "inconclusive" : "pass";
}

/** Tells that other Wasm files were judged than those of the baseline, which is often the point. */
function buildNotes(records: readonly RunRecord[], baseline: Baseline): string[] {
  const before = new Set(baseline.runs.flatMap((run) => run.wasm?.machine_sha256 ?? []));
  const policyBefore = new Set(baseline.runs.flatMap((run) => run.wasm?.policy_sha256 ?? []));
  const notes: string[] = [];
  const isNew = (hash: string | undefined, known: ReadonlySet<string>): boolean =>
    hash !== undefined && known.size > 0 && !known.has(hash);
  if (records.some((record) => isNew(record.wasm?.policy_sha256, policyBefore))) {
    notes.push("policy.wasm is another build than the baseline's.");
  }
  if (records.some((record) => isNew(record.wasm?.machine_sha256, before))) {
    notes.push("machine.wasm is another build than the baseline's.");
  }
  return notes;
}

function judgeCell(
  cell: string,
  before: readonly BaselineRun[],
  now: readonly RunRecord[],
  options: GateOptions,
): Comparison[] {
  const whole = (outcome: Outcome, reason: string): Comparison[] => [{
    cell,
    metric: null,
    unit: null,
    direction: "neutral",
    outcome,
    baseline: null,
    current: null,
    ratio: null,
    seed_count: before.length,
    reason,
  }];
  const partial = now.find((record) => record.status !== "complete");
  if (partial !== undefined) {
    return whole("inconclusive", `run "${partial.run_id}" ended early; run it to its end`);
  }
  const current = now.map(toBaselineRun);
  const pairs = before.map((run) => ({
    before: run,
    now: current.find((each) => each.run_id === run.run_id)!,
  }));
  const infos = new Map(now.flatMap(metricsOf).map((metric) => [metric.id, metric]));
  const stranger = otherGenerator(pairs);
  if (stranger !== null) return whole("inconclusive", stranger);
  const change = otherWorkload(pairs);
  if (change !== null) return [...whole("inconclusive", change), ...informOf(cell, pairs, infos)];
  const live = before[0]!.target === "live";
  if (live) {
    const why = incomparableLive(before, current);
    if (why !== null) return whole("inconclusive", why);
  }
  const ids = [...new Set(pairs.flatMap((pair) => Object.keys(pair.before.metrics)))];
  const directionOf = (id: string): Direction => infos.get(id)?.direction ?? "neutral";
  const noisy = live ? judgeLive(before, current, ids, directionOf) : null;
  const comparisons: Comparison[] = ids.map((id) => {
    const direction = directionOf(id);
    const judged = noisy?.get(id) ?? judgeExact(pairs, id, direction, options);
    return { cell, metric: id, unit: infos.get(id)?.unit ?? null, direction, ...judged };
  });
  const same = pairs.every((pair) =>
    pair.before.measurement_sha256 === pair.now.measurement_sha256
  );
  const metricsSame = comparisons.every((each) => each.outcome === "identical");
  if (!live && !same && metricsSame) {
    comparisons.push(
      ...whole("changed", "details outside the metrics differ (queues, CPUs or event order)"),
    );
  }
  return comparisons;
}

/** Says that the runs come from another generator than the baseline's; null where they do not. */
function otherGenerator(pairs: readonly Pair[]): string | null {
  const pair = pairs.find(({ before, now }) => now.generator !== before.generator);
  if (pair === undefined) return null;
  return `generator is "${pair.now.generator}", the baseline's is "${pair.before.generator}": ` +
    "numbers of two generators are never compared; accept the new one with --update";
}

/** Says that the workload or the machine is described in another way; null where it is not. */
function otherWorkload(pairs: readonly Pair[]): string | null {
  const pair = pairs.find(({ before, now }) => now.workload_sha256 !== before.workload_sha256);
  if (pair === undefined) return null;
  const [now, before] = [pair.now, pair.before].map((run) =>
    run.workload_sha256.slice(0, HASH_SHOWN_LENGTH)
  );
  return `workload or machine description (files, costs, options) is ${now}, the baseline's is ` +
    `${before}: ratios are for information; accept it with --update`;
}

/**
 * What changed with another workload or machine description: shown, because a person who changed
 * it wants to see by how much, and never judged.
 */
function informOf(
  cell: string,
  pairs: readonly Pair[],
  infos: ReadonlyMap<string, Metric>,
): Comparison[] {
  const ids = [...new Set(pairs.flatMap((pair) => Object.keys(pair.before.metrics)))];
  return ids.map((id) => {
    const info = infos.get(id);
    const { outcome, ...numbers } = judgeExact(pairs, id, "neutral", { minimumEffect: 0 });
    return {
      cell,
      metric: id,
      unit: info?.unit ?? null,
      direction: info?.direction ?? "neutral",
      ...numbers,
      outcome: outcome === "identical" ? "identical" : "changed",
      reason: "for information, not judged",
    };
  });
}

/** What a judge of one metric returns; the caller adds which metric of which cell. */
export type Judged = Pick<
  Comparison,
  "outcome" | "baseline" | "current" | "ratio" | "seed_count" | "reason"
>;

function judgeExact(
  pairs: readonly Pair[],
  id: string,
  direction: Direction,
  options: GateOptions,
): Judged {
  const measured = pairs.flatMap(({ before, now }) => {
    const [old, value] = [before.metrics[id] ?? null, now.metrics[id] ?? null];
    return old === null || value === null ? [] : [{ seed: before.seed, old, value }];
  });
  const lost = pairs.some(({ before, now }) =>
    (before.metrics[id] ?? null) !== null && (now.metrics[id] ?? null) === null
  );
  const ratio = measured.length === 0 ? null : median(measured.map(ratioOf));
  const result = (outcome: Outcome, reason: string | null = null): Judged => ({
    outcome,
    baseline: measured.length === 0 ? null : median(measured.map((each) => each.old)),
    current: measured.length === 0 ? null : median(measured.map((each) => each.value)),
    ratio: ratio === null || ratio >= UNBOUNDED_LOSS ? null : ratio,
    seed_count: measured.length,
    reason,
  });
  if (lost) return result("missing", LOST_REASON);
  const gained = pairs.some(({ before, now }) =>
    (before.metrics[id] ?? null) === null && (now.metrics[id] ?? null) !== null
  );
  if (measured.every(({ old, value }) => old === value)) {
    return gained ? result("changed", "the baseline has no value") : result("identical");
  }
  if (direction === "neutral") return result("changed");
  const limit = 1 + options.minimumEffect;
  const worse = measured.filter((each) => lossOf(each, direction) > limit);
  const better = measured.filter((each) => lossOf(each, direction) < 1 / limit);
  if (worse.length > 0 && better.length > 0) {
    return result("inconclusive", `seeds disagree: ${seedsOf([...worse, ...better])}`);
  }
  const moved = worse.length > 0 ? worse : better;
  if (moved.length === 0) return result("within");
  // The median says nothing of a change that only some of the seeds show.
  const reason = moved.length === measured.length ? null : `only ${seedsOf(moved)}`;
  return result(worse.length > 0 ? "regression" : "improved", reason);
}

/** One value of a seed before and now. */
interface SeedValues {
  readonly seed: number;
  readonly old: number;
  readonly value: number;
}

/** "seed 2 at 10.0×, seed 3 from zero". */
function seedsOf(values: readonly SeedValues[]): string {
  const inOrder = [...values].sort((a, b) => a.seed - b.seed);
  const shown = inOrder.slice(0, SEEDS_SHOWN_MAX).map((each) =>
    `seed ${each.seed} ${each.old === 0 ? "from zero" : `at ${formatRatio(ratioOf(each))}`}`
  );
  const rest = inOrder.length - shown.length;
  return [...shown, ...(rest > 0 ? [`${rest} more`] : [])].join(", ");
}

/** Current over baseline; a change from zero counts as unbounded. */
function ratioOf({ old, value }: { old: number; value: number }): number {
  if (old === value) return 1;
  return old === 0 ? UNBOUNDED_LOSS : value / old;
}

/** Above 1 is worse, whatever the direction of the metric. */
function lossOf(values: { old: number; value: number }, direction: Direction): number {
  const ratio = ratioOf(values);
  if (direction === "lower") return ratio;
  return ratio === 0 ? UNBOUNDED_LOSS : 1 / ratio;
}
