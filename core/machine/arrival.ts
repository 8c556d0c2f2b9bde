// deno-fmt-ignore-file
// Open loop: requests of a group fall due on a schedule, whatever the responses do. A request takes
// a connection with a free place, else waits with its intended time; latency counts from that
// time, so a system that falls behind cannot hide it. For tests with transactions only.

import { prngExponential } from "../lib/prng";
import { now, schedule } from "../lib/wheel";
import { ARRIVAL_MAX, ARRIVALS, EV_ARRIVAL, prngOf, PURPOSE_ARRIVAL } from "./abi";
import { connectionAt, Group, groupAt } from "./connection";
import { peerRequest } from "./peer";


@inline
function waitingAt(group: u32, counter: u32): usize {
  return ARRIVALS + ((<usize>(group * ARRIVAL_MAX + (counter % ARRIVAL_MAX))) << 3);
}

/** Lists a connection's free place: for its start and after each transaction. */
export function arrivalIdle(index: u32): void {
  const connection = connectionAt(index);
  const number = connection.group;
  const group = groupAt(number);
  if (group.arrivalHead != group.arrivalTail) {
    const intended = load<u64>(waitingAt(number, group.arrivalHead));
    group.arrivalHead++;
    peerRequest(index, intended);
    return;
  }
  connection.idlePlaces++;
  if (connection.idleListed == 0) append(group, index);
}

function append(group: Group, index: u32): void {
  const connection = connectionAt(index);
  connection.idleListed = 1;
  connection.idleNext = -1;
  if (group.idleTail < 0) group.idleHead = index;
  else connectionAt(group.idleTail).idleNext = index;
  group.idleTail = index;
}

/** Takes the connection that has had a free place for longest; it goes behind if it has more. */
function takeIdle(group: Group): i32 {
  const index = group.idleHead;
  if (index < 0) return -1;
  const connection = connectionAt(index);
  group.idleHead = connection.idleNext;
  if (group.idleHead < 0) group.idleTail = -1;
  connection.idleListed = 0;
  connection.idlePlaces--;
  if (connection.idlePlaces > 0) append(group, index);
  return index;
}

/**
 * Ticks to the next arrival. The mean has 16 bits below the tick: constant gaps carry what is left
 * of them, random ones leave it out (a share of 1e-4 at 1e6 a second).
 */
function nextGap(group: Group): u64 {
  if (group.poisson == 0) {
    const sum = group.gap + group.gapCarry;
    group.gapCarry = sum & 0xffff;
    return sum >> 16;
  }
  return prngExponential(prngOf(PURPOSE_ARRIVAL), group.gap >> 16);
}

/** Schedules a group's next arrival. */
export function arrivalPlan(number: u32): void {
  schedule(now() + nextGap(groupAt(number)), EV_ARRIVAL, number);
}

/** A request falls due. */
export function arrive(number: u32): void {
  const group = groupAt(number);
  arrivalPlan(number);
  const index = takeIdle(group);
  if (index >= 0) {
    peerRequest(index, now());
  } else if (group.arrivalTail - group.arrivalHead < ARRIVAL_MAX) {
    store<u64>(waitingAt(number, group.arrivalTail), now());
    group.arrivalTail++;
  } else {
    group.arrivalsLost++;
  }
}
