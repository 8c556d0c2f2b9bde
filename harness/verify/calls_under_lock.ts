/**
 * What calls of policy.wasm change while they run, as readers without a lock see it: the binary is
 * run with probes, and every change of a word that the fast path reads is noted, in order.
 *
 * @module
 */

import { type Action, hostOf, type Interleaving } from "./interleaving.ts";
import { POLICY_VALUES, Subject } from "./subject.ts";

/** The words that the fast path reads; also the order of {@link View}'s words of a socket. */
export const READ_WORDS = ["device", "instanceVersion", "cache", "deviceVersion"] as const;

/** A word that the fast path reads. */
export type ReadWord = typeof READ_WORDS[number];

/** What a reader may see: of each socket device, version and cache of a direction; the version. */
export interface View {
  readonly device: readonly number[];
  readonly instanceVersion: readonly number[];
  /** Two directions a socket. */
  readonly cache: readonly number[];
  /** By device number, 0 for none. */
  readonly deviceVersion: readonly number[];
}

/** A call that ran from one state of the manager to the next. */
export interface Ran {
  /** Views after each visible change, by number. */
  readonly views: readonly number[];
  /** State after it, by number. */
  readonly memory: number;
  readonly answer: number;
}

/** States, views and calls of one host, each made once. */
export class CallsUnderLock {
  readonly #subject: Subject;
  readonly #sockets: number;
  readonly #memories: Uint8Array[] = [];
  readonly #memoryNumbers = new Map<string, number>();
  readonly #views: View[] = [];
  readonly #viewNumbers = new Map<string, number>();
  readonly #ran = new Map<string, Ran>();
  /** Numbers of the views seen in the call under way, null while nobody watches. */
  #seen: number[] | null = null;
  #reads: ReadWord[] | null = null;
  /** State and view that all begins with. */
  readonly first: { readonly memory: number; readonly view: number };
  /** The words that the binary's fast path reads, in its order. */
  readonly readOrder: readonly ReadWord[];

  /** @param module policy.wasm with probes. */
  constructor(module: WebAssembly.Module, interleaving: Interleaving) {
    this.#sockets = interleaving.sockets.length;
    this.#subject = new Subject(module, hostOf(interleaving), {
      stored: () => {
        if (this.#seen === null) return;
        const view = this.#look();
        if (view !== this.#seen[this.#seen.length - 1]) this.#seen.push(view);
      },
      loads: (address: number, offset: number) => {
        this.#reads?.push(this.#wordAt(address + offset));
        return address;
      },
    });
    const { calls } = this.#subject;
    this.#subject.host.begin(-1, -1);
    calls.writeDevicePolicy(1, this.#subject.write(interleaving.policy));
    for (const policy of interleaving.sockets) {
      calls.setSocketPolicy(this.#subject.open(0, 1), POLICY_VALUES[policy]!);
    }
    this.first = { memory: this.#keep(), view: this.#look() };
    this.readOrder = this.#fastReads();
  }

  /** States of the manager met so far. */
  get memories(): number {
    return this.#memories.length;
  }

  /** Distinct calls made so far. */
  get calls(): number {
    return this.#ran.size;
  }

  /** A view by its number. */
  view(number: number): View {
    return this.#views[number]!;
  }

  /** Runs an action from a state, in one piece. */
  run(memory: number, action: Action): Ran {
    const key = `${memory} ${action.kind} ${action.number} ${action.name} ${action.direction}`;
    const known = this.#ran.get(key);
    if (known !== undefined) return known;
    this.#restore(memory);
    const { host } = this.#subject;
    host.begin(-1, -1);
    this.#seen = [this.#look()];
    const answer = this.#call(action);
    const [, ...views] = this.#seen;
    this.#seen = null;
    const ran = { views, memory: this.#keep(), answer };
    this.#ran.set(key, ran);
    return ran;
  }

  /** The state in which the device has other channels; nobody has been told. */
  withChannels(memory: number, channels: number): number {
    this.#restore(memory);
    this.#subject.host.setChannels(1, channels);
    return this.#keep();
  }

  /** What does not hold in a state in which nothing is under way, null if all does. */
  wrongIn(memory: number, online: number): string | null {
    this.#restore(memory);
    const { arena, calls, host } = this.#subject;
    const check = calls.check();
    if (check !== 0) return `I${String(check).padStart(2, "0")} is broken in the end`;
    const inForce = arena.devicePolicy(1) !== 0;
    const expected = inForce ? Math.min(host.channels(1), online) : 0;
    if (arena.mapped(1, 0) !== expected) {
      return `An update is lost: ${arena.mapped(1, 0)} queues are mapped, ${expected} are there`;
    }
    return null;
  }

  /** Policy of the device in a state. */
  policyIn(memory: number): number {
    this.#restore(memory);
    return this.#subject.arena.devicePolicy(1);
  }

  #call({ kind, number, name, direction }: Action): number {
    const { calls } = this.#subject;
    if (kind === "packet") return calls.pickQueue(number, direction);
    if (kind === "close") return calls.socketClose(number);
    if (kind === "channels") return calls.deviceChannels(1);
    if (kind === "offline") return calls.cpuOffline(number);
    if (kind === "online") return calls.cpuOnline(number);
    return calls.writeDevicePolicy(1, this.#subject.write(name));
  }

  /** The loads of a packet whose queue is cached, in the binary's order. */
  #fastReads(): readonly ReadWord[] {
    const { calls } = this.#subject;
    calls.writeDevicePolicy(1, this.#subject.write("MIX"));
    calls.setSocketPolicy(1, POLICY_VALUES["BULK"]!);
    calls.pickQueue(1, 0);
    this.#reads = [];
    calls.pickQueue(1, 0);
    const reads = this.#reads;
    this.#reads = null;
    return reads;
  }

  #wordAt(address: number): ReadWord {
    const { arena, calls } = this.#subject;
    const at = address - calls.arenaOffset();
    const of = new Map<number, ReadWord>([
      [arena.instance(1) + 4, "device"],
      [arena.instance(1) + 24, "instanceVersion"],
      [arena.instance(1) + 20, "cache"],
      [arena.device(1) + 32, "deviceVersion"],
    ]);
    const word = of.get(at);
    if (word === undefined) throw new Error(`The fast path reads byte ${at}, which none expects`);
    return word;
  }

  #look(): number {
    const { arena } = this.#subject;
    const sockets = Array.from({ length: this.#sockets }, (_, place) => arena.instance(place + 1));
    const view: View = {
      device: sockets.map((at) => arena.u16[(at + 4) >> 1]!),
      instanceVersion: sockets.map((at) => arena.i32[(at + 24) >> 2]!),
      cache: sockets.flatMap((at) => [arena.u16[(at + 20) >> 1]!, arena.u16[(at + 22) >> 1]!]),
      deviceVersion: [arena.deviceVersion(0), arena.deviceVersion(1)],
    };
    const key = `${view.device} ${view.instanceVersion} ${view.cache} ${view.deviceVersion}`;
    const known = this.#viewNumbers.get(key);
    if (known !== undefined) return known;
    this.#viewNumbers.set(key, this.#views.length);
    this.#views.push(view);
    return this.#views.length - 1;
  }

  #keep(): number {
    const bytes = new Uint8Array(this.#subject.bytes);
    this.#subject.save(bytes);
    const words = new Int32Array(bytes.buffer);
    const { ranges, arena } = this.#subject;
    const parts: string[] = [];
    for (let range = 0; range < ranges.length; range += 2) {
      parts.push(words.subarray(ranges[range]!, ranges[range + 1]!).join());
    }
    parts.push(words.subarray(arena.layout.bytes >> 2).join());
    const key = parts.join(";");
    const known = this.#memoryNumbers.get(key);
    if (known !== undefined) return known;
    this.#memoryNumbers.set(key, this.#memories.length);
    this.#memories.push(bytes);
    return this.#memories.length - 1;
  }

  #restore(memory: number): void {
    const bytes = this.#memories[memory]!;
    const { arena } = this.#subject;
    this.#subject.restore(
      bytes.subarray(0, arena.layout.bytes),
      bytes.subarray(arena.layout.bytes),
    );
  }
}
