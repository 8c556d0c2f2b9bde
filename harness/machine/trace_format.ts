/**
 * A trace as a document in Chrome's trace format, which Perfetto and chrome://tracing open.
 *
 * A track for each CPU with what it does, one for each queue with its polls and interrupts,
 * counters for throttling and rings, arrows from a wake-up to where the thread runs. Pure. Times
 * are whole nanoseconds, so that spans that follow each other do not overlap after rounding.
 *
 * @module
 */

import type { MachineSpec, WorkloadSpec } from "../spec.ts";
import { nodeOf } from "./reading.ts";
import { entriesOf, type TraceData, type TraceEntry } from "./trace.ts";

/** One event of the format; `ts` and `dur` are microseconds. */
export interface ChromeEvent {
  readonly name: string;
  readonly cat?: string;
  /** M name of a track, X span, i instant, C counter, s and f begin and end of an arrow. */
  readonly ph: "M" | "X" | "i" | "C" | "s" | "f";
  readonly ts?: number;
  readonly dur?: number;
  readonly pid: number;
  readonly tid: number;
  readonly id?: number;
  readonly s?: "t";
  readonly bp?: "e";
  readonly args?: Readonly<Record<string, string | number | boolean>>;
}

/** The run that was traced. */
export interface TracedRun {
  readonly runId: string;
  readonly workload: Pick<WorkloadSpec, "groups">;
  readonly machine: MachineSpec;
}

/**
 * Duration of a span between whole nanoseconds, microseconds. A viewer that adds it to the start in
 * floating point must come out before the end: it would take the next span for a part of this one.
 */
function durationUs(fromNs: number, untilNs: number): number {
  const end = untilNs / 1000;
  let duration = (untilNs - fromNs) / 1000;
  while (fromNs / 1000 + duration >= end) duration -= Number.EPSILON * end;
  return duration;
}

/** Processes of the document, in the order in which they are shown. */
const CPUS = 1;
const QUEUES = 2;
const DEVICE = 3;

/** What a CPU does, by the numbers of core/machine/cpu.ts. */
export const ACTIVITIES = ["idle", "exit", "irq", "softirq", "switch", "thread"] as const;
/** Steps of a softirq, by the numbers of core/machine/softirq.ts. */
export const STEPS = [
  "entry",
  "output",
  "tx clean",
  "frames",
  "gro flush",
  "napi complete",
  "backlog",
  "xdp",
  "af_xdp tx",
] as const;
const MODE_USER = 0;
/** In the place of a thread: ksoftirqd. */
const KSOFTIRQD = 0xffffff;
/** In the place of a vector: none. */
export const NO_VECTOR = 255;
/** Threads of NAPIs, by vector, have the numbers from here on: core/machine/abi.ts. */
const NAPI_THREADS = 16_384;
/** Those of housekeeping, by CPU. */
const HOUSE_THREADS = 16_448;
/** In the place of a vector: the backlog of a CPU. */
export const BACKLOG = 64;
/** In the place of a vector: the scheduler's tick. */
export const TICK = 65;
/** Causes of drops, by the numbers of core/machine/trace.ts. */
export const DROPS = [
  "ring full",
  "device buffer full",
  "socket buffer full",
  "fragment missing",
  "flow director rule",
  "lost on link",
  "device reset",
  "backlog full",
  "link down",
] as const;

/** The events, in order of time on every track. */
export function chromeEvents(data: TraceData, run: TracedRun): ChromeEvent[] {
  const format = new Format(run);
  for (const entry of entriesOf(data)) format.add(entry);
  const own = [...namesOf(run), ...format.end(data.untilNs)];
  const { peer } = run.machine;
  if (data.client === undefined || peer === undefined) return own;
  return [...own, ...clientEvents(data.client, { ...run, machine: peer })];
}

/** Processes and arrows of the clients' host have numbers of their own. */
const CLIENT_PROCESSES = 3;
const CLIENT_ARROWS = 1_000_000_000;

/** The events of the clients' host, under its own names. */
function clientEvents(data: TraceData, run: TracedRun): ChromeEvent[] {
  return chromeEvents(data, run).map((event): ChromeEvent => {
    const pid = event.pid + CLIENT_PROCESSES;
    const { args, id } = event;
    const named = event.name === "process_name"
      ? { args: { name: `Client host: ${args?.["name"]}` } }
      : event.name === "process_sort_index"
      ? { args: { sort_index: pid } }
      : {};
    return { ...event, ...named, pid, ...id === undefined ? {} : { id: id + CLIENT_ARROWS } };
  });
}

/** The document in pieces; one event a line. */
export function* chromeDocument(data: TraceData, run: TracedRun): Generator<string> {
  const facts = {
    run_id: run.runId,
    from_ns: data.fromNs,
    until_ns: data.untilNs,
    cut: data.isCut,
  };
  yield `{"displayTimeUnit":"ns","otherData":${JSON.stringify(facts)},"traceEvents":[\n`;
  let mark = "";
  for (const event of chromeEvents(data, run)) {
    yield mark + JSON.stringify(event);
    mark = ",\n";
  }
  yield "\n]}\n";
}

function namesOf({ machine }: TracedRun): ChromeEvent[] {
  const cpus = machine.host.nodes.flatMap((node) => node.cpus).sort((one, two) => one - two);
  const track = (pid: number, tid: number, kind: string, name: string): ChromeEvent => ({
    name: kind,
    ph: "M",
    pid,
    tid,
    args: { name },
  });
  const processes = [[CPUS, "CPUs"], [QUEUES, "Queues"], [DEVICE, "Drops elsewhere"]] as const;
  return [
    ...processes.map(([pid, name]) => track(pid, 0, "process_name", name)),
    ...processes.map(([pid]): ChromeEvent => ({
      name: "process_sort_index",
      ph: "M",
      pid,
      tid: 0,
      args: { sort_index: pid },
    })),
    ...cpus.map((cpu) =>
      track(CPUS, cpu + 1, "thread_name", `CPU ${cpu} (node ${nodeOf(machine, cpu)})`)
    ),
    ...Array.from(
      { length: machine.nic.queue_pairs },
      (_, queue) => track(QUEUES, queue + 1, "thread_name", `queue ${queue}`),
    ),
    track(DEVICE, 1, "thread_name", "device and sockets"),
  ];
}

/** As the kernel names them. */
function napiThreadName(vector: number): string {
  return `napi/eth0-${vector}`;
}

interface Open {
  readonly ns: number;
  readonly name: string;
  readonly cat: string;
  readonly args: Record<string, string | number | boolean>;
}

class Format {
  readonly #run: TracedRun;
  readonly #events: ChromeEvent[] = [];
  /** Spans that have begun, by track. */
  readonly #open = new Map<string, Open>();
  /** Wake-ups whose thread has not run yet: number of the arrow and where it begins. */
  readonly #wakes = new Map<number, { id: number; ns: number; waker: number; cpu: number }>();
  readonly #counters = new Map<string, Record<string, number>>();
  readonly #exits: readonly (readonly [string, number])[];
  #arrows = 0;

  constructor(run: TracedRun) {
    this.#run = run;
    this.#exits = Object.entries(run.machine.costs).flatMap(([name, ns]) => {
      const state = name.match(/^(c\w+)_exit_ns$/)?.[1];
      return state === undefined ? [] : [[state.toUpperCase(), ns] as const];
    });
  }

  add(entry: TraceEntry): void {
    const { kind, ns, place, value } = entry;
    switch (kind) {
      case "cpu":
        return this.#cpu(ns, place, value);
      case "poll":
        return this.#begin(QUEUES, place, { ns, name: "poll", cat: "napi", args: { cpu: value } });
      case "poll_end":
        return this.#end(QUEUES, place, ns, { frames: value });
      case "interrupt": {
        const name = value === 1 ? "interrupt (forced)" : "interrupt";
        return this.#instant(QUEUES, place, ns, name, {});
      }
      case "itr_rx":
      case "itr_tx":
        return this.#count(place, ns, "itr us", kind === "itr_rx" ? "rx" : "tx", value);
      case "ring_rx":
      case "ring_tx":
        return this.#count(place, ns, "ring frames", kind === "ring_rx" ? "rx" : "tx", value);
      case "wake":
        return this.#wake(ns, place & 255, place >> 8, value);
      case "drop":
        return this.#drop(ns, place & 255, place >> 8, value);
    }
  }

  /** Ends what is under way; the events in order of time, as they came where that is equal. */
  end(untilNs: number): ChromeEvent[] {
    for (const track of this.#open.keys()) {
      const [pid, place] = track.split(" ").map(Number);
      this.#end(pid!, place!, untilNs, { cut: true });
    }
    // Nobody has seen these threads run: a mark in the place of an arrow.
    for (const [thread, { ns, waker, cpu }] of this.#wakes) {
      this.#instant(CPUS, waker, ns, "wake-up", { thread: this.#threadName(thread), cpu });
    }
    return this.#events.sort((one, two) => one.ts! - two.ts!);
  }

  #cpu(ns: number, cpu: number, state: number): void {
    const activity = ACTIVITIES[state & 15];
    const detail = state >>> 8;
    const span = this.#span(ns, activity, (state >> 4) & 15, detail);
    this.#end(CPUS, cpu, ns, {});
    this.#begin(CPUS, cpu, span);
    if ((activity === "thread" || activity === "switch") && detail !== KSOFTIRQD) {
      this.#runs(ns, cpu, detail);
    }
  }

  #span(
    ns: number,
    activity: typeof ACTIVITIES[number] | undefined,
    mode: number,
    detail: number,
  ): Open {
    switch (activity) {
      case "exit":
        return {
          ns,
          name: `exit ${this.#stateName(detail)}`,
          cat: "idle",
          args: { latency_ns: detail },
        };
      case "irq":
        if (detail === TICK) return { ns, name: "tick", cat: "irq", args: {} };
        return detail === BACKLOG
          ? { ns, name: "ipi for backlog", cat: "irq", args: {} }
          : { ns, name: "irq", cat: "irq", args: { queue: detail } };
      case "softirq": {
        const vector = (detail >> 8) & 255;
        const isThread = (detail >> 17) !== 0;
        const name = `${isThread ? "napi" : "softirq"} ${STEPS[detail & 255] ?? detail & 255}`;
        const queue = vector === NO_VECTOR || vector === BACKLOG ? {} : { queue: vector };
        const daemon = ((detail >> 16) & 1) !== 0 ? { ksoftirqd: true } : {};
        const thread = isThread ? { thread: napiThreadName(vector) } : {};
        return { ns, name, cat: "softirq", args: { ...queue, ...daemon, ...thread } };
      }
      case "switch":
        return {
          ns,
          name: "context switch",
          cat: "system",
          args: { to: this.#threadName(detail) },
        };
      case "thread": {
        const cat = mode === MODE_USER ? "user" : "system";
        return { ns, name: cat, cat, args: { thread: this.#threadName(detail) } };
      }
      default:
        return { ns, name: activity ?? "unknown", cat: "idle", args: {} };
    }
  }

  /** The idle state with this exit latency. */
  #stateName(ns: number): string {
    return this.#exits.find(([, exitNs]) => exitNs === ns)?.[0] ?? "poll";
  }

  /** A thread by its group and its number there, as many as connections at the most. */
  #threadName(thread: number): string {
    if (thread === KSOFTIRQD) return "ksoftirqd";
    if (thread >= HOUSE_THREADS) return `housekeeping/${thread - HOUSE_THREADS}`;
    if (thread >= NAPI_THREADS) return napiThreadName(thread - NAPI_THREADS);
    let first = 0;
    for (const group of this.#run.workload.groups) {
      if (thread < first + group.connections) return `${group.name} ${thread - first}`;
      first += group.connections;
    }
    return `${thread}`;
  }

  #begin(pid: number, place: number, span: Open): void {
    this.#open.set(`${pid} ${place}`, span);
  }

  #end(pid: number, place: number, ns: number, more: Open["args"]): void {
    const track = `${pid} ${place}`;
    const span = this.#open.get(track);
    if (span === undefined) return;
    this.#open.delete(track);
    const from = Math.round(span.ns);
    const until = Math.round(ns);
    // What took no time would be a line without width.
    if (until === from) return;
    const { name, cat } = span;
    const args = { ...span.args, ...more };
    const times = { ts: from / 1000, dur: durationUs(from, until) };
    this.#events.push({ name, cat, ph: "X", ...times, pid, tid: place + 1, args });
  }

  #instant(pid: number, place: number, ns: number, name: string, args: Open["args"]): void {
    const ts = Math.round(ns) / 1000;
    this.#events.push({ name, ph: "i", s: "t", ts, pid, tid: place + 1, args });
  }

  #count(queue: number, ns: number, what: string, side: string, value: number): void {
    const name = `queue ${queue} ${what}`;
    const values = { ...this.#counters.get(name), [side]: value };
    this.#counters.set(name, values);
    const ts = Math.round(ns) / 1000;
    this.#events.push({ name, ph: "C", ts, pid: QUEUES, tid: 0, args: values });
  }

  #wake(ns: number, cpu: number, waker: number, thread: number): void {
    this.#wakes.set(thread, { id: ++this.#arrows, ns, waker, cpu });
  }

  /** A thread gets a CPU: the arrow of its wake-up ends here. */
  #runs(ns: number, cpu: number, thread: number): void {
    const wake = this.#wakes.get(thread);
    if (wake === undefined) return;
    this.#wakes.delete(thread);
    const common = { name: "wake-up", cat: "wake", id: wake.id, pid: CPUS };
    const args = { thread: this.#threadName(thread) };
    const [from, until] = [wake.ns, ns].map((time) => Math.round(time) / 1000);
    this.#events.push({ ...common, ph: "s", ts: from!, tid: wake.waker + 1, args });
    this.#events.push({ ...common, ph: "f", bp: "e", ts: until!, tid: cpu + 1, args });
  }

  #drop(ns: number, cause: number, queue: number, count: number): void {
    const name = `drop: ${DROPS[cause] ?? cause}`;
    const [pid, place] = cause === 0 ? [QUEUES, queue] : [DEVICE, 0];
    this.#instant(pid, place, ns, name, { count });
  }
}
