/** Percentile curves: pooled exactly, cut where the sample ends, never beyond what it supports. */

import assert from "node:assert/strict";
import { build, encodeIntoCompressedBase64 } from "hdr-histogram-js";
import type { RunRecord } from "../../harness/record.ts";
import { arrange } from "../../reports/cells.ts";
import { percentileCurve, POINTS_PER_OCTAVE } from "../../reports/page/percentiles.ts";
import { renderPage } from "../../reports/page/page.ts";
import { buildRecord } from "../record_builder.ts";

/** A run whose only group "rr" measured these latencies. */
function runWith(valuesNs: readonly number[], highestNs = 10_000_000): RunRecord {
  const histogram = build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: highestNs,
    numberOfSignificantValueDigits: 3,
  });
  for (const value of valuesNs) histogram.recordValue(value);
  const record = buildRecord({ sampleCount: 10 });
  const groups = record.measurement.groups.map((group) => ({
    ...group,
    latency_ns: {
      ...group.latency_ns!,
      count: valuesNs.length,
      hdr_v2: encodeIntoCompressedBase64(histogram),
    },
  }));
  return { ...record, measurement: { ...record.measurement, groups } };
}

/** 1 to count, each once. */
function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

Deno.test("Points lie at 1 - 2^(-k/4) of the sorted sample", () => {
  const curve = percentileCurve([runWith(upTo(1000))], "rr")!;
  assert.equal(curve.sampleCount, 1000);
  // k = 4 is the median, k = 8 is 75 %, k = 12 is 87.5 %; values below 2048 are exact.
  const at = [1, 2, 3].map((octave) => curve.latencyNs[octave * POINTS_PER_OCTAVE]);
  assert.deepEqual(at, [500, 750, 875]);
});

Deno.test("A curve ends where fewer than 10 samples remain", () => {
  const curve = percentileCurve([runWith(upTo(1000))], "rr")!;
  const last = curve.latencyNs.length - 1;
  assert.ok(1000 * 2 ** (-last / POINTS_PER_OCTAVE) >= 10);
  assert.ok(1000 * 2 ** (-(last + 1) / POINTS_PER_OCTAVE) < 10);
});

Deno.test("The table states p99 from 1000 samples on, and p99.9 from 10000 on", () => {
  const tableOf = (count: number) => percentileCurve([runWith(upTo(count))], "rr")!.tableNs;
  assert.deepEqual(tableOf(1000), [500, 900, 990, null, null]);
  assert.deepEqual(tableOf(999).slice(2), [null, null, null]);
  assert.notEqual(tableOf(10_000)[3], null);
});

Deno.test("Runs are pooled, also when their histograms have different ranges", () => {
  const runs = [runWith(upTo(1000), 10_000), runWith(upTo(1000).map(() => 5_000_000), 10_000_000)];
  for (const order of [runs, [...runs].reverse()]) {
    const curve = percentileCurve(order, "rr")!;
    assert.equal(curve.sampleCount, 2000);
    assert.equal(curve.tableNs[0], 1000);
    assert.ok(Math.abs(curve.tableNs[1]! / 5_000_000 - 1) < 0.001);
  }
});

Deno.test("Without samples there is no curve", () => {
  assert.equal(percentileCurve([runWith([])], "rr"), null);
  assert.equal(percentileCurve([buildRecord()], "no such group"), null);
});

Deno.test("Runs that did nothing make a page without NaN, infinity or a made-up ratio", async () => {
  const idle = (policy: "NONE" | "MIX"): RunRecord => {
    const record = buildRecord({ policy, sampleCount: 10 });
    const { measurement } = record;
    return {
      ...record,
      measurement: {
        ...measurement,
        groups: measurement.groups.map((group) => ({
          ...group,
          transactions: 0,
          bytes: 0,
          throughput: { value: 0, unit: "trans/s" },
          latency_ns: { ...group.latency_ns!, count: 0 },
        })),
        cpus: measurement.cpus.map((cpu) => ({
          ...cpu,
          user_ns: 0,
          system_ns: 0,
          irq_ns: 0,
          softirq_ns: 0,
          idle_ns: 0,
        })),
        queues: measurement.queues.map((queue) => ({ ...queue, rx_packets: 0, interrupts: 0 })),
        interrupts: { count: 0, per_second: 0, rx_packets_per_interrupt: 0 },
      },
    };
  };
  const page = await renderPage([idle("NONE"), idle("MIX")]);
  const markup = page.slice(
    page.indexOf("<body>"),
    page.indexOf('<script type="application/json"'),
  );
  assert.doesNotMatch(markup, /NaN|Infinity|undefined/);
  assert.match(markup, /None of 8 queues received a packet\./);
});

Deno.test("A seed that was run twice pairs with the same repetition of the reference", () => {
  const twice = (policy: "NONE" | "CPU", rates: readonly number[]): RunRecord[] =>
    rates.map((rate, position) => {
      const record = buildRecord({ target: "live", policy, seed: 1, sampleCount: 10 });
      const groups = record.measurement.groups.map((group) => ({
        ...group,
        throughput: { value: rate, unit: "trans/s" as const },
      }));
      const started = `2026-01-02T03:04:0${position}.000Z`;
      return { ...record, started_at: started, measurement: { ...record.measurement, groups } };
    });
  const records = [...twice("NONE", [100, 200]), ...twice("CPU", [150, 400])];
  const workload = arrange(records)[0]!.workloads[0]!;
  const row = workload.metrics.find((each) => each.key === "throughput")!;
  assert.deepEqual(row.cells.get("netpolicy/CPU")!.ratio, {
    median: 1.75,
    low: 1.5,
    high: 2,
    kind: "range",
    count: 2,
  });
});
