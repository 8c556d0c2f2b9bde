/**
 * Labels for values far from the others. Labels only: an outlier of a latency is a finding and is
 * never dropped.
 *
 * @module
 */

import { ascending, quantileOfSorted } from "./quantile.ts";

/** How far from the middle half a value lies. */
export type OutlierLabel = "none" | "mild" | "severe";

/**
 * Fences of J. Tukey, Exploratory Data Analysis, 1977: "mild" beyond 1.5 times the distance of the
 * quartiles outside them, "severe" beyond 3 times. Of normal values 0.7 % are labelled, of
 * log-normal ones (sigma 1) 8 %: there a label is no error of measurement.
 *
 * @returns One label per value, in the same order; all "none" for fewer than four values.
 */
export function tukeyLabels(sample: readonly number[]): OutlierLabel[] {
  if (sample.length < 4) return sample.map(() => "none");
  const sorted = ascending(sample);
  const [low, high] = [quantileOfSorted(sorted, 0.25), quantileOfSorted(sorted, 0.75)];
  const width = high - low;
  return sample.map((value) => {
    const beyond = Math.max(low - value, value - high);
    return beyond > 3 * width ? "severe" : beyond > 1.5 * width ? "mild" : "none";
  });
}
