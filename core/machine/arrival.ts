// deno-fmt-ignore-file
// Open loop: requests fall due on a schedule, whatever the responses do. A group's request takes a
// connection with a free place, else waits with its intended time. Where each connection has a
// schedule of its own (mutilate's agents), the next request waits at its connection, and those
// after it are not even drawn. Latency counts from the intended time, so a system that falls
// behind cannot hide it. For tests with transactions, and for generators (XDP_DROP).

import { prngExponential, prngUniform } from "../lib/prng";
import { now, schedule } from "../lib/wheel";
import { ARRIVAL_MAX, ARRIVALS, EV_ARRIVAL, EV_DUE, prngOf, PURPOSE_ARRIVAL } from "./abi";
import { connectionAt, Group, groupAt, XDP_DROP } from "./connection";
import { peerGenerate, peerRequest } from "./peer";
import { paretoAt } from "./sizes";

/** How gaps are distributed. */
const CONSTANT: u32 = 0;
const POISSON: u32 = 1;
/** Shape of the generalised Pareto distribution of gaps in mutilate's fb_ia. */
const FACEBOOK_SHAPE: f64 = 0.154971;


@inline
function waitingAt(group: u32, counter: u32): usize {
  return ARRIVALS + ((<usize>(group * ARRIVAL_MAX + (counter % ARRIVAL_MAX))) << 3);
}

/** Lists a connection's free place: for its start and after each transaction. */
export function arrivalIdle(index: u32): void {
  const connection = connectionAt(index);
  const number = connection.group;
  const group = groupAt(number);
  if (group.ownSchedules != 0) {
    connection.idlePlaces++;
    if (connection.isLate != 0) issueDue(index);
    return;
  }
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
  if (group.distribution == CONSTANT) {
    const sum = group.gap + group.gapCarry;
    group.gapCarry = sum & 0xffff;
    return sum >> 16;
  }
  const mean = group.gap >> 16;
  if (group.distribution == POISSON) return prngExponential(prngOf(PURPOSE_ARRIVAL), mean);
  const u = prngUniform(prngOf(PURPOSE_ARRIVAL));
  return <u64>paretoAt(u, 0.0, <f64>mean * (1.0 - FACEBOOK_SHAPE), FACEBOOK_SHAPE);
}

/** Time of the arrival `gap` after another, where only the time counts in which load is there. */
function timeAfter(group: Group, from: u64, gap: u64): u64 {
  if (group.offTicks == 0) return from + gap;
  const period = group.onTicks + group.offTicks;
  const inPeriod = from % period;
  const load = min(inPeriod, group.onTicks) + gap;
  return from - inPeriod + (load / group.onTicks) * period + (load % group.onTicks);
}

/** Schedules a group's next arrival. */
export function arrivalPlan(number: u32): void {
  const group = groupAt(number);
  schedule(timeAfter(group, now(), nextGap(group)), EV_ARRIVAL, number);
}

/** Draws the next request of a connection's own schedule, after the last or after its start. */
function planDue(index: u32, from: u64): void {
  const connection = connectionAt(index);
  const group = groupAt(connection.group);
  connection.dueAt = timeAfter(group, from, nextGap(group));
  connection.isLate = connection.dueAt <= now() ? 1 : 0;
  if (connection.isLate == 0) schedule(connection.dueAt, EV_DUE, index);
}

/** A connection starts a schedule of its own. */
export function scheduleStart(index: u32): void {
  planDue(index, now());
}

/** The next request of a connection's own schedule is due: sent, as far as there are places. */
export function issueDue(index: u32): void {
  const connection = connectionAt(index);
  connection.isLate = 1;
  while (connection.isLate != 0 && connection.idlePlaces > 0) {
    connection.idlePlaces--;
    peerRequest(index, connection.dueAt);
    planDue(index, connection.dueAt);
  }
}

/** A request falls due. */
export function arrive(number: u32): void {
  const group = groupAt(number);
  arrivalPlan(number);
  if (group.test == XDP_DROP) {
    // The flows in turn: a frame has no answer that would free one.
    const flow = group.first + (group.arrivalHead++ % group.count);
    if (!peerGenerate(flow)) group.arrivalsLost++;
    return;
  }
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
