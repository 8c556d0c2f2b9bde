// deno-fmt-ignore-file
// Receive softirq of one CPU: NAPI polls of the vectors on its list, step by step: entry, transmit
// clean (work limit), up to 64 frames one by one, the packets that GRO has merged, completion.
// Transmissions that acknowledgements or completions allow run between polls. Rounds end as in
// net_rx_action and __do_softirq: 300 packets a round, then ksoftirqd if ten rounds or 2 ms have
// passed or a thread waits. Stages and steps only; protocols do the work.

import { now } from "../lib/wheel";
import {
  FLAG_ACK,
  FLAG_DUPLICATE,
  FLAG_FIN,
  FLAG_LAST,
  FLAG_SYN,
  FLAG_UDP,
  Packet,
  packetAt,
  packetDrop,
} from "./abi";
import { busyPollBudget, busyPollOver, POLL_ROUND, POLL_SOFTIRQ } from "./busy_poll";
import { connectionAt, SLEEPING, threadAt } from "./connection";
import {
  cost,
  NAPI_COMPLETE,
  NUMA_REMOTE,
  RX_PACKET,
  SOFTIRQ_ENTRY,
  SOFTIRQ_LIMIT,
  SOFTIRQ_RESTARTS_ONLY,
  SYN_RX,
  TCP_ACK_RX,
  TCP_ACK_TX,
  TCP_RX,
  TCP_TX,
  TIMER,
  TX_CLEAN,
  UDP_RX,
  WAKE,
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
import { vectorForce } from "./itr";
import { napiComplete, napiRelease, napiYields } from "./napi";
import { nicNode } from "./nic";
import { queueAt, workLimit } from "./queue";
import { qdiscCompleted, qdiscRestart } from "./qdisc";
import { rxPeek, rxPop, txClean, txWaiting } from "./ring";
import {
  tcpHasOutput,
  tcpCleaned,
  tcpFlush,
  tcpOutput,
  tcpReceive,
  tcpWillAck,
  tcpWillRead,
  tcpWillWake,
} from "./tcp";
import { rescue } from "./scheduler";
import { totals } from "./totals";
import { udpReceive } from "./udp";
import { rxWaiting } from "./write_back";

const NAPI_WEIGHT: u32 = 64;
const ROUND_BUDGET: u32 = 300;
const ROUND_MAX: u32 = 10;
/** Longest round where restarts alone end a turn, jiffies. */
const ROUND_JIFFIES: u64 = 2;

// Step that runs.
const STEP_ENTRY: u32 = 0;
const STEP_OUTPUT: u32 = 1;
const STEP_CLEAN: u32 = 2;
const STEP_FRAME: u32 = 3;
const STEP_FLUSH: u32 = 4;
const STEP_COMPLETE: u32 = 5;

// Stage of the poll.
const STAGE_CLEAN: u32 = 0;
const STAGE_FRAMES: u32 = 1;
const STAGE_FLUSH: u32 = 2;

/** Puts a vector at the end of a CPU's poll list. */
export function pollAppend(cpu: Cpu, vector: i32): void {
  queueAt(vector).napiNext = -1;
  if (cpu.pollTail < 0) cpu.pollHead = vector;
  else queueAt(cpu.pollTail).napiNext = vector;
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
  cpu.weight = cpu.busyPoll == POLL_SOFTIRQ ? NAPI_WEIGHT : busyPollBudget();
  queueAt(vector).polls++;
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

function wakeTicks(connection: u32): u64 {
  return threadAt(connectionAt(connection).thread).state == SLEEPING ? cost(WAKE) : 0;
}

/** Cost of one frame, up to where GRO holds it or the protocol is done with it. */
function frameTicks(packet: Packet): u64 {
  const flags = packet.flags;
  const base = cost(RX_PACKET);
  if ((flags & FLAG_UDP) != 0) {
    if ((flags & FLAG_LAST) == 0) return base;
    return base + cost(UDP_RX) + wakeTicks(packet.connection);
  }
  if ((flags & (FLAG_SYN | FLAG_FIN)) != 0) return base + cost(SYN_RX);
  if ((flags & FLAG_DUPLICATE) != 0) return base + cost(TCP_RX) + cost(TCP_ACK_TX);
  if ((flags & FLAG_ACK) == 0) return base;
  return base + cost(TCP_ACK_RX) + (tcpWillWake(packet) ? wakeTicks(packet.connection) : 0);
}

function flushTicks(connection: u32): u64 {
  const ack = tcpWillAck(connection) ? cost(TCP_ACK_TX) : 0;
  return cost(TCP_RX) + ack + (tcpWillRead(connection) ? wakeTicks(connection) : 0);
}

/** A connection whose merged data goes up next: a full one at once, others at the poll's end. */
function takeFlush(cpu: Cpu): bool {
  if (cpu.groFull >= 0) {
    cpu.stepConnection = cpu.groFull;
    cpu.groFull = -1;
    return true;
  }
  if (cpu.stage != STAGE_FLUSH) return false;
  while (cpu.groHead >= 0) {
    const connection = connectionAt(cpu.groHead);
    cpu.stepConnection = cpu.groHead;
    cpu.groHead = connection.groNext;
    connection.groListed = 0;
    // One that was full and went up early may have nothing left.
    if (connection.groBytes != 0) return true;
  }
  return false;
}

/** The next step of the poll in progress; false when the poll is over without completion. */
function pollStep(index: u32, cpu: Cpu): bool {
  const vector = cpu.vector;
  if (cpu.stage == STAGE_CLEAN) {
    cpu.stage = STAGE_FRAMES;
    const count = min(txWaiting(vector), workLimit());
    if (count > 0) {
      cpu.batch = count;
      beginStep(index, STEP_CLEAN, remote(cpu, cost(TX_CLEAN) * count));
      return true;
    }
  }
  if (takeFlush(cpu)) {
    beginStep(index, STEP_FLUSH, remote(cpu, flushTicks(cpu.stepConnection)));
    return true;
  }
  if (cpu.stage == STAGE_FRAMES) {
    if (cpu.work < cpu.weight && rxWaiting(vector) > 0) {
      beginStep(index, STEP_FRAME, remote(cpu, frameTicks(packetAt(rxPeek(vector)))));
      return true;
    }
    cpu.stage = STAGE_FLUSH;
    if (takeFlush(cpu)) {
      beginStep(index, STEP_FLUSH, remote(cpu, flushTicks(cpu.stepConnection)));
      return true;
    }
  }
  if (cpu.busyPoll == POLL_ROUND) return false;
  if (cpu.work < cpu.weight && cpu.cleaned < workLimit()) {
    beginStep(index, STEP_COMPLETE, cost(NAPI_COMPLETE));
    return true;
  }
  return false;
}

/** An incomplete poll goes on later, or moves if the vector's affinity has left this CPU. */
function pollAgain(index: u32, cpu: Cpu): void {
  const vector = cpu.vector;
  const queue = queueAt(vector);
  cpu.budget += cpu.work;
  cpu.vector = -1;
  if (napiYields(index, vector, cpu.work)) return;
  if ((queue.affinity & ((<u64>1) << index)) == 0 && queue.napiMissed == 0) {
    totals().movedVectors++;
    napiRelease(vector);
    vectorForce(vector);
  } else {
    queue.napiMissed = 0;
    pollAppend(cpu, vector);
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
    }
    if (cpu.busyPoll != POLL_SOFTIRQ) {
      busyPollOver(index, cpu);
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
      cpu.ksoftirqd = 0;
      cpu.ksoftirqdAwake = 0;
      return false;
    }
    const vector = cpu.pollHead;
    cpu.pollHead = queueAt(vector).napiNext;
    if (cpu.pollHead < 0) cpu.pollTail = -1;
    takeVector(cpu, vector);
  }
}

function cleanBatch(cpu: Cpu): void {
  let bytes: u32 = 0;
  for (let i: u32 = 0; i < cpu.batch; i++) {
    const number = txClean(cpu.vector);
    const packet = packetAt(number);
    bytes += packet.payload + packet.frames * packet.headers;
    if ((packet.flags & FLAG_UDP) == 0) tcpCleaned(cpu, packet);
    packetDrop(number);
  }
  cpu.cleaned = cpu.batch;
  qdiscCompleted(cpu.vector, bytes);
  qdiscRestart(cpu.vector);
}

function receiveFrame(index: u32, cpu: Cpu): void {
  const number = rxPeek(cpu.vector);
  rxPop(cpu.vector);
  cpu.work++;
  const packet = packetAt(number);
  threadAt(connectionAt(packet.connection).thread).napi = cpu.vector + 1;
  if ((packet.flags & FLAG_UDP) != 0) udpReceive(index, packet);
  else tcpReceive(index, packet);
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
      receiveFrame(index, cpu);
      break;
    case STEP_FLUSH:
      tcpFlush(index, cpu.stepConnection);
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
