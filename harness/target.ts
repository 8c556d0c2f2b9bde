/**
 * The one interface behind which a run happens: the i40e model, live sockets, or the mock.
 *
 * `run.ts` is the only caller. It calls, in this order, `refuse`, `prepare`, `start`, `collect`,
 * `stop` and `undo`; `stop` and `undo` are called also after a failure or Ctrl-C.
 *
 * @module
 */

import type { ProfileSamples } from "./machine/profile.ts";
import type { TraceData } from "./machine/trace.ts";
import type { DevicePolicy, Measurement, RunRecord, TargetKind } from "./record.ts";
import type { MachineSpec, WorkloadSpec } from "./spec.ts";

/** What to note of a run beside its measurement; it never changes the run. */
export interface Watch {
  /** Trace the measured interval, up to so many entries. */
  readonly traceLimit?: number;
  /** Time single events, to tell where the time goes. */
  readonly profile?: true;
}

/** What was noted: nothing of it is part of a record. */
export interface Observation {
  readonly trace: TraceData | null;
  readonly profile: ProfileSamples | null;
}

/** One cell of the matrix, ready to run. */
export interface PlannedRun {
  readonly runId: string;
  readonly workload: WorkloadSpec;
  readonly machine: MachineSpec;
  readonly policy: DevicePolicy;
  readonly mechanism: RunRecord["mechanism"];
  readonly target: TargetKind;
  /** 32-bit unsigned. */
  readonly seed: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** Slices of the run's series; only the model heeds it. */
  readonly slices?: number;
  /** Only virtual targets heed it. */
  readonly watch?: Watch;
}

/** What a target says of itself; goes into every record. */
export interface TargetDescription {
  readonly generator: string;
  readonly wasm: RunRecord["wasm"];
  readonly environment: RunRecord["environment"];
  /** false on targets with virtual time: their records carry no clock. */
  readonly hasClock: boolean;
}

/** A place where runs happen. */
export interface Target {
  readonly kind: TargetKind;
  /** Facts about the target, the same for all its runs. */
  describe(): Promise<TargetDescription>;
  /** A sentence why this run cannot be done here (exit code 4), or null. */
  refuse(run: PlannedRun): string | null;
  /** Everything before traffic: sockets, instances, policies. */
  prepare(run: PlannedRun): Promise<void>;
  /** Warm-up and measured interval. Resolves early, without error, when the signal aborts. */
  start(signal: AbortSignal, onProgress: (fraction: number) => void): Promise<void>;
  /** What was measured; after an abort, what there is, with a remark. */
  collect(): Promise<Measurement>;
  /** What was noted of the run besides; absent on targets that heed no `watch`. */
  observed?(): Observation | null;
  /** Ends traffic and frees what `prepare` took. Never throws after a failed `start`. */
  stop(): Promise<void>;
  /** Puts back whatever `prepare` changed outside the process. */
  undo(): Promise<void>;
}
