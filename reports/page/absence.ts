/**
 * Why a number is missing: a dash alone leaves the reader to guess between "not measured", "cannot
 * be seen" and "has no meaning here".
 *
 * @module
 */

import type { MetricRow, WorkloadRuns } from "../cells.ts";
import { seesDevice } from "../metrics.ts";

/** What to say of packets that a target without a device cannot see. */
export const NOT_VISIBLE = "not visible on loopback";

/** Metrics that only a device or the kernel's own counters show. */
const NEEDS_DEVICE = [
  "interrupts_per_second",
  "rx_packets_per_interrupt",
  "interrupts_per_rx_packet",
  "imbalance",
  "dropped_packets",
  "dropped_share",
  "retransmits",
];

/**
 * The reason that a variant has no value of a metric.
 *
 * @returns null where nothing more is known than that there is none.
 */
export function absenceOf(
  workload: WorkloadRuns,
  row: Pick<MetricRow, "key">,
  variantKey: string,
): string | null {
  const records = workload.variants.find((each) => each.key === variantKey)?.records ?? [];
  if (records.length === 0) return null;
  const blind = records.every((record) => !seesDevice(record));
  if (blind) return NEEDS_DEVICE.includes(row.key) ? NOT_VISIBLE : null;
  const polled = records.every((record) => record.measurement.interrupts?.count === 0);
  return row.key === "rx_packets_per_interrupt" && polled ? "polled all the time" : null;
}
