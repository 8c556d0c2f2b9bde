/**
 * Shows a measured comparison: terminal table and Markdown for a CI summary. JSON is the comparison
 * itself. Pure; never decides anything.
 *
 * @module
 */

import Table from "cli-table3";
import type { Unit } from "../metrics.ts";
import { formatRatio, formatValue, plural } from "../page/client/format.js";
import type { MeasuredComparison } from "./interleave.ts";
import type { MeasuredOutcome, MeasuredVerdict } from "./measured.ts";

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
  if (outcome === "refused") return "Refused: nothing was compared.";
  const word = { pass: "Pass", regression: "Fail", inconclusive: "Inconclusive" }[outcome];
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

/** Markdown for `GITHUB_STEP_SUMMARY`. */
export function measuredMarkdown(comparison: MeasuredComparison, names: SideNames): string {
  const line = (parts: readonly string[]): string => `| ${parts.map(escapeCell).join(" | ")} |`;
  const table = comparison.verdicts.length === 0
    ? []
    : ["", line(HEADS), `|${"---|".repeat(HEADS.length)}`, ...rowsOf(comparison).map(line)];
  const sides = `${escapeCell(names.base)} against ${escapeCell(names.candidate)}`;
  const notes = comparison.notes.map((note) => `- ${escapeCell(note)}`);
  const parts = [
    "### Comparison",
    "",
    sides,
    "",
    measuredHeadline(comparison),
    ...table,
    "",
    ...notes,
  ];
  return `${parts.join("\n")}\n`;
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

function escapeCell(text: string): string {
  return text.replace(/[\\|*_`<[\]]/g, "\\$&").replace(/[ \t\r\n]+/g, " ");
}
