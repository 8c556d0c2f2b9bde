/**
 * A measured comparison from its first run to its verdict: warm up, measure the noise of the base
 * against itself, then pairs in mixed order, looks, and a confirmation before red. Who measures is
 * the caller; nothing here reads a clock.
 *
 * @module
 */

import { detectableEffect, spentAlpha } from "../../harness/stats/power.ts";
import { median, standardDeviation } from "../../harness/stats/quantile.ts";
import { Random } from "../../harness/stats/random.ts";
import { warmUp } from "../../harness/stats/series.ts";
import type { Direction, Unit } from "../metrics.ts";
import type { OverallOutcome } from "./exit_code.ts";
import { type MeasuredMetric, type MeasuredVerdict, POWER, remarksOf } from "./measured.ts";
import { confirm, lookAt, type LookPlan } from "./sequential.ts";

/** One value of one run. */
export interface Sample {
  /** Unique within a run. */
  readonly id: string;
  readonly unit: Unit;
  readonly direction: Direction;
  readonly value: number;
}

/** How to compare. */
export interface InterleaveOptions {
  readonly plan: LookPlan;
  /** Smallest change that matters, as a share. */
  readonly minimumEffect: number;
  /** Seed of the order of runs. */
  readonly seed: number;
  /** Told what happens, a sentence at a time. */
  readonly note: (text: string) => void;
}

/** A side of the pair. */
export type SideName = "base" | "candidate";

/** The answer. */
export interface MeasuredComparison {
  /** "refused": the noise hides the effect that was asked for, so nothing was compared. */
  readonly outcome: OverallOutcome;
  readonly verdicts: readonly MeasuredVerdict[];
  readonly units: Readonly<Record<string, Unit>>;
  /** Pairs that the verdicts stand on, without those of the confirmation. */
  readonly pairs: number;
  /** Runs of the base left out as warm-up. */
  readonly warmUpRuns: number;
  /** By metric: smallest change that the plan sees in this noise with chance POWER, as a share. */
  readonly noiseFloor: Readonly<Record<string, number>>;
  /** Metrics that the base has and the candidate lacks. */
  readonly lost: readonly string[];
  /** Sentences: why it was refused, or what else a reader must know. */
  readonly notes: readonly string[];
}

type Run = readonly Sample[];

/** Runs of the base after which it must have settled. */
const WARM_UP_RUNS_MAX = 30;
/** Runs added at a time until it has; also what the noise is estimated from, at least in half. */
const WARM_UP_RUNS = 10;

/**
 * Compares.
 *
 * @param measure Runs a side once; the first metric of a run tells whether it has warmed up.
 */
export async function interleave(
  measure: (side: SideName) => Promise<Run>,
  options: InterleaveOptions,
): Promise<MeasuredComparison> {
  const { plan, minimumEffect, seed, note } = options;
  const settled = await settle(measure, note);
  const units = Object.fromEntries(metricsIn(settled.runs).map(({ id, unit }) => [id, unit]));
  const nothing = { verdicts: [], units, pairs: 0, warmUpRuns: settled.length, lost: [] };
  if (!settled.isStable) {
    const why = metricsIn(settled.runs).length === 0
      ? `no run of the base of ${WARM_UP_RUNS_MAX} gives a value`
      : `the base does not settle within ${WARM_UP_RUNS_MAX} runs: something else runs, ` +
        "or each run changes what the next one finds";
    return { outcome: "refused", ...nothing, noiseFloor: {}, notes: [why] };
  }
  const noiseFloor = floorOf(settled.runs, plan);
  const loud = Object.entries(noiseFloor).filter(([, floor]) => floor > minimumEffect);
  if (loud.length > 0) {
    const notes = loud.map(([id, floor]) =>
      `${id}: the base against itself hides changes below ${percent(floor)}; asked for are ` +
      percent(minimumEffect)
    );
    return { outcome: "refused", ...nothing, noiseFloor, notes };
  }
  note(`settled after ${settled.length} runs; noise is below ${percent(minimumEffect)}`);
  // The other side is as cold as the base was.
  for (let run = 0; run <= settled.length; run++) await measure("candidate");
  const pairs = new Pairs(measure, new Random(seed), options);
  const verdicts = await judgeInLooks(pairs, options);
  const lost = pairs.only("base");
  const missing = lost.map((id) => `MISSING: the base has ${id}, the candidate lacks it`);
  const gained = pairs.only("candidate").map((id) => `not judged: only the candidate has ${id}`);
  return {
    outcome: lost.length > 0 ? "regression" : overall(verdicts, pairs.metrics()),
    ...nothing,
    verdicts,
    pairs: pairs.count,
    noiseFloor,
    lost,
    notes: [...missing, ...gained],
  };
}

/** Adds pairs until the verdicts stand, and confirms those that are red. */
async function judgeInLooks(
  pairs: Pairs,
  { plan, note }: InterleaveOptions,
): Promise<MeasuredVerdict[]> {
  for (let look = 0;; look++) {
    await pairs.add(plan.pairsPerLook);
    const { verdicts, next } = lookAt(pairs.metrics(), look, plan);
    if (next === "more") {
      note(`${pairs.count} pairs leave it open; ${plan.pairsPerLook} more`);
      continue;
    }
    let final: readonly MeasuredVerdict[] = verdicts;
    if (next === "confirm") {
      note(`a regression after ${pairs.count} pairs; ${plan.pairsPerLook} more to confirm it`);
      final = confirm(verdicts, await pairs.anew(plan.pairsPerLook));
    }
    const metrics = pairs.metrics();
    return final.map((each, at) => {
      const gaps = pairs.gaps(each.id);
      const remarks = [...each.remarks, ...gaps, ...remarksOf(metrics[at]!)];
      return { ...each, outcome: gaps.length > 0 ? withGaps(each.outcome) : each.outcome, remarks };
    });
  }
}

/** Runs without a value may be the bad ones, so what the others say is good proves nothing. */
function withGaps(outcome: MeasuredVerdict["outcome"]): MeasuredVerdict["outcome"] {
  return ["identical", "equivalent", "improved"].includes(outcome) ? "inconclusive" : outcome;
}

/** A sample of each metric that any of the runs has, in the order of their first. */
function metricsIn(runs: readonly Run[]): Sample[] {
  return [...new Map(runs.flat().reverse().map((each) => [each.id, each])).values()].reverse();
}

/** 2.5 %, with one digit below 10. */
function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** Runs the base until its first metric has settled; the runs after that. */
async function settle(
  measure: (side: SideName) => Promise<Run>,
  note: (text: string) => void,
): Promise<{ runs: Run[]; length: number; isStable: boolean }> {
  const runs: Run[] = [];
  for (;;) {
    for (let run = 0; run < WARM_UP_RUNS; run++) runs.push(await measure("base"));
    const [first] = metricsIn(runs);
    const { length, isStable } = warmUp(first === undefined ? [] : valuesOf(runs, first.id), 1);
    if (isStable || runs.length >= WARM_UP_RUNS_MAX) {
      return { runs: runs.slice(length), length, isStable };
    }
    note(`not settled after ${runs.length} runs; ${WARM_UP_RUNS} more`);
  }
}

/** Smallest change of each metric that the whole plan sees in the noise of these runs. */
function floorOf(runs: readonly Run[], plan: LookPlan): Record<string, number> {
  const alpha = spentAlpha(plan.alpha, plan.looks).at(-1)!;
  const effect = detectableEffect({ count: plan.pairsPerLook * plan.looks, alpha }, POWER);
  return Object.fromEntries(
    metricsIn(runs).filter(({ direction }) => direction !== "neutral").map(({ id }) => {
      const values = valuesOf(runs, id);
      const isPositive = values.every((value) => value > 0);
      const scale = median(values);
      if (values.length < 2 || (!isPositive && scale <= 0)) return [id, 0];
      const scaled = values.map((value) => isPositive ? Math.log(value) : value / scale);
      const shift = effect * standardDeviation(scaled);
      return [id, isPositive ? Math.exp(shift) - 1 : shift];
    }),
  );
}

function valuesOf(runs: readonly Run[], id: string): number[] {
  return runs.flatMap((run) => run.filter((sample) => sample.id === id).map(({ value }) => value));
}

/** Pairs measured so far. */
class Pairs {
  readonly #runs: Record<SideName, Run[]> = { base: [], candidate: [] };
  readonly #measure: (side: SideName) => Promise<Run>;
  readonly #random: Random;
  readonly #options: InterleaveOptions;

  constructor(
    measure: (side: SideName) => Promise<Run>,
    random: Random,
    options: InterleaveOptions,
  ) {
    this.#measure = measure;
    this.#random = random;
    this.#options = options;
  }

  get count(): number {
    return this.#runs.base.length;
  }

  /**
   * Measures pairs, two at a time as ABBA or BAAB by chance: a drift that is linear over four runs
   * cancels, and no rhythm of the host can follow the order.
   */
  async add(count: number): Promise<void> {
    let isBaseFirst = true;
    for (let pair = 0; pair < count; pair++) {
      isBaseFirst = pair % 2 === 0 ? this.#random.below(2) === 0 : !isBaseFirst;
      const order = isBaseFirst ? ["base", "candidate"] as const : ["candidate", "base"] as const;
      for (const side of order) this.#runs[side].push(await this.#measure(side));
    }
  }

  /** The metrics of pairs that were not seen before. */
  async anew(count: number): Promise<MeasuredMetric[]> {
    const other = new Pairs(this.#measure, this.#random, this.#options);
    await other.add(count);
    return other.metrics();
  }

  /** Metrics that both sides have. */
  metrics(): MeasuredMetric[] {
    const { base, candidate } = this.#runs;
    return metricsIn(base).flatMap(({ id, direction }) => {
      const values = { base: valuesOf(base, id), candidate: valuesOf(candidate, id) };
      if (values.candidate.length < 2 || values.base.length < 2) return [];
      return [{ id, direction, minimumEffect: this.#options.minimumEffect, ...values }];
    });
  }

  /** Ids that one side has and the other lacks. */
  only(side: SideName): string[] {
    const known = new Set(this.metrics().map(({ id }) => id));
    return metricsIn(this.#runs[side]).map(({ id }) => id).filter((id) => !known.has(id));
  }

  /** In how many runs of a side a metric has no value, in words. */
  gaps(id: string): string[] {
    return (["base", "candidate"] as const).flatMap((side) => {
      const all = this.#runs[side].length;
      const missing = all - valuesOf(this.#runs[side], id).length;
      return missing === 0 ? [] : [`no value in ${missing} of ${all} runs of the ${side}`];
    });
  }
}

function overall(
  verdicts: readonly MeasuredVerdict[],
  metrics: readonly MeasuredMetric[],
): MeasuredComparison["outcome"] {
  if (verdicts.some((verdict) => verdict.outcome === "regression")) return "regression";
  const isOpen = verdicts.some(({ outcome }, at) =>
    outcome === "inconclusive" && metrics[at]!.direction !== "neutral"
  );
  // Nothing compared is nothing proved.
  if (verdicts.length === 0) return "incomparable";
  return isOpen ? "inconclusive" : "pass";
}
