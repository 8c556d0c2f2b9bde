/** Sets of runs against the first: pairing, judgement, sentences, the page and the command. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { RunRecord } from "../../harness/record.ts";
import { setNames } from "../../harness/cli/report.ts";
import { arrange } from "../../reports/cells.ts";
import { type Change, compareSets, type Comparison } from "../../reports/compare.ts";
import { changeSentences, countSentence } from "../../reports/page/comparison.ts";
import { renderComparison } from "../../reports/page/page.ts";
import { buildBench, buildRecord } from "../record_builder.ts";
import { inFolder, lab } from "./lab_io.ts";

/** Runs of "rr" under LATENCY whose p99 is as given per seed. */
function runs(p99: readonly number[], change: Partial<RunRecord> = {}): RunRecord[] {
  return p99.map((value, position) => {
    const record = buildRecord({ policy: "LATENCY", seed: position + 1, sampleCount: 1000 });
    const groups = record.measurement.groups.map((group) => ({
      ...group,
      latency_ns: { ...group.latency_ns!, p99: value },
    }));
    return { ...record, ...change, measurement: { ...record.measurement, groups } };
  });
}

function compared(before: readonly RunRecord[], now: readonly RunRecord[]): Comparison {
  return compareSets([...arrange(before, "base"), ...arrange(now, "head")])[0]!;
}

function changeOfP99(before: readonly number[], now: readonly number[]): Change {
  const { workloads } = compared(runs(before), runs(now));
  const row = workloads[0]!.rows.find((each) => each.row.id === "rr/latency_ns_p99")!;
  return row.cells[0]!.change;
}

Deno.test("A change is judged by the median, and doubted where seeds reach the other side", () => {
  assert.equal(changeOfP99([100, 100, 100], [90, 91, 92]), "better");
  assert.equal(changeOfP99([100, 100, 100], [110, 105, 120]), "worse");
  assert.equal(changeOfP99([100, 100, 100], [100.5, 99.5, 100]), "same");
  assert.equal(changeOfP99([100, 100, 100], [80, 90, 103]), "unclear");
  assert.equal(changeOfP99([0, 0, 0], [10, 10, 10]), "worse");
});

Deno.test("Ratios pair seed with seed, so that what a seed does to both sets cancels", () => {
  const { workloads } = compared(runs([100, 200, 400]), runs([50, 100, 200]));
  const row = workloads[0]!.rows.find((each) => each.row.id === "rr/latency_ns_p99")!;
  const { median, low, high, count } = row.cells[0]!.ratio!;
  assert.deepEqual({ median, low, high, count }, { median: 0.5, low: 0.5, high: 0.5, count: 3 });
});

Deno.test("The sentences name what moved, from what to what, the largest first", () => {
  const comparison = compared(runs([100_000, 100_000]), runs([80_000, 82_000]));
  assert.deepEqual(changeSentences(comparison), [
    "rr under LATENCY: p99 0.81× (range 0.80–0.82), 100\u202fµs to 81.0\u202fµs: better.",
  ]);
  assert.match(countSentence(comparison), /^Of \d+ values: 1 better, \d+ the same\.$/);
});

Deno.test("The same runs again have moved nowhere", () => {
  const comparison = compared(buildBench([1, 2]), buildBench([1, 2]));
  assert.match(
    countSentence(comparison),
    /^Nothing moved by more than 1 %: all \d+ values are the same\.$/,
  );
  assert.deepEqual(changeSentences(comparison), []);
});

Deno.test("What differs besides the results is told, and targets are never set against each other", () => {
  const other = runs([100], { workload_sha256: "aa".repeat(32) });
  assert.deepEqual(compared(runs([100]), other).notes, [
    "Described differently in the two sets, so that ratios are of other work: rr.",
  ]);
  const live = compared(runs([100]), [buildRecord({ target: "live" })]);
  assert.equal(live.workloads.length, 0);
  assert.equal(countSentence(live), "head and base have no run in common.");
  assert.deepEqual(live.notes.slice(0, 2), ["Only in base: rr.", "Only in head: rr (live)."]);
});

Deno.test("The page of a comparison leads with what changed and keeps every set's own part", async () => {
  const slower = buildBench([1, 2]).map((record) =>
    record.policy === "MIX" && record.workload === "rr"
      ? buildRecord({ policy: "MIX", seed: record.seed, slowdown: 1.2 })
      : record
  );
  const page = await renderComparison([
    { name: "before", records: buildBench([1, 2]) },
    { name: "<after>", records: slower },
    { name: "again", records: buildBench([1, 2]) },
  ]);
  const markup = page.slice(page.indexOf("<body>")).replace(/<script[\s\S]*?<\/script>/g, "");
  assert.match(markup, /<h1 id="comparison-title">What changed against before\?<\/h1>/);
  assert.match(markup, /rr under MIX: p99 1\.20×[^<]*: worse\./);
  assert.match(markup, /id="c1">again<\/h2> <p class="quiet">Nothing moved by more than 1 %/);
  assert.match(markup, /Latency of rr: &lt;after&gt; against before, by percentile/);
  assert.equal(markup.match(/<section class="source"/g)?.length, 6, "three sets, two targets");
  assert.match(markup, /&lt;after&gt; · Model/);
  assert.equal(markup.match(/<h1/g)?.length, 1);
  assert.doesNotMatch(markup, /NaN|undefined/);
});

Deno.test("Many sets are a history, in which a step is found and a spike is not", async () => {
  const set = (name: string, p99: number) => ({ name, records: runs([p99, p99]) });
  const levels = [100, 101, 100, 99, 130, 131, 129, 130];
  const step = levels.map((level, index) => set(`r${index}`, level * 1000));
  const text = (await renderComparison(step)).replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
  assert.match(text, /p99 latency of rr over 8 sets/);
  assert.match(text, /changed under LATENCY at r4, from 99\.0.µs to 130.µs\./);
  const spike = levels.map((_, index) => set(`r${index}`, index === 4 ? 130_000 : 100_000));
  const still = (await renderComparison(spike)).replace(/<[^>]*>/g, " ");
  assert.match(still, /No lasting change found: LATENCY 100–130.µs\./);
  const two = await renderComparison(step.slice(0, 2));
  assert.doesNotMatch(two, /Over all sets/);
});

Deno.test("Sets are named by the end of the path that tells them apart", () => {
  assert.deepEqual(setNames(["out/a", "out/b/"]), ["a", "b"]);
  assert.deepEqual(setNames(["x/bench/records.ndjson", "y/bench/records.ndjson"]), [
    "x/bench",
    "y/bench",
  ]);
  assert.deepEqual(setNames(["out/a/records.previous.ndjson", "out/a"]), [
    "records.previous",
    "a",
  ]);
  assert.deepEqual(setNames(["out/a", "out/a"]), ["out/a (1)", "out/a (2)"]);
});

Deno.test("report --compare says what moved, as sentences and as JSON", async () => {
  await inFolder(async (folder) => {
    const [before, after] = [join(folder, "before.ndjson"), join(folder, "after.ndjson")];
    const lines = (records: readonly RunRecord[]): string =>
      records.map((record) => JSON.stringify(record) + "\n").join("");
    await Deno.writeTextFile(before, lines(runs([100_000, 100_000])));
    await Deno.writeTextFile(after, lines(runs([50_000, 50_000])));
    const { code, out } = await lab(["report", before, after, "--compare"]);
    assert.equal(code, 0);
    assert.match(out, /^after against before\nOf \d+ values: 1 better, \d+ the same\.\n/);
    assert.match(
      out,
      /rr under LATENCY: p99 0\.50× \(range 0\.50–0\.50\), 100.µs to 50\.0.µs: better\./,
    );
    const json = JSON.parse((await lab(["report", before, after, "--compare", "--json"])).out);
    assert.equal(json.schema, "netpolicy-lab/comparison/1");
    const moved = json.comparisons[0].values.filter((each: { change: string }) =>
      each.change !== "same" && each.change !== "moved"
    );
    assert.deepEqual(moved.map((each: { metric: string }) => each.metric), ["rr/latency_ns_p99"]);
    assert.equal(moved[0].ratio.median, 0.5);
    const alone = await lab(["report", before, "--compare"]);
    assert.equal(alone.code, 2);
    assert.match(alone.err, /--compare needs two sets of records or more: name the base first/);
  });
});
