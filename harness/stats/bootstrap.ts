/**
 * Intervals of any statistic by resampling, for means of skewed values and for what has no formula.
 *
 * @module
 */

import { normalCdf, normalQuantile } from "./distribution.ts";
import { quantileOfSorted } from "./quantile.ts";
import { Random } from "./random.ts";

/** How to resample. */
export interface BootstrapOptions {
  readonly confidence: number;
  /** 2000 when not told: the ends then vary by about 2 % of the width of the interval. */
  readonly resamples?: number;
  /** Same samples and same seed, same interval; 1 when not told. */
  readonly seed?: number;
}

/** An estimate and where it lies. */
export interface BootstrapEstimate {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Bias-corrected and accelerated interval of a statistic of one or more independent samples (B.
 * Efron, "Better Bootstrap Confidence Intervals", JASA 82, 1987; B. Efron, R. Tibshirani, An
 * Introduction to the Bootstrap, 14.3), the acceleration from leaving out one value at a time.
 *
 * Too narrow for fewer than 20 values, and for the mean of heavy tails at any usual size:
 * `deno task gate --self-test` prints what it covers. Not for a median, which interval.ts covers
 * exactly.
 *
 * @param statistic A function of the samples that does not depend on the order of values.
 * @throws {RangeError} for a sample of fewer than two values.
 */
export function bootstrapInterval(
  samples: readonly (readonly number[])[],
  statistic: (samples: readonly (readonly number[])[]) => number,
  { confidence, resamples = 2000, seed = 1 }: BootstrapOptions,
): BootstrapEstimate {
  if (samples.some((sample) => sample.length < 2)) {
    throw new RangeError("Cannot resample fewer than two values");
  }
  const estimate = statistic(samples);
  const random = new Random(seed);
  const drawn = samples.map((sample) => [...sample]);
  const found = new Float64Array(resamples);
  for (let round = 0; round < resamples; round++) {
    samples.forEach((sample, which) => {
      const into = drawn[which]!;
      for (let at = 0; at < into.length; at++) into[at] = sample[random.below(sample.length)]!;
    });
    found[round] = statistic(drawn);
  }
  found.sort();
  let [below, equal] = [0, 0];
  for (const value of found) {
    if (value < estimate) below++;
    else if (value === estimate) equal++;
  }
  // Half of what equals the estimate counts as below; never 0 or 1, which have no quantile.
  const share = Math.min(Math.max(below + equal / 2, 0.5), resamples - 0.5) / resamples;
  const bias = normalQuantile(share);
  const acceleration = accelerationOf(samples, statistic);
  const end = (probability: number): number => {
    const z = bias + normalQuantile(probability);
    const moved = normalCdf(bias + z / (1 - acceleration * z));
    return quantileOfSorted(found, Math.min(1, Math.max(0, moved)));
  };
  const [low, high] = [end((1 - confidence) / 2), end((1 + confidence) / 2)];
  return { estimate, low: Math.min(low, high), high: Math.max(low, high) };
}

/** A sixth of the skewness of the statistic, by the jackknife; 0 where nothing varies. */
function accelerationOf(
  samples: readonly (readonly number[])[],
  statistic: (samples: readonly (readonly number[])[]) => number,
): number {
  let [squares, cubes] = [0, 0];
  samples.forEach((sample, which) => {
    const count = sample.length;
    const without = sample.map((_, left) =>
      statistic(
        samples.map((each, index) =>
          index === which ? [...each.slice(0, left), ...each.slice(left + 1)] : each
        ),
      )
    );
    const middle = without.reduce((sum, value) => sum + value, 0) / count;
    for (const value of without) {
      // Influence of one value on the statistic, scaled so that samples of any sizes add up.
      const influence = (count - 1) * (middle - value) / count;
      squares += influence ** 2;
      cubes += influence ** 3;
    }
  });
  return squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
}
