/**
 * The state of policy.wasm as bytes: where each table lies, and typed views of it.
 *
 * A second statement of the drawings in core/policy/abi.ts, so that a check does not read the
 * state through the code it checks. `arenaLayout` is held against the binary by `arenaBytes()` and
 * a test.
 *
 * @module
 */

import type { Capacities } from "../policy/views.ts";

/** Bytes of an entry of each table. */
export const ENTRY = {
  device: 128,
  object: 16,
  instance: 32,
  record: 16,
  rule: 56,
} as const;

/** Bytes before the first word of a slot set (core/lib/bitmap.ts). */
export const SET_HEADER = 32;

/** Byte offsets from the first byte of the state. */
export interface ArenaLayout {
  readonly capacities: Capacities;
  readonly mapCapacity: number;
  readonly maskWords: number;
  readonly bucketCount: number;
  readonly header: number;
  readonly cpus: number;
  readonly devices: number;
  readonly objects: number;
  readonly order: number;
  readonly affinity: number;
  readonly instances: number;
  readonly records: number;
  readonly buckets: number;
  readonly rules: number;
  readonly allowed: number;
  readonly instancesSet: number;
  readonly recordsSet: number;
  readonly rulesSet: number;
  readonly allowedSet: number;
  /** All of it. */
  readonly bytes: number;
}

function setBytes(slots: number): number {
  let bytes = SET_HEADER;
  for (let bits = slots;; bits = Math.ceil(bits / 64)) {
    bytes += 8 * Math.ceil(bits / 64);
    if (bits <= 64) return bytes;
  }
}

/** Where the tables lie for given capacities. */
export function arenaLayout(capacities: Capacities): ArenaLayout {
  const { cpus, nodes, devices, queues, owners, rules, allowed, buckets } = capacities;
  const mapCapacity = Math.min(cpus, queues);
  const maskWords = Math.ceil(cpus / 32);
  const bucketCount = buckets === 0 ? 2 ** Math.ceil(Math.log2(owners)) : buckets;
  const maps = (devices + 1) * 2 * mapCapacity;
  let end = 0;
  const place = (bytes: number): number => {
    const at = end;
    end = (end + bytes + 7) & ~7;
    return at;
  };
  const header = place(32);
  const cpusAt = place(8 * cpus);
  place(nodes * nodes);
  const tables = {
    devices: place(ENTRY.device * (devices + 1)),
    objects: place(ENTRY.object * maps),
    order: place(2 * maps),
    affinity: place(4 * maskWords * maps),
    instances: place(ENTRY.instance * (owners + 1)),
    records: place(ENTRY.record * (owners + 1)),
    buckets: place(4 * bucketCount),
    rules: place(ENTRY.rule * (rules + 1)),
    allowed: place(4 * maskWords * (allowed + 1)),
    instancesSet: place(setBytes(owners + 1)),
    recordsSet: place(setBytes(owners + 1)),
    rulesSet: place(setBytes(rules + 1)),
    allowedSet: place(setBytes(allowed + 1)),
  };
  const given = { capacities, mapCapacity, maskWords, bucketCount, header, cpus: cpusAt };
  return { ...given, ...tables, bytes: end };
}

/** The state behind views, in memory or in a copy; offsets are those of {@link ArenaLayout}. */
export class Arena {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;

  /** @param base First byte of the state in the buffer, a multiple of 8. */
  constructor(readonly layout: ArenaLayout, buffer: ArrayBufferLike, base: number) {
    this.u8 = new Uint8Array(buffer, base, layout.bytes);
    this.u16 = new Uint16Array(buffer, base, layout.bytes >> 1);
    this.i32 = new Int32Array(buffer, base, layout.bytes >> 2);
  }

  /** Byte offset of a device. */
  device(device: number): number {
    return this.layout.devices + ENTRY.device * device;
  }

  /** DEVICE_ flags; 1 registered, 2 up, 4 supported, 16 queue pair. */
  deviceFlags(device: number): number {
    return this.u16[(this.device(device) + 26) >> 1]!;
  }

  /** Policy in force. */
  devicePolicy(device: number): number {
    return this.u8[this.device(device) + 29]!;
  }

  /** Version of a device's map. */
  deviceVersion(device: number): number {
    return this.i32[(this.device(device) + 32) >> 2]!;
  }

  /** Objects of a direction. */
  mapped(device: number, direction: number): number {
    return this.u16[(this.device(device) + 52 + 2 * direction) >> 1]!;
  }

  /** Objects of a list. */
  listLength(device: number, direction: number, list: number): number {
    return this.u16[(this.device(device) + 80 + 8 * direction + 2 * list) >> 1]!;
  }

  /** The place of a list that is chosen next. */
  listCursor(device: number, direction: number, list: number): number {
    return this.u16[(this.device(device) + 96 + 8 * direction + 2 * list) >> 1]!;
  }

  /** Queue at a place of a list. */
  listQueue(device: number, direction: number, list: number, place: number): number {
    const start = this.u16[(this.device(device) + 64 + 8 * direction + 2 * list) >> 1]!;
    const map = (2 * device + direction) * this.layout.mapCapacity;
    return this.u16[(this.layout.order >> 1) + map + start + place]!;
  }

  /** Byte offset of an instance. */
  instance(instance: number): number {
    return this.layout.instances + ENTRY.instance * instance;
  }

  /** Whether a slot holds a task (2) or a socket (1), 0 if neither. */
  instanceKind(instance: number): 0 | 1 | 2 {
    const flags = this.u8[this.instance(instance) + 7]!;
    return flags === 0 ? 0 : (flags & 2) === 0 ? 1 : 2;
  }

  /** Device of an instance. */
  instanceDevice(instance: number): number {
    return this.u16[(this.instance(instance) + 4) >> 1]!;
  }

  /** Policy that an instance asked for, -1 for none. */
  ownPolicy(instance: number): number {
    return (this.u8[this.instance(instance) + 6]! << 24) >> 24;
  }

  /** Task of a socket, or the first socket of a task. */
  instanceTask(instance: number): number {
    return this.i32[(this.instance(instance) + 8) >> 2]!;
  }

  /** Policy in force for an instance. */
  effectivePolicy(instance: number): number {
    const own = this.ownPolicy(instance);
    if (own !== -1 || this.instanceKind(instance) === 2) return own;
    const task = this.instanceTask(instance);
    return task === 0 ? -1 : this.ownPolicy(task);
  }

  /** Record of an owner found by looking at every slot, 0 if there is none. */
  recordOf(owner: number): number {
    for (let record = 1; record <= this.layout.capacities.owners; record++) {
      if (this.i32[(this.layout.records + ENTRY.record * record) >> 2] === owner) return record;
    }
    return 0;
  }

  /** Whether two sockets have the same device, policy, task, cache, record and no rule. */
  isLike(a: number, b: number): boolean {
    const at = this.instance(a) >> 2;
    const bt = this.instance(b) >> 2;
    const { i32 } = this;
    if (i32[at + 1] !== i32[bt + 1] || i32[at + 2] !== i32[bt + 2]) return false;
    if (i32[at + 5] !== i32[bt + 5] || i32[at + 6] !== i32[bt + 6]) return false;
    if (i32[at + 7] !== 0 || i32[bt + 7] !== 0) return false;
    const ar = this.recordOf(a);
    const br = this.recordOf(b);
    if (ar === 0 || br === 0) return ar === br;
    const ra = this.record(ar) >> 2;
    const rb = this.record(br) >> 2;
    return i32[ra + 2] === i32[rb + 2] && i32[ra + 3] === i32[rb + 3];
  }

  /** Byte offset of a record. */
  record(record: number): number {
    return this.layout.records + ENTRY.record * record;
  }

  /** Queue of a record's object in a direction, -1 if it has none. */
  recordQueue(record: number, direction: number): number {
    return this.u16[(this.record(record) + 12 + 2 * direction) >> 1]! - 1;
  }

  /** Byte offset of a rule. */
  rule(rule: number): number {
    return this.layout.rules + ENTRY.rule * rule;
  }
}
