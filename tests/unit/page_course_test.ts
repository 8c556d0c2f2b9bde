/**
 * Charts over time: what they say of steady runs and of runs in which something is done to the
 * device, and what a workload whose policy changes is not used for.
 */

import assert from "node:assert/strict";
import type { RunRecord } from "../../harness/record.ts";
import { arrange } from "../../reports/cells.ts";
import { choiceLines } from "../../reports/page/choice.ts";
import { makeContext } from "../../reports/page/context.ts";
import { courseOf } from "../../reports/page/course.ts";
import { heatFigure } from "../../reports/page/figures/heat.ts";
import type { HeatFigure, TimelineFigure } from "../../reports/page/figures/kinds.ts";
import { timelineFigure } from "../../reports/page/figures/timeline.ts";
import { renderPage } from "../../reports/page/page.ts";
import { cellsAt, heatConfig } from "../../reports/page/client/time_charts.js";
import { buildRecord } from "../record_builder.ts";

/** Ten slices of 20 ms; from the fourth on without the policy, from the eighth on with it. */
const TAKEN_AWAY = { 60: "device policy NONE", 140: "the run's own device policy" };

function switched(policies: readonly RunRecord["policy"][] = ["NONE", "LATENCY"]): RunRecord[] {
  return policies.map((policy) =>
    buildRecord({
      policy,
      sliceCount: 10,
      sampleCount: 2000,
      ...policy === "NONE" ? {} : { operations: TAKEN_AWAY },
    })
  );
}

function figuresOf(records: readonly RunRecord[]) {
  const [source] = arrange(records);
  const context = makeContext([source!]);
  const workload = source!.workloads[0]!;
  return {
    workload,
    course: courseOf(context, workload),
    timeline: timelineFigure(context, workload, "t")?.text,
    heat: heatFigure(context, workload, "h")?.text,
    figures: context.figures as { t: TimelineFigure; h: HeatFigure },
  };
}

function changed(record: RunRecord, part: Partial<RunRecord["measurement"]>): RunRecord {
  return { ...record, measurement: { ...record.measurement, ...part } };
}

Deno.test("A run without a series has no chart over time; records of live hosts have none", () => {
  const { course, timeline, heat } = figuresOf([buildRecord(), buildRecord({ policy: "MIX" })]);
  assert.deepEqual([course, timeline, heat], [null, undefined, undefined]);
  const live = figuresOf([buildRecord({ target: "live" })]);
  assert.deepEqual([live.timeline, live.heat], [undefined, undefined]);
});

Deno.test("A steady run says how much its slices vary, and that it does not drift", () => {
  const { timeline, figures } = figuresOf([buildRecord({ sliceCount: 20 })]);
  assert.match(
    timeline!,
    /Throughput varies from slice to slice by 0\.\d %, without drift\./,
  );
  assert.deepEqual(figures.t.panels.map(({ title }) => title), [
    "throughput",
    "p90 latency",
    "CPU utilisation",
  ]);
  // 20 slices of 200 ms are 10 ms each: a hundred a second.
  const { transactions } = buildRecord({ sliceCount: 20 }).measurement.groups[0]!;
  const values = figures.t.panels[0]!.lines[0]!.values.map((value) => value!);
  const total = values.reduce((sum, value) => sum + value / 100, 0);
  assert.ok(Math.abs(total - transactions) < 1, `${total} is not ${transactions}`);
});

Deno.test("A run that slows down says so", () => {
  const record = buildRecord({ sliceCount: 10 });
  const { series } = record.measurement;
  const groups = series!.groups.map((group) => ({
    ...group,
    amount: group.amount.map((amount, slice) => slice < 5 ? amount : amount / 2),
  }));
  const { timeline } = figuresOf([changed(record, { series: { ...series!, groups } })]);
  assert.match(timeline!, /; the second half of NONE has 0\.50× of its first\./);
});

Deno.test("Where the policy is taken away the levels before, meanwhile and after are told", () => {
  const { timeline, course, figures } = figuresOf(switched());
  assert.deepEqual(course!.phases, [
    { from: 0, to: 3 },
    { from: 3, to: 7 },
    { from: 7, to: 10 },
  ]);
  const p90 = figures.t.panels.find(({ title }) => title === "p90 latency")!.lines[1]!.values;
  assert.equal(p90[3], 2 * p90[2]!);
  assert.equal(p90[7], p90[0]);
  const sentence =
    /p90 latency: NONE ([\d.]+.µs); LATENCY ([\d.]+.µs), then ([\d.]+.µs), then \2\./;
  assert.match(timeline!, sentence);
  assert.match(
    timeline!,
    /Marks: 1, at 60.ms: device policy NONE \(LATENCY\); 2, at 140.ms: the run&#39;s own/,
  );
  assert.match(timeline!, />0–60.ms<\/th>.*60.ms–140.ms<\/th>.*140.ms–200.ms<\/th>/s);
});

Deno.test("A workload whose policy changes chooses no policy, and its totals get no letter", async () => {
  const steady = ["NONE", "LATENCY"].map((policy) =>
    buildRecord({ workload: "steady", policy: policy as RunRecord["policy"], sampleCount: 2000 })
  );
  const records = [...switched(), ...steady];
  const [source] = arrange(records);
  assert.deepEqual(source!.workloads.map(({ isChanging }) => isChanging), [true, false]);
  const lines = choiceLines(source!);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^LATENCY for steady · rr: p99/);
  const page = await renderPage(records);
  assert.match(page, /policy changes<span class="sub">see its course<\/span>/);
  const section = page.slice(page.indexOf('id="s0w0"'), page.indexOf('id="s0w1"'));
  assert.match(section, /its totals are of no single policy/);
  assert.ok(section.indexOf("s0w0-timeline-figure") < section.indexOf("Median over seeds"));
  assert.doesNotMatch(section, /<ul class="findings">/);
});

Deno.test("The heat map holds every slice of every queue and CPU, in one scale for all policies", () => {
  const records = switched();
  const { heat, figures: { h } } = figuresOf(records);
  const { series } = records[1]!.measurement;
  assert.deepEqual(h.panels[1]!.rows.rx_packets, series!.queues.map((queue) => queue.rx_packets));
  assert.deepEqual(h.panels[1]!.rows.busy_permille, series!.cpus.map((cpu) => cpu.busy_permille));
  const all = records.flatMap((each) => each.measurement.series!.queues);
  assert.equal(h.most.rx_packets, Math.max(...all.flatMap((queue) => queue.rx_packets)));
  assert.equal(h.most.busy_permille, 1000);
  // LATENCY uses four of eight queues evenly: the busiest has twice the mean of all.
  assert.match(heat!, /median of the slices: NONE 1\.\d\d; LATENCY 2\.00\./);
  assert.match(heat!, /4 of 8/);
});

Deno.test("Neighbours of one colour are one cell, nothing is none, and a slice finds its cells", () => {
  const figure = {
    kind: "heat",
    title: "",
    slice_ns: 1e6,
    slice_count: 5,
    most: { rx_packets: 60 },
    panels: [{
      variant: 0,
      queues: [0, 3],
      cpus: [],
      rows: { rx_packets: [[60, 60, 55, 10, 0], [0, 0, 0, 0, 0]] },
    }],
    marks: [],
  };
  const look = { heat: "rx_packets", font: "sans-serif", line: "#000", quiet: "#000" };
  const config = heatConfig(figure, look, new Set(), 0);
  const points: { cell: { level: number; low: number; high: number } }[] =
    config.data.datasets[0]!.data;
  const cells = points.map(({ cell }) => cell);
  assert.deepEqual(cells, [
    { row: 0, level: 1, from: 3, to: 4, low: 10, high: 10 },
    { row: 0, level: 6, from: 0, to: 3, low: 55, high: 60 },
  ]);
  assert.deepEqual(cellsAt(config, 1), [{ datasetIndex: 0, index: 1 }]);
  assert.deepEqual(cellsAt(config, 4), []);
  const label = config.options.plugins.tooltip.callbacks.label({ raw: { cell: cells[1]! } });
  assert.equal(label.replaceAll("\u202f", " "), "55 packets to 60 packets");
});

Deno.test("The same run with its course and without counts once, and keeps the course", () => {
  const [, kept] = switched();
  const { series: _, ...rest } = kept!.measurement;
  const bare = { ...kept!, measurement: rest };
  for (const records of [[kept!, bare], [bare, kept!]]) {
    const [variant] = arrange(records)[0]!.workloads[0]!.variants;
    assert.equal(variant!.records.length, 1);
    assert.ok(variant!.records[0]!.measurement.series !== undefined);
  }
});

Deno.test("Runs of another length are left out of a chart over time, not stretched into it", () => {
  const [none] = switched();
  const other = buildRecord({ policy: "MIX", sliceCount: 8 });
  const { course } = figuresOf([none!, other]);
  assert.deepEqual(course!.all.map(({ variant }) => variant.label), ["NONE"]);
});
