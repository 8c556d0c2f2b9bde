/**
 * Values in the order in which they were measured: how much each knows of the next, and where the
 * warm-up ends. Never removes a value; the caller decides.
 *
 * @module
 */

import { mean } from "./quantile.ts";

/**
 * Autocorrelation at a lag, sum (x_i - m) (x_{i+lag} - m) / sum (x_i - m)^2 (G. Box, G. Jenkins,
 * Time Series Analysis, 2.1). For independent values it lies within +-1.96 / sqrt(n)
 * 95 times of 100.
 *
 * @param lag 0 or more.
 * @returns 0 where nothing varies or the series is not longer than the lag.
 */
export function autocorrelation(series: readonly number[], lag: number): number {
  if (series.length <= lag) return 0;
  const middle = mean(series);
  let [together, alone] = [0, 0];
  series.forEach((value, at) => {
    alone += (value - middle) ** 2;
    if (at + lag < series.length) together += (value - middle) * (series[at + lag]! - middle);
  });
  return alone === 0 ? 0 : together / alone;
}

/**
 * Number of independent values that say as much about the mean as this series: n / (1 + 2 sum r_k),
 * the sum up to the first pair of lags whose sum is not positive (C. Geyer, "Practical Markov Chain
 * Monte Carlo", 1992).
 *
 * @returns From 1 to n: values that alternate are not counted as more than they are.
 */
export function effectiveCount(series: readonly number[]): number {
  const count = series.length;
  let sum = -1;
  for (let lag = 0; lag < count; lag += 2) {
    const pair = autocorrelation(series, lag) + autocorrelation(series, lag + 1);
    if (pair <= 0) break;
    sum += 2 * pair;
  }
  return Math.max(1, Math.min(count, count / Math.max(sum, 1 / count)));
}

/** Where the warm-up of a series ends. */
export interface WarmUp {
  /** Values to leave out, a multiple of the batch; 0 where there is no warm-up. */
  readonly length: number;
  /** false where the level still moves in the last half, so that no end can be told. */
  readonly isStable: boolean;
}

/**
 * MSER-5: the cut for which the standard error of the mean of the rest, in batches of five, is
 * smallest (K. P. White, "An Effective Truncation Heuristic for Bias Reduction in Simulation
 * Output", Simulation 69, 1997; K. White, M. Cobb, S. Spratt, 2000). A cut in the last half means
 * that the series is too short to tell. Finds a level that settles, not a slow drift.
 *
 * @param batch Values per batch: 5, or 1 for a short series of runs (MSER).
 */
export function warmUp(series: readonly number[], batch: number = 5): WarmUp {
  const means: number[] = [];
  for (let at = 0; at + batch <= series.length; at += batch) {
    means.push(mean(series.slice(at, at + batch)));
  }
  if (means.length < 4) return { length: 0, isStable: false };
  // From the end: mean and squares of the batches behind each cut. The last few batches alone
  // can agree by chance, so 3 of them are the least that may be left.
  let best = { cut: 0, error: Infinity };
  let [count, middle, squares] = [0, 0, 0];
  for (let cut = means.length - 1; cut >= 0; cut--) {
    count++;
    const difference = means[cut]! - middle;
    middle += difference / count;
    squares += difference * (means[cut]! - middle);
    const error = squares / count ** 2;
    if (count >= 3 && error <= best.error) best = { cut, error };
  }
  return { length: best.cut * batch, isStable: best.cut <= means.length / 2 };
}
