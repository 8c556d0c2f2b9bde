/**
 * Latency histograms: the one place where a `LatencySummary` is made, for the model, live hosts and
 * the mock alike, so that a percentile means the same everywhere.
 *
 * HdrHistogram, three significant digits: a value is known to 0.1 %. A percentile p is the upper
 * end of the bucket that holds the value of rank ceil(p * count). Unit everywhere: nanosecond.
 *
 * @module
 */

import * as hdr from "hdr-histogram-js";
import type { LatencySummary } from "./record.ts";

/** Longest latency that can be recorded: one hour. Longer ones count as one hour. */
export const LATENCY_NS_MAX = 3_600_000_000_000;
const SIGNIFICANT_DIGITS = 3;
const COUNTER_BITS = 64;

/**
 * How many values an encoded histogram holds.
 *
 * @param encoded HdrHistogram V2, compressed, base64: the field `hdr_v2` of a record.
 * @returns null where it cannot be decoded.
 */
export function countInHistogram(encoded: string): number | null {
  try {
    return hdr.decodeFromCompressedBase64(encoded, COUNTER_BITS).totalCount;
  } catch {
    return null;
  }
}

/** Values at percentiles of a summary, nanoseconds, by the rule of all percentiles of the lab. */
export function percentilesOf(latency: LatencySummary, percents: readonly number[]): number[] {
  const histogram = hdr.decodeFromCompressedBase64(latency.hdr_v2, COUNTER_BITS);
  return percents.map((percent) => Math.min(histogram.getValueAtPercentile(percent), latency.max));
}

/** Bins of equal width on a logarithmic axis. */
export interface BinAxis {
  /** Nanoseconds, above 0. */
  readonly least: number;
  /** Nanoseconds, above `least`. */
  readonly most: number;
  readonly count: number;
}

/** How many transactions of several summaries fall into each bin; those outside go to the ends. */
export function latencyBins(summaries: readonly LatencySummary[], axis: BinAxis): number[] {
  const bins = new Array<number>(axis.count).fill(0);
  const width = Math.log(axis.most / axis.least) / axis.count;
  for (const { hdr_v2: encoded } of summaries) {
    // Decoding makes this kind unless WebAssembly was asked for.
    const histogram = hdr.decodeFromCompressedBase64(encoded, COUNTER_BITS) as hdr.JsHistogram;
    for (let index = 0; index < histogram.countsArrayLength; index++) {
      const count = histogram.getCountAtIndex(index);
      if (count === 0) continue;
      const value = Math.max(1, histogram.valueFromIndex(index));
      const bin = Math.floor(Math.log(value / axis.least) / width);
      bins[Math.max(0, Math.min(axis.count - 1, bin))]! += count;
    }
  }
  return bins;
}

/** Collects latencies of one group. */
export class LatencyHistogram {
  readonly #histogram: hdr.Histogram = hdr.build({
    bitBucketSize: COUNTER_BITS,
    autoResize: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_NS_MAX,
    numberOfSignificantValueDigits: SIGNIFICANT_DIGITS,
  });
  #least = Infinity;
  #most = 0;

  /** Records `count` transactions of one latency, rounded to whole nanoseconds. */
  record(latencyNs: number, count: number = 1): void {
    if (!(latencyNs >= 0)) throw new RangeError(`Cannot record the latency "${latencyNs}"`);
    if (count === 0) return;
    const value = Math.min(Math.round(latencyNs), LATENCY_NS_MAX);
    this.#histogram.recordValueWithCount(value, count);
    this.#least = Math.min(this.#least, value);
    this.#most = Math.max(this.#most, value);
  }

  /** Forgets everything, for the end of the warm-up. */
  reset(): void {
    this.#histogram.reset();
    this.#least = Infinity;
    this.#most = 0;
  }

  /**
   * The summary, or null when nothing was recorded.
   *
   * @param exact Nanoseconds that a caller knows better than buckets do.
   */
  summary(exact: { min?: number; max?: number; mean?: number } = {}): LatencySummary | null {
    const histogram = this.#histogram;
    if (histogram.totalCount === 0) return null;
    const most = exact.max ?? this.#most;
    const percentile = (percent: number): number =>
      Math.min(histogram.getValueAtPercentile(percent), most);
    return {
      count: histogram.totalCount,
      min: exact.min ?? this.#least,
      mean: rounded(exact.mean ?? histogram.mean),
      stddev: rounded(histogram.stdDeviation),
      p50: percentile(50),
      p90: percentile(90),
      p99: percentile(99),
      p99_9: percentile(99.9),
      max: most,
      hdr_v2: hdr.encodeIntoCompressedBase64(histogram),
    };
  }
}

/** To a thousandth of a nanosecond: more digits are noise of the summation. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
