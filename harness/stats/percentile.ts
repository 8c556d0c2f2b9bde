/**
 * Which percentiles a sample is large enough for. One rule for table, page and gate, so that no
 * place states a tail that another withholds. Pure; never computes a percentile.
 *
 * @module
 */

/**
 * Samples that must lie beyond a percentile: 10, the rule of thumb of Gil Tene's HdrHistogram
 * plots and of mutilate. Fewer make a number that the next run does not repeat.
 */
export const TAIL_SAMPLES_MIN = 10;

/** Absorbs that 1 - 0.999 is not exactly 0.001 in binary; far below one sample. */
const ROUNDING = 1e-6;

/**
 * Whether a sample supports a percentile: TAIL_SAMPLES_MIN samples or more lie beyond it.
 *
 * @param count Size of the sample, from 0.
 * @param probability 0..1: 0.99 is the p99.
 */
export function percentileIsSupported(count: number, probability: number): boolean {
  return count * (1 - probability) + ROUNDING >= TAIL_SAMPLES_MIN;
}
