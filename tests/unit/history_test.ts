/** The history of results: kept, moved, and read for changes of level. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { formatRow, History, type HistoryRow, parseRows } from "../../harness/history.ts";
import { Random } from "../../harness/stats/random.ts";
import { showTrends, storedMetrics, type Trend, trendsOf } from "../../reports/history.ts";
import { buildRecord } from "../record_builder.ts";
import { inFolder, lab } from "./lab_io.ts";

/** One value at the given day of a made-up history. */
function row(day: number, value: number, options: Partial<HistoryRow> = {}): HistoryRow {
  return {
    commit: `c${day}`,
    at: new Date(Date.UTC(2026, 0, 1 + day)).toISOString(),
    fingerprint: "host",
    facts: "{}",
    cell: "rr/model/stock/NONE",
    seed: 1,
    metric: "rr/latency_ns_p50",
    unit: "ns",
    direction: "lower",
    minimum_effect: 0.01,
    value,
    ...options,
  };
}

function changesOf(rows: readonly HistoryRow[]): string[] {
  return trendsOf(rows).flatMap(({ changes }) =>
    changes.map(({ commit, kind }) => `${commit} ${kind}`)
  );
}

Deno.test("a model series tells every step beyond the minimum effect, at its commit", () => {
  const values = [100, 100, 100.5, 120, 120, 90];
  assert.deepEqual(changesOf(values.map((value, day) => row(day, value))), [
    "c3 worse",
    "c5 better",
  ]);
  const rates = values.map((value, day) => row(day, value, { direction: "higher" }));
  assert.deepEqual(changesOf(rates), ["c3 better", "c5 worse"]);
});

Deno.test("a live series needs a level that stays: noise and a spike are none", () => {
  const random = new Random(2);
  const live = { cell: "rr/live/stock/NONE" };
  const noisy = (level: number, day: number): HistoryRow =>
    row(day, level * (1 + 0.02 * (2 * random.uniform() - 1)), live);
  const steady = Array.from({ length: 24 }, (_, day) => noisy(day === 11 ? 400 : 100, day));
  assert.deepEqual(changesOf(steady), []);
  const stepped = Array.from({ length: 24 }, (_, day) => noisy(day < 12 ? 100 : 120, day));
  assert.deepEqual(changesOf(stepped), ["c12 worse"]);
});

Deno.test("seeds of one time are one point; another host or workload is another series", () => {
  const seeds = [90, 100, 300].map((value, seed) => row(0, value, { seed }));
  const [trend, other] = trendsOf([...seeds, row(1, 100, { fingerprint: "elsewhere" })]);
  assert.deepEqual(trend!.points.map(({ value }) => value), [100]);
  assert.equal(other!.points.length, 1);
  const record = buildRecord({ target: "live" });
  const [here, there] = [record, { ...record, environment: { kernel: "7" } }]
    .map((each) => storedMetrics(each, "c", "t")[0]!.fingerprint);
  assert.notEqual(here, there);
});

Deno.test("what a target cannot see is not stored as zero", () => {
  const metrics = storedMetrics(buildRecord({ target: "live", sampleCount: 500 }), "c", "t");
  assert.ok(metrics.some(({ metric }) => metric === "rr/throughput"));
  assert.ok(!metrics.some(({ metric }) => /p99_9|dropped|interrupts/.test(metric)));
});

Deno.test("the table says what changed, where and by how much; the rest is counted", () => {
  const still = row(0, 5, { metric: "rr/throughput", direction: "higher", unit: "trans/s" });
  const trends: Trend[] = trendsOf([row(0, 1000), row(1, 1500), still]);
  const text = showTrends(trends, false);
  assert.match(
    text,
    /rr\/latency_ns_p50 +│ +2 │ 1\.00\sµs │ 1\.50\sµs │ worse 1\.50× at c1 \(2026/,
  );
  assert.doesNotMatch(text, /rr\/throughput/);
  assert.match(text, /\n2 series of 2 runs or fewer, 1 with a change\.\n$/);
  assert.match(showTrends(trends, true), /rr\/throughput/);
});

Deno.test("rows survive the file and an export, and are not added twice", async () => {
  await inFolder((folder) => {
    const rows = [row(1, 2), row(0, 1), row(0, 3, { seed: 2 })];
    const history = new History(join(folder, "h.sqlite"));
    try {
      assert.equal(history.add(rows), 3);
      assert.equal(history.add(rows), 0);
      assert.deepEqual(history.rows().map(({ value }) => value), [1, 3, 2], "the oldest first");
      const text = history.rows().map(formatRow).join("");
      assert.deepEqual(parseRows(text, "f"), history.rows().map((each) => ({ ...each })));
    } finally {
      history.close();
    }
    return Promise.resolve();
  });
});

Deno.test("a broken export is refused with its line, a file that is no history with its name", async () => {
  const good = formatRow(row(0, 1));
  for (
    const [text, sentence] of [
      [`${good}{"commit":`, /^f:2: Not a row of a history: the line is not JSON/],
      [`${good}null\n`, /^f:2: Not a row of a history: "commit" is no string/],
      [good.replace('"value":1', '"value":"1"'), /^f:1: .*"value" is no number/],
      [good.replace('"value":1', '"value":1e999'), /^f:1: .*"value" is no number/],
    ] as const
  ) assert.throws(() => parseRows(text, "f"), { name: "UserError", message: sentence });
  await inFolder(async (folder) => {
    const file = join(folder, "h.sqlite");
    await Deno.writeTextFile(file, "no database, but long enough to be taken for one ".repeat(50));
    assert.throws(() => new History(file), /Cannot open the history ".*h\.sqlite": /);
  });
});

Deno.test("whole commands: add twice, show, export, import elsewhere", async () => {
  await inFolder(async (cwd) => {
    const write = async (slowdown: number): Promise<void> => {
      const record = buildRecord({ sampleCount: 2000, slowdown });
      await Deno.writeTextFile(join(cwd, "records.ndjson"), JSON.stringify(record));
    };
    const run = (...words: string[]) => lab(["history", ...words, "--file", "h.sqlite"], { cwd });
    await write(1);
    const added = await run("add", ".", "--commit", "one");
    assert.equal(added.code, 0, added.err);
    assert.match(added.err, /^Added 15 values of 15\.\n$/);
    await write(1.3);
    assert.equal((await run("add", ".", "--commit", "two")).code, 0);
    const { code, out } = await run("show", "--metric", "rr/latency_ns_p50");
    assert.equal(code, 0);
    assert.match(out, /worse 1\.3\d× at two \(1970-01-01\)/);
    const { out: lines } = await run("export");
    assert.equal(lines.trimEnd().split("\n").length, 30);
    await Deno.writeTextFile(join(cwd, "moved.ndjson"), lines);
    const again = await lab(["history", "import", "moved.ndjson", "--file", "other.sqlite"], {
      cwd,
    });
    assert.match(again.err, /^Added 30 values of 30\.\n$/);
    const copy = await lab(["history", "export", "--file", "other.sqlite"], { cwd });
    assert.equal(copy.out, lines);
  });
});

Deno.test("wrong usage of history ends with 2 and one sentence", async () => {
  await inFolder(async (cwd) => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [["add"], /Cannot add nothing: name files/],
      [["show", "x"], /Cannot show files: name none/],
      [["show"], /Cannot show a trend: the history has no such value/],
      [["forget"], /"forget" is invalid.*add, show, export, import/],
      [["show", "--file", "no/where/h.sqlite"], /Cannot open the history ".*h\.sqlite": /],
    ];
    for (const [words, sentence] of cases) {
      const file = words.includes("--file") ? [] : ["--file", "h.sqlite"];
      const { code, err } = await lab(["history", ...words, ...file], { cwd });
      assert.match(err, sentence);
      assert.equal(code, 2, err);
    }
  });
});
