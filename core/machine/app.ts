// deno-fmt-ignore-file
// Server threads: receive, compute, send; receive and drop; or fill a stream. A thread has one
// connection, as netserver's processes, or serves many in a loop around epoll_wait (epoll.ts). It
// is asked for its next step (how long, user or system) and told when it is done; only then the
// step has effects. Blocks by naming no step. Knows nothing of CPUs but the number it runs on.

import { now } from "../lib/wheel";
import { busyPolls, busyPollSuspend, busyPollTicks, SPINNING } from "./busy_poll";
import {
  clientBegins,
  clientReceived,
  clientSends,
  clientSent,
  clientWaitsFor,
  isClient,
} from "./client_thread";
import {
  Connection,
  connectionAt,
  Group,
  groupAt,
  STATE_OPEN,
  STATE_READY,
  hasConnects,
  hasTransactions,
  isInbound,
  TCP_CC,
  TCP_CRR,
  TCP_MAERTS,
  Thread,
  threadAt,
  UDP_RR,
  UDP_STREAM,
  XSK_TX,
} from "./connection";
import {
  ACCEPT_CALL,
  APPLICATION,
  BLOCK,
  CLOSE_CALL,
  COPY_LOCAL,
  COPY_REMOTE,
  cost,
  EPOLL_WAIT,
  RECV_CALL,
  SEND_CALL,
  SENDFILE,
  TCP_ACK_TX,
  TCP_TX,
  UDP_TX,
  XSK_APPLICATION,
} from "./costs";
import { cpuAt, MODE_SYSTEM, MODE_USER } from "./cpu";
import { epollReturns, readyAppend, readyTake } from "./epoll";
import { serviceTicks } from "./service";
import { rpsRecord } from "./rps";
import { requestBytesOf, responseBytesOf } from "./sizes";
import { socketLeave, socketReceived, socketTake } from "./socket";
import { tcpAccepted, tcpCanSend, tcpClose, tcpHasSpace, tcpSend, tcpWindowUpdate } from "./tcp";
import { udpSend } from "./udp";
import { XSK_BATCH, xskHasRoom, xskSubmit, xskWakeup } from "./xsk";

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
const POLL: u32 = 9;

/** Copy between user and kernel; remote if another node's CPU had the data last. */
function copyTicks(bytes: u32, remote: bool): u64 {
  return (<u64>bytes * cost(remote ? COPY_REMOTE : COPY_LOCAL)) / 100;
}

/** sendfile hands down the pages of a file that is in memory. */
function pageTicks(bytes: u32): u64 {
  return (<u64>bytes * cost(SENDFILE)) / 100;
}

function step(thread: Thread, phase: u32, mode: u32, ticks: u64): u64 {
  const extra = thread.extra;
  thread.extra = 0;
  thread.phase = phase;
  thread.mode = mode;
  return max(ticks + extra, 1);
}

/** What a thread can do for a connection without waiting. */
function ready(connection: Connection): u32 {
  const group = groupAt(connection.group);
  if (isClient(connection) && hasTransactions(group.test)) {
    return readyClient(connection, group);
  }
  switch (group.test) {
    case TCP_MAERTS:
      return tcpHasSpace(connection) ? SEND : BLOCKING;
    case XSK_TX:
      // It never sleeps.
      return xskHasRoom(connection) ? COMPUTE : SEND;
    case UDP_RR:
    case UDP_STREAM:
      return connection.rxMessages > 0 ? RECEIVE : BLOCKING;
    case TCP_CC:
      if (connection.state == STATE_READY) return ACCEPT;
      return connection.state == STATE_OPEN && connection.rxFinished != 0 ? RECEIVE : BLOCKING;
    case TCP_CRR:
      if (connection.state == STATE_READY) return ACCEPT;
      return connection.state == STATE_OPEN && connection.rxQueued > 0 ? RECEIVE : BLOCKING;
    default:
      return connection.rxQueued > 0 ? RECEIVE : BLOCKING;
  }
}

/** The same of a client, which has requests to send as well. */
function readyClient(connection: Connection, group: Group): u32 {
  const hasData = group.test == UDP_RR ? connection.rxMessages > 0 : connection.rxQueued > 0;
  return hasData ? RECEIVE : connection.unsent > 0 ? SEND : BLOCKING;
}

/** Whether a receive or accept call of a connection's server would find something. */
export function canRead(connection: Connection): bool {
  const phase = ready(connection);
  if (phase == SEND) return connection.unsent > 0;
  return phase == RECEIVE || phase == ACCEPT;
}

/** Payload that a server or a client waits for: the next request or response. */
function awaitedBytes(connection: Connection, group: Group): u32 {
  if (isClient(connection)) return clientWaitsFor(connection, group);
  return requestBytesOf(connection, group, connection.served);
}

/** Payload of what it sends next. */
function messageBytes(connection: Connection, group: Group): u32 {
  if (isClient(connection)) return clientSends(connection, group);
  return responseBytesOf(connection, group, connection.served);
}

function receiveAmount(connection: Connection, group: Group): u32 {
  if (group.test == UDP_STREAM) return group.messageBytes;
  if (isInbound(group.test)) return min(connection.rxQueued, group.messageBytes);
  // The call that finds the end.
  if (group.test == TCP_CC) return 0;
  const bytes = awaitedBytes(connection, group);
  return group.test == UDP_RR ? bytes : min(connection.rxQueued, bytes - connection.requestGot);
}

function sendTicks(connection: Connection, group: Group): u64 {
  if (group.test == XSK_TX) return cost(SEND_CALL);
  if (group.test == TCP_MAERTS) {
    // Room in window and device: the call itself hands a packet down.
    const output = connection.txHeld == 0 ? cost(TCP_TX) : 0;
    const bytes = group.messageBytes;
    const data = group.sendfile == 0 ? copyTicks(bytes, false) : pageTicks(bytes);
    return cost(SEND_CALL) + data + output;
  }
  const output = cost(group.test == UDP_RR ? UDP_TX : TCP_TX);
  return cost(SEND_CALL) + copyTicks(messageBytes(connection, group), false) + output;
}

/** The service time is the server's. */
function computeTicks(connection: Connection, group: Group): u64 {
  if (group.test == XSK_TX) return XSK_BATCH * cost(XSK_APPLICATION);
  return cost(APPLICATION) + (isClient(connection) ? 0 : serviceTicks(group));
}

/** What comes at the start of a thread's loop; takes the next ready connection, if it has many. */
function nextPhase(thread: Thread): u32 {
  // A busy poll may come in between: then the connection has been taken already.
  if (thread.serving >= 0) {
    return ready(connectionAt(thread.serving));
  }
  while (thread.batch > 0) {
    const index = readyTake(thread);
    const phase = ready(connectionAt(index));
    if (phase == BLOCKING) continue;
    thread.serving = index;
    return phase;
  }
  return thread.readyCount > 0 ? POLL : BLOCKING;
}

function beginPhase(thread: Thread, cpu: u32, phase: u32): u64 {
  if (phase == POLL) return step(thread, POLL, MODE_SYSTEM, cost(EPOLL_WAIT));
  if (thread.serving >= 0 && (phase == BLOCKING || phase == RECEIVE || phase == SEND)) {
    rpsRecord(connectionAt(thread.serving), cpu);
  }
  if (phase == BLOCKING) return step(thread, BLOCKING, MODE_SYSTEM, cost(BLOCK));
  const connection = connectionAt(thread.serving);
  const group = groupAt(connection.group);
  switch (phase) {
    case RECEIVE: {
      const bytes = receiveAmount(connection, group);
      const remote = connection.rxNode != <i32>cpuAt(cpu).node;
      thread.amount = bytes;
      return step(thread, RECEIVE, MODE_SYSTEM, cost(RECV_CALL) + copyTicks(bytes, remote));
    }
    case COMPUTE:
      return step(thread, COMPUTE, MODE_USER, computeTicks(connection, group));
    case SEND:
      if (connection.unsent > 0) clientBegins(connection, group);
      return step(thread, SEND, MODE_SYSTEM, sendTicks(connection, group));
    case OUTPUT:
      return step(thread, OUTPUT, MODE_SYSTEM, cost(TCP_TX));
    case ACCEPT:
      rpsRecord(connection, cpu);
      return step(thread, ACCEPT, MODE_SYSTEM, cost(ACCEPT_CALL));
    default:
      assert(phase == CLOSE);
      return step(thread, CLOSE, MODE_SYSTEM, cost(CLOSE_CALL) + cost(TCP_TX));
  }
}

/** Next step of a thread on a CPU: ticks, or 0 where it sleeps until woken. */
export function threadNext(index: u32, cpu: u32): u64 {
  const thread = threadAt(index);
  if (thread.phase == BLOCKED) {
    // Woken, or something came while it was about to sleep.
    const next = nextPhase(thread);
    return next == BLOCKING ? 0 : beginPhase(thread, cpu, next);
  }
  const phase = thread.phase == START ? nextPhase(thread) : thread.phase;
  if (thread.phase == START && busyPolls(index, cpu, phase == BLOCKING)) {
    return busyPollTicks(thread);
  }
  return beginPhase(thread, cpu, phase);
}

/** Takes received data from the socket; returns the phase that follows. */
function received(thread: Thread, cpu: u32): u32 {
  const index = thread.serving;
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
    if (isClient(connection)) clientReceived(index);
    return COMPUTE;
  }
  if (group.test == TCP_CC) return CLOSE;
  connection.rxQueued -= bytes;
  if (tcpWindowUpdate(index, cpu)) thread.extra += cost(TCP_ACK_TX);
  if (isInbound(group.test)) {
    group.bytes += bytes;
    return COMPUTE;
  }
  connection.requestGot += bytes;
  if (connection.requestGot < awaitedBytes(connection, group)) return START;
  connection.requestGot = 0;
  if (isClient(connection)) clientReceived(index);
  return COMPUTE;
}

/** Hands a response or a message down; returns the phase that follows. */
function sent(index: u32, cpu: u32): u32 {
  const connection = connectionAt(index);
  const group = groupAt(connection.group);
  if (group.test == TCP_MAERTS) {
    connection.txQueued += group.messageBytes;
  } else {
    const bytes = messageBytes(connection, group);
    if (isClient(connection)) clientSent(connection);
    else connection.served++;
    if (group.test == UDP_RR) {
      udpSend(index, cpu, bytes);
      return START;
    }
    connection.txQueued += bytes;
  }
  if (tcpCanSend(connection)) tcpSend(index, cpu);
  return afterOutput(connection, group);
}

function afterOutput(connection: Connection, group: Group): u32 {
  if (tcpCanSend(connection)) return OUTPUT;
  if (group.test == TCP_MAERTS) return COMPUTE;
  return hasConnects(group.test) ? CLOSE : START;
}

function closed(index: u32, cpu: u32, thread: Thread): void {
  tcpClose(index, cpu);
  thread.extra += socketLeave(connectionAt(index));
}

/** A thread with many connections is through with one, which may have more for it. */
function leave(thread: Thread): void {
  const index = thread.serving;
  thread.serving = -1;
  if (ready(connectionAt(index)) != BLOCKING) readyAppend(thread, index);
}

/** A step of a thread is done. */
export function threadDone(index: u32, cpu: u32): void {
  const thread = threadAt(index);
  if (thread.spin == SPINNING) return;
  if (thread.phase == POLL || thread.phase == BLOCKING) {
    if (thread.phase == POLL) {
      epollReturns(thread);
      busyPollSuspend(thread, cpu);
    }
    thread.phase = thread.phase == POLL ? START : BLOCKED;
    thread.waitSince = now();
    return;
  }
  served(thread, cpu);
  if (thread.phase == START && thread.polls != 0) leave(thread);
}

/** xdpsock's loop: a batch of frames where there is room, then sendto. */
function transmitted(thread: Thread, connection: Connection): void {
  const isBatch = thread.phase == COMPUTE;
  thread.phase = isBatch ? SEND : START;
  if (isBatch) xskSubmit(connection);
  else xskWakeup(connection);
}

/** A step for a connection is done: its effect, and the phase that follows. */
function served(thread: Thread, cpu: u32): void {
  const index = thread.serving;
  const connection = connectionAt(index);
  const group = groupAt(connection.group);
  if (group.test == XSK_TX) {
    transmitted(thread, connection);
    return;
  }
  switch (thread.phase) {
    case RECEIVE:
      thread.phase = received(thread, cpu);
      break;
    case COMPUTE: {
      const answers = hasTransactions(group.test);
      thread.phase = answers && (!isClient(connection) || connection.unsent > 0) ? SEND : START;
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
    default:
      assert(thread.phase == CLOSE);
      closed(index, cpu, thread);
      thread.phase = START;
      break;
  }
}

/** Whether the step under way sends a packet. */
export function threadSends(thread: Thread): bool {
  return thread.phase == SEND || thread.phase == OUTPUT || thread.phase == CLOSE;
}

/** A thread that sleeps in its first call. */
export function threadSleeps(thread: Thread): void {
  thread.phase = BLOCKED;
}
