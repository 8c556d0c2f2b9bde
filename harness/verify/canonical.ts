/**
 * One state for all that behave alike.
 *
 * Folded are: version numbers (only whether a cache is current matters), which of several like
 * sockets has which handle, which slot a record or CPU mask lies in, and the order in which a
 * task's sockets are linked; locations of rules in the device are opaque to the manager; and, where
 * CPUs are alike, which of a node's are online: see `CpuFolding`. Not folded: the order of rules,
 * which bears on what is chosen after a rebuild. The state must have passed `check()` before: what
 * is rebuilt here would otherwise hide that it was broken.
 *
 * @module
 */

import { ENTRY, SET_HEADER } from "./arena.ts";
import { CpuFolding } from "./cpu_folding.ts";
import type { Subject } from "./subject.ts";

/** In place of a cached queue whose version is over: a queue that no device has. */
export const STALE_QUEUE = 0xfff0;
const STALE_VERSION = 1;
const CURRENT_VERSION = 2;

const INSTANCE_WORDS = ENTRY.instance >> 2;
const RECORD_WORDS = ENTRY.record >> 2;
// Words of an instance.
const DEVICE = 1;
const TASK = 2;
const NEXT = 3;
const PREVIOUS = 4;
const CACHE = 5;
const VERSION = 6;
const RULE = 7;
/** Knuth's multiplier: 2^32 / golden ratio. */
const HASH_MULTIPLIER = 0x9e3779b1;

/** Rewrites states of one subject. */
export class Canonical {
  readonly #subject: Subject;
  readonly #instances: Int32Array;
  readonly #records: Int32Array;
  readonly #recordOf: Int32Array;
  readonly #old: Int32Array;
  /** New handle of each old one after {@link fold}; 0 where there was none. */
  readonly handles: Int32Array;
  readonly #foldsVersions: boolean;
  readonly #cpus: CpuFolding;

  constructor(subject: Subject) {
    const { owners } = subject.arena.layout.capacities;
    this.#subject = subject;
    this.#instances = new Int32Array((owners + 1) * INSTANCE_WORDS);
    this.#records = new Int32Array((owners + 1) * RECORD_WORDS);
    this.#recordOf = new Int32Array(owners + 1);
    this.#old = new Int32Array(owners + 1);
    this.handles = new Int32Array(owners + 1);
    this.#foldsVersions = subject.exploration.version_max === 0;
    this.#cpus = new CpuFolding(subject);
  }

  /** New number of each CPU after {@link fold}. */
  get cpus(): Int32Array {
    return this.#cpus.numbers;
  }

  /** Puts the state into its one form, in place. */
  fold(): void {
    if (this.#foldsVersions) this.#foldVersions();
    this.#cpus.fold();
    const owners = this.#order();
    this.#writeInstances(owners);
    this.#writeRecords(owners);
    this.#foldRules();
    this.#foldMasks(owners);
  }

  #foldVersions(): void {
    const { arena } = this.#subject;
    const { owners, devices } = arena.layout.capacities;
    for (let owner = 1; owner <= owners; owner++) {
      const at = arena.instance(owner) >> 2;
      const device = arena.i32[at + DEVICE]! & 0xffff;
      if (device === 0) continue;
      const isCurrent = arena.i32[at + CACHE] !== 0 &&
        arena.i32[at + VERSION] === arena.deviceVersion(device);
      arena.i32[at + VERSION] = isCurrent ? CURRENT_VERSION : STALE_VERSION;
      if (!isCurrent) arena.i32[at + CACHE] = (STALE_QUEUE << 16) | STALE_QUEUE;
    }
    for (let device = 1; device <= devices; device++) {
      if (arena.deviceFlags(device) === 0) continue;
      arena.i32[(arena.device(device) + 32) >> 2] = CURRENT_VERSION;
    }
  }

  /** Chooses the new handles: tasks as they stand, then sockets by what they hold. */
  #order(): number {
    const { arena } = this.#subject;
    const { owners } = arena.layout.capacities;
    const instancesAt = arena.layout.instances >> 2;
    const recordsAt = arena.layout.records >> 2;
    // Loops, not subarray(): a view for a dozen words costs more than copying them.
    for (let word = 0; word < this.#instances.length; word++) {
      this.#instances[word] = arena.i32[instancesAt + word]!;
    }
    for (let word = 0; word < this.#records.length; word++) {
      this.#records[word] = arena.i32[recordsAt + word]!;
    }
    for (let owner = 0; owner <= owners; owner++) this.#recordOf[owner] = this.handles[owner] = 0;
    for (let record = 1; record <= owners; record++) {
      this.#recordOf[this.#records[record * RECORD_WORDS]!] = record;
    }
    let count = 0;
    for (let owner = 1; owner <= owners; owner++) {
      if (arena.instanceKind(owner) === 2) this.#old[++count] = owner;
    }
    const tasks = count;
    for (let task = 1; task <= tasks; task++) this.handles[this.#old[task]!] = task;
    for (let owner = 1; owner <= owners; owner++) {
      if (arena.instanceKind(owner) !== 1) continue;
      let place = ++count;
      while (place > tasks + 1 && this.#comesBefore(owner, this.#old[place - 1]!)) {
        this.#old[place] = this.#old[place - 1]!;
        place--;
      }
      this.#old[place] = owner;
    }
    for (let place = tasks + 1; place <= count; place++) this.handles[this.#old[place]!] = place;
    return count;
  }

  #comesBefore(a: number, b: number): boolean {
    const instances = this.#instances;
    const at = a * INSTANCE_WORDS;
    const bt = b * INSTANCE_WORDS;
    const task = this.handles[instances[at + TASK]!]! - this.handles[instances[bt + TASK]!]!;
    if (task !== 0) return task < 0;
    const device = instances[at + DEVICE]! - instances[bt + DEVICE]!;
    if (device !== 0) return device < 0;
    for (let word = CACHE; word <= RULE; word++) {
      const difference = instances[at + word]! - instances[bt + word]!;
      if (difference !== 0) return difference < 0;
    }
    const ar = this.#recordOf[a]! * RECORD_WORDS;
    const br = this.#recordOf[b]! * RECORD_WORDS;
    const policy = this.#records[ar + 2]! - this.#records[br + 2]!;
    return (policy !== 0 ? policy : this.#records[ar + 3]! - this.#records[br + 3]!) < 0;
  }

  #writeInstances(count: number): void {
    const { arena } = this.#subject;
    const { layout, i32 } = arena;
    const { owners } = layout.capacities;
    const base = layout.instances >> 2;
    i32.fill(0, base + INSTANCE_WORDS, base + (owners + 1) * INSTANCE_WORDS);
    for (let handle = 1; handle <= count; handle++) {
      const from = this.#old[handle]! * INSTANCE_WORDS;
      const to = base + handle * INSTANCE_WORDS;
      for (let word = 0; word < INSTANCE_WORDS; word++) {
        i32[to + word] = this.#instances[from + word]!;
      }
      i32[to + NEXT] = 0;
      i32[to + PREVIOUS] = 0;
      // A task's list is linked again below.
      if (arena.instanceKind(handle) === 2) i32[to + TASK] = 0;
    }
    for (let handle = count; handle > 0; handle--) {
      if (arena.instanceKind(handle) !== 1) continue;
      const at = base + handle * INSTANCE_WORDS;
      const task = this.handles[i32[at + TASK]!]!;
      i32[at + TASK] = task;
      if (task === 0) continue;
      const head = base + task * INSTANCE_WORDS + TASK;
      i32[at + NEXT] = i32[head]!;
      if (i32[head] !== 0) i32[base + i32[head]! * INSTANCE_WORDS + PREVIOUS] = handle;
      i32[head] = handle;
    }
    this.#mark(layout.instancesSet, owners, count);
  }

  #writeRecords(count: number): void {
    const { layout, i32 } = this.#subject.arena;
    const { owners } = layout.capacities;
    const base = layout.records >> 2;
    const buckets = layout.buckets >> 2;
    i32.fill(0, base + RECORD_WORDS, base + (owners + 1) * RECORD_WORDS);
    i32.fill(0, buckets, buckets + layout.bucketCount);
    let records = 0;
    for (let handle = 1; handle <= count; handle++) {
      if (this.#recordOf[this.#old[handle]!] !== 0) records++;
    }
    const shift = Math.clz32(layout.bucketCount) + 1;
    let record = records;
    // From the last, each to the front of its chain: chains stand in owner order.
    for (let handle = count; handle > 0; handle--) {
      const old = this.#recordOf[this.#old[handle]!]!;
      if (old === 0) continue;
      const bucket = layout.bucketCount === 1 ? 0 : Math.imul(handle, HASH_MULTIPLIER) >>> shift;
      const at = base + record * RECORD_WORDS;
      i32[at] = handle;
      i32[at + 1] = i32[buckets + bucket]!;
      i32[at + 2] = this.#records[old * RECORD_WORDS + 2]!;
      i32[at + 3] = this.#records[old * RECORD_WORDS + 3]!;
      i32[buckets + bucket] = record;
      record--;
    }
    this.#mark(layout.recordsSet, owners, records);
  }

  /** A rule's location becomes its slot, here and in the device. */
  #foldRules(): void {
    const { arena, host } = this.#subject;
    const { devices, rules } = arena.layout.capacities;
    for (let device = 1; device <= devices && rules > 0; device++) {
      for (let location = 1; location <= rules; location++) host.putRule(device, location, 0, 0);
    }
    for (let rule = 1; rule <= rules; rule++) {
      const at = arena.rule(rule) >> 2;
      const state = arena.i32[at + 3]! & 0xff;
      if (state === 0) continue;
      arena.i32[at] = this.handles[arena.i32[at]!]!;
      if (state === 2) continue;
      arena.i32[at + 1] = rule;
      const where = arena.i32[at + 2]!;
      host.putRule(where & 0xffff, rule, arena.i32[at + 6]!, where >>> 16);
    }
  }

  #foldMasks(count: number): void {
    const { arena } = this.#subject;
    const { allowed } = arena.layout.capacities;
    if (allowed === 0) return;
    const base = arena.layout.allowed >> 2;
    const masks = arena.i32.slice(base, base + allowed + 1);
    arena.i32.fill(0, base + 1, base + allowed + 1);
    let used = 0;
    for (let task = 1; task <= count; task++) {
      if (arena.instanceKind(task) !== 2) continue;
      const at = (arena.instance(task) >> 2) + RULE;
      if (arena.i32[at] === 0) continue;
      arena.i32[base + ++used] = masks[arena.i32[at]!]!;
      arena.i32[at] = used;
    }
    this.#mark(arena.layout.allowedSet, allowed, used);
  }

  /** Slots 0 to `used` of a set with `capacity` + 1 slots are taken; bits beyond are set. */
  #mark(set: number, capacity: number, used: number): void {
    const beyond = -1 << (capacity + 1);
    this.#subject.arena.i32[(set + SET_HEADER) >> 2] = beyond | ((1 << (used + 1)) - 1);
  }
}
