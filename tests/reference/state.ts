/**
 * The reference model's state: the nouns of the specification as plain objects.
 *
 * The model in this folder is written from core/RFC.md alone, with maps and arrays and without
 * regard for speed, so that it can be read as the specification in code ("rule 11" and so on are
 * the rules there). It shares no code with core/.
 *
 * @module
 */

import type { Driver, FlowSpec, NetpolicyInfo } from "../../harness/policy/driver.ts";
import type { Capacities } from "../../harness/policy/manager.ts";

/** Policies by the enum's value. INVALID is "asked for nothing". */
export const INVALID = -1;
export const NONE = 0;
export const CPU = 1;
export const BULK = 2;
export const LATENCY = 3;
export const MIX = 5;

/** Policies a task or a socket can ask for, and thereby the kinds of object list. */
export const HINT_VALUES = [NONE, CPU, BULK, LATENCY] as const;

/** Rule 20: records attached to a device, unless its driver says otherwise. */
export const DEFAULT_RECORD_LIMIT = 7000;

/** Directions: rx 0, tx 1; a queue of a channel as a whole has direction 2. */
export const DIRECTIONS = [0, 1] as const;
export type OneDirection = typeof DIRECTIONS[number];

/** A logical CPU. A core is named by its lowest CPU. */
export interface HostCpu {
  readonly node: number;
  readonly core: number;
  online: boolean;
}

/** One entry of a map: rule 1. */
export interface MapEntry {
  readonly cpu: number;
  readonly queue: number;
  readonly irq: number;
}

/** A (CPU, queue) pair and the number of records that use it. */
export interface RefObject {
  readonly cpu: number;
  readonly queue: number;
  refs: number;
}

/** The object lists of one direction by policy value, each with its round-robin cursor. */
export type Lists = Map<number, { readonly objects: RefObject[]; cursor: number }>;

/** What a policy in force consists of: map, lists, and the irq masks to be put back. */
export interface InForce {
  readonly maps: readonly [rx: MapEntry[], tx: MapEntry[]];
  readonly savedMasks: readonly Uint32Array[];
  /** What the driver said when the map was made. */
  readonly queues: readonly number[];
  lists: readonly [rx: Lists, tx: Lists];
}

/** A network device. */
export interface Device {
  readonly handle: number;
  readonly netns: number;
  readonly ifindex: number;
  readonly node: number;
  name: string;
  up: boolean;
  /** What the driver said at UP; null where it gave no support, and while down. */
  info: NetpolicyInfo | null;
  /** Rule 20: records that may be attached; what the driver last said. */
  recordLimit: number;
  /** The limit has been logged since a record left last. */
  limitSaid: boolean;
  policy: number;
  wanted: number;
  /** Negative errno of the last rebuild, 0 if it went well. */
  rebuildErrno: number;
  /** Null exactly while the policy is NONE. */
  inForce: InForce | null;
  version: number;
}

/** What an owner asks for: a task's or a socket's instance. */
export interface Owner {
  readonly handle: number;
  readonly isTask: boolean;
  readonly id: number;
  /** Owners made before this one. */
  readonly birth: number;
  /** A socket's task, 0 where it has none. */
  task: number;
  /** A socket's device, 0 where it is not known (yet); always 0 for a task. */
  device: number;
  own: number;
  /** A mismatch has been counted since policy, device and lists last changed. */
  refused: boolean;
  /** Directions for which nothing to choose has been counted since then. */
  readonly empty: Set<OneDirection>;
  /** A task's CPUs, null where they are not restricted. */
  allowed: Set<number> | null;
}

/** The record of an owner. */
export interface OwnerRecord {
  readonly owner: number;
  policy: number;
  /** Device it is attached to, 0 for none. */
  device: number;
  /** Assigned objects: rx, tx. */
  readonly objects: [RefObject | null, RefObject | null];
}

/** A rule of the manager. */
export interface FlowRule {
  readonly slot: number;
  instance: number;
  readonly device: number;
  readonly queue: number;
  readonly flow: FlowSpec;
  /** Rule 29: `pending` from when it was taken out until it is put back, within one call. */
  state: "inserted" | "refused" | "orphan" | "pending";
  /** Where the device holds it, null where it was refused. */
  readonly location: number | null;
  /** Negative errno of the refusal, 0 where it was accepted. */
  readonly errno: number;
}

/** The whole state. */
export interface Model {
  readonly driver: Driver;
  readonly capacities: Capacities;
  strategy: "round-robin" | "load-aware";
  partition: "rfc" | "latency-first";
  /** Highest version before the counter starts again. */
  versionMax: number;
  readonly cpus: Map<number, HostCpu>;
  distance: readonly (readonly number[])[];
  readonly devices: Map<number, Device>;
  readonly owners: Map<number, Owner>;
  /** Owners ever made. */
  births: number;
  /** By owner. */
  readonly records: Map<number, OwnerRecord>;
  /** By slot. */
  readonly rules: Map<number, FlowRule>;
  /** By device (0 where none is concerned), then by name. */
  readonly counters: Map<number, Map<string, number>>;
  readonly log: string[];
}

/** Lowest free handle of a table, 0 when it is full. */
export function freeHandle(table: ReadonlyMap<number, unknown>, capacity: number): number {
  for (let handle = 1; handle <= capacity; handle++) if (!table.has(handle)) return handle;
  return 0;
}

/** Entries of a table by ascending handle. */
export function ascending<T>(table: ReadonlyMap<number, T>): T[] {
  return [...table].sort(([a], [b]) => a - b).map(([, value]) => value);
}

/** Raises a counter of a device; 0 for what concerns no device. */
export function count(model: Model, device: number, name: string): void {
  const counters = model.counters.get(device) ?? new Map<string, number>();
  model.counters.set(device, counters);
  counters.set(name, (counters.get(name) ?? 0) + 1);
}

/** Adds a line to the log. */
export function say(model: Model, line: string): void {
  model.log.push(`NETPOLICY: ${line}`);
}

/** Rule 22: what has been counted once may be counted again. */
export function forgetAnswers(owner: Owner): void {
  owner.refused = false;
  owner.empty.clear();
}

/**
 * Raises the version after a change of lists (rule 26); mismatches may be logged again. Only a
 * device that never had a policy is at version 0.
 */
export function raiseVersion(model: Model, device: Device): void {
  for (const owner of model.owners.values()) {
    if (owner.device === device.handle) forgetAnswers(owner);
  }
  device.version++;
  if (device.version <= model.versionMax) return;
  device.version = 1;
  count(model, device.handle, "version_wrap");
}
