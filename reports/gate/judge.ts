/**
 * The verdict of records against a baseline. Pure.
 *
 * First whether the two can be compared at all, then metric by metric of each cell (workload,
 * target, mechanism, policy): model and mock runs by exact.ts, live runs by live.ts. A missing run
 * or value fails: absence is never a pass.
 *
 * @module
 */

import type { RunRecord } from "../../harness/record.ts";
import { groupBy } from "../cells.ts";
import { DEFAULT_MINIMUM_EFFECT, type Direction, type Metric, metricsOf } from "../metrics.ts";
import { plural } from "../page/client/format.js";
import {
  type Baseline,
  type BaselineRun,
  refuseBrokenValues,
  toBaselineRun,
  type Units,
} from "./baseline.ts";
import { type Comparison, LOST_REASON, type Outcome, type Pair } from "./comparison.ts";
import { judgeExact } from "./exact.ts";
import type { OverallOutcome } from "./exit_code.ts";
import { incomparableLive, judgeLive } from "./live.ts";

/** The answer of the gate. */
export interface Verdict {
  readonly outcome: OverallOutcome;
  readonly comparisons: readonly Comparison[];
  readonly missing_runs: readonly string[];
  /** Runs without a counterpart in the baseline: told, not judged. */
  readonly extra_runs: readonly string[];
  readonly notes: readonly string[];
}

/** How strict the gate is. */
export interface GateOptions {
  /** Smallest change that counts, as a share of any metric; null for what each metric declares. */
  readonly minimumEffect: number | null;
}

/** Digits of a hash that a reason shows: enough to find it in the records. */
const HASH_SHOWN_LENGTH = 12;

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
 * @throws GateInputError for a value that no measurement gives, such as NaN.
 */
export function judge(
  records: readonly RunRecord[],
  baseline: Baseline,
  options: GateOptions,
): Verdict {
  const runsNow = groupBy(records, (record) => record.run_id);
  const known = new Set(baseline.runs.map((run) => run.run_id));
  const comparisons = judgeBuilds(records);
  for (const [cell, before] of groupBy(baseline.runs, cellName)) {
    const present = before.filter((run) => runsNow.has(run.run_id));
    if (present.length === 0) continue;
    const now = present.flatMap((run) => runsNow.get(run.run_id)!);
    comparisons.push(...judgeCell({ cell, before: present, now, units: baseline.units }, options));
  }
  const missing = baseline.runs.map((run) => run.run_id).filter((id) => !runsNow.has(id));
  return {
    outcome: overall(comparisons, missing),
    comparisons,
    missing_runs: missing,
    extra_runs: [...runsNow.keys()].filter((id) => !known.has(id)),
    notes: buildNotes(records, baseline),
  };
}

/** The verdict over all comparisons. */
export function overall(
  comparisons: readonly Comparison[],
  missing: readonly string[],
): Verdict["outcome"] {
  const has = (outcome: Outcome): boolean => comparisons.some((each) => each.outcome === outcome);
  if (missing.length > 0 || has("regression") || has("missing")) return "regression";
  if (has("refused")) return "refused";
  // Nothing compared is nothing proved.
  if (has("incomparable") || comparisons.length === 0) return "incomparable";
  return has("inconclusive") ? "inconclusive" : "pass";
}

/** Records of two builds are no answer about either. */
function judgeBuilds(records: readonly RunRecord[]): Comparison[] {
  return (["policy_sha256", "machine_sha256"] as const).flatMap((file) => {
    const builds = new Set(records.flatMap((record) => record.wasm?.[file] ?? []));
    if (builds.size < 2) return [];
    const shown = [...builds].map((hash) => hash.slice(0, HASH_SHOWN_LENGTH)).join(", ");
    const name = file.replace("_sha256", ".wasm");
    const reason = `the records come from ${builds.size} builds of ${name} (${shown}): ` +
      "run all of them again with one";
    return [wholeCell("all cells", records.length, "incomparable", reason)];
  });
}

/** What else a reader must know: another build is often the point, a new unit list is needed. */
function buildNotes(records: readonly RunRecord[], baseline: Baseline): string[] {
  const notes: string[] = [];
  for (const file of ["policy_sha256", "machine_sha256"] as const) {
    const known = new Set(baseline.runs.flatMap((run) => run.wasm?.[file] ?? []));
    const isNew = (hash: string | undefined): boolean =>
      hash !== undefined && known.size > 0 && !known.has(hash);
    if (!records.some((record) => isNew(record.wasm?.[file]))) continue;
    notes.push(`${file.replace("_sha256", ".wasm")} is another build than the baseline's.`);
  }
  const bare = new Set(baseline.runs.map((run) => run.workload));
  for (const workload of Object.keys(baseline.units)) bare.delete(workload);
  if (bare.size > 0) {
    notes.push(`The baseline names no units of ${plural(bare.size, "workload")}: accept it again.`);
  }
  return notes;
}

/** A row about a cell as a whole. */
export function wholeCell(
  cell: string,
  seed_count: number,
  outcome: Outcome,
  reason: string,
): Comparison {
  const nothing = { unit: null, baseline: null, current: null, ratio: null };
  return { cell, metric: null, direction: "neutral", outcome, ...nothing, seed_count, reason };
}

/** One cell of the baseline with its runs of now. */
interface CellRuns {
  readonly cell: string;
  readonly before: readonly BaselineRun[];
  readonly now: readonly RunRecord[];
  readonly units: Units;
}

function judgeCell({ cell, before, now, units }: CellRuns, options: GateOptions): Comparison[] {
  const whole = (outcome: Outcome, reason: string): Comparison =>
    wholeCell(cell, before.length, outcome, reason);
  const partial = now.find((record) => record.status !== "complete");
  if (partial !== undefined) {
    return [whole("incomparable", `run "${partial.run_id}" ended early; run it to its end`)];
  }
  const current = now.map(toBaselineRun);
  current.forEach(refuseBrokenValues);
  const byId = new Map(current.map((run) => [run.run_id, run]));
  const pairs = before.map((run) => ({ before: run, now: byId.get(run.run_id)! }));
  const infos = new Map(now.flatMap(metricsOf).map((metric) => [metric.id, metric]));
  const stranger = otherGenerator(pairs);
  if (stranger !== null) return [whole("incomparable", stranger)];
  const change = otherWorkload(pairs);
  const unitsBefore = units[before[0]!.workload];
  if (change !== null) {
    const told = informOf(cell, pairs, infos).map((each) => refuseOtherUnit(each, unitsBefore));
    return [whole("incomparable", change), ...told];
  }
  const live = before[0]!.target === "live";
  const apart = live ? incomparableLive(before, current) : null;
  if (apart !== null) return [whole(apart.outcome, apart.reason)];
  const comparisons = judgeMetrics({ cell, pairs, infos, live }, options)
    .map((each) => hintRename(refuseOtherUnit(each, unitsBefore), pairs, infos));
  const isSame = pairs.every((pair) =>
    pair.before.measurement_sha256 === pair.now.measurement_sha256
  );
  if (!live && !isSame && comparisons.every((each) => each.outcome === "identical")) {
    const reason = "details outside the metrics differ (queues, CPUs or event order)";
    comparisons.push(whole("changed", reason));
  }
  return comparisons;
}

function judgeMetrics(
  { cell, pairs, infos, live }: {
    readonly cell: string;
    readonly pairs: readonly Pair[];
    readonly infos: ReadonlyMap<string, Metric>;
    readonly live: boolean;
  },
  options: GateOptions,
): Comparison[] {
  const ids = [...new Set(pairs.flatMap((pair) => Object.keys(pair.before.metrics)))];
  const directionOf = (id: string): Direction => infos.get(id)?.direction ?? "neutral";
  const [before, now] = [pairs.map((pair) => pair.before), pairs.map((pair) => pair.now)];
  const noisy = live ? judgeLive(before, now, ids, directionOf) : null;
  return ids.map((id) => {
    const info = infos.get(id);
    const direction = directionOf(id);
    const effect = options.minimumEffect ?? info?.minimumEffect ?? DEFAULT_MINIMUM_EFFECT;
    const judged = noisy?.get(id) ?? judgeExact(pairs, id, direction, effect);
    return { cell, metric: id, unit: info?.unit ?? null, direction, ...judged };
  });
}

/** Numbers of two units are never compared. */
function refuseOtherUnit(
  comparison: Comparison,
  units: Readonly<Record<string, string>> | undefined,
): Comparison {
  const { metric, unit } = comparison;
  const before = metric === null ? undefined : units?.[metric];
  if (before === undefined || unit === null || before === unit) return comparison;
  const reason = `unit is "${unit}", the baseline's is "${before}": not compared`;
  return { ...comparison, outcome: "incomparable", ratio: null, reason };
}

/** A metric that is gone while another came is most likely renamed; which one, a person sees. */
function hintRename(
  comparison: Comparison,
  pairs: readonly Pair[],
  infos: ReadonlyMap<string, Metric>,
): Comparison {
  const { metric, outcome } = comparison;
  if (outcome !== "missing" || metric === null || infos.has(metric)) return comparison;
  const known = new Set(pairs.flatMap((pair) => Object.keys(pair.before.metrics)));
  const fresh = [...infos.keys()].filter((id) => !known.has(id));
  if (fresh.length === 0) return { ...comparison, reason: `${LOST_REASON}: no such metric` };
  const names = fresh.map((id) => `"${id}"`).join(", ");
  const reason = `no such metric in the records, which have ${names} instead: if it is renamed, ` +
    "accept the records with --accept";
  return { ...comparison, reason };
}

/** Says that the runs come from another generator than the baseline's; null where they do not. */
function otherGenerator(pairs: readonly Pair[]): string | null {
  const pair = pairs.find(({ before, now }) => now.generator !== before.generator);
  if (pair === undefined) return null;
  return `generator is "${pair.now.generator}", the baseline's is "${pair.before.generator}": ` +
    "numbers of two generators are never compared; accept the new one with --accept";
}

/** Says that the workload or the machine is described in another way; null where it is not. */
function otherWorkload(pairs: readonly Pair[]): string | null {
  const pair = pairs.find(({ before, now }) => now.workload_sha256 !== before.workload_sha256);
  if (pair === undefined) return null;
  const [now, before] = [pair.now, pair.before].map((run) =>
    run.workload_sha256.slice(0, HASH_SHOWN_LENGTH)
  );
  return `workload or machine description (files, costs, options) is ${now}, the baseline's is ` +
    `${before}: ratios are for information; accept it with --accept`;
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
    const { outcome, ...numbers } = judgeExact(pairs, id, "neutral", 0);
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
