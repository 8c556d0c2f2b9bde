/**
 * A driver without hardware: it does what a well-behaved device would, records what it was asked,
 * and fails where it was told to. For scenario scripts and tests; it keeps no time.
 *
 * @module
 */

import type { Direction, Driver, FlowSpec, NetpolicyInfo } from "./driver.ts";
import { ERRNO } from "./errno.ts";

/** Driver calls by the names that scripts use; each can be made to fail. */
export const DRIVER_CALLS = [
  "init",
  "irq_info",
  "irq",
  "set_policy",
  "rule_insert",
  "rule_delete",
  "irq_affinity_get",
  "irq_affinity_set",
  "cpu_load",
] as const;
/** One of the driver calls. */
export type DriverCall = typeof DRIVER_CALLS[number];

/** One recorded call: the name, its arguments, the answer. */
export interface RecordedCall {
  readonly call: DriverCall;
  readonly device: number | null;
  readonly args: readonly number[];
  readonly result: number;
}

/** What a recorded device is. */
export interface RecordedDevice {
  readonly rxQueues: number;
  readonly txQueues: number;
  readonly info: NetpolicyInfo;
  /** Rules the device takes. */
  readonly ruleCapacity: number;
}

/** A rule in a recorded device. */
export interface RecordedRule {
  readonly flow: FlowSpec;
  readonly queue: number;
}

interface DeviceState {
  readonly device: RecordedDevice;
  rxQueues: number;
  txQueues: number;
  readonly rules: Map<number, RecordedRule>;
}

interface Fault {
  readonly call: DriverCall;
  /** null: on any device. */
  readonly device: number | null;
  readonly errno: number;
  callsBefore: number;
  timesLeft: number;
}

/** Irqs of a device and direction lie this far apart, so that an irq names its queue. */
const IRQS_PER_DEVICE = 4096;
const IRQS_PER_DIRECTION = 2048;

/** The recording driver. Irqs of a queue pair are one vector for both directions. */
export class RecordingDriver implements Driver {
  readonly calls: RecordedCall[] = [];
  readonly #devices = new Map<number, DeviceState>();
  readonly #faults: Fault[] = [];
  readonly #affinity = new Map<number, Uint32Array>();
  readonly #loads = new Map<number, number>();
  readonly #onlineWords: (words: number) => Uint32Array;

  /** @param cpus CPUs that irqs go to before anybody sets their affinity. */
  constructor(cpus: readonly number[]) {
    this.#onlineWords = (words) => {
      const mask = new Uint32Array(words);
      for (const cpu of cpus) mask[cpu >> 5] = (mask[cpu >> 5] ?? 0) | (1 << (cpu & 31));
      return mask;
    };
  }

  /** Makes a device known under the manager's number for it. */
  attach(number: number, device: RecordedDevice): void {
    const { rxQueues, txQueues } = device;
    this.#devices.set(number, { device, rxQueues, txQueues, rules: new Map() });
  }

  /** Forgets a device, its rules and its irqs. */
  detach(number: number): void {
    this.#devices.delete(number);
    for (const irq of [...this.#affinity.keys()]) {
      if (Math.floor(irq / IRQS_PER_DEVICE) === number) this.#affinity.delete(irq);
    }
  }

  /** ethtool -L: other queue counts from now on. */
  setChannels(number: number, counts: { readonly rx: number; readonly tx: number }): void {
    const state = this.#devices.get(number);
    if (state === undefined) return;
    state.rxQueues = counts.rx;
    state.txQueues = counts.tx;
  }

  /** Load that a CPU reports, per cent. */
  setLoad(cpu: number, percent: number): void {
    this.#loads.set(cpu, percent);
  }

  /**
   * Makes the next `times` calls fail, once `after` of them have passed. Faults of one call are
   * used up in the order they came.
   */
  fail(
    fault: {
      readonly call: DriverCall;
      readonly device: number | null;
      readonly times: number;
      readonly errno: number;
      readonly after: number;
    },
  ): void {
    const { call, device, errno, times, after } = fault;
    this.#faults.push({ call, device, errno, callsBefore: after, timesLeft: times });
  }

  /** Rules in a device, by location. */
  rules(number: number): ReadonlyMap<number, RecordedRule> {
    return this.#devices.get(number)?.rules ?? new Map();
  }

  /** Affinity of every irq that was ever set, as lists of CPUs. */
  affinity(): Record<string, number[]> {
    const irqs = [...this.#affinity].sort(([a], [b]) => a - b);
    return Object.fromEntries(irqs.map(([irq, mask]) => [irq, cpusOf(mask)]));
  }

  netpolicyInit(device: number): NetpolicyInfo | number {
    const state = this.#devices.get(device);
    const failed = this.#failing("init", device);
    const result = failed !== 0 ? failed : state === undefined ? -ERRNO.ENODEV : 0;
    this.#record("init", device, [], result);
    return result < 0 || state === undefined ? result : state.device.info;
  }

  irqCount(device: number, direction: Direction): number {
    const state = this.#devices.get(device);
    const failed = this.#failing("irq_info", device);
    const queues = direction === 0 ? state?.rxQueues : state?.txQueues;
    const result = failed !== 0 ? failed : queues ?? -ERRNO.ENODEV;
    this.#record("irq_info", device, [direction], result);
    return result;
  }

  /** Not recorded: the answer of irq_info says how many there are. */
  irq(device: number, direction: Direction, queue: number): number {
    const state = this.#devices.get(device);
    if (state === undefined) return -ERRNO.ENODEV;
    const failed = this.#failing("irq", device);
    if (failed !== 0) return failed;
    const own = state.device.info.queuePair ? 0 : direction;
    return device * IRQS_PER_DEVICE + own * IRQS_PER_DIRECTION + queue;
  }

  setNetPolicy(device: number, policy: number, direction: Direction, queue: number): number {
    const result = this.#failing("set_policy", device);
    this.#record("set_policy", device, [policy, direction, queue], result);
    return result;
  }

  ruleInsert(device: number, flow: FlowSpec, queue: number): number {
    const state = this.#devices.get(device);
    const result = this.#failing("rule_insert", device) || this.#insert(state, flow, queue);
    this.#record("rule_insert", device, [queue], result);
    return result;
  }

  /** The highest free location, as ethtool searches for a driver that has no special locations. */
  #insert(state: DeviceState | undefined, flow: FlowSpec, queue: number): number {
    if (state === undefined) return -ERRNO.ENODEV;
    for (let location = state.device.ruleCapacity - 1; location >= 0; location--) {
      if (state.rules.has(location)) continue;
      state.rules.set(location, { flow, queue });
      return location;
    }
    return -ERRNO.ENOSPC;
  }

  ruleDelete(device: number, location: number): number {
    const state = this.#devices.get(device);
    let result = this.#failing("rule_delete", device);
    if (result === 0 && !state?.rules.delete(location)) result = -ERRNO.ENOENT;
    this.#record("rule_delete", device, [location], result);
    return result;
  }

  irqAffinityGet(irq: number, mask: Uint32Array): number {
    const result = this.#failing("irq_affinity_get", Math.floor(irq / IRQS_PER_DEVICE));
    if (result === 0) mask.set(this.#affinity.get(irq) ?? this.#onlineWords(mask.length));
    this.#record("irq_affinity_get", Math.floor(irq / IRQS_PER_DEVICE), [irq], result);
    return result;
  }

  irqAffinitySet(irq: number, mask: Uint32Array): number {
    const result = this.#failing("irq_affinity_set", Math.floor(irq / IRQS_PER_DEVICE));
    if (result === 0) this.#affinity.set(irq, mask.slice());
    this.#record("irq_affinity_set", Math.floor(irq / IRQS_PER_DEVICE), [irq], result);
    return result;
  }

  /** Not recorded: the load-aware strategy asks for it at every choice. */
  cpuLoad(cpu: number): number {
    return this.#failing("cpu_load", null) || (this.#loads.get(cpu) ?? 0);
  }

  /** Negative errno of the fault that hits this call, 0 if none does. */
  #failing(call: DriverCall, device: number | null): number {
    const fault = this.#faults.find((each) =>
      each.call === call && each.timesLeft > 0 && (each.device === null || each.device === device)
    );
    if (fault === undefined) return 0;
    if (fault.callsBefore > 0) {
      fault.callsBefore--;
      return 0;
    }
    fault.timesLeft--;
    return -fault.errno;
  }

  #record(call: DriverCall, device: number, args: readonly number[], result: number): void {
    this.calls.push({ call, device, args, result });
  }
}

function cpusOf(mask: Uint32Array): number[] {
  return [...mask].flatMap((word, index) =>
    Array.from({ length: 32 }, (_, bit) => bit)
      .filter((bit) => ((word >>> bit) & 1) === 1)
      .map((bit) => index * 32 + bit)
  );
}
