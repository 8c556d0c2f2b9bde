// deno-fmt-ignore-file
// The ideal client at the other end of the link, its sending side: flows, requests, streams and the
// link, on which its connections take turns frame by frame. Each sends first what is urgent (it
// acknowledges), then what was lost, then data, as far as window and congestion window go. What it
// does with answers is in client.ts; it is limited by nothing but its link.

import { prngBelow } from "../lib/prng";
import { now, schedule } from "../lib/wheel";
import {
  BUFFER,
  BUFFER_FRAMES,
  EV_PEER_LINK,
  EV_RX_DMA,
  FLAG_COPY,
  FLAG_DUPLICATE,
  FLAG_FRAGMENT,
  FLAG_LAST,
  FLAG_PUSH,
  FLAG_SYN,
  FLAG_UDP,
  Packet,
  packetAt,
  packetTake,
  PORTS,
  prngOf,
  PURPOSE_PORT,
} from "./abi";
import { clientRequest, isClient } from "./client_thread";
import {
  Connection,
  connectionAt,
  END_SERVER,
  groupAt,
  hasConnects,
  isInbound,
  PROTOCOL_TCP,
  stampAt,
  UDP_RR,
  UDP_STREAM,
  XDP_DROP,
} from "./connection";
import { CABLE, cost, NIC_PACKET, NIC_RX, TCP_WINDOW } from "./costs";
import {
  hashFlow,
  tcpHeaders,
  tcpSegment,
  udpFrames,
  udpHeaders,
  udpPayload,
} from "./family";
import { halfOf, inOrder, TO_HOST, TO_PEER } from "./half_connection";
import { linkIsDown, overtaken } from "./fault";
import { linkLoses, linkToHost } from "./link";
import { frameLost } from "./loss";
import { QUANTUM } from "./qdisc";
import {
  beforeSend,
  lostNext,
  numberSent,
  resent,
  sendRoom,
  timerFires,
  TIMER_PROBE,
  TIMER_RESEND,
} from "./recovery";
import { deviceIsDown } from "./queue";
import { rxArrive, rxOnBus, rxTransfer } from "./ring";
import { requestBytesOf, sizesDraw } from "./sizes";
import { rxQueueOf } from "./steering";
import { tcpOvertaken, tcpReset } from "./tcp";
import { totals } from "./totals";
import { isRemote, wirePacket, wireWindow } from "./wire";

/** 192.168.0.2 and 192.168.0.1: the peer and the system under test (fd00::c0a8:2 and so on). */
const PEER_ADDRESS: u32 = 0xc0a80002;
const OWN_ADDRESS: u32 = 0xc0a80001;
/** netserver's control port; data connections of the model share it. */
const SERVER_PORT: u32 = 12865;
/** Linux's default range of local ports; more than there can be connections. */
const PORT_FIRST: u32 = 32768;
const PORT_COUNT: u32 = 28232;

/** Packet buffer of the device: default high watermark of its register GLRPB_GHW, 968 KiB. */
const FIFO_BYTES: u32 = 968 * 1024;

let listHead: i32 = -1;
let listTail: i32 = -1;
/** Frames of another machine that wait for the link while ideal clients want it as well. */
let wireHead: u32 = 0;
let wireTail: u32 = 0;
/** The last frame that had waited was one of those. */
let wireHadTurn: bool = false;
let linkFree: u64 = 0;
let linkEvent: bool = false;
let deviceFree: u64 = 0;
/** Frames that the device's buffer has held so far, and their bytes, which wrap. */
let bufferFrames: u32 = 0;
let bufferBytes: u32 = 0;

/** An idle link, nobody waits. */
export function peerInit(): void {
  listHead = -1;
  listTail = -1;
  wireHead = 0;
  wireTail = 0;
  wireHadTurn = false;
  linkFree = 0;
  linkEvent = false;
  deviceFree = 0;
  bufferFrames = 0;
  bufferBytes = 0;
  store<u32>(BUFFER, 0);
  memory.fill(PORTS, 0, 65536);
}

/** A free port, from a random one on: no two flows of the peer are the same. */
function takePort(): u32 {
  const start = prngBelow(prngOf(PURPOSE_PORT), PORT_COUNT);
  for (let step: u32 = 0; step < PORT_COUNT; step++) {
    const port = PORT_FIRST + ((start + step) % PORT_COUNT);
    if (load<u8>(PORTS + port) != 0) continue;
    store<u8>(PORTS + port, 1);
    return port;
  }
  assert(false);
  return 0;
}

/** Gives a connection a flow of its own: a new source port. */
export function peerFlow(index: u32): void {
  const connection = connectionAt(index);
  if (connection.life != 0) store<u8>(PORTS + (connection.ports >> 16), 0);
  const port = takePort();
  connection.life++;
  // As the frames that are received here have them.
  const isServer = connection.end <= END_SERVER;
  connection.source = isServer ? PEER_ADDRESS : OWN_ADDRESS;
  connection.destination = isServer ? OWN_ADDRESS : PEER_ADDRESS;
  connection.ports = isServer ? (port << 16) | SERVER_PORT : (SERVER_PORT << 16) | port;
  hashFlow(connection);
  connection.ruleSeen = 0;
  connection.peerWindow = isRemote(connection) ? wireWindow() : <u32>cost(TCP_WINDOW);
  connection.peerGot = 0;
  connection.peerUnacked = 0;
  connection.peerFinished = 0;
  connection.flowDeficit = QUANTUM;
  tcpReset(connection);
}

/** Lists a connection for its turn on the link. */
function enlist(index: u32): void {
  const connection = connectionAt(index);
  if (connection.peerListed == 0) {
    connection.peerListed = 1;
    connection.peerNext = -1;
    if (listTail < 0) listHead = index;
    else connectionAt(listTail).peerNext = index;
    listTail = index;
  }
  linkNext();
}

/** Lets who waits for the link have it, now or as soon as it is free. */
function linkNext(): void {
  if (linkEvent) return;
  if (now() >= linkFree) {
    peerLinkFree();
  } else {
    linkEvent = true;
    schedule(linkFree, EV_PEER_LINK, 0);
  }
}

/** Puts a packet behind the data that wait at the peer. */
function queuePacket(index: u32, number: u32): void {
  const connection = connectionAt(index);
  packetAt(number).life = connection.life;
  if (connection.peerHead == 0) connection.peerHead = number;
  else packetAt(connection.peerTail).next = number;
  connection.peerTail = number;
}

/** Says what the peer has on a packet of TCP. */
function putAck(connection: Connection, packet: Packet): void {
  const half = halfOf(connection, TO_PEER);
  packet.acked = inOrder(half);
  packet.arrived = half.arrived;
  connection.peerUnacked = 0;
}

/** Sends a packet that waits for no data: an acknowledgement, SYN, FIN, or a probe. */
export function peerControl(index: u32, flags: u32, payload: u32): void {
  const connection = connectionAt(index);
  const number = packetTake(index, flags, payload, tcpHeaders(connection));
  const packet = packetAt(number);
  packet.life = connection.life;
  putAck(connection, packet);
  if (connection.peerUrgentHead == 0) connection.peerUrgentHead = number;
  else packetAt(connection.peerUrgentTail).next = number;
  connection.peerUrgentTail = number;
  enlist(index);
}

/** Puts a datagram's frames on the connection's queue. */
function queueDatagram(index: u32, bytes: u32): void {
  const connection = connectionAt(index);
  const frames = udpFrames(connection, bytes);
  const headers = udpHeaders(connection, frames);
  const datagram = ++connection.peerDatagrams;
  for (let i: u32 = 0; i < frames; i++) {
    let flags = FLAG_UDP;
    if (i + 1 == frames) flags |= FLAG_LAST;
    if (frames > 1) flags |= FLAG_FRAGMENT;
    const payload = udpPayload(connection, frames, i, bytes);
    const number = packetTake(index, flags, payload, headers);
    packetAt(number).sequence = datagram;
    queuePacket(index, number);
  }
}

/** Puts a request's segments on the connection's queue. */
export function queueRequest(index: u32, bytes: u32): void {
  const connection = connectionAt(index);
  const headers = tcpHeaders(connection);
  let left = bytes;
  do {
    const payload = min(left, tcpSegment(connection));
    left -= payload;
    queuePacket(index, packetTake(index, left == 0 ? FLAG_PUSH : 0, payload, headers));
  } while (left > 0);
  enlist(index);
}

/** A generator's next frame is due; false where the last one has not left yet: it is not sent. */
export function peerGenerate(index: u32): bool {
  const connection = connectionAt(index);
  if (connection.peerHead != 0) return false;
  queueDatagram(index, groupAt(connection.group).messageBytes);
  enlist(index);
  return true;
}

/** Sends a request that has been due since `due` <= now, or has its thread send it. */
export function peerRequest(index: u32, due: u64): void {
  const connection = connectionAt(index);
  const group = groupAt(connection.group);
  if (isClient(connection)) {
    clientRequest(index, due);
    return;
  }
  const intended = group.fromSend != 0 ? now() : due;
  assert(connection.outstanding < group.outstanding);
  const counter = connection.stampHead + connection.outstanding;
  store<u64>(stampAt(connection, group, counter), intended);
  sizesDraw(connection, group, counter);
  connection.outstanding++;
  if (hasConnects(group.test)) {
    peerFlow(index);
    peerControl(index, FLAG_SYN, 0);
  } else if (group.test == UDP_RR) {
    queueDatagram(index, group.requestBytes);
    enlist(index);
  } else {
    queueRequest(index, requestBytesOf(connection, group, counter));
  }
}

/** Whether data of so many bytes may go: a window is open, or there is none (UDP). */
function mayGo(connection: Connection, payload: u32): bool {
  if (connection.protocol != PROTOCOL_TCP) return true;
  return sendRoom(halfOf(connection, TO_HOST), connection.peerWindow) >= payload;
}

/** A stream may send a frame that is not queued yet. */
function streamReady(connection: Connection): bool {
  const group = groupAt(connection.group);
  const test = group.test;
  // An open loop's frames are queued when they are due.
  if (test == XDP_DROP) return group.open == 0;
  if (!isInbound(test)) return test == UDP_STREAM;
  return mayGo(connection, tcpSegment(connection));
}

/** Whether a connection has a frame that may go now. */
export function peerCanSend(connection: Connection): bool {
  if (connection.peerUrgentHead != 0) return true;
  if (lostNext(halfOf(connection, TO_HOST)) != 0) return true;
  if (connection.peerHead == 0) return streamReady(connection);
  return mayGo(connection, packetAt(connection.peerHead).payload);
}

/** Lists a connection if it may send: after its start and what opens a window. */
export function peerGoOn(index: u32): void {
  const connection = connectionAt(index);
  if (connection.peerListed == 0 && peerCanSend(connection)) enlist(index);
}

/** Makes a copy of a segment that was lost. */
function copyLost(connection: Connection, index: u32, hole: u32): u32 {
  const number = packetTake(index, FLAG_COPY, packetAt(hole).payload, tcpHeaders(connection));
  const packet = packetAt(number);
  packet.life = connection.life;
  packet.sequence = packetAt(hole).sequence;
  putAck(connection, packet);
  resent(halfOf(connection, TO_HOST), hole);
  return number;
}

/** Takes the first of the data, which a stream makes just in time for the link; 0 none may go. */
function takeData(connection: Connection, index: u32): u32 {
  if (connection.peerHead == 0) {
    if (!streamReady(connection)) return 0;
    const group = groupAt(connection.group);
    if (!isInbound(group.test)) queueDatagram(index, group.messageBytes);
    else queuePacket(index, packetTake(index, 0, tcpSegment(connection), tcpHeaders(connection)));
  }
  const number = connection.peerHead;
  const packet = packetAt(number);
  if (!mayGo(connection, packet.payload)) return 0;
  connection.peerHead = packet.next;
  packet.next = 0;
  if (connection.protocol == PROTOCOL_TCP) {
    const half = halfOf(connection, TO_HOST);
    beforeSend(half);
    packet.sequence = numberSent(half, packet.payload);
    putAck(connection, packet);
  }
  return number;
}

/** The next frame of a connection: what is urgent, what was lost, then data; 0 none may go. */
function takeFrame(connection: Connection, index: u32): u32 {
  const urgent = connection.peerUrgentHead;
  if (urgent != 0) {
    connection.peerUrgentHead = packetAt(urgent).next;
    packetAt(urgent).next = 0;
    return urgent;
  }
  const hole = lostNext(halfOf(connection, TO_HOST));
  return hole != 0 ? copyLost(connection, index, hole) : takeData(connection, index);
}

/** The retransmission time of the peer may be over. */
export function peerTimer(index: u32): void {
  const connection = connectionAt(index);
  const half = halfOf(connection, TO_HOST);
  const isStream = isInbound(groupAt(connection.group).test);
  const waits = connection.peerHead != 0 || isStream;
  const action = timerFires(index, TO_HOST, waits && !peerCanSend(connection));
  if (action == TIMER_RESEND) peerGoOn(index);
  if (action != TIMER_PROBE) return;
  const payload = min(max(half.sent - half.acked, 1), tcpSegment(connection));
  peerControl(index, FLAG_DUPLICATE, payload);
}

/** The link is free: another machine and the ideal clients take turns. */
export function peerLinkFree(): void {
  linkEvent = false;
  const isWires = wireHead != 0 && (listHead < 0 || !wireHadTurn);
  wireHadTurn = isWires;
  if (isWires) {
    const number = wireHead;
    wireHead = packetAt(number).next;
    packetAt(number).next = 0;
    wireSerialise(number);
  } else {
    clientsTurn();
  }
  if (wireHead != 0 || listHead >= 0) linkNext();
}

/** The next connection of an ideal client sends one frame. */
function clientsTurn(): void {
  while (listHead >= 0) {
    const index = listHead;
    const connection = connectionAt(index);
    listHead = connection.peerNext;
    if (listHead < 0) listTail = -1;
    connection.peerListed = 0;
    const number = takeFrame(connection, index);
    if (number == 0) continue;
    serialise(number);
    if (peerCanSend(connection)) enlist(index);
    return;
  }
}

/** Bytes in the device's buffer before a frame that waits for `delay`; each takes NIC_PACKET. */
function bytesBefore(delay: u64): u32 {
  if (delay == 0) return 0;
  const frames = <u32>((delay - 1) / cost(NIC_PACKET));
  const first = (bufferFrames - frames) % BUFFER_FRAMES;
  return bufferBytes - load<u32>(BUFFER + ((<usize>first) << 2));
}

function bufferAdd(bytes: u32): void {
  bufferFrames++;
  bufferBytes += bytes;
  store<u32>(BUFFER + ((<usize>(bufferFrames % BUFFER_FRAMES)) << 2), bufferBytes);
}

/** Puts a frame on the link; the device has it, and begins to pass it on, a fixed time later. */
function serialise(number: u32): void {
  const packet = packetAt(number);
  totals().peerFrames++;
  const bytes = packet.payload + packet.headers;
  linkFree = now() + linkToHost(bytes);
  const isDown = linkIsDown();
  if (isDown || linkLoses()) {
    if (isDown) totals().downToHost++;
    else totals().lostToHost++;
    frameLost(number, TO_HOST);
    return;
  }
  const arrival = linkFree + cost(CABLE);
  if (!overtaken(number, arrival)) deviceTakes(number, arrival);
}

/** A frame that others have overtaken reaches the device. */
export function peerLate(number: u32): void {
  deviceTakes(number, now());
}

/** The device takes no more than one frame in NIC_PACKET; its buffer holds what comes faster. */
function deviceTakes(number: u32, arrival: u64): void {
  const packet = packetAt(number);
  const bytes = packet.payload + packet.headers;
  const taken = max(arrival, deviceFree + cost(NIC_PACKET));
  if (bytesBefore(taken - arrival) + rxOnBus() + bytes > FIFO_BYTES) {
    totals().dropFifo++;
    frameLost(number, TO_HOST);
    return;
  }
  bufferAdd(bytes);
  deviceFree = taken;
  schedule(taken + cost(NIC_RX), EV_RX_DMA, number);
}

/** A frame of another machine has come: it has the link into the device behind what came before. */
export function wireArrives(message: u32): void {
  const number = wirePacket(message);
  if (listHead < 0 && wireHead == 0) {
    wireSerialise(number);
    return;
  }
  if (wireHead == 0) wireHead = number;
  else packetAt(wireTail).next = number;
  wireTail = number;
}

/** First of the frames of another machine that wait for the link; 0 none. */
export function wireWaits(): u32 {
  return wireHead;
}

/** Puts a frame of another machine on the link. */
function wireSerialise(number: u32): void {
  const packet = packetAt(number);
  totals().peerFrames++;
  linkFree = max(now(), linkFree + linkToHost(packet.payload + packet.headers));
  deviceTakes(number, linkFree);
}

/** The device passes a frame on to its queue, or drops it: by a rule, for want of a descriptor. */
export function peerTaken(number: u32): void {
  if (deviceIsDown()) {
    totals().dropReset++;
    totals().dropResetToHost++;
    frameLost(number, TO_HOST);
    return;
  }
  const packet = packetAt(number);
  const queue = rxQueueOf(connectionAt(packet.connection), packet);
  if (queue < 0) {
    totals().dropRule++;
  } else {
    if (rxTransfer(queue, number, packet.payload + packet.headers)) return;
    totals().dropRing++;
  }
  frameLost(number, TO_HOST);
}

/**
 * A frame reaches the host's memory, or is dropped for want of a descriptor. Where later ones of
 * its flow have overtaken it on another queue, one of those is the one that is lost (tcpOvertaken).
 */
export function peerArrive(number: u32): void {
  if (rxArrive(number)) return;
  totals().dropRing++;
  if (!tcpOvertaken(number)) frameLost(number, TO_HOST);
}
