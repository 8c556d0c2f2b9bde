/**
 * Builds synthetic run records for tests of the page and the gate.
 *
 * The numbers are plausible, not modelled: each policy has a latency, a rate and an interrupt
 * rate, and a seed shifts them by a few tenths of a per cent. No clock, no host randomness.
 */

import { build, encodeIntoCompressedBase64 } from "hdr-histogram-js";
import {
  type CpuMeasurement,
  type DevicePolicy,
  type GroupMeasurement,
  type LatencySummary,
  type OperationMark,
  type QueueMeasurement,
  RECORD_SCHEMA,
  type RunRecord,
  type RunSeries,
  type TestName,
} from "../harness/record.ts";

/** What a test wants to say about a record; the rest gets defaults. */
export interface RecordOptions {
  readonly workload?: string;
  readonly policy?: DevicePolicy;
  readonly mechanism?: RunRecord["mechanism"];
  readonly target?: RunRecord["target"];
  readonly seed?: number;
  readonly groups?: readonly TestName[];
  readonly queueCount?: number;
  /** Latency samples per group. */
  readonly sampleCount?: number;
  /** Multiplies every latency and divides every rate. */
  readonly slowdown?: number;
  /** Slices of its series; none unless told. */
  readonly sliceCount?: number;
  /** What was done to the device, by the time in milliseconds. */
  readonly operations?: Readonly<Record<number, string>>;
}

/** Median latency in microseconds, interrupts per second, throughput factor, used queues. */
const CHARACTER: Readonly<Record<DevicePolicy, readonly [number, number, number, number]>> = {
  NONE: [48, 21000, 1, 8],
  CPU: [55, 9000, 0.97, 4],
  BULK: [71, 5200, 1.08, 4],
  LATENCY: [31, 88000, 0.94, 4],
  MIX: [33, 52000, 1.05, 8],
};

const DURATION_NS = 200_000_000;

/** Numerical Recipes' 32-bit congruential generator; enough to shape test data. */
function makeRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

/** A right-skewed latency distribution around a median, encoded as HdrHistogram V2. */
export function buildLatency(medianNs: number, sampleCount: number, seed: number): LatencySummary {
  const random = makeRandom(seed + 1);
  const histogram = build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: 10_000_000_000,
    numberOfSignificantValueDigits: 3,
  });
  for (let index = 0; index < sampleCount; index++) {
    const uniform = random();
    const tail = uniform > 0.985 ? 1 + 4 * random() : 1;
    histogram.recordValue(Math.round(medianNs * (0.75 + 0.5 * uniform) * tail));
  }
  return {
    count: sampleCount,
    min: histogram.minNonZeroValue,
    mean: histogram.mean,
    stddev: histogram.stdDeviation,
    p50: histogram.getValueAtPercentile(50),
    p90: histogram.getValueAtPercentile(90),
    p99: histogram.getValueAtPercentile(99),
    p99_9: histogram.getValueAtPercentile(99.9),
    max: histogram.maxValue,
    hdr_v2: encodeIntoCompressedBase64(histogram),
  };
}

function buildGroup(
  test: TestName,
  policy: DevicePolicy,
  options: RecordOptions,
  noise: number,
): GroupMeasurement {
  const [medianUs, , factor] = CHARACTER[policy];
  const slowdown = (options.slowdown ?? 1) * noise;
  const transactional = test.endsWith("RR");
  const name = test.toLowerCase().replace("tcp_", "");
  const latency = transactional
    ? buildLatency(
      Math.round(medianUs * 1000 * slowdown),
      options.sampleCount ?? 12_000,
      options.seed ?? 1,
    )
    : null;
  const rate = transactional ? (32e6 / medianUs) / slowdown : 9.2e9 * factor / slowdown;
  const transactions = transactional ? Math.round(rate * DURATION_NS / 1e9) : 0;
  return {
    name,
    test,
    policy: policy === "MIX" ? (transactional ? "LATENCY" : "BULK") : policy,
    steered: policy !== "NONE",
    connections: 32,
    loop: "closed",
    transactions,
    bytes: transactional ? transactions * 128 : Math.round(rate * DURATION_NS / 8e9),
    throughput: { value: rate, unit: transactional ? "trans/s" : "bit/s" },
    latency_ns: latency,
  };
}

function buildQueues(
  policy: DevicePolicy,
  queueCount: number,
  packets: number,
): QueueMeasurement[] {
  const [, interruptsPerSecond, , usedQueues] = CHARACTER[policy];
  const used = Math.min(queueCount, usedQueues);
  const queues: QueueMeasurement[] = [];
  for (let queue = 0; queue < queueCount; queue++) {
    // Hash placement is uneven, object placement is even.
    const weight = queue >= used ? 0 : policy === "NONE" ? 0.4 + ((queue * 7) % 8) / 6 : 1;
    const rx = Math.round(packets * weight / used);
    queues.push({
      queue,
      cpu: queue,
      node: queue < queueCount / 2 ? 0 : 1,
      policy: policy === "MIX" ? (queue % 2 === 0 ? "LATENCY" : "BULK") : policy,
      rx_packets: rx,
      rx_bytes: rx * 128,
      tx_packets: rx,
      tx_bytes: rx * 128,
      interrupts: Math.round(interruptsPerSecond * weight / used * DURATION_NS / 1e9),
      polls: Math.round(interruptsPerSecond * weight / used * DURATION_NS / 1e9) + 3,
      itr_rx_usecs: policy === "LATENCY" ? 6 : policy === "BULK" ? 122 : 50,
      itr_tx_usecs: policy === "LATENCY" ? 10 : 122,
      adaptive: policy === "NONE",
    });
  }
  return queues;
}

function buildCpus(policy: DevicePolicy, count: number): CpuMeasurement[] {
  const [, interruptsPerSecond, , used] = CHARACTER[policy];
  return Array.from({ length: count }, (_, cpu) => {
    const busy = cpu < used ? 0.55 + 0.04 * (cpu % 4) : 0.08;
    const irq = Math.min(0.2, interruptsPerSecond / 1e6);
    const at = (share: number): number => Math.round(share * DURATION_NS);
    const parts = { user: at(busy * 0.3), system: at(busy * 0.4), softirq: at(busy * 0.3) };
    const idle = DURATION_NS - parts.user - parts.system - parts.softirq - at(irq);
    return {
      cpu,
      node: cpu < count / 2 ? 0 : 1,
      user_ns: parts.user,
      system_ns: parts.system,
      irq_ns: at(irq),
      softirq_ns: parts.softirq,
      idle_ns: Math.max(0, idle),
    };
  });
}

/** The totals of a run, dealt out evenly; a policy that is taken away doubles the latency. */
function buildSeries(
  sliceCount: number,
  { groups, queues, cpus }: Pick<RunRecord["measurement"], "groups" | "queues" | "cpus">,
  operations: readonly OperationMark[],
): RunSeries {
  const sliceNs = DURATION_NS / sliceCount;
  const slices = Array.from({ length: sliceCount }, (_, slice) => slice);
  const dealt = (total: number) =>
    slices.map((slice) =>
      Math.floor(total * (slice + 1) / sliceCount) - Math.floor(total * slice / sliceCount)
    );
  const isTakenAway = (slice: number): boolean =>
    operations.findLast(({ at_ns: atNs }) => atNs <= slice * sliceNs)?.what ===
      "device policy NONE";
  return {
    slice_ns: sliceNs,
    queues: queues.map((queue) => ({
      queue: queue.queue,
      rx_packets: dealt(queue.rx_packets),
      tx_packets: dealt(queue.tx_packets),
      interrupts: dealt(queue.interrupts),
      itr_rx_usecs: slices.map(() => queue.itr_rx_usecs),
    })),
    cpus: cpus.map(({ cpu, idle_ns: idleNs }) => ({
      cpu,
      busy_permille: slices.map(() => Math.round(1000 * (1 - idleNs / DURATION_NS))),
    })),
    groups: groups.map((group) => {
      const latency = group.latency_ns;
      const at = (value: number | undefined) =>
        value === undefined ? null : slices.map((slice) => isTakenAway(slice) ? 2 * value : value);
      return {
        name: group.name,
        amount: dealt(latency === null ? group.bytes : group.transactions),
        p50_ns: at(latency?.p50),
        p90_ns: at(latency?.p90),
        p99_ns: null,
      };
    }),
    dropped: slices.map(() => 0),
    retransmits: slices.map(() => 0),
  };
}

function fingerprintOf(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const char of text) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(char.codePointAt(0) ?? 0)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, "0");
}

/**
 * Builds one record. A model record has no clock and no environment; a live one has both.
 *
 * @param options What differs from the default: workload "rr", stock NONE, model, seed 1.
 */
export function buildRecord(options: RecordOptions = {}): RunRecord {
  const policy = options.policy ?? "NONE";
  const mechanism = options.mechanism ?? (policy === "NONE" ? "stock" : "netpolicy");
  const { workload = "rr", target = "model", seed = 1, queueCount = 8 } = options;
  const noise = 1 + (makeRandom(seed * 7919 + policy.length)() - 0.5) * 0.02;
  const groups = (options.groups ?? ["TCP_RR"]).map((test) =>
    buildGroup(test, policy, options, noise)
  );
  const queues = buildQueues(policy, queueCount, 60_000);
  const interrupts = queues.reduce((sum, queue) => sum + queue.interrupts, 0);
  const packets = queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
  const live = target === "live";
  const cpus = live ? [] : buildCpus(policy, queueCount);
  const operations: OperationMark[] = Object.entries(options.operations ?? {}).map((
    [ms, what],
  ) => ({
    at_ns: Number(ms) * 1e6,
    kind: "policy",
    what,
  }));
  const runId = `${workload}/${target}/${mechanism}/${policy}/${seed}`;
  return {
    schema: RECORD_SCHEMA,
    run_id: runId,
    workload,
    workload_sha256: "3f".repeat(32),
    workload_title: `Synthetic ${workload}`,
    machine: live ? null : "synthetic",
    policy,
    mechanism,
    target,
    seed,
    generator: live ? "deno-tcp" : "i40e-model",
    wasm: live ? null : { policy_sha256: "ab".repeat(32), machine_sha256: "cd".repeat(32) },
    lab_version: "0.1.0",
    environment: live ? { kernel: "6.1.0", cpus: 8, runtime: "deno 2.9.6" } : {},
    started_at: live ? "2026-01-02T03:04:05.000Z" : null,
    status: "complete",
    measurement: {
      duration_ns: DURATION_NS,
      groups,
      cpus,
      cpu_utilisation: live ? null : 0.4,
      interrupts: live ? null : {
        count: interrupts,
        per_second: interrupts / (DURATION_NS / 1e9),
        rx_packets_per_interrupt: packets / interrupts,
      },
      queues: live ? [] : queues,
      drops: policy === "BULK" ? { rx_ring_full: 17 } : {},
      retransmits: live ? null : policy === "BULK" ? 4 : 0,
      policy_counters: policy === "NONE" ? {} : { objects_assigned: 32, rules_inserted: 32 },
      fingerprint: live ? null : fingerprintOf(`${runId}/${options.slowdown ?? 1}`),
      events: live ? null : 1_234_567 + seed,
      remarks: [],
      ...operations.length === 0 ? {} : { operations },
      ...options.sliceCount === undefined
        ? {}
        : { series: buildSeries(options.sliceCount, { groups, queues, cpus }, operations) },
    },
  };
}

/** A small bench: three workloads, all policies, three seeds on the model, two live workloads. */
export function buildBench(seeds: readonly number[] = [1, 2, 3]): RunRecord[] {
  const workloads: readonly (readonly [string, readonly TestName[]])[] = [
    ["rr", ["TCP_RR"]],
    ["stream", ["TCP_STREAM"]],
    ["mixed", ["TCP_RR", "TCP_STREAM"]],
  ];
  const records: RunRecord[] = [];
  for (const [workload, groups] of workloads) {
    for (const policy of ["NONE", "CPU", "BULK", "LATENCY", "MIX"] as const) {
      for (const seed of seeds) {
        const course = seed === seeds[0] ? { sliceCount: 20 } : {};
        records.push(buildRecord({ workload, groups, policy, seed, ...course }));
      }
    }
  }
  for (const seed of seeds) {
    records.push(buildRecord({ workload: "rr", target: "live", seed }));
  }
  return records;
}
