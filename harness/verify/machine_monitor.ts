/**
 * Monitors over the trace of a machine: what must hold of the sequence of things that a person
 * sees, whatever the model's tables say. They know no more of the model than what the trace tells.
 *
 * @module
 */

import type { TraceEntry } from "../machine/trace.ts";

/** Frames that a NAPI poll takes at most (NAPI_POLL_WEIGHT of Linux). */
const NAPI_WEIGHT = 64;
/** A time in the trace is exact to this, nanoseconds. */
const TICK_NS = 0.1;

/** Throttling of one vector as the trace shows it. */
interface Vector {
  rxUsecs: number;
  txUsecs: number;
  /** Times of its last interrupts that nobody forced, nanoseconds: the last one first. */
  last: number;
  before: number;
  /** Shortest interval of either direction since those times, microseconds. */
  leastSinceLast: number;
  leastSinceBefore: number;
  /** Time of an interrupt that is still to be judged; null none. */
  open: number | null;
}

/** Watches one run from its start; a broken rule is told once, by a sentence. */
export class TraceMonitor {
  readonly #vectors = new Map<number, Vector>();
  readonly #byCompletion: boolean;
  /** Entries seen by kind. */
  readonly counts = new Map<string, number>();

  /** `byCompletion`: frames may end an interval, so that it is no least gap. */
  constructor(byCompletion: boolean) {
    this.#byCompletion = byCompletion;
  }

  /** Something was done to the device: intervals may begin anew. */
  restart(): void {
    for (const vector of this.#vectors.values()) {
      [vector.last, vector.before, vector.open] = [-Infinity, -Infinity, null];
    }
  }

  /** The next entry; a sentence if it breaks a rule. */
  look(entry: TraceEntry): string | null {
    this.counts.set(entry.kind, (this.counts.get(entry.kind) ?? 0) + 1);
    const broken = this.#judge(entry.ns);
    if (broken !== null) return broken;
    if (entry.kind === "poll_end" && entry.value > NAPI_WEIGHT) {
      return `A poll of queue ${entry.place} took ${entry.value} frames, more than ${NAPI_WEIGHT}`;
    }
    if (entry.kind === "itr_rx" || entry.kind === "itr_tx") this.#changed(entry);
    if (entry.kind === "interrupt") this.#interrupted(entry);
    return null;
  }

  #vector(place: number): Vector {
    const known = this.#vectors.get(place);
    if (known !== undefined) return known;
    const vector = {
      rxUsecs: 0,
      txUsecs: 0,
      last: -Infinity,
      before: -Infinity,
      leastSinceLast: 0,
      leastSinceBefore: 0,
      open: null,
    };
    this.#vectors.set(place, vector);
    return vector;
  }

  #changed({ kind, place, value }: TraceEntry): void {
    const vector = this.#vector(place);
    if (kind === "itr_rx") vector.rxUsecs = value;
    else vector.txUsecs = value;
    vector.leastSinceLast = Math.min(vector.leastSinceLast, vector.rxUsecs, vector.txUsecs);
    vector.leastSinceBefore = Math.min(vector.leastSinceBefore, vector.leastSinceLast);
  }

  #interrupted({ place, ns, value: isForced }: TraceEntry): void {
    const vector = this.#vector(place);
    if (isForced === 0) {
      vector.open = ns;
      return;
    }
    [vector.last, vector.before] = [-Infinity, -Infinity];
  }

  /**
   * Each of two causes has a least gap, so of three interrupts two share one: the three do not lie
   * within the shortest interval of that time. Judged once all that happened at the time of the
   * third is known.
   */
  #judge(now: number): string | null {
    if (this.#byCompletion) return null;
    for (const [place, vector] of this.#vectors) {
      const { open, before, leastSinceBefore } = vector;
      if (open === null || now <= open) continue;
      vector.before = vector.last;
      vector.last = open;
      vector.leastSinceBefore = vector.leastSinceLast;
      vector.leastSinceLast = Math.min(vector.rxUsecs, vector.txUsecs);
      vector.open = null;
      const least = 1000 * leastSinceBefore;
      if (open - before >= least - TICK_NS) continue;
      return `Queue ${place} interrupted three times within ${(open - before).toFixed(1)} ns, ` +
        `less than its interval of ${least} ns`;
    }
    return null;
  }
}

/** Looks at receive rings: a frame that nobody takes off for longer than a bound is stuck. */
export class StuckMonitor {
  readonly #boundNs: number;
  readonly #since = new Map<number, { readonly taken: number; readonly ns: number }>();
  /** The longest time that a ring with frames has stood still, nanoseconds. */
  longestNs = 0;

  constructor(boundNs: number) {
    this.#boundNs = boundNs;
  }

  /** A ring holds so many frames and has given so many since the start. */
  look(queue: number, held: number, taken: number, ns: number): string | null {
    const known = this.#since.get(queue);
    if (held === 0 || known?.taken !== taken) {
      this.#since.set(queue, { taken, ns });
      return null;
    }
    this.longestNs = Math.max(this.longestNs, ns - known.ns);
    if (ns - known.ns <= this.#boundNs) return null;
    return `${held} frames lie in the ring of queue ${queue} for ${(ns - known.ns) / 1000} us`;
  }
}
