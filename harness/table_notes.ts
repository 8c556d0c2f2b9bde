/**
 * What a reader must know about the tables of a summary, in sentences: what the columns are, where
 * numbers are missing, which runs are left out. Pure; wraps and paints nothing.
 *
 * @module
 */

import { TAIL_SAMPLES_MIN } from "./stats/percentile.ts";
import type { GroupSummary, Summary, SummaryRow } from "./summary.ts";
import { plural } from "./words.ts";

/** Coefficient of variation from which a reader should know of it. */
const NOTABLE_CV = 0.05;

/** The sentences that stand under the tables. */
export function notesOf(summary: Summary): string[] {
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
  lines.push(...percentileNotes(rows), ...lossNotes(summary.groups));
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

function percentileNotes(rows: readonly SummaryRow[]): string[] {
  const isShort = rows.some((row) =>
    row.latency_ns !== null && Object.values(row.latency_ns).includes(null)
  );
  if (!isShort) return [];
  return [
    `p50 to p99.9 show "-" where fewer than ${TAIL_SAMPLES_MIN} transactions of every run lie ` +
    "beyond them: a longer --duration gives more.",
  ];
}

const LOSS_MEANINGS = {
  datagrams: "datagrams of the group that never arrived, or went without an answer in time, of " +
    "those it sent.",
  device: "packets dropped by rings, device buffer and sockets, of those that came to the " +
    "device; a datagram of several packets that a socket drops counts once.",
} as const;

function lossNotes(groups: readonly GroupSummary[]): string[] {
  const notes = groups.filter(hasLosses).flatMap(({ target, rows }) =>
    rows.flatMap(({ loss }) => loss ? [`lost % on ${target}: ${LOSS_MEANINGS[loss.of]}`] : [])
  );
  return [...new Set(notes)];
}

/** Whether a table needs a column for losses. */
export function hasLosses({ rows }: GroupSummary): boolean {
  return rows.some((row) => row.loss !== null && row.loss.share > 0);
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
