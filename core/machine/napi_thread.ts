// deno-fmt-ignore-file
// Threaded NAPI (/sys/class/net/<dev>/threaded): a kernel thread for each vector polls in the place
// of the softirq. Whoever schedules the NAPI wakes it; it competes with the application by run
// time, may be bound to the CPU of its interrupt, and lets others go first between two polls. The
// budgets of softirqs and ksoftirqd do not know it. Says when a poll begins; softirq.ts polls.

import { NAPI_THREADS, QUEUE_MAX } from "./abi";
import { POLL_THREAD } from "./busy_poll";
import { SLEEPING, threadAt } from "./connection";
import { cost, WAKE } from "./costs";
import { Cpu, cpuAt, cpus } from "./cpu";
import { vectorCpu } from "./nic";
import { queueAt, queues } from "./queue";
import { wake } from "./scheduler";
import { pollAppend, pollBegin } from "./softirq";

/** Gives the NAPI of each vector a thread, or takes them all away; before the run. */
export function napiThreadsSet(on: bool, pinned: bool): void {
  for (let vector: u32 = 0; vector < QUEUE_MAX; vector++) {
    queueAt(vector).threaded = on ? 1 : 0;
    const thread = threadAt(NAPI_THREADS + vector);
    // Those of queues that a reset may add start anywhere.
    thread.cpu = vector < queues() ? vectorCpu(vector) : vector % cpus();
    thread.pinned = pinned ? 1 : 0;
    thread.state = SLEEPING;
  }
}

/** A NAPI that somebody has scheduled on a CPU gets its poller: a softirq, or its thread. */
export function napiHand(index: u32, vector: u32): void {
  const queue = queueAt(vector);
  if (queue.threaded == 0) {
    pollAppend(cpuAt(index), vector);
    return;
  }
  queue.threadDue = 1;
  wake(NAPI_THREADS + vector, index);
}

/** What waking the thread takes at the end of an interrupt; 0 where none sleeps. */
export function napiWakeTicks(vector: u32): u64 {
  const queue = queueAt(vector);
  if (queue.threaded == 0 || queue.napiOwned != 0) return 0;
  return threadAt(NAPI_THREADS + vector).state == SLEEPING ? cost(WAKE) : 0;
}

/** The thread of a NAPI has a CPU: it begins a poll, or has none to do and goes to sleep. */
export function napiThreadGoesOn(cpu: Cpu): void {
  const vector = <u32>(cpu.current - NAPI_THREADS);
  if (queueAt(vector).threadDue != 0) {
    pollBegin(cpu, vector, POLL_THREAD);
    cpu.softirqTurn = 1;
    return;
  }
  threadAt(cpu.current).state = SLEEPING;
  cpu.current = -1;
}
