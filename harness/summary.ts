/**
 * Records to the rows of the terminal table and of `--json`: for every workload, target and group,
 * one row a policy, medians over seeds, and the ratio to the row without a policy. Pure.
 *
 * A run that ended early is left out of every number and counted in `partialCount`.
 *
 * @module
 */

import {
  DEVICE_POLICIES,
  type DevicePolicy,
  type GroupMeasurement,
  type LatencyReport,
  type RunRecord,
} from "./record.ts";
import { estimateMedian, type MedianEstimate, pairedRatios } from "./stats/interval.ts";
import { droppedShare } from "./stats/loss.ts";
import { percentileIsSupported } from "./stats/percentile.ts";
import { coefficientOfVariation, median } from "./stats/quantile.ts";

/** Percentiles of a summary, with their probabilities. */
const PROBABILITIES = { p50: 0.5, p90: 0.9, p99: 0.99, p99_9: 0.999 } as const;
/** Names a percentile of a record. */
export type Percentile = keyof typeof PROBABILITIES;

/** "datagrams": lost of those the group sent. "device": packets dropped of those that came in. */
export interface Loss {
  readonly share: number;
  readonly of: "datagrams" | "device";
}

/** One policy's results for one group: medians over seeds; null where nothing was measured. */
export interface SummaryRow {
  readonly policy: DevicePolicy;
  readonly mechanism: RunRecord["mechanism"];
  readonly run_count: number;
  readonly throughput: MedianEstimate;
  /** Coefficient of variation between runs; null for a single run or a throughput of zero. */
  readonly throughput_cv: number | null;
  /** A percentile is null where no run has samples enough for it; see stats/percentile.ts. */
  readonly latency_ns: Readonly<Record<Percentile, MedianEstimate | null>> | null;
  /** Median share of what was lost, 0..1; null where the target cannot see it. */
  readonly loss: Loss | null;
  /** Of the whole device, not of the group. */
  readonly cpu_utilisation: number | null;
  readonly interrupts_per_second: number | null;
  readonly rx_packets_per_interrupt: number | null;
  /** Of runs with the same seed; null on the base row and where there is no base. */
  readonly throughput_ratio: MedianEstimate | null;
  readonly latency_p99_ratio: MedianEstimate | null;
  readonly steered: "yes" | "no" | "some";
}

/** One table: a group of a workload on a target. */
export interface GroupSummary {
  readonly workload: string;
  readonly title: string;
  readonly target: RunRecord["target"];
  readonly generator: string;
  readonly machine: string | null;
  readonly group: string;
  readonly group_count: number;
  readonly test: GroupMeasurement["test"];
  readonly connections: number;
  readonly loop: GroupMeasurement["loop"];
  readonly throughput_unit: GroupMeasurement["throughput"]["unit"];
  readonly rows: readonly SummaryRow[];
}

/** Everything a bench has to say in a terminal. */
export interface Summary {
  readonly groups: readonly GroupSummary[];
  readonly run_count: number;
  readonly partial_count: number;
  /** Remarks of the runs, each once, with the number of runs that made it. */
  readonly remarks: readonly { readonly text: string; readonly run_count: number }[];
}

type Sample = { readonly record: RunRecord; readonly group: GroupMeasurement };

/** The summary of records, tables in the order in which their first record stands. */
export function summarise(records: readonly RunRecord[]): Summary {
  const tables = new Map<string, Sample[]>();
  const whole = records.filter((record) => record.status === "complete");
  for (const record of whole) {
    for (const group of record.measurement.groups) {
      const key = JSON.stringify([record.target, record.workload, group.name]);
      const samples = tables.get(key);
      if (samples === undefined) tables.set(key, [{ record, group }]);
      else samples.push({ record, group });
    }
  }
  return {
    groups: [...tables.values()].map(summariseGroup),
    run_count: whole.length,
    partial_count: records.length - whole.length,
    remarks: remarksOf(records),
  };
}

function summariseGroup(samples: readonly Sample[]): GroupSummary {
  const { record, group } = samples[0]!;
  const base = samples.filter((sample) => sample.record.policy === "NONE");
  const rows = DEVICE_POLICIES
    .map((policy) => samples.filter((sample) => sample.record.policy === policy))
    .filter((ofPolicy) => ofPolicy.length > 0)
    .map((ofPolicy) => summariseRow(ofPolicy, base));
  return {
    workload: record.workload,
    title: record.workload_title,
    target: record.target,
    generator: record.generator,
    machine: record.machine,
    group: group.name,
    group_count: record.measurement.groups.length,
    test: group.test,
    connections: group.connections,
    loop: group.loop,
    throughput_unit: group.throughput.unit,
    rows,
  };
}

function summariseRow(samples: readonly Sample[], base: readonly Sample[]): SummaryRow {
  const { policy, mechanism } = samples[0]!.record;
  const isBase = policy === "NONE";
  const steered = new Set(samples.map(({ group }) => group.steered));
  return {
    policy,
    mechanism,
    run_count: samples.length,
    throughput: estimateMedian(samples.map(throughputOf)),
    throughput_cv: variationOf(samples.map(throughputOf)),
    latency_ns: latencyOf(samples),
    loss: lossOf(samples),
    cpu_utilisation: medianOf(samples, (sample) => sample.record.measurement.cpu_utilisation),
    interrupts_per_second: medianOf(
      samples,
      ({ record }) => record.measurement.interrupts?.per_second ?? null,
    ),
    rx_packets_per_interrupt: medianOf(
      samples,
      ({ record }) => record.measurement.interrupts?.rx_packets_per_interrupt ?? null,
    ),
    throughput_ratio: isBase ? null : ratioOf(samples, base, throughputOf),
    latency_p99_ratio: isBase ? null : ratioOf(samples, base, latencyP99Of),
    steered: steered.size > 1 ? "some" : steered.has(true) ? "yes" : "no",
  };
}

function variationOf(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const variation = coefficientOfVariation(values);
  return Number.isNaN(variation) ? null : variation;
}

function throughputOf({ group }: Sample): number {
  return group.throughput.value;
}

function latencyP99Of({ group }: Sample): number | null {
  const latency = group.latency_ns ?? group.latency_reported_ns;
  return latency === undefined ? null : percentileOf(latency, "p99");
}

function percentileOf(latency: LatencyReport, key: Percentile): number | null {
  return percentileIsSupported(latency.count, PROBABILITIES[key]) ? latency[key] ?? null : null;
}

function latencyOf(samples: readonly Sample[]): SummaryRow["latency_ns"] {
  const summaries = samples.flatMap(({ group }) =>
    group.latency_ns ?? group.latency_reported_ns ?? []
  );
  if (summaries.length === 0) return null;
  const of = (key: Percentile): MedianEstimate | null => {
    const known = summaries.flatMap((summary) => percentileOf(summary, key) ?? []);
    return known.length === 0 ? null : estimateMedian(known);
  };
  return { p50: of("p50"), p90: of("p90"), p99: of("p99"), p99_9: of("p99_9") };
}

function lossOf(samples: readonly Sample[]): Loss | null {
  const losses = samples.flatMap((sample) => lossOfRun(sample) ?? []);
  const [first] = losses;
  if (first === undefined) return null;
  return { share: median(losses.map(({ share }) => share)), of: first.of };
}

function lossOfRun({ record, group }: Sample): Loss | null {
  const { datagrams } = group;
  if (datagrams !== undefined) {
    return datagrams.sent === 0
      ? null
      : { share: datagrams.lost / datagrams.sent, of: "datagrams" };
  }
  const share = droppedShare(record.measurement);
  return share === null ? null : { share, of: "device" };
}

function medianOf(
  samples: readonly Sample[],
  value: (sample: Sample) => number | null,
): number | null {
  const known = samples.flatMap((sample) => value(sample) ?? []);
  return known.length === 0 ? null : median(known);
}

/** Ratio to the base over pairs of runs with the same seed; null without a pair. */
function ratioOf(
  samples: readonly Sample[],
  base: readonly Sample[],
  value: (sample: Sample) => number | null,
): MedianEstimate | null {
  const bySeed = (side: readonly Sample[]): Map<number, number> =>
    new Map(side.flatMap((sample) => {
      const known = value(sample);
      return known === null ? [] : [[sample.record.seed, known]];
    }));
  const ratios = pairedRatios(bySeed(samples), bySeed(base));
  return ratios.length === 0 ? null : estimateMedian(ratios);
}

function remarksOf(records: readonly RunRecord[]): Summary["remarks"] {
  const counts = new Map<string, number>();
  for (const text of records.flatMap((record) => record.measurement.remarks)) {
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts].map(([text, run_count]) => ({ text, run_count }));
}
