/**
 * Faults of the policy manager that were planted to see whether the verifier finds them: each is
 * one place of the source, replaced. They are the defects of the RFC's code, and slips of the kind
 * that reviews miss.
 *
 * @module
 */

import { PROJECT_ROOT } from "../../harness/build.ts";
import { compileEntry } from "../../harness/build/compile.ts";
import { ENTRIES, type EntryName } from "../../harness/build/entry.ts";
import { SourceCache } from "../../harness/build/source.ts";

/** One planted fault. */
export interface PlantedFault {
  readonly name: string;
  /** File below core/policy/, or below core/machine/. */
  readonly file: string;
  /** Text that stands there exactly once. */
  readonly text: string;
  readonly instead: string;
}

/** The faults. */
export const PLANTED: readonly PlantedFault[] = [
  {
    name: "a released object keeps its reference",
    file: "record.ts",
    text: "    objectRef(recordDevice(record), direction, position, -1);\n",
    instead: "",
  },
  {
    name: "the record limit lets one too many in",
    file: "record.ts",
    text: "deviceRecords(device) >= deviceLimit(device)",
    instead: "deviceRecords(device) > deviceLimit(device)",
  },
  {
    name: "MIX gives LATENCY one object too few",
    file: "object.ts",
    text: "const third = n / LATENCY_SHARE;",
    instead: "const third = (n - 1) / LATENCY_SHARE;",
  },
  {
    name: "MIX does not take the siblings of LATENCY cores first",
    file: "object.ts",
    text: "coreMark == 1 + POLICY_LATENCY",
    instead: "coreMark == 1 + POLICY_BULK",
  },
  {
    name: "the packet path uses a queue of an older map",
    file: "pick.ts",
    text: "version == load<u32>(device, D_VERSION)",
    instead: "true",
  },
  {
    name: "the packet path reads the cached queue before the versions",
    file: "pick.ts",
    text: `  const version = load<u32>(instanceAt(instance), I_VERSION);
  const device = deviceAt(load<u16>(instanceAt(instance), I_DEVICE));
  if (version == load<u32>(device, D_VERSION)) {
    const cached = <i32>load<u16>(cacheAt(instance, direction), I_CACHE);
`,
    instead: `  const cached = <i32>load<u16>(cacheAt(instance, direction), I_CACHE);
  const version = load<u32>(instanceAt(instance), I_VERSION);
  const device = deviceAt(load<u16>(instanceAt(instance), I_DEVICE));
  if (version == load<u32>(device, D_VERSION)) {
`,
  },
  {
    name: "round-robin stays at its first object",
    file: "pick.ts",
    text: "place + 1 == n ? 0 : place + 1",
    instead: "place",
  },
  {
    name: "a queue pair sends by the tx object",
    file: "pick.ts",
    text: "(flags & DEVICE_QUEUE_PAIR) != 0 ? RX : direction,",
    instead: "direction,",
  },
  {
    name: "a load one point above the tolerance is taken",
    file: "pick.ts",
    text: "> least + LOAD_TOLERANCE",
    instead: "> least + LOAD_TOLERANCE + 1",
  },
  {
    name: "a CPU that the task may not use is chosen",
    file: "pick.ts",
    text: "cpuIsAllowed(instance, cpu) ? cpuLoad(cpu) : LOAD_NOT_ALLOWED",
    instead: "cpuLoad(cpu)",
  },
  {
    name: "a closed socket's rule stays in the device",
    file: "instance.ts",
    text: "  ruleDropSocket(instance);\n  const record = recordFind(instance);\n",
    instead: "  const record = recordFind(instance);\n",
  },
  {
    name: "the neighbour of a closed socket keeps its link",
    file: "instance.ts",
    text: "  if (next != 0) store<u32>(instanceAt(next), previous, I_PREVIOUS);\n",
    instead: "",
  },
  {
    name: "sockets go on to follow a task that exited",
    file: "instance.ts",
    text: "    store<u32>(instanceAt(socket), 0, I_TASK);\n",
    instead: "",
  },
  {
    name: "a task's CPU mask is not freed when it exits",
    file: "instance.ts",
    text: "  allowedFree(task);\n  destroy(task);",
    instead: "  destroy(task);",
  },
  {
    name: "a child has no policy",
    file: "instance.ts",
    text: "if (policy != POLICY_INVALID) adoptPolicy(child, policy);",
    instead: "",
  },
  {
    name: "a registration that the limit refuses leaves its record",
    file: "instance.ts",
    text: "    recordRemove(record);\n    count(device, COUNT_REGISTER_LIMIT);",
    instead: "    count(device, COUNT_REGISTER_LIMIT);",
  },
  {
    name: "irqs stay on their CPUs when one of them refuses",
    file: "map.ts",
    text: "        affinityRestore(device);\n        return error;",
    instead: "        return error;",
  },
  {
    name: "every irq gets the mask back that the first one had",
    file: "map.ts",
    text: "      const saved = affinityOf(device, direction, position);",
    instead: "      const saved = affinityOf(device, direction, 0);",
  },
  {
    name: "CPU hotplug does not see that the map is old",
    file: "map.ts",
    text: "      if (objectCpu(device, direction, position) != cpu) return false;\n",
    instead: "",
  },
  {
    name: "one device's policy change clears the records of all devices",
    file: "device.ts",
    text: "    if (recordDevice(record) == device) recordRelease(record);",
    instead: "    recordRelease(record);",
  },
  {
    name: "records keep objects of the lists that were",
    file: "device.ts",
    text: "  rulesSuspend(device);\n  releaseObjects(device);\n",
    instead: "  rulesSuspend(device);\n",
  },
  {
    name: "a wrapped version makes stale queues look valid",
    file: "device.ts",
    text: "      if (instanceDevice(instance) == device) cacheClear(instance);\n",
    instead: "",
  },
  {
    name: "a change that the driver refused is not taken back there",
    file: "device.ts",
    text:
      "    driverRollback(device);\n    log(device, LOG_SET_FAILED, 0, 0, 0);\n    return error;\n  }\n" +
      "  rulesSuspend",
    instead: "    log(device, LOG_SET_FAILED, 0, 0, 0);\n    return error;\n  }\n  rulesSuspend",
  },
  {
    name: "a refused enable leaves its map",
    file: "device.ts",
    text: "    affinityRestore(device);\n    mapClear(device);\n    log(device, LOG_SET_FAILED",
    instead: "    affinityRestore(device);\n    log(device, LOG_SET_FAILED",
  },
  {
    name: "rules outlive the channels that they steer to",
    file: "device.ts",
    text: "    rulesSuspend(device);\n    tearDown(device);",
    instead: "    tearDown(device);",
  },
  {
    name: "a failed rebuild is not tried again",
    file: "event.ts",
    text: "devicePolicy(device) == POLICY_NONE || !mapIsCurrent(device)",
    instead: "devicePolicy(device) != POLICY_NONE && !mapIsCurrent(device)",
  },
  {
    name: "the last online CPU can go offline",
    file: "event.ts",
    text: "  if (onlineCount() == 1) return -EBUSY;\n",
    instead: "",
  },
  {
    name: "rules that the device would not delete outlive it going down",
    file: "event.ts",
    text: "  orphansForget(device);\n",
    instead: "",
  },
  {
    name: "a socket keeps a device that was unregistered",
    file: "event.ts",
    text: "    if (instanceDevice(instance) == device) leaveDevice(instance);\n",
    instead: "",
  },
  {
    name: "a driver's errno is replaced by another",
    file: "map.ts",
    text: "    if (irq < 0) return irq;\n",
    instead: "    if (irq < 0) return -5;\n",
  },
  {
    name: "the count of a device's rules does not go up",
    file: "rule.ts",
    text: "  countRules(device, 1);\n",
    instead: "",
  },
  {
    name: "the flow of a socket changes and its rule does not",
    file: "rule.ts",
    text: "ruleQueue(rule) == queue && sameFlow(rule)",
    instead: "ruleQueue(rule) == queue",
  },
];

/** policy.wasm, or machine.wasm, with a fault; see {@link plantedBytes}. */
export async function compilePlanted(
  fault: PlantedFault,
  module: EntryName = "policy",
): Promise<WebAssembly.Module> {
  return await WebAssembly.compile(await plantedBytes(fault, module));
}

/**
 * policy.wasm, or machine.wasm, with a fault, not optimised: what it does is the same, and it
 * compiles faster.
 *
 * @throws {Error} where the text does not stand in the file exactly once.
 */
export async function plantedBytes(
  fault: PlantedFault,
  module: EntryName = "policy",
): Promise<Uint8Array<ArrayBuffer>> {
  const cache = new SourceCache(PROJECT_ROOT);
  const path = `core/${module}/${fault.file}`;
  const reader = {
    async read(name: string): Promise<string | null> {
      const text = await cache.read(name);
      if (name !== path || text === null) return text;
      const pieces = text.split(fault.text);
      if (pieces.length !== 2) {
        throw new Error(`"${fault.name}": its text stands ${pieces.length - 1} times in ${path}`);
      }
      return pieces.join(fault.instead);
    },
  };
  const entry = ENTRIES.find(({ name }) => name === module)!;
  const { bytes } = await compileEntry(reader, entry, "debug");
  return bytes;
}
