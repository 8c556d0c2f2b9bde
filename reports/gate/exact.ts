/**
 * Judges a metric of deterministic runs: no noise is to be allowed for, so the seeds are compared
 * one by one, and one that is worse beyond the minimum effect is a regression, unless another is
 * better beyond it: then the seeds contradict each other. Pure.
 *
 * @module
 */

import { median } from "../../harness/stats/quantile.ts";
import type { Direction } from "../metrics.ts";
import { formatRatio } from "../page/client/format.js";
import { type Judged, LOST_REASON, type Outcome, type Pair } from "./comparison.ts";

/** Stands for a change from zero: larger than any real ratio, finite so that a median exists. */
const UNBOUNDED_LOSS = 1e9;

/** Seeds that a reason names; more would hide the table. */
const SEEDS_SHOWN_MAX = 4;

/**
 * Judges one metric over the seeds of a cell.
 *
 * @param minimumEffect Smallest change that counts, as a share.
 */
export function judgeExact(
  pairs: readonly Pair[],
  id: string,
  direction: Direction,
  minimumEffect: number,
): Judged {
  const measured = pairs.flatMap(({ before, now }) => {
    const [old, value] = [before.metrics[id] ?? null, now.metrics[id] ?? null];
    return old === null || value === null ? [] : [{ seed: before.seed, old, value }];
  });
  const lost = pairs.some(({ before, now }) =>
    (before.metrics[id] ?? null) !== null && (now.metrics[id] ?? null) === null
  );
  const ratio = measured.length === 0 ? null : median(measured.map(ratioOf));
  const result = (outcome: Outcome, reason: string | null = null): Judged => ({
    outcome,
    baseline: measured.length === 0 ? null : median(measured.map((each) => each.old)),
    current: measured.length === 0 ? null : median(measured.map((each) => each.value)),
    ratio: ratio === null || ratio >= UNBOUNDED_LOSS ? null : ratio,
    seed_count: measured.length,
    reason,
  });
  if (lost) return result("missing", LOST_REASON);
  const gained = pairs.some(({ before, now }) =>
    (before.metrics[id] ?? null) === null && (now.metrics[id] ?? null) !== null
  );
  if (measured.every(({ old, value }) => old === value)) {
    return gained ? result("changed", "the baseline has no value") : result("identical");
  }
  if (direction === "neutral") return result("changed");
  const limit = 1 + minimumEffect;
  const worse = measured.filter((each) => lossOf(each, direction) > limit);
  const better = measured.filter((each) => lossOf(each, direction) < 1 / limit);
  if (worse.length > 0 && better.length > 0) {
    return result("incomparable", `seeds disagree: ${seedsOf([...worse, ...better])}`);
  }
  const moved = worse.length > 0 ? worse : better;
  if (moved.length === 0) return result("within");
  // The median says nothing of a change that only some of the seeds show.
  const reason = moved.length === measured.length ? null : `only ${seedsOf(moved)}`;
  return result(worse.length > 0 ? "regression" : "improved", reason);
}

/** One value of a seed before and now. */
interface SeedValues {
  readonly seed: number;
  readonly old: number;
  readonly value: number;
}

/** "seed 2 at 10.0×, seed 3 from zero". */
function seedsOf(values: readonly SeedValues[]): string {
  const inOrder = [...values].sort((a, b) => a.seed - b.seed);
  const shown = inOrder.slice(0, SEEDS_SHOWN_MAX).map((each) =>
    `seed ${each.seed} ${each.old === 0 ? "from zero" : `at ${formatRatio(ratioOf(each))}`}`
  );
  const rest = inOrder.length - shown.length;
  return [...shown, ...(rest > 0 ? [`${rest} more`] : [])].join(", ");
}

/** Current over baseline; a change from zero counts as unbounded. */
function ratioOf({ old, value }: { old: number; value: number }): number {
  if (old === value) return 1;
  return old === 0 ? UNBOUNDED_LOSS : value / old;
}

/** Above 1 is worse, whatever the direction of the metric. */
function lossOf(values: { old: number; value: number }, direction: Direction): number {
  const ratio = ratioOf(values);
  if (direction === "lower") return ratio;
  return ratio === 0 ? UNBOUNDED_LOSS : 1 / ratio;
}
