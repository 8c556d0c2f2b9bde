// deno-fmt-ignore-file
// Softirqs that a turn has left over: ksoftirqd has them, which competes with threads by run time;
// but a timer tick, and a system call that lets softirqs run again, run them at once. Decides who
// goes first; the turns themselves are in softirq.ts.

import { now } from "../lib/wheel";
import { threadSends } from "./app";
import { Thread, threadAt } from "./connection";
import { BH_ENABLES_PER_CALL, cost, KSOFTIRQD_ALONE, TIMER } from "./costs";
import { Cpu, MODE_SYSTEM, TICKS_PER_SECOND } from "./cpu";
import { softirqPending, softirqStart } from "./softirq";

/** A tick has come since the last turn of softirqs ended; one within it finds it under way. */
function tickIsDue(cpu: Cpu): bool {
  const jiffy = TICKS_PER_SECOND / cost(TIMER);
  return now() / jiffy > cpu.softirqUntil / jiffy;
}

/**
 * ksoftirqd, once it has the softirqs of a CPU, competes with threads by run time. Among many
 * threads that would be next to nothing, but each timer tick runs softirqs on its way out: they
 * get a turn in every jiffy, unless they are ksoftirqd's alone.
 */
export function threadBeforeKsoftirqd(cpu: Cpu): bool {
  if (cpu.ksoftirqd == 0) return false;
  if (cost(KSOFTIRQD_ALONE) == 0 && tickIsDue(cpu)) return false;
  const thread = cpu.current >= 0 ? cpu.current : cpu.runHead;
  return thread >= 0 && threadAt(thread).runtime < cpu.ksoftirqdRuntime;
}

/** Softirqs that a thread's call is to let run before it goes on; false if it goes on. */
export function runsInline(index: u32, cpu: Cpu, thread: Thread): bool {
  if (thread.bhEnables == 0) return false;
  if (!softirqPending(cpu)) thread.bhEnables = 0;
  else thread.bhEnables--;
  if (thread.bhEnables == 0) return false;
  cpu.ksoftirqd = 0;
  cpu.softirqTurn = 1;
  softirqStart(index);
  return true;
}

/** Whether a thread's next step lets softirqs run before it: local_bh_enable in a system call. */
export function enablesSoftirqs(cpu: Cpu, thread: Thread): bool {
  const enables = <u32>cost(BH_ENABLES_PER_CALL);
  if (enables == 0 || thread.mode != MODE_SYSTEM || !softirqPending(cpu)) return false;
  if (cost(KSOFTIRQD_ALONE) != 0) return false;
  thread.bhEnables = enables + (threadSends(thread) ? 2 : 1);
  return true;
}
