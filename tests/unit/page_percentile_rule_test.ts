/** The one rule for percentiles: 10 samples lie beyond each that is stated. */

import assert from "node:assert/strict";
import { percentileIsSupported } from "../../harness/stats/percentile.ts";

Deno.test("A percentile is supported from exactly 10 samples beyond it", () => {
  const smallest: readonly (readonly [number, number])[] = [
    [0.5, 20],
    [0.9, 100],
    [0.99, 1000],
    [0.999, 10_000],
    [0.9999, 100_000],
  ];
  for (const [probability, count] of smallest) {
    assert.equal(percentileIsSupported(count, probability), true, `${probability} of ${count}`);
    assert.equal(percentileIsSupported(count - 1, probability), false, `${probability}`);
  }
});

Deno.test("An empty sample supports nothing, and no sample supports its maximum", () => {
  assert.equal(percentileIsSupported(0, 0.5), false);
  assert.equal(percentileIsSupported(1e9, 1), false);
});
