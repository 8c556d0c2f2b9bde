/**
 * What the policy manager is told and what it shows: types only.
 *
 * @module
 */

import type { DevicePolicy, HintPolicy } from "../record.ts";
import type { FlowSpec } from "./driver.ts";

/** Sizes of the tables; memory is laid out once for them. */
export interface Capacities {
  /** 1..1024. */
  readonly cpus: number;
  /** 1..64. */
  readonly nodes: number;
  /** 1..64. */
  readonly devices: number;
  /** Queues of a device in one direction, 1..1536. */
  readonly queues: number;
  /** Tasks and sockets together. */
  readonly owners: number;
  readonly rules: number;
  /** Tasks whose CPUs are restricted. */
  readonly allowed: number;
  /** Buckets of the record hash, a power of two; 0 for one an owner. */
  readonly buckets: number;
}

/** The host: nodes with their CPUs, SLIT distances, SMT groups, and who is online. */
export interface Topology {
  readonly nodes: readonly { readonly id: number; readonly cpus: readonly number[] }[];
  readonly distance: readonly (readonly number[])[];
  readonly siblings: readonly (readonly number[])[];
  readonly online: readonly number[];
}

/** A (cpu, queue) pair and how many records use it. */
export interface ObjectView {
  readonly cpu: number;
  readonly queue: number;
  readonly refs: number;
}

/** Object lists of one direction, by policy, in order of preference. */
export type ObjectLists = Readonly<Record<HintPolicy, readonly ObjectView[]>>;

/** Where a packet goes: a queue, or default handling with the reason. */
export type Pick = { readonly queue: number } | { readonly errno: number; readonly code: string };

/** What a device says of itself. */
export interface DeviceStatus {
  /** In force. */
  readonly policy: DevicePolicy;
  /** Asked for; differs while the device is down or after a rebuild failed. */
  readonly wanted: DevicePolicy;
  readonly up: boolean;
  readonly supported: boolean;
  /** Under MIX no queue is left for LATENCY. */
  readonly latency_starved: boolean;
  /** Name of the error that a rebuild failed with, null if none did. */
  readonly rebuild_failed: string | null;
  readonly version: number;
  readonly records: number;
  readonly record_limit: number;
}

/** One record of the hash table. */
export interface RecordView {
  readonly owner: number;
  readonly policy: HintPolicy;
  readonly device: number;
  /** Queue of the object, null where none is assigned. */
  readonly rx_queue: number | null;
  readonly tx_queue: number | null;
}

/** One flow director rule of the manager. */
export interface RuleView {
  /** Socket handle, 0 for an orphan. */
  readonly instance: number;
  readonly device: number;
  readonly queue: number;
  readonly state: "inserted" | "refused" | "orphan";
  /** Where the device put it; null for a refused rule. */
  readonly location: number | null;
  /** Why the device refused it; null else. */
  readonly errno: string | null;
  readonly flow: FlowSpec;
}
