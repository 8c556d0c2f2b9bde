/**
 * Trials of policy.wasm: each is a run with an end that was known before. What is expected comes
 * from the reference model, from the invariants and properties, from the exact counts of the
 * explorations, or is written down; never from the binary that is on trial.
 *
 * @module
 */

import fc from "fast-check";
import { messageOf } from "../../harness/errors.ts";
import { type Exploration, readBuiltin } from "../../harness/verify/exploration.ts";
import { explore } from "../../harness/verify/explore.ts";
import { drawExploration, noSights, Random, Walker } from "../../harness/verify/walk.ts";
import { RecordingDriver } from "../recording_driver.ts";
import { anyDraws, anyScene } from "../reference/arbitrary.ts";
import { ReferenceManager } from "../reference/manager.ts";
import { compiledRunner } from "../reference/pair.ts";
import {
  capacitiesOf,
  type Draw,
  driverDevices,
  type Scene,
  ScriptRunner,
} from "../reference/script.ts";
import { viewOfModel, viewOfWasm } from "../reference/view.ts";
import { DIRECTED } from "./directed.ts";

/** Who says what is expected. */
export type Oracle = "written down" | "model" | "properties" | "counts" | "original";

/** A run whose end is known. */
export interface Trial {
  readonly name: string;
  readonly oracle: Oracle;
  /** What was otherwise than expected, null if nothing. */
  run(module: WebAssembly.Module): string | null;
}

/** Scripts compared with the model: how many, their operations at most, and their seed. */
const SCRIPTS = { count: 360, length: 120, seed: 20_011 };
/** Operations between two looks at everything that the manager holds. */
const LOOK_EVERY = 4;
/** Walks that the properties are held against: hosts, and operations on each. */
const WALKS = { hosts: 60, commands: 400, seed: 7 };
/** Explorations gone through to the end: together a few tenths of a second. */
const EXPLORATIONS = ["wrap", "tasks"];

/** Runs a trial; a manager that stops, or turns in circles, has failed it. */
export function tried(trial: Trial, module: WebAssembly.Module): string | null {
  try {
    return trial.run(module);
  } catch (error) {
    return `stopped: ${messageOf(error)}`;
  }
}

/** What the model says to a script: a text for each operation. */
function modelOn(scene: Scene, draws: readonly Draw[]): string[] {
  const driver = new RecordingDriver(driverDevices(scene));
  const model = new ReferenceManager(driver, capacitiesOf(scene));
  const runner = new ScriptRunner(scene, model, driver);
  runner.begin();
  return draws.map((draw, place) => {
    const answer = runner.step(draw);
    const view = looksAt(place, draws) ? viewOfModel(model, driver) : [];
    return [answer, ...driver.takeCalls(), ...view].join("\n");
  });
}

function looksAt(place: number, draws: readonly Draw[]): boolean {
  return place % LOOK_EVERY === LOOK_EVERY - 1 || place === draws.length - 1;
}

function scriptTrial(number: number, scene: Scene, draws: readonly Draw[]): Trial {
  let expected: string[] | null = null;
  return {
    name: `script ${number}`,
    oracle: "model",
    run(module) {
      expected ??= modelOn(scene, draws);
      const { manager, driver, runner } = compiledRunner(module, scene);
      for (const [place, draw] of draws.entries()) {
        const answer = runner.step(draw);
        const view = looksAt(place, draws) ? viewOfWasm(manager, driver) : [];
        const text = [answer, ...driver.takeCalls(), ...view].join("\n");
        if (text !== expected[place]) return `operation ${place + 1} differs from the model`;
        const broken = manager.check();
        if (broken !== null) return `${broken} is broken after operation ${place + 1}`;
      }
      return null;
    },
  };
}

function walkTrial(host: number): Trial {
  const exploration = drawExploration(new Random(WALKS.seed + host));
  return {
    name: `walk ${host}`,
    oracle: "properties",
    run(module) {
      const random = new Random(WALKS.seed + host);
      const walker = new Walker(module, exploration, random, noSights());
      return walker.walk(random, WALKS.commands)?.sentence ?? null;
    },
  };
}

function explorationTrial(exploration: Exploration): Trial {
  return {
    name: `exploration ${exploration.name}`,
    oracle: "counts",
    run(module) {
      // A mutant may find states without end.
      const { states, transitions, depth, violation } = explore(module, exploration, {
        states: 2 * exploration.expect!.states,
      });
      const found = JSON.stringify({ states, transitions, depth });
      if (violation !== null) return violation.sentence;
      return found === JSON.stringify(exploration.expect) ? null : `${found} found`;
    },
  };
}

/** Large tables now and then: the second word of a slot set is not reached otherwise. */
function enlarged(scene: Scene, number: number): Scene {
  if (number % 12 !== 0) return scene;
  const capacities = { ...scene.capacities, owners: 80, rules: 70, allowed: 66 };
  return { ...scene, capacities, socketsAtStart: 70 };
}

/** All trials: directed cases, scripts, walks, explorations. */
export async function trialsOfPolicy(): Promise<Trial[]> {
  const { count, length, seed } = SCRIPTS;
  const scenes = fc.sample(anyScene, { seed, numRuns: count });
  const scripts = fc.sample(anyDraws(length), { seed, numRuns: count });
  return [
    ...DIRECTED,
    ...scenes.map((scene, number) =>
      scriptTrial(number, enlarged(scene, number), scripts[number]!)
    ),
    ...Array.from({ length: WALKS.hosts }, (_, host) => walkTrial(host)),
    ...(await Promise.all(EXPLORATIONS.map(readBuiltin))).map(explorationTrial),
  ];
}
