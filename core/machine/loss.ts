// deno-fmt-ignore-file
// What becomes of a frame that was lost on its way, by a ring, the device's buffer or the link:
// data of TCP leave a hole, a SYN or FIN comes again after its time, an acknowledgement is gone
// for ever, a datagram is the peer's loss. Takes over the packet with its reference.

import { now, schedule } from "../lib/wheel";
import {
  EV_LOST,
  EV_RETRANSMIT,
  FLAG_COPY,
  FLAG_DUPLICATE,
  FLAG_FIN,
  FLAG_LAST,
  FLAG_SYN,
  FLAG_TO_PEER,
  FLAG_UDP,
  packetAt,
  packetDrop,
} from "./abi";
import { connectionAt, END_SERVER, groupAt, UDP_RR } from "./connection";
import { cost, RETRANSMIT, SYN_RETRANSMIT } from "./costs";
import { deliver, halfOf, holeAdd, holeArrives, TO_HOST, TO_PEER } from "./half_connection";
import { segmentLost, timerStart } from "./recovery";
import { totals } from "./totals";
import { isRemote, wireIsOn, wirePacket, wireTellDatagram, wireTellLost } from "./wire";

/** A datagram of a connection was lost: the peer gives the transaction up after its time. */
export function datagramLost(index: u32): void {
  const connection = connectionAt(index);
  if (groupAt(connection.group).test != UDP_RR) return;
  if (connection.end == END_SERVER) wireTellDatagram(index);
  else schedule(now() + cost(RETRANSMIT), EV_LOST, index);
}

function otherWay(direction: u32): u32 {
  return direction == TO_HOST ? TO_PEER : TO_HOST;
}

/**
 * A frame between here and another machine is lost: what this end of its connection learns of it.
 * The sender of data has a segment to send again, its receiver a hole. Who waits for the
 * acknowledgement that was lost, or that a lost probe asked for, has a timer.
 */
function remoteLost(number: u32, direction: u32): void {
  const packet = packetAt(number);
  const index = packet.connection;
  const flags = packet.flags;
  const isProbe = (flags & FLAG_DUPLICATE) != 0;
  const isSender = direction == TO_PEER;
  if ((flags & FLAG_UDP) != 0) {
    const isServer = connectionAt(index).end == END_SERVER;
    if ((flags & FLAG_LAST) != 0 && !isServer) datagramLost(index);
  } else if (packet.payload != 0 && !isProbe) {
    const isCopy = (flags & FLAG_COPY) != 0;
    if (isSender) {
      segmentLost(index, direction, number, isCopy);
      return;
    }
    if (!isCopy) {
      holeAdd(halfOf(connectionAt(index), direction), number);
      return;
    }
  } else if (isSender == isProbe) {
    timerStart(index, TO_PEER);
  }
  packetDrop(number);
}

/** Another machine has lost a frame of a connection. */
export function wireLost(message: u32): void {
  const number = wirePacket(message);
  const packet = packetAt(number);
  const isSender = (packet.flags & FLAG_TO_PEER) != 0;
  packet.flags &= ~FLAG_TO_PEER;
  remoteLost(number, isSender ? TO_PEER : TO_HOST);
}

/** A segment that was sent again has arrived at another machine: its hole closes here as well. */
export function wireClosed(message: u32): void {
  const number = wirePacket(message);
  const packet = packetAt(number);
  const half = halfOf(connectionAt(packet.connection), TO_PEER);
  holeArrives(half, packet.sequence);
  deliver(half, 0);
  packetDrop(number);
}

/** A packet of one frame is lost in a direction. */
export function frameLost(number: u32, direction: u32): void {
  const packet = packetAt(number);
  const index = packet.connection;
  const flags = packet.flags;
  if (wireIsOn() && isRemote(connectionAt(index))) {
    wireTellLost(packet, direction);
    remoteLost(number, direction);
    return;
  }
  if ((flags & FLAG_UDP) != 0) {
    if ((flags & FLAG_LAST) != 0) datagramLost(index);
    packetDrop(number);
  } else if (packet.life != connectionAt(index).life) {
    totals().stale++;
    packetDrop(number);
  } else if ((flags & (FLAG_SYN | FLAG_FIN)) != 0) {
    const again = (flags & FLAG_SYN) != 0 ? SYN_RETRANSMIT : RETRANSMIT;
    if (direction == TO_PEER) packet.flags |= FLAG_TO_PEER;
    schedule(now() + cost(again), EV_RETRANSMIT, number);
  } else if (packet.payload != 0 && (flags & FLAG_DUPLICATE) == 0) {
    segmentLost(index, direction, number, (flags & FLAG_COPY) != 0);
  } else {
    // Of a lost acknowledgement the data's sender learns from a later one, or from its timer.
    timerStart(index, (flags & FLAG_DUPLICATE) != 0 ? direction : otherWay(direction));
    packetDrop(number);
  }
}
