/**
 * When two medians share a place. One rule for table and page, so that no colour contradicts a
 * sentence. Pure; knows nothing of what was measured.
 *
 * @module
 */

/** Medians closer than this share a place: below it a difference has no use to anyone tuning. */
export const TIE_SHARE = 0.01;

/** Whether two values are within {@link TIE_SHARE} of the larger one; the same in either order. */
export function isTie(left: number, right: number): boolean {
  if (left === right) return true;
  return Math.abs(right - left) <= TIE_SHARE * Math.max(Math.abs(left), Math.abs(right));
}
