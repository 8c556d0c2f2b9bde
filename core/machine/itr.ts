// deno-fmt-ignore-file
// Interrupt of a queue pair's vector. The throttling interval is a minimum gap between two
// interrupts for one cause (Intel's I210 data sheet on the same mechanism), not a delay after an
// event; rx and tx have a counter each, either can raise the vector. INTRL caps the vector's rate
// whatever the causes. The device masks the vector when it raises it, and the driver's NAPI
// completion unmasks it. Never touches a CPU: it sends EV_MSIX. Setting an interval takes effect
// at the next completion, as on the device. For comparison receive can be moderated by completion,
// as on ConnectX: its interval begins anew with each frame, and so many frames end it.

import { cancel, now, schedule } from "../lib/wheel";
import { EV_ITR, EV_MSIX } from "./abi";
import {
  chooseWrite,
  DEFAULT_USECS,
  INTERVAL_MASK,
  LATENCY_FLAG,
  MIN_USECS,
  updateContainer,
  WRITE_RX,
  WRITE_TX,
} from "./adaptive_itr";
import { cost, TIMER, MSIX } from "./costs";
import { dimByCompletion, dimEvent, dimRxFrames, dimStart } from "./dim";
import { msixIsLost } from "./fault";
import { classesStart, classesUpdate } from "./latency_classes";
import { pcieRegister, pcieWriteWord } from "./pcie";
import {
  Container,
  deviceIsDown,
  Queue,
  queueAt,
  queues,
  rxContainer,
  txContainer,
} from "./queue";
import { totals } from "./totals";
import { rxWithheld, writeBackForced } from "./write_back";

const TICKS_PER_USEC: u64 = 10000;
const TICKS_PER_SECOND: u64 = 10000000000;
/** The device has been up and silent before the run: its first statistics are stale. */
const FIRST_JIFFY: u64 = 1;
const NEVER: u64 = u64.MAX_VALUE;

/** Bits of `disarmed`. */
export const RX_QUEUE: u32 = 1;
/** See RX_QUEUE. */
export const TX_QUEUE: u32 = 2;

// What directions that adapt follow: the i40e driver's rule, DIM, or DIM by completion.
const DIM_OFF: u32 = 0;
const DIM_CQE: u32 = 2;

/** Largest interval, microseconds: 12 bits of 2 us, of which the driver uses 0xff0. */
export const ITR_MAX_USECS: i32 = 8160;
/** Largest INTRL, 59 units of 4 us: the driver goes up to 0x3b (i40e_ethtool.c). */
export const INTRL_MAX_USECS: u32 = 236;

let linkGbps: u32 = 10;
/** Cap on the rate of a vector as the driver keeps it for all of them, microseconds. */
let limitUsecs: u32 = 0;
/** One throttling counter for all causes of a vector (EITR of ixgbe) instead of one for each. */
let perVector: bool = false;
/** A direction that adapts follows dim.ts instead of the i40e driver's rule. */
let followsDim: bool = false;
/** Each direction has a completion queue, which is armed of its own (mlx5). */
let byQueue: bool = false;
/** A vector that adapts follows latency_classes.ts instead. */
let followsClasses: bool = false;

function gapOf(word: u32): u64 {
  return <u64>(word & INTERVAL_MASK) * TICKS_PER_USEC;
}

function resetContainer(container: Container): void {
  container.setting = DEFAULT_USECS;
  container.target = DEFAULT_USECS;
  container.current = DEFAULT_USECS;
  container.adaptive = 1;
  container.gap = gapOf(DEFAULT_USECS);
}

/** All vectors to the driver's defaults: adaptive, 50 us, unmasked, a counter for each cause. */
export function itrInit(gbps: u32): void {
  linkGbps = gbps;
  perVector = false;
  followsDim = false;
  byQueue = false;
  followsClasses = false;
  limitUsecs = 0;
  for (let i: u32 = 0; i < queues(); i++) {
    resetContainer(rxContainer(i));
    resetContainer(txContainer(i));
  }
}

/** A vector's intervals after a reset: the driver's defaults, whatever was set; the cap stays. */
export function itrReset(index: u32): void {
  resetContainer(rxContainer(index));
  resetContainer(txContainer(index));
  queueAt(index).countdown = 0;
  queueAt(index).intrl = <u64>limitUsecs * TICKS_PER_USEC;
  if (followsClasses) classesStart(queueAt(index), rxContainer(index), txContainer(index));
  // A queue pair that has come as well: see itrDim.
  if (byQueue) queueAt(index).napiRaced = 1;
  if (!followsDim) return;
  itrStart(index, true, -1);
  itrStart(index, false, -1);
}

function evenUsecs(usecs: u32): u32 {
  return (usecs + 1) & ~1;
}

/** Fixed interval (usecs >= 0, rounded up to even: ITR_REG_ALIGN of i40e_txrx.h); -1 adaptive. */
export function itrSet(queue: u32, isRx: bool, usecs: i32): void {
  const container = isRx ? rxContainer(queue) : txContainer(queue);
  container.adaptive = usecs < 0 ? 1 : 0;
  container.setting = usecs < 0 ? adaptiveStart(queue, isRx) : evenUsecs(usecs);
  container.target = container.setting;
}

/** Adaptive from an interval on; one of 0 is the least (i40e_ethtool.c). */
export function itrAdapt(queue: u32, isRx: bool, usecs: u32): void {
  const container = isRx ? rxContainer(queue) : txContainer(queue);
  container.adaptive = 1;
  container.setting = evenUsecs(max(usecs, MIN_USECS));
  container.target = container.setting;
}

/** One counter for all causes of a vector, or one for each. */
export function itrPerVector(one: bool): void {
  perVector = one;
}

/** Directions that adapt follow Linux's DIM, each from its first profile: 0 no, 1 EQE, 2 CQE. */
export function itrDim(mode: u32): void {
  assert(mode <= DIM_CQE);
  followsDim = mode != DIM_OFF;
  byQueue = mode == DIM_CQE;
  dimByCompletion(byQueue);
  for (let i: u32 = 0; i < queues(); i++) {
    // Interrupts come while somebody has the NAPI: nothing masks them.
    if (byQueue) queueAt(i).napiRaced = 1;
    if (rxContainer(i).adaptive != 0) itrStart(i, true, -1);
    if (txContainer(i).adaptive != 0) itrStart(i, false, -1);
  }
}

/** Vectors that adapt follow the classes of latency, each from the start. */
export function itrClasses(): void {
  followsClasses = true;
  for (let i: u32 = 0; i < queues(); i++) classesStart(queueAt(i), rxContainer(i), txContainer(i));
}

/** First interval of a direction that adapts, microseconds. */
function adaptiveStart(queue: u32, isRx: bool): u32 {
  return followsDim ? evenUsecs(dimStart(queue, isRx)) : DEFAULT_USECS;
}

/** Settings that stand before the run: in force at once. Interval as for itrSet. */
export function itrStart(queue: u32, isRx: bool, usecs: i32): void {
  itrSet(queue, isRx, usecs);
  const container = isRx ? rxContainer(queue) : txContainer(queue);
  container.current = container.target;
  container.gap = gapOf(container.current);
  if (isRx) frameLimitSet(queue);
}

/** The limit by frames that goes with a receive interval: of DIM's profile, or none. */
function frameLimitSet(index: u32): void {
  const adapts = followsDim && rxContainer(index).adaptive != 0;
  queueAt(index).rxFrameLimit = adapts ? dimRxFrames(index) : 0;
}

/**
 * Caps the rate of a vector, microseconds, rounded down to 4; 0 lifts the cap. In force at once.
 * Assumption: one interrupt of credit, so that the cap is a gap; the I210 saves up more, the XL710
 * is not documented.
 */
export function intrlSet(queue: u32, usecs: u32): void {
  queueAt(queue).intrl = <u64>(min(usecs, INTRL_MAX_USECS) & ~3) * TICKS_PER_USEC;
  vectorCheck(queue);
}

/** The cap that the driver keeps for all vectors: the one set last, microseconds. */
export function intrlLimit(): u32 {
  return limitUsecs;
}

/** Keeps a cap for all vectors, rounded down to 4 us; each gets it by intrlSet. */
export function intrlLimitSet(usecs: u32): void {
  limitUsecs = usecs & ~3;
}

/** Cap on the rate of a vector, microseconds. */
export function intrlOf(queue: u32): u32 {
  return <u32>(queueAt(queue).intrl / TICKS_PER_USEC);
}

/** When a cause may interrupt: ticks, NEVER if it is not pending. */
@inline
function dueAt(container: Container): u64 {
  return container.pending != 0 ? container.last + container.gap : NEVER;
}

/**
 * When receive may interrupt. By completion: the interval counts from the last frame, and so many
 * frames interrupt at once, counted since receive's last interrupt. Assumption: so the sizes of
 * polls come out that were published (Karsten and Damato 2024, results v8).
 */
@inline
function rxDueAt(queue: Queue, rx: Container): u64 {
  if ((queue.disarmed & RX_QUEUE) != 0) return NEVER;
  if (queue.rxFrameLimit == 0 || rx.pending == 0) return dueAt(rx);
  if (queue.rxTail - queue.rxRaised >= queue.rxFrameLimit) return 0;
  return queue.rxArrived + rx.gap;
}

/** When transmit may interrupt. */
@inline
function txDueAt(queue: Queue, tx: Container): u64 {
  return (queue.disarmed & TX_QUEUE) != 0 ? NEVER : dueAt(tx);
}

/** When the vector may interrupt: the earliest of its causes, not before its rate allows it. */
function vectorDue(queue: Queue, rx: Container, tx: Container): u64 {
  let due: u64 = 0;
  if (queue.forced == 0) {
    due = min(rxDueAt(queue, rx), txDueAt(queue, tx));
    if (due == NEVER) return NEVER;
    if (perVector) due = queue.lastRaised + min(rx.gap, tx.gap);
  }
  return max(due, queue.lastRaised + queue.intrl);
}


@inline
function fireCause(container: Container, due: u64, time: u64): u32 {
  // A cause that is not due rides along but does not restart its counter.
  if (due > time) return 0;
  container.last = time;
  return 1;
}

/**
 * For the check alone: whether a cause allows an interrupt now, by the interval that stands
 * written and a time of its own, not by what the decision goes by.
 */
function witness(container: Container, time: u64): bool {
  const interval = <u64>(container.current & ~LATENCY_FLAG) * TICKS_PER_USEC;
  if (container.pending == 0 || time - container.witnessed < interval) return false;
  container.witnessed = time;
  return true;
}

/** The same for receive by completion: a full count, or silence for the written interval. */
function witnessFrames(queue: Queue, rx: Container, time: u64): bool {
  const interval = <u64>(rx.current & ~LATENCY_FLAG) * TICKS_PER_USEC;
  const isFull = queue.rxTail - queue.rxRaised >= queue.rxFrameLimit;
  if (rx.pending == 0 || (!isFull && time - queue.rxArrived < interval)) return false;
  rx.witnessed = time;
  return true;
}

function judge(index: u32, time: u64): void {
  const queue = queueAt(index);
  const elapsed = time - queue.witnessRaised;
  queue.witnessRaised = time;
  if (elapsed < queue.intrl) queue.gapViolations++;
  if (queue.forced != 0) return;
  const rx = rxContainer(index);
  const tx = txContainer(index);
  if (perVector) {
    if (elapsed < gapOf(min(rx.current & INTERVAL_MASK, tx.current & INTERVAL_MASK))) {
      queue.gapViolations++;
    }
    return;
  }
  let isRx = false;
  if ((queue.disarmed & RX_QUEUE) == 0) {
    isRx = queue.rxFrameLimit != 0 ? witnessFrames(queue, rx, time) : witness(rx, time);
  }
  const isTx = (queue.disarmed & TX_QUEUE) == 0 && witness(tx, time);
  if (!isRx && !isTx) queue.gapViolations++;
}

function raise(index: u32): void {
  const queue = queueAt(index);
  if (queue.timer != 0) {
    cancel(queue.timer);
    queue.timer = 0;
  }
  queue.masked = 1;
  queue.forced = 0;
  queue.lastRaised = now();
  queue.interrupts++;
  writeBackForced(index);
  const arrives = now() + cost(MSIX) + pcieWriteWord();
  queue.msixLost = msixIsLost() ? 1 : 0;
  if (queue.msixLost != 0) totals().interruptsLost++;
  else schedule(arrives, EV_MSIX, index);
}

/** Raises the vector if a cause is due, else sets its timer. Call whenever a cause arises. */
export function vectorCheck(index: u32): void {
  const queue = queueAt(index);
  if (queue.masked != 0 || deviceIsDown()) return;
  const rx = rxContainer(index);
  const tx = txContainer(index);
  const due = vectorDue(queue, rx, tx);
  if (due == NEVER) return;
  const time = now();
  if (due <= time) {
    judge(index, time);
    if (queue.forced == 0) {
      const isRx = fireCause(rx, rxDueAt(queue, rx), time);
      const isTx = fireCause(tx, txDueAt(queue, tx), time);
      queue.rxEvents += isRx;
      queue.txEvents += isTx;
      if (isRx != 0) queue.rxRaised = queue.rxTail;
      if (byQueue) queue.disarmed |= isRx * RX_QUEUE + isTx * TX_QUEUE;
    }
    raise(index);
    return;
  }
  if (queue.timer != 0) {
    if (queue.timerAt <= due) return;
    cancel(queue.timer);
  }
  queue.timer = schedule(due, EV_ITR, index);
  queue.timerAt = due;
}

/**
 * The handler of a vector's interrupt has run. Where completion queues are armed each of its own it
 * takes the next interrupt at once, from the one that still is; NAPI masks nothing.
 */
export function vectorHandled(index: u32): void {
  if (!byQueue) return;
  queueAt(index).masked = 0;
  vectorCheck(index);
}

/** The vector's throttling has run out. */
export function vectorTimer(index: u32): void {
  queueAt(index).timer = 0;
  vectorCheck(index);
}

/** The driver forces an interrupt, whatever the throttling ("no ITR" index) but the rate cap. */
export function vectorForce(index: u32): void {
  const queue = queueAt(index);
  queue.forcedInterrupts++;
  queue.forced = 1;
  queue.masked = 0;
  vectorCheck(index);
}

function followDim(index: u32, isRx: bool, container: Container): void {
  if (container.adaptive == 0) return;
  const queue = queueAt(index);
  const events = isRx ? queue.rxEvents : queue.txEvents;
  container.target = evenUsecs(
    dimEvent(index, isRx, container.packets, container.bytes, events),
  );
  if (isRx) queue.rxEvents = 0;
  else queue.txEvents = 0;
  container.packets = 0;
  container.bytes = 0;
}

/** NAPI completion of the i40e driver: adaptive update, and what it writes. */
function moderate(index: u32, rx: Container, tx: Container): void {
  const queue = queueAt(index);
  const jiffy = FIRST_JIFFY + (now() * cost(TIMER)) / TICKS_PER_SECOND;
  if (followsDim) {
    followDim(index, false, tx);
    followDim(index, true, rx);
  } else {
    updateContainer(false, rx, tx, queue.countdown, jiffy, linkGbps);
    updateContainer(true, rx, tx, queue.countdown, jiffy, linkGbps);
  }
  const choice = chooseWrite(rx, tx, queue);
  if (choice == WRITE_RX) rx.gap = gapOf(rx.current);
  else if (choice == WRITE_TX) tx.gap = gapOf(tx.current);
  if (followsDim) frameLimitSet(index);
}

/** The same of a driver with classes of latency, which has one interval for a vector. */
function moderateByClass(index: u32, rx: Container, tx: Container): void {
  const usecs = classesUpdate(queueAt(index), rx, tx);
  rx.current = usecs;
  tx.current = usecs;
  rx.target = usecs;
  tx.target = usecs;
  rx.gap = gapOf(usecs);
  tx.gap = gapOf(usecs);
}

/** The driver arms the completion queues that have interrupted: transmit's interval begins anew. */
function armQueues(queue: Queue, tx: Container): void {
  if ((queue.disarmed & TX_QUEUE) != 0) {
    tx.last = now();
    tx.witnessed = now();
  }
  queue.disarmed = 0;
}

/** NAPI completion: the driver moderates and unmasks with one register write. */
export function vectorComplete(index: u32, rxWaiting: bool, txWaiting: bool): void {
  const queue = queueAt(index);
  const rx = rxContainer(index);
  const tx = txContainer(index);
  if (followsClasses && (rx.adaptive & tx.adaptive) != 0) moderateByClass(index, rx, tx);
  else moderate(index, rx, tx);
  pcieRegister();
  if (!byQueue) queue.masked = 0;
  if (byQueue) armQueues(queue, tx);
  // What the device holds back is as much a reason to interrupt as what the driver has seen.
  rx.pending = rxWaiting || rxWithheld(index) != 0 ? 1 : 0;
  tx.pending = txWaiting ? 1 : 0;
  vectorCheck(index);
}
