/**
 * Latency distributions as lines of block characters, for those who stay in the terminal: one line
 * a policy, all on the same logarithmic axis. A hint at the shape; the numbers stand in the table.
 *
 * @module
 */

import { latencyBins } from "./histogram.ts";
import type { LatencySummary, OperationMark, RunRecord } from "./record.ts";
import { mean } from "./stats/quantile.ts";

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

/** The course of a group of one policy. */
interface Course {
  readonly policy: string;
  readonly values: readonly (number | null)[];
  readonly operations: readonly OperationMark[];
}

/** Percentiles of a series, the deepest first. */
const DEPTHS = [["p99_ns", "p99"], ["p90_ns", "p90"], ["p50_ns", "median"]] as const;

/**
 * Latency over time of runs in which something was done to the device, a line a policy, all on one
 * scale; empty where there is none.
 */
export function renderCourses(records: readonly RunRecord[]): string {
  const done = new Set(
    records.filter((record) => record.measurement.operations !== undefined)
      .map((record) => record.workload),
  );
  const titles = new Map<string, Course[]>();
  for (const { workload, policy, measurement: { series, operations = [] } } of records) {
    if (series === undefined || !done.has(workload)) continue;
    for (const group of series.groups) {
      const depth = DEPTHS.find(([field]) => group[field]?.every((value) => value !== null));
      if (depth === undefined) continue;
      const [field, name] = depth;
      const title = `${name} latency of ${workload}, group ${group.name}, over time (us)`;
      const all = titles.get(title) ?? [];
      titles.set(title, all);
      all.push({ policy, values: group[field]!, operations });
    }
  }
  const parts = [...titles].map(([title, courses]) => courseSketch(title, courses));
  return parts.length === 0 ? "" : parts.join("\n\n") + "\n";
}

function courseSketch(title: string, courses: readonly Course[]): string {
  const lines = courses.map(({ policy, values }) => ({ policy, points: narrowed(values) }));
  const most = Math.max(...lines.flatMap(({ points }) => points));
  const nameWidth = Math.max(...lines.map(({ policy }) => policy.length));
  const drawn = lines.map(({ policy, points }) => {
    const [low, high] = [Math.min(...points), Math.max(...points)];
    const line = sparkline(points, most).padEnd(WIDTH);
    return `${policy.padEnd(nameWidth)}  ${line}  ${micros(low)} to ${micros(high)}`;
  });
  const operations = courses.find((course) => course.operations.length > 0)?.operations ?? [];
  const marks = operations.map(({ at_ns: atNs, what }) => `${(atNs / 1e6).toFixed(0)} ms ${what}`);
  return [title, ...drawn, `${" ".repeat(nameWidth + 2)}${marks.join("; ")}`].join("\n");
}

/** As many values as a line has characters: means of neighbours. */
function narrowed(values: readonly (number | null)[]): number[] {
  const known = values.map((value) => value ?? 0);
  const count = Math.min(WIDTH, known.length);
  return Array.from({ length: count }, (_, index) => {
    const [from, to] = [index, index + 1].map((place) => Math.floor(place * known.length / count));
    return mean(known.slice(from, to));
  });
}

/**
 * Counts as block characters, the largest as a full block, none as a space.
 *
 * @param counts Zero or more each.
 * @param most What a full block stands for; the largest count unless told.
 */
export function sparkline(counts: readonly number[], most = Math.max(...counts)): string {
  return counts.map((count) => {
    if (count === 0) return " ";
    return BLOCKS[Math.min(BLOCKS.length - 1, Math.floor(BLOCKS.length * count / most))]!;
  }).join("").trimEnd();
}

function micros(nanoseconds: number): string {
  const value = nanoseconds / 1000;
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
