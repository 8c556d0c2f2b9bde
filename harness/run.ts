/**
 * Runs a plan: virtual runs side by side in lanes, then live runs alone. Hands every record over
 * in the order of the plan, as soon as the order allows, so that the same plan gives the same file
 * with any number of workers. Never writes a file itself.
 *
 * @module
 */

import labConfig from "../deno.json" with { type: "json" };
import { edgeRemarks } from "./edge_remarks.ts";
import { EXIT, messageOf, UserError } from "./errors.ts";
import { type Lane, LocalLane, makeTarget, type RunResult, WorkerLane } from "./lane.ts";
import { OrderedKeeper } from "./ordered_keeper.ts";
import { isVirtual } from "./plan.ts";
import { type Measurement, RECORD_SCHEMA, type RunRecord, type TargetKind } from "./record.ts";
import { specSha256 } from "./spec.ts";
import { starvedRemarks } from "./starved_remarks.ts";
import type { Observation, PlannedRun, Target, TargetDescription } from "./target.ts";

/** Version of the lab, for records and `--version`. */
export const LAB_VERSION: string = labConfig.version;

/** Hears what goes on. */
export interface RunObserver {
  onFraction(run: PlannedRun, fraction: number): void;
  onDone(run: PlannedRun): void;
}

/** Runs whose targets are made and agree to do them. */
export interface ReadyTargets {
  readonly runs: readonly PlannedRun[];
  readonly targets: ReadonlyMap<TargetKind, Target>;
  /** Why runs were left out, one sentence a target. */
  readonly dropped: readonly string[];
}

/** How to run a plan. */
export interface RunOptions {
  readonly ready: ReadyTargets;
  /** Lanes for virtual runs; 1 means in this process, more means Web Workers. */
  readonly workerCount: number;
  /** Ends the bench early; what is done is kept. */
  readonly signal: AbortSignal;
  readonly observer: RunObserver;
  /** Gets every record, in the order of the plan, one at a time. */
  readonly onRecord: (record: RunRecord) => Promise<void>;
  /** Gets what was noted of a run whose `watch` asks for something, as it ends. */
  readonly onObservation?: (run: PlannedRun, observation: Observation) => Promise<void>;
  /** Time of day, for the records of live runs only. */
  readonly now: () => Date;
}

/**
 * Makes the targets of a plan and asks each whether it can do its runs.
 *
 * @param options `dropRefused`: leave out runs that a target refuses instead of failing; for a
 *   matrix that nobody asked for in person.
 * @throws {UserError} with exit code 4 for the first run that a target refuses.
 */
export async function readyTargets(
  runs: readonly PlannedRun[],
  options: { dropRefused: boolean },
): Promise<ReadyTargets> {
  const targets = new Map<TargetKind, Target>();
  const accepted: PlannedRun[] = [];
  const dropped = new Set<string>();
  for (const run of runs) {
    const target = targets.get(run.target) ?? await makeTarget(run.target);
    targets.set(run.target, target);
    const reason = target.refuse(run);
    if (reason === null) accepted.push(run);
    else if (options.dropRefused) dropped.add(`${run.target} runs: ${reason}`);
    else {
      throw new UserError(`Cannot run ${run.runId}: ${reason}`, { exitCode: EXIT.refused });
    }
  }
  if (accepted.length === 0) {
    throw new UserError(`Nothing can run here: ${[...dropped].join("; ")}`, {
      exitCode: EXIT.refused,
    });
  }
  return { runs: accepted, targets, dropped: [...dropped] };
}

/**
 * Runs the plan.
 *
 * @throws {Error} when a run fails; records of runs before it were handed over.
 */
export async function runPlan(options: RunOptions): Promise<void> {
  const { runs, targets } = options.ready;
  const kinds = [...new Set(runs.map((run) => run.target))];
  const descriptions = new Map<TargetKind, TargetDescription>();
  for (const kind of kinds) descriptions.set(kind, await targets.get(kind)!.describe());
  const keeper = new OrderedKeeper(runs.length, options.onRecord);
  const failure = new AbortController();
  const signal = AbortSignal.any([options.signal, failure.signal]);
  const work: Work = { options, runs, descriptions, keeper, signal };
  const errors: Error[] = [];
  const fail = (error: unknown): void => {
    errors.push(error instanceof Error ? error : new Error(messageOf(error)));
    failure.abort();
  };
  try {
    // Live runs come last and alone: they share the machine with nothing.
    for (const kind of kinds.filter(isVirtual).concat(kinds.filter((kind) => !isVirtual(kind)))) {
      const indices = runs.flatMap((run, index) => run.target === kind ? [index] : []);
      await inLanes(work, indices, lanesFor(options, kind, indices.length), fail);
    }
  } finally {
    await keeper.keepRest();
  }
  if (errors[0] !== undefined) throw errors[0];
}

interface Work {
  readonly options: RunOptions;
  readonly runs: readonly PlannedRun[];
  readonly descriptions: ReadonlyMap<TargetKind, TargetDescription>;
  readonly keeper: OrderedKeeper<RunRecord>;
  readonly signal: AbortSignal;
}

function lanesFor(options: RunOptions, kind: TargetKind, runCount: number): Lane[] {
  const count = isVirtual(kind) ? Math.min(options.workerCount, runCount) : 1;
  if (count === 1) return [new LocalLane(options.ready.targets.get(kind)!)];
  return Array.from({ length: count }, () => new WorkerLane());
}

/** Gives the next run to whichever lane is free, until none is left or the signal aborts. */
async function inLanes(
  work: Work,
  indices: readonly number[],
  lanes: readonly Lane[],
  fail: (error: unknown) => void,
): Promise<void> {
  const queue = indices.values();
  const drain = async (lane: Lane): Promise<void> => {
    for (const index of queue) {
      if (work.signal.aborted) return;
      await oneRun(work, index, lane);
    }
  };
  try {
    await Promise.all(lanes.map((lane) => drain(lane).catch(fail)));
  } finally {
    for (const lane of lanes) lane.close();
  }
}

async function oneRun(work: Work, index: number, lane: Lane): Promise<void> {
  const { options, keeper, signal } = work;
  const run = work.runs[index]!;
  const description = work.descriptions.get(run.target)!;
  const startedAt = description.hasClock ? options.now().toISOString() : null;
  let result: RunResult;
  try {
    result = await lane.execute(run, signal, (part) => options.observer.onFraction(run, part));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new Error(`Run ${run.runId} failed: ${messageOf(error)}`, { cause: error });
  }
  options.observer.onDone(run);
  if (result.observation !== null) await options.onObservation?.(run, result.observation);
  // A run that was cut before its measured interval began has nothing to keep.
  const isEmpty = !result.isComplete && result.measurement.duration_ns === 0;
  await keeper.put(index, isEmpty ? null : await toRecord(run, description, result, startedAt));
}

async function toRecord(
  run: PlannedRun,
  description: TargetDescription,
  result: RunResult,
  startedAt: string | null,
): Promise<RunRecord> {
  return {
    schema: RECORD_SCHEMA,
    run_id: run.runId,
    workload: run.workload.name,
    workload_sha256: await specSha256(run),
    workload_title: run.workload.title,
    machine: run.target === "live" ? null : run.machine.name,
    policy: run.policy,
    mechanism: run.mechanism,
    target: run.target,
    seed: run.seed,
    generator: description.generator,
    wasm: description.wasm,
    lab_version: LAB_VERSION,
    environment: description.environment,
    started_at: startedAt,
    status: result.isComplete ? "complete" : "partial",
    measurement: run.target === "model" ? withRemarks(run, result.measurement) : result.measurement,
  };
}

/** The measurement with remarks that follow from the plan and the numbers alone. */
function withRemarks(run: PlannedRun, measurement: Measurement): Measurement {
  const remarks = [
    ...measurement.remarks,
    ...starvedRemarks(run.policy, measurement),
    ...edgeRemarks(run.workload, measurement.groups),
  ];
  return { ...measurement, remarks };
}
