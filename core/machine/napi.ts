// deno-fmt-ignore-file
// NAPI of a vector: who has it, and what its completion does. One at most has it: the poll list of
// a CPU, the poll under way, its own thread, or one that spins (busy_poll.ts). Completion arms the
// interrupt again. With napi_defer_hard_irqs it leaves it masked and starts a timer that schedules
// the NAPI: each poll without frames counts down, one with frames starts the count anew, at 0 the
// interrupt is armed (napi_complete_done, napi_watchdog). Never polls: that is softirq.ts.

import { cancel, now, schedule } from "../lib/wheel";
import { EV_BUSY_POLL, EV_NAPI_TIMER } from "./abi";
import {
  cost,
  GRO_FLUSH_TIMEOUT,
  NAPI_DEFER_HARD_IRQS,
  PREFER_BUSY_POLL,
} from "./costs";
import { cpuAt, cpuTimer } from "./cpu";
import { timerTicks } from "./fault";
import { vectorComplete } from "./itr";
import { napiHand } from "./napi_thread";
import { queueAt } from "./queue";
import { txWaiting } from "./ring";
import { rxWaiting } from "./write_back";

/** Schedules a vector's NAPI on a CPU; whoever has it already polls once more. */
export function napiSchedule(index: u32, vector: u32): void {
  const queue = queueAt(vector);
  if (queue.napiOwned != 0) {
    queue.napiMissed = 1;
    return;
  }
  queue.napiOwned = 1;
  napiHand(index, vector);
}

/** Nobody has the NAPI any more: threads that spin for it may take it. */
export function napiRelease(vector: u32): void {
  const queue = queueAt(vector);
  queue.napiOwned = 0;
  queue.threadDue = 0;
  queue.poller = 0;
  if (queue.spinCpus != 0) schedule(now(), EV_BUSY_POLL, vector);
}

/** Starts the timer of a vector's NAPI on a CPU; one that runs or has run out is started anew. */
export function napiTimerStart(index: u32, vector: u32, ticks: u64): void {
  const queue = queueAt(vector);
  if (queue.napiTimer != 0) cancel(queue.napiTimer);
  cpuAt(queue.napiCpu).pendingTimers &= ~((<u64>1) << vector);
  queue.napiCpu = index;
  queue.napiTimer = schedule(now() + timerTicks(ticks), EV_NAPI_TIMER, vector);
}

/** The timer of a vector's NAPI has run out: it interrupts its CPU. */
export function napiTimerOver(vector: u32): void {
  const queue = queueAt(vector);
  queue.napiTimer = 0;
  cpuTimer(queue.napiCpu, vector);
}

/** The timer's handler: schedules a NAPI that nobody has, though its interrupt may be armed. */
export function napiWatchdog(index: u32, vector: u32): void {
  if (queueAt(vector).napiOwned == 0) napiSchedule(index, vector);
}

/** The time for which a completion leaves the interrupt masked, ticks; 0 re-arms it. */
function deferral(vector: u32, work: u32): u64 {
  const queue = queueAt(vector);
  if (work != 0) queue.deferCount = <u32>cost(NAPI_DEFER_HARD_IRQS);
  if (queue.deferCount == 0) return 0;
  queue.deferCount--;
  return cost(GRO_FLUSH_TIMEOUT);
}

/**
 * A softirq's poll has taken its share and more waits: where busy polling is preferred and a thread
 * spins for the NAPI, it is left to the thread, backed by the timer. False if the softirq goes on.
 */
export function napiYields(index: u32, vector: u32, work: u32): bool {
  const queue = queueAt(vector);
  if (cost(PREFER_BUSY_POLL) == 0 || queue.spinCpus == 0) return false;
  const timeout = deferral(vector, work);
  if (timeout == 0 || queue.napiMissed != 0) return false;
  napiRelease(vector);
  napiTimerStart(index, vector, timeout);
  return true;
}

/** What GRO keeps has the NAPI's timer, though the interrupt is armed: either may come first. */
export function groTimer(index: u32, vector: u32): void {
  if (queueAt(vector).groHead < 0) return;
  queueAt(vector).napiRaced = 1;
  napiTimerStart(index, vector, cost(GRO_FLUSH_TIMEOUT));
}

/** A poll on a CPU has come to its end with so many frames: the NAPI is complete. */
export function napiComplete(index: u32, vector: u32, work: u32): void {
  const queue = queueAt(vector);
  const timeout = deferral(vector, work);
  if (queue.napiMissed != 0) {
    queue.napiMissed = 0;
    queue.poller = 0;
    napiHand(index, vector);
    return;
  }
  napiRelease(vector);
  if (timeout != 0) {
    napiTimerStart(index, vector, timeout);
    return;
  }
  groTimer(index, vector);
  vectorComplete(vector, rxWaiting(vector) > 0, txWaiting(vector) > 0);
}
