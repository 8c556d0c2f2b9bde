/**
 * The verdict of records against the last runs of a history in the same environment. A model run
 * is compared with the newest stored run of its seed, exactly; live runs with all values of the
 * last runs together, which also hold what differs from hour to hour. Pure.
 *
 * @module
 */

import { canonicalJson } from "../../harness/canonical_json.ts";
import type { RunRecord } from "../../harness/record.ts";
import { median } from "../../harness/stats/quantile.ts";
import { groupBy } from "../cells.ts";
import { changeInWords, fingerprintOf, type StoredMetric, trendsOf } from "../history.ts";
import { type Direction, metricsOf } from "../metrics.ts";
import { formatValue, plural } from "../page/client/format.js";
import {
  BASELINE_SCHEMA,
  type BaselineRun,
  refuseBrokenValues,
  toBaselineRun,
} from "./baseline.ts";
import type { Comparison } from "./comparison.ts";
import { cellName, type GateOptions, judge, overall, type Verdict, wholeCell } from "./judge.ts";
import { incomparableLive, judgeLive } from "./live.ts";

/** Stored runs that a live cell is judged against, unless told. */
export const DEFAULT_HISTORY_RUNS = 10;
/** Fewer say nothing of how much runs differ from each other. */
export const HISTORY_RUNS_MIN = 3;

/** What to judge against. */
export interface HistoryBase {
  /** The whole history. */
  readonly rows: readonly StoredMetric[];
  /** How many of the last runs: {@link HISTORY_RUNS_MIN} or more. */
  readonly runs: number;
}

/** Notes about the history itself; more would hide the verdict. */
const NOTES_MAX = 10;

/** Judges every cell of the records; what only the history has is no question here. */
export function judgeAgainstHistory(
  records: readonly RunRecord[],
  base: HistoryBase,
  options: GateOptions,
): Verdict {
  const stored = groupBy(base.rows, ({ cell, fingerprint }) => `${cell} ${fingerprint}`);
  const known = groupBy(base.rows, ({ cell }) => cell);
  const verdicts = [...groupBy(records, cellName)].map(([cell, now]): Verdict => {
    const fingerprints = new Set(now.map(fingerprintOf));
    const only = (comparison: Comparison): Verdict => verdictOf([comparison]);
    const refuse = (reason: string): Verdict =>
      only(wholeCell(cell, now.length, "incomparable", reason));
    if (fingerprints.size > 1) return refuse("the records come from several environments");
    const window = lastRuns(stored.get(`${cell} ${[...fingerprints][0]}`) ?? [], base.runs);
    const isLive = now[0]!.target === "live";
    const needed = isLive ? base.runs : 1;
    if (window.length < needed) {
      const others = countRuns(known.get(cell) ?? []) - window.length;
      const elsewhere = others === 0 ? "" : `; ${others} of another environment, generator or ` +
        "workload description do not count";
      return refuse(
        `the history has ${plural(window.length, "run")} of this cell, needed are ${needed}` +
          elsewhere,
      );
    }
    return isLive ? judgeLiveCell(cell, now, window) : judgeModelCell(now, window, options);
  });
  return merged(verdicts, records);
}

/** Metrics of one time a run was added. */
type StoredRun = readonly StoredMetric[];

/** The newest runs, the oldest of them first. */
function lastRuns(rows: readonly StoredMetric[], count: number): StoredRun[] {
  const runs = [...groupBy(rows, ({ at, commit }) => `${at} ${commit}`).values()];
  return runs.sort((a, b) => a[0]!.at < b[0]!.at ? -1 : 1).slice(-count);
}

function bySeed(run: StoredRun): StoredRun[] {
  return [...groupBy(run, ({ seed }) => String(seed)).values()];
}

function countRuns(rows: readonly StoredMetric[]): number {
  return lastRuns(rows, Infinity).length;
}

/** A stored run of a seed in the shape that the judges read, all else as the record has it. */
function asBaselineRun(like: BaselineRun, rows: readonly StoredMetric[]): BaselineRun {
  const metrics = Object.fromEntries(rows.map(({ metric, value }) => [metric, value]));
  return { ...like, wasm: null, metrics };
}

function unitsOf(window: readonly StoredRun[]): Record<string, string> {
  return Object.fromEntries(window.flat().map(({ metric, unit }) => [metric, unit]));
}

/** The newest stored run of each seed is the baseline. */
function judgeModelCell(
  now: readonly RunRecord[],
  window: readonly StoredRun[],
  options: GateOptions,
): Verdict {
  const newest = new Map<number, StoredRun>();
  for (const rows of window.flatMap(bySeed)) newest.set(rows[0]!.seed, rows);
  const runs = [...newest].map(([seed, rows]) => {
    const record = now.find((each) => each.seed === seed);
    const like = toBaselineRun(record ?? now[0]!);
    const run_id = record?.run_id ?? `${cellName(now[0]!)}/${seed}`;
    return { ...asBaselineRun(like, rows), run_id, seed };
  });
  const units = { [now[0]!.workload]: unitsOf(window) };
  const baseline = { schema: BASELINE_SCHEMA, accepted: [], units, runs } as const;
  return { ...judge(now, baseline, options), notes: notesOf(window) };
}

/** All values of the window together are the base. */
function judgeLiveCell(
  cell: string,
  now: readonly RunRecord[],
  window: readonly StoredRun[],
): Verdict {
  const partial = now.find((record) => record.status !== "complete");
  if (partial !== undefined) {
    const reason = `run "${partial.run_id}" ended early; run it to its end`;
    return verdictOf([wholeCell(cell, now.length, "incomparable", reason)]);
  }
  const current = now.map(toBaselineRun);
  current.forEach(refuseBrokenValues);
  const before = window.flatMap((run) =>
    bySeed(run).map((rows) => asBaselineRun(current[0]!, rows))
  );
  const apart = incomparableLive(before, current);
  if (apart !== null) {
    return verdictOf([wholeCell(cell, current.length, apart.outcome, apart.reason)]);
  }
  const infos = new Map(now.flatMap(metricsOf).map((metric) => [metric.id, metric]));
  const directionOf = (id: string): Direction => infos.get(id)?.direction ?? "neutral";
  const units = unitsOf(window);
  const judged = judgeLive(before, current, Object.keys(units), directionOf);
  const comparisons = [...judged].map(([metric, each]): Comparison => {
    const unit = infos.get(metric)?.unit ?? null;
    const comparison = { cell, metric, unit, direction: directionOf(metric), ...each };
    if (unit !== null && unit !== units[metric]) {
      const reason = `unit is "${unit}", the history's is "${units[metric]}": not compared`;
      return { ...comparison, outcome: "incomparable", ratio: null, reason };
    }
    return withinWhatWasSeen(comparison, window);
  });
  return { ...verdictOf(comparisons), notes: notesOf(window) };
}

/**
 * A median within those of the stored runs is no news: values of one run have their hour in common,
 * which a test that takes them for independent does not know.
 */
function withinWhatWasSeen(comparison: Comparison, window: readonly StoredRun[]): Comparison {
  const { outcome, metric, current, unit } = comparison;
  if (current === null || (outcome !== "regression" && outcome !== "improved")) return comparison;
  const medians = window.flatMap((run) => {
    const values = run.filter((row) => row.metric === metric).map(({ value }) => value);
    return values.length === 0 ? [] : [median(values)];
  });
  const [low, high] = [Math.min(...medians), Math.max(...medians)];
  if (current < low || current > high) return comparison;
  const [from, to] = [low, high].map((value) =>
    unit === null ? String(value) : formatValue(value, unit)
  );
  const reason = `medians of the last ${medians.length} runs were ${from} to ${to}`;
  return { ...comparison, outcome: "inconclusive", reason };
}

/** Where the level of the base itself moved, so that a worse one is not taken for normal. */
function notesOf(window: readonly StoredRun[]): string[] {
  const changes = trendsOf(window.flat()).flatMap(({ cell, metric, changes }) =>
    changes.filter(({ kind }) => kind === "worse").map((change) =>
      `${cell} ${metric}: the base itself got worse within the last ${window.length} runs, ` +
      changeInWords(change)
    )
  );
  const more = changes.length - NOTES_MAX;
  return [
    ...changes.slice(0, NOTES_MAX),
    ...(more > 0 ? [`The base itself got worse in ${plural(more, "more metric")}`] : []),
  ];
}

function verdictOf(comparisons: readonly Comparison[]): Verdict {
  return { outcome: "pass", comparisons, missing_runs: [], extra_runs: [], notes: [] };
}

function merged(verdicts: readonly Verdict[], records: readonly RunRecord[]): Verdict {
  const all = <T>(read: (verdict: Verdict) => readonly T[]): T[] => verdicts.flatMap(read);
  const comparisons = all(({ comparisons }) => comparisons);
  const missing_runs = all((verdict) => verdict.missing_runs);
  const builds = new Set(records.flatMap(({ wasm }) => wasm === null ? [] : canonicalJson(wasm)));
  if (builds.size > 1) {
    const reason = `the records come from ${builds.size} builds of the core: ` +
      "run all of them again with one";
    comparisons.unshift(wholeCell("all cells", records.length, "incomparable", reason));
  }
  return {
    outcome: overall(comparisons, missing_runs),
    comparisons,
    missing_runs,
    extra_runs: all((verdict) => verdict.extra_runs),
    notes: all(({ notes }) => notes),
  };
}
