/**
 * Which parameters of the machine move the headline figures most: each is varied by a tenth up and
 * down (a switch is turned over) and the figures of the built-in rr, stream and mix are measured
 * again with the same seeds. Says also how far chance moves a figure.
 *
 * @module
 */

import { resolve } from "node:path";
import { mechanismOf } from "../plan.ts";
import type { DevicePolicy, GroupMeasurement, Measurement } from "../record.ts";
import { readSchema, readWorkload, type WorkloadOnMachine, WORKLOADS_FOLDER } from "../spec.ts";
import { mean, median, standardDeviation } from "../stats/quantile.ts";
import type { PlannedRun } from "../target.ts";
import { type CaseRunOptions, measureRuns } from "./runs.ts";

const WORKLOADS = ["rr", "stream", "mix"] as const;
const POLICIES: readonly DevicePolicy[] = ["NONE", "LATENCY"];
/** Long enough that a tenth shows above chance, short enough for 3000 runs in two minutes. */
const WARMUP_MS = 5;
const MEASURE_MS = 15;
/** Each variation is compared seed by seed with the base, so that what a seed does cancels. */
const SEEDS = [1, 2, 3, 4];
/** Standard errors that chance alone exceeds once in some hundred times. */
const NOISE_ERRORS = 3;
/** Counts below this are varied by one. */
const SMALL = 10;

/** One parameter at another value. */
export interface Variation {
  readonly parameter: string;
  readonly base: number;
  readonly value: number;
}

/** Runs of the base and of each variation. */
export interface SensitivityPlan {
  readonly runs: readonly PlannedRun[];
  readonly variations: ReadonlyMap<string, Variation>;
  /** Parameters that are 0: a tenth of nothing is nothing. */
  readonly skipped: readonly string[];
}

/** What a parameter does to a figure. */
export interface Effect {
  readonly parameter: string;
  /** Relative change of the figure over that of the parameter; null for a switch. */
  readonly elasticity: number | null;
  /** Largest change of the figure, per cent of its base. */
  readonly change_percent: number;
}

/** A figure and what moves it, the strongest first. */
export interface FigureSensitivity {
  readonly workload: string;
  readonly policy: DevicePolicy;
  readonly group: string;
  readonly figure: "throughput" | "latency_p50" | "latency_p99";
  readonly base: number;
  readonly unit: string;
  /** Changes up to this may be chance, per cent. */
  readonly noise_percent: number;
  readonly effects: readonly Effect[];
}

/** The whole answer. */
export interface Sensitivity {
  readonly machine: string;
  readonly runs: number;
  readonly figures: readonly FigureSensitivity[];
  readonly skipped: readonly string[];
}

/** Other values of a parameter: a tenth either way, a step of one for small counts. */
export function variationsOf(
  parameter: string,
  base: number,
  limits: { readonly minimum: number; readonly maximum: number },
): Variation[] {
  const isSwitch = limits.minimum === 0 && limits.maximum === 1;
  const isTime = parameter.endsWith("_ns") || parameter.endsWith("_bytes");
  if (base === 0 && !isSwitch && limits.maximum > SMALL) return [];
  const step = isSwitch || (base < SMALL && !isTime) ? 1 : Math.max(1, Math.round(base / 10));
  return [base - step, base + step]
    .filter((value) => value >= limits.minimum && value <= limits.maximum && value !== base)
    .map((value) => ({ parameter, base, value }));
}

/** The runs: base first, then parameter by parameter. */
export async function sensitivityRuns(): Promise<SensitivityPlan> {
  const schema = await readSchema(resolve(WORKLOADS_FOLDER, "machines", "schema.json"));
  const limits = schema["properties"].costs.properties as Record<
    string,
    { minimum: number; maximum: number }
  >;
  const pairs = [];
  for (const name of WORKLOADS) pairs.push(await readWorkload(name, { cwd: "." }));
  const runs = pairs.flatMap((pair) => runsOf(pair, null));
  const variations = new Map<string, Variation>();
  const skipped: string[] = [];
  for (const [parameter, base] of Object.entries(pairs[0]!.machine.costs)) {
    const found = variationsOf(parameter, base, limits[parameter]!);
    if (found.length === 0) skipped.push(parameter);
    for (const variation of found) {
      variations.set(nameOf(variation), variation);
      runs.push(...pairs.flatMap((pair) => runsOf(pair, variation)));
    }
  }
  return { runs, variations, skipped };
}

const BASE = "base";

function nameOf(variation: Variation | null): string {
  return variation === null ? BASE : `${variation.parameter}=${variation.value}`;
}

function runsOf(
  { workload, machine }: WorkloadOnMachine,
  variation: Variation | null,
): PlannedRun[] {
  const change = variation === null ? {} : { [variation.parameter]: variation.value };
  return POLICIES.flatMap((policy) =>
    SEEDS.map((seed) => ({
      runId: [workload.name, policy, nameOf(variation), seed].join("/"),
      workload,
      machine: { ...machine, costs: { ...machine.costs, ...change } },
      policy,
      mechanism: mechanismOf(policy),
      target: "model" as const,
      seed,
      warmupMs: WARMUP_MS,
      measureMs: MEASURE_MS,
    }))
  );
}

/** Runs the plan and ranks the parameters. */
export async function measureSensitivity(
  plan: SensitivityPlan,
  options: CaseRunOptions,
): Promise<Sensitivity> {
  const measured = new Map<string, Measurement>();
  await measureRuns(plan.runs, options, (record) => {
    measured.set(record.run_id, record.measurement);
  });
  const complete = plan.runs.every(({ runId }) => measured.has(runId));
  return {
    machine: plan.runs[0]!.machine.name,
    runs: measured.size,
    figures: complete ? figuresOf(plan, measured) : [],
    skipped: plan.skipped,
  };
}

const FIGURES = [
  ["throughput", (group: GroupMeasurement) => group.throughput.value],
  ["latency_p50", (group: GroupMeasurement) => group.latency_ns?.p50 ?? null],
  ["latency_p99", (group: GroupMeasurement) => group.latency_ns?.p99 ?? null],
] as const;

function figuresOf(
  plan: SensitivityPlan,
  measured: ReadonlyMap<string, Measurement>,
): FigureSensitivity[] {
  const figures: FigureSensitivity[] = [];
  for (const workload of WORKLOADS) {
    for (const policy of POLICIES) {
      const at = (name: string, seed: number) =>
        measured.get([workload, policy, name, seed].join("/"))!;
      at(BASE, 1).groups.forEach((group, place) => {
        for (const [figure, of] of FIGURES) {
          if (of(group) === null) continue;
          const valueAt = (name: string) => (seed: number) => of(at(name, seed).groups[place]!)!;
          const unit = figure === "throughput" ? group.throughput.unit : "ns";
          const found = effectsOn(plan, valueAt);
          figures.push({ workload, policy, group: group.name, figure, unit, ...found });
        }
      });
    }
  }
  return figures;
}

/** Ranks the parameters by what they do to one figure. */
export function effectsOn(
  plan: Pick<SensitivityPlan, "variations">,
  valueAt: (name: string) => (seed: number) => number,
): Pick<FigureSensitivity, "base" | "noise_percent" | "effects"> {
  const bases = SEEDS.map(valueAt(BASE));
  const changes = new Map<string, { variation: Variation; relative: number }[]>();
  const errors: number[] = [];
  for (const [name, variation] of plan.variations) {
    const changed = SEEDS.map(valueAt(name));
    const relatives = changed.map((value, index) => value / bases[index]! - 1);
    errors.push(standardDeviation(relatives) / Math.sqrt(SEEDS.length));
    const list = changes.get(variation.parameter) ?? [];
    changes.set(variation.parameter, [...list, { variation, relative: mean(relatives) }]);
  }
  const effects = [...changes].map(([parameter, list]) => effectOf(parameter, list));
  effects.sort((left, right) => Math.abs(right.change_percent) - Math.abs(left.change_percent));
  // Four seeds say little of one variation's error; all that move anything say what is usual.
  const moved = errors.filter((error) => error > 0);
  const usual = moved.length === 0 ? 0 : median(moved);
  return { base: mean(bases), noise_percent: 100 * NOISE_ERRORS * usual, effects };
}

function effectOf(
  parameter: string,
  list: readonly { variation: Variation; relative: number }[],
): Effect {
  const most = [...list].sort((left, right) => Math.abs(right.relative) - Math.abs(left.relative));
  const change_percent = 100 * most[0]!.relative;
  const [low, high] = list;
  if (low === undefined || high === undefined || low.variation.base < SMALL) {
    return { parameter, elasticity: null, change_percent };
  }
  const { base } = low.variation;
  const input = (high.variation.value - low.variation.value) / base;
  return { parameter, elasticity: (high.relative - low.relative) / input, change_percent };
}
