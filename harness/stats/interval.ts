/**
 * The median of a sample with the honest statement of how sure it is: an exact confidence
 * interval where the sample is large enough for one, the range where it is not.
 * Never assumes a distribution and never prints an interval made from three values.
 *
 * @module
 */

import { binomialBelow, quantileRanks } from "./binomial.ts";
import { ascending, median } from "./quantile.ts";

/** Where a median lies. */
export interface MedianEstimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** What low..high is. "range": smallest and largest value; too few values for an interval. */
  readonly kind: "confidence" | "range";
  /** Probability that the interval covers the median; null for a range. */
  readonly coverage: number | null;
  readonly count: number;
}

/**
 * Median with an interval between order statistics, exact for any continuous distribution
 * (Conover, Practical Nonparametric Statistics, 3rd ed., 3.2: interval for a quantile).
 * The interval is the narrowest symmetric one that covers at least `confidence`.
 */
export function estimateMedian(
  sample: readonly number[],
  confidence: number = 0.95,
): MedianEstimate {
  const sorted = ascending(sample);
  const count = sorted.length;
  const middle = median(sorted);
  const rank = intervalRank(count, confidence);
  if (rank === 0) {
    const [low, high] = [sorted[0]!, sorted[count - 1]!];
    return { median: middle, low, high, kind: "range", coverage: null, count };
  }
  return {
    median: middle,
    low: sorted[rank - 1]!,
    high: sorted[count - rank]!,
    kind: "confidence",
    coverage: coverageOf(count, rank),
    count,
  };
}

/**
 * Rank r, from 1, such that order statistics r and n + 1 - r enclose the median with at least
 * `confidence`; 0 when even the extremes do not (n < 6 for 95 %).
 */
export function intervalRank(count: number, confidence: number): number {
  return quantileRanks(count, 0.5, confidence)?.low ?? 0;
}

/** Probability that order statistics `rank` and `count + 1 - rank` enclose the median. */
export function coverageOf(count: number, rank: number): number {
  return 1 - 2 * binomialBelow(count, 0.5, rank);
}

/**
 * Ratios of paired runs: value over base for every key (a seed) that both sides have, so that what
 * a seed does to both sides cancels. Pairs with a base of zero are left out.
 */
export function pairedRatios(
  values: ReadonlyMap<number, number>,
  bases: ReadonlyMap<number, number>,
): number[] {
  const ratios: number[] = [];
  for (const [key, value] of values) {
    const base = bases.get(key);
    if (base !== undefined && base !== 0) ratios.push(value / base);
  }
  return ratios;
}
