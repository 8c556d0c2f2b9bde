/**
 * Intervals without a formula: BCa bootstrap, order statistics, percentiles of a histogram.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { binomialBelow, quantileRanks } from "../../harness/stats/binomial.ts";
import { bootstrapInterval } from "../../harness/stats/bootstrap.ts";
import { percentileOf } from "../../harness/stats/histogram_percentile.ts";
import { Moments } from "../../harness/stats/moments.ts";
import { mean } from "../../harness/stats/quantile.ts";

function near(found: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(found - expected) <= tolerance, `${found}, want ${expected}`);
}

// B. Efron, R. Tibshirani, An Introduction to the Bootstrap, table 14.1: spatial test data, A.
// deno-fmt-ignore
const SPATIAL = [
  48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30,
  41,
];

function plugInVariance(sample: readonly number[]): number {
  const middle = mean(sample);
  return mean(sample.map((value) => (value - middle) ** 2));
}

Deno.test("the BCa interval of a variance is the published (115.8, 259.6)", () => {
  const { estimate, low, high } = bootstrapInterval(
    [SPATIAL],
    ([sample]) => plugInVariance(sample!),
    { confidence: 0.9, resamples: 10_000 },
  );
  near(estimate, 171.534, 0.001);
  near(low, 115.8, 2);
  near(high, 259.6, 3);
});

Deno.test("the BCa interval of a ratio of two means is that of SciPy's bootstrap", () => {
  // deno-fmt-ignore
  const base = [
    2.449, 0.708, 0.227, 0.896, 0.64, 2.171, 1.214, 0.196, 0.303, 2.42, 1.973, 0.527, 0.999, 1.561,
    1.597, 2.402, 1.292, 0.91, 0.772, 2.874,
  ];
  // deno-fmt-ignore
  const candidate = [
    0.174, 1.435, 1.704, 0.396, 2.3, 0.86, 3.906, 1.454, 3.219, 5.578, 2.418, 0.687, 0.363, 9.52,
    1.475, 0.828, 1.905, 1.362, 3.866, 1.706, 1.672, 0.807, 2.637, 0.586, 3.209,
  ];
  const ratio = ([old, now]: readonly (readonly number[])[]): number => mean(now!) / mean(old!);
  const options = { confidence: 0.95, resamples: 10_000 };
  const { low, high } = bootstrapInterval([base, candidate], ratio, options);
  near(low, 1.095, 0.02);
  near(high, 2.725, 0.04);
  assert.deepEqual(
    bootstrapInterval([base, candidate], ratio, options),
    bootstrapInterval([base, candidate], ratio, options),
  );
});

Deno.test("a constant sample has an interval of no width, one value has none", () => {
  const options = { confidence: 0.95, resamples: 100 };
  const { low, high } = bootstrapInterval([[4, 4, 4]], ([sample]) => mean(sample!), options);
  assert.deepEqual([low, high], [4, 4]);
  assert.throws(() => bootstrapInterval([[1]], () => 0, options), /fewer than two values/);
});

Deno.test("binomial sums are those of SciPy, also where single terms are no doubles", () => {
  near(binomialBelow(1000, 0.5, 471), 0.031011597549181716, 1e-13);
  near(binomialBelow(10_000, 0.99, 9895), 0.2863258029312112, 1e-12);
  near(binomialBelow(3, 0.5, 2), 0.5, 1e-15);
  assert.deepEqual([binomialBelow(5, 0.5, 0), binomialBelow(5, 0.5, 6)], [0, 1]);
});

Deno.test("ranks enclose a quantile with the confidence asked for, and no narrower ones do", () => {
  const cases = fc.record({
    count: fc.integer({ min: 1, max: 3000 }),
    probability: fc.constantFrom(0.1, 0.5, 0.9, 0.99),
    confidence: fc.constantFrom(0.8, 0.95, 0.99),
  });
  fc.assert(
    fc.property(cases, ({ count, probability, confidence }) => {
      const tail = (1 - confidence) / 2 + 1e-12;
      const ranks = quantileRanks(count, probability, confidence);
      const below = (rank: number): number => binomialBelow(count, probability, rank);
      if (ranks === null) {
        assert.ok(below(1) > tail - 2e-12 || 1 - below(count) > tail - 2e-12);
        return;
      }
      const { low, high, coverage } = ranks;
      assert.ok(low >= 1 && low < high && high <= count);
      assert.ok(below(low) <= tail && below(low + 1) > tail - 2e-12);
      assert.ok(1 - below(high) <= tail);
      assert.ok(high === low + 1 || 1 - below(high - 1) > tail - 2e-12);
      assert.ok(coverage >= confidence - 1e-9);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a percentile of a histogram lies between the buckets of its ranks", () => {
  const buckets = Array.from({ length: 100 }, (_, at) => ({ value: at + 1, count: 10 }));
  // 1000 values: ranks 876 and 919 enclose the p90 (Binomial(1000, 0.9), 2.5 % beyond either).
  const p90 = percentileOf(buckets, 0.9, 0.95);
  assert.deepEqual([p90.value, p90.interval?.low, p90.interval?.high], [90, 89, 92]);
  near(p90.interval!.coverage, 0.95, 0.01);
  const p999 = percentileOf(buckets, 0.999, 0.95);
  assert.deepEqual(p999, { value: 100, interval: null }, "one value beyond it is no interval");
  assert.throws(() => percentileOf([], 0.5, 0.95), /empty histogram/);
});

Deno.test("moments merged from parts are those of the whole", () => {
  const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { maxLength: 20 });
  fc.assert(fc.property(values, values, (left, right) => {
    const parts = Moments.of(left);
    parts.merge(Moments.of(right));
    const whole = Moments.of([...left, ...right]);
    assert.equal(parts.count, whole.count);
    near(parts.mean, whole.mean, 1e-6);
    if (whole.count > 1) near(parts.variance, whole.variance, 1e-6 * (1 + whole.variance));
    else assert.ok(Number.isNaN(parts.variance));
  }));
});
