/**
 * The model target: a workload on the i40e model in virtual time. Two runs of one seed give the
 * same measurement: the one clock here is the profile's, and goes into no record. What is modelled
 * stands in core/machine and harness/machine.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import { type BuildKind, loadWasm } from "./build.ts";
import { ModelRun } from "./machine/model.ts";
import type { Measurement } from "./record.ts";
import type { Observation, PlannedRun, Target, TargetDescription } from "./target.ts";

/** Name of the load generator; numbers of different generators are never compared. */
export const MODEL_GENERATOR = "i40e model";

/**
 * Events between two looks at the signal: enough for the engine to stay in optimised code, few
 * enough (some 10 ms) to hear Ctrl-C.
 */
const SLICE_EVENTS = 50_000;

/** The model. One run at a time; the compiled modules are kept between runs. */
export class ModelTarget implements Target {
  readonly kind = "model" as const;
  readonly #build: BuildKind;
  #modules: ReturnType<typeof loadModules> | null = null;
  #run: ModelRun | null = null;

  /** Release is what every record is made with; debug checks rules after each event. */
  constructor(build: BuildKind = "release") {
    this.#build = build;
  }

  async describe(): Promise<TargetDescription> {
    const { policy, machine } = await this.#load();
    return {
      generator: MODEL_GENERATOR,
      wasm: { policy_sha256: policy.sha256, machine_sha256: machine.sha256 },
      environment: {},
      hasClock: false,
    };
  }

  refuse(_run: PlannedRun): string | null {
    return null;
  }

  async prepare(run: PlannedRun): Promise<void> {
    const { policy, machine } = await this.#load();
    this.#run = ModelRun.create({
      ...run,
      traceLimit: run.watch?.traceLimit,
      clock: run.watch?.profile === true ? () => performance.now() : undefined,
      policyModule: policy.module,
      machineModule: machine.module,
    });
  }

  async start(signal: AbortSignal, onProgress: (fraction: number) => void): Promise<void> {
    const run = this.#prepared();
    while (!signal.aborted && !run.advance(SLICE_EVENTS)) {
      onProgress(run.progress());
      // A turn of the event loop: messages and signals come in only here.
      await setImmediate();
    }
  }

  collect(): Promise<Measurement> {
    return Promise.resolve(this.#prepared().measurement());
  }

  observed(): Observation | null {
    const run = this.#prepared();
    const trace = run.trace();
    const profile = run.profile();
    return trace === null && profile === null ? null : { trace, profile };
  }

  stop(): Promise<void> {
    this.#run = null;
    return Promise.resolve();
  }

  undo(): Promise<void> {
    return Promise.resolve();
  }

  #prepared(): ModelRun {
    if (this.#run === null) throw new Error("No model run is prepared");
    return this.#run;
  }

  #load(): ReturnType<typeof loadModules> {
    return this.#modules ??= loadModules(this.#build);
  }
}

async function loadModules(build: BuildKind) {
  const policy = await loadWasm("policy", build);
  const machine = await loadWasm("machine", build);
  return { policy, machine };
}
