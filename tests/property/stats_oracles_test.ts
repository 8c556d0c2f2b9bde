/**
 * The statistics against two libraries that know nothing of them, and against definitions computed
 * the slow way, for any sample.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import jstat from "jstat";
import * as simple from "simple-statistics";
import { benjaminiHochberg, holm } from "../../harness/stats/adjust.ts";
import { jainIndex } from "../../harness/stats/fairness.ts";
import { meanInterval } from "../../harness/stats/mean_interval.ts";
import { tukeyLabels } from "../../harness/stats/outlier.ts";
import {
  coefficientOfVariation,
  mean,
  median,
  quantile,
  standardDeviation,
} from "../../harness/stats/quantile.ts";
import { rankSum } from "../../harness/stats/rank_sum.ts";
import { autocorrelation } from "../../harness/stats/series.ts";
import { hodgesLehmann } from "../../harness/stats/shift.ts";

const { jStat } = jstat as {
  jStat: {
    tci(value: number, alpha: number, values: readonly number[]): [number, number];
    /** With alpha and beta 1 these are quantiles of type 7. */
    quantiles(
      values: readonly number[],
      shares: readonly number[],
      alpha: number,
      beta: number,
    ): number[];
    corrcoeff(left: readonly number[], right: readonly number[]): number;
  };
};

/** Measurements are positive and far from the limits of a double. */
const sample = fc.array(fc.integer({ min: 1, max: 1_000_000 }).map((value) => value / 1000), {
  minLength: 3,
  maxLength: 30,
});

function near(found: number, expected: number, name: string): void {
  const isNear = Math.abs(found - expected) <= 1e-6 * Math.max(1, Math.abs(expected));
  assert.ok(isNear, `${name}: ${found}, the oracle says ${expected}`);
}

Deno.test("level and spread are those of simple-statistics and jStat", () => {
  fc.assert(fc.property(sample, fc.integer({ min: 0, max: 100 }), (values, percent) => {
    near(mean(values), simple.mean(values), "mean");
    near(median(values), simple.median(values), "median");
    near(standardDeviation(values), simple.sampleStandardDeviation(values), "deviation");
    const spread = simple.sampleStandardDeviation(values) / simple.mean(values);
    near(coefficientOfVariation(values), spread, "coefficient of variation");
    const [cut] = jStat.quantiles(values, [percent / 100], 1, 1);
    near(quantile(values, percent / 100), cut!, "quantile");
    const { low, high } = meanInterval(values, 0.95);
    const [from, to] = jStat.tci(simple.mean(values), 0.05, values);
    near(low, from, "low end of the mean");
    near(high, to, "high end of the mean");
  }));
});

Deno.test("U, Cliff's delta and the shift of Hodges and Lehmann are their definitions over all pairs", () => {
  fc.assert(fc.property(sample, sample, (base, candidate) => {
    const differences = base.flatMap((old) => candidate.map((value) => value - old));
    const above = differences.filter((each) => each > 0).length;
    const below = differences.filter((each) => each < 0).length;
    const { u, delta, pLess, pGreater, pTwoSided } = rankSum(base, candidate);
    assert.equal(u, above + (differences.length - above - below) / 2);
    near(delta, (above - below) / differences.length, "Cliff's delta");
    assert.ok([pLess, pGreater, pTwoSided].every((p) => p > 0 && p <= 1 + 1e-12));
    const { shift, low, high } = hodgesLehmann(base, candidate, 0.9);
    near(shift, simple.median(differences), "shift");
    assert.ok(low <= shift && shift <= high, `${low} ${shift} ${high}`);
  }));
});

Deno.test("adjusted probabilities never fall, keep their order, and Holm is the stricter", () => {
  const probabilities = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(fc.property(probabilities, (raw) => {
    const [strict, rate] = [holm(raw), benjaminiHochberg(raw)];
    const order = raw.map((_, at) => at).sort((a, b) => raw[a]! - raw[b]!);
    order.forEach((at, rank) => {
      assert.ok(raw[at]! <= rate[at]! + 1e-12 && rate[at]! <= strict[at]! + 1e-12);
      assert.ok(strict[at]! <= 1);
      const next = order[rank + 1];
      if (next === undefined) return;
      assert.ok(strict[at]! <= strict[next]! && rate[at]! <= rate[next]!);
    });
    // By definition: the smallest of n p / i over the ranks from this one on.
    order.forEach((at, rank) => {
      const bounds = order.slice(rank).map((each, later) =>
        raw.length * raw[each]! / (rank + later + 1)
      );
      near(rate[at]!, Math.min(1, ...bounds), "Benjamini-Hochberg");
    });
  }));
});

Deno.test("Jain's index is 1 / (1 + square of the coefficient of variation), from 1/n to 1", () => {
  fc.assert(fc.property(sample, (shares) => {
    const variation = simple.standardDeviation(shares) / simple.mean(shares);
    const found = jainIndex(shares)!;
    near(found, 1 / (1 + variation ** 2), "Jain");
    assert.ok(found >= 1 / shares.length - 1e-12 && found <= 1 + 1e-12);
  }));
});

Deno.test("autocorrelation of a long wave is near the correlation of the series with itself later", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 20 }), (lag) => {
    const wave = Array.from({ length: 2000 }, (_, at) => Math.sin(at / 7) + 3);
    const expected = jStat.corrcoeff(wave.slice(0, -lag), wave.slice(lag));
    assert.ok(Math.abs(autocorrelation(wave, lag) - expected) < 0.02, `lag ${lag}`);
  }));
});

Deno.test("Tukey's labels do not depend on the order, the unit or the zero of the values", () => {
  fc.assert(fc.property(sample, (values) => {
    const labels = tukeyLabels(values);
    assert.equal(labels.length, values.length);
    assert.deepEqual(tukeyLabels([...values].reverse()).reverse(), labels);
    assert.deepEqual(tukeyLabels(values.map((value) => 1024 * value)), labels);
    const inside = values.filter((_, at) => labels[at] === "none").length;
    assert.ok(inside >= values.length / 2, "the middle half is never far out");
  }));
});
