// deno-fmt-ignore-file
// Threads that want a CPU, in order of run time and, where that is equal, of arrival: a skip list,
// so that ten thousand threads on a few CPUs cost little more than ten. Lane 0 holds all of them
// (`runHead`, `next`; -1 ends it), each lane above about a quarter of the one below. How far up a
// thread stands follows from its number alone. Knows nothing of why a thread waits.

import { Thread, threadAt } from "./connection";
import { Cpu } from "./cpu";

/** Lanes above lane 0: enough for a quarter of a quarter.. of 16,384 threads. */
const LANE_COUNT: u32 = 6;


/** A link of a lane above 0, of a thread or of the CPU's head: thread + 1, 0 ends the lane. */
@inline
function link(cpu: Cpu, before: i32, lane: u32): usize {
  const lanes =
    before < 0
      ? changetype<usize>(cpu) + offsetof<Cpu>("runLane1")
      : changetype<usize>(threadAt(before)) + offsetof<Thread>("lane1");
  return lanes + ((<usize>(lane - 1)) << 2);
}

/** Highest lane of a thread: murmur3's mix of its number, two bits a lane. */
function laneOf(index: u32): u32 {
  let hash = (index ^ (index >> 16)) * 0x85ebca6b;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35;
  return (<u32>ctz((hash >> 8) | ((<u32>1) << (2 * LANE_COUNT)))) >> 1;
}

/** Puts a thread into a CPU's queue, behind those with equal run time. */
export function runEnqueue(cpu: Cpu, index: i32): void {
  const thread = threadAt(index);
  const runtime = thread.runtime;
  const highest = laneOf(index);
  let before = -1;
  for (let lane = LANE_COUNT; lane > 0; lane--) {
    let after = load<u32>(link(cpu, before, lane));
    while (after != 0 && threadAt(after - 1).runtime <= runtime) {
      before = after - 1;
      after = load<u32>(link(cpu, before, lane));
    }
    if (lane > highest) continue;
    store<u32>(link(cpu, index, lane), after);
    store<u32>(link(cpu, before, lane), index + 1);
  }
  let after = before < 0 ? cpu.runHead : threadAt(before).next;
  while (after >= 0 && threadAt(after).runtime <= runtime) {
    before = after;
    after = threadAt(after).next;
  }
  thread.next = after;
  if (before < 0) cpu.runHead = index;
  else threadAt(before).next = index;
}

/** Takes the thread with the least run time, or -1. */
export function runTake(cpu: Cpu): i32 {
  const index = cpu.runHead;
  if (index < 0) return -1;
  cpu.runHead = threadAt(index).next;
  // First in lane 0 means first in each lane that it stands in.
  for (let lane = laneOf(index); lane > 0; lane--) {
    assert(load<u32>(link(cpu, -1, lane)) == index + 1);
    store<u32>(link(cpu, -1, lane), load<u32>(link(cpu, index, lane)));
  }
  return index;
}
