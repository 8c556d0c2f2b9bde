/**
 * Comparing two samples: against published examples, SciPy's results, and a count of all ways.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import * as simple from "simple-statistics";
import { benjaminiHochberg, holm } from "../../harness/stats/adjust.ts";
import {
  normalCdf,
  normalQuantile,
  studentCdf,
  studentQuantile,
} from "../../harness/stats/distribution.ts";
import {
  detectableEffect,
  rankSumPower,
  spentAlpha,
  studentPower,
} from "../../harness/stats/power.ts";
import { rankSum, rankSumCritical } from "../../harness/stats/rank_sum.ts";
import { equivalenceP, hodgesLehmann } from "../../harness/stats/shift.ts";

function near(found: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(found - expected) <= tolerance, `${found}, want ${expected}`);
}

// M. Hollander, D. Wolfe, Nonparametric Statistical Methods, table 4.1: permeability constants of
// membranes at term and at 12 to 26 weeks; also the example of R's wilcox.test.
const TERM = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
const EARLY = [1.15, 0.88, 0.90, 0.74, 1.21];

Deno.test("the rank-sum test gives the published result for the permeability of membranes", () => {
  const { u, pLess, pTwoSided, delta, isExact } = rankSum(TERM, EARLY);
  assert.deepEqual([u, isExact], [15, true]);
  near(pLess, 0.1272061272061272, 1e-12);
  near(pTwoSided, 0.2544122544122544, 1e-12);
  near(delta, -0.4, 1e-12);
});

Deno.test("the shift of the permeability is the published -0.305, its 96 % interval -0.76 to 0.15", () => {
  const { shift, low, high } = hodgesLehmann(TERM, EARLY, 0.95);
  near(shift, -0.305, 1e-9);
  near(low, -0.76, 1e-9);
  near(high, 0.15, 1e-9);
});

Deno.test("ties are counted exactly: every way to part the values, the slow way", () => {
  // By hand from all C(11, 6) = 462 ways: 454 have a U of 25 or less, 19 of 25 or more.
  const tied = rankSum([1, 2, 2, 3, 5], [2, 4, 5, 5, 6, 7]);
  assert.equal(tied.u, 25);
  near(tied.pLess, 454 / 462, 1e-12);
  near(tied.pGreater, 19 / 462, 1e-12);
  const values = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(values, values, (base, candidate) => {
      const pooled = [...base, ...candidate];
      const uOf = (chosen: readonly boolean[]): number => {
        let u = 0;
        pooled.forEach((mine, i) =>
          pooled.forEach((other, j) => {
            if (chosen[i] && !chosen[j]) u += mine > other ? 1 : mine === other ? 0.5 : 0;
          })
        );
        return u;
      };
      const found = rankSum(base, candidate);
      let [all, atMost, atLeast] = [0, 0, 0];
      for (let pattern = 0; pattern < 2 ** pooled.length; pattern++) {
        const chosen = pooled.map((_, bit) => (pattern >> bit) % 2 === 1);
        if (chosen.filter(Boolean).length !== candidate.length) continue;
        const u = uOf(chosen);
        all++;
        if (u <= found.u) atMost++;
        if (u >= found.u) atLeast++;
      }
      near(found.pLess, atMost / all, 1e-12);
      near(found.pGreater, atLeast / all, 1e-12);
    }),
    { numRuns: 15 },
  );
});

// deno-fmt-ignore
const FORTY = [
  10.7, 11.6, 10.7, 7.4, 11.8, 10.9, 8.9, 11.2, 10.7, 10.6, 10.1, 11.1, 8.5, 9.7, 9, 11.2, 10.1,
  9.4, 8.4, 9.5, 10, 9.4, 12.6, 12, 4.6, 6.2, 9.7, 9.2, 10.4, 10.4, 14.2, 7.8, 9.2, 14.1, 11.3,
  11.3, 9, 6.7, 10.3, 10.2,
];
// deno-fmt-ignore
const THIRTY_FIVE = [
  8.5, 9.6, 10.9, 9.1, 10.8, 11.2, 11.1, 10, 12.2, 12.8, 11.6, 9.4, 12.5, 10, 12.8, 8.9, 12.8, 11,
  8.5, 10.4, 11.1, 11.5, 9, 8.8, 11.4, 10.1, 11.5, 12.5, 7.7, 11.5, 13.4, 10.4, 9.4, 12.5, 11.5,
];

Deno.test("large samples with ties give what SciPy's mannwhitneyu(method='asymptotic') gives", () => {
  const { u, isExact, pLess, pGreater } = rankSum(FORTY, THIRTY_FIVE);
  assert.deepEqual([u, isExact], [871.5, false]);
  near(pLess, 0.9661919163983886, 1e-7);
  near(pGreater, 0.03461384061896124, 1e-7);
});

Deno.test("the rank sum is that of simple-statistics, the critical counts those of the tables", () => {
  const sum = simple.wilcoxonRankSum(THIRTY_FIVE, FORTY);
  assert.equal(rankSum(FORTY, THIRTY_FIVE).u, sum - 35 * 36 / 2);
  // Printed tables of U for 5 % two-sided: reject at 2, 23, 127 or less for 5, 10 and 20 a side.
  for (const [count, critical] of [[5, 2], [10, 23], [20, 127]] as const) {
    assert.equal(rankSumCritical(count, count, 0.025), critical + 1);
  }
  assert.equal(rankSumCritical(3, 3, 0.025), 0, "three a side can never reject at 5 %");
});

Deno.test("what all equal values have in common is not a difference", () => {
  const same = rankSum([3, 3, 3, 3], [3, 3, 3, 3]);
  assert.deepEqual([same.pTwoSided, same.delta], [1, 0]);
  assert.equal(rankSum(Array(40).fill(1), Array(40).fill(1)).pTwoSided, 1);
  assert.throws(() => rankSum([], [1]), /empty sample/);
});

Deno.test("a swap of the sides turns the sign and keeps the probability", () => {
  const sample = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), {
    minLength: 2,
    maxLength: 12,
  });
  fc.assert(
    fc.property(sample, sample, (left, right) => {
      const [there, back] = [rankSum(left, right), rankSum(right, left)];
      near(there.delta, -back.delta, 1e-12);
      near(there.pTwoSided, back.pTwoSided, 1e-12);
      const [shift, turned] = [hodgesLehmann(left, right, 0.9), hodgesLehmann(right, left, 0.9)];
      near(shift.shift, -turned.shift, 1e-9);
      // assert.equal would tell 0 from -0, and equal values differ by 0 from either side.
      assert.ok(shift.low === -turned.high, `${shift.low} and ${turned.high}`);
    }),
    { examples: [[[1, 1, 1, 1, 1], [2, 1]]] },
  );
});

Deno.test("equivalence is shown where the 90 % interval lies within the margin, and not beyond", () => {
  const base = Array.from({ length: 12 }, (_, at) => 100 + at % 5);
  const candidate = base.map((value, at) => value + (at % 3 - 1) * 0.1 + 0.013 * at);
  for (const margin of [0.5, 1, 1.9, 2.1, 3, 5]) {
    const { low, high } = hodgesLehmann(base, candidate, 0.9);
    const isInside = low > -margin && high < margin;
    assert.equal(equivalenceP(base, candidate, margin) <= 0.05, isInside, `margin ${margin}`);
  }
  assert.throws(() => equivalenceP(base, candidate, 0), /accepted is above 0/);
});

// The fifteen probabilities of Benjamini and Hochberg, 1995, 3.2.
// deno-fmt-ignore
const FIFTEEN = [
  0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
  0.6528, 0.7590, 1,
];

Deno.test("at 5 % Holm rejects three and Benjamini-Hochberg four of the fifteen published", () => {
  const [strict, rate] = [holm(FIFTEEN), benjaminiHochberg(FIFTEEN)];
  assert.equal(strict.filter((p) => p <= 0.05).length, 3);
  assert.equal(rate.filter((p) => p <= 0.05).length, 4);
  // R's p.adjust.
  strict.slice(0, 5).forEach((p, at) =>
    near(p, [0.0015, 0.0056, 0.0247, 0.114, 0.2211][at]!, 1e-9)
  );
  rate.slice(3, 8).forEach((p, at) =>
    near(p, [0.035625, 0.0603, 0.0638571428571, 0.0638571428571, 0.0645][at]!, 1e-9)
  );
  const turned = holm([...FIFTEEN].reverse());
  assert.deepEqual(turned.reverse(), strict, "the order of the tests does not matter");
});

Deno.test("distributions are those of the published tables to the last printed digit", () => {
  near(normalQuantile(0.975), 1.959963984540054, 2e-6);
  near(normalCdf(-3), 0.001349898031630, 1e-9);
  near(studentQuantile(0.995, 9), 3.249835541592142, 1e-6);
  near(studentCdf(2.262157162740992, 9), 0.975, 1e-7);
  assert.equal(normalQuantile(0), -Infinity);
  assert.throws(() => studentQuantile(1.2, 3), /accepted is 0 to 1/);
});

Deno.test("power is that of R's power.t.test; the smallest detectable effect inverts it", () => {
  near(studentPower(1, { count: 20, alpha: 0.05 }), 0.8689528, 1e-6);
  near(studentPower(1.5, { count: 10, alpha: 0.01 }), 0.6797662879, 1e-6);
  near(studentPower(0.5, { count: 15, alpha: 0.05 }), 0.2619312623, 1e-3);
  const comparison = { count: 20, alpha: 0.01 };
  const effect = detectableEffect(comparison, 0.8);
  near(rankSumPower(effect, comparison), 0.8, 1e-6);
  assert.ok(detectableEffect({ count: 80, alpha: 0.01 }, 0.8) < effect / 1.9);
});

Deno.test("several looks spend the level of one between them", () => {
  const spent = spentAlpha(0.01, 4);
  near(spent.reduce((sum, each) => sum + each, 0), 0.01, 1e-15);
  // Lan and DeMets' Pocock-type function at a quarter: 0.01 ln(1 + (e - 1) / 4).
  near(spent[0]!, 0.003573741, 1e-9);
  assert.deepEqual(spentAlpha(0.01, 1), [0.01]);
});
