/**
 * Probabilities of many tests at once: with 60 metrics at 5 % each, three alarms are chance.
 *
 * @module
 */

/**
 * Adjusted probabilities of S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure",
 * 1979: rejecting those at or below a level keeps the chance of any false alarm at that level,
 * whatever the tests have in common.
 *
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
 * ```
 */
export function holm(probabilities: readonly number[]): number[] {
  const count = probabilities.length;
  return stepwise(probabilities, (value, rank) => value * (count - rank), "up");
}

/**
 * Adjusted probabilities of Y. Benjamini and Y. Hochberg, "Controlling the False Discovery Rate",
 * 1995: of those rejected at a level, that share is false on average. For a list to look into; a
 * verdict uses {@link holm}. Holds for independent or positively dependent tests.
 */
export function benjaminiHochberg(probabilities: readonly number[]): number[] {
  const count = probabilities.length;
  return stepwise(probabilities, (value, rank) => value * count / (rank + 1), "down");
}

/** Scales each by its rank from 0, then makes the results monotone along the ranks. */
function stepwise(
  probabilities: readonly number[],
  scaled: (value: number, rank: number) => number,
  direction: "up" | "down",
): number[] {
  const order = probabilities.map((_, index) => index)
    .sort((a, b) => probabilities[a]! - probabilities[b]!);
  const adjusted = new Array<number>(probabilities.length);
  let bound = direction === "up" ? 0 : 1;
  for (let step = 0; step < order.length; step++) {
    const rank = direction === "up" ? step : order.length - 1 - step;
    const value = Math.min(1, scaled(probabilities[order[rank]!]!, rank));
    bound = direction === "up" ? Math.max(bound, value) : Math.min(bound, value);
    adjusted[order[rank]!] = bound;
  }
  return adjusted;
}
