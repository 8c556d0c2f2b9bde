// deno-fmt-ignore-file
// The way to another machine: a second instance of this module with its own memory and its own
// event set. What leaves here waits as a message in the outbox until the harness carries it over;
// what comes becomes an event at the time it arrives, never before the sender's cable allows. So
// each side may run ahead of the other by the cable's time, and no further (Chandy and Misra 1979).
// Messages are frames, and what the other end of a connection must know of losses on the way.

import { nextTime, now, scheduleFirst } from "../lib/wheel";
import {
  EV_WIRE_CLOSED,
  EV_WIRE_FRAME,
  EV_WIRE_LOST,
  FLAG_ACK,
  FLAG_COPY,
  FLAG_DUPLICATE,
  FLAG_FIN,
  FLAG_FRAGMENT,
  FLAG_LAST,
  FLAG_PUSH,
  FLAG_SYN,
  FLAG_TO_PEER,
  FLAG_UDP,
  Packet,
  packetAt,
  packetTake,
  WIRE_IN,
  WIRE_MAX,
  WIRE_OUT,
  WIRE_PENDING,
  WIRE_PENDING_MAX,
  WIRE_SHIFT,
} from "./abi";
import { Connection, connectionAt, END_WHOLE, Group, groupAt } from "./connection";
import { CABLE, cost } from "./costs";
import { tcpSegment } from "./family";
import { TO_HOST } from "./half_connection";
import { sizesPut } from "./sizes";
import { totals } from "./totals";

/** One message, 64 bytes. */
@unmanaged
class Message {
  /** Ticks at which it arrives. */
  time: u64;
  kind: u32;
  connection: u32;
  flags: u32;
  payload: u32;
  headers: u32;
  acked: u32;
  window: u32;
  sequence: u32;
  arrived: u32;
}

// Kinds of messages; those below SIZES become the event of the same place behind EV_WIRE_FRAME.
const FRAME: u32 = 0;
const LOST: u32 = 1;
const CLOSED: u32 = 2;
/** Sizes of a request and its response: payload and headers of the message; its number is acked. */
const SIZES: u32 = 3;

/** More messages than one event makes: it loses all 45 frames of a packet at most. */
const ROOM_LEAST: u32 = 64;
/** Flags that a frame has on the wire. */
const WIRE_FLAGS: u32 =
  FLAG_SYN | FLAG_FIN | FLAG_ACK | FLAG_UDP | FLAG_LAST | FLAG_FRAGMENT | FLAG_COPY |
  FLAG_DUPLICATE | FLAG_PUSH;
const NEVER: u64 = u64.MAX_VALUE;

let isOn: bool = false;
/** This is the machine of the clients. */
let hasClients: bool = false;
let outCount: u32 = 0;
/** Messages taken so far, and those that have arrived: running counters. */
let inCount: u32 = 0;
let handledCount: u32 = 0;
/** No event at or after this time may be handled: the other machine might send something before. */
let horizon: u64 = NEVER;
/** Ticks that what the other machine sends is under way at least. */
let backTicks: u64 = 0;
/** Receive window of its connections while it has all that was sent, bytes. */
let farWindow: u32 = 0;

/** No other machine. */
export function wireInit(): void {
  assert(offsetof<Message>() <= 1 << WIRE_SHIFT);
  isOn = false;
  hasClients = false;
  outCount = 0;
  inCount = 0;
  handledCount = 0;
  horizon = NEVER;
}

/** Whether there is another machine. */
@inline
export function wireIsOn(): bool {
  return isOn;
}

/** Whether this is the machine of the clients. */
export function wireIsClient(): bool {
  return hasClients;
}

/** Whether the other end of a connection is on another machine. */
export function isRemote(connection: Connection): bool {
  return isOn && connection.end != END_WHOLE;
}

/** Whether the next event may be handled now. */
export function wireMayRun(): bool {
  return outCount < WIRE_MAX - ROOM_LEAST && nextTime() < horizon;
}

/** Ticks that a frame is under way from link to link: a tick at least, or neither could go on. */
function cableTicks(): u64 {
  return max(cost(CABLE), 1);
}

function put(kind: u32, connection: u32): Message {
  assert(outCount < WIRE_MAX);
  const message = changetype<Message>(WIRE_OUT + ((<usize>outCount) << WIRE_SHIFT));
  outCount++;
  totals().wireSent++;
  memory.fill(changetype<usize>(message), 0, offsetof<Message>());
  message.time = now() + cableTicks();
  message.kind = kind;
  message.connection = connection;
  // An answer may come this early.
  horizon = min(horizon, message.time + backTicks);
  return message;
}

function putFrame(kind: u32, packet: Packet, payload: u32, sequence: u32): Message {
  const message = put(kind, packet.connection);
  message.flags = packet.flags & WIRE_FLAGS;
  message.payload = payload;
  message.headers = packet.headers;
  message.acked = packet.acked;
  message.window = packet.window;
  message.sequence = sequence;
  message.arrived = packet.arrived;
  return message;
}

/** Where in a packet its next frame begins. */
function frameFirst(packet: Packet): u32 {
  return packet.sent * tcpSegment(connectionAt(packet.connection));
}

/** Payload of the frame of a packet that goes next. */
function framePayload(packet: Packet): u32 {
  if (packet.frames == 1) return packet.payload;
  const segment = tcpSegment(connectionAt(packet.connection));
  return min(packet.payload - packet.sent * segment, segment);
}

/** The link has sent the next frame of a packet to the other machine. */
export function wireSend(packet: Packet): void {
  const sequence = packet.sequence + frameFirst(packet);
  const message = putFrame(FRAME, packet, framePayload(packet), sequence);
  // PSH is on a packet's last frame.
  if (packet.sent + 1 < packet.frames) message.flags &= ~FLAG_PUSH;
}

/** The link has lost the next frame of a packet: returns it as a packet of its own. */
export function wireCut(packet: Packet): u32 {
  const flags = packet.flags & WIRE_FLAGS;
  const number = packetTake(packet.connection, flags, framePayload(packet), packet.headers);
  const frame = packetAt(number);
  frame.life = packet.life;
  frame.sequence = packet.sequence + frameFirst(packet);
  return number;
}

/** Tells the other machine that a frame was lost here: one that it sent, or that it waits for. */
export function wireTellLost(packet: Packet, direction: u32): void {
  const message = putFrame(LOST, packet, packet.payload, packet.sequence);
  if (direction == TO_HOST) message.flags |= FLAG_TO_PEER;
}

/** Tells the clients that the server has lost a datagram. */
export function wireTellDatagram(index: u32): void {
  put(LOST, index).flags = FLAG_UDP | FLAG_LAST | FLAG_TO_PEER;
}

/** Tells the sender of a segment that was sent again that it has arrived. */
export function wireTellClosed(packet: Packet): void {
  putFrame(CLOSED, packet, packet.payload, packet.sequence);
}

/** Tells the server the sizes of a request; it asks for them once the request is there. */
export function wireTellSizes(index: u32, counter: u32, request: u32, response: u32): void {
  const message = put(SIZES, index);
  message.acked = counter;
  message.payload = request;
  message.headers = response;
}

function takeSizes(message: Message): void {
  const connection = connectionAt(message.connection);
  const group: Group = groupAt(connection.group);
  sizesPut(connection, group, message.acked, message.payload, message.headers);
}

@inline
function pendingAt(counter: u32): Message {
  const place = <usize>(counter % WIRE_PENDING_MAX);
  return changetype<Message>(WIRE_PENDING + (place << WIRE_SHIFT));
}

/** Keeps a message until it arrives: a packet is taken only then, as for all that happens here. */
function keep(message: Message): void {
  assert(message.kind <= CLOSED);
  assert(EV_WIRE_FRAME + LOST == EV_WIRE_LOST && EV_WIRE_FRAME + CLOSED == EV_WIRE_CLOSED);
  memory.copy(
    changetype<usize>(pendingAt(inCount)),
    changetype<usize>(message),
    offsetof<Message>(),
  );
  // At its time it comes first, however far this machine had run when it was told.
  scheduleFirst(message.time, EV_WIRE_FRAME + message.kind, inCount);
  inCount++;
}

/** The packet of a message that has arrived. */
export function wirePacket(counter: u32): u32 {
  const message = pendingAt(counter);
  handledCount++;
  const connection = message.connection;
  const number = packetTake(connection, message.flags, message.payload, message.headers);
  const packet = packetAt(number);
  packet.life = connectionAt(connection).life;
  packet.acked = message.acked;
  packet.window = message.window;
  packet.sequence = message.sequence;
  packet.arrived = message.arrived;
  return number;
}

/** Receive window that the other machine's end of a connection starts with, bytes. */
export function wireWindow(): u32 {
  return farWindow;
}

/**
 * There is another machine, with the server or, where this has that, with the clients; what it
 * sends is under way for so many nanoseconds at least, and its receive windows have so many bytes.
 */
export function wireOpen(isClient: bool, backNs: f64, windowBytes: u32): void {
  isOn = true;
  hasClients = isClient;
  backTicks = max(<u64>(backNs * 10.0), 1);
  farWindow = windowBytes;
  horizon = 0;
}

/** Messages that have come and not arrived, for the check. */
export function wireKept(): u32 {
  return inCount - handledCount;
}

/** Time of the next event, ticks; -1 where there is none. */
export function wireNext(): f64 {
  const time = nextTime();
  return time == NEVER ? -1.0 : <f64>time;
}

/** Events before this time, ticks, may be handled; each message sent shortens it. */
export function wireUntil(ticks: f64): void {
  horizon = <u64>ticks;
}

/** Messages in the outbox. */
export function wireCount(): u32 {
  return outCount;
}

/** The harness has taken the messages out. */
export function wireClear(): void {
  outCount = 0;
}

/**
 * Takes so many messages, which the harness has put into the inbox; false where there is no room
 * for them: the run cannot go on.
 */
export function wireTake(count: u32): bool {
  assert(count <= WIRE_MAX);
  if (inCount - handledCount > WIRE_PENDING_MAX - count) return false;
  for (let i: u32 = 0; i < count; i++) {
    const message = changetype<Message>(WIRE_IN + ((<usize>i) << WIRE_SHIFT));
    totals().wireTaken++;
    if (message.kind == SIZES) takeSizes(message);
    else keep(message);
  }
  return true;
}
