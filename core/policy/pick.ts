// deno-fmt-ignore-file
// Picking the queue: the fast path (cached queue, valid while the device's version stands) and the
// slow path (record, object list, strategy). An assigned object is never moved while map and policy
// stand.

import { EBADF, EINVAL, ENOENT } from "../lib/errno";
import {
  arenaBase,
  CACHE_EMPTY,
  CACHE_REFUSED,
  D_FLAGS,
  D_VERSION,
  DEVICE_QUEUE_PAIR,
  DEVICE_SUPPORTED,
  deviceAt,
  H_STRATEGY,
  I_CACHE,
  I_DEVICE,
  I_VERSION,
  instanceAt,
  loadsAt,
  LOAD_TOLERANCE,
  ownersCapacity,
  POLICY_INVALID,
  POLICY_NONE,
  RX,
  STRATEGY_LOAD_AWARE,
  TX,
} from "./abi";
import { devicePolicy, policiesFit } from "./device";
import { driverCpuLoad } from "./driver";
import {
  cacheClear,
  cpuIsAllowed,
  effectivePolicy,
  instanceDevice,
  instanceIsLive,
} from "./instance";
import {
  count,
  COUNT_PICK_EMPTY,
  COUNT_PICK_LIMIT,
  COUNT_PICK_MISMATCH,
  COUNT_PICK_NO_DEVICE,
  log,
  LOG_MISMATCH,
} from "./log";
import { objectCpu } from "./map";
import { listCursor, listLength, listPosition, objectRefs, setListCursor } from "./object";
import {
  recordAssign,
  recordAttach,
  recordDetach,
  recordDevice,
  recordFind,
  recordInsert,
  recordObject,
  recordPolicy,
} from "./record";

/** Per cent; a driver that says more is cut to it. */
const LOAD_MAX: i32 = 100;
/** In place of a load: the task may not use this CPU. */
const LOAD_NOT_ALLOWED: i32 = 255;


@inline
function cacheAt(instance: i32, direction: i32): usize {
  return instanceAt(instance) + ((<usize>direction) << 1);
}

/**
 * Queue for the next packet of an instance: rx 0 or tx 1. A negative errno means default handling
 * (RSS, or XPS and hash): -EINVAL no device, support, policy or a policy that does not fit; -ENOENT
 * no object to choose; -ENOSPC record limit; -EBADF no such instance.
 */
export function pickQueue(instance: i32, direction: i32): i32 {
  assert(<u32>direction <= <u32>TX);
  if (<u32>instance > ownersCapacity) return -EBADF;
  // Versions before the queue, as cacheStore empties before it raises: whoever reads beside an
  // update would else take the queue of before for one of the version of now.
  const version = load<u32>(instanceAt(instance), I_VERSION);
  const device = deviceAt(load<u16>(instanceAt(instance), I_DEVICE));
  if (version == load<u32>(device, D_VERSION)) {
    const cached = <i32>load<u16>(cacheAt(instance, direction), I_CACHE);
    if (cached != 0) {
      if (cached < CACHE_EMPTY) return cached - 1;
      return cached == CACHE_REFUSED ? -EINVAL : -ENOENT;
    }
  }
  return pickSlow(instance, direction);
}

/**
 * Tx queue of an instance: the policy's goes over XPS, XPS over the hash.
 * `xpsQueue` and `hashQueue` are what the kernel would take next, -1 where there is none.
 */
export function netdevPickTx(instance: i32, xpsQueue: i32, hashQueue: i32): i32 {
  const queue = pickQueue(instance, TX);
  if (queue >= 0) return queue;
  return xpsQueue >= 0 ? xpsQueue : hashQueue;
}

/** Valid for both directions at once: a version that differs empties the whole cache first. */
function cacheStore(instance: i32, direction: i32, value: i32): void {
  const version = load<u32>(deviceAt(instanceDevice(instance)), D_VERSION);
  if (load<u32>(instanceAt(instance), I_VERSION) != version) cacheClear(instance);
  store<u32>(instanceAt(instance), version, I_VERSION);
  store<u16>(cacheAt(instance, direction), value, I_CACHE);
}

function pickSlow(instance: i32, direction: i32): i32 {
  if (!instanceIsLive(instance)) return -EBADF;
  const device = instanceDevice(instance);
  const flags = device == 0 ? 0 : <i32>load<u16>(deviceAt(device), D_FLAGS);
  if ((flags & DEVICE_SUPPORTED) == 0) {
    if (effectivePolicy(instance) > POLICY_NONE) count(device, COUNT_PICK_NO_DEVICE);
    return -EINVAL;
  }
  const policy = effectivePolicy(instance);
  if (policy == POLICY_INVALID || policy == POLICY_NONE || devicePolicy(device) == POLICY_NONE) {
    return -EINVAL;
  }
  if (!policiesFit(devicePolicy(device), policy)) {
    // Said once per version: the cache answers for the packets that follow.
    count(device, COUNT_PICK_MISMATCH);
    log(device, LOG_MISMATCH, devicePolicy(device), policy, 0);
    cacheStore(instance, RX, CACHE_REFUSED);
    cacheStore(instance, TX, CACHE_REFUSED);
    return -EINVAL;
  }
  return pickObject(
    instance,
    device,
    policy,
    (flags & DEVICE_QUEUE_PAIR) != 0 ? RX : direction,
    direction,
  );
}

/** `side` is the direction of the object, rx for both directions of a queue pair. */
function pickObject(instance: i32, device: i32, policy: i32, side: i32, direction: i32): i32 {
  // A follower's record is made here; a socket with a policy of its own has had one since then.
  let record = recordFind(instance);
  if (record == 0) record = recordInsert(instance, policy);
  assert(recordPolicy(record) == policy);
  if (recordDevice(record) != device) {
    recordDetach(record);
    const full = recordAttach(record, device);
    if (full < 0) {
      count(device, COUNT_PICK_LIMIT);
      return full;
    }
  }
  let position = recordObject(record, side);
  if (position < 0) {
    position = choose(instance, device, policy, side);
    if (position < 0) {
      // What makes a list empty for somebody changes with the version, or empties his cache.
      count(device, COUNT_PICK_EMPTY);
      cacheStore(instance, direction, CACHE_EMPTY);
      return -ENOENT;
    }
    recordAssign(record, side, position);
  }
  cacheStore(instance, direction, position + 1);
  return position;
}

function choose(instance: i32, device: i32, policy: i32, side: i32): i32 {
  const n = listLength(device, side, policy);
  if (n == 0) return -1;
  if (load<u32>(arenaBase, H_STRATEGY) == STRATEGY_LOAD_AWARE) {
    return chooseLoadAware(instance, device, policy, side, n);
  }
  const place = listCursor(device, side, policy);
  setListCursor(device, side, policy, place + 1 == n ? 0 : place + 1);
  return listPosition(device, side, policy, place);
}

/** Load of a CPU, 0..100; one that the driver cannot tell counts as idle. */
function cpuLoad(cpu: i32): i32 {
  const percent = driverCpuLoad(cpu);
  return percent < 0 ? 0 : percent > LOAD_MAX ? LOAD_MAX : percent;
}

/** Reads the load of each candidate once; returns the least, LOAD_NOT_ALLOWED if there is none. */
function readLoads(instance: i32, device: i32, policy: i32, side: i32, n: i32): i32 {
  let least = LOAD_NOT_ALLOWED;
  for (let place = 0; place < n; place++) {
    const cpu = objectCpu(device, side, listPosition(device, side, policy, place));
    const percent = cpuIsAllowed(instance, cpu) ? cpuLoad(cpu) : LOAD_NOT_ALLOWED;
    store<u8>(loadsAt + place, percent);
    if (percent < least) least = percent;
  }
  return least;
}

/**
 * The RFC's third version: among the CPUs the task may use, those loaded at most LOAD_TOLERANCE
 * points above the least loaded; of these the object with the fewest references, the first on a
 * tie.
 */
function chooseLoadAware(instance: i32, device: i32, policy: i32, side: i32, n: i32): i32 {
  const least = readLoads(instance, device, policy, side, n);
  if (least == LOAD_NOT_ALLOWED) return -1;
  let best = -1;
  for (let place = 0; place < n; place++) {
    if (<i32>load<u8>(loadsAt + place) > least + LOAD_TOLERANCE) continue;
    const position = listPosition(device, side, policy, place);
    if (best < 0 || objectRefs(device, side, position) < objectRefs(device, side, best)) {
      best = position;
    }
  }
  return best;
}
