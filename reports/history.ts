/**
 * What became of each metric over time: series of the same cell in the same environment, and where
 * their level changed. Reported, not judged. Pure.
 *
 * @module
 */

import { createHash } from "node:crypto";
import Table from "cli-table3";
import { canonicalJson } from "../harness/canonical_json.ts";
import type { RunRecord } from "../harness/record.ts";
import { changePoints } from "../harness/stats/change_point.ts";
import { median } from "../harness/stats/quantile.ts";
import { groupBy } from "./cells.ts";
import { type Direction, metricsOf, type Unit } from "./metrics.ts";
import { formatRatio, formatValue, plural } from "./page/client/format.js";

/**
 * One metric of one run, as harness/history.ts keeps it: reports know records only, so the fields
 * stand here, too, and the command, where both meet, would not compile if they differed.
 */
export interface StoredMetric {
  readonly commit: string;
  readonly at: string;
  readonly fingerprint: string;
  readonly facts: string;
  readonly cell: string;
  readonly seed: number;
  readonly metric: string;
  readonly unit: string;
  readonly direction: string;
  readonly minimum_effect: number;
  readonly value: number;
}

/** Digits of the hash of the facts: enough to tell hosts apart. */
const FINGERPRINT_LENGTH = 16;

/** What the numbers depend on beside the commit, as canonical JSON. */
function factsOf({ generator, environment, workload_sha256: workload }: RunRecord): string {
  return canonicalJson({ generator, environment, workload });
}

/** Hash of what the numbers depend on beside the commit: only equal ones are set against. */
export function fingerprintOf(record: RunRecord): string {
  return createHash("sha256").update(factsOf(record)).digest("hex").slice(0, FINGERPRINT_LENGTH);
}

/** Rows of a record; what the target cannot see has none. */
export function storedMetrics(record: RunRecord, commit: string, at: string): StoredMetric[] {
  const { workload, target, mechanism, policy, seed } = record;
  const [facts, fingerprint] = [factsOf(record), fingerprintOf(record)];
  const cell = `${workload}/${target}/${mechanism}/${policy}`;
  const common = { commit, at, fingerprint, facts, cell, seed };
  return metricsOf(record).flatMap(({ id, unit, direction, minimumEffect, value }) =>
    value === null
      ? []
      : [{ ...common, metric: id, unit, direction, minimum_effect: minimumEffect, value }]
  );
}

/** One change of a series. */
export interface TrendChange {
  /** First of the new level. */
  readonly commit: string;
  readonly at: string;
  readonly before: number;
  readonly after: number;
  readonly kind: "worse" | "better" | "moved";
}

/** One metric of one cell in one environment. */
export interface Trend {
  readonly cell: string;
  readonly metric: string;
  readonly unit: Unit;
  readonly fingerprint: string;
  /** One per time, the median over the seeds, the oldest first. */
  readonly points: readonly {
    readonly commit: string;
    readonly at: string;
    readonly value: number;
  }[];
  readonly changes: readonly TrendChange[];
}

/** A live level varies with the hour; a smaller change of it says nothing of the code. */
const LIVE_EFFECT_MIN = 0.05;

/** Makes the series and finds their changes. */
export function trendsOf(rows: readonly StoredMetric[]): Trend[] {
  const series = groupBy(
    rows,
    ({ cell, metric, fingerprint }) => JSON.stringify([cell, metric, fingerprint]),
  );
  return [...series.values()].map((same) => {
    const { cell, metric, unit, fingerprint } = same[0]!;
    const times = groupBy(same, ({ at, commit }) => `${at} ${commit}`);
    const points = [...times.values()].map((seeds) => ({
      commit: seeds[0]!.commit,
      at: seeds[0]!.at,
      value: median(seeds.map(({ value }) => value)),
    })).sort((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0);
    const last = same.at(-1)!;
    const found = levelsOf(points.map(({ value }) => value), last);
    const changes = found.map(({ at, before, after }) => {
      const kind = kindOf(before, after, last.direction as Direction);
      return { commit: points[at]!.commit, at: points[at]!.at, before, after, kind };
    });
    return { cell, metric, unit: unit as Unit, fingerprint, points, changes };
  });
}

/**
 * Changes of a series. A deterministic value changes only with the code, so every step beyond the
 * minimum effect is one; a live value needs the test of change_point.ts.
 */
function levelsOf(
  values: readonly number[],
  { cell, minimum_effect }: StoredMetric,
): { readonly at: number; readonly before: number; readonly after: number }[] {
  if (cell.split("/")[1] === "live") {
    return changePoints(values, { minimumEffect: Math.max(LIVE_EFFECT_MIN, minimum_effect) });
  }
  return values.flatMap((after, at) => {
    const before = values[at - 1];
    if (before === undefined || before === after) return [];
    const isSmall = before !== 0 && Math.abs(after / before - 1) <= minimum_effect;
    return isSmall ? [] : [{ at, before, after }];
  });
}

function kindOf(before: number, after: number, direction: Direction): TrendChange["kind"] {
  if (direction === "neutral") return "moved";
  return (after > before) === (direction === "higher") ? "better" : "worse";
}

/** Rows of a table for people. */
const ROWS_MAX = 60;
/** Digits of a commit in a table, as git shows. */
const COMMIT_SHOWN_LENGTH = 12;

/**
 * A table for a terminal, ending with a line of counts.
 *
 * @param all Also what did not change.
 */
export function showTrends(trends: readonly Trend[], all: boolean): string {
  const shown = trends.filter(({ changes }) => all || changes.length > 0);
  const table = new Table({
    head: ["Cell", "Metric", "Runs", "First", "Last", "Changes"],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "left", "right", "right", "right", "left"],
  });
  for (const { cell, metric, unit, points, changes } of shown.slice(0, ROWS_MAX)) {
    const [first, last] = [points[0]!.value, points.at(-1)!.value];
    table.push([
      cell,
      metric,
      String(points.length),
      formatValue(first, unit),
      formatValue(last, unit),
      changes.map(changeInWords).join("\n"),
    ]);
  }
  const changed = trends.filter(({ changes }) => changes.length > 0).length;
  const parts = shown.length === 0 ? [] : [table.toString()];
  if (shown.length > ROWS_MAX) parts.push(`and ${shown.length - ROWS_MAX} more; --json holds all`);
  const runs = Math.max(...trends.map(({ points }) => points.length));
  parts.push(
    `${trends.length} series of ${plural(runs, "run")} or fewer, ${changed} with a change.`,
  );
  return `${parts.join("\n")}\n`;
}

/** "worse 1.20× at 1594ea2 (2026-03-01)". */
export function changeInWords({ commit, at, before, after, kind }: TrendChange): string {
  const size = before === 0 ? "from zero" : formatRatio(after / before);
  return `${kind} ${size} at ${commit.slice(0, COMMIT_SHOWN_LENGTH)} (${at.slice(0, 10)})`;
}
