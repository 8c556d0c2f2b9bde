/**
 * The host that an exploration runs policy.wasm on: devices whose whole state is a few bytes, so
 * that it can be copied, hashed and put back with the manager's, and whose every call can be made
 * to fail. It behaves as a well-made driver does and never looks at the manager.
 *
 * @module
 */

import { ERRNO, type ErrnoName } from "../policy/errno.ts";
import type { DriverCall } from "../policy/recorder.ts";
import { capacitiesOf, type Exploration } from "./exploration.ts";

/** A failed driver call as a script names it. */
export interface FailedCall {
  readonly call: DriverCall;
  /** Device's number, 0 for a call without device. */
  readonly device: number;
  /** Calls of the same name and device in the operation before it. */
  readonly after: number;
  readonly errno: ErrnoName;
}

/** An irq's mask before anybody sets it: no single CPU, and another one for each irq. */
function initialMask(irq: number): number {
  return 0xf0000 | irq;
}
/** Any other mask, in a byte of state: no manager sets one but by mistake. */
const MASK_OTHER = 255;
/** What the device was told last is not known: a call failed. */
export const TOLD_UNKNOWN = 255;

/** Offsets of a device within the host's state. */
interface DeviceBytes {
  readonly channels: number;
  readonly told: number;
  /** A byte an irq: 0 initial, CPU + 1, or MASK_OTHER. */
  readonly masks: number;
  /** A byte an irq: 1 if it once refused a mask and did not get its first one since. */
  readonly refused: number;
  /** Two bytes a rule slot: flow (0 none), queue. */
  readonly rules: number;
}

/** The host's devices and CPUs. */
export class ExploredHost {
  /** The whole state of the host. */
  readonly state: Uint8Array;
  readonly queues: number;
  readonly #exploration: Exploration;
  readonly #rules: number;
  readonly #at: readonly DeviceBytes[];
  #words: Int32Array = new Int32Array(0);
  /** Driver calls in the operation so far. */
  calls = 0;
  /** Numbers of the calls that fail, ascending; -1 none. */
  firstFault = -1;
  secondFault = -1;
  /** What the call that failed last answered, as a positive number. */
  failedWith = 0;
  /** Failed calls ever, by name. */
  readonly failures = new Map<DriverCall, number>();
  /** Set to note which calls failed, for a script. */
  noted: FailedCall[] | null = null;
  #made: { call: DriverCall; device: number }[] = [];

  constructor(exploration: Exploration) {
    this.#exploration = exploration;
    const { cpus, queues, rules } = capacitiesOf(exploration);
    this.queues = queues;
    this.#rules = rules;
    let end = cpus;
    const place = (bytes: number): number => {
      end += bytes;
      return end - bytes;
    };
    this.#at = exploration.devices.map(() => ({
      channels: place(1),
      told: place(1),
      masks: place(2 * queues),
      refused: place(2 * queues),
      rules: place(2 * (rules + 1)),
    }));
    this.state = new Uint8Array((end + 7) & ~7);
    exploration.devices.forEach((device, place) => {
      this.state[this.#at[place]!.channels] = device.rxQueues === device.txQueues
        ? device.rxQueues
        : 0;
    });
  }

  /** Gives the host the manager's memory. */
  connect(memory: WebAssembly.Memory): void {
    this.#words = new Int32Array(memory.buffer);
  }

  /** Begins an operation in which given calls fail. */
  begin(first: number, second: number): void {
    this.calls = 0;
    this.firstFault = first;
    this.secondFault = second;
    if (this.noted !== null) this.#made = [];
  }

  /** ethtool -L. */
  setChannels(device: number, count: number): void {
    this.state[this.#at[device - 1]!.channels] = count;
  }

  /** Channels of a device; 0 where both directions have the counts they began with. */
  channels(device: number): number {
    return this.state[this.#at[device - 1]!.channels]!;
  }

  /** Load of a CPU, per cent. */
  setLoad(cpu: number, percent: number): void {
    this.state[cpu] = percent;
  }

  /** Policy that the whole device was told last, {@link TOLD_UNKNOWN} after a failure. */
  told(device: number): number {
    return this.state[this.#at[device - 1]!.told]!;
  }

  /** Where {@link told} stands in the state. */
  toldOffset(device: number): number {
    return this.#at[device - 1]!.told;
  }

  /** Notes that a device has been told a policy without a call. */
  setTold(device: number, policy: number): void {
    this.state[this.#at[device - 1]!.told] = policy;
  }

  /** Whether every irq has its first mask, or once refused one. */
  masksAreInitial(device: number): boolean {
    const { masks, refused } = this.#at[device - 1]!;
    for (let irq = 0; irq < 2 * this.queues; irq++) {
      if (this.state[masks + irq] !== 0 && this.state[refused + irq] === 0) return false;
    }
    return true;
  }

  /** CPUs that irqs point at, one an irq that points at one. */
  irqCpus(): number[] {
    return this.#at.flatMap(({ masks }) => [...this.state.subarray(masks, masks + 2 * this.queues)])
      .filter((mask) => mask !== 0 && mask !== MASK_OTHER).map((mask) => mask - 1);
  }

  /** CPUs have other numbers. */
  renumber(numbers: Int32Array): void {
    for (const { masks } of this.#at) {
      for (let at = masks; at < masks + 2 * this.queues; at++) {
        const mask = this.state[at]!;
        if (mask !== 0 && mask !== MASK_OTHER) this.state[at] = numbers[mask - 1]! + 1;
      }
    }
  }

  /** Flow of the rule at a location, 0 if there is none. */
  ruleFlow(device: number, location: number): number {
    return this.state[this.#at[device - 1]!.rules + 2 * location]!;
  }

  /** Queue of the rule at a location. */
  ruleQueue(device: number, location: number): number {
    return this.state[this.#at[device - 1]!.rules + 2 * location + 1]!;
  }

  /** Rules a device holds. */
  rulesHeld(device: number): number {
    let held = 0;
    for (let location = 1; location <= this.#rules; location++) {
      if (this.ruleFlow(device, location) !== 0) held++;
    }
    return held;
  }

  /** Puts a rule at a location, or takes it away (flow 0). */
  putRule(device: number, location: number, flow: number, queue: number): void {
    const at = this.#at[device - 1]!.rules + 2 * location;
    this.state[at] = flow;
    this.state[at + 1] = queue;
  }

  /** A device went down: its filters went with it. */
  dropRules(device: number): void {
    for (let location = 1; location <= this.#rules; location++) {
      this.putRule(device, location, 0, 0);
    }
  }

  /** A device was unregistered: what comes again under its number is new. */
  forget(device: number): void {
    const { rxQueues, txQueues } = this.#exploration.devices[device - 1]!;
    this.dropRules(device);
    this.setChannels(device, rxQueues === txQueues ? rxQueues : 0);
    this.setTold(device, 0);
    const { masks, refused } = this.#at[device - 1]!;
    this.state.fill(0, masks, masks + 2 * this.queues);
    this.state.fill(0, refused, refused + 2 * this.queues);
  }

  /** Counts a call; its negative errno if it is to fail, else 0. */
  #failure(call: DriverCall, device: number): number {
    const number = this.calls++;
    const fails = number === this.firstFault || number === this.secondFault;
    const errno = this.#exploration.errnos?.[call] ?? "EIO";
    if (fails) this.failures.set(call, (this.failures.get(call) ?? 0) + 1);
    if (this.noted !== null) {
      const same = (made: { call: DriverCall; device: number }) =>
        made.call === call && made.device === device;
      if (fails) this.noted.push({ call, device, after: this.#made.filter(same).length, errno });
      else this.#made.push({ call, device });
    }
    if (!fails) return 0;
    this.failedWith = ERRNO[errno];
    return -this.failedWith;
  }

  /** The imports of policy.wasm. */
  imports(): WebAssembly.ModuleImports {
    return { ...this.#deviceImports(), ...this.#ruleImports(), ...this.#irqImports() };
  }

  #deviceImports(): WebAssembly.ModuleImports {
    const { devices } = this.#exploration;
    const infos = devices.map((device) => ({
      available: device.policies.reduce(
        (bits, policy) => bits | 1 << ["NONE", "CPU", "BULK", "LATENCY"].indexOf(policy),
        0,
      ),
      flags: (device.mix ? 1 : 0) | (device.queuePair ? 2 : 0) | (device.irqAffinity ? 4 : 0),
      limit: device.maxRecords,
    }));
    return {
      netpolicyInit: (device: number, offset: number): number => {
        const failure = this.#failure("init", device);
        if (failure < 0) return failure;
        const { available, flags, limit } = infos[device - 1]!;
        this.#words[offset >> 2] = available;
        this.#words[(offset >> 2) + 1] = flags;
        this.#words[(offset >> 2) + 2] = limit;
        return 0;
      },
      irqCount: (device: number, direction: number): number => {
        const failure = this.#failure("irq_info", device);
        if (failure < 0) return failure;
        const channels = this.channels(device);
        if (channels !== 0) return channels;
        const { rxQueues, txQueues } = devices[device - 1]!;
        return direction === 0 ? rxQueues : txQueues;
      },
      setNetPolicy: (device: number, policy: number, _direction: number, queue: number): number => {
        const failure = this.#failure("set_policy", device);
        if (failure < 0) this.setTold(device, TOLD_UNKNOWN);
        else if (queue < 0) this.setTold(device, policy);
        return failure;
      },
      cpuLoad: (cpu: number): number => this.#failure("cpu_load", 0) || this.state[cpu]!,
    };
  }

  #ruleImports(): WebAssembly.ModuleImports {
    return {
      ruleInsert: (device: number, flow: number, queue: number): number => {
        const failure = this.#failure("rule_insert", device);
        if (failure < 0) return failure;
        const { ruleCapacity } = this.#exploration.devices[device - 1]!;
        if (this.rulesHeld(device) >= ruleCapacity) return -ERRNO.ENOSPC;
        for (let location = this.#rules; location > 0; location--) {
          if (this.ruleFlow(device, location) !== 0) continue;
          // Flows are told apart by their source address: 1, 2 ...
          this.putRule(device, location, this.#words[(flow + 8) >> 2]!, queue);
          return location;
        }
        return -ERRNO.ENOSPC;
      },
      ruleDelete: (device: number, location: number): number => {
        const failure = this.#failure("rule_delete", device);
        // Somebody else deleted it: the device has no such rule any more.
        if (failure === -ERRNO.ENOENT) this.putRule(device, location, 0, 0);
        if (failure < 0) return failure;
        const isThere = location > 0 && location <= this.#rules &&
          this.ruleFlow(device, location) !== 0;
        if (isThere) this.putRule(device, location, 0, 0);
        return isThere ? 0 : -ERRNO.ENOENT;
      },
    };
  }

  #irqImports(): WebAssembly.ModuleImports {
    const { devices } = this.#exploration;
    const perDevice = 2 * this.queues;
    const deviceOf = (irq: number): number => Math.floor(irq / perDevice);
    return {
      irq: (device: number, direction: number, queue: number): number => {
        const failure = this.#failure("irq", device);
        if (failure < 0) return failure;
        const own = devices[device - 1]!.queuePair ? 0 : direction;
        return device * perDevice + own * this.queues + queue;
      },
      irqAffinityGet: (irq: number, offset: number): number => {
        const failure = this.#failure("irq_affinity_get", deviceOf(irq));
        if (failure < 0) return failure;
        const mask = this.state[this.#at[deviceOf(irq) - 1]!.masks + irq % perDevice]!;
        this.#words[offset >> 2] = mask === 0
          ? initialMask(irq)
          : mask === MASK_OTHER
          ? 0
          : 1 << (mask - 1);
        return 0;
      },
      irqAffinitySet: (irq: number, offset: number): number => {
        const { masks, refused } = this.#at[deviceOf(irq) - 1]!;
        const failure = this.#failure("irq_affinity_set", deviceOf(irq));
        if (failure < 0) {
          this.state[refused + irq % perDevice] = 1;
          return failure;
        }
        const mask = this.#words[offset >> 2]!;
        const isOne = mask !== 0 && (mask & (mask - 1)) === 0;
        const isInitial = mask === initialMask(irq);
        this.state[masks + irq % perDevice] = isInitial
          ? 0
          : isOne
          ? 32 - Math.clz32(mask)
          : MASK_OTHER;
        if (isInitial) this.state[refused + irq % perDevice] = 0;
        return 0;
      },
    };
  }
}
