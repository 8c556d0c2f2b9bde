/**
 * How coarse a throughput is because the model counts what a call carries whole, at its end. Pure;
 * a remark for the reader, never a correction.
 *
 * @module
 */

import type { Measurement } from "./record.ts";
import type { WorkloadGroup, WorkloadSpec } from "./spec.ts";

/** One message above this share of a group's bytes is worth a remark. */
const NOTABLE_SHARE = 0.001;

/**
 * The device gets what senders queue in trains of 45 segments of 1448 bytes at most, whatever the
 * size of a send; the peer counts a train when it is whole (core/machine/tcp.ts).
 */
const TRAIN_BYTES_MAX = 45 * 1448;

/**
 * A remark for each group of streams that moved few messages: what lies across an end of the
 * measured interval counts in or out as a whole. In a short interval that is enough to pass the
 * speed of the link.
 *
 * @param groups As measured, in the order of the workload.
 */
export function edgeRemarks(workload: WorkloadSpec, groups: Measurement["groups"]): string[] {
  return workload.groups.flatMap((spec, index) => {
    const group = groups[index];
    if (group === undefined || group.throughput.unit !== "bit/s" || group.bytes === 0) return [];
    const wholeBytes = countedAtOnce(spec);
    const share = wholeBytes / group.bytes;
    if (share <= NOTABLE_SHARE) return [];
    // One digit: runs that differ by a little then make one remark.
    const percent = Number((100 * share).toPrecision(1));
    return [
      `Group "${spec.name}": throughput is counted in whole messages of up to ${wholeBytes} ` +
      `bytes, and one more or less is about ${percent} % in this interval`,
    ];
  });
}

/** Most bytes that come into a stream's count at one instant. */
function countedAtOnce({ test, message_bytes: messageBytes }: WorkloadGroup): number {
  return test === "TCP_MAERTS" ? TRAIN_BYTES_MAX : messageBytes;
}
