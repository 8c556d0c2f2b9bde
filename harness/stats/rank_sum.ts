/**
 * Whether one of two samples tends to larger values: the rank-sum test of Wilcoxon, Mann and
 * Whitney, and the size of that tendency. Assumes no distribution, only independent values.
 * Never says how much larger; see shift.ts.
 *
 * @module
 */

import { normalCdf, normalQuantile } from "./distribution.ts";

/** Values in both samples together up to which the distribution is counted, not approximated. */
const EXACT_COUNT_MAX = 50;

/** What a comparison of two samples by ranks found. */
export interface RankSum {
  /** Pairs (base, candidate) in which the candidate is larger; a tie counts half. */
  readonly u: number;
  /** Probability of a result this far from n m / 2, or farther, if nothing differs. */
  readonly pTwoSided: number;
  /** Of a `u` this small or smaller. */
  readonly pLess: number;
  /** Of a `u` this large or larger. */
  readonly pGreater: number;
  /**
   * Cliff's delta, 2 u / (n m) - 1: P(candidate > base) - P(candidate < base), from -1 to 1 (N.
   * Cliff, "Dominance Statistics", Psychological Bulletin 114, 1993). |delta| below 0.147 is called
   * negligible, below 0.33 small (J. Romano et al., 2006).
   */
  readonly delta: number;
  /** Whether the probabilities are counted, ties included, or from the normal approximation. */
  readonly isExact: boolean;
}

/**
 * Compares two samples (H. Mann, D. Whitney, "On a Test of Whether One of Two Random Variables is
 * Stochastically Larger than the Other", 1947). Up to EXACT_COUNT_MAX values the distribution is
 * counted over all ways to part the pooled values, so ties are exact, too (B. Streitberg, J.
 * Roehmel, "Exact Distributions for Permutation and Rank Tests", 1986); above it the normal
 * approximation with correction for ties and continuity is used.
 *
 * @throws {RangeError} for an empty sample.
 */
export function rankSum(base: readonly number[], candidate: readonly number[]): RankSum {
  const [baseCount, count] = [base.length, candidate.length];
  if (baseCount === 0 || count === 0) {
    throw new RangeError("Cannot compare with an empty sample: one value or more expected");
  }
  const ranks = doubledRanks([...candidate, ...base]);
  const doubledSum = ranks.slice(0, count).reduce((sum, rank) => sum + rank, 0);
  const u = (doubledSum - count * (count + 1)) / 2;
  const delta = 2 * u / (baseCount * count) - 1;
  const isExact = baseCount + count <= EXACT_COUNT_MAX;
  const [pLess, pGreater] = !isExact
    ? normalTails(ranks, count, u)
    : new Set(ranks).size === ranks.length
    ? [
      untiedBelow(baseCount, count, u + 1),
      untiedBelow(baseCount, count, baseCount * count - u + 1),
    ]
    : countedTails(ranks, count, doubledSum);
  return {
    u,
    delta,
    isExact,
    pLess,
    pGreater,
    pTwoSided: Math.min(1, 2 * Math.min(pLess, pGreater)),
  };
}

/** Twice the mean rank of each value, which is whole also for ties. */
function doubledRanks(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).sort((a, b) => values[a]! - values[b]!);
  const ranks = new Array<number>(values.length);
  for (let first = 0; first < order.length;) {
    let end = first + 1;
    while (end < order.length && values[order[end]!] === values[order[first]!]) end++;
    for (let at = first; at < end; at++) ranks[order[at]!] = first + end + 1;
    first = end;
  }
  return ranks;
}

/**
 * Share of the ways to choose `count` of the ranks whose sum is at most, and at least, `sum`. The
 * counts stay below C(50, 25) = 1.3e14 and so are whole numbers without rounding.
 */
function countedTails(ranks: readonly number[], count: number, sum: number): [number, number] {
  const total = ranks.reduce((all, rank) => all + rank, 0);
  const width = total + 1;
  const ways = new Float64Array((count + 1) * width);
  ways[0] = 1;
  let reached = 0;
  ranks.forEach((rank, taken) => {
    reached += rank;
    for (let chosen = Math.min(count, taken + 1); chosen >= 1; chosen--) {
      const [to, from] = [chosen * width, (chosen - 1) * width - rank];
      for (let at = reached; at >= rank; at--) ways[to + at]! += ways[from + at]!;
    }
  });
  let [below, at, above] = [0, 0, 0];
  for (let each = 0; each <= total; each++) {
    const found = ways[count * width + each]!;
    if (each < sum) below += found;
    else if (each > sum) above += found;
    else at += found;
  }
  const all = below + at + above;
  return [(below + at) / all, (above + at) / all];
}

function normalTails(ranks: readonly number[], count: number, u: number): [number, number] {
  const all = ranks.length;
  const middle = count * (all - count) / 2;
  const tied = new Map<number, number>();
  for (const rank of ranks) tied.set(rank, (tied.get(rank) ?? 0) + 1);
  const ties = [...tied.values()].reduce((sum, size) => sum + size ** 3 - size, 0);
  const variance = count * (all - count) / 12 * (all + 1 - ties / (all * (all - 1)));
  if (variance === 0) return [1, 1];
  const deviation = Math.sqrt(variance);
  return [
    normalCdf((u - middle + 0.5) / deviation),
    normalCdf((middle - u + 0.5) / deviation),
  ];
}

/**
 * Largest k for which P(U < k) <= `tail` if nothing differs and nothing is tied: the number of
 * differences that lie beyond an interval of that tail.
 */
export function rankSumCritical(baseCount: number, count: number, tail: number): number {
  const middle = baseCount * count / 2;
  if (baseCount + count > EXACT_COUNT_MAX) {
    const deviation = Math.sqrt(middle * (baseCount + count + 1) / 6);
    const limit = Math.floor(middle + normalQuantile(tail) * deviation + 0.5);
    return Math.max(0, Math.min(limit, Math.floor(middle)));
  }
  let limit = 0;
  while (limit < middle && untiedBelow(baseCount, count, limit + 1) <= tail) limit++;
  return limit;
}

/** P(U < limit) without ties, for a whole limit. */
function untiedBelow(baseCount: number, count: number, limit: number): number {
  return untiedSums(baseCount, count)[Math.min(limit, baseCount * count + 1)]!;
}

const untiedCache = new Map<string, Float64Array>();

/** Share of the ways to part two samples without ties that have a U below each number. */
function untiedSums(baseCount: number, count: number): Float64Array {
  const key = `${baseCount},${count}`;
  const known = untiedCache.get(key);
  if (known !== undefined) return known;
  // Ways to each U: coefficients of the product of (1 - x^(m+i)) / (1 - x^i) over i = 1..n.
  const ways = new Float64Array(baseCount * count + 1);
  ways[0] = 1;
  for (let factor = 1; factor <= count; factor++) {
    for (let at = ways.length - 1; at >= baseCount + factor; at--) {
      ways[at]! -= ways[at - baseCount - factor]!;
    }
    for (let at = factor; at < ways.length; at++) ways[at]! += ways[at - factor]!;
  }
  const all = ways.reduce((sum, each) => sum + each, 0);
  const sums = new Float64Array(ways.length + 1);
  let below = 0;
  ways.forEach((each, u) => sums[u + 1] = (below += each) / all);
  untiedCache.set(key, sums);
  return sums;
}
