/**
 * Shows a measured comparison to people: terminal table and Markdown. JSON is the comparison
 * itself. Pure; never decides anything.
 *
 * @module
 */

import Table from "cli-table3";
import type { Unit } from "../metrics.ts";
import { formatRatio, formatValue, plural } from "../page/client/format.js";
import type { MeasuredComparison } from "./interleave.ts";
import { escapeCell, fitMarkdown } from "./markdown.ts";
import type { MeasuredOutcome, MeasuredVerdict } from "./measured.ts";
import { OUTCOME_WORDS } from "./show.ts";

const WORDS: Readonly<Record<MeasuredOutcome, string>> = {
  regression: "REGRESSION",
  inconclusive: "inconclusive",
  improved: "improved",
  changed: "changed",
  equivalent: "equivalent",
  identical: "identical",
};

const HEADS = [
  "Verdict",
  "Metric",
  "Base",
  "Candidate",
  "Ratio",
  "Interval",
  "p",
  "Delta",
  "Could see",
  "Remarks",
];

/** Names of the sides, as the user gave them. */
export interface SideNames {
  readonly base: string;
  readonly candidate: string;
}

/** "Fail: 1 regression, 3 equivalent of 4 metrics in 20 pairs." */
function measuredHeadline({ outcome, verdicts, pairs }: MeasuredComparison): string {
  const word = OUTCOME_WORDS[outcome];
  if (verdicts.length === 0) return `${word}: nothing was compared.`;
  const counts = (Object.keys(WORDS) as MeasuredOutcome[]).flatMap((each) => {
    const count = verdicts.filter((verdict) => verdict.outcome === each).length;
    return count === 0 ? [] : [`${count} ${WORDS[each]}`];
  });
  return `${word}: ${counts.join(", ")} of ${plural(verdicts.length, "metric")} in ${pairs} pairs.`;
}

/** Table and sentences for a terminal; ends with a newline. */
export function measuredTerminal(comparison: MeasuredComparison, names: SideNames): string {
  const lines = [`Base: ${names.base}`, `Candidate: ${names.candidate}`];
  if (comparison.verdicts.length > 0) {
    const table = new Table({ head: HEADS, style: { head: [], border: [], compact: true } });
    for (const row of rowsOf(comparison)) table.push(row);
    lines.push(table.toString());
  }
  lines.push(...comparison.notes, measuredHeadline(comparison));
  return `${lines.join("\n")}\n`;
}

/**
 * Markdown for a step summary or a comment.
 *
 * @param bytesMax Size that it never exceeds.
 */
export function measuredMarkdown(
  comparison: MeasuredComparison,
  names: SideNames,
  bytesMax: number,
): string {
  return fitMarkdown({
    title: "Comparison",
    lead: [
      `${escapeCell(names.base)} against ${escapeCell(names.candidate)}`,
      measuredHeadline(comparison),
    ],
    heads: HEADS,
    numeric: [2, 3, 4, 5, 6, 7, 8],
    rows: rowsOf(comparison),
    items: comparison.notes,
  }, bytesMax);
}

/** A verdict in one line. */
export function describeMeasured(verdict: MeasuredVerdict, unit: Unit): string {
  const [word, , base, candidate, ratio, interval, p, delta, couldSee, remarks] = rowOf(
    verdict,
    unit,
  );
  return `${word}: base ${base}, candidate ${candidate}, ratio ${ratio} (${interval}), p ${p}, ` +
    `delta ${delta}, could see ${couldSee}${remarks === "" ? "" : `; ${remarks}`}`;
}

function rowsOf({ verdicts, units }: MeasuredComparison): string[][] {
  const order = Object.keys(WORDS);
  return [...verdicts]
    .sort((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome))
    .map((verdict) => rowOf(verdict, units[verdict.id]!));
}

function rowOf(verdict: MeasuredVerdict, unit: Unit): string[] {
  const { outcome, id, base, candidate, ratio, interval, p, delta, detectable, remarks } = verdict;
  return [
    WORDS[outcome],
    id,
    formatValue(base, unit),
    formatValue(candidate, unit),
    ratio === null ? "–" : preciseRatio(ratio),
    interval === null ? "–" : interval.map(preciseRatio).join(" to "),
    p < 0.0001 ? "< 0.0001" : p.toFixed(4),
    delta.toFixed(2),
    detectable === null ? "–" : `${(100 * detectable).toFixed(1)} %`,
    remarks.join("; "),
  ];
}

/** Two decimals hide a change below a half per cent; a ratio beside its interval has three. */
function preciseRatio(ratio: number): string {
  return ratio < 10 ? `${ratio.toFixed(3)}×` : formatRatio(ratio);
}
