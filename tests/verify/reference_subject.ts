/**
 * The reference model as something that the verifier's operations can be done on: the calls of
 * policy.wasm by their numbers, on a host like that of the binary's. Refusals are negative errnos
 * as there; nothing is thrown, so that millions of calls can be compared.
 *
 * @module
 */

import type { Driver } from "../../harness/policy/driver.ts";
import { ERRNO } from "../../harness/policy/errno.ts";
import type { PolicyCalls } from "../../harness/policy/wasm.ts";
import { capacitiesOf, type Exploration } from "../../harness/verify/exploration.ts";
import { ExploredHost } from "../../harness/verify/host.ts";
import type { Hands, Subject } from "../../harness/verify/subject.ts";
import { writeDevicePolicy } from "../reference/device.ts";
import {
  deviceDown,
  deviceRegister,
  deviceUnregister,
  deviceUp,
  rebuild,
  setCpuOnline,
} from "../reference/events.ts";
import { ReferenceManager } from "../reference/manager.ts";
import * as owners from "../reference/owners.ts";
import { pickQueue, setRules } from "../reference/pick.ts";
import { attached, effectivePolicy } from "../reference/records.ts";
import type { Device, Model, OneDirection, Owner } from "../reference/state.ts";

/** Policies of the object lists, as they are numbered. */
const LISTS = [0, 1, 2, 3];
const DIRECTIONS = [0, 1] as const;
/** Any number: who an owner is has no part in what the manager does. */
const ANY_ID = 1;
/** How a rule's state is numbered; one that is pending stands in no state between two calls. */
const RULE_STATES = ["pending", "inserted", "refused", "orphan"];

/** The host's imports as a driver: what they put into memory is handed on. */
function driverOf(host: ExploredHost): Driver {
  const memory = new WebAssembly.Memory({ initial: 1 });
  host.connect(memory);
  const words = new Int32Array(memory.buffer);
  const imports = host.imports() as Record<string, (...values: number[]) => number>;
  return {
    netpolicyInit(device) {
      const error = imports["netpolicyInit"]!(device, 0);
      if (error < 0) return error;
      const [available = 0, flags = 0, recordLimit = 0] = words;
      const has = (bit: number) => (flags & bit) !== 0;
      return { available, mix: has(1), queuePair: has(2), irqAffinity: has(4), recordLimit };
    },
    irqCount: imports["irqCount"]!,
    irq: imports["irq"]!,
    setNetPolicy: imports["setNetPolicy"]!,
    ruleInsert(device, flow, queue) {
      words[2] = flow.source[0]!;
      return imports["ruleInsert"]!(device, 0, queue);
    },
    ruleDelete: imports["ruleDelete"]!,
    irqAffinityGet(irq, mask) {
      const error = imports["irqAffinityGet"]!(irq, 0);
      if (error >= 0) mask[0] = words[0]!;
      return error;
    },
    irqAffinitySet(irq, mask) {
      words[0] = mask[0]!;
      return imports["irqAffinitySet"]!(irq, 0);
    },
    cpuLoad: imports["cpuLoad"]!,
  };
}

/** The model on a host. */
export class ReferenceSubject implements Hands {
  readonly host: ExploredHost;
  readonly calls: PolicyCalls;
  readonly #model: Model;
  readonly #exploration: Exploration;
  #text = "";
  #mask = 0;

  constructor(exploration: Exploration) {
    this.#exploration = exploration;
    this.host = new ExploredHost(exploration);
    const { topology, strategy, partition, version_max, devices } = exploration;
    const manager = new ReferenceManager(driverOf(this.host), capacitiesOf(exploration));
    const online = topology.online ?? topology.nodes.flatMap(({ cpus }) => cpus);
    manager.setTopology({ ...topology, online });
    manager.setStrategy(strategy);
    manager.setPartition(partition);
    if (version_max > 0) manager.setVersionMax(version_max);
    devices.forEach(({ name, netns, node }, place) => {
      const device = manager.deviceRegister({ name, netns, ifindex: place + 1, node });
      this.host.begin(-1, -1);
      manager.deviceUp(device);
    });
    this.#model = manager.model;
    this.calls = this.#numbered(manager) as PolicyCalls;
  }

  write(text: string): number {
    this.#text = text;
    return text.length;
  }

  writeMask(mask: number): void {
    this.#mask = mask;
  }

  open(task: number, device: number): number {
    return owners.socketOpen(this.#model, { id: ANY_ID, task, device });
  }

  register(device: number): number {
    const { name, netns, node } = this.#exploration.devices[device - 1]!;
    return deviceRegister(this.#model, { name, netns, ifindex: device, node });
  }

  #numbered(manager: ReferenceManager): Partial<PolicyCalls> {
    const model = this.#model;
    const onDevice = (handle: number, call: (device: Device) => number | void): number => {
      const device = model.devices.get(handle);
      return device === undefined ? -ERRNO.ENODEV : call(device) ?? 0;
    };
    const onTask = (handle: number, call: (task: Owner) => number | void): number => {
      const task = owners.taskOf(model, handle);
      return task === null || task === undefined ? -ERRNO.ESRCH : call(task) ?? 0;
    };
    const onSocket = (handle: number, call: (socket: Owner) => number | void): number => {
      const socket = owners.socketOf(model, handle);
      return socket === null || socket === undefined ? -ERRNO.EBADF : call(socket) ?? 0;
    };
    return {
      writeDevicePolicy: (handle) =>
        model.devices.has(handle!)
          ? onDevice(handle!, (device) => writeDevicePolicy(model, device, this.#text))
          : -ERRNO.ENOENT,
      deviceDown: (handle) => onDevice(handle!, (device) => deviceDown(model, device)),
      deviceUp: (handle) => onDevice(handle!, (device) => deviceUp(model, device)),
      deviceChannels: (handle) => onDevice(handle!, (device) => rebuild(model, device)),
      deviceUnregister: (handle) => onDevice(handle!, (device) => deviceUnregister(model, device)),
      cpuOffline: (cpu) => setCpuOnline(model, cpu!, false),
      cpuOnline: (cpu) => setCpuOnline(model, cpu!, true),
      setStrategy: (value) => (manager.setStrategy(value === 1 ? "load-aware" : "round-robin"), 0),
      taskCreate: () => owners.taskCreate(model, ANY_ID),
      taskExit: (task) => onTask(task!, (known) => owners.taskExit(model, known)),
      taskFork: (task) => onTask(task!, (known) => owners.taskFork(model, known, ANY_ID)),
      setTaskPolicyName: (task) =>
        onTask(task!, (known) => owners.setTaskPolicy(model, known, this.#text)),
      setTaskAllowed: (task) =>
        onTask(task!, (known) => owners.setTaskAllowed(model, known, this.#cpus())),
      socketAccept: (socket) =>
        onSocket(socket!, (known) => owners.socketAccept(model, known, ANY_ID)),
      socketClose: (socket) => onSocket(socket!, (known) => owners.socketClose(model, known)),
      socketSetDevice: (socket, to) =>
        onSocket(
          socket!,
          (known) => onDevice(to!, () => owners.socketSetDevice(model, known, to!)),
        ),
      setSocketPolicy: (socket, policy) =>
        onSocket(socket!, (known) => owners.setSocketPolicy(model, known, policy!)),
      pickQueue: (owner, direction) => pickQueue(model, owner!, direction as OneDirection),
      setRulesV4: (owner, _tcp, source, destination, port) =>
        setRules(model, owner!, {
          type: "tcp4",
          source: [source!],
          destination: [destination!],
          sourcePort: 0,
          destinationPort: port!,
        }),
    };
  }

  #cpus(): number[] {
    const { topology } = this.#exploration;
    return topology.nodes.flatMap(({ cpus }) => cpus).filter((cpu) =>
      (this.#mask >> cpu & 1) === 1
    );
  }

  /** What the model holds, as numbers in the order of {@link heldBy}. */
  held(): number[] {
    const model = this.#model;
    const { owners: capacity, devices } = model.capacities;
    const numbers: number[] = [];
    for (let handle = 1; handle <= devices; handle++) {
      const device = model.devices.get(handle);
      if (device === undefined) {
        numbers.push(-1);
        continue;
      }
      const { policy, wanted, up, info, rebuildErrno, version } = device;
      numbers.push(policy, wanted, up ? 1 : 0, info === null ? 0 : 1, rebuildErrno, version);
      numbers.push(attached(model, handle).length);
      for (const direction of DIRECTIONS) {
        for (const list of LISTS) {
          const objects = device.inForce?.lists[direction].get(list)?.objects ?? [];
          numbers.push(objects.length);
          for (const { cpu, queue, refs } of objects) numbers.push(cpu, queue, refs);
        }
      }
    }
    for (let handle = 1; handle <= capacity; handle++) {
      const owner = model.owners.get(handle);
      if (owner === undefined) {
        numbers.push(-1);
        continue;
      }
      numbers.push(owner.isTask ? 1 : 0, owner.own, effectivePolicy(model, owner), owner.device);
      numbers.push(owner.task);
      const record = model.records.get(handle);
      if (record === undefined) numbers.push(-1);
      else {
        const [rx, tx] = record.objects;
        numbers.push(record.policy, record.device, rx?.queue ?? -1, tx?.queue ?? -1);
      }
    }
    for (const [slot, rule] of [...model.rules].sort(([a], [b]) => a - b)) {
      numbers.push(slot, rule.instance, rule.device, rule.queue, RULE_STATES.indexOf(rule.state));
      numbers.push(rule.location ?? rule.errno);
    }
    return numbers;
  }
}

/** What the binary holds, asked of its own calls. */
export function heldBy({ calls, arena }: Pick<Subject, "calls" | "arena">): number[] {
  const { devices, owners: capacity } = arena.layout.capacities;
  const numbers: number[] = [];
  for (let device = 1; device <= devices; device++) {
    const flags = calls.deviceFlags(device);
    if ((flags & 1) === 0) {
      numbers.push(-1);
      continue;
    }
    numbers.push(calls.devicePolicy(device), calls.deviceWanted(device), (flags >> 1) & 1);
    numbers.push((flags >> 2) & 1, calls.deviceErrno(device), calls.deviceVersion(device) >>> 0);
    numbers.push(calls.deviceRecords(device));
    for (const direction of DIRECTIONS) {
      for (const list of LISTS) {
        const length = calls.listLength(device, direction, list);
        numbers.push(length);
        for (let place = 0; place < length; place++) {
          numbers.push(calls.listCpu(device, direction, list, place));
          numbers.push(calls.listQueue(device, direction, list, place));
          numbers.push(calls.listRefs(device, direction, list, place));
        }
      }
    }
  }
  for (let handle = 1; handle <= capacity; handle++) {
    if (calls.instanceNext(handle) !== handle) {
      numbers.push(-1);
      continue;
    }
    const isTask = calls.instanceIsTask(handle);
    numbers.push(isTask, calls.ownPolicy(handle), calls.effectivePolicy(handle));
    numbers.push(calls.instanceDevice(handle), isTask === 1 ? 0 : calls.socketTask(handle));
    const record = calls.recordFind(handle);
    if (record === 0) numbers.push(-1);
    else {
      numbers.push(calls.recordPolicy(record), calls.recordDevice(record));
      for (const direction of DIRECTIONS) numbers.push(calls.recordObject(record, direction));
    }
  }
  for (let rule = calls.ruleNext(1); rule > 0; rule = calls.ruleNext(rule + 1)) {
    numbers.push(rule, calls.ruleInstance(rule), calls.ruleDevice(rule), calls.ruleQueue(rule));
    numbers.push(calls.ruleState(rule), calls.ruleLocation(rule));
  }
  return numbers;
}
