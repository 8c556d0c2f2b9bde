/**
 * The policy manager with types: calls of policy.wasm in the words of its users.
 *
 * A refused call throws {@link PolicyError}; a pick that ends in default handling is an ordinary
 * answer and throws nothing. Handles (device, task, socket) are the core's numbers.
 *
 * @module
 */

import { DEVICE_POLICIES, type DevicePolicy, type HintPolicy } from "../record.ts";
import type { Driver, FlowSpec } from "./driver.ts";
import { CoreFault, errnoName, PolicyError } from "./errno.ts";
import type {
  Capacities,
  DeviceStatus,
  ObjectLists,
  Pick,
  RecordView,
  RuleView,
  Topology,
} from "./views.ts";
import { instantiatePolicy, type PolicyWasm, readFlow, writeFlow } from "./wasm.ts";

export type {
  Capacities,
  DeviceStatus,
  ObjectLists,
  ObjectView,
  Pick,
  RecordView,
  RuleView,
  Topology,
} from "./views.ts";

const HINTS = ["NONE", "CPU", "BULK", "LATENCY"] as const satisfies readonly HintPolicy[];

/** Value of a policy in the RFC's enum: NONE 0 to LATENCY 3, MIX 5 (for devices only). */
export function policyValue(policy: DevicePolicy): number {
  return policy === "MIX" ? 5 : HINTS.indexOf(policy);
}

/** Name of a policy value; null for INVALID (-1). */
export function policyName(value: number): DevicePolicy | null {
  return DEVICE_POLICIES.find((policy) => policyValue(policy) === value) ?? null;
}

function hintName(value: number): HintPolicy {
  const name = HINTS[value];
  if (name === undefined) throw new CoreFault(`policy.wasm answered with policy ${value}`);
  return name;
}

/**
 * A running policy manager.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { loadWasm } from "../build.ts";
 * import { RecordingDriver } from "./recorder.ts";
 *
 * const { module } = await loadWasm("policy", "release");
 * const driver = new RecordingDriver([0, 1, 2, 3]);
 * const capacities = { cpus: 4, nodes: 1, devices: 1, queues: 4, owners: 8, rules: 8, allowed: 1 };
 * const manager = new PolicyManager(module, driver, { ...capacities, buckets: 0 });
 * manager.setTopology({
 *   nodes: [{ id: 0, cpus: [0, 1, 2, 3] }],
 *   distance: [[10]],
 *   siblings: [],
 *   online: [0, 1, 2, 3],
 * });
 * const device = manager.deviceRegister({ name: "eth0", netns: 0, ifindex: 1, node: 0 });
 * const flags = { mix: true, queuePair: true, irqAffinity: true };
 * const info = { available: 0b1110, recordLimit: 0, ...flags };
 * driver.attach(device, { rxQueues: 4, txQueues: 4, info, ruleCapacity: 64 });
 * manager.deviceUp(device);
 * manager.writeDevicePolicy(device, "MIX");
 * const socket = manager.socketOpen({ id: 1, task: 0, device });
 * manager.setSocketPolicy(socket, policyValue("LATENCY"));
 * assert.deepEqual(manager.pickQueue(socket, "tx"), { queue: 0 });
 * assert.equal(manager.check(), null);
 * ```
 */
export class PolicyManager {
  /** The module behind it, for linking another module and for checks. */
  readonly wasm: PolicyWasm;
  readonly capacities: Capacities;

  /**
   * @throws {PolicyError} EINVAL for a capacity outside its range, ENOMEM if the tables do not fit
   * the module's memory.
   */
  constructor(module: WebAssembly.Module, driver: Driver, capacities: Capacities) {
    this.wasm = instantiatePolicy(module, driver);
    this.capacities = capacities;
    const c = capacities;
    this.#call(
      "Laying out the tables",
      this.wasm.calls.init(
        c.cpus,
        c.nodes,
        c.devices,
        c.queues,
        c.owners,
        c.rules,
        c.allowed,
        c.buckets,
      ),
    );
  }

  #call(operation: string, value: number): number {
    if (value < 0) throw new PolicyError(operation, -value);
    return value;
  }

  /** Declares the host. Once, before any device. */
  setTopology(topology: Topology): void {
    const { calls } = this.wasm;
    const online = new Set(topology.online);
    topology.distance.forEach((row, from) =>
      row.forEach((distance, to) => {
        const what = `Distance ${distance} from node ${from} to ${to}`;
        this.#call(what, calls.topologyDistance(from, to, distance));
      })
    );
    const core = new Map<number, number>();
    for (const group of topology.siblings) {
      for (const cpu of group) core.set(cpu, Math.min(...group));
    }
    for (const node of topology.nodes) {
      for (const cpu of node.cpus) {
        const up = online.has(cpu) ? 1 : 0;
        const error = calls.topologyCpu(cpu, node.id, core.get(cpu) ?? cpu, up);
        this.#call(`CPU ${cpu} of node ${node.id}`, error);
      }
    }
  }

  /** Strategy of choice for assignments from now on. */
  setStrategy(strategy: "round-robin" | "load-aware"): void {
    const { calls, constants } = this.wasm;
    const value = strategy === "load-aware"
      ? constants.STRATEGY_LOAD_AWARE
      : constants.STRATEGY_ROUND_ROBIN;
    this.#call(`Strategy "${strategy}"`, calls.setStrategy(value));
  }

  /** MIX partition of lists built from now on. */
  setPartition(partition: "rfc" | "latency-first"): void {
    const { calls, constants } = this.wasm;
    const value = partition === "rfc" ? constants.PARTITION_RFC : constants.PARTITION_LATENCY_FIRST;
    this.#call(`Partition "${partition}"`, calls.setPartition(value));
  }

  /** NETDEV_REGISTER; `node` -1 where unknown. Returns the device's number. */
  deviceRegister(
    device: {
      readonly name: string;
      readonly netns: number;
      readonly ifindex: number;
      readonly node: number;
    },
  ): number {
    const length = this.#writeInput(device.name);
    const { netns, ifindex, node } = device;
    return this.#call(
      `Device "${device.name}"`,
      this.wasm.calls.deviceRegister(netns, ifindex, node, length),
    );
  }

  /** NETDEV_UNREGISTER. */
  deviceUnregister(device: number): void {
    this.#call(`Unregistering device ${device}`, this.wasm.calls.deviceUnregister(device));
  }

  /** NETDEV_UP. */
  deviceUp(device: number): void {
    this.#call(`Device ${device} up`, this.wasm.calls.deviceUp(device));
  }

  /** NETDEV_GOING_DOWN. */
  deviceDown(device: number): void {
    this.#call(`Device ${device} down`, this.wasm.calls.deviceDown(device));
  }

  /** NETDEV_CHANGENAME. */
  deviceRename(device: number, name: string): void {
    const length = this.#writeInput(name);
    this.#call(
      `Renaming device ${device} to "${name}"`,
      this.wasm.calls.deviceRename(device, length),
    );
  }

  /** The driver's channel count has changed. */
  deviceChannels(device: number): void {
    this.#call(`New channels of device ${device}`, this.wasm.calls.deviceChannels(device));
  }

  /** CPU_ONLINE. */
  cpuOnline(cpu: number): void {
    this.#call(`CPU ${cpu} online`, this.wasm.calls.cpuOnline(cpu));
  }

  /** CPU_DYING. */
  cpuOffline(cpu: number): void {
    this.#call(`CPU ${cpu} offline`, this.wasm.calls.cpuOffline(cpu));
  }

  /** Write to `/proc/net/netpolicy/DEV/policy`. */
  writeDevicePolicy(device: number, text: string): void {
    const length = this.#writeInput(text);
    this.#call(
      `Policy ${JSON.stringify(text)} for device ${device}`,
      this.wasm.calls.writeDevicePolicy(device, length),
    );
  }

  /** Read of `/proc/net/netpolicy/DEV/policy`. */
  readDevicePolicy(device: number): string {
    const length = this.wasm.calls.readDevicePolicy(device);
    return this.#readText(this.#call(`Reading the policy of device ${device}`, length));
  }

  /** What the device says of itself. */
  deviceStatus(device: number): DeviceStatus {
    const { calls, constants } = this.wasm;
    const version = this.#call(`Status of device ${device}`, calls.deviceVersion(device));
    const flags = calls.deviceFlags(device);
    const errno = calls.deviceErrno(device);
    return {
      policy: policyName(calls.devicePolicy(device)) ?? "NONE",
      wanted: policyName(calls.deviceWanted(device)) ?? "NONE",
      up: (flags & constants.DEVICE_UP) !== 0,
      supported: (flags & constants.DEVICE_SUPPORTED) !== 0,
      latency_starved: (flags & constants.DEVICE_LATENCY_STARVED) !== 0,
      rebuild_failed: errno === 0 ? null : errnoName(-errno),
      version: version >>> 0,
      records: calls.deviceRecords(device),
      record_limit: calls.deviceLimit(device) >>> 0,
    };
  }

  /** Object lists of a device in both directions. */
  objects(device: number): { readonly rx: ObjectLists; readonly tx: ObjectLists } {
    return { rx: this.#lists(device, 0), tx: this.#lists(device, 1) };
  }

  #lists(device: number, direction: number): ObjectLists {
    const { calls } = this.wasm;
    const list = (policy: number) =>
      Array.from({ length: calls.listLength(device, direction, policy) }, (_, place) => ({
        cpu: calls.listCpu(device, direction, policy, place),
        queue: calls.listQueue(device, direction, policy, place),
        refs: calls.listRefs(device, direction, policy, place) >>> 0,
      }));
    return { NONE: list(0), CPU: list(1), BULK: list(2), LATENCY: list(3) };
  }

  /** A task without policy. Returns its handle. */
  taskCreate(pid: number): number {
    return this.#call(`Task ${pid}`, this.wasm.calls.taskCreate(pid));
  }

  /** prctl(PR_SET_NETPOLICY, name), or a write to `/proc/PID/net_policy`. */
  setTaskPolicy(task: number, name: string): void {
    const length = this.#writeInput(name);
    this.#call(
      `Policy ${JSON.stringify(name)} for a task`,
      this.wasm.calls.setTaskPolicyName(task, length),
    );
  }

  /** Read of `/proc/PID/net_policy`. */
  readTaskPolicy(task: number): string {
    return this.#readText(
      this.#call("Reading a task's policy", this.wasm.calls.readTaskPolicy(task)),
    );
  }

  /** fork. Returns the child's handle. */
  taskFork(parent: number, pid: number): number {
    return this.#call(`Fork to ${pid}`, this.wasm.calls.taskFork(parent, pid));
  }

  /** exit. */
  taskExit(task: number): void {
    this.#call("Exit of a task", this.wasm.calls.taskExit(task));
  }

  /** sched_setaffinity. */
  setTaskAllowed(task: number, cpus: readonly number[]): void {
    const { calls, memory } = this.wasm;
    const mask = new Uint32Array(memory.buffer, calls.maskOffset(), calls.maskWordCount());
    mask.fill(0);
    for (const cpu of cpus) {
      if (!(cpu >= 0 && cpu < mask.length * 32)) throw new PolicyError(`CPU ${cpu} for a task`, 22);
      mask[cpu >> 5] = (mask[cpu >> 5] ?? 0) | (1 << (cpu & 31));
    }
    this.#call(`CPUs ${cpus.join(", ")} for a task`, calls.setTaskAllowed(task));
  }

  /** A socket; task and device 0 where there is none (yet). Returns its handle. */
  socketOpen(
    socket: { readonly id: number; readonly task: number; readonly device: number },
  ): number {
    const handle = this.wasm.calls.socketOpen(socket.id, socket.task, socket.device);
    return this.#call(`Socket ${socket.id}`, handle);
  }

  /** accept. Returns the new socket's handle. */
  socketAccept(listener: number, id: number): number {
    return this.#call(`Accepting socket ${id}`, this.wasm.calls.socketAccept(listener, id));
  }

  /** close. */
  socketClose(socket: number): void {
    this.#call("Closing a socket", this.wasm.calls.socketClose(socket));
  }

  /** Notes the device that the socket's packets go through. */
  socketSetDevice(socket: number, device: number): void {
    this.#call(`Device ${device} for a socket`, this.wasm.calls.socketSetDevice(socket, device));
  }

  /** setsockopt(SO_NETPOLICY) by the enum's value. */
  setSocketPolicy(socket: number, value: number): void {
    this.#call(
      `Policy ${policyName(value) ?? value} for a socket`,
      this.wasm.calls.setSocketPolicy(socket, value),
    );
  }

  /** getsockopt(SO_NETPOLICY): the policy in force, null where there is none. */
  getSocketPolicy(socket: number): HintPolicy | null {
    const value = this.wasm.calls.getSocketPolicy(socket);
    // INVALID is -1, which no errno of this call is.
    return value === -1 ? null : hintName(this.#call("Reading a socket's policy", value));
  }

  /** Queue for the next packet of an instance. */
  pickQueue(instance: number, direction: "rx" | "tx"): Pick {
    return pickOf(this.wasm.calls.pickQueue(instance, direction === "rx" ? 0 : 1));
  }

  /** Tx queue: the policy's over XPS's over the hash's; -1 for a facility that is not there. */
  netdevPickTx(instance: number, queues: { readonly xps: number; readonly hash: number }): number {
    return this.wasm.calls.netdevPickTx(instance, queues.xps, queues.hash);
  }

  /** What recvmsg does: steers the flow to the queue of the instance's rx object. */
  setRules(instance: number, flow: FlowSpec): Pick {
    writeFlow(this.wasm, this.wasm.calls.flowOffset(), flow);
    return pickOf(this.wasm.calls.setRules(instance));
  }

  /** All records. */
  records(): RecordView[] {
    const { calls } = this.wasm;
    const queue = (record: number, direction: number) => {
      const position = calls.recordObject(record, direction);
      return position < 0 ? null : position;
    };
    return this.#walk(calls.recordNext).map((record) => ({
      owner: calls.recordOwner(record),
      policy: hintName(calls.recordPolicy(record)),
      device: calls.recordDevice(record),
      rx_queue: queue(record, 0),
      tx_queue: queue(record, 1),
    }));
  }

  /** All rules. */
  rules(): RuleView[] {
    const { calls, constants } = this.wasm;
    const state = (rule: number): RuleView["state"] => {
      const value = calls.ruleState(rule);
      if (value === constants.RULE_INSERTED) return "inserted";
      return value === constants.RULE_REFUSED ? "refused" : "orphan";
    };
    return this.#walk(calls.ruleNext).map((rule) => ({
      instance: calls.ruleInstance(rule),
      device: calls.ruleDevice(rule),
      queue: calls.ruleQueue(rule),
      state: state(rule),
      ...placeOf(calls.ruleLocation(rule)),
      flow: readFlow(this.wasm, calls.ruleFlowOffset(rule)),
    }));
  }

  #walk(next: (from: number) => number): number[] {
    const found: number[] = [];
    for (let slot = next(1); slot > 0; slot = next(slot + 1)) found.push(slot);
    return found;
  }

  /** Counters that are not zero, summed over devices. */
  counters(): Record<string, number> {
    const { calls } = this.wasm;
    const counters: Record<string, number> = {};
    for (let counter = 0;; counter++) {
      const name = this.#readText(calls.counterName(counter));
      if (name === "") return counters;
      let total = 0;
      for (let device = 0; device <= this.capacities.devices; device++) {
        total += calls.counterOf(device, counter) >>> 0;
      }
      if (total > 0) counters[name] = total;
    }
  }

  /** The last messages, oldest first. */
  log(): string[] {
    const { calls, constants } = this.wasm;
    const lines: string[] = [];
    const count = calls.logCount() >>> 0;
    for (let sequence = Math.max(0, count - constants.LOG_ENTRIES); sequence < count; sequence++) {
      const line = this.#readText(calls.logText(sequence));
      if (line !== "") lines.push(line);
    }
    return lines;
  }

  /** Name of the first broken invariant (`I01` ...), null when all hold. */
  check(): string | null {
    const broken = this.wasm.calls.check();
    return broken === 0 ? null : `I${String(broken).padStart(2, "0")}`;
  }

  /** A copy of the whole state. */
  snapshot(): Uint8Array {
    return this.#arena().slice();
  }

  /**
   * Puts a copied state back; it must come from a manager with the same capacities.
   *
   * @throws {RangeError} when its size shows that it does not.
   */
  restore(state: Uint8Array): void {
    const arena = this.#arena();
    if (state.length !== arena.length) {
      throw new RangeError(`Cannot restore ${state.length} bytes: the state has ${arena.length}`);
    }
    arena.set(state);
  }

  #arena(): Uint8Array {
    const { calls, memory } = this.wasm;
    return new Uint8Array(memory.buffer, calls.arenaOffset(), calls.arenaBytes());
  }

  /** Puts text into the input buffer. Longer text is not copied: its length gets it refused. */
  #writeInput(text: string): number {
    const bytes = new TextEncoder().encode(text);
    const { calls, constants, memory } = this.wasm;
    const capacity = constants.INPUT_BYTES;
    if (bytes.length <= capacity) {
      new Uint8Array(memory.buffer, calls.inputOffset(), capacity).set(bytes);
    }
    return bytes.length;
  }

  #readText(length: number): string {
    const { calls, memory } = this.wasm;
    return new TextDecoder().decode(new Uint8Array(memory.buffer, calls.textOffset(), length));
  }
}

/** A location, or in its place the errno of a refusal. */
function placeOf(location: number): { location: number | null; errno: string | null } {
  return location < 0 ? { location: null, errno: errnoName(-location) } : { location, errno: null };
}

function pickOf(value: number): Pick {
  return value >= 0 ? { queue: value } : { errno: -value, code: errnoName(-value) };
}
