/**
 * A target that only pretends: results follow from policy, test and seed by a formula and take no
 * time. It makes the whole command line testable in milliseconds. Never a statement about a device.
 *
 * For a group: round trip R = 40 us for RR, 90 us for CRR, 80 us for CC, times the factor of the
 * policy its sockets run under, times 1 + (seed mod 7) / 100. Latency is R, 1.2 R, 2 R, 4 R at p50,
 * p90, p99, p99.9, and 6 R at most. Transactions: connections x time / R. Streams: 9.4 Gbit/s,
 * times the factor under LATENCY. Packets per interrupt: 1 on LATENCY, 4 on NONE, 8 on CPU, 16 on
 * BULK.
 *
 * @module
 */

import { LatencyHistogram } from "./histogram.ts";
import { offeredPerSecond } from "./offered.ts";
import type {
  DevicePolicy,
  GroupMeasurement,
  HintPolicy,
  Measurement,
  QueueMeasurement,
} from "./record.ts";
import type { WorkloadGroup } from "./spec.ts";
import type { PlannedRun, Target, TargetDescription } from "./target.ts";

/** Round-trip factor of a policy; below 1 is faster than the driver's default. */
const LATENCY_FACTORS: Readonly<Record<HintPolicy, number>> = {
  NONE: 1,
  CPU: 1.5,
  BULK: 2,
  LATENCY: 0.5,
};
const PACKETS_PER_INTERRUPT: Readonly<Record<HintPolicy, number>> = {
  NONE: 4,
  CPU: 8,
  BULK: 16,
  LATENCY: 1,
};
const ROUND_TRIP_NS = {
  TCP_CC: 80_000,
  TCP_CRR: 90_000,
  TCP_RR: 40_000,
  UDP_RR: 40_000,
} as const;
const STREAM_BITS_PER_SECOND = 9_400_000_000;
const FRAME_BYTES = 1448;
/** Steps of a pretended run; between two of them the program can hear Ctrl-C. */
const STEP_COUNT = 4;

/** The mock. One run at a time. */
export class MockTarget implements Target {
  readonly kind = "mock" as const;
  #run: PlannedRun | null = null;
  #fractionDone = 0;

  describe(): Promise<TargetDescription> {
    return Promise.resolve({
      generator: "mock formula",
      wasm: null,
      environment: {},
      hasClock: false,
    });
  }

  refuse(_run: PlannedRun): string | null {
    return null;
  }

  prepare(run: PlannedRun): Promise<void> {
    this.#run = run;
    this.#fractionDone = 0;
    return Promise.resolve();
  }

  async start(signal: AbortSignal, onProgress: (fraction: number) => void): Promise<void> {
    for (let step = 1; step <= STEP_COUNT; step++) {
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
      if (signal.aborted) return;
      this.#fractionDone = step / STEP_COUNT;
      onProgress(this.#fractionDone);
    }
  }

  collect(): Promise<Measurement> {
    const run = this.#run;
    if (run === null) throw new Error("The mock has no run to collect");
    return Promise.resolve(pretend(run, this.#fractionDone));
  }

  stop(): Promise<void> {
    this.#run = null;
    return Promise.resolve();
  }

  undo(): Promise<void> {
    return Promise.resolve();
  }
}

/** Policy under which a group's sockets run: the device's own, or their hint on MIX. */
function policyOfGroup(device: DevicePolicy, group: WorkloadGroup): HintPolicy {
  return device === "MIX" ? group.hint : device;
}

function pretend(run: PlannedRun, fractionDone: number): Measurement {
  const durationNs = Math.round(run.measureMs * 1e6 * fractionDone);
  const groups = run.workload.groups.map((group) => pretendGroup(run, group, durationNs));
  const queues = run.workload.groups.map((group, index) =>
    pretendQueue(index, run, group, groups[index]!)
  );
  const rxPackets = queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
  const interrupts = queues.reduce((sum, queue) => sum + queue.interrupts, 0);
  const isEarly = fractionDone < 1;
  return {
    duration_ns: durationNs,
    groups,
    cpus: [],
    cpu_utilisation: Math.min(1, 0.1 + interrupts * 2_000 / Math.max(1, durationNs)),
    interrupts: durationNs === 0 ? null : {
      count: interrupts,
      per_second: Math.round(interrupts * 1e9 / durationNs),
      rx_packets_per_interrupt: interrupts === 0 ? null : rxPackets / interrupts,
    },
    queues,
    drops: {},
    retransmits: 0,
    policy_counters: {},
    fingerprint: null,
    events: null,
    remarks: isEarly ? ["ended early: the interval is shorter than planned"] : [],
  };
}

function pretendGroup(run: PlannedRun, group: WorkloadGroup, durationNs: number): GroupMeasurement {
  const policy = policyOfGroup(run.policy, group);
  const factor = LATENCY_FACTORS[policy] * (1 + (run.seed % 7) / 100);
  const offered = offeredPerSecond(group.arrival);
  const base = {
    name: group.name,
    test: group.test,
    policy,
    steered: policy !== "NONE",
    connections: group.connections,
    loop: group.arrival.loop,
    ...offered === null ? {} : { offered_per_second: offered },
  };
  if (!isRoundTrip(group.test)) {
    const value = Math.round(STREAM_BITS_PER_SECOND * (policy === "LATENCY" ? factor : 1));
    const bytes = Math.floor(value / 8 * durationNs / 1e9);
    const throughput = { value, unit: "bit/s" } as const;
    return { ...base, transactions: 0, bytes, throughput, latency_ns: null };
  }
  const roundTripNs = ROUND_TRIP_NS[group.test] * factor;
  const transactions = Math.floor(group.connections * durationNs / roundTripNs);
  const value = durationNs === 0 ? 0 : transactions * 1e9 / durationNs;
  return {
    ...base,
    transactions,
    bytes: group.test === "TCP_CC"
      ? 0
      : transactions * (group.request_bytes + group.response_bytes),
    throughput: { value, unit: "trans/s" },
    latency_ns: latencyOf(roundTripNs, transactions),
  };
}

function isRoundTrip(test: string): test is keyof typeof ROUND_TRIP_NS {
  return test in ROUND_TRIP_NS;
}

function latencyOf(roundTripNs: number, transactions: number): GroupMeasurement["latency_ns"] {
  const histogram = new LatencyHistogram();
  let left = transactions;
  for (const [share, factor] of [[0.0005, 6], [0.005, 4], [0.05, 2], [0.3, 1.2]] as const) {
    const count = Math.min(left, Math.floor(transactions * share));
    histogram.record(roundTripNs * factor, count);
    left -= count;
  }
  histogram.record(roundTripNs, left);
  return histogram.summary();
}

function pretendQueue(
  queue: number,
  run: PlannedRun,
  group: WorkloadGroup,
  measured: GroupMeasurement,
): QueueMeasurement {
  const packets = measured.transactions + Math.floor(measured.bytes / FRAME_BYTES);
  const usecs = measured.policy === "NONE"
    ? { rx: 50, tx: 50 }
    : run.machine.nic.usecs[measured.policy];
  return {
    queue,
    cpu: queue,
    node: run.machine.host.nodes[0]?.id ?? 0,
    policy: measured.policy,
    rx_packets: packets,
    rx_bytes: measured.bytes,
    tx_packets: packets,
    tx_bytes: group.test === "TCP_STREAM" ? 0 : measured.bytes,
    interrupts: Math.ceil(packets / PACKETS_PER_INTERRUPT[measured.policy]),
    polls: Math.ceil(packets / PACKETS_PER_INTERRUPT[measured.policy]),
    itr_rx_usecs: usecs.rx,
    itr_tx_usecs: usecs.tx,
    adaptive: measured.policy === "NONE",
  };
}
