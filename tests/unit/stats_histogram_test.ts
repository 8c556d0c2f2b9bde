/**
 * The latency summary against the sorted sample it was made from.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeFromCompressedBase64 } from "hdr-histogram-js";
import { LATENCY_NS_MAX, LatencyHistogram } from "../../harness/histogram.ts";

Deno.test("an empty histogram has no summary", () => {
  const histogram = new LatencyHistogram();
  assert.equal(histogram.summary(), null);
  histogram.record(5, 0);
  assert.equal(histogram.summary(), null);
});

Deno.test("percentiles are within 0.1 % of the value of rank ceil(p n); extremes are exact", () => {
  const latencies = fc.array(fc.integer({ min: 0, max: 2_000_000_000 }), {
    minLength: 1,
    maxLength: 200,
  });
  fc.assert(
    fc.property(latencies, (sample) => {
      const histogram = new LatencyHistogram();
      for (const value of sample) histogram.record(value);
      const summary = histogram.summary()!;
      const sorted = [...sample].sort((a, b) => a - b);
      const exact = (p: number): number => sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)]!;
      assert.equal(summary.count, sample.length);
      assert.equal(summary.min, sorted[0]);
      assert.equal(summary.max, sorted.at(-1));
      for (const [value, p] of [[summary.p50, 0.5], [summary.p90, 0.9]] as const) {
        assert.ok(value >= exact(p) && value <= exact(p) * 1.001 + 1, `${value} of ${exact(p)}`);
      }
      assert.ok(summary.p99 <= summary.p99_9 && summary.p99_9 <= summary.max);
    }),
    { numRuns: 50 },
  );
});

Deno.test("the encoded histogram gives the same percentiles when it is read back", () => {
  const histogram = new LatencyHistogram();
  for (let value = 1; value <= 10_000; value++) histogram.record(value * 100);
  const summary = histogram.summary()!;
  const decoded = decodeFromCompressedBase64(summary.hdr_v2, 64);
  assert.equal(decoded.totalCount, 10_000);
  assert.equal(decoded.getValueAtPercentile(99), summary.p99);
});

Deno.test("weights count, a reset forgets, and an hour is the most that is kept", () => {
  const histogram = new LatencyHistogram();
  histogram.record(7, 3);
  histogram.reset();
  histogram.record(100, 9);
  histogram.record(9e15);
  const summary = histogram.summary()!;
  assert.deepEqual([summary.count, summary.min, summary.p50], [10, 100, 100]);
  assert.equal(summary.max, LATENCY_NS_MAX);
  assert.throws(() => histogram.record(-1), RangeError);
  assert.throws(() => histogram.record(NaN), RangeError);
});
