/**
 * The model as a target: repeatable with any number of workers, and deaf to nothing.
 * What the model computes is not tested here.
 *
 * @module
 */

import assert from "node:assert/strict";
import { UserError } from "../../harness/errors.ts";
import { planRuns } from "../../harness/plan.ts";
import type { RunRecord } from "../../harness/record.ts";
import { readyTargets, runPlan } from "../../harness/run.ts";
import { readWorkload } from "../../harness/spec.ts";
import type { PlannedRun } from "../../harness/target.ts";
import { ModelTarget } from "../../harness/target_model.ts";

async function modelRuns(measureMs: number): Promise<PlannedRun[]> {
  const workloads = [await readWorkload("mix", { cwd: "/" })];
  const runs = planRuns({
    workloads,
    policies: ["NONE", "MIX"],
    targets: ["model"],
    seedCount: 2,
  });
  return runs.map((run) => ({ ...run, warmupMs: 1, measureMs }));
}

async function recordsOf(
  runs: readonly PlannedRun[],
  options: { workerCount: number; controller?: AbortController; abortAt?: number },
): Promise<RunRecord[]> {
  const { controller = new AbortController(), abortAt = Infinity } = options;
  const records: RunRecord[] = [];
  await runPlan({
    ready: await readyTargets(runs, { dropRefused: false }),
    workerCount: options.workerCount,
    signal: controller.signal,
    observer: {
      onFraction: (_run, fraction) => fraction >= abortAt && controller.abort(),
      onDone() {},
    },
    onRecord: (record) => Promise.resolve(void records.push(record)),
    now: () => new Date(0),
  });
  return records;
}

Deno.test("model runs give the same bytes with one worker and with two", async () => {
  const runs = await modelRuns(4);
  const one = await recordsOf(runs, { workerCount: 1 });
  const two = await recordsOf(runs, { workerCount: 2 });
  assert.equal(JSON.stringify(two), JSON.stringify(one));
  assert.equal(one.length, 4);
  for (const { measurement, wasm, machine, started_at } of one) {
    assert.equal(measurement.duration_ns, 4e6);
    assert.match(measurement.fingerprint ?? "", /^[0-9a-f]{16}$/);
    assert.match(wasm?.policy_sha256 ?? "", /^[0-9a-f]{64}$/);
    assert.equal(machine, "x710-8cpu");
    assert.equal(started_at, null);
    const coarse = measurement.remarks.filter((remark) => remark.includes("in whole messages"));
    assert.equal(coarse.length, 1, "4 ms of the stream are some 300 messages");
  }
});

Deno.test("another seed gives another sequence of events", async () => {
  const records = await recordsOf(await modelRuns(2), { workerCount: 1 });
  const fingerprints = new Set(records.map((record) => record.measurement.fingerprint));
  assert.equal(fingerprints.size, records.length);
});

for (const workerCount of [1, 2]) {
  Deno.test(`an abort reaches a model run within its slices, ${workerCount} at a time`, async () => {
    // An hour of virtual time: only the abort can end it.
    const records = await recordsOf(await modelRuns(3_600_000), {
      workerCount,
      abortAt: 1e-6,
    });
    assert.ok(records.length <= workerCount);
    assert.ok(records.every((record) => record.status === "partial"));
  });
}

Deno.test("a workload that the model has no room for is told so, from workers as well", async () => {
  const runs = (await modelRuns(1)).map((run) => {
    const groups = Array.from({ length: 16 }, (_, at) => ({
      ...run.workload.groups[0]!,
      name: `g${at}`,
      connections: 1024,
      outstanding: 256,
    }));
    return { ...run, workload: { ...run.workload, groups } };
  });
  for (const workerCount of [1, 2]) {
    await assert.rejects(recordsOf(runs, { workerCount }), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.exitCode, 2);
      assert.match(error.message, /^The workload "mix" needs \d+ .*: the model has room for \d+$/);
      return true;
    });
  }
});

Deno.test("a model target that was not prepared has nothing to collect", async () => {
  const target = new ModelTarget();
  await target.stop();
  await assert.rejects(async () => await target.collect(), /No model run is prepared/);
});

Deno.test("a MIX device too small for a LATENCY queue says so, by the group that lacks it", async () => {
  const remarksOn = async (cpus: readonly number[]): Promise<readonly string[]> => {
    const runs = (await modelRuns(2)).filter((run) => run.policy === "MIX").slice(0, 1).map(
      (run) => {
        const { nic, host } = run.machine;
        const nodes = [{ id: 0, cpus }];
        const machine = {
          ...run.machine,
          nic: { ...nic, queue_pairs: cpus.length },
          host: { ...host, nodes, distance: [[10]], siblings: [] },
        };
        return { ...run, machine };
      },
    );
    const [record] = await recordsOf(runs, { workerCount: 1 });
    return record!.measurement.remarks;
  };
  const starved = "this MIX device has no queue for LATENCY, which gets a third of a node's " +
    'queues: "rr" got default handling';
  assert.ok((await remarksOn([0, 1])).includes(starved));
  assert.ok(!(await remarksOn([0, 1, 2])).includes(starved));
});
