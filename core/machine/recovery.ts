// deno-fmt-ignore-file
// How a TCP sender finds out what was lost and sends it again, the same at both ends. A hole is
// thought lost once three segments above it are known to have arrived (RFC 6675), all of them once
// the retransmission time is over (RFC 6298, from the measured round-trip time). What is sent
// again and lost again waits for that timer. The timer runs only while something of the flow is
// lost: one that fires without a loss would be undone (F-RTO, RFC 5682).

import { cancel, now, schedule } from "../lib/wheel";
import {
  EV_RTO,
  FLAG_GONE,
  FLAG_LOST,
  FLAG_RESENT,
  HALF_SHIFT,
  packetAt,
  packetDrop,
} from "./abi";
import { Connection, connectionAt } from "./connection";
import { cost, RETRANSMIT, TICKS_PER_NS } from "./costs";
import {
  cubicBytes,
  cubicGrow,
  cubicReduce,
  cubicReset,
  cubicRestart,
  cubicTimeout,
} from "./cubic";
import { tcpSegment } from "./family";
import { timerTicks } from "./fault";
import {
  HalfConnection,
  halfOf,
  holeAdd,
  holeAt,
  holesClear,
  inOrder,
  TO_HOST,
  TO_PEER,
} from "./half_connection";
import { totals } from "./totals";

/** Segments above a hole that make it lost (DupThresh). */
const DUPLICATES: u32 = 3;
/** Largest doubling of the retransmission time; RFC 6298 allows a bound of 60 s or more. */
const BACKOFF_MAX: u32 = 8;
/** Round-trip times are kept up to this, nanoseconds. */
const RTT_NS_MAX: u64 = 4000000000;

// State of a sender; a new one is open.
const OPEN: u32 = 0;
const RECOVERY: u32 = 1;
/** After the retransmission time: slow start. */
const LOSS: u32 = 2;

// What a timer that has fired asks for.
export const TIMER_NOTHING: u32 = 0;
/** Send what is thought lost. */
export const TIMER_RESEND: u32 = 1;
/** Send a segment that the receiver has, for its acknowledgement. */
export const TIMER_PROBE: u32 = 2;

/** Bytes under way, as the sender knows. */
function flight(half: HalfConnection): u32 {
  return half.sent - half.known - half.lost;
}

/** Bytes that a receive window of so many has room for. */
export function windowRoom(half: HalfConnection, window: u32): u32 {
  return window - min(window, half.sent - half.acked);
}

/**
 * The receive window after an acknowledgement that tells one: of two for the same bytes the larger
 * is the later, whichever came last (tcp_may_update_window); 0 closes it.
 */
export function windowTold(window: u32, told: u32, isNew: bool): u32 {
  return isNew || told > window || told == 0 ? told : window;
}

/** Bytes that may go now, with a receive window of so many. */
export function sendRoom(half: HalfConnection, window: u32): u32 {
  const congestion = cubicBytes(half);
  return min(windowRoom(half, window), congestion - min(congestion, flight(half)));
}

/** Retransmission time, ticks. */
function retransmitTicks(half: HalfConnection): u64 {
  const variance = max(4 * <u64>half.rttDeviationNs * TICKS_PER_NS, cost(RETRANSMIT));
  return (<u64>half.rttNs * TICKS_PER_NS + variance) << min(half.backoff, BACKOFF_MAX);
}

/** Before new data goes: a window that silence has made stale is given up. */
export function beforeSend(half: HalfConnection): void {
  if (half.sent != half.acked) return;
  if (half.timerFrom != 0 && now() - half.timerFrom > retransmitTicks(half)) cubicRestart(half);
  half.timerFrom = now();
}

/** Data has been sent for the first time; returns its number. */
export function numberSent(half: HalfConnection, bytes: u32): u32 {
  const first = half.sent;
  half.sent += bytes;
  if (half.timedAt == 0) {
    half.timedAt = now();
    half.timedEnd = half.sent;
  }
  return first;
}

/** RFC 6298, section 2. */
function measured(half: HalfConnection): void {
  const sample = <u32>min((now() - half.timedAt) / TICKS_PER_NS, RTT_NS_MAX);
  half.timedAt = 0;
  if (half.rttNs == 0) {
    half.rttNs = sample;
    half.rttDeviationNs = sample / 2;
    return;
  }
  const error = sample > half.rttNs ? sample - half.rttNs : half.rttNs - sample;
  half.rttDeviationNs = <u32>((3 * <u64>half.rttDeviationNs + error) / 4);
  half.rttNs = <u32>((7 * <u64>half.rttNs + sample) / 8);
}

/** Marks the holes with enough above them as lost (RFC 6675, IsLost). */
function markLost(half: HalfConnection): void {
  let holes: u32 = 0;
  for (let i = half.holeHead; i != 0; i = packetAt(i).holeNext) {
    const hole = packetAt(i);
    const above = <i32>(half.known - (hole.sequence - holes));
    if (above < <i32>(DUPLICATES * min(hole.payload, half.segment))) return;
    holes += hole.payload;
    if ((hole.flags & FLAG_GONE) == 0 || (hole.flags & (FLAG_LOST | FLAG_RESENT)) != 0) continue;
    hole.flags |= FLAG_LOST;
    half.lost += hole.payload;
    if (half.state != OPEN) continue;
    half.state = RECOVERY;
    half.recoveryEnd = half.sent;
    cubicReduce(half);
  }
}

/**
 * An acknowledgement: everything up to `acked`, and `arrived` bytes in all (the sum that selective
 * acknowledgement tells). Returns the bytes that are acknowledged anew.
 */
export function acknowledge(half: HalfConnection, acked: u32, arrived: u32): u32 {
  if (<i32>(arrived - half.known) < 0 || <i32>(acked - half.acked) < 0) return 0;
  const under = flight(half);
  const delivered = arrived - half.known;
  const bytes = acked - half.acked;
  half.known = arrived;
  half.acked = acked;
  assert(half.lost <= half.sent - half.known);
  if (bytes != 0) {
    half.timerFrom = now();
    half.backoff = 0;
    if (half.timedAt != 0 && <i32>(acked - half.timedEnd) >= 0) measured(half);
  }
  if (half.state != OPEN && <i32>(acked - half.recoveryEnd) >= 0) half.state = OPEN;
  if (half.holeHead != 0) markLost(half);
  if (delivered != 0 && half.state != RECOVERY) cubicGrow(half, delivered, under);
  return bytes;
}

/** What goes again next: a hole, or 0 where none is thought lost or the window is used up. */
export function lostNext(half: HalfConnection): u32 {
  if (half.lost == 0) return 0;
  let hole = half.holeHead;
  while ((packetAt(hole).flags & FLAG_LOST) == 0) hole = packetAt(hole).holeNext;
  // What all others wait for goes in any case.
  if (packetAt(hole).sequence == half.acked) return hole;
  return flight(half) + packetAt(hole).payload <= cubicBytes(half) ? hole : 0;
}

/** A hole is sent again. */
export function resent(half: HalfConnection, number: u32): void {
  const hole = packetAt(number);
  hole.flags = (hole.flags & ~(FLAG_LOST | FLAG_GONE)) | FLAG_RESENT;
  half.lost -= hole.payload;
  // Karn: no time is taken of what may be the answer to either of two.
  half.timedAt = 0;
  half.timerFrom = now();
  totals().retransmits++;
}

function numberOf(index: u32, direction: u32): u32 {
  return (index << 1) + direction;
}

/** Starts the timer of a direction, unless it runs. */
export function timerStart(index: u32, direction: u32): void {
  const half = halfOf(connectionAt(index), direction);
  if (half.timer != 0) return;
  const due = max(half.timerFrom + timerTicks(retransmitTicks(half)), now());
  half.timer = schedule(due, EV_RTO, numberOf(index, direction));
}

/** A segment has been lost: it becomes a hole, or its hole is open again. */
export function segmentLost(index: u32, direction: u32, number: u32, isCopy: bool): void {
  const half = halfOf(connectionAt(index), direction);
  if (isCopy) {
    const hole = holeAt(half, packetAt(number).sequence);
    assert(hole != 0);
    packetAt(hole).flags |= FLAG_GONE;
    packetDrop(number);
  } else {
    packetAt(number).flags |= FLAG_GONE;
    holeAdd(half, number);
  }
  timerStart(index, direction);
}

/** Marks all that is gone as lost; false where all of it is on its way again. */
function markGone(half: HalfConnection): bool {
  for (let i = half.holeHead; i != 0; i = packetAt(i).holeNext) {
    const hole = packetAt(i);
    hole.flags &= ~FLAG_RESENT;
    if ((hole.flags & (FLAG_GONE | FLAG_LOST)) != FLAG_GONE) continue;
    hole.flags |= FLAG_LOST;
    half.lost += hole.payload;
  }
  return half.lost != 0;
}

/** The timer of a direction has fired; `waits` where its sender has data and no window for it. */
export function timerFires(index: u32, direction: u32, waits: bool): u32 {
  const half = halfOf(connectionAt(index), direction);
  half.timer = 0;
  if (half.sent == half.acked && !waits) return TIMER_NOTHING;
  if (now() < half.timerFrom + retransmitTicks(half)) {
    timerStart(index, direction);
    return TIMER_NOTHING;
  }
  half.timerFrom = now();
  half.timedAt = 0;
  if (half.holeHead == 0) {
    half.backoff++;
    return TIMER_PROBE;
  }
  if (!markGone(half)) {
    timerStart(index, direction);
    return TIMER_NOTHING;
  }
  half.backoff++;
  half.state = LOSS;
  half.recoveryEnd = half.sent;
  cubicTimeout(half);
  timerStart(index, direction);
  // What comes first has arrived, and its acknowledgement was lost: it goes again all the same.
  return inOrder(half) == half.acked ? TIMER_RESEND : TIMER_PROBE;
}

function reset(half: HalfConnection, segment: u32): void {
  assert(offsetof<HalfConnection>() <= 1 << HALF_SHIFT);
  holesClear(half);
  if (half.timer != 0) cancel(half.timer);
  memory.fill(changetype<usize>(half), 0, offsetof<HalfConnection>());
  half.segment = segment;
  cubicReset(half);
}

/** A new flow: nothing sent either way. */
export function halvesReset(connection: Connection): void {
  reset(halfOf(connection, TO_HOST), tcpSegment(connection));
  reset(halfOf(connection, TO_PEER), tcpSegment(connection));
}
