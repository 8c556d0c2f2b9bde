/**
 * Runs a scenario script on policy.wasm and on the reference model, and compares what each step
 * answers and what both hold. Draws scripts by random walks, and shrinks one that differs.
 *
 * @module
 */

import { canonicalJson } from "../../harness/canonical_json.ts";
import { PolicyManager } from "../../harness/policy/manager.ts";
import { ScenarioRun } from "../../harness/policy/scenario.ts";
import type { Scenario, ScenarioStep } from "../../harness/policy/scenario_schema.ts";
import { scriptOf } from "../../harness/verify/script.ts";
import { drawExploration, noSights, Random, shorten, Walker } from "../../harness/verify/walk.ts";
import { ReferenceManager } from "../reference/manager.ts";

/** Where two managers differ. */
export interface Difference {
  /** Number of the step, from 1. */
  readonly step: number;
  readonly expected: string;
  readonly actual: string;
}

/** Steps between two looks at everything that both hold. */
const LOOK_EVERY = 50;

/** All that a manager and its driver hold; which slot a record lies in is not specified. */
function held(run: ScenarioRun): string {
  const all = run.final();
  // What was called since the last look: the whole list would be written again and again.
  run.driver.calls.length = 0;
  const records = (all["records"] as unknown[]).map((record) => canonicalJson(record)).sort();
  return canonicalJson({ ...all, records });
}

/** The first difference on a script, null if there is none. */
export function differenceOn(module: WebAssembly.Module, scenario: Scenario): Difference | null {
  const wasm = new ScenarioRun(scenario, (driver, capacities) => {
    return new PolicyManager(module, driver, capacities);
  });
  const model = new ScenarioRun(scenario, (driver, capacities) => {
    return new ReferenceManager(driver, capacities);
  });
  const answers = wasm.steps();
  let step = 0;
  for (const expected of model.steps()) {
    step++;
    let actual: unknown;
    try {
      actual = answers.next().value;
    } catch (error) {
      actual = `stopped: ${error instanceof Error ? error.message : error}`;
    }
    const [left, right] = [JSON.stringify(expected), JSON.stringify(actual)];
    if (left !== right) return { step, expected: left, actual: right };
    if (step % LOOK_EVERY !== 0 && step !== scenario.steps.length) continue;
    const [all, both] = [held(model), held(wasm)];
    if (all !== both) return { step, expected: all, actual: both };
  }
  return null;
}

/** Questions that are mixed into a script: what they answer shows what the steps before did. */
function questionOn(random: Random, scenario: Scenario, near: ScenarioStep): ScenarioStep {
  const dev = random.of(scenario.devices).name;
  const id = near.id ?? 1;
  const pid = near.pid ?? 1;
  return random.of<ScenarioStep>([
    { op: "proc.read", dev },
    { op: "objects", dev },
    { op: "status", dev },
    { op: "task.read", pid },
    { op: "getsockopt", id },
    { op: "xmit", id, xps: random.below(3) - 1, hash: random.below(4) },
    { op: "partition", name: random.of(["rfc", "latency-first"]) },
  ]);
}

/** A random script of about `length` steps from a seed. */
export function drawScript(module: WebAssembly.Module, seed: number, length: number): Scenario {
  const random = new Random(seed);
  // The scripts of deno task policy have neither small versions nor small tables of masks.
  const drawn = drawExploration(random);
  const exploration = {
    ...drawn,
    version_max: 0,
    capacities: { ...drawn.capacities, allowed: drawn.capacities.owners },
  };
  const walker = new Walker(module, exploration, random, noSights());
  const moves = walker.draw(random, length);
  const scenario = scriptOf(module, exploration, moves, false);
  const steps = scenario.steps.flatMap((step) =>
    random.below(8) === 0 ? [step, questionOn(random, scenario, step)] : [step]
  );
  return { ...scenario, steps };
}

/** A shorter script that still differs. */
export function shrinkScript(module: WebAssembly.Module, scenario: Scenario): Scenario {
  const steps = shorten(
    scenario.steps,
    (some) => differenceOn(module, { ...scenario, steps: some }) !== null,
  );
  return { ...scenario, steps };
}
