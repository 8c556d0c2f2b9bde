// deno-fmt-ignore-file
// What the i40e driver does to the device when the number of channels or the size of the rings
// changes: it stops everything, waits, frees what is in the rings, and starts anew
// (i40e_reset_and_rebuild; i40e_down and i40e_up). Frames that come meanwhile and those that wait
// are lost, by a cause of their own; flows go on by their retransmission timers. Rules are kept,
// ATR's filters are gone. Chooses nothing: what is asked for is checked in ethtool.ts.

import { cancel, now, schedule } from "../lib/wheel";
import {
  EV_RESET,
  EV_RX_LOST,
  FLAG_UDP,
  FLAG_XSK,
  packetAt,
  packetDrop,
  QUEUE_MAX,
} from "./abi";
import {
  connectionAt,
  connectionsUsed,
  groupAt,
  PROTOCOL_TCP,
  threadAt,
  XSK_TX,
} from "./connection";
import { CHANNEL_RESET, cost, RING_RESTART } from "./costs";
import { cpuAt, cpus, kick } from "./cpu";
import { hashFlow } from "./family";
import { ruleChanged } from "./flow_director";
import { atrClear } from "./flow_room";
import { TO_HOST } from "./half_connection";
import { itrReset } from "./itr";
import { frameLost } from "./loss";
import { nicInit, nicNode } from "./nic";
import { qdiscFlush } from "./qdisc";
import {
  deviceDownSet,
  Queue,
  queueAt,
  queues,
  queuesEver,
  queuesSet,
  ringReset,
  rxContainer,
  rxDescriptors,
  txContainer,
  txDescriptors,
} from "./queue";
import { rxAt, rxOnBus, txAt } from "./ring";
import { rssRebuild } from "./rss";
import { outputAppend } from "./softirq";
import { tcpHasOutput, tcpOvertaken } from "./tcp";
import { totals } from "./totals";
import { isRemote } from "./wire";
import { xskCompleted } from "./xsk";

/** How long the driver waits before it looks again whether a queue has stopped: 1 ms. */
const WAIT_AGAIN: u64 = 10000000;

/** What the device will have: queue pairs, and descriptors of the rings. */
let queuesNext: u32 = 0;
let rxNext: u32 = 0;
let txNext: u32 = 0;
/** The reset under way is one of the whole function, not of the rings alone. */
let isWhole: bool = false;
/** A whole reset has ended and nobody has asked since. */
let hasEnded: bool = false;

/** No reset under way. */
export function resetInit(): void {
  hasEnded = false;
  deviceDownSet(false);
}

/** Whether the number of channels has changed and nobody has asked since. */
export function resetHasEnded(): bool {
  return hasEnded;
}

/** 1 once after each reset with which the number of channels has changed: the kernel's notifier. */
export function resetTake(): u32 {
  const ended: u32 = hasEnded ? 1 : 0;
  hasEnded = false;
  return ended;
}

function stopQueue(index: u32): void {
  const queue = queueAt(index);
  if (queue.timer != 0) cancel(queue.timer);
  queue.timer = 0;
  qdiscFlush(index);
}

function begin(ticks: u64): void {
  deviceDownSet(true);
  ruleChanged();
  for (let i: u32 = 0; i < queues(); i++) stopQueue(i);
  schedule(now() + ticks, EV_RESET, 0);
}

/** Begins the reset after which the device has so many queue pairs. */
export function resetChannels(count: u32): void {
  isWhole = true;
  queuesNext = count;
  rxNext = rxDescriptors();
  txNext = txDescriptors();
  begin(cost(CHANNEL_RESET));
}

/** Begins the restart after which the rings have so many descriptors. */
export function resetRings(rx: u32, tx: u32): void {
  isWhole = false;
  queuesNext = queues();
  rxNext = rx;
  txNext = tx;
  begin(cost(RING_RESTART));
}

/**
 * Nothing of a queue is under way any more: in the device, on the bus, in an interrupt, a poll. A
 * timer that defers its interrupt is not waited for, but cancelled (napi_disable).
 */
function hasStopped(queue: Queue): bool {
  if (queue.txFetched != queue.txTail || queue.txSent != queue.txTail) return false;
  if (queue.reportsDue != 0 || queue.groHead >= 0) return false;
  if (queue.masked != 0 && queue.napiTimer == 0 && queue.msixLost == 0) return false;
  return queue.napiOwned == 0 && queue.spinCpus == 0;
}

/** No interrupt is on its way to a CPU. */
function allTaken(): bool {
  let raised: u64 = 0;
  for (let i: u32 = 0; i < queuesEver(); i++) raised += queueAt(i).interrupts;
  return raised == totals().interruptsTaken + totals().interruptsLost;
}

function allStopped(): bool {
  if (rxOnBus() != 0 || !allTaken()) return false;
  for (let i: u32 = 0; i < queues(); i++) if (!hasStopped(queueAt(i))) return false;
  for (let i: u32 = 0; i < cpus(); i++) {
    if ((cpuAt(i).pendingTimers | cpuAt(i).pendingIrqs) != 0) return false;
  }
  return true;
}

/**
 * A frame that nobody has taken is lost. Where later ones of its flow have come before it on
 * another queue, it stands for one of them, which was taken for it, and goes up.
 */
export function rxLost(number: u32): void {
  totals().dropResetToHost++;
  if (tcpOvertaken(number)) return;
  totals().dropReset++;
  frameLost(number, TO_HOST);
}

/** Frees what is in the rings. */
function freeRings(index: u32): void {
  const queue = queueAt(index);
  if (queue.napiTimer != 0) cancel(queue.napiTimer);
  queue.napiTimer = 0;
  if (queue.writeBackTimer != 0) cancel(queue.writeBackTimer);
  queue.writeBackTimer = 0;
  for (let i = queue.rxHead; i != queue.rxTail; i++) {
    const number = rxAt(index, i);
    // Another machine is told of each: one event has no room for as many messages.
    if (!isRemote(connectionAt(packetAt(number).connection))) rxLost(number);
    else schedule(now(), EV_RX_LOST, number);
  }
  for (let i = queue.txHead; i != queue.txTail; i++) {
    const number = txAt(index, i);
    const packet = packetAt(number);
    const connection = connectionAt(packet.connection);
    if ((packet.flags & FLAG_XSK) != 0) xskCompleted(index);
    if ((packet.flags & FLAG_UDP) == 0 && packet.life == connection.life) {
      connection.txHeld -= packet.payload;
    }
    packetDrop(number);
  }
  rxContainer(index).pending = 0;
  txContainer(index).pending = 0;
  queue.forced = 0;
  queue.masked = 0;
  queue.msixLost = 0;
  queue.disarmed = 0;
  queue.deferCount = 0;
}

/** Vectors, affinities, XPS, intervals and the hash as the driver sets them up. */
function rebuild(fewer: bool): void {
  for (let i: u32 = 0; i < cpus(); i++) cpuAt(i).xpsQueues = 0;
  for (let i: u32 = 0; i < QUEUE_MAX; i++) queueAt(i).xpsQueues = 0;
  nicInit(nicNode());
  for (let i: u32 = 0; i < queues(); i++) itrReset(i);
  if (rssRebuild(queues(), fewer)) {
    for (let i: u32 = 0; i < connectionsUsed(); i++) hashFlow(connectionAt(i));
  }
  atrClear();
  for (let i: u32 = 0; i < connectionsUsed(); i++) {
    connectionAt(i).rxQueue = -1;
    // A socket of AF_XDP stays with its queue.
    if (groupAt(connectionAt(i).group).test != XSK_TX) connectionAt(i).txQueue = -1;
    if (threadAt(i).napi > queues()) threadAt(i).napi = 0;
  }
}

/** The queues are open again: what waits in sockets goes on. */
function wakeSockets(): void {
  for (let i: u32 = 0; i < connectionsUsed(); i++) {
    const connection = connectionAt(i);
    if (connection.protocol != PROTOCOL_TCP || !tcpHasOutput(connection)) continue;
    const cpu = threadAt(connection.thread).cpu;
    outputAppend(cpuAt(cpu), i);
    kick(cpu);
  }
}

/** The time of a reset is over: it ends, unless a queue has not stopped yet. */
export function resetOver(): void {
  if (!allStopped()) {
    schedule(now() + WAIT_AGAIN, EV_RESET, 0);
    return;
  }
  const before = queues();
  for (let i: u32 = 0; i < before; i++) freeRings(i);
  queuesSet(queuesNext, rxNext, txNext);
  for (let i: u32 = 0; i < max(before, queuesNext); i++) ringReset(i);
  if (isWhole) rebuild(queuesNext < before);
  hasEnded = isWhole;
  deviceDownSet(false);
  ruleChanged();
  wakeSockets();
}
