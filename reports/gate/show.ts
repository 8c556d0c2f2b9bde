/**
 * Shows a verdict: terminal table, JSON, Markdown for a CI summary, JUnit XML. Pure; never decides
 * anything.
 *
 * @module
 */

import Table from "cli-table3";
import { formatRatio, formatValue, plural } from "../page/client/format.js";
import type { Comparison, Outcome } from "./comparison.ts";
import type { Verdict } from "./judge.ts";

/** Rows of a table for people; the rest is counted and stands in the JSON. */
const ROWS_MAX = 60;

/** GitHub drops a step summary above 1 MiB altogether; this keeps far below. */
const SUMMARY_ROWS_MAX = 200;

/** What a person must see first, first. Identical metrics are only counted. */
const SHOWN: readonly Outcome[] = ["regression", "missing", "inconclusive", "improved", "changed"];

const WORDS: Readonly<Record<Outcome, string>> = {
  regression: "REGRESSION",
  missing: "MISSING",
  inconclusive: "inconclusive",
  improved: "improved",
  changed: "changed",
  within: "within threshold",
  identical: "identical",
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
  const word = { pass: "Pass", regression: "Fail", inconclusive: "Inconclusive" }[verdict.outcome];
  return `${word}: ${plural(verdict.comparisons.length, "comparison")}: ${counts.join(", ")}.`;
}

function shownComparisons(verdict: Verdict): Comparison[] {
  return SHOWN.flatMap((outcome) => verdict.comparisons.filter((each) => each.outcome === outcome));
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

/** Markdown for `GITHUB_STEP_SUMMARY`. */
export function showMarkdown(verdict: Verdict): string {
  const rows = shownComparisons(verdict);
  const line = (parts: readonly string[]): string => `| ${parts.map(escapeCell).join(" | ")} |`;
  const shown = rows.slice(0, SUMMARY_ROWS_MAX).map((row) => line(cells(row)));
  const table = rows.length === 0
    ? []
    : ["", line(HEADS), "|---|---|---|---:|---:|---:|---:|---|", ...shown];
  const more = rows.length > SUMMARY_ROWS_MAX
    ? ["", `and ${rows.length - SUMMARY_ROWS_MAX} more rows`]
    : [];
  const missing = verdict.missing_runs.slice(0, 20).map((run) => `- missing: ${escapeCell(run)}`);
  const parts = ["### Regression gate", "", headline(verdict), ...table, ...more, "", ...missing];
  return `${parts.join("\n")}\n`;
}

/** Annotations that GitHub shows of one step; further ones it drops. */
const ANNOTATIONS_MAX = 10;

/**
 * Workflow commands that GitHub turns into annotations of the run: an error for what fails, a
 * warning for what is inconclusive. A result has no line of a file, so neither have they.
 */
export function showAnnotations(verdict: Verdict): string {
  const of = (outcome: Outcome, level: string): string[] =>
    verdict.comparisons.filter((each) => each.outcome === outcome).map((each) => {
      const title = `${each.cell} ${each.metric ?? "whole cell"}`;
      return `::${level} title=${escapeProperty(title)}::${escapeCommand(describe(each))}`;
    });
  const missing = verdict.missing_runs.map((run) =>
    `::error title=${escapeProperty(run)}::The baseline has this run, the records do not`
  );
  const lines = [
    ...missing,
    ...of("missing", "error"),
    ...of("regression", "error"),
    ...of("inconclusive", "warning"),
  ];
  return lines.slice(0, ANNOTATIONS_MAX).map((line) => `${line}\n`).join("");
}

function escapeCommand(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeCommand(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

function escapeCell(text: string): string {
  return text.replace(/[\\|*_`<[\]]/g, "\\$&").replace(/[ \t\r\n]+/g, " ");
}

/**
 * JUnit XML: one test case per cell and metric, grouped by cell. Values that are not times never
 * go into `time`.
 */
export function showJunit(verdict: Verdict): string {
  const cases = verdict.comparisons.map((each) => {
    const open = `    <testcase classname="${xml(each.cell)}" name="${
      xml(each.metric ?? "whole cell")
    }"`;
    const message = xml(describe(each));
    switch (each.outcome) {
      case "regression":
        return `${open}><failure type="PerformanceRegression" message="${message}"/></testcase>`;
      case "missing":
        return `${open}><failure type="MissingMetric" message="${message}"/></testcase>`;
      case "inconclusive":
        return `${open}><skipped message="${message}"/></testcase>`;
      default:
        return `${open}/>`;
    }
  });
  const missing = verdict.missing_runs.map((run) =>
    `    <testcase classname="${xml(run.slice(0, run.lastIndexOf("/")))}" name="${xml(run)}">` +
    `<failure type="MissingRun" message="The baseline has this run, the records do not"/></testcase>`
  );
  const failures = missing.length +
    verdict.comparisons.filter((each) => ["regression", "missing"].includes(each.outcome)).length;
  const skipped = verdict.comparisons.filter((each) => each.outcome === "inconclusive").length;
  const counts = `tests="${cases.length + missing.length}" failures="${failures}" ` +
    `skipped="${skipped}" errors="0"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="netpolicy-lab gate" ${counts}>`,
    `  <testsuite name="gate" ${counts}>`,
    ...cases,
    ...missing,
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function describe(comparison: Comparison): string {
  const [word, , , baseline, current, ratio, seeds, why] = cells(comparison);
  const reason = why === "" ? "" : `; ${why}`;
  return `${word}: baseline ${baseline}, now ${current}, ratio ${ratio}, seeds ${seeds}${reason}`;
}

/** Escapes for an attribute; control characters are not XML at all and become a space. */
function xml(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&apos;",
  };
  // deno-lint-ignore no-control-regex -- XML 1.0, 2.2 forbids exactly these.
  return text.replace(/[\u0000-\u001f]/g, " ").replace(/[&<>"']/g, (char) => entities[char]!);
}
