/** Verdicts in the formats of CI, held against what each format and its readers demand. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { RunRecord } from "../../harness/record.ts";
import { annotations } from "../../reports/gate/annotations.ts";
import { formatBaseline, makeBaseline } from "../../reports/gate/baseline.ts";
import { runGate } from "../../reports/gate/cli.ts";
import {
  type Finding,
  findingsOf,
  findingsOfMeasured,
  type Place,
} from "../../reports/gate/finding.ts";
import { judge, type Verdict } from "../../reports/gate/judge.ts";
import { junit } from "../../reports/gate/junit.ts";
import { COMMENT_TEXT_MAX, fitMarkdown } from "../../reports/gate/markdown.ts";
import { sarif } from "../../reports/gate/sarif.ts";
import { showMarkdown } from "../../reports/gate/show.ts";
import { buildRecord } from "../record_builder.ts";
import { inFolder, lab } from "./lab_io.ts";

const RUNS = [1, 2, 3].map((seed) => buildRecord({ seed, sampleCount: 2000 }));
const SLOW = [1, 2, 3].map((seed) => buildRecord({ seed, sampleCount: 2000, slowdown: 1.2 }));
const OPTIONS = { minimumEffect: null };

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Findings of a verdict, all at one line of one file. */
function findings(verdict: Verdict, place: Place | null = null): Finding[] {
  return findingsOf(verdict, { failOnInconclusive: false, placeOf: () => place });
}

function rename(workload: string, runs: readonly RunRecord[] = RUNS): RunRecord[] {
  return runs.map((run) => ({ ...run, workload, run_id: `${workload}/${run.run_id}` }));
}

/** What the gate wrote for records against a baseline, and its exit code. */
async function written(records: string, baseline: string, ...options: string[]) {
  return await inFolder(async (cwd) => {
    await Deno.writeTextFile(join(cwd, "records.ndjson"), records);
    await Deno.writeTextFile(join(cwd, "base.json"), baseline);
    const files = ["--junit", "o/g.xml", "--sarif", "o/g.sarif", "--markdown", "o/g.md"];
    const result = await lab(["gate", ".", "-b", "base.json", ...files, ...options], { cwd });
    const read = (name: string): Promise<string> => Deno.readTextFile(join(cwd, "o", name));
    return {
      ...result,
      junit: await read("g.xml"),
      sarif: JSON.parse(await read("g.sarif")),
      markdown: await read("g.md"),
    };
  });
}

const lines = (records: readonly RunRecord[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join("");

Deno.test("SARIF has what 2.1.0 requires and code scanning reads, in each result", () => {
  const place = { path: "reports/base lines/ü.json", line: 7 };
  const log = JSON.parse(
    sarif(findings(judge(SLOW, makeBaseline(RUNS), OPTIONS), place), {
      labVersion: "1.2.3",
      exitCode: 1,
    }),
  );
  assert.equal(log.version, "2.1.0");
  assert.match(log.$schema, /sarif-schema-2\.1\.0\.json$/);
  const [run] = log.runs;
  const { name, semanticVersion, rules } = run.tool.driver;
  assert.deepEqual([name, semanticVersion], ["netpolicy-lab", "1.2.3"]);
  for (const rule of rules) {
    assert.ok(rule.shortDescription.text && rule.fullDescription.text && rule.help.text, rule.id);
    assert.ok(["error", "warning"].includes(rule.defaultConfiguration.level));
  }
  assert.deepEqual(run.invocations[0].executionSuccessful, true);
  assert.ok(run.results.length >= 5);
  const hashes = new Set<string>();
  for (const result of run.results) {
    assert.equal(rules[result.ruleIndex].id, result.ruleId);
    assert.equal(result.ruleId, "performance-regression");
    assert.equal(result.level, "error");
    assert.match(result.message.text, /^rr\/model\/stock\/NONE .*: REGRESSION: baseline /);
    const { artifactLocation, region } = result.locations[0].physicalLocation;
    // A relative reference of RFC 3986: no scheme, no root, nothing that is not escaped.
    assert.equal(artifactLocation.uri, "reports/base%20lines/%C3%BC.json");
    assert.equal(region.startLine, 7);
    hashes.add(result.partialFingerprints.primaryLocationLineHash);
  }
  assert.equal(hashes.size, run.results.length, "each metric is an alert of its own");
});

Deno.test("SARIF counts findings without a file and results beyond 5000, and lists neither", () => {
  const one = findings(judge(SLOW, makeBaseline(RUNS), OPTIONS), { path: "b.json", line: 1 })[0]!;
  const elsewhere: Finding = { ...one, place: null };
  const many = Array.from({ length: 5003 }, (_, at) => ({ ...one, metric: `m${at}` }));
  const [run] = JSON.parse(sarif([elsewhere, ...many], { labVersion: "1.0.0", exitCode: 1 })).runs;
  assert.equal(run.results.length, 5000);
  const told = run.invocations[0].toolExecutionNotifications;
  assert.deepEqual(told.map((each: { message: { text: string } }) => each.message.text), [
    "1 finding with no line of a file not listed here",
    "3 results beyond 5000 left out",
  ]);
});

Deno.test("a red gate writes JUnit, SARIF at the baseline's line, and Markdown", async () => {
  const baseline = formatBaseline(makeBaseline([...RUNS, ...rename("other")]));
  await Deno.mkdir("out", { recursive: true });
  // In the repository, so that there is a path from its root.
  const cwd = await Deno.makeTempDir({ dir: "out", prefix: "lab_test_" });
  const result = await (async () => {
    try {
      await Deno.writeTextFile(join(cwd, "records.ndjson"), lines(SLOW));
      await Deno.writeTextFile(join(cwd, "base.json"), baseline);
      const { code } = await lab([
        "gate",
        cwd,
        "-b",
        join(cwd, "base.json"),
        "--sarif",
        `${cwd}.sarif`,
      ]);
      return { code, sarif: JSON.parse(await Deno.readTextFile(`${cwd}.sarif`)) };
    } finally {
      await Deno.remove(cwd, { recursive: true });
      await Deno.remove(`${cwd}.sarif`);
    }
  })();
  assert.equal(result.code, 1);
  const { results } = result.sarif.runs[0];
  const text = baseline.split("\n");
  for (const { ruleId, locations } of results) {
    const { artifactLocation, region } = locations[0].physicalLocation;
    assert.match(artifactLocation.uri, /^out\/lab_test_[^/]+\/base\.json$/);
    const line = text[region.startLine - 1]!;
    assert.match(line, ruleId === "missing-result" ? /"run_id":"other\/rr/ : /"run_id":"rr\/model/);
  }
  const rules = new Set(results.map(({ ruleId }: { ruleId: string }) => ruleId));
  assert.deepEqual([...rules].sort(), ["missing-result", "performance-regression"]);
});

Deno.test("a gate without a verdict is red in every file that it writes", async () => {
  const baseline = formatBaseline(makeBaseline(RUNS));
  const cut = await written(lines(RUNS).slice(0, -300), baseline);
  assert.equal(cut.code, 5);
  assert.match(cut.junit, /tests="1" failures="0" errors="1" skipped="0"/);
  assert.match(cut.junit, /<error type="ToolFailure" message="[^"]*records\.ndjson:3: Not a run/);
  const [invocation] = cut.sarif.runs[0].invocations;
  assert.deepEqual([invocation.executionSuccessful, invocation.exitCode], [false, 5]);
  assert.match(invocation.toolExecutionNotifications[0].message.text, /records\.ndjson:3: Not a/);
  assert.deepEqual(cut.sarif.runs[0].results, []);
  assert.match(cut.markdown, /^### Regression gate\n\nNo verdict: .*records\.ndjson:3/);

  const partial = RUNS.map((run) => ({ ...run, status: "partial" as const }));
  const apart = await written(lines(partial), baseline);
  assert.equal(apart.code, 3);
  assert.match(apart.junit, /errors="1" skipped="0"[^]*<error type="Incomparable"/);
  assert.match(apart.markdown, /\n\nNo verdict: 1 comparison: 1 INCOMPARABLE\.\n/);
});

Deno.test("JUnit counts what it holds; what noise leaves open is skipped, or fails when asked to", () => {
  const verdict: Verdict = {
    ...judge(SLOW, makeBaseline(RUNS), OPTIONS),
    missing_runs: ["rr/model/stock/NONE/4"],
  };
  const [first, ...others] = verdict.comparisons;
  const open = { ...verdict, comparisons: [{ ...first!, outcome: "inconclusive" }, ...others] };
  for (const [failOnInconclusive, skipped] of [[false, 1], [true, 0]] as const) {
    const xml = junit(
      findingsOf(open as Verdict, { failOnInconclusive, placeOf: () => null }),
    );
    const count = (tag: string): number => xml.split(`<${tag} `).length - 1;
    assert.equal(count("skipped"), skipped);
    assert.equal(count("testcase"), verdict.comparisons.length + 1);
    const head = `tests="${count("testcase")}" failures="${count("failure")}" errors="0"`;
    // `skipped` is an attribute of a suite only.
    assert.ok(xml.includes(`<testsuites name="netpolicy-lab gate" ${head}>`), xml.slice(0, 300));
    assert.ok(xml.includes(`<testsuite name="gate" ${head} skipped="${skipped}">`));
    assert.doesNotMatch(xml, / time=/, "no value that is not a time");
  }
});

Deno.test("annotations: an error for what fails, a warning for what is open, ten each, escaped", () => {
  const red = annotations(findings(judge(SLOW, makeBaseline(RUNS), OPTIONS)));
  assert.match(red, /^::error title=rr\/model\/stock\/NONE rr\/throughput::REGRESSION: baseline/);
  const partial = rename("a:b,c\n%").map((run) => ({ ...run, status: "partial" as const }));
  const none = annotations(findings(judge(partial, makeBaseline(rename("a:b,c\n%")), OPTIONS)));
  assert.match(
    none,
    /^::error title=a%3Ab%2Cc%0A%25\/model\/stock\/NONE whole cell::INCOMPARABLE: base/,
  );
  const placed = annotations(
    findings(judge(SLOW, makeBaseline(RUNS), OPTIONS), { path: "a,b.json", line: 3 }),
  );
  assert.match(placed, /^::error file=a%2Cb\.json,line=3,title=rr/);
  const [one] = findings(judge(SLOW, makeBaseline(RUNS), OPTIONS));
  const many = Array.from({ length: 30 }, (_, at): Finding => ({
    ...one!,
    level: at % 2 === 0 ? "error" : "warning",
  }));
  const shown = annotations(many).trimEnd().split("\n");
  assert.equal(shown.filter((line) => line.startsWith("::error ")).length, 10);
  assert.equal(shown.filter((line) => line.startsWith("::warning ")).length, 10);
  assert.equal(annotations(findings(judge(RUNS, makeBaseline(RUNS), OPTIONS))), "");
});

Deno.test("Markdown for a comment is never too long, never cut in a row, and counts what is left out", () => {
  const names = Array.from({ length: 120 }, (_, at) => `${"ü".repeat(300)}${at}`);
  const [base, slow] = [RUNS, SLOW].map((runs) => names.flatMap((name) => rename(name, runs)));
  const verdict = judge(slow!.slice(3), makeBaseline(base!), OPTIONS);
  for (const bytesMax of [COMMENT_TEXT_MAX, 5000, 700]) {
    const text = showMarkdown(verdict, bytesMax);
    assert.ok(bytesOf(text) <= bytesMax, `${bytesOf(text)} bytes of ${bytesMax}`);
    const rows = text.split("\n").filter((line) => line.startsWith("|"));
    assert.ok(
      rows.every((row) => row.endsWith(" |") || /^\|[-:|]+\|$/.test(row)),
      "each row is whole",
    );
    assert.match(text, /^### Regression gate\n\nFail: 1904 comparisons: 3 runs MISSING, /);
    assert.match(text, /\n\d+ more rows( and \d+ more lines)? left out; --json holds all\n$/);
  }
  assert.ok(bytesOf(showMarkdown(verdict, COMMENT_TEXT_MAX)) > 40_000, "it uses the room it has");
  const parts = { title: "T", lead: ["L"], heads: ["H"], numeric: [], items: [] };
  assert.equal(
    fitMarkdown({ ...parts, rows: [["a|b"]] }, 1000),
    "### T\n\nL\n\n| H |\n|---|\n| a\\|b |\n",
  );
});

Deno.test("a step summary counts what the step wrote before: 1 MiB in all", async () => {
  await inFolder(async (cwd) => {
    const [summaryPath, baseline] = [join(cwd, "summary.md"), join(cwd, "base.json")];
    await Deno.writeTextFile(summaryPath, "x".repeat(1024 * 1024 - 700));
    await Deno.writeTextFile(baseline, formatBaseline(makeBaseline(RUNS)));
    const nothing = (): void => {};
    const common = { json: true, update: false, selfTest: false, minimumEffect: null };
    await runGate({ ...common, records: SLOW, baseline }, {
      stdout: nothing,
      stderr: nothing,
      summaryPath,
      annotates: false,
    });
    const text = await Deno.readTextFile(summaryPath);
    assert.ok(text.length <= 1024 * 1024, `${text.length}`);
    assert.match(
      text,
      /x### Regression gate\n\nFail: [^]*more rows? left out; --json holds all\n$/,
    );
  });
});

Deno.test("a measured comparison gives the same formats: refused, lost and red metrics", () => {
  const common = { units: { "rr/live/stock/NONE p50": "ns" }, pairs: 10, warmUpRuns: 0 } as const;
  const nothing = { ...common, noiseFloor: {}, lost: [], notes: [], verdicts: [] };
  const options = {
    failOnInconclusive: false,
    placeOf: (cell: string) => cell === "rr/live/stock/NONE" ? { path: "w.jsonc", line: 1 } : null,
  };
  const refused = findingsOfMeasured(
    { ...nothing, outcome: "refused", notes: ["too loud"] },
    options,
  );
  assert.deepEqual(refused.map(({ rule, level, message }) => [rule, level, message]), [
    ["environment-refused", "error", "too loud"],
  ]);
  const red = findingsOfMeasured({
    ...nothing,
    outcome: "regression",
    lost: ["rate"],
    verdicts: [{
      id: "rr/live/stock/NONE p50",
      outcome: "regression",
      base: 100,
      candidate: 120,
      ratio: 1.2,
      interval: [1.15, 1.25],
      p: 0.001,
      delta: 1,
      detectable: 0.06,
      remarks: [],
    }],
  }, options);
  assert.deepEqual(red.map(({ rule, metric, place }) => [rule, metric, place?.path ?? null]), [
    ["performance-regression", "rr/live/stock/NONE p50", "w.jsonc"],
    ["missing-result", "rate", null],
  ]);
  assert.match(
    red[0]!.message,
    /^REGRESSION: base 100\sns, candidate 120\sns, ratio 1\.200× \(1\.1/,
  );
  const [none] = findingsOfMeasured({ ...nothing, outcome: "incomparable" }, options);
  assert.equal(none!.rule, "incomparable");
});
