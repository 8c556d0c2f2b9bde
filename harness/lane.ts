/**
 * One place that does one run after the other: in this process, or in a Web Worker of its own.
 * A lane turns a planned run into a measurement and knows nothing of records, order or files.
 *
 * @module
 */

import { type FlatError, revived } from "./errors.ts";
import type { Measurement, TargetKind } from "./record.ts";
import type { Observation, PlannedRun, Target } from "./target.ts";

/** What came out of one run. */
export interface RunResult {
  readonly measurement: Measurement;
  /** false when Ctrl-C cut the measured interval short. */
  readonly isComplete: boolean;
  /** What the run's `watch` asked for. */
  readonly observation: Observation | null;
}

/** Hears how far a run is, 0..1. */
export type OnFraction = (fraction: number) => void;

/** Does one run at a time. */
export interface Lane {
  execute(run: PlannedRun, signal: AbortSignal, onFraction: OnFraction): Promise<RunResult>;
  close(): void;
}

/** A fresh target of a kind. Kinds load their code only when they are used. */
export async function makeTarget(kind: TargetKind): Promise<Target> {
  switch (kind) {
    case "mock":
      return new (await import("./target_mock.ts")).MockTarget();
    case "model":
      return new (await import("./target_model.ts")).ModelTarget();
    case "live":
      return new (await import("./target_live.ts")).LiveTarget();
  }
}

/** A run on a target from preparation to undo, whatever happens between. */
export async function executeOn(
  target: Target,
  run: PlannedRun,
  signal: AbortSignal,
  onFraction: OnFraction,
): Promise<RunResult> {
  try {
    await target.prepare(run);
    await target.start(signal, onFraction);
    const measurement = await target.collect();
    const observation = target.observed?.() ?? null;
    const isWhole = measurement.duration_ns >= run.measureMs * 1e6;
    return { measurement, isComplete: !signal.aborted || isWhole, observation };
  } finally {
    await target.stop();
    await target.undo();
  }
}

/** Runs in this process: no start-up cost, and what a live target needs. */
export class LocalLane implements Lane {
  readonly #target: Target;

  constructor(target: Target) {
    this.#target = target;
  }

  execute(run: PlannedRun, signal: AbortSignal, onFraction: OnFraction): Promise<RunResult> {
    return executeOn(this.#target, run, signal, onFraction);
  }

  close(): void {}
}

/** What the program says to a worker. */
export type ToWorker = { readonly run: PlannedRun } | { readonly abort: true };

/** What a worker says to the program. */
export type FromWorker =
  | { readonly kind: "fraction"; readonly fraction: number }
  | { readonly kind: "result"; readonly result: RunResult }
  | { readonly kind: "error"; readonly error: FlatError };

/** Runs in a Web Worker: `run_worker.ts` on the other side. */
export class WorkerLane implements Lane {
  readonly #worker = new Worker(new URL("./run_worker.ts", import.meta.url), { type: "module" });

  execute(run: PlannedRun, signal: AbortSignal, onFraction: OnFraction): Promise<RunResult> {
    const worker = this.#worker;
    const say = (message: ToWorker): void => worker.postMessage(message);
    const abort = (): void => say({ abort: true });
    const result = new Promise<RunResult>((resolve, reject) => {
      worker.onmessage = (event: MessageEvent<FromWorker>): void => {
        const message = event.data;
        if (message.kind === "fraction") onFraction(message.fraction);
        else if (message.kind === "result") resolve(message.result);
        else reject(revived(message.error));
      };
      worker.onerror = (event: ErrorEvent): void => {
        event.preventDefault();
        reject(new Error(`The worker ended: ${event.message}`));
      };
    });
    signal.addEventListener("abort", abort);
    say({ run });
    if (signal.aborted) abort();
    return result.finally(() => signal.removeEventListener("abort", abort));
  }

  close(): void {
    this.#worker.terminate();
  }
}
