// deno-fmt-ignore-file
// The table of queue pairs: the rings, the interrupt vector and the throttling state of each, and
// its counters. One queue pair has one vector, as i40e allots them. Layout and accessors only: the
// rings work in ring.ts, the interrupt in itr.ts, the driver's adaptive rule in adaptive_itr.ts.

import { QUEUE_MAX, QUEUE_SHIFT, QUEUES, RING_MAX } from "./abi";

/** Bytes of a descriptor, either way: 16 in the kernel's driver since 2020. */
export const DESCRIPTOR_BYTES: u32 = 16;

/** Throttling of one direction of a vector, as the driver keeps it (i40e_ring_container). */
@unmanaged
export class Container {
  /** Wanted and written interval: microseconds, with LATENCY_FLAG while in latency mode. */
  target: u32;
  current: u32;
  /** Jiffy after which the counters are stale. */
  nextUpdate: u64;
  /** Since the last update. */
  packets: u32;
  bytes: u32;
  adaptive: u32;
  /** The device's side: a cause is pending. */
  pending: u32;
  /** Ticks of the last interrupt for this cause, and the minimum gap in force. */
  last: u64;
  gap: u64;
  /** Ticks of the last interrupt this cause was due for, as itr.ts's witness has it. */
  witnessed: u64;
  /** Microseconds that the user has set, kept while the direction is adaptive. */
  setting: u32;
  /** Class of latency_classes.ts. */
  latencyClass: u32;
}

/** The driver's default work limit (I40E_DEFAULT_IRQ_WORK). */
const WORK_LIMIT: u32 = 256;

/** A queue pair, 1024 bytes: rx container, tx container, the rest. */
@unmanaged
export class Queue {
  rx0: u64;
  rx1: u64;
  rx2: u64;
  rx3: u64;
  rx4: u64;
  rx5: u64;
  rx6: u64;
  rx7: u64;
  tx0: u64;
  tx1: u64;
  tx2: u64;
  tx3: u64;
  tx4: u64;
  tx5: u64;
  tx6: u64;
  tx7: u64;
  // Receive ring: frames host memory holds are head..tail - 1 (running counters).
  rxHead: u32;
  rxTail: u32;
  /** Up to here descriptors are written back; see write_back.ts. */
  rxVisible: u32;
  /** Event of WB_ON_ITR, 0 none, and ticks of its last write-back. */
  writeBackTimer: u32;
  writtenBack: u64;
  /** Ticks of the queue's last packet, each way: it takes no faster than QUEUE_PACKET. */
  rxPaced: u64;
  txPaced: u64;
  /** Transmit descriptors that the fetch under way has asked for. */
  txBatch: u32;
  /** Descriptors the device may fill, and those cleaned but not given back yet. */
  rxFree: u32;
  rxCleaned: u32;
  // Transmit ring: head <= reported <= sent <= fetched <= tail (running counters of packets).
  txHead: u32;
  txReported: u32;
  txSent: u32;
  txFetched: u32;
  txTail: u32;
  txFree: u32;
  /** Packets since the last one whose completion is reported. */
  txStride: u32;
  /** Head write-backs that are to come for packets that the link has sent. */
  reportsDue: u32;
  /** Packets since the last one that ATR sampled. */
  atrCount: u32;
  /** Cleaned packets at the service task's last look, +1; 0 nothing waited. */
  serviceSeen: u32;
  // Byte limit and waiting flows; see qdisc.ts.
  limit: u32;
  limitEnd: u32;
  bytesPosted: u32;
  bytesCompleted: u32;
  lastBytes: u32;
  previousPosted: u32;
  previousOver: u32;
  previousBytes: u32;
  leastSlack: u32;
  waiting: u32;
  slackSince: u64;
  sparseHead: i32;
  sparseTail: i32;
  backloggedHead: i32;
  backloggedTail: i32;
  // Vector.
  affinity: u64;
  /** The masks when the messages came that are not taken yet, for the check alone. */
  affinitySeen: u64;
  timer: u32;
  timerAt: u64;
  masked: u32;
  /** Its last interrupt message was lost; see fault.ts. */
  msixLost: u32;
  /** Completion queues that do not interrupt until the driver arms them: rx 1, tx 2; see itr.ts. */
  disarmed: u32;
  countdown: u32;
  /** Interval of latency_classes.ts, quarters of a microsecond. */
  smoothed: u32;
  /** A software interrupt that waits for the vector's rate limit. */
  forced: u32;
  /** Cap on the vector's rate (INTRL): least ticks between two interrupts, 0 off. */
  intrl: u64;
  /** Moderation by completion: most frames an interrupt waits for, 0 off; see itr.ts. */
  rxFrameLimit: u32;
  /** Frames up to receive's last interrupt, and ticks of the last frame. */
  rxRaised: u32;
  rxArrived: u64;
  /** Interrupts that each side was due for, since DIM has counted them. */
  rxEvents: u32;
  txEvents: u32;
  /** Ticks of the vector's last interrupt; the second is for the witness of itr.ts alone. */
  lastRaised: u64;
  witnessRaised: u64;
  /** Link of the CPU's poll list. */
  napiNext: i32;
  // NAPI; see napi.ts.
  /** Somebody has it: a poll list, a poll under way, a thread that spins. */
  napiOwned: u32;
  /** It was to be scheduled while somebody had it. */
  napiMissed: u32;
  /** Completions that may still leave the interrupt masked. */
  deferCount: u32;
  napiTimer: u32;
  /** CPU that the timer interrupts. */
  napiCpu: u32;
  /** A thread or a timer may have taken the NAPI before, so an interrupt may come late. */
  napiRaced: u32;
  /** Thread that spins on it and has it, +1; 0 none. */
  poller: u32;
  /** The poller has been told of what came. */
  pollerTold: u32;
  /** CPUs of the threads that spin on it, the poller's among them. */
  spinCpus: u64;
  /** Its NAPI has a thread, which is to poll it; see napi_thread.ts. */
  threaded: u32;
  threadDue: u32;
  /** Connections whose data GRO keeps from one poll to the next. */
  groHead: i32;
  /** CPUs that its packets are spread over, rps_cpus. */
  rpsCpus: u64;
  /** Transmit queues for flows that it receives, a mask (xps_rxqs). */
  xpsQueues: u64;
  // AF_XDP; see xsk.ts.
  /** Connection of the socket that is bound to it, +1; 0 none. */
  xskSocket: u32;
  /** Frames that it has submitted, the driver has taken, and are completed: running counters. */
  xskSubmitted: u32;
  xskTaken: u32;
  xskCompleted: u32;
  // Counters since the start.
  rxPackets: u64;
  rxBytes: u64;
  txPackets: u64;
  txBytes: u64;
  interrupts: u64;
  forcedInterrupts: u64;
  polls: u64;
  rxDrops: u64;
  /** Interrupts that came earlier than their gap allows: must stay 0. */
  gapViolations: u64;
}

let queueCount: u32 = 0;
/** The most that there have been. */
let queuesMost: u32 = 0;
let rxSize: u32 = 0;
let txSize: u32 = 0;
/** The driver has stopped the device; see reset.ts. */
let isDown: bool = false;
/** Transmit completions that a poll cleans at most: the driver's work limit. */
let cleanLimit: u32 = WORK_LIMIT;

/** Queue pairs of the device. */
@inline
export function queues(): u32 {
  return queueCount;
}

/** Queue pairs that have been there at any time; those no longer there keep their counters. */
@inline
export function queuesEver(): u32 {
  return queuesMost;
}

/** Descriptors of each receive ring. */
@inline
export function rxDescriptors(): u32 {
  return rxSize;
}

/** Descriptors of each transmit ring. */
@inline
export function txDescriptors(): u32 {
  return txSize;
}

/** Whether the driver has stopped the device. */
@inline
export function deviceIsDown(): bool {
  return isDown;
}

/** Stops the device, or lets it go on. */
export function deviceDownSet(down: bool): void {
  isDown = down;
}

/** Transmit completions that a poll cleans at most. */
@inline
export function workLimit(): u32 {
  return cleanLimit;
}

/** Sets the work limit of all vectors. */
export function workLimitSet(packets: u32): void {
  assert(packets > 0);
  cleanLimit = packets;
}

/** An entry of the queue table. */
@inline
export function queueAt(index: u32): Queue {
  return changetype<Queue>(QUEUES + ((<usize>index) << QUEUE_SHIFT));
}

/** Receive throttling of a queue pair. */
@inline
export function rxContainer(index: u32): Container {
  return changetype<Container>(QUEUES + ((<usize>index) << QUEUE_SHIFT));
}

/** Transmit throttling of a queue pair. */
@inline
export function txContainer(index: u32): Container {
  return changetype<Container>(QUEUES + ((<usize>index) << QUEUE_SHIFT) + 64);
}

/** Empties the table for `count` queue pairs with `descriptors` each. */
export function queuesInit(count: u32, descriptors: u32): void {
  assert(offsetof<Container>() <= 64);
  assert(offsetof<Queue>() <= 1 << QUEUE_SHIFT);
  isDown = false;
  queuesMost = 0;
  cleanLimit = WORK_LIMIT;
  memory.fill(QUEUES, 0, (<usize>QUEUE_MAX) << QUEUE_SHIFT);
  for (let i: u32 = 0; i < QUEUE_MAX; i++) queueAt(i).groHead = -1;
  queuesSet(count, descriptors, descriptors);
  for (let i: u32 = 0; i < count; i++) ringReset(i);
}

/** Sets the number of queue pairs and the sizes of their rings. */
export function queuesSet(count: u32, rx: u32, tx: u32): void {
  assert(count > 0 && count <= QUEUE_MAX);
  assert(min(rx, tx) > 0 && max(rx, tx) <= RING_MAX);
  queueCount = count;
  queuesMost = max(queuesMost, count);
  rxSize = rx;
  txSize = tx;
}

/** Empty rings of a queue pair, and a byte limit that knows nothing. */
export function ringReset(index: u32): void {
  const queue = queueAt(index);
  const first = offsetof<Queue>("rxHead");
  const rings = changetype<usize>(queue) + first;
  memory.fill(rings, 0, offsetof<Queue>("affinity") - first);
  queue.rxFree = rxSize;
  queue.txFree = txSize;
  queue.napiNext = -1;
  queue.leastSlack = u32.MAX_VALUE;
  queue.sparseHead = -1;
  queue.sparseTail = -1;
  queue.backloggedHead = -1;
  queue.backloggedTail = -1;
}
