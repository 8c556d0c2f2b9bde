/**
 * What is compared with published numbers: quantities of one run, by name. The last words of a
 * name are its unit and, where there are several, which value. Pure.
 *
 * A half round trip is what sockperf and others print for a ping-pong: half the time from request
 * to response.
 *
 * @module
 */

import { percentilesOf } from "../histogram.ts";
import type { GroupMeasurement, Measurement, QueueMeasurement } from "../record.ts";

const PERCENTILES = {
  p25: 25,
  p50: 50,
  p75: 75,
  p90: 90,
  p95: 95,
  p99: 99,
  p99_9: 99.9,
  p99_99: 99.99,
} as const;

type LatencyValue = keyof typeof PERCENTILES | "mean" | "max";

/** Names of quantities. */
export type MetricName =
  | "rate_per_second"
  | "throughput_gbps"
  | `latency_us_${LatencyValue}`
  | `half_rtt_us_${LatencyValue}`
  | "cpu_percent"
  | "busiest_cpu_percent"
  | "interrupts_per_second"
  | "interrupts_per_million_packets"
  | "rx_packets_per_interrupt"
  | "rx_packets_per_second"
  | "tx_packets_per_second"
  | "dropped_packets"
  | "dropped_packets_per_second"
  | "itr_rx_us"
  | "itr_tx_us";

/** The value of a metric in a measurement; null where there is none. */
export function metricOf(
  measured: Measurement,
  metric: MetricName,
  groupName: string | undefined,
): number | null {
  const group = groupName === undefined
    ? measured.groups[0]
    : measured.groups.find(({ name }) => name === groupName);
  if (group === undefined) return null;
  const [, kind, which] = metric.match(/^(latency|half_rtt)_us_(.*)$/) ?? [];
  if (which !== undefined) {
    const latency = latencyUs(group, which as LatencyValue);
    return latency === null || kind === "latency" ? latency : latency / 2;
  }
  return counted(measured, group, metric);
}

function counted(
  measured: Measurement,
  group: GroupMeasurement,
  metric: MetricName,
): number | null {
  const seconds = measured.duration_ns / 1e9;
  const sum = (of: (queue: QueueMeasurement) => number): number =>
    measured.queues.reduce((total, queue) => total + of(queue), 0);
  const interrupts = measured.interrupts;
  switch (metric) {
    case "rate_per_second":
      return group.transactions / seconds;
    case "throughput_gbps":
      return group.bytes * 8 / seconds / 1e9;
    case "cpu_percent":
      return measured.cpu_utilisation === null ? null : measured.cpu_utilisation * 100;
    case "busiest_cpu_percent":
      return Math.max(
        ...measured.cpus.map((cpu) => 100 - cpu.idle_ns * 100 / measured.duration_ns),
      );
    case "interrupts_per_second":
      return interrupts === null ? null : interrupts.per_second;
    case "interrupts_per_million_packets": {
      const packets = sum((queue) => queue.rx_packets) + dropsOf(measured);
      return interrupts === null || packets === 0 ? null : interrupts.count * 1e6 / packets;
    }
    case "rx_packets_per_interrupt":
      return interrupts?.rx_packets_per_interrupt ?? null;
    case "rx_packets_per_second":
      return sum((queue) => queue.rx_packets) / seconds;
    case "tx_packets_per_second":
      return sum((queue) => queue.tx_packets) / seconds;
    case "dropped_packets":
      return dropsOf(measured);
    case "dropped_packets_per_second":
      return dropsOf(measured) / seconds;
    case "itr_rx_us":
      return busiest(measured)?.itr_rx_usecs ?? null;
    case "itr_tx_us":
      return busiest(measured)?.itr_tx_usecs ?? null;
    default:
      return null;
  }
}

function dropsOf({ drops }: Measurement): number {
  return Object.values(drops).reduce((total, count) => total + count, 0);
}

function latencyUs(group: GroupMeasurement, which: LatencyValue): number | null {
  const latency = group.latency_ns;
  if (latency === null) return null;
  if (which === "mean") return latency.mean / 1e3;
  if (which === "max") return latency.max / 1e3;
  const [value] = percentilesOf(latency, [PERCENTILES[which]]);
  return value! / 1e3;
}

/** The queue pair that received most: the one whose interval matters. */
function busiest(measured: Measurement): QueueMeasurement | undefined {
  return [...measured.queues].sort((left, right) => right.rx_packets - left.rx_packets)[0];
}
