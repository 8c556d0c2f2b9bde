/**
 * One case of the machine's seeds: a machine, what runs on it, its faults and what is done to it
 * meanwhile. All of it is data, so that a case that fails can be stored, shrunk and repeated.
 * `machine_draw.ts` draws cases, `machine_run.ts` runs them.
 *
 * @module
 */

import type { DevicePolicy } from "../record.ts";
import type { MachineSpec, WorkloadGroup } from "../spec.ts";

/** Operations of the driver that may fail. */
export const DRIVER_FAULTS = [
  "irqCount",
  "setNetPolicy",
  "ruleFull",
  "ruleInsert",
  "ruleDelete",
] as const;
/** One of them. */
export type DriverFault = typeof DRIVER_FAULTS[number];

/** Something that is done to the host while it works, microseconds from its start. */
export type Action =
  & { readonly at_us: number }
  & (
    | { readonly ethtool: string }
    | { readonly policy: DevicePolicy }
    | { readonly offline: number }
    | { readonly online: number }
    | { readonly device: "down" | "up" }
  );

/** A case. */
export interface MachineCase {
  readonly seed: number;
  readonly machine: MachineSpec;
  readonly groups: readonly WorkloadGroup[];
  readonly policy: DevicePolicy;
  /** With faults and actions, then without. */
  readonly safety_us: number;
  readonly liveness_us: number;
  /** Costs of the safety phase alone. */
  readonly faults: Readonly<Record<string, number>>;
  /** In how many of a hundred calls an operation of the driver fails. */
  readonly driver_faults: Readonly<Partial<Record<DriverFault, number>>>;
  readonly actions: readonly Action[];
}

/** What an action is, for counts. */
export function actionName(action: Action): string {
  if ("ethtool" in action) return `ethtool ${action.ethtool.split(" ")[0]}`;
  if ("policy" in action) return "policy";
  if ("offline" in action) return "offline";
  return "online" in action ? "online" : `device ${action.device}`;
}

/** An action in words. */
export function actionText(action: Action): string {
  if ("ethtool" in action) return `ethtool ${action.ethtool}`;
  if ("policy" in action) return `device policy ${action.policy}`;
  if ("offline" in action) return `CPU ${action.offline} offline`;
  return "online" in action ? `CPU ${action.online} online` : `device ${action.device}`;
}
