// deno-fmt-ignore-file
// Clients on a machine of their own: threads that send requests and wait for responses, on the same
// CPUs, sockets and device as a server's (app.ts drives both). Here is what only a client does: a
// request that falls due waits for its thread, and a response completes a transaction. When
// requests fall due is in arrival.ts; the ideal client, which has no threads, is client.ts.

import { cancel, now, schedule } from "../lib/wheel";
import { EV_WAIT } from "./abi";
import { peerNext } from "./client";
import {
  Connection,
  connectionAt,
  END_CLIENT,
  Group,
  groupAt,
  SLEEPING,
  stampAt,
  threadAt,
} from "./connection";
import { notify, readyAppend } from "./epoll";
import { wake } from "./scheduler";
import { requestBytesOf, responseBytesOf, SIZES_CONSTANT, sizesDraw } from "./sizes";
import { transactionDone } from "./transaction";
import { wireTellSizes } from "./wire";

/** Whether the clients of a connection are here, its server elsewhere. */
@inline
export function isClient(connection: Connection): bool {
  return connection.end == END_CLIENT;
}

/** Running number of the oldest request that is not sent. */
function unsentNumber(connection: Connection): u32 {
  return connection.stampHead + connection.outstanding - connection.unsent;
}

/** A request has been due since `intended` <= now: its thread is told. */
export function clientRequest(index: u32, intended: u64): void {
  const connection = connectionAt(index);
  const group = groupAt(connection.group);
  assert(connection.outstanding < group.outstanding);
  const counter = connection.stampHead + connection.outstanding;
  store<u64>(stampAt(connection, group, counter), intended);
  if (group.sizes != SIZES_CONSTANT) {
    sizesDraw(connection, group, counter);
    const request = requestBytesOf(connection, group, counter);
    wireTellSizes(index, counter, request, responseBytesOf(connection, group, counter));
  }
  connection.outstanding++;
  connection.unsent++;
  const thread = threadAt(connection.thread);
  if (group.wait != 0 && thread.state == SLEEPING) waitsOn(index, group.wait);
  else notify(index, thread.cpu);
}

/** A thread that waits is not told: it looks for itself, at the end of this wait or a later one. */
function waitsOn(index: u32, wait: u64): void {
  const number = connectionAt(index).thread;
  const thread = threadAt(number);
  if (thread.polls != 0) readyAppend(thread, index);
  if (thread.waitEvent != 0) cancel(thread.waitEvent);
  const waits = (now() - thread.waitSince + wait) / wait;
  thread.waitEvent = schedule(thread.waitSince + waits * wait, EV_WAIT, number);
}

/** The wait of a thread is over: it looks, unless something has woken it before. */
export function clientWaited(number: u32): void {
  const thread = threadAt(number);
  thread.waitEvent = 0;
  const isDue = thread.polls != 0 ? thread.readyCount : connectionAt(thread.serving).unsent;
  if (isDue != 0) wake(number, thread.cpu);
}

/** Payload of the request that its thread sends next. */
export function clientSends(connection: Connection, group: Group): u32 {
  assert(connection.unsent > 0);
  return requestBytesOf(connection, group, unsentNumber(connection));
}

/** Payload of the response that the oldest request waits for. */
export function clientWaitsFor(connection: Connection, group: Group): u32 {
  return responseBytesOf(connection, group, connection.stampHead);
}

/** The call that sends a request begins: some count latency from here. */
export function clientBegins(connection: Connection, group: Group): void {
  if (group.fromSend != 0) store<u64>(stampAt(connection, group, unsentNumber(connection)), now());
}

/** The thread has handed its request down. */
export function clientSent(connection: Connection): void {
  connection.unsent--;
}

/** The thread has read a whole response. */
export function clientReceived(index: u32): void {
  const connection = connectionAt(index);
  transactionDone(connection, groupAt(connection.group), now());
  peerNext(index);
}
