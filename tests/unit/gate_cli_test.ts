/** The gate as a command: files, formats, exit codes, self-test. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { RunRecord } from "../../harness/record.ts";
import { formatBaseline, makeBaseline, parseBaseline } from "../../reports/gate/baseline.ts";
import { type GateCommand, runGate } from "../../reports/gate/cli.ts";
import { judge } from "../../reports/gate/judge.ts";
import { plantSlowdown, selfTest } from "../../reports/gate/self_test.ts";
import { findingsOf } from "../../reports/gate/finding.ts";
import { junit } from "../../reports/gate/junit.ts";
import { showMarkdown, showTerminal } from "../../reports/gate/show.ts";
import { buildRecord } from "../record_builder.ts";

const RUNS = [1, 2, 3].flatMap((seed) => [
  buildRecord({ seed, sampleCount: 2000 }),
  buildRecord({ seed, sampleCount: 2000, policy: "BULK" }),
]);
const SLOW = RUNS.map((record) => plantSlowdown(record, 1.1));

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the gate in a folder of its own with the given records and baseline text. */
async function gate(
  records: readonly RunRecord[],
  baseline: string | null,
  options: Partial<GateCommand> = {},
  after: (folder: string) => Promise<void> = () => Promise.resolve(),
  summaryPath = "",
): Promise<Outcome> {
  const folder = await Deno.makeTempDir();
  try {
    const baselinePath = join(folder, "baseline.json");
    if (baseline !== null) await Deno.writeTextFile(baselinePath, baseline);
    let [out, err] = ["", ""];
    const code = await runGate({
      records,
      baseline: baselinePath,
      json: false,
      update: false,
      selfTest: false,
      minimumEffect: 0.01,
      ...options,
      ...(options.junit === undefined ? {} : { junit: join(folder, options.junit) }),
    }, {
      stdout: (each) => out += each,
      stderr: (each) => err += each,
      summaryPath,
      annotates: false,
    });
    await after(folder);
    return { code, out, err };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const GOOD = formatBaseline(makeBaseline(RUNS));

Deno.test("Exit codes: 0 identical, 1 planted regression, 1 missing run, 3 partial run", async () => {
  assert.equal((await gate(RUNS, GOOD)).code, 0);
  assert.equal((await gate(SLOW, GOOD)).code, 1);
  assert.equal((await gate(RUNS.slice(1), GOOD)).code, 1);
  const partial = RUNS.map((record) => ({ ...record, status: "partial" as const }));
  assert.equal((await gate(partial, GOOD)).code, 3);
});

/** The good baseline with another p99 in its first run. */
function withP99(value: string): string {
  return GOOD.replace(/("rr\/latency_ns_p99":)\d+/, `$1${value}`);
}

Deno.test("An unreadable baseline ends with 5 and a sentence that names it, never with 0", async () => {
  const [entry] = makeBaseline(RUNS).runs;
  const doubled = JSON.stringify({ schema: "netpolicy-lab/baseline/1", runs: [entry, entry] });
  const cases: readonly (readonly [string | null, RegExp])[] = [
    [
      null,
      /^error: Cannot read baseline ".*baseline\.json": it is not there; make one .*--update"\n$/,
    ],
    ["{", /^error: Cannot read baseline ".*": it is not JSON; make one/],
    ["{}", /its schema is not "netpolicy-lab\/baseline\/1"/],
    [GOOD.slice(0, -40), /it is not JSON/],
    ['{"schema":"netpolicy-lab/baseline/1","runs":[]}', /it holds no run/],
    ['{"schema":"netpolicy-lab/baseline/1","runs":[{}]}', /run 1 lacks a field/],
    [withP99("-5"), /run "rr.*" has rr\/latency_ns_p99 = -5; accepted is a finite number from 0/],
    [withP99("1e999"), /rr\/latency_ns_p99 = Infinity; accepted/],
    [withP99('"fast"'), /rr\/latency_ns_p99 = "fast"; accepted/],
    [doubled, /run "rr\/model\/netpolicy\/BULK\/1" stands in it twice/],
  ];
  for (const [baseline, sentence] of cases) {
    const { code, out, err } = await gate(RUNS, baseline);
    assert.match(err, sentence);
    assert.equal(code, 5, err);
    assert.equal(out, "");
  }
});

Deno.test("Wrong usage ends with 2", async () => {
  for (const minimumEffect of [0, 1, -1, NaN]) {
    assert.equal((await gate(RUNS, GOOD, { minimumEffect })).code, 2);
  }
  assert.equal((await gate(RUNS, GOOD, { update: true, selfTest: true })).code, 2);
  const { code, err } = await gate(RUNS, GOOD, { prune: true });
  assert.equal(code, 2);
  assert.match(err, /^error: Cannot prune without an update: /);
});

Deno.test("A place that cannot be written is wrong usage and leaves no verdict of 0", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "file");
    await Deno.writeTextFile(file, "");
    const below = join(file, "below");
    const update = await gate(RUNS, null, { update: true, baseline: below, prune: true });
    assert.equal(update.code, 2);
    assert.match(update.err, /^error: Cannot write ".*below": choose a writable place\n$/);
    const junit = await gate(RUNS, GOOD, { junit: "baseline.json/below.xml" });
    assert.equal(junit.code, 2);
    assert.match(junit.err, /^error: Cannot write ".*below\.xml": choose a writable place\n$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** The text that the baseline has after an update. */
async function updated(
  records: readonly RunRecord[],
  options: Partial<GateCommand> = {},
): Promise<Outcome & { readonly text: string }> {
  let text = "";
  const outcome = await gate(records, GOOD, { update: true, ...options }, async (folder) => {
    text = await Deno.readTextFile(join(folder, "baseline.json"));
  });
  return { ...outcome, text };
}

Deno.test("An update replaces the cells that the records hold and keeps the others", async () => {
  const slow = SLOW.filter((record) => record.policy === "BULK");
  const { code, err, text } = await updated(slow);
  assert.equal(code, 0, err);
  assert.match(err, /^Wrote 6 runs to .* \(3 from the records, 3 replaced, 3 kept\); review/);
  const kept = RUNS.filter((record) => record.policy !== "BULK");
  assert.equal(text, formatBaseline(makeBaseline([...kept, ...slow])));
});

Deno.test("An update never drops a run unless --prune says so", async () => {
  const one = SLOW.slice(0, 1);
  const refused = await updated(one);
  assert.equal(refused.code, 2);
  assert.match(
    refused.err,
    /^error: Cannot update the baseline: it has run "rr\/model\/stock\/NONE\/2" and 1 more, /,
  );
  assert.equal(refused.text, GOOD);
  const pruned = await updated(one, { prune: true });
  assert.equal(pruned.code, 0);
  assert.match(pruned.err, /^Wrote 1 run to .* \(1 from the records, nothing else kept\); review/);
  assert.equal(pruned.text, formatBaseline(makeBaseline(one)));
});

Deno.test("An update does not write over a baseline that it cannot read, --prune does", async () => {
  const broken = await gate(RUNS, "{", { update: true }, async (folder) => {
    assert.equal(await Deno.readTextFile(join(folder, "baseline.json")), "{");
  });
  assert.equal(broken.code, 5);
  assert.match(broken.err, /make one from good records with "deno task gate --update --prune"/);
  assert.equal((await gate(RUNS, "{", { update: true, prune: true })).code, 0);
});

Deno.test("An update writes a baseline that then passes; a failing run never writes one", async () => {
  await gate(RUNS, null, { update: true }, async (folder) => {
    const text = await Deno.readTextFile(join(folder, "baseline.json"));
    assert.equal(text, GOOD);
  });
  await gate(SLOW, GOOD, {}, async (folder) => {
    assert.equal(await Deno.readTextFile(join(folder, "baseline.json")), GOOD);
  });
});

Deno.test("An update leaves out live runs that could never be judged, and says so", async () => {
  const records = [...RUNS, buildRecord({ target: "live" })];
  await gate(records, null, { update: true }, async (folder) => {
    assert.equal(await Deno.readTextFile(join(folder, "baseline.json")), GOOD);
  });
  const { code, err } = await gate(records, null, { update: true });
  assert.equal(code, 0);
  assert.match(err, /^Left out 1 live run: a cell needs 10 to be judged\.\nWrote 6 runs to /);
});

Deno.test("An update refuses partial runs and no runs", async () => {
  const partial = [{ ...RUNS[0]!, status: "partial" as const }];
  for (const records of [partial, []]) {
    const { code, err } = await gate(records, null, { update: true });
    assert.equal(code, 5);
    assert.match(err, /^error: Cannot make a baseline: /);
  }
});

Deno.test("A baseline survives its file and does not depend on the order of records", () => {
  assert.deepEqual(parseBaseline(GOOD, "x"), makeBaseline([...RUNS].reverse()));
});

Deno.test("JSON on stdout is the verdict and nothing else", async () => {
  const { out } = await gate(SLOW, GOOD, { json: true });
  assert.equal(JSON.parse(out).outcome, "regression");
});

Deno.test("The terminal table leads with what is wrong and ends with one line of counts", async () => {
  const { out } = await gate(SLOW, GOOD);
  assert.match(out, /REGRESSION +│ rr\/model\/stock\/NONE +│ rr\/throughput/);
  assert.match(out, /0\.91×/);
  assert.match(out.trimEnd().split("\n").at(-1)!, /^Fail: \d+ comparisons: 10 REGRESSION/);
  const good = await gate(RUNS, GOOD);
  assert.match(good.out, /^Pass: (\d+) comparisons: \1 identical\.\n$/);
});

Deno.test("JUnit has one case per cell and metric, failures typed, and no times", async () => {
  await gate(SLOW.slice(1), GOOD, { junit: "sub/gate.xml" }, async (folder) => {
    const xml = await Deno.readTextFile(join(folder, "sub", "gate.xml"));
    assert.match(xml, /<failure type="PerformanceRegression" message="REGRESSION: baseline/);
    assert.match(xml, /<failure type="MissingResult" message="The baseline has this run/);
    assert.doesNotMatch(xml, /\btime=/);
    const cases = xml.match(/<testcase /g)!.length;
    const failures = xml.match(/<failure /g)!.length;
    assert.match(xml, new RegExp(`tests="${cases}" failures="${failures}" errors="0" skipped="0"`));
  });
});

Deno.test("Names from files cannot break the JUnit XML or the Markdown table", () => {
  const hostile = RUNS.map((record) => ({
    ...record,
    workload: 'a|b"<c>\u0007\n&',
    run_id: `x/${record.run_id}`,
  }));
  const verdict = judge(
    hostile.map((record) => plantSlowdown(record, 2)),
    makeBaseline(hostile),
    { minimumEffect: 0.01 },
  );
  const findings = findingsOf(verdict, { failOnInconclusive: false, placeOf: () => null });
  assert.ok(junit(findings).includes('classname="a|b&quot;&lt;c&gt;  &amp;/model/stock/NONE"'));
  assert.ok(showMarkdown(verdict, 100_000).includes('| a\\|b"\\<c>\u0007 &/model/stock/NONE |'));
});

Deno.test("The CI summary is appended, and a place that cannot be written changes no verdict", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const summaryPath = join(folder, "summary.md");
    await Deno.writeTextFile(summaryPath, "before\n");
    assert.equal((await gate(SLOW, GOOD, {}, undefined, summaryPath)).code, 1);
    const text = await Deno.readTextFile(summaryPath);
    assert.match(text, /^before\n### Regression gate\n\nFail: .*\n\n\| Verdict \|/);
    const { code, err } = await gate(RUNS, GOOD, {}, undefined, join(folder, "no", "place"));
    assert.equal(code, 0);
    assert.match(err, /^warning: Cannot write the summary/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("The CI summary stays small however much changed", () => {
  const many = Array.from(
    { length: 120 },
    (_, position) => buildRecord({ workload: `workload-${position}`, sampleCount: 1000 }),
  );
  const slow = many.map((record) => plantSlowdown(record, 1.5));
  const verdict = judge(slow, makeBaseline(many), { minimumEffect: 0.01 });
  const text = showMarkdown(verdict, 200_000);
  assert.ok(text.length < 200_000, `${text.length} characters`);
  assert.match(text, /\n\d+ more rows left out; --json holds all\n$/);
  assert.match(showTerminal(verdict), /and \d+ more rows; --json holds all/);
});

Deno.test("The self-test passes on good records and shows each planted case", async () => {
  const { code, out, err } = await gate(RUNS, null, { selfTest: true, trials: 40 });
  // Few trials cannot measure a share, so a promise may look broken; the planted cases never may.
  assert.match(err, /^Self-test (passed|failed: 0 misjudged)/, out);
  assert.equal(code, err.startsWith("Self-test passed") ? 0 : 1);
  assert.match(out, /ok {3}\+10 % planted in rr\/model\/stock\/NONE: regression/);
  assert.equal(out.match(/^ok {3}.*: (pass|regression|incomparable|refused)$/gm)?.length, 8);
  assert.match(out, /a single spike taken for a change: 0\.0 % of 40; promised never/);
  assert.match(out, /ok {3}ten times slower in one of three seeds: regression/);
  assert.match(out, /ok {3}three seeds that contradict each other .*: incomparable/);
});

Deno.test("The self-test goes red when the gate is too coarse to see 10 %", async () => {
  const { code, out } = await gate(RUNS, null, {
    selfTest: true,
    trials: 1,
    minimumEffect: 0.2,
  });
  assert.equal(code, 1);
  assert.match(out, /FAIL \+10 % planted in .*: pass, want regression/);
});

Deno.test("The self-test needs a deterministic run", () => {
  const live = [buildRecord({ target: "live" })];
  assert.throws(() => selfTest(live, { minimumEffect: 0.01 }), /the records hold no run/);
});

Deno.test("A change below the minimum effect passes and is shown with its size all the same", async () => {
  const near = RUNS.map((record) => plantSlowdown(record, 1.005));
  const { code, out } = await gate(near, GOOD);
  assert.equal(code, 0);
  assert.match(out, /within threshold │ rr\/model\/stock\/NONE +│ rr\/throughput .* 0\.9950×/);
  assert.match(out, /\nPass: \d+ comparisons: .*within threshold/);
});
