/**
 * Verdicts of validation as text for a terminal and as JSON. Pure; colour only when asked.
 *
 * @module
 */

import { styleText } from "node:util";
import { grouped, wrapped } from "../words.ts";
import type { Expectation } from "./case.ts";
import { type Check, type JudgedCase, type Score, scoreOf, type Verdict } from "./judge.ts";

const WIDTH = 100;

/** Verdicts as words for a table. */
export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  "holds": "holds",
  "misses": "MISSES",
  "expected": "expected miss",
  "unexpected": "HOLDS, marked as a miss",
  "not modelled": "not modelled",
};

/** What an expectation is about: `latency_us_p99 / p50`, `rate_per_second over V11`. */
export function subjectOf({ metric, group, over, ascending }: Expectation): string {
  const own = group === undefined ? metric : `${metric} of ${group}`;
  if (ascending !== undefined) return `${own}: ${ascending.join(" < ")}`;
  if (over === undefined) return own;
  const base = [over.metric ?? (over.case === undefined ? metric : null), over.group, over.case];
  const words = over.metric === undefined ? base.slice(1) : base;
  return `${own} / ${words.filter((word) => word != null).join(" of ")}`;
}

/** The published side: a number, a range, an order. */
export function publishedOf({ value, at_least: low, at_most: high }: Expectation): string {
  if (value !== undefined) return figure(value);
  if (low !== undefined && high !== undefined) return `${figure(low)} to ${figure(high)}`;
  if (low !== undefined) return `at least ${figure(low)}`;
  return high === undefined ? "rises" : `at most ${figure(high)}`;
}

/** The model's side. */
export function modelOf({ model, verdict }: Check): string {
  if (verdict === "not modelled") return "-";
  return model.map((value) => value === null ? "none" : figure(value)).join(", ");
}

/** Deviation with its sign, or nothing. */
export function deviationOf({ deviationPercent, verdict }: Check): string {
  if (deviationPercent === null || verdict === "not modelled") return "";
  if (!Number.isFinite(deviationPercent)) return "infinite";
  const rounded = Math.round(deviationPercent);
  return `${rounded > 0 ? "+" : ""}${rounded === 0 ? 0 : rounded} %`;
}

/** A number with three digits at least, and no more than it has. */
export function figure(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return grouped(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

/** All cases, file by file, then the score and the reasons for misses. */
export function renderText(judged: readonly JudgedCase[], options: { color: boolean }): string {
  const lines: string[] = [];
  const rows = judged.flatMap(({ checks }) => checks.map(cellsOf));
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...rows.map((cells) => cells[column]!.length), 9)
  );
  let series = "";
  for (const one of judged) {
    if (one.case.series !== series) {
      series = one.case.series;
      const { who, where, when } = one.case.source;
      const source = `${who}: ${where}, ${when}; class ${one.case.source.class}`;
      lines.push("", wrapped(`${series} (${source}), on ${one.case.machine.name}`, WIDTH));
    }
    const mark = one.case.isCalibration ? " [calibration]" : "";
    lines.push(`  ${one.case.name}${mark}: ${one.case.title}`);
    for (const check of one.checks) lines.push(checkLine(check, widths, options));
  }
  return [...lines.slice(1), "", ...scoreLines(scoreOf(judged), judged), ...misses(judged)]
    .join("\n") + "\n";
}

function cellsOf(check: Check): string[] {
  return [
    subjectOf(check.expectation),
    publishedOf(check.expectation),
    modelOf(check),
    deviationOf(check),
  ];
}

function checkLine(check: Check, widths: readonly number[], options: { color: boolean }): string {
  const cells = cellsOf(check).map((cell, column) =>
    column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)
  );
  const bad = check.verdict === "misses" || check.verdict === "unexpected";
  const word = VERDICT_WORDS[check.verdict];
  const painted = options.color && bad ? styleText("red", word, { validateStream: false }) : word;
  return `    ${cells.join("  ")}  ${painted}`;
}

/** The score in a sentence or two. */
export function scoreLines(score: Score, judged: readonly JudgedCase[]): string[] {
  const checks = judged.flatMap((one) => one.checks);
  const met = checks.filter((check) => check.isMet && check.verdict !== "not modelled").length;
  const share = score.cases === 0 ? 0 : Math.floor(100 * score.held / score.cases);
  const rest = [
    [score.expected, "an expected miss", "expected misses"],
    [score.notModelled, "not modelled", "not modelled"],
    [score.failed, "against its mark", "against their marks"],
  ] as const;
  const others = rest.filter(([count]) => count > 0)
    .map(([count, one, many]) => `${count} ${count === 1 ? one : many}`);
  const tail = others.length === 0 ? "" : `; ${others.join(", ")}`;
  return [
    `${score.held} of ${score.cases} cases hold (${share} %)${tail}. ` +
    `${met} of ${checks.length} numbers within tolerance.`,
  ];
}

function misses(judged: readonly JudgedCase[]): string[] {
  return reasonLines(judged).map((line) => wrapped(line, WIDTH));
}

/** Each reason for misses once, after the names of the cases that it explains. */
export function reasonLines(judged: readonly JudgedCase[]): string[] {
  const casesByReason = new Map<string, string[]>();
  for (const one of judged) {
    for (const reason of reasonsOf(one)) {
      const names = casesByReason.get(reason) ?? [];
      casesByReason.set(reason, [...names, one.case.name]);
    }
  }
  return [...casesByReason].map(([reason, names]) => `${names.join(", ")}: ${reason}`);
}

/** Why a case misses, each reason once. */
function reasonsOf({ case: subject, checks }: JudgedCase): string[] {
  const own = checks.flatMap(({ verdict, reason }) =>
    verdict === "expected" && reason !== null ? [reason] : []
  );
  const whole = subject.expectedMiss === null ? [] : [subject.expectedMiss];
  return [...new Set([...whole, ...own])];
}

/** The verdicts as JSON, complete in itself. */
export function renderJson(judged: readonly JudgedCase[]): string {
  const cases = judged.map(({ case: subject, checks, verdict }) => ({
    name: subject.name,
    title: subject.title,
    series: subject.series,
    source: subject.source,
    machine: subject.machine.name,
    calibration: subject.isCalibration,
    verdict,
    checks: checks.map((check) => ({
      ...check.expectation,
      kind: check.kind,
      model: check.expectation.ascending === undefined ? check.model[0] : check.model,
      deviation_percent: check.deviationPercent,
      verdict: check.verdict,
    })),
    reasons: reasonsOf({ case: subject, checks, verdict }),
  }));
  return JSON.stringify({ score: scoreOf(judged), cases }, null, 2) + "\n";
}
