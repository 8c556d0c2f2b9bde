// deno-fmt-ignore-file
// The event set: a timing wheel of 64 slots x 11 levels over all of u64, earliest slot emptied by
// its minimum ("min, 6 bits"), plus a list of the events due now. Order is (time, insertion):
// every list is first in, first out, so equal times need no sequence number. Cancel is real.
// Knows nothing of what an event means. Never allocates: nodes come from a pool given at init.
// Invariant: an event lies at the level of the highest 6-bit digit in which its time differs from
// `now`, in the slot of its own digit there; so the lowest slot of the lowest level is earliest.

/** One event; node 0 is "none". 32 bytes:
 *
 *   0        8     12      16    20    24     28    32
 *   | time   | kind | target | next | prev | where | - |
 */
@unmanaged
export class Event {
  time: u64;
  kind: u32;
  target: u32;
  next: u32;
  prev: u32;
  where: u32;
  spare: u32;
}

const EVENT_SHIFT: usize = 5;
const LEVEL_COUNT: u32 = 11;
const DIGIT_BITS: u32 = 6;
/** List of events whose time is `now`. */
const READY: u32 = LEVEL_COUNT << DIGIT_BITS;
/** A node that is in no list. */
export const FREE: u32 = 0xffffffff;
/** Bytes of the list heads, list tails and occupancy maps. */
export const WHEEL_SIZE: usize = 8192;
const TAILS: usize = 4096 - 512;
const MAPS: usize = 8192 - 512;

let nodes: usize = 0;
let lists: usize = 0;
/** Freed nodes, and how many have ever been taken: those beyond were never written. */
let freeHead: u32 = 0;
let takenCount: u32 = 0;
let capacityCount: u32 = 0;
let levels: u32 = 0;
let pendingCount: u32 = 0;
let nowTicks: u64 = 0;

/** Time of the event handled last, ticks. */
@inline
export function now(): u64 {
  return nowTicks;
}

/** Events scheduled and neither handled nor cancelled. */
export function pendingEvents(): u32 {
  return pendingCount;
}

/** A node of the pool. */
@inline
export function eventAt(index: u32): Event {
  return changetype<Event>(nodes + ((<usize>index) << EVENT_SHIFT));
}

/** Nodes 1 to this have been in use; scans need not go further. */
export function eventsTaken(): u32 {
  return takenCount;
}


@inline
function head(where: u32): u32 {
  return load<u32>(lists + ((<usize>where) << 2));
}


@inline
function setHead(where: u32, index: u32): void {
  store<u32>(lists + ((<usize>where) << 2), index);
}


@inline
function tail(where: u32): u32 {
  return load<u32>(lists + TAILS + ((<usize>where) << 2));
}


@inline
function setTail(where: u32, index: u32): void {
  store<u32>(lists + TAILS + ((<usize>where) << 2), index);
}


@inline
function mapOf(level: u32): usize {
  return lists + MAPS + ((<usize>level) << 3);
}

/** Empties the set; `poolBase` holds `capacity` nodes, `listBase` WHEEL_SIZE bytes. */
export function wheelInit(poolBase: usize, capacity: u32, listBase: usize): void {
  assert(capacity > 1);
  assert((READY + 1) * 4 <= <u32>TAILS);
  nodes = poolBase;
  lists = listBase;
  memory.fill(listBase, 0, WHEEL_SIZE);
  freeHead = 0;
  takenCount = 0;
  capacityCount = capacity;
  levels = 0;
  pendingCount = 0;
  nowTicks = 0;
}

/** List for a time, from `now` on. */
function listOf(time: u64): u32 {
  const difference = time ^ nowTicks;
  if (difference == 0) return READY;
  const level = (63 - <u32>clz(difference)) / DIGIT_BITS;
  const slot = (<u32>(time >> (level * DIGIT_BITS))) & 63;
  const map = mapOf(level);
  store<u64>(map, load<u64>(map) | ((<u64>1) << slot));
  levels |= (<u32>1) << level;
  return (level << DIGIT_BITS) | slot;
}

function place(index: u32, event: Event): void {
  const where = listOf(event.time);
  event.where = where;
  event.next = 0;
  const last = tail(where);
  event.prev = last;
  if (last == 0) setHead(where, index);
  else eventAt(last).next = index;
  setTail(where, index);
}

function placeFirst(index: u32, event: Event): void {
  const where = listOf(event.time);
  event.where = where;
  event.prev = 0;
  const first = head(where);
  event.next = first;
  if (first == 0) setTail(where, index);
  else eventAt(first).prev = index;
  setHead(where, index);
}

function clearSlot(where: u32): void {
  if (where == READY) return;
  const level = where >> DIGIT_BITS;
  const map = mapOf(level);
  const left = load<u64>(map) & ~((<u64>1) << (where & 63));
  store<u64>(map, left);
  if (left == 0) levels &= ~((<u32>1) << level);
}

function take(time: u64, kind: u32, target: u32): u32 {
  assert(time >= nowTicks);
  let index = freeHead;
  if (index == 0) {
    takenCount++;
    assert(takenCount < capacityCount);
    index = takenCount;
    eventAt(index).where = FREE;
  } else {
    freeHead = eventAt(index).next;
  }
  const event = eventAt(index);
  assert(event.where == FREE);
  event.time = time;
  event.kind = kind;
  event.target = target;
  pendingCount++;
  return index;
}

/** Schedules an event at `time` >= now; returns its node, never 0. Traps if the pool is empty. */
export function schedule(time: u64, kind: u32, target: u32): u32 {
  const index = take(time, kind, target);
  place(index, eventAt(index));
  return index;
}

/**
 * The same, before all events of its time that are pending or still to come, whenever it is
 * called: for what comes from elsewhere. The last such call comes first.
 */
export function scheduleFirst(time: u64, kind: u32, target: u32): u32 {
  const index = take(time, kind, target);
  placeFirst(index, eventAt(index));
  return index;
}

function unlink(event: Event): void {
  const where = event.where;
  const before = event.prev;
  const after = event.next;
  if (before == 0) setHead(where, after);
  else eventAt(before).next = after;
  if (after == 0) setTail(where, before);
  else eventAt(after).prev = before;
  if (before == 0 && after == 0) clearSlot(where);
}

function release(index: u32, event: Event): void {
  event.where = FREE;
  event.next = freeHead;
  freeHead = index;
  pendingCount--;
}

/** Removes a pending event at once; traps on a node that is not pending. */
export function cancel(index: u32): void {
  const event = eventAt(index);
  assert(event.where <= READY);
  unlink(event);
  release(index, event);
}

/** Moves `now` to the earliest event of a slot and sorts the slot's events anew. */
function spread(where: u32): void {
  let index = head(where);
  let earliest = eventAt(index).time;
  if (where >= 64) {
    for (let i = eventAt(index).next; i != 0; i = eventAt(i).next) {
      earliest = min(earliest, eventAt(i).time);
    }
  }
  nowTicks = earliest;
  setHead(where, 0);
  setTail(where, 0);
  clearSlot(where);
  while (index != 0) {
    const event = eventAt(index);
    const after = event.next;
    place(index, event);
    index = after;
  }
}

/** Time of the earliest event, u64.MAX_VALUE where there is none; changes nothing. */
export function nextTime(): u64 {
  if (head(READY) != 0) return nowTicks;
  if (levels == 0) return u64.MAX_VALUE;
  const level = <u32>ctz(levels);
  const slot = <u32>ctz(load<u64>(mapOf(level)));
  let earliest = u64.MAX_VALUE;
  for (let i = head((level << DIGIT_BITS) | slot); i != 0; i = eventAt(i).next) {
    earliest = min(earliest, eventAt(i).time);
    // All events of a slot of the lowest level have one time.
    if (level == 0) break;
  }
  return earliest;
}

/**
 * Takes the earliest event, moves `now` to its time and returns its node, or 0 where none is left.
 * The node is free again, but stays readable until the next `schedule`.
 */
export function takeEvent(): u32 {
  let index = head(READY);
  if (index == 0) {
    if (levels == 0) return 0;
    const level = <u32>ctz(levels);
    const slot = <u32>ctz(load<u64>(mapOf(level)));
    const where = (level << DIGIT_BITS) | slot;
    index = head(where);
    if (eventAt(index).next != 0) {
      spread(where);
      index = head(READY);
    } else {
      nowTicks = eventAt(index).time;
    }
  }
  const event = eventAt(index);
  unlink(event);
  release(index, event);
  return index;
}
