/**
 * Mistakes that made other gates green or red for the wrong reason: each has its own sentence and
 * exit code here, and none ends with 0. Whole commands, on files.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { RunRecord } from "../../harness/record.ts";
import { formatBaseline, makeBaseline, parseBaseline } from "../../reports/gate/baseline.ts";
import { judge } from "../../reports/gate/judge.ts";
import { buildRecord } from "../record_builder.ts";
import { inFolder, lab } from "./lab_io.ts";

const RUNS = [1, 2, 3].map((seed) => buildRecord({ seed, sampleCount: 2000 }));
const BASELINE = formatBaseline(makeBaseline(RUNS));

/** Text of a file of records. */
function lines(records: readonly RunRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

/** Runs `gate` on the text of a records file and of a baseline. */
async function gate(
  records: string,
  { baseline = BASELINE, options = [] }: { baseline?: string; options?: string[] } = {},
): Promise<{ code: number; out: string; err: string; baseline: string }> {
  return await inFolder(async (folder) => {
    const files = { records: join(folder, "records.ndjson"), baseline: join(folder, "base.json") };
    await Deno.writeTextFile(files.records, records);
    await Deno.writeTextFile(files.baseline, baseline);
    const result = await lab(["gate", files.records, "-b", files.baseline, ...options]);
    return { ...result, baseline: await Deno.readTextFile(files.baseline) };
  });
}

/** A copy of a record with another measurement. */
function measured(record: RunRecord, change: Partial<RunRecord["measurement"]>): RunRecord {
  return { ...record, measurement: { ...record.measurement, ...change } };
}

Deno.test("unchanged records pass, whatever the order of their lines", async () => {
  assert.equal((await gate(lines(RUNS))).code, 0);
  const { code, out } = await gate(lines([RUNS[2]!, RUNS[0]!, RUNS[1]!]));
  assert.equal(code, 0);
  assert.match(out, /^Pass: /);
});

Deno.test("NaN in records: 5, and the line that holds it", async () => {
  const text = lines(RUNS).replace(/"mean":[\d.]+/, '"mean":NaN');
  const { code, err } = await gate(text);
  assert.equal(code, 5);
  assert.match(err, /records\.ndjson:1: Not a run record: the line is not JSON/);
  const broken = [measured(RUNS[0]!, { cpu_utilisation: NaN }), ...RUNS.slice(1)];
  assert.throws(
    () => judge(broken, parseBaseline(BASELINE, "b"), { minimumEffect: null }),
    /Cannot judge run "rr.*\/1": cpu_utilisation is NaN; accepted is a finite number/,
  );
});

Deno.test("a metric without a value: 1, and that the baseline has one", async () => {
  const blind = RUNS.map((record) => measured(record, { interrupts: null }));
  const { code, out } = await gate(lines(blind));
  assert.equal(code, 1);
  assert.match(out, /MISSING .*interrupts_per_rx_packet .*the baseline has a value, the records/);
});

Deno.test("a truncated file: 5, and the line where it breaks off", async () => {
  const { code, err } = await gate(lines(RUNS).slice(0, -300));
  assert.equal(code, 5);
  assert.match(err, /records\.ndjson:3: Not a run record: the line is not JSON \(cut off/);
});

Deno.test("records cut at the end of a line: 1, and the run that is missing", async () => {
  const { code, out } = await gate(lines(RUNS.slice(0, 2)));
  assert.equal(code, 1);
  assert.match(out, /Missing from the records: 1 run\n {2}rr\/model\/stock\/NONE\/3\n/);
});

Deno.test("a unit changed: 3, and both units, though the number is the same", async () => {
  // Without CPU times, whose cost per transaction would be gone with the unit, too.
  const runs = RUNS.map((record) => measured(record, { cpus: [] }));
  const other = runs.map((record) =>
    measured(record, {
      groups: record.measurement.groups.map((group) => ({
        ...group,
        throughput: { ...group.throughput, unit: "bit/s" as const },
      })),
    })
  );
  const baseline = formatBaseline(makeBaseline(runs));
  const { code, out } = await gate(lines(other), { baseline });
  assert.equal(code, 3);
  assert.match(
    out,
    /INCOMPARABLE .*rr\/throughput .*unit is "bit\/s", the baseline's is "trans\/s"/,
  );
});

Deno.test("records of two builds: 3, and both hashes; one other build is only told", async () => {
  const rebuilt = (record: RunRecord): RunRecord => ({
    ...record,
    wasm: { policy_sha256: "ab".repeat(32), machine_sha256: "ee".repeat(32) },
  });
  const mixed = await gate(lines([rebuilt(RUNS[0]!), RUNS[1]!, RUNS[2]!]));
  assert.equal(mixed.code, 3);
  assert.match(
    mixed.out,
    /all cells .*from 2 builds of machine\.wasm \(eeeeeeeeeeee, cdcdcdcdcdcd\)/,
  );
  const other = await gate(lines(RUNS.map(rebuilt)));
  assert.equal(other.code, 0);
  assert.match(other.out, /Note: machine\.wasm is another build than the baseline's\./);
});

Deno.test("another environment: 4 for live runs, however alike the numbers", async () => {
  const live = Array.from(
    { length: 10 },
    (_, at) => buildRecord({ target: "live", seed: at + 1, sampleCount: 2000 }),
  );
  const elsewhere = live.map((record) => ({ ...record, environment: { kernel: "6.9" } }));
  const baseline = formatBaseline(makeBaseline(live));
  const { code, out } = await gate(lines(elsewhere), { baseline });
  assert.equal(code, 4);
  assert.match(out, /live runs of another environment than the baseline's/);
});

Deno.test("a metric renamed: 1, and the name that came instead", async () => {
  const renamed = BASELINE.replaceAll("latency_ns_p90", "latency_ns_ninety");
  const { code, out } = await gate(lines(RUNS), { baseline: renamed });
  assert.equal(code, 1);
  assert.match(out, /MISSING .*ninety .*have "rr\/latency_ns_p90" instead: if it is renamed/);
  const gone = BASELINE.replace(/"retransmits":(?=\d)/g, '"imbalance2":0,"retransmits":');
  const lost = await gate(lines(RUNS), { baseline: gone });
  assert.equal(lost.code, 1);
  assert.match(lost.out, /MISSING .*imbalance2 .*no such metric/);
});

Deno.test("the same run twice: 5, and both places", async () => {
  const { code, err } = await gate(lines([...RUNS, RUNS[0]!]));
  assert.equal(code, 5);
  assert.match(err, /records\.ndjson:4: Run "rr\/.*\/1" stands also at .*records\.ndjson:1/);
});

Deno.test("--accept notes who, when, why and what changed, and the gate then passes", async () => {
  const slow = [1, 2, 3].map((seed) => buildRecord({ seed, sampleCount: 2000, slowdown: 1.2 }));
  const red = await gate(lines(slow));
  assert.equal(red.code, 1);
  assert.equal(red.baseline, BASELINE, "a verdict writes nothing");
  const options = ["--accept", 'Timers are "coarser" now', "--by", "Ada", "--date", "2026-03-01"];
  const accepted = await gate(lines(slow), { options });
  assert.equal(accepted.code, 0, accepted.err);
  const [entry, ...more] = parseBaseline(accepted.baseline, "b").accepted;
  assert.equal(more.length, 0);
  assert.deepEqual(
    [entry!.date, entry!.by, entry!.reason, entry!.runs],
    ["2026-03-01", "Ada", 'Timers are "coarser" now', 3],
  );
  const p99 = entry!.changes["rr/model/stock/NONE rr/latency_ns_p99"]!;
  assert.ok(p99 > 1.15 && p99 < 1.25, `${p99}`);
  const line = accepted.baseline.split("\n").find((each) => each.includes("coarser"))!;
  assert.ok(line.startsWith('    {"date":"2026-03-01","by":"Ada","reason":"Timers are'), line);
  assert.equal((await gate(lines(slow), { baseline: accepted.baseline })).code, 0);
  const second = ["--accept", "Back again", "--by", "Bob", "--date", "2026-03-02", "--prune"];
  const again = await gate(lines(RUNS), { baseline: accepted.baseline, options: second });
  assert.deepEqual(
    parseBaseline(again.baseline, "b").accepted.map((each) => each.by),
    ["Ada", "Bob"],
    "what was accepted before is kept, also with --prune",
  );
});

Deno.test("--accept without a reason, a name alone, or a wrong day: 2, and nothing is written", async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["--accept", " ", "--by", "Ada"], /Cannot accept without a reason/],
    [["--accept", "why", "--by", " "], /Cannot accept without a name: say who accepts with --by/],
    [["--accept", "why", "--by", "Ada", "--date", "2026-02-30"], /Cannot use date "2026-02-30"/],
    [["--by", "Ada"], /Cannot use --by or --date alone: add --accept "REASON"/],
  ];
  for (const [options, sentence] of cases) {
    const { code, err, baseline } = await gate(lines(RUNS), { options: [...options] });
    assert.equal(code, 2, err);
    assert.match(err, sentence);
    assert.equal(baseline, BASELINE);
  }
});

Deno.test("a baseline with a broken note of who accepted it: 5", async () => {
  const { code, err } = await gate(lines(RUNS), {
    baseline: BASELINE.replace('"accepted": []', '"accepted": [{"by":"Ada"}]'),
  });
  assert.equal(code, 5);
  assert.match(err, /"accepted" is no list of who, when and why/);
});

Deno.test("each metric has its own minimum effect: 2 % is nothing at p99.9, and red at p50", () => {
  const runs = [buildRecord({ sampleCount: 20_000 })];
  const slow = (field: "p50" | "p99_9"): RunRecord[] =>
    runs.map((record) =>
      measured(record, {
        groups: record.measurement.groups.map((group) => ({
          ...group,
          latency_ns: { ...group.latency_ns!, [field]: group.latency_ns![field] * 1.02 },
        })),
      })
    );
  const outcome = (field: "p50" | "p99_9", minimumEffect: number | null): string =>
    judge(slow(field), makeBaseline(runs), { minimumEffect }).outcome;
  assert.equal(outcome("p99_9", null), "pass");
  assert.equal(outcome("p50", null), "regression");
  assert.equal(outcome("p99_9", 0.01), "regression", "told for all, it holds for all");
});

Deno.test("noise that hides a live change: a warning and 0, and 3 with --fail-on-inconclusive", async () => {
  const live = (slowdown: number): RunRecord[] =>
    Array.from({ length: 10 }, (_, at) =>
      buildRecord({
        target: "live",
        seed: at + 1,
        sampleCount: 2000,
        slowdown: slowdown * (at % 2 === 0 ? 1 : 1.5),
      }));
  const baseline = formatBaseline(makeBaseline(live(1)));
  const passed = await gate(lines(live(1.15)), { baseline });
  assert.equal(passed.code, 0);
  assert.match(passed.out, /inconclusive .*the spread of the runs hides the change/);
  assert.match(passed.out, /\nInconclusive: /);
  assert.match(passed.err, /^Noise leaves it open, which passes; --fail-on-inconclusive makes/);
  const options = ["--fail-on-inconclusive"];
  const failed = await gate(lines(live(1.15)), { baseline, options });
  assert.equal(failed.code, 3);
  assert.match(failed.err, /which fails as asked for/);
  const red = await gate(lines(live(4)), { baseline });
  assert.equal(red.code, 1, "a change that noise does not hide is red with or without the flag");
});

Deno.test("10,000 runs are judged at once: 0.7 s alone, 10 s beside whatever else runs", () => {
  const many = Array.from({ length: 1000 }, (_, at) => ({
    ...RUNS[at % 3]!,
    workload: `w${at}`,
  })).flatMap((record) =>
    Array.from({ length: 10 }, (_, seed) => ({
      ...record,
      seed,
      run_id: `${record.workload}/${seed}`,
    }))
  );
  const baseline = makeBaseline(many);
  const started = performance.now();
  const verdict = judge(many, baseline, { minimumEffect: null });
  const milliseconds = performance.now() - started;
  assert.equal(verdict.outcome, "pass");
  assert.equal(verdict.comparisons.length, 16_000);
  assert.ok(milliseconds < 10_000, `${milliseconds} ms`);
});
