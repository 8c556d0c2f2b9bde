/**
 * Judges live runs against a baseline of live runs. A live number is noisy and the baseline was
 * measured at another time, so this asks for more than judge.ts does and says "inconclusive" where
 * it cannot know. Pure.
 *
 * @module
 */

import { median, quantile } from "../../harness/stats/quantile.ts";
import { canonicalJson } from "../../harness/canonical_json.ts";
import type { Direction } from "../metrics.ts";
import type { BaselineRun } from "./baseline.ts";
import type { Judged } from "./judge.ts";

/** Runs needed on each side; below it quartiles are guesses. */
export const LIVE_RUNS_MIN = 10;

/**
 * Smallest change of a median that counts. Loopback request/response rates vary by about 10 %
 * from run to run on a shared machine, so less cannot be told from the time of the day.
 */
export const LIVE_EFFECT_MIN = 0.1;

/**
 * Why live runs cannot be set against a baseline.
 *
 * @returns A sentence, or null where they can.
 */
export function incomparableLive(
  before: readonly BaselineRun[],
  now: readonly BaselineRun[],
): string | null {
  const environments = new Set([...before, ...now].map((run) => canonicalJson(run.environment)));
  if (environments.size > 1) return "live runs of another environment than the baseline's";
  const fewest = Math.min(before.length, now.length);
  if (fewest < LIVE_RUNS_MIN) {
    return `live runs need ${LIVE_RUNS_MIN} on each side, there are ${fewest}`;
  }
  return null;
}

/**
 * A change counts when the medians differ by LIVE_EFFECT_MIN and the middle halves of the two
 * samples are apart; the first without the second is inconclusive.
 */
export function judgeLive(
  before: readonly BaselineRun[],
  now: readonly BaselineRun[],
  id: string,
  direction: Direction,
): Judged {
  const old = before.flatMap((run) => run.metrics[id] ?? []);
  const values = now.flatMap((run) => run.metrics[id] ?? []);
  const [oldMedian, newMedian] = [medianOrNull(old), medianOrNull(values)];
  const ratio = oldMedian === null || newMedian === null || oldMedian === 0
    ? null
    : newMedian / oldMedian;
  const result = (outcome: Judged["outcome"], reason: string | null = null): Judged => ({
    outcome,
    baseline: oldMedian,
    current: newMedian,
    ratio,
    seed_count: Math.min(old.length, values.length),
    reason,
  });
  if (oldMedian === null) return result(newMedian === null ? "identical" : "changed");
  if (newMedian === null) {
    return result("missing", "the baseline has a value, the records have none");
  }
  if (direction === "neutral") return result(oldMedian === newMedian ? "identical" : "changed");
  if (oldMedian === newMedian) return result("within");
  const change = ratio === null ? Infinity : ratio;
  const loss = direction === "lower" ? change : 1 / change;
  if (loss <= 1 + LIVE_EFFECT_MIN && loss >= 1 / (1 + LIVE_EFFECT_MIN)) return result("within");
  const apart = quantile(values, 0.25) > quantile(old, 0.75) ||
    quantile(values, 0.75) < quantile(old, 0.25);
  if (!apart) return result("inconclusive", "the spread of the runs hides the change");
  return result(loss > 1 ? "regression" : "improved");
}

function medianOrNull(values: readonly number[]): number | null {
  return values.length === 0 ? null : median(values);
}
