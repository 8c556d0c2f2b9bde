/**
 * Tells that a MIX device had no queue for the sockets that asked for LATENCY, so that what they
 * achieved says nothing about that policy. Pure; reads a measurement and changes nothing.
 *
 * @module
 */

import type { DevicePolicy, Measurement } from "./record.ts";

/** A remark for each group that asked for LATENCY and got default handling for want of a queue. */
export function starvedRemarks(policy: DevicePolicy, measurement: Measurement): string[] {
  const { groups, queues } = measurement;
  if (policy !== "MIX" || queues.some((queue) => queue.policy === "LATENCY")) return [];
  return groups.filter((group) => group.policy === "LATENCY" && !group.steered).map(({ name }) =>
    `this MIX device has no queue for LATENCY, which gets a third of a node's queues: "${name}" ` +
    "got default handling"
  );
}
