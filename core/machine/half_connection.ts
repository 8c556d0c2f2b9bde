// deno-fmt-ignore-file
// One direction of a TCP connection (a half-connection, RFC 4340): what its sender knows, what its
// receiver has. Sequence numbers count bytes and wrap. Data come in the order in which they were
// sent but for holes: segments that were lost and have not come again. So a count of bytes and the
// list of holes say what the receiver has, in order and selectively (RFC 2018), with no list of
// ranges. Decides nothing: what is thought lost is in recovery.ts, how much may go in cubic.ts.

import {
  CONNECTION_SHIFT,
  CONNECTIONS,
  FLAG_ARRIVED,
  HALF_SHIFT,
  HALVES,
  Packet,
  packetAt,
  packetDrop,
} from "./abi";
import { Connection, connectionAt } from "./connection";

/** Directions, and their place in a connection's pair. */
export const TO_HOST: u32 = 0;
export const TO_PEER: u32 = 1;

/** One direction of a connection, 128 bytes. */
@unmanaged
export class HalfConnection {
  // Sender: bytes sent once, acknowledged in order, and known to have arrived in any order.
  sent: u32;
  acked: u32;
  known: u32;
  /** Bytes thought lost and not sent again yet. */
  lost: u32;
  /** Receiver: bytes that have arrived, in any order. */
  arrived: u32;
  /** First hole, a packet; they are in order of their numbers. 0 none. */
  holeHead: u32;
  // Recovery: its state, the number whose acknowledgement ends it, its timer (an event, 0 none).
  state: u32;
  recoveryEnd: u32;
  timer: u32;
  backoff: u32;
  /** Payload of a full segment, in which windows count. */
  segment: u32;
  // Round-trip time: end of the segment that is timed; smoothed and its deviation, nanoseconds.
  timedEnd: u32;
  rttNs: u32;
  rttDeviationNs: u32;
  /** When the timed segment was sent, ticks; 0 none. */
  timedAt: u64;
  /** When the timer was started anew, ticks. */
  timerFrom: u64;
  // Congestion window and the rest of CUBIC, segments; see cubic.ts.
  window: f64;
  threshold: f64;
  maximum: f64;
  friendly: f64;
  plateauSeconds: f64;
  epoch: u64;
}

/** A direction of a connection: without bytes when the connection is taken (groupAdd). */
@inline
export function halfOf(connection: Connection, direction: u32): HalfConnection {
  const index = (changetype<usize>(connection) - CONNECTIONS) >> CONNECTION_SHIFT;
  return changetype<HalfConnection>(HALVES + (((index << 1) + direction) << HALF_SHIFT));
}

/** Grows (and wraps) with all that a connection brings, for checks: transactions, bytes of TCP. */
export function flowProgress(index: u32): u32 {
  const connection = connectionAt(index);
  const bytes = halfOf(connection, TO_HOST).arrived + halfOf(connection, TO_PEER).arrived;
  return bytes + connection.stampHead + connection.life;
}

/** Up to which number the receiver has everything. */
export function inOrder(half: HalfConnection): u32 {
  if (half.holeHead == 0) return half.arrived;
  const hole = packetAt(half.holeHead).sequence;
  return <i32>(half.arrived - hole) < 0 ? half.arrived : hole;
}

/** Whether data is missing of which later data has arrived. */
export function hasGap(half: HalfConnection): bool {
  return half.arrived != inOrder(half);
}

/** Bytes have arrived, those of holes marked so included; returns how many more are in order. */
export function deliver(half: HalfConnection, bytes: u32): u32 {
  const before = inOrder(half);
  half.arrived += bytes;
  let previous: u32 = 0;
  let hole = half.holeHead;
  while (hole != 0) {
    const packet = packetAt(hole);
    const next = packet.holeNext;
    if ((packet.flags & FLAG_ARRIVED) != 0) {
      if (previous == 0) half.holeHead = next;
      else packetAt(previous).holeNext = next;
      packetDrop(hole);
    } else {
      previous = hole;
    }
    hole = next;
  }
  return inOrder(half) - before;
}

/** The hole at a number; 0 where there is none. */
export function holeAt(half: HalfConnection, sequence: u32): u32 {
  let hole = half.holeHead;
  while (hole != 0 && packetAt(hole).sequence != sequence) hole = packetAt(hole).holeNext;
  return hole;
}

/** A segment that was sent again has arrived: its hole closes with the bytes (see deliver). */
export function holeArrives(half: HalfConnection, sequence: u32): void {
  const hole = holeAt(half, sequence);
  assert(hole != 0);
  packetAt(hole).flags |= FLAG_ARRIVED;
}

/** A lost segment becomes a hole, which takes over the packet with its reference. */
export function holeAdd(half: HalfConnection, number: u32): void {
  const packet = packetAt(number);
  let previous: u32 = 0;
  let hole = half.holeHead;
  while (hole != 0 && <i32>(packetAt(hole).sequence - packet.sequence) < 0) {
    previous = hole;
    hole = packetAt(hole).holeNext;
  }
  packet.holeNext = hole;
  if (previous == 0) half.holeHead = number;
  else packetAt(previous).holeNext = number;
}

/** Bytes of a packet's frames that were lost on the link: holes within it. */
export function lostWithin(half: HalfConnection, packet: Packet): u32 {
  let bytes: u32 = 0;
  for (let hole = half.holeHead; hole != 0; hole = packetAt(hole).holeNext) {
    if (packetAt(hole).sequence - packet.sequence < packet.payload) bytes += packetAt(hole).payload;
  }
  return bytes;
}

/** Forgets the holes of a flow that has ended. */
export function holesClear(half: HalfConnection): void {
  let hole = half.holeHead;
  while (hole != 0) {
    const next = packetAt(hole).holeNext;
    packetDrop(hole);
    hole = next;
  }
  half.holeHead = 0;
}
