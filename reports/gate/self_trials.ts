/**
 * What the methods of the gate do, measured: thousands of seeded trials with a known truth. Each
 * row says what was promised and what came out, so a method that does not hold somewhere is seen,
 * and not offered there. Judges no records.
 *
 * @module
 */

import { bootstrapInterval } from "../../harness/stats/bootstrap.ts";
import { changePoints } from "../../harness/stats/change_point.ts";
import { normalQuantile, studentQuantile } from "../../harness/stats/distribution.ts";
import { percentileOf } from "../../harness/stats/histogram_percentile.ts";
import { estimateMedian } from "../../harness/stats/interval.ts";
import { meanInterval } from "../../harness/stats/mean_interval.ts";
import { hasSeveralHumps } from "../../harness/stats/modality.ts";
import { ascending, mean } from "../../harness/stats/quantile.ts";
import { Random } from "../../harness/stats/random.ts";
import { hodgesLehmann } from "../../harness/stats/shift.ts";
import type { MeasuredMetric } from "./measured.ts";
import { confirm, DEFAULT_PLAN, lookAt } from "./sequential.ts";

/** One row: a promise and what the trials showed. */
export interface TrialRow {
  readonly name: string;
  readonly trials: number;
  /** Share of the trials. */
  readonly measured: number;
  /** The promise in words. */
  readonly promised: string;
  readonly holds: boolean;
}

/** A shape of noise with a known truth; its scale is about 1. */
interface Shape {
  readonly name: string;
  readonly draw: (random: Random) => number;
  readonly mean: number;
  readonly quantile: (probability: number) => number;
}

/** Normal variate (G. Box, M. Muller, 1958). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
}

/** Share of the lower hump of the bimodal shape, and its place; the upper one is at 2. */
const LOWER_SHARE = 0.3;
const HUMP_DEVIATION = 0.5;

const SHAPES: readonly Shape[] = [
  { name: "normal", draw: normal, mean: 0, quantile: normalQuantile },
  {
    name: "log-normal",
    draw: (random) => Math.exp(normal(random)),
    mean: Math.exp(0.5),
    quantile: (probability) => Math.exp(normalQuantile(probability)),
  },
  {
    name: "bimodal",
    draw: (random) => HUMP_DEVIATION * normal(random) + (random.uniform() < LOWER_SHARE ? -2 : 2),
    mean: 2 * (1 - LOWER_SHARE) - 2 * LOWER_SHARE,
    // Humps 8 deviations apart: above LOWER_SHARE a quantile is one of the upper hump alone.
    quantile: (probability) =>
      2 + HUMP_DEVIATION * normalQuantile((probability - LOWER_SHARE) / (1 - LOWER_SHARE)),
  },
  {
    name: "heavy tails",
    // Student's t with 3 degrees of freedom.
    draw: (random) =>
      normal(random) /
      Math.sqrt((normal(random) ** 2 + normal(random) ** 2 + normal(random) ** 2) / 3),
    mean: 0,
    quantile: (probability) => studentQuantile(probability, 3),
  },
];

const CONFIDENCE = 0.95;
/** Coverage may miss its nominal value by this. */
const COVERAGE_SLACK = 0.02;

/** Where a method is not offered for 30 values: the trials show by how much it misses. */
const NOT_OFFERED: ReadonlySet<string> = new Set([
  "log-normal: mean, Student, n = 30",
  "log-normal: mean, BCa, n = 30",
  "heavy tails: mean, BCa, n = 30",
]);
/** Values that are enough for log-normal ones; for heavy tails Student's holds with 30 already. */
const MANY = 500;

interface Interval {
  readonly low: number;
  readonly high: number;
  /** Nominal coverage, where it differs from CONFIDENCE. */
  readonly nominal?: number | null;
}

function sample(shape: Shape, count: number, random: Random): number[] {
  return Array.from({ length: count }, () => shape.draw(random));
}

/** Share of the intervals that hold the truth. */
function coverageRow(
  name: string,
  truth: number,
  trials: number,
  interval: (random: Random) => Interval,
): TrialRow {
  let covered = 0;
  let nominal = CONFIDENCE;
  const random = new Random(7);
  for (let trial = 0; trial < trials; trial++) {
    const found = interval(random);
    nominal = found.nominal ?? CONFIDENCE;
    if (found.low <= truth && truth <= found.high) covered++;
  }
  const measured = covered / trials;
  const isNear = Math.abs(measured - nominal) <= COVERAGE_SLACK;
  const isOffered = !NOT_OFFERED.has(name);
  const target = `${(100 * nominal).toFixed(1)} % within 2 points`;
  return {
    name,
    trials,
    measured,
    promised: isOffered ? target : `not offered: misses ${target}`,
    holds: isNear === isOffered,
  };
}

/** Intervals of a mean. */
const MEAN_METHODS: Readonly<
  Record<string, (values: readonly number[], random: Random) => Interval>
> = {
  Student: (values) => meanInterval(values, CONFIDENCE),
  BCa: (values, random) =>
    bootstrapInterval([values], ([sample]) => mean(sample!), {
      confidence: CONFIDENCE,
      resamples: 1000,
      seed: random.bits(),
    }),
};

/** A row of 30 values for each method, and for the log-normal shape one of {@link MANY}. */
function meanRows(shape: Shape, trials: number): TrialRow[] {
  return Object.entries(MEAN_METHODS).flatMap(([method, interval]) => {
    const name = (count: number): string => `${shape.name}: mean, ${method}, n = ${count}`;
    const row = (count: number): TrialRow =>
      coverageRow(
        name(count),
        shape.mean,
        trials,
        (random) => interval(sample(shape, count, random), random),
      );
    return shape.name === "log-normal" ? [row(30), row(MANY)] : [row(30)];
  });
}

function coverageRows(shape: Shape, trials: number): TrialRow[] {
  const of = (count: number, random: Random): number[] => sample(shape, count, random);
  const middle = shape.quantile(0.5);
  return [
    ...meanRows(shape, trials),
    coverageRow(`${shape.name}: median, order statistics, n = 20`, middle, trials, (random) => {
      const { low, high, coverage } = estimateMedian(of(20, random), CONFIDENCE);
      return { low, high, nominal: coverage };
    }),
    coverageRow(
      `${shape.name}: p90 of a histogram, n = 300`,
      shape.quantile(0.9),
      trials,
      (random) => {
        const buckets = ascending(of(300, random)).map((value) => ({ value, count: 1 }));
        const { low, high, coverage } = percentileOf(buckets, 0.9, CONFIDENCE).interval!;
        return { low, high, nominal: coverage };
      },
    ),
    coverageRow(
      `${shape.name}: shift, Hodges-Lehmann, n = 15 a side`,
      0.7,
      trials,
      (random) =>
        hodgesLehmann(of(15, random), of(15, random).map((value) => value + 0.7), CONFIDENCE),
    ),
  ];
}

/** Scale of the noise of one measurement, as a share: what a quiet machine shows for throughput. */
const NOISE = 0.02;
const MINIMUM_EFFECT = 0.01;

/** Metrics of one comparison: about what a cell of the lab has. */
const METRIC_COUNT = 8;

/** Values around 100 with a noise of about NOISE, worse by a factor (lower is better). */
function measure(
  shape: Shape,
  factor: number,
  count: number,
  random: Random,
  noise: number = NOISE,
): number[] {
  const middle = shape.quantile(0.5);
  return Array.from(
    { length: count },
    () => 100 * factor * Math.exp(noise * (shape.draw(random) - middle)),
  );
}

/** Runs one comparison as `compare` does, to its end; whether it ended red. */
function isRed(
  shape: Shape,
  factor: number,
  metricCount: number,
  random: Random,
  { minimumEffect = MINIMUM_EFFECT, noise = NOISE }: {
    readonly minimumEffect?: number;
    readonly noise?: number;
  } = {},
): boolean {
  const { pairsPerLook, looks } = DEFAULT_PLAN;
  const metric = (id: string, base: readonly number[], candidate: readonly number[]) => {
    const direction = "lower" as const;
    return { id, direction, minimumEffect, base, candidate };
  };
  const fresh = (): MeasuredMetric[] =>
    Array.from({ length: metricCount }, (_, at) =>
      metric(
        `metric ${at}`,
        measure(shape, 1, pairsPerLook, random, noise),
        measure(shape, factor, pairsPerLook, random, noise),
      ));
  let metrics = fresh();
  for (let look = 0; look < looks; look++) {
    const { verdicts, next } = lookAt(metrics, look, DEFAULT_PLAN);
    if (next === "confirm") {
      return confirm(verdicts, fresh()).some((each) => each.outcome === "regression");
    }
    if (next === "done") return false;
    const more = fresh();
    metrics = metrics.map((each, at) =>
      metric(
        each.id,
        [...each.base, ...more[at]!.base],
        [...each.candidate, ...more[at]!.candidate],
      )
    );
  }
  return false;
}

function shareOf(trials: number, seed: number, happens: (random: Random) => boolean): number {
  const random = new Random(seed);
  let count = 0;
  for (let trial = 0; trial < trials; trial++) if (happens(random)) count++;
  return count / trials;
}

/** So small that chance alone must be kept away by the test. */
const NO_EFFECT = 1e-5;

function alarmRow(shape: Shape, trials: number): TrialRow {
  const measured = shareOf(
    trials,
    11,
    (random) => isRed(shape, 1, METRIC_COUNT, random, { minimumEffect: NO_EFFECT }),
  );
  const name =
    `${shape.name}: false alarm of ${METRIC_COUNT} metrics, base against itself, any effect`;
  return { name, trials, measured, promised: "at most 1 %", holds: measured <= 0.01 };
}

/** What a user is promised: the chance that a planted slow-down ends red. */
export interface PowerPromise {
  readonly shape: string;
  readonly percent: number;
  /** Scale of the noise, as a share. */
  readonly noise: number;
  /** Numbers that reports/README.md states, from no formula at run time. */
  readonly power: number;
}

/** Of one metric, minimum effect 1 %, the default plan: 10 to 40 pairs and 10 to confirm. */
export const POWER_PROMISES: readonly PowerPromise[] = [
  { shape: "normal", percent: 3, noise: 0.01, power: 0.99 },
  { shape: "normal", percent: 3, noise: 0.02, power: 0.78 },
  { shape: "normal", percent: 5, noise: 0.02, power: 0.99 },
  { shape: "normal", percent: 10, noise: 0.02, power: 0.99 },
  { shape: "normal", percent: 5, noise: 0.03, power: 0.94 },
  { shape: "normal", percent: 10, noise: 0.05, power: 0.98 },
  { shape: "log-normal", percent: 5, noise: 0.02, power: 0.95 },
  { shape: "bimodal", percent: 10, noise: 0.02, power: 0.99 },
  { shape: "heavy tails", percent: 5, noise: 0.02, power: 0.95 },
];

/** Standard errors of the measured share that a promise may be missed by. */
const ERRORS_MAX = 3;

function powerRow({ shape: name, percent, noise, power }: PowerPromise, trials: number): TrialRow {
  const shape = SHAPES.find((each) => each.name === name)!;
  const factor = 1 + percent / 100;
  const measured = shareOf(trials, 13, (random) => isRed(shape, factor, 1, random, { noise }));
  const error = Math.sqrt(power * (1 - power) / trials);
  return {
    name: `${name}: +${percent} % planted in noise of ${100 * noise} %, minimum effect 1 %: red`,
    trials,
    measured,
    promised: `at least ${100 * power} %`,
    holds: measured >= power - ERRORS_MAX * error,
  };
}

/** Runs in a history, before and after the place of a planted change. */
const HISTORY = 15;

function historyRows(shape: Shape, trials: number): TrialRow[] {
  // Beyond the noise: the humps of the bimodal shape are 8 % apart.
  const options = { minimumEffect: 0.1 };
  const spike = shareOf(trials, 17, (random) => {
    const series = measure(shape, 1, 2 * HISTORY, random);
    series[random.below(series.length)]! *= 1.5 + 8 * random.uniform();
    return changePoints(series, options).length > 0;
  });
  const step = shareOf(trials, 19, (random) => {
    const before = measure(shape, 1, HISTORY, random);
    const found = changePoints([...before, ...measure(shape, 1.2, HISTORY, random)], options);
    return found.some(({ at }) => Math.abs(at - HISTORY) <= 2);
  });
  const row = (name: string, measured: number, promised: string, holds: boolean): TrialRow => ({
    name: `${shape.name}: ${name}`,
    trials,
    measured,
    promised,
    holds,
  });
  return [
    row("a single spike taken for a change", spike, "never", spike === 0),
    row("a step of 20 % found within 2 runs", step, "at least 99 %", step >= 0.99),
  ];
}

function humpRow(shape: Shape, trials: number): TrialRow {
  const measured = shareOf(trials, 23, (random) => hasSeveralHumps(sample(shape, 50, random)));
  const isBimodal = shape.name === "bimodal";
  return {
    name: `${shape.name}: warning of several humps, n = 50`,
    trials,
    measured,
    promised: isBimodal ? "at least 70 %" : "at most 1 %",
    holds: isBimodal ? measured >= 0.7 : measured <= 0.01,
  };
}

/** Rows in the order of printing; a caller may stop between two. */
export function* trialRows(trials: number): Generator<TrialRow> {
  for (const shape of SHAPES) yield* coverageRows(shape, trials);
  for (const shape of SHAPES) yield alarmRow(shape, trials);
  for (const promise of POWER_PROMISES) yield powerRow(promise, trials);
  for (const shape of SHAPES) yield* historyRows(shape, trials);
  for (const shape of SHAPES) yield humpRow(shape, trials);
}
