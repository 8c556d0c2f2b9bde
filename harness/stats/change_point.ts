/**
 * Where the level of a series changed for good: E-divisive, with the size that a change must have.
 * A single spike is no change. Reads values in order; knows nothing of commits or time.
 *
 * @module
 */

import { median } from "./quantile.ts";
import { Random } from "./random.ts";

/** How to look for changes. */
export interface ChangePointOptions {
  /** Chance of a change where there is none, per place looked for; 0.001 when not told. */
  readonly alpha?: number;
  /** Values in a segment, at least; 3 when not told, so that a spike alone is none. */
  readonly segmentMin?: number;
  /** Share by which the medians of the segments must differ; 0 when not told. */
  readonly minimumEffect?: number;
  /** Permutations of a test; 999 when not told: fewer than 1 / alpha can find nothing. */
  readonly permutations?: number;
  /** Seed of the permutations; 1 when not told. */
  readonly seed?: number;
}

/** One change. */
export interface ChangePoint {
  /** Index of the first value of the new level. */
  readonly at: number;
  /** Medians of the segments before and after, up to the neighbouring changes. */
  readonly before: number;
  readonly after: number;
  /** Share of permutations that part as well as the series itself. */
  readonly p: number;
}

interface Split {
  readonly at: number;
  readonly divergence: number;
}

/**
 * Hierarchical divisive estimation with the energy distance of exponent 1 and a permutation test
 * within the segment that is split (D. Matteson, N. James, "A Nonparametric Approach for Multiple
 * Change Point Analysis of Multivariate Data", JASA 109, 2014, 2-3). Afterwards changes between
 * segments whose medians differ by less than the minimum effect go, the smallest first, as Apache
 * Otava does. Time grows with the square of the length: for histories of up to some hundreds. A
 * change and its way back within one segment can hide each other.
 *
 * With alpha 0.001 one in a thousand series without any change shows one; a minimum effect beyond
 * the noise makes it rarer.
 */
export function changePoints(
  series: readonly number[],
  {
    alpha = 0.001,
    segmentMin = 3,
    minimumEffect = 0,
    permutations = 999,
    seed = 1,
  }: ChangePointOptions = {},
): ChangePoint[] {
  const random = new Random(seed);
  const found: { readonly at: number; readonly p: number }[] = [];
  const open: [number, number][] = [[0, series.length]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [from, to] = next;
    const part = series.slice(from, to);
    const best = bestSplit(part, segmentMin, distancesOf(part));
    if (best === null) continue;
    const p = permutationP(part, best, { segmentMin, permutations, alpha, random });
    if (p > alpha) continue;
    found.push({ at: from + best.at, p });
    open.push([from, from + best.at], [from + best.at, to]);
  }
  return largeEnough(series, found.sort((a, b) => a.at - b.at), minimumEffect);
}

/** Sum of the distances of all pairs. */
function distancesOf(series: readonly number[]): number {
  let sum = 0;
  series.forEach((value, at) => {
    for (let other = 0; other < at; other++) sum += Math.abs(series[other]! - value);
  });
  return sum;
}

/**
 * The place that parts a series best: largest n m / (n + m) (2 E|X - Y| - E|X - X'| - E|Y - Y'|),
 * the sums updated as the place moves, so that all places cost as much as one.
 *
 * @param distances Sum over all pairs, which no order changes.
 */
function bestSplit(
  series: ArrayLike<number>,
  segmentMin: number,
  distances: number,
): Split | null {
  const count = series.length;
  if (count < 2 * segmentMin) return null;
  let [within, across, rest] = [0, 0, distances];
  let best: Split | null = null;
  for (let at = 1; at <= count - segmentMin; at++) {
    const moved = series[at - 1]!;
    let [toLeft, toRight] = [0, 0];
    for (let i = 0; i < at - 1; i++) toLeft += Math.abs(series[i]! - moved);
    for (let j = at; j < count; j++) toRight += Math.abs(series[j]! - moved);
    within += toLeft;
    across += toRight - toLeft;
    rest -= toRight;
    if (at < segmentMin) continue;
    const other = count - at;
    const divergence = at * other / count * (2 * across / (at * other) -
      2 * within / (at * Math.max(1, at - 1)) - 2 * rest / (other * Math.max(1, other - 1)));
    if (best === null || divergence > best.divergence) best = { at, divergence };
  }
  return best;
}

/** (1 + permutations that part as well) / (1 + permutations), given up once it is beyond alpha. */
function permutationP(
  series: readonly number[],
  best: Split,
  { segmentMin, permutations, alpha, random }: {
    readonly segmentMin: number;
    readonly permutations: number;
    readonly alpha: number;
    readonly random: Random;
  },
): number {
  const mixed = [...series];
  const distances = distancesOf(series);
  let asGood = 1;
  for (let round = 0; round < permutations; round++) {
    random.shuffle(mixed);
    if (bestSplit(mixed, segmentMin, distances)!.divergence >= best.divergence) asGood++;
    if (asGood > alpha * (1 + permutations)) return asGood / (2 + round);
  }
  return asGood / (1 + permutations);
}

/** Removes the smallest change below the minimum effect until there is none. */
function largeEnough(
  series: readonly number[],
  found: readonly { readonly at: number; readonly p: number }[],
  minimumEffect: number,
): ChangePoint[] {
  let kept = [...found];
  while (kept.length > 0) {
    const edges = [0, ...kept.map((each) => each.at), series.length];
    const levels = edges.slice(1).map((to, at) => median(series.slice(edges[at]!, to)));
    const points = kept.map((each, at) => ({
      ...each,
      before: levels[at]!,
      after: levels[at + 1]!,
    }));
    const small = points.map(effectOf);
    const least = Math.min(...small);
    if (least >= minimumEffect) return points;
    kept = kept.filter((_, at) => at !== small.indexOf(least));
  }
  return [];
}

/** Difference of two levels as a share of the first; Infinity for a change from zero. */
function effectOf({ before, after }: ChangePoint): number {
  if (before === after) return 0;
  return before === 0 ? Infinity : Math.abs(after / before - 1);
}
