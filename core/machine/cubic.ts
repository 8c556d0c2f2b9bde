// deno-fmt-ignore-file
// The congestion window of a TCP sender: slow start (RFC 5681) and CUBIC (RFC 9438) in segments, as
// the RFC has it, with fast convergence and without HyStart. Grows only where the window was the
// limit, and starts again from the initial window after silence. Uses f64, which is the same on
// every engine. Knows neither segments nor losses: recovery.ts says when something was lost.

import { now } from "../lib/wheel";
import { cost, INITIAL_WINDOW, TICKS_PER_NS } from "./costs";
import { HalfConnection } from "./half_connection";

/** RFC 9438: multiplicative decrease, and the constant of the cubic function. */
const BETA: f64 = 0.7;
const C: f64 = 0.4;
/** Additive increase with which AIMD of this decrease is as fast as Reno (section 4.3). */
const ALPHA: f64 = (3.0 * (1.0 - BETA)) / (1.0 + BETA);
const WINDOW_LEAST: f64 = 2.0;
/** Slow start ends at the first loss only. */
const NO_THRESHOLD: f64 = 1e9;
const TICKS_PER_SECOND: f64 = 1e10;

/** A new flow: initial window, no loss yet. */
export function cubicReset(half: HalfConnection): void {
  half.window = <f64>cost(INITIAL_WINDOW);
  half.threshold = NO_THRESHOLD;
  half.maximum = 0.0;
  half.friendly = 0.0;
  half.plateauSeconds = 0.0;
  half.epoch = 0;
}

/** Bytes that the window lets be under way. */
export function cubicBytes(half: HalfConnection): u32 {
  return <u32>half.window * half.segment;
}

/** The window after silence longer than the retransmission time (RFC 5681, 4.1). */
export function cubicRestart(half: HalfConnection): void {
  half.window = min(half.window, <f64>cost(INITIAL_WINDOW));
  half.epoch = 0;
}

/** Something was lost: less, and the window it was lost at is where the cubic levels out. */
export function cubicReduce(half: HalfConnection): void {
  const window = half.window;
  // Fast convergence: a flow that loses below its last maximum leaves room to others.
  half.maximum = window < half.maximum ? (window * (1.0 + BETA)) / 2.0 : window;
  half.threshold = max(window * BETA, WINDOW_LEAST);
  half.window = half.threshold;
  half.epoch = 0;
}

/** The retransmission time is over: as after a loss, but from one segment on. */
export function cubicTimeout(half: HalfConnection): void {
  cubicReduce(half);
  half.window = 1.0;
}

function startEpoch(half: HalfConnection): void {
  half.epoch = now();
  half.friendly = half.window;
  if (half.window < half.maximum) {
    half.plateauSeconds = NativeMath.cbrt((half.maximum - half.window) / C);
  } else {
    half.plateauSeconds = 0.0;
    half.maximum = half.window;
  }
}

function cubicAt(half: HalfConnection, seconds: f64): f64 {
  const distance = seconds - half.plateauSeconds;
  return C * distance * distance * distance + half.maximum;
}

/** `bytes` were acknowledged of `flight` that had been under way. */
export function cubicGrow(half: HalfConnection, bytes: u32, flight: u32): void {
  const segments = <f64>bytes / <f64>half.segment;
  const used = <f64>flight / <f64>half.segment;
  if (half.window < half.threshold) {
    // A window twice as large as its use is not what limits the sender.
    if (half.window < 2.0 * used) half.window = min(half.window + segments, half.threshold);
    return;
  }
  // Segmentation offload waits for a third of the window: so much may be unused.
  if (3.0 * used < 2.0 * half.window) return;
  if (half.epoch == 0) startEpoch(half);
  const seconds = <f64>(now() - half.epoch) / TICKS_PER_SECOND;
  const rttSeconds = (<f64>half.rttNs * <f64>TICKS_PER_NS) / TICKS_PER_SECOND;
  const alpha = half.friendly < half.threshold / BETA ? ALPHA : 1.0;
  half.friendly += (alpha * segments) / half.window;
  if (cubicAt(half, seconds) < half.friendly) {
    half.window = max(half.window, half.friendly);
    return;
  }
  const target = min(max(cubicAt(half, seconds + rttSeconds), half.window), 1.5 * half.window);
  half.window += ((target - half.window) / half.window) * segments;
}
