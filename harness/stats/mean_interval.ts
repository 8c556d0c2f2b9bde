/**
 * Confidence interval of a mean by Student's t, for values that are means of many events each, so
 * that they are close to normal. For a median without that assumption see interval.ts, for a mean
 * of skewed values bootstrap.ts.
 *
 * @module
 */

import { studentQuantile } from "./distribution.ts";
import { Moments } from "./moments.ts";

/** A mean and where it lies. */
export interface MeanEstimate {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The mean of at least two values with its two-sided interval, mean +- t s / sqrt(n) (Student,
 * "The Probable Error of a Mean", Biometrika 6, 1908). Exact for normal values; with 30 log-normal
 * values (sigma 1) it covers the mean in less than 90 % of samples instead of 95 %.
 *
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const { mean, high } = meanInterval([1, 2, 3], 0.95);
 * assert.equal(mean, 2);
 * assert.ok(Math.abs(high - 2 - 4.3027 / Math.sqrt(3)) < 1e-3);
 * ```
 */
export function meanInterval(sample: readonly number[], confidence: number): MeanEstimate {
  const { count, mean, variance } = Moments.of(sample);
  if (count < 2) throw new RangeError("Cannot estimate from one value: two or more expected");
  const half = studentQuantile((1 + confidence) / 2, count - 1) * Math.sqrt(variance / count);
  return { mean, low: mean - half, high: mean + half };
}
