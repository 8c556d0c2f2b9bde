/**
 * Explicit-state exploration of policy.wasm: from the first state every operation is done in every
 * state, without and with driver failures, breadth first, until no new state is found. Every state
 * is checked, every transition is checked, and from every state the manager is led back to its
 * first one. The first fault ends it with the shortest way there.
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import { Arena } from "./arena.ts";
import { Canonical } from "./canonical.ts";
import type { Exploration } from "./exploration.ts";
import { type Operation, operationsOf } from "./operations.ts";
import { brokenProperty, type Transition } from "./properties.ts";
import { HashSet, RecentHashes, StateQueue, Ways } from "./state_store.ts";
import { Subject } from "./subject.ts";

/** What an exploration found. */
export interface Explored {
  /** Distinct states. */
  readonly states: number;
  /** Operations done; those of leading back do not count. */
  readonly transitions: number;
  /** Operations on the longest of the shortest ways. */
  readonly depth: number;
  /** Transitions in which a driver call failed. */
  readonly failed: number;
  /** States from which the manager came back to its first state. */
  readonly returns: number;
  readonly seconds: number;
  readonly bytes: number;
  /** What broke, null if nothing did. */
  readonly violation: Violation | null;
  /** True if it ended before all states were seen. */
  readonly cut: boolean;
}

/** A broken property and the way there. */
export interface Violation {
  readonly sentence: string;
  /** Moves from the first state; the last one breaks it. */
  readonly moves: readonly number[];
}

/** Bounds of an exploration; without them it goes on to the fixed point. */
export interface Bounds {
  readonly states?: number;
}

/** A move in one number: operation in 12 bits, then failed calls + 1 in 10 bits each. */
export const MOVE = {
  of: (operation: number, first: number, second: number): number =>
    operation | ((first + 1) << 12) | ((second + 1) << 22),
  operation: (move: number): number => move & 0xfff,
  first: (move: number): number => ((move >>> 12) & 0x3ff) - 1,
  second: (move: number): number => (move >>> 22) - 1,
} as const;

/** One exploration under way. */
class Explorer {
  readonly #subject: Subject;
  readonly #canonical: Canonical;
  readonly #operations: readonly Operation[];
  readonly #faults: number;
  readonly #seen = new HashSet();
  /** States as they were before they were folded: most transitions lead to one of these. */
  readonly #recent = new RecentHashes();
  readonly #ways = new Ways();
  readonly #isTwin: Uint8Array;
  readonly #hash = new Int32Array(2);
  readonly #before: Uint8Array;
  readonly #beforeWords: Int32Array;
  readonly #beforeArena: Arena;
  readonly #beforeManager: Uint8Array;
  readonly #beforeHost: Uint8Array;
  /** One object for all transitions: they are many. */
  readonly #transition: { -readonly [K in keyof Transition]: Transition[K] };
  readonly #first: Uint8Array;
  readonly #firstWords: Int32Array;
  #next: StateQueue;
  #parent = -1;
  #move = 0;
  #dirty = false;
  transitions = 0;
  failed = 0;
  returns = 0;
  depth = 0;

  constructor(module: WebAssembly.Module, exploration: Exploration) {
    this.#subject = new Subject(module, exploration);
    this.#canonical = new Canonical(this.#subject);
    this.#operations = operationsOf(exploration);
    this.#faults = exploration.faults;
    const { bytes, arena } = this.#subject;
    this.#isTwin = new Uint8Array(arena.layout.capacities.owners + 1);
    this.#before = new Uint8Array(bytes);
    this.#beforeWords = new Int32Array(this.#before.buffer);
    this.#beforeArena = new Arena(arena.layout, this.#before.buffer, 0);
    this.#beforeManager = this.#before.subarray(0, arena.layout.bytes);
    this.#beforeHost = this.#before.subarray(arena.layout.bytes);
    this.#transition = {
      subject: this.#subject,
      operation: this.#operations[0]!,
      answer: 0,
      faults: 0,
      before: this.#beforeArena,
      hostBefore: this.#beforeHost,
      changed: false,
    };
    this.#next = new StateQueue(bytes);
    this.#first = new Uint8Array(bytes);
    this.#firstWords = new Int32Array(this.#first.buffer);
  }

  /** Goes on to the fixed point or the bound; the sentence of what broke, null if nothing did. */
  run(bounds: Bounds): { sentence: string | null; cut: boolean } {
    let current = new StateQueue(this.#subject.bytes);
    let firstOfLevel = 0;
    const broken = this.#begin();
    if (broken !== null) return { sentence: broken, cut: false };
    while (this.#next.length > 0) {
      [current, this.#next] = [this.#next, current];
      this.#next.clear();
      for (let place = 0; place < current.length; place++) {
        this.#parent = firstOfLevel + place;
        this.#before.set(current.at(place));
        const sentence = this.#expand();
        if (sentence !== null) return { sentence, cut: false };
        if (this.#seen.size >= (bounds.states ?? Infinity)) return { sentence: null, cut: true };
      }
      firstOfLevel += current.length;
      if (this.#next.length > 0) this.depth++;
    }
    return { sentence: null, cut: false };
  }

  /** Distinct states so far. */
  get states(): number {
    return this.#seen.size;
  }

  /** Bytes of a state. */
  get bytes(): number {
    return this.#subject.bytes;
  }

  /** The way to the transition under way. */
  moves(): number[] {
    return this.#parent < 0 ? [] : [...this.#ways.to(this.#parent), this.#move];
  }

  #begin(): string | null {
    const broken = this.#subject.calls.check();
    if (broken !== 0) return `I${broken} is broken in the first state`;
    this.#canonical.fold();
    this.#subject.save(this.#first);
    return this.#arrive(-1, 0);
  }

  /** Does every operation in the state `before`, with every choice of failures. */
  #expand(): string | null {
    this.#subject.restore(this.#beforeManager, this.#beforeHost);
    this.#dirty = false;
    this.#markTwins();
    for (let index = 0; index < this.#operations.length; index++) {
      const operation = this.#operations[index]!;
      if (this.#isTwin[operation.owner] === 1) continue;
      this.#reset();
      if (!operation.enabled(this.#subject)) continue;
      const broken = this.#withFaults(index, operation);
      if (broken !== null) return broken;
    }
    return null;
  }

  /**
   * Marks each socket that is like the one before it in all it holds: what is done with it leads to
   * the state that the same leads to with the other. In a folded state such sockets are neighbours.
   */
  #markTwins(): void {
    const { arena } = this.#subject;
    const { owners } = arena.layout.capacities;
    for (let owner = 2; owner <= owners; owner++) {
      const isPair = arena.instanceKind(owner) === 1 && arena.instanceKind(owner - 1) === 1;
      this.#isTwin[owner] = isPair && arena.isLike(owner, owner - 1) ? 1 : 0;
    }
  }

  #reset(): void {
    if (this.#dirty) this.#subject.restore(this.#beforeManager, this.#beforeHost);
    this.#dirty = false;
  }

  #withFaults(index: number, operation: Operation): string | null {
    const { host } = this.#subject;
    const broken = this.#do(index, operation, -1, -1);
    if (broken !== null || this.#faults === 0) return broken;
    const calls = host.calls;
    for (let first = 0; first < calls; first++) {
      const one = this.#do(index, operation, first, -1);
      if (one !== null) return one;
      const callsThen = this.#faults > 1 ? host.calls : 0;
      for (let second = first + 1; second < callsThen; second++) {
        const two = this.#do(index, operation, first, second);
        if (two !== null) return two;
      }
    }
    return null;
  }

  #do(index: number, operation: Operation, first: number, second: number): string | null {
    const subject = this.#subject;
    this.#reset();
    this.#move = MOVE.of(index, first, second);
    this.transitions++;
    const faults = (first < 0 ? 0 : 1) + (second < 0 ? 0 : 1);
    if (faults > 0) this.failed++;
    subject.host.begin(first, second);
    const answer = operation.run(subject);
    const callsMade = subject.host.calls;
    const changed = !subject.equals(this.#beforeWords);
    const transition = this.#transition;
    transition.operation = operation;
    transition.answer = answer;
    transition.faults = faults;
    transition.changed = changed;
    const broken = brokenProperty(transition);
    if (broken !== null || !changed) return broken;
    this.#dirty = true;
    subject.hash(this.#hash);
    if (this.#recent.has(this.#hash[0]!, this.#hash[1]!)) return null;
    const check = subject.calls.check();
    if (check !== 0) return `I${String(check).padStart(2, "0")} is broken`;
    this.#recent.put(this.#hash[0]!, this.#hash[1]!);
    this.#canonical.fold();
    const arrived = this.#arrive(this.#parent, this.#move);
    subject.host.calls = callsMade;
    return arrived;
  }

  /** Notes the state that stands, if it is new, and whether the manager finds back from it. */
  #arrive(parent: number, move: number): string | null {
    const subject = this.#subject;
    subject.hash(this.#hash);
    if (!this.#seen.add(this.#hash[0]!, this.#hash[1]!)) return null;
    this.#ways.push(parent, move);
    subject.save(this.#next.push());
    subject.leadBack();
    const check = subject.calls.check();
    if (check !== 0) return `I${check} is broken on the way back to the first state`;
    this.#canonical.fold();
    const { i32 } = subject.arena;
    if (subject.exploration.version_max > 0) {
      // A counter that is not folded has moved on.
      for (let device = 1; device <= subject.arena.layout.capacities.devices; device++) {
        const word = (subject.arena.device(device) + 32) >> 2;
        i32[word] = this.#firstWords[word]!;
      }
    }
    const first = this.#firstWords;
    for (let range = 0; range < subject.ranges.length; range += 2) {
      for (let word = subject.ranges[range]!; word < subject.ranges[range + 1]!; word++) {
        if (i32[word] !== first[word]) return this.#leak(4 * word);
      }
    }
    this.returns++;
    return null;
  }

  #leak(byte: number): string {
    return `The manager does not come back to its first state: byte ${byte} of ` +
      `${this.#subject.arena.layout.bytes} differs after everything was closed`;
  }
}

/**
 * Explores.
 *
 * @param module policy.wasm, compiled.
 */
export function explore(
  module: WebAssembly.Module,
  exploration: Exploration,
  bounds: Bounds = {},
): Explored {
  const explorer = new Explorer(module, exploration);
  const started = performance.now();
  let end: { sentence: string | null; cut: boolean };
  try {
    end = explorer.run(bounds);
  } catch (error) {
    // An assert of the core, or a trap of the engine: the transition under way caused it.
    end = { sentence: `The manager stopped: ${messageOf(error)}`, cut: false };
  }
  const { states, transitions, failed, depth, returns, bytes } = explorer;
  const violation = end.sentence === null
    ? null
    : { sentence: end.sentence, moves: explorer.moves() };
  const seconds = (performance.now() - started) / 1000;
  return { states, transitions, failed, depth, returns, bytes, seconds, violation, cut: end.cut };
}
