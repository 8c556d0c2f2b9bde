/**
 * The summary as text for a terminal: one table a group, units in the headers, columns without a
 * value left out. Pure; colour only when asked.
 *
 * @module
 */

import { stripVTControlCharacters, styleText } from "node:util";
import Table from "cli-table3";
import type { MedianEstimate } from "./stats/interval.ts";
import { isTie } from "./stats/tie.ts";
import type { GroupSummary, Summary, SummaryRow } from "./summary.ts";
import { hasLosses, notesOf } from "./table_notes.ts";
import { grouped, wrapped } from "./words.ts";

/** How to draw. */
export interface TableOptions {
  readonly color: boolean;
  /** Columns of the terminal; null where there is none. */
  readonly columns: number | null;
}

/** A column: its header, its cell for a row (null: nothing to show), and whether more is better. */
interface Column {
  readonly header: string;
  readonly cell: (row: SummaryRow) => string | null;
  readonly ratio?: (row: SummaryRow) => MedianEstimate | null;
  readonly moreIsBetter?: boolean;
  readonly isText?: boolean;
}

/** Width that tables and notes keep to, at most: a wider line is hard to follow. */
const WIDTH_MAX = 120;

/** Headers that give way in a narrow terminal, the least important first. */
const EXPENDABLE = ["p90 us", "p99.9 us", "int/s", "pkt/int", "steer", "CPU %", "p99 x NONE"];

/** A table without lines, for cli-table3. */
export const NO_LINES = {
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
  const width = Math.min(options.columns ?? WIDTH_MAX, WIDTH_MAX);
  const hidden = new Set<string>();
  const parts = summary.groups.map((group) => {
    const table = renderGroup(group, width, painter(options));
    table.hidden.forEach((header) => hidden.add(header));
    return table.text;
  });
  const notes = notesOf(summary);
  if (hidden.size > 0) {
    notes.push(`Left out for want of width, but on the page: ${[...hidden].join(", ")}.`);
  }
  parts.push(notes.map((note) => wrapped(note, width)).join("\n"));
  return parts.join("\n\n") + "\n";
}

/** One group's table with its title, and the columns that found no room. */
function renderGroup(
  group: GroupSummary,
  width: number,
  paint: Paint,
): { readonly text: string; readonly hidden: readonly string[] } {
  let columns = columnsOf(group).filter((column) =>
    group.rows.some((row) => column.cell(row) !== null)
  );
  const hidden: string[] = [];
  let lines = tableLines(group, columns, paint);
  for (const header of EXPENDABLE) {
    if (lines.every((line) => stripVTControlCharacters(line).length <= width)) break;
    if (!columns.some((column) => column.header === header)) continue;
    columns = columns.filter((column) => column.header !== header);
    hidden.push(header);
    lines = tableLines(group, columns, paint);
  }
  return { text: [...titleOf(group, width, paint), ...lines].join("\n"), hidden };
}

function tableLines(group: GroupSummary, columns: readonly Column[], paint: Paint): string[] {
  const table = new Table({
    chars: NO_LINES,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 1, compact: true },
    colAligns: columns.map((column) => column.isText ? "left" : "right"),
    head: columns.map((column) => paint("dim", column.header)),
  });
  for (const row of group.rows) {
    table.push(columns.map((column) => paint(tone(column, row), column.cell(row) ?? "-")));
  }
  return table.toString().split("\n").map((line) => line.trimEnd());
}

type Paint = (format: Tone, text: string) => string;
type Tone = "plain" | "bold" | "dim" | "green" | "red";

function painter({ color }: TableOptions): Paint {
  return (format, text) => {
    if (!color || format === "plain") return text;
    return styleText(format, text, { validateStream: false });
  };
}

function titleOf(group: GroupSummary, width: number, paint: Paint): string[] {
  const where = group.machine === null ? group.target : `${group.target} of ${group.machine}`;
  const runCounts = [...new Set(group.rows.map((row) => row.run_count))].sort((a, b) => a - b);
  const connections = group.connections === 1 ? "1 connection" : `${group.connections} connections`;
  const facts = [
    `group ${group.group}`,
    `${group.test}, ${connections}, ${group.loop} loop`,
    `median of n = ${runCounts.join(" to ")}`,
  ];
  const title = `${group.workload} on ${where}: ${group.title}`;
  const painted = (tone: Tone, text: string): string[] =>
    wrapped(text, width).split("\n").map((line) => paint(tone, line));
  return [...painted("bold", title), ...painted("dim", facts.join("; "))];
}

function columnsOf(group: GroupSummary): Column[] {
  const percentile = (key: "p50" | "p90" | "p99" | "p99_9", header: string): Column => ({
    header: `${header} us`,
    cell: ({ latency_ns: latency }) => {
      if (latency === null) return null;
      const estimate = latency[key];
      return estimate === null ? "-" : micros(estimate.median);
    },
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
    throughputColumn(group),
    ratio("x NONE", (row) => row.throughput_ratio, true),
    { header: "lost %", cell: ({ loss }) => hasLosses(group) && loss ? percent(loss.share) : null },
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

/** One unit for the whole column, small enough that the least throughput still has digits. */
function throughputColumn({ throughput_unit: unit, rows }: GroupSummary): Column {
  const cellOf = (show: (value: number) => string) => (row: SummaryRow): string =>
    show(row.throughput.median);
  if (unit === "trans/s") return { header: "trans/s", cell: cellOf(grouped) };
  const least = Math.min(...rows.map((row) => row.throughput.median).filter((value) => value > 0));
  // Without any traffic the least is Infinity, and Gbit/s as good as any.
  if (least >= 1e9) return { header: "Gbit/s", cell: cellOf((value) => (value / 1e9).toFixed(2)) };
  const megabits = (value: number): string =>
    value < 100e6 ? (value / 1e6).toFixed(2) : grouped(value / 1e6);
  return { header: "Mbit/s", cell: cellOf(megabits) };
}

/** A share as per cent: what is not zero does not look like it. */
function percent(share: number): string {
  const text = (100 * share).toFixed(2);
  return share > 0 && Number(text) === 0 ? "<0.01" : text;
}

/** Green or red only where every pair of runs agrees on the direction, and it is no tie. */
function tone(column: Column, row: SummaryRow): Tone {
  const estimate = column.ratio?.(row) ?? null;
  if (estimate === null) return column.isText && row.policy === "NONE" ? "dim" : "plain";
  if (isTie(estimate.median, 1)) return "plain";
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
