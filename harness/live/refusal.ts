/**
 * What a live run over loopback cannot do, and why, in one sentence each. Pure.
 *
 * @module
 */

import { bypassesStack, hasTransactions } from "../record.ts";
import type { WorkloadGroup } from "../spec.ts";
import type { PlannedRun } from "../target.ts";
import { idBytesFor, slotsMax } from "./slot_table.ts";

/** The first reason why `run` cannot be done over loopback, or null. */
export function refusalOf(run: PlannedRun): string | null {
  if (run.policy !== "NONE") {
    return `Loopback has no hardware queues, so policy "${run.policy}" has nothing to ` +
      "steer here: use --target model, or policy NONE";
  }
  if (run.mechanism !== "stock") {
    return `Loopback has no driver for mechanism "${run.mechanism}" to work on: ` +
      "use --target model, or mechanism stock";
  }
  if (run.workload.operations !== undefined) {
    return "Loopback has no device for operations to work on: use --target model, " +
      "or remove operations";
  }
  for (const group of run.workload.groups) {
    const reason = refusalOfGroup(group);
    if (reason !== null) return `Group "${group.name}" (${group.test}): ${reason}`;
  }
  return null;
}

/** Connections of a group that a live run opens at most: each takes two file descriptors. */
const LIVE_CONNECTIONS_MAX = 1024;

/** Schedules that the generator of live runs does not know. */
function isOnlyModelled(arrival: Extract<WorkloadGroup["arrival"], { loop: "open" }>): boolean {
  return arrival.distribution === "facebook" || arrival.schedule === "connection" ||
    arrival.on_ms !== undefined;
}

function refusalOfGroup(group: WorkloadGroup): string | null {
  if (group.client !== undefined || group.served_by !== undefined) {
    return "client and served_by describe hosts of the model: they work only with --target model";
  }
  if (group.threads > 0 || group.pin) {
    return "the server of a live run is one event loop, so threads and pin work only with " +
      "--target model";
  }
  if (bypassesStack(group.test)) {
    return `a live run has sockets of the stack only, so ${group.test} works only with ` +
      "--target model";
  }
  if (group.sizes.distribution !== "constant") {
    return `a live run sends constant sizes, so sizes.distribution "${group.sizes.distribution}" ` +
      "works only with --target model";
  }
  if (group.arrival.loop === "open" && isOnlyModelled(group.arrival)) {
    return 'a live run has one schedule without pauses, so distribution "facebook", schedule ' +
      '"connection", on_ms and off_ms work only with --target model';
  }
  if (group.connections > LIVE_CONNECTIONS_MAX) {
    return `a live run opens at most ${LIVE_CONNECTIONS_MAX} connections, not ${group.connections}`;
  }
  if (group.test === "TCP_SENDFILE" || group.sendfile === true) {
    return "this runtime has no sendfile, so it works only with --target model: " +
      "TCP_STREAM and TCP_MAERTS send with a copy";
  }
  if (group.ip_version === 6) {
    return "a live run goes over 127.0.0.1, so ip_version must be 4";
  }
  const isStream = !hasTransactions(group.test);
  if (isStream && group.arrival.loop === "open") {
    return "a live stream sends as fast as its socket takes, so arrival.loop must be closed";
  }
  if (group.service_distribution !== "constant") {
    return `a live server works the same time for every transaction, so service_distribution ` +
      `must be constant, not ${group.service_distribution}`;
  }
  const sizes: readonly (readonly [string, number])[] = isStream
    ? [["message_bytes", group.message_bytes]]
    : [["request_bytes", group.request_bytes], ["response_bytes", group.response_bytes]];
  for (const [key, byteCount] of sizes) {
    if (byteCount < 1) return `${key} must be at least 1 on a live target, not ${byteCount}`;
  }
  if (["TCP_CRR", "TCP_CC"].includes(group.test) && group.outstanding > 1) {
    return `a connection carries one transaction, so outstanding must be 1, ` +
      `not ${group.outstanding}`;
  }
  if (group.test !== "UDP_RR") return null;
  const idBytes = idBytesFor(group.request_bytes, group.response_bytes);
  if (group.outstanding <= slotsMax(idBytes)) return null;
  return `payloads of ${idBytes} byte(s) tell ${slotsMax(idBytes)} requests in flight apart, ` +
    `so outstanding ${group.outstanding} is too many`;
}
