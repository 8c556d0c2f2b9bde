// deno-fmt-ignore-file
// Server threads, one per connection, as netserver's processes: receive, compute, send; receive and
// drop; or fill a stream. A thread is asked for its next step (how long, user or system) and told
// when it is done; only then the step has effects. Blocks by naming no step. Knows nothing of
// CPUs but the number it runs on.

import { busyPolls, busyPollTicks, SPINNING } from "./busy_poll";
import {
  Connection,
  connectionAt,
  Group,
  groupAt,
  STATE_OPEN,
  STATE_READY,
  TCP_CRR,
  TCP_MAERTS,
  TCP_RR,
  TCP_STREAM,
  Thread,
  threadAt,
  UDP_RR,
  UDP_STREAM,
} from "./connection";
import {
  ACCEPT_CALL,
  APPLICATION,
  BLOCK,
  CLOSE_CALL,
  COPY_LOCAL,
  COPY_REMOTE,
  cost,
  RECV_CALL,
  SEND_CALL,
  TCP_ACK_TX,
  TCP_TX,
  UDP_TX,
} from "./costs";
import { cpuAt, MODE_SYSTEM, MODE_USER } from "./cpu";
import { serviceTicks } from "./service";
import { socketLeave, socketReceived, socketTake } from "./socket";
import { tcpAccepted, tcpCanSend, tcpClose, tcpHasSpace, tcpSend, tcpWindowUpdate } from "./tcp";
import { udpSend } from "./udp";

// Phase: what the current step is, or with none, what comes next.
const START: u32 = 0;
const RECEIVE: u32 = 1;
const COMPUTE: u32 = 2;
const SEND: u32 = 3;
const OUTPUT: u32 = 4;
const BLOCKING: u32 = 5;
const BLOCKED: u32 = 6;
const ACCEPT: u32 = 7;
const CLOSE: u32 = 8;

/** Copy between user and kernel; remote if another node's CPU had the data last. */
function copyTicks(bytes: u32, remote: bool): u64 {
  return (<u64>bytes * cost(remote ? COPY_REMOTE : COPY_LOCAL)) / 100;
}

function step(thread: Thread, phase: u32, mode: u32, ticks: u64): u64 {
  const extra = thread.extra;
  thread.extra = 0;
  thread.phase = phase;
  thread.mode = mode;
  return max(ticks + extra, 1);
}

/** What the thread can do without waiting, from the start of its loop. */
function ready(connection: Connection, group: Group): u32 {
  switch (group.test) {
    case TCP_MAERTS:
      return tcpHasSpace(connection) ? SEND : BLOCKING;
    case UDP_RR:
    case UDP_STREAM:
      return connection.rxMessages > 0 ? RECEIVE : BLOCKING;
    case TCP_CRR:
      if (connection.state == STATE_READY) return ACCEPT;
      return connection.state == STATE_OPEN && connection.rxQueued > 0 ? RECEIVE : BLOCKING;
    default:
      return connection.rxQueued > 0 ? RECEIVE : BLOCKING;
  }
}

function receiveAmount(connection: Connection, group: Group): u32 {
  if (group.test == UDP_STREAM) return group.messageBytes;
  if (group.test == UDP_RR) return group.requestBytes;
  const wanted =
    group.test == TCP_STREAM ? group.messageBytes : group.requestBytes - connection.requestGot;
  return min(connection.rxQueued, wanted);
}

function sendTicks(connection: Connection, group: Group): u64 {
  if (group.test == TCP_MAERTS) {
    // Room in window and device: the call itself hands a packet down.
    const output = connection.txHeld == 0 ? cost(TCP_TX) : 0;
    return cost(SEND_CALL) + copyTicks(group.messageBytes, false) + output;
  }
  const output = cost(group.test == UDP_RR ? UDP_TX : TCP_TX);
  return cost(SEND_CALL) + copyTicks(group.responseBytes, false) + output;
}

function beginPhase(index: u32, cpu: u32, phase: u32): u64 {
  const thread = threadAt(index);
  const connection = connectionAt(index);
  const group = groupAt(connection.group);
  switch (phase) {
    case RECEIVE: {
      const bytes = receiveAmount(connection, group);
      const remote = connection.rxNode != <i32>cpuAt(cpu).node;
      thread.amount = bytes;
      return step(thread, RECEIVE, MODE_SYSTEM, cost(RECV_CALL) + copyTicks(bytes, remote));
    }
    case COMPUTE:
      return step(thread, COMPUTE, MODE_USER, cost(APPLICATION) + serviceTicks(group));
    case SEND:
      return step(thread, SEND, MODE_SYSTEM, sendTicks(connection, group));
    case OUTPUT:
      return step(thread, OUTPUT, MODE_SYSTEM, cost(TCP_TX));
    case ACCEPT:
      return step(thread, ACCEPT, MODE_SYSTEM, cost(ACCEPT_CALL));
    case CLOSE:
      return step(thread, CLOSE, MODE_SYSTEM, cost(CLOSE_CALL) + cost(TCP_TX));
    default:
      return step(thread, BLOCKING, MODE_SYSTEM, cost(BLOCK));
  }
}

/** Next step of a thread on a CPU: ticks, or 0 where it sleeps until woken. */
export function threadNext(index: u32, cpu: u32): u64 {
  const thread = threadAt(index);
  const connection = connectionAt(index);
  if (thread.phase == BLOCKED) {
    // Woken, or something came while it was about to sleep.
    thread.phase = START;
    const next = ready(connection, groupAt(connection.group));
    if (next == BLOCKING) {
      thread.phase = BLOCKED;
      return 0;
    }
    return beginPhase(index, cpu, next);
  }
  if (thread.phase == START) {
    const next = ready(connection, groupAt(connection.group));
    if (busyPolls(index, cpu, next == BLOCKING)) return busyPollTicks(thread);
    return beginPhase(index, cpu, next);
  }
  return beginPhase(index, cpu, thread.phase);
}

/** Takes received data from the socket; returns the phase that follows. */
function received(index: u32, cpu: u32, thread: Thread): u32 {
  const connection = connectionAt(index);
  const group = groupAt(connection.group);
  const bytes = thread.amount;
  thread.extra += socketReceived(connection);
  if (group.test == UDP_RR || group.test == UDP_STREAM) {
    connection.rxMessages--;
    if (group.test == UDP_STREAM) {
      group.bytes += bytes;
      group.transactions++;
    }
    return COMPUTE;
  }
  connection.rxQueued -= bytes;
  if (tcpWindowUpdate(index, cpu)) thread.extra += cost(TCP_ACK_TX);
  if (group.test == TCP_STREAM) {
    group.bytes += bytes;
    return COMPUTE;
  }
  connection.requestGot += bytes;
  if (connection.requestGot < group.requestBytes) return START;
  connection.requestGot = 0;
  return COMPUTE;
}

/** Hands a response or a message down; returns the phase that follows. */
function sent(index: u32, cpu: u32): u32 {
  const connection = connectionAt(index);
  const group = groupAt(connection.group);
  if (group.test == UDP_RR) {
    udpSend(index, cpu, group.responseBytes);
    return START;
  }
  connection.txQueued += group.test == TCP_MAERTS ? group.messageBytes : group.responseBytes;
  if (tcpCanSend(connection)) tcpSend(index, cpu);
  return afterOutput(connection, group);
}

function afterOutput(connection: Connection, group: Group): u32 {
  if (tcpCanSend(connection)) return OUTPUT;
  if (group.test == TCP_MAERTS) return COMPUTE;
  return group.test == TCP_CRR ? CLOSE : START;
}

function closed(index: u32, cpu: u32, thread: Thread): void {
  tcpClose(index, cpu);
  thread.extra += socketLeave(connectionAt(index));
}

/** A step of a thread is done. */
export function threadDone(index: u32, cpu: u32): void {
  const thread = threadAt(index);
  if (thread.spin == SPINNING) return;
  const connection = connectionAt(index);
  const group = groupAt(connection.group);
  switch (thread.phase) {
    case RECEIVE:
      thread.phase = received(index, cpu, thread);
      break;
    case COMPUTE: {
      const answers = group.test == TCP_RR || group.test == TCP_CRR || group.test == UDP_RR;
      thread.phase = answers ? SEND : START;
      break;
    }
    case SEND:
      thread.phase = sent(index, cpu);
      break;
    case OUTPUT:
      if (tcpCanSend(connection)) tcpSend(index, cpu);
      thread.phase = afterOutput(connection, group);
      break;
    case ACCEPT:
      tcpAccepted(connection);
      socketTake(connection);
      thread.phase = START;
      break;
    case CLOSE:
      closed(index, cpu, thread);
      thread.phase = START;
      break;
    default:
      thread.phase = BLOCKED;
      break;
  }
}

/** A thread that sleeps in its first receive call. */
export function threadSleeps(thread: Thread): void {
  thread.phase = BLOCKED;
}
