/** The charts' data: what they are drawn from, what they say, and that their exports equal it. */

import assert from "node:assert/strict";
import type { DevicePolicy, RunRecord } from "../../harness/record.ts";
import { arrange, type WorkloadRuns } from "../../reports/cells.ts";
import { makeContext, type PageContext } from "../../reports/page/context.ts";
import { barsFigure } from "../../reports/page/figures/bars.ts";
import { cpuFigure } from "../../reports/page/figures/cpu.ts";
import type { Figure } from "../../reports/page/figures/kinds.ts";
import { heatFigure } from "../../reports/page/figures/heat.ts";
import { curveFigure, differenceFigure } from "../../reports/page/figures/latency.ts";
import { isShort, loadFigures } from "../../reports/page/figures/load.ts";
import { timelineFigure } from "../../reports/page/figures/timeline.ts";
import { beats, tradeoffFigure } from "../../reports/page/figures/tradeoff.ts";
import {
  figureTable,
  tableToCsv,
  tableToMarkdown,
} from "../../reports/page/client/figure_table.js";
import { queueSection } from "../../reports/page/queues.ts";
import { differenceCurve } from "../../reports/page/percentiles.ts";
import { buildBench, buildRecord } from "../record_builder.ts";

/** All figures of the workload "rr" of the synthetic bench, with the markup of each. */
function figuresOf(records: readonly RunRecord[]): {
  context: PageContext;
  markup: Record<string, string>;
} {
  const sources = arrange(records);
  const context = makeContext(sources);
  const workload: WorkloadRuns = sources[0]!.workloads[0]!;
  const row = (id: string) => workload.metrics.find((each) => each.id === id)!;
  const made = {
    bars: barsFigure(context, workload, row("rr/throughput"), "bars"),
    curve: curveFigure(context, workload, "rr", "curve"),
    difference: differenceFigure(context, workload, "rr", "difference"),
    tradeoff: tradeoffFigure(context, workload, row("rr/latency_ns_p99"), "tradeoff"),
    cpu: cpuFigure(context, workload, "cpu"),
    timeline: timelineFigure(context, workload, "timeline"),
    heat: heatFigure(context, workload, "heat"),
    ...context.variants.length < 5
      ? {}
      : { load: loadFigures(context, arrange(loadRuns())[0]!, "load")[0]! },
  };
  const markup = Object.entries(made).map(([id, figure]) => [id, figure?.text ?? ""] as const);
  return { context, markup: Object.fromEntries(markup) };
}

/** An open loop at two loads; BULK carries the lower one only. */
function loadRuns(): RunRecord[] {
  const policies = ["NONE", "CPU", "BULK", "LATENCY", "MIX"] as const;
  return [50_000, 100_000].flatMap((offered) =>
    policies.map((policy) => {
      const record = buildRecord({ workload: `open@${offered}`, policy, sampleCount: 2000 });
      const isShort = policy === "BULK" && offered === 100_000;
      const groups = record.measurement.groups.map((group) => ({
        ...group,
        loop: "open" as const,
        offered_per_second: offered,
        throughput: { value: isShort ? 70_000 : offered * 0.999, unit: "trans/s" as const },
      }));
      return { ...record, measurement: { ...record.measurement, groups } };
    })
  );
}

Deno.test("Latency against load says who keeps up until where, and who is fastest there", () => {
  const { context, markup } = figuresOf(buildBench([1, 2]));
  assert.match(
    markup["load"]!,
    /Saturated from: BULK at 100.ktrans\/s\. At 50\.0.ktrans\/s, which all carry, p99 is [\d.]+.µs under LATENCY and [\d.]+.µs under BULK\./,
  );
  const figure = context.figures["load-load0"]!;
  assert.ok(figure.kind === "load");
  assert.deepEqual(figure.lines.map(({ points }) => points.map((each) => each.is_saturated)), [
    [false, false],
    [false, false],
    [false, true],
    [false, false],
    [false, false],
  ]);
});

Deno.test("A load counts as not carried only beyond rounding and the chance of a Poisson stream", () => {
  assert.equal(isShort(100_000, 99_100, 10), false, "0.9 % is rounding");
  assert.equal(isShort(100_000, 98_900, 10), true);
  assert.equal(isShort(1000, 950, 1), false, "3 deviations of 1000 arrivals are 9.5 %");
  assert.equal(isShort(1000, 900, 1), true);
});

Deno.test("One load alone, and loads of different groups, make no chart of load", () => {
  const [first, ...rest] = loadRuns();
  const source = (records: readonly RunRecord[]) => arrange(records)[0]!;
  const context = makeContext(arrange(loadRuns()));
  assert.deepEqual(loadFigures(context, source([first!]), "x"), []);
  const other = rest.filter((record) => record.workload === "open@100000").map((record) => ({
    ...record,
    measurement: {
      ...record.measurement,
      groups: record.measurement.groups.map((group) => ({ ...group, connections: 7 })),
    },
  }));
  assert.deepEqual(loadFigures(context, source([first!, ...other]), "x"), []);
});

function slowed(policy: DevicePolicy, slowdown: number, seed: number): RunRecord {
  return buildRecord({ policy, slowdown, seed, sampleCount: 2000 });
}

Deno.test("Every chart has a title, a sentence, a table, three exports and a drawing without script", () => {
  const { context, markup } = figuresOf(buildBench([1, 2]));
  for (const [id, text] of Object.entries(markup)) {
    const figureId = id === "load" ? "load-load0" : id;
    const { title } = context.figures[figureId]!;
    assert.ok(text.includes(`<h3>${title}</h3>`), id);
    assert.match(text, /<p class="says">[^<]{20,}\.<\/p>/, id);
    assert.ok(text.includes(`<table class="small" id="${figureId}-table"`), id);
    assert.equal(text.match(/data-export=/g)?.length, 3, id);
    const drawings = [...text.matchAll(/<noscript>(.*?)<\/noscript>/g)].map((match) => match[1]!);
    assert.equal(drawings.length, text.match(/<canvas/g)!.length, id);
    for (const svg of drawings) {
      assert.match(svg, /^<svg [^>]*viewBox="0 0 \d+ \d+"/, id);
      assert.doesNotMatch(svg, /NaN|undefined|Infinity/, id);
      // A heat map has no grid, and one path for each of its colours.
      const least = id === "heat" ? 1 : 2;
      assert.ok(svg.match(/<path/g)!.length >= least && svg.includes("var(--"), id);
    }
  }
});

Deno.test("A drawing without script escapes the labels of its policies", () => {
  // The format of records allows no such mechanism; a page must not depend on that.
  const mechanism = "</noscript><b>" as RunRecord["mechanism"];
  const hostile: RunRecord = { ...buildRecord(), mechanism };
  const { markup } = figuresOf([buildRecord(), hostile]);
  assert.ok(markup["bars"]!.includes("&lt;/noscript&gt;&lt;b&gt;"));
  assert.equal(markup["bars"]!.match(/<\/noscript>/g)!.length, 1);
});

Deno.test("Exports of a chart hold its own numbers, whole, and leave out what the legend hides", () => {
  const { context } = figuresOf(buildBench([1, 2]));
  const numbersOf = (figure: Figure): number[] => {
    switch (figure.kind) {
      case "bars":
        return figure.bars.flatMap(({ median, low, high }) => [median, low, high]);
      case "curve":
        return figure.curves.flatMap((c) => [...c.latency_ns, c.box.p1, c.box.p25]);
      case "difference":
        return figure.panels.flatMap((panel) =>
          panel.median.flatMap((ratio, k) => [ratio, panel.low[k]!, panel.high[k]!])
        );
      case "cpu":
        return figure.panels.flatMap(({ cpus, shares }) =>
          cpus.flatMap((cpu, k) => [cpu, ...Object.values(shares).map((part) => part[k]!)])
        );
      case "tradeoff":
        return figure.points.flatMap((p) => [p.x, p.y, p.interrupts_per_second!]);
      case "load":
        return figure.lines.flatMap(({ points }) =>
          points.flatMap((p) => [p.offered, p.achieved, p.p50_ns!, p.p99_ns!])
        );
      case "timeline":
        return figure.panels.flatMap(({ lines }) =>
          lines.flatMap(({ values }) => values.map((each) => each!))
        );
      case "heat":
        return figure.panels.flatMap(({ rows }) => Object.values(rows).flat(2));
      case "map":
        return figure.panels.flatMap(({ queues }) =>
          queues.flatMap((q) => [
            q.queue,
            q.rx_share,
            q.rx_packets,
            q.tx_packets,
            q.interrupts,
          ])
        );
      case "history":
        return figure.lines.flatMap(({ medians }) => medians.map((each) => each!));
    }
  };
  queueSection(context, arrange(buildBench([1, 2]))[0]!.workloads[0]!, "map");
  assert.equal(context.figures["map"]!.kind, "map");
  for (const figure of Object.values(context.figures)) {
    const table = figureTable(figure, context.variants, new Set());
    const found = table.rows.flatMap((row: unknown[]) =>
      row.filter((value: unknown) => typeof value === "number")
    );
    assert.deepEqual(found, numbersOf(figure), figure.kind);
    const labels = table.rows.map((row: unknown[]) => row[0]);
    assert.ok(labels.includes("MIX"), figure.kind);
    const { index } = context.variants.find((each) => each.label === "MIX")!;
    const rest = figureTable(figure, context.variants, new Set([index]));
    assert.equal(rest.rows.some((row: unknown[]) => row[0] === "MIX"), false, figure.kind);
  }
});

Deno.test("CSV and Markdown of a chart cannot be broken by a label or run by a spreadsheet", () => {
  const table = { heads: ["policy", "x"], rows: [["=cmd|a", 1.5], ["b,c", null]] };
  assert.equal(tableToCsv(table), 'policy,x\r\n\'=cmd|a,1.5\r\n"b,c",\r\n');
  assert.equal(
    tableToMarkdown(table),
    "| policy | x |\n| --- | ---: |\n| =cmd\\|a | 1.5 |\n| b,c |  |",
  );
});

Deno.test("Differences are paired by seed: twice the latency is 2.00× at every percentile", () => {
  const base = [1, 2, 3].map((seed) => slowed("NONE", seed, seed));
  // buildRecord adds noise per policy, so the same policy name keeps pairs exact.
  const twice = [1, 2, 3].map((seed) => slowed("NONE", 2 * seed, seed));
  const curve = differenceCurve(twice, base, "rr")!;
  assert.ok(curve.median.length > 20);
  for (const ratio of [...curve.median, ...curve.low, ...curve.high]) {
    assert.ok(Math.abs(ratio - 2) < 0.005, String(ratio));
  }
  assert.equal(curve.span, "range");
  assert.equal(curve.table[0]!.median.toFixed(2), "2.00");
  assert.equal(curve.table[3], null, "2000 samples do not support 99.9 %");
});

Deno.test("Differences need a seed that both sides ran, and samples", () => {
  assert.equal(differenceCurve([slowed("CPU", 1, 1)], [slowed("NONE", 1, 2)], "rr"), null);
  assert.equal(differenceCurve([buildRecord({ sampleCount: 9 })], [buildRecord()], "rr"), null);
});

Deno.test("A policy is beaten only where another is as good in both and better in one", () => {
  const point = { x: 1, y: 100 };
  assert.equal(beats({ x: 0.9, y: 90 }, point, false), true);
  assert.equal(beats({ x: 1, y: 90 }, point, false), true, "equal cost, lower latency");
  assert.equal(beats({ x: 0.9, y: 110 }, point, false), false, "a trade is no win");
  assert.equal(beats({ x: 1.005, y: 99.5 }, point, false), false, "within 1 % in both");
  assert.equal(beats({ x: 0.9, y: 110 }, point, true), true, "higher is better");
  assert.equal(beats(point, point, false), false);
});

Deno.test("The trade-off says who is unbeaten, and by whom the others are", () => {
  const at = (policy: DevicePolicy, p99: number, busy: number): RunRecord => {
    const record = buildRecord({ policy, sampleCount: 2000 });
    const groups = record.measurement.groups.map((group) => ({
      ...group,
      transactions: 1000,
      latency_ns: { ...group.latency_ns!, p99 },
    }));
    const cpus = [{
      cpu: 0,
      node: 0,
      user_ns: busy,
      system_ns: 0,
      irq_ns: 0,
      softirq_ns: 0,
      idle_ns: 1,
    }];
    return { ...record, measurement: { ...record.measurement, groups, cpus } };
  };
  const records = [at("NONE", 100, 100), at("CPU", 150, 50), at("BULK", 160, 120)];
  const { context, markup } = figuresOf(records);
  assert.match(
    markup["tradeoff"]!,
    /NONE and CPU are worth a look: none is beaten in both p99 and CPU time\. BULK is no better than NONE and CPU in either\./,
  );
  const figure = context.figures["tradeoff"]!;
  assert.ok(figure.kind === "tradeoff");
  assert.deepEqual(figure.points.map((each) => each.is_on_front), [true, true, false]);
});
