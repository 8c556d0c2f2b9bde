/**
 * Proves that the gate can go red: plants faults into copies of the records and judges them
 * against the unchanged ones. A gate that has never been seen red proves nothing when green.
 *
 * @module
 */

import type { GroupMeasurement, LatencySummary, RunRecord } from "../../harness/record.ts";
import { formatBaseline, makeBaseline, parseBaseline } from "./baseline.ts";
import { GateInputError } from "./input_error.ts";
import { cellName, type GateOptions, judge } from "./judge.ts";

/** The slow-down that must be seen. */
export const PLANTED_SLOWDOWN = 1.1;

/** One planted fault and what the gate made of it. */
export interface SelfTestCase {
  readonly name: string;
  readonly expected: string;
  readonly actual: string;
}

/** A copy of a record whose latency grew and whose throughput fell by a factor. */
export function plantSlowdown(record: RunRecord, factor: number): RunRecord {
  const groups = record.measurement.groups.map((group) => slowGroup(group, factor));
  return { ...record, measurement: { ...record.measurement, groups } };
}

function slowGroup(group: GroupMeasurement, factor: number): GroupMeasurement {
  const { value, unit } = group.throughput;
  return {
    ...group,
    throughput: { value: value / factor, unit },
    latency_ns: group.latency_ns === null ? null : slowLatency(group.latency_ns, factor),
  };
}

function slowLatency(latency: LatencySummary, factor: number): LatencySummary {
  const { min, mean, p50, p90, p99, p99_9, max } = latency;
  const values = { min, mean, p50, p90, p99, p99_9, max };
  const slow = Object.entries(values).map(([name, value]) => [name, value * factor] as const);
  return { ...latency, ...Object.fromEntries(slow) };
}

/**
 * Runs every case.
 *
 * @param records Complete, deterministic (not live) runs of at least one cell.
 * @throws GateInputError where there is no such run.
 */
export function selfTest(records: readonly RunRecord[], options: GateOptions): SelfTestCase[] {
  const runs = records.filter((each) => each.target !== "live" && each.status === "complete");
  const baseline = makeBaseline(runs);
  const victim = cellName(runs[0]!);
  const inVictim = (record: RunRecord): boolean => cellName(record) === victim;
  const outcomeOf = (changed: readonly RunRecord[]): string =>
    judge(changed, baseline, options).outcome;
  const slowed = (factor: number): RunRecord[] =>
    runs.map((record) => inVictim(record) ? plantSlowdown(record, factor) : record);
  const trio = ([1, 2, 3] as const).map((seed) => ({
    ...runs[0]!,
    seed,
    run_id: `${victim}/${seed}`,
  }));
  const trioBaseline = makeBaseline(trio);
  const outcomeOfSeeds = (factors: readonly [number, number, number]): string => {
    const planted = trio.map((record, index) => plantSlowdown(record, factors[index]!));
    return judge(planted, trioBaseline, options).outcome;
  };
  const stopped = runs.map((record) =>
    inVictim(record) ? { ...record, status: "partial" as const } : record
  );
  return [
    { name: "the same records again", expected: "pass", actual: outcomeOf(runs) },
    {
      name: `+10 % planted in ${victim}`,
      expected: "regression",
      actual: outcomeOf(slowed(PLANTED_SLOWDOWN)),
    },
    {
      name: `-10 % planted in ${victim}`,
      expected: "pass",
      actual: outcomeOf(slowed(1 / PLANTED_SLOWDOWN)),
    },
    {
      name: "ten times slower in one of three seeds",
      expected: "regression",
      actual: outcomeOfSeeds([1, 10, 1]),
    },
    {
      name: "three seeds that contradict each other (x1.5, x1, x0.6)",
      expected: "incomparable",
      actual: outcomeOfSeeds([1.5, 1, 0.6]),
    },
    {
      name: `a run of ${victim} removed`,
      expected: "regression",
      actual: outcomeOf(runs.slice(1)),
    },
    {
      name: `${victim} ended early`,
      expected: "incomparable",
      actual: outcomeOf(stopped),
    },
    {
      name: "a baseline cut in half",
      expected: "refused",
      actual: refusal(() => {
        const text = formatBaseline(baseline);
        parseBaseline(text.slice(0, text.length >> 1), "self-test");
      }),
    },
  ];
}

function refusal(read: () => void): string {
  try {
    read();
    return "accepted";
  } catch (error) {
    if (error instanceof GateInputError) return "refused";
    throw error;
  }
}
