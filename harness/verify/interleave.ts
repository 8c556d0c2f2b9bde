/**
 * Every order in which the steps of threads can follow each other, breadth first, with a set of
 * the states seen, to the end. A step is what nobody can come between. The first broken property
 * ends it; the way there is a shortest one.
 *
 * @module
 */

import { HashSet, StateQueue, Ways } from "./state_store.ts";

/** Threads with a common state of 32-bit words. */
export interface Concurrent {
  readonly threads: readonly string[];
  /** The state that all begin in. */
  readonly first: Int32Array;
  /** What the step done last broke, null if nothing. */
  readonly broken: string | null;
  /** What the step done last did, in words. */
  readonly said: string;
  /** Does the next step of a thread in place; false if it waits or has come to its end. */
  step(state: Int32Array, thread: number): boolean;
  /** In a state where no thread goes on: what is wrong with that, null if nothing. */
  atEnd(state: Int32Array): string | null;
}

/** What all orders led to. */
export interface Interleaved {
  readonly states: number;
  readonly transitions: number;
  /** Steps of the longest of the shortest ways. */
  readonly depth: number;
  /** States in which all threads have come to their end. */
  readonly ends: number;
  readonly violation: OrderViolation | null;
}

/** A broken property and the order of steps that breaks it. */
export interface OrderViolation {
  readonly sentence: string;
  /** "1. reader 1: reads the cached queue: 0", one a step. */
  readonly steps: readonly string[];
}

/** A hash of 64 bits over words (two multiplications a word, as in MurmurHash). */
function hashOf(words: Int32Array, to: Int32Array): void {
  let low = 0x2545f491;
  let high = 0x1b873593;
  for (let word = 0; word < words.length; word++) {
    low = Math.imul(low ^ words[word]!, 0x85ebca6b);
    low ^= low >>> 15;
    high = Math.imul(high ^ words[word]!, 0x9e3779b1) + low | 0;
  }
  to[0] = Math.imul(low ^ (high >>> 16), 0xc2b2ae35);
  to[1] = Math.imul(high ^ (high >>> 15), 0x27d4eb2f);
}

class Orders {
  readonly #subject: Concurrent;
  readonly #seen = new HashSet();
  readonly #ways = new Ways();
  readonly #hash = new Int32Array(2);
  readonly #bytes: Uint8Array;
  readonly #state: Int32Array;
  #next: StateQueue;
  transitions = 0;
  depth = 0;
  ends = 0;

  constructor(subject: Concurrent) {
    this.#subject = subject;
    this.#state = new Int32Array(subject.first.length);
    this.#bytes = new Uint8Array(this.#state.buffer);
    this.#next = new StateQueue(this.#bytes.length);
  }

  get states(): number {
    return this.#seen.size;
  }

  run(): OrderViolation | null {
    this.#state.set(this.#subject.first);
    this.#arrive(-1, 0);
    let current = new StateQueue(this.#bytes.length);
    let firstOfLevel = 0;
    while (this.#next.length > 0) {
      [current, this.#next] = [this.#next, current];
      this.#next.clear();
      for (let place = 0; place < current.length; place++) {
        const violation = this.#expand(current.at(place), firstOfLevel + place);
        if (violation !== null) return violation;
      }
      firstOfLevel += current.length;
      if (this.#next.length > 0) this.depth++;
    }
    return null;
  }

  #expand(from: Uint8Array, parent: number): OrderViolation | null {
    const { threads } = this.#subject;
    let moved = false;
    for (let thread = 0; thread < threads.length; thread++) {
      this.#bytes.set(from);
      if (!this.#subject.step(this.#state, thread)) continue;
      moved = true;
      this.transitions++;
      const { broken } = this.#subject;
      if (broken !== null) {
        return this.#violation(broken, [...this.#ways.to(parent), thread]);
      }
      this.#arrive(parent, thread);
    }
    if (moved) return null;
    this.#bytes.set(from);
    const wrong = this.#subject.atEnd(this.#state);
    if (wrong !== null) return this.#violation(wrong, this.#ways.to(parent));
    this.ends++;
    return null;
  }

  #arrive(parent: number, thread: number): void {
    hashOf(this.#state, this.#hash);
    if (!this.#seen.add(this.#hash[0]!, this.#hash[1]!)) return;
    this.#ways.push(parent, thread);
    this.#next.push().set(this.#bytes);
  }

  #violation(sentence: string, moves: readonly number[]): OrderViolation {
    this.#state.set(this.#subject.first);
    const steps = moves.map((thread, place) => {
      this.#subject.step(this.#state, thread);
      return `${place + 1}. ${this.#subject.threads[thread]!}: ${this.#subject.said}`;
    });
    return { sentence, steps };
  }
}

/** Goes through every order. */
export function interleave(subject: Concurrent): Interleaved {
  const orders = new Orders(subject);
  const violation = orders.run();
  const { states, transitions, depth, ends } = orders;
  return { states, transitions, depth, ends, violation };
}
