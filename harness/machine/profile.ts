/**
 * Where the time of a run of the model goes, by kind of event.
 *
 * Counts are exact. The cost of a kind is an estimate: between two slices a few hundred events are
 * handled one by one, each timed from outside; the time of a call that handles none is taken off,
 * and the mean leaves out the highest samples, which are mostly other processes. All costs are then
 * scaled by one factor, so that together they make the time that the slices took. Never changes
 * the run: the same events are handled, in other portions.
 *
 * @module
 */

import { CPU_EVENT, CPU_KINDS, EVENT_KINDS } from "./event_kinds.ts";
import { type MachineWasm, readCounters } from "./wasm.ts";

/** What a profile says of one kind of event. */
export interface KindProfile {
  readonly kind: string;
  readonly events: number;
  /** Estimated share of the time, 0..1, and nanoseconds each; null without samples. */
  readonly time_share: number | null;
  readonly event_ns: number | null;
  /** Events that were timed. */
  readonly samples: number;
}

/** What `--profile` reports, of one run or of several. */
export interface Profile {
  readonly runs: number;
  readonly events: number;
  /** Time that the slices took, without the events that were timed one by one. */
  readonly wall_ns: number;
  readonly events_per_second: number;
  readonly kinds: readonly KindProfile[];
}

/** Times of one run, or the sum of several; a value that a worker can send. */
export interface ProfileSamples {
  readonly runs: number;
  readonly sliceEvents: number;
  readonly sliceMs: number;
  /** Kinds of one host; those of the clients' host follow those of the server's. */
  readonly kindCount: number;
  /** Events by kind, timed ones included. */
  readonly counts: readonly number[];
  /** Times of single events, milliseconds, by kind. */
  readonly times: readonly (readonly number[])[];
  /** Times of calls that handle no event. */
  readonly idleTimes: readonly number[];
}

/** Events timed one by one between two slices. */
const SAMPLES_PER_SLICE = 200;
/** Highest samples of a kind that do not count: interrupts of this process, not the event. */
const TRIMMED_SHARE = 0.01;

/** Something that handles events, at most so many. */
export type Advance = (maxEvents: number) => boolean;

/** Profiles the machines of a run; the clock gives milliseconds. */
export class Profiler {
  readonly #machines: readonly MachineWasm[];
  readonly #clock: () => number;
  readonly #counters: readonly Uint32Array[];
  readonly #times: number[][];
  readonly #idleTimes: number[] = [];
  #before: readonly number[];
  #sliceEvents = 0;
  #sliceMs = 0;

  constructor(machines: readonly MachineWasm[], clock: () => number) {
    this.#machines = machines;
    this.#clock = clock;
    this.#counters = machines.map(({ memory, constants: { KIND_TABLE, KIND_COUNT } }) =>
      new Uint32Array(memory.buffer, KIND_TABLE, KIND_COUNT * 2)
    );
    this.#before = this.#counts();
    this.#times = this.#before.map(() => []);
  }

  /** Forgets what was before: the warm-up of the run and of the engine. */
  start(): void {
    this.#before = this.#counts();
  }

  /** Handles a slice in two parts: timed event by event, and timed as a whole. */
  slice(maxEvents: number, advance: Advance): boolean {
    const clock = this.#clock;
    for (let sample = 0; sample < SAMPLES_PER_SLICE; sample++) {
      const before = this.#counters.map((counters) => counters.slice());
      const idleFrom = clock();
      advance(0);
      const from = clock();
      const isOver = advance(1);
      const until = clock();
      this.#idleTimes.push(from - idleFrom);
      const kind = this.#handled(before);
      if (kind !== null) this.#times[kind]!.push(until - from);
      if (isOver) return true;
    }
    const eventsBefore = this.#eventCount();
    const from = clock();
    const isOver = advance(maxEvents);
    this.#sliceMs += clock() - from;
    this.#sliceEvents += this.#eventCount() - eventsBefore;
    return isOver;
  }

  /** What was found so far. */
  samples(): ProfileSamples {
    return {
      runs: 1,
      sliceEvents: this.#sliceEvents,
      sliceMs: this.#sliceMs,
      kindCount: this.#machines[0]!.constants.KIND_COUNT,
      counts: this.#counts().map((count, kind) => count - (this.#before[kind] ?? 0)),
      times: this.#times,
      idleTimes: this.#idleTimes,
    };
  }

  /** Kind of the one event since; what a CPU has done is told more closely than by its kind. */
  #handled(before: readonly Uint32Array[]): number | null {
    for (const [host, counters] of this.#counters.entries()) {
      const place = counters.findLastIndex((count, word) => count !== before[host]![word]);
      if (place >= 0) return host * (counters.length / 2) + (place >> 1);
    }
    return null;
  }

  /** Events by kind, each counted once. */
  #counts(): number[] {
    return this.#machines.flatMap((machine) => {
      const { KIND_TABLE, KIND_COUNT } = machine.constants;
      return readCounters(machine, KIND_TABLE, KIND_COUNT)
        .map((count, kind) => kind === CPU_EVENT ? 0 : count);
    });
  }

  #eventCount(): number {
    return this.#counts().reduce((sum, count) => sum + count, 0);
  }
}

/** Mean of the samples without the highest ones. */
function trimmedMean(samples: readonly number[]): number {
  const kept = samples.toSorted((one, two) => one - two)
    .slice(0, Math.max(1, Math.ceil(samples.length * (1 - TRIMMED_SHARE))));
  return kept.reduce((sum, value) => sum + value, 0) / kept.length;
}

/** Sum of the samples of several runs. */
export function addSamples(all: readonly ProfileSamples[]): ProfileSamples {
  const sum = (of: (samples: ProfileSamples) => number) =>
    all.reduce((total, samples) => total + of(samples), 0);
  const longest = Math.max(0, ...all.map(({ counts }) => counts.length));
  const kinds = Array.from({ length: longest }, (_, kind) => kind);
  return {
    runs: sum(({ runs }) => runs),
    sliceEvents: sum(({ sliceEvents }) => sliceEvents),
    sliceMs: sum(({ sliceMs }) => sliceMs),
    kindCount: all[0]?.kindCount ?? 0,
    counts: kinds.map((kind) => sum(({ counts }) => counts[kind] ?? 0)),
    times: kinds.map((kind) => all.flatMap(({ times }) => times[kind] ?? [])),
    idleTimes: all.flatMap(({ idleTimes }) => idleTimes),
  };
}

/** Name of a kind, with the host before it where that is the clients'. */
function kindName(kind: number, kindCount: number): string {
  const own = kind % kindCount;
  const name = CPU_KINDS[own] ?? EVENT_KINDS[own] ?? `${own}`;
  return kind < kindCount ? name : `client host: ${name}`;
}

/** The profile that the samples give, the most expensive kind first. */
export function profileOf(samples: ProfileSamples): Profile {
  const { counts, times, idleTimes, sliceEvents, sliceMs } = samples;
  const idleMs = idleTimes.length === 0 ? 0 : trimmedMean(idleTimes);
  const costs = times.map((each) =>
    each.length === 0 ? null : Math.max(0, trimmedMean(each) - idleMs)
  );
  const total = counts.reduce((sum, count, kind) => sum + count * (costs[kind] ?? 0), 0);
  const events = counts.reduce((sum, count) => sum + count, 0);
  const eventMs = sliceEvents === 0 ? 0 : sliceMs / sliceEvents;
  const kinds = counts.flatMap((count, kind): KindProfile[] => {
    if (count === 0) return [];
    const cost = costs[kind] ?? null;
    const share = cost === null || total === 0 ? null : count * cost / total;
    return [{
      kind: kindName(kind, samples.kindCount),
      events: count,
      time_share: share,
      event_ns: share === null ? null : share * eventMs * 1e6 * events / count,
      samples: times[kind]?.length ?? 0,
    }];
  });
  return {
    runs: samples.runs,
    events,
    wall_ns: sliceMs * 1e6,
    events_per_second: sliceMs === 0 ? 0 : sliceEvents / sliceMs * 1000,
    kinds: kinds.sort((one, two) => (two.time_share ?? 0) - (one.time_share ?? 0)),
  };
}
