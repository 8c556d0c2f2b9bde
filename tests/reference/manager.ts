/**
 * The reference model behind the face of the compiled manager, so that a test can drive both with
 * the same calls.
 *
 * Refused calls throw the same {@link PolicyError} by number; its sentence is not part of the
 * specification.
 *
 * @module
 */

import type { ManagerFace } from "../../harness/policy/face.ts";
import type { Driver, FlowSpec } from "../../harness/policy/driver.ts";
import { ERRNO, errnoName, PolicyError } from "../../harness/policy/errno.ts";
import {
  type Capacities,
  type DeviceStatus,
  type ObjectLists,
  type Pick as QueuePick,
  policyName,
  type RecordView,
  type RuleView,
  type Topology,
} from "../../harness/policy/manager.ts";
import { isStarved, writeDevicePolicy } from "./device.ts";
import {
  deviceDown,
  deviceRegister,
  deviceRename,
  deviceUnregister,
  deviceUp,
  rebuild,
  setCpuOnline,
} from "./events.ts";
import { devicePolicyText, nameOf } from "./names.ts";
import * as owners from "./owners.ts";
import { pickQueue, setRules } from "./pick.ts";
import { attached, effectivePolicy } from "./records.ts";
import {
  ascending,
  BULK,
  CPU,
  type Device,
  HINT_VALUES,
  INVALID,
  LATENCY,
  type Model,
  NONE,
  type OneDirection,
  type Owner,
} from "./state.ts";

/** Lines of the log that are kept. */
const LOG_LINES = 64;

/** Version numbers are 32 bits wide unless a test makes them narrower. */
const VERSION_MAX = 0xffffffff;

/** The reference model as a manager. */
export class ReferenceManager implements ManagerFace {
  readonly model: Model;

  constructor(driver: Driver, capacities: Capacities) {
    this.model = {
      driver,
      capacities,
      strategy: "round-robin",
      partition: "rfc",
      versionMax: VERSION_MAX,
      cpus: new Map(),
      distance: [],
      devices: new Map(),
      owners: new Map(),
      births: 0,
      records: new Map(),
      rules: new Map(),
      counters: new Map(),
      log: [],
    };
  }

  setTopology(topology: Topology): void {
    this.model.distance = topology.distance;
    for (const node of topology.nodes) {
      for (const cpu of node.cpus) {
        const core = Math.min(...topology.siblings.find((group) => group.includes(cpu)) ?? [cpu]);
        this.model.cpus.set(cpu, { node: node.id, core, online: topology.online.includes(cpu) });
      }
    }
  }

  setStrategy(strategy: Model["strategy"]): void {
    if (this.model.strategy === strategy) return;
    this.model.strategy = strategy;
    for (const owner of this.model.owners.values()) owner.empty.clear();
  }

  setPartition(partition: Model["partition"]): void {
    this.model.partition = partition;
  }

  /** Highest version before the counter starts again. */
  setVersionMax(version: number): void {
    this.model.versionMax = version;
  }

  deviceRegister(device: Parameters<ManagerFace["deviceRegister"]>[0]): number {
    return done(deviceRegister(this.model, device));
  }

  deviceUnregister(device: number): void {
    deviceUnregister(this.model, this.#device(device));
  }

  deviceUp(device: number): void {
    deviceUp(this.model, this.#device(device));
  }

  deviceDown(device: number): void {
    deviceDown(this.model, this.#device(device));
  }

  deviceRename(device: number, name: string): void {
    done(deviceRename(this.model, this.#device(device), name));
  }

  deviceChannels(device: number): void {
    rebuild(this.model, this.#device(device));
  }

  cpuOnline(cpu: number): void {
    done(setCpuOnline(this.model, cpu, true));
  }

  cpuOffline(cpu: number): void {
    done(setCpuOnline(this.model, cpu, false));
  }

  writeDevicePolicy(device: number, text: string): void {
    const known = this.model.devices.get(device) ?? refuse(ERRNO.ENOENT);
    done(writeDevicePolicy(this.model, known, text));
  }

  readDevicePolicy(device: number): string {
    const known = this.model.devices.get(device);
    return known?.info == null ? refuse(ERRNO.ENOENT) : devicePolicyText(known);
  }

  deviceStatus(device: number): DeviceStatus {
    const known = this.#device(device);
    return {
      policy: policyName(known.policy) ?? "NONE",
      wanted: policyName(known.wanted) ?? "NONE",
      up: known.up,
      supported: known.info !== null,
      latency_starved: isStarved(known),
      rebuild_failed: known.rebuildErrno === 0 ? null : errnoName(-known.rebuildErrno),
      version: known.version,
      records: attached(this.model, device).length,
      record_limit: known.recordLimit,
    };
  }

  objects(device: number): { readonly rx: ObjectLists; readonly tx: ObjectLists } {
    const known = this.model.devices.get(device);
    const lists = (direction: OneDirection): ObjectLists => {
      const [none, cpu, bulk, latency] = HINT_VALUES.map((policy) =>
        (known?.inForce?.lists[direction].get(policy)?.objects ?? []).map((object) => ({
          ...object,
        }))
      );
      return { NONE: none ?? [], CPU: cpu ?? [], BULK: bulk ?? [], LATENCY: latency ?? [] };
    };
    return { rx: lists(0), tx: lists(1) };
  }

  taskCreate(pid: number): number {
    return done(owners.taskCreate(this.model, pid));
  }

  setTaskPolicy(task: number, name: string): void {
    done(owners.setTaskPolicy(this.model, this.#task(task), name));
  }

  readTaskPolicy(task: number): string {
    return `${nameOf(this.#task(task).own)}\n`;
  }

  taskFork(parent: number, pid: number): number {
    return done(owners.taskFork(this.model, this.#task(parent), pid));
  }

  taskExit(task: number): void {
    owners.taskExit(this.model, this.#task(task));
  }

  setTaskAllowed(task: number, cpus: readonly number[]): void {
    done(owners.setTaskAllowed(this.model, this.#task(task), cpus));
  }

  socketOpen(
    socket: { readonly id: number; readonly task: number; readonly device: number },
  ): number {
    return done(owners.socketOpen(this.model, socket));
  }

  socketAccept(listener: number, id: number): number {
    return done(owners.socketAccept(this.model, this.#socket(listener), id));
  }

  socketClose(socket: number): void {
    owners.socketClose(this.model, this.#socket(socket));
  }

  socketSetDevice(socket: number, device: number): void {
    const known = this.#socket(socket);
    owners.socketSetDevice(this.model, known, this.#device(device).handle);
  }

  setSocketPolicy(socket: number, value: number): void {
    done(owners.setSocketPolicy(this.model, this.#socket(socket), value));
  }

  getSocketPolicy(socket: number): "NONE" | "CPU" | "BULK" | "LATENCY" | null {
    const policy = effectivePolicy(this.model, this.#socket(socket));
    return policy === INVALID ? null : hintOf(policy);
  }

  pickQueue(instance: number, direction: "rx" | "tx"): QueuePick {
    return pickOf(pickQueue(this.model, instance, direction === "rx" ? 0 : 1));
  }

  /** Rule 22: the policy's queue over XPS's over the hash's. */
  netdevPickTx(instance: number, queues: { readonly xps: number; readonly hash: number }): number {
    const queue = pickQueue(this.model, instance, 1);
    if (queue >= 0) return queue;
    return queues.xps >= 0 ? queues.xps : queues.hash;
  }

  setRules(instance: number, flow: FlowSpec): QueuePick {
    return pickOf(setRules(this.model, instance, flow));
  }

  records(): RecordView[] {
    return ascending(this.model.records).map(({ owner, policy, device, objects: [rx, tx] }) => ({
      owner,
      policy: hintOf(policy),
      device,
      rx_queue: rx?.queue ?? null,
      tx_queue: tx?.queue ?? null,
    }));
  }

  rules(): RuleView[] {
    return ascending(this.model.rules).map((
      { instance, device, queue, state, location, errno, flow },
    ) => ({
      instance,
      device,
      queue,
      state: state === "pending" ? unreachable() : state,
      location,
      errno: errno === 0 ? null : errnoName(-errno),
      flow,
    }));
  }

  counters(): Record<string, number> {
    const sum: Record<string, number> = {};
    for (const counters of this.model.counters.values()) {
      for (const [name, value] of counters) sum[name] = (sum[name] ?? 0) + value;
    }
    return sum;
  }

  log(): string[] {
    return this.model.log.slice(-LOG_LINES);
  }

  #device(handle: number): Device {
    return this.model.devices.get(handle) ?? refuse(ERRNO.ENODEV);
  }

  #task(handle: number): Owner {
    return owners.taskOf(this.model, handle) ?? refuse(ERRNO.ESRCH);
  }

  #socket(handle: number): Owner {
    return owners.socketOf(this.model, handle) ?? refuse(ERRNO.EBADF);
  }
}

function refuse(errno: number): never {
  throw new PolicyError("The model's call", errno);
}

function unreachable(): never {
  throw new Error("The model holds a pending rule between two calls");
}

function done(value: number): number {
  return value < 0 ? refuse(-value) : value;
}

function hintOf(policy: number): "NONE" | "CPU" | "BULK" | "LATENCY" {
  if (policy === NONE) return "NONE";
  if (policy === CPU) return "CPU";
  if (policy === BULK) return "BULK";
  if (policy === LATENCY) return "LATENCY";
  throw new Error(`The model holds policy ${policy} for a task or socket`);
}

function pickOf(value: number): QueuePick {
  return value >= 0 ? { queue: value } : { errno: -value, code: errnoName(-value) };
}
