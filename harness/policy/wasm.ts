/**
 * policy.wasm as TypeScript sees it: the exported calls, and the driver as its imports.
 *
 * The one place that knows pointers. `manager.ts` is the face for everybody else.
 *
 * @module
 */

import { abortImport } from "../build/abort.ts";
import { instantiate } from "../build/instance.ts";
import type { Direction, Driver, FlowSpec, FlowType } from "./driver.ts";
import { CoreFault, ERRNO } from "./errno.ts";

type Call = (...values: number[]) => number;

/** Calls that policy.wasm exports; all take and return 32-bit integers. */
export type PolicyCalls = {
  readonly [
    K in
      | "init"
      | "setStrategy"
      | "setPartition"
      | "setVersionMax"
      | "arenaOffset"
      | "arenaBytes"
      | "inputOffset"
      | "flowOffset"
      | "maskOffset"
      | "maskWordCount"
      | "textOffset"
      | "topologyCpu"
      | "topologyDistance"
      | "cpuOnline"
      | "cpuOffline"
      | "deviceRegister"
      | "deviceUnregister"
      | "deviceUp"
      | "deviceDown"
      | "deviceRename"
      | "deviceChannels"
      | "deviceFlags"
      | "devicePolicy"
      | "deviceWanted"
      | "deviceVersion"
      | "deviceErrno"
      | "deviceMapped"
      | "deviceRecords"
      | "deviceLimit"
      | "writeDevicePolicy"
      | "readDevicePolicy"
      | "listLength"
      | "listQueue"
      | "listCpu"
      | "listRefs"
      | "taskCreate"
      | "taskFork"
      | "taskExit"
      | "setTaskPolicy"
      | "setTaskPolicyName"
      | "readTaskPolicy"
      | "setTaskAllowed"
      | "socketOpen"
      | "socketAccept"
      | "socketClose"
      | "socketSetDevice"
      | "socketTask"
      | "setSocketPolicy"
      | "getSocketPolicy"
      | "instanceNext"
      | "instanceId"
      | "instanceIsTask"
      | "instanceDevice"
      | "ownPolicy"
      | "effectivePolicy"
      | "pickQueue"
      | "netdevPickTx"
      | "setRules"
      | "setRulesV4"
      | "recordFind"
      | "recordNext"
      | "recordOwner"
      | "recordPolicy"
      | "recordDevice"
      | "recordObject"
      | "ruleNext"
      | "ruleInstance"
      | "ruleDevice"
      | "ruleState"
      | "ruleQueue"
      | "ruleLocation"
      | "ruleFlowOffset"
      | "counterOf"
      | "counterName"
      | "logCount"
      | "logText"
      | "check"
  ]: Call;
};

/** Constants that policy.wasm exports, read once so that TypeScript holds no second copy. */
export const CONSTANT_NAMES = [
  "DEVICE_UP",
  "DEVICE_SUPPORTED",
  "DEVICE_QUEUE_PAIR",
  "DEVICE_LATENCY_STARVED",
  "RULE_INSERTED",
  "RULE_REFUSED",
  "FLOW_TCP4",
  "FLOW_UDP4",
  "FLOW_TCP6",
  "FLOW_UDP6",
  "INFO_MIX",
  "INFO_QUEUE_PAIR",
  "INFO_IRQ_AFFINITY",
  "INPUT_BYTES",
  "LOG_ENTRIES",
  "STRATEGY_ROUND_ROBIN",
  "STRATEGY_LOAD_AWARE",
  "PARTITION_RFC",
  "PARTITION_LATENCY_FIRST",
] as const;

/** The exported constants by name. */
export type PolicyConstants = Readonly<Record<typeof CONSTANT_NAMES[number], number>>;

/** A live instance of policy.wasm. */
export interface PolicyWasm {
  readonly calls: PolicyCalls;
  readonly constants: PolicyConstants;
  /** The raw exports, for linking another module to them. */
  readonly exports: WebAssembly.Exports;
  readonly memory: WebAssembly.Memory;
}

/** Bytes of a flow in memory: type u8, ports u32 at 4, source u32[4] at 8, destination at 24. */
const FLOW_WORDS = 10;

/** Puts a flow into memory at a byte offset. */
export function writeFlow(wasm: PolicyWasm, offset: number, flow: FlowSpec): void {
  const words = new Uint32Array(wasm.memory.buffer, offset, FLOW_WORDS);
  words.fill(0);
  words[0] = flowCode(wasm, flow.type);
  words[1] = ((flow.sourcePort << 16) | flow.destinationPort) >>> 0;
  words.set(flow.source, 2);
  words.set(flow.destination, 6);
}

/** Reads a flow from memory. */
export function readFlow(wasm: PolicyWasm, offset: number): FlowSpec {
  const words = new Uint32Array(wasm.memory.buffer, offset, FLOW_WORDS);
  const type = flowType(wasm, (words[0] ?? 0) & 0xff);
  const count = type.endsWith("4") ? 1 : 4;
  const ports = words[1] ?? 0;
  return {
    type,
    source: [...words.subarray(2, 2 + count)],
    destination: [...words.subarray(6, 6 + count)],
    sourcePort: ports >>> 16,
    destinationPort: ports & 0xffff,
  };
}

const FLOW_CONSTANTS = {
  tcp4: "FLOW_TCP4",
  udp4: "FLOW_UDP4",
  tcp6: "FLOW_TCP6",
  udp6: "FLOW_UDP6",
} as const satisfies Record<FlowType, string>;

function flowCode(wasm: PolicyWasm, type: FlowType): number {
  return wasm.constants[FLOW_CONSTANTS[type]];
}

function flowType(wasm: PolicyWasm, code: number): FlowType {
  for (const type of ["tcp4", "udp4", "tcp6", "udp6"] as const) {
    if (flowCode(wasm, type) === code) return type;
  }
  throw new CoreFault(`policy.wasm holds a flow of unknown type ${code}`);
}

/** Instantiates policy.wasm on a driver. The memory is fixed, so its views stay valid. */
export function instantiatePolicy(module: WebAssembly.Module, driver: Driver): PolicyWasm {
  // The imports need the instance that needs the imports: they look it up when called.
  let wasm: PolicyWasm | undefined = undefined;
  const live = (): PolicyWasm => {
    if (wasm === undefined) {
      throw new CoreFault("policy.wasm called its driver before it was ready");
    }
    return wasm;
  };
  const exports = instantiate(module, {
    env: { abort: abortImport(() => live().memory) },
    driver: driverImports(driver, live),
  });
  const constants = Object.fromEntries(
    CONSTANT_NAMES.map((name) => [name, (exports[name] as WebAssembly.Global).value]),
  ) as PolicyConstants;
  wasm = {
    calls: exports as unknown as PolicyCalls,
    constants,
    exports,
    memory: exports["memory"] as WebAssembly.Memory,
  };
  return wasm;
}

function driverImports(driver: Driver, live: () => PolicyWasm): WebAssembly.ModuleImports {
  const mask = (offset: number, words: number) =>
    new Uint32Array(live().memory.buffer, offset, words);
  return {
    netpolicyInit(device: number, offset: number): number {
      const info = driver.netpolicyInit(device);
      if (typeof info === "number") return info < 0 ? info : -ERRNO.EINVAL;
      const { INFO_MIX, INFO_QUEUE_PAIR, INFO_IRQ_AFFINITY } = live().constants;
      const flags = (info.mix ? INFO_MIX : 0) | (info.queuePair ? INFO_QUEUE_PAIR : 0) |
        (info.irqAffinity ? INFO_IRQ_AFFINITY : 0);
      mask(offset, 3).set([info.available, flags, info.recordLimit]);
      return 0;
    },
    irqCount: (device: number, direction: number) =>
      driver.irqCount(device, direction as Direction),
    irq: (device: number, direction: number, queue: number) =>
      driver.irq(device, direction as Direction, queue),
    setNetPolicy: (device: number, policy: number, direction: number, queue: number) =>
      driver.setNetPolicy(device, policy, direction as Direction, queue),
    ruleInsert: (device: number, flow: number, queue: number) =>
      driver.ruleInsert(device, readFlow(live(), flow), queue),
    ruleDelete: (device: number, location: number) => driver.ruleDelete(device, location),
    irqAffinityGet: (irq: number, offset: number, words: number) =>
      driver.irqAffinityGet(irq, mask(offset, words)),
    irqAffinitySet: (irq: number, offset: number, words: number) =>
      driver.irqAffinitySet(irq, mask(offset, words)),
    cpuLoad: (cpu: number) => driver.cpuLoad(cpu),
  };
}
