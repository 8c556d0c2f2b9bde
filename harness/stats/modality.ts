/**
 * Whether a sample has more than one hump: then its mean describes no value that occurs, and a
 * change of it may be a change of how often each hump is hit. A warning, never a verdict.
 *
 * @module
 */

import { ascending, quantileOfSorted } from "./quantile.ts";
import { Random } from "./random.ts";

/** Uniform samples that a dip is set against: enough to resolve 1 %. */
const ROUNDS = 500;

/**
 * The dip: largest distance between the sample's distribution function and the nearest one with a
 * single hump (J. Hartigan, P. Hartigan, "The Dip Test of Unimodality", Annals of Statistics 13,
 * 1985), from 1 / (2 n) to 1/4. For every value as the mode: the convex minorant below it, the
 * concave majorant above it, and half the largest gap. Time grows with the square of the count.
 *
 * @throws {RangeError} for an empty sample.
 */
export function dip(sample: readonly number[]): number {
  if (sample.length === 0) throw new RangeError("Cannot take the dip of an empty sample");
  const sorted = ascending(sample);
  const places: number[] = [];
  const heights: number[] = [];
  sorted.forEach((value, at) => {
    if (value !== places.at(-1)) {
      places.push(value);
      heights.push(0);
    }
    heights[heights.length - 1] = (at + 1) / sorted.length;
  });
  const left = gapsBelow(places, heights);
  const turned = gapsBelow(
    places.map((place) => -place).reverse(),
    heights.map((_, at) => 1 - (heights[at - 1] ?? 0)).reverse(),
  ).reverse();
  const gaps = left.map((gap, mode) => Math.max(gap, turned[mode]!));
  return Math.max(Math.min(...gaps), 1 / sorted.length) / 2;
}

/**
 * For each value as the mode: largest height of a step at a smaller value above the convex minorant
 * of the feet of the steps up to the mode.
 */
function gapsBelow(places: readonly number[], heights: readonly number[]): number[] {
  const foot = (at: number): number => at === 0 ? 0 : heights[at - 1]!;
  const hull: number[] = [];
  return places.map((_, mode) => {
    const slope = (from: number, to: number): number =>
      (foot(to) - foot(from)) / (places[to]! - places[from]!);
    while (hull.length > 1 && slope(hull.at(-2)!, hull.at(-1)!) >= slope(hull.at(-1)!, mode)) {
      hull.pop();
    }
    hull.push(mode);
    let largest = 0;
    for (let edge = 1, at = 0; at < mode; at++) {
      while (hull[edge]! < at) edge++;
      const [from, to] = [hull[edge - 1]!, hull[edge]!];
      const minorant = foot(from) + slope(from, to) * (places[at]! - places[from]!);
      largest = Math.max(largest, heights[at]! - minorant);
    }
    return largest;
  });
}

const limits = new Map<string, number>();

/**
 * Whether a sample surely has several humps: its dip is beyond that of all but `alpha` of uniform
 * samples of the same size, the single hump that is hardest to tell from two. So samples of one
 * hump warn less often than `alpha`. Of two even normal humps 5 deviations apart 50 values warn in
 * 7 of 10 samples, 20 values in 2.
 *
 * @param alpha 0.01 when not told.
 */
export function hasSeveralHumps(sample: readonly number[], alpha: number = 0.01): boolean {
  if (sample.length < 4) return false;
  const key = `${sample.length},${alpha}`;
  const limit = limits.get(key) ?? dipLimit(sample.length, alpha);
  limits.set(key, limit);
  return dip(sample) > limit;
}

function dipLimit(count: number, alpha: number): number {
  const random = new Random(count);
  const dips = Array.from(
    { length: ROUNDS },
    () => dip(Array.from({ length: count }, () => random.uniform())),
  );
  return quantileOfSorted(ascending(dips), 1 - alpha);
}
