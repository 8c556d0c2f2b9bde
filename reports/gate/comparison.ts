/**
 * What the judges of the gate say of one metric, and the words they share. Types only; see
 * judge.ts.
 *
 * @module
 */

import type { Direction, Unit } from "../metrics.ts";
import type { BaselineRun } from "./baseline.ts";

/**
 * What became of one metric of one cell. "inconclusive": noise leaves it open; "incomparable": the
 * two sides have no order, because they were measured in different ways or seeds contradict each
 * other; "refused": they come from different environments.
 */
export type Outcome =
  | "identical"
  | "within"
  | "improved"
  | "changed"
  | "regression"
  | "missing"
  | "refused"
  | "incomparable"
  | "inconclusive";

/** One metric of one cell, or the cell as a whole where `metric` is null. */
export interface Comparison {
  /** `workload/target/mechanism/policy`. */
  readonly cell: string;
  readonly metric: string | null;
  readonly unit: Unit | null;
  readonly direction: Direction;
  readonly outcome: Outcome;
  /** Medians over the seeds compared. */
  readonly baseline: number | null;
  readonly current: number | null;
  /** Median of current over baseline, paired by seed; null where it has no finite value. */
  readonly ratio: number | null;
  readonly seed_count: number;
  /** Why, where the outcome alone does not say. */
  readonly reason: string | null;
}

/** What a judge of one metric returns; the caller adds which metric of which cell. */
export type Judged = Pick<
  Comparison,
  "outcome" | "baseline" | "current" | "ratio" | "seed_count" | "reason"
>;

/** A run of the baseline with the run of now. */
export interface Pair {
  readonly before: BaselineRun;
  readonly now: BaselineRun;
}

/** Why a metric is missing. */
export const LOST_REASON = "the baseline has a value, the records have none";
