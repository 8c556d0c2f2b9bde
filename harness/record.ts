/**
 * The run record: one JSON line that says what ran and what was measured, complete in itself.
 *
 * Everything after a run (table, page, gate, exports) is a function of records alone. A record of
 * a model run holds no clock, host name or path, so that the same seed gives the same bytes
 * anywhere. This file holds types and names; `store.ts` is the only reader and writer.
 *
 * @module
 */

/** Version of the record format; migrate.ts brings earlier ones here. */
export const RECORD_SCHEMA = "netpolicy-lab/run/3";

/** Device policies in the order of the RFC's enum, MIX last (valid for a device only). */
export const DEVICE_POLICIES = ["NONE", "CPU", "BULK", "LATENCY", "MIX"] as const;
/** A policy a device can have. */
export type DevicePolicy = typeof DEVICE_POLICIES[number];
/** A policy a task or socket can ask for. */
export type HintPolicy = Exclude<DevicePolicy, "MIX">;

/**
 * netperf's names of the tests; the receiver of requests is the system under test. The last two
 * have no socket of the stack: see workloads/schema.json.
 */
export const TESTS = [
  "TCP_RR",
  "TCP_CRR",
  "TCP_STREAM",
  "TCP_MAERTS",
  "UDP_RR",
  "UDP_STREAM",
  "TCP_CC",
  "TCP_SENDFILE",
  "XDP_DROP",
  "XSK_TX",
] as const;
/** One of the tests. */
export type TestName = typeof TESTS[number];

/** Whether a test counts transactions (RR, CRR, CC) and not bytes. */
export function hasTransactions(test: TestName): boolean {
  return test.endsWith("RR") || test === "TCP_CC";
}

/** Whether a test's frames pass the stack by: no socket, and nothing for a policy to do. */
export function bypassesStack(test: TestName): boolean {
  return test === "XDP_DROP" || test === "XSK_TX";
}

/** Where a run happens. */
export type TargetKind = "model" | "live" | "mock";

/** Latency of one group: nanoseconds, from the (intended) send to the complete response. */
export interface LatencySummary {
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly stddev: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p99_9: number;
  readonly max: number;
  /** HdrHistogram V2 compressed encoding, base64; unit nanosecond. */
  readonly hdr_v2: string;
}

/**
 * Latency as another tool printed it, without the distribution: nanoseconds. What it did not print
 * is absent.
 */
export interface LatencyReport extends Partial<Omit<LatencySummary, "count" | "hdr_v2">> {
  /** Transactions that it is of. */
  readonly count: number;
}

/** What one group of a workload achieved in the measured interval. */
export interface GroupMeasurement {
  readonly name: string;
  readonly test: TestName;
  /** Policy its sockets asked for. */
  readonly policy: HintPolicy;
  /** Whether its sockets got queues of that policy; false where default handling applied. */
  readonly steered: boolean;
  readonly connections: number;
  /** Only UDP, and only where the target counts both ends: sent in the interval, never arrived. */
  readonly datagrams?: { readonly sent: number; readonly lost: number };
  readonly loop: "closed" | "open";
  /** Only an open loop: mean load of its schedule, requests per second. */
  readonly offered_per_second?: number;
  readonly transactions: number;
  /** Payload bytes carried, both directions. */
  readonly bytes: number;
  /** transactions per second for RR/CRR, payload bits per second for all others. */
  readonly throughput: { readonly value: number; readonly unit: "trans/s" | "bit/s" };
  /** null for tests without transactions. */
  readonly latency_ns: LatencySummary | null;
  /** Only imported results whose file has no distribution; `latency_ns` is null then. */
  readonly latency_reported_ns?: LatencyReport;
}

/** Time a CPU of the system under test spent, nanoseconds in the measured interval. */
export interface CpuMeasurement {
  readonly cpu: number;
  readonly node: number;
  readonly user_ns: number;
  readonly system_ns: number;
  readonly irq_ns: number;
  readonly softirq_ns: number;
  readonly idle_ns: number;
  /** Counters of /proc/net/softnet_stat, of a host that steers received packets. */
  readonly softnet?: {
    /** Packets that went up here, merged ones as one. */
    readonly processed: number;
    /** Packets that found the backlog full. */
    readonly dropped: number;
    /** Rounds that ended with work left. */
    readonly time_squeeze: number;
    /** Interrupts by other CPUs that had put packets on the backlog. */
    readonly received_rps: number;
  };
}

/** One queue pair of the device under test. */
export interface QueueMeasurement {
  readonly queue: number;
  /** CPU that its interrupt goes to. */
  readonly cpu: number;
  readonly node: number;
  /** Object list the queue is in, NONE where no policy is applied. */
  readonly policy: HintPolicy;
  readonly rx_packets: number;
  readonly rx_bytes: number;
  readonly tx_packets: number;
  readonly tx_bytes: number;
  readonly interrupts: number;
  /** NAPI polls. */
  readonly polls: number;
  /** Interrupt throttling interval at the end of the run, microseconds. */
  readonly itr_rx_usecs: number;
  readonly itr_tx_usecs: number;
  readonly adaptive: boolean;
}

/** Slices of a run's series. */
export const SERIES_SLICES = 80;

/** The course of a run in slices of equal length; every list has an entry for each slice. */
export interface RunSeries {
  readonly slice_ns: number;
  readonly queues: readonly {
    readonly queue: number;
    readonly rx_packets: readonly number[];
    readonly tx_packets: readonly number[];
    readonly interrupts: readonly number[];
    /** Throttling interval at the end of each slice, microseconds. */
    readonly itr_rx_usecs: readonly number[];
  }[];
  readonly cpus: readonly { readonly cpu: number; readonly busy_permille: readonly number[] }[];
  readonly groups: readonly {
    readonly name: string;
    /** Transactions, or payload bytes of a test without. */
    readonly amount: readonly number[];
    /** An entry is null where the slice has too few transactions for it; null where all have. */
    readonly p50_ns: readonly (number | null)[] | null;
    readonly p90_ns: readonly (number | null)[] | null;
    readonly p99_ns: readonly (number | null)[] | null;
  }[];
  /** Packets that this host or its device has dropped. */
  readonly dropped: readonly number[];
  readonly retransmits: readonly number[];
}

/** Something that was done to the device during the run. */
export interface OperationMark {
  /** From the end of the warm-up. */
  readonly at_ns: number;
  readonly kind: "ethtool" | "policy" | "cpu" | "channels";
  /** What was done, or what was refused and why. */
  readonly what: string;
}

/** Everything a target measures in one run. */
export interface Measurement {
  /** Measured interval, nanoseconds (virtual on the model). */
  readonly duration_ns: number;
  readonly groups: readonly GroupMeasurement[];
  /** Empty where the target cannot see it (live without privileges). */
  readonly cpus: readonly CpuMeasurement[];
  /** Busy share of all CPUs together, 0..1; null where unknown. */
  readonly cpu_utilisation: number | null;
  /** null where the target cannot see interrupts. */
  readonly interrupts: {
    readonly count: number;
    readonly per_second: number;
    /** null where there was no interrupt. */
    readonly rx_packets_per_interrupt: number | null;
  } | null;
  readonly queues: readonly QueueMeasurement[];
  /** Packets dropped, by cause. */
  readonly drops: Readonly<Record<string, number>>;
  /** null where the target cannot see them. */
  readonly retransmits: number | null;
  /** Non-zero counters of the policy manager, by name. */
  readonly policy_counters: Readonly<Record<string, number>>;
  /** 64-bit hash over the event sequence, 16 hex digits; null where there is no event sequence. */
  readonly fingerprint: string | null;
  /** Events simulated; null on a live target. */
  readonly events: number | null;
  /** Sentences a reader must know to judge the numbers (for example "ended early by Ctrl-C"). */
  readonly remarks: readonly string[];
  /** The host that the clients run on; absent where they are ideal, or the target cannot see it. */
  readonly client_host?: ClientHostMeasurement;
  /** What was done to the device meanwhile; absent where nothing was. */
  readonly operations?: readonly OperationMark[];
  /** The course of the run; absent unless it was asked for and the target can tell. */
  readonly series?: RunSeries;
}

/** The clients' host in the same interval. */
export interface ClientHostMeasurement
  extends Pick<Measurement, "cpus" | "cpu_utilisation" | "interrupts" | "drops"> {
  readonly machine: string;
}

/** One line of `records.ndjson`. */
export interface RunRecord {
  readonly schema: typeof RECORD_SCHEMA;
  /** `workload/target/mechanism/policy/seed`: unique within one bench. */
  readonly run_id: string;
  readonly workload: string;
  /** sha256 of the canonical JSON of the workload and machine descriptions. */
  readonly workload_sha256: string;
  /** Title for people. */
  readonly workload_title: string;
  readonly machine: string | null;
  readonly policy: DevicePolicy;
  /** "stock": the driver's defaults, no policy manager in play; "netpolicy": the RFC's manager. */
  readonly mechanism: "stock" | "netpolicy";
  readonly target: TargetKind;
  readonly seed: number;
  readonly generator: string;
  /** Identity of both Wasm files; null where they took no part. */
  readonly wasm: { readonly policy_sha256: string; readonly machine_sha256: string } | null;
  readonly lab_version: string;
  /** Facts about the host for live runs (kernel, CPUs, runtime); empty for the model. */
  readonly environment: Readonly<Record<string, string | number>>;
  /** ISO time of the start for live runs; null on the model and the mock. */
  readonly started_at: string | null;
  readonly status: "complete" | "partial";
  readonly measurement: Measurement;
}
