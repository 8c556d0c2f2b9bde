/**
 * Where a client's requests come from: at once after a response (closed loop), or on a schedule
 * (open loop, where latency counts from the intended time and late requests wait in a backlog).
 *
 * Pure but for its state: the caller brings the time. Times are milliseconds of the caller's clock.
 *
 * @module
 */

import type { Arrival } from "../spec.ts";
import { TimeRing } from "./time_ring.ts";

/** Supplier of requests to all connections of a group. */
export interface LoadSource {
  /** Start of the next request's latency, or NaN when none is due. */
  take(nowMs: number): number;
  /** No more requests from here on. */
  stop(): void;
}

/** Closed loop: there is always a next request, and it starts now. */
export class ClosedSource implements LoadSource {
  #stopped = false;

  take(nowMs: number): number {
    return this.#stopped ? NaN : nowMs;
  }

  stop(): void {
    this.#stopped = true;
  }
}

/** 32-bit generator mulberry32 (Tommy Ettinger, public domain): uniform in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Open loop: requests follow a schedule, whatever the responses do. */
export class OpenSource implements LoadSource {
  readonly #gapMs: () => number;
  readonly #backlog = new TimeRing(1024);
  #nextMs = NaN;
  #stopped = false;

  /** `seed` draws the gaps of Poisson arrivals; the rate is that of the whole group. */
  constructor(arrival: Extract<Arrival, { loop: "open" }>, seed: number) {
    const meanMs = 1000 / arrival.rate_per_second;
    const uniform = mulberry32(seed);
    this.#gapMs = arrival.distribution === "constant"
      ? () => meanMs
      : () => -meanMs * Math.log(1 - uniform());
  }

  /** Requests due but not yet taken. */
  get waiting(): number {
    return this.#backlog.count;
  }

  /** Starts the schedule at `nowMs`. */
  start(nowMs: number): void {
    this.#nextMs = nowMs + this.#gapMs();
  }

  /** Moves every request due at `nowMs` to the backlog; returns how many. */
  advance(nowMs: number): number {
    let due = 0;
    while (!this.#stopped && this.#nextMs <= nowMs) {
      this.#backlog.push(this.#nextMs);
      this.#nextMs += this.#gapMs();
      due += 1;
    }
    return due;
  }

  take(_nowMs: number): number {
    return this.#backlog.shift();
  }

  stop(): void {
    this.#stopped = true;
    this.#backlog.clear();
  }
}
