// deno-fmt-ignore-file
// The ideal client at the other end of the link: it answers after a fixed time and is limited by
// nothing but its link, on which its connections take turns frame by frame. Sends requests and
// streams, acknowledges each train as a receiver with GRO does, measures latency from the intended
// send time. Retransmits a frame that the device dropped once the retransmission time is over and
// halves that flow's window; a UDP transaction that was lost is given up after the same time.

import { HISTOGRAM_SIZE, histogramAdd } from "../lib/histogram";
import { prngBelow } from "../lib/prng";
import { now, schedule } from "../lib/wheel";
import {
  BUFFER,
  BUFFER_FRAMES,
  EV_LOST,
  EV_PEER_LINK,
  EV_PEER_NEXT,
  EV_RETRANSMIT,
  EV_RX_DMA,
  FLAG_ACK,
  FLAG_FIN,
  FLAG_FRAGMENT,
  FLAG_LAST,
  FLAG_SYN,
  FLAG_UDP,
  HISTOGRAMS,
  packetAt,
  packetDrop,
  packetTake,
  PORTS,
  prngOf,
  PURPOSE_PORT,
  STAMP_SHIFT,
  STAMPS,
} from "./abi";
import { arrivalIdle } from "./arrival";
import {
  Connection,
  connectionAt,
  Group,
  groupAt,
  TCP_CRR,
  TCP_MAERTS,
  TCP_STREAM,
  UDP_RR,
  UDP_STREAM,
} from "./connection";
import {
  CABLE,
  cost,
  NIC_PACKET,
  NIC_RX,
  PEER_TURNAROUND,
  RETRANSMIT,
  TCP_WINDOW,
  TICKS_PER_NS,
} from "./costs";
import { IP_HEADERS, linkToHost, TCP_HEADERS, TCP_SEGMENT, UDP_HEADERS, UDP_SEGMENT } from "./link";
import { QUANTUM } from "./qdisc";
import { rxArrive, rxOnBus, rxTransfer } from "./ring";
import { rssHash, rssHashAddresses } from "./rss";
import { requestBytesOf, responseBytesOf, sizesDraw } from "./sizes";
import { rxQueueOf } from "./steering";
import { tcpReset } from "./tcp";
import { totals } from "./totals";
import { udpFrames } from "./udp";

/** 192.168.0.2 and 192.168.0.1: the peer and the system under test. */
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
  connection.source = PEER_ADDRESS;
  connection.destination = OWN_ADDRESS;
  connection.ports = (port << 16) | SERVER_PORT;
  connection.hash = rssHash(PEER_ADDRESS, OWN_ADDRESS, connection.ports);
  connection.fragmentHash = rssHashAddresses(PEER_ADDRESS, OWN_ADDRESS);
  connection.ruleSeen = 0;
  connection.peerInflight = 0;
  connection.peerWindow = <u32>cost(TCP_WINDOW);
  connection.peerCongestion = connection.peerWindow;
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
  if (linkEvent) return;
  if (now() >= linkFree) {
    peerLinkFree();
  } else {
    linkEvent = true;
    schedule(linkFree, EV_PEER_LINK, 0);
  }
}

function queuePacket(index: u32, number: u32): void {
  const connection = connectionAt(index);
  packetAt(number).life = connection.life;
  if (connection.peerHead == 0) connection.peerHead = number;
  else packetAt(connection.peerTail).next = number;
  connection.peerTail = number;
}

function sendControl(index: u32, flags: u32, acked: u32): void {
  const number = packetTake(index, flags, 0, TCP_HEADERS);
  packetAt(number).acked = acked;
  queuePacket(index, number);
  enlist(index);
}

/** Puts a datagram's frames on the connection's queue. */
function queueDatagram(index: u32, bytes: u32): void {
  const frames = udpFrames(bytes);
  const datagram = ++connectionAt(index).peerDatagrams;
  for (let i: u32 = 0; i < frames; i++) {
    let flags = FLAG_UDP;
    if (i + 1 == frames) flags |= FLAG_LAST;
    if (frames > 1) flags |= FLAG_FRAGMENT;
    const payload = min(UDP_SEGMENT, bytes - i * UDP_SEGMENT);
    const number = packetTake(index, flags, payload, frames > 1 ? IP_HEADERS : UDP_HEADERS);
    packetAt(number).datagram = datagram;
    queuePacket(index, number);
  }
}

/** Puts a request's segments on the connection's queue; the first carries what is to be acked. */
function queueRequest(connection: Connection, index: u32, bytes: u32): void {
  let left = bytes;
  do {
    const payload = min(left, TCP_SEGMENT);
    const number = packetTake(index, 0, payload, TCP_HEADERS);
    packetAt(number).acked = connection.peerUnacked;
    connection.peerUnacked = 0;
    connection.peerInflight += payload;
    queuePacket(index, number);
    left -= payload;
  } while (left > 0);
}


@inline
function stampAt(connection: Connection, group: Group, counter: u32): usize {
  const place = connection.stampFirst + (counter % group.outstanding);
  return STAMPS + ((<usize>place) << STAMP_SHIFT);
}

/** Sends a request that was meant to go at `intended` <= now. */
export function peerRequest(index: u32, intended: u64): void {
  const connection = connectionAt(index);
  const group = groupAt(connection.group);
  assert(connection.outstanding < group.outstanding);
  const counter = connection.stampHead + connection.outstanding;
  store<u64>(stampAt(connection, group, counter), intended);
  sizesDraw(connection, group, counter);
  connection.outstanding++;
  if (group.test == TCP_CRR) {
    peerFlow(index);
    sendControl(index, FLAG_SYN, 0);
    return;
  }
  if (group.test == UDP_RR) queueDatagram(index, group.requestBytes);
  else queueRequest(connection, index, requestBytesOf(connection, group, counter));
  enlist(index);
}

/** A stream may send a frame that is not queued yet. */
function streamReady(connection: Connection, group: Group): bool {
  if (group.test != TCP_STREAM) return group.test == UDP_STREAM;
  const window = min(connection.peerWindow, connection.peerCongestion);
  return connection.peerInflight + TCP_SEGMENT <= window;
}

/** Makes the next frame of a stream, just in time for the link. */
function queueStream(connection: Connection, group: Group, index: u32): void {
  if (group.test == UDP_STREAM) {
    queueDatagram(index, group.messageBytes);
    return;
  }
  connection.peerInflight += TCP_SEGMENT;
  queuePacket(index, packetTake(index, 0, TCP_SEGMENT, TCP_HEADERS));
}

/** Lists a stream if it may send; for its start and acknowledgements. */
export function peerStream(index: u32): void {
  const connection = connectionAt(index);
  if (connection.peerListed != 0) return;
  if (streamReady(connection, groupAt(connection.group))) enlist(index);
}

/** The link is free: the next connection sends one frame. */
export function peerLinkFree(): void {
  linkEvent = false;
  while (listHead >= 0) {
    const index = listHead;
    const connection = connectionAt(index);
    const group = groupAt(connection.group);
    listHead = connection.peerNext;
    if (listHead < 0) listTail = -1;
    connection.peerListed = 0;
    if (connection.peerHead == 0 && streamReady(connection, group)) {
      queueStream(connection, group, index);
    }
    const number = connection.peerHead;
    if (number == 0) continue;
    connection.peerHead = packetAt(number).next;
    packetAt(number).next = 0;
    serialise(number);
    if (connection.peerHead != 0 || streamReady(connection, group)) enlist(index);
    else if (listHead >= 0) enlist(listHead);
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
  // The device takes no more than one frame in NIC_PACKET; its buffer holds what comes faster.
  const arrival = linkFree + cost(CABLE);
  const taken = max(arrival, deviceFree + cost(NIC_PACKET));
  if (bytesBefore(taken - arrival) + rxOnBus() + bytes > FIFO_BYTES) {
    totals().dropFifo++;
    dropped(number);
    return;
  }
  bufferAdd(bytes);
  deviceFree = taken;
  schedule(taken + cost(NIC_RX), EV_RX_DMA, number);
}

/** The device passes a frame on to its queue, or drops it: by a rule, for want of a descriptor. */
export function peerTaken(number: u32): void {
  const packet = packetAt(number);
  const queue = rxQueueOf(connectionAt(packet.connection), packet);
  if (queue < 0) {
    totals().dropRule++;
  } else {
    if (rxTransfer(queue, number, packet.payload + packet.headers)) return;
    totals().dropRing++;
  }
  dropped(number);
}

/** A frame reaches the host's memory, or is dropped for want of a descriptor. */
export function peerArrive(number: u32): void {
  if (rxArrive(number)) return;
  totals().dropRing++;
  dropped(number);
}

/** The device has dropped a frame: TCP sends it again, a datagram is lost. */
function dropped(number: u32): void {
  const packet = packetAt(number);
  const connection = connectionAt(packet.connection);
  if ((packet.flags & FLAG_UDP) == 0) {
    const floor = 2 * TCP_SEGMENT;
    connection.peerCongestion = max(connection.peerCongestion / 2, floor);
    schedule(now() + cost(RETRANSMIT), EV_RETRANSMIT, number);
    return;
  }
  if ((packet.flags & FLAG_LAST) != 0) peerLost(packet.connection);
  packetDrop(number);
}

/** Sends a dropped frame again, unless its connection has gone. */
export function peerRetransmit(number: u32): void {
  const packet = packetAt(number);
  const index = packet.connection;
  if (packet.life != connectionAt(index).life) {
    totals().stale++;
    packetDrop(number);
    return;
  }
  totals().retransmits++;
  packet.next = 0;
  queuePacket(index, number);
  enlist(index);
}

/** A datagram of a connection was lost. */
export function peerLost(index: u32): void {
  if (groupAt(connectionAt(index).group).test != UDP_RR) return;
  schedule(now() + cost(RETRANSMIT), EV_LOST, index);
}

/** The peer gives up the oldest transaction of a connection and goes on. */
export function peerGiveUp(index: u32): void {
  const connection = connectionAt(index);
  assert(connection.outstanding > 0);
  totals().lostTransactions++;
  connection.stampHead++;
  connection.outstanding--;
  schedule(now(), EV_PEER_NEXT, index);
}

/** A transaction is complete: latency counts up to when the peer's application has it. */
function complete(connection: Connection, group: Group, index: u32): void {
  assert(connection.outstanding > 0);
  const done = now() + cost(PEER_TURNAROUND);
  const intended = load<u64>(stampAt(connection, group, connection.stampHead));
  const histogram = HISTOGRAMS + <usize>connection.group * HISTOGRAM_SIZE;
  const latency = done - intended;
  histogramAdd(histogram, latency / TICKS_PER_NS);
  group.latencySum += latency;
  group.latencyMin = min(group.latencyMin, latency);
  group.latencyMax = max(group.latencyMax, latency);
  group.transactions++;
  group.bytes += requestBytesOf(connection, group, connection.stampHead);
  group.bytes += responseBytesOf(connection, group, connection.stampHead);
  connection.stampHead++;
  connection.outstanding--;
  schedule(done, EV_PEER_NEXT, index);
}

/** The peer's application is free to send on a connection. */
export function peerNext(index: u32): void {
  if (groupAt(connectionAt(index).group).open != 0) arrivalIdle(index);
  else peerRequest(index, now());
}

function acknowledged(connection: Connection, index: u32, bytes: u32, window: u32): void {
  assert(bytes <= connection.peerInflight);
  connection.peerInflight -= bytes;
  connection.peerWindow = window;
  const limit = <u32>cost(TCP_WINDOW);
  if (connection.peerCongestion < limit) {
    const growth = <u32>((<u64>TCP_SEGMENT * bytes) / connection.peerCongestion);
    connection.peerCongestion = min(connection.peerCongestion + growth, limit);
  }
  peerStream(index);
}

/** Payload of the response that the peer waits for. */
function responseNext(connection: Connection, group: Group): u32 {
  return responseBytesOf(connection, group, connection.stampHead);
}

/** Steps of a connection per request: SYN, request, response and FIN. */
function receiveCrr(connection: Connection, group: Group, index: u32, flags: u32): void {
  if ((flags & FLAG_SYN) != 0) {
    sendControl(index, FLAG_ACK, 0);
    queueRequest(connection, index, requestBytesOf(connection, group, connection.stampHead));
    enlist(index);
    return;
  }
  if ((flags & FLAG_FIN) != 0) connection.peerFinished = 1;
  if (connection.peerFinished == 0 || connection.peerGot < responseNext(connection, group)) return;
  sendControl(index, FLAG_FIN | FLAG_ACK, connection.peerUnacked);
  connection.peerUnacked = 0;
  connection.peerFinished = 0;
  connection.peerGot = 0;
  complete(connection, group, index);
}

/** All frames of a packet have reached the peer. */
export function peerReceive(number: u32): void {
  const packet = packetAt(number);
  const index = packet.connection;
  const connection = connectionAt(index);
  const group = groupAt(connection.group);
  const payload = packet.payload;
  const flags = packet.flags;
  const stale = packet.life != connection.life;
  if (!stale && (flags & FLAG_UDP) == 0) {
    acknowledged(connection, index, packet.acked, packet.window);
  }
  packetDrop(number);
  if (stale) {
    totals().stale++;
    return;
  }
  if (group.test == TCP_MAERTS) {
    group.bytes += payload;
    if (payload != 0) sendControl(index, FLAG_ACK, payload);
    return;
  }
  connection.peerGot += payload;
  if ((flags & FLAG_UDP) == 0) connection.peerUnacked += payload;
  if (connection.peerUnacked >= 2 * TCP_SEGMENT) {
    sendControl(index, FLAG_ACK, connection.peerUnacked);
    connection.peerUnacked = 0;
  }
  if (group.test == TCP_CRR) {
    receiveCrr(connection, group, index, flags);
    return;
  }
  while (connection.outstanding > 0 && payload != 0) {
    const response = responseNext(connection, group);
    if (connection.peerGot < response) break;
    connection.peerGot -= response;
    complete(connection, group, index);
  }
}
