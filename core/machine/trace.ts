// deno-fmt-ignore-file
// What a run does, for a person to read: after each event this looks at the CPUs and queues and
// notes what has changed, as entries that the harness takes out between two slices. It only looks,
// so a traced run is the same run; off, it costs one branch an event. It never decides what is
// worth showing: names and spans are made from the entries outside.

import { eventAt, now } from "../lib/wheel";
import { QUEUE_MAX, TRACE, TRACE_MAX, TRACE_SEEN } from "./abi";
import { INTERVAL_MASK } from "./adaptive_itr";
import { POLL_THREAD } from "./busy_poll";
import { TICKS_PER_NS } from "./costs";
import { Cpu, cpuAt, cpus, EXITING, IDLE, IN_IRQ, IN_SOFTIRQ, IN_THREAD } from "./cpu";
import { IRQ_RPS, IRQ_TIMER } from "./hard_irq";
import { Container, queueAt, queues, rxContainer, txContainer } from "./queue";
import { totals } from "./totals";

/** One thing that happened; 16 bytes:
 *
 *   0        8      10      12      16
 *   | time   | kind | place | value |
 */
@unmanaged
export class TraceEntry {
  /** Ticks. */
  time: u64;
  kind: u16;
  place: u16;
  value: u32;
}

// Kinds of entries; the place in brackets, then the value.
/** A CPU does something else [cpu]: activity, mode << 4, and what with << 8 (see `cpuState`). */
export const TRACE_CPU: u16 = 1;
/** A NAPI poll begins [queue]: CPU. */
export const TRACE_POLL: u16 = 2;
/** It ends [queue]: frames that it took. */
export const TRACE_POLL_END: u16 = 3;
/** A vector interrupts [queue]: 1 if the driver forced it, whatever the throttling. */
export const TRACE_INTERRUPT: u16 = 4;
/** The interval in force has changed [queue]: microseconds. */
export const TRACE_ITR_RX: u16 = 5;
export const TRACE_ITR_TX: u16 = 6;
/** Frames in a ring at an interrupt, at a poll's begin and end, and at a drop [queue]. */
export const TRACE_RING_RX: u16 = 7;
export const TRACE_RING_TX: u16 = 8;
/** A thread wakes [CPU it is to run on, waking CPU << 8]: thread. */
export const TRACE_WAKE: u16 = 9;
/** Frames or datagrams are dropped [cause, queue << 8]: how many. */
export const TRACE_DROP: u16 = 10;

// Causes of drops.
export const DROP_RING: u32 = 0;
export const DROP_FIFO: u32 = 1;
export const DROP_SOCKET: u32 = 2;
export const DROP_FRAGMENT: u32 = 3;
export const DROP_RULE: u32 = 4;
export const DROP_LINK: u32 = 5;
export const DROP_RESET: u32 = 6;
export const DROP_BACKLOG: u32 = 7;
export const DROP_DOWN: u32 = 8;

/** More entries than one event makes: all CPUs and queues, a wake-up for each packet cleaned. */
const ROOM_LEAST: u32 = 2048;
const SEEN_SHIFT: usize = 6;

/** What was seen last of a CPU and the queue of its number; the last one holds the drops. */
@unmanaged
class Seen {
  cpu: u32;
  /** Queue that the CPU polls. */
  vector: i32;
  polls: u64;
  rxPackets: u64;
  interrupts: u64;
  forcedInterrupts: u64;
  rxDrops: u64;
  itrRx: u16;
  itrTx: u16;
  ringRx: u16;
  ringTx: u16;
}

let isOn: bool = false;
let entryCount: u32 = 0;
/** Drops seen so far, by cause; those of a ring are the queue's. */
const dropsSeen: StaticArray<u64> = [0, 0, 0, 0, 0, 0, 0, 0, 0];

/** Whether events are to be looked at. */
@inline
export function traceIsOn(): bool {
  return isOn;
}

/** The entries must be taken out before the next event. */
export function traceIsFull(): bool {
  return entryCount > TRACE_MAX - ROOM_LEAST;
}


@inline
function seenAt(index: u32): Seen {
  return changetype<Seen>(TRACE_SEEN + ((<usize>index) << SEEN_SHIFT));
}

function put(kind: u16, place: u32, value: u32): void {
  assert(entryCount < TRACE_MAX);
  const entry = changetype<TraceEntry>(TRACE + (<usize>entryCount << 4));
  entry.time = now();
  entry.kind = kind;
  entry.place = <u16>place;
  entry.value = value;
  entryCount++;
}

/** Looks at each event from here on; first notes how everything stands. */
export function traceStart(): void {
  assert(offsetof<Seen>() <= 1 << SEEN_SHIFT);
  isOn = true;
  entryCount = 0;
  for (let i: u32 = 0; i < max(cpus(), queues()); i++) {
    const seen = seenAt(i);
    seen.cpu = u32.MAX_VALUE;
    seen.vector = -1;
    seen.itrRx = u16.MAX_VALUE;
    seen.itrTx = u16.MAX_VALUE;
    seen.ringRx = u16.MAX_VALUE;
    seen.ringTx = u16.MAX_VALUE;
  }
  for (let i: u32 = 0; i < queues(); i++) {
    const queue = queueAt(i);
    const seen = seenAt(i);
    seen.polls = queue.polls;
    seen.rxPackets = queue.rxPackets;
    seen.interrupts = queue.interrupts;
    seen.forcedInterrupts = queue.forcedInterrupts;
    seen.rxDrops = queue.rxDrops;
    lookRings(i, seen);
  }
  for (let cause = DROP_FIFO; cause <= DROP_DOWN; cause++) dropsSeen[cause] = dropsOf(cause);
  traceLook();
}

/** Looks no more. */
export function traceStop(): void {
  isOn = false;
  entryCount = 0;
}

/** Entries since the last call; they stay readable until the next event. */
export function traceTake(): u32 {
  const count = entryCount;
  entryCount = 0;
  return count;
}

/** A thread was woken for a CPU. */
export function traceWake(thread: u32, cpu: u32, waker: u32): void {
  if (isOn) put(TRACE_WAKE, cpu | (waker << 8), thread);
}

/**
 * What a CPU does, and with what: the vector of an interrupt, QUEUE_MAX for the backlog; step,
 * vector << 8 and ksoftirqd << 16 of a softirq, 1 << 17 in the thread of a NAPI; the thread;
 * nanoseconds that leaving an idle state takes.
 */
function cpuState(cpu: Cpu, seen: u32): u32 {
  const activity = cpu.activity;
  const word = activity | (cpu.mode << 4);
  let detail: u32 = 0;
  if (activity == EXITING) {
    // What is left grows less: it is the exit latency only when seen first.
    if ((seen & 255) == word) return seen;
    detail = <u32>min((eventAt(cpu.event).time - now()) / TICKS_PER_NS, 0xffffff);
  } else if (activity == IN_IRQ) {
    detail = cpu.irqKind <= IRQ_TIMER ? cpu.irqVector : QUEUE_MAX + cpu.irqKind - IRQ_RPS;
  } else if (activity == IN_SOFTIRQ) {
    const isThread: u32 = cpu.busyPoll == POLL_THREAD ? 1 : 0;
    detail = cpu.step | ((cpu.vector & 255) << 8) | (cpu.ksoftirqd << 16) | (isThread << 17);
  } else if (activity != IDLE) {
    // A switch to ksoftirqd has no thread.
    const isDaemon = activity != IN_THREAD && cpu.ksoftirqdLast != 0;
    detail = isDaemon ? 0xffffff : cpu.current & 0xffffff;
  }
  return word | (detail << 8);
}

function lookCpu(index: u32): void {
  const cpu = cpuAt(index);
  const seen = seenAt(index);
  const state = cpuState(cpu, seen.cpu);
  if (state != seen.cpu) {
    seen.cpu = state;
    put(TRACE_CPU, index, state);
  }
  const vector = cpu.vector < <i32>QUEUE_MAX ? cpu.vector : -1;
  const isSame = vector == seen.vector;
  if (isSame && (vector < 0 || queueAt(vector).polls == seenAt(vector).polls)) return;
  if (seen.vector >= 0) {
    const queue = queueAt(seen.vector);
    put(TRACE_POLL_END, seen.vector, <u32>(queue.rxPackets - seenAt(seen.vector).rxPackets));
    lookRings(seen.vector, seenAt(seen.vector));
  }
  seen.vector = vector;
  if (vector < 0) return;
  put(TRACE_POLL, vector, index);
  seenAt(vector).polls = queueAt(vector).polls;
  seenAt(vector).rxPackets = queueAt(vector).rxPackets;
  lookRings(vector, seenAt(vector));
}

function lookRings(index: u32, seen: Seen): void {
  const queue = queueAt(index);
  const rx = <u16>(queue.rxTail - queue.rxHead);
  const tx = <u16>(queue.txTail - queue.txHead);
  if (rx != seen.ringRx) put(TRACE_RING_RX, index, rx);
  if (tx != seen.ringTx) put(TRACE_RING_TX, index, tx);
  seen.ringRx = rx;
  seen.ringTx = tx;
}


@inline
function interval(container: Container): u16 {
  return <u16>(container.current & INTERVAL_MASK);
}

function lookQueue(index: u32): void {
  const queue = queueAt(index);
  const seen = seenAt(index);
  if (queue.interrupts != seen.interrupts) {
    put(TRACE_INTERRUPT, index, queue.forcedInterrupts != seen.forcedInterrupts ? 1 : 0);
    seen.interrupts = queue.interrupts;
    seen.forcedInterrupts = queue.forcedInterrupts;
    lookRings(index, seen);
  }
  const rx = interval(rxContainer(index));
  const tx = interval(txContainer(index));
  if (rx != seen.itrRx) put(TRACE_ITR_RX, index, rx);
  if (tx != seen.itrTx) put(TRACE_ITR_TX, index, tx);
  seen.itrRx = rx;
  seen.itrTx = tx;
  if (queue.rxDrops != seen.rxDrops) {
    put(TRACE_DROP, DROP_RING | (index << 8), <u32>(queue.rxDrops - seen.rxDrops));
    seen.rxDrops = queue.rxDrops;
    lookRings(index, seen);
  }
}

/** Drops of the whole machine by a cause that belongs to no queue. */
function dropsOf(cause: u32): u64 {
  const all = totals();
  switch (cause) {
    case DROP_FIFO:
      return all.dropFifo;
    case DROP_SOCKET:
      return all.dropSocket;
    case DROP_FRAGMENT:
      return all.dropFragment;
    case DROP_RULE:
      return all.dropRule;
    case DROP_LINK:
      return all.lostToHost + all.lostToPeer;
    case DROP_RESET:
      return all.dropReset;
    case DROP_BACKLOG:
      return all.dropBacklog;
    default:
      assert(cause == DROP_DOWN);
      return all.downToHost + all.downToPeer;
  }
}

/** Notes what the event that was just handled has changed. */
export function traceLook(): void {
  for (let i: u32 = 0; i < cpus(); i++) lookCpu(i);
  for (let i: u32 = 0; i < queues(); i++) lookQueue(i);
  for (let cause = DROP_FIFO; cause <= DROP_DOWN; cause++) {
    const drops = dropsOf(cause);
    if (drops != dropsSeen[cause]) put(TRACE_DROP, cause, <u32>(drops - dropsSeen[cause]));
    dropsSeen[cause] = drops;
  }
}
