/**
 * Quantiles, median, mean and spread of a small sample. Pure; never drops an outlier.
 *
 * @module
 */

import { Moments } from "./moments.ts";

/**
 * Sample quantile of type 7 of Hyndman & Fan, "Sample Quantiles in Statistical Packages",
 * The American Statistician 50 (1996): linear between order statistics, the default of R and NumPy.
 *
 * @param probability 0..1.
 * @throws {RangeError} for an empty sample or a probability outside 0..1.
 */
export function quantile(sample: readonly number[], probability: number): number {
  if (sample.length === 0) throw new RangeError("Cannot take a quantile of an empty sample");
  if (!(probability >= 0 && probability <= 1)) {
    throw new RangeError(`Cannot take the quantile "${probability}": accepted is 0 to 1`);
  }
  return quantileOfSorted(ascending(sample), probability);
}

/** {@link quantile} of one value or more that are in order, without a check. */
export function quantileOfSorted(sorted: ArrayLike<number>, probability: number): number {
  const position = (sorted.length - 1) * probability;
  const below = Math.floor(position);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (position - below) * (high - low);
}

/** Middle value; the mean of the middle two for an even count. */
export function median(sample: readonly number[]): number {
  return quantile(sample, 0.5);
}

/** Arithmetic mean. */
export function mean(sample: readonly number[]): number {
  if (sample.length === 0) throw new RangeError("Cannot take the mean of an empty sample");
  return Moments.of(sample).mean;
}

/** Sample standard deviation, n - 1 in the denominator. */
export function standardDeviation(sample: readonly number[]): number {
  if (sample.length < 2) throw new RangeError("Cannot take a deviation of fewer than two values");
  return Math.sqrt(Moments.of(sample).variance);
}

/** Standard deviation over mean: spread without unit. NaN for a mean of zero. */
export function coefficientOfVariation(sample: readonly number[]): number {
  const centre = mean(sample);
  return centre === 0 ? NaN : standardDeviation(sample) / Math.abs(centre);
}

/** A sorted copy. */
export function ascending(sample: readonly number[]): number[] {
  return [...sample].sort((left, right) => left - right);
}
