/**
 * Runs a script on the model and on the compiled manager, and compares all there is to see after
 * every operation.
 *
 * @module
 */

import { PolicyManager } from "../../harness/policy/manager.ts";
import { RecordingDriver } from "../recording_driver.ts";
import { ReferenceManager } from "./manager.ts";
import {
  capacitiesOf,
  type Draw,
  driverDevices,
  type Scene,
  ScriptRunner,
  type Subject,
} from "./script.ts";
import { difference, viewOfModel, viewOfWasm } from "./view.ts";

/** The compiled manager with the one call that its typed face does not have. */
export class CompiledManager extends PolicyManager implements Subject {
  /** Highest version before the counter starts again. */
  setVersionMax(version: number): void {
    this.wasm.calls.setVersionMax(version);
  }
}

/** A compiled manager on the scene's host, ready to run its script. */
export function compiledRunner(module: WebAssembly.Module, scene: Scene): {
  readonly manager: CompiledManager;
  readonly driver: RecordingDriver;
  readonly runner: ScriptRunner;
} {
  const driver = new RecordingDriver(driverDevices(scene));
  const manager = new CompiledManager(module, driver, capacitiesOf(scene));
  const runner = new ScriptRunner(scene, manager, driver);
  runner.begin();
  return { manager, driver, runner };
}

/**
 * Runs a script on both.
 *
 * @throws {Error} at the first difference or broken invariant: the operations so far, and what the
 * model (-) and the compiled manager (+) say.
 */
export function compareOnScript(
  module: WebAssembly.Module,
  scene: Scene,
  draws: readonly Draw[],
): { readonly done: string[]; readonly counters: Record<string, number> } {
  const { manager, driver, runner } = compiledRunner(module, scene);
  const modelDriver = new RecordingDriver(driverDevices(scene));
  const model = new ReferenceManager(modelDriver, capacitiesOf(scene));
  const modelRunner = new ScriptRunner(scene, model, modelDriver);
  modelRunner.begin();
  const done = ["begin"];
  const compare = (given: readonly string[], received: readonly string[]) => {
    const [expectedCalls, actualCalls] = [modelDriver.takeCalls(), driver.takeCalls()];
    const found = [
      ...difference(given, received),
      ...difference(expectedCalls, actualCalls),
      ...difference(viewOfModel(model, modelDriver), viewOfWasm(manager, driver)),
    ];
    const broken = manager.check();
    if (broken !== null) found.push(`check() says ${broken}`);
    if (found.length === 0) return;
    const calls = ["Calls of the manager:", ...actualCalls, "Model (-), manager (+):"];
    throw new Error([...done, ...calls, ...found].join("\n"));
  };
  compare([], []);
  for (const draw of draws) {
    const expected = modelRunner.step(draw);
    const actual = runner.step(draw);
    done.push(expected);
    compare([expected], [actual]);
  }
  return { done, counters: model.counters() };
}
