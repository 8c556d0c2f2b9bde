/**
 * Turns stored latency histograms into points of a percentile curve.
 *
 * The curve stops where fewer than 10 samples remain (harness/stats/percentile.ts); the maximum
 * belongs into a table, not on a curve, because 100 % lies at infinity on the axis x = 1/(1-q).
 *
 * @module
 */

import { decodeFromCompressedBase64, type Histogram } from "hdr-histogram-js";
import type { RunRecord } from "../../harness/record.ts";
import { percentileIsSupported } from "../../harness/stats/percentile.ts";

/** Points per doubling of 1/(1-q); 4 are dense enough that straight lines between them do. */
export const POINTS_PER_OCTAVE = 4;

/** Counters wide enough for any pool of runs. */
const COUNTER_BITS = 64;

/** Latency at x = 2^(k/POINTS_PER_OCTAVE), k = 0, 1, ...: all runs of a variant pooled. */
export interface PercentileCurve {
  readonly sampleCount: number;
  readonly latencyNs: readonly number[];
  /** Latency at each of TABLE_SHARES; null where the sample is too small. */
  readonly tableNs: readonly (number | null)[];
}

/** Shares of the samples that the table under a curve states. */
export const TABLE_SHARES = [0.5, 0.9, 0.99, 0.999, 0.9999] as const;

/**
 * Pools the histograms of one group over runs and reads the curve.
 *
 * @param records Runs of one variant.
 * @param group Name of the group.
 * @returns null when no run has a sample.
 * @throws Error naming the run whose histogram cannot be decoded.
 */
export function percentileCurve(
  records: readonly RunRecord[],
  group: string,
): PercentileCurve | null {
  let pooled: Histogram | null = null;
  for (const record of records) {
    const latency = record.measurement.groups.find((each) => each.name === group)?.latency_ns;
    if (latency === null || latency === undefined || latency.count === 0) continue;
    const histogram = decode(latency.hdr_v2, record.run_id);
    if (pooled === null) pooled = histogram;
    else pooled.add(histogram);
  }
  if (pooled === null) return null;
  const sampleCount = pooled.totalCount;
  const latencyNs: number[] = [];
  for (let k = 0;; k++) {
    const beyond = 2 ** (-k / POINTS_PER_OCTAVE);
    if (!percentileIsSupported(sampleCount, 1 - beyond)) break;
    latencyNs.push(pooled.getValueAtPercentile(100 * (1 - beyond)));
  }
  const tableNs = TABLE_SHARES.map((share) =>
    percentileIsSupported(sampleCount, share) ? pooled!.getValueAtPercentile(100 * share) : null
  );
  return { sampleCount, latencyNs, tableNs };
}

function decode(encoded: string, runId: string): Histogram {
  try {
    const histogram = decodeFromCompressedBase64(encoded, COUNTER_BITS);
    // Runs may have been recorded with different ranges; pooling must not lose the larger one.
    histogram.autoResize = true;
    return histogram;
  } catch (cause) {
    throw new Error(
      `Cannot decode the latency histogram of run "${runId}": want HdrHistogram V2 in base64`,
      { cause },
    );
  }
}
