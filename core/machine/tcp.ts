// deno-fmt-ignore-file
// TCP of the system under test on a link that loses nothing: segments of 1448 bytes, GRO within a
// NAPI poll, segmentation offload, one acknowledgement per merged packet of two segments or more,
// else with the next data or after the delayed-ack time, a fixed window. Counts bytes, keeps no
// sequence numbers: order holds by construction, and a frame that a full ring dropped comes again
// later without holding up the others (as if every receiver took data selectively).

import { cancel, now, schedule } from "../lib/wheel";
import { EV_DELAYED_ACK, FLAG_ACK, FLAG_FIN, FLAG_SYN, Packet, packetAt, packetTake } from "./abi";
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
import { cost, DELAYED_ACK, TCP_WINDOW, TX_QUEUE_LIMIT } from "./costs";
import { Cpu, cpuAt, kick } from "./cpu";
import { notify } from "./epoll";
import { TCP_HEADERS, TCP_SEGMENT } from "./link";
import { qdiscSubmit } from "./qdisc";
import { outputAppend } from "./softirq";
import { txQueueOf } from "./steering";
import { totals } from "./totals";

/** Largest packet of segmentation offload and of GRO: 45 full segments below 64 KiB. */
const TRAIN_BYTES: u32 = 45 * TCP_SEGMENT;
/** Data of one transmit descriptor (i40e splits at 12 KiB). */
const DESCRIPTOR_BYTES: u32 = 12288;

/** Room of the receive window. */
function freeWindow(connection: Connection): u32 {
  const window = <u32>cost(TCP_WINDOW);
  return window - min(window, connection.rxQueued);
}

/**
 * May send now: data, room in the peer's window, not too much in the device's queue. Short of a
 * whole train it waits for more room, up to a third of the window (tcp_tso_should_defer).
 */
export function tcpCanSend(connection: Connection): bool {
  if (connection.txQueued == 0 || connection.txHeld >= <u32>cost(TX_QUEUE_LIMIT)) return false;
  const window = <u32>cost(TCP_WINDOW);
  const room = window - min(window, connection.txInflight);
  return room >= min(connection.txQueued, min(TRAIN_BYTES, window / 3));
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
  packet.life = connection.life;
  packet.acked = connection.rxUnacked;
  packet.window = freeWindow(connection);
  connection.rxUnacked = 0;
  connection.rxWindow = packet.window;
  connection.ackDue = 0;
  stopDelayedAck(connection);
  const queue = txQueueOf(connection, cpu);
  atrSample(connection, packet, queue);
  qdiscSubmit(queue, number);
}

/** Sends a packet without data. */
export function tcpControl(index: u32, cpu: u32, flags: u32): void {
  transmit(index, cpu, packetTake(index, flags | FLAG_ACK, 0, TCP_HEADERS));
}

/** Sends one packet of what is queued; the caller has asked tcpCanSend. */
export function tcpSend(index: u32, cpu: u32): void {
  const connection = connectionAt(index);
  const window = <u32>cost(TCP_WINDOW);
  const room = window - min(window, connection.txInflight);
  const bytes = min(min(connection.txQueued, TRAIN_BYTES), room);
  const number = packetTake(index, 0, bytes, TCP_HEADERS);
  const packet = packetAt(number);
  packet.frames = (bytes + TCP_SEGMENT - 1) / TCP_SEGMENT;
  const buffers = (bytes + DESCRIPTOR_BYTES - 1) / DESCRIPTOR_BYTES;
  // Header and data of a small packet share a buffer; offload adds a context descriptor.
  packet.descriptors = packet.frames > 1 ? buffers + 2 : 1;
  connection.txQueued -= bytes;
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

/** A softirq's output step: one packet, or the acknowledgement that is due. */
export function tcpOutput(cpu: u32, index: u32): void {
  const connection = connectionAt(index);
  if (tcpCanSend(connection)) tcpSend(index, cpu);
  else if (connection.ackDue != 0) tcpControl(index, cpu, 0);
  if (tcpCanSend(connection)) outputAppend(cpuAt(cpu), index);
}

/** The device has sent a packet: its connection may send more. */
export function tcpCleaned(cpu: Cpu, packet: Packet): void {
  const connection = connectionAt(packet.connection);
  if (packet.life != connection.life) return;
  connection.txHeld -= packet.payload;
  if (tcpCanSend(connection)) outputAppend(cpu, packet.connection);
}

/** Whether a packet that only acknowledges makes its thread run: a new connection, or room. */
export function tcpWillWake(packet: Packet): bool {
  const connection = connectionAt(packet.connection);
  if (connection.state == STATE_SYN) return true;
  if (groupAt(connection.group).test != TCP_MAERTS) return false;
  return writerGoesOn(connection, packet.acked);
}

/** A writer that waits goes on when a third of its buffer is free (sk_stream_write_space). */
function writerGoesOn(connection: Connection, acked: u32): bool {
  return connection.txQueued + connection.txInflight - acked <= (4 * <u32>cost(TCP_WINDOW)) / 3;
}

/** The peer has acknowledged data. */
function acknowledged(cpu: u32, index: u32, bytes: u32): void {
  const connection = connectionAt(index);
  assert(bytes <= connection.txInflight);
  connection.txInflight -= bytes;
  if (tcpCanSend(connection)) outputAppend(cpuAt(cpu), index);
  const writes = groupAt(connection.group).test == TCP_MAERTS;
  if (writes && writerGoesOn(connection, 0)) notify(index, cpu);
}

function hold(cpu: Cpu, index: u32, packet: Packet): void {
  const connection = connectionAt(index);
  connection.groBytes += packet.payload;
  connection.rxNode = cpu.node;
  if (connection.groListed == 0) {
    connection.groListed = 1;
    connection.groNext = cpu.groHead;
    cpu.groHead = index;
  }
  if (connection.groBytes + TCP_SEGMENT > TRAIN_BYTES) cpu.groFull = index;
}

/** Connection set-up and end, from the peer's SYN, ACK and FIN. */
function handshake(cpu: u32, index: u32, flags: u32): void {
  const connection = connectionAt(index);
  if ((flags & FLAG_SYN) != 0) {
    connection.state = STATE_SYN;
    tcpControl(index, cpu, FLAG_SYN);
  } else if ((flags & FLAG_FIN) != 0) {
    tcpControl(index, cpu, 0);
  } else if (connection.state == STATE_SYN) {
    connection.state = STATE_READY;
    notify(index, cpu);
  }
}

/** A frame of a TCP flow has been cleaned from the ring. */
export function tcpReceive(cpu: u32, packet: Packet): void {
  const index = packet.connection;
  const connection = connectionAt(index);
  if (packet.life != connection.life) {
    totals().stale++;
    if ((packet.flags & FLAG_FIN) != 0) tcpControl(index, cpu, 0);
    return;
  }
  if (packet.acked != 0) acknowledged(cpu, index, packet.acked);
  if (packet.flags != 0) handshake(cpu, index, packet.flags);
  if (packet.payload != 0) hold(cpuAt(cpu), index, packet);
}

/** Whether the merged data of a connection makes an acknowledgement due at once. */
export function tcpWillAck(index: u32): bool {
  const connection = connectionAt(index);
  return connection.rxUnacked + connection.groBytes >= 2 * TCP_SEGMENT;
}

/** Merged data goes up to the socket. */
export function tcpFlush(cpu: u32, index: u32): void {
  const connection = connectionAt(index);
  const bytes = connection.groBytes;
  if (bytes == 0) return;
  connection.groBytes = 0;
  connection.rxQueued += bytes;
  connection.rxUnacked += bytes;
  connection.rxWindow -= min(connection.rxWindow, bytes);
  if (connection.rxUnacked >= 2 * TCP_SEGMENT) {
    tcpControl(index, cpu, 0);
  } else if (connection.delayedAck == 0) {
    connection.delayedAck = schedule(now() + cost(DELAYED_ACK), EV_DELAYED_ACK, index);
  }
  notify(index, cpu);
}

/** The delayed-ack time is over: the CPU of the thread sends the acknowledgement. */
export function tcpDelayedAck(index: u32): void {
  const connection = connectionAt(index);
  connection.delayedAck = 0;
  connection.ackDue = 1;
  const cpu = threadAt(connection.thread).cpu;
  outputAppend(cpuAt(cpu), index);
  kick(cpu);
}

/**
 * After a receive call: tells the peer of new room once the window it knows has halved against
 * what there is (tcp_cleanup_rbuf). True if an acknowledgement went out.
 */
export function tcpWindowUpdate(index: u32, cpu: u32): bool {
  const connection = connectionAt(index);
  const free = freeWindow(connection);
  if (free < 2 * connection.rxWindow || free - connection.rxWindow < 2 * TCP_SEGMENT) return false;
  tcpControl(index, cpu, 0);
  return true;
}

/** A new flow in the place of the last one. */
export function tcpReset(connection: Connection): void {
  stopDelayedAck(connection);
  connection.state = STATE_CLOSED;
  connection.rxQueued = 0;
  connection.rxUnacked = 0;
  connection.rxWindow = <u32>cost(TCP_WINDOW);
  connection.groBytes = 0;
  connection.txQueued = 0;
  connection.txInflight = 0;
  connection.txHeld = 0;
  connection.txQueue = -1;
  atrForget(connection);
  connection.ackDue = 0;
  connection.finDue = 0;
  connection.requestGot = 0;
}

/** The server has accepted the connection. */
export function tcpAccepted(connection: Connection): void {
  connection.state = STATE_OPEN;
}
