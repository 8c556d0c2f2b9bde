/**
 * "Did you mean": the accepted word nearest to what was typed. Never guesses on the user's behalf.
 *
 * @module
 */

/** Edit distance with transpositions of neighbours (optimal string alignment). */
export function editDistance(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1);
      cost = Math.min(cost, last[column - 1]! + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && left[row - 1] === right[column - 2] &&
        left[row - 2] === right[column - 1];
      if (swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[right.length]!;
}

/** The nearest of `accepted`, case ignored, or null when none is within 40 % of the length. */
export function nearest(found: string, accepted: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const candidate of accepted) {
    const distance = editDistance(found.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best !== null && bestDistance <= 0.4 * Math.max(found.length, best.length) ? best : null;
}

/** ` (did you mean "x"?)` with a leading space, or nothing. */
export function didYouMean(found: string, accepted: readonly string[]): string {
  const best = nearest(found, accepted);
  return best === null ? "" : ` (did you mean "${best}"?)`;
}
