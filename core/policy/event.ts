// deno-fmt-ignore-file
// What the kernel's notifiers bring: devices come, go and change name, CPUs and channels come and
// go. An event touches the records of the devices it concerns and no other; a policy survives down
// and up.

import { EBUSY, EEXIST, EINVAL, ENODEV, ENOSPC } from "../lib/errno";
import {
  COUNTERS,
  countersAt,
  D_AVAILABLE,
  D_ERRNO,
  D_FLAGS,
  D_IFINDEX,
  D_LIMIT,
  D_NAME,
  D_NETNS,
  D_NODE,
  D_VERSION,
  DEVICE_IRQ_AFFINITY,
  DEVICE_MIX,
  DEVICE_QUEUE_PAIR,
  DEVICE_REBUILD_FAILED,
  DEVICE_REGISTERED,
  DEVICE_SUPPORTED,
  DEVICE_UP,
  deviceAt,
  devicesCapacity,
  infoAt,
  inputAt,
  NAME_BYTES,
  nodesCapacity,
  POLICY_MAX,
  POLICY_NONE,
  RECORD_LIMIT_DEFAULT,
} from "./abi";
import {
  deviceForceNone,
  deviceIsRegistered,
  deviceMark,
  deviceFlags,
  deviceRebuild,
  devicePolicy,
} from "./device";
import { driverNetpolicyInit } from "./driver";
import { instanceDevice, instanceNext, leaveDevice } from "./instance";
import { count, COUNT_INIT_FAILED, log, LOG_INIT } from "./log";
import { recordDetach, recordDevice, recordNext } from "./record";
import { orphansForget } from "./rule";
import { mapIsCurrent } from "./map";
import { cpuIsOnline, cpuIsPresent, cpuSetOnline, onlineCount } from "./topology";

// Bits of `flags` in the answer of ndo_netpolicy_init.
/** The device can run MIX. */
export const INFO_MIX: u32 = 1;
/** An rx and a tx queue have one vector. */
export const INFO_QUEUE_PAIR: u32 = 2;
/** The manager is to set irq affinity. */
export const INFO_IRQ_AFFINITY: u32 = 4;

/** The kernel's dev_valid_name, and ASCII only, on the first `length` bytes of the input buffer. */
function nameIsValid(length: i32): bool {
  if (length <= 0 || length >= NAME_BYTES) return false;
  const first = load<u8>(inputAt);
  if (first == 46 && (length == 1 || (length == 2 && load<u8>(inputAt, 1) == 46))) return false;
  for (let i = 0; i < length; i++) {
    const byte = load<u8>(inputAt + i);
    if (byte <= 32 || byte == 47 || byte == 58 || byte >= 127) return false;
  }
  return true;
}

function nameIs(device: i32, length: i32): bool {
  const name = deviceAt(device) + D_NAME;
  return memory.compare(name, inputAt, length) == 0 && load<u8>(name + length) == 0;
}

function nameIsTaken(netns: u32, length: i32, except: i32): bool {
  for (let device = 1; <u32>device <= devicesCapacity; device++) {
    if (device == except || !deviceIsRegistered(device)) continue;
    if (load<u32>(deviceAt(device), D_NETNS) == netns && nameIs(device, length)) return true;
  }
  return false;
}

function setName(device: i32, length: i32): void {
  const name = deviceAt(device) + D_NAME;
  memory.fill(name, 0, NAME_BYTES);
  memory.copy(name, inputAt, length);
}

/**
 * NETDEV_REGISTER: a device of a name space, its interface index and NUMA node (-1 unknown), its
 * name in the input buffer. Returns its number; -EINVAL for a bad name or node, -EEXIST for a name
 * or identity taken,
 * -ENOSPC when the table is full.
 */
export function deviceRegister(netns: u32, ifindex: u32, node: i32, nameLength: i32): i32 {
  if (!nameIsValid(nameLength) || node < -1 || node >= <i32>nodesCapacity) return -EINVAL;
  if (nameIsTaken(netns, nameLength, 0)) return -EEXIST;
  let free = 0;
  for (let device = <i32>devicesCapacity; device > 0; device--) {
    if (!deviceIsRegistered(device)) {
      free = device;
      continue;
    }
    const at = deviceAt(device);
    if (load<u32>(at, D_NETNS) == netns && load<u32>(at, D_IFINDEX) == ifindex) return -EEXIST;
  }
  if (free == 0) return -ENOSPC;
  const at = deviceAt(free);
  setName(free, nameLength);
  store<u32>(at, netns, D_NETNS);
  store<u32>(at, ifindex, D_IFINDEX);
  store<i16>(at, node, D_NODE);
  store<u16>(at, DEVICE_REGISTERED, D_FLAGS);
  store<u32>(at, RECORD_LIMIT_DEFAULT, D_LIMIT);
  return free;
}

/** Asks the driver what it supports; false where it supports nothing. */
function initPolicy(device: i32): bool {
  memory.fill(infoAt, 0, 16);
  const error = driverNetpolicyInit(device, infoAt);
  const available = load<u32>(infoAt) & ((1 << POLICY_MAX) - 1);
  if (error < 0) count(device, COUNT_INIT_FAILED);
  if (error < 0 || available == 0) return false;
  const flags = load<u32>(infoAt, 4);
  const limit = load<u32>(infoAt, 8);
  store<u8>(deviceAt(device), available, D_AVAILABLE);
  store<u32>(deviceAt(device), limit == 0 ? RECORD_LIMIT_DEFAULT : limit, D_LIMIT);
  deviceMark(device, DEVICE_MIX, (flags & INFO_MIX) != 0);
  deviceMark(device, DEVICE_QUEUE_PAIR, (flags & INFO_QUEUE_PAIR) != 0);
  deviceMark(device, DEVICE_IRQ_AFFINITY, (flags & INFO_IRQ_AFFINITY) != 0);
  return true;
}

/**
 * NETDEV_UP: asks the driver, and puts the policy the device had before it went down in force
 * again. A failure of that shows in the device's status; the device is up all the same.
 */
export function deviceUp(device: i32): i32 {
  if (!deviceIsRegistered(device)) return -ENODEV;
  if ((deviceFlags(device) & DEVICE_UP) != 0) return 0;
  const supported = initPolicy(device);
  deviceMark(device, DEVICE_UP, true);
  deviceMark(device, DEVICE_SUPPORTED, supported);
  if (!supported) return 0;
  log(device, LOG_INIT, 0, 0, 0);
  deviceRebuild(device);
  return 0;
}

/** NETDEV_GOING_DOWN: default handling from here on. The wanted policy is kept for the next UP. */
export function deviceDown(device: i32): i32 {
  if (!deviceIsRegistered(device)) return -ENODEV;
  if ((deviceFlags(device) & DEVICE_UP) == 0) return 0;
  deviceForceNone(device);
  orphansForget(device);
  for (let record = recordNext(1); record > 0; record = recordNext(record + 1)) {
    if (recordDevice(record) == device) recordDetach(record);
  }
  deviceMark(device, DEVICE_UP | DEVICE_SUPPORTED | DEVICE_REBUILD_FAILED, false);
  store<i32>(deviceAt(device), 0, D_ERRNO);
  return 0;
}

/** NETDEV_CHANGENAME: the new name is in the input buffer. -EINVAL, -EEXIST. */
export function deviceRename(device: i32, nameLength: i32): i32 {
  if (!deviceIsRegistered(device)) return -ENODEV;
  if (!nameIsValid(nameLength)) return -EINVAL;
  if (nameIsTaken(load<u32>(deviceAt(device), D_NETNS), nameLength, device)) return -EEXIST;
  setName(device, nameLength);
  return 0;
}

/** NETDEV_UNREGISTER: sockets of the device forget it, its slot is free and zero. */
export function deviceUnregister(device: i32): i32 {
  const error = deviceDown(device);
  if (error < 0) return error;
  for (let instance = instanceNext(1); instance > 0; instance = instanceNext(instance + 1)) {
    if (instanceDevice(instance) == device) leaveDevice(instance);
  }
  memory.fill(deviceAt(device), 0, deviceAt(1) - deviceAt(0));
  memory.fill(countersAt + <usize>((<u32>device * COUNTERS) << 2), 0, COUNTERS << 2);
  return 0;
}

/** ethtool -L succeeded: queues and irqs of the device are others now. */
export function deviceChannels(device: i32): i32 {
  if (!deviceIsRegistered(device)) return -ENODEV;
  deviceRebuild(device);
  return 0;
}

/** Rebuilds the devices whose map the CPU changes, and those whose last rebuild failed. */
function rebuildConcerned(): void {
  for (let device = 1; <u32>device <= devicesCapacity; device++) {
    if (!deviceIsRegistered(device)) continue;
    if (devicePolicy(device) == POLICY_NONE || !mapIsCurrent(device)) deviceRebuild(device);
  }
}

/** CPU_ONLINE. -EINVAL for a CPU that does not exist or is online. */
export function cpuOnline(cpu: i32): i32 {
  if (!cpuIsPresent(cpu) || cpuIsOnline(cpu)) return -EINVAL;
  cpuSetOnline(cpu, true);
  rebuildConcerned();
  return 0;
}

/** CPU_DYING. -EINVAL for a CPU that does not exist or is offline, -EBUSY for the last one. */
export function cpuOffline(cpu: i32): i32 {
  if (!cpuIsPresent(cpu) || !cpuIsOnline(cpu)) return -EINVAL;
  if (onlineCount() == 1) return -EBUSY;
  cpuSetOnline(cpu, false);
  rebuildConcerned();
  return 0;
}
