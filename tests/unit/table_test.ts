/**
 * Summary and table: the numbers, what is left out, and the look in a terminal.
 *
 * @module
 */

import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import type { GroupMeasurement, Measurement, RunRecord } from "../../harness/record.ts";
import { summarise, type Summary } from "../../harness/summary.ts";
import { renderSummary } from "../../harness/table.ts";
import { plural } from "../../harness/words.ts";
import { buildRecord } from "../record_builder.ts";

const PLAIN = { color: false, columns: null };
const SEEDS = [1, 2, 3];
const pairs = (count: number): RunRecord[] =>
  Array.from({ length: count }, (_, at) => at + 1).flatMap((seed) => [
    buildRecord({ seed, policy: "NONE" }),
    buildRecord({ seed, policy: "LATENCY" }),
  ]);

Deno.test("ratios are of runs with the same seed; the base row has none", () => {
  const { groups } = summarise(pairs(3));
  const [none, latency] = groups[0]!.rows;
  assert.equal(none!.throughput_ratio, null);
  const value = (policy: string, seed: number): number =>
    pairs(3).find((record) => record.policy === policy && record.seed === seed)!
      .measurement.groups[0]!.throughput.value;
  const ratios = SEEDS.map((seed) => value("LATENCY", seed) / value("NONE", seed)).sort();
  assert.equal(latency!.throughput_ratio!.median, ratios[1]);
  assert.deepEqual([latency!.throughput_ratio!.low, latency!.throughput_ratio!.high], [
    ratios[0],
    ratios[2],
  ]);
  assert.equal(latency!.throughput_ratio!.kind, "range");
});

Deno.test("rows stand in the RFC's order of policies whatever the order of records", () => {
  const records = (["MIX", "LATENCY", "NONE", "BULK", "CPU"] as const)
    .map((policy) => buildRecord({ policy }));
  const policies = summarise(records).groups[0]!.rows.map((row) => row.policy);
  assert.deepEqual(policies, ["NONE", "CPU", "BULK", "LATENCY", "MIX"]);
});

Deno.test("partial runs are left out of the numbers and counted", () => {
  const records = pairs(2);
  const partial: RunRecord = { ...buildRecord({ seed: 9, slowdown: 50 }), status: "partial" };
  const withPartial = summarise([...records, partial]);
  assert.deepEqual(withPartial.groups, summarise(records).groups);
  assert.equal(withPartial.partial_count, 1);
  assert.match(renderSummary(withPartial, PLAIN), /Left out: 1 run that ended early\./);
});

Deno.test("without a base there is no ratio column, without latency no latency column", () => {
  const records = [buildRecord({ policy: "BULK", groups: ["TCP_STREAM"] })];
  const text = renderSummary(summarise(records), PLAIN);
  assert.doesNotMatch(text, /x NONE|p99/);
  assert.match(text, /policy +Gbit\/s +lost % +CPU % +int\/s +pkt\/int +steer/);
});

Deno.test("the spread is named for what it is: a range of few runs, an interval of many", () => {
  const few = renderSummary(summarise(pairs(3)), PLAIN);
  assert.match(few, /same seed \(smallest-largest; 6 seeds give an interval\)\./);
  const many = renderSummary(summarise(pairs(6)), PLAIN);
  assert.match(many, /same seed \(95 % confidence interval\)\./);
  assert.match(many, /median of n = 6/);
});

Deno.test("a table fits into 120 columns, wide spreads and many groups included", () => {
  const noisy = pairs(3).map((record, at) =>
    at % 3 === 0 ? buildRecord({ seed: record.seed, policy: record.policy, slowdown: 9 }) : record
  );
  const records = [
    ...noisy,
    buildRecord({ workload: "mix", groups: ["TCP_RR", "TCP_STREAM"], policy: "NONE" }),
    buildRecord({ workload: "mix", groups: ["TCP_RR", "TCP_STREAM"], policy: "MIX" }),
  ].map((record) => ({
    ...record,
    measurement: { ...record.measurement, remarks: ["many words ".repeat(30).trim()] },
  }));
  const text = renderSummary(summarise(records), PLAIN);
  assert.match(text, /of the whole device, not of one group/);
  const widest = Math.max(...text.split("\n").map((line) => line.length));
  assert.ok(widest <= 120, `${widest} columns`);
});

Deno.test("colour only when asked, and it changes nothing but the colour", () => {
  const summary = summarise(pairs(3));
  const plain = renderSummary(summary, PLAIN);
  const colored = renderSummary(summary, { color: true, columns: null });
  assert.equal(stripVTControlCharacters(plain), plain);
  assert.notEqual(colored, plain);
  assert.equal(stripVTControlCharacters(colored), plain);
});

Deno.test("green is better and red is worse, only where all pairs agree", () => {
  const summary = summarise(pairs(3));
  const withRatio = (low: number, median: number, high: number): string => {
    const estimate = { low, median, high, kind: "range", coverage: null, count: 3 } as const;
    const [group] = summary.groups;
    const rows = group!.rows.map((row) => ({
      ...row,
      throughput_ratio: row.policy === "NONE" ? null : estimate,
      latency_p99_ratio: row.policy === "NONE" ? null : estimate,
    }));
    const changed: Summary = { ...summary, groups: [{ ...group!, rows }] };
    return renderSummary(changed, { color: true, columns: null });
  };
  const [green, red] = ["\x1b[32m", "\x1b[31m"];
  assert.equal(withRatio(1.1, 1.2, 1.3).split(green).length - 1, 1, "more throughput is green");
  assert.equal(withRatio(1.1, 1.2, 1.3).split(red).length - 1, 1, "more latency is red");
  const mixed = withRatio(0.9, 1.2, 1.3);
  assert.ok(!mixed.includes(green) && !mixed.includes(red));
  const tie = withRatio(1.007, 1.009, 1.2);
  assert.ok(!tie.includes(green) && !tie.includes(red), "medians within 1 % are a tie");
  const shownAsOne = withRatio(1.001, 1.002, 1.003);
  assert.ok(!shownAsOne.includes(green) && !shownAsOne.includes(red));
});

Deno.test("runs that differ by much are named; runs that agree, and single runs, are not", () => {
  const noteOf = (slowdowns: readonly number[]): string => {
    const records = slowdowns.map((slowdown, at) => buildRecord({ seed: at + 1, slowdown }));
    return renderSummary(summarise(records), PLAIN).replace(/\s+/g, " ");
  };
  assert.match(
    noteOf([1, 1.3, 0.7]),
    /throughput of rr \(rr\) on model under NONE varies by 3\d % between 3 runs/,
  );
  assert.doesNotMatch(noteOf([1, 1.01, 0.99]), /varies/);
  assert.doesNotMatch(noteOf([5]), /varies/);
});

Deno.test("remarks stand once, with the number of runs that made them", () => {
  const records = pairs(1).map((record) => ({
    ...record,
    measurement: { ...record.measurement, remarks: ["The link was full"] },
  }));
  assert.match(renderSummary(summarise(records), PLAIN), /Remark of 2 runs: The link was full/);
  assert.equal(plural(1, "run"), "1 run");
});

/** Records changed in their first group or in the measurement. */
function changed(
  change: { group?: Partial<GroupMeasurement>; measurement?: Partial<Measurement> },
  options: Parameters<typeof buildRecord>[0] = {},
): RunRecord {
  const record = buildRecord(options);
  const [group, ...others] = record.measurement.groups;
  const groups = [{ ...group!, ...change.group }, ...others];
  return { ...record, measurement: { ...record.measurement, groups, ...change.measurement } };
}

Deno.test("a percentile without 10 samples beyond it is not shown, nor its ratio", () => {
  const few = ["NONE", "LATENCY"].map((policy) =>
    buildRecord({ policy: policy as "NONE" | "LATENCY", sampleCount: 999 })
  );
  const text = renderSummary(summarise(few), PLAIN);
  assert.match(text, /\nNONE +[\d,]+ +base +[\d.]+ +[\d.]+ +- +- /);
  assert.doesNotMatch(text, /p99 x NONE/);
  assert.match(text, /p50 to p99\.9 show "-" where fewer than 10 transactions of every run/);
  const enough = renderSummary(summarise([buildRecord({ sampleCount: 10_000 })]), PLAIN);
  assert.doesNotMatch(enough, /fewer than 10 transactions/);
});

Deno.test("losses have a column where there are any, with what they are a share of", () => {
  const none = renderSummary(summarise([buildRecord()]), PLAIN);
  assert.doesNotMatch(none, /lost %/);

  const group = { test: "UDP_STREAM", datagrams: { sent: 1000, lost: 995 } } as const;
  const live = { drops: { udp_lost: 995 }, queues: [] };
  const sent = renderSummary(summarise([changed({ group, measurement: live })]), PLAIN);
  assert.match(sent, /policy +trans\/s +lost %/);
  assert.match(sent, /\nNONE +[\d,]+ +99\.50 /);
  assert.match(sent, /lost % on model: datagrams of the group that never arrived/);

  const [queue] = buildRecord().measurement.queues;
  const queues = [{ ...queue!, rx_packets: 90 }];
  const drops = { ring_full: 6, device_buffer_full: 4, socket_buffer_full: 10 };
  const device = changed({ measurement: { drops, queues } });
  const rare = changed({
    measurement: {
      drops: { socket_buffer_full: 1 },
      queues: [
        { ...queue!, rx_packets: 1_000_000 },
      ],
    },
  }, { policy: "BULK" });
  const dropped = renderSummary(summarise([device, rare]), PLAIN);
  assert.match(dropped, /\nNONE +[\d,]+ +base +20\.00 /);
  assert.match(dropped, /\nBULK +[\d,]+ +\d.* <0\.01 /);
  assert.match(dropped, /lost % on model: packets dropped by rings, device buffer and sockets, of/);
});

Deno.test("a column of throughputs has one unit, in which the smallest still has digits", () => {
  const rate = (policy: "NONE" | "BULK", value: number): RunRecord =>
    changed({ group: { throughput: { value, unit: "bit/s" } } }, { policy });
  const table = (none: number, bulk: number): string =>
    renderSummary(summarise([rate("NONE", none), rate("BULK", bulk)]), PLAIN);
  assert.match(table(9.4e9, 1e9), /Gbit\/s[^]*\nNONE +9\.40 [^]*\nBULK +1\.00 /);
  assert.match(table(9.4e9, 2.345e6), /Mbit\/s[^]*\nNONE +9,400 [^]*\nBULK +2\.35 /);
  assert.match(table(0, 0), /Gbit\/s[^]*\nNONE +0\.00 /);
});

Deno.test("packets per interrupt without an interrupt is shown as nothing", () => {
  const interrupts = { count: 0, per_second: 0, rx_packets_per_interrupt: null };
  const records = [buildRecord(), changed({ measurement: { interrupts } }, { policy: "BULK" })];
  assert.match(renderSummary(summarise(records), PLAIN), /\nBULK .* 0 +- +yes\n/);
});

Deno.test("a narrow terminal loses the least important columns, and says which", () => {
  const summary = summarise([
    ...pairs(3),
    buildRecord({ workload: "two words ".repeat(9).trim() }),
  ]);
  const shown = (columns: number): string => renderSummary(summary, { color: true, columns });
  for (const columns of [80, 100, 120]) {
    const lines = stripVTControlCharacters(shown(columns)).split("\n");
    assert.ok(lines.every((line) => line.length <= columns), lines.join("\n"));
  }
  assert.match(shown(80), /Left out for want of width, but on the page: p90 us/);
  assert.match(stripVTControlCharacters(shown(80)), /policy +trans\/s +x NONE +p50 us +p99 us/);
  assert.equal(shown(300), renderSummary(summary, { color: true, columns: null }));
});
