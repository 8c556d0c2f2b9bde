// deno-fmt-ignore-file
// Tables of groups, connections and threads, and netperf's tests. A connection is one slot of a
// workload's group: the peer's socket, the flow between, and the socket of the system under test.
// The server thread of the same number serves it, as netserver forks a process per control
// connection, or the first threads of the group share its connections, as memcached's do. Layout
// only.

import {
  CONNECTION_MAX,
  CONNECTION_SHIFT,
  CONNECTIONS,
  GROUP_MAX,
  GROUP_SHIFT,
  GROUPS,
  HALF_SHIFT,
  HALVES,
  CPU_MAX,
  QUEUE_MAX,
  STAMP_MAX,
  STAMP_SHIFT,
  STAMPS,
  THREAD_SHIFT,
  THREADS,
} from "./abi";

/** Tests by number: netperf's, then a generator whose frames XDP drops, and AF_XDP transmit. */
export const TCP_RR: u32 = 0;
export const TCP_CRR: u32 = 1;
export const TCP_STREAM: u32 = 2;
export const TCP_MAERTS: u32 = 3;
export const UDP_RR: u32 = 4;
export const UDP_STREAM: u32 = 5;
export const TCP_CC: u32 = 6;
export const TCP_SENDFILE: u32 = 7;

/** Tests of requests and responses: a transaction is one of each. */
export function hasTransactions(test: u32): bool {
  return test == TCP_RR || test == UDP_RR || hasConnects(test);
}

/** Tests whose every transaction is a connection of its own. */
export function hasConnects(test: u32): bool {
  return test == TCP_CRR || test == TCP_CC;
}

/** Tests in which the peer sends a stream of TCP, by copy or by sendfile. */
export function isInbound(test: u32): bool {
  return test == TCP_STREAM || test == TCP_SENDFILE;
}
export const XDP_DROP: u32 = 8;
export const XSK_TX: u32 = 9;

/** Tests whose frames no socket of the stack knows. */
export function bypassesStack(test: u32): bool {
  return test == XDP_DROP || test == XSK_TX;
}

/** IP protocol numbers. */
export const PROTOCOL_TCP: u32 = 6;
export const PROTOCOL_UDP: u32 = 17;

/** One group of the workload, 256 bytes. */
@unmanaged
export class Group {
  test: u32;
  /** First connection and how many there are. */
  first: u32;
  count: u32;
  requestBytes: u32;
  responseBytes: u32;
  messageBytes: u32;
  outstanding: u32;
  /** 1 open loop. */
  open: u32;
  /** How gaps are distributed: see arrival.ts. */
  distribution: u32;
  /** 1 where each connection has a schedule of its own. */
  ownSchedules: u32;
  /** How sizes are distributed, and the share of updates: see sizes.ts. */
  sizes: u32;
  updatePpm: u32;
  /** Policy value its sockets ask for; 0 asks for nothing. */
  policy: u32;
  /** Server threads that share the connections; 0 is a thread for each. */
  threads: u32;
  /** 1 keeps each thread on the CPU it starts on. */
  pinned: u32;
  /** 1 gives a connection to the thread of the CPU of its receive queue. */
  byQueue: u32;
  /** Group whose server threads serve it: itself, or one before it. */
  servedBy: u32;
  /** 1 where its clients and its servers are on two machines. */
  split: u32;
  /** 1 counts latency from when a request is sent, 0 from when it was due. */
  fromSend: u32;
  /** Longest wait of a client's thread for what is due, ticks; 0 wakes it when it is. */
  wait: u64;
  /** 1 for flows over IPv6, and for a sender that uses sendfile (MAERTS). */
  isV6: u32;
  sendfile: u32;
  /** Mean gap of arrivals, ticks x 2^16 (open loop): of the group, or of each connection. */
  gap: u64;
  /** The load is there for the first and not for the second of each such times, ticks. */
  onTicks: u64;
  offTicks: u64;
  /** Part of a tick that constant arrivals carry. */
  gapCarry: u64;
  /** Mean CPU time of a transaction, ticks, and how it is spread; see service.ts. */
  service: u64;
  serviceDistribution: u32;
  /** Connections with a free place for a request, in order. */
  idleHead: i32;
  idleTail: i32;
  /** Intended times that wait: running counters. */
  arrivalHead: u32;
  arrivalTail: u32;
  arrivalsLost: u64;
  transactions: u64;
  bytes: u64;
  /** Sum of latencies, ticks; least and greatest since the histogram was cleared. */
  latencySum: u64;
  latencyMin: u64;
  latencyMax: u64;
}

/** One connection, 512 bytes. Fields named peer* belong to the peer's end. */
@unmanaged
export class Connection {
  group: u32;
  protocol: u32;
  /** Which of its ends are here: see END_WHOLE and what follows. */
  end: u32;
  /** 1 for a flow over IPv6; its addresses have the prefix of family.ts. */
  isV6: u32;
  /** Counts the incarnations (CRR): packets of an earlier one are stale. */
  life: u32;
  state: u32;
  /** Thread that serves it, and its place in that thread's ready list (epoll.ts). */
  thread: u32;
  readyNext: i32;
  readyListed: u32;
  source: u32;
  destination: u32;
  ports: u32;
  hash: u32;
  fragmentHash: u32;
  // Policy.
  listener: i32;
  instance: i32;
  steered: u32;
  // Queues: what rules gave at `ruleSeen`, what ATR learnt, what the socket keeps for transmit.
  ruleSeen: u32;
  ruleQueue: i32;
  /** Place in the payload that the type's rules look at, -1 for none. */
  ruleFlex: i32;
  atrQueue: i32;
  /** Queue of the filter that is being programmed, and the event of its end. */
  atrNext: i32;
  atrEvent: u32;
  txQueue: i32;
  /** Queue that its last packet came by; -1 none yet. */
  rxQueue: i32;
  // Receiving end of the system under test.
  rxQueued: u32;
  rxMessages: u32;
  rxUnacked: u32;
  rxWindow: u32;
  /** The peer has closed its direction: no more data (CC). */
  rxFinished: u32;
  /** End of the last segment that came in its order, and the queue it came by. */
  rxHighest: u32;
  rxHighestQueue: u32;
  /** Its hash has changed since it began. */
  rehashed: u32;
  groBytes: u32;
  groNext: i32;
  groListed: u32;
  /** No more data can join those in GRO; when their first came, ticks. */
  groEnds: u32;
  groSince: u64;
  /** Segments in GRO that go up on another CPU, a chain; their bytes. */
  chainHead: u32;
  chainTail: u32;
  chainBytes: u32;
  delayedAck: u32;
  ackDue: u32;
  /** The server has closed; FIN follows the last data. */
  finDue: u32;
  /** Datagram that is being put together, and how much of it is there. */
  fragmentOf: u32;
  fragmentBytes: u32;
  requestGot: u32;
  rxNode: i32;
  // Sending end of the system under test.
  txQueued: u32;
  txInflight: u32;
  txHeld: u32;
  // Packets that wait in a qdisc; see qdisc.ts. All wait in one queue.
  flowHead: u32;
  flowTail: u32;
  flowNext: i32;
  flowList: u32;
  flowDeficit: i32;
  flowQueue: i32;
  outListed: u32;
  outNext: i32;
  // Peer.
  peerHead: u32;
  peerTail: u32;
  peerListed: u32;
  peerNext: i32;
  /** What goes before data: acknowledgements, SYN, FIN. */
  peerUrgentHead: u32;
  peerUrgentTail: u32;
  peerWindow: u32;
  peerGot: u32;
  peerUnacked: u32;
  peerFinished: u32;
  /** Datagrams that the peer and the server have made. */
  peerDatagrams: u32;
  datagrams: u32;
  /** Datagram that the peer puts together, and how much of it is there. */
  peerFragmentOf: u32;
  peerFragmentBytes: u32;
  idleNext: i32;
  idlePlaces: u32;
  idleListed: u32;
  outstanding: u32;
  /** Ring of intended times: its first place, and a running counter of the oldest. */
  stampFirst: u32;
  stampHead: u32;
  /** Requests that the server has answered, a running counter like the peer's. */
  served: u32;
  /** Of those outstanding, requests that a client's thread has yet to send: client_thread.ts. */
  unsent: u32;
  /** Next request of the connection's own schedule, ticks; whether it waits for a place. */
  isLate: u32;
  dueAt: u64;
}

// Which ends of a connection are here.
/** The server here, an ideal client at the other end of the link. */
export const END_WHOLE: u32 = 0;
/** The server here, the clients on another machine. */
export const END_SERVER: u32 = 1;
/** The clients here, the server on another machine. */
export const END_CLIENT: u32 = 2;
/** Neither end is here. */
export const END_ABSENT: u32 = 3;

export const STATE_CLOSED: u32 = 0;
export const STATE_SYN: u32 = 1;
/** In the accept queue. */
export const STATE_READY: u32 = 2;
export const STATE_OPEN: u32 = 3;

/** One server thread, 256 bytes. */
@unmanaged
export class Thread {
  cpu: u32;
  state: u32;
  phase: u32;
  mode: u32;
  /** Links of the run queue; see run_queue.ts. */
  next: i32;
  lane1: u32;
  lane2: u32;
  lane3: u32;
  lane4: u32;
  lane5: u32;
  lane6: u32;
  /** Bytes that the current step works on. */
  amount: u32;
  /** Connection it works for; -1 between two of a thread that serves many. */
  serving: i32;
  /** 1 for a thread that serves many and waits for them with epoll; see epoll.ts. */
  polls: u32;
  readyHead: i32;
  readyTail: i32;
  readyCount: u32;
  /** Of these, how many the last epoll_wait has returned. */
  batch: u32;
  /** Never leaves its CPU. */
  pinned: u32;
  /** Rest of the interrupted step, ticks; 0 none. */
  remaining: u64;
  /** Time to add to the next step, ticks. */
  extra: u64;
  runtime: u64;
  /** Times, +1, that the call under way lets softirqs run before it goes on; 0 none. */
  bhEnables: u32;
  /** Since when it waits, and the event at which it looks for itself, 0 none; client_thread.ts. */
  waitSince: u64;
  waitEvent: u32;
  // Busy polling; see busy_poll.ts.
  /** Queue of the last frame for its sockets, +1; 0 none. */
  napi: u32;
  spin: u32;
  spinQueue: u32;
  spinEnd: u64;
  spinSince: u64;
}

/** States of a thread. */
export const SLEEPING: u32 = 0;
export const RUNNABLE: u32 = 1;
export const RUNNING: u32 = 2;

let groupCount: u32 = 0;
let connectionCount: u32 = 0;
let stampCount: u32 = 0;

/** Groups of the workload. */
@inline
export function groupsUsed(): u32 {
  return groupCount;
}

/** Connections of all groups. */
@inline
export function connectionsUsed(): u32 {
  return connectionCount;
}

/** An entry of the group table. */
@inline
export function groupAt(index: u32): Group {
  return changetype<Group>(GROUPS + ((<usize>index) << GROUP_SHIFT));
}

/** An entry of the connection table. */
@inline
export function connectionAt(index: u32): Connection {
  return changetype<Connection>(CONNECTIONS + ((<usize>index) << CONNECTION_SHIFT));
}

/** An entry of the thread table. */
@inline
export function threadAt(index: u32): Thread {
  return changetype<Thread>(THREADS + ((<usize>index) << THREAD_SHIFT));
}

/** Place of a request's intended time, by its running number on a connection. */
@inline
export function stampAt(connection: Connection, group: Group, counter: u32): usize {
  const place = connection.stampFirst + (counter % group.outstanding);
  return STAMPS + ((<usize>place) << STAMP_SHIFT);
}

/** Empties the tables: an entry is cleared when it is taken, since all together are 17 MB. */
export function connectionsInit(): void {
  assert(offsetof<Group>() <= 1 << GROUP_SHIFT);
  assert(offsetof<Connection>() <= 1 << CONNECTION_SHIFT);
  assert(offsetof<Thread>() <= 1 << THREAD_SHIFT);
  stampCount = 0;
  memory.fill(GROUPS, 0, (<usize>GROUP_MAX) << GROUP_SHIFT);
  // Threads of NAPIs and of housekeeping, which no group takes.
  const others = THREADS + ((<usize>CONNECTION_MAX) << THREAD_SHIFT);
  memory.fill(others, 0, (<usize>(QUEUE_MAX + CPU_MAX)) << THREAD_SHIFT);
  groupCount = 0;
  connectionCount = 0;
}

/** Takes the next group with `count` connections of so many transactions; returns its number. */
export function groupAdd(count: u32, outstanding: u32): u32 {
  assert(groupCount < GROUP_MAX);
  assert(<u64>connectionCount + count <= CONNECTION_MAX);
  assert(<u64>count * outstanding + stampCount <= STAMP_MAX);
  const first = <usize>connectionCount;
  memory.fill(CONNECTIONS + (first << CONNECTION_SHIFT), 0, (<usize>count) << CONNECTION_SHIFT);
  memory.fill(THREADS + (first << THREAD_SHIFT), 0, (<usize>count) << THREAD_SHIFT);
  memory.fill(HALVES + (first << (HALF_SHIFT + 1)), 0, (<usize>count) << (HALF_SHIFT + 1));
  const group = groupAt(groupCount);
  group.first = connectionCount;
  group.count = count;
  group.outstanding = outstanding;
  for (let i: u32 = 0; i < count; i++) {
    connectionAt(connectionCount + i).stampFirst = stampCount + i * outstanding;
  }
  stampCount += count * outstanding;
  group.servedBy = groupCount;
  group.idleHead = -1;
  group.idleTail = -1;
  connectionCount += count;
  groupCount++;
  return groupCount - 1;
}
