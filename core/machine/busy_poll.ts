// deno-fmt-ignore-file
// Busy polling (SO_BUSY_POLL): a thread that would block in a receive call spins first and polls
// its socket's NAPI itself, with a small budget, if nobody else has it (napi_busy_loop). Interrupts
// stay armed: one that comes costs its CPU a hard interrupt and finds the NAPI taken. The spin ends
// with data, after busy_poll_ns, or when another thread is due; a last poll completes the NAPI.
// Empty rounds are no events: a thread sees what has come at the end of the round it is in.

import { cancel, eventAt, now, schedule } from "../lib/wheel";
import { EV_BUSY_POLL, EV_CPU } from "./abi";
import {
  connectionAt,
  groupAt,
  hasConnects,
  STATE_OPEN,
  TCP_MAERTS,
  Thread,
  threadAt,
} from "./connection";
import {
  BUSY_POLL,
  BUSY_POLL_BUDGET,
  BUSY_POLL_LOOP,
  cost,
  GRO_FLUSH_TIMEOUT,
  IRQ_SUSPEND_TIMEOUT,
  NAPI_DEFER_HARD_IRQS,
  PREFER_BUSY_POLL,
} from "./costs";
import { atClock, Cpu, cpuAt, IN_THREAD, MODE_SYSTEM } from "./cpu";
import { napiRelease, napiSchedule, napiTimerStart } from "./napi";
import { napiHand } from "./napi_thread";
import { queueAt } from "./queue";
import { txWaiting } from "./ring";
import { pollBegin } from "./softirq";
import { rxWaiting } from "./write_back";

// State of a thread's spin.
const NOT_SPINNING: u32 = 0;
export const SPINNING: u32 = 1;
/** It has ended without data: the thread blocks next. */
const OVER: u32 = 2;

// What the poll under way on a CPU is.
/** A softirq's. */
export const POLL_SOFTIRQ: u32 = 0;
/** A round of a spin: completes nothing. */
export const POLL_ROUND: u32 = 1;
/** The last one of a spin: completes the NAPI. */
export const POLL_LAST: u32 = 2;
/** One of the NAPI's own thread, as a softirq's. */
export const POLL_THREAD: u32 = 3;

/** Frames that a busy poll takes at most. */
export function busyPollBudget(): u32 {
  return <u32>cost(BUSY_POLL_BUDGET);
}

/** A round that finds nothing. */
function roundTicks(): u64 {
  return max(atClock(cost(BUSY_POLL_LOOP)), 1);
}

/** Whether a receive call on the thread's socket spins: a known NAPI, an established connection. */
function mayPoll(index: u32): bool {
  const thread = threadAt(index);
  if (thread.napi == 0) return false;
  // epoll_wait polls the NAPI of the last frame that came for one of its sockets: where busy
  // polling is preferred at least once.
  if (thread.polls != 0) return (cost(BUSY_POLL) | cost(PREFER_BUSY_POLL)) != 0;
  if (cost(BUSY_POLL) == 0) return false;
  const connection = connectionAt(thread.serving);
  const test = groupAt(connection.group).test;
  return test != TCP_MAERTS && (!hasConnects(test) || connection.state == STATE_OPEN);
}

function cpuBit(cpu: u32): u64 {
  return (<u64>1) << cpu;
}

/** SO_PREFER_BUSY_POLL: between two spins the interrupt stays masked, backed by the timer. */
function keepMasked(cpu: u32, vector: u32): void {
  const count = <u32>cost(NAPI_DEFER_HARD_IRQS);
  queueAt(vector).deferCount = count;
  const timeout = cost(GRO_FLUSH_TIMEOUT);
  if (count != 0 && timeout != 0) napiTimerStart(cpu, vector, timeout);
}

/** Leaves the spin for now; a NAPI that the thread has gets its last poll. True if it has one. */
function leave(index: u32, cpu: u32): bool {
  const vector = threadAt(index).spinQueue;
  const queue = queueAt(vector);
  queue.spinCpus &= ~cpuBit(cpu);
  if (queue.poller != index + 1) return false;
  queue.napiMissed = 0;
  if (cost(PREFER_BUSY_POLL) != 0) keepMasked(cpu, vector);
  pollBegin(cpuAt(cpu), vector, POLL_LAST);
  return true;
}

/** Takes the NAPI if nobody has it. */
function take(index: u32, vector: u32): bool {
  const queue = queueAt(vector);
  if (queue.napiOwned == 0) {
    queue.napiOwned = 1;
    queue.napiRaced = 1;
    queue.poller = index + 1;
  }
  return queue.poller == index + 1;
}

/** Whether a thread's epoll_wait suspends the interrupt of its vector. */
function suspends(thread: Thread): bool {
  if (thread.polls == 0 || thread.napi == 0) return false;
  return cost(PREFER_BUSY_POLL) != 0 && cost(IRQ_SUSPEND_TIMEOUT) != 0;
}

/**
 * epoll_wait has returned something: as long as its thread is at it, no interrupt is needed. A
 * timer is the safety net (napi_suspend_irqs).
 */
export function busyPollSuspend(thread: Thread, cpu: u32): void {
  if (!suspends(thread)) return;
  queueAt(thread.napi - 1).napiRaced = 1;
  napiTimerStart(cpu, thread.napi - 1, cost(IRQ_SUSPEND_TIMEOUT));
}

/** The last poll of epoll_wait found nothing: a softirq takes over, with its deferral. */
function resume(thread: Thread, cpu: u32): void {
  if (!suspends(thread)) return;
  queueAt(thread.napi - 1).napiRaced = 1;
  napiSchedule(cpu, thread.napi - 1);
}

/**
 * Asked when a thread is to go on from the start of its loop: true if it spins, or polls before it
 * does anything else. `waits` says that its socket has nothing for it.
 */
export function busyPolls(index: u32, cpu: u32, waits: bool): bool {
  const thread = threadAt(index);
  if (thread.spin == OVER) {
    thread.spin = NOT_SPINNING;
    if (waits) resume(thread, cpu);
    return false;
  }
  if (thread.spin == NOT_SPINNING) {
    if (!waits || !mayPoll(index)) return false;
    thread.spin = SPINNING;
    thread.spinQueue = thread.napi - 1;
    thread.spinEnd = now() + max(cost(BUSY_POLL), roundTicks());
  }
  const vector = thread.spinQueue;
  if (!waits || now() >= thread.spinEnd) {
    const polls = leave(index, cpu);
    thread.spin = polls && waits ? OVER : NOT_SPINNING;
    if (!polls && waits) resume(thread, cpu);
    return polls;
  }
  queueAt(vector).spinCpus |= cpuBit(cpu);
  if (take(index, vector)) {
    queueAt(vector).pollerTold = 0;
    if (rxWaiting(vector) + txWaiting(vector) > 0) {
      pollBegin(cpuAt(cpu), vector, POLL_ROUND);
      return true;
    }
  }
  thread.mode = MODE_SYSTEM;
  thread.spinSince = now();
  return true;
}

/** Ticks of the spin that begins: up to its end, unless something comes. */
export function busyPollTicks(thread: Thread): u64 {
  return thread.spin == SPINNING ? thread.spinEnd - now() : 0;
}

/** The thread of a CPU spins and another is due: true if a last poll comes before the switch. */
export function busyPollYields(cpu: Cpu, index: u32): bool {
  return threadAt(cpu.current).spin == SPINNING && leave(cpu.current, index);
}

/** A spin on a CPU ends with the round that is under way. */
function endRound(index: u32): void {
  const cpu = cpuAt(index);
  // Whoever interrupted it lets it look again anyway.
  if (cpu.activity != IN_THREAD) return;
  const round = roundTicks();
  const since = threadAt(cpu.current).spinSince;
  const rounds = (now() - since + round - 1) / round;
  const time = min(max(since + rounds * round, now()), eventAt(cpu.event).time);
  cancel(cpu.event);
  cpu.event = schedule(time, EV_CPU, index);
}

/** The driver may see something new in a vector's rings: its poller is told, once. */
export function busyPollTell(vector: u32): void {
  const queue = queueAt(vector);
  if (queue.poller == 0 || queue.pollerTold != 0) return;
  queue.pollerTold = 1;
  schedule(now(), EV_BUSY_POLL, vector);
}

/** Something has come for the poller of a vector, or nobody has its NAPI any more. */
export function busyPollNotice(vector: u32): void {
  const queue = queueAt(vector);
  if (queue.poller != 0) {
    endRound(threadAt(queue.poller - 1).cpu);
    return;
  }
  for (let rest = queue.spinCpus; rest != 0; rest &= rest - 1) endRound(<u32>ctz(rest));
}

/** Something has come for a thread that is awake: a spin ends. */
export function busyPollWake(thread: Thread): void {
  if (thread.spin == SPINNING && (queueAt(thread.spinQueue).spinCpus & cpuBit(thread.cpu)) != 0) {
    endRound(thread.cpu);
  }
}

/** A busy poll on a CPU has taken all it may, or all there is. */
export function busyPollOver(index: u32, cpu: Cpu): void {
  const vector = cpu.vector;
  const isLast = cpu.busyPoll == POLL_LAST;
  cpu.busyPoll = POLL_SOFTIRQ;
  cpu.vector = -1;
  if (!isLast || vector < 0) return;
  // The budget was not enough: the timer goes on, or a softirq.
  const queue = queueAt(vector);
  if (cost(PREFER_BUSY_POLL) != 0 && queue.napiTimer != 0) {
    napiRelease(vector);
    return;
  }
  queue.poller = 0;
  napiHand(index, vector);
}
