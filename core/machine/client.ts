// deno-fmt-ignore-file
// The ideal client's receiving side: it answers after a fixed time, acknowledges each train as a
// receiver with GRO does, puts datagrams together, and measures latency from the intended send
// time. A UDP transaction that was lost is given up after its time. Sends nothing by itself: that
// is peer.ts.

import { now, schedule } from "../lib/wheel";
import {
  EV_PEER_NEXT,
  FLAG_ACK,
  FLAG_COPY,
  FLAG_DUPLICATE,
  FLAG_FIN,
  FLAG_LAST,
  FLAG_SYN,
  FLAG_TO_PEER,
  FLAG_UDP,
  Packet,
  packetAt,
  packetDrop,
} from "./abi";
import { arrivalIdle } from "./arrival";
import {
  Connection,
  connectionAt,
  Group,
  groupAt,
  hasConnects,
  TCP_CC,
  TCP_MAERTS,
  XSK_TX,
} from "./connection";
import { cost, PEER_QUICK_ACK_SWITCH, PEER_TURNAROUND } from "./costs";
import { tcpSegment } from "./family";
import {
  deliver,
  halfOf,
  hasGap,
  holeArrives,
  lostWithin,
  TO_HOST,
  TO_PEER,
} from "./half_connection";
import { datagramLost } from "./loss";
import { peerControl, peerGoOn, peerRequest, queueRequest } from "./peer";
import { acknowledge, windowTold } from "./recovery";
import { requestBytesOf, responseBytesOf } from "./sizes";
import { tcpControlAgain } from "./tcp";
import { totals } from "./totals";
import { transactionDone } from "./transaction";

/** The peer gives up the oldest transaction of a connection and goes on. */
export function peerGiveUp(index: u32): void {
  const connection = connectionAt(index);
  assert(connection.outstanding > 0);
  totals().lostTransactions++;
  connection.stampHead++;
  connection.outstanding--;
  schedule(now(), EV_PEER_NEXT, index);
}

/** A SYN or FIN that was lost goes again, unless its connection has gone. */
export function controlAgain(number: u32): void {
  const packet = packetAt(number);
  const index = packet.connection;
  const flags = packet.flags;
  const isStale = packet.life != connectionAt(index).life;
  packetDrop(number);
  if (isStale) {
    totals().stale++;
    return;
  }
  totals().retransmits++;
  if ((flags & FLAG_TO_PEER) != 0) tcpControlAgain(index, flags);
  else peerControl(index, flags, 0);
}

/** A transaction is complete: latency counts up to when the peer's application has it. */
function complete(connection: Connection, group: Group, index: u32): void {
  const done = now() + cost(PEER_TURNAROUND);
  transactionDone(connection, group, done);
  schedule(done, EV_PEER_NEXT, index);
}

/** The peer's application is free to send on a connection. */
export function peerNext(index: u32): void {
  if (groupAt(connectionAt(index).group).open != 0) arrivalIdle(index);
  else peerRequest(index, now());
}

/** The peer's application reads a response: out of pingpong mode that acknowledges it. */
export function peerReads(index: u32): void {
  const isDue = connectionAt(index).peerUnacked != 0;
  if (isDue && cost(PEER_QUICK_ACK_SWITCH) != 0) peerControl(index, FLAG_ACK, 0);
  peerNext(index);
}

/** The host has acknowledged data of the peer. */
function acknowledged(connection: Connection, index: u32, packet: Packet): void {
  const half = halfOf(connection, TO_HOST);
  const isNew = acknowledge(half, packet.acked, packet.arrived) != 0;
  if (packet.acked == half.acked) {
    connection.peerWindow = windowTold(connection.peerWindow, packet.window, isNew);
  }
  peerGoOn(index);
}

/** Payload of the response that the peer waits for. */
function responseNext(connection: Connection, group: Group): u32 {
  if (group.test == TCP_CC) return 0;
  return responseBytesOf(connection, group, connection.stampHead);
}

/** Steps of a connection per request: SYN, request, response and FIN; CC has no data. */
function receiveCrr(connection: Connection, group: Group, index: u32, flags: u32): void {
  if ((flags & FLAG_SYN) != 0) {
    peerControl(index, FLAG_ACK, 0);
    // Without data the peer closes at once.
    if (group.test == TCP_CC) peerControl(index, FLAG_FIN | FLAG_ACK, 0);
    else queueRequest(index, requestBytesOf(connection, group, connection.stampHead));
    return;
  }
  if ((flags & FLAG_FIN) != 0) connection.peerFinished = 1;
  if (connection.peerFinished == 0 || connection.peerGot < responseNext(connection, group)) return;
  peerControl(index, group.test == TCP_CC ? FLAG_ACK : FLAG_FIN | FLAG_ACK, 0);
  connection.peerFinished = 0;
  connection.peerGot = 0;
  complete(connection, group, index);
}

/** Data of TCP have arrived: returns how many bytes go up, and acknowledges where it is due. */
function receiveData(connection: Connection, group: Group, index: u32, packet: Packet): u32 {
  const half = halfOf(connection, TO_PEER);
  const isCopy = (packet.flags & FLAG_COPY) != 0;
  if (isCopy) holeArrives(half, packet.sequence);
  const bytes = packet.payload - (isCopy ? 0 : lostWithin(half, packet));
  const fresh = deliver(half, bytes);
  connection.peerUnacked += bytes;
  // At once for a stream and what is out of order; else when it is read, or with the next request.
  const due: u32 = 2 * tcpSegment(connection);
  if (group.test == TCP_MAERTS || fresh != bytes || hasGap(half) || connection.peerUnacked >= due) {
    peerControl(index, FLAG_ACK, 0);
  }
  return fresh;
}

/** Fragments of a datagram come in order; returns its bytes once all of it is there. */
function receiveDatagram(connection: Connection, index: u32, packet: Packet, wanted: u32): u32 {
  if (packet.sequence != connection.peerFragmentOf) connection.peerFragmentBytes = 0;
  connection.peerFragmentOf = packet.sequence;
  connection.peerFragmentBytes += packet.payload;
  if ((packet.flags & FLAG_LAST) == 0) return 0;
  const bytes = connection.peerFragmentBytes;
  connection.peerFragmentBytes = 0;
  if (bytes == wanted) return bytes;
  totals().dropFragment++;
  datagramLost(index);
  return 0;
}

/** What a packet brings to the peer's application, bytes. */
function received(connection: Connection, group: Group, index: u32, packet: Packet): u32 {
  const flags = packet.flags;
  if ((flags & FLAG_UDP) != 0) {
    return receiveDatagram(connection, index, packet, group.responseBytes);
  }
  acknowledged(connection, index, packet);
  if ((flags & FLAG_DUPLICATE) != 0) {
    peerControl(index, FLAG_ACK, 0);
    return 0;
  }
  return packet.payload != 0 ? receiveData(connection, group, index, packet) : 0;
}

/** All frames of a packet that were not lost have reached the peer. */
export function peerReceive(number: u32): void {
  const packet = packetAt(number);
  const index = packet.connection;
  const connection = connectionAt(index);
  const group = groupAt(connection.group);
  const flags = packet.flags;
  if (packet.life != connection.life) {
    totals().stale++;
    packetDrop(number);
    return;
  }
  if (group.test == XSK_TX) {
    group.transactions++;
    group.bytes += packet.payload;
    packetDrop(number);
    return;
  }
  const bytes = received(connection, group, index, packet);
  packetDrop(number);
  if (group.test == TCP_MAERTS) {
    group.bytes += bytes;
    return;
  }
  connection.peerGot += bytes;
  if (hasConnects(group.test)) {
    receiveCrr(connection, group, index, flags);
    return;
  }
  while (connection.outstanding > 0 && bytes != 0) {
    const response = responseNext(connection, group);
    if (connection.peerGot < response) break;
    connection.peerGot -= response;
    complete(connection, group, index);
  }
}
