// deno-fmt-ignore-file
// Receive softirq of one CPU: NAPI polls of the vectors on its list, step by step: entry, transmit
// clean (work limit), up to 64 frames one by one, the packets that GRO has merged, completion.
// Transmissions that acknowledgements or completions allow run between polls. Rounds end as in
// net_rx_action and __do_softirq: 300 packets a round, then ksoftirqd if ten rounds or 2 ms have
// passed or a thread waits. The backlog (backlog.ts) is one more NAPI of the list. Stages and steps
// only; protocols do the work.

import { now } from "../lib/wheel";
import { FLAG_UDP, FLAG_XSK, packetAt, packetDrop } from "./abi";
import { BACKLOG, backlogPeek, backlogTake, rpsSendIpis } from "./backlog";
import { busyPollBudget, busyPollOver, POLL_ROUND, POLL_SOFTIRQ, POLL_THREAD } from "./busy_poll";
import { Connection, connectionAt, threadAt } from "./connection";
import {
  CACHE_REFILL,
  cost,
  DEV_WEIGHT,
  GRO_FLUSH_TIMEOUT,
  IRQ_ENABLE,
  NAPI_COMPLETE,
  NAPI_DEFER_HARD_IRQS,
  NUMA_REMOTE,
  SOFTIRQ_ENTRY,
  SOFTIRQ_LIMIT,
  SOFTIRQ_RESTARTS_ONLY,
  TCP_ACK_TX,
  TCP_TX,
  TIMER,
  TX_CLEAN,
  XSK_FRAME,
} from "./costs";
import {
  begin,
  Cpu,
  cpuAt,
  IN_SOFTIRQ,
  MODE_SOFTIRQ,
  MODE_SYSTEM,
  preempts,
  TICKS_PER_SECOND,
} from "./cpu";
import { groMerges, groResume, groTake, groTakeFull } from "./gro";
import { vectorForce } from "./itr";
import { groTimer, napiComplete, napiRelease, napiYields } from "./napi";
import { nicNode, vectorMask } from "./nic";
import { queueAt, workLimit } from "./queue";
import { qdiscCompleted, qdiscRestart } from "./qdisc";
import { rpsSteers } from "./rps";
import {
  backlogTicks,
  flushTicks,
  frameTicks,
  netifReceive,
  receiveFlush,
  receiveFrame,
} from "./receive";
import { rxPeek, rxPop, txAt, txClean, txWaiting } from "./ring";
import { tcpHasOutput, tcpCleaned, tcpOutput } from "./tcp";
import { rescue } from "./scheduler";
import { totals } from "./totals";
import { rxWaiting } from "./write_back";
import { xdpDropped, xdpDrops, xdpDropTicks } from "./xdp";
import { xskCompleted, xskIsBound, xskReady, xskTransmit } from "./xsk";

const NAPI_WEIGHT: u32 = 64;
const ROUND_BUDGET: u32 = 300;
const ROUND_MAX: u32 = 10;
/** For the check alone: packets after which no poll of a round begins (netdev_budget). */
const WITNESS_BUDGET: u32 = 300;
/** Longest round where restarts alone end a turn, jiffies. */
const ROUND_JIFFIES: u64 = 2;

// Step that runs.
const STEP_ENTRY: u32 = 0;
const STEP_OUTPUT: u32 = 1;
const STEP_CLEAN: u32 = 2;
const STEP_FRAME: u32 = 3;
const STEP_FLUSH: u32 = 4;
const STEP_COMPLETE: u32 = 5;
const STEP_BACKLOG: u32 = 6;
const STEP_XDP: u32 = 7;
const STEP_XSK: u32 = 8;

// Stage of the poll.
const STAGE_CLEAN: u32 = 0;
const STAGE_FRAMES: u32 = 1;
const STAGE_FLUSH: u32 = 2;
/** After the clean: frames of an AF_XDP socket. */
const STAGE_XSK: u32 = 3;

/** Next NAPI of a CPU's poll list after one of it; -1 ends it. */
export function pollNext(cpu: Cpu, vector: i32): i32 {
  return vector == BACKLOG ? cpu.backlogNext : queueAt(vector).napiNext;
}

function setPollNext(cpu: Cpu, vector: i32, next: i32): void {
  if (vector == BACKLOG) cpu.backlogNext = next;
  else queueAt(vector).napiNext = next;
}

/** Puts a vector, or the CPU's backlog, at the end of its poll list. */
export function pollAppend(cpu: Cpu, vector: i32): void {
  setPollNext(cpu, vector, -1);
  if (cpu.pollTail < 0) cpu.pollHead = vector;
  else setPollNext(cpu, cpu.pollTail, vector);
  cpu.pollTail = vector;
}

/** Lists a connection that may have something to send from this CPU's softirq. */
export function outputAppend(cpu: Cpu, index: i32): void {
  const connection = connectionAt(index);
  if (connection.outListed != 0) return;
  connection.outListed = 1;
  connection.outNext = -1;
  if (cpu.outTail < 0) cpu.outHead = index;
  else connectionAt(cpu.outTail).outNext = index;
  cpu.outTail = index;
}

/** Whether a CPU has softirq work. */
@inline
export function softirqPending(cpu: Cpu): bool {
  return cpu.pollHead >= 0 || cpu.outHead >= 0;
}

/** Work on data of a device on another node costs more. */
function remote(cpu: Cpu, ticks: u64): u64 {
  return nicNode() >= 0 && <u32>nicNode() != cpu.node ? (ticks * cost(NUMA_REMOTE)) / 100 : ticks;
}

/** Begins a thread's poll of a vector that it has, on the CPU it runs on. */
export function pollBegin(cpu: Cpu, vector: u32, kind: u32): void {
  assert(cpu.vector < 0);
  cpu.busyPoll = kind;
  takeVector(cpu, vector);
}

function takeVector(cpu: Cpu, vector: i32): void {
  cpu.vector = vector;
  cpu.stage = STAGE_CLEAN;
  cpu.work = 0;
  cpu.cleaned = 0;
  if (vector == BACKLOG) {
    cpu.weight = <u32>cost(DEV_WEIGHT);
    return;
  }
  const isWhole = cpu.busyPoll == POLL_SOFTIRQ || cpu.busyPoll == POLL_THREAD;
  cpu.weight = isWhole ? NAPI_WEIGHT : busyPollBudget();
  queueAt(vector).polls++;
  groResume(cpu);
}

/** Begins softirq processing on a CPU. */
export function softirqStart(index: u32): void {
  const cpu = cpuAt(index);
  cpu.step = STEP_ENTRY;
  cpu.budget = 0;
  cpu.restarts = 0;
  cpu.softirqSince = now();
  cpu.roundSince = now();
  if (cpu.ksoftirqd != 0) totals().ksoftirqdTurns++;
  begin(index, IN_SOFTIRQ, MODE_SOFTIRQ, cost(SOFTIRQ_ENTRY));
}

function beginStep(index: u32, step: u32, ticks: u64): void {
  const cpu = cpuAt(index);
  cpu.step = step;
  const mode = cpu.busyPoll == POLL_SOFTIRQ ? MODE_SOFTIRQ : MODE_SYSTEM;
  begin(index, IN_SOFTIRQ, mode, ticks);
}

/** Begins the step that lets data of a connection go up, if one is due. */
function beginFlush(index: u32, cpu: Cpu): bool {
  let next = groTakeFull(cpu);
  if (next < 0 && cpu.stage == STAGE_FLUSH) next = groTake(cpu, cpu.busyPoll != POLL_ROUND);
  if (next < 0) return false;
  cpu.stepConnection = next;
  beginStep(index, STEP_FLUSH, remote(cpu, flushTicks(cpu, next)));
  return true;
}

/** Begins the step of the next frame; one that GRO does not hold sends up what it has first. */
function beginFrame(index: u32, cpu: Cpu): void {
  const packet = packetAt(rxPeek(cpu.vector));
  if (xdpDrops(packet)) {
    beginStep(index, STEP_XDP, remote(cpu, xdpDropTicks()));
    return;
  }
  if (rpsSteers(cpu.vector) && !groMerges(packet)) {
    const connection: Connection = connectionAt(packet.connection);
    if (connection.chainHead != 0) {
      cpu.stepConnection = packet.connection;
      beginStep(index, STEP_FLUSH, remote(cpu, flushTicks(cpu, packet.connection)));
      return;
    }
  }
  beginStep(index, STEP_FRAME, remote(cpu, frameTicks(cpu, packet)));
}

/** The next step of a backlog's poll; false when it is over. */
function backlogStep(index: u32, cpu: Cpu): bool {
  if (cpu.stage == STAGE_CLEAN) {
    cpu.stage = STAGE_FRAMES;
    rpsSendIpis(index);
  }
  if (cpu.work >= cpu.weight) return false;
  const head = backlogPeek(cpu);
  if (head == 0) {
    cpu.backlogOwned = 0;
    return false;
  }
  beginStep(index, STEP_BACKLOG, remote(cpu, backlogTicks(head)));
  return true;
}

/** What completed packets of a vector take; XSK_FRAME has the completion of AF_XDP's. */
function cleanTicks(vector: u32, count: u32): u64 {
  let own = count;
  if (xskIsBound(vector)) {
    const head = queueAt(vector).txHead;
    for (let i: u32 = 0; i < count; i++) {
      if ((packetAt(txAt(vector, head + i)).flags & FLAG_XSK) != 0) own--;
    }
  }
  return cost(TX_CLEAN) * own;
}

/** The next step of the poll in progress; false when the poll is over without completion. */
function pollStep(index: u32, cpu: Cpu): bool {
  const vector = cpu.vector;
  if (vector == BACKLOG) return backlogStep(index, cpu);
  if (cpu.stage == STAGE_CLEAN) {
    const isXsk = xskIsBound(vector);
    cpu.stage = isXsk ? STAGE_XSK : STAGE_FRAMES;
    const count = isXsk ? txWaiting(vector) : min(txWaiting(vector), workLimit());
    if (count > 0) {
      cpu.batch = count;
      beginStep(index, STEP_CLEAN, remote(cpu, cleanTicks(vector, count)));
      return true;
    }
  }
  if (cpu.stage == STAGE_XSK) {
    cpu.stage = STAGE_FRAMES;
    cpu.batch = xskReady(vector);
    if (cpu.batch > 0) {
      beginStep(index, STEP_XSK, remote(cpu, cost(XSK_FRAME) * cpu.batch));
      return true;
    }
  }
  if (beginFlush(index, cpu)) return true;
  if (cpu.stage == STAGE_FRAMES) {
    if (cpu.work < cpu.weight && rxWaiting(vector) > 0) {
      beginFrame(index, cpu);
      return true;
    }
    cpu.stage = STAGE_FLUSH;
    if (beginFlush(index, cpu)) return true;
  }
  if (cpu.busyPoll == POLL_ROUND) return false;
  if (cpu.work < cpu.weight && cpu.cleaned < workLimit()) {
    const isDeferred = cost(NAPI_DEFER_HARD_IRQS) != 0 && cost(GRO_FLUSH_TIMEOUT) != 0;
    const enables = isDeferred ? 0 : cost(IRQ_ENABLE);
    beginStep(index, STEP_COMPLETE, cost(NAPI_COMPLETE) + enables);
    return true;
  }
  return false;
}

/** An incomplete poll goes on later, or moves if the vector's affinity has left this CPU. */
function pollAgain(index: u32, cpu: Cpu): void {
  const vector = cpu.vector;
  cpu.budget += cpu.work;
  cpu.vector = -1;
  if (vector == BACKLOG) {
    if (cpu.backlogOwned != 0) pollAppend(cpu, BACKLOG);
    return;
  }
  const queue = queueAt(vector);
  if (napiYields(index, vector, cpu.work)) return;
  // A CPU that is offline has none (dev_cpu_dead gives its polls away).
  if (((vectorMask(vector) >> index) & 1) == 0 && queue.napiMissed == 0) {
    totals().movedVectors++;
    napiRelease(vector);
    groTimer(index, vector);
    vectorForce(vector);
  } else {
    queue.napiMissed = 0;
    if (queue.threaded == 0) pollAppend(cpu, vector);
  }
}

/** Time that is up for a round: two jiffies, or the limit of the whole turn. */
function timeIsUp(cpu: Cpu): bool {
  if (cost(SOFTIRQ_RESTARTS_ONLY) == 0) return now() - cpu.softirqSince >= cost(SOFTIRQ_LIMIT);
  return now() - cpu.roundSince >= (ROUND_JIFFIES * TICKS_PER_SECOND) / cost(TIMER);
}

/** After a round: a waiting thread or the time limit end the turn since Linux 3.9. */
function mayRestart(index: u32, cpu: Cpu, timeUp: bool): bool {
  if (cpu.restarts >= ROUND_MAX) return false;
  if (cost(SOFTIRQ_RESTARTS_ONLY) != 0) return true;
  return !timeUp && !(cpu.current < 0 ? cpu.runHead >= 0 : preempts(index));
}

/** Whether this turn of softirqs goes on after a round's budget is spent. */
function roundAgain(index: u32, cpu: Cpu): bool {
  const timeUp = timeIsUp(cpu);
  if (!timeUp && cpu.budget < ROUND_BUDGET) return true;
  cpu.budget = 0;
  cpu.restarts++;
  cpu.roundSince = now();
  cpu.softnetTimeSqueeze++;
  rpsSendIpis(index);
  if (mayRestart(index, cpu, timeUp)) return true;
  cpu.softirqUntil = now();
  cpu.ksoftirqd = 1;
  cpu.ksoftirqdAwake = 1;
  rescue(index);
  cpu.ksoftirqdRuntime = max(cpu.ksoftirqdRuntime, cpu.minRuntime);
  return false;
}

/** Begins the next step of this CPU's softirqs; false when they end here. */
export function softirqNext(index: u32): bool {
  const cpu = cpuAt(index);
  while (true) {
    if (cpu.vector >= 0) {
      if (pollStep(index, cpu)) return true;
      if (cpu.busyPoll == POLL_SOFTIRQ) {
        pollAgain(index, cpu);
        continue;
      }
      if (cpu.busyPoll == POLL_THREAD) pollAgain(index, cpu);
    }
    if (cpu.busyPoll != POLL_SOFTIRQ) {
      busyPollOver(index, cpu);
      rpsSendIpis(index);
      return false;
    }
    if (softirqPending(cpu) && !roundAgain(index, cpu)) return false;
    if (cpu.outHead >= 0) {
      cpu.stepConnection = cpu.outHead;
      const connection = connectionAt(cpu.outHead);
      cpu.outHead = connection.outNext;
      if (cpu.outHead < 0) cpu.outTail = -1;
      connection.outListed = 0;
      const data = tcpHasOutput(connection);
      if (!data && connection.ackDue == 0) continue;
      beginStep(index, STEP_OUTPUT, cost(data ? TCP_TX : TCP_ACK_TX));
      return true;
    }
    if (cpu.pollHead < 0) {
      rpsSendIpis(index);
      cpu.ksoftirqd = 0;
      cpu.ksoftirqdAwake = 0;
      return false;
    }
    if (cpu.budget >= WITNESS_BUDGET) totals().budgetViolations++;
    const vector = cpu.pollHead;
    cpu.pollHead = pollNext(cpu, vector);
    if (cpu.pollHead < 0) cpu.pollTail = -1;
    takeVector(cpu, vector);
  }
}

/** Softirqs have interrupted a thread in the midst of a step. */
function interrupts(cpu: Cpu): bool {
  if (cpu.current < 0 || cpu.busyPoll != POLL_SOFTIRQ) return false;
  return threadAt(cpu.current).remaining != 0;
}

function cleanBatch(cpu: Cpu): void {
  let bytes: u32 = 0;
  for (let i: u32 = 0; i < cpu.batch; i++) {
    const number = txClean(cpu.vector);
    const packet = packetAt(number);
    if ((packet.flags & FLAG_XSK) != 0) {
      xskCompleted(cpu.vector);
    } else {
      bytes += packet.payload + packet.frames * packet.headers;
      if ((packet.flags & FLAG_UDP) == 0) tcpCleaned(cpu, packet);
    }
    packetDrop(number);
  }
  // AF_XDP's cleaning has no work limit.
  cpu.cleaned = xskIsBound(cpu.vector) ? 0 : cpu.batch;
  qdiscCompleted(cpu.vector, bytes);
  qdiscRestart(cpu.vector);
}

/**
 * Frames of AF_XDP go to the device, as far as another CPU has not taken the room meanwhile; where
 * its ring is full, the poll is not complete.
 */
function transmitXsk(cpu: Cpu): void {
  const count = min(cpu.batch, xskReady(cpu.vector));
  if (xskTransmit(cpu.vector, count)) cpu.cleaned = workLimit();
}

function dropXdp(cpu: Cpu): void {
  const number = rxPeek(cpu.vector);
  rxPop(cpu.vector);
  cpu.work++;
  xdpDropped(packetAt(number));
  packetDrop(number);
}

/** A step of the softirqs is done: its effect. */
export function softirqDone(index: u32): void {
  const cpu = cpuAt(index);
  switch (cpu.step) {
    case STEP_OUTPUT:
      tcpOutput(index, cpu.stepConnection);
      break;
    case STEP_CLEAN:
      cleanBatch(cpu);
      break;
    case STEP_FRAME:
      if (cost(CACHE_REFILL) != 0 && interrupts(cpu)) cpu.refills++;
      receiveFrame(index, cpu);
      break;
    case STEP_XDP:
      dropXdp(cpu);
      break;
    case STEP_XSK:
      transmitXsk(cpu);
      break;
    case STEP_FLUSH:
      receiveFlush(index, cpu);
      break;
    case STEP_BACKLOG:
      cpu.work++;
      netifReceive(index, backlogTake(cpu));
      break;
    case STEP_COMPLETE: {
      const vector = cpu.vector;
      cpu.vector = -1;
      cpu.budget += cpu.work;
      napiComplete(index, vector, cpu.work);
      break;
    }
    default:
      break;
  }
}
