// deno-fmt-ignore-file
// Object lists: which policy each mapped (cpu, queue) pair serves, and in which order of
// preference. Lists are drafted in scratch first and put in force only once the driver agreed, so
// that a failed change leaves the lists in force untouched. The lists of a direction always
// partition its map.

import {
  arenaBase,
  coreAt,
  cpusCapacity,
  D_CURSOR,
  D_LENGTH,
  D_START,
  deviceAt,
  draftLengthAt,
  draftListAt,
  draftOrderAt,
  draftStartAt,
  draftTakenAt,
  H_PARTITION,
  mapCapacity,
  nodesCapacity,
  O_LIST,
  O_REFS,
  objectAt,
  orderOf,
  PARTITION_LATENCY_FIRST,
  POLICY_BULK,
  POLICY_LATENCY,
  POLICY_MAX,
  POLICY_MIX,
  POLICY_NONE,
  quotaAt,
  RX,
  TX,
} from "./abi";
import { mapped, objectCpu } from "./map";
import { cpuCore, cpuNode, nodeInOrder } from "./topology";

// Offsets in a node's quota entry.
const Q_MAPPED: usize = 0;
const Q_LATENCY: usize = 2;
const Q_LATENCY_USED: usize = 4;
const Q_BULK_USED: usize = 6;

/** Shares of a node's CPUs under MIX: a third for LATENCY, the rest for BULK (it uses more CPU). */
export const LATENCY_SHARE: i32 = 3;

const PASS_FIRST_THREADS: i32 = 1;
const PASS_LATENCY_SIBLINGS: i32 = 2;
const PASS_REST: i32 = 3;

const NOT_TAKEN: u8 = 0xff;


@inline
function listField(device: i32, direction: i32, policy: i32): usize {
  return deviceAt(device) + ((<usize>((direction << 2) | policy)) << 1);
}

/** Objects in a list. */
@inline
export function listLength(device: i32, direction: i32, policy: i32): i32 {
  return load<u16>(listField(device, direction, policy), D_LENGTH);
}

/** Map position (= queue number) of the object at `place` of a list. */
@inline
export function listPosition(device: i32, direction: i32, policy: i32, place: i32): i32 {
  const start = <i32>load<u16>(listField(device, direction, policy), D_START);
  return load<u16>(orderOf(device, direction, start + place));
}

/** Place of the next round-robin choice in a list. */
@inline
export function listCursor(device: i32, direction: i32, policy: i32): i32 {
  return load<u16>(listField(device, direction, policy), D_CURSOR);
}

/** Moves the cursor of a list. */
@inline
export function setListCursor(device: i32, direction: i32, policy: i32, place: i32): void {
  store<u16>(listField(device, direction, policy), place, D_CURSOR);
}

/** List the object is in. */
@inline
export function objectList(device: i32, direction: i32, position: i32): i32 {
  return load<u8>(objectAt(device, direction, position), O_LIST);
}

/** Records that hold a reference to the object. */
@inline
export function objectRefs(device: i32, direction: i32, position: i32): u32 {
  return load<u32>(objectAt(device, direction, position), O_REFS);
}

/** Takes (+1) or drops (-1) a reference. */
export function objectRef(device: i32, direction: i32, position: i32, by: i32): void {
  assert(position < mapped(device, direction));
  assert(by > 0 || objectRefs(device, direction, position) > 0);
  store<u32>(
    objectAt(device, direction, position),
    objectRefs(device, direction, position) + by,
    O_REFS,
  );
}

/** Drafted list of an object. */
@inline
export function draftList(direction: i32, position: i32): i32 {
  return load<u8>(draftListAt + <usize>(<u32>direction * mapCapacity + <u32>position));
}


@inline
function quota(node: i32): usize {
  return quotaAt + ((<usize>node) << 3);
}

/**
 * LATENCY's share of a node's n mapped CPUs: floor(n / 3); the alternative keeps one from two up.
 */
function latencyQuota(n: i32): i32 {
  const third = n / LATENCY_SHARE;
  if (third > 0 || n < 2) return third;
  return load<u32>(arenaBase, H_PARTITION) == PARTITION_LATENCY_FIRST ? 1 : 0;
}

function draftQuotas(device: i32, direction: i32): void {
  memory.fill(quotaAt, 0, (<usize>nodesCapacity) << 3);
  const n = mapped(device, direction);
  for (let position = 0; position < n; position++) {
    const at = quota(cpuNode(objectCpu(device, direction, position)));
    store<u16>(at, <i32>load<u16>(at, Q_MAPPED) + 1, Q_MAPPED);
  }
  for (let node = 0; <u32>node < nodesCapacity; node++) {
    store<u16>(quota(node), latencyQuota(load<u16>(quota(node), Q_MAPPED)), Q_LATENCY);
  }
}

function chooseList(policy: i32, node: i32): i32 {
  if (policy != POLICY_MIX) return policy;
  const at = quota(node);
  const latency = <i32>load<u16>(at, Q_LATENCY);
  const latencyUsed = <i32>load<u16>(at, Q_LATENCY_USED);
  if (latencyUsed < latency) {
    store<u16>(at, latencyUsed + 1, Q_LATENCY_USED);
    return POLICY_LATENCY;
  }
  const bulkUsed = <i32>load<u16>(at, Q_BULK_USED);
  if (bulkUsed < <i32>load<u16>(at, Q_MAPPED) - latency) {
    store<u16>(at, bulkUsed + 1, Q_BULK_USED);
    return POLICY_BULK;
  }
  return POLICY_NONE;
}

/** Whether a pass takes a CPU whose core went to `coreMark` (0: to nobody yet, else 1 + list). */
@inline
function passTakes(pass: i32, coreMark: i32): bool {
  if (pass == PASS_FIRST_THREADS) return coreMark == 0;
  if (pass == PASS_LATENCY_SIBLINGS) return coreMark == 1 + POLICY_LATENCY;
  return true;
}

/** One pass over one node; returns how many objects are taken so far. */
function draftPass(
  device: i32,
  direction: i32,
  policy: i32,
  node: i32,
  pass: i32,
  taken: i32,
): i32 {
  const n = mapped(device, direction);
  const lists = draftListAt + <usize>(<u32>direction * mapCapacity);
  for (let position = 0; position < n; position++) {
    const cpu = objectCpu(device, direction, position);
    if (cpuNode(cpu) != node || load<u8>(lists + position) != NOT_TAKEN) continue;
    const core = coreAt + cpuCore(cpu);
    if (!passTakes(pass, load<u8>(core))) continue;
    const list = chooseList(policy, node);
    store<u8>(lists + position, list);
    if (pass == PASS_FIRST_THREADS) store<u8>(core, 1 + list);
    store<u16>(draftTakenAt + ((<usize>taken) << 1), position);
    taken++;
  }
  return taken;
}

/** Splits the taking order into one run per list, each in taking order. */
function draftSegments(direction: i32, n: i32): void {
  const lists = draftListAt + <usize>(<u32>direction * mapCapacity);
  const order = draftOrderAt + ((<usize>(<u32>direction * mapCapacity)) << 1);
  let start = 0;
  for (let list = POLICY_NONE; list < POLICY_MAX; list++) {
    const field = (<usize>((direction << 2) | list)) << 1;
    let end = start;
    for (let place = 0; place < n; place++) {
      const position = load<u16>(draftTakenAt + ((<usize>place) << 1));
      if (<i32>load<u8>(lists + position) != list) continue;
      store<u16>(order + ((<usize>end) << 1), position);
      end++;
    }
    store<u16>(draftStartAt + field, start);
    store<u16>(draftLengthAt + field, end - start);
    start = end;
  }
  assert(start == n);
}

/**
 * Drafts the lists of a device for a policy from its map: nodes near first; one thread per core;
 * under MIX then the siblings of LATENCY cores; then the rest. sortNodes must have run.
 */
export function listsDraft(device: i32, policy: i32): void {
  assert(policy != POLICY_NONE);
  for (let direction = RX; direction <= TX; direction++) {
    const n = mapped(device, direction);
    memory.fill(draftListAt + <usize>(<u32>direction * mapCapacity), NOT_TAKEN, n);
    memory.fill(coreAt, 0, cpusCapacity);
    draftQuotas(device, direction);
    let taken = 0;
    for (let pass = PASS_FIRST_THREADS; pass <= PASS_REST; pass++) {
      if (pass == PASS_LATENCY_SIBLINGS && policy != POLICY_MIX) continue;
      for (let rank = 0; <u32>rank < nodesCapacity; rank++) {
        taken = draftPass(device, direction, policy, nodeInOrder(rank), pass, taken);
      }
    }
    assert(taken == n);
    draftSegments(direction, n);
  }
}

/** Puts the drafted lists in force. No object may be referenced. Cursors start at the heads. */
export function listsCommit(device: i32): void {
  for (let direction = RX; direction <= TX; direction++) {
    const n = mapped(device, direction);
    for (let position = 0; position < n; position++) {
      assert(objectRefs(device, direction, position) == 0);
      store<u8>(objectAt(device, direction, position), draftList(direction, position), O_LIST);
    }
    const order = draftOrderAt + ((<usize>(<u32>direction * mapCapacity)) << 1);
    memory.copy(orderOf(device, direction, 0), order, (<usize>n) << 1);
  }
  memory.copy(deviceAt(device) + D_START, draftStartAt, 16);
  memory.copy(deviceAt(device) + D_LENGTH, draftLengthAt, 16);
  memory.fill(deviceAt(device) + D_CURSOR, 0, 16);
}

/** Empties all lists; goes with mapClear. */
export function listsClear(device: i32): void {
  for (let direction = RX; direction <= TX; direction++) {
    memory.fill(orderOf(device, direction, 0), 0, (<usize>mapCapacity) << 1);
  }
  memory.fill(deviceAt(device) + D_START, 0, 16);
  memory.fill(deviceAt(device) + D_LENGTH, 0, 16);
  memory.fill(deviceAt(device) + D_CURSOR, 0, 16);
}

/** Whether the LATENCY list of some direction is empty. */
export function latencyStarved(device: i32): bool {
  return listLength(device, RX, POLICY_LATENCY) == 0 || listLength(device, TX, POLICY_LATENCY) == 0;
}
