/**
 * The estimators against published values and against definitions computed the slow way.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  coverageOf,
  estimateMedian,
  intervalRank,
  pairedRatios,
} from "../../harness/stats/interval.ts";
import { studentQuantile } from "../../harness/stats/distribution.ts";
import { meanInterval } from "../../harness/stats/mean_interval.ts";
import {
  coefficientOfVariation,
  mean,
  median,
  quantile,
  standardDeviation,
} from "../../harness/stats/quantile.ts";

const ONE_TO_TEN = [7, 1, 10, 3, 5, 2, 9, 4, 8, 6];
const samples = fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), {
  minLength: 1,
  maxLength: 40,
});

Deno.test("a quantile is what R's quantile(1:10, type = 7) gives", () => {
  for (const [probability, expected] of [[0, 1], [0.1, 1.9], [0.25, 3.25], [0.9, 9.1], [1, 10]]) {
    assert.ok(Math.abs(quantile(ONE_TO_TEN, probability!) - expected!) < 1e-12);
  }
});

Deno.test("the median of an even count is the mean of the middle two", () => {
  assert.equal(median(ONE_TO_TEN), 5.5);
  assert.equal(median([3, 1, 2]), 2);
});

Deno.test("a quantile of nothing, or outside 0 to 1, is refused", () => {
  assert.throws(() => quantile([], 0.5), RangeError);
  assert.throws(() => quantile([1], 1.01), RangeError);
  assert.throws(() => quantile([1], NaN), RangeError);
  assert.throws(() => mean([]), RangeError);
  assert.throws(() => standardDeviation([1]), RangeError);
});

Deno.test("quantiles stay within the sample and never fall as the probability grows", () => {
  fc.assert(fc.property(samples, fc.double({ min: 0, max: 1, noNaN: true }), (sample, p) => {
    const value = quantile(sample, p);
    assert.ok(value >= Math.min(...sample) && value <= Math.max(...sample));
    assert.ok(value <= quantile(sample, Math.min(1, p + 0.1)) + 1e-6);
  }));
});

// NIST Statistical Reference Datasets, univariate: certified mean and standard deviation.
const alternating = (
  offset: number,
): number[] => [
  offset + 0.2,
  ...Array.from({ length: 1000 }, (_, at) => offset + (at % 2 === 0 ? 0.1 : 0.3)),
];
for (
  const [name, sample, certifiedMean, certifiedDeviation, digits] of [
    ["NumAcc1", [10000001, 10000003, 10000002], 10000002, 1, 1e-12],
    ["NumAcc2", alternating(1), 1.2, 0.1, 1e-12],
    ["NumAcc3", alternating(1000000), 1000000.2, 0.1, 1e-8],
    ["NumAcc4", alternating(10000000), 10000000.2, 0.1, 1e-6],
  ] as const
) {
  Deno.test(`mean and deviation of NIST ${name} are the certified ones`, () => {
    assert.ok(Math.abs(mean(sample) / certifiedMean - 1) < 1e-14);
    assert.ok(Math.abs(standardDeviation(sample) / certifiedDeviation - 1) < digits);
  });
}

Deno.test("the coefficient of variation has no unit", () => {
  const sample = [10, 12, 23, 23, 16, 23, 21, 16];
  assert.ok(Math.abs(standardDeviation(sample) - 5.2372293656638) < 1e-12);
  assert.ok(Math.abs(coefficientOfVariation(sample) - 0.2909571869813) < 1e-12);
  const scaled = sample.map((value) => value * 1000);
  assert.ok(Math.abs(coefficientOfVariation(scaled) - 0.2909571869813) < 1e-12);
  assert.ok(Number.isNaN(coefficientOfVariation([-1, 1])));
});

Deno.test("ranks of the 95 % interval of a median are those of the sign test's table", () => {
  // Largest r with 1 - 2 P(Binomial(n, 1/2) < r) >= 0.95, as in printed tables of the sign test.
  for (
    const [count, rank] of [[5, 0], [6, 1], [8, 1], [9, 2], [10, 2], [15, 4], [20, 6], [25, 8]]
  ) {
    assert.equal(intervalRank(count!, 0.95), rank, `n = ${count}`);
  }
  assert.ok(Math.abs(coverageOf(6, 1) - 0.96875) < 1e-15);
  assert.ok(Math.abs(coverageOf(10, 2) - 0.978515625) < 1e-15);
  // 2^-2000 is no double any more; the normal approximation gives 956.2 for 2000 values.
  assert.equal(intervalRank(2000, 0.95), 956);
});

Deno.test("the coverage is the share of sign patterns that leave enough values on both sides", () => {
  for (let count = 1; count <= 12; count++) {
    for (let rank = 1; 2 * rank <= count; rank++) {
      let covered = 0;
      for (let pattern = 0; pattern < 2 ** count; pattern++) {
        const below = pattern.toString(2).replaceAll("0", "").length;
        if (below >= rank && count - below >= rank) covered++;
      }
      assert.ok(Math.abs(coverageOf(count, rank) - covered / 2 ** count) < 1e-12);
    }
  }
});

Deno.test("five values give a range and not an interval; six give an interval", () => {
  const five = estimateMedian([5, 1, 4, 2, 3]);
  assert.deepEqual(five, { median: 3, low: 1, high: 5, kind: "range", coverage: null, count: 5 });
  const six = estimateMedian([5, 1, 4, 2, 3, 6]);
  assert.equal(six.kind, "confidence");
  assert.deepEqual([six.low, six.median, six.high], [1, 3.5, 6]);
});

Deno.test("ratios pair runs by seed and leave out what has no partner", () => {
  const values = new Map([[1, 20], [2, 30], [4, 7]]);
  const bases = new Map([[1, 10], [2, 20], [3, 5]]);
  assert.deepEqual(pairedRatios(values, bases), [2, 1.5]);
  assert.deepEqual(pairedRatios(new Map([[1, 5]]), new Map([[1, 0]])), []);
});

Deno.test("Student's quantiles are those of the printed tables", () => {
  // Two-sided; National Institute of Standards, handbook 1.3.6.7.2.
  for (
    const [freedom, confidence, expected] of [
      [1, 0.95, 12.706],
      [2, 0.95, 4.303],
      [5, 0.9, 2.015],
      [9, 0.99, 3.25],
      [30, 0.95, 2.042],
    ] as const
  ) {
    const found = studentQuantile((1 + confidence) / 2, freedom);
    assert.ok(Math.abs(found - expected) < 0.001, `${freedom}, ${confidence}: ${found}`);
  }
});

Deno.test("the interval of a mean lies around it, and one value has none", () => {
  const { mean, low, high } = meanInterval([10, 12, 14], 0.95);
  assert.equal(mean, 12);
  assert.ok(Math.abs(high - 12 - 4.303 * 2 / Math.sqrt(3)) < 0.01, `${high}`);
  assert.ok(Math.abs(low + high - 24) < 1e-9);
  assert.throws(() => meanInterval([1], 0.95), /Cannot estimate from one value/);
});
