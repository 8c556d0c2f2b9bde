/**
 * policy.wasm against the reference model, and its release build against its debug build, on
 * random scripts. Nothing here knows what an operation should do: the model says that.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { loadWasm } from "../../harness/build.ts";
import { holdsForScripts } from "../reference/holds.ts";
import { compareOnScript, compiledRunner } from "../reference/pair.ts";
import type { Draw, Scene } from "../reference/script.ts";

const { module: release } = await loadWasm("policy", "release");
const { module: debug } = await loadWasm("policy", "debug");

/** What must have happened somewhere in the scripts, or they prove little. */
const SOMETIMES: readonly RegExp[] = [
  /^pickQueue.*"queue":[1-9]/,
  /^pickQueue.*ENOENT/,
  /^pickQueue.*ENOSPC/,
  /^pickQueue.*EBADF/,
  /^setRules.*"queue":[1-9]/,
  /^setRules.*EOPNOTSUPP/,
  /^setRules.*ENOMEM/,
  /^setSocketPolicy.*ENOSPC/,
  /^setSocketPolicy.*EINVAL/,
  /^setTaskAllowed.*ENOMEM/,
  /^setTaskAllowed.*EINVAL/,
  /^taskFork.*ENOMEM/,
  /^taskCreate.*ENOMEM/,
  /^deviceRegister.* = [1-9]/,
  /^deviceRegister.*ENOSPC/,
  /^deviceRegister.*EEXIST/,
  /^deviceRename.*EEXIST/,
  /^cpuOffline.*EBUSY/,
  /^cpuOffline.*undefined/,
  /^cpuOnline.*undefined/,
  /^writeDevicePolicy.*EIO/,
  /^writeDevicePolicy.*EOPNOTSUPP/,
  /^writeDevicePolicy.*x".*EINVAL/,
  /^writeDevicePolicy\(\d, "MIX"\) = undefined/,
];

/** Counters that random scripts raise; the last two need a driver or a flow of their own. */
const RAISED = [
  "register_invalid",
  "register_incompatible",
  "register_limit",
  "inherit_refused",
  "instance_nomem",
  "allowed_nomem",
  "pick_no_device",
  "pick_mismatch",
  "pick_limit",
  "pick_empty",
  "rule_inserted",
  "rule_deleted",
  "rule_nomem",
  "rule_refused",
  "rule_delete_failed",
  "policy_unsupported",
  "policy_failed",
  "rollback_failed",
  "rebuild",
  "rebuild_failed",
  "affinity_failed",
  "init_failed",
  "version_wrap",
];

Deno.test("policy.wasm answers, calls its driver and ends up exactly as the model says", () => {
  const seen = new Set<RegExp>();
  const raised = new Set<string>();
  holdsForScripts({ scripts: 300, length: 200, seed: 20160718 }, (scene, draws) => {
    const { done, counters } = compareOnScript(release, scene, draws);
    for (const event of SOMETIMES) if (done.some((line) => event.test(line))) seen.add(event);
    for (const name of Object.keys(counters)) raised.add(name);
  });
  assert.deepEqual(SOMETIMES.filter((event) => !seen.has(event)), [], "never happened");
  assert.deepEqual(RAISED.filter((name) => !raised.has(name)), [], "never counted");
});

Deno.test("many short scripts on tiny tables agree with the model as well", () => {
  holdsForScripts({ scripts: 500, length: 30, seed: 20160912 }, (scene, draws) => {
    const capacities = { ...scene.capacities, owners: 4, rules: 2, allowed: 1, buckets: 1 };
    compareOnScript(release, { ...scene, capacities }, draws);
  });
});

Deno.test("release and debug builds have equal bytes and make equal driver calls", () => {
  let bytes = 0;
  holdsForScripts({ scripts: 500, length: 100, seed: 4 }, (scene, draws) => {
    const [optimised, plain] = [endOf(release, scene, draws), endOf(debug, scene, draws)];
    assert.deepEqual(optimised.lines, plain.lines);
    assert.equal(optimised.calls.join("\n"), plain.calls.join("\n"));
    assert.ok(Buffer.compare(optimised.state, plain.state) === 0, "the arenas differ");
    bytes += optimised.state.length;
  });
  assert.ok(bytes > 500 * 500, "the arenas are too small to be whole states");
});

/** Answers, driver calls and state after a script. */
function endOf(module: WebAssembly.Module, scene: Scene, draws: readonly Draw[]) {
  const { manager, driver, runner } = compiledRunner(module, scene);
  const lines = draws.map((draw) => runner.step(draw));
  return { lines, calls: driver.takeCalls(), state: manager.snapshot() };
}
