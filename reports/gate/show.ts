/**
 * Shows a verdict to people: terminal table and Markdown. JSON is the verdict itself, and what
 * programs of CI read is made of finding.ts. Pure; never decides anything.
 *
 * @module
 */

import Table from "cli-table3";
import { formatRatio, formatValue, plural } from "../page/client/format.js";
import type { Comparison, Outcome } from "./comparison.ts";
import type { OverallOutcome } from "./exit_code.ts";
import type { Verdict } from "./judge.ts";
import { fitMarkdown } from "./markdown.ts";

/** Rows of a table for people; the rest is counted and stands in the JSON. */
const ROWS_MAX = 60;

/** What a person must see first, first. Identical metrics are only counted. */
const SHOWN: readonly Outcome[] = [
  "regression",
  "missing",
  "refused",
  "incomparable",
  "inconclusive",
  "improved",
  "changed",
];

const WORDS: Readonly<Record<Outcome, string>> = {
  regression: "REGRESSION",
  missing: "MISSING",
  refused: "REFUSED",
  incomparable: "INCOMPARABLE",
  inconclusive: "inconclusive",
  improved: "improved",
  changed: "changed",
  within: "within threshold",
  identical: "identical",
};

/** The first word of a verdict. */
export const OUTCOME_WORDS: Readonly<Record<OverallOutcome, string>> = {
  pass: "Pass",
  regression: "Fail",
  refused: "Refused",
  incomparable: "No verdict",
  inconclusive: "Inconclusive",
};

/** Number of comparisons per outcome, in the order of importance. */
export function countOutcomes(verdict: Verdict): readonly (readonly [Outcome, number])[] {
  const all: readonly Outcome[] = [...SHOWN, "within", "identical"];
  return all.map((outcome) =>
    [outcome, verdict.comparisons.filter((each) => each.outcome === outcome).length] as const
  ).filter(([, count]) => count > 0);
}

/** "Pass: 720 comparisons: 720 identical." */
export function headline(verdict: Verdict): string {
  const counts = countOutcomes(verdict).map(([outcome, count]) => `${count} ${WORDS[outcome]}`);
  const missing = verdict.missing_runs.length;
  if (missing > 0) counts.unshift(`${plural(missing, "run")} MISSING`);
  return `${OUTCOME_WORDS[verdict.outcome]}: ${plural(verdict.comparisons.length, "comparison")}: ${
    counts.join(", ")
  }.`;
}

/** All that moved, the small changes last; of live runs these are noise and only counted. */
function shownComparisons({ comparisons }: Verdict): Comparison[] {
  const small = comparisons.filter(({ outcome, cell }) =>
    outcome === "within" && cell.split("/")[1] !== "live"
  );
  return [
    ...SHOWN.flatMap((outcome) => comparisons.filter((each) => each.outcome === outcome)),
    ...small,
  ];
}

function cells(comparison: Comparison): string[] {
  const { unit, baseline, current, ratio } = comparison;
  const write = (value: number | null): string =>
    value === null ? "–" : unit === null ? String(value) : formatValue(value, unit);
  return [
    WORDS[comparison.outcome],
    comparison.cell,
    comparison.metric ?? "whole cell",
    write(baseline),
    write(current),
    ratio === null ? "–" : preciseRatio(ratio),
    String(comparison.seed_count),
    comparison.reason ?? "",
  ];
}

/** Two decimals hide a change below a half per cent; such ratios get four. */
function preciseRatio(ratio: number): string {
  return Math.abs(ratio - 1) < 0.005 ? `${ratio.toFixed(4)}×` : formatRatio(ratio);
}

const HEADS = ["Verdict", "Cell", "Metric", "Baseline", "Now", "Ratio", "Seeds", "Why"];

/** Table and sentences for a terminal; ends with a newline. */
export function showTerminal(verdict: Verdict): string {
  const rows = shownComparisons(verdict);
  const lines: string[] = [];
  if (rows.length > 0) {
    const table = new Table({
      head: HEADS,
      style: { head: [], border: [], compact: true },
      colAligns: ["left", "left", "left", "right", "right", "right", "right", "left"],
    });
    for (const row of rows.slice(0, ROWS_MAX)) table.push(cells(row));
    lines.push(table.toString());
    if (rows.length > ROWS_MAX) {
      lines.push(`and ${rows.length - ROWS_MAX} more rows; --json holds all`);
    }
  }
  lines.push(...listRuns("Missing from the records", verdict.missing_runs));
  lines.push(...listRuns("Not in the baseline, not judged", verdict.extra_runs));
  lines.push(...verdict.notes.map((note) => `Note: ${note}`));
  lines.push(headline(verdict));
  return `${lines.join("\n")}\n`;
}

function listRuns(title: string, runs: readonly string[]): string[] {
  if (runs.length === 0) return [];
  const shown = runs.slice(0, 10).map((run) => `  ${run}`);
  const rest = runs.length > 10 ? [`  and ${runs.length - 10} more`] : [];
  return [`${title}: ${plural(runs.length, "run")}`, ...shown, ...rest];
}

/**
 * Markdown for a step summary or a comment.
 *
 * @param bytesMax Size that it never exceeds.
 */
export function showMarkdown(verdict: Verdict, bytesMax: number): string {
  return fitMarkdown({
    title: "Regression gate",
    lead: [headline(verdict)],
    heads: HEADS,
    numeric: [3, 4, 5, 6],
    rows: shownComparisons(verdict).map(cells),
    items: [...verdict.missing_runs.map((run) => `missing: ${run}`), ...verdict.notes],
  }, bytesMax);
}

/** A comparison in one line. */
export function describe(comparison: Comparison): string {
  const [word, , , baseline, current, ratio, seeds, why] = cells(comparison);
  const reason = why === "" ? "" : `; ${why}`;
  return `${word}: baseline ${baseline}, now ${current}, ratio ${ratio}, seeds ${seeds}${reason}`;
}
