/**
 * What reading the clock costs, so that a record can say when that matters. Touches nothing but
 * `performance.now`.
 *
 * @module
 */

import type { ClockCost } from "./messages.ts";

/** Reads of one batch, and batches of one estimate: well under a millisecond in all. */
const READ_COUNT = 200;
const BATCH_COUNT = 10;

/**
 * Measures `read`, a clock in milliseconds: cost of a call in the cheapest batch (the others were
 * interrupted or not yet compiled) and smallest step seen, 0 when it never stepped.
 */
export function clockCost(read: () => number = () => performance.now()): ClockCost {
  let batchMs = Infinity;
  let stepMs = Infinity;
  for (let batch = 0; batch < BATCH_COUNT; batch += 1) {
    const start = read();
    let last = start;
    for (let index = 0; index < READ_COUNT; index += 1) {
      const now = read();
      if (now > last) stepMs = Math.min(stepMs, now - last);
      last = now;
    }
    batchMs = Math.min(batchMs, last - start);
  }
  return {
    readNs: Math.round((batchMs * 1e6) / READ_COUNT),
    stepNs: Number.isFinite(stepMs) ? Math.round(stepMs * 1e6) : 0,
  };
}

/** Busy-waits for `durationNs` nanoseconds: stands for the server application's own work. */
export function spin(durationNs: number): void {
  const endMs = performance.now() + durationNs / 1e6;
  while (performance.now() < endMs);
}
