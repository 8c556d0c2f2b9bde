/**
 * Series and shapes: warm-up, dependence, change points, outliers, humps, fairness.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { changePoints } from "../../harness/stats/change_point.ts";
import { jainIndex } from "../../harness/stats/fairness.ts";
import { dip, hasSeveralHumps } from "../../harness/stats/modality.ts";
import { tukeyLabels } from "../../harness/stats/outlier.ts";
import { Random } from "../../harness/stats/random.ts";
import { autocorrelation, effectiveCount, warmUp } from "../../harness/stats/series.ts";

/** Values around a level, uniform within +-1. */
function noise(count: number, level: number, seed: number): number[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => level + 2 * random.uniform() - 1);
}

function near(found: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(found - expected) <= tolerance, `${found}, want ${expected}`);
}

Deno.test("autocorrelation is the textbook's for a short series, and 0 for a constant one", () => {
  // Deviations -2 -1 0 1 2: products at lag 1 are 2 + 0 + 0 + 2, squares are 10.
  near(autocorrelation([1, 2, 3, 4, 5], 1), 0.4, 1e-15);
  near(autocorrelation([1, 2, 3, 4, 5], 2), -0.1, 1e-15);
  assert.equal(autocorrelation([1, 2, 3], 0), 1);
  assert.equal(autocorrelation([7, 7, 7], 1), 0);
  assert.equal(autocorrelation([1, 2], 5), 0);
});

Deno.test("independent values count in full, values that follow each other count less", () => {
  const independent = noise(2000, 0, 3);
  near(autocorrelation(independent, 1), 0, 3 / Math.sqrt(2000));
  assert.ok(effectiveCount(independent) > 1500);
  // First order, 0.8: the variance of the mean grows by (1 + 0.8) / (1 - 0.8) = 9.
  let state = 0;
  const dependent = independent.map((value) => state = 0.8 * state + value);
  near(autocorrelation(dependent, 1), 0.8, 0.04);
  near(effectiveCount(dependent), 2000 / 9, 60);
  assert.equal(effectiveCount([5, 5, 5]), 3);
});

Deno.test("the warm-up ends where the level settles", () => {
  const cold = Array.from({ length: 40 }, (_, at) => 20 * 0.9 ** at);
  const series = noise(400, 100, 5).map((value, at) => value + (cold[at] ?? 0));
  const { length, isStable } = warmUp(series);
  assert.ok(isStable && length >= 15 && length <= 60, `${length}`);
  const steady = warmUp(noise(400, 100, 5));
  assert.ok(steady.isStable && steady.length <= 100, `${steady.length}`);
});

Deno.test("a series that never settles, or is too short, is not stable", () => {
  const climbing = noise(100, 0, 7).map((value, at) => value + at);
  assert.equal(warmUp(climbing).isStable, false);
  assert.deepEqual(warmUp([1, 2, 3], 1), { length: 0, isStable: false });
  assert.deepEqual(warmUp([9, 5, 5, 5, 5, 5], 1), { length: 1, isStable: true });
});

Deno.test("a planted step is found where it is, a second one, too", () => {
  const series = [...noise(20, 100, 1), ...noise(20, 110, 2), ...noise(20, 104, 3)];
  const found = changePoints(series, { minimumEffect: 0.03 });
  assert.deepEqual(found.map((point) => point.at), [20, 40]);
  near(found[0]!.before, 100, 0.5);
  near(found[0]!.after, 110, 0.5);
  assert.ok(found.every((point) => point.p <= 0.001));
});

Deno.test("a single spike is no change, wherever it is and however large", () => {
  for (const at of [0, 1, 2, 15, 27, 28, 29]) {
    const series = noise(30, 100, 4);
    series[at] = 1000;
    assert.deepEqual(changePoints(series, { minimumEffect: 0.03 }), [], `spike at ${at}`);
  }
});

Deno.test("a step below the minimum effect, a constant series and a short one are no change", () => {
  const step = [...noise(20, 1000, 1), ...noise(20, 1010, 2)];
  assert.equal(changePoints(step).length, 1);
  assert.deepEqual(changePoints(step, { minimumEffect: 0.03 }), []);
  assert.deepEqual(changePoints(Array(20).fill(5)), []);
  assert.deepEqual(changePoints([1, 1, 9, 9, 9]), []);
  assert.deepEqual(changePoints([]), []);
});

Deno.test("Tukey's fences label far values and keep every one", () => {
  const sample = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  assert.deepEqual(new Set(tukeyLabels(sample)), new Set(["none"]));
  // Quartiles 2.75 and 8.25: fences above at 16.5 and 24.75.
  const labels = tukeyLabels([...sample.slice(0, 10), 17, 40]);
  assert.deepEqual(labels.slice(-2), ["mild", "severe"]);
  assert.equal(labels.length, 12);
  assert.deepEqual(tukeyLabels([1, 1, 99]), ["none", "none", "none"]);
});

Deno.test("two humps warn; one hump, a skewed one and far values do not", () => {
  assert.equal(hasSeveralHumps([...noise(20, 10, 1), ...noise(20, 20, 2)]), true);
  assert.equal(hasSeveralHumps(noise(40, 10, 1)), false);
  assert.equal(hasSeveralHumps(noise(40, 0, 1).map((value) => Math.exp(3 * value))), false);
  assert.equal(hasSeveralHumps([...noise(40, 10, 1), 50, 51]), false);
  assert.equal(hasSeveralHumps(Array(40).fill(3)), false);
  assert.equal(hasSeveralHumps([1, 1, 9]), false, "too few to tell");
});

Deno.test("the dip lies between its bounds and below the distance to any one hump", () => {
  assert.equal(dip([0, 0, 0, 9, 9, 9]), 0.25, "two heaps are the farthest from one hump");
  near(dip([1, 2, 3, 4, 5]), 1 / 10, 1e-15);
  near(dip([7]), 1 / 2, 1e-15);
  const sample = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 2, maxLength: 20 });
  fc.assert(fc.property(sample, fc.integer({ min: 1, max: 60 }), (values, width) => {
    const found = dip(values);
    assert.ok(found >= 1 / (2 * values.length) - 1e-12 && found <= 0.25 + 1e-12, `${found}`);
    near(dip(values.map((value) => -3 * value)), found, 1e-12);
    // The uniform distribution on 0 to `width` has one hump.
    const sorted = [...values].sort((a, b) => a - b);
    const uniform = (value: number): number => Math.min(1, value / width);
    const distances = sorted.flatMap((value) => {
      const below = sorted.filter((each) => each < value).length / sorted.length;
      const upTo = sorted.filter((each) => each <= value).length / sorted.length;
      return [uniform(value) - below, upTo - uniform(value)];
    });
    assert.ok(found <= Math.max(...distances) + 1e-12);
  }));
});

Deno.test("Jain's index is 1 for even shares and 1/n for one that has all", () => {
  assert.equal(jainIndex([3, 3, 3]), 1);
  assert.equal(jainIndex([9, 0, 0]), 1 / 3);
  assert.equal(jainIndex([0, 0]), null);
});

Deno.test("the same seed gives the same numbers, another one others; all are uniform", () => {
  const draw = (seed: number): number[] => {
    const random = new Random(seed);
    return Array.from({ length: 4 }, () => random.bits());
  };
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
  const random = new Random(9);
  const cells = Array<number>(10).fill(0);
  for (let round = 0; round < 10_000; round++) cells[random.below(10)]!++;
  const chiSquare = cells.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  assert.ok(chiSquare < 27.9, `${chiSquare}: 0.1 % of uniform generators exceed 27.9`);
  assert.deepEqual(random.shuffle([1, 2, 3, 4]).sort(), [1, 2, 3, 4]);
});
