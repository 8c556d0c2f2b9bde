/**
 * The model's driver with failures: operations of `ndo_*` and rules that answer an error now and
 * then, until they are healed. Counts what has failed.
 *
 * @module
 */

import { MachineDriver } from "../machine/driver.ts";
import type { Direction, FlowSpec } from "../policy/driver.ts";
import { ERRNO } from "../policy/errno.ts";
import type { MachineSpec } from "../spec.ts";
import type { DriverFault, MachineCase } from "./machine_case.ts";
import { Random } from "./walk.ts";

/** Driver of one case. */
export class FailingDriver extends MachineDriver {
  readonly #random: Random;
  readonly #planned: MachineCase["driver_faults"];
  #faults: MachineCase["driver_faults"] = {};
  /** Calls that failed, by fault. */
  readonly failed = new Map<DriverFault, number>();

  constructor(nic: MachineSpec["nic"], { seed, driver_faults }: MachineCase) {
    super(nic);
    this.#random = new Random(seed ^ 0x5eed);
    this.#planned = driver_faults;
  }

  /** Operations fail from here on: the device is set up. */
  arm(): void {
    this.#faults = this.#planned;
  }

  /** Nothing fails from here on. */
  heal(): void {
    this.#faults = {};
  }

  #fails(fault: DriverFault): boolean {
    const share = this.#faults[fault] ?? 0;
    if (share === 0 || this.#random.below(100) >= share) return false;
    this.failed.set(fault, (this.failed.get(fault) ?? 0) + 1);
    return true;
  }

  override irqCount(device: number, direction: Direction): number {
    return this.#fails("irqCount") ? -ERRNO.EIO : super.irqCount(device, direction);
  }

  override setNetPolicy(device: number, policy: number, way: Direction, queue: number): number {
    if (this.#fails("setNetPolicy")) return -ERRNO.EIO;
    return super.setNetPolicy(device, policy, way, queue);
  }

  override ruleInsert(device: number, flow: FlowSpec, queue: number): number {
    if (this.#fails("ruleFull")) return -ERRNO.ENOSPC;
    return this.#fails("ruleInsert") ? -ERRNO.EIO : super.ruleInsert(device, flow, queue);
  }

  override ruleDelete(device: number, location: number): number {
    return this.#fails("ruleDelete") ? -ERRNO.EIO : super.ruleDelete(device, location);
  }
}
