// deno-fmt-ignore-file
// CPUs of the system under test. At any time a CPU does one thing: hard interrupt, softirq step,
// context switch, a step of a thread, leaving an idle state, or idling; a thread's step is cut
// short by interrupts and resumed, the others run to their end: a hard interrupt waits for the end
// of a softirq step, and the softirqs go on after it. Every tick goes to exactly one of user,
// system, irq, softirq, idle. Decides order (irq, softirq, thread), not durations: those come from
// who is asked to go on.

import { cancel, eventAt, now, schedule } from "../lib/wheel";
import {
  CPU_KINDS,
  CPU_MAX,
  CPU_SHIFT,
  CPUS,
  EV_CPU,
  HOUSE_THREADS,
  NAPI_THREAD_KINDS,
  NAPI_THREADS,
  SOFTIRQ_KINDS,
} from "./abi";
import { threadDone, threadNext } from "./app";
import { busyPollYields, POLL_SOFTIRQ, POLL_THREAD, SPINNING } from "./busy_poll";
import { RUNNABLE, RUNNING, SLEEPING, Thread, threadAt } from "./connection";
import {
  CACHE_REFILL,
  CONTEXT_SWITCH,
  cost,
  CPU_CLOCK,
  IRQ_TIME_ACCOUNTING,
  REFERENCE_CLOCK,
  SMT_BUSY,
  WAKEUP_GRANULARITY,
} from "./costs";
import { irqBegin, irqEnd, irqPending } from "./hard_irq";
import { housekeepingGoesOn } from "./housekeeping";
import { idleBegin, idleEnd, idleInit } from "./idle";
import { enablesSoftirqs, runsInline, threadBeforeKsoftirqd } from "./ksoftirqd";
import { napiThreadGoesOn } from "./napi_thread";
import { cpuIsOnline, cpuSetOnline, onlineInit } from "./online";
import { runEnqueue, runTake } from "./run_queue";
import { evacuate } from "./scheduler";
import { softirqDone, softirqNext, softirqPending, softirqStart } from "./softirq";
import { countKind, totals } from "./totals";

/** Ticks of 100 ps in a second. */
export const TICKS_PER_SECOND: u64 = 10000000000;

// What a CPU does.
export const IDLE: u32 = 0;
export const EXITING: u32 = 1;
export const IN_IRQ: u32 = 2;
export const IN_SOFTIRQ: u32 = 3;
export const SWITCHING: u32 = 4;
export const IN_THREAD: u32 = 5;
/** Between two of them, at one instant. */
const DECIDING: u32 = 6;

// Where its time goes: index into `times`.
export const MODE_USER: u32 = 0;
export const MODE_SYSTEM: u32 = 1;
export const MODE_IRQ: u32 = 2;
export const MODE_SOFTIRQ: u32 = 3;
export const MODE_IDLE: u32 = 4;

/** One CPU, 512 bytes. */
@unmanaged
export class Cpu {
  userTicks: u64;
  systemTicks: u64;
  irqTicks: u64;
  softirqTicks: u64;
  idleTicks: u64;
  // Counters of /proc/net/softnet_stat.
  softnetProcessed: u64;
  softnetDropped: u64;
  softnetTimeSqueeze: u64;
  softnetReceivedRps: u64;
  /** Up to when time is charged. */
  since: u64;
  activity: u32;
  mode: u32;
  event: u32;
  node: u32;
  /** CPUs of the same core, itself not among them. */
  siblings: u64;
  pendingIrqs: u64;
  /** Timers of NAPI that have run out, by vector. */
  pendingTimers: u64;
  /** An IPI for the backlog has come. */
  pendingRps: u64;
  /** A jiffy has begun. */
  pendingTick: u64;
  irqVector: u32;
  /** What the interrupt under way is. */
  irqKind: u32;
  // Threads.
  current: i32;
  runHead: i32;
  /** Heads of the lanes above it; see run_queue.ts. */
  runLane1: u32;
  runLane2: u32;
  runLane3: u32;
  runLane4: u32;
  runLane5: u32;
  runLane6: u32;
  /** Transmit queues that its packets may take, a mask (xps_cpus). */
  xpsQueues: u64;
  minRuntime: u64;
  // Idle state that it is in; see idle.ts.
  idleSince: u64;
  /** Exit latency of the state, and the timer that was known; 0 where the governor is not asked. */
  idleExit: u64;
  idleTimer: u64;
  /** Oldest of the last eight intervals, which follow, microseconds. */
  idlePlace: u32;
  idleIntervals: u32;
  idleInterval1: u32;
  idleInterval2: u32;
  idleInterval3: u32;
  idleInterval4: u32;
  idleInterval5: u32;
  idleInterval6: u32;
  idleInterval7: u32;
  /** Corrections by the timer's distance, six of them. */
  idleCorrections: u32;
  idleCorrection1: u32;
  idleCorrection2: u32;
  idleCorrection3: u32;
  idleCorrection4: u32;
  idleCorrection5: u32;
  // Softirq; see softirq.ts.
  pollHead: i32;
  pollTail: i32;
  outHead: i32;
  outTail: i32;
  groHead: i32;
  groFull: i32;
  vector: i32;
  step: u32;
  stage: u32;
  stepConnection: i32;
  work: u32;
  cleaned: u32;
  batch: u32;
  /** Frames that the poll under way takes at most, and whose it is; see busy_poll.ts. */
  weight: u32;
  busyPoll: u32;
  budget: u32;
  restarts: u32;
  /** A turn of softirqs is under way, between two steps if the CPU does something else. */
  softirqTurn: u32;
  /** Frames that softirqs have taken since the thread that they keep waiting ran. */
  refills: u32;
  /** ksoftirqd has the softirqs; it runs, or wants to (an interrupt may do its work before). */
  ksoftirqd: u32;
  ksoftirqdAwake: u32;
  /** The thread that ran last is ksoftirqd: any other costs a context switch. */
  ksoftirqdLast: u32;
  softirqSince: u64;
  roundSince: u64;
  /** When the last turn was left to ksoftirqd. */
  softirqUntil: u64;
  ksoftirqdRuntime: u64;
  // Packets steered to this CPU; see backlog.ts. Input queue, and what its NAPI has taken over.
  backlogFirst: u32;
  backlogLast: u32;
  backlogInput: u32;
  backlogProcess: u32;
  /** Running counters of packets put on and taken off. */
  backlogTails: u32;
  backlogHeads: u32;
  backlogOwned: u32;
  backlogNext: i32;
  /** Choice for the packet under way, and CPUs that wait for an IPI; see rps.ts. */
  rpsTarget: i32;
  rpsFlow: u32;
  rpsIpis: u64;
  // Load for the policy manager.
  loadAt: u64;
  loadBusy: u64;
  load: u32;
}

let cpuCount: u32 = 0;

/** CPUs of the machine. */
@inline
export function cpus(): u32 {
  return cpuCount;
}

/** An entry of the CPU table. */
@inline
export function cpuAt(index: u32): Cpu {
  return changetype<Cpu>(CPUS + ((<usize>index) << CPU_SHIFT));
}

/** No CPUs. */
export function cpusInit(): void {
  assert(offsetof<Cpu>() <= 1 << CPU_SHIFT);
  memory.fill(CPUS, 0, (<usize>CPU_MAX) << CPU_SHIFT);
  cpuCount = 0;
  onlineInit();
}

/** Adds the next CPU, idle. */
export function cpuAdd(node: u32, siblings: u64): u32 {
  assert(cpuCount < CPU_MAX);
  const cpu = cpuAt(cpuCount);
  cpu.node = node;
  cpu.siblings = siblings;
  cpu.mode = MODE_IDLE;
  cpu.activity = IDLE;
  cpu.current = -1;
  cpu.runHead = -1;
  cpu.pollHead = -1;
  cpu.pollTail = -1;
  cpu.outHead = -1;
  cpu.outTail = -1;
  cpu.groHead = -1;
  cpu.groFull = -1;
  cpu.vector = -1;
  idleInit(cpu);
  cpuSetOnline(cpuCount, true);
  return cpuCount++;
}

/** Whether what a CPU does counts as run time of its thread. */
function isThreads(cpu: Cpu): bool {
  if (cpu.activity == IN_THREAD) return true;
  if (cpu.activity == IN_SOFTIRQ && cpu.busyPoll != POLL_SOFTIRQ) return true;
  if (cpu.current < 0 || cost(IRQ_TIME_ACCOUNTING) != 0) return false;
  return cpu.activity == IN_IRQ || (cpu.activity == IN_SOFTIRQ && cpu.ksoftirqd == 0);
}

/** Charges the time since the last charge to what the CPU was doing. */
export function charge(index: u32): void {
  const cpu = cpuAt(index);
  const time = now();
  const spent = time - cpu.since;
  if (spent == 0) return;
  const bucket = changetype<usize>(cpu) + ((<usize>cpu.mode) << 3);
  store<u64>(bucket, load<u64>(bucket) + spent);
  cpu.since = time;
  if (isThreads(cpu)) {
    const thread = threadAt(cpu.current);
    thread.runtime += spent;
    let least = thread.runtime;
    if (cpu.runHead >= 0) least = min(least, threadAt(cpu.runHead).runtime);
    cpu.minRuntime = max(cpu.minRuntime, least);
  } else if (cpu.activity == IN_SOFTIRQ && cpu.ksoftirqd != 0) {
    cpu.ksoftirqdRuntime += spent;
  }
}

function siblingBusy(cpu: Cpu): bool {
  let rest = cpu.siblings;
  while (rest != 0) {
    if (cpuAt(<u32>ctz(rest)).activity > EXITING) return true;
    rest &= rest - 1;
  }
  return false;
}

function occupy(index: u32, activity: u32, mode: u32, ticks: u64): void {
  charge(index);
  const cpu = cpuAt(index);
  cpu.activity = activity;
  cpu.mode = mode;
  cpu.event = schedule(now() + ticks, EV_CPU, index);
}

/** What work takes at this machine's clock. */
@inline
export function atClock(ticks: u64): u64 {
  const clock = cost(CPU_CLOCK);
  const reference = cost(REFERENCE_CLOCK);
  return clock == reference ? ticks : (ticks * reference) / clock;
}

function stretched(cpu: Cpu, ticks: u64): u64 {
  const own = atClock(ticks);
  return cpu.siblings != 0 && siblingBusy(cpu) ? (own * cost(SMT_BUSY)) / 100 : own;
}

/**
 * Begins something that takes `ticks` at the reference clock on a core of its own; a busy sibling
 * stretches it.
 */
export function begin(index: u32, activity: u32, mode: u32, ticks: u64): void {
  occupy(index, activity, mode, stretched(cpuAt(index), ticks));
}

/** Runs nothing: chosen by the scheduler as an idle CPU, softirq work notwithstanding. */
export function cpuFree(index: u32): bool {
  const cpu = cpuAt(index);
  return cpu.current < 0 && cpu.runHead < 0 && cpu.ksoftirqdAwake == 0 && cpuIsOnline(index);
}

function goIdle(index: u32): void {
  charge(index);
  const cpu = cpuAt(index);
  cpu.activity = IDLE;
  cpu.mode = MODE_IDLE;
  idleBegin(index);
}

/** Makes a CPU look for work: an idle one leaves its state first, a thread is interrupted. */
export function kick(index: u32): void {
  const cpu = cpuAt(index);
  if (cpu.activity == IDLE) {
    occupy(index, EXITING, MODE_IDLE, idleEnd(index));
  } else if (cpu.activity == IN_THREAD) {
    charge(index);
    const thread = threadAt(cpu.current);
    // A thread that spins looks again.
    if (thread.spin != SPINNING) thread.remaining = max(eventAt(cpu.event).time - now(), 1);
    cancel(cpu.event);
    cpu.event = 0;
    cpu.activity = DECIDING;
    dispatch(index);
  }
}

/** A vector interrupts a CPU. */
export function cpuInterrupt(index: u32, vector: u32): void {
  totals().interruptsTaken++;
  cpuAt(index).pendingIrqs |= (<u64>1) << vector;
  kick(index);
}

/** The timer of a vector's NAPI interrupts a CPU. */
export function cpuTimer(index: u32, vector: u32): void {
  cpuAt(index).pendingTimers |= (<u64>1) << vector;
  kick(index);
}

/** Another CPU has put packets on the backlog of this one. */
export function cpuRpsInterrupt(index: u32): void {
  cpuAt(index).pendingRps = 1;
  kick(index);
}

/** The scheduler's tick interrupts a CPU. */
export function cpuTick(index: u32): void {
  cpuAt(index).pendingTick = 1;
  kick(index);
}

/** The thread that waits has run so much less that it takes the CPU. */
export function preempts(index: u32): bool {
  const cpu = cpuAt(index);
  return (
    cpu.runHead >= 0 &&
    cpu.current >= 0 &&
    threadAt(cpu.runHead).runtime + cost(WAKEUP_GRANULARITY) < threadAt(cpu.current).runtime
  );
}

function beginSwitch(index: u32): void {
  begin(index, SWITCHING, MODE_SYSTEM, cost(CONTEXT_SWITCH));
}

/** The thread fetches again what the frames of softirqs have driven out of the caches. */
function refill(cpu: Cpu, thread: Thread): void {
  const ticks = stretched(cpu, cost(CACHE_REFILL) * cpu.refills);
  cpu.refills = 0;
  if (thread.remaining != 0) thread.remaining += ticks;
  else thread.extra += ticks;
}

/** The thread of a CPU goes on; false if it sleeps, polls, or lets softirqs run first. */
function goOn(index: u32, cpu: Cpu): bool {
  const thread = threadAt(cpu.current);
  if (cpu.current >= NAPI_THREADS && cpu.current < HOUSE_THREADS) {
    napiThreadGoesOn(cpu);
    return false;
  }
  if (runsInline(index, cpu, thread)) return true;
  if (cpu.refills != 0) refill(cpu, thread);
  if (thread.remaining != 0) {
    const rest = thread.remaining;
    thread.remaining = 0;
    occupy(index, IN_THREAD, thread.mode, rest);
    return true;
  }
  if (cpu.current >= HOUSE_THREADS) return housekeepingGoesOn(index, cpu);
  const ticks = threadNext(cpu.current, index);
  if (cpu.busyPoll != POLL_SOFTIRQ) {
    cpu.softirqTurn = 1;
    return false;
  }
  if (thread.spin == SPINNING) {
    // By the clock, not by the speed of the core.
    occupy(index, IN_THREAD, thread.mode, ticks);
    return true;
  }
  if (ticks != 0) {
    if (enablesSoftirqs(cpu, thread)) {
      thread.remaining = stretched(cpu, ticks);
      return false;
    }
    begin(index, IN_THREAD, thread.mode, ticks);
    return true;
  }
  thread.state = SLEEPING;
  cpu.current = -1;
  return false;
}

function dispatch(index: u32): void {
  const cpu = cpuAt(index);
  while (true) {
    if (irqPending(cpu)) {
      irqBegin(index);
      return;
    }
    if (cpu.softirqTurn != 0) {
      if (softirqNext(index)) return;
      cpu.softirqTurn = 0;
    }
    if (softirqPending(cpu) && !threadBeforeKsoftirqd(cpu)) {
      if (cpu.ksoftirqd != 0 && cpu.ksoftirqdLast == 0) {
        cpu.ksoftirqdLast = 1;
        beginSwitch(index);
        return;
      }
      cpu.softirqTurn = 1;
      softirqStart(index);
      return;
    }
    if (!cpuIsOnline(index) && (cpu.current >= 0 || cpu.runHead >= 0)) {
      if (cpu.current >= 0 && busyPollYields(cpu, index)) cpu.softirqTurn = 1;
      else evacuate(index);
      continue;
    }
    if (cpu.current < 0 || preempts(index)) {
      if (cpu.current >= 0) {
        if (busyPollYields(cpu, index)) {
          cpu.softirqTurn = 1;
          continue;
        }
        threadAt(cpu.current).state = RUNNABLE;
        runEnqueue(cpu, cpu.current);
      }
      cpu.current = runTake(cpu);
      cpu.ksoftirqdLast = 0;
      if (cpu.current < 0) {
        goIdle(index);
        return;
      }
      threadAt(cpu.current).state = RUNNING;
      beginSwitch(index);
      return;
    }
    if (cpu.ksoftirqdLast != 0) {
      cpu.ksoftirqdLast = 0;
      beginSwitch(index);
      return;
    }
    if (goOn(index, cpu)) return;
  }
}

/** What a CPU was doing is done. */
export function cpuDone(index: u32): void {
  const cpu = cpuAt(index);
  charge(index);
  const activity = cpu.activity;
  cpu.event = 0;
  const stepKinds = cpu.busyPoll == POLL_THREAD ? NAPI_THREAD_KINDS : SOFTIRQ_KINDS;
  countKind(activity == IN_SOFTIRQ ? stepKinds + cpu.step : CPU_KINDS + activity);
  if (activity == IN_SOFTIRQ) softirqDone(index);
  cpu.activity = DECIDING;
  if (activity == IN_IRQ) {
    irqEnd(index);
  } else if (activity == IN_THREAD && cpu.current < HOUSE_THREADS) {
    threadDone(cpu.current, index);
  }
  dispatch(index);
}

/** Busy share of a CPU, per cent, over the last whole millisecond or more. */
export function cpuLoad(index: u32): u32 {
  charge(index);
  const cpu = cpuAt(index);
  const elapsed = now() - cpu.loadAt;
  if (elapsed >= 10000000) {
    const busy = now() - cpu.idleTicks;
    cpu.load = <u32>(((busy - cpu.loadBusy) * 100) / elapsed);
    cpu.loadBusy = busy;
    cpu.loadAt = now();
  }
  return cpu.load;
}
