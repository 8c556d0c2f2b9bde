// deno-fmt-ignore-file
// Conservation rules of the machine, checked from its tables alone: nothing may be lost, made twice
// or stuck, at any instant between two events. Reads only. Rules are numbered; the harness has the
// sentences (harness/machine/rules.ts).

import { eventAt, eventsTaken, FREE, now, pendingEvents } from "../lib/wheel";
import {
  EV_MSIX,
  EV_PEER_RX,
  EV_RETRANSMIT,
  EV_RX,
  packetAt,
  packetsTaken,
  packetsUsed,
} from "./abi";
import { connectionAt, connectionsUsed, groupAt } from "./connection";
import { charge, cpuAt, cpus } from "./cpu";
import { queueAt, queues, ringDescriptors, rxContainer, txContainer } from "./queue";
import { totals } from "./totals";

/** Frames the peer sent = taken by rings + dropped there + under way. */
const RULE_FRAMES: i32 = 1;
/** The five kinds of time of each CPU add up to the time elapsed. */
const RULE_CPU_TIME: i32 = 2;
/** Interrupts raised = taken + under way. */
const RULE_INTERRUPTS: i32 = 3;
/** No interrupt came before its minimum gap was over. */
const RULE_GAP: i32 = 4;
/** Every reference to a packet is held by a ring, a queue or an event. */
const RULE_PACKETS: i32 = 5;
/** A ring with frames is being polled, is interrupting, or has a timer; a qdisc waits for one. */
const RULE_STUCK: i32 = 6;
/** Descriptors of each ring are accounted for. */
const RULE_DESCRIPTORS: i32 = 7;
/** Transactions in flight stay within what each connection may have. */
const RULE_OUTSTANDING: i32 = 8;

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

function framesHold(): bool {
  const dropped = totals().dropRing + totals().dropFifo;
  let taken: u64 = 0;
  for (let i: u32 = 0; i < queues(); i++) {
    const queue = queueAt(i);
    taken += queue.rxPackets + (queue.rxTail - queue.rxHead);
  }
  return totals().peerFrames == taken + dropped + eventsOf(EV_RX);
}

function cpuTimesHold(): bool {
  for (let i: u32 = 0; i < cpus(); i++) {
    charge(i);
    const cpu = cpuAt(i);
    const busy = cpu.userTicks + cpu.systemTicks + cpu.irqTicks + cpu.softirqTicks;
    if (busy + cpu.idleTicks != now()) return false;
  }
  return true;
}

function interruptsHold(): bool {
  let raised: u64 = 0;
  for (let i: u32 = 0; i < queues(); i++) raised += queueAt(i).interrupts;
  return raised == totals().interruptsTaken + eventsOf(EV_MSIX);
}

function gapsHold(): bool {
  for (let i: u32 = 0; i < queues(); i++) {
    if (queueAt(i).gapViolations != 0) return false;
  }
  return true;
}

function listLength(head: u32): u64 {
  let count: u64 = 0;
  for (let number = head; number != 0; number = packetAt(number).next) count++;
  return count;
}

function packetsHold(): bool {
  let held = eventsOf(EV_RX) + eventsOf(EV_PEER_RX) + eventsOf(EV_RETRANSMIT);
  for (let i: u32 = 0; i < queues(); i++) {
    const queue = queueAt(i);
    held += queue.rxTail - queue.rxHead;
    held += queue.txTail - queue.txHead;
  }
  for (let i: u32 = 0; i < connectionsUsed(); i++) {
    const connection = connectionAt(i);
    held += listLength(connection.peerHead) + listLength(connection.flowHead);
  }
  let references: u64 = 0;
  let used: u32 = 0;
  for (let i: u32 = 1; i <= packetsTaken(); i++) {
    references += packetAt(i).references;
    if (packetAt(i).references != 0) used++;
  }
  return references == held && used == packetsUsed();
}

function noneStuck(): bool {
  for (let i: u32 = 0; i < queues(); i++) {
    const queue = queueAt(i);
    const waits = queue.rxTail != queue.rxHead || queue.txReported != queue.txHead;
    if (waits && queue.masked == 0 && queue.timer == 0) return false;
    if (queue.waiting != 0 && queue.txHead == queue.txTail) return false;
    if (queue.masked == 0 && queue.timer == 0) {
      if (rxContainer(i).pending != 0 || txContainer(i).pending != 0) return false;
    }
  }
  return true;
}

function descriptorsHold(): bool {
  for (let i: u32 = 0; i < queues(); i++) {
    const queue = queueAt(i);
    const rx = queue.rxFree + queue.rxCleaned + (queue.rxTail - queue.rxHead);
    if (rx != ringDescriptors() || queue.txFree > ringDescriptors()) return false;
  }
  return true;
}

function outstandingHold(): bool {
  for (let i: u32 = 0; i < connectionsUsed(); i++) {
    const connection = connectionAt(i);
    if (connection.outstanding > groupAt(connection.group).outstanding) return false;
  }
  return true;
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
  return 0;
}
