// deno-fmt-ignore-file
// Threads that want a CPU: one queue per CPU in order of run time (the fair scheduler's idea), and
// the choice of a CPU at wake-up after the kernel's wake_affine and select_idle_sibling: the waking
// CPU if free (where the machine says so), the last CPU if free, a free CPU of its node, else the
// last one. No load balancing beyond that: threads change CPU at wake-ups only.

import { now, schedule } from "../lib/wheel";
import { EV_IPI } from "./abi";
import { RUNNABLE, SLEEPING, Thread, threadAt } from "./connection";
import { cost, IPI, IPI_REMOTE, SLEEPER_CREDIT, WAKE_AFFINE_SWITCH } from "./costs";
import { Cpu, cpuAt, cpuFree, cpus, IDLE, preempts } from "./cpu";
import { totals } from "./totals";

/** Puts a thread into a CPU's queue, behind those with equal run time. */
export function runEnqueue(cpu: Cpu, index: i32): void {
  const thread = threadAt(index);
  let before = -1;
  let after = cpu.runHead;
  while (after >= 0 && threadAt(after).runtime <= thread.runtime) {
    before = after;
    after = threadAt(after).next;
  }
  thread.next = after;
  if (before < 0) cpu.runHead = index;
  else threadAt(before).next = index;
}

/** Takes the thread with the least run time, or -1. */
export function runTake(cpu: Cpu): i32 {
  const index = cpu.runHead;
  if (index >= 0) cpu.runHead = threadAt(index).next;
  return index;
}

function chooseCpu(last: u32, waker: u32): u32 {
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

/** Wakes a sleeping thread from CPU `waker`; nothing happens to one that is awake. */
export function wake(index: u32, waker: u32): void {
  const thread = threadAt(index);
  if (thread.state != SLEEPING) return;
  const target = chooseCpu(thread.cpu, waker);
  const cpu = cpuAt(target);
  totals().wakeups++;
  if (target != thread.cpu) totals().migrations++;
  placeRuntime(thread, cpuAt(thread.cpu), cpu);
  thread.cpu = target;
  thread.state = RUNNABLE;
  runEnqueue(cpu, index);
  if (target == waker && cpu.activity != IDLE) return;
  if (cpu.activity == IDLE || preempts(target)) {
    const far = cpuAt(waker).node != cpu.node ? cost(IPI_REMOTE) : 0;
    schedule(now() + cost(IPI) + far, EV_IPI, target);
  }
}
