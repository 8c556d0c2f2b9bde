/**
 * The form of an exploration: one file says which host is explored, by which operations, with how
 * many driver failures. Topology and devices are those of a scenario script.
 *
 * @module
 */

import { basename, resolve } from "node:path";
import {
  type Finding,
  JSONC_ENDING,
  type JsoncDocument,
  jsoncNames,
  parseJsonc,
  readText,
} from "../jsonc.ts";
import { ERRNO, type ErrnoName } from "../policy/errno.ts";
import { DRIVER_CALLS, type DriverCall } from "../policy/recorder.ts";
import {
  type Scenario,
  SCENARIO_SCHEMA,
  type ScenarioDevice,
  scenarioRelations,
} from "../policy/scenario_schema.ts";
import type { Capacities } from "../policy/views.ts";
import { WORKLOADS_FOLDER } from "../spec.ts";
import type { TopologyText } from "../topology.ts";

/** Folder of the built-in explorations. */
export const EXPLORATIONS_FOLDER: string = resolve(WORKLOADS_FOLDER, "explorations");

/** What is done in every state; the keys are operations of a scenario script. */
export interface Operations {
  /** Texts written to the policy file of every device. */
  readonly "proc.write"?: readonly string[];
  /** Devices go down and come up. */
  readonly "dev.down"?: boolean;
  /** Devices are unregistered, and registered again in the order of their numbers. */
  readonly "dev.unregister"?: boolean;
  /** Channel counts, of every device. */
  readonly channels?: readonly number[];
  /** CPUs that go offline and come back. */
  readonly "cpu.offline"?: readonly number[];
  /** A task is created while there are fewer than this many; tasks exit. */
  readonly task?: number;
  /** Policies that tasks ask for, by name. */
  readonly "task.write"?: readonly string[];
  readonly fork?: boolean;
  /** CPU lists a task is restricted to. */
  readonly affinity?: readonly (readonly number[])[];
  /** Sockets are opened on every device: alone, or of every task; sockets close. */
  readonly socket?: readonly ("alone" | "task")[];
  readonly accept?: boolean;
  readonly bind?: boolean;
  /** Policies that sockets ask for. */
  readonly setsockopt?: readonly string[];
  /** Directions of packets without a rule. */
  readonly packet?: readonly ("rx" | "tx")[];
  /** Received packets of this many flows, with their rule. */
  readonly flows?: number;
  /** Loads, per cent, that every CPU takes. */
  readonly load?: readonly number[];
  /** Both strategies are set. */
  readonly strategy?: boolean;
}

/** What an exploration that comes to its end must have found, exactly. */
export interface ExpectedCounts {
  readonly states: number;
  readonly transitions: number;
  /** Most operations on the shortest way to a state. */
  readonly depth: number;
}

/** An exploration file, defaults filled in. */
export interface Exploration {
  readonly name: string;
  readonly title: string;
  readonly profile: "ci" | "full";
  readonly topology: TopologyText;
  readonly devices: readonly ScenarioDevice[];
  readonly strategy: "round-robin" | "load-aware";
  readonly partition: "rfc" | "latency-first";
  readonly capacities: {
    readonly owners: number;
    readonly rules: number;
    readonly allowed: number;
    readonly buckets: number;
  };
  /** Highest version of a map; 0: versions are folded, so that the counter has no part. */
  readonly version_max: number;
  /** Most driver calls that fail within one operation. */
  readonly faults: 0 | 1 | 2;
  /** What a failing driver call answers; EIO where nothing is said. */
  readonly errnos?: Readonly<Partial<Record<DriverCall, ErrnoName>>>;
  /** False: states that differ by which CPU of a node is online only are not one. */
  readonly cpu_symmetry?: boolean;
  readonly operations: Operations;
  readonly expect?: ExpectedCounts;
}

/** CPUs, queues and owners of an exploration are few: more would never come to an end. */
const SMALL = 8;

const { topology, devices, strategy, partition } = SCENARIO_SCHEMA.properties;
const texts = { type: "array", items: { type: "string" }, minItems: 1 };
const numbers = (minimum: number, maximum: number) => ({
  type: "array",
  items: { type: "integer", minimum, maximum },
  minItems: 1,
  uniqueItems: true,
});
const count = (minimum: number, maximum: number) => ({ type: "integer", minimum, maximum });
const POLICY_NAMES = ["NONE", "CPU", "BULK", "LATENCY", "MIX", "INVALID"];

const operations = {
  type: "object",
  minProperties: 1,
  properties: {
    "proc.write": texts,
    "dev.down": { type: "boolean" },
    "dev.unregister": { type: "boolean" },
    channels: numbers(1, SMALL),
    "cpu.offline": numbers(0, SMALL - 1),
    task: count(1, SMALL),
    "task.write": texts,
    fork: { type: "boolean" },
    affinity: { type: "array", items: numbers(0, SMALL - 1), minItems: 1 },
    socket: { type: "array", items: { enum: ["alone", "task"] }, minItems: 1 },
    accept: { type: "boolean" },
    bind: { type: "boolean" },
    setsockopt: { type: "array", items: { enum: POLICY_NAMES }, minItems: 1 },
    packet: { type: "array", items: { enum: ["rx", "tx"] }, minItems: 1 },
    flows: count(1, 4),
    load: numbers(0, 100),
    strategy: { type: "boolean" },
  },
  additionalProperties: false,
  description: "operations done in every state, with the values of their operand",
};

/** JSON Schema 2020-12 of an exploration. */
export const EXPLORATION_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Exploration of the NET policy lab",
  type: "object",
  properties: {
    $schema: { type: "string" },
    title: { type: "string", minLength: 1 },
    profile: { enum: ["ci", "full"], default: "ci" },
    topology,
    devices: { ...devices, maxItems: 2 },
    strategy,
    partition,
    capacities: {
      type: "object",
      properties: {
        owners: { ...count(1, SMALL), default: 1 },
        rules: { ...count(0, SMALL), default: 0 },
        allowed: { ...count(0, SMALL), default: 0 },
        buckets: { enum: [1, 2, 4, 8], default: 1 },
      },
      default: {},
      additionalProperties: false,
    },
    version_max: { ...count(0, 8), default: 0 },
    faults: { enum: [0, 1, 2], default: 0, description: "driver failures in one operation" },
    errnos: {
      type: "object",
      properties: Object.fromEntries(
        DRIVER_CALLS.map((call) => [call, { enum: Object.keys(ERRNO) }]),
      ),
      additionalProperties: false,
      description: "errno of a failing driver call; EIO where nothing is said",
    },
    cpu_symmetry: {
      type: "boolean",
      default: true,
      description: "states that differ only by which CPU of a node is online are one",
    },
    operations,
    expect: {
      type: "object",
      properties: {
        states: count(1, 1e9),
        transitions: count(0, 1e10),
        depth: count(0, 1000),
      },
      required: ["states", "transitions", "depth"],
      additionalProperties: false,
      description: "the exact counts at the fixed point",
    },
  },
  required: ["title", "topology", "devices", "operations"],
  additionalProperties: false,
};

/** Mistakes in an exploration that fits its schema. */
function explorationRelations(document: JsoncDocument<Exploration>): Finding[] {
  const exploration = document.value;
  const findings: Finding[] = scenarioRelations({
    ...document,
    value: { ...exploration, steps: [] } as Scenario,
  });
  const refuse = (path: (string | number)[], message: string) => findings.push({ path, message });
  const cpus = exploration.topology.nodes.flatMap((node) => node.cpus);
  if (cpus.some((cpu) => cpu >= SMALL)) {
    refuse(["topology", "nodes"], `topology has a CPU above ${SMALL - 1}: accepted are 0 to 7`);
  }
  const { operations } = exploration;
  const named: [string, readonly number[]][] = [
    ["cpu.offline", operations["cpu.offline"] ?? []],
    ["affinity", operations.affinity?.flat() ?? []],
  ];
  for (const [key, numbers] of named) {
    const unknown = numbers.find((cpu) => !cpus.includes(cpu));
    if (unknown === undefined) continue;
    refuse(
      ["operations", key],
      `operations.${key} names CPU ${unknown}: the topology has no such CPU`,
    );
  }
  exploration.devices.forEach((device, index) => {
    if (Math.max(device.rxQueues, device.txQueues) <= SMALL) return;
    refuse(
      ["devices", index, "rxQueues"],
      `devices[${index}] has more than ${SMALL} queues: an exploration of it would never end`,
    );
  });
  return findings;
}

/** Names of the built-in explorations, sorted. */
export function builtinExplorations(): Promise<string[]> {
  return jsoncNames(EXPLORATIONS_FOLDER);
}

/**
 * Reads an exploration by its file.
 *
 * @throws {UserError} for the first mistake, with its place.
 */
export async function readExploration(file: string): Promise<Exploration> {
  const name = basename(file, JSONC_ENDING);
  const { value } = parseJsonc<Exploration>(await readText(file), file, {
    schema: EXPLORATION_SCHEMA,
    relations: explorationRelations,
  });
  return { ...value, name };
}

/** Reads a built-in exploration. */
export async function readBuiltin(name: string): Promise<Exploration> {
  return await readExploration(resolve(EXPLORATIONS_FOLDER, name + JSONC_ENDING));
}

/** Sizes of the manager's tables for an exploration. */
export function capacitiesOf(exploration: Exploration): Capacities {
  const { topology, devices, capacities, operations } = exploration;
  return {
    cpus: Math.max(...topology.nodes.flatMap((node) => node.cpus)) + 1,
    nodes: Math.max(...topology.nodes.map((node) => node.id)) + 1,
    devices: devices.length,
    queues: Math.max(
      ...devices.flatMap((device) => [device.rxQueues, device.txQueues]),
      ...operations.channels ?? [],
    ),
    ...capacities,
  };
}
