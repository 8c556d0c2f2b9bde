/**
 * Holds published numbers against the model's: a verdict for each expectation and each case. Pure:
 * takes measurements, knows nothing of how they came about.
 *
 * @module
 */

import type { Measurement } from "../record.ts";
import { median } from "../stats/quantile.ts";
import type { Expectation, ValidationCase } from "./case.ts";
import { metricOf } from "./metric.ts";

/** Accepted deviations, per cent. */
export const VALUE_TOLERANCE_PERCENT = 25;
export const RATIO_TOLERANCE_PERCENT = 15;

/** Measurements of a case, one a seed; null for a case that is not run. */
export type Measured = ReadonlyMap<string, readonly Measurement[] | null>;

/**
 * holds; misses; an expected miss; a miss that was expected and did not come; no counterpart in
 * the model.
 */
export type Verdict = "holds" | "misses" | "expected" | "unexpected" | "not modelled";

/** An expectation beside what the model says. */
export interface Check {
  readonly expectation: Expectation;
  readonly kind: "value" | "ratio" | "relation" | "ordering";
  /** The model's numbers: one, or one for each case of an ordering. */
  readonly model: readonly (number | null)[];
  /** Model against published value, per cent; null where there is no single value. */
  readonly deviationPercent: number | null;
  readonly isMet: boolean;
  readonly verdict: Verdict;
  readonly reason: string | null;
}

/** A case with its checks. */
export interface JudgedCase {
  readonly case: ValidationCase;
  readonly checks: readonly Check[];
  readonly verdict: Verdict;
}

/** Judges cases; `measured` must hold those they compare with, too. */
export function judge(cases: readonly ValidationCase[], measured: Measured): JudgedCase[] {
  return cases.map((subject) => {
    const checks = subject.expect.map((expectation) => check(subject, expectation, measured));
    return { case: subject, checks, verdict: verdictOf(subject, checks) };
  });
}

/** A case marked as a whole must miss somewhere; one with marked numbers, in each of them. */
function verdictOf(subject: ValidationCase, checks: readonly Check[]): Verdict {
  if (subject.groups === null) return "not modelled";
  if (subject.expectedMiss !== null) {
    return checks.every(({ isMet }) => isMet) ? "unexpected" : "expected";
  }
  for (const verdict of ["misses", "unexpected", "expected"] as const) {
    if (checks.some((one) => one.verdict === verdict)) return verdict;
  }
  return "holds";
}

function check(subject: ValidationCase, expectation: Expectation, measured: Measured): Check {
  const reason = expectation.expected_miss ?? subject.expectedMiss;
  const { kind, model, deviationPercent, isMet } = outcome(subject, expectation, measured);
  const marked = isMet ? "unexpected" : "expected";
  const plain = isMet ? "holds" : "misses";
  // Within a case that misses as a whole, single numbers may hold.
  const isOwn = expectation.expected_miss !== undefined;
  let verdict: Verdict = isOwn ? marked : plain;
  if (!isOwn && subject.expectedMiss !== null && !isMet) verdict = "expected";
  if (subject.groups === null) verdict = "not modelled";
  return { expectation, kind, model, deviationPercent, isMet, verdict, reason };
}

type Outcome = Pick<Check, "kind" | "model" | "deviationPercent" | "isMet">;

function outcome(
  subject: ValidationCase,
  expectation: Expectation,
  measured: Measured,
): Outcome {
  const { metric, group, value, over, ascending } = expectation;
  const numberOf = (name: string, of = metric, part = group): number | null =>
    medianOf(measured.get(name) ?? null, (one) => metricOf(one, of, part));
  if (ascending !== undefined) {
    const model = ascending.map((name) => numberOf(name));
    const isMet = model.every((one, index) =>
      one !== null && (index === 0 || one > (model[index - 1] ?? Infinity))
    );
    return { kind: "ordering", model, deviationPercent: null, isMet };
  }
  let found = numberOf(subject.name);
  if (over !== undefined) {
    const base = numberOf(over.case ?? subject.name, over.metric, over.group ?? group);
    found = found === null || base === null || base === 0 ? null : found / base;
  }
  if (value === undefined) {
    const { at_least: low = -Infinity, at_most: high = Infinity } = expectation;
    const isMet = found !== null && found >= low && found <= high;
    return { kind: "relation", model: [found], deviationPercent: null, isMet };
  }
  const kind = over === undefined ? "value" : "ratio";
  const tolerance = expectation.tolerance_percent ??
    (kind === "value" ? VALUE_TOLERANCE_PERCENT : RATIO_TOLERANCE_PERCENT);
  const deviationPercent = found === null ? null : deviation(found, value);
  const isMet = deviationPercent !== null && Math.abs(deviationPercent) <= tolerance;
  return { kind, model: [found], deviationPercent, isMet };
}

/** Deviation in per cent of the published value; from a published 0 none but 0 is finite. */
function deviation(found: number, value: number): number {
  if (value === 0) return found === 0 ? 0 : Infinity;
  return (found / value - 1) * 100;
}

function medianOf(
  measurements: readonly Measurement[] | null,
  of: (measurement: Measurement) => number | null,
): number | null {
  const values = (measurements ?? []).map(of);
  if (values.length === 0 || values.includes(null)) return null;
  return median(values as number[]);
}

/** How many of what there is hold. */
export interface Score {
  readonly cases: number;
  readonly held: number;
  readonly expected: number;
  readonly notModelled: number;
  readonly failed: number;
}

/** Counts cases by verdict. */
export function scoreOf(judged: readonly JudgedCase[]): Score {
  const count = (...verdicts: readonly Verdict[]) =>
    judged.filter(({ verdict }) => verdicts.includes(verdict)).length;
  return {
    cases: judged.length,
    held: count("holds"),
    expected: count("expected"),
    notModelled: count("not modelled"),
    failed: count("misses", "unexpected"),
  };
}
