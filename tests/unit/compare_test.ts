/**
 * `compare`: from the first run to the verdict with made-up noise, what the host tells, and whole
 * commands on a small repository.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { findingsBefore, findingsBetween, parseHost } from "../../harness/compare/host.ts";
import { Random } from "../../harness/stats/random.ts";
import {
  interleave,
  type MeasuredComparison,
  type Sample,
  type SideName,
} from "../../reports/gate/interleave.ts";
import { DEFAULT_PLAN } from "../../reports/gate/sequential.ts";
import { measuredMarkdown, measuredTerminal } from "../../reports/gate/show_measured.ts";
import { buildRecord } from "../record_builder.ts";
import { inFolder, lab } from "./lab_io.ts";

/** How a made-up side behaves. */
interface Fake {
  /** Latency of the candidate over the base. */
  readonly factor?: number;
  /** Values lie within this share around their level. */
  readonly noise?: number;
  /** Added to a run by its number, from 0. */
  readonly drift?: (run: number) => number;
  /** Metrics of the candidate; those of the base are latency and rate. */
  readonly candidateIds?: readonly string[];
}

interface Told {
  readonly comparison: MeasuredComparison;
  readonly order: readonly SideName[];
  readonly notes: readonly string[];
}

async function compareFakes(fake: Fake, minimumEffect: number = 0.03): Promise<Told> {
  const { factor = 1, noise = 0.01, drift = () => 0, candidateIds = ["latency", "rate"] } = fake;
  const random = new Random(3);
  const order: SideName[] = [];
  const notes: string[] = [];
  const measure = (side: SideName): Promise<Sample[]> => {
    const ids = side === "base" ? ["latency", "rate"] : candidateIds;
    const level = 1000 * (side === "base" ? 1 : factor) + drift(order.length);
    order.push(side);
    return Promise.resolve(ids.map((id): Sample => {
      const value = level * (1 + noise * (2 * random.uniform() - 1));
      return id === "rate"
        ? { id, unit: "1/s", direction: "higher", value: 1e9 / value }
        : { id, unit: "ns", direction: "lower", value };
    }));
  };
  const note = (text: string): void => void notes.push(text);
  const options = { plan: DEFAULT_PLAN, minimumEffect, seed: 1, note };
  return { comparison: await interleave(measure, options), order, notes };
}

Deno.test("equal sides are equivalent after the first look", async () => {
  const { comparison } = await compareFakes({});
  assert.equal(comparison.outcome, "pass");
  assert.deepEqual(comparison.verdicts.map(({ outcome }) => outcome), ["equivalent", "equivalent"]);
  assert.equal(comparison.pairs, 10);
});

Deno.test("a candidate 10 % slower is red in both metrics, after fresh pairs confirmed it", async () => {
  const { comparison, notes } = await compareFakes({ factor: 1.1 });
  assert.equal(comparison.outcome, "regression");
  const [latency, rate] = comparison.verdicts;
  assert.ok(Math.abs(latency!.ratio! - 1.1) < 0.01 && Math.abs(rate!.ratio! - 1 / 1.1) < 0.01);
  assert.match(notes.at(-1)!, /^a regression after 10 pairs; 10 more to confirm it$/);
});

Deno.test("a candidate 10 % faster passes as improved", async () => {
  const { comparison } = await compareFakes({ factor: 1 / 1.1 });
  assert.equal(comparison.outcome, "pass");
  assert.deepEqual(comparison.verdicts.map(({ outcome }) => outcome), ["improved", "improved"]);
});

Deno.test("a change at the minimum effect takes every look and stays inconclusive", async () => {
  const { comparison, notes } = await compareFakes({ factor: 1.03 });
  assert.equal(comparison.outcome, "inconclusive");
  assert.equal(comparison.pairs, 40);
  assert.equal(notes.filter((note) => /leave it open; 10 more/.test(note)).length, 3);
});

Deno.test("pairs come as ABBA or BAAB by chance, as many of each side", async () => {
  const { order, comparison } = await compareFakes({ factor: 1.03 });
  const pairs = order.slice(-2 * comparison.pairs);
  assert.equal(pairs.filter((side) => side === "base").length, 40);
  const blocks = Array.from({ length: 5 }, (_, at) => pairs.slice(4 * at, 4 * at + 4).join(" "));
  assert.ok(
    blocks.every((block) =>
      ["base candidate candidate base", "candidate base base candidate"].includes(block)
    ),
    blocks.join("\n"),
  );
  assert.equal(new Set(blocks).size, 2, "both orders occur");
});

Deno.test("noise that hides the effect is refused before a pair is measured, with its size", async () => {
  const { comparison, order } = await compareFakes({ noise: 0.2 }, 0.01);
  assert.equal(comparison.outcome, "refused");
  assert.ok(!order.includes("candidate"));
  assert.match(
    comparison.notes[0]!,
    /^latency: .* hides changes below \d+(\.\d)? %; asked .* 1\.0 %/,
  );
  assert.ok(comparison.noiseFloor["latency"]! > 0.05);
});

Deno.test("a base that keeps climbing is refused, one that is slow at first is warmed up", async () => {
  const climbing = await compareFakes({ drift: (run) => 100 * run });
  assert.equal(climbing.comparison.outcome, "refused");
  assert.match(climbing.comparison.notes[0]!, /does not settle within 30 runs/);
  const cold = await compareFakes({ drift: (run) => run < 3 ? 500 : 0 });
  assert.equal(cold.comparison.outcome, "pass");
  assert.ok(cold.comparison.warmUpRuns >= 3);
});

Deno.test("a metric that the candidate lacks fails, one that it has in addition is told", async () => {
  const lost = await compareFakes({ candidateIds: ["latency"] });
  assert.equal(lost.comparison.outcome, "regression");
  assert.deepEqual(lost.comparison.notes, ["MISSING: the base has rate, the candidate lacks it"]);
  const gained = await compareFakes({ candidateIds: ["latency", "rate", "other"] });
  assert.equal(gained.comparison.outcome, "pass");
  assert.deepEqual(gained.comparison.notes, ["not judged: only the candidate has other"]);
});

Deno.test("table and summary lead with what is red; names cannot break the Markdown", async () => {
  const { comparison } = await compareFakes({ factor: 1.1 });
  const names = { base: "a|b", candidate: "<script>" };
  const text = measuredTerminal(comparison, names);
  assert.match(text, /REGRESSION │ latency +│ 998\sns +│ 1\.10\sµs +│ 1\.102× │ 1\.093× to/);
  assert.match(text, /Fail: 2 REGRESSION of 2 metrics in 10 pairs\.\n$/);
  const markdown = measuredMarkdown(comparison, names, 10_000);
  assert.ok(markdown.includes("a\\|b against \\<script>"));
});

Deno.test("a metric without a value in some runs is never good news, and says how many", async () => {
  const [gone, some] = [new Random(5), new Random(6)];
  let runs = 0;
  const measure = (side: SideName): Promise<Sample[]> => {
    const value = (random: Random): number => 1000 * (1 + 0.01 * random.uniform());
    const latency: Sample = { id: "p50", unit: "ns", direction: "lower", value: value(gone) };
    const tail: Sample = { id: "p99", unit: "ns", direction: "lower", value: value(some) };
    return Promise.resolve(side === "candidate" && ++runs % 3 === 0 ? [latency] : [latency, tail]);
  };
  const { outcome, verdicts } = await interleave(measure, {
    plan: DEFAULT_PLAN,
    minimumEffect: 0.05,
    seed: 1,
    note: () => {},
  });
  assert.equal(outcome, "inconclusive");
  assert.deepEqual(verdicts.map((each) => [each.id, each.outcome]), [
    ["p50", "equivalent"],
    ["p99", "inconclusive"],
  ]);
  assert.match(verdicts[1]!.remarks.join(), /no value in \d+ of \d+ runs of the candidate/);
  const blind = await interleave(() => Promise.resolve([]), {
    plan: DEFAULT_PLAN,
    minimumEffect: 0.05,
    seed: 1,
    note: () => {},
  });
  assert.deepEqual([blind.outcome, blind.notes], ["refused", [
    "no run of the base of 30 gives a value",
  ]]);
});

const QUIET = `== /proc/loadavg
0.10 0.20 0.30 1/200 4242
== /proc/vmstat
pswpin 10
pswpout 20
== /proc/stat
cpu  100 0 100 700 0 0 0 100 0 0
cpu0 50 0 50 350 0 0 0 50 0 0
== /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor
performance
== /sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count
3
== /sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count
4
`;

Deno.test("a quiet host gives no finding; a host that tells nothing gives none either", () => {
  const quiet = parseHost(QUIET);
  assert.deepEqual(quiet, {
    load: 0.1,
    governors: ["performance"],
    throttled: 7,
    swappedPages: 30,
    stolenTicks: 100,
    allTicks: 1000,
  });
  assert.deepEqual([...findingsBefore(quiet, 4), ...findingsBetween(quiet, quiet)], []);
  const silent = parseHost("");
  assert.deepEqual([...findingsBefore(silent, 4), ...findingsBetween(silent, quiet)], []);
});

Deno.test("load, moving clocks, one CPU, throttling, swap and stolen time are each named", () => {
  const busy = parseHost(QUIET.replace("0.10 ", "3.50 ").replace("performance", "powersave"));
  assert.deepEqual(findingsBefore(busy, 1).map((finding) => finding.split(":")[0]), [
    "1 CPU",
    "load is 3.5 on 1 CPUs",
    "clock rates move (governor powersave)",
  ]);
  const later = parseHost(
    QUIET.replace("count\n4", "count\n6").replace("pswpin 10", "pswpin 12")
      .replace("cpu  100 0 100 700 0 0 0 100", "cpu  140 0 100 750 0 0 0 110"),
  );
  assert.deepEqual(findingsBetween(parseHost(QUIET), later), [
    "cores were slowed down 2 times by their temperature",
    "2 pages were swapped: free memory",
    "other guests of this host took 10.0 % of the CPU time",
  ]);
});

Deno.test("a side that is nothing, or does not run, ends with 2 and one sentence", async () => {
  await inFolder(async (cwd) => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [["nosuch", "."], /^error: "nosuch" is no folder and no revision of this repository: name/],
      [["--", "--upload-pack=x", "."], /^error: "--upload-pack=x" is no folder and no revision/],
      [[".", "."], /^error: ".*" is no lab: a folder with deno\.json and harness\/ is expected/],
      [["cmd:", "cmd:true"], /^error: Cannot run "cmd:": a command line follows/],
      [["cmd:exit 7", "cmd:true"], /^error: "sh -c exit 7" ended with 7: it said nothing/],
      [["cmd:true", "cmd:true", "--", "-w", "rr"], /^error: Cannot give options of bench to a co/],
    ];
    for (const [sides, sentence] of cases) {
      const { code, err } = await lab(["compare", ...sides], { cwd });
      assert.match(err, sentence);
      assert.equal(code, 2);
    }
  });
});

/** A lab whose bench writes prepared records: all that `compare` needs of a revision. */
async function makeRepository(cwd: string): Promise<void> {
  const bench = `const out = Deno.args[Deno.args.indexOf("--out") + 1];
Deno.copyFileSync("records.ndjson", out + "/records.ndjson");`;
  const run = "deno run --quiet --allow-read --allow-write";
  const tasks = { build: `${run} harness/nothing.ts`, bench: `${run} harness/bench.ts` };
  await Deno.mkdir(join(cwd, "harness"));
  await Deno.writeTextFile(join(cwd, "deno.json"), JSON.stringify({ tasks }));
  await Deno.writeTextFile(join(cwd, "harness", "nothing.ts"), "");
  await Deno.writeTextFile(join(cwd, "harness", "bench.ts"), bench);
  await git(cwd, "init", "--quiet");
}

/** Commits a state in which latency is longer by a factor. */
async function commit(cwd: string, slowdown: number): Promise<void> {
  const line = JSON.stringify(buildRecord({ sampleCount: 2000, slowdown }));
  await Deno.writeTextFile(join(cwd, "records.ndjson"), `${line}\n`);
  await git(cwd, "add", ".");
  await git(cwd, "commit", "--quiet", "--allow-empty", "-m", `slowdown ${slowdown}`);
}

async function git(cwd: string, ...args: string[]): Promise<string> {
  const who = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
  const command = new Deno.Command("git", { args: [...who, ...args], cwd, stderr: "inherit" });
  const { success, stdout } = await command.output();
  assert.ok(success, `git ${args.join(" ")}`);
  return new TextDecoder().decode(stdout);
}

Deno.test("two revisions with equal model records pass, a slower one is red; nothing is left", async () => {
  await inFolder(async (cwd) => {
    await makeRepository(cwd);
    for (const slowdown of [1, 1, 1.2]) await commit(cwd, slowdown);
    const same = await lab(["compare", "HEAD~2", "HEAD~1"], { cwd });
    assert.equal(same.code, 0, same.err);
    assert.match(same.out, /^Pass: (\d+) comparisons: \1 identical\.\n$/);
    const slower = await lab(["compare", "HEAD~1", "."], { cwd });
    assert.equal(slower.code, 1, slower.err);
    assert.match(slower.out, /REGRESSION +│ rr\/model\/stock\/NONE +│ rr\/latency_ns_p99/);
    assert.equal((await git(cwd, "worktree", "list")).trim().split("\n").length, 1);
  });
});

Deno.test("a lab whose bench writes no records gives no verdict, not one of its wall time", async () => {
  await inFolder(async (cwd) => {
    await makeRepository(cwd);
    await Deno.writeTextFile(join(cwd, "harness", "bench.ts"), "");
    const { code, err } = await lab(["compare", ".", "."], { cwd });
    assert.match(err, /^error: .*records\.ndjson/);
    assert.equal(code, 2);
  });
});

/** Records of live runs, one slower than the other, as files that a command can copy. */
async function writeLiveRuns(cwd: string): Promise<void> {
  for (const [name, slowdown] of [["base", 1], ["slow", 1.2]] as const) {
    const record = buildRecord({ target: "live", sampleCount: 2000, slowdown });
    await Deno.writeTextFile(join(cwd, `${name}.ndjson`), `${JSON.stringify(record)}\n`);
  }
}

Deno.test("commands that write records are judged by those: 0 pass, 1 regression, 2 no such metric", async () => {
  await inFolder(async (cwd) => {
    await writeLiveRuns(cwd);
    const copy = (name: string): string =>
      `cmd:cp ${name}.ndjson "$LAB_COMPARE_OUT/records.ndjson"`;
    const files = ["--junit", "c.xml", "--sarif", "c.sarif", "--markdown", "c.md"];
    const same = await lab(["compare", copy("base"), copy("base"), "--looks", "1"], { cwd });
    assert.equal(same.code, 0, same.err);
    assert.match(same.out, /Pass: 5 identical of 5 metrics in 10 pairs\.\n$/);
    const red = await lab(["compare", copy("base"), copy("slow"), ...files], { cwd });
    assert.equal(red.code, 1, red.err);
    assert.match(red.out, /REGRESSION │ rr\/live\/stock\/NONE \(.*\) seed 1 rr\/latency_ns_p50 /);
    const read = (name: string): Promise<string> => Deno.readTextFile(join(cwd, name));
    assert.match(await read("c.xml"), /<failure type="PerformanceRegression" message="REGRESSION/);
    assert.match(await read("c.md"), /^### Comparison\n\ncp base.*\n\nFail: \d REGRESSION/);
    const [run] = JSON.parse(await read("c.sarif")).runs;
    assert.equal(run.invocations[0].exitCode, 1);
    const metric = ["--metric", "nosuch"];
    const unknown = await lab(["compare", copy("base"), copy("slow"), ...metric], { cwd });
    assert.equal(unknown.code, 2);
    assert.match(unknown.err, /No run has a metric "nosuch": there are rr\/throughput, /);
  });
});

Deno.test("what pairs leave open ends with 0 and a warning, with --fail-on-inconclusive with 3", async () => {
  await inFolder(async (cwd) => {
    await writeLiveRuns(cwd);
    const base = 'cmd:cp base.ndjson "$LAB_COMPARE_OUT/records.ndjson"';
    // Slow and fast in turns: too often slow to be equal, too seldom to be slower.
    const turns = "cmd:mv -n base.turn slow.turn || mv slow.turn base.turn; [ -e slow.turn ] && " +
      'n=slow || n=base; cp $n.ndjson "$LAB_COMPARE_OUT/records.ndjson"';
    await Deno.writeTextFile(join(cwd, "base.turn"), "");
    const options = ["--looks", "1", "--metric", "rr/latency_ns_p50"];
    const open = await lab(["compare", base, turns, ...options], { cwd });
    assert.equal(open.code, 0, open.err);
    assert.match(open.out, /Inconclusive: 1 inconclusive of 1 metric in 10 pairs\.\n$/);
    assert.match(open.err, /Noise leaves it open, which passes; --fail-on-inconclusive makes it/);
    const fatal = await lab(["compare", base, turns, ...options, "--fail-on-inconclusive"], {
      cwd,
    });
    assert.equal(fatal.code, 3, fatal.err);
    const noisy = await lab(["compare", turns, base, ...options], { cwd });
    assert.equal(noisy.code, 4, "the base against itself hides 5 %");
    assert.match(
      noisy.out,
      /hides changes below \d+ %; asked for are 5\.0 %\nRefused: nothing was/,
    );
  });
});

Deno.test("Ctrl-C ends with 3, and what was checked out is removed", async () => {
  await inFolder(async (cwd) => {
    await makeRepository(cwd);
    const live = JSON.stringify(buildRecord({ target: "live" }));
    await Deno.writeTextFile(join(cwd, "records.ndjson"), `${live}\n`);
    await git(cwd, "add", ".");
    await git(cwd, "commit", "--quiet", "-m", "live");
    // A measured comparison speaks after its first ten runs, if not before.
    let isPressed = false;
    const onErr = (_text: string, interrupt: () => void): void => {
      if (isPressed) return;
      isPressed = true;
      interrupt();
    };
    const { code, err } = await lab(["compare", "HEAD", "HEAD"], { cwd, onErr });
    assert.equal(code, 3, err);
    assert.match(err, /\nEnding; what was checked out is removed\n/);
    assert.match(err, /error: Ended early by Ctrl-C: no verdict\n$/);
    assert.equal((await git(cwd, "worktree", "list")).trim().split("\n").length, 1);
  });
});
