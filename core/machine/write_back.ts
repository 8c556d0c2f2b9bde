// deno-fmt-ignore-file
// Write-back of receive descriptors: the driver sees a frame once its descriptor is written back.
// The device does that a cache line at a time; what is left over it writes when it raises the
// vector's interrupt, when the ring has no descriptor left, or, with WB_ON_ITR armed, when the
// receive interval is over. So a driver that polls with the vector masked does not see the last
// frames (xdp-newbies, March 2022; PF_RING #605). Moves no frame and raises no interrupt.

import { now, schedule } from "../lib/wheel";
import { EV_WRITE_BACK } from "./abi";
import { busyPollTell } from "./busy_poll";
import { cost, RX_WRITE_BACK_DESCRIPTORS, WB_ON_ITR } from "./costs";
import { pcieWrite } from "./pcie";
import { DESCRIPTOR_BYTES, queueAt, rxContainer } from "./queue";

/** Frames that the driver sees in the receive ring. */
@inline
export function rxWaiting(index: u32): u32 {
  const queue = queueAt(index);
  return queue.rxVisible - queue.rxHead;
}

/** Frames in a receive ring, whether the driver sees them or not; for checks. */
export function rxHeld(index: u32): u32 {
  return queueAt(index).rxTail - queueAt(index).rxHead;
}

/** Frames in host memory whose descriptors the device has not written back. */
@inline
export function rxWithheld(index: u32): u32 {
  const queue = queueAt(index);
  return queue.rxTail - queue.rxVisible;
}

/** Writes back all descriptors: an interrupt goes out, or a software interrupt asks for it. */
export function writeBackForced(index: u32): void {
  const count = rxWithheld(index);
  if (count == 0) return;
  const queue = queueAt(index);
  queue.rxVisible = queue.rxTail;
  busyPollTell(index);
  pcieWrite(count * DESCRIPTOR_BYTES);
}

/** The receive interval of a masked vector, started anew, ends then. */
function intervalEnd(index: u32): u64 {
  const container = rxContainer(index);
  return max(container.last, queueAt(index).writtenBack) + container.gap;
}

/** A frame has come to host memory: its descriptor may end a line. */
export function writeBackArrived(index: u32): void {
  const queue = queueAt(index);
  const line = max(<u32>cost(RX_WRITE_BACK_DESCRIPTORS), 1);
  if (queue.rxFree == 0 || queue.rxTail % line == 0) {
    writeBackForced(index);
  } else if (queue.masked != 0 && cost(WB_ON_ITR) != 0 && queue.writeBackTimer == 0) {
    queue.writeBackTimer = schedule(max(intervalEnd(index), now()), EV_WRITE_BACK, index);
  }
}

/** The receive interval of a vector with WB_ON_ITR is over. */
export function writeBackTimer(index: u32): void {
  const queue = queueAt(index);
  queue.writeBackTimer = 0;
  // An unmasked vector writes back with its interrupt.
  if (queue.masked == 0 || rxWithheld(index) == 0) return;
  writeBackForced(index);
  queue.writtenBack = now();
}
