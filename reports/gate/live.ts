/**
 * Judges live runs against a baseline of live runs. A live number is noisy and the baseline was
 * measured at another time, so this asks for more than judge.ts does and says "inconclusive" where
 * it cannot know. Pure.
 *
 * @module
 */

import { median } from "../../harness/stats/quantile.ts";
import { canonicalJson } from "../../harness/canonical_json.ts";
import type { Direction } from "../metrics.ts";
import { formatRatio } from "../page/client/format.js";
import type { BaselineRun } from "./baseline.ts";
import { type Judged, LOST_REASON } from "./comparison.ts";
import { judgeMeasured, type MeasuredMetric, type MeasuredVerdict } from "./measured.ts";

/** Runs needed on each side; below it the rank-sum test cannot reach 1 % over all metrics. */
export const LIVE_RUNS_MIN = 10;

/**
 * Smallest change of a median that counts. Loopback request/response rates vary by about 10 %
 * from run to run on a shared machine, so less cannot be told from the time of the day.
 */
export const LIVE_EFFECT_MIN = 0.1;

/** Why live runs cannot be set against a baseline; null where they can. */
export function incomparableLive(
  before: readonly BaselineRun[],
  now: readonly BaselineRun[],
): { readonly outcome: "refused" | "incomparable"; readonly reason: string } | null {
  const environments = new Set([...before, ...now].map((run) => canonicalJson(run.environment)));
  if (environments.size > 1) {
    const reason = "live runs of another environment than the baseline's";
    return { outcome: "refused", reason };
  }
  const fewest = Math.min(before.length, now.length);
  if (fewest < LIVE_RUNS_MIN) {
    const reason = `live runs need ${LIVE_RUNS_MIN} on each side, there are ${fewest}`;
    return { outcome: "incomparable", reason };
  }
  return null;
}

/** Metrics of a cell that both sides have; what one side lacks is no question of noise. */
interface LiveMetric extends MeasuredMetric {
  readonly seed_count: number;
}

/**
 * Judges all metrics of a cell together, each beyond {@link LIVE_EFFECT_MIN} only (see
 * measured.ts).
 *
 * @param directions Of the metrics of now, by id.
 * @returns By metric id.
 */
export function judgeLive(
  before: readonly BaselineRun[],
  now: readonly BaselineRun[],
  ids: readonly string[],
  directions: (id: string) => Direction,
): Map<string, Judged> {
  const judged = new Map<string, Judged>();
  const metrics: LiveMetric[] = [];
  for (const id of ids) {
    const [base, candidate] = [before, now].map((runs) =>
      runs.flatMap((run) => run.metrics[id] ?? [])
    ) as [number[], number[]];
    const seed_count = Math.min(base.length, candidate.length);
    if (seed_count < LIVE_RUNS_MIN) {
      judged.set(id, { ...withoutPair(base, candidate), seed_count });
      continue;
    }
    const direction = directions(id);
    metrics.push({ id, direction, minimumEffect: LIVE_EFFECT_MIN, base, candidate, seed_count });
  }
  judgeMeasured(metrics).forEach((verdict, at) => {
    const { direction, seed_count } = metrics[at]!;
    const { base: baseline, candidate: current, ratio } = verdict;
    const { outcome, reason } = gateOutcome(verdict, direction);
    judged.set(verdict.id, { outcome, baseline, current, ratio, seed_count, reason });
  });
  return judged;
}

/** What a metric is whose values one side lacks, in part or at all. */
function withoutPair(
  base: readonly number[],
  candidate: readonly number[],
): Omit<Judged, "seed_count"> {
  const [baseline, current] = [base, candidate].map((values) =>
    values.length === 0 ? null : median(values)
  ) as [number | null, number | null];
  const result = (outcome: Judged["outcome"], reason: string | null) => {
    return { outcome, baseline, current, ratio: null, reason };
  };
  if (baseline === null && current === null) return result("identical", null);
  if (baseline === null) return result("changed", "the baseline has no value");
  if (current === null) return result("missing", LOST_REASON);
  return result("inconclusive", `a value in fewer than ${LIVE_RUNS_MIN} runs of a side`);
}

/** The words of the gate; a neutral metric explains and never needs an answer. */
function gateOutcome(
  { outcome, interval }: MeasuredVerdict,
  direction: Direction,
): { readonly outcome: Judged["outcome"]; readonly reason: string | null } {
  if (outcome === "equivalent") return { outcome: "within", reason: null };
  if (outcome !== "inconclusive") return { outcome, reason: null };
  if (direction === "neutral") return { outcome: "changed", reason: null };
  const range = interval === null ? "" : `: ${interval.map(formatRatio).join(" to ")}`;
  return { outcome, reason: `the spread of the runs hides the change${range}` };
}
