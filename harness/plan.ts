/**
 * Expands workloads x policies x targets x seeds into runs, in the order in which they are kept.
 * Pure: reads no file, starts nothing.
 *
 * Order: virtual targets before live ones (a live run needs the machine to itself), then seed by
 * seed, within a seed workload by workload, within a workload policy by policy. Whoever ends a
 * bench early keeps whole comparisons, and drift of a live host hits all policies alike.
 *
 * @module
 */

import { UserError } from "./errors.ts";
import { DEVICE_POLICIES, type DevicePolicy, SERIES_SLICES, type TargetKind } from "./record.ts";
import type { WorkloadOnMachine } from "./spec.ts";
import type { PlannedRun } from "./target.ts";

/** Seeds of the default matrix on virtual targets. */
export const SEED_COUNT_DEFAULT = 3;

/** What a person asked for; undefined where the default matrix decides. */
export interface PlanRequest {
  readonly workloads: readonly WorkloadOnMachine[];
  readonly policies?: readonly DevicePolicy[] | undefined;
  readonly targets?: readonly TargetKind[] | undefined;
  /** Seeds on every target. Default: three on virtual targets, one on a live one. */
  readonly seedCount?: number | undefined;
  /** 32-bit unsigned; the seeds are this one and those that follow. */
  readonly seedFirst?: number | undefined;
  /** Which seeds of the model keep a series. Default: the first. */
  readonly series?: SeriesChoice | undefined;
}

/** Seeds that keep the course of a run: the first tells how it goes, the rest how sure that is. */
export const SERIES_CHOICES = ["first", "all", "none"] as const;
/** One of them. */
export type SeriesChoice = typeof SERIES_CHOICES[number];

/** Name of the way in which a device with this policy is steered. */
export function mechanismOf(policy: DevicePolicy): PlannedRun["mechanism"] {
  return policy === "NONE" ? "stock" : "netpolicy";
}

/** true for targets whose time is simulated: repeatable, and safe to run side by side. */
export function isVirtual(target: TargetKind): boolean {
  return target !== "live";
}

/**
 * The runs, in order.
 *
 * @throws {UserError} when two workloads have one name or the request leaves nothing to run.
 */
export function planRuns(request: PlanRequest): PlannedRun[] {
  refuseDoubleNames(request.workloads);
  const targets = request.targets ?? ["model", "live"] as const;
  const ordered = [...targets.filter(isVirtual), ...targets.filter((kind) => !isVirtual(kind))];
  const runs = ordered.flatMap((target) => runsOn(target, request));
  if (runs.length === 0) throw nothingToRun(request);
  return runs;
}

function runsOn(target: TargetKind, request: PlanRequest): PlannedRun[] {
  const isAsked = request.targets !== undefined;
  // Without --target a workload file says where it belongs, and loopback has no queues to steer.
  const workloads = isAsked || target === "mock"
    ? request.workloads
    : request.workloads.filter(({ workload }) => workload.targets.includes(target));
  let policies = request.policies ?? (target === "live" ? ["NONE"] as const : DEVICE_POLICIES);
  if (target === "live" && !isAsked) policies = policies.filter((policy) => policy === "NONE");
  const seedCount = request.seedCount ?? (target === "live" ? 1 : SEED_COUNT_DEFAULT);
  const seedFirst = request.seedFirst ?? 1;
  const runs: PlannedRun[] = [];
  for (let offset = 0; offset < seedCount; offset++) {
    for (const pair of workloads) {
      for (const policy of policies) {
        const hasSeries = target === "model" &&
          (request.series === "all" || (request.series !== "none" && offset === 0));
        const run = plannedRun(target, pair, policy, seedFirst + offset);
        runs.push(hasSeries ? { ...run, slices: SERIES_SLICES } : run);
      }
    }
  }
  return runs;
}

function plannedRun(
  target: TargetKind,
  { workload, machine }: WorkloadOnMachine,
  policy: DevicePolicy,
  seed: number,
): PlannedRun {
  const mechanism = mechanismOf(policy);
  const duration = target === "live" ? workload.duration.live : workload.duration.model;
  return {
    runId: [workload.name, target, mechanism, policy, seed].join("/"),
    workload,
    machine,
    policy,
    mechanism,
    target,
    seed,
    warmupMs: duration.warmup_ms,
    measureMs: duration.measure_ms,
  };
}

function refuseDoubleNames(workloads: readonly WorkloadOnMachine[]): void {
  const names = workloads.map(({ workload }) => workload.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new UserError(`Two workloads are named "${twice}": rename one of the files`);
  }
}

function nothingToRun(request: PlanRequest): UserError {
  const names = request.workloads.map(({ workload }) => `"${workload.name}"`).join(", ");
  const policies = request.policies?.join(", ") ?? "the default policies";
  return new UserError(
    `Nothing to run: ${names} with ${policies} has no run on its default targets; ` +
      "name one with --target model, live or mock",
  );
}
