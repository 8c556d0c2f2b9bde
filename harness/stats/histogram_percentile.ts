/**
 * Percentiles of a histogram with the interval that its counts support. For the rule when a
 * percentile may be stated at all see percentile.ts.
 *
 * @module
 */

import { quantileRanks } from "./binomial.ts";

/** One bucket; buckets come in the order of their values. */
export interface Bucket {
  readonly value: number;
  readonly count: number;
}

/** Where a percentile lies. */
export interface Interval {
  readonly low: number;
  readonly high: number;
  /** Exact probability that it covers the percentile; at least the confidence asked for. */
  readonly coverage: number;
}

/** A percentile and where it lies. */
export interface PercentileEstimate {
  readonly value: number;
  /** null where the histogram has too few values beyond the percentile for an end. */
  readonly interval: Interval | null;
}

/**
 * The smallest bucket that holds a share `probability` of all values, as HdrHistogram has it, and
 * the buckets of the order statistics that enclose it (see {@link quantileRanks}). The values must
 * be independent: of one run they are not quite, so the interval tells what the count allows and
 * not how far another run may lie; that only other seeds tell. A bucket's width comes on top.
 *
 * @throws {RangeError} for a histogram without a value.
 */
export function percentileOf(
  buckets: readonly Bucket[],
  probability: number,
  confidence: number,
): PercentileEstimate {
  const count = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  if (!(count > 0)) throw new RangeError("Cannot take a percentile of an empty histogram");
  const value = valueOfRank(buckets, Math.max(1, Math.ceil(probability * count - 1e-9)));
  const ranks = quantileRanks(count, probability, confidence);
  if (ranks === null) return { value, interval: null };
  const [low, high] = [valueOfRank(buckets, ranks.low), valueOfRank(buckets, ranks.high)];
  return { value, interval: { low, high, coverage: ranks.coverage } };
}

/** Value of the bucket with the order statistic of a rank, from 1. */
function valueOfRank(buckets: readonly Bucket[], rank: number): number {
  let seen = 0;
  for (const bucket of buckets) {
    seen += bucket.count;
    if (seen >= rank) return bucket.value;
  }
  return buckets.at(-1)!.value;
}
