// deno-fmt-ignore-file
// Entry of machine.wasm: a discrete-event model of an i40e device in a multi-core host, with an
// ideal peer. Exported calls, the run loop and the fingerprint; nothing else. Order of calls:
// machineReset, costSet.., distanceSet.., cpuSet.., nicSet, socketsSet, groupSet.., machineStart,
// then machineRun until it answers 0. The driver seam (nic*, irq*, rule*, load) works in between.
// No i64 crosses; times go in as f64 nanoseconds.

import { EINVAL } from "./lib/errno";
import { fingerprintMix } from "./lib/fingerprint";
import { HISTOGRAM_SIZE } from "./lib/histogram";
import { prngSeed } from "./lib/prng";
import { eventAt, now, pendingEvents, schedule, takeEvent, wheelInit } from "./lib/wheel";
import {
  ARENA_END,
  EVENTS,
  EVENT_MAX,
  EV_ARRIVAL,
  EV_ATR,
  EV_BUSY_POLL,
  EV_CPU,
  EV_DELAYED_ACK,
  EV_DUE,
  EV_FLUSH,
  EV_HOUSEKEEPING,
  EV_IPI,
  EV_ITR,
  EV_LOST,
  EV_MARK,
  EV_MSIX,
  EV_NAPI_TIMER,
  EV_OPERATION,
  EV_PEER_LINK,
  EV_PEER_NEXT,
  EV_PEER_RX,
  EV_RESET,
  EV_RETRANSMIT,
  EV_RPS_IPI,
  EV_RTO,
  EV_RULE,
  EV_RX,
  EV_RX_DMA,
  EV_RX_LATE,
  EV_RX_LOST,
  EV_SERVICE,
  EV_START,
  EV_TICK,
  EV_TX_FETCHED,
  EV_TX_LINK,
  EV_TX_LOST,
  EV_TX_REPORT,
  EV_WAIT,
  EV_WIRE_CLOSED,
  EV_WIRE_FRAME,
  EV_WIRE_LOST,
  EV_WRITE_BACK,
  GROUP_MAX,
  HISTOGRAMS,
  packetsInit,
  packetsUsed,
  PACKET_MAX,
  prngOf,
  PURPOSE_MAX,
  PURPOSE_PORT,
  streamOf,
  WHEEL,
} from "./machine/abi";
import { INTERVAL_MASK } from "./machine/adaptive_itr";
import { arrive, issueDue } from "./machine/arrival";
import { atrActivate } from "./machine/atr";
import { busyPollNotice } from "./machine/busy_poll";
import { checkAll } from "./machine/check";
import { checkStep, checkStepInit } from "./machine/check_step";
import { controlAgain, peerGiveUp, peerReads, peerReceive } from "./machine/client";
import { clientWaited } from "./machine/client_thread";
import {
  connectionAt,
  connectionsInit,
  groupAt,
  groupsUsed,
  hasConnects,
} from "./machine/connection";
import { costSet as setCost, TICKS_PER_NS } from "./machine/costs";
import {
  charge,
  cpuAdd,
  cpuDone,
  cpuLoad,
  cpuRpsInterrupt,
  cpus,
  cpusInit,
  kick,
} from "./machine/cpu";
import { RUN_BROKEN, RUN_FULL } from "./machine/face";
import { serviceStart, serviceTask } from "./machine/fault";
import {
  ruleActivate,
  ruleCount,
  ruleDelete as deleteRule,
  rulesInit,
} from "./machine/flow_director";
import { flushDone } from "./machine/flow_room";
import { TO_HOST } from "./machine/half_connection";
import { ITR_MAX_USECS, itrInit, itrSet, vectorTimer } from "./machine/itr";
import { linkInit } from "./machine/link";
import { wireClosed, wireLost } from "./machine/loss";
import { napiTimerOver } from "./machine/napi";
import {
  affinitySet,
  distanceSet as setDistance,
  IRQ_BASE,
  nicInit,
  vectorArrives,
  vectorCpu,
} from "./machine/nic";
import { pcieInit } from "./machine/pcie";
import {
  peerArrive,
  peerInit,
  peerLate,
  peerLinkFree,
  peerTaken,
  peerTimer,
  wireArrives,
} from "./machine/peer";
import { recordFind, recordObject } from "./machine/policy";
import {
  queueAt,
  queues,
  queuesEver,
  queuesInit,
  rxContainer,
  txContainer,
} from "./machine/queue";
import { housekeepingDue, housekeepingStart, tickDue } from "./machine/housekeeping";
import { ringsInit, txFetched, txLinkDone, txLost, txReport } from "./machine/ring";
import { resetHasEnded, resetInit, resetOver, resetTake, rxLost } from "./machine/reset";
import { rpsInit } from "./machine/rps";
import { rssInit } from "./machine/rss";
import { socketsInit } from "./machine/socket";
import { tcpDelayedAck, tcpTimer } from "./machine/tcp";
import { countKind, totals, totalsInit } from "./machine/totals";
import { traceIsFull, traceIsOn, traceLook, traceStop } from "./machine/trace";
import { groupStart, startConnection } from "./machine/workload";
import { wireInit, wireIsOn, wireMayRun } from "./machine/wire";
import { writeBackTimer } from "./machine/write_back";
import { xdpInit } from "./machine/xdp";

export * from "./machine/ethtool";
export * from "./machine/face";
export * from "./machine/sysfs";
export * from "./machine/watch";
export {
  wireClear,
  wireCount,
  wireNext,
  wireOpen,
  wireTake,
  wireUntil,
} from "./machine/wire";
export {
  groupClients,
  groupFacebook,
  groupOnOff,
  groupOpen,
  groupSendfile,
  groupServedBy,
  groupService,
  groupSet,
  groupThreads,
  groupV6,
} from "./machine/workload";

/** More packets or events than one event takes: the start of a connection with 256 datagrams. */
const ROOM_LEAST: u32 = 16384;

let fingerprint: u64 = 0;
let marks: u32 = 0;
/** Number of the operation that is due now, -1 for none. */
let operation: i32 = -1;
/** Rule that a debug build has seen broken. */
let broken: i32 = 0;

/** Forgets everything and seeds the random streams. */
export function machineReset(seed: u32): void {
  assert(__heap_base <= EVENTS);
  assert(ARENA_END <= (<usize>memory.size()) << 16);
  wheelInit(EVENTS, EVENT_MAX, WHEEL);
  packetsInit();
  connectionsInit();
  cpusInit();
  rulesInit();
  ringsInit();
  peerInit();
  wireInit();
  xdpInit();
  totalsInit();
  memory.fill(HISTOGRAMS, 0, <usize>GROUP_MAX * HISTOGRAM_SIZE);
  for (let i: u32 = 0; i < PURPOSE_MAX; i++) prngSeed(prngOf(i), seed, streamOf(i, false));
  traceStop();
  checkStepInit();
  operation = -1;
  resetInit();
  broken = 0;
  fingerprint = 0;
  marks = 0;
}

/**
 * Makes this the machine of the clients: other random numbers than the server's, but the same
 * ports, which are the clients' to choose.
 */
export function machineIsClient(seed: u32): void {
  for (let i: u32 = 0; i < PURPOSE_MAX; i++) {
    if (i != PURPOSE_PORT) prngSeed(prngOf(i), seed, streamOf(i, true));
  }
}

/** Sets a machine parameter, in the unit of its name. */
export function costSet(index: u32, value: u32): void {
  setCost(index, value);
}

/** Sets the distance of two nodes (10 is local). */
export function distanceSet(from: u32, to: u32, distance: u32): void {
  setDistance(from, to, distance);
}

/** Adds the next CPU; the mask names the other CPUs of its core. */
export function cpuSet(node: u32, siblingsLow: u32, siblingsHigh: u32): void {
  cpuAdd(node, ((<u64>siblingsHigh) << 32) | siblingsLow);
}

/** Sets up the device with the driver's defaults; `node` -1 where unknown. */
export function nicSet(gbps: u32, queuePairs: u32, descriptors: u32, node: i32): void {
  queuesInit(queuePairs, descriptors);
  linkInit(gbps);
  pcieInit();
  rssInit(queuePairs);
  itrInit(gbps);
  nicInit(node);
  rpsInit();
}

/** Names the task and the device of the policy manager that sockets use. */
export function socketsSet(task: i32, device: i32): void {
  socketsInit(task, device);
}

/** Opens all sockets and sets the end of the warm-up and of the run, nanoseconds from now. */
export function machineStart(warmupNs: f64, measureNs: f64): void {
  for (let number: u32 = 0; number < groupsUsed(); number++) {
    groupStart(number);
  }
  housekeepingStart();
  const warmup = <u64>warmupNs * TICKS_PER_NS;
  schedule(warmup, EV_MARK, 0);
  schedule(warmup + <u64>measureNs * TICKS_PER_NS, EV_MARK, 1);
  serviceStart();
}

/** The retransmission time of a half-connection may be over. */
function timerOver(number: u32): void {
  if ((number & 1) == TO_HOST) peerTimer(number >> 1);
  else tcpTimer(number >> 1);
}

function operationNow(number: u32): void {
  operation = number;
}

/** Lets the run stop at a time, nanoseconds from now, for an operation of the workload. */
export function operationAt(ns: f64, number: u32): void {
  schedule(now() + <u64>ns * TICKS_PER_NS, EV_OPERATION, number);
}

/** Number of the operation for which the run has stopped, once; -1 for none. */
export function operationTake(): i32 {
  const due = operation;
  operation = -1;
  return due;
}

/** 1 where the run has stopped for an operation or for new channels. */
export function runStopped(): u32 {
  return operation >= 0 || resetHasEnded() ? 1 : 0;
}

/** 1 once after each change of the number of channels; the run stops where it is complete. */
export function channelsChanged(): u32 {
  return resetTake();
}

function handle(kind: u32, target: u32): void {
  switch (kind) {
    case EV_RX: return peerArrive(target);
    case EV_RX_DMA: return peerTaken(target);
    case EV_WRITE_BACK: return writeBackTimer(target);
    case EV_PEER_LINK: return peerLinkFree();
    case EV_ITR: return vectorTimer(target);
    case EV_MSIX: return vectorArrives(target);
    case EV_CPU: return cpuDone(target);
    case EV_IPI: return kick(target);
    case EV_RPS_IPI: return cpuRpsInterrupt(target);
    case EV_TX_FETCHED: return txFetched(target);
    case EV_TX_LINK: return txLinkDone();
    case EV_TX_REPORT: return txReport(target);
    case EV_PEER_RX: return peerReceive(target);
    case EV_PEER_NEXT: return peerReads(target);
    case EV_ARRIVAL: return arrive(target);
    case EV_DUE: return issueDue(target);
    case EV_DELAYED_ACK: return tcpDelayedAck(target);
    case EV_RETRANSMIT: return controlAgain(target);
    case EV_RTO: return timerOver(target);
    case EV_WIRE_FRAME: return wireArrives(target);
    case EV_WIRE_LOST: return wireLost(target);
    case EV_WIRE_CLOSED: return wireClosed(target);
    case EV_WAIT: return clientWaited(target);
    case EV_ATR: return atrActivate(target);
    case EV_FLUSH: return flushDone();
    case EV_RULE: return ruleActivate(target);
    case EV_START: return startConnection(target);
    case EV_LOST: return peerGiveUp(target);
    case EV_TX_LOST: return txLost(target);
    case EV_RESET: return resetOver();
    case EV_RX_LOST: return rxLost(target);
    case EV_RX_LATE: return peerLate(target);
    case EV_SERVICE: return serviceTask();
    case EV_TICK: return tickDue(target);
    case EV_HOUSEKEEPING: return housekeepingDue(target);
    case EV_OPERATION: return operationNow(target);
    case EV_NAPI_TIMER: return napiTimerOver(target);
    case EV_BUSY_POLL: return busyPollNotice(target);
    default:
      assert(kind == EV_MARK);
  }
}

function isFull(): bool {
  return packetsUsed() > PACKET_MAX - ROOM_LEAST || pendingEvents() > EVENT_MAX - ROOM_LEAST;
}

/**
 * Handles events, at most `maxEvents`; stops after the end of the warm-up and of the run, where
 * the entries of a trace must be taken out first, where an operation is due and where a reset has
 * ended. Returns the number of marks passed (1 after the warm-up, 2 at the end), or RUN_FULL where
 * the next event might find no packet or event left: the
 * run cannot go on. A debug build answers RUN_BROKEN after an event that broke a rule.
 */
export function machineRun(maxEvents: u32): u32 {
  let hash = fingerprint;
  let left = maxEvents;
  const before = marks;
  const isWired = wireIsOn();
  while (left > 0 && marks == before && marks < 2 && !isFull() && !traceIsFull()) {
    if (isWired && !wireMayRun()) break;
    const index = takeEvent();
    if (index == 0) break;
    const event = eventAt(index);
    const kind = event.kind;
    const target = event.target;
    hash = fingerprintMix(hash, event.time);
    hash = fingerprintMix(hash, ((<u64>kind) << 32) | target);
    left--;
    if (kind == EV_MARK) marks++;
    countKind(kind);
    handle(kind, target);
    if (traceIsOn()) traceLook();
    const isStop = kind == EV_OPERATION || kind == EV_RESET;
    if (ASC_OPTIMIZE_LEVEL == 0) {
      broken = checkStep();
      if (broken != 0) break;
    }
    if (isStop) break;
  }
  totals().events += maxEvents - left;
  fingerprint = hash;
  if (broken != 0) return RUN_BROKEN;
  return isFull() ? RUN_FULL : marks;
}

/** Charges all CPUs up to now, for a reading of their times. */
export function cpusCharge(): void {
  for (let i: u32 = 0; i < cpus(); i++) charge(i);
}

/** Time now, nanoseconds. */
export function nowNs(): f64 {
  return <f64>now() / 10.0;
}

/** Forgets latencies so far (end of the warm-up). */
export function histogramsClear(): void {
  for (let i: u32 = 0; i < groupsUsed(); i++) {
    groupAt(i).latencyMin = u64.MAX_VALUE;
    groupAt(i).latencyMax = 0;
  }
  memory.fill(HISTOGRAMS, 0, <usize>GROUP_MAX * HISTOGRAM_SIZE);
}

/** Halves of the hash over all events so far. */
export function fingerprintLow(): u32 {
  return <u32>fingerprint;
}

/** See fingerprintLow. */
export function fingerprintHigh(): u32 {
  return <u32>(fingerprint >> 32);
}

/** Number of the first conservation rule that is broken, or 0. */
export function checkMachine(): i32 {
  return broken != 0 ? broken : checkAll();
}

function hasQueue(instance: i32): bool {
  const record = instance >= 0 ? recordFind(instance) : 0;
  return record > 0 && (recordObject(record, 0) >= 0 || recordObject(record, 1) >= 0);
}

/** Connections of a group that have a queue from the policy (CRR, CC: that have had a rule). */
export function groupSteered(number: u32): u32 {
  const group = groupAt(number);
  let count: u32 = 0;
  for (let i: u32 = 0; i < group.count; i++) {
    const connection = connectionAt(group.first + i);
    if (hasConnects(group.test)) count += connection.steered;
    else if (hasQueue(connection.instance)) count++;
  }
  return count;
}

// The driver seam.

/** Queue pairs. */
export function nicQueues(): u32 {
  return queues();
}

/** Queue pairs that there have been at any time. */
export function nicQueuesEver(): u32 {
  return queuesEver();
}

/** Interrupt number of a queue pair's vector, or -EINVAL. */
export function nicIrq(queue: u32): i32 {
  return queue < queues() ? <i32>(IRQ_BASE + queue) : -EINVAL;
}

/**
 * Throttling of one queue pair and direction (0 rx, 1 tx): microseconds, or -1 for adaptive. Stored
 * now, in force from the vector's next interrupt on, as `ethtool --per-queue -C` does it.
 */
export function nicUsecs(queue: u32, direction: u32, usecs: i32): i32 {
  if (queue >= queues() || usecs > ITR_MAX_USECS) return -EINVAL;
  itrSet(queue, direction == 0, usecs);
  return 0;
}

/** Interval in force, microseconds. */
export function nicUsecsNow(queue: u32, direction: u32): u32 {
  const container = direction == 0 ? rxContainer(queue) : txContainer(queue);
  return container.current & INTERVAL_MASK;
}

/** 1 where the driver adapts both directions of a queue pair. */
export function nicAdaptive(queue: u32): u32 {
  return rxContainer(queue).adaptive & txContainer(queue).adaptive;
}

/** CPU that a queue pair's interrupt goes to. */
export function nicCpu(queue: u32): u32 {
  return vectorCpu(queue);
}

/** Deletes the rule at a location, or -ENOENT. */
export function ruleDelete(location: u32): i32 {
  return deleteRule(location);
}

/** Rules in the table. */
export function rulesUsed(): u32 {
  return ruleCount();
}

/** Low or high half (0, 1) of an interrupt's affinity mask. */
export function irqAffinity(irq: u32, half: u32): u32 {
  assert(irq - IRQ_BASE < queues());
  return <u32>(queueAt(irq - IRQ_BASE).affinity >> (half * 32));
}

/** Sets an interrupt's affinity; -EINVAL for an unknown interrupt or a mask without a CPU. */
export function irqAffinitySet(irq: u32, low: u32, high: u32): i32 {
  if (irq - IRQ_BASE >= queues()) return -EINVAL;
  return affinitySet(irq - IRQ_BASE, ((<u64>high) << 32) | low) ? 0 : -EINVAL;
}

/** Load of a CPU, per cent. */
export function cpuLoadPercent(cpu: u32): i32 {
  return cpu < cpus() ? <i32>cpuLoad(cpu) : -EINVAL;
}
