/**
 * Confidence interval of a mean by Student's t, for values that are means of many events each, so
 * that they are close to normal. For a median without that assumption see interval.ts.
 *
 * @module
 */

/** A mean and where it lies. */
export interface MeanEstimate {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The mean of at least two values with its two-sided interval.
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
  const count = sample.length;
  if (count < 2) throw new RangeError("Cannot estimate from one value: two or more expected");
  const mean = sample.reduce((sum, value) => sum + value, 0) / count;
  const variance = sample.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  const half = studentQuantile(count - 1, confidence) * Math.sqrt(variance / count);
  return { mean, low: mean - half, high: mean + half };
}

/** t such that |T| <= t with the given probability, by bisection of its distribution. */
export function studentQuantile(freedom: number, confidence: number): number {
  let low = 0;
  let high = 1e4;
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2;
    if (centralProbability(freedom, middle) < confidence) low = middle;
    else high = middle;
  }
  return high;
}

/** P(|T| <= t) for whole degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4). */
function centralProbability(freedom: number, t: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const cosine = Math.cos(angle);
  const isOdd = freedom % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = freedom === 1 ? 0 : term;
  for (let index = isOdd ? 3 : 2; index <= freedom - 2; index += 2) {
    term *= cosine * cosine * (index - 1) / index;
    sum += term;
  }
  const part = Math.sin(angle) * sum;
  return isOdd ? 2 / Math.PI * (angle + part) : part;
}
