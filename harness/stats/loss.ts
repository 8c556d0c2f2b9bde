/**
 * Share of packets that a device or its host dropped. Pure.
 *
 * @module
 */

/** Causes of drops above the driver: only such a packet is among those that a queue received. */
const ABOVE_DRIVER: readonly string[] = ["socket_buffer_full", "fragment_missing", "backlog_full"];

/**
 * Packets dropped of all that came to the device, 0..1; null where the queues cannot be seen or
 * nothing came. A datagram of several packets that a socket drops counts once.
 *
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const queues = [{ rx_packets: 60 }, { rx_packets: 30 }];
 * assert.equal(droppedShare({ queues, drops: { ring_full: 10, socket_buffer_full: 5 } }), 0.15);
 * ```
 */
export function droppedShare(
  { drops, queues }: {
    readonly drops: Readonly<Record<string, number>>;
    readonly queues: readonly { readonly rx_packets: number }[];
  },
): number | null {
  if (queues.length === 0) return null;
  let dropped = 0;
  let arrived = queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
  for (const [cause, count] of Object.entries(drops)) {
    dropped += count;
    if (!ABOVE_DRIVER.includes(cause)) arrived += count;
  }
  return arrived === 0 ? null : dropped / arrived;
}
