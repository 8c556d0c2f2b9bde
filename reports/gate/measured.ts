/**
 * The verdict of noisy samples: a metric of a base and of a candidate, measured several times each.
 *
 * Four things together make a regression: it is no chance (rank-sum test, Holm over all metrics),
 * it is large enough to matter (the interval of the shift lies beyond the minimum effect), it is
 * seen in most pairs (Cliff's delta), and it goes the bad way. An interval within the minimum
 * effect is equivalence; all else is inconclusive. Assumes no distribution. Pure.
 *
 * @module
 */

import { holm } from "../../harness/stats/adjust.ts";
import { hasSeveralHumps } from "../../harness/stats/modality.ts";
import { tukeyLabels } from "../../harness/stats/outlier.ts";
import { detectableEffect } from "../../harness/stats/power.ts";
import { median, standardDeviation } from "../../harness/stats/quantile.ts";
import { rankSum } from "../../harness/stats/rank_sum.ts";
import { hodgesLehmann } from "../../harness/stats/shift.ts";
import type { Direction } from "../metrics.ts";

/** Chance of any false alarm over all metrics of one comparison. */
export const ALPHA = 0.01;
/** Cliff's delta below which a difference is small (J. Romano et al., 2006). */
const DELTA_MIN = 0.33;
/** Chance with which the smallest effect that is told would have been seen. */
export const POWER = 0.8;

/** One metric of both sides. */
export interface MeasuredMetric {
  readonly id: string;
  readonly direction: Direction;
  /** Smallest change that matters, as a share of the base, above 0. */
  readonly minimumEffect: number;
  readonly base: readonly number[];
  readonly candidate: readonly number[];
}

/** What became of it. "changed" is a change of a neutral metric. */
export type MeasuredOutcome =
  | "identical"
  | "equivalent"
  | "improved"
  | "changed"
  | "regression"
  | "inconclusive";

/** One metric judged. */
export interface MeasuredVerdict {
  readonly id: string;
  readonly outcome: MeasuredOutcome;
  /** Medians. */
  readonly base: number;
  readonly candidate: number;
  /** Candidate over base by the shift of Hodges and Lehmann; null where the base is zero. */
  readonly ratio: number | null;
  /** Where the ratio lies with confidence 1 - alpha; null with it. */
  readonly interval: readonly [low: number, high: number] | null;
  /** Of the rank-sum test, two-sided, adjusted by Holm. */
  readonly p: number;
  /** Cliff's delta. */
  readonly delta: number;
  /** Smallest true change that would have been told with chance POWER, as a share; null with it. */
  readonly detectable: number | null;
  /** What a reader must know; {@link remarksOf} tells it of the values. */
  readonly remarks: readonly string[];
}

/**
 * Judges the metrics of one comparison together.
 *
 * @param metrics At least two values a side each.
 * @param alpha Level of this look, over all metrics; {@link ALPHA} when there is one look only.
 */
export function judgeMeasured(
  metrics: readonly MeasuredMetric[],
  alpha: number = ALPHA,
): MeasuredVerdict[] {
  const tests = metrics.map(({ base, candidate }) => rankSum(base, candidate));
  const adjusted = holm(tests.map((test) => test.pTwoSided));
  return metrics.map((metric, at) => {
    const [p, delta] = [adjusted[at]!, tests[at]!.delta];
    const size = sizeOf(metric, alpha);
    const [base, candidate] = [median(metric.base), median(metric.candidate)];
    const outcome = outcomeOf(metric, size, { isReal: p < alpha, delta });
    return {
      id: metric.id,
      outcome,
      base,
      candidate,
      p,
      delta,
      ...size,
      remarks: [],
    };
  });
}

type Size = Pick<MeasuredVerdict, "ratio" | "interval" | "detectable">;

/**
 * How large the change is. Ratios are estimated on logarithms, so that 10 % more and 10 % less are
 * treated alike; with zeros among the values, on differences over the median of the base.
 */
function sizeOf({ base, candidate, minimumEffect }: MeasuredMetric, alpha: number): Size {
  const isPositive = [...base, ...candidate].every((value) => value > 0);
  const scale = median(base);
  if (!isPositive && scale <= 0) return { ratio: null, interval: null, detectable: null };
  const into = (value: number): number => isPositive ? Math.log(value) : value / scale;
  const back = (shift: number): number => isPositive ? Math.exp(shift) : 1 + shift;
  const [old, now] = [base.map(into), candidate.map(into)];
  const { shift, low, high } = hodgesLehmann(old, now, 1 - alpha);
  const count = Math.min(base.length, candidate.length);
  const deviation = Math.hypot(standardDeviation(old), standardDeviation(now)) / Math.SQRT2;
  const least = deviation === 0 ? 0 : deviation * detectableEffect({ count, alpha }, POWER);
  return {
    ratio: back(shift),
    interval: [back(low), back(high)],
    detectable: minimumEffect + back(least) - 1,
  };
}

function outcomeOf(
  { base, candidate, direction, minimumEffect }: MeasuredMetric,
  { interval }: Size,
  { isReal, delta }: { readonly isReal: boolean; readonly delta: number },
): MeasuredOutcome {
  const all = new Set([...base, ...candidate]);
  if (all.size === 1) return "identical";
  // From zero any change is beyond every share, so reality and tendency decide.
  const limit = 1 + minimumEffect;
  const [low, high] = interval ?? (delta > 0 ? [Infinity, Infinity] : [0, 0]);
  if (interval !== null && low > 1 / limit && high < limit) return "equivalent";
  const isMore = low > limit;
  const isLess = high < 1 / limit;
  if (!isReal || Math.abs(delta) < DELTA_MIN || (!isMore && !isLess)) return "inconclusive";
  if (direction === "neutral") return "changed";
  return isMore === (direction === "lower") ? "regression" : "improved";
}

/** Several humps and values far out, in words. */
export function remarksOf({ base, candidate }: MeasuredMetric): string[] {
  const sides = [["base", base], ["candidate", candidate]] as const;
  return sides.flatMap(([name, values]) => {
    const severe = tukeyLabels(values).filter((label) => label === "severe").length;
    return [
      ...(hasSeveralHumps(values) ? [`the ${name} has several humps`] : []),
      ...(severe > 0 ? [`${severe} of ${values.length} values of the ${name} far out`] : []),
    ];
  });
}
