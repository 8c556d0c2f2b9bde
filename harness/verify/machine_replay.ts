/**
 * Repeats a case of the machine's seeds from the file that the verifier left, and tells what
 * happened last.
 *
 * @module
 */

import { readJsonc } from "../jsonc.ts";
import { DEVICE_POLICIES } from "../record.ts";
import { actionText, type MachineCase } from "./machine_case.ts";
import { runCase } from "./machine_run.ts";
import { machineSubject } from "./part_machine.ts";

/** What a file must have to be a case; the verifier writes it. */
const CASE_SCHEMA = {
  type: "object",
  required: [
    "seed",
    "machine",
    "groups",
    "policy",
    "safety_us",
    "liveness_us",
    "faults",
    "driver_faults",
    "actions",
  ],
  additionalProperties: false,
  properties: {
    seed: { type: "integer" },
    machine: {
      type: "object",
      required: ["host", "nic", "costs"],
      properties: {
        host: { type: "object" },
        nic: { type: "object" },
        costs: { type: "object", additionalProperties: { type: "integer" } },
      },
    },
    groups: { type: "array", items: { type: "object" }, minItems: 1 },
    policy: { enum: DEVICE_POLICIES },
    safety_us: { type: "integer", minimum: 0 },
    liveness_us: { type: "integer", minimum: 1 },
    faults: { type: "object", additionalProperties: { type: "integer", minimum: 0 } },
    driver_faults: { type: "object", additionalProperties: { type: "integer" } },
    actions: {
      type: "array",
      items: { type: "object", required: ["at_us"], properties: { at_us: { type: "number" } } },
    },
  },
};

/** What a repeated case shows. */
export interface Replay {
  readonly isBroken: boolean;
  readonly text: string;
}

/**
 * Runs the case of a file.
 *
 * @throws {UserError} where the file is no case.
 */
export async function replayCase(file: string): Promise<Replay> {
  const stored = await readJsonc<MachineCase>(file, CASE_SCHEMA);
  const { modules, base } = await machineSubject();
  const costs = { ...base.costs, ...stored.machine.costs };
  const one = { ...stored, machine: { ...stored.machine, costs } };
  const { sentence, tail, ns, events } = runCase(modules, one);
  const groups = one.groups.map(({ name, test, connections }) => `${name}: ${connections} ${test}`);
  const faults = Object.entries({ ...one.faults, ...one.driver_faults })
    .map(([name, value]) => `${name} ${value}`);
  const lines = [
    `Machine: ${one.machine.host.nodes.map(({ cpus }) => `CPUs ${cpus.join(",")}`).join("; ")}; ` +
    `${one.machine.nic.queue_pairs} queues at ${one.machine.nic.speed_gbps} Gb/s, ` +
    `policy ${one.policy}`,
    `Load: ${groups.join("; ")}`,
    `Faults for ${one.safety_us} us: ${faults.length === 0 ? "none" : faults.join(", ")}`,
    ...one.actions.map((action) => `At ${action.at_us} us: ${actionText(action)}`),
    "",
    ...tail,
    "",
    sentence === null
      ? `All holds: ${events} events, ${(ns / 1e3).toFixed(1)} us`
      : `BROKEN at ${(ns / 1e3).toFixed(4)} us: ${sentence}`,
  ];
  return { isBroken: sentence !== null, text: lines.join("\n") + "\n" };
}
