// deno-fmt-ignore-file
// How a thread with many connections learns which of them are ready: the ready list of epoll(7),
// level-triggered. A connection enters at the tail when something comes for it, or when it was
// served and there is more; epoll_wait returns the first ones. So each waits for at most one turn
// of all others. A thread of one connection sleeps in its receive call and has no list.

import { Connection, connectionAt, Thread, threadAt } from "./connection";
import { cost, EPOLL_BATCH } from "./costs";
import { wake } from "./scheduler";

/** Puts a connection at the tail of its thread's ready list. */
export function readyAppend(thread: Thread, index: i32): void {
  const connection = connectionAt(index);
  if (connection.readyListed != 0) return;
  connection.readyListed = 1;
  connection.readyNext = -1;
  if (thread.readyTail < 0) thread.readyHead = index;
  else connectionAt(thread.readyTail).readyNext = index;
  thread.readyTail = index;
  thread.readyCount++;
}

/** Takes the next connection of those that the last epoll_wait has returned. */
export function readyTake(thread: Thread): i32 {
  assert(thread.batch > 0 && thread.batch <= thread.readyCount);
  const index = thread.readyHead;
  const connection = connectionAt(index);
  thread.readyHead = connection.readyNext;
  if (thread.readyHead < 0) thread.readyTail = -1;
  connection.readyListed = 0;
  thread.readyCount--;
  thread.batch--;
  return index;
}

/** epoll_wait returns: the first of the list are there to be served. */
export function epollReturns(thread: Thread): void {
  thread.batch = min(thread.readyCount, <u32>cost(EPOLL_BATCH));
}

/** Something has come for a connection: its thread is told, from CPU `waker`. */
export function notify(index: u32, waker: u32): void {
  const connection: Connection = connectionAt(index);
  const thread = threadAt(connection.thread);
  if (thread.polls != 0 && thread.serving != <i32>index) readyAppend(thread, index);
  wake(connection.thread, waker);
}

/** Sets up a thread that waits for many connections. */
export function epollInit(thread: Thread): void {
  thread.polls = 1;
  thread.serving = -1;
  thread.readyHead = -1;
  thread.readyTail = -1;
}
