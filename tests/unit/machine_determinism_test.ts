/**
 * The same seed gives the same bytes: again, on two workers, and from the debug build.
 *
 * @module
 */

import assert from "node:assert/strict";
import { planRuns } from "../../harness/plan.ts";
import { DEVICE_POLICIES, type RunRecord } from "../../harness/record.ts";
import { readyTargets, runPlan } from "../../harness/run.ts";
import { builtinWorkloads, readWorkload } from "../../harness/spec.ts";
import { ModelTarget } from "../../harness/target_model.ts";

const names = await builtinWorkloads();
const workloads = await Promise.all(names.map((name) => readWorkload(name, { cwd: "/" })));
/** Every built-in workload under every policy, shortened: the first burst of incast is at 10 ms. */
const runs = planRuns({ workloads, targets: ["model"], seedCount: 1, seedFirst: 7 })
  .map((run) => ({ ...run, warmupMs: 1, measureMs: run.workload.name === "incast" ? 12 : 2 }));

async function recordsOf(workerCount: number, target?: ModelTarget): Promise<RunRecord[]> {
  const records: RunRecord[] = [];
  const ready = await readyTargets(runs, { dropRefused: false });
  await runPlan({
    ready: target === undefined ? ready : { ...ready, targets: new Map([["model", target]]) },
    workerCount,
    signal: new AbortController().signal,
    observer: { onFraction() {}, onDone() {} },
    onRecord: (record) => Promise.resolve(void records.push(record)),
    now: () => new Date(0),
  });
  return records;
}

const first = await recordsOf(1);

Deno.test("every record has its own fingerprint", () => {
  assert.equal(first.length, names.length * DEVICE_POLICIES.length);
  const fingerprints = first.map(({ measurement }) => measurement.fingerprint ?? "");
  for (const fingerprint of fingerprints) assert.match(fingerprint, /^[0-9a-f]{16}$/);
  assert.equal(new Set(fingerprints).size, first.length);
});

Deno.test("the same seeds give the same bytes: again, and on two workers", async () => {
  assert.equal(JSON.stringify(await recordsOf(1)), JSON.stringify(first));
  assert.equal(JSON.stringify(await recordsOf(2)), JSON.stringify(first));
});

Deno.test("the debug build gives the same bytes, but for the sha256 of its files", async () => {
  const debug = await recordsOf(1, new ModelTarget("debug"));
  const bytes = (records: RunRecord[]) =>
    JSON.stringify(records.map((record) => ({ ...record, wasm: null })));
  assert.equal(bytes(debug), bytes(first));
  assert.notEqual(debug[0]!.wasm!.machine_sha256, first[0]!.wasm!.machine_sha256);
});
