// deno-fmt-ignore-file
// The device policy: set by name or value, enable, change, disable, rebuild, with every failure
// path. A change that fails leaves policy, lists and records as they were; a rebuild that fails
// (the old map is gone then) leaves the device at NONE entirely, remembers what was wanted and says
// so.

import { ENODEV, ENOENT, EOPNOTSUPP } from "../lib/errno";
import {
  arenaBase,
  D_AVAILABLE,
  D_ERRNO,
  D_FLAGS,
  D_NODE,
  D_POLICY,
  D_VERSION,
  D_WANTED,
  DEVICE_LATENCY_STARVED,
  DEVICE_MIX,
  DEVICE_QUEUE_PAIR,
  DEVICE_REBUILD_FAILED,
  DEVICE_REGISTERED,
  DEVICE_SUPPORTED,
  deviceAt,
  devicesCapacity,
  H_VERSION_MAX,
  POLICY_CPU,
  POLICY_MAX,
  POLICY_MIX,
  POLICY_NONE,
  RX,
  RXTX,
  TX,
} from "./abi";
import { driverSetNetPolicy } from "./driver";
import { cacheClear, instanceDevice, instanceNext } from "./instance";
import {
  count,
  COUNT_POLICY_FAILED,
  COUNT_POLICY_UNSUPPORTED,
  COUNT_REBUILD,
  COUNT_REBUILD_FAILED,
  COUNT_ROLLBACK_FAILED,
  COUNT_VERSION_WRAP,
  log,
  LOG_LATENCY_STARVED,
  LOG_LISTS_FAILED,
  LOG_SET_FAILED,
} from "./log";
import { affinityRestore, affinitySet, mapBuild, mapClear, mapped } from "./map";
import {
  draftList,
  latencyStarved,
  listLength,
  listPosition,
  listsClear,
  listsCommit,
  listsDraft,
  objectList,
} from "./object";
import { recordDevice, recordNext, recordRelease } from "./record";
import { rulesForget, rulesReprogram, rulesSuspend } from "./rule";
import {
  parsePolicy,
  putByte,
  putDevice,
  putPolicy,
  putString,
  putUint,
  textEnd,
  textStart,
} from "./text";
import { sortNodes } from "./topology";

// Which lists the driver is told about.
const LISTS_DRAFTED: i32 = 0;
const LISTS_IN_FORCE: i32 = 1;

const WHOLE_DEVICE: i32 = -1;

/** Policy in force. */
@inline
export function devicePolicy(device: i32): i32 {
  return load<u8>(deviceAt(device), D_POLICY);
}

/** Policy asked for; differs from the one in force while the device is down or a rebuild failed. */
@inline
export function deviceWanted(device: i32): i32 {
  return load<u8>(deviceAt(device), D_WANTED);
}

/** The DEVICE_ flags. */
@inline
export function deviceFlags(device: i32): i32 {
  return load<u16>(deviceAt(device), D_FLAGS);
}

/** Whether the device is up and its driver supports policies. */
@inline
export function deviceIsSupported(device: i32): bool {
  return (deviceFlags(device) & DEVICE_SUPPORTED) != 0;
}

/** Sets or clears flags of a device. */
export function deviceMark(device: i32, flags: i32, on: bool): void {
  const now = deviceFlags(device);
  store<u16>(deviceAt(device), on ? now | flags : now & ~flags, D_FLAGS);
}

/** Whether the number names a registered device. */
export function deviceIsRegistered(device: i32): bool {
  return (
    device > 0 && <u32>device <= devicesCapacity && (deviceFlags(device) & DEVICE_REGISTERED) != 0
  );
}

/**
 * Whether an instance's policy fits a device's: the same, or a MIX device and not CPU.
 * NONE on either side asks for nothing and fits everything.
 */
export function policiesFit(ofDevice: i32, policy: i32): bool {
  if (ofDevice == POLICY_NONE || policy == POLICY_NONE) return true;
  return ofDevice == POLICY_MIX ? policy != POLICY_CPU : ofDevice == policy;
}

/** Whether a policy can be put in force on the device. NONE always can. */
function policyIsAvailable(device: i32, policy: i32): bool {
  if (policy == POLICY_NONE) return true;
  if (policy == POLICY_MIX) return (deviceFlags(device) & DEVICE_MIX) != 0;
  return (((<i32>load<u8>(deviceAt(device), D_AVAILABLE)) >> policy) & 1) != 0;
}

/**
 * Ends the validity of every cached queue. Where the counter wraps, the caches are emptied instead.
 */
function versionRaise(device: i32): void {
  let version = load<u32>(deviceAt(device), D_VERSION);
  if (version >= load<u32>(arenaBase, H_VERSION_MAX)) {
    version = 0;
    count(device, COUNT_VERSION_WRAP);
    for (let instance = instanceNext(1); instance > 0; instance = instanceNext(instance + 1)) {
      if (instanceDevice(instance) == device) cacheClear(instance);
    }
  }
  store<u32>(deviceAt(device), version + 1, D_VERSION);
}

/** Takes the objects from all records of a device. */
function releaseObjects(device: i32): void {
  for (let record = recordNext(1); record > 0; record = recordNext(record + 1)) {
    if (recordDevice(record) == device) recordRelease(record);
  }
}

function applyQueues(device: i32, direction: i32, side: i32, lists: i32): i32 {
  const n = mapped(device, side);
  for (let queue = 0; queue < n; queue++) {
    const policy =
      lists == LISTS_DRAFTED ? draftList(side, queue) : objectList(device, side, queue);
    const error = driverSetNetPolicy(device, policy, direction, queue);
    if (error < 0) return error;
  }
  return 0;
}

/** Tells the driver a policy; under MIX also the policy of every mapped queue. */
function driverApply(device: i32, policy: i32, lists: i32): i32 {
  const error = driverSetNetPolicy(device, policy, RXTX, WHOLE_DEVICE);
  if (error < 0 || policy != POLICY_MIX) return error < 0 ? error : 0;
  if ((deviceFlags(device) & DEVICE_QUEUE_PAIR) != 0) return applyQueues(device, RXTX, RX, lists);
  const refused = applyQueues(device, RX, RX, lists);
  return refused < 0 ? refused : applyQueues(device, TX, TX, lists);
}

/** Puts the driver back to the policy in force after a change it refused half way. */
function driverRollback(device: i32): void {
  if (driverApply(device, devicePolicy(device), LISTS_IN_FORCE) < 0)
    count(device, COUNT_ROLLBACK_FAILED);
}

function putInForce(device: i32, policy: i32): void {
  listsCommit(device);
  store<u8>(deviceAt(device), policy, D_POLICY);
  versionRaise(device);
  const starved = policy == POLICY_MIX && latencyStarved(device);
  deviceMark(device, DEVICE_LATENCY_STARVED, starved);
  if (starved) log(device, LOG_LATENCY_STARVED, 0, 0, 0);
}

/** From NONE to a policy: map, affinity, lists, driver. On failure nothing of it remains. */
function enable(device: i32, policy: i32): i32 {
  let error = mapBuild(device);
  if (error == 0) {
    error = affinitySet(device);
    if (error < 0) mapClear(device);
  }
  if (error < 0) {
    log(device, LOG_LISTS_FAILED, 0, 0, 0);
    return error;
  }
  sortNodes(load<i16>(deviceAt(device), D_NODE));
  listsDraft(device, policy);
  error = driverApply(device, policy, LISTS_DRAFTED);
  if (error < 0) {
    driverRollback(device);
    affinityRestore(device);
    mapClear(device);
    log(device, LOG_SET_FAILED, 0, 0, 0);
    return error;
  }
  putInForce(device, policy);
  return 0;
}

/** From one policy to another on the same map: the driver is asked before anything is touched. */
function change(device: i32, policy: i32): i32 {
  sortNodes(load<i16>(deviceAt(device), D_NODE));
  listsDraft(device, policy);
  const error = driverApply(device, policy, LISTS_DRAFTED);
  if (error < 0) {
    driverRollback(device);
    log(device, LOG_SET_FAILED, 0, 0, 0);
    return error;
  }
  rulesSuspend(device);
  releaseObjects(device);
  putInForce(device, policy);
  rulesReprogram(device);
  return 0;
}

/**
 * Takes map, lists and objects down and gives the irqs back. Rules must be suspended or forgotten.
 */
function tearDown(device: i32): void {
  releaseObjects(device);
  affinityRestore(device);
  listsClear(device);
  mapClear(device);
  store<u8>(deviceAt(device), POLICY_NONE, D_POLICY);
  deviceMark(device, DEVICE_LATENCY_STARVED, false);
  versionRaise(device);
}

/** To NONE. A driver that refuses keeps the policy. */
function disable(device: i32): i32 {
  const error = driverSetNetPolicy(device, POLICY_NONE, RXTX, WHOLE_DEVICE);
  if (error < 0) {
    driverRollback(device);
    log(device, LOG_SET_FAILED, 0, 0, 0);
    return error;
  }
  rulesForget(device);
  tearDown(device);
  return 0;
}

/** To NONE because the device goes: a driver that refuses is only counted. */
export function deviceForceNone(device: i32): void {
  if (devicePolicy(device) == POLICY_NONE) return;
  if (driverSetNetPolicy(device, POLICY_NONE, RXTX, WHOLE_DEVICE) < 0)
    count(device, COUNT_ROLLBACK_FAILED);
  rulesForget(device);
  tearDown(device);
}

/**
 * Puts a policy in force. -ENODEV; -EOPNOTSUPP where the device has no support for it; else the
 * errno of the driver operation that failed, with everything as it was before.
 */
function setDevicePolicy(device: i32, policy: i32): i32 {
  if (!deviceIsRegistered(device)) return -ENODEV;
  const known = policy == POLICY_MIX || <u32>policy < <u32>POLICY_MAX;
  if (!deviceIsSupported(device) || !known || !policyIsAvailable(device, policy)) {
    count(device, COUNT_POLICY_UNSUPPORTED);
    return -EOPNOTSUPP;
  }
  const now = devicePolicy(device);
  let error = 0;
  if (policy != now) {
    if (now == POLICY_NONE) error = enable(device, policy);
    else error = policy == POLICY_NONE ? disable(device) : change(device, policy);
  }
  if (error < 0) {
    count(device, COUNT_POLICY_FAILED);
    return error;
  }
  store<u8>(deviceAt(device), policy, D_WANTED);
  store<i32>(deviceAt(device), 0, D_ERRNO);
  deviceMark(device, DEVICE_REBUILD_FAILED, false);
  return 0;
}

/**
 * Map, lists and driver settings anew for the wanted policy, after an event that moved CPUs or
 * queues. Sockets that had a rule get their queue and rule at once, the others at their next
 * packet.
 */
export function deviceRebuild(device: i32): void {
  if (!deviceIsSupported(device) || deviceWanted(device) == POLICY_NONE) return;
  count(device, COUNT_REBUILD);
  if (devicePolicy(device) != POLICY_NONE) {
    rulesSuspend(device);
    tearDown(device);
  }
  const error = enable(device, deviceWanted(device));
  deviceMark(device, DEVICE_REBUILD_FAILED, error < 0);
  store<i32>(deviceAt(device), error, D_ERRNO);
  if (error < 0) {
    count(device, COUNT_REBUILD_FAILED);
    if (driverSetNetPolicy(device, POLICY_NONE, RXTX, WHOLE_DEVICE) < 0)
      count(device, COUNT_ROLLBACK_FAILED);
    rulesForget(device);
    return;
  }
  rulesReprogram(device);
}

/** Whether /proc/net/netpolicy/DEV exists: the device is up and its driver supports policies. */
function hasDirectory(device: i32): bool {
  return deviceIsRegistered(device) && deviceIsSupported(device);
}

/**
 * Write to /proc/net/netpolicy/DEV/policy: the first `length` bytes of the input buffer name the
 * policy.
 * -ENOENT where the file does not exist, -EINVAL over 64 bytes, -EOPNOTSUPP for an unknown name,
 * else as setDevicePolicy.
 */
export function writeDevicePolicy(device: i32, length: i32): i32 {
  if (!hasDirectory(device)) return -ENOENT;
  const policy = parsePolicy(length);
  if (policy < 0) {
    count(device, COUNT_POLICY_UNSUPPORTED);
    return policy;
  }
  return setDevicePolicy(device, policy);
}

/** Read of /proc/net/netpolicy/DEV/policy into the text buffer: its length, or -ENOENT. */
export function readDevicePolicy(device: i32): i32 {
  if (!hasDirectory(device)) return -ENOENT;
  textStart();
  putDevice(device);
  const policy = devicePolicy(device);
  if (policy == POLICY_NONE) {
    putString(": There is no policy applied\n");
    putAvailable(device);
  } else if (policy == POLICY_MIX) {
    putString(": MIX policy is running on the system\n");
    for (let list = POLICY_NONE; list < POLICY_MAX; list++) putList(device, list);
  } else {
    putString(": POLICY ");
    putPolicy(policy);
    putString(" is running on the system\n");
  }
  return textEnd();
}

function putAvailable(device: i32): void {
  putDevice(device);
  putString(": The available policy include:");
  for (let policy = POLICY_NONE; policy < POLICY_MAX; policy++) {
    if ((((<i32>load<u8>(deviceAt(device), D_AVAILABLE)) >> policy) & 1) == 0) continue;
    putByte(32);
    putPolicy(policy);
  }
  if ((deviceFlags(device) & DEVICE_MIX) != 0) putString(" MIX");
  putByte(10);
}

function putList(device: i32, list: i32): void {
  putDevice(device);
  putString(": queues for ");
  putPolicy(list);
  putString(" policy\n");
  for (let direction = RX; direction <= TX; direction++) {
    const n = listLength(device, direction, list);
    for (let place = 0; place < n; place++) {
      putDevice(device);
      putString(direction == RX ? ": rx queue " : ": tx queue ");
      putUint(listPosition(device, direction, list, place));
      putByte(10);
    }
  }
}
