// deno-fmt-ignore-file
// Records: owner -> policy and objects, in a hash table keyed by the owner.
// A record holds at most one reference to one object of each direction; dropping the record or
// changing its policy gives the references back at once. The limit counts the records attached to a
// device.

import { bitmapClear, bitmapNext, bitmapTake } from "../lib/bitmap";
import { ENOSPC } from "../lib/errno";
import {
  bucketAt,
  bucketsCount,
  D_LIMIT,
  D_RECORDS,
  deviceAt,
  limitLoggedAt,
  R_DEVICE,
  R_NEXT,
  R_OBJECT,
  R_OWNER,
  R_POLICY,
  recordAt,
  recordsSet,
  RX,
  TX,
} from "./abi";
import { log, LOG_RECORD_LIMIT } from "./log";
import { objectRef } from "./object";

/** Knuth's multiplicative hash: 2^32 / golden ratio, the high bits choose the bucket. */
const HASH_MULTIPLIER: u32 = 0x9e3779b1;

/** Bucket of an owner. */
export function recordBucket(owner: i32): u32 {
  if (bucketsCount == 1) return 0;
  return (<u32>owner * HASH_MULTIPLIER) >> (32 - <u32>ctz(bucketsCount));
}

/** Record of an owner, 0 if it has none. */
export function recordFind(owner: i32): i32 {
  let record = <i32>load<u32>(bucketAt(recordBucket(owner)));
  while (record != 0 && <i32>load<u32>(recordAt(record), R_OWNER) != owner) {
    record = load<u32>(recordAt(record), R_NEXT);
  }
  return record;
}

/** Instance that owns the record. */
@inline
export function recordOwner(record: i32): i32 {
  return load<u32>(recordAt(record), R_OWNER);
}

/** Device the record is attached to, 0 if none. */
@inline
export function recordDevice(record: i32): i32 {
  return load<u16>(recordAt(record), R_DEVICE);
}

/** Policy the record was registered with. */
@inline
export function recordPolicy(record: i32): i32 {
  return load<u8>(recordAt(record), R_POLICY);
}

/** Map position of the record's object in a direction, -1 if it has none. */
@inline
export function recordObject(record: i32, direction: i32): i32 {
  return <i32>load<u16>(recordAt(record) + ((<usize>direction) << 1), R_OBJECT) - 1;
}

/** First record at or above `from`, -1 if there is none; for walks over all records. */
export function recordNext(from: i32): i32 {
  return bitmapNext(recordsSet, from);
}

/** Records attached to a device. */
@inline
export function deviceRecords(device: i32): u32 {
  return load<u32>(deviceAt(device), D_RECORDS);
}

/** Most records a device takes. */
@inline
export function deviceLimit(device: i32): u32 {
  return load<u32>(deviceAt(device), D_LIMIT);
}

/**
 * Inserts a record without device and objects; chains are kept in owner order (canonical state).
 */
export function recordInsert(owner: i32, policy: i32): i32 {
  assert(recordFind(owner) == 0);
  const record = bitmapTake(recordsSet);
  // There are as many record slots as owners, and an owner has one record.
  assert(record > 0);
  let link = bucketAt(recordBucket(owner));
  let next = <i32>load<u32>(link);
  while (next != 0 && recordOwner(next) < owner) {
    link = recordAt(next) + R_NEXT;
    next = load<u32>(link);
  }
  store<u32>(link, record);
  store<u32>(recordAt(record), owner, R_OWNER);
  store<u32>(recordAt(record), next, R_NEXT);
  store<u8>(recordAt(record), policy, R_POLICY);
  return record;
}

/** Said once until a record leaves: whoever is refused asks again at every packet. */
function limitMet(device: i32): void {
  if (load<u8>(limitLoggedAt + device) != 0) return;
  store<u8>(limitLoggedAt + device, 1);
  log(device, LOG_RECORD_LIMIT, 0, 0, deviceLimit(device));
}

/** Attaches a record to a device. -ENOSPC, changing nothing, when the device's limit is reached. */
export function recordAttach(record: i32, device: i32): i32 {
  assert(recordDevice(record) == 0 && device != 0);
  if (deviceRecords(device) >= deviceLimit(device)) {
    limitMet(device);
    return -ENOSPC;
  }
  store<u16>(recordAt(record), device, R_DEVICE);
  store<u32>(deviceAt(device), deviceRecords(device) + 1, D_RECORDS);
  return 0;
}

/** Detaches a record from its device, if it has one; its objects are released. */
export function recordDetach(record: i32): void {
  const device = recordDevice(record);
  if (device == 0) return;
  recordRelease(record);
  assert(deviceRecords(device) > 0);
  store<u16>(recordAt(record), 0, R_DEVICE);
  store<u32>(deviceAt(device), deviceRecords(device) - 1, D_RECORDS);
  store<u8>(limitLoggedAt + device, 0);
}

/** Gives a record an object. */
export function recordAssign(record: i32, direction: i32, position: i32): void {
  assert(recordDevice(record) != 0 && recordObject(record, direction) < 0);
  objectRef(recordDevice(record), direction, position, 1);
  store<u16>(recordAt(record) + ((<usize>direction) << 1), position + 1, R_OBJECT);
}

/** Gives the record's objects back. */
export function recordRelease(record: i32): void {
  for (let direction = RX; direction <= TX; direction++) {
    const position = recordObject(record, direction);
    if (position < 0) continue;
    objectRef(recordDevice(record), direction, position, -1);
    store<u16>(recordAt(record) + ((<usize>direction) << 1), 0, R_OBJECT);
  }
}

/** Changes the policy of a record that holds no object. */
export function recordSetPolicy(record: i32, policy: i32): void {
  assert(recordObject(record, RX) < 0 && recordObject(record, TX) < 0);
  store<u8>(recordAt(record), policy, R_POLICY);
}

/** Removes a record: objects back, limit relieved, slot zeroed. */
export function recordRemove(record: i32): void {
  recordDetach(record);
  let link = bucketAt(recordBucket(recordOwner(record)));
  while (<i32>load<u32>(link) != record) {
    assert(load<u32>(link) != 0);
    link = recordAt(load<u32>(link)) + R_NEXT;
  }
  store<u32>(link, load<u32>(recordAt(record), R_NEXT));
  memory.fill(recordAt(record), 0, recordAt(1) - recordAt(0));
  bitmapClear(recordsSet, record);
}
