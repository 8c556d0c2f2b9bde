// deno-fmt-ignore-file
// Why the driver has refused what ethtool asked for last, where it says so in the kernel's log: the
// number of a sentence (harness/machine/ethtool_log.ts) and the number that stands in it.

let reason: u32 = 0;
let detail: i32 = 0;

/** Intervals beyond the range. */
export const RX_USECS_RANGE: u32 = 1;
/** See RX_USECS_RANGE. */
export const TX_USECS_RANGE: u32 = 2;
/** The cap of the rate: beyond the range, and asked for by its other name. */
export const RX_HIGH_RANGE: u32 = 3;
/** See RX_HIGH_RANGE. */
export const TX_HIGH_UNUSED: u32 = 4;
/** An interval for a side that adapts. */
export const RX_ADAPTIVE: u32 = 5;
/** See RX_ADAPTIVE. */
export const TX_ADAPTIVE: u32 = 6;
/** A queue pair or a ring's size that the device has not. */
export const QUEUE_RANGE: u32 = 7;
/** See QUEUE_RANGE. */
export const RING_RANGE: u32 = 8;
/** A rule for a queue that would go; its location. */
export const RULE_ON_QUEUE: u32 = 9;
/** A flexible word at an odd byte, and beyond the first 64. */
export const FLEX_ODD: u32 = 10;
/** See FLEX_ODD. */
export const FLEX_FAR: u32 = 11;
/** Other fields than those of the type's rules; how many there are. */
export const INPUT_SET: u32 = 12;
/** A rule with the same match; its location. */
export const SAME_RULE: u32 = 13;

/** Notes a reason and returns the error number that goes with it. */
export function refuse(error: i32, why: u32, number: i32 = 0): i32 {
  reason = why;
  detail = number;
  return error;
}

/** Number of the sentence of the last refusal, 0 where the driver says nothing; then forgets it. */
export function reasonTake(): u32 {
  const last = reason;
  reason = 0;
  return last;
}

/** The number that stands in that sentence. */
export function reasonDetail(): i32 {
  return detail;
}
