// deno-fmt-ignore-file
// Map of the arena: every table, its entry layout, and where it lies. Sizes follow from the
// capacities given at init; nothing is allocated afterwards. State holds indices, never pointers
// (0 = none), so that a copy of [arenaOffset, arenaOffset + arenaBytes) is the whole state.
// What lies behind it (scratch, text, log, counters) can be lost without losing state.
//
//   header | cpus | distance | devices | objects | order | affinity | instances | records
//   | buckets | rules | allowed | bitmaps || scratch | text | log | counters

import { bitmapBytes, bitmapInit, bitmapMark } from "../lib/bitmap";
import { EINVAL, ENOMEM } from "../lib/errno";

// Policies: enum netpolicy_policy of the RFC; MIX lies after MAX because only a device can have it.
export const POLICY_INVALID: i32 = -1;
export const POLICY_NONE: i32 = 0;
export const POLICY_CPU: i32 = 1;
export const POLICY_BULK: i32 = 2;
export const POLICY_LATENCY: i32 = 3;
export const POLICY_MAX: i32 = 4;
export const POLICY_MIX: i32 = 5;

/** Direction: received packets. */
export const RX: i32 = 0;
/** Direction: sent packets. */
export const TX: i32 = 1;
/** Both directions at once, for driver operations on a whole channel or device. */
export const RXTX: i32 = 2;

/** NETPOLICY_MAX_RECORD_NUM: records of a device whose driver names no limit. */
export const RECORD_LIMIT_DEFAULT: u32 = 7000;
/** POLICY_NAME_LEN_MAX: longest accepted write. */
export const POLICY_NAME_MAX: i32 = 64;
/** LOAD_TOLERANCE of the RFC's third version: percentage points of CPU load. */
export const LOAD_TOLERANCE: i32 = 5;
/** IFNAMSIZ, with the terminating zero. */
export const NAME_BYTES: i32 = 16;

/** Choice by a cursor per list (the RFC's first version). */
export const STRATEGY_ROUND_ROBIN: i32 = 0;
/** Choice by CPU load, then references (the RFC's third version). */
export const STRATEGY_LOAD_AWARE: i32 = 1;
/** MIX partition as in the RFC: floor(n / 3) for LATENCY. */
export const PARTITION_RFC: i32 = 0;
/** The same, but never without LATENCY where a node has two or more CPUs. */
export const PARTITION_LATENCY_FIRST: i32 = 1;

// Capacity ceilings: 16-bit CPU, queue and device numbers; the i40e has 1536 queue pairs.
const CPUS_MAX: u32 = 1024;
const QUEUES_MAX: u32 = 1536;
const DEVICES_MAX: u32 = 64;
const NODES_MAX: u32 = 64;
const SLOTS_MAX: u32 = 1 << 24;

// Header, 32 bytes: strategy u32 | partition u32 | online CPUs u32 | highest version u32 | spare.
export const H_STRATEGY: usize = 0;
export const H_PARTITION: usize = 4;
export const H_ONLINE: usize = 8;
export const H_VERSION_MAX: usize = 12;
const HEADER_BYTES: u32 = 32;

// CPU, 8 bytes: node u16 | core u16 (lowest CPU of its SMT group) | flags u8 | 3 spare.
export const C_NODE: usize = 0;
export const C_CORE: usize = 2;
export const C_FLAGS: usize = 4;
export const CPU_PRESENT: i32 = 1;
export const CPU_ONLINE: i32 = 2;
const CPU_SHIFT: usize = 3;

// Device, 128 bytes (slot 0 unused):
//    0 name 16 | 16 netns u32 | 20 ifindex u32 | 24 node i16 | 26 flags u16
//   28 available u8 | 29 policy u8 | 30 wanted u8 | 31 spare | 32 version u32
//   36 record limit u32 | 40 records u32 | 44 rules in the hardware u32 | 48 rebuild errno i32
//   52 mapped u16 [2] | 56 queues u16 [2] | 60 orphan rules u32
//   64 list start u16 [2][4] | 80 list length u16 [2][4] | 96 cursor u16 [2][4] | 112 spare 16
export const D_NAME: usize = 0;
export const D_NETNS: usize = 16;
export const D_IFINDEX: usize = 20;
export const D_NODE: usize = 24;
export const D_FLAGS: usize = 26;
export const D_AVAILABLE: usize = 28;
export const D_POLICY: usize = 29;
export const D_WANTED: usize = 30;
export const D_VERSION: usize = 32;
export const D_LIMIT: usize = 36;
export const D_RECORDS: usize = 40;
export const D_RULES: usize = 44;
export const D_ERRNO: usize = 48;
export const D_MAPPED: usize = 52;
export const D_QUEUES: usize = 56;
export const D_ORPHANS: usize = 60;
export const D_START: usize = 64;
export const D_LENGTH: usize = 80;
export const D_CURSOR: usize = 96;
const DEVICE_SHIFT: usize = 7;

export const DEVICE_REGISTERED: i32 = 1;
export const DEVICE_UP: i32 = 2;
export const DEVICE_SUPPORTED: i32 = 4;
export const DEVICE_MIX: i32 = 8;
export const DEVICE_QUEUE_PAIR: i32 = 16;
export const DEVICE_IRQ_AFFINITY: i32 = 32;
/** Under MIX the LATENCY list of a direction is empty. */
export const DEVICE_LATENCY_STARVED: i32 = 64;
/** The wanted policy could not be put in force again after an event. */
export const DEVICE_REBUILD_FAILED: i32 = 128;

// Object = one entry of the 1:1 map, 16 bytes: cpu u16 | list u8 | spare | irq i32 | refs u32 |
// spare. The entry's position i is its queue number: i-th online CPU <-> queue i.
export const O_CPU: usize = 0;
export const O_LIST: usize = 2;
export const O_IRQ: usize = 4;
export const O_REFS: usize = 8;
const OBJECT_SHIFT: usize = 4;

// Instance (a task or a socket), 32 bytes (slot 0 unused):
//    0 id u32 | 4 device u16 | 6 policy i8 | 7 flags u8
//    8 task u32 (socket: its task's instance; task: head of the list of its sockets)
//   12 next u32 | 16 previous u32 (sockets of one task)
//   20 cached queue u16 [2] (queue + 1; 0 nothing; CACHE_ values) | 24 version u32 of that cache
//   28 rule u32 (socket) or allowed-CPU mask u32 (task)
export const I_ID: usize = 0;
export const I_DEVICE: usize = 4;
export const I_POLICY: usize = 6;
export const I_FLAGS: usize = 7;
export const I_TASK: usize = 8;
export const I_NEXT: usize = 12;
export const I_PREVIOUS: usize = 16;
export const I_CACHE: usize = 20;
export const I_VERSION: usize = 24;
export const I_RULE: usize = 28;
export const I_ALLOWED: usize = 28;
const INSTANCE_SHIFT: usize = 5;

/** Flag of an instance: the slot is in use. */
export const INSTANCE_USED: i32 = 1;
/** Flag of an instance: a task, else a socket. */
export const INSTANCE_TASK: i32 = 2;
/** Cached instead of a queue: the policy does not fit the device, as of this version. */
export const CACHE_REFUSED: i32 = 0xffff;
/** Cached instead of a queue: no object to choose, as of this version. */
export const CACHE_EMPTY: i32 = 0xfffe;

// Record, 16 bytes (slot 0 unused): owner u32 (an instance) | next u32 in the hash chain
//   8 device u16 | 10 policy u8 | 11 spare | 12 object u16 [2] (map position + 1, 0 = none)
export const R_OWNER: usize = 0;
export const R_NEXT: usize = 4;
export const R_DEVICE: usize = 8;
export const R_POLICY: usize = 10;
export const R_OBJECT: usize = 12;
const RECORD_SHIFT: usize = 4;

// Flow, 40 bytes: type u8 | 3 spare | ports u32 (source << 16 | destination)
//   8 source u32 [4] | 24 destination u32 [4] (IPv4 in the first word, the rest zero)
export const F_TYPE: usize = 0;
export const F_PORTS: usize = 4;
export const F_SOURCE: usize = 8;
export const F_DESTINATION: usize = 24;
export const FLOW_BYTES: usize = 40;
export const FLOW_TCP4: i32 = 1;
export const FLOW_UDP4: i32 = 2;
export const FLOW_TCP6: i32 = 3;
export const FLOW_UDP6: i32 = 4;

// Rule, 56 bytes (slot 0 unused): instance u32 | location i32 | device u16 | queue u16 | state u8
//   | 3 spare | 16 flow
export const L_INSTANCE: usize = 0;
export const L_LOCATION: usize = 4;
export const L_DEVICE: usize = 8;
export const L_QUEUE: usize = 10;
export const L_STATE: usize = 12;
export const L_FLOW: usize = 16;
export const RULE_BYTES: usize = 56;
export const RULE_INSERTED: i32 = 1;
/** The device would not take it; not tried again before the flow, the queue or the map changes. */
export const RULE_REFUSED: i32 = 2;
/** Its socket is gone but the device would not delete it; tried again at the next chance. */
export const RULE_ORPHAN: i32 = 3;

/**
 * Log ring, 32 bytes an entry: name 16 | sequence u32 | code u8 | a u8 | b u8 | spare | value i32.
 */
export const LOG_ENTRIES: u32 = 64;
export const LOG_BYTES: usize = 32;
export const COUNTERS: u32 = 24;

/** Bytes of the buffer for names and texts handed over. */
export const INPUT_BYTES: u32 = 128;
const ARENA_ALIGN: usize = 64;

export let cpusCapacity: u32 = 0;
export let nodesCapacity: u32 = 0;
export let devicesCapacity: u32 = 0;
export let queuesCapacity: u32 = 0;
export let ownersCapacity: u32 = 0;
export let rulesCapacity: u32 = 0;
export let allowedCapacity: u32 = 0;
export let bucketsCount: u32 = 0;
/** Map entries a device has room for in one direction. */
export let mapCapacity: u32 = 0;
/** 32-bit words of a CPU mask. */
export let maskWords: u32 = 0;

/** First byte of the state. */
export let arenaBase: usize = 0;
/** Bytes of the state. */
export let arenaSize: usize = 0;
let cpusAt: usize = 0;
let distanceAt: usize = 0;
let devicesAt: usize = 0;
let objectsAt: usize = 0;
let orderAt: usize = 0;
let affinityAt: usize = 0;
/** First byte of the instances. */
let instancesAt: usize = 0;
let recordsAt: usize = 0;
let bucketsAt: usize = 0;
let rulesAt: usize = 0;
let allowedAt: usize = 0;
/** Slots of instances in use. */
export let instancesSet: usize = 0;
/** Slots of records in use. */
export let recordsSet: usize = 0;
/** Slots of rules in use. */
export let rulesSet: usize = 0;
/** Slots of allowed-CPU masks in use. */
export let allowedSet: usize = 0;

/** Driver info {available, flags, limit}, 16 bytes. */
export let infoAt: usize = 0;
/** A flow handed over by the caller. */
export let flowAt: usize = 0;
/** A name or text handed over by the caller, 128 bytes. */
export let inputAt: usize = 0;
/** A CPU mask handed over by the caller or read from the driver. */
export let maskAt: usize = 0;
/** Node numbers, near first, u16. */
export let nodeOrderAt: usize = 0;
/** Per node: mapped CPUs u16, LATENCY quota u16, LATENCY used u16, BULK used u16. */
export let quotaAt: usize = 0;
/** Per CPU: 0 core not taken, else 1 + list its core went to, u8. */
export let coreAt: usize = 0;
/** Per place of a list: load of its CPU as read for one choice, or that it is ruled out, u8. */
export let loadsAt: usize = 0;
/** Lists being built, [2][mapCapacity]: list u8, then order u16, then taking order u16. */
export let draftListAt: usize = 0;
export let draftOrderAt: usize = 0;
export let draftTakenAt: usize = 0;
/** Starts and lengths being built, u16 [2][4] each. */
export let draftStartAt: usize = 0;
export let draftLengthAt: usize = 0;
/** Text answers. */
export let textAt: usize = 0;
export let textCapacity: usize = 0;
export let logAt: usize = 0;
/** Counters, u32 [devices + 1][COUNTERS], row 0 for what concerns no device. */
export let countersAt: usize = 0;

/** Entry of a CPU. */
@inline
export function cpuAt(cpu: i32): usize {
  return cpusAt + ((<usize>cpu) << CPU_SHIFT);
}

/** SLIT distance between two nodes, u8. */
@inline
export function distanceOf(from: i32, to: i32): usize {
  return distanceAt + <usize>(<u32>from * nodesCapacity + <u32>to);
}

/** Entry of a device. */
@inline
export function deviceAt(device: i32): usize {
  return devicesAt + ((<usize>device) << DEVICE_SHIFT);
}


@inline
function mapIndex(device: i32, direction: i32, position: i32): usize {
  return <usize>(<u32>((device << 1) | direction) * mapCapacity + <u32>position);
}

/** Object at a map position of a direction. */
@inline
export function objectAt(device: i32, direction: i32, position: i32): usize {
  return objectsAt + (mapIndex(device, direction, position) << OBJECT_SHIFT);
}

/** Map position that stands at a place of a direction, all lists one after the other, u16. */
@inline
export function orderOf(device: i32, direction: i32, place: i32): usize {
  return orderAt + (mapIndex(device, direction, place) << 1);
}

/** Affinity mask that the irq of a map position had before. */
@inline
export function affinityOf(device: i32, direction: i32, position: i32): usize {
  return affinityAt + mapIndex(device, direction, position) * ((<usize>maskWords) << 2);
}

/** Entry of an instance. */
@inline
export function instanceAt(instance: i32): usize {
  return instancesAt + ((<usize>instance) << INSTANCE_SHIFT);
}

/** Entry of a record. */
@inline
export function recordAt(record: i32): usize {
  return recordsAt + ((<usize>record) << RECORD_SHIFT);
}

/** Head of a hash chain, u32. */
@inline
export function bucketAt(bucket: u32): usize {
  return bucketsAt + ((<usize>bucket) << 2);
}

/** Entry of a rule. */
@inline
export function ruleAt(rule: i32): usize {
  return rulesAt + <usize>rule * RULE_BYTES;
}

/** Allowed-CPU mask of a task. */
@inline
export function allowedOf(mask: i32): usize {
  return allowedAt + <usize>mask * ((<usize>maskWords) << 2);
}

/** Per device: its record limit was logged since a record left last, u8; no state, like the log. */
export let limitLoggedAt: usize = 0;

let reserved: u64 = 0;

function reserve(bytes: u64): usize {
  const at = reserved;
  reserved += (bytes + 7) & ~7;
  return <usize>at;
}

function powerOfTwo(atLeast: u32): u32 {
  return atLeast <= 1 ? 1 : 1 << (32 - clz(atLeast - 1));
}

function layState(): void {
  const maps = <u64>(devicesCapacity + 1) * 2 * mapCapacity;
  const maskBytes = <u64>maskWords * 4;
  arenaBase = reserve(HEADER_BYTES);
  cpusAt = reserve((<u64>cpusCapacity) << CPU_SHIFT);
  distanceAt = reserve(<u64>nodesCapacity * nodesCapacity);
  devicesAt = reserve((<u64>(devicesCapacity + 1)) << DEVICE_SHIFT);
  objectsAt = reserve(maps << OBJECT_SHIFT);
  orderAt = reserve(maps << 1);
  affinityAt = reserve(maps * maskBytes);
  instancesAt = reserve((<u64>(ownersCapacity + 1)) << INSTANCE_SHIFT);
  recordsAt = reserve((<u64>(ownersCapacity + 1)) << RECORD_SHIFT);
  bucketsAt = reserve((<u64>bucketsCount) << 2);
  rulesAt = reserve(<u64>(rulesCapacity + 1) * RULE_BYTES);
  allowedAt = reserve(<u64>(allowedCapacity + 1) * maskBytes);
  instancesSet = reserve(bitmapBytes(ownersCapacity + 1));
  recordsSet = reserve(bitmapBytes(ownersCapacity + 1));
  rulesSet = reserve(bitmapBytes(rulesCapacity + 1));
  allowedSet = reserve(bitmapBytes(allowedCapacity + 1));
}

function layScratch(): void {
  infoAt = reserve(16);
  flowAt = reserve(FLOW_BYTES);
  inputAt = reserve(INPUT_BYTES);
  maskAt = reserve((<u64>maskWords) << 2);
  nodeOrderAt = reserve((<u64>nodesCapacity) << 1);
  quotaAt = reserve((<u64>nodesCapacity) << 3);
  coreAt = reserve(cpusCapacity);
  loadsAt = reserve(mapCapacity);
  draftListAt = reserve((<u64>mapCapacity) << 1);
  draftOrderAt = reserve((<u64>mapCapacity) << 2);
  draftTakenAt = reserve((<u64>mapCapacity) << 1);
  draftStartAt = reserve(16);
  draftLengthAt = reserve(16);
  // A MIX read: one line per object ("NAME: rx queue 1023\n" is 31 bytes at most), five headings.
  textCapacity = <usize>(<u64>mapCapacity * 64 + 512);
  textAt = reserve(textCapacity);
  logAt = reserve(<u64>LOG_ENTRIES * LOG_BYTES);
  limitLoggedAt = reserve(devicesCapacity + 1);
  countersAt = reserve(<u64>(devicesCapacity + 1) * COUNTERS * 4);
}

/** Places every table for the capacities; touches no memory. Returns the first byte behind all. */
function layOut(
  cpus: u32,
  nodes: u32,
  devices: u32,
  queues: u32,
  owners: u32,
  rules: u32,
  allowed: u32,
  buckets: u32,
): u64 {
  cpusCapacity = cpus;
  nodesCapacity = nodes;
  devicesCapacity = devices;
  queuesCapacity = queues;
  ownersCapacity = owners;
  rulesCapacity = rules;
  allowedCapacity = allowed;
  bucketsCount = buckets;
  mapCapacity = cpus < queues ? cpus : queues;
  maskWords = (cpus + 31) >> 5;
  reserved = (<u64>__heap_base + ARENA_ALIGN - 1) & ~(<u64>ARENA_ALIGN - 1);
  layState();
  arenaSize = <usize>reserved - arenaBase;
  layScratch();
  return reserved;
}

function emptyArena(): void {
  memory.fill(arenaBase, 0, <usize>reserved - arenaBase);
  store<u32>(arenaBase, i32.MAX_VALUE, H_VERSION_MAX);
  bitmapInit(instancesSet, ownersCapacity + 1);
  bitmapInit(recordsSet, ownersCapacity + 1);
  bitmapInit(rulesSet, rulesCapacity + 1);
  bitmapInit(allowedSet, allowedCapacity + 1);
  // Slot 0 means "none" everywhere.
  bitmapMark(instancesSet, 0);
  bitmapMark(recordsSet, 0);
  bitmapMark(rulesSet, 0);
  bitmapMark(allowedSet, 0);
}

/**
 * Sizes the arena for the capacities and makes it empty.
 * `buckets` 0 chooses one bucket an owner; else it must be a power of two.
 * Returns 0, -EINVAL (a capacity outside its range) or -ENOMEM (memory too small); a refusal
 * leaves an arena that was laid before as it is.
 */
export function layArena(
  cpus: u32,
  nodes: u32,
  devices: u32,
  queues: u32,
  owners: u32,
  rules: u32,
  allowed: u32,
  buckets: u32,
): i32 {
  if (cpus - 1 >= CPUS_MAX || nodes - 1 >= NODES_MAX || devices - 1 >= DEVICES_MAX) return -EINVAL;
  if (queues - 1 >= QUEUES_MAX || owners - 1 >= SLOTS_MAX) return -EINVAL;
  if (rules > SLOTS_MAX || allowed > SLOTS_MAX || buckets > SLOTS_MAX) return -EINVAL;
  if (buckets != 0 && popcnt(buckets) != 1) return -EINVAL;
  const cpusBefore = cpusCapacity;
  const nodesBefore = nodesCapacity;
  const devicesBefore = devicesCapacity;
  const queuesBefore = queuesCapacity;
  const ownersBefore = ownersCapacity;
  const rulesBefore = rulesCapacity;
  const allowedBefore = allowedCapacity;
  const bucketsBefore = bucketsCount;
  const bucketsNow = buckets != 0 ? buckets : powerOfTwo(owners);
  const end = layOut(cpus, nodes, devices, queues, owners, rules, allowed, bucketsNow);
  if (end > (<u64>memory.size()) << 16) {
    layOut(
      cpusBefore,
      nodesBefore,
      devicesBefore,
      queuesBefore,
      ownersBefore,
      rulesBefore,
      allowedBefore,
      bucketsBefore,
    );
    return -ENOMEM;
  }
  emptyArena();
  return 0;
}
