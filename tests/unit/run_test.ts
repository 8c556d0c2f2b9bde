/**
 * Running plans: order of the calls and of the records, workers, early end, failures.
 *
 * @module
 */

import assert from "node:assert/strict";
import { OrderedKeeper } from "../../harness/ordered_keeper.ts";
import { planRuns } from "../../harness/plan.ts";
import type { DevicePolicy, Measurement, RunRecord } from "../../harness/record.ts";
import { type ReadyTargets, readyTargets, runPlan } from "../../harness/run.ts";
import { readWorkload } from "../../harness/spec.ts";
import type { PlannedRun, Target } from "../../harness/target.ts";
import { MockTarget } from "../../harness/target_mock.ts";

async function mockRuns(
  policies: readonly DevicePolicy[],
  seedCount: number,
): Promise<PlannedRun[]> {
  const workloads = [await readWorkload("mix", { cwd: "/" })];
  return planRuns({ workloads, policies, targets: ["mock"], seedCount });
}

interface Outcome {
  readonly records: RunRecord[];
  readonly error: Error | null;
}

async function run(
  ready: ReadyTargets,
  options: { workerCount?: number; signal?: AbortSignal; onRecord?: () => void } = {},
): Promise<Outcome> {
  const records: RunRecord[] = [];
  let error: Error | null = null;
  try {
    await runPlan({
      ready,
      workerCount: options.workerCount ?? 1,
      signal: options.signal ?? new AbortController().signal,
      observer: { onFraction() {}, onDone() {} },
      onRecord: (record) => {
        records.push(record);
        options.onRecord?.();
        return Promise.resolve();
      },
      now: () => new Date(0),
    });
  } catch (thrown) {
    assert.ok(thrown instanceof Error);
    error = thrown;
  }
  return { records, error };
}

/** A target that writes down its calls and does what a test wants at one of them. */
class TestTarget extends MockTarget {
  readonly calls: string[] = [];
  readonly #at: (call: string, runId: string) => void;
  #runId = "";

  constructor(at: (call: string, runId: string) => void = () => {}) {
    super();
    this.#at = at;
  }

  override async prepare(run: PlannedRun): Promise<void> {
    this.#runId = run.runId;
    this.#note("prepare");
    await super.prepare(run);
  }

  override async start(signal: AbortSignal, onProgress: (part: number) => void): Promise<void> {
    this.#note("start");
    await super.start(signal, onProgress);
  }

  override async collect(): Promise<Measurement> {
    this.#note("collect");
    return await super.collect();
  }

  override async stop(): Promise<void> {
    this.#note("stop");
    await super.stop();
  }

  override async undo(): Promise<void> {
    this.#note("undo");
    await super.undo();
  }

  #note(call: string): void {
    this.calls.push(call);
    this.#at(call, this.#runId);
  }
}

function readyWith(runs: readonly PlannedRun[], target: Target): ReadyTargets {
  return { runs, targets: new Map([[target.kind, target]]), dropped: [] };
}

Deno.test("records hold what ran, in the order of the plan, and no clock", async () => {
  const runs = await mockRuns(["NONE", "MIX"], 2);
  const { records } = await run(await readyTargets(runs, { dropRefused: false }));
  assert.deepEqual(records.map((record) => record.run_id), runs.map((planned) => planned.runId));
  const second = records[1]!;
  assert.equal(second.policy, "MIX");
  assert.equal(second.mechanism, "netpolicy");
  assert.equal(second.status, "complete");
  assert.equal(second.started_at, null);
  assert.equal(second.machine, runs[1]!.machine.name);
  assert.match(second.workload_sha256, /^[0-9a-f]{64}$/);
});

Deno.test("one worker, two workers and a second bench give the same bytes", async () => {
  const runs = await mockRuns(["NONE", "LATENCY"], 3);
  const texts: string[] = [];
  for (const workerCount of [1, 1, 2]) {
    const ready = await readyTargets(runs, { dropRefused: false });
    const { records, error } = await run(ready, { workerCount });
    assert.equal(error, null);
    texts.push(JSON.stringify(records));
  }
  assert.equal(texts[0], texts[1]);
  assert.equal(texts[0], texts[2]);
  assert.ok(texts[0]!.length > 1000);
});

Deno.test("a target is prepared, started, collected, stopped and undone for every run", async () => {
  const runs = await mockRuns(["NONE"], 2);
  const target = new TestTarget();
  await run(readyWith(runs, target));
  const once = ["prepare", "start", "collect", "stop", "undo"];
  assert.deepEqual(target.calls, [...once, ...once]);
});

for (const broken of ["prepare", "start", "collect"]) {
  Deno.test(`a failure in ${broken} keeps the records before it, stops, undoes, names the run`, async () => {
    const runs = await mockRuns(["NONE"], 3);
    const target = new TestTarget((call, runId) => {
      if (call === broken && runId === runs[1]!.runId) throw new Error("out of order");
    });
    const { records, error } = await run(readyWith(runs, target));
    assert.equal(error?.message, `Run ${runs[1]!.runId} failed: out of order`);
    assert.deepEqual(records.map((record) => record.run_id), [runs[0]!.runId]);
    assert.deepEqual(target.calls.slice(-2), ["stop", "undo"]);
    assert.equal(target.calls.filter((call) => call === "undo").length, 2);
  });
}

Deno.test("an abort between runs keeps what is done and starts nothing more", async () => {
  const runs = await mockRuns(["NONE", "BULK", "MIX"], 2);
  const controller = new AbortController();
  let left = 2;
  const { records, error } = await run(readyWith(runs, new MockTarget()), {
    signal: controller.signal,
    onRecord: () => --left === 0 && controller.abort(),
  });
  assert.equal(error, null);
  assert.deepEqual(records.map((record) => record.status), ["complete", "complete"]);
});

Deno.test("an abort within a run keeps its part as partial; nothing measured means no record", async () => {
  const runs = await mockRuns(["NONE"], 1);
  for (const [steps, statuses] of [[2, ["partial"]], [0, []]] as const) {
    const controller = new AbortController();
    if (steps === 0) controller.abort();
    const target = new MockTarget();
    const start = target.start.bind(target);
    let stepsLeft: number = steps;
    target.start = (signal) => start(signal, () => --stepsLeft === 0 && controller.abort());
    const { records } = await run(readyWith(runs, target), { signal: controller.signal });
    assert.deepEqual(records.map((record) => record.status), statuses);
    const [record] = records;
    if (record === undefined) continue;
    assert.equal(record.measurement.duration_ns, 100e6);
    assert.match(record.measurement.remarks[0]!, /ended early/);
  }
});

Deno.test("an abort reaches runs in workers", async () => {
  const runs = await mockRuns(["NONE"], 1000);
  const controller = new AbortController();
  const ready = await readyTargets(runs, { dropRefused: false });
  const { records, error } = await run(ready, {
    workerCount: 2,
    signal: controller.signal,
    onRecord: () => controller.abort(),
  });
  assert.equal(error, null);
  assert.ok(records.length >= 1 && records.length < 1000, `${records.length}`);
});

Deno.test("a refused run stops a bench that asked for it, and only leaves a default matrix", async () => {
  const workloads = [await readWorkload("rr", { cwd: "/" })];
  const policies = ["NONE", "LATENCY"] as const;
  const runs = planRuns({ workloads, policies, targets: ["mock", "live"], seedCount: 1 });
  await assert.rejects(readyTargets(runs, { dropRefused: false }), (error: unknown) => {
    assert.equal((error as { exitCode: number }).exitCode, 4);
    assert.match(String(error), /^UserError: Cannot run rr\/live\/netpolicy\/LATENCY\/1: /);
    return true;
  });
  const ready = await readyTargets(runs, { dropRefused: true });
  assert.deepEqual(ready.runs.map((planned) => planned.runId), [
    "rr/mock/stock/NONE/1",
    "rr/mock/netpolicy/LATENCY/1",
    "rr/live/stock/NONE/1",
  ]);
  assert.equal(ready.dropped.length, 1);
  const onlyRefused = runs.filter((planned) => planned.runId.includes("live/netpolicy"));
  await assert.rejects(readyTargets(onlyRefused, { dropRefused: true }), /Nothing can run here/);
});

Deno.test("what comes early waits for what stands before it, and gaps are passed at the end", async () => {
  const kept: string[] = [];
  const keeper = new OrderedKeeper<string>(5, (text) => {
    kept.push(text);
    return Promise.resolve();
  });
  await keeper.put(2, "two");
  assert.deepEqual(kept, []);
  await keeper.put(0, "zero");
  assert.deepEqual(kept, ["zero"]);
  await keeper.put(1, null);
  assert.deepEqual(kept, ["zero", "two"]);
  await keeper.put(4, "four");
  await keeper.keepRest();
  assert.deepEqual(kept, ["zero", "two", "four"]);
});
