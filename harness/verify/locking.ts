/**
 * Packets and updates as steps, under a locking that is described and not compiled: what the RFC's
 * patches say they do, and what the lab's manager does in their place. Threads share a device with
 * its lists, records with references to objects, and a cached queue with a version per socket.
 *
 * A freed object or record is never given out again here: using it is seen, not survived.
 *
 * @module
 */

import type { Concurrent } from "./interleave.ts";
import { type Action, actionOf, type Interleaving } from "./interleaving.ts";
import { FAST_PATH, lookUp, type Sequence, type StepName, update } from "./locking_steps.ts";

// Words of the common state.
const CHANNELS = 0;
const ONLINE = 1;
const POLICY = 2;
const VERSION = 3;
/** Generation of the lists in force, 0 while there are none. */
const LISTS = 4;
/** Generations of lists made so far. */
const MADE = 5;
/** Thread + 1 that holds the lock of the look-up. */
const LOCK = 6;
/** Thread + 1 that holds rtnl, where updates have a lock of their own. */
const RTNL = 7;
/** Thread + 1 that stopped the machine. */
const STOPPED = 8;
/** Channel changes that have not ended. */
const CHANGES = 9;
/** Objects of the lists in force. */
const OBJECTS = 10;
const SOCKETS = 11;

// Words of a socket.
/** Object of the record + 1. */
const OBJECT = 0;
/** Record's number: a replaced one is another. */
const RECORD = 1;
/** Cached queue + 1. */
const CACHED = 2;
const CACHED_VERSION = 3;
/** A work item: 1 waits, 2 runs. */
const WORK = 4;
const SOCKET_WORDS = 5;

// Words of a thread.
/** Actions done. */
const DONE = 0;
/** Steps done of the action. */
const STEP = 1;
/** Queue + 1 that the packet has. */
const QUEUE = 2;
const SEEN_VERSION = 3;
const SEEN_RECORD = 4;
/** Packets that the update waits for, a bit a thread. */
const AWAITED = 5;
/** Socket + 1 of the work item under way. */
const WORKED = 6;
const THREAD_WORDS = 7;

const QUEUES_MAX = 4;
const NO_POLICY = 0;
const POLICY_NUMBERS: Readonly<Record<string, number>> = { NONE: 0, BULK: 2, LATENCY: 3, MIX: 5 };

/** The threads of an interleaving that has a locking. */
export class LockingModel implements Concurrent {
  readonly threads: readonly string[];
  readonly first: Int32Array;
  broken: string | null = null;
  said = "";
  readonly #programs: readonly (readonly Action[])[];
  readonly #sequences = new Map<Action["kind"], Sequence>();
  readonly #work: Sequence;
  readonly #sockets: number;
  readonly #references: number;
  readonly #threadsAt: number;
  readonly #hasWork: boolean;
  /** First step of the slow path. */
  readonly #slowFrom: StepName;
  /** The look-up's lock spins, where updates have another; else there is one, which sleeps. */
  readonly #spins: boolean;
  #state: Int32Array;
  #thread = 0;

  constructor(interleaving: Interleaving) {
    const departs = new Set(interleaving.locking ?? []);
    const programs = Object.values(interleaving.threads).map((texts) => texts.map(actionOf));
    this.#hasWork = departs.has("work-items");
    this.#spins = departs.has("own-locks");
    this.#programs = this.#hasWork ? [...programs, []] : programs;
    this.threads = [...Object.keys(interleaving.threads), ...(this.#hasWork ? ["worker"] : [])];
    const slow = lookUp(departs);
    this.#slowFrom = slow[0]!;
    const fast = FAST_PATH[departs.has("queue-before-version") ? "queueFirst" : "versionsFirst"];
    this.#work = [...slow, "workEnds"];
    this.#sequences.set("packet", this.#hasWork ? [...fast, "use"] : [...fast, ...slow, "use"]);
    for (const kind of ["channels", "policy", "offline", "online"] as const) {
      this.#sequences.set(kind, update(kind, departs));
    }
    this.#sockets = interleaving.sockets.length;
    const updates = programs.flat().filter(({ kind }) => kind !== "packet").length;
    this.#references = SOCKETS + SOCKET_WORDS * this.#sockets;
    this.#threadsAt = this.#references + QUEUES_MAX * (updates + 2);
    this.first = new Int32Array(this.#threadsAt + THREAD_WORDS * this.threads.length);
    this.#state = this.first;
    this.first[CHANNELS] = interleaving.queues;
    this.first[ONLINE] = interleaving.cpus;
    this.first[POLICY] = POLICY_NUMBERS[interleaving.policy]!;
    this.first[VERSION] = 1;
    if (this.first[POLICY] !== NO_POLICY) this.#makeLists(this.first);
  }

  step(state: Int32Array, thread: number): boolean {
    this.#state = state;
    this.#thread = thread;
    this.broken = null;
    if (state[STOPPED] !== 0 && state[STOPPED] !== thread + 1) return false;
    const isWorker = this.#hasWork && thread === this.threads.length - 1;
    if (isWorker) return this.#workStep();
    const action = this.#programs[thread]![this.#get(DONE)];
    if (action === undefined) return false;
    const sequence = this.#sequences.get(action.kind)!;
    return this.#do(sequence, action);
  }

  atEnd(state: Int32Array): string | null {
    this.#state = state;
    const waits = this.#programs.flatMap((program, thread) =>
      state[this.#word(thread, DONE)]! < program.length || state[this.#word(thread, WORKED)] !== 0
        ? [this.threads[thread]!]
        : []
    );
    const stopper = this.threads[state[STOPPED]! - 1];
    if (stopper !== undefined) {
      const holder = this.threads[Math.max(state[RTNL]!, state[LOCK]!) - 1]!;
      return `Nobody goes on: ${stopper} stopped the machine and waits for what ${holder} holds`;
    }
    if (waits.length > 0) return `${waits.join(" and ")} can never go on`;
    for (let queue = 0; queue < QUEUES_MAX; queue++) {
      const object = QUEUES_MAX * state[LISTS]! + queue;
      let uses = 0;
      for (let socket = 0; socket < this.#sockets; socket++) {
        if (state[this.#socket(socket, OBJECT)] === object + 1) uses++;
      }
      const references = state[this.#references + object]!;
      if (state[LISTS] !== 0 && references !== uses) {
        return `The object of queue ${queue} has ${references} references and ${uses} uses`;
      }
    }
    for (let socket = 0; socket < this.#sockets; socket++) {
      const object = state[this.#socket(socket, OBJECT)]!;
      if (object !== 0 && this.#isFreed(object - 1)) {
        return `The record of socket ${socket + 1} keeps a freed object`;
      }
    }
    return null;
  }

  #word(thread: number, word: number): number {
    return this.#threadsAt + THREAD_WORDS * thread + word;
  }

  #get(word: number): number {
    return this.#state[this.#word(this.#thread, word)]!;
  }

  #set(word: number, value: number): void {
    this.#state[this.#word(this.#thread, word)] = value;
  }

  #socket(socket: number, word: number): number {
    return SOCKETS + SOCKET_WORDS * socket + word;
  }

  #isFreed(object: number): boolean {
    return Math.floor(object / QUEUES_MAX) !== this.#state[LISTS];
  }

  #workStep(): boolean {
    if (this.#get(WORKED) === 0) {
      for (let socket = 0; socket < this.#sockets; socket++) {
        if (this.#state[this.#socket(socket, WORK)] !== 1) continue;
        this.#state[this.#socket(socket, WORK)] = 2;
        this.#set(WORKED, socket + 1);
        this.said = `begins the work item of socket ${socket + 1}`;
        return true;
      }
      return false;
    }
    const socket = this.#get(WORKED);
    return this.#do(this.#work, { kind: "packet", number: socket, name: "", direction: 0 });
  }

  #do(sequence: Sequence, action: Action): boolean {
    const at = this.#get(STEP);
    const name = sequence[at]!;
    this.#set(STEP, at + 1);
    const jump = this.#perform(name, action);
    if (jump === "waits") {
      this.#set(STEP, at);
      return false;
    }
    if (jump !== null) {
      this.#set(STEP, sequence.indexOf(jump, at + 1) + (jump === "choose" ? 1 : 0));
    }
    if (this.#get(STEP) < sequence.length) return true;
    this.#set(STEP, 0);
    for (let word = QUEUE; word <= AWAITED; word++) this.#set(word, 0);
    if (name === "workEnds") this.#set(WORKED, 0);
    else this.#set(DONE, this.#get(DONE) + 1);
    if (action.kind === "packet") this.#leaveSection();
    return true;
  }

  /** Does one step; where to go on if not at the next one ("choose": behind it). */
  #perform(name: StepName, action: Action): StepName | "waits" | null {
    switch (name) {
      case "lock":
        return this.#take(LOCK, "takes the lock");
      case "unlock":
        this.said = "releases the lock";
        this.#state[LOCK] = 0;
        if (this.#state[STOPPED] === this.#thread + 1) this.#state[STOPPED] = 0;
        return null;
      case "takeRtnl":
        return this.#take(RTNL, "takes rtnl");
      case "giveRtnl":
        this.said = "releases rtnl";
        this.#state[RTNL] = this.#state[STOPPED] = 0;
        return null;
      case "readCached":
      case "readCachedVersion":
      case "compare":
      case "use":
        return this.#packet(name, action.number - 1);
      case "find":
      case "look":
      case "lookAgain":
      case "choose":
        return this.#record(name, action.number - 1);
      case "readVersion":
      case "empty":
      case "storeVersion":
      case "storeCached":
      case "workEnds":
        return this.#cache(name, action.number - 1);
      default:
        return this.#update(name, action);
    }
  }

  #take(lock: number, said: string): "waits" | null {
    if (this.#state[lock] !== 0) return "waits";
    this.#state[lock] = this.#thread + 1;
    this.said = said;
    return null;
  }

  #packet(
    name: "readCached" | "readCachedVersion" | "compare" | "use",
    socket: number,
  ): StepName | null {
    const state = this.#state;
    const packet = `packet of socket ${socket + 1}: `;
    const begins = this.#get(STEP) === 1 ? packet : "";
    if (name === "readCached") {
      const cached = state[this.#socket(socket, CACHED)]!;
      this.#set(QUEUE, cached);
      this.said = `${begins}reads the cached queue: ${queueText(cached)}`;
      if (cached !== 0 && this.#get(SEEN_VERSION) !== 0) return "use";
      if (this.#hasWork && this.#get(SEEN_VERSION) !== 0) return this.#leaveToWork(socket);
    } else if (name === "readCachedVersion") {
      this.#set(SEEN_VERSION, state[this.#socket(socket, CACHED_VERSION)]!);
      this.said = `${begins}reads the cache's version: ${this.#get(SEEN_VERSION)}`;
    } else if (name === "compare") {
      return this.#compare(socket);
    } else {
      const queue = this.#get(QUEUE) - 1;
      this.said = `uses ${queueText(queue + 1)}`;
      if (queue >= state[CHANNELS]! && state[CHANGES] === 0) {
        this.broken = `A packet uses queue ${queue} after the change to ${state[CHANNELS]} ended`;
      }
    }
    return null;
  }

  #compare(socket: number): StepName | null {
    const isSame = this.#get(SEEN_VERSION) === this.#state[VERSION];
    this.said = `reads the device's version: ${this.#state[VERSION]}, ` +
      (isSame ? "the same" : "not the same");
    if (isSame) return this.#get(QUEUE) === 0 ? null : "use";
    this.#set(QUEUE, 0);
    if (this.#hasWork) return this.#leaveToWork(socket);
    return this.#slowFrom;
  }

  #leaveToWork(socket: number): "use" {
    this.#state[this.#socket(socket, CACHED)] = 0;
    const work = this.#socket(socket, WORK);
    if (this.#state[work] === 0) this.#state[work] = 1;
    this.said += ": drops the cached queue and leaves the look-up to a work item";
    return "use";
  }

  /** Whether the record that was found is another one now. */
  #isReplaced(socket: number): boolean {
    return this.#get(SEEN_RECORD) !== this.#state[this.#socket(socket, RECORD)]! + 1;
  }

  #record(
    name: "find" | "look" | "lookAgain" | "choose",
    socket: number,
  ): StepName | null {
    const state = this.#state;
    const record = this.#socket(socket, RECORD);
    const held = this.#socket(socket, OBJECT);
    const text = `the record of socket ${socket + 1}`;
    if (name === "find") {
      this.#set(SEEN_RECORD, state[record]! + 1);
      this.said = `finds ${text}`;
      return null;
    }
    if (name === "choose") return this.#choose(socket);
    if (this.#get(SEEN_RECORD) !== 0 && name === "look" && this.#isReplaced(socket)) {
      this.said = `reads ${text} where it was`;
      this.broken = `A record is read after it was freed`;
      return null;
    }
    const object = state[held]! - 1;
    this.said = `looks at ${text}: ${object < 0 ? "no object" : "it has an object"}`;
    if (object < 0) return null;
    if (this.#isFreed(object)) {
      this.broken = `An object is used after it was freed`;
      return null;
    }
    this.#set(QUEUE, object % QUEUES_MAX + 1);
    return state[LOCK] === this.#thread + 1 ? "choose" : null;
  }

  /** The object with the fewest references, the first in the list on a tie. */
  #choose(socket: number): StepName | null {
    const state = this.#state;
    if (state[POLICY] === NO_POLICY || state[LISTS] === 0) {
      this.said = "finds no list of objects: default handling";
      return "unlock";
    }
    const base = this.#references + QUEUES_MAX * state[LISTS]!;
    let best = 0;
    for (let queue = 1; queue < state[OBJECTS]!; queue++) {
      if (state[base + queue]! < state[base + best]!) best = queue;
    }
    state[base + best] = state[base + best]! + 1;
    this.#set(QUEUE, best + 1);
    // A copy with the object takes the record's place, and the old record is freed.
    const record = this.#socket(socket, RECORD);
    state[record] = state[record]! + 1;
    state[this.#socket(socket, OBJECT)] = QUEUES_MAX * state[LISTS]! + best + 1;
    this.said = `gives the record the object of queue ${best} and takes a reference`;
    return null;
  }

  #cache(
    name: "readVersion" | "empty" | "storeVersion" | "storeCached" | "workEnds",
    socket: number,
  ): null {
    const state = this.#state;
    const cached = this.#socket(socket, CACHED);
    const version = this.#socket(socket, CACHED_VERSION);
    if (name === "readVersion") {
      this.#set(SEEN_VERSION, state[VERSION]!);
      this.said = `reads the device's version: ${state[VERSION]}`;
    } else if (name === "empty") {
      state[cached] = state[version] = 0;
      this.said = `empties the cache of socket ${socket + 1}`;
    } else if (name === "storeVersion") {
      state[version] = this.#get(SEEN_VERSION);
      this.said = `stores version ${state[version]} in the cache of socket ${socket + 1}`;
    } else if (name === "storeCached") {
      state[cached] = this.#get(QUEUE);
      this.said = `stores ${queueText(this.#get(QUEUE))} in the cache of socket ${socket + 1}`;
    } else {
      state[this.#socket(socket, WORK)] = 0;
      this.said = "ends the work item";
    }
    return null;
  }

  #update(name: StepName, action: Action): "waits" | null {
    const state = this.#state;
    switch (name) {
      case "change":
        state[CHANNELS] = action.number;
        state[CHANGES] = state[CHANGES]! + 1;
        this.said = `the device has ${action.number} queue pairs from here on`;
        return null;
      case "stop":
        // Whoever spins cannot be stopped.
        if (state[LOCK] !== 0 && state[LOCK] !== this.#thread + 1 && this.#spins) return "waits";
        state[STOPPED] = this.#thread + 1;
        this.said = `CPU ${action.number} is dying: the machine is stopped`;
        return null;
      case "policyNone":
        state[POLICY] = NO_POLICY;
        this.said = "the device's policy is NONE for now";
        return null;
      case "release":
        return this.#release();
      case "await":
        this.#set(AWAITED, this.#underWay());
        this.said = "begins to wait for the packets under way";
        return null;
      case "grace":
        this.said = "all packets that were under way have passed";
        return this.#get(AWAITED) === 0 ? null : "waits";
      case "end":
        if (action.kind === "channels") state[CHANGES] = state[CHANGES]! - 1;
        this.said = "the update ends";
        return null;
      default:
        return this.#lists(name, action);
    }
  }

  #lists(name: StepName, { kind, name: policy }: Action): null {
    const state = this.#state;
    if (name === "freeLists") {
      if (kind === "offline") state[ONLINE] = state[ONLINE]! - 1;
      if (kind === "online") state[ONLINE] = state[ONLINE]! + 1;
      state[LISTS] = 0;
      this.said = "frees the lists of objects";
    } else if (name === "makeLists") {
      const isNone = kind === "policy" && policy === "NONE";
      if (!isNone) this.#makeLists(state);
      this.said = isNone ? "makes no lists" : `makes lists of ${state[OBJECTS]} objects`;
    } else if (name === "policy") {
      if (kind === "policy") state[POLICY] = POLICY_NUMBERS[policy]!;
      else if (state[POLICY] === NO_POLICY) state[POLICY] = this.first[POLICY]!;
      this.said = "puts the policy in force";
    } else {
      state[VERSION] = state[VERSION]! + 1;
      this.said = `raises the device's version to ${state[VERSION]}`;
    }
    return null;
  }

  #makeLists(state: Int32Array): void {
    state[MADE] = state[MADE]! + 1;
    state[LISTS] = state[MADE]!;
    state[OBJECTS] = Math.min(state[CHANNELS]!, state[ONLINE]!);
  }

  /** Takes the objects from all records. */
  #release(): "waits" | null {
    const state = this.#state;
    if (state[LOCK] !== 0 && state[LOCK] !== this.#thread + 1) return "waits";
    for (let socket = 0; socket < this.#sockets; socket++) {
      const held = this.#socket(socket, OBJECT);
      const object = state[held]! - 1;
      if (object < 0) continue;
      if (this.#isFreed(object)) this.broken = "A reference is given back to a freed object";
      const references = this.#references + object;
      state[references] = state[references]! - 1;
      state[held] = 0;
    }
    this.said = "takes the objects from all records";
    return null;
  }

  /** Threads between the first and the last step of a packet, a bit each. */
  #underWay(): number {
    let mask = 0;
    for (let thread = 0; thread < this.threads.length; thread++) {
      const action = this.#programs[thread]![this.#state[this.#word(thread, DONE)]!];
      const isPacket = this.#state[this.#word(thread, WORKED)] !== 0 ||
        (action?.kind === "packet" && this.#state[this.#word(thread, STEP)] !== 0);
      if (isPacket) mask |= 1 << thread;
    }
    return mask;
  }

  /** A packet has passed: nobody waits for it any more. */
  #leaveSection(): void {
    for (let thread = 0; thread < this.threads.length; thread++) {
      const word = this.#word(thread, AWAITED);
      this.#state[word] = this.#state[word]! & ~(1 << this.#thread);
    }
  }
}

function queueText(cached: number): string {
  return cached === 0 ? "no queue" : `queue ${cached - 1}`;
}
