/**
 * machine.wasm as TypeScript sees it: the exported calls, its constants, and the policy manager as
 * its import.
 *
 * The one place that knows where its tables lie. `model.ts` is the face for everybody else.
 *
 * @module
 */

import { abortImport } from "../build/abort.ts";
import { instantiate } from "../build/instance.ts";

type Call = (...values: number[]) => number;

/** Calls that machine.wasm exports. */
export type MachineCalls = {
  readonly [
    K in
      | "machineReset"
      | "machineIsClient"
      | "costSet"
      | "distanceSet"
      | "cpuSet"
      | "nicSet"
      | "socketsSet"
      | "groupSet"
      | "groupOpen"
      | "groupService"
      | "groupOnOff"
      | "groupFacebook"
      | "groupThreads"
      | "groupClients"
      | "groupServedBy"
      | "groupV6"
      | "groupSendfile"
      | "groupSteered"
      | "machineStart"
      | "machineRun"
      | "wireOpen"
      | "wireUntil"
      | "wireNext"
      | "wireCount"
      | "wireClear"
      | "wireTake"
      | "cpusCharge"
      | "nowNs"
      | "histogramsClear"
      | "fingerprintLow"
      | "fingerprintHigh"
      | "checkMachine"
      | "traceStart"
      | "traceStop"
      | "traceTake"
      | "eventsTaken"
      | "pendingEvents"
      | "packetsTaken"
      | "packetsUsed"
      | "nicQueues"
      | "nicQueuesEver"
      | "nicIrq"
      | "nicUsecs"
      | "nicUsecsNow"
      | "nicAdaptive"
      | "nicCpu"
      | "nicCoalesceStart"
      | "nicItrPerVector"
      | "nicDim"
      | "nicLatencyClasses"
      | "sysfsRpsCpus"
      | "sysfsThreaded"
      | "sysfsXpsCpus"
      | "sysfsXpsRxqs"
      | "ethtoolCoalesce"
      | "ethtoolUsecs"
      | "ethtoolAdaptive"
      | "ethtoolUsecsHigh"
      | "ethtoolChannels"
      | "ethtoolChannelsMost"
      | "ethtoolRing"
      | "ethtoolRings"
      | "ethtoolDown"
      | "reasonTake"
      | "reasonDetail"
      | "operationAt"
      | "operationTake"
      | "runStopped"
      | "flowProgress"
      | "rxHeld"
      | "channelsChanged"
      | "ethtoolWorkLimitNow"
      | "ethtoolRule"
      | "ethtoolRuleNext"
      | "ethtoolRuleWord"
      | "ethtoolTable"
      | "ethtoolTableSet"
      | "ethtoolKey"
      | "ethtoolKeySet"
      | "ethtoolHashFields"
      | "ethtoolHashFieldsSet"
      | "ruleDelete"
      | "rulesUsed"
      | "hotplugOffline"
      | "hotplugOnline"
      | "irqAffinity"
      | "irqAffinitySet"
      | "cpuLoadPercent"
  ]: Call;
};

const CONSTANT_NAMES = [
  "CPU_TABLE",
  "CPU_BYTES",
  "CPU_COUNTER_COUNT",
  "QUEUE_TABLE",
  "QUEUE_BYTES",
  "QUEUE_COUNTERS",
  "QUEUE_COUNTER_COUNT",
  "GROUP_TABLE",
  "GROUP_BYTES",
  "GROUP_COUNTERS",
  "GROUP_COUNTER_COUNT",
  "HISTOGRAM_TABLE",
  "HISTOGRAM_BYTES",
  "HISTOGRAM_COUNTERS",
  "HISTOGRAM_HALF",
  "TOTAL_TABLE",
  "TOTAL_COUNT",
  "KIND_TABLE",
  "KIND_COUNT",
  "TRACE_TABLE",
  "WIRE_OUT_TABLE",
  "WIRE_IN_TABLE",
  "WIRE_BYTES",
  "CONNECTION_LIMIT",
  "OUTSTANDING_LIMIT",
  "FRAME_LIMIT",
  "TCP_FRAME_BYTES",
  "UDP_FRAME_BYTES",
  "RULE_LIMIT",
  "RULE_INPUT",
  "RUN_FULL",
  "RUN_BROKEN",
  "TEST_TCP_RR",
  "TEST_TCP_CRR",
  "TEST_TCP_STREAM",
  "TEST_TCP_MAERTS",
  "TEST_UDP_RR",
  "TEST_UDP_STREAM",
  "TEST_TCP_CC",
  "TEST_TCP_SENDFILE",
  "TEST_XDP_DROP",
  "TEST_XSK_TX",
] as const;

/** Constants that machine.wasm exports. */
export type MachineConstants = Readonly<Record<typeof CONSTANT_NAMES[number], number>>;

/** A live instance of machine.wasm. */
export interface MachineWasm {
  readonly calls: MachineCalls;
  readonly constants: MachineConstants;
  readonly memory: WebAssembly.Memory;
}

/**
 * Instantiates machine.wasm on the exports of policy.wasm: calls between the two do not pass
 * through JavaScript. The memory is fixed, so its views stay valid.
 */
export function instantiateMachine(
  module: WebAssembly.Module,
  policy: WebAssembly.ModuleImports,
): MachineWasm {
  const exports: WebAssembly.Exports = instantiate(module, {
    env: { abort: abortImport(() => exports["memory"] as WebAssembly.Memory) },
    policy,
  });
  const memory = exports["memory"] as WebAssembly.Memory;
  const constants = Object.fromEntries(
    CONSTANT_NAMES.map((name) => [name, (exports[name] as WebAssembly.Global).value]),
  ) as MachineConstants;
  return { calls: exports as unknown as MachineCalls, constants, memory };
}

/** Reads `count` 64-bit counters at a byte offset as numbers (exact below 2^53). */
export function readCounters(machine: MachineWasm, offset: number, count: number): number[] {
  return Array.from(new BigUint64Array(machine.memory.buffer, offset, count), Number);
}
