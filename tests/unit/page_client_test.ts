/** The pure parts that run in the browser: numbers, fragment, exports, axis labels, palette. */

import assert from "node:assert/strict";
import fc from "fast-check";

import { toCsv, toMarkdown } from "../../reports/page/client/export.js";
import {
  formatNs,
  formatRange,
  formatSi,
  formatTick,
  formatValue,
  percentileLabel,
} from "../../reports/page/client/format.js";
import { DEFAULT_STATE, formatState, parseState } from "../../reports/page/client/state.js";

const GAP = "\u202f";

Deno.test("Numbers keep three significant digits and step at the rounded value", () => {
  assert.equal(formatNs(999), `999${GAP}ns`);
  assert.equal(formatNs(999.6), `1.00${GAP}µs`);
  assert.equal(formatNs(84_130), `84.1${GAP}µs`);
  assert.equal(formatNs(1_500_000_000), `1.50${GAP}s`);
  assert.equal(formatSi(999_600), `1.00${GAP}M`);
  assert.equal(formatSi(0), "0");
  assert.equal(formatValue(9.4e9, "bit/s"), `9.40${GAP}Gbit/s`);
  assert.equal(formatValue(0.415, "share"), `41.5${GAP}%`);
});

Deno.test("A range writes a shared unit once", () => {
  const range = (low: number, high: number) => ({ low, high });
  assert.equal(formatRange(range(81_000, 86_000), "ns"), `81.0–86.0${GAP}µs`);
  assert.equal(formatRange(range(900, 1_200), "ns"), `900${GAP}ns–1.20${GAP}µs`);
  assert.equal(formatRange(range(3, 7), "count"), "3–7");
});

Deno.test("Axis labels drop zeros that say nothing and keep those that do", () => {
  assert.equal(formatTick(20_000, "1/s"), `20${GAP}k/s`);
  assert.equal(formatTick(1_500_000, "trans/s"), `1.5${GAP}Mtrans/s`);
  assert.equal(formatTick(100_000, "ns"), `100${GAP}µs`);
  assert.equal(formatTick(0, "packets"), "0");
});

Deno.test("Percentile labels have as many nines as they need", () => {
  const labels = [1, 2, 10, 100, 1000, 10_000, 100_000].map(percentileLabel);
  assert.deepEqual(labels, [
    "0 %",
    "50 %",
    "90 %",
    "99 %",
    "99.9 %",
    "99.99 %",
    "99.999 %",
  ]);
});

Deno.test("A state survives its fragment", () => {
  const states = fc.record({
    at: fc.constantFrom("", "s0w1"),
    hide: fc.uniqueArray(fc.constantFrom("NONE", "CPU", "NONE (netpolicy)", "MIX")),
    workload: fc.constantFrom("", "rr", "a&b=c #"),
    mechanism: fc.constantFrom("", "stock"),
    metric: fc.constantFrom("main", "throughput", "latency_ns_p99"),
    scale: fc.constantFrom("linear", "log", "ccdf", "boxes"),
    heat: fc.constantFrom("rx_packets", "interrupts", "itr_rx_usecs", "busy_permille"),
    theme: fc.constantFrom("auto" as const, "light" as const, "dark" as const),
  });
  fc.assert(fc.property(states, (state) => {
    assert.deepEqual(parseState(`#${formatState(state)}`), { ...state });
  }));
});

Deno.test("The default state needs no fragment, a broken one falls back to it", () => {
  assert.equal(formatState(DEFAULT_STATE), "");
  assert.deepEqual(parseState("#theme=pink&scale=odd&%%%=1"), DEFAULT_STATE);
  assert.equal(parseState("#s0w2").at, "s0w2");
});

const RESULTS = [{
  target: "model",
  generator: "i40e-model",
  workloads: [{
    name: '=cmd("a"),b|c',
    metrics: [{
      id: "rr/latency_ns_p99",
      group: "rr",
      title: "p99 latency",
      unit: "ns",
      values: {
        "stock/NONE": [{ seed: 1, value: 1000 }, { seed: 2, value: 3000 }],
        "netpolicy/CPU": [{ seed: 1, value: 500 }],
      },
      ratio: { "stock/NONE": { median: 1 }, "netpolicy/CPU": { median: 0.5 } },
    }],
  }],
}];

Deno.test("CSV holds every seed and no label that a spreadsheet would run", () => {
  const lines = toCsv(RESULTS).split("\r\n");
  assert.equal(
    lines[0],
    "target,generator,workload,group,metric,unit,mechanism,policy,seed,value",
  );
  assert.equal(
    lines[1],
    `model,i40e-model,"'=cmd(""a""),b|c",rr,p99 latency,ns,stock,NONE,1,1000`,
  );
  assert.equal(lines.length, 5);
});

Deno.test("Markdown shows medians with ratios and cannot be broken by a label", () => {
  const text = toMarkdown(RESULTS, [
    { key: "stock/NONE", label: "NONE" },
    { key: "netpolicy/CPU", label: "CPU" },
    { key: "netpolicy/MIX", label: "MIX" },
  ]);
  assert.ok(text.includes("| Workload | Metric | NONE | CPU | MIX |"));
  assert.ok(text.includes(
    `| =cmd("a"),b\\|c | p99 latency of rr | 2.00${GAP}µs (1.00×) | 500${GAP}ns (0.50×) | – |`,
  ));
});
