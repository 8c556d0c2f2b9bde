/**
 * How a measured comparison goes on: look, judge, ask for more, confirm before red. The plan of
 * looks is fixed before the first, and each look spends its part of the level, so looking often
 * makes no alarm. Pure: the caller measures.
 *
 * @module
 */

import { rankSumPower, spentAlpha } from "../../harness/stats/power.ts";
import { rankSum } from "../../harness/stats/rank_sum.ts";
import { hodgesLehmann } from "../../harness/stats/shift.ts";
import { ALPHA, judgeMeasured, type MeasuredMetric, type MeasuredVerdict } from "./measured.ts";

/** Looks that a comparison may take. */
export interface LookPlan {
  /** Pairs (base, candidate) added before each look: 10 or more, so that 1 % can be reached. */
  readonly pairsPerLook: number;
  /** Looks, at most. */
  readonly looks: number;
  /** Level over all looks and all metrics. */
  readonly alpha: number;
}

/** Four looks at 10, 20, 30 and 40 pairs. */
export const DEFAULT_PLAN: LookPlan = { pairsPerLook: 10, looks: 4, alpha: ALPHA };

/** Level of a metric in the confirmation run, one-sided: it only repeats what was found. */
const CONFIRM_ALPHA = 0.05;

/** What to do after a look. */
export interface Look {
  readonly verdicts: readonly MeasuredVerdict[];
  /**
   * "more": measure another `pairsPerLook` pairs and look again. "confirm": measure `pairsPerLook`
   * fresh pairs and give them to {@link confirm}. "done": the verdicts stand.
   */
  readonly next: "more" | "confirm" | "done";
}

/**
 * Judges what was measured so far.
 *
 * @param metrics All pairs so far.
 * @param look From 0.
 */
export function lookAt(metrics: readonly MeasuredMetric[], look: number, plan: LookPlan): Look {
  const verdicts = judgeMeasured(metrics, spentAlpha(plan.alpha, plan.looks)[look]!);
  const isRed = verdicts.some((verdict) => verdict.outcome === "regression");
  const isOpen = verdicts.some((verdict, at) =>
    verdict.outcome === "inconclusive" && metrics[at]!.direction !== "neutral"
  );
  // A regression that is found needs no more pairs of the other metrics.
  if (isRed) return { verdicts, next: "confirm" };
  return { verdicts, next: isOpen && look + 1 < plan.looks ? "more" : "done" };
}

/**
 * Keeps red only what fresh pairs show again: the shift in the same direction, and by a one-sided
 * rank-sum test no chance. What they do not show becomes inconclusive.
 */
export function confirm(
  verdicts: readonly MeasuredVerdict[],
  fresh: readonly MeasuredMetric[],
): MeasuredVerdict[] {
  return verdicts.map((verdict) => {
    if (verdict.outcome !== "regression") return verdict;
    const metric = fresh.find((each) => each.id === verdict.id);
    if (metric !== undefined && isWorseAgain(metric)) return verdict;
    const remarks = [...verdict.remarks, "a confirmation run did not show it again"];
    return { ...verdict, outcome: "inconclusive" as const, remarks };
  });
}

function isWorseAgain({ base, candidate, direction }: MeasuredMetric): boolean {
  const { pLess, pGreater } = rankSum(base, candidate);
  const { shift } = hodgesLehmann(base, candidate, 0.9);
  return direction === "lower"
    ? pGreater < CONFIRM_ALPHA && shift > 0
    : pLess < CONFIRM_ALPHA && shift < 0;
}

/**
 * Chance that a plan ends red for a metric that is worse by a number of standard deviations more
 * than the minimum effect: that its last look sees it, and fresh pairs show it again. Other metrics
 * of the same comparison lower it. For normal values; earlier looks only add to it.
 *
 * @param beyond (log change - log minimum effect) over the standard deviation of one side.
 * @param whole Log change over that deviation: what the confirmation has to see.
 */
export function planPower(beyond: number, whole: number, plan: LookPlan): number {
  const alpha = spentAlpha(plan.alpha, plan.looks).at(-1)!;
  const last = rankSumPower(beyond, { count: plan.pairsPerLook * plan.looks, alpha });
  const again = rankSumPower(whole, { count: plan.pairsPerLook, alpha: 2 * CONFIRM_ALPHA });
  return last * again;
}
