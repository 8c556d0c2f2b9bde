/**
 * Records in the formats of other tools, so that the lab is a source for dashboards that are there
 * already. Nothing is judged; what a format cannot hold is left out and said below.
 *
 * @module
 */

import type { RunRecord } from "../harness/record.ts";
import { estimateMedian } from "../harness/stats/interval.ts";
import { groupBy } from "./cells.ts";
import { type Direction, type Metric, metricsOf } from "./metrics.ts";

/** Formats by the name that `export --format` takes. */
export const EXPORTS = {
  csv: toCsv,
  benchstat: toBenchstat,
  customSmallerIsBetter: (records: readonly RunRecord[]) => toActionBenchmark(records, "lower"),
  customBiggerIsBetter: (records: readonly RunRecord[]) => toActionBenchmark(records, "higher"),
  bencher: toBencher,
} as const satisfies Record<string, (records: readonly RunRecord[]) => string>;

/** One of the formats. */
export type ExportFormat = keyof typeof EXPORTS;

/** What is the same for all seeds of a series. */
function seriesName({ workload, target, mechanism, policy }: RunRecord): string {
  return `${workload}/${target}/${mechanism}/${policy}`;
}

const CSV_HEAD =
  "workload,target,generator,mechanism,policy,seed,status,metric,value,unit,direction\r\n";

/** CSV of RFC 4180: one line a metric and run; an empty value where the target cannot see it. */
function toCsv(records: readonly RunRecord[]): string {
  const lines = records.flatMap((record) => {
    const { workload, target, generator, mechanism, policy, seed, status } = record;
    return metricsOf(record).map(({ id, value, unit, direction }) =>
      [workload, target, generator, mechanism, policy, seed, status, id, value, unit, direction]
        .map(csvField).join(",")
    );
  });
  return CSV_HEAD + lines.map((line) => `${line}\r\n`).join("");
}

function csvField(value: string | number | null): string {
  const text = value === null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * The Go benchmark format that benchstat reads: one line a run with every metric as a unit of its
 * own, since benchstat compares by unit, and Unit lines that say which way is good and that model
 * runs are exact. The iteration count, which the format demands, is 1.
 */
function toBenchstat(records: readonly RunRecord[]): string {
  const units = new Map<string, string>();
  const lines = records.map((record) => {
    const { workload, target, mechanism, policy } = record;
    const parts = { workload, target, mechanism, policy };
    const path = Object.entries(parts).map(([key, value]) => `/${key}=${word(value)}`).join("");
    const values = metricsOf(record).flatMap(({ id, value, unit, direction }) => {
      if (value === null) return [];
      const name = `${word(id)}:${word(unit)}`;
      const better = direction === "neutral" ? "" : ` better=${direction}`;
      units.set(name, `Unit ${name}${better}${target === "live" ? "" : " assume=exact"}`);
      return [`${value} ${name}`];
    });
    return `BenchmarkLab${path} 1 ${values.join(" ")}`;
  });
  return [...[...units.values()].filter((line) => line.includes("=")), "", ...lines, ""].join("\n");
}

/** White space ends a field of the Go format. */
function word(text: string): string {
  return text.replace(/\s+/g, "_");
}

/** Metrics of all seeds of a series with their median. */
function medians(
  records: readonly RunRecord[],
): { name: string; metric: Metric; values: number[] }[] {
  return [...groupBy(records, seriesName)].flatMap(([name, runs]) => {
    const metrics = runs.flatMap(metricsOf);
    return [...groupBy(metrics, (metric) => metric.id).values()].flatMap((same) => {
      const values = same.flatMap(({ value }) => value ?? []);
      return values.length === 0 ? [] : [{ name, metric: same[0]!, values }];
    });
  });
}

/**
 * The list that github-action-benchmark reads as `customSmallerIsBetter` or `customBiggerIsBetter`:
 * one file a direction. Value is the median over seeds, range where it lies; neutral metrics have
 * no place there.
 */
function toActionBenchmark(records: readonly RunRecord[], direction: Direction): string {
  const entries = medians(records).filter(({ metric }) => metric.direction === direction)
    .map(({ name, metric, values }) => {
      const { median, low, high, kind } = estimateMedian(values);
      const extra = `${values.length} seeds; ${kind === "range" ? "range" : "95 % interval"}`;
      const range = `${low} to ${high}`;
      return { name: `${name} ${metric.id}`, unit: metric.unit, value: median, range, extra };
    });
  return `${JSON.stringify(entries, null, 2)}\n`;
}

/**
 * Bencher Metric Format: measures by benchmark, median and where it lies. The group is part of the
 * benchmark's name (1024 characters there), so that a measure (64) means the same everywhere; its
 * unit is part of the measure's.
 */
function toBencher(records: readonly RunRecord[]): string {
  const benchmarks: Record<string, Record<string, unknown>> = {};
  for (const { name, metric: { group, key, unit }, values } of medians(records)) {
    const { median, low, high } = estimateMedian(values);
    const benchmark = group === null ? name : `${name} ${group}`;
    const entry = { value: median, lower_value: low, upper_value: high };
    benchmarks[benchmark] = { ...benchmarks[benchmark], [`${key} (${unit})`]: entry };
  }
  return `${JSON.stringify(benchmarks, null, 2)}\n`;
}
