/**
 * What a comparison of this size could have seen, so that "no difference" means something.
 *
 * @module
 */

import { noncentralStudentCdf, studentQuantile } from "./distribution.ts";

/**
 * Efficiency of the rank-sum test beside Student's for normal values, 3 / pi; for heavier tails it
 * is better than Student's, and never below 0.864 (E. Lehmann, Nonparametrics, 2.4).
 */
const RANK_EFFICIENCY = 3 / Math.PI;

/** A comparison of two samples of the same size. */
export interface Comparison {
  /** Values on each side, 2 or more. */
  readonly count: number;
  /** Level of the test, both sides together. */
  readonly alpha: number;
}

/**
 * Chance that Student's two-sided test of two equally large normal samples sees a difference: from
 * the noncentral t with 2 n - 2 degrees of freedom (J. Cohen, Statistical Power Analysis, 2nd ed.,
 * ch. 2), what R's power.t.test(strict = FALSE) gives.
 *
 * @param effect Difference over the standard deviation of one side.
 */
export function studentPower(effect: number, { count, alpha }: Comparison): number {
  const freedom = 2 * count - 2;
  if (!(freedom > 0)) throw new RangeError("Cannot test with one value a side: two or more");
  const limit = studentQuantile(1 - alpha / 2, freedom);
  return 1 - noncentralStudentCdf(limit, freedom, Math.abs(effect) * Math.sqrt(count / 2));
}

/** {@link studentPower} of the rank-sum test: as if only {@link RANK_EFFICIENCY} of the values. */
export function rankSumPower(effect: number, { count, alpha }: Comparison): number {
  return studentPower(effect, { count: Math.max(2, count * RANK_EFFICIENCY), alpha });
}

/** Found effects: every metric of a comparison asks for the same one. */
const effects = new Map<string, number>();

/**
 * Smallest difference that the rank-sum test sees with a chance of `power`, in standard deviations
 * of one side, by bisection.
 */
export function detectableEffect(comparison: Comparison, power: number): number {
  const key = `${comparison.count},${comparison.alpha},${power}`;
  const known = effects.get(key);
  if (known !== undefined) return known;
  let [low, high] = [0, 1];
  while (rankSumPower(high, comparison) < power && high < 1e6) high *= 2;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (rankSumPower(middle, comparison) < power) low = middle;
    else high = middle;
  }
  effects.set(key, high);
  return high;
}

/**
 * Level to spend at each of `looks` equally spaced looks at growing data, so that all together
 * spend `alpha`: the increments of the spending function alpha ln(1 + (e - 1) t) of K. Lan and D.
 * DeMets, "Discrete Sequential Boundaries for Clinical Trials", Biometrika 70, 1983. Each increment
 * is used as the level of its look (Bonferroni), which errs on the quiet side.
 */
export function spentAlpha(alpha: number, looks: number): number[] {
  const spent = (share: number): number => alpha * Math.log(1 + (Math.E - 1) * share);
  return Array.from(
    { length: looks },
    (_, look) => spent((look + 1) / looks) - spent(look / looks),
  );
}
