// deno-fmt-ignore-file
// TCP of the system under test: segments of 1448 bytes, GRO within a NAPI poll, segmentation
// offload, a fixed receive window. One acknowledgement per merged packet of two segments or more,
// and at once where something is missing; else with the next data or after the delayed-ack time.
// What was sent and lost is in half_connection.ts and recovery.ts, how much may go in cubic.ts.

import { cancel, now, schedule } from "../lib/wheel";
import {
  EV_DELAYED_ACK,
  FLAG_ACK,
  FLAG_COPY,
  FLAG_DUPLICATE,
  FLAG_FIN,
  FLAG_PUSH,
  FLAG_SYN,
  FLAG_UDP,
  Packet,
  packetAt,
  packetDrop,
  packetTake,
} from "./abi";
import { atrForget, atrSample } from "./atr";
import {
  Connection,
  connectionAt,
  groupAt,
  STATE_CLOSED,
  STATE_OPEN,
  STATE_READY,
  STATE_SYN,
  TCP_MAERTS,
  threadAt,
} from "./connection";
import { cost, DELAYED_ACK, RPS_SOCK_FLOW_ENTRIES, TCP_WINDOW, TX_QUEUE_LIMIT } from "./costs";
import { Cpu, cpuAt, kick } from "./cpu";
import { cubicBytes } from "./cubic";
import { notify } from "./epoll";
import { tcpHeaders, tcpSegment } from "./family";
import { timerTicks } from "./fault";
import { deliver, halfOf, hasGap, holeArrives, inOrder, TO_HOST, TO_PEER } from "./half_connection";
import { qdiscSubmit } from "./qdisc";
import {
  acknowledge,
  beforeSend,
  halvesReset,
  lostNext,
  numberSent,
  resent,
  sendRoom,
  timerFires,
  TIMER_PROBE,
  TIMER_RESEND,
  windowRoom,
  windowTold,
} from "./recovery";
import { outputAppend } from "./softirq";
import { txQueueOf } from "./steering";
import { totals } from "./totals";
import { isRemote, wireTellClosed } from "./wire";

/** Largest packet of segmentation offload and of GRO: 45 full segments below 64 KiB. */
const TRAIN_SEGMENTS: u32 = 45;
/** Data of one transmit descriptor (i40e splits at 12 KiB). */
const DESCRIPTOR_BYTES: u32 = 12288;

/** Room that the other end has: it tells it, or is an ideal one that always has all of it. */
function peerWindow(connection: Connection): u32 {
  return isRemote(connection) ? connection.peerWindow : <u32>cost(TCP_WINDOW);
}

/** Bytes of the largest packet of a connection. */
@inline
export function trainBytes(connection: Connection): u32 {
  return TRAIN_SEGMENTS * tcpSegment(connection);
}

/** Room of the receive window. */
function freeWindow(connection: Connection): u32 {
  const window = <u32>cost(TCP_WINDOW);
  return window - min(window, connection.rxQueued);
}

/**
 * May send new data now: data, room in both windows, not too much in the device's queue. A segment
 * goes only where the receive window has room for all of it (tcp_snd_wnd_test; RFC 1122, 4.2.3.4).
 * Short of a whole train it waits for more room, up to a third of the window
 * (tcp_tso_should_defer).
 */
export function tcpCanSend(connection: Connection): bool {
  if (connection.txQueued == 0 || connection.txHeld >= <u32>cost(TX_QUEUE_LIMIT)) return false;
  const half = halfOf(connection, TO_PEER);
  const window = peerWindow(connection);
  const fits = windowRoom(half, window);
  if (fits < min(connection.txQueued, tcpSegment(connection))) return false;
  const third = min(window, cubicBytes(half)) / 3;
  return sendRoom(half, window) >= min(connection.txQueued, min(trainBytes(connection), third));
}

/** Has data to send now: what was lost, or new. */
export function tcpHasOutput(connection: Connection): bool {
  return lostNext(halfOf(connection, TO_PEER)) != 0 || tcpCanSend(connection);
}

/**
 * The send buffer, of two windows, takes what the application writes next: the last message may
 * go beyond its end, so that any message goes through (sk_stream_memory_free).
 */
export function tcpHasSpace(connection: Connection): bool {
  return connection.txQueued + connection.txInflight < 2 * <u32>cost(TCP_WINDOW);
}

function stopDelayedAck(connection: Connection): void {
  if (connection.delayedAck == 0) return;
  cancel(connection.delayedAck);
  connection.delayedAck = 0;
}

/** Puts what is due for acknowledgement on a packet and sends it from a CPU. */
function transmit(index: u32, cpu: u32, number: u32): void {
  const connection = connectionAt(index);
  const packet = packetAt(number);
  const half = halfOf(connection, TO_HOST);
  packet.life = connection.life;
  packet.acked = inOrder(half);
  packet.arrived = half.arrived;
  packet.window = freeWindow(connection);
  connection.rxUnacked = 0;
  connection.rxWindow = packet.window;
  connection.ackDue &= ~FLAG_ACK;
  stopDelayedAck(connection);
  const queue = txQueueOf(connection, cpu);
  atrSample(connection, packet, queue);
  qdiscSubmit(queue, number);
}

/** Sends a packet without data. */
export function tcpControl(index: u32, cpu: u32, flags: u32): void {
  transmit(index, cpu, packetTake(index, flags | FLAG_ACK, 0, tcpHeaders(connectionAt(index))));
}

/** Sends a segment again: one that was lost, or one that is known, to hear of the others. */
function sendAgain(index: u32, cpu: u32, flags: u32, sequence: u32, bytes: u32): void {
  const connection = connectionAt(index);
  const number = packetTake(index, flags, bytes, tcpHeaders(connection));
  packetAt(number).sequence = sequence;
  connection.txHeld += bytes;
  transmit(index, cpu, number);
}

function sendLost(index: u32, cpu: u32): void {
  const half = halfOf(connectionAt(index), TO_PEER);
  const number = lostNext(half);
  const hole = packetAt(number);
  sendAgain(index, cpu, FLAG_COPY, hole.sequence, hole.payload);
  resent(half, number);
}

/** Sends one packet of what is queued; the caller has asked tcpCanSend. */
export function tcpSend(index: u32, cpu: u32): void {
  const connection = connectionAt(index);
  const half = halfOf(connection, TO_PEER);
  beforeSend(half);
  const segment = tcpSegment(connection);
  let bytes = min(connection.txQueued, trainBytes(connection));
  const room = sendRoom(half, peerWindow(connection));
  // What a window cuts short goes in whole segments (tcp_mss_split_point).
  if (bytes > room) bytes = room > segment ? room - (room % segment) : room;
  const number = packetTake(index, 0, bytes, tcpHeaders(connection));
  const packet = packetAt(number);
  packet.frames = (bytes + segment - 1) / segment;
  const buffers = (bytes + DESCRIPTOR_BYTES - 1) / DESCRIPTOR_BYTES;
  // Header and data of a small packet share a buffer; offload adds a context descriptor.
  packet.descriptors = packet.frames > 1 ? buffers + 2 : 1;
  connection.txQueued -= bytes;
  if (connection.txQueued == 0) packet.flags |= FLAG_PUSH;
  packet.sequence = numberSent(half, bytes);
  transmit(index, cpu, number);
  connection.txInflight += bytes;
  connection.txHeld += bytes;
  if (connection.finDue != 0 && connection.txQueued == 0) {
    connection.finDue = 0;
    tcpControl(index, cpu, FLAG_FIN);
  }
}

/** The server closes: FIN goes now, or behind what is still to be sent. */
export function tcpClose(index: u32, cpu: u32): void {
  const connection = connectionAt(index);
  connection.state = STATE_CLOSED;
  if (connection.txQueued != 0) connection.finDue = 1;
  else tcpControl(index, cpu, FLAG_FIN);
}

/** A packet without new data that is due: an acknowledgement, a SYN or FIN again, a probe. */
function sendDue(index: u32, cpu: u32): void {
  const connection = connectionAt(index);
  const due = connection.ackDue;
  // One packet at a time: what is due beside a probe goes next.
  connection.ackDue = (due & FLAG_DUPLICATE) != 0 ? due & (FLAG_SYN | FLAG_FIN) : 0;
  if ((due & FLAG_DUPLICATE) != 0) {
    const half = halfOf(connection, TO_PEER);
    // Where all is acknowledged, a byte asks for a window that is open again.
    const least: u32 = isRemote(connection) ? 1 : 0;
    const bytes = max(min(half.sent - half.acked, tcpSegment(connection)), least);
    if (bytes != 0) sendAgain(index, cpu, FLAG_DUPLICATE, half.acked, bytes);
  } else {
    tcpControl(index, cpu, due & (FLAG_SYN | FLAG_FIN));
  }
}

/** A softirq's output step: one packet of data, or what else is due. */
export function tcpOutput(cpu: u32, index: u32): void {
  const connection = connectionAt(index);
  if (lostNext(halfOf(connection, TO_PEER)) != 0) sendLost(index, cpu);
  else if (tcpCanSend(connection)) tcpSend(index, cpu);
  else if (connection.ackDue != 0) sendDue(index, cpu);
  if (tcpHasOutput(connection) || connection.ackDue != 0) outputAppend(cpuAt(cpu), index);
}

/** Something is due that the CPU of the thread sends in a softirq. */
function sendLater(index: u32, flags: u32): void {
  const connection = connectionAt(index);
  connection.ackDue |= flags;
  const cpu = threadAt(connection.thread).cpu;
  outputAppend(cpuAt(cpu), index);
  kick(cpu);
}

/** The retransmission time of the server may be over. */
export function tcpTimer(index: u32): void {
  const connection = connectionAt(index);
  // An ideal peer never closes its window.
  const waits = isRemote(connection) && connection.txQueued != 0 && !tcpHasOutput(connection);
  const action = timerFires(index, TO_PEER, waits);
  if (action == TIMER_RESEND) sendLater(index, 0);
  if (action == TIMER_PROBE) sendLater(index, FLAG_DUPLICATE);
}

/** A SYN or FIN of the server was lost and goes again. */
export function tcpControlAgain(index: u32, flags: u32): void {
  sendLater(index, flags & (FLAG_SYN | FLAG_FIN));
}

/** The device has sent a packet: its connection may send more. */
export function tcpCleaned(cpu: Cpu, packet: Packet): void {
  const connection = connectionAt(packet.connection);
  if (packet.life != connection.life) return;
  connection.txHeld -= packet.payload;
  if (tcpHasOutput(connection)) outputAppend(cpu, packet.connection);
}

/** Whether a packet that only acknowledges makes its thread run: a new connection, or room. */
export function tcpWillWake(packet: Packet): bool {
  const connection = connectionAt(packet.connection);
  if (connection.state == STATE_SYN) return true;
  if (groupAt(connection.group).test != TCP_MAERTS) return false;
  const bytes = packet.acked - halfOf(connection, TO_PEER).acked;
  return writerGoesOn(connection, <i32>bytes > 0 ? bytes : 0);
}

/** A writer that waits goes on when a third of its buffer is free (sk_stream_write_space). */
function writerGoesOn(connection: Connection, acked: u32): bool {
  return connection.txQueued + connection.txInflight - acked <= (4 * <u32>cost(TCP_WINDOW)) / 3;
}

/** The peer has acknowledged data. */
function acknowledged(cpu: u32, index: u32, packet: Packet): void {
  const connection = connectionAt(index);
  const half = halfOf(connection, TO_PEER);
  const isNew = packet.arrived != half.known || packet.acked != half.acked;
  if (!isNew && (!isRemote(connection) || packet.window == connection.peerWindow)) return;
  const bytes = isNew ? acknowledge(half, packet.acked, packet.arrived) : 0;
  assert(bytes <= connection.txInflight);
  connection.txInflight -= bytes;
  if (isRemote(connection)) {
    if (packet.acked == half.acked) {
      connection.peerWindow = windowTold(connection.peerWindow, packet.window, bytes != 0);
    }
    // What has arrived there is known here by what is acknowledged.
    half.arrived = half.known;
  }
  if (tcpHasOutput(connection)) outputAppend(cpuAt(cpu), index);
  const writes = groupAt(connection.group).test == TCP_MAERTS;
  if (writes && writerGoesOn(connection, 0)) notify(index, cpu);
}

/** Connection set-up and end, from the peer's SYN, ACK and FIN. */
function handshake(cpu: u32, index: u32, flags: u32): void {
  const connection = connectionAt(index);
  if ((flags & FLAG_SYN) != 0) {
    connection.state = STATE_SYN;
    tcpControl(index, cpu, FLAG_SYN);
  } else if ((flags & FLAG_FIN) != 0) {
    tcpControl(index, cpu, 0);
    connection.rxFinished = 1;
    if (connection.state == STATE_CLOSED) return;
    if (connection.state == STATE_SYN) connection.state = STATE_READY;
    notify(index, cpu);
  } else if (connection.state == STATE_SYN) {
    connection.state = STATE_READY;
    notify(index, cpu);
  }
}

/** Data behind which others have come already, that are no copies: the order was not kept. */
function noteOrder(connection: Connection, packet: Packet): void {
  const end = packet.sequence + packet.payload;
  if (<i32>(packet.sequence - connection.rxHighest) >= 0) {
    connection.rxHighest = end;
    connection.rxHighestQueue = packet.queue;
    return;
  }
  totals().reordered++;
  // A queue keeps the order of a flow, and so does RPS, but not through a change of the hash, nor
  // does RFS where flows share an entry.
  const isSteered = connection.rehashed != 0 || cost(RPS_SOCK_FLOW_ENTRIES) != 0;
  if (packet.queue == connection.rxHighestQueue && !isSteered) totals().orderViolations++;
}

/** A frame of a TCP flow goes up: true if it has data, which go up merged (see tcpFlush). */
export function tcpReceive(cpu: u32, packet: Packet): bool {
  const index = packet.connection;
  const connection = connectionAt(index);
  if (packet.life != connection.life) {
    totals().stale++;
    if ((packet.flags & FLAG_FIN) != 0) tcpControl(index, cpu, 0);
    return false;
  }
  const flags = packet.flags;
  acknowledged(cpu, index, packet);
  if ((flags & FLAG_DUPLICATE) != 0) {
    tcpControl(index, cpu, 0);
    return false;
  }
  if ((flags & FLAG_ACK) != 0 || flags == FLAG_SYN || connection.state == STATE_SYN) {
    handshake(cpu, index, flags);
  }
  if (packet.payload == 0) return false;
  if ((flags & FLAG_COPY) != 0) {
    holeArrives(halfOf(connection, TO_HOST), packet.sequence);
    if (isRemote(connection)) wireTellClosed(packet);
  } else {
    noteOrder(connection, packet);
  }
  return true;
}

/** Whether the merged data of a connection goes up, and not behind what is missing. */
export function tcpWillRead(index: u32): bool {
  return !hasGap(halfOf(connectionAt(index), TO_HOST));
}

/** Whether merged data of so many bytes make an acknowledgement due at once. */
export function tcpWillAck(index: u32, bytes: u32): bool {
  const connection = connectionAt(index);
  if (hasGap(halfOf(connection, TO_HOST))) return true;
  return connection.rxUnacked + bytes >= 2 * tcpSegment(connection);
}

/** Merged data goes up to the socket. */
export function tcpFlush(cpu: u32, index: u32): void {
  const connection = connectionAt(index);
  const bytes = connection.groBytes;
  if (bytes == 0) return;
  connection.groBytes = 0;
  const half = halfOf(connection, TO_HOST);
  const fresh = deliver(half, bytes);
  connection.rxQueued += fresh;
  connection.rxUnacked += bytes;
  connection.rxWindow -= min(connection.rxWindow, fresh);
  if (fresh != bytes || hasGap(half) || connection.rxUnacked >= 2 * tcpSegment(connection)) {
    tcpControl(index, cpu, 0);
  } else if (connection.delayedAck == 0) {
    connection.delayedAck = schedule(now() + timerTicks(cost(DELAYED_ACK)), EV_DELAYED_ACK, index);
  }
  if (fresh != 0) notify(index, cpu);
}

/**
 * Data that bytes from later on have overtaken on another queue go up in their place: data count
 * by bytes (half_connection.ts). False, and nothing done, for all else.
 */
export function tcpOvertaken(number: u32): bool {
  const packet = packetAt(number);
  const index = packet.connection;
  const connection = connectionAt(index);
  const isOther = (packet.flags & (FLAG_UDP | FLAG_COPY | FLAG_DUPLICATE)) != 0;
  if (isOther || packet.payload == 0 || packet.life != connection.life) return false;
  if (<i32>(packet.sequence - inOrder(halfOf(connection, TO_HOST))) >= 0) return false;
  connection.groBytes += packet.payload;
  packetDrop(number);
  if (connection.groListed == 0) tcpFlush(threadAt(connection.thread).cpu, index);
  return true;
}

/** The delayed-ack time is over: the CPU of the thread sends the acknowledgement. */
export function tcpDelayedAck(index: u32): void {
  const connection = connectionAt(index);
  connection.delayedAck = 0;
  sendLater(index, FLAG_ACK);
}

/**
 * After a receive call: tells the peer of new room once the window it knows has halved against
 * what there is (tcp_cleanup_rbuf). True if an acknowledgement went out.
 */
export function tcpWindowUpdate(index: u32, cpu: u32): bool {
  const connection = connectionAt(index);
  const free = freeWindow(connection);
  if (free < 2 * connection.rxWindow) return false;
  if (free - connection.rxWindow < 2 * tcpSegment(connection)) return false;
  tcpControl(index, cpu, 0);
  return true;
}

/** A new flow in the place of the last one. */
export function tcpReset(connection: Connection): void {
  stopDelayedAck(connection);
  halvesReset(connection);
  connection.state = STATE_CLOSED;
  connection.rxQueued = 0;
  connection.rxUnacked = 0;
  connection.rxWindow = <u32>cost(TCP_WINDOW);
  connection.groBytes = 0;
  connection.rxHighest = 0;
  connection.rehashed = 0;
  connection.txQueued = 0;
  connection.txInflight = 0;
  connection.txHeld = 0;
  connection.txQueue = -1;
  connection.rxQueue = -1;
  atrForget(connection);
  connection.ackDue = 0;
  connection.finDue = 0;
  connection.requestGot = 0;
  connection.rxFinished = 0;
}

/** The server has accepted the connection. */
export function tcpAccepted(connection: Connection): void {
  connection.state = STATE_OPEN;
}
