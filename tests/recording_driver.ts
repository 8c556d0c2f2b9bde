/**
 * A driver for tests: it plays a host with network devices, writes down every call and fails the
 * calls it is told to fail.
 *
 * Two of them with the same plan behave alike, so that the compiled manager and the reference
 * model can be run side by side. It never looks at the manager, and never throws.
 *
 * @module
 */

import type { Direction, Driver, FlowSpec, NetpolicyInfo } from "../harness/policy/driver.ts";
import { ERRNO } from "../harness/policy/errno.ts";

/** Name of a driver operation. */
export type DriverCall = keyof Driver;

/** A simulated device. Queues may change (a channel change), the rest stays. */
export interface SimulatedDevice {
  readonly info: NetpolicyInfo;
  /** Queues in each direction. */
  rx: number;
  tx: number;
  /** Interrupt of queue 0; a queue pair shares one, else the tx interrupts lie 1536 above. */
  readonly irqBase: number;
  /** Rules the device holds; they are given the highest free location first. */
  readonly ruleCapacity: number;
  /** True if it takes rules for IPv6. */
  readonly ipv6: boolean;
}

/** Calls to be failed: `skip` of them pass, then `times` of them answer `-errno`. */
export interface Fault {
  readonly call: DriverCall;
  readonly skip: number;
  readonly times: number;
  readonly errno: number;
}

/** Words of an affinity mask: 1024 CPUs. */
const MASK_WORDS = 32;

/** The mask an interrupt has before anybody sets it: its two low words differ by interrupt. */
function initialMask(irq: number): Uint32Array {
  const mask = new Uint32Array(MASK_WORDS);
  mask[0] = (0xff ^ (irq & 0x7f)) >>> 0;
  return mask;
}

/** A rule in a simulated device. */
export interface HeldRule {
  readonly flow: FlowSpec;
  readonly queue: number;
}

/** The recording driver. */
export class RecordingDriver implements Driver {
  /** One line for each call since the last {@link takeCalls}: `name(arguments) = answer`. */
  #calls: string[] = [];
  #faults: { call: DriverCall; skip: number; times: number; errno: number }[] = [];
  /** A mask and its text, which views of the state ask for after every operation. */
  readonly #masks = new Map<number, { readonly words: Uint32Array; readonly text: string }>();
  readonly #rules = new Map<number, Map<number, HeldRule>>();

  /**
   * @param devices By the manager's device number.
   * @param loads Load of each CPU in per cent; 0 where there is none.
   */
  constructor(readonly devices: Map<number, SimulatedDevice>, readonly loads: number[] = []) {}

  /** Arms a fault; several may wait at once. */
  fail(fault: Fault): void {
    this.#faults.push({ ...fault });
  }

  /** Takes all faults back. */
  heal(): void {
    this.#faults = [];
  }

  /** The calls since the last time, oldest first. */
  takeCalls(): string[] {
    const calls = this.#calls;
    this.#calls = [];
    return calls;
  }

  /** Affinity masks that were ever touched, by interrupt, ascending. */
  masks(): [irq: number, mask: string][] {
    return [...this.#masks].sort(([a], [b]) => a - b).map(([irq, { text }]) => [irq, text]);
  }

  /** True if every interrupt has the mask it began with. */
  masksAreInitial(): boolean {
    return [...this.#masks].every(([irq, { text }]) => text === maskText(initialMask(irq)));
  }

  /** Rules that a device holds, by location. */
  heldRules(device: number): [location: number, rule: HeldRule][] {
    return [...this.#rules.get(device) ?? []].sort(([a], [b]) => a - b);
  }

  netpolicyInit(device: number): NetpolicyInfo | number {
    const known = this.devices.get(device);
    const info = this.#answer("netpolicyInit", [device], () => known === undefined ? -19 : 0);
    return info < 0 || known === undefined ? info : known.info;
  }

  irqCount(device: number, direction: Direction): number {
    return this.#answer("irqCount", [device, direction], () => {
      const known = this.devices.get(device);
      if (known === undefined) return -ERRNO.ENODEV;
      return direction === 0 ? known.rx : known.tx;
    });
  }

  irq(device: number, direction: Direction, queue: number): number {
    return this.#answer("irq", [device, direction, queue], () => {
      const known = this.devices.get(device);
      if (known === undefined) return -ERRNO.ENODEV;
      if (queue < 0 || queue >= (direction === 0 ? known.rx : known.tx)) return -ERRNO.EINVAL;
      return known.irqBase + queue + (direction === 1 && !known.info.queuePair ? 1536 : 0);
    });
  }

  setNetPolicy(device: number, policy: number, direction: Direction, queue: number): number {
    return this.#answer("setNetPolicy", [device, policy, direction, queue], () => 0);
  }

  ruleInsert(device: number, flow: FlowSpec, queue: number): number {
    return this.#answer("ruleInsert", [device, flowText(flow), queue], () => {
      const known = this.devices.get(device);
      if (known === undefined) return -ERRNO.ENODEV;
      if (!known.ipv6 && flow.type.endsWith("6")) return -ERRNO.EOPNOTSUPP;
      const held = this.#rules.get(device) ?? new Map<number, HeldRule>();
      this.#rules.set(device, held);
      for (let location = known.ruleCapacity - 1; location >= 0; location--) {
        if (held.has(location)) continue;
        held.set(location, { flow, queue });
        return location;
      }
      return -ERRNO.ENOSPC;
    });
  }

  ruleDelete(device: number, location: number): number {
    return this.#answer("ruleDelete", [device, location], () => {
      return this.#rules.get(device)?.delete(location) === true ? 0 : -ERRNO.ENOENT;
    });
  }

  irqAffinityGet(irq: number, mask: Uint32Array): number {
    return this.#answer("irqAffinityGet", [irq], () => {
      mask.set((this.#masks.get(irq)?.words ?? initialMask(irq)).subarray(0, mask.length));
      return 0;
    });
  }

  irqAffinitySet(irq: number, mask: Uint32Array): number {
    const text = maskText(mask);
    return this.#answer("irqAffinitySet", [irq, text], () => {
      const words = new Uint32Array(MASK_WORDS);
      words.set(mask);
      this.#masks.set(irq, { words, text });
      return 0;
    });
  }

  cpuLoad(cpu: number): number {
    return this.#answer("cpuLoad", [cpu], () => this.loads[cpu] ?? 0);
  }

  #answer(call: DriverCall, given: readonly (number | string)[], work: () => number): number {
    const answer = this.#faultOf(call) ?? work();
    this.#calls.push(`${call}(${given.join(", ")}) = ${answer}`);
    return answer;
  }

  /** The oldest fault of this call decides. */
  #faultOf(call: DriverCall): number | undefined {
    const fault = this.#faults.find((armed) => armed.call === call && armed.times > 0);
    if (fault === undefined) return undefined;
    if (fault.skip > 0) {
      fault.skip--;
      return undefined;
    }
    fault.times--;
    return -fault.errno;
  }
}

/** A mask as hexadecimal words, highest first, without leading zeros. */
function maskText(mask: Uint32Array): string {
  const words = [...mask].reverse().map((word) => word.toString(16).padStart(8, "0"));
  return words.join("").replace(/^0+(?=.)/, "");
}

/** A flow on one line. */
export function flowText(flow: FlowSpec): string {
  const address = (words: readonly number[]) => words.map((word) => word.toString(16)).join(":");
  return `${flow.type} ${address(flow.source)}/${flow.sourcePort} ` +
    `${address(flow.destination)}/${flow.destinationPort}`;
}
