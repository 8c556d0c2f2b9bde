// deno-fmt-ignore-file
// What a transmit queue holds back: a byte limit on the ring that adapts so as to keep the device
// just busy (lib/dynamic_queue_limits.c), and behind it a queue per flow served in turn, sparse
// flows first (the deficit round robin of fq_codel, without its drops; a flow that has emptied
// leaves at once and keeps its deficit). So a response waits for a few packets of a stream, not for
// all of them. Numbers of bytes wrap; only differences count.

import { now } from "../lib/wheel";
import { Packet, packetAt } from "./abi";
import { Connection, connectionAt } from "./connection";
import { deviceIsDown, Queue, queueAt } from "./queue";
import { txFits, txLose, txPost } from "./ring";

/** Bytes a flow sends in its turn: one full frame. */
export const QUANTUM: i32 = 1514;
/** Time of slack after which the limit shrinks, ticks: one second. */
const HOLD_TICKS: u64 = 10000000000;

// Lists of a queue that a flow can be in.
const NOT_LISTED: u32 = 0;
const SPARSE: u32 = 1;
const BACKLOGGED: u32 = 2;

/** Positive part of a difference. */
@inline
function above(left: u32, right: u32): u32 {
  return <i32>(left - right) > 0 ? left - right : 0;
}

/** Bytes of a packet as the driver counts them. */
function bytesOf(packet: Packet): u32 {
  return packet.payload + packet.frames * packet.headers;
}

/** Room below the limit; the queue is stopped while it is negative. */
@inline
function room(queue: Queue): i32 {
  return <i32>(queue.limitEnd - queue.bytesPosted);
}

function post(index: u32, number: u32): void {
  const queue = queueAt(index);
  const bytes = bytesOf(packetAt(number));
  queue.bytesPosted += bytes;
  queue.lastBytes = bytes;
  txPost(index, number, room(queue) < 0);
}

/** The device ran dry although the limit held packets back: the limit takes in what was short. */
function grow(queue: Queue, completed: u32): void {
  queue.limit += above(completed, queue.previousPosted) + queue.previousOver;
  queue.slackSince = now();
  queue.leastSlack = u32.MAX_VALUE;
}

/**
 * The device was busy throughout: what lay in the ring beyond twice the bytes cleaned was not
 * needed. The least such slack of a second goes off the limit.
 */
function shrink(queue: Queue, count: u32): void {
  let slack = above(queue.limit + queue.previousOver, 2 * count);
  if (queue.previousOver != 0) {
    slack = max(slack, above(queue.previousBytes, queue.previousOver));
  }
  queue.leastSlack = min(queue.leastSlack, slack);
  if (now() <= queue.slackSince + HOLD_TICKS) return;
  queue.limit = above(queue.limit, queue.leastSlack);
  queue.slackSince = now();
  queue.leastSlack = u32.MAX_VALUE;
}

/** The driver has cleaned `count` bytes: the limit adapts to how the device has fared. */
export function qdiscCompleted(index: u32, count: u32): void {
  const queue = queueAt(index);
  const limit = queue.limit;
  const completed = queue.bytesCompleted + count;
  const left = queue.bytesPosted - completed;
  const leftBefore = queue.previousPosted - queue.bytesCompleted;
  const cleanedAllBefore = <i32>(completed - queue.previousPosted) >= 0;
  const over = above(queue.bytesPosted - queue.bytesCompleted, limit);
  if ((over != 0 && left == 0) || (queue.previousOver != 0 && cleanedAllBefore)) {
    grow(queue, completed);
  } else if (left != 0 && leftBefore != 0 && !cleanedAllBefore) {
    shrink(queue, count);
  }
  queue.previousOver = queue.limit == limit ? over : 0;
  queue.limitEnd = queue.limit + completed;
  queue.bytesCompleted = completed;
  queue.previousPosted = queue.bytesPosted;
  queue.previousBytes = queue.lastBytes;
}

function append(queue: Queue, list: u32, index: i32): void {
  const flow = connectionAt(index);
  flow.flowList = list;
  flow.flowNext = -1;
  const last = list == SPARSE ? queue.sparseTail : queue.backloggedTail;
  if (last >= 0) connectionAt(last).flowNext = index;
  if (list == SPARSE) {
    if (last < 0) queue.sparseHead = index;
    queue.sparseTail = index;
  } else {
    if (last < 0) queue.backloggedHead = index;
    queue.backloggedTail = index;
  }
}

function removeFirst(queue: Queue, list: u32): void {
  if (list == SPARSE) {
    queue.sparseHead = connectionAt(queue.sparseHead).flowNext;
    if (queue.sparseHead < 0) queue.sparseTail = -1;
  } else {
    queue.backloggedHead = connectionAt(queue.backloggedHead).flowNext;
    if (queue.backloggedHead < 0) queue.backloggedTail = -1;
  }
}

/** The flow whose turn it is, with a packet; -1 where none waits. */
function nextFlow(queue: Queue): i32 {
  while (true) {
    const list = queue.sparseHead >= 0 ? SPARSE : BACKLOGGED;
    const index = list == SPARSE ? queue.sparseHead : queue.backloggedHead;
    if (index < 0) return -1;
    const flow: Connection = connectionAt(index);
    if (flow.flowDeficit > 0) return index;
    flow.flowDeficit += QUANTUM;
    removeFirst(queue, list);
    append(queue, BACKLOGGED, index);
  }
}

/** Takes the first packet of a flow that waits. */
function unlink(queue: Queue, flow: Connection): u32 {
  const number = flow.flowHead;
  const packet = packetAt(number);
  flow.flowHead = packet.next;
  packet.next = 0;
  queue.waiting--;
  if (flow.flowHead == 0) {
    removeFirst(queue, flow.flowList);
    flow.flowList = NOT_LISTED;
  }
  return number;
}

/** All that waits for a queue is lost: the device is stopped (dev_deactivate). */
export function qdiscFlush(index: u32): void {
  const queue = queueAt(index);
  while (queue.waiting > 0) txLose(unlink(queue, connectionAt(nextFlow(queue))));
}

/**
 * Hands a packet to a transmit queue; it goes to the ring at once if nothing holds it back. While
 * the device is stopped nothing takes packets (noop_qdisc).
 */
export function qdiscSubmit(index: u32, number: u32): void {
  if (deviceIsDown()) {
    txLose(number);
    return;
  }
  const queue = queueAt(index);
  const packet = packetAt(number);
  packet.next = 0;
  if (queue.waiting == 0 && room(queue) >= 0 && txFits(index, packet.descriptors)) {
    post(index, number);
    return;
  }
  const flow = connectionAt(packet.connection);
  if (flow.flowHead == 0) flow.flowHead = number;
  else packetAt(flow.flowTail).next = number;
  flow.flowTail = number;
  flow.flowQueue = index;
  queue.waiting++;
  if (flow.flowList == NOT_LISTED) {
    append(queue, flow.flowDeficit > 0 ? SPARSE : BACKLOGGED, packet.connection);
  }
}

/** Moves packets to the ring as far as limit and descriptors go. */
export function qdiscRestart(index: u32): void {
  const queue = queueAt(index);
  while (queue.waiting > 0 && room(queue) >= 0) {
    const turn = nextFlow(queue);
    assert(turn >= 0);
    const flow = connectionAt(turn);
    const packet = packetAt(flow.flowHead);
    if (!txFits(index, packet.descriptors)) return;
    flow.flowDeficit -= <i32>bytesOf(packet);
    post(index, unlink(queue, flow));
  }
}
