/**
 * What a verdict means to a script: the one place that turns it into an exit code. Pure.
 *
 * @module
 */

import { EXIT, type ExitCode } from "../../harness/errors.ts";

/** The answer to a comparison as a whole, the worst first. */
export type OverallOutcome = "regression" | "refused" | "incomparable" | "inconclusive" | "pass";

/**
 * Noise is no fault of a change, so a verdict that only noise prevents passes unless it is asked
 * to fail, as `~` of benchstat and netperf's warning of a confidence not reached do. Nothing else
 * that prevents a verdict ever passes.
 */
export function exitCodeOf(outcome: OverallOutcome, failOnInconclusive: boolean): ExitCode {
  switch (outcome) {
    case "pass":
      return EXIT.ok;
    case "regression":
      return EXIT.failed;
    case "refused":
      return EXIT.refused;
    case "incomparable":
      return EXIT.inconclusive;
    case "inconclusive":
      return failOnInconclusive ? EXIT.inconclusive : EXIT.ok;
  }
}

/** What to tell beside an inconclusive verdict, ending with a line break. */
export function inconclusiveNote(failOnInconclusive: boolean): string {
  return failOnInconclusive
    ? "Noise leaves it open, which fails as asked for with --fail-on-inconclusive.\n"
    : "Noise leaves it open, which passes; --fail-on-inconclusive makes it fail.\n";
}
