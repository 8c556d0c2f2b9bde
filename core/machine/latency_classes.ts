// deno-fmt-ignore-file
// Moderation by latency classes, as Intel's drivers had it before 2018 (ixgbe_update_itr and
// ixgbe_set_itr in Linux 3.8 to 4.18; i40e until 4.15): at a completion each direction is in the
// lowest class (100,000 interrupts a second), low (20,000) or bulk (8,000), by its bytes in a
// microsecond of the interval; the vector takes the slower of both, a tenth of the way. Knows
// nothing of rings or interrupts.

import { Container, Queue } from "./queue";

const LOWEST: u32 = 0;
const LOW: u32 = 1;
const BULK: u32 = 2;
/** Bytes in a microsecond above which a direction leaves a class for the next. */
const LOWEST_BYTES: u32 = 10;
const LOW_BYTES: u32 = 20;
/** Intervals in quarters of a microsecond, as the driver counts. */
const LOWEST_INTERVAL: u32 = 40;
const LOW_INTERVAL: u32 = 200;
const BULK_INTERVAL: u32 = 500;
/** Bits of the interval that the register has: it counts 2 us. */
const REGISTER: u32 = 0xff8;

/** A vector before its first statistics: 20,000 a second. */
export function classesStart(queue: Queue, rx: Container, tx: Container): void {
  queue.smoothed = LOW_INTERVAL;
  rx.latencyClass = LOWEST;
  tx.latencyClass = LOWEST;
}

function classOf(container: Container, usecs: u32): u32 {
  if (container.packets == 0) return container.latencyClass;
  const bytes = container.bytes / usecs;
  container.packets = 0;
  container.bytes = 0;
  switch (container.latencyClass) {
    case LOWEST:
      return bytes > LOWEST_BYTES ? LOW : LOWEST;
    case LOW:
      if (bytes > LOW_BYTES) return BULK;
      return bytes <= LOWEST_BYTES ? LOWEST : LOW;
    default:
      return bytes <= LOW_BYTES ? LOW : BULK;
  }
}

/** A completion: the interval of the vector from here on, microseconds. */
export function classesUpdate(queue: Queue, rx: Container, tx: Container): u32 {
  const usecs = queue.smoothed >> 2;
  if (usecs != 0) {
    tx.latencyClass = classOf(tx, usecs);
    rx.latencyClass = classOf(rx, usecs);
  }
  const slower = max(rx.latencyClass, tx.latencyClass);
  const wanted = slower == LOWEST ? LOWEST_INTERVAL : slower == LOW ? LOW_INTERVAL : BULK_INTERVAL;
  if (wanted != queue.smoothed) {
    queue.smoothed = (10 * wanted * queue.smoothed) / (9 * wanted + queue.smoothed);
  }
  return (queue.smoothed & REGISTER) >> 2;
}
