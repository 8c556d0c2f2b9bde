/**
 * Turns stored latency histograms into points of a percentile curve.
 *
 * The curve stops where fewer than 10 samples remain (harness/stats/percentile.ts); the maximum
 * belongs into a table, not on a curve, because 100 % lies at infinity on the axis x = 1/(1-q).
 *
 * @module
 */

import { decodeFromCompressedBase64, type Histogram } from "hdr-histogram-js";
import type { RunRecord } from "../../harness/record.ts";
import { estimateMedian, type MedianEstimate } from "../../harness/stats/interval.ts";
import { percentileIsSupported } from "../../harness/stats/percentile.ts";
import { spanName } from "../cells.ts";

/** Points per doubling of 1/(1-q); 4 are dense enough that straight lines between them do. */
export const POINTS_PER_OCTAVE = 4;

/** Counters wide enough for any pool of runs. */
const COUNTER_BITS = 64;

/** Latency at x = 2^(k/POINTS_PER_OCTAVE), k = 0, 1, ...: all runs of a variant pooled. */
export interface PercentileCurve {
  readonly sampleCount: number;
  readonly latencyNs: readonly number[];
  /** Latency at each of TABLE_SHARES; null where the sample is too small. */
  readonly tableNs: readonly (number | null)[];
  /** Quartiles, and where 1 % lie below and above; p99 ends with the largest sample. */
  readonly box: Readonly<Record<"p1" | "p25" | "p50" | "p75" | "p99", number>>;
}

/** Shares of the samples that the table under a curve states. */
export const TABLE_SHARES = [0.5, 0.9, 0.99, 0.999, 0.9999] as const;

/**
 * Pools the histograms of one group over runs and reads the curve.
 *
 * @param records Runs of one variant.
 * @param group Name of the group.
 * @returns null when no run has a sample.
 * @throws Error naming the run whose histogram cannot be decoded.
 */
export function percentileCurve(
  records: readonly RunRecord[],
  group: string,
): PercentileCurve | null {
  let pooled: Histogram | null = null;
  for (const record of records) {
    const histogram = histogramOf(record, group);
    if (histogram === null) continue;
    if (pooled === null) pooled = histogram;
    else pooled.add(histogram);
  }
  if (pooled === null) return null;
  const sampleCount = pooled.totalCount;
  const tableNs = TABLE_SHARES.map((share) =>
    percentileIsSupported(sampleCount, share) ? pooled!.getValueAtPercentile(100 * share) : null
  );
  const [p1, p25, p50, p75, p99] = [1, 25, 50, 75, 99].map((percent) =>
    pooled!.getValueAtPercentile(percent)
  ) as [number, number, number, number, number];
  return { sampleCount, latencyNs: pointsOf(pooled), tableNs, box: { p1, p25, p50, p75, p99 } };
}

/** Latency at each point that the samples support. */
function pointsOf(histogram: Histogram): number[] {
  const latencyNs: number[] = [];
  for (let k = 0; percentileIsSupported(histogram.totalCount, shareAt(k)); k++) {
    latencyNs.push(histogram.getValueAtPercentile(100 * shareAt(k)));
  }
  return latencyNs;
}

/** The samples of a group in one run; null where it has none. */
function histogramOf(record: RunRecord, group: string): Histogram | null {
  const latency = record.measurement.groups.find((each) => each.name === group)?.latency_ns;
  if (latency === null || latency === undefined || latency.count === 0) return null;
  return decode(latency.hdr_v2, record.run_id);
}

/** Ratio of latencies at x = 2^(k/POINTS_PER_OCTAVE), over the seeds that both sides ran. */
export interface DifferenceCurve {
  readonly median: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** What low..high is. */
  readonly span: string;
  /** At each of TABLE_SHARES; null where the smallest sample does not support it. */
  readonly table: readonly (MedianEstimate | null)[];
}

/**
 * Sets each run against the run of the same seed, percentile by percentile.
 *
 * @param records Runs of one variant.
 * @param base Runs of the reference.
 * @returns null where no seed has samples on both sides. Points end with the smallest sample.
 */
export function differenceCurve(
  records: readonly RunRecord[],
  base: readonly RunRecord[],
  group: string,
): DifferenceCurve | null {
  const bySeed = new Map(base.map((record) => [record.seed, record]));
  const pairs = records.flatMap((record) => {
    const other = bySeed.get(record.seed);
    const [own, reference] = [record, other].map((each) =>
      each === undefined ? null : histogramOf(each, group)
    );
    return own && reference ? [[own, reference] as const] : [];
  });
  const smallest = Math.min(...pairs.flat().map((histogram) => histogram.totalCount));
  if (pairs.length === 0 || !percentileIsSupported(smallest, 0)) return null;
  const ratiosAt = (share: number): MedianEstimate =>
    estimateMedian(pairs.map(([own, reference]) =>
      // A latency below 1 ns would be one of the clock.
      own.getValueAtPercentile(100 * share) /
      Math.max(1, reference.getValueAtPercentile(100 * share))
    ));
  const estimates: MedianEstimate[] = [];
  for (let k = 0; percentileIsSupported(smallest, shareAt(k)); k++) {
    estimates.push(ratiosAt(shareAt(k)));
  }
  const rounded = (read: (estimate: MedianEstimate) => number): number[] =>
    estimates.map((estimate) => Number(read(estimate).toPrecision(5)));
  return {
    median: rounded((each) => each.median),
    low: rounded((each) => each.low),
    high: rounded((each) => each.high),
    span: spanName(estimates[0]!),
    table: TABLE_SHARES.map((share) =>
      percentileIsSupported(smallest, share) ? ratiosAt(share) : null
    ),
  };
}

/** Share of the samples at or below point k of a curve. */
function shareAt(k: number): number {
  return 1 - 2 ** (-k / POINTS_PER_OCTAVE);
}

function decode(encoded: string, runId: string): Histogram {
  try {
    const histogram = decodeFromCompressedBase64(encoded, COUNTER_BITS);
    // Runs may have been recorded with different ranges; pooling must not lose the larger one.
    histogram.autoResize = true;
    return histogram;
  } catch (cause) {
    throw new Error(
      `Cannot decode the latency histogram of run "${runId}": want HdrHistogram V2 in base64`,
      { cause },
    );
  }
}
