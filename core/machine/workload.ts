// deno-fmt-ignore-file
// The workload as the harness tells it, group by group, and its start: threads, sockets and flows
// of each group, and the first request of each connection. Knows nothing of how a request is
// served or what its frames meet on their way.

import { prngBelow } from "../lib/prng";
import { schedule } from "../lib/wheel";
import { EV_START, prngOf, PURPOSE_START } from "./abi";
import { threadSleeps } from "./app";
import { arrivalIdle, arrivalPlan, scheduleStart } from "./arrival";
import { peerNext } from "./client";
import {
  bypassesStack,
  Connection,
  connectionAt,
  END_ABSENT,
  END_CLIENT,
  END_SERVER,
  END_WHOLE,
  Group,
  groupAdd,
  groupAt,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  isInbound,
  TCP_MAERTS,
  threadAt,
  UDP_RR,
  UDP_STREAM,
  XDP_DROP,
  XSK_TX,
} from "./connection";
import { TICKS_PER_NS } from "./costs";
import { cpus, kick } from "./cpu";
import { epollInit, notify } from "./epoll";
import { vectorCpu } from "./nic";
import { peerFlow, peerGoOn } from "./peer";
import { rssQueue } from "./rss";
import { SERVICE_BIMODAL } from "./service";
import { SIZES_FACEBOOK } from "./sizes";
import { socketNone, socketSetUp } from "./socket";
import { wireIsClient } from "./wire";
import { xdpAttach } from "./xdp";
import { xskBind } from "./xsk";

/** Connections start within this time, so that they do not march in step. */
const START_SPREAD_NS: u32 = 1000000;

/** Adds a group of connections; their sockets ask for `policy` (0 for none). */
export function groupSet(
  test: u32,
  connections: u32,
  outstanding: u32,
  requestBytes: u32,
  responseBytes: u32,
  messageBytes: u32,
  policy: u32,
  serviceNs: f64,
): u32 {
  assert(outstanding > 0);
  const number = groupAdd(connections, outstanding);
  const group = groupAt(number);
  group.test = test;
  group.requestBytes = requestBytes;
  group.responseBytes = responseBytes;
  group.messageBytes = messageBytes;
  group.policy = policy;
  group.service = <u64>(serviceNs * 10.0);
  return number;
}

/** Lets the servers of a group send with sendfile (MAERTS). */
export function groupSendfile(number: u32): void {
  groupAt(number).sendfile = 1;
}

/** Lets a group's flows go over IPv6. */
export function groupV6(number: u32): void {
  groupAt(number).isV6 = 1;
}

/** Spreads a group's service time; see service.ts. */
export function groupService(number: u32, distribution: u32): void {
  assert(distribution <= SERVICE_BIMODAL);
  groupAt(number).serviceDistribution = distribution;
}

/** Lets `threads` threads share a group's connections (0: a thread each), pinned or not. */
export function groupThreads(number: u32, threads: u32, pinned: bool, byQueue: bool): void {
  const group = groupAt(number);
  assert(threads <= group.count);
  group.threads = threads;
  group.pinned = pinned ? 1 : 0;
  group.byQueue = byQueue ? 1 : 0;
}

/** Lets the server threads of a group before it serve a group's connections as well. */
export function groupServedBy(number: u32, other: u32): void {
  assert(other < number && groupAt(other).threads != 0);
  groupAt(number).servedBy = other;
}

/**
 * Says whether a group's clients are on another machine than its servers, whether they count
 * latency from when a request is sent, and how long their threads wait at most for what is due
 * (0: no longer).
 */
export function groupClients(number: u32, split: bool, fromSend: bool, waitNs: f64): void {
  const group = groupAt(number);
  group.split = split ? 1 : 0;
  group.fromSend = fromSend ? 1 : 0;
  group.wait = <u64>waitNs * TICKS_PER_NS;
}

/** Longest gap of arrivals: beyond the end of every run. */
const GAP_NS_MAX: f64 = 1e12;

/** Makes a group an open loop with this mean gap of arrivals, nanoseconds: its own, or each's. */
export function groupOpen(number: u32, gapNs: f64, distribution: u32, ownSchedules: bool): void {
  const group = groupAt(number);
  group.open = 1;
  group.distribution = distribution;
  group.ownSchedules = ownSchedules ? 1 : 0;
  group.gap = <u64>(min(gapNs, GAP_NS_MAX) * 10.0 * 65536.0);
}

/** Lets an open loop pause: load for one time, none for the other, and again. */
export function groupOnOff(number: u32, onNs: f64, offNs: f64): void {
  const group = groupAt(number);
  group.onTicks = max(<u64>onNs * TICKS_PER_NS, 1);
  group.offTicks = <u64>offNs * TICKS_PER_NS;
}

/** Gives a group memcached's requests with sizes as at Facebook, so many updates in a million. */
export function groupFacebook(number: u32, updatePpm: u32): void {
  const group = groupAt(number);
  group.sizes = SIZES_FACEBOOK;
  group.updatePpm = updatePpm;
}

/** Sets up the threads of a group, asleep: one a connection, or so many that share all. */
function threadsSetUp(group: Group): void {
  const count = group.threads == 0 ? group.count : group.threads;
  for (let i: u32 = 0; i < count; i++) {
    const index = group.first + i;
    const thread = threadAt(index);
    thread.pinned = group.pinned;
    thread.cpu = (group.threads == 0 ? index : i) % cpus();
    threadSleeps(thread);
    if (group.threads == 0) thread.serving = index;
    else epollInit(thread);
  }
}

/** Thread of a group's i-th connection, whose flow is known. */
function threadOf(group: Group, i: u32): u32 {
  const server = groupAt(group.servedBy);
  if (server.threads == 0) return group.first + i;
  if (server.byQueue == 0) return server.first + (i % server.threads);
  // As memcached deals connections out by SO_INCOMING_NAPI_ID: before any rule, that is RSS.
  return server.first + (vectorCpu(rssQueue(connectionAt(group.first + i).hash)) % server.threads);
}

/** Which ends of a group's connections are here. */
function endOf(group: Group): u32 {
  if (group.split != 0) return wireIsClient() ? END_CLIENT : END_SERVER;
  return wireIsClient() ? END_ABSENT : END_WHOLE;
}

/** A server waits for what its clients do, elsewhere as here; a writer begins by itself. */
function startsHere(connection: Connection, test: u32): bool {
  if (connection.end == END_WHOLE) return true;
  if (connection.end == END_ABSENT) return false;
  const isStream = isInbound(test) || test == TCP_MAERTS;
  return isStream ? test == TCP_MAERTS : connection.end == END_CLIENT;
}

function connectionSetUp(index: u32, number: u32): void {
  const connection = connectionAt(index);
  const group = groupAt(number);
  const test = group.test;
  connection.group = number;
  connection.end = endOf(group);
  connection.isV6 = group.isV6;
  const isUdp = test == UDP_RR || test == UDP_STREAM || bypassesStack(test);
  connection.protocol = isUdp ? PROTOCOL_UDP : PROTOCOL_TCP;
  peerFlow(index);
  connection.thread = threadOf(group, index - group.first);
  if (test == XSK_TX && connection.end == END_WHOLE) xskBind(index);
  if (bypassesStack(test)) socketNone(connection);
  else if (connection.end != END_ABSENT) socketSetUp(index);
  const start = <u64>prngBelow(prngOf(PURPOSE_START), START_SPREAD_NS) * TICKS_PER_NS;
  if (startsHere(connection, test)) schedule(start, EV_START, index);
}

/** Sets up a group's threads and connections, and its schedule. */
export function groupStart(number: u32): void {
  const group = groupAt(number);
  if (group.servedBy == number) threadsSetUp(group);
  if (group.test == XDP_DROP && endOf(group) == END_WHOLE) xdpAttach();
  for (let i: u32 = 0; i < group.count; i++) connectionSetUp(group.first + i, number);
  // A schedule of the whole group is where its clients are.
  if (group.open == 0 || group.ownSchedules != 0) return;
  if (endOf(group) == END_WHOLE || endOf(group) == END_CLIENT) arrivalPlan(number);
}

/** A connection starts: its first requests, its stream, or its writer. */
export function startConnection(index: u32): void {
  const connection = connectionAt(index);
  const group = groupAt(connection.group);
  if (group.test == TCP_MAERTS || group.test == XSK_TX) {
    const cpu = threadAt(connection.thread).cpu;
    notify(index, cpu);
    kick(cpu);
  } else if (isInbound(group.test) || group.test == UDP_STREAM || group.test == XDP_DROP) {
    peerGoOn(index);
  } else {
    for (let i: u32 = 0; i < group.outstanding; i++) {
      if (group.open != 0) arrivalIdle(index);
      else peerNext(index);
    }
    if (group.ownSchedules != 0) scheduleStart(index);
  }
}
