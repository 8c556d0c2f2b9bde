/**
 * Runs validation cases on the model, in as many lanes as wanted; results do not depend on how
 * many. A case whose other end is a host like its own is run again with the turnaround that its
 * own host showed, until the two agree.
 *
 * @module
 */

import { mechanismOf } from "../plan.ts";
import type { GroupMeasurement, Measurement, RunRecord } from "../record.ts";
import { readyTargets, type RunObserver, runPlan } from "../run.ts";
import type { MachineSpec, WorkloadGroup } from "../spec.ts";
import type { PlannedRun } from "../target.ts";
import type { ValidationCase } from "./case.ts";
import type { Measured } from "./judge.ts";

/** How to run. */
export interface CaseRunOptions {
  readonly workerCount: number;
  readonly signal: AbortSignal;
  readonly observer: RunObserver;
}

/** Later rounds are not counted: how many there are is not known before. */
const UNSEEN: RunObserver = { onFraction() {}, onDone() {} };
/** Rounds of a case with two equal hosts, at most, and when they agree. */
const ROUNDS_MAX = 5;
const AGREEMENT = 0.01;

/** The runs of a case, one a seed. */
export function plannedRuns(subject: ValidationCase, turnaroundNs: number | null): PlannedRun[] {
  const { machine, groups, duration, policy } = subject;
  if (groups === null) return [];
  const peer_turnaround_ns = turnaroundNs ?? firstTurnaroundNs(subject);
  const costs = { ...machine.costs, peer_turnaround_ns };
  return Array.from({ length: subject.seeds }, (_, index) => ({
    runId: `${subject.name}/model/${mechanismOf(policy)}/${policy}/${index + 1}`,
    workload: {
      name: subject.name,
      title: subject.title,
      description: "",
      machine: machine.name,
      duration: { model: duration, live: duration },
      targets: ["model" as const],
      in_default_matrix: false,
      groups,
    },
    machine: { ...machine, costs },
    policy,
    mechanism: mechanismOf(policy),
    target: "model" as const,
    seed: index + 1,
    warmupMs: duration.warmup_ms,
    measureMs: duration.measure_ms,
  }));
}

/** Exit latencies by the deepest idle state allowed. */
const EXIT_COSTS = ["", "c1_exit_ns", "c1e_exit_ns", "c6_exit_ns"] as const;

/**
 * What the other end takes in the first round: a host that has rested leaves its deepest state. It
 * matters where two states of affairs feed themselves: who waits long sleeps deeply.
 */
function firstTurnaroundNs({ machine, peer }: ValidationCase): number {
  const { costs } = machine;
  const own = costs["peer_turnaround_ns"]!;
  if (peer !== "same") return own;
  const deepest = EXIT_COSTS[costs["idle_state_limit"]!];
  return own + (costs[deepest ?? "c6_exit_ns"] ?? 0);
}

/**
 * Runs cases; the measurements of each, null for those without a workload.
 *
 * @throws {Error} when a run fails.
 */
export async function runCases(
  cases: readonly ValidationCase[],
  options: CaseRunOptions,
): Promise<Measured> {
  const measured = new Map<string, readonly Measurement[] | null>(
    cases.map(({ name }) => [name, null]),
  );
  const turnarounds = new Map<string, number>();
  let open = cases.filter(({ groups }) => groups !== null);
  for (let round = 1; open.length > 0 && round <= ROUNDS_MAX; round++) {
    const observer = round === 1 ? options.observer : UNSEEN;
    const found = await runRound(open, turnarounds, { ...options, observer });
    if (options.signal.aborted) break;
    for (const [name, measurements] of found) measured.set(name, measurements);
    open = open.filter((subject) => {
      if (subject.peer !== "same") return false;
      const own = hostTimeNs(subject, found.get(subject.name)!, turnarounds);
      const before = turnarounds.get(subject.name) ?? firstTurnaroundNs(subject);
      turnarounds.set(subject.name, own);
      return Math.abs(own - before) > AGREEMENT * own;
    });
  }
  return measured;
}

async function runRound(
  cases: readonly ValidationCase[],
  turnarounds: ReadonlyMap<string, number>,
  options: CaseRunOptions,
): Promise<Map<string, Measurement[]>> {
  const runs = cases.flatMap((one) => plannedRuns(one, turnarounds.get(one.name) ?? null));
  const found = new Map<string, Measurement[]>(cases.map(({ name }) => [name, []]));
  await measureRuns(runs, options, (record) => {
    found.get(record.workload)!.push(record.measurement);
  });
  return found;
}

/** Does runs of the model for their measurements alone: records are given on, and not kept. */
export async function measureRuns(
  runs: readonly PlannedRun[],
  options: CaseRunOptions,
  onRecord: (record: RunRecord) => void,
): Promise<void> {
  await runPlan({
    ...options,
    ready: await readyTargets(runs, { dropRefused: false }),
    onRecord: (record) => Promise.resolve(onRecord(record)),
    // No run of the model holds a time of day.
    now: () => new Date(0),
  });
}

/** Bytes of a frame's headers, its least size, and what a frame takes on the wire besides. */
const TCP_HEADER_BYTES = 66;
const UDP_HEADER_BYTES = 42;
const FRAME_BYTES_MIN = 60;
const FRAME_OVERHEAD_BYTES = 24;

/** Wire time of one message of at most one frame, and cable, nanoseconds. */
export function wayNs(machine: MachineSpec, group: WorkloadGroup, bytes: number): number {
  const headers = group.test.startsWith("UDP") ? UDP_HEADER_BYTES : TCP_HEADER_BYTES;
  const frame = Math.max(bytes + headers, FRAME_BYTES_MIN) + FRAME_OVERHEAD_BYTES;
  return frame * 8 / machine.nic.speed_gbps + machine.costs["cable_ns"]!;
}

/** What the machine takes from a request on its port to the response on its port. */
function hostTimeNs(
  subject: ValidationCase,
  measurements: readonly Measurement[],
  turnarounds: ReadonlyMap<string, number>,
): number {
  const { machine } = subject;
  const group = subject.groups![0]!;
  const turnaround = turnarounds.get(subject.name) ?? firstTurnaroundNs(subject);
  const means = measurements.map(({ groups }) => meanNs(groups[0]));
  const latency = means.reduce((sum, value) => sum + value, 0) / means.length;
  const ways = wayNs(machine, group, group.request_bytes) +
    wayNs(machine, group, group.response_bytes);
  return Math.max(0, Math.round(latency - turnaround - ways));
}

function meanNs(group: GroupMeasurement | undefined): number {
  if (group?.latency_ns != null) return group.latency_ns.mean;
  throw new Error("A case between two hosts has no transactions to take their time from");
}
