/**
 * Distributions that tests and intervals stand on, from the library jStat, under one set of names.
 * Good to 1e-6 relative for probabilities from 1e-9 to 1 - 1e-9, which no verdict needs finer.
 * Never computes a test; see rank_sum.ts, mean_interval.ts, power.ts.
 *
 * @module
 */

import jstat from "jstat";

/** The part of jStat that is used; the package has no types of its own. */
interface JStat {
  readonly normal: {
    cdf(value: number, mean: number, deviation: number): number;
    inv(probability: number, mean: number, deviation: number): number;
  };
  readonly studentt: {
    cdf(value: number, freedom: number): number;
    inv(probability: number, freedom: number): number;
  };
  readonly noncentralt: {
    cdf(value: number, freedom: number, noncentrality: number): number;
  };
}

const { normal, studentt, noncentralt } = (jstat as { jStat: JStat }).jStat;

/** P(Z <= value) of the standard normal distribution. */
export function normalCdf(value: number): number {
  return normal.cdf(value, 0, 1);
}

/** z with P(Z <= z) = probability; -Infinity and Infinity at 0 and 1. */
export function normalQuantile(probability: number): number {
  refuseImprobable(probability);
  if (probability === 0 || probability === 1) return probability === 0 ? -Infinity : Infinity;
  return normal.inv(probability, 0, 1);
}

/**
 * P(T <= value) of Student's t.
 *
 * @param freedom Degrees of freedom, above 0; need not be whole (Welch).
 */
export function studentCdf(value: number, freedom: number): number {
  return studentt.cdf(value, freedom);
}

/**
 * t with P(T <= t) = probability, for one side: the factor of a two-sided interval of confidence c
 * is that of (1 + c) / 2.
 *
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(studentQuantile(0.975, 9).toFixed(3), "2.262");
 * ```
 */
export function studentQuantile(probability: number, freedom: number): number {
  refuseImprobable(probability);
  if (probability === 0 || probability === 1) return probability === 0 ? -Infinity : Infinity;
  return studentt.inv(probability, freedom);
}

/** P(T <= value) of the noncentral t; `noncentrality` is the mean of the numerator. */
export function noncentralStudentCdf(
  value: number,
  freedom: number,
  noncentrality: number,
): number {
  return noncentralt.cdf(value, freedom, noncentrality);
}

function refuseImprobable(probability: number): void {
  if (probability >= 0 && probability <= 1) return;
  throw new RangeError(`Cannot use probability "${probability}": accepted is 0 to 1`);
}
