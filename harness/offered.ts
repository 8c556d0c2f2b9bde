/**
 * The load that an open loop offers, and workloads at several loads. Pure.
 *
 * @module
 */

import { UserError } from "./errors.ts";
import { grouped } from "./words.ts";
import type { Arrival, WorkloadSpec } from "./spec.ts";

/** Mean offered load, requests per second over bursts and pauses; null for a closed loop. */
export function offeredPerSecond(arrival: Arrival): number | null {
  if (arrival.loop === "closed") return null;
  const { rate_per_second: rate, on_ms: on, off_ms: off } = arrival;
  return on === undefined || off === undefined ? rate : rate * on / (on + off);
}

/**
 * The workload once for each load, every open loop at that rate; `rr_open` becomes
 * `rr_open@50000`.
 *
 * @param rates Requests per second, without repetition.
 * @throws {UserError} when no group has an open loop.
 */
export function atRates(workload: WorkloadSpec, rates: readonly number[]): WorkloadSpec[] {
  if (!workload.groups.some((group) => group.arrival.loop === "open")) {
    throw new UserError(
      `Workload "${workload.name}" has no open loop, so --rate offers it nothing: name one whose ` +
        'groups have an arrival of {"loop": "open"}, such as rr_open',
    );
  }
  return rates.map((rate) => ({
    ...workload,
    name: `${workload.name}@${rate}`,
    // The file's own title may name the load that it has.
    title: `${workload.name} at ${grouped(rate)} a second`,
    groups: workload.groups.map((group) =>
      group.arrival.loop === "open"
        ? { ...group, arrival: { ...group.arrival, rate_per_second: rate } }
        : group
    ),
  }));
}
