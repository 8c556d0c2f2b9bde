/**
 * The scalar metrics of a run record: name, unit, direction, and how to read them from a record.
 *
 * The page and the gate both use this list, so that one name means one definition everywhere. This
 * file never aggregates over seeds (see cells.ts) and never formats a number (see page/format.ts).
 *
 * @module
 */

import type { GroupMeasurement, RunRecord } from "../harness/record.ts";
import { droppedShare } from "../harness/stats/loss.ts";
import { percentileIsSupported } from "../harness/stats/percentile.ts";

/** Which way is good; neutral metrics explain a result but are never judged. */
export type Direction = "higher" | "lower" | "neutral";

/** What a number counts; page/format.ts knows how to write each. */
export type Unit =
  | "trans/s"
  | "bit/s"
  | "ns"
  | "ns/trans"
  | "ns/MB"
  | "share"
  | "1/s"
  | "packets"
  | "interrupts"
  | "ratio"
  | "count";

/** One number of one run. */
export interface Metric {
  /** Unique within a record: `group/key` for a group, `key` for the whole run. */
  readonly id: string;
  readonly key: string;
  /** Group of the workload; null for a metric of the whole run. */
  readonly group: string | null;
  /** Words for people, lower case except abbreviations. */
  readonly title: string;
  readonly unit: Unit;
  readonly direction: Direction;
  /** Smallest change that matters, as a share. */
  readonly minimumEffect: number;
  /** null where the target cannot see it. */
  readonly value: number | null;
}

/**
 * Smallest change of a metric that matters to anyone tuning; 1 % where it is not told. Assumption:
 * any change of code moves single events, and what hangs on few of them (the far tail, losses)
 * moves by more than that without a reason.
 */
const MINIMUM_EFFECT: Readonly<Record<string, number>> = {
  latency_ns_p99_9: 0.03,
  lost_share: 0.05,
  dropped_packets: 0.05,
  dropped_share: 0.05,
  retransmits: 0.05,
};
/** Of all other metrics. */
export const DEFAULT_MINIMUM_EFFECT = 0.01;

const LATENCY_FIELDS = [
  ["p50", "median latency", "lower"],
  ["p90", "p90 latency", "lower"],
  ["p99", "p99 latency", "lower"],
  ["p99_9", "p99.9 latency", "lower"],
  ["mean", "mean latency", "lower"],
  // One sample decides the maximum, so it informs and is not judged.
  ["max", "maximum latency", "neutral"],
] as const;

/** Fields that are percentiles, with their probability. */
const PROBABILITY: Readonly<Record<string, number>> = {
  p50: 0.5,
  p90: 0.9,
  p99: 0.99,
  p99_9: 0.999,
};

/**
 * Reads every metric of a record, groups first, in a fixed order.
 *
 * @param record One run.
 * @returns One entry per metric; `value` is null where the target could not measure it or the
 * sample is too small for the percentile.
 */
export function metricsOf(record: RunRecord): Metric[] {
  const metrics: Metric[] = [];
  for (const group of record.measurement.groups) metrics.push(...groupMetrics(group));
  metrics.push(...runMetrics(record));
  return metrics;
}

type MetricMaker = (
  key: string,
  title: string,
  unit: Unit,
  direction: Direction,
  value: number | null,
) => Metric;

/** Makes metrics of a group, or of the whole run (null). */
function metricsNamed(group: string | null): MetricMaker {
  return (key, title, unit, direction, value) => {
    const id = group === null ? key : `${group}/${key}`;
    const minimumEffect = MINIMUM_EFFECT[key] ?? DEFAULT_MINIMUM_EFFECT;
    return { id, key, group, title, unit, direction, minimumEffect, value };
  };
}

function groupMetrics(group: GroupMeasurement): Metric[] {
  const of = metricsNamed(group.name);
  const { value, unit } = group.throughput;
  const metrics = [of("throughput", "throughput", unit, "higher", value)];
  const { datagrams } = group;
  const latency = group.latency_ns ?? group.latency_reported_ns ?? null;
  if (datagrams !== undefined) {
    const share = datagrams.sent === 0 ? null : datagrams.lost / datagrams.sent;
    metrics.push(of("lost_share", "lost datagrams", "share", "lower", share));
  }
  if (latency !== null) {
    for (const [field, title, direction] of LATENCY_FIELDS) {
      const probability = PROBABILITY[field];
      const supported = probability === undefined ||
        percentileIsSupported(latency.count, probability);
      const read = supported && latency.count > 0 ? latency[field] ?? null : null;
      metrics.push(of(`latency_ns_${field}`, title, "ns", direction, read));
    }
  }
  return metrics;
}

function runMetrics(record: RunRecord): Metric[] {
  const of = metricsNamed(null);
  const { measurement } = record;
  const received = measurement.queues.map((queue) => queue.rx_packets);
  const interrupts = measurement.interrupts;
  return [
    ...cpuCost(record).map(({ key, title, unit, value }) => of(key, title, unit, "lower", value)),
    of("cpu_utilisation", "CPU utilisation", "share", "neutral", measurement.cpu_utilisation),
    of(
      "interrupts_per_second",
      "interrupts per second",
      "1/s",
      "neutral",
      interrupts?.per_second ?? null,
    ),
    of(
      "rx_packets_per_interrupt",
      "rx packets per interrupt",
      "packets",
      "neutral",
      packetsPerInterrupt(record),
    ),
    of(
      "interrupts_per_rx_packet",
      "interrupts per rx packet",
      "interrupts",
      "lower",
      interruptsPerRxPacket(record),
    ),
    of("imbalance", "queue imbalance, max/mean", "ratio", "neutral", imbalance(received)),
    of("dropped_packets", "dropped packets", "count", "lower", droppedPackets(record)),
    of(
      "dropped_share",
      "share of packets dropped",
      "share",
      "lower",
      droppedShare(record.measurement),
    ),
    of("retransmits", "retransmits", "count", "lower", measurement.retransmits),
  ];
}

/** Received packets per interrupt; null where the device was polled and raised none. */
function packetsPerInterrupt({ measurement }: RunRecord): number | null {
  const { interrupts } = measurement;
  return interrupts === null || interrupts.count === 0 ? null : interrupts.rx_packets_per_interrupt;
}

/**
 * Whether the run could see its device at all. Loopback has none: packets that are dropped or sent
 * again below the sockets do not show there.
 */
export function seesDevice({ target, measurement }: RunRecord): boolean {
  return target !== "live" || measurement.interrupts !== null;
}

/** Packets dropped over all causes; null where the target counts no cause of it. */
export function droppedPackets(record: RunRecord): number | null {
  const counts = Object.values(record.measurement.drops);
  if (counts.length === 0 && !seesDevice(record)) return null;
  return sumOf(counts, (count) => count);
}

/** Interrupts of the device per received packet; null without interrupts or without packets. */
function interruptsPerRxPacket(record: RunRecord): number | null {
  const { interrupts, queues } = record.measurement;
  const packets = sumOf(queues, (queue) => queue.rx_packets);
  return interrupts === null || packets === 0 ? null : interrupts.count / packets;
}

/**
 * Busy CPU time of the whole machine per transaction, or per megabyte of streams. A workload of
 * both kinds has no such cost: its time cannot be told apart, so more transactions would look like
 * dearer megabytes.
 *
 * @returns One metric; none for a mixed workload.
 */
function cpuCost(record: RunRecord): Pick<Metric, "key" | "title" | "unit" | "value">[] {
  const { cpus, groups } = record.measurement;
  const units = new Set(groups.map((group) => group.throughput.unit));
  if (units.size !== 1) return [];
  const busyNs = sumOf(cpus, (cpu) => cpu.user_ns + cpu.system_ns + cpu.irq_ns + cpu.softirq_ns);
  const cost = (work: number): number | null =>
    cpus.length === 0 || work === 0 ? null : busyNs / work;
  if (units.has("trans/s")) {
    const value = cost(sumOf(groups, (group) => group.transactions));
    const title = "CPU time per transaction";
    return [{ key: "cpu_ns_per_transaction", title, unit: "ns/trans", value }];
  }
  const value = cost(sumOf(groups, (group) => group.bytes) / 1e6);
  return [{ key: "cpu_ns_per_megabyte", title: "CPU time per megabyte", unit: "ns/MB", value }];
}

/** Whether a metric is what a run's work cost in CPU time; a workload has one or none. */
export function isCpuCost(metric: Pick<Metric, "key">): boolean {
  return metric.key === "cpu_ns_per_transaction" || metric.key === "cpu_ns_per_megabyte";
}

/**
 * Busiest queue against the mean queue: 1 is even, the number of queues is the worst.
 *
 * @param packets Packets per queue.
 * @returns null where no queue saw a packet.
 */
export function imbalance(packets: readonly number[]): number | null {
  const total = packets.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  return Math.max(...packets) / (total / packets.length);
}

/** Sums a field over a list, in list order so that the rounding is always the same. */
export function sumOf<T>(items: readonly T[], read: (item: T) => number): number {
  return items.reduce((sum, item) => sum + read(item), 0);
}
