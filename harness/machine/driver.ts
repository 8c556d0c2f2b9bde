/**
 * The i40e driver of the model: the policy manager's operations, forwarded to machine.wasm, where
 * all state lies.
 *
 * Holds the one thing the device does not know: which throttling a policy means. Never calls the
 * manager.
 *
 * @module
 */

import type { Direction, Driver, FlowSpec, NetpolicyInfo } from "../policy/driver.ts";
import { ERRNO } from "../policy/errno.ts";
import { policyName } from "../policy/manager.ts";
import type { Coalesce, MachineSpec } from "../spec.ts";
import { type Address, Ethtool } from "./ethtool.ts";
import type { MachineCalls, MachineWasm } from "./wasm.ts";

/** CPU, BULK and LATENCY, as bits of their values. */
const AVAILABLE = 0b1110;
/** A direction's interval that follows the driver's own rule. */
const ADAPTIVE = -1;

/** Intervals of both directions; ADAPTIVE where the driver chooses. */
interface Intervals {
  readonly rx: number;
  readonly tx: number;
}

/** What a device without a policy has. */
export function stockIntervals(coalesce: Coalesce): Intervals {
  return {
    rx: coalesce.adaptive_rx ? ADAPTIVE : coalesce.rx_usecs,
    tx: coalesce.adaptive_tx ? ADAPTIVE : coalesce.tx_usecs,
  };
}

/** Driver of the one device of a machine. */
export class MachineDriver implements Driver {
  readonly #usecs: MachineSpec["nic"]["usecs"];
  readonly #stock: Intervals;
  #machine: MachineWasm | null = null;

  constructor(nic: Pick<MachineSpec["nic"], "usecs" | "coalesce">) {
    this.#usecs = nic.usecs;
    this.#stock = stockIntervals(nic.coalesce);
  }

  /** Gives the driver its device; before that every operation would be a fault. */
  attach(machine: MachineWasm): void {
    this.#machine = machine;
  }

  get #attached(): MachineWasm {
    if (this.#machine === null) throw new Error("The driver has no device yet");
    return this.#machine;
  }

  get #device(): MachineCalls {
    return this.#attached.calls;
  }

  netpolicyInit(_device: number): NetpolicyInfo {
    return {
      available: AVAILABLE,
      mix: true,
      queuePair: true,
      irqAffinity: true,
      // A record may need a rule.
      recordLimit: this.#attached.constants.RULE_LIMIT,
    };
  }

  irqCount(_device: number, _direction: Direction): number {
    return this.#device.nicQueues();
  }

  irq(_device: number, _direction: Direction, queue: number): number {
    return this.#device.nicIrq(queue);
  }

  setNetPolicy(_device: number, policy: number, direction: Direction, queue: number): number {
    const name = policyName(policy);
    if (name === null) return -ERRNO.EINVAL;
    if (name === "MIX" && queue >= 0) return -ERRNO.EINVAL;
    // A MIX device is told each mapped queue's policy right after; the others follow the default.
    const isDefault = name === "NONE" || name === "MIX";
    const usecs = isDefault ? this.#stock : this.#usecs[name];
    const queues = queue < 0
      ? Array.from({ length: this.#device.nicQueues() }, (_, index) => index)
      : [queue];
    for (const index of queues) {
      const refused = this.#setUsecs(index, direction, usecs);
      if (refused < 0) return refused;
    }
    return 0;
  }

  #setUsecs(queue: number, direction: Direction, usecs: Intervals): number {
    const rx = direction === 1 ? 0 : this.#device.nicUsecs(queue, 0, usecs.rx);
    const tx = direction === 0 ? 0 : this.#device.nicUsecs(queue, 1, usecs.tx);
    return Math.min(rx, tx);
  }

  ruleInsert(_device: number, flow: FlowSpec, queue: number): number {
    const address = (words: readonly number[]) => ({
      value: words.length === 1 ? words[0]! : words as unknown as Address,
    });
    return new Ethtool(this.#attached).insertRule({
      flowType: flow.type,
      sourceAddress: address(flow.source),
      destinationAddress: address(flow.destination),
      sourcePort: { value: flow.sourcePort },
      destinationPort: { value: flow.destinationPort },
      action: queue,
    });
  }

  ruleDelete(_device: number, location: number): number {
    return this.#device.ruleDelete(location);
  }

  irqAffinityGet(irq: number, mask: Uint32Array): number {
    mask.fill(0);
    mask[0] = this.#device.irqAffinity(irq, 0);
    if (mask.length > 1) mask[1] = this.#device.irqAffinity(irq, 1);
    return 0;
  }

  irqAffinitySet(irq: number, mask: Uint32Array): number {
    return this.#device.irqAffinitySet(irq, mask[0] ?? 0, mask[1] ?? 0);
  }

  cpuLoad(cpu: number): number {
    return this.#device.cpuLoadPercent(cpu);
  }
}
