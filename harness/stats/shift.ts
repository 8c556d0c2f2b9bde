/**
 * How far one sample lies from another: the shift of Hodges and Lehmann with the interval that
 * belongs to the rank-sum test, and the test that a shift is too small to matter.
 *
 * @module
 */

import { quantileOfSorted } from "./quantile.ts";
import { rankSum, rankSumCritical } from "./rank_sum.ts";

/** A shift and where it lies. */
export interface ShiftEstimate {
  readonly shift: number;
  /** -Infinity where the samples are too small for the confidence. */
  readonly low: number;
  /** Infinity where the samples are too small for the confidence. */
  readonly high: number;
}

/**
 * Median of all differences candidate - base, with the interval of all shifts that the two-sided
 * rank-sum test does not reject (J. Hodges, E. Lehmann, "Estimates of Location Based on Rank
 * Tests", 1963; M. Hollander, D. Wolfe, Nonparametric Statistical Methods, 4.3). Exact where the
 * samples differ by a shift only and hold no ties; unequal spread of equally large samples costs
 * little. For a ratio give logarithms.
 *
 * @throws {RangeError} for an empty sample.
 */
export function hodgesLehmann(
  base: readonly number[],
  candidate: readonly number[],
  confidence: number,
): ShiftEstimate {
  if (base.length === 0 || candidate.length === 0) {
    throw new RangeError("Cannot estimate a shift of an empty sample: one value or more expected");
  }
  const differences = new Float64Array(base.length * candidate.length);
  let at = 0;
  for (const value of candidate) for (const old of base) differences[at++] = value - old;
  differences.sort();
  const beyond = rankSumCritical(base.length, candidate.length, (1 - confidence) / 2);
  return {
    shift: quantileOfSorted(differences, 0.5),
    low: beyond === 0 ? -Infinity : differences[beyond - 1]!,
    high: beyond === 0 ? Infinity : differences[differences.length - beyond]!,
  };
}

/**
 * Two one-sided tests of equivalence by ranks: the probability of these samples if the shift were
 * `margin` or more in either direction. Small means that the samples are as good as equal. The
 * principle is of D. Schuirmann, "A Comparison of the Two One-Sided Tests Procedure and the Power
 * Approach", 1987; by ranks see S. Wellek, Testing Statistical Hypotheses of Equivalence, 2nd ed.
 *
 * At level a it agrees with the interval of confidence 1 - 2 a lying within the margin.
 *
 * @param margin Largest shift that does not matter, above 0, in the unit of the values.
 */
export function equivalenceP(
  base: readonly number[],
  candidate: readonly number[],
  margin: number,
): number {
  if (!(margin > 0)) throw new RangeError(`Cannot use margin "${margin}": accepted is above 0`);
  const above = rankSum(base.map((value) => value - margin), candidate).pGreater;
  const below = rankSum(base.map((value) => value + margin), candidate).pLess;
  return Math.max(above, below);
}
