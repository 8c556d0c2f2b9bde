/**
 * How evenly something is shared. Pure.
 *
 * @module
 */

/**
 * Jain's fairness index, (sum x)^2 / (n * sum x^2): 1 is even, 1/n is one for all (R. Jain, D.
 * Chiu, W. Hawe, DEC-TR-301, 1984).
 *
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(jainIndex([5, 5, 0, 0]), 0.5);
 * ```
 *
 * @param shares One per receiver, 0 or more.
 * @returns null where there is nothing to share.
 */
export function jainIndex(shares: readonly number[]): number | null {
  const total = shares.reduce((sum, share) => sum + share, 0);
  const squares = shares.reduce((sum, share) => sum + share * share, 0);
  return squares === 0 ? null : (total * total) / (shares.length * squares);
}
