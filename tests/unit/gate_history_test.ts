/** The gate against the last runs of a history, as whole commands on files. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { RunRecord } from "../../harness/record.ts";
import { Random } from "../../harness/stats/random.ts";
import { judgeAgainstHistory } from "../../reports/gate/against_history.ts";
import type { Verdict } from "../../reports/gate/judge.ts";
import { plantSlowdown } from "../../reports/gate/self_test.ts";
import { storedMetrics } from "../../reports/history.ts";
import { buildRecord } from "../record_builder.ts";
import { inFolder, lab } from "./lab_io.ts";

const LIVE = buildRecord({ target: "live", sampleCount: 2000 });

/** A live run of ten seeds, slower by a factor, scattered by 2 % in a way that its number says. */
function liveRun(run: number, slowdown: number = 1): RunRecord[] {
  const random = new Random(run + 1);
  return Array.from({ length: 10 }, (_, seed) => {
    const factor = slowdown * (1 + 0.02 * (2 * random.uniform() - 1));
    return { ...plantSlowdown(LIVE, factor), seed, run_id: `rr/live/stock/NONE/${seed}` };
  });
}

const modelRun = (slowdown: number = 1): RunRecord[] =>
  [1, 2, 3].map((seed) => buildRecord({ seed, sampleCount: 2000, slowdown }));

/** Judges records against runs that were stored one a day. */
function verdictOf(
  now: readonly RunRecord[],
  stored: readonly (readonly RunRecord[])[],
  runs: number = 10,
): Verdict {
  const rows = stored.flatMap((records, day) => {
    const at = new Date(Date.UTC(2026, 0, 1 + day)).toISOString();
    return records.flatMap((record) => storedMetrics(record, `commit${day}`, at));
  });
  return judgeAgainstHistory(now, { rows, runs }, { minimumEffect: null });
}

const reasons = ({ comparisons }: Verdict): string[] =>
  comparisons.flatMap(({ reason }) => reason ?? []);

Deno.test("live runs pass against the last ten like them, and a slow-down of 30 % is red", () => {
  const stored = Array.from({ length: 12 }, (_, run) => liveRun(run));
  const good = verdictOf(liveRun(50), stored);
  assert.equal(good.outcome, "pass", JSON.stringify(reasons(good)));
  const red = verdictOf(liveRun(50, 1.3), stored);
  assert.equal(red.outcome, "regression");
  const p50 = red.comparisons.find(({ metric }) => metric === "rr/latency_ns_p50")!;
  assert.ok(p50.outcome === "regression" && Math.abs(p50.ratio! - 1.3) < 0.05, `${p50.ratio}`);
});

Deno.test("fewer stored runs than asked for are no verdict, and the sentence counts them", () => {
  const stored = Array.from({ length: 4 }, (_, run) => liveRun(run));
  const few = verdictOf(liveRun(50), stored);
  assert.equal(few.outcome, "incomparable");
  assert.deepEqual(reasons(few), ["the history has 4 runs of this cell, needed are 10"]);
  assert.equal(verdictOf(liveRun(50), stored, 4).outcome, "pass");
  const none = verdictOf(modelRun(), []);
  assert.equal(none.outcome, "incomparable");
  assert.deepEqual(reasons(none), ["the history has 0 runs of this cell, needed are 1"]);
});

Deno.test("runs of another environment or workload description do not count, and are told", () => {
  const stored = Array.from({ length: 10 }, (_, run) => liveRun(run));
  const elsewhere = liveRun(50).map((record) => ({ ...record, environment: { kernel: "7" } }));
  const verdict = verdictOf(elsewhere, stored);
  assert.equal(verdict.outcome, "incomparable");
  assert.match(reasons(verdict)[0]!, /has 0 runs .*; 10 of another environment, generator or work/);
  const mixed = [...liveRun(50).slice(0, 5), ...elsewhere.slice(5)];
  assert.match(reasons(verdictOf(mixed, stored))[0]!, /the records come from several environments/);
});

Deno.test("a level that a stored run had, too, is inconclusive: hours differ from each other", () => {
  // One hour of ten was 35 % slower, whatever the code.
  const stored = Array.from({ length: 10 }, (_, run) => liveRun(run, run === 4 ? 1.35 : 1));
  const verdict = verdictOf(liveRun(50, 1.3), stored);
  assert.equal(verdict.outcome, "inconclusive");
  assert.ok(
    reasons(verdict).some((reason) => /^medians of the last 10 runs were .* to /.test(reason)),
  );
  assert.equal(verdictOf(liveRun(50, 1.8), stored).outcome, "regression", "none was this slow");
});

Deno.test("a model run is set against the newest of its seed, exactly", () => {
  assert.equal(verdictOf(modelRun(), [modelRun(2), modelRun()]).outcome, "pass");
  assert.equal(verdictOf(modelRun(1.1), [modelRun(1.1), modelRun()]).outcome, "regression");
  const fewer = verdictOf(modelRun().slice(1), [modelRun()]);
  assert.equal(fewer.outcome, "regression");
  assert.deepEqual(fewer.missing_runs, ["rr/model/stock/NONE/1"]);
});

Deno.test("a base that got worse itself is told beside the verdict, so that it is not the new normal", () => {
  const verdict = verdictOf(modelRun(1.2), [modelRun(), modelRun(1.2), modelRun(1.2)]);
  assert.equal(verdict.outcome, "pass");
  assert.match(
    verdict.notes.join("\n"),
    /rr\/model\/stock\/NONE rr\/latency_ns_p50: the base itself got worse within the last 3 runs, worse 1\.\d+× at commit1 \(2026-01-02\)/,
  );
});

Deno.test("a value, a unit and a build that differ are never green", () => {
  const blind = modelRun().map((record) => ({
    ...record,
    measurement: { ...record.measurement, interrupts: null },
  }));
  assert.equal(verdictOf(blind, [modelRun()]).outcome, "regression");
  const [first, ...others] = modelRun();
  const rebuilt = { ...first!, wasm: { policy_sha256: "ab".repeat(32), machine_sha256: "ee" } };
  assert.match(reasons(verdictOf([rebuilt, ...others], [modelRun()]))[0]!, /2 builds of the core/);
  const partial = liveRun(50).map((record) => ({ ...record, status: "partial" as const }));
  const stored = Array.from({ length: 10 }, (_, run) => liveRun(run));
  assert.match(reasons(verdictOf(partial, stored))[0]!, /ended early; run it to its end/);
});

Deno.test("live runs, which no core took part in, do not make two builds of the model's", () => {
  const stored = Array.from({ length: 10 }, (_, run) => [...liveRun(run), ...modelRun()]);
  const both = verdictOf([...liveRun(50), ...modelRun()], stored);
  assert.equal(both.outcome, "pass", JSON.stringify(reasons(both)));
});

Deno.test("whole commands: add, gate against it, remove a bad commit; each exit code", async () => {
  await inFolder(async (cwd) => {
    const write = (records: readonly RunRecord[]): Promise<void> =>
      Deno.writeTextFile(
        join(cwd, "records.ndjson"),
        records.map((record) => `${JSON.stringify(record)}\n`).join(""),
      );
    const history = (...words: string[]) =>
      lab(["history", ...words, "--file", "h.sqlite"], { cwd });
    const gate = (...words: string[]) =>
      lab(["gate", ".", ...words, "--history-file", "h.sqlite"], { cwd });
    await write(modelRun());
    const absent = await gate("--history", "--markdown", "absent.md");
    assert.equal(absent.code, 5);
    assert.match(
      await Deno.readTextFile(join(cwd, "absent.md")),
      /No verdict: Cannot read the hist/,
    );
    assert.match(absent.err, /Cannot read the history ".*h\.sqlite": it is not there; make one/);
    assert.equal((await history("add", ".", "--commit", "good")).code, 0);
    assert.equal((await gate("--history")).code, 0);
    await write(modelRun(1.2));
    assert.equal((await gate("--history")).code, 1);
    assert.equal((await history("add", ".", "--commit", "bad")).code, 0);
    const removed = await history("remove", "--commit", "bad");
    assert.match(removed.err, /^Removed 45 values\.\n$/);
    assert.equal((await gate("--history", "5")).code, 1, "the base is the good commit again");
    const again = await history("remove", "--commit", "bad");
    assert.equal(again.code, 2);
    assert.match(again.err, /Cannot remove "bad": the history has no such commit/);
    assert.equal((await history("remove")).code, 2);
    const partial = modelRun().map((record) => ({ ...record, status: "partial" as const }));
    await write(partial);
    const ended = await history("add", ".", "--commit", "short");
    assert.match(ended.err, /^Left out 3 runs that ended early\.\nAdded 0 values of 0\.\n$/);
    for (const words of [["--history", "2"], ["--history", "x"], [], ["--history", "--update"]]) {
      const { code, err } = await gate(...words);
      assert.equal(code, 2, `${words.join(" ")}: ${err}`);
    }
  });
});
