// deno-fmt-ignore-file
// What a host does beside the workload, on each CPU: the scheduler's tick, timer_hz times a second
// unless the CPU is idle (NO_HZ), and housekeeping, a kernel thread that is bound to the CPU
// (workers, daemons): it wakes at random, runs for a random time and competes by run time like any
// other. Both are off by default. Never touches a queue or a connection.

import { prngBelow, prngExponential } from "../lib/prng";
import { now, schedule } from "../lib/wheel";
import { EV_HOUSEKEEPING, EV_TICK, HOUSE_THREADS, prngOf, PURPOSE_HOUSEKEEPING } from "./abi";
import { SLEEPING, threadAt } from "./connection";
import { cost, HOUSEKEEPING, HOUSEKEEPING_INTERVAL, TICK, TIMER } from "./costs";
import {
  begin,
  Cpu,
  cpuAt,
  cpus,
  cpuTick,
  IDLE,
  IN_THREAD,
  kick,
  MODE_SYSTEM,
  preempts,
  TICKS_PER_SECOND,
} from "./cpu";
import { wake } from "./scheduler";

function nextAfter(): u64 {
  const mean = cost(HOUSEKEEPING_INTERVAL);
  return now() + max(prngExponential(prngOf(PURPOSE_HOUSEKEEPING), mean), 1);
}

/** Starts what is on. The jiffies of a host begin anywhere, the same on all its CPUs. */
export function housekeepingStart(): void {
  const jiffy = <u32>(TICKS_PER_SECOND / cost(TIMER));
  const hasTick = cost(TICK) != 0;
  const phase = hasTick ? prngBelow(prngOf(PURPOSE_HOUSEKEEPING), jiffy) : 0;
  for (let i: u32 = 0; i < cpus(); i++) {
    const thread = threadAt(HOUSE_THREADS + i);
    thread.cpu = i;
    thread.pinned = 1;
    thread.state = SLEEPING;
    if (hasTick) schedule(now() + phase, EV_TICK, i);
    if (cost(HOUSEKEEPING_INTERVAL) != 0) schedule(nextAfter(), EV_HOUSEKEEPING, i);
  }
}

/** A jiffy of a CPU begins: one that is idle does not notice. */
export function tickDue(index: u32): void {
  schedule(now() + TICKS_PER_SECOND / cost(TIMER), EV_TICK, index);
  if (cpuAt(index).activity != IDLE) cpuTick(index);
}

/** Housekeeping is due on a CPU: more work for its thread, which wakes if it slept. */
export function housekeepingDue(index: u32): void {
  schedule(nextAfter(), EV_HOUSEKEEPING, index);
  const number = HOUSE_THREADS + index;
  const work = prngExponential(prngOf(PURPOSE_HOUSEKEEPING), cost(HOUSEKEEPING));
  threadAt(number).extra += max(work, 1);
  wake(number, index);
  if (cpuAt(index).activity == IN_THREAD && preempts(index)) kick(index);
}

/** The housekeeping of a CPU goes on with its work; false if there is none, and it sleeps. */
export function housekeepingGoesOn(index: u32, cpu: Cpu): bool {
  const thread = threadAt(cpu.current);
  if (thread.extra == 0) {
    thread.state = SLEEPING;
    cpu.current = -1;
    return false;
  }
  const work = thread.extra;
  thread.extra = 0;
  thread.mode = MODE_SYSTEM;
  begin(index, IN_THREAD, MODE_SYSTEM, work);
  return true;
}
