/**
 * Counters of a running machine, read at one instant, and the measurement between two readings.
 *
 * The machine only ever counts up; the measured interval is the difference of two readings.
 * Latencies are the exception: they are cleared at the end of the warm-up.
 *
 * @module
 */

import { LatencyHistogram } from "../histogram.ts";
import {
  type CpuMeasurement,
  type GroupMeasurement,
  hasTransactions,
  type HintPolicy,
  type LatencySummary,
  type QueueMeasurement,
} from "../record.ts";
import { offeredPerSecond } from "../offered.ts";
import type { MachineSpec, WorkloadGroup } from "../spec.ts";
import { steersPackets } from "./sysfs.ts";
import { type MachineWasm, readCounters } from "./wasm.ts";

const TICKS_PER_NS = 10;
/** 2^64 - 1 as a number: no latency yet. */
const NO_LATENCY = 2 ** 64;

/** All counters at one instant. */
export interface Reading {
  readonly timeNs: number;
  readonly cpus: readonly (readonly number[])[];
  readonly queues: readonly (readonly number[])[];
  readonly groups: readonly (readonly number[])[];
  readonly totals: readonly number[];
}

/** Names of the machine's totals, in their order in core/machine/totals.ts. */
export const TOTAL_NAMES = [
  "events",
  "peer_frames",
  "drop_ring",
  "drop_fifo",
  "drop_socket",
  "drop_fragment",
  "stale",
  "retransmits",
  "lost_transactions",
  "interrupts_taken",
  "moved_vectors",
  "ksoftirqd_turns",
  "wakeups",
  "migrations",
  "policies_refused",
  "sockets_refused",
  "drop_rule",
  "lost_to_host",
  "lost_to_peer",
  "wire_sent",
  "wire_taken",
  "drop_reset",
  "drop_reset_to_host",
  "drop_backlog",
  "reordered",
  "xsk_wakeups",
  "down_to_host",
  "down_to_peer",
  "overtaken",
  "interrupts_lost",
  "service_interrupts",
  "order_violations",
  "affinity_violations",
  "budget_violations",
] as const;
/** A total of the machine. */
export type TotalName = typeof TOTAL_NAMES[number];

/** Reads all counters of all queue pairs there have been, and of so many groups. */
export function takeReading(machine: MachineWasm, spec: MachineSpec, groups: number): Reading {
  const { calls } = machine;
  calls.cpusCharge();
  const cpuCount = spec.host.nodes.reduce((sum, node) => sum + node.cpus.length, 0);
  return {
    timeNs: calls.nowNs(),
    cpus: cpuCounters(machine, cpuCount),
    queues: queueCounters(machine),
    groups: groupCounters(machine, groups),
    totals: totalCounters(machine),
  };
}

/** Counters of each queue pair there has been. */
export function queueCounters(machine: MachineWasm): number[][] {
  const { QUEUE_TABLE, QUEUE_COUNTERS, QUEUE_BYTES, QUEUE_COUNTER_COUNT } = machine.constants;
  const at = QUEUE_TABLE + QUEUE_COUNTERS;
  return tableOf(machine, at, QUEUE_BYTES, machine.calls.nicQueuesEver(), QUEUE_COUNTER_COUNT);
}

/** Counters of so many CPUs as they stand: each reaches to the CPU's last change of activity. */
export function cpuCounters(machine: MachineWasm, count: number): number[][] {
  const { CPU_TABLE, CPU_BYTES, CPU_COUNTER_COUNT } = machine.constants;
  return tableOf(machine, CPU_TABLE, CPU_BYTES, count, CPU_COUNTER_COUNT);
}

/** Counters of so many groups. */
export function groupCounters(machine: MachineWasm, count: number): number[][] {
  const { GROUP_TABLE, GROUP_COUNTERS, GROUP_BYTES, GROUP_COUNTER_COUNT } = machine.constants;
  return tableOf(machine, GROUP_TABLE + GROUP_COUNTERS, GROUP_BYTES, count, GROUP_COUNTER_COUNT);
}

/** Totals of the machine, in the order of TOTAL_NAMES. */
export function totalCounters(machine: MachineWasm): number[] {
  return readCounters(machine, machine.constants.TOTAL_TABLE, machine.constants.TOTAL_COUNT);
}

function tableOf(
  machine: MachineWasm,
  at: number,
  stride: number,
  rows: number,
  count: number,
): number[][] {
  return Array.from({ length: rows }, (_, row) => readCounters(machine, at + row * stride, count));
}

/** What a counter has risen by. */
function rise(from: readonly number[] | undefined, to: readonly number[], index: number): number {
  return (to[index] ?? 0) - (from?.[index] ?? 0);
}

/** A total since the start of the run. */
export function totalOf(reading: Reading, name: TotalName): number {
  return reading.totals[TOTAL_NAMES.indexOf(name)] ?? 0;
}

/** A total between two readings. */
export function totalBetween(from: Reading, to: Reading, name: TotalName): number {
  return rise(from.totals, to.totals, TOTAL_NAMES.indexOf(name));
}

/** CPU times between two readings. */
export function cpusBetween(from: Reading, to: Reading, spec: MachineSpec): CpuMeasurement[] {
  return to.cpus.map((times, cpu) => {
    const ns = (mode: number) => rise(from.cpus[cpu], times, mode) / TICKS_PER_NS;
    return {
      cpu,
      node: nodeOf(spec, cpu),
      user_ns: ns(0),
      system_ns: ns(1),
      irq_ns: ns(2),
      softirq_ns: ns(3),
      idle_ns: ns(4),
      ...(steersPackets(spec) ? { softnet: softnetOf(from.cpus[cpu], times) } : {}),
    };
  });
}

function softnetOf(from: readonly number[] | undefined, to: readonly number[]) {
  return {
    processed: rise(from, to, 5),
    dropped: rise(from, to, 6),
    time_squeeze: rise(from, to, 7),
    received_rps: rise(from, to, 8),
  };
}

/** Node of a CPU. */
export function nodeOf(spec: MachineSpec, cpu: number): number {
  return spec.host.nodes.find(({ cpus }) => cpus.includes(cpu))?.id ?? 0;
}

/** Queue pairs between two readings; `policyOf` tells the object list of each. */
export function queuesBetween(
  from: Reading,
  to: Reading,
  machine: MachineWasm,
  spec: MachineSpec,
  policyOf: (queue: number) => HintPolicy,
): QueueMeasurement[] {
  const { calls } = machine;
  return to.queues.map((counters, queue) => {
    const count = (index: number) => rise(from.queues[queue], counters, index);
    const cpu = calls.nicCpu(queue);
    return {
      queue,
      cpu,
      node: nodeOf(spec, cpu),
      policy: policyOf(queue),
      rx_packets: count(0),
      rx_bytes: count(1),
      tx_packets: count(2),
      tx_bytes: count(3),
      interrupts: count(4),
      polls: count(6),
      itr_rx_usecs: calls.nicUsecsNow(queue, 0),
      itr_tx_usecs: calls.nicUsecsNow(queue, 1),
      adaptive: calls.nicAdaptive(queue) === 1,
    };
  });
}

/** What a group achieved between two readings. */
export function groupBetween(
  from: Reading,
  to: Reading,
  machine: MachineWasm,
  index: number,
  group: WorkloadGroup,
  policy: HintPolicy,
): GroupMeasurement {
  const counters = to.groups[index] ?? [];
  const transactions = rise(from.groups[index], counters, 1);
  const bytes = rise(from.groups[index], counters, 2);
  const seconds = (to.timeNs - from.timeNs) / 1e9;
  const perSecond = (amount: number) => seconds > 0 ? amount / seconds : 0;
  const counts = hasTransactions(group.test);
  const offered = offeredPerSecond(group.arrival);
  return {
    name: group.name,
    test: group.test,
    policy,
    steered: policy !== "NONE" && machine.calls.groupSteered(index) > 0,
    connections: group.connections,
    loop: group.arrival.loop,
    ...offered === null ? {} : { offered_per_second: offered },
    transactions,
    bytes,
    throughput: counts
      ? { value: perSecond(transactions), unit: "trans/s" }
      : { value: perSecond(bytes * 8), unit: "bit/s" },
    // The histogram holds the warm-up's latencies as long as that lasts.
    latency_ns: counts && transactions > 0 ? latencyOf(machine, index, from, to) : null,
  };
}

/**
 * Least value that a counter of the histogram stands for, nanoseconds; each doubling above twice
 * `half` has `half` counters.
 */
export function bucketValue(index: number, half: number): number {
  const shift = Math.max(Math.floor(index / half) - 1, 0);
  return (index - shift * half) * 2 ** shift;
}

function latencyOf(
  machine: MachineWasm,
  group: number,
  from: Reading,
  to: Reading,
): LatencySummary | null {
  const { constants, memory } = machine;
  const at = constants.HISTOGRAM_TABLE + group * constants.HISTOGRAM_BYTES;
  const counts = new Uint32Array(memory.buffer, at, constants.HISTOGRAM_COUNTERS);
  const histogram = new LatencyHistogram();
  let total = 0;
  counts.forEach((count, index) => {
    if (count === 0) return;
    histogram.record(bucketValue(index, constants.HISTOGRAM_HALF), count);
    total += count;
  });
  const [, , , sum = 0, least = 0, most = 0] = to.groups[group] ?? [];
  if (total === 0 || least >= NO_LATENCY) return null;
  const ticks = sum - (from.groups[group]?.[3] ?? 0);
  return histogram.summary({
    min: Math.floor(least / TICKS_PER_NS),
    max: Math.floor(most / TICKS_PER_NS),
    mean: ticks / TICKS_PER_NS / total,
  });
}
