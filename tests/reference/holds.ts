/**
 * Runs a property over random scripts and reports a failure so that a person can read it.
 *
 * @module
 */

import fc from "fast-check";
import { anyDraws, anyScene } from "./arbitrary.ts";
import type { Draw, Scene } from "./script.ts";

/** How much to try. The seed is fixed: the same tests on every machine. */
export interface Effort {
  readonly scripts: number;
  /** Operations of a script, at most. */
  readonly length: number;
  readonly seed: number;
}

/**
 * Checks a property on random scripts.
 *
 * @throws {Error} with the shrunk script's own error, its scene, and what repeats it.
 */
export function holdsForScripts(
  effort: Effort,
  check: (scene: Scene, draws: readonly Draw[]) => void,
): void {
  const property = fc.property(anyScene, anyDraws(effort.length), check);
  // Many calls are refused on purpose, and nobody reads where: stacks take a quarter of the time.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const result = fc.check(property, { numRuns: effort.scripts, seed: effort.seed });
  Error.stackTraceLimit = stackTraceLimit;
  if (!result.failed) return;
  const cause = result.errorInstance;
  throw new Error([
    cause instanceof Error ? cause.message : String(cause),
    `Scene: ${JSON.stringify(result.counterexample?.[0])}`,
    `Draws: ${JSON.stringify(result.counterexample?.[1])}`,
    `Script ${result.numRuns} of seed ${effort.seed}, shrunk`,
  ].join("\n"));
}
