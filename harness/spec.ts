/**
 * Types of the two input files: the workload (what traffic) and the machine (what it runs on).
 *
 * The JSON Schemas in `workloads/schema.json` and `workloads/machines/schema.json` are what
 * reading checks against; these types say the same to the compiler.
 *
 * @module
 */

import type { HintPolicy, TestName } from "./record.ts";

/** Closed loop: a new request follows a response. Open loop: requests follow a schedule. */
export type Arrival =
  | { readonly loop: "closed" }
  | {
    readonly loop: "open";
    /** Offered load of the whole group. */
    readonly rate_per_second: number;
    readonly distribution: "poisson" | "constant";
  };

/** Connections of one kind within a workload. */
export interface WorkloadGroup {
  readonly name: string;
  readonly test: TestName;
  /** Parallel connections (for CRR: clients that open one connection after the other). */
  readonly connections: number;
  /**
   * What this application would ask for. On a MIX device its sockets ask for it; on a device with
   * one policy they ask for that policy; without a policy they ask for nothing.
   */
  readonly hint: HintPolicy;
  /** Payload bytes of a request, of a response (RR, CRR). */
  readonly request_bytes: number;
  readonly response_bytes: number;
  /** Payload bytes of one send (STREAM, MAERTS). */
  readonly message_bytes: number;
  /** Transactions in flight per connection (netperf's burst + 1). */
  readonly outstanding: number;
  readonly arrival: Arrival;
  /** CPU time the server application spends on a transaction, nanoseconds. */
  readonly service_ns: number;
}

/** One workload file, defaults filled in. */
export interface WorkloadSpec {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Name of a file in workloads/machines, without ending. */
  readonly machine: string;
  readonly duration: {
    /** Virtual time on the model. */
    readonly model: { readonly warmup_ms: number; readonly measure_ms: number };
    /** Wall time on a live target. */
    readonly live: { readonly warmup_ms: number; readonly measure_ms: number };
  };
  /** Targets on which the default matrix runs this workload. */
  readonly targets: readonly ("model" | "live")[];
  readonly groups: readonly WorkloadGroup[];
}

/** One machine file, defaults filled in: the system under test. */
export interface MachineSpec {
  readonly name: string;
  readonly title: string;
  readonly nic: {
    readonly model: "X710" | "XL710";
    readonly speed_gbps: 1 | 10 | 25 | 40;
    readonly queue_pairs: number;
    /** Descriptors per ring, 64..4096. */
    readonly ring: number;
    /** NUMA node of the slot; -1 where unknown. */
    readonly node: number;
    /** Rx and tx usecs per policy: NONE is the driver's adaptive default and cannot be set. */
    readonly usecs: Readonly<
      Record<"CPU" | "BULK" | "LATENCY", { readonly rx: number; readonly tx: number }>
    >;
  };
  readonly host: {
    readonly nodes: readonly { readonly id: number; readonly cpus: readonly number[] }[];
    /** Square matrix of ACPI SLIT distances, 10 = local. */
    readonly distance: readonly (readonly number[])[];
    /** Groups of hardware threads that share a core; a CPU in none is alone on its core. */
    readonly siblings: readonly (readonly number[])[];
  };
  /** Costs of the host, nanoseconds unless the name says otherwise; see machines/schema.json. */
  readonly costs: Readonly<Record<string, number>>;
}
