/**
 * The form of a scenario script: its JSON Schema, its types, and the relations a schema cannot say.
 *
 * @module
 */

import { ERRNO, errnoName } from "./errno.ts";
import type { Finding, JsoncDocument } from "../jsonc.ts";
import { topologyFindings, type TopologyText } from "../topology.ts";
import { flowFault, type FlowText } from "./flow.ts";
import { DRIVER_CALLS, type DriverCall } from "./recorder.ts";

/** A device of a script. */
export interface ScenarioDevice {
  readonly name: string;
  readonly node: number;
  readonly netns: number;
  readonly rxQueues: number;
  readonly txQueues: number;
  readonly queuePair: boolean;
  readonly mix: boolean;
  readonly irqAffinity: boolean;
  readonly policies: readonly ("NONE" | "CPU" | "BULK" | "LATENCY")[];
  readonly maxRecords: number;
  readonly ruleCapacity: number;
}

/** One step. Which keys an operation has stands in {@link SCENARIO_SCHEMA}. */
export interface ScenarioStep {
  readonly op: string;
  readonly dev?: string;
  readonly text?: string;
  readonly to?: string;
  readonly pid?: number;
  readonly child?: number;
  readonly id?: number;
  readonly listener?: number;
  readonly policy?: string | number;
  readonly dir?: "rx" | "tx";
  readonly flow?: FlowText;
  readonly cpu?: number;
  readonly cpus?: readonly number[];
  readonly percent?: number;
  readonly count?: number;
  readonly xps?: number;
  readonly hash?: number;
  readonly call?: DriverCall;
  readonly times?: number;
  readonly after?: number;
  readonly errno?: keyof typeof ERRNO;
  readonly name?: string;
}

/** A scenario script, defaults filled in. */
export interface Scenario {
  readonly topology: TopologyText;
  readonly devices: readonly ScenarioDevice[];
  readonly strategy: "round-robin" | "load-aware";
  readonly partition: "rfc" | "latency-first";
  readonly capacities?: { readonly owners?: number; readonly rules?: number };
  readonly steps: readonly ScenarioStep[];
}

const HINTS = ["NONE", "CPU", "BULK", "LATENCY"];
const CPU = { type: "integer", minimum: 0, maximum: 1023, description: "CPU number" };
const NODE = { type: "integer", minimum: 0, maximum: 63, description: "NUMA node" };
const DEV = { type: "string", description: "name of a device" };
const ID = { type: "integer", minimum: 1, maximum: 4294967295 };
const PID = { ...ID, description: "task" };
const SOCKET = { ...ID, description: "socket" };
const QUEUES = { type: "integer", minimum: 1, maximum: 1536, description: "queues" };
const PORT = { type: "integer", minimum: 0, maximum: 65535, description: "port" };
const TEXT = { type: "string", description: "text written, as it is" };
const CPUS = { type: "array", items: CPU, uniqueItems: true, minItems: 1, maxItems: 1024 };
const FLOW = {
  type: "object",
  properties: {
    proto: { enum: ["tcp", "udp"] },
    src: { type: "string", description: "IPv4 or IPv6 address" },
    sport: PORT,
    dst: { type: "string", description: "IPv4 or IPv6 address" },
    dport: PORT,
  },
  required: ["proto", "src", "sport", "dst", "dport"],
  additionalProperties: false,
};
const QUEUE = { type: "integer", minimum: -1, maximum: 1535, description: "queue, -1 for none" };

type Keys = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Keys of each operation; those whose name ends in ? can be left out. */
const OPERATIONS: Readonly<Record<string, Keys>> = {
  "proc.write": { dev: DEV, text: TEXT },
  "proc.read": { dev: DEV },
  "objects": { dev: DEV },
  "status": { dev: DEV },
  "task": { pid: PID, "policy?": { type: "string", description: "policy by name" } },
  "task.write": { pid: PID, text: TEXT },
  "task.read": { pid: PID },
  "fork": { pid: PID, child: PID },
  "exit": { pid: PID },
  "affinity": { pid: PID, cpus: CPUS },
  "socket": { id: SOCKET, "pid?": PID, "dev?": DEV },
  "setsockopt": {
    id: SOCKET,
    policy: { enum: [...HINTS, "MIX", "INVALID", -1, 0, 1, 2, 3, 4, 5], description: "policy" },
  },
  "getsockopt": { id: SOCKET },
  "bind": { id: SOCKET, dev: DEV },
  "accept": { listener: SOCKET, id: SOCKET },
  "packet": { id: SOCKET, dir: { enum: ["rx", "tx"] }, "flow?": FLOW },
  "xmit": { id: SOCKET, "xps?": QUEUE, "hash?": QUEUE },
  "close": { id: SOCKET },
  "load": { cpu: CPU, percent: { type: "integer", minimum: 0, maximum: 100 } },
  "cpu.offline": { cpu: CPU },
  "cpu.online": { cpu: CPU },
  "channels": { dev: DEV, count: QUEUES },
  "dev.up": { dev: DEV },
  "dev.down": { dev: DEV },
  "dev.rename": { dev: DEV, to: DEV },
  "dev.unregister": { dev: DEV },
  "dev.register": { dev: { ...DEV, description: "a device of the list that was unregistered" } },
  "driver.fail": {
    "dev?": DEV,
    call: { enum: DRIVER_CALLS },
    "times?": { type: "integer", minimum: 1, maximum: 1000000, default: 1 },
    "after?": { type: "integer", minimum: 0, maximum: 1000000, default: 0 },
    "errno?": { enum: Object.keys(ERRNO), default: errnoName(ERRNO.EIO) },
  },
  "strategy": { name: { enum: ["round-robin", "load-aware"] } },
  "partition": { name: { enum: ["rfc", "latency-first"] } },
  "log": {},
};

/** ajv fills defaults in only outside of `if` and `then`; the interpreter fills those of steps. */
function stepSchema(): Record<string, unknown> {
  const rules = Object.entries(OPERATIONS).map(([op, keys]) => {
    const entries = Object.entries(keys).map(([key, schema]) => {
      const { default: _filledByTheInterpreter, ...rest } = schema as Record<string, unknown>;
      return [key.replace("?", ""), rest];
    });
    return {
      if: { properties: { op: { const: op } } },
      then: {
        properties: { op: {}, ...Object.fromEntries(entries) },
        required: Object.keys(keys).filter((key) => !key.endsWith("?")),
        additionalProperties: false,
      },
    };
  });
  const op = { enum: Object.keys(OPERATIONS), description: "operation" };
  return { type: "object", properties: { op }, required: ["op"], allOf: rules };
}

/** JSON Schema 2020-12 of a scenario script. */
export const SCENARIO_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Scenario script of the NET policy lab",
  type: "object",
  properties: {
    $schema: { type: "string" },
    topology: {
      type: "object",
      properties: {
        nodes: {
          type: "array",
          minItems: 1,
          items: {
            type: "object",
            properties: { id: NODE, cpus: CPUS },
            required: ["id", "cpus"],
            additionalProperties: false,
          },
        },
        distance: {
          type: "array",
          items: { type: "array", items: { type: "integer", minimum: 10, maximum: 255 } },
          description: "SLIT distances, a row per node",
        },
        siblings: { type: "array", items: { ...CPUS }, default: [] },
        online: { ...CPUS, description: "online CPUs, all if left out" },
      },
      required: ["nodes", "distance"],
      additionalProperties: false,
    },
    devices: {
      type: "array",
      minItems: 1,
      maxItems: 64,
      items: {
        type: "object",
        properties: {
          name: DEV,
          node: { type: "integer", minimum: -1, maximum: 63, default: -1 },
          netns: { type: "integer", minimum: 0, maximum: 4294967295, default: 0 },
          rxQueues: QUEUES,
          txQueues: QUEUES,
          queuePair: { type: "boolean", default: true },
          mix: { type: "boolean", default: true },
          irqAffinity: { type: "boolean", default: true },
          policies: {
            type: "array",
            items: { enum: HINTS },
            uniqueItems: true,
            default: ["CPU", "BULK", "LATENCY"],
          },
          maxRecords: { type: "integer", minimum: 0, maximum: 4294967295, default: 0 },
          ruleCapacity: { type: "integer", minimum: 0, maximum: 8192, default: 7680 },
        },
        required: ["name", "rxQueues", "txQueues"],
        additionalProperties: false,
      },
    },
    strategy: { enum: ["round-robin", "load-aware"], default: "round-robin" },
    partition: { enum: ["rfc", "latency-first"], default: "rfc" },
    capacities: {
      type: "object",
      properties: {
        owners: { type: "integer", minimum: 1, maximum: 1048576 },
        rules: { type: "integer", minimum: 0, maximum: 1048576 },
      },
      additionalProperties: false,
      description: "sizes of the manager's tables, as many as the steps need if left out",
    },
    steps: { type: "array", items: stepSchema(), maxItems: 1000000 },
  },
  required: ["topology", "devices", "steps"],
  additionalProperties: false,
};

/** Mistakes in a script that fits its schema. */
export function scenarioRelations(document: JsoncDocument<Scenario>): Finding[] {
  const { topology } = document.value;
  const cpus = topology.nodes.flatMap((node) => node.cpus);
  return [
    ...topologyFindings(topology, ["topology"]),
    ...deviceFindings(document.value),
    ...stepFindings(document.value, new Set(cpus)),
  ];
}

function deviceFindings(scenario: Scenario): Finding[] {
  const findings: Finding[] = [];
  const nodes = new Set(scenario.topology.nodes.map((node) => node.id));
  scenario.devices.forEach((device, index) => {
    const path = ["devices", index];
    const same = (other: ScenarioDevice) =>
      other.name === device.name && other.netns === device.netns;
    if (scenario.devices.findIndex(same) !== index) {
      const message = `devices[${index}].name is "${device.name}": another device has that name`;
      findings.push({ path: [...path, "name"], message });
    }
    if (!/^(?!\.{1,2}$)[!-.0-9;-~]{1,15}$/.test(device.name)) {
      const message = `devices[${index}].name is ${JSON.stringify(device.name)}: accepted are ` +
        `1 to 15 ASCII characters without blank, "/" and ":"`;
      findings.push({ path: [...path, "name"], message });
    }
    if (device.node >= 0 && !nodes.has(device.node)) {
      const message = `devices[${index}].node is ${device.node}: the topology has no such node`;
      findings.push({ path: [...path, "node"], message });
    }
    if (device.queuePair && device.rxQueues !== device.txQueues) {
      const message = `devices[${index}] has queue pairs, but ${device.rxQueues} rx and ` +
        `${device.txQueues} tx queues: make them equal, or set queuePair to false`;
      findings.push({ path: [...path, "txQueues"], message });
    }
  });
  return findings;
}

function stepFindings(scenario: Scenario, cpus: ReadonlySet<number>): Finding[] {
  const findings: Finding[] = [];
  scenario.steps.forEach((step, index) => {
    const path = ["steps", index];
    for (const cpu of [...(step.cpus ?? []), ...(step.cpu === undefined ? [] : [step.cpu])]) {
      if (cpus.has(cpu)) continue;
      const key = step.cpus === undefined ? "cpu" : "cpus";
      const message = `steps[${index}].${key} names CPU ${cpu}: the topology has no such CPU`;
      findings.push({ path: [...path, key], message });
    }
    const fault = step.flow === undefined ? null : flowFault(step.flow);
    if (fault !== null) {
      const message = `steps[${index}].flow.${fault.key} is "${
        step.flow?.[fault.key]
      }": ${fault.why}`;
      findings.push({ path: [...path, "flow", fault.key], message });
    }
  });
  return findings;
}
