// deno-fmt-ignore-file
// Counters of the whole machine since the start of the run; per-queue and per-CPU ones stand in
// their own tables. The harness reads them as a block of u64 in this order.

import { KIND_COUNTS, KIND_MAX, TOTALS } from "./abi";

/** Events are counted by the run loop, frames where they change hands. */
@unmanaged
export class Totals {
  events: u64;
  /** Frames that the peer has put on its link, copies included. */
  peerFrames: u64;
  /** Frames dropped because a receive ring had no descriptor. */
  dropRing: u64;
  /** Frames dropped because the device's packet buffer was full: more than it can take. */
  dropFifo: u64;
  /** Datagrams dropped because the socket's buffer was full. */
  dropSocket: u64;
  /** Datagrams of which a fragment was lost. */
  dropFragment: u64;
  /** Packets of a connection that was closed meanwhile. */
  stale: u64;
  retransmits: u64;
  /** UDP transactions given up after a loss. */
  lostTransactions: u64;
  /** Interrupts that have reached a CPU. */
  interruptsTaken: u64;
  /** Vectors moved by the affinity check of an incomplete poll. */
  movedVectors: u64;
  /** Turns of ksoftirqd. */
  ksoftirqdTurns: u64;
  /** Wake-ups, and those that chose another CPU than the thread's last. */
  wakeups: u64;
  migrations: u64;
  /** Sockets that the policy manager took but did not give the policy they asked for. */
  policiesRefused: u64;
  /** Sockets that it did not take. */
  socketsRefused: u64;
  /** Frames that a flow-director rule drops. */
  dropRule: u64;
  /** Frames that the link has lost on their way to the host and to the peer. */
  lostToHost: u64;
  lostToPeer: u64;
  /** Messages to and from another machine: frames, and what became of them. */
  wireSent: u64;
  wireTaken: u64;
  /** Frames lost to a reset of the device, either way: those it had and those that came. */
  dropReset: u64;
  /** Of these, frames of the peer. */
  dropResetToHost: u64;
  /** Frames dropped because a CPU's backlog was full. */
  dropBacklog: u64;
  /** Segments that came to TCP behind one that was sent after them. */
  reordered: u64;
  /** Software interrupts that sendto of an AF_XDP socket has asked for. */
  xskWakeups: u64;
  /** Frames lost because the link was down, towards the host and the peer. */
  downToHost: u64;
  downToPeer: u64;
  /** Frames that others have overtaken on the wire. */
  overtaken: u64;
  /** Interrupt messages that were lost, and interrupts that the service task has forced. */
  interruptsLost: u64;
  serviceInterrupts: u64;
  /** Segments that came behind a later one of their flow on the same queue: must stay 0. */
  orderViolations: u64;
  /** Interrupts that a CPU took outside of the mask in force when they came: must stay 0. */
  affinityViolations: u64;
  /** Polls that a softirq began after its round had taken its 300 packets: must stay 0. */
  budgetViolations: u64;
}

/** Words of the block. */
export const TOTAL_COUNT: u32 = 34;

/** The one block of totals. */
@inline
export function totals(): Totals {
  return changetype<Totals>(TOTALS);
}

/** All totals to 0. */
export function totalsInit(): void {
  assert(offsetof<Totals>() == <usize>TOTAL_COUNT * 8);
  memory.fill(TOTALS, 0, 512);
  memory.fill(KIND_COUNTS, 0, <usize>KIND_MAX * 8);
}

/** Counts an event that is handled. */
@inline
export function countKind(kind: u32): void {
  const counter = KIND_COUNTS + ((<usize>kind) << 3);
  store<u64>(counter, load<u64>(counter) + 1);
}
