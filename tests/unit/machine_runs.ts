/**
 * Runs of the model for tests: small workloads on the built-in machines, in one call.
 *
 * @module
 */

import { loadWasm } from "../../harness/build.ts";
import { COST_NUMBERS } from "../../harness/machine/costs.ts";
import { ModelRun } from "../../harness/machine/model.ts";
import { instantiateMachine, type MachineWasm } from "../../harness/machine/wasm.ts";
import { ERRNO } from "../../harness/policy/errno.ts";
import type { DevicePolicy, Measurement, TestName } from "../../harness/record.ts";
import {
  type MachineSpec,
  type Operation,
  readMachine,
  type WorkloadGroup,
} from "../../harness/spec.ts";

/** Both modules of one build. */
export interface Modules {
  readonly policyModule: WebAssembly.Module;
  readonly machineModule: WebAssembly.Module;
}

/** Loads (and if needed builds) both modules. */
export async function loadModules(kind: "release" | "debug" = "release"): Promise<Modules> {
  return {
    policyModule: (await loadWasm("policy", kind)).module,
    machineModule: (await loadWasm("machine", kind)).module,
  };
}

/** The default machine. */
export const X710: MachineSpec = await readMachine("x710-8cpu", "/");
/** The 40 Gb/s machine. */
export const XL710: MachineSpec = await readMachine("xl710-16cpu", "/");

/** A machine with other costs, or other fixed throttling. */
export function withCosts(machine: MachineSpec, costs: Record<string, number>): MachineSpec {
  return { ...machine, costs: { ...machine.costs, ...costs } };
}

/** A group with the schema's defaults. */
export function groupOf(
  fields: Partial<WorkloadGroup> & Pick<WorkloadGroup, "test">,
): WorkloadGroup {
  return {
    name: fields.test.toLowerCase(),
    connections: 1,
    hint: "NONE",
    request_bytes: 1,
    response_bytes: 1,
    message_bytes: 16384,
    outstanding: 1,
    sizes: { distribution: "constant" },
    arrival: { loop: "closed" },
    service_ns: 0,
    service_distribution: "constant",
    threads: 0,
    pin: false,
    assignment: "round_robin",
    ...fields,
  };
}

/** What to run; the rest has defaults: x710-8cpu, NONE, seed 1, 2 ms and 10 ms. */
export interface SmallRun {
  readonly groups: readonly WorkloadGroup[];
  readonly machine?: MachineSpec;
  readonly policy?: DevicePolicy;
  readonly seed?: number;
  readonly warmupMs?: number;
  readonly measureMs?: number;
  readonly operations?: readonly Operation[];
  readonly traceLimit?: number;
  readonly clock?: () => number;
  readonly slices?: number;
}

/** Sets a run up. */
export function startRun(modules: Modules, run: SmallRun): ModelRun {
  const policy = run.policy ?? "NONE";
  return ModelRun.create({
    workload: {
      name: "test",
      title: "test",
      description: "",
      machine: "x710-8cpu",
      duration: {
        model: { warmup_ms: 1, measure_ms: 1 },
        live: { warmup_ms: 1, measure_ms: 10 },
      },
      targets: ["model"],
      in_default_matrix: true,
      groups: run.groups,
      ...(run.operations === undefined ? {} : { operations: run.operations }),
    },
    machine: run.machine ?? X710,
    policy,
    mechanism: policy === "NONE" ? "stock" : "netpolicy",
    seed: run.seed ?? 1,
    warmupMs: run.warmupMs ?? 2,
    measureMs: run.measureMs ?? 10,
    traceLimit: run.traceLimit,
    clock: run.clock,
    slices: run.slices,
    ...modules,
  });
}

/** Runs to the end; the measurement has passed all conservation rules. */
export function runToEnd(modules: Modules, run: SmallRun, sliceEvents = 50_000): Measurement {
  const model = startRun(modules, run);
  while (!model.advance(sliceEvents));
  return model.measurement();
}

/** A host of 8 queues and up to 8 CPUs, four a node, with a policy manager that steers nothing. */
export interface BareMachine {
  readonly cpuCount?: number;
  readonly queues?: number;
  readonly costs?: Readonly<Record<string, number>>;
  /** Calls of the policy manager that do something. */
  readonly policy?: WebAssembly.ModuleImports;
}

/** Sets machine.wasm up by itself: the X710 without a manager behind it. */
export function bareMachine(module: WebAssembly.Module, options: BareMachine = {}): MachineWasm {
  const refuse = () => -ERRNO.EINVAL;
  const machine = instantiateMachine(module, {
    recordFind: () => 0,
    recordObject: refuse,
    netdevPickTx: (_instance: number, _xps: number, hash: number) => hash,
    setRulesV4: refuse,
    setRulesV6: refuse,
    socketOpen: () => 1,
    socketAccept: refuse,
    socketClose: refuse,
    setSocketPolicy: refuse,
    ...options.policy,
  });
  setUpBare(machine, options);
  return machine;
}

/** Sets a bare machine up, also one that has run: it must be as a new one then. */
export function setUpBare({ calls }: MachineWasm, options: BareMachine = {}): void {
  calls.machineReset(1);
  const costs = { ...X710.costs, ...options.costs };
  for (const [name, number] of Object.entries(COST_NUMBERS)) calls.costSet(number, costs[name]!);
  for (let cpu = 0; cpu < (options.cpuCount ?? 8); cpu++) calls.cpuSet(cpu < 4 ? 0 : 1, 0, 0);
  calls.nicSet(10, options.queues ?? 8, 512, 0);
}

/** Adds a group of small messages, one transaction in flight on each connection. */
export function bareGroup(
  { calls, constants }: MachineWasm,
  test: TestName,
  connections = 1,
  bytes = 1,
): void {
  const number = constants[`TEST_${test}`];
  calls.groupSet(number, connections, 1, bytes, bytes, bytes, 0, 0);
}
