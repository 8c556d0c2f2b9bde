/**
 * The order and the content of plans.
 *
 * @module
 */

import assert from "node:assert/strict";
import { planRuns } from "../../harness/plan.ts";
import { readWorkload, type WorkloadOnMachine } from "../../harness/spec.ts";

const load = (name: string): Promise<WorkloadOnMachine> => readWorkload(name, { cwd: "/" });

Deno.test("seeds come before workloads, workloads before policies", async () => {
  const runs = planRuns({
    workloads: [await load("rr"), await load("mix")],
    policies: ["NONE", "MIX"],
    targets: ["model"],
    seedCount: 2,
  });
  assert.deepEqual(runs.map((run) => run.runId), [
    "rr/model/stock/NONE/1",
    "rr/model/netpolicy/MIX/1",
    "mix/model/stock/NONE/1",
    "mix/model/netpolicy/MIX/1",
    "rr/model/stock/NONE/2",
    "rr/model/netpolicy/MIX/2",
    "mix/model/stock/NONE/2",
    "mix/model/netpolicy/MIX/2",
  ]);
});

Deno.test("by default: every policy and three seeds on the model, then live once without a policy", async () => {
  const runs = planRuns({ workloads: [await load("rr"), await load("mix")] });
  assert.deepEqual(runs.filter((run) => run.target === "live").map((run) => run.runId), [
    "rr/live/stock/NONE/1",
  ]);
  assert.equal(runs.at(-1)?.target, "live");
  assert.equal(runs.length, 2 * 5 * 3 + 1);
  assert.equal(new Set(runs.map((run) => run.runId)).size, runs.length);
});

Deno.test("live runs come last however the targets are named, and take wall time", async () => {
  const workloads = [await load("rr")];
  const runs = planRuns({ workloads, targets: ["live", "mock"], policies: ["NONE"] });
  assert.deepEqual(runs.map((run) => run.target), ["mock", "mock", "mock", "live"]);
  assert.deepEqual([runs[0]?.warmupMs, runs[0]?.measureMs], [20, 200]);
  assert.deepEqual([runs[3]?.warmupMs, runs[3]?.measureMs], [200, 1000]);
});

Deno.test("whoever names a target and a policy gets exactly that, for the target to refuse", async () => {
  const workloads = [await load("mix")];
  const runs = planRuns({ workloads, targets: ["live"], policies: ["LATENCY"], seedFirst: 7 });
  assert.deepEqual(runs.map((run) => run.runId), ["mix/live/netpolicy/LATENCY/7"]);
});

Deno.test("two workloads of one name and an empty plan are refused", async () => {
  const pair = await load("rr");
  assert.throws(() => planRuns({ workloads: [pair, pair] }), /Two workloads are named "rr"/);
  const liveOnly = { ...pair, workload: { ...pair.workload, targets: ["live"] as const } };
  assert.throws(
    () => planRuns({ workloads: [liveOnly], policies: ["BULK"] }),
    /^UserError: Nothing to run: "rr" with BULK has no run on its default targets/,
  );
});
