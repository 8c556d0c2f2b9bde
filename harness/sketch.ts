/**
 * Latency distributions as lines of block characters, for those who stay in the terminal: one line
 * a policy, all on the same logarithmic axis. A hint at the shape; the numbers stand in the table.
 *
 * @module
 */

import { latencyBins } from "./histogram.ts";
import type { LatencySummary, RunRecord } from "./record.ts";

/** Characters of a line. */
const WIDTH = 48;
/** A part of the transactions that is there at all is seen. */
const BLOCKS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/** All sketches, each under its title; empty where no group has latencies of two policies. */
export function renderSketches(records: readonly RunRecord[]): string {
  const groups = new Map<string, Map<string, LatencySummary[]>>();
  for (const record of records) {
    if (record.status !== "complete") continue;
    for (const { name, latency_ns: latency } of record.measurement.groups) {
      if (latency === null || latency.count === 0) continue;
      const title = `${record.workload} on ${record.target}, group ${name}`;
      const byPolicy = groups.get(title) ?? new Map<string, LatencySummary[]>();
      groups.set(title, byPolicy);
      byPolicy.set(record.policy, [...byPolicy.get(record.policy) ?? [], latency]);
    }
  }
  const parts = [...groups].filter(([, byPolicy]) => byPolicy.size > 1)
    .map(([title, byPolicy]) => sketch(title, byPolicy));
  return parts.length === 0 ? "" : parts.join("\n\n") + "\n";
}

function sketch(
  title: string,
  byPolicy: ReadonlyMap<string, readonly LatencySummary[]>,
): string {
  const all = [...byPolicy.values()].flat();
  const least = Math.max(1, Math.min(...all.map((latency) => latency.min)));
  const most = Math.max(least * 1.01, ...all.map((latency) => latency.max));
  const nameWidth = Math.max(...[...byPolicy.keys()].map((policy) => policy.length));
  const lines = [...byPolicy].map(([policy, summaries]) => {
    const bins = latencyBins(summaries, { least, most, count: WIDTH });
    return `${policy.padEnd(nameWidth)}  ${sparkline(bins)}`;
  });
  const [from, to] = [micros(least), micros(most)];
  const axis = `${" ".repeat(nameWidth + 2)}${from}${to.padStart(WIDTH - from.length)}`;
  return [`latency of ${title} (us, log axis)`, ...lines, axis].join("\n");
}

/**
 * Counts as block characters, the largest as a full block, none as a space.
 *
 * @param counts Zero or more each.
 */
export function sparkline(counts: readonly number[]): string {
  const most = Math.max(...counts);
  return counts.map((count) => {
    if (count === 0) return " ";
    return BLOCKS[Math.min(BLOCKS.length - 1, Math.floor(BLOCKS.length * count / most))]!;
  }).join("").trimEnd();
}

function micros(nanoseconds: number): string {
  const value = nanoseconds / 1000;
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
