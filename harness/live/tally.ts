/**
 * What one endpoint counts: totals for the whole run, a window within it, latencies of that window.
 *
 * Totals run from the first byte to the end of the drain, so that client and server can be
 * compared exactly; the window is the difference of two copies of them. No I/O, no clock of its
 * own.
 *
 * @module
 */

import { LatencyHistogram } from "../histogram.ts";
import type { ClockCost, Counters, EndpointResult } from "./messages.ts";

/** All counters at zero. */
export function zeroCounters(): Counters {
  return {
    transactions: 0,
    bytesIn: 0,
    bytesOut: 0,
    datagramsIn: 0,
    datagramsOut: 0,
    timeouts: 0,
    late: 0,
    arrivals: 0,
  };
}

function difference(after: Counters, before: Counters): Counters {
  return {
    transactions: after.transactions - before.transactions,
    bytesIn: after.bytesIn - before.bytesIn,
    bytesOut: after.bytesOut - before.bytesOut,
    datagramsIn: after.datagramsIn - before.datagramsIn,
    datagramsOut: after.datagramsOut - before.datagramsOut,
    timeouts: after.timeouts - before.timeouts,
    late: after.late - before.late,
    arrivals: after.arrivals - before.arrivals,
  };
}

/** Counters of one endpoint with a measured window. */
export class Tally {
  readonly total: Counters = zeroCounters();
  readonly #histogram = new LatencyHistogram();
  #atOpen = zeroCounters();
  #measured = zeroCounters();
  #openedMs = NaN;
  #windowMs = 0;
  #isOpen = false;

  /** A transaction that took `latencyMs` milliseconds is complete. */
  transaction(latencyMs: number): void {
    this.total.transactions += 1;
    if (this.#isOpen) this.#histogram.record(latencyMs * 1e6);
  }

  /** Opens the window at `nowMs`. */
  open(nowMs: number): void {
    this.#atOpen = { ...this.total };
    this.#openedMs = nowMs;
    this.#isOpen = true;
  }

  /** Closes the window at `nowMs`; without an open window it stays empty. */
  close(nowMs: number): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#windowMs = nowMs - this.#openedMs;
    this.#measured = difference(this.total, this.#atOpen);
  }

  /** Everything counted so far. */
  result(extra: { readonly waiting: number; readonly clock: ClockCost }): EndpointResult {
    return {
      total: { ...this.total },
      measured: this.#measured,
      windowMs: this.#windowMs,
      latency: this.#histogram.summary(),
      ...extra,
    };
  }
}
