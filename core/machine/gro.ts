// deno-fmt-ignore-file
// Generic receive offload of a NAPI: segments of a flow that come in one poll go up as one packet,
// at the poll's end, or at once when it is full. With gro_flush_timeout a poll that ends with work
// keeps what may still grow, full segments without PSH, until the next poll or the NAPI's timer;
// what is older than a jiffy goes up (napi_gro_flush). Where frames are steered to other CPUs
// (rps.ts) the packets themselves are chained. Charges nothing, and knows no protocol but lengths.

import { now } from "../lib/wheel";
import { FLAG_DUPLICATE, FLAG_FIN, FLAG_PUSH, FLAG_SYN, FLAG_UDP, Packet, packetAt } from "./abi";
import { Connection, connectionAt } from "./connection";
import { cost, GRO_FLUSH_TIMEOUT, TIMER } from "./costs";
import { Cpu, TICKS_PER_SECOND } from "./cpu";
import { tcpSegment } from "./family";
import { queueAt } from "./queue";
import { trainBytes } from "./tcp";

/** From this HZ on an incomplete poll, too, keeps what is young. */
const YOUNG_KEPT_HZ: u64 = 1000;

/** Whether a frame is data that GRO may merge with others of its flow. */
export function groMerges(packet: Packet): bool {
  return packet.payload != 0 &&
    (packet.flags & (FLAG_UDP | FLAG_SYN | FLAG_FIN | FLAG_DUPLICATE)) == 0;
}

/** Data of a connection that lie in GRO. */
@inline
function groHas(connection: Connection): bool {
  return connection.groBytes != 0 || connection.chainHead != 0;
}

function jiffyOf(time: u64): u64 {
  return (time * cost(TIMER)) / TICKS_PER_SECOND;
}

/** A frame's data come to those of its flow; full ones go up next. */
function note(cpu: Cpu, index: u32, packet: Packet, bytes: u32): void {
  const connection = connectionAt(index);
  if (connection.groListed == 0) {
    connection.groListed = 1;
    connection.groNext = cpu.groHead;
    cpu.groHead = index;
    connection.groSince = now();
    connection.groEnds = 0;
  }
  const segment = tcpSegment(connection);
  if (packet.payload < segment || (packet.flags & FLAG_PUSH) != 0) connection.groEnds = 1;
  if (bytes + segment > trainBytes(connection)) cpu.groFull = index;
}

/** Merges a segment whose header TCP has read already. */
export function groHold(cpu: Cpu, packet: Packet): void {
  const connection = connectionAt(packet.connection);
  connection.groBytes += packet.payload;
  connection.rxNode = cpu.node;
  note(cpu, packet.connection, packet, connection.groBytes);
}

/** Chains a segment that goes up on another CPU; takes the packet over with its reference. */
export function groChain(cpu: Cpu, number: u32): void {
  const packet = packetAt(number);
  const connection = connectionAt(packet.connection);
  packet.next = 0;
  if (connection.chainHead == 0) connection.chainHead = number;
  else packetAt(connection.chainTail).next = number;
  connection.chainTail = number;
  connection.chainBytes += packet.payload;
  note(cpu, packet.connection, packet, connection.chainBytes);
}

/** Takes the chain of a connection; 0 if there is none. */
export function groTakeChain(connection: Connection): u32 {
  const head = connection.chainHead;
  connection.chainHead = 0;
  connection.chainBytes = 0;
  return head;
}

/** Whether a poll keeps what is young: one that completes and starts a timer, mostly. */
function keepsYoung(cpu: Cpu): bool {
  if (cost(GRO_FLUSH_TIMEOUT) == 0) return false;
  if (cpu.work >= cpu.weight) return cost(TIMER) >= YOUNG_KEPT_HZ;
  return cpu.work != 0 || queueAt(cpu.vector).deferCount != 0;
}

/** Keeps a connection on its NAPI's list for the next poll, if it may grow there. */
function keep(cpu: Cpu, index: i32): bool {
  const connection = connectionAt(index);
  if (connection.groEnds != 0 || jiffyOf(connection.groSince) != jiffyOf(now())) return false;
  const queue = queueAt(cpu.vector);
  connection.groNext = queue.groHead;
  queue.groHead = index;
  return true;
}

/** A poll begins with what the last one has kept. */
export function groResume(cpu: Cpu): void {
  const queue = queueAt(cpu.vector);
  if (queue.groHead < 0) return;
  assert(cpu.groHead < 0);
  cpu.groHead = queue.groHead;
  queue.groHead = -1;
}

/** A connection that is full, or -1. */
export function groTakeFull(cpu: Cpu): i32 {
  const full = cpu.groFull;
  cpu.groFull = -1;
  return full;
}

/** At the end of a poll: the next connection whose data go up, or -1; `mayKeep` as told above. */
export function groTake(cpu: Cpu, mayKeep: bool): i32 {
  const keeps = mayKeep && keepsYoung(cpu);
  while (cpu.groHead >= 0) {
    const index = cpu.groHead;
    const connection = connectionAt(index);
    cpu.groHead = connection.groNext;
    // One that was full and went up early may have nothing left.
    if (keeps && groHas(connection) && keep(cpu, index)) continue;
    connection.groListed = 0;
    if (groHas(connection)) return index;
  }
  return -1;
}
