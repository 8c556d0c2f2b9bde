// deno-fmt-ignore-file
// The i40e driver's adaptive interrupt throttling: one update of a container at each NAPI
// completion (i40e_update_itr) and the choice of the one interval to write
// (i40e_update_enable_itr), re-told from drivers/net/ethernet/intel/i40e/i40e_txrx.c of 2018 and
// later. Pure: it changes containers and the countdown, never the device.

import { Container, Queue } from "./queue";

/** Flag of latency mode in an interval's word; absent means bulk. */
export const LATENCY_FLAG: u32 = 0x8000;
/** The interval in a word: even microseconds, the register counts in 2 us. */
export const INTERVAL_MASK: u32 = 0x1ffe;
const STEP_USECS: u32 = 2;
/** Least interval of the adaptive rule. */
export const MIN_USECS: u32 = 2;
const MAX_USECS: u32 = 126;
/** Interval both directions start with. */
export const DEFAULT_USECS: u32 = 50;
/** Interrupts after a write for which the statistics are not trusted. */
const COUNTDOWN: u32 = 3;

/** Which interval a completion writes. */
export const WRITE_NONE: u32 = 0;
export const WRITE_RX: u32 = 1;
export const WRITE_TX: u32 = 2;

/** Divisor of the size rule by link speed in Gb/s. */
function speedDivisor(gbps: u32): u32 {
  if (gbps >= 40) return 2048;
  if (gbps >= 20) return 1024;
  return gbps >= 10 ? 512 : 64;
}

/** Weight of an average frame: rises with size so that the interrupt rate stays sensible. */
function sizeWeight(bytes: u32): u32 {
  if (bytes <= 60) return 4096;
  if (bytes <= 380) return bytes * 40 + 1696;
  if (bytes <= 1084) return bytes * 15 + 11452;
  if (bytes <= 1980) return bytes * 5 + 22420;
  return 32256;
}

/** Interval of the size rule: `mode` is LATENCY_FLAG or 0 and stays in the result. */
export function intervalBySize(mode: u32, averageBytes: u32, gbps: u32): u32 {
  let weight = sizeWeight(averageBytes);
  if (mode != 0) weight /= 2;
  const divisor = speedDivisor(gbps);
  const usecs = ((weight + divisor - 1) / divisor) * 2;
  return mode | min(usecs, MAX_USECS);
}

function capped(word: u32): u32 {
  return (word & INTERVAL_MASK) > MAX_USECS ? (word & LATENCY_FLAG) | MAX_USECS : word;
}

/** New target of a container with recent traffic and no countdown. */
function nextTarget(isRx: bool, own: Container, rx: Container, tx: Container, gbps: u32): u32 {
  const packets = own.packets;
  const relaxed = (isRx ? MIN_USECS : MAX_USECS) | LATENCY_FLAG;
  if (isRx) {
    if (packets != 0 && packets < 4 && own.bytes < 9000 && (tx.target & LATENCY_FLAG) != 0) {
      return intervalBySize(LATENCY_FLAG, own.bytes / packets, gbps);
    }
  } else if (packets < 4) {
    // Both at their maximum with next to no traffic: let the receive side relax again.
    if (tx.target == MAX_USECS && (rx.target & INTERVAL_MASK) == MAX_USECS) return relaxed;
  } else if (packets > 32) {
    own.target &= ~LATENCY_FLAG;
  }
  if (packets < 56) return capped(own.target + STEP_USECS);
  if (packets <= 256) {
    const shorter = min(tx.current, rx.current) & INTERVAL_MASK;
    return packets <= 112 ? shorter : max((shorter / 2) & INTERVAL_MASK, MIN_USECS);
  }
  return intervalBySize(0, own.bytes / packets, gbps);
}

/** Updates one container from what it has counted; `jiffy` is the time now. */
export function updateContainer(
  isRx: bool,
  rx: Container,
  tx: Container,
  countdown: u32,
  jiffy: u64,
  gbps: u32,
): void {
  const own = isRx ? rx : tx;
  if (own.adaptive == 0) return;
  let target = (isRx ? MIN_USECS : MAX_USECS) | LATENCY_FLAG;
  if (jiffy <= own.nextUpdate) {
    target = countdown != 0 ? own.target : nextTarget(isRx, own, rx, tx, gbps);
  }
  own.target = target;
  own.nextUpdate = jiffy + 1;
  own.packets = 0;
  own.bytes = 0;
}

/**
 * Chooses which interval the one register write of a NAPI completion carries, and marks it as
 * written. The words are compared with their flag, as the driver does.
 */
export function chooseWrite(rx: Container, tx: Container, queue: Queue): u32 {
  let choice = WRITE_NONE;
  if (rx.target < rx.current) {
    choice = WRITE_RX;
  } else if (
    tx.target < tx.current ||
    <i32>(rx.target - rx.current) < <i32>(tx.target - tx.current)
  ) {
    choice = WRITE_TX;
  } else if (rx.current != rx.target) {
    choice = WRITE_RX;
  }
  if (choice == WRITE_NONE) {
    if (queue.countdown != 0) queue.countdown--;
    return choice;
  }
  if (choice == WRITE_RX) rx.current = rx.target;
  else tx.current = tx.target;
  queue.countdown = COUNTDOWN;
  return choice;
}
