/**
 * The inside of a Web Worker that does runs on a virtual target, one at a time.
 * The other side is `WorkerLane` in `lane.ts`. Never writes a file.
 *
 * @module
 */

/// <reference lib="webworker" />

import { flattened } from "./errors.ts";
import { executeOn, type FromWorker, makeTarget, type ToWorker } from "./lane.ts";
import type { PlannedRun, Target } from "./target.ts";

const scope = self as unknown as DedicatedWorkerGlobalScope;
let target: Target | null = null;
let controller = new AbortController();

scope.onmessage = (event: MessageEvent<ToWorker>): void => {
  if ("abort" in event.data) controller.abort();
  else void execute(event.data.run);
};

async function execute(run: PlannedRun): Promise<void> {
  controller = new AbortController();
  try {
    target ??= await makeTarget(run.target);
    if (target.kind !== run.target) throw new Error(`A worker for ${target.kind} got ${run.runId}`);
    const result = await executeOn(target, run, controller.signal, (fraction) => {
      say({ kind: "fraction", fraction });
    });
    say({ kind: "result", result });
  } catch (error) {
    say({ kind: "error", error: flattened(error) });
  }
}

function say(message: FromWorker): void {
  scope.postMessage(message);
}
