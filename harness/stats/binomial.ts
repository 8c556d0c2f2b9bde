/**
 * Ranks between which a quantile lies: the one fact behind intervals that assume no distribution.
 *
 * @module
 */

import { normalQuantile } from "./distribution.ts";

/** Terms of a sum smaller than this share of the largest are left out. */
const NEGLIGIBLE = 1e-18;

/**
 * P(X < limit) for X binomial: `count` trials that succeed with `probability`, summed from the mode
 * outwards in units of its largest term, so that neither side underflows for a large `count`.
 */
export function binomialBelow(count: number, probability: number, limit: number): number {
  if (limit <= 0) return 0;
  if (limit > count) return 1;
  if (probability <= 0 || probability >= 1) return probability <= 0 ? 1 : 0;
  const mode = Math.min(count, Math.floor((count + 1) * probability));
  const odds = probability / (1 - probability);
  let below = 0;
  let all = 0;
  const take = (successes: number, term: number): void => {
    all += term;
    if (successes < limit) below += term;
  };
  take(mode, 1);
  for (let term = 1, at = mode; at > 0 && term > NEGLIGIBLE; at--) {
    term *= at / ((count - at + 1) * odds);
    take(at - 1, term);
  }
  for (let term = 1, at = mode; at < count && term > NEGLIGIBLE; at++) {
    term *= (count - at) * odds / (at + 1);
    take(at + 1, term);
  }
  return below / all;
}

/** Order statistics around a quantile. */
export interface QuantileRanks {
  /** Ranks from 1 to the size of the sample. */
  readonly low: number;
  readonly high: number;
  /** Exact probability that they enclose the quantile of a continuous distribution. */
  readonly coverage: number;
}

/**
 * Ranks whose order statistics enclose a quantile with at least `confidence`, at most (1 -
 * confidence) / 2 beyond either side (W. J. Conover, Practical Nonparametric Statistics, 3rd ed.,
 * 3.2).
 *
 * @returns null where even the extremes of a sample of this size do not.
 */
export function quantileRanks(
  count: number,
  probability: number,
  confidence: number,
): QuantileRanks | null {
  const tail = (1 - confidence) / 2;
  // P(X_(low) > q) = P(Binomial < low): the largest rank for which that is allowed.
  const start = count * probability +
    normalQuantile(tail) * Math.sqrt(count * probability * (1 - probability));
  let low = Math.min(count, Math.max(1, Math.round(start)));
  while (low > 0 && binomialBelow(count, probability, low) > tail) low--;
  while (low < count && binomialBelow(count, probability, low + 1) <= tail) low++;
  let high = Math.max(low + 1, Math.round(2 * count * probability - start));
  while (high > low + 1 && 1 - binomialBelow(count, probability, high - 1) <= tail) high--;
  while (high <= count && 1 - binomialBelow(count, probability, high) > tail) high++;
  if (low < 1 || high > count) return null;
  const coverage = binomialBelow(count, probability, high) -
    binomialBelow(count, probability, low);
  return { low, high, coverage };
}
