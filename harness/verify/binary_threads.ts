/**
 * The threads of an interleaving on policy.wasm itself. Its calls run to completion under one lock;
 * a packet's fast path takes none and reads the words that the binary reads, in the binary's
 * order, between the stores of whoever holds the lock. An update ends after a grace period, as the
 * kernel's synchronize_net() gives it. Loads and stores are seen in program order.
 *
 * @module
 */

import { CallsUnderLock, type Ran, type ReadWord, type View } from "./calls_under_lock.ts";
import type { Concurrent } from "./interleave.ts";
import { type Action, actionOf, type Interleaving } from "./interleaving.ts";
import { POLICY_VALUES } from "./subject.ts";

// Words of the common state.
const MEMORY = 0;
const VIEW = 1;
const CHANNELS = 2;
const ONLINE = 3;
/** Thread + 1 that holds the lock. */
const LOCK = 4;
/** Channel changes that have not ended. */
const CHANGES = 5;
const HEADER = 6;

// Words of a thread.
const DONE = 0;
const PHASE = 1;
/** Loads done of the fast path, or visible changes done of the call. */
const PLACE = 2;
/** Answer + 1 of the packet: queue + 1; 0 while there is none. */
const ANSWER = 3;
/** Fast answers that were right at some moment since the packet began, a bit each. */
const RIGHT = 4;
/** Packets that the update waits for, a bit a thread. */
const AWAITED = 5;
/** Loaded words, in the order of the binary. */
const LOADED = 6;
const LOADS = 4;
const THREAD_WORDS = LOADED + LOADS;

// Phases of an action.
const BEGIN = 0;
const READS = 1;
const WANTS_LOCK = 2;
const HOLDS_LOCK = 3;
const USES = 4;
const AWAITS = 5;
const GRACE = 6;
const ENDS = 7;

/** CACHE_EMPTY of core/policy/abi.ts: from here on a cached word is no queue. */
const NO_QUEUE = 0xfffe;
/** Bit of {@link RIGHT} for "default handling". */
const DEFAULT_BIT = 16;

/** What leaves the grace period out, to see that it is missed. */
export interface BinaryOptions {
  readonly grace?: boolean;
}

/** Threads on a compiled manager. */
export class BinaryThreads implements Concurrent {
  readonly threads: readonly string[];
  readonly first: Int32Array;
  broken: string | null = null;
  said = "";
  readonly calls: CallsUnderLock;
  readonly #programs: readonly (readonly Action[])[];
  readonly #hasGrace: boolean;
  readonly #policies: ReadonlySet<number>;
  #state: Int32Array;
  #at = 0;
  #thread = 0;

  /** @param module policy.wasm with probes. */
  constructor(module: WebAssembly.Module, interleaving: Interleaving, options: BinaryOptions = {}) {
    this.calls = new CallsUnderLock(module, interleaving);
    this.#hasGrace = options.grace ?? true;
    this.threads = Object.keys(interleaving.threads);
    this.#programs = Object.values(interleaving.threads).map((texts) => texts.map(actionOf));
    const last = this.#programs.map((program) => {
      return program.findLast(({ kind }) => kind === "policy")?.name;
    }).filter((name) => name !== undefined);
    const names = last.length > 0 ? last : [interleaving.policy];
    this.#policies = new Set(names.map((name) => POLICY_VALUES[name]!));
    this.first = new Int32Array(HEADER + THREAD_WORDS * this.threads.length);
    this.first[MEMORY] = this.calls.first.memory;
    this.first[VIEW] = this.calls.first.view;
    this.first[CHANNELS] = interleaving.queues;
    this.first[ONLINE] = interleaving.cpus;
    this.#state = this.first;
  }

  step(state: Int32Array, thread: number): boolean {
    this.#state = state;
    this.#thread = thread;
    this.#at = HEADER + THREAD_WORDS * thread;
    this.broken = null;
    const action = this.#programs[thread]![this.#get(DONE)];
    if (action === undefined) return false;
    switch (this.#get(PHASE)) {
      case BEGIN:
        return this.#begin(action);
      case READS:
        return this.#read(action);
      case WANTS_LOCK:
        return this.#takeLock();
      case HOLDS_LOCK:
        return this.#go(action);
      case USES:
        return this.#use();
      default:
        return this.#end(action);
    }
  }

  atEnd(state: Int32Array): string | null {
    const waits = this.#programs.flatMap((program, thread) =>
      state[HEADER + THREAD_WORDS * thread + DONE]! < program.length ? [this.threads[thread]!] : []
    );
    if (waits.length > 0) return `${waits.join(" and ")} can never go on`;
    const memory = state[MEMORY]!;
    if (!this.#policies.has(this.calls.policyIn(memory))) {
      return `An update is lost: policy ${this.calls.policyIn(memory)} is in force in the end`;
    }
    return this.calls.wrongIn(memory, state[ONLINE]!);
  }

  #get(word: number): number {
    return this.#state[this.#at + word]!;
  }

  #set(word: number, value: number): void {
    this.#state[this.#at + word] = value;
  }

  #begin(action: Action): boolean {
    const state = this.#state;
    if (action.kind === "packet") {
      this.#set(RIGHT, rightNow(this.calls.view(state[VIEW]!), action));
      this.#set(PHASE, READS);
      return this.#read(action);
    }
    if (action.kind !== "channels") {
      this.#set(PHASE, WANTS_LOCK);
      return this.#takeLock();
    }
    // rtnl: nobody rebuilds while the driver changes its channels.
    if (state[LOCK] !== 0) return false;
    state[MEMORY] = this.calls.withChannels(state[MEMORY]!, action.number);
    state[CHANNELS] = action.number;
    state[CHANGES] = state[CHANGES]! + 1;
    this.#set(PHASE, WANTS_LOCK);
    this.said = `the device has ${action.number} queue pairs from here on`;
    return true;
  }

  #read(action: Action): boolean {
    const place = this.#get(PLACE);
    const order = this.calls.readOrder;
    const loaded = (word: ReadWord): number | null => {
      const at = order.indexOf(word);
      return at <= place ? this.#get(LOADED + at) : null;
    };
    const view = this.calls.view(this.#state[VIEW]!);
    const word = order[place]!;
    const value = valueIn(view, word, action, loaded("device") ?? 0);
    this.#set(LOADED + place, value);
    this.#set(PLACE, place + 1);
    const begins = place === 0 ? `packet of socket ${action.number}: ` : "";
    this.said = `${begins}reads ${WORDS[word]}: ${word === "cache" ? cacheText(value) : value}`;
    const versions = [loaded("instanceVersion"), loaded("deviceVersion")];
    const cached = loaded("cache");
    const isOver = (versions[0] !== null && versions[1] !== null && versions[0] !== versions[1]) ||
      cached === 0;
    if (!isOver && place + 1 < order.length) return true;
    this.#set(PLACE, 0);
    for (let load = 0; load < LOADS; load++) this.#set(LOADED + load, 0);
    if (isOver) {
      this.#set(PHASE, WANTS_LOCK);
      this.#set(RIGHT, 0);
      return true;
    }
    const queue = cached! < NO_QUEUE ? cached! - 1 : -1;
    this.#set(ANSWER, queue + 1);
    this.#set(PHASE, USES);
    const bit = queue < 0 ? DEFAULT_BIT : queue;
    if ((this.#get(RIGHT) & (1 << bit)) === 0) {
      this.broken = `A packet is given ${cacheText(cached!)}, ` +
        `which was right at no moment since it began`;
    }
    this.#set(RIGHT, 0);
    return true;
  }

  #takeLock(): boolean {
    if (this.#state[LOCK] !== 0) return false;
    this.#state[LOCK] = this.#thread + 1;
    this.#set(PHASE, HOLDS_LOCK);
    this.said = "takes the lock";
    return true;
  }

  /** The next visible change of the call, or its end. */
  #go(action: Action): boolean {
    const state = this.#state;
    const ran: Ran = this.calls.run(state[MEMORY]!, action);
    const place = this.#get(PLACE);
    const next = ran.views[place];
    if (next !== undefined) {
      this.said = changeText(this.calls.view(state[VIEW]!), this.calls.view(next));
      state[VIEW] = next;
      this.#set(PLACE, place + 1);
      this.#noteRight();
      return true;
    }
    state[MEMORY] = ran.memory;
    state[LOCK] = 0;
    this.#set(PLACE, 0);
    if (action.kind === "offline" && ran.answer >= 0) state[ONLINE] = state[ONLINE]! - 1;
    if (action.kind === "online" && ran.answer >= 0) state[ONLINE] = state[ONLINE]! + 1;
    this.said = `releases the lock; the answer was ${ran.answer}`;
    if (action.kind === "packet") {
      this.#set(ANSWER, Math.max(0, ran.answer + 1));
      this.#set(PHASE, USES);
    } else this.#set(PHASE, this.#hasGrace ? AWAITS : ENDS);
    return true;
  }

  /** What is right now is right for every packet under way. */
  #noteRight(): void {
    const view = this.calls.view(this.#state[VIEW]!);
    for (let thread = 0; thread < this.threads.length; thread++) {
      const at = HEADER + THREAD_WORDS * thread;
      if (this.#state[at + PHASE] !== READS) continue;
      const action = this.#programs[thread]![this.#state[at + DONE]!]!;
      this.#state[at + RIGHT] = this.#state[at + RIGHT]! | rightNow(view, action);
    }
  }

  #use(): boolean {
    const state = this.#state;
    const queue = this.#get(ANSWER) - 1;
    this.said = queue < 0 ? "goes by default handling" : `uses queue ${queue}`;
    if (queue >= state[CHANNELS]! && state[CHANGES] === 0) {
      this.broken = `A packet uses queue ${queue} after the change to ${state[CHANNELS]} ended`;
    }
    for (let thread = 0; thread < this.threads.length; thread++) {
      const word = HEADER + THREAD_WORDS * thread + AWAITED;
      state[word] = state[word]! & ~(1 << this.#thread);
    }
    this.#finish();
    return true;
  }

  #end(action: Action): boolean {
    const state = this.#state;
    const phase = this.#get(PHASE);
    if (phase === AWAITS) {
      let mask = 0;
      for (let thread = 0; thread < this.threads.length; thread++) {
        const at = HEADER + THREAD_WORDS * thread;
        const isPacket = this.#programs[thread]![state[at + DONE]!]?.kind === "packet";
        if (isPacket && state[at + PHASE] !== BEGIN) mask |= 1 << thread;
      }
      this.#set(AWAITED, mask);
      this.#set(PHASE, GRACE);
      this.said = "begins to wait for the packets under way";
      return true;
    }
    if (phase === GRACE && this.#get(AWAITED) !== 0) return false;
    if (action.kind === "channels") state[CHANGES] = state[CHANGES]! - 1;
    this.said = "the update ends";
    this.#finish();
    return true;
  }

  #finish(): void {
    const done = this.#get(DONE);
    for (let word = 0; word < THREAD_WORDS; word++) this.#set(word, 0);
    this.#set(DONE, done + 1);
  }
}

const WORDS: Readonly<Record<ReadWord, string>> = {
  device: "the socket's device",
  instanceVersion: "the cache's version",
  cache: "the cached queue",
  deviceVersion: "the device's version",
};

function valueIn(view: View, word: ReadWord, action: Action, device: number): number {
  const socket = action.number - 1;
  if (word === "cache") return view.cache[2 * socket + action.direction]!;
  if (word === "deviceVersion") return view.deviceVersion[device]!;
  return view[word][socket]!;
}

/** Bit of the fast path's answer in a view, 0 where it has none. */
function rightNow(view: View, action: Action): number {
  const socket = action.number - 1;
  const cached = view.cache[2 * socket + action.direction]!;
  const version = view.deviceVersion[view.device[socket]!];
  if (cached === 0 || view.instanceVersion[socket] !== version) return 0;
  return 1 << (cached < NO_QUEUE ? cached - 1 : DEFAULT_BIT);
}

function cacheText(cached: number): string {
  return cached === 0 ? "no queue" : cached < NO_QUEUE ? `queue ${cached - 1}` : "default handling";
}

/** The one change between two views, in words. */
function changeText(before: View, after: View): string {
  for (const [device, version] of after.deviceVersion.entries()) {
    if (before.deviceVersion[device] !== version) {
      return `raises the device's version to ${version}`;
    }
  }
  const changed = (words: (view: View) => readonly number[]): number =>
    words(after).findIndex((value, place) => value !== words(before)[place]);
  const cache = changed((view) => view.cache);
  if (cache >= 0) {
    return `caches ${cacheText(after.cache[cache]!)} for socket ${(cache >> 1) + 1}`;
  }
  const version = changed((view) => view.instanceVersion);
  if (version >= 0) {
    return `stores version ${after.instanceVersion[version]} in the cache of socket ${version + 1}`;
  }
  return `changes the device of socket ${changed((view) => view.device) + 1}`;
}
