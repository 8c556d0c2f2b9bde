// deno-fmt-ignore-file
// The choice of a CPU at wake-up after the kernel's wake_affine and select_idle_sibling: the waking
// CPU if free (where the machine says so), the last CPU if free, a free CPU of its node, else the
// last one. A CPU's queue is in run_queue.ts, in order of run time (the fair scheduler's idea). Of
// load balancing there is one case: a thread behind softirqs without end moves to an idle CPU, as
// the kernel moves it from a CPU that has lost its capacity.

import { now, schedule } from "../lib/wheel";
import { EV_IPI } from "./abi";
import { busyPollWake, SPINNING } from "./busy_poll";
import { RUNNABLE, SLEEPING, Thread, threadAt } from "./connection";
import { cost, IPI, IPI_REMOTE, SLEEPER_CREDIT, WAKE_AFFINE_SWITCH } from "./costs";
import { Cpu, cpuAt, cpuFree, cpus, IDLE, preempts } from "./cpu";
import { cpuIsOnline } from "./online";
import { runEnqueue, runTake } from "./run_queue";
import { totals } from "./totals";
import { traceWake } from "./trace";

function chooseCpu(thread: Thread, waker: u32): u32 {
  const last = thread.cpu;
  if (!cpuIsOnline(last)) return fallbackCpu(last);
  if (thread.pinned != 0) return last;
  if (cost(WAKE_AFFINE_SWITCH) != 0 && cpuFree(waker)) return waker;
  if (cpuFree(last)) return last;
  const node = cpuAt(last).node;
  const count = cpus();
  for (let step: u32 = 1; step < count; step++) {
    const candidate = (last + step) % count;
    if (cpuAt(candidate).node == node && cpuFree(candidate)) return candidate;
  }
  return last;
}

/** A sleeper comes back with at most a credit before the others, wherever it slept. */
function placeRuntime(thread: Thread, from: Cpu, to: Cpu): void {
  const credit = cost(SLEEPER_CREDIT);
  const floor = to.minRuntime > credit ? to.minRuntime - credit : 0;
  if (from == to) {
    thread.runtime = max(thread.runtime, floor);
  } else {
    const lead = thread.runtime > from.minRuntime ? thread.runtime - from.minRuntime : 0;
    thread.runtime = lead == 0 ? floor : to.minRuntime + lead;
  }
}

/** An idle CPU, of the same node if there is one; -1 where all are busy. */
function idleCpu(from: u32): i32 {
  let found = -1;
  const count = cpus();
  for (let step: u32 = 1; step < count; step++) {
    const candidate = (from + step) % count;
    if (cpuAt(candidate).activity != IDLE || !cpuFree(candidate)) continue;
    if (cpuAt(candidate).node == cpuAt(from).node) return candidate;
    if (found < 0) found = candidate;
  }
  return found;
}

/**
 * Where a thread goes whose CPU is offline, pinned or not (select_fallback_rq): an idle CPU, else
 * one of its node where nobody waits, else one of its node, else any. Assumption: the kernel's load
 * balancing, which comes later, would spread them as evenly.
 */
function fallbackCpu(from: u32): u32 {
  const idle = idleCpu(from);
  if (idle >= 0) return idle;
  let found = from;
  let best = 0;
  for (let step: u32 = 1; step < cpus(); step++) {
    const candidate = (from + step) % cpus();
    if (!cpuIsOnline(candidate)) continue;
    const cpu = cpuAt(candidate);
    const rank = 1 + (cpu.runHead < 0 ? 1 : 0) + (cpu.node == cpuAt(from).node ? 2 : 0);
    if (rank > best) {
      best = rank;
      found = candidate;
    }
  }
  return found;
}

/** Gives away the thread of an offline CPU and all that wait there. */
export function evacuate(from: u32): void {
  const cpu = cpuAt(from);
  while (cpu.current >= 0 || cpu.runHead >= 0) {
    const index = cpu.current >= 0 ? cpu.current : runTake(cpu);
    cpu.current = -1;
    const target = fallbackCpu(from);
    hand(index, cpu, target);
    if (cpuAt(target).activity == IDLE || preempts(target)) interruptCpu(cpu, target);
  }
}

/** Makes a thread that no CPU has any more runnable on another one. */
function hand(index: i32, from: Cpu, target: u32): void {
  const thread = threadAt(index);
  const other = cpuAt(target);
  totals().migrations++;
  placeRuntime(thread, from, other);
  thread.cpu = target;
  thread.state = RUNNABLE;
  runEnqueue(other, index);
}

/** Sends an IPI that makes a CPU look for work. */
function interruptCpu(from: Cpu, target: u32): void {
  const far = from.node != cpuAt(target).node ? cost(IPI_REMOTE) : 0;
  schedule(now() + cost(IPI) + far, EV_IPI, target);
}

function isFree(index: i32): bool {
  return index >= 0 && threadAt(index).pinned == 0;
}

/**
 * Moves a thread that softirqs keep off a CPU to an idle one: the first that waits or, where that
 * is bound to its CPU, the interrupted one.
 */
export function rescue(from: u32): void {
  const cpu = cpuAt(from);
  const waits = isFree(cpu.runHead);
  if (!waits && !isFree(cpu.current)) return;
  const target = idleCpu(from);
  if (target < 0) return;
  // One that spins may have a NAPI: it stays.
  if (!waits && threadAt(cpu.current).spin == SPINNING) return;
  const index = waits ? runTake(cpu) : cpu.current;
  if (!waits) cpu.current = -1;
  hand(index, cpu, target);
  interruptCpu(cpu, target);
}

/** Wakes a sleeping thread from CPU `waker`; nothing happens to one that is awake. */
export function wake(index: u32, waker: u32): void {
  const thread = threadAt(index);
  if (thread.state != SLEEPING) {
    busyPollWake(thread);
    return;
  }
  const target = chooseCpu(thread, waker);
  const cpu = cpuAt(target);
  totals().wakeups++;
  traceWake(index, target, waker);
  if (target != thread.cpu) totals().migrations++;
  placeRuntime(thread, cpuAt(thread.cpu), cpu);
  thread.cpu = target;
  thread.state = RUNNABLE;
  runEnqueue(cpu, index);
  if (target == waker && cpu.activity != IDLE) return;
  if (cpu.activity == IDLE || preempts(target)) interruptCpu(cpuAt(waker), target);
}
