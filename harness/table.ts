/**
 * The summary as text for a terminal: one table a group, units in the headers, columns without a
 * value left out. Pure; colour only when asked.
 *
 * @module
 */

import { styleText } from "node:util";
import Table from "cli-table3";
import type { MedianEstimate } from "./stats/interval.ts";
import type { GroupSummary, Summary, SummaryRow } from "./summary.ts";

/** How to draw. */
export interface TableOptions {
  readonly color: boolean;
}

/** A column: its header, its cell for a row (null: nothing to show), and whether more is better. */
interface Column {
  readonly header: string;
  readonly cell: (row: SummaryRow) => string | null;
  readonly ratio?: (row: SummaryRow) => MedianEstimate | null;
  readonly moreIsBetter?: boolean;
  readonly isText?: boolean;
}

/** Width that tables and notes keep to. */
const WIDTH = 120;

/** Coefficient of variation from which a reader should know of it. */
const NOTABLE_CV = 0.05;

const NO_LINES = {
  "top": "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  "bottom": "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  "left": "",
  "left-mid": "",
  "mid": "",
  "mid-mid": "",
  "right": "",
  "right-mid": "",
  "middle": " ",
} as const;

/** All tables, then what a reader must know about them. */
export function renderSummary(summary: Summary, options: TableOptions): string {
  const parts = summary.groups.map((group) => renderGroup(group, options));
  parts.push(notes(summary).map(wrapped).join("\n"));
  return parts.join("\n\n") + "\n";
}

/** One group's table with its title. */
export function renderGroup(group: GroupSummary, options: TableOptions): string {
  const columns = columnsOf(group).filter((column) =>
    group.rows.some((row) => column.cell(row) !== null)
  );
  const paint = painter(options);
  const table = new Table({
    chars: NO_LINES,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 1, compact: true },
    colAligns: columns.map((column) => column.isText ? "left" : "right"),
    head: columns.map((column) => paint("dim", column.header)),
  });
  for (const row of group.rows) {
    table.push(columns.map((column) => paint(tone(column, row), column.cell(row) ?? "-")));
  }
  const lines = table.toString().split("\n").map((line) => line.trimEnd());
  return [...titleOf(group, paint), ...lines].join("\n");
}

type Paint = (format: Tone, text: string) => string;
type Tone = "plain" | "bold" | "dim" | "green" | "red";

function painter({ color }: TableOptions): Paint {
  return (format, text) => {
    if (!color || format === "plain") return text;
    return styleText(format, text, { validateStream: false });
  };
}

function titleOf(group: GroupSummary, paint: Paint): string[] {
  const where = group.machine === null ? group.target : `${group.target} of ${group.machine}`;
  const runCounts = [...new Set(group.rows.map((row) => row.run_count))].sort((a, b) => a - b);
  const connections = group.connections === 1 ? "1 connection" : `${group.connections} connections`;
  const facts = [
    `group ${group.group}`,
    `${group.test}, ${connections}, ${group.loop} loop`,
    `median of n = ${runCounts.join(" to ")}`,
  ];
  const title = `${group.workload} on ${where}: ${group.title}`;
  return [paint("bold", title), paint("dim", facts.join("; "))];
}

function columnsOf(group: GroupSummary): Column[] {
  const isBits = group.throughput_unit === "bit/s";
  const percentile = (key: "p50" | "p90" | "p99" | "p99_9", header: string): Column => ({
    header: `${header} us`,
    cell: (row) => row.latency_ns === null ? null : micros(row.latency_ns[key].median),
  });
  const ratio = (
    header: string,
    of: (row: SummaryRow) => MedianEstimate | null,
    moreIsBetter: boolean,
  ): Column => ({
    header,
    ratio: of,
    moreIsBetter,
    cell: (row) => {
      const estimate = of(row);
      if (estimate !== null) return ratioText(estimate);
      const hasRatio = group.rows.some((other) => of(other) !== null);
      return hasRatio && row.policy === "NONE" ? "base" : null;
    },
  });
  return [
    { header: "policy", isText: true, cell: (row) => row.policy },
    {
      header: isBits ? "Gbit/s" : "trans/s",
      cell: ({ throughput }) =>
        isBits ? (throughput.median / 1e9).toFixed(2) : grouped(throughput.median),
    },
    ratio("x NONE", (row) => row.throughput_ratio, true),
    percentile("p50", "p50"),
    percentile("p90", "p90"),
    percentile("p99", "p99"),
    percentile("p99_9", "p99.9"),
    ratio("p99 x NONE", (row) => row.latency_p99_ratio, false),
    { header: "CPU %", cell: (row) => fixed(row.cpu_utilisation, 100, 1) },
    {
      header: "int/s",
      cell: (row) => row.interrupts_per_second === null ? null : grouped(row.interrupts_per_second),
    },
    { header: "pkt/int", cell: (row) => fixed(row.rx_packets_per_interrupt, 1, 2) },
    { header: "steer", isText: true, cell: (row) => row.steered },
  ];
}

/** Green or red only where every pair of runs agrees on the direction, as far as it is shown. */
function tone(column: Column, row: SummaryRow): Tone {
  const estimate = column.ratio?.(row) ?? null;
  if (estimate === null) return column.isText && row.policy === "NONE" ? "dim" : "plain";
  const isMore = Number(ratioDigits(estimate.low)) > 1;
  const isLess = Number(ratioDigits(estimate.high)) < 1;
  if (!isMore && !isLess) return "plain";
  return isMore === column.moreIsBetter ? "green" : "red";
}

/** `1.92`, or `1.92 (1.88-1.95)` where the ends differ from it at this precision. */
function ratioText({ median, low, high }: MedianEstimate): string {
  const [middle, from, to] = [ratioDigits(median), ratioDigits(low), ratioDigits(high)];
  return from === middle && to === middle ? middle : `${middle} (${from}-${to})`;
}

function ratioDigits(ratio: number): string {
  return ratio.toFixed(ratio < 10 ? 2 : 1);
}

function micros(nanoseconds: number): string {
  const value = nanoseconds / 1000;
  return value < 1000 ? value.toFixed(1) : grouped(value);
}

function fixed(value: number | null, scale: number, digits: number): string | null {
  return value === null ? null : (value * scale).toFixed(digits);
}

/** A whole number with commas between thousands, in no locale but this. */
function grouped(value: number): string {
  return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

function notes(summary: Summary): string[] {
  const rows = summary.groups.flatMap((group) => group.rows);
  const ratios = rows.flatMap((row) => row.throughput_ratio ?? []);
  const lines: string[] = [];
  if (ratios.some((ratio) => ratio.kind === "confidence")) {
    lines.push("x NONE: median ratio of runs with the same seed (95 % confidence interval).");
  } else if (ratios.length > 0) {
    lines.push(
      "x NONE: median ratio of runs with the same seed (smallest-largest; 6 seeds give an interval).",
    );
  }
  if (rows.some((row) => row.interrupts_per_second !== null)) {
    lines.push("int/s: interrupts per second; pkt/int: received packets per interrupt.");
  }
  if (rows.some((row) => row.steered !== "no")) {
    lines.push("steer: whether the group's sockets got queues of their policy.");
  }
  const hasManyGroups = summary.groups.some((group) => group.group_count > 1);
  if (hasManyGroups && rows.some((row) => row.cpu_utilisation !== null)) {
    lines.push("CPU %, int/s and pkt/int are of the whole device, not of one group.");
  }
  lines.push(...summary.groups.flatMap(variations));
  if (summary.partial_count > 0) {
    lines.push(`Left out: ${plural(summary.partial_count, "run")} that ended early.`);
  }
  for (const remark of summary.remarks) {
    lines.push(`Remark of ${plural(remark.run_count, "run")}: ${remark.text}`);
  }
  return lines;
}

/** Rows whose runs differ so much that a median of them says little. */
function variations(group: GroupSummary): string[] {
  return group.rows.flatMap((row) => {
    if (row.throughput_cv === null || row.throughput_cv < NOTABLE_CV) return [];
    const percent = (100 * row.throughput_cv).toFixed(0);
    return [
      `Spread: throughput of ${group.workload} (${group.group}) on ${group.target} under ` +
      `${row.policy} varies by ${percent} % between ${plural(row.run_count, "run")} ` +
      "(coefficient of variation): take more seeds.",
    ];
  });
}

/** A sentence in lines of at most WIDTH columns, later lines indented. */
function wrapped(sentence: string): string {
  let column = 0;
  return sentence.split(" ").map((word, index) => {
    const isNewLine = index > 0 && column + 1 + word.length > WIDTH;
    const lead = index === 0 ? "" : isNewLine ? "\n  " : " ";
    column = (isNewLine ? 2 : column + lead.length) + word.length;
    return lead + word;
  }).join("");
}

/** `1 run`, `2 runs`. */
export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
