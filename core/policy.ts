// deno-fmt-ignore-file
// Entry of policy.wasm: the exported calls and nothing else.
// Every call runs to completion and returns a value or a negative errno (readers of lists, records
// and rules expect the numbers that other readers gave); the caller hands text,
// flows and masks over in the buffers whose offsets it asks for once after init. Directions: rx 0,
// tx 1.

import {
  arenaBase,
  arenaSize,
  D_ERRNO,
  D_VERSION,
  deviceAt,
  F_DESTINATION,
  F_PORTS,
  F_SOURCE,
  F_TYPE,
  FLOW_BYTES,
  FLOW_TCP4,
  FLOW_TCP6,
  FLOW_UDP4,
  FLOW_UDP6,
  flowAt,
  H_PARTITION,
  H_STRATEGY,
  H_VERSION_MAX,
  I_ID,
  inputAt,
  instanceAt,
  L_FLOW,
  layArena,
  maskAt,
  maskWords,
  ruleAt,
  textAt,
} from "./policy/abi";
import { deviceIsRegistered } from "./policy/device";
import { cacheForgetEmpty, instanceIsLive, instanceNext } from "./policy/instance";
import { logReset } from "./policy/log";
import { mapped, objectCpu } from "./policy/map";
import { listLength, listPosition, objectRefs } from "./policy/object";
import { setRules } from "./policy/rule";
import { EINVAL, ENODEV } from "./lib/errno";

export {
  DEVICE_LATENCY_STARVED,
  DEVICE_QUEUE_PAIR,
  DEVICE_SUPPORTED,
  DEVICE_UP,
  FLOW_TCP4,
  FLOW_TCP6,
  FLOW_UDP4,
  FLOW_UDP6,
  INPUT_BYTES,
  LOG_ENTRIES,
  PARTITION_LATENCY_FIRST,
  PARTITION_RFC,
  RULE_INSERTED,
  RULE_REFUSED,
  STRATEGY_LOAD_AWARE,
  STRATEGY_ROUND_ROBIN,
} from "./policy/abi";
export { check } from "./policy/check";
export {
  deviceFlags,
  devicePolicy,
  deviceWanted,
  readDevicePolicy,
  writeDevicePolicy,
} from "./policy/device";
export {
  cpuOffline,
  cpuOnline,
  deviceChannels,
  deviceDown,
  deviceRegister,
  deviceRename,
  deviceUnregister,
  deviceUp,
} from "./policy/event";
export {
  effectivePolicy,
  getSocketPolicy,
  instanceDevice,
  instanceIsTask,
  instanceNext,
  ownPolicy,
  readTaskPolicy,
  setSocketPolicy,
  setTaskAllowed,
  setTaskPolicy,
  setTaskPolicyName,
  socketAccept,
  socketClose,
  socketOpen,
  socketSetDevice,
  socketTask,
  taskCreate,
  taskExit,
  taskFork,
} from "./policy/instance";
export { INFO_IRQ_AFFINITY, INFO_MIX, INFO_QUEUE_PAIR } from "./policy/event";
export { counterName, counterOf, logCount, logText } from "./policy/log";
export { listLength } from "./policy/object";
export { netdevPickTx, pickQueue } from "./policy/pick";
export {
  deviceLimit,
  deviceRecords,
  recordDevice,
  recordFind,
  recordNext,
  recordObject,
  recordOwner,
  recordPolicy,
} from "./policy/record";
export {
  ruleDevice,
  ruleInstance,
  ruleLocation,
  ruleNext,
  ruleQueue,
  ruleState,
  setRules,
} from "./policy/rule";
export { topologyCpu, topologyDistance } from "./policy/topology";

/**
 * Sizes the arena and empties it; see layArena for the ranges. `owners` bounds tasks and sockets
 * together, `allowed` the tasks with a restricted CPU mask, `buckets` the record hash (0: one an
 * owner).
 */
export function init(
  cpus: i32,
  nodes: i32,
  devices: i32,
  queues: i32,
  owners: i32,
  rules: i32,
  allowed: i32,
  buckets: i32,
): i32 {
  const error = layArena(cpus, nodes, devices, queues, owners, rules, allowed, buckets);
  if (error == 0) logReset();
  return error;
}

/** Strategy of choice: round-robin 0 (the RFC's first version) or load-aware 1 (its third). */
export function setStrategy(strategy: i32): i32 {
  if (<u32>strategy > 1) return -EINVAL;
  if (load<u32>(arenaBase, H_STRATEGY) == <u32>strategy) return 0;
  store<u32>(arenaBase, strategy, H_STRATEGY);
  // Whoever found nothing to choose under one strategy may find it under the other.
  for (let instance = instanceNext(1); instance > 0; instance = instanceNext(instance + 1)) {
    cacheForgetEmpty(instance);
  }
  return 0;
}

/** MIX partition of lists built from now on: the RFC's 0, or one that never starves LATENCY 1. */
export function setPartition(partition: i32): i32 {
  if (<u32>partition > 1) return -EINVAL;
  store<u32>(arenaBase, partition, H_PARTITION);
  return 0;
}

/**
 * Highest version of a map before the counter starts again at 1; small in checks, 2^31 - 1 else.
 */
export function setVersionMax(version: i32): i32 {
  if (version <= 0) return -EINVAL;
  store<u32>(arenaBase, version, H_VERSION_MAX);
  return 0;
}

/** Where the state lies in memory: a copy of these bytes is the whole state. */
export function arenaOffset(): i32 {
  return <i32>arenaBase;
}

/** Bytes of state. */
export function arenaBytes(): i32 {
  return <i32>arenaSize;
}

/** Buffer of 128 bytes for names and texts handed over. */
export function inputOffset(): i32 {
  return <i32>inputAt;
}

/**
 * Buffer for a flow handed over: type u8, ports u32 at 4, source u32[4] at 8, destination u32[4] at
 * 24.
 */
export function flowOffset(): i32 {
  return <i32>flowAt;
}

/** Buffer for a CPU mask handed over. */
export function maskOffset(): i32 {
  return <i32>maskAt;
}

/** 32-bit words of a CPU mask. */
export function maskWordCount(): i32 {
  return maskWords;
}

/** Where calls that answer with a text leave it. */
export function textOffset(): i32 {
  return <i32>textAt;
}

/** Version of a device's map; it changes whenever cached queues lose their validity. */
export function deviceVersion(device: i32): i32 {
  return deviceIsRegistered(device) ? load<u32>(deviceAt(device), D_VERSION) : -ENODEV;
}

/** Errno of the rebuild that failed, negative; 0 if none did. */
export function deviceErrno(device: i32): i32 {
  return deviceIsRegistered(device) ? load<i32>(deviceAt(device), D_ERRNO) : -ENODEV;
}

/** Objects of both a device and a direction, whatever their list. */
export function deviceMapped(device: i32, direction: i32): i32 {
  return deviceIsRegistered(device) ? mapped(device, direction) : -ENODEV;
}

/** Queue of the object at `place` of a list. */
export function listQueue(device: i32, direction: i32, policy: i32, place: i32): i32 {
  assert(place < listLength(device, direction, policy));
  return listPosition(device, direction, policy, place);
}

/** CPU of the object at `place` of a list. */
export function listCpu(device: i32, direction: i32, policy: i32, place: i32): i32 {
  return objectCpu(device, direction, listQueue(device, direction, policy, place));
}

/** References to the object at `place` of a list. */
export function listRefs(device: i32, direction: i32, policy: i32, place: i32): i32 {
  return objectRefs(device, direction, listQueue(device, direction, policy, place));
}

/** The pid or socket number an instance was created with. */
export function instanceId(instance: i32): i32 {
  assert(instanceIsLive(instance));
  return load<u32>(instanceAt(instance), I_ID);
}

/** Where the flow of a rule lies in memory. */
export function ruleFlowOffset(rule: i32): i32 {
  return <i32>(ruleAt(rule) + L_FLOW);
}

/**
 * setRules for IPv4 without going through the flow buffer: protocol 6 or 17, addresses as
 * big-endian words, ports source << 16 | destination. Another protocol is -EOPNOTSUPP.
 */
export function setRulesV4(
  instance: i32,
  protocol: i32,
  source: i32,
  destination: i32,
  ports: i32,
): i32 {
  memory.fill(flowAt, 0, FLOW_BYTES);
  store<u8>(flowAt, protocol == 6 ? FLOW_TCP4 : protocol == 17 ? FLOW_UDP4 : 0, F_TYPE);
  store<u32>(flowAt, ports, F_PORTS);
  store<u32>(flowAt, source, F_SOURCE);
  store<u32>(flowAt, destination, F_DESTINATION);
  return setRules(instance);
}

/** The same for IPv6 addresses of which the second and the third word are 0. */
export function setRulesV6(
  instance: i32,
  protocol: i32,
  prefix: i32,
  source: i32,
  destination: i32,
  ports: i32,
): i32 {
  memory.fill(flowAt, 0, FLOW_BYTES);
  store<u8>(flowAt, protocol == 6 ? FLOW_TCP6 : protocol == 17 ? FLOW_UDP6 : 0, F_TYPE);
  store<u32>(flowAt, ports, F_PORTS);
  store<u32>(flowAt, prefix, F_SOURCE);
  store<u32>(flowAt, source, F_SOURCE + 12);
  store<u32>(flowAt, prefix, F_DESTINATION);
  store<u32>(flowAt, destination, F_DESTINATION + 12);
  return setRules(instance);
}
