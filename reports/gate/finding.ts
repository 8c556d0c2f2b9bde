/**
 * What a verdict says of one metric, in the shape that the formats of CI share: a rule, a level, a
 * sentence and, where there is one, a line of a file. Pure; never decides anything.
 *
 * @module
 */

import type { Comparison, Outcome } from "./comparison.ts";
import type { MeasuredComparison } from "./interleave.ts";
import type { Verdict } from "./judge.ts";
import { describe } from "./show.ts";
import { describeMeasured } from "./show_measured.ts";

/** What may be wrong, with the words that a reader of the rule needs. */
export const RULES = {
  "performance-regression": {
    type: "PerformanceRegression",
    title: "A metric got worse",
    help: "The metric is worse than the base by more than its minimum effect. Mend it, or accept " +
      'it with: deno task gate --accept "REASON".',
  },
  "missing-result": {
    type: "MissingResult",
    title: "A result is missing",
    help: "The base has a run or a value that the records lack. Run what is missing, or accept " +
      "that it is gone with --accept and --prune.",
  },
  "incomparable": {
    type: "Incomparable",
    title: "Both sides cannot be compared",
    help: "Other units, generators, workload descriptions or builds, partial runs, or seeds that " +
      "contradict each other: there is no verdict until that is put right.",
  },
  "environment-refused": {
    type: "EnvironmentRefused",
    title: "The environment does not allow a verdict",
    help: "The runs come from another environment than the base, or noise hides the change that " +
      "was asked for.",
  },
  "inconclusive": {
    type: "Inconclusive",
    title: "Noise leaves open whether a metric changed",
    help: "More or quieter runs would tell. It fails only with --fail-on-inconclusive.",
  },
} as const;

/** Name of a rule. */
export type RuleId = keyof typeof RULES;

/** A line of a file. */
export interface Place {
  /** Relative to the root of the repository, with forward slashes. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
}

/** One metric of one cell. */
export interface Finding {
  /** null where nothing is wrong. */
  readonly rule: RuleId | null;
  /** "error" is fatal, "warning" is not. */
  readonly level: "error" | "warning" | "none";
  readonly cell: string;
  readonly metric: string;
  readonly message: string;
  readonly place: Place | null;
}

/** Cell and metric in one name; the metric of a whole cell has the cell in its own. */
export function nameOf({ cell, metric }: Finding): string {
  return metric.startsWith(cell) ? metric : `${cell} ${metric}`;
}

/** How findings are made. */
export interface FindingOptions {
  readonly failOnInconclusive: boolean;
  /** Where a cell, or a run of it, stands in a file. */
  readonly placeOf: (cellOrRun: string) => Place | null;
}

const RULE_OF: Readonly<Partial<Record<Outcome, RuleId>>> = {
  regression: "performance-regression",
  missing: "missing-result",
  incomparable: "incomparable",
  refused: "environment-refused",
  inconclusive: "inconclusive",
};

function levelOf(rule: RuleId | null, { failOnInconclusive }: FindingOptions): Finding["level"] {
  if (rule === null) return "none";
  return rule === "inconclusive" && !failOnInconclusive ? "warning" : "error";
}

/** Every comparison of a verdict, and every run that is missing; the worst first. */
export function findingsOf(verdict: Verdict, options: FindingOptions): Finding[] {
  const missing = verdict.missing_runs.map((run): Finding => ({
    rule: "missing-result",
    level: "error",
    cell: run.slice(0, run.lastIndexOf("/")),
    metric: run,
    message: "The baseline has this run, the records do not",
    place: options.placeOf(run),
  }));
  const compared = verdict.comparisons.map((each: Comparison): Finding => {
    const rule = RULE_OF[each.outcome] ?? null;
    return {
      rule,
      level: levelOf(rule, options),
      cell: each.cell,
      metric: each.metric ?? "whole cell",
      message: describe(each),
      place: options.placeOf(each.cell),
    };
  });
  return worstFirst([...missing, ...compared]);
}

/** Every metric of a measured comparison, or why there is none; the worst first. */
export function findingsOfMeasured(
  comparison: MeasuredComparison,
  options: FindingOptions,
): Finding[] {
  const whole = (rule: RuleId, message: string): Finding => ({
    rule,
    level: levelOf(rule, options),
    cell: "comparison",
    metric: "all metrics",
    message,
    place: null,
  });
  const { outcome, notes, lost, verdicts, units } = comparison;
  if (outcome === "refused") return [whole("environment-refused", notes.join("; "))];
  const missing = lost.map((id) => ({
    ...whole("missing-result", "The base has this metric, the candidate lacks it"),
    metric: id,
  }));
  const judged = verdicts.map((verdict): Finding => {
    const rule = RULE_OF[verdict.outcome as Outcome] ?? null;
    // An id begins with its cell, where it has one.
    const [cell] = verdict.id.split(" ") as [string];
    return {
      rule,
      level: levelOf(rule, options),
      cell: cell.includes("/") ? cell : "comparison",
      metric: verdict.id,
      message: describeMeasured(verdict, units[verdict.id]!),
      place: cell.includes("/") ? options.placeOf(cell) : null,
    };
  });
  const all = [...missing, ...judged];
  if (all.length > 0) return worstFirst(all);
  return [whole("incomparable", "No metric is common to both sides")];
}

function worstFirst(findings: readonly Finding[]): Finding[] {
  const order = [...Object.keys(RULES), null] as (RuleId | null)[];
  return [...findings].sort((a, b) => order.indexOf(a.rule) - order.indexOf(b.rule));
}
