/**
 * The two input files: the workload (what traffic) and the machine (what it runs on). Types,
 * reading and validation. Never runs anything and never changes a file.
 *
 * The JSON Schemas in `workloads/schema.json` and `workloads/machines/schema.json` are what
 * reading checks against; the types say the same to the compiler.
 *
 * @module
 */

import { canonicalJson } from "./canonical_json.ts";
import { basename, dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { AnySchemaObject } from "ajv";
import { UserError } from "./errors.ts";
import { JSONC_ENDING, jsoncNames, parseJsonc, readText } from "./jsonc.ts";
import { type ProcessorName, PROCESSORS } from "./machine/processors.ts";
import { bypassesStack, type DevicePolicy, type HintPolicy, type TestName } from "./record.ts";
import { machineRelations, workloadRelations } from "./spec_relations.ts";
import { didYouMean } from "./suggest.ts";

/** Closed loop: a new request follows a response. Open loop: requests follow a schedule. */
export type Arrival =
  | { readonly loop: "closed" }
  | {
    readonly loop: "open";
    /** Offered load of the whole group. */
    readonly rate_per_second: number;
    readonly distribution: "poisson" | "constant" | "facebook";
    /** One schedule whose requests take any free connection, or one for each connection. */
    readonly schedule?: "group" | "connection";
    /** Bursts: the load is there for the one time and not for the other, in turn. */
    readonly on_ms?: number;
    readonly off_ms?: number;
  };

/** Payload of requests and responses: the group's own bytes, or drawn for each request. */
export type Sizes =
  | { readonly distribution: "constant" }
  | {
    /** memcached at Facebook, as mutilate generates it. */
    readonly distribution: "facebook";
    /** Share of requests that write a value. */
    readonly update_percent: number;
  };

/** How service times spread around their mean, in the order of core/machine/service.ts. */
export const SERVICE_DISTRIBUTIONS = ["constant", "exponential", "lognormal", "bimodal"] as const;
/** One of them. */
export type ServiceDistribution = typeof SERVICE_DISTRIBUTIONS[number];

/** Connections of one kind within a workload. */
export interface WorkloadGroup {
  readonly name: string;
  readonly test: TestName;
  /** Version of IP that its flows use; 4 unless told. */
  readonly ip_version?: 4 | 6;
  /** MAERTS: whether the server sends a file with sendfile, without a copy; not unless told. */
  readonly sendfile?: boolean;
  /** Parallel connections (for CRR: clients that open one connection after the other). */
  readonly connections: number;
  /**
   * What this application would ask for. On a MIX device its sockets ask for it; on a device with
   * one policy they ask for that policy; without a policy they ask for nothing.
   */
  readonly hint: HintPolicy;
  /** Payload bytes of a request, of a response (RR, CRR). */
  readonly request_bytes: number;
  readonly response_bytes: number;
  readonly sizes: Sizes;
  /** Payload bytes of one send (STREAM, MAERTS) or frame (XDP_DROP, XSK_TX). */
  readonly message_bytes: number;
  /** Transactions in flight per connection (netperf's burst + 1). */
  readonly outstanding: number;
  readonly arrival: Arrival;
  /** CPU time the server application spends on a transaction, ns; the mean if it varies. */
  readonly service_ns: number;
  readonly service_distribution: ServiceDistribution;
  /** Server threads that share the connections; 0 is a thread for each connection. */
  readonly threads: number;
  /** Whether each server thread stays on the CPU it starts on. */
  readonly pin: boolean;
  /** Which of the threads gets a connection: in turn, or that of its receive queue's CPU. */
  readonly assignment: "round_robin" | "by_queue";
  /** Name of a group before it whose threads serve this one as well. */
  readonly served_by?: string;
  /** How the clients run; see `clientOf` for what stands in its place. */
  readonly client?: Partial<GroupClient>;
}

/** The clients of a group. */
export interface GroupClient {
  /** On the machine's second host, where it has one; else ideal. */
  readonly host: boolean;
  /** Client threads that share the connections; 0 is a thread for each connection. */
  readonly threads: number;
  /** Whether each client thread stays on the CPU it starts on. */
  readonly pin: boolean;
  /** Longest time that a waiting thread lets a request lie that has fallen due; 0 for none. */
  readonly wait_us: number;
  /** Latency counts from when a request is due, or from when its client sends it. */
  readonly latency_from: "due" | "send";
}

/** The clients of a group, with what stands for what is not given. */
export function clientOf({ client, test }: Pick<WorkloadGroup, "client" | "test">): GroupClient {
  // What passes the stack by has no sockets on the second host either.
  const host = !bypassesStack(test);
  return { host, threads: 0, pin: false, wait_us: 0, latency_from: "due", ...client };
}

/** One workload file, defaults filled in. */
export interface WorkloadSpec {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Name of a file in workloads/machines, without ending. */
  readonly machine: string;
  readonly duration: {
    /** Virtual time on the model. */
    readonly model: { readonly warmup_ms: number; readonly measure_ms: number };
    /** Wall time on a live target. */
    readonly live: { readonly warmup_ms: number; readonly measure_ms: number };
  };
  /** Targets on which the default matrix runs this workload. */
  readonly targets: readonly ("model" | "live")[];
  /** Whether the default matrix has it at all. */
  readonly in_default_matrix: boolean;
  readonly groups: readonly WorkloadGroup[];
  /** What happens to the device meanwhile; nothing unless told. */
  readonly operations?: readonly Operation[];
}

/** An operation on the device while a workload runs: of exactly one kind. */
export interface Operation {
  /** Milliseconds from the end of the warm-up. */
  readonly at_ms: number;
  /** Command line of ethtool, without the program's name. */
  readonly ethtool?: string;
  /** Policy that the device gets; "own" is the one that the run is made under. */
  readonly policy?: DevicePolicy | "own";
  /** Number of a CPU that goes offline. */
  readonly cpu_offline?: number;
  /** Number of a CPU that comes back. */
  readonly cpu_online?: number;
}

/** Interrupt coalescing by the names of `ethtool -C`. */
export interface Coalesce {
  readonly adaptive_rx: boolean;
  readonly adaptive_tx: boolean;
  /** Intervals of a side that is not adaptive, 0..8160. */
  readonly rx_usecs: number;
  readonly tx_usecs: number;
  /** Cap on each vector's rate (INTRL), 0..236, rounded down to 4; 0 for none. */
  readonly rx_usecs_high: number;
}

/** One machine file, defaults filled in: the system under test. */
export interface MachineSpec {
  readonly name: string;
  readonly title: string;
  readonly nic: {
    readonly model: "X710" | "XXV710" | "XL710" | "X520" | "e1000" | "e1000e" | "ConnectX-5";
    readonly speed_gbps: 1 | 10 | 25 | 40 | 100;
    readonly queue_pairs: number;
    /** Descriptors per ring, 64..4096. */
    readonly ring: number;
    /** NUMA node of the slot; -1 where unknown. */
    readonly node: number;
    /** What `ethtool -C` has set before the run: the device without a policy. */
    readonly coalesce: Coalesce;
    /** What chooses the interval of a side that adapts: the i40e driver's rule, or another. */
    readonly moderation: "adaptive" | "dim" | "dim_cqe" | "latency_classes";
    /** One throttling counter for rx and tx of a vector, as ixgbe has it; i40e has two. */
    readonly itr_per_vector: boolean;
    /** Masks of CPUs, hexadecimal, that a receive queue's packets are spread over; "0" none. */
    readonly rps_cpus: string | readonly string[];
    /** Masks of CPUs that send on a queue; without them the driver's: queue i and the i-th CPU. */
    readonly xps_cpus?: string | readonly string[];
    /** Masks of receive queues whose flows are answered on a queue; "0" none. */
    readonly xps_rxqs: string | readonly string[];
    /** Each NAPI is polled by a thread of its own in the place of a softirq. */
    readonly threaded: boolean;
    /** These threads stay on the CPU of their interrupt. */
    readonly threaded_pin: boolean;
    /** Rx and tx usecs per policy; without one the device has what `coalesce` says. */
    readonly usecs: Readonly<
      Record<"CPU" | "BULK" | "LATENCY", { readonly rx: number; readonly tx: number }>
    >;
  };
  readonly host: {
    readonly nodes: readonly { readonly id: number; readonly cpus: readonly number[] }[];
    /** Square matrix of ACPI SLIT distances, 10 = local. */
    readonly distance: readonly (readonly number[])[];
    /** Groups of hardware threads that share a core; a CPU in none is alone on its core. */
    readonly siblings: readonly (readonly number[])[];
    /** Gives the costs of idle states that the file leaves out. */
    readonly processor?: ProcessorName;
  };
  /** Costs of the host, nanoseconds unless the name says otherwise; see machines/schema.json. */
  readonly costs: Readonly<Record<string, number>>;
  /** The second host, on which clients run; without one they are ideal. */
  readonly peer?: MachineSpec;
}

/** Folder of the built-in workloads. */
export const WORKLOADS_FOLDER: string = fileURLToPath(new URL("../workloads/", import.meta.url));
const MACHINES_FOLDER = resolve(WORKLOADS_FOLDER, "machines");
const NAME_PATTERN = /^[a-z0-9][a-z0-9_-]*$/;

/** A workload with the machine it runs on. */
export interface WorkloadOnMachine {
  readonly workload: WorkloadSpec;
  readonly machine: MachineSpec;
}

/** Where names are looked up and from where relative paths count. */
export interface SpecOptions {
  /** Folder that relative paths on the command line start from. */
  readonly cwd: string;
  /** Name or path of a machine that replaces the one in the workload file. */
  readonly machine?: string;
}

/** Names of the built-in workloads, sorted. */
export async function builtinWorkloads(): Promise<string[]> {
  return await jsoncNames(WORKLOADS_FOLDER);
}

/** Names of the built-in machines, sorted. */
export async function builtinMachines(): Promise<string[]> {
  return await jsoncNames(MACHINES_FOLDER);
}

/**
 * Reads a workload and its machine.
 *
 * @param nameOrPath Name of a built-in workload, or a path (it has a slash or ends in .jsonc).
 * @throws {UserError} when there is no such file or it does not fit its schema.
 */
export async function readWorkload(
  nameOrPath: string,
  options: SpecOptions,
): Promise<WorkloadOnMachine> {
  const file = isPath(nameOrPath)
    ? resolve(options.cwd, nameOrPath)
    : await builtinFile("workload", nameOrPath);
  const schema = await readSchema(resolve(WORKLOADS_FOLDER, "schema.json"));
  const shown = isPath(nameOrPath) ? nameOrPath : `workloads/${basename(file)}`;
  const document = parseJsonc<WorkloadSpec & { $schema?: string }>(
    await readText(file),
    shown,
    { schema, relations: workloadRelations },
  );
  const { $schema: _editorsOnly, ...fields } = document.value;
  const groups = groupsFilledIn(fields.groups);
  const workload = { ...fields, groups, name: nameOfFile(file) };
  const machine = options.machine === undefined
    ? await readMachine(workload.machine, dirname(file))
    : await readMachine(options.machine, options.cwd);
  return { workload: { ...workload, machine: machine.name }, machine };
}

/**
 * Reads a machine and, where it names one, the second host, whose own second host does not count.
 *
 * @param nameOrPath Name of a built-in machine, or a path relative to `folder`.
 * @throws {UserError} when there is no such file or it does not fit its schema.
 */
export async function readMachine(nameOrPath: string, folder: string): Promise<MachineSpec> {
  const { machine, document, file } = await readOneMachine(nameOrPath, folder);
  const name = document.value.peer;
  if (name === undefined) return machine;
  try {
    return { ...machine, peer: (await readOneMachine(name, dirname(file))).machine };
  } catch (error) {
    if (!(error instanceof UserError) || !error.message.startsWith("Unknown machine")) throw error;
    throw document.fail({ path: ["peer"], message: error.message });
  }
}

/** A machine as its file holds it: its second host is a name. */
export type MachineText = Omit<MachineSpec, "name" | "peer"> & { $schema?: string; peer?: string };

async function readOneMachine(nameOrPath: string, folder: string) {
  const file = isPath(nameOrPath)
    ? resolve(folder, nameOrPath)
    : await builtinFile("machine", nameOrPath);
  const schema = await readSchema(resolve(MACHINES_FOLDER, "schema.json"));
  const shown = isPath(nameOrPath) ? nameOrPath : `workloads/machines/${basename(file)}`;
  const document = parseJsonc<MachineText>(
    await readText(file),
    shown,
    { schema, relations: machineRelations },
  );
  const { $schema: _editorsOnly, peer: _byName, ...fields } = document.value;
  const { processor } = fields.host;
  const states = processor === undefined ? [] : Object.entries(PROCESSORS[processor]);
  const given = states.filter(([name]) => !document.has(["costs", name]));
  const costs = { ...fields.costs, ...Object.fromEntries(given) };
  const machine: MachineSpec = { ...fields, costs, name: nameOfFile(file) };
  return { machine, document, file };
}

/** sha256, 64 hex digits, of the canonical JSON (keys sorted) of what a run is made from. */
export async function specSha256(spec: WorkloadOnMachine): Promise<string> {
  const text = canonicalJson({ machine: spec.machine, workload: spec.workload });
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isPath(nameOrPath: string): boolean {
  return nameOrPath.includes("/") || nameOrPath.endsWith(JSONC_ENDING) ||
    nameOrPath.endsWith(".json");
}

async function builtinFile(kind: "workload" | "machine", name: string): Promise<string> {
  const folder = kind === "workload" ? WORKLOADS_FOLDER : MACHINES_FOLDER;
  const names = await jsoncNames(folder);
  if (names.includes(name)) return resolve(folder, name + JSONC_ENDING);
  throw new UserError(
    `Unknown ${kind} "${name}": accepted are ${names.join(", ")}, or the path of a file` +
      didYouMean(name, names),
  );
}

const schemas = new Map<string, AnySchemaObject>();

/** A JSON Schema of the lab, read once: its validator is compiled once, too. */
export async function readSchema(file: string): Promise<AnySchemaObject> {
  const known = schemas.get(file);
  if (known !== undefined) return known;
  const schema = JSON.parse(await Deno.readTextFile(file)) as AnySchemaObject;
  schemas.set(file, schema);
  return schema;
}

function nameOfFile(file: string): string {
  const name = basename(file).replace(/\.jsonc?$/, "");
  if (NAME_PATTERN.test(name)) return name;
  throw new UserError(
    `Cannot use "${basename(file)}": the file's name becomes part of every run's name, ` +
      `so it must consist of a-z, 0-9, "-" and "_"`,
  );
}

/** Groups with what a schema cannot fill in. */
export function groupsFilledIn(groups: readonly WorkloadGroup[]): WorkloadGroup[] {
  return groups.map((group) => ({
    ...group,
    arrival: filledIn(group.arrival),
    sizes: withUpdates(group.sizes),
  }));
}

function filledIn(arrival: Arrival): Arrival {
  return arrival.loop === "open"
    ? { ...arrival, distribution: arrival.distribution ?? "poisson" }
    : arrival;
}

function withUpdates(sizes: Sizes): Sizes {
  return sizes.distribution === "facebook"
    ? { ...sizes, update_percent: sizes.update_percent ?? 0 }
    : sizes;
}
