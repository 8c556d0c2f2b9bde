// deno-fmt-ignore-file
// Conservation rules of the machine, checked from its tables alone: nothing may be lost, made twice
// or stuck, at any instant between two events. Reads only. Rules are numbered; the harness has the
// sentences (harness/machine/rules.ts).

import { eventAt, eventsTaken, FREE, now, pendingEvents } from "../lib/wheel";
import {
  EV_CPU,
  EV_IPI,
  EV_ITR,
  EV_MSIX,
  EV_PEER_LINK,
  EV_PEER_NEXT,
  EV_PEER_RX,
  EV_RESET,
  EV_RETRANSMIT,
  EV_RTO,
  EV_RX,
  EV_RX_DMA,
  EV_RX_LATE,
  EV_RX_LOST,
  EV_START,
  EV_TX_FETCHED,
  EV_TX_LOST,
  EV_TX_REPORT,
  EV_WAIT,
  EV_WIRE_CLOSED,
  EV_WIRE_FRAME,
  EV_WIRE_LOST,
  FLAG_LOST,
  FLAG_REPORT,
  NAPI_THREADS,
  CPU_MAX,
  QUEUE_MAX,
  packetAt,
  packetsTaken,
  packetsUsed,
} from "./abi";
import { canRead } from "./app";
import { backlogFrames, backlogsHold } from "./check_backlog";
import { vectorsHold } from "./check_napi";
import {
  Connection,
  connectionAt,
  connectionsUsed,
  END_ABSENT,
  END_SERVER,
  groupAt,
  hasTransactions,
  RUNNABLE,
  RUNNING,
  SLEEPING,
  threadAt,
} from "./connection";
import { Cpu, cpuAt, cpus, IDLE } from "./cpu";
import { irqPending } from "./hard_irq";
import { monitorsHold } from "./monitor";
import { filterTableHolds } from "./flow_director";
import { HalfConnection, halfOf, inOrder, TO_HOST, TO_PEER } from "./half_connection";
import { peerCanSend, wireWaits } from "./peer";
import {
  deviceIsDown,
  Queue,
  queueAt,
  queues,
  queuesEver,
  rxContainer,
  rxDescriptors,
  txContainer,
  txDescriptors,
} from "./queue";
import { txAt } from "./ring";
import { totals } from "./totals";
import { isRemote, wireKept } from "./wire";
import { xskHolds } from "./xsk";

/** Frames the peer sent = taken by rings + dropped there + under way. */
const RULE_FRAMES: i32 = 1;
/** The five kinds of time of each CPU add up to the time elapsed. */
export const RULE_CPU_TIME: i32 = 2;
/** Interrupts raised = taken + under way. */
const RULE_INTERRUPTS: i32 = 3;
/** No interrupt came before its minimum gap was over. */
const RULE_GAP: i32 = 4;
/** Every reference to a packet is held by a ring, a queue or an event. */
const RULE_PACKETS: i32 = 5;
/** Whatever waits has something under way that will come to it; a masked vector has a holder. */
const RULE_STUCK: i32 = 6;
/** Descriptors of each ring are free or in use. */
export const RULE_DESCRIPTORS: i32 = 7;
/** Transactions that may be in flight are: in flight, idle, or about to be sent. */
const RULE_OUTSTANDING: i32 = 8;
/** Counts and places of the flow director's table agree; no more is in it than fits. */
const RULE_FILTERS: i32 = 20;
/** What waits in a backlog is on a poll list or polled, or its CPU will be told; counts agree. */
const RULE_BACKLOG: i32 = 30;
/** A connection with unread data is served, or on the ready list of its thread. */
const RULE_READY: i32 = 40;
/** Frames that an AF_XDP socket has submitted wait, are in the device's ring, or are completed. */
const RULE_XSK: i32 = 70;
/** What was lost has a timer; acknowledged <= in order <= arrived <= sent, and it adds up. */
const RULE_LOST: i32 = 41;
/** Messages of another machine that have not arrived are under way. */
const RULE_MESSAGES: i32 = 51;

function eventsOf(kind: u32): u64 {
  let count: u64 = 0;
  let left = pendingEvents();
  for (let i: u32 = 1; i <= eventsTaken() && left > 0; i++) {
    const event = eventAt(i);
    if (event.where == FREE) continue;
    left--;
    if (event.kind == kind) count++;
  }
  return count;
}

/** Whether an event is pending, of a kind and for a target. */
export function isPending(index: u32, kind: u32, target: u32): bool {
  if (index == 0 || index > eventsTaken()) return false;
  const event = eventAt(index);
  return event.where != FREE && event.kind == kind && event.target == target;
}

function anyPending(kind: u32, target: u32): bool {
  for (let i: u32 = 1; i <= eventsTaken(); i++) {
    if (isPending(i, kind, target)) return true;
  }
  return false;
}

function framesHold(): bool {
  const dropped =
    totals().dropRing + totals().dropFifo + totals().dropRule + totals().lostToHost +
    totals().downToHost + totals().dropResetToHost;
  let taken = eventsOf(EV_RX_LOST);
  for (let i: u32 = 0; i < queuesEver(); i++) {
    const queue = queueAt(i);
    taken += queue.rxPackets + (queue.rxTail - queue.rxHead);
  }
  const underWay = eventsOf(EV_RX_DMA) + eventsOf(EV_RX) + eventsOf(EV_RX_LATE);
  return totals().peerFrames == taken + dropped + underWay;
}

/** Times charged and the time since then: not charged here, the scheduler would see that. */
export function cpuTimesHold(): bool {
  for (let i: u32 = 0; i < cpus(); i++) {
    const cpu = cpuAt(i);
    const busy = cpu.userTicks + cpu.systemTicks + cpu.irqTicks + cpu.softirqTicks;
    if (busy + cpu.idleTicks + (now() - cpu.since) != now()) return false;
  }
  return true;
}

function interruptsHold(): bool {
  let raised: u64 = 0;
  let forced: u64 = 0;
  for (let i: u32 = 0; i < queuesEver(); i++) {
    raised += queueAt(i).interrupts;
    forced += queueAt(i).forcedInterrupts;
  }
  const asked = totals().movedVectors + totals().xskWakeups + totals().serviceInterrupts;
  if (forced != asked) return false;
  return raised == totals().interruptsTaken + totals().interruptsLost + eventsOf(EV_MSIX);
}

function gapsHold(): bool {
  for (let i: u32 = 0; i < queuesEver(); i++) {
    if (queueAt(i).gapViolations != 0) return false;
  }
  return true;
}

/** Packets of a list. */
export function listLength(head: u32): u64 {
  let count: u64 = 0;
  for (let number = head; number != 0; number = packetAt(number).next) count++;
  return count;
}

function holeCount(half: HalfConnection): u64 {
  let count: u64 = 0;
  for (let hole = half.holeHead; hole != 0; hole = packetAt(hole).holeNext) count++;
  return count;
}

function packetsHold(): bool {
  let held = eventsOf(EV_RX_DMA) + eventsOf(EV_RX);
  held += eventsOf(EV_PEER_RX) + eventsOf(EV_RETRANSMIT);
  held += eventsOf(EV_TX_LOST) + eventsOf(EV_RX_LOST) + eventsOf(EV_RX_LATE);
  held += listLength(wireWaits());
  for (let i: u32 = 0; i < queues(); i++) {
    const queue = queueAt(i);
    held += queue.rxTail - queue.rxHead;
    held += queue.txTail - queue.txHead;
  }
  for (let i: u32 = 0; i < connectionsUsed(); i++) {
    const connection = connectionAt(i);
    held += listLength(connection.peerHead) + listLength(connection.peerUrgentHead);
    held += listLength(connection.flowHead) + listLength(connection.chainHead);
    held += holeCount(halfOf(connection, TO_HOST)) + holeCount(halfOf(connection, TO_PEER));
  }
  for (let i: u32 = 0; i < cpus(); i++) held += backlogFrames(cpuAt(i));
  let references: u64 = 0;
  let used: u32 = 0;
  for (let i: u32 = 1; i <= packetsTaken(); i++) {
    references += packetAt(i).references;
    if (packetAt(i).references != 0) used++;
  }
  return references == held && used == packetsUsed();
}

/** Reports that are to come for what is in a ring. */
function reportsDue(index: u32, from: u32, to: u32): u32 {
  let count: u32 = 0;
  for (let i = from; i != to; i++) {
    if ((packetAt(txAt(index, i)).flags & FLAG_REPORT) != 0) count++;
  }
  return count;
}

function queueGoesOn(index: u32, queue: Queue): bool {
  if (queue.waiting != 0 && queue.txReported == queue.txHead) {
    if (reportsDue(index, queue.txReported, queue.txTail) == 0) return false;
  }
  if (queue.timer != 0 && !isPending(queue.timer, EV_ITR, index)) return false;
  // A reset under way ends.
  if (deviceIsDown()) return anyPending(EV_RESET, 0);
  if (queue.masked != 0 || queue.disarmed != 0 || queue.timer != 0) return true;
  if (queue.rxTail != queue.rxHead || queue.txReported != queue.txHead) return false;
  return rxContainer(index).pending == 0 && txContainer(index).pending == 0;
}

/** What the device is to fetch and to report is under way; each ring goes on. */
function queuesGoOn(): bool {
  let toFetch: u64 = 0;
  let toReport: u64 = 0;
  let waiting: u64 = 0;
  for (let i: u32 = 0; i < queues(); i++) {
    const queue = queueAt(i);
    if (!queueGoesOn(i, queue)) return false;
    toFetch += queue.txTail - queue.txFetched;
    toReport += reportsDue(i, queue.txReported, queue.txSent);
    waiting += queue.waiting;
  }
  for (let i: u32 = 0; i < connectionsUsed(); i++) waiting -= listLength(connectionAt(i).flowHead);
  return waiting == 0 && toFetch == eventsOf(EV_TX_FETCHED) && toReport == eventsOf(EV_TX_REPORT);
}

/** A CPU is busy with something that ends, or has nothing to do but what an IPI will tell it. */
function cpuGoesOn(index: u32, cpu: Cpu): bool {
  if (cpu.activity != IDLE) return isPending(cpu.event, EV_CPU, index);
  if (irqPending(cpu) || cpu.vector >= 0) return false;
  if (cpu.pollHead >= 0 || cpu.outHead >= 0) return false;
  return cpu.current < 0 && (cpu.runHead < 0 || anyPending(EV_IPI, index));
}

/** Threads that want a CPU are in a queue; those that have one are nobody else's. */
function threadsGoOn(): bool {
  let runnable: u64 = 0;
  let running: u64 = 0;
  for (let i: u32 = 0; i < connectionsUsed() + QUEUE_MAX + CPU_MAX; i++) {
    const isKernel = i >= connectionsUsed();
    const state = threadAt(isKernel ? NAPI_THREADS + i - connectionsUsed() : i).state;
    if (state == RUNNABLE) runnable++;
    if (state == RUNNING) running++;
  }
  for (let i: u32 = 0; i < cpus(); i++) {
    const cpu = cpuAt(i);
    if (!cpuGoesOn(i, cpu)) return false;
    if (cpu.current >= 0) running--;
    for (let thread = cpu.runHead; thread >= 0; thread = threadAt(thread).next) runnable--;
  }
  return runnable == 0 && running == 0;
}

/** A connection with frames at the peer that may go is listed; the link comes to who waits. */
function peerGoesOn(): bool {
  let listed = wireWaits() != 0;
  for (let i: u32 = 0; i < connectionsUsed(); i++) {
    const connection = connectionAt(i);
    const waits = connection.peerHead | connection.peerUrgentHead;
    const lost = halfOf(connection, TO_HOST).lost;
    if ((waits | lost) != 0 && connection.peerListed == 0 && peerCanSend(connection)) return false;
    if (connection.peerListed != 0) listed = true;
  }
  return !listed || anyPending(EV_PEER_LINK, 0);
}

function noneStuck(): bool {
  return vectorsHold() && queuesGoOn() && threadsGoOn() && peerGoesOn();
}

function txInUse(index: u32, queue: Queue): u32 {
  let used: u32 = 0;
  for (let i = queue.txHead; i != queue.txTail; i++) used += packetAt(txAt(index, i)).descriptors;
  return used;
}

/** Descriptors of both rings by their counters alone: each lies between the last and the next. */
export function countersHold(queue: Queue): bool {
  const waiting = queue.rxTail - queue.rxHead;
  if (queue.rxFree + queue.rxCleaned + waiting != rxDescriptors()) return false;
  if (queue.rxVisible - queue.rxHead > waiting) return false;
  const size = queue.txTail - queue.txHead;
  const fetched = queue.txFetched - queue.txHead;
  const sent = queue.txSent - queue.txHead;
  const reported = queue.txReported - queue.txHead;
  return reported <= sent && sent <= fetched && fetched <= size && size <= txDescriptors();
}

function descriptorsHold(): bool {
  for (let i: u32 = 0; i < queues(); i++) {
    const queue = queueAt(i);
    if (!countersHold(queue)) return false;
    if (queue.txFree + txInUse(i, queue) != txDescriptors()) return false;
  }
  return true;
}

/** Transactions that may be in flight on a connection whose client is here. */
function placesOf(index: u32): u64 {
  const connection = connectionAt(index);
  const group = groupAt(connection.group);
  if (connection.end == END_SERVER || connection.end == END_ABSENT) return 0;
  return hasTransactions(group.test) ? group.outstanding : 0;
}

/** Places of connections that have not started. */
function placesToCome(): u64 {
  let places: u64 = 0;
  for (let i: u32 = 1; i <= eventsTaken(); i++) {
    const event = eventAt(i);
    if (event.where != FREE && event.kind == EV_START) places += placesOf(event.target);
  }
  return places;
}

function outstandingHold(): bool {
  let places: u64 = 0;
  let found = eventsOf(EV_PEER_NEXT) + placesToCome();
  for (let i: u32 = 0; i < connectionsUsed(); i++) {
    const connection = connectionAt(i);
    const most = groupAt(connection.group).outstanding;
    places += placesOf(i);
    if (connection.outstanding > most || connection.idlePlaces > most) return false;
    if (connection.unsent > connection.outstanding) return false;
    found += connection.outstanding + connection.idlePlaces;
  }
  return found == places;
}

/** Connections in a thread's ready list, all of them its own; -1 where the list is broken. */
function readyLength(index: u32): i32 {
  const thread = threadAt(index);
  let count: u32 = 0;
  for (let i = thread.readyHead; i >= 0; i = connectionAt(i).readyNext) {
    if (connectionAt(i).thread != index || connectionAt(i).readyListed == 0) return -1;
    if (++count > thread.readyCount) return -1;
  }
  return count == thread.readyCount && thread.batch <= count ? <i32>count : -1;
}

/** Nothing that has come for a thread with many connections is forgotten. */
function readyHold(): bool {
  let listed: u32 = 0;
  for (let i: u32 = 0; i < connectionsUsed(); i++) {
    const connection = connectionAt(i);
    const thread = threadAt(connection.thread);
    if (thread.polls == 0) continue;
    if (connection.readyListed != 0) listed++;
    else if (canRead(connection) && thread.serving != <i32>i) return false;
  }
  for (let i: u32 = 0; i < connectionsUsed(); i++) {
    const thread = threadAt(i);
    if (thread.polls == 0) continue;
    const waits = isPending(thread.waitEvent, EV_WAIT, i);
    if (thread.readyCount > 0 && thread.state == SLEEPING && !waits) return false;
    const length = readyLength(i);
    if (length < 0) return false;
    listed -= length;
  }
  return listed == 0;
}

/** One direction of a connection: its numbers in order, its holes in order and with a timer. */
function halfHolds(half: HalfConnection, number: u32): bool {
  if (half.holeHead != 0 && !isPending(half.timer, EV_RTO, number)) return false;
  let lost: u32 = 0;
  let missing: u32 = 0;
  let last = half.acked;
  for (let i = half.holeHead; i != 0; i = packetAt(i).holeNext) {
    const hole = packetAt(i);
    if (<i32>(hole.sequence - last) < 0) return false;
    last = hole.sequence + hole.payload;
    missing += hole.payload;
    if ((hole.flags & FLAG_LOST) != 0) lost += hole.payload;
  }
  if (lost != half.lost || <i32>(half.sent - last) < 0) return false;
  if (<i32>(half.sent - missing - half.arrived) < 0) return false;
  return <i32>(inOrder(half) - half.acked) >= 0 && <i32>(half.arrived - half.known) >= 0;
}

/** What this end knows of a direction to or from another machine: sent, or received. */
function remoteHalfHolds(connection: Connection, number: u32): bool {
  const half = halfOf(connection, number & 1);
  if ((number & 1) == TO_PEER) return halfHolds(half, number);
  for (let i = half.holeHead; i != 0; i = packetAt(i).holeNext) {
    const next = packetAt(i).holeNext;
    const end = packetAt(i).sequence + packetAt(i).payload;
    if (next != 0 && <i32>(packetAt(next).sequence - end) < 0) return false;
  }
  return (half.sent | half.acked | half.lost | half.timer) == 0;
}

/** Nothing that was lost is forgotten, nor counted twice. */
function lossesHold(): bool {
  for (let i: u32 = 0; i < connectionsUsed(); i++) {
    const connection = connectionAt(i);
    if (isRemote(connection)) {
      if (!remoteHalfHolds(connection, 2 * i + TO_HOST)) return false;
      if (!remoteHalfHolds(connection, 2 * i + TO_PEER)) return false;
      continue;
    }
    if (!halfHolds(halfOf(connection, TO_HOST), 2 * i + TO_HOST)) return false;
    if (!halfHolds(halfOf(connection, TO_PEER), 2 * i + TO_PEER)) return false;
  }
  return true;
}

/** Each message from another machine has an event at which it arrives. */
function messagesHold(): bool {
  const events = eventsOf(EV_WIRE_FRAME) + eventsOf(EV_WIRE_LOST) + eventsOf(EV_WIRE_CLOSED);
  return events == wireKept();
}

/** Number of the first broken rule, or 0. */
export function checkAll(): i32 {
  if (!framesHold()) return RULE_FRAMES;
  if (!cpuTimesHold()) return RULE_CPU_TIME;
  if (!interruptsHold()) return RULE_INTERRUPTS;
  if (!gapsHold()) return RULE_GAP;
  if (!packetsHold()) return RULE_PACKETS;
  if (!noneStuck()) return RULE_STUCK;
  if (!descriptorsHold()) return RULE_DESCRIPTORS;
  if (!outstandingHold()) return RULE_OUTSTANDING;
  if (!filterTableHolds()) return RULE_FILTERS;
  if (!backlogsHold()) return RULE_BACKLOG;
  if (!readyHold()) return RULE_READY;
  if (!lossesHold()) return RULE_LOST;
  if (!messagesHold()) return RULE_MESSAGES;
  if (!xskHolds()) return RULE_XSK;
  return monitorsHold();
}
