// deno-fmt-ignore-file
// The invariants of the state, each with its number, callable after every command.
// It looks at the tables alone, recomputes what the code that maintains them computes, and changes
// nothing. Statements about transitions (I14 fairness, I17, I20, I21, I23) need two states: tests
// hold them.

import { bitmapCount, bitmapHas } from "../lib/bitmap";
import {
  affinityOf,
  allowedCapacity,
  allowedOf,
  allowedSet,
  bucketAt,
  bucketsCount,
  CACHE_EMPTY,
  CACHE_REFUSED,
  D_NODE,
  D_ORPHANS,
  D_QUEUES,
  D_RULES,
  D_VERSION,
  DEVICE_LATENCY_STARVED,
  DEVICE_QUEUE_PAIR,
  DEVICE_REBUILD_FAILED,
  DEVICE_SUPPORTED,
  DEVICE_UP,
  deviceAt,
  devicesCapacity,
  I_ALLOWED,
  I_CACHE,
  I_NEXT,
  I_PREVIOUS,
  I_TASK,
  I_VERSION,
  instanceAt,
  mapCapacity,
  maskWords,
  nodesCapacity,
  objectAt,
  orderOf,
  ownersCapacity,
  POLICY_CPU,
  POLICY_INVALID,
  POLICY_LATENCY,
  POLICY_MAX,
  POLICY_MIX,
  POLICY_NONE,
  R_NEXT,
  recordAt,
  recordsSet,
  RULE_BYTES,
  RULE_INSERTED,
  RULE_ORPHAN,
  RULE_REFUSED,
  ruleAt,
  rulesCapacity,
  rulesSet,
  RX,
  TX,
} from "./abi";
import { deviceFlags, deviceIsRegistered, devicePolicy, deviceWanted, policiesFit } from "./device";
import {
  effectivePolicy,
  instanceDevice,
  instanceIsLive,
  instanceIsTask,
  ownPolicy,
  socketTask,
} from "./instance";
import { mapIsCurrent, mapped, objectCpu } from "./map";
import {
  LATENCY_SHARE,
  latencyStarved,
  listCursor,
  listLength,
  listPosition,
  objectList,
  objectRefs,
} from "./object";
import {
  deviceLimit,
  deviceRecords,
  recordBucket,
  recordDevice,
  recordFind,
  recordObject,
  recordOwner,
  recordPolicy,
} from "./record";
import { ruleDevice, ruleInstance, ruleOf, ruleQueue, ruleState } from "./rule";
import { cpuCore, cpuIsOnline, cpuNode, nodeIsNearer } from "./topology";

/** Number of the first broken invariant (1 for I01 ...), 0 when all hold. */
export function check(): i32 {
  for (let device = 1; <u32>device <= devicesCapacity; device++) {
    const broken = checkDevice(device);
    if (broken != 0) return broken;
  }
  const broken = checkRecords();
  if (broken != 0) return broken;
  return checkInstances();
}

function checkDevice(device: i32): i32 {
  if (!deviceIsRegistered(device))
    return isZero(deviceAt(device), deviceAt(1) - deviceAt(0)) ? 0 : 22;
  if (!flagsAgree(device)) return 20;
  const none = devicePolicy(device) == POLICY_NONE;
  if (none && !nothingInForce(device)) return 13;
  if (!none && !mapIsCurrent(device)) return 1;
  for (let direction = RX; direction <= TX; direction++) {
    if (!none && !mapIsInjective(device, direction)) return 2;
    if (!listsPartition(device, direction)) return 3;
    if (!none && !listsHaveQuotas(device, direction)) return 4;
    if (!none && !listsAreOrdered(device, direction)) return 5;
    if (!refsAgree(device, direction)) return 6;
    if (!cursorsInside(device, direction)) return 14;
    if (!tailIsZero(device, direction)) return 22;
  }
  if (deviceRecords(device) > deviceLimit(device)) return 8;
  return rulesAgree(device) ? 0 : 19;
}

/**
 * I20, the part one state shows: in force is what is wanted, or NONE entirely and the flag says
 * why.
 */
function flagsAgree(device: i32): bool {
  const flags = deviceFlags(device);
  const policy = devicePolicy(device);
  const wanted = deviceWanted(device);
  const up = (flags & DEVICE_UP) != 0;
  if ((flags & DEVICE_SUPPORTED) != 0 && !up) return false;
  if (policy != POLICY_NONE && (policy != wanted || (flags & DEVICE_SUPPORTED) == 0)) return false;
  const failed = (flags & DEVICE_REBUILD_FAILED) != 0;
  if (failed && (policy != POLICY_NONE || wanted == POLICY_NONE)) return false;
  if ((flags & DEVICE_SUPPORTED) != 0 && policy != wanted && !failed) return false;
  const starved = policy == POLICY_MIX && latencyStarved(device);
  return starved == ((flags & DEVICE_LATENCY_STARVED) != 0);
}

function isZero(at: usize, bytes: usize): bool {
  for (let i: usize = 0; i < bytes; i++) {
    if (load<u8>(at + i) != 0) return false;
  }
  return true;
}

function nothingInForce(device: i32): bool {
  if (mapped(device, RX) != 0 || mapped(device, TX) != 0) return false;
  if (load<u32>(deviceAt(device), D_QUEUES) != 0) return false;
  return isZero(
    affinityOf(device, RX, 0),
    (affinityOf(device, TX, 0) - affinityOf(device, RX, 0)) << 1,
  );
}

/** The queue is the position; the CPUs must differ pairwise and be online. */
function mapIsInjective(device: i32, direction: i32): bool {
  const n = mapped(device, direction);
  for (let position = 0; position < n; position++) {
    const cpu = objectCpu(device, direction, position);
    if (!cpuIsOnline(cpu)) return false;
    for (let other = 0; other < position; other++) {
      if (objectCpu(device, direction, other) == cpu) return false;
    }
  }
  return true;
}

function listsPartition(device: i32, direction: i32): bool {
  const n = mapped(device, direction);
  let total = 0;
  for (let list = POLICY_NONE; list < POLICY_MAX; list++) {
    const length = listLength(device, direction, list);
    for (let place = 0; place < length; place++) {
      const position = listPosition(device, direction, list, place);
      if (position >= n || objectList(device, direction, position) != list) return false;
    }
    total += length;
  }
  if (total != n) return false;
  for (let position = 0; position < n; position++) {
    if (!isListedOnce(device, direction, position)) return false;
  }
  return true;
}

function isListedOnce(device: i32, direction: i32, position: i32): bool {
  const n = mapped(device, direction);
  let found = 0;
  for (let place = 0; place < n; place++) {
    if (<i32>load<u16>(orderOf(device, direction, place)) == position) found++;
  }
  return found == 1;
}

function listsHaveQuotas(device: i32, direction: i32): bool {
  const policy = devicePolicy(device);
  if (policy != POLICY_MIX)
    return listLength(device, direction, policy) == mapped(device, direction);
  if (listLength(device, direction, POLICY_CPU) != 0) return false;
  if (listLength(device, direction, POLICY_NONE) != 0) return false;
  const n = mapped(device, direction);
  for (let node = 0; <u32>node < nodesCapacity; node++) {
    let here = 0;
    let latency = 0;
    for (let position = 0; position < n; position++) {
      if (cpuNode(objectCpu(device, direction, position)) != node) continue;
      here++;
      if (objectList(device, direction, position) == POLICY_LATENCY) latency++;
    }
    // Either partition may have been in force when the lists were built.
    if (latency != here / LATENCY_SHARE && !(here == 2 && latency == 1)) return false;
  }
  return true;
}

/** 1: first thread of its core; 2: under MIX a sibling of a LATENCY core; 3: any other. */
function passOf(device: i32, direction: i32, position: i32): i32 {
  const core = cpuCore(objectCpu(device, direction, position));
  for (let other = 0; other < position; other++) {
    if (cpuCore(objectCpu(device, direction, other)) != core) continue;
    const latency = objectList(device, direction, other) == POLICY_LATENCY;
    return devicePolicy(device) == POLICY_MIX && latency ? 2 : 3;
  }
  return 1;
}

function homeNode(device: i32): i32 {
  return load<i16>(deviceAt(device), D_NODE);
}

function comesBefore(device: i32, direction: i32, a: i32, b: i32): bool {
  const passA = passOf(device, direction, a);
  const passB = passOf(device, direction, b);
  if (passA != passB) return passA < passB;
  const nodeA = cpuNode(objectCpu(device, direction, a));
  const nodeB = cpuNode(objectCpu(device, direction, b));
  if (nodeA != nodeB) return nodeIsNearer(homeNode(device), nodeA, nodeB);
  return a < b;
}

function listsAreOrdered(device: i32, direction: i32): bool {
  for (let list = POLICY_NONE; list < POLICY_MAX; list++) {
    const length = listLength(device, direction, list);
    for (let place = 1; place < length; place++) {
      const before = listPosition(device, direction, list, place - 1);
      if (!comesBefore(device, direction, before, listPosition(device, direction, list, place)))
        return false;
    }
  }
  return true;
}

function refsAgree(device: i32, direction: i32): bool {
  const n = mapped(device, direction);
  for (let position = 0; position < n; position++) {
    let users: u32 = 0;
    for (let record = 1; <u32>record <= ownersCapacity; record++) {
      if (recordDevice(record) == device && recordObject(record, direction) == position) users++;
    }
    if (objectRefs(device, direction, position) != users) return false;
  }
  return true;
}

function cursorsInside(device: i32, direction: i32): bool {
  for (let list = POLICY_NONE; list < POLICY_MAX; list++) {
    const length = listLength(device, direction, list);
    if (listCursor(device, direction, list) >= (length == 0 ? 1 : length)) return false;
  }
  return true;
}

function tailIsZero(device: i32, direction: i32): bool {
  const n = mapped(device, direction);
  const objects = objectAt(device, direction, n);
  return isZero(objects, objectAt(device, direction, mapCapacity) - objects);
}

function rulesAgree(device: i32): bool {
  let inserted: u32 = 0;
  let orphans: u32 = 0;
  for (let rule = 1; <u32>rule <= rulesCapacity; rule++) {
    if (ruleDevice(rule) != device) continue;
    if (ruleState(rule) != RULE_REFUSED) inserted++;
    if (ruleState(rule) == RULE_ORPHAN) orphans++;
  }
  return (
    load<u32>(deviceAt(device), D_RULES) == inserted &&
    load<u32>(deviceAt(device), D_ORPHANS) == orphans
  );
}

function checkRecords(): i32 {
  let chained: u32 = 0;
  for (let bucket: u32 = 0; bucket < bucketsCount; bucket++) {
    let record = <i32>load<u32>(bucketAt(bucket));
    let before = 0;
    while (record != 0) {
      if (!bitmapHas(recordsSet, record) || recordBucket(recordOwner(record)) != bucket) return 7;
      if (recordOwner(record) <= before) return 7;
      before = recordOwner(record);
      if (++chained > ownersCapacity) return 7;
      record = load<u32>(recordAt(record), R_NEXT);
    }
  }
  if (chained + 1 != bitmapCount(recordsSet)) return 7;
  for (let device = 1; <u32>device <= devicesCapacity; device++) {
    let attached: u32 = 0;
    for (let record = 1; <u32>record <= ownersCapacity; record++) {
      if (recordDevice(record) == device) attached++;
    }
    if (deviceIsRegistered(device) ? deviceRecords(device) != attached : attached != 0) return 8;
  }
  for (let record = 1; <u32>record <= ownersCapacity; record++) {
    const broken = checkRecord(record);
    if (broken != 0) return broken;
  }
  return 0;
}

function checkRecord(record: i32): i32 {
  if (!bitmapHas(recordsSet, record))
    return isZero(recordAt(record), recordAt(1) - recordAt(0)) ? 0 : 22;
  const owner = recordOwner(record);
  if (!instanceIsLive(owner) || recordFind(owner) != record) return 7;
  const policy = recordPolicy(record);
  if (policy >= POLICY_MAX || policy != effectivePolicy(owner)) return 16;
  const device = recordDevice(record);
  if (device != 0 && device != instanceDevice(owner)) return 9;
  for (let direction = RX; direction <= TX; direction++) {
    const position = recordObject(record, direction);
    if (position < 0) continue;
    if (device == 0 || devicePolicy(device) == POLICY_NONE) return 13;
    if (position >= mapped(device, direction)) return 11;
    if (objectList(device, direction, position) != policy) return 9;
    if (policy == POLICY_NONE || !policiesFit(devicePolicy(device), policy)) return 15;
    if (direction == TX && (deviceFlags(device) & DEVICE_QUEUE_PAIR) != 0) return 10;
  }
  return 0;
}

function checkInstances(): i32 {
  for (let instance = 1; <u32>instance <= ownersCapacity; instance++) {
    if (!instanceIsLive(instance)) {
      if (!isZero(instanceAt(instance), instanceAt(1) - instanceAt(0))) return 22;
      continue;
    }
    const policy = ownPolicy(instance);
    if (policy < POLICY_INVALID || policy >= POLICY_MAX) return 16;
    if (policy != POLICY_INVALID && recordFind(instance) == 0) return 7;
    if (!cacheIsRight(instance)) return 12;
    if (!linksAgree(instance)) return 17;
    if (!instanceIsTask(instance) && !ruleIsRight(instance)) return 18;
  }
  return checkSlots();
}

/** A cache of the device's version holds the record's queue, or an answer that still stands. */
function cacheIsRight(instance: i32): bool {
  const device = instanceDevice(instance);
  const record = recordFind(instance);
  for (let direction = RX; direction <= TX; direction++) {
    const cached = <i32>load<u16>(instanceAt(instance) + ((<usize>direction) << 1), I_CACHE);
    if (cached == 0) continue;
    if (device == 0) return false;
    if (load<u32>(instanceAt(instance), I_VERSION) != load<u32>(deviceAt(device), D_VERSION))
      continue;
    if (cached == CACHE_REFUSED) {
      if (policiesFit(devicePolicy(device), effectivePolicy(instance))) return false;
      continue;
    }
    const pair = (deviceFlags(device) & DEVICE_QUEUE_PAIR) != 0;
    const position = record == 0 ? -1 : recordObject(record, pair ? RX : direction);
    if (position != (cached == CACHE_EMPTY ? -1 : cached - 1)) return false;
  }
  return true;
}

/** A socket stands in its task's list, between its neighbours. */
function linksAgree(instance: i32): bool {
  if (instanceIsTask(instance)) {
    const head = <i32>load<u32>(instanceAt(instance), I_TASK);
    return head == 0 || (instanceIsLive(head) && socketTask(head) == instance);
  }
  const task = socketTask(instance);
  const next = <i32>load<u32>(instanceAt(instance), I_NEXT);
  const previous = <i32>load<u32>(instanceAt(instance), I_PREVIOUS);
  if (task == 0) return next == 0 && previous == 0;
  if (!instanceIsLive(task) || !instanceIsTask(task)) return false;
  if (next != 0 && <i32>load<u32>(instanceAt(next), I_PREVIOUS) != instance) return false;
  if (previous == 0) return <i32>load<u32>(instanceAt(task), I_TASK) == instance;
  return <i32>load<u32>(instanceAt(previous), I_NEXT) == instance;
}

function ruleIsRight(instance: i32): bool {
  const rule = ruleOf(instance);
  if (rule == 0) return true;
  if (!bitmapHas(rulesSet, rule) || ruleInstance(rule) != instance) return false;
  const record = recordFind(instance);
  if (record == 0 || recordDevice(record) != ruleDevice(rule)) return false;
  return recordObject(record, RX) == ruleQueue(rule);
}

function checkSlots(): i32 {
  for (let rule = 1; <u32>rule <= rulesCapacity; rule++) {
    if (!bitmapHas(rulesSet, rule)) {
      if (!isZero(ruleAt(rule), RULE_BYTES)) return 22;
      continue;
    }
    const state = ruleState(rule);
    if (state == RULE_ORPHAN) {
      if (ruleInstance(rule) != 0) return 18;
    } else {
      if (state != RULE_INSERTED && state != RULE_REFUSED) return 18;
      if (!instanceIsLive(ruleInstance(rule)) || ruleOf(ruleInstance(rule)) != rule) return 18;
    }
    if (!deviceIsRegistered(ruleDevice(rule))) return 18;
  }
  return masksAgree() ? 0 : 22;
}

function masksAgree(): bool {
  for (let mask = 1; <u32>mask <= allowedCapacity; mask++) {
    let users = 0;
    for (let task = 1; <u32>task <= ownersCapacity; task++) {
      if (!instanceIsLive(task) || !instanceIsTask(task)) continue;
      if (<i32>load<u32>(instanceAt(task), I_ALLOWED) == mask) users++;
    }
    if (users != (bitmapHas(allowedSet, mask) ? 1 : 0)) return false;
    if (users == 0 && !isZero(allowedOf(mask), (<usize>maskWords) << 2)) return false;
  }
  return true;
}
