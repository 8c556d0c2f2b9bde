/**
 * The course of one run: counters of queues, CPUs and groups in slices of equal simulated time.
 *
 * It only looks, between two events, at what the machine counts anyway, and never charges a CPU:
 * a run has the same events with and without it. Never decides what a run does.
 *
 * @module
 */

import { hasTransactions, type RunSeries } from "../record.ts";
import { percentileIsSupported } from "../stats/percentile.ts";
import type { WorkloadSpec } from "../spec.ts";
import {
  bucketValue,
  cpuCounters,
  groupCounters,
  queueCounters,
  type Reading,
  TOTAL_NAMES,
  totalCounters,
  type TotalName,
} from "./reading.ts";
import type { MachineWasm } from "./wasm.ts";

/** Events to the end of a slice are approached by halves; at least so many are handled at once. */
const STEP_LEAST = 16;
/** Events a slice is taken to have before one was seen. */
const STEP_FIRST = 256;
const TICKS_PER_NS = 10;
/** Modes of a CPU in the order of its counters: user, system, irq, softirq, idle. */
const IDLE_MODE = 4;
const MODE_COUNT = 5;
/** Totals that count a packet lost here. */
const DROP_TOTALS: readonly TotalName[] = [
  "drop_ring",
  "drop_fifo",
  "drop_socket",
  "drop_fragment",
  "drop_rule",
  "drop_reset",
  "drop_backlog",
];
/** Those of a slice, in the order of its latencies. */
const PROBABILITIES = [0.5, 0.9, 0.99] as const;

/** Counters at the end of a slice, and what only stands for a moment. */
interface Look {
  readonly timeNs: number;
  readonly counters: Pick<Reading, "queues" | "cpus" | "groups" | "totals">;
  readonly usecs: readonly number[];
}

/** Collects the series of one machine, from the end of the warm-up on. */
export class SeriesRecorder {
  readonly #machine: MachineWasm;
  readonly #workload: WorkloadSpec;
  readonly #cpuCount: number;
  readonly #fromNs: number;
  readonly #sliceNs: number;
  readonly #sliceCount: number;
  readonly #looks: Look[] = [];
  /** Percentiles by slice, then by group. */
  readonly #latencies: (readonly (number | null)[])[][] = [];
  readonly #histograms: Uint32Array[];
  /** Events of a nanosecond, as far as seen. */
  #pace = 0;
  #lastNs: number;
  #lastEvents: number;

  /** Begins where the machine stands, with `from` read there. */
  constructor(
    machine: MachineWasm,
    workload: WorkloadSpec,
    from: Reading,
    options: { readonly measureMs: number; readonly sliceCount: number },
  ) {
    this.#machine = machine;
    this.#workload = workload;
    this.#cpuCount = from.cpus.length;
    this.#fromNs = from.timeNs;
    this.#sliceCount = options.sliceCount;
    this.#sliceNs = options.measureMs * 1e6 / options.sliceCount;
    this.#looks.push({ timeNs: from.timeNs, counters: from, usecs: this.#usecs() });
    this.#histograms = workload.groups.map((_, group) => this.#histogram(group).slice());
    this.#lastNs = from.timeNs;
    this.#lastEvents = eventsOf(from.totals);
  }

  /** End of the slice that is under way, nanoseconds. */
  get #boundaryNs(): number {
    return this.#fromNs + this.#looks.length * this.#sliceNs;
  }

  /** Events to handle before the next look, so that a slice ends a few events after its time. */
  step(): number {
    if (this.#looks.length >= this.#sliceCount) return Infinity;
    if (this.#pace === 0) return STEP_FIRST;
    const left = this.#boundaryNs - this.#machine.calls.nowNs();
    return Math.max(STEP_LEAST, Math.floor(left * this.#pace / 2));
  }

  /** Looks at the machine between two events: ends the slices whose time is over. */
  look(): void {
    const { calls } = this.#machine;
    const nowNs = calls.nowNs();
    if (this.#looks.length >= this.#sliceCount || nowNs < this.#boundaryNs) {
      if (this.#pace === 0) this.#measurePace(nowNs);
      return;
    }
    this.#measurePace(nowNs);
    // Without an event between them, several slices end at once.
    while (this.#looks.length < this.#sliceCount && nowNs >= this.#boundaryNs) this.#endSlice();
  }

  #measurePace(nowNs: number): void {
    const events = eventsOf(totalCounters(this.#machine));
    if (nowNs <= this.#lastNs) return;
    this.#pace = (events - this.#lastEvents) / (nowNs - this.#lastNs);
    this.#lastNs = nowNs;
    this.#lastEvents = events;
  }

  #endSlice(counters?: Reading): void {
    const machine = this.#machine;
    const groups = this.#workload.groups.length;
    this.#looks.push({
      timeNs: machine.calls.nowNs(),
      counters: counters ?? {
        queues: queueCounters(machine),
        cpus: cpuCounters(machine, this.#cpuCount),
        groups: groupCounters(machine, groups),
        totals: totalCounters(machine),
      },
      usecs: this.#usecs(),
    });
    this.#latencies.push(
      this.#workload.groups.map((_, group) => {
        const [now, before] = [this.#histogram(group), this.#histograms[group]!];
        const found = percentilesBetween(before, now, machine.constants.HISTOGRAM_HALF);
        before.set(now);
        return found;
      }),
    );
  }

  #usecs(): number[] {
    const { calls } = this.#machine;
    return Array.from({ length: calls.nicQueuesEver() }, (_, queue) => calls.nicUsecsNow(queue, 0));
  }

  #histogram(group: number): Uint32Array {
    const { constants: c, memory } = this.#machine;
    const at = c.HISTOGRAM_TABLE + group * c.HISTOGRAM_BYTES;
    return new Uint32Array(memory.buffer, at, c.HISTOGRAM_COUNTERS);
  }

  /**
   * The series up to `to`, which is the end of the run.
   *
   * @returns null where the run ended before the last slice began.
   */
  data(to: Reading): RunSeries | null {
    if (this.#looks.length < this.#sliceCount) return null;
    if (this.#looks.length === this.#sliceCount) this.#endSlice(to);
    const rises = (of: (look: Look) => number | undefined): number[] =>
      this.#looks.slice(1).map((look, index) => (of(look) ?? 0) - (of(this.#looks[index]!) ?? 0));
    const dropped = rises(({ counters }) =>
      DROP_TOTALS.reduce((sum, name) => sum + (counters.totals[TOTAL_NAMES.indexOf(name)] ?? 0), 0)
    );
    const at = TOTAL_NAMES.indexOf("retransmits");
    return {
      slice_ns: this.#sliceNs,
      queues: to.queues.map((_, queue) => ({
        queue,
        rx_packets: rises(({ counters }) => counters.queues[queue]?.[0]),
        tx_packets: rises(({ counters }) => counters.queues[queue]?.[2]),
        interrupts: rises(({ counters }) => counters.queues[queue]?.[4]),
        itr_rx_usecs: this.#looks.slice(1).map(({ usecs }) => usecs[queue] ?? 0),
      })),
      cpus: to.cpus.map((_, cpu) => ({ cpu, busy_permille: this.#busy(cpu) })),
      groups: this.#workload.groups.map((group, index) => ({
        name: group.name,
        // Counters 1 and 2 of a group are its transactions and its bytes.
        amount: rises(({ counters }) =>
          counters.groups[index]?.[hasTransactions(group.test) ? 1 : 2]
        ),
        p50_ns: this.#percentiles(index, 0),
        p90_ns: this.#percentiles(index, 1),
        p99_ns: this.#percentiles(index, 2),
      })),
      dropped,
      retransmits: rises(({ counters }) => counters.totals[at]),
    };
  }

  /** One percentile of a group in each slice; null where no slice has enough for it. */
  #percentiles(group: number, place: number): (number | null)[] | null {
    const all = this.#latencies.map((slice) => slice[group]![place]!);
    return all.some((value) => value !== null) ? all : null;
  }

  /**
   * Busy share of a CPU in each slice. Its counters reach to the last change of what it does, which
   * their sum tells. What it has done since, it did without a break: that is idleness, where the
   * next counters have as much of it, since nothing else takes that long. In between it is taken to
   * be busy evenly.
   */
  #busy(cpu: number): number[] {
    const points = this.#looks.map(({ counters, timeNs }) => {
      const modes = (counters.cpus[cpu] ?? []).slice(0, MODE_COUNT);
      const total = modes.reduce((sum, ticks) => sum + ticks, 0);
      return { total, busy: total - modes[IDLE_MODE]!, now: timeNs * TICKS_PER_NS };
    });
    const course = points.flatMap(({ total, busy, now }, index) => {
      const next = points.slice(index + 1).find((point) => point.total > total);
      const idle = next === undefined ? 0 : next.total - total - (next.busy - busy);
      return idle >= now - total ? [{ total, busy }, { total: now, busy }] : [{ total, busy }];
    });
    const start = points[0]!.total;
    const sliceTicks = this.#sliceNs * TICKS_PER_NS;
    const busyAt = points.map((_, index) => interpolated(course, start + index * sliceTicks));
    return busyAt.slice(1).map((busy, index) => {
      const share = (busy - busyAt[index]!) / sliceTicks;
      return Math.round(1000 * Math.min(1, Math.max(0, share)));
    });
  }
}

function interpolated(
  points: readonly { readonly total: number; readonly busy: number }[],
  total: number,
): number {
  const next = points.findIndex((point) => point.total >= total);
  if (next <= 0) return next < 0 ? points.at(-1)!.busy : points[0]!.busy;
  const [from, to] = [points[next - 1]!, points[next]!];
  if (to.total === from.total) return to.busy;
  return from.busy + (to.busy - from.busy) * (total - from.total) / (to.total - from.total);
}

function eventsOf(totals: readonly number[]): number {
  return totals[TOTAL_NAMES.indexOf("events")] ?? 0;
}

/** Percentiles of what two states of a histogram differ by; null for one of too few values. */
function percentilesBetween(
  before: Uint32Array,
  now: Uint32Array,
  half: number,
): readonly (number | null)[] {
  const rises: (readonly [index: number, count: number])[] = [];
  let total = 0;
  for (let index = 0; index < now.length; index++) {
    const count = now[index]! - before[index]!;
    if (count === 0) continue;
    rises.push([index, count]);
    total += count;
  }
  return PROBABILITIES.map((probability) => {
    if (!percentileIsSupported(total, probability)) return null;
    const rank = Math.ceil(probability * total - 1e-9);
    let seen = 0;
    // As everywhere in the lab: the upper end of the bucket that holds the value of this rank.
    const [index] = rises.find(([, count]) => (seen += count) >= rank)!;
    return bucketValue(index + 1, half) - 1;
  });
}
