/**
 * Random walks: a host drawn from a seed, and on it long sequences of operations with failing
 * driver calls. Every state is checked after every operation; then nothing fails any more and the
 * manager must come back to its first state. Frequencies differ wildly from host to host, and some
 * operations do not come at all (swarm testing), so that tables fill up somewhere.
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import { Arena } from "./arena.ts";
import type { ScenarioDevice } from "../policy/scenario_schema.ts";
import type { Exploration } from "./exploration.ts";
import { MOVE } from "./explore.ts";
import { type Kind, type Operation, operationsOf } from "./operations.ts";
import { brokenProperty } from "./properties.ts";
import { Subject } from "./subject.ts";

/** Random numbers from a seed (xorshift32 behind a multiplicative mix). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed ^ (seed >>> 16), 0x9e3779b1) ^ 0x6c078965 || 1;
    for (let turn = 0; turn < 4; turn++) this.below(2);
  }

  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % bound;
  }

  /** One of some values. */
  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, place) => place);
}

function drawDevice(random: Random, place: number, nodes: number): ScenarioDevice {
  const queuePair = random.below(2) === 0;
  const rxQueues = 1 + random.below(8);
  return {
    name: `eth${place}`,
    node: random.below(nodes + 1) - 1,
    netns: 0,
    rxQueues,
    txQueues: queuePair ? rxQueues : 1 + random.below(8),
    queuePair,
    mix: random.below(8) > 0,
    irqAffinity: random.below(2) === 0,
    policies: random.of([
      ["CPU", "BULK", "LATENCY"],
      ["CPU", "BULK", "LATENCY"],
      ["BULK", "LATENCY"],
    ]),
    maxRecords: random.of([0, 0, 0, 1, 2, 4]),
    ruleCapacity: random.of([0, 1, 2, 4]),
  };
}

/** A host and what is done on it, drawn. */
export function drawExploration(random: Random): Exploration {
  const cpus = 1 + random.below(8);
  const nodes = Math.min(1 + random.below(2), cpus);
  const smt = random.below(2) === 1 && cpus % 2 === 0;
  const coreOf = (cpu: number) => smt ? cpu % (cpus / 2) : cpu;
  const distance = 11 + random.below(3);
  const devices = upTo(1 + random.below(2)).map((place) => drawDevice(random, place, nodes));
  return {
    name: "walk",
    title: "drawn",
    profile: "ci",
    topology: {
      nodes: upTo(nodes).map((id) => ({
        id,
        cpus: upTo(cpus).filter((cpu) => coreOf(cpu) % nodes === id),
      })),
      distance: upTo(nodes).map((a) => upTo(nodes).map((b) => a === b ? 10 : distance)),
      siblings: smt ? upTo(cpus / 2).map((cpu) => [cpu, cpu + cpus / 2]) : [],
    },
    devices,
    strategy: random.of(["round-robin", "load-aware"] as const),
    partition: random.of(["rfc", "latency-first"] as const),
    capacities: {
      owners: 1 + random.below(8),
      rules: random.below(5),
      allowed: random.below(3),
      buckets: random.of([1, 2, 4]),
    },
    version_max: random.of([0, 0, 1, 2, 3]),
    faults: 2,
    operations: {
      "proc.write": ["MIX", "MIX", "BULK", "LATENCY", "CPU", "NONE", "bulk\n", "BULKx"],
      "dev.down": true,
      channels: [1, 2, 4, 8],
      "cpu.offline": upTo(cpus),
      task: 4,
      "task.write": ["BULK", "LATENCY", "NONE", "INVALID"],
      fork: true,
      affinity: [[0], [cpus - 1], upTo(cpus)],
      socket: ["alone", "task"],
      accept: true,
      bind: true,
      setsockopt: ["BULK", "LATENCY", "BULK", "LATENCY", "CPU", "NONE", "INVALID"],
      packet: ["rx", "tx"],
      flows: 2,
      load: [0, 5, 6, 100],
      strategy: true,
    },
  };
}

/** What a walk saw, added up over many. */
export interface Sights {
  /** Kind and answer (0 for any that is not negative), such as "policy -22". */
  readonly answers: Map<string, number>;
  /** Kind and following kind. */
  readonly pairs: Map<string, number>;
  /** Policy in force before and after a write. */
  readonly changes: Map<string, number>;
  /** Driver calls that failed, by name. */
  readonly failures: Map<string, number>;
}

/** Empty sights. */
export function noSights(): Sights {
  return { answers: new Map(), pairs: new Map(), changes: new Map(), failures: new Map() };
}

function see(sights: Map<string, number>, what: string): void {
  sights.set(what, (sights.get(what) ?? 0) + 1);
}

/** The end of a walk that broke something. */
export interface BrokenWalk {
  readonly sentence: string;
  readonly moves: readonly number[];
}

/** Without these little would happen at all. */
const USUAL: ReadonlySet<Kind> = new Set(["open", "up", "policy", "pick", "rule"]);
/** These end what others have built up. */
const ENDS: ReadonlySet<Kind> = new Set(["down", "exit", "close", "channels", "offline"]);
/** Most driver calls that a drawn failure waits for. */
const FAULT_WITHIN = 12;

/** In place of an answer: an assert or a trap. No errno. */
const STOPPED = -9999;

/** A hash of all answers so far, with the next one and the driver calls it took. */
export function answersAfter(answers: number, answer: number, calls: number): number {
  return Math.imul(answers ^ answer, 0x01000193) + calls | 0;
}

/** Walks on one drawn host; the host is used for several walks, each from its first state. */
export class Walker {
  readonly #subject: Subject;
  readonly #operations: readonly Operation[];
  readonly #byKind = new Map<Kind, number[]>();
  readonly #kinds: Kind[] = [];
  readonly #faultRate: number;
  readonly #first: Uint8Array;
  readonly #before: Uint8Array;
  readonly #beforeArena: Arena;
  readonly #beforeWords: Int32Array;
  /** Operations done. */
  commands = 0;

  constructor(
    module: WebAssembly.Module,
    readonly exploration: Exploration,
    random: Random,
    readonly sights: Sights,
  ) {
    this.#subject = new Subject(module, exploration);
    this.#operations = operationsOf(exploration);
    this.#operations.forEach(({ kind }, index) => {
      if (!this.#byKind.has(kind)) this.#byKind.set(kind, []);
      this.#byKind.get(kind)!.push(index);
    });
    for (const kind of this.#byKind.keys()) {
      const weight = USUAL.has(kind)
        ? random.of([4, 4, 8, 16])
        : ENDS.has(kind)
        ? random.of([0, 1, 1, 2])
        : random.of([0, 1, 2, 4]);
      for (let turn = 0; turn < weight; turn++) this.#kinds.push(kind);
    }
    this.#faultRate = random.of([0, 2, 8]);
    const { bytes, arena } = this.#subject;
    this.#first = new Uint8Array(bytes);
    this.#before = new Uint8Array(bytes);
    this.#beforeWords = new Int32Array(this.#before.buffer);
    this.#beforeArena = new Arena(arena.layout, this.#before.buffer, 0);
    this.#subject.save(this.#first);
  }

  /** Bytes of a state. */
  get bytes(): number {
    return this.#subject.bytes;
  }

  /** Draws a move that can be done in the present state. */
  next(random: Random): number {
    return this.#draw(random);
  }

  /** The manager that walks. */
  get subject(): Subject {
    return this.#subject;
  }

  /** One walk; what broke, null if nothing did. */
  walk(random: Random, length: number): BrokenWalk | null {
    this.#reset();
    const moves: number[] = [];
    let last: Kind | null = null;
    for (let command = 0; command < length; command++) {
      const move = this.#draw(random);
      const operation = this.#operations[MOVE.operation(move)]!;
      if (last !== null) see(this.sights.pairs, `${last}, ${operation.kind}`);
      last = operation.kind;
      moves.push(move);
      const sentence = this.#do(move);
      if (sentence !== null) return { sentence, moves };
    }
    for (const [call, times] of this.#subject.host.failures) {
      this.sights.failures.set(call, (this.sights.failures.get(call) ?? 0) + times);
    }
    this.#subject.host.failures.clear();
    const sentence = this.#back();
    return sentence === null ? null : { sentence, moves };
  }

  /** The moves of one walk whose states are not checked; ends where the manager stops. */
  draw(random: Random, length: number): number[] {
    this.#reset();
    const moves: number[] = [];
    try {
      while (moves.length < length) {
        const move = this.#draw(random);
        moves.push(move);
        this.#subject.host.begin(MOVE.first(move), MOVE.second(move));
        this.#operations[MOVE.operation(move)]!.run(this.#subject);
      }
    } catch (_stopped) {
      // The script that comes of it stops there as well, and the model does not.
    }
    return moves;
  }

  /**
   * Does given moves without checking anything, leaving out those that cannot be done: one 32-bit
   * hash of all answers, the state after them, and what was done. A manager that stops is an answer
   * as well.
   */
  follow(moves: readonly number[]): {
    readonly answers: number;
    readonly state: Uint8Array;
    readonly done: readonly number[];
  } {
    this.#reset();
    const done: number[] = [];
    let answers = 0;
    for (const move of moves) {
      const operation = this.#operations[MOVE.operation(move)]!;
      if (!operation.enabled(this.#subject)) continue;
      done.push(move);
      this.#subject.host.begin(MOVE.first(move), MOVE.second(move));
      let answer = STOPPED;
      try {
        answer = operation.run(this.#subject);
      } catch (_stopped) {
        // Where one build stops the other must as well.
      }
      answers = answersAfter(answers, answer, this.#subject.host.calls);
    }
    const state = new Uint8Array(this.#subject.bytes);
    this.#subject.save(state);
    return { answers, state, done };
  }

  /** Does given moves again, leaving out those that cannot be done; what broke. */
  replay(moves: readonly number[]): BrokenWalk | null {
    this.#reset();
    const done: number[] = [];
    for (const move of moves) {
      if (!this.#operations[MOVE.operation(move)]!.enabled(this.#subject)) continue;
      done.push(move);
      const sentence = this.#do(move);
      if (sentence !== null) return { sentence, moves: done };
    }
    const sentence = this.#back();
    return sentence === null ? null : { sentence, moves: done };
  }

  #reset(): void {
    const { bytes } = this.#subject.arena.layout;
    this.#subject.restore(this.#first.subarray(0, bytes), this.#first.subarray(bytes));
  }

  #draw(random: Random): number {
    for (;;) {
      const index = random.of(this.#byKind.get(random.of(this.#kinds))!);
      if (!this.#operations[index]!.enabled(this.#subject)) continue;
      if (random.below(16) >= this.#faultRate) return MOVE.of(index, -1, -1);
      const first = random.below(FAULT_WITHIN);
      return MOVE.of(index, first, random.below(4) > 0 ? -1 : first + 1 + random.below(3));
    }
  }

  #do(move: number): string | null {
    const subject = this.#subject;
    const operation = this.#operations[MOVE.operation(move)]!;
    subject.save(this.#before);
    subject.host.begin(MOVE.first(move), MOVE.second(move));
    this.commands++;
    let answer: number;
    try {
      answer = operation.run(subject);
    } catch (error) {
      return `The manager stopped: ${messageOf(error)}`;
    }
    see(this.sights.answers, `${operation.kind} ${Math.min(answer, 0)}`);
    if (operation.kind === "write") {
      const { device } = operation;
      const before = this.#beforeArena.devicePolicy(device);
      see(this.sights.changes, `${before} to ${subject.arena.devicePolicy(device)}`);
    }
    const { calls } = subject.host;
    const hit = (fault: number) => fault >= 0 && fault < calls ? 1 : 0;
    const broken = brokenProperty({
      subject,
      operation,
      answer,
      faults: hit(MOVE.first(move)) + hit(MOVE.second(move)),
      before: this.#beforeArena,
      hostBefore: this.#before.subarray(subject.arena.layout.bytes),
      changed: !subject.equals(this.#beforeWords),
    });
    if (broken !== null) return broken;
    const check = subject.calls.check();
    return check === 0 ? null : `I${String(check).padStart(2, "0")} is broken`;
  }

  /** Nothing fails any more: the manager must find back. */
  #back(): string | null {
    const subject = this.#subject;
    try {
      subject.leadBack();
    } catch (error) {
      return `The manager stopped on the way back: ${messageOf(error)}`;
    }
    const { devices } = subject.arena.layout.capacities;
    for (let device = 1; device <= devices; device++) {
      // A counter that only grows, and that nothing but equality is asked of.
      const word = (subject.arena.device(device) + 32) >> 2;
      subject.arena.i32[word] = this.#wordAtFirst(word);
    }
    const check = subject.calls.check();
    if (check !== 0) return `I${String(check).padStart(2, "0")} is broken on the way back`;
    const { ranges, arena } = subject;
    for (let range = 0; range < ranges.length; range += 2) {
      for (let word = ranges[range]!; word < ranges[range + 1]!; word++) {
        if (arena.i32[word] !== this.#wordAtFirst(word)) {
          return `The manager does not come back to its first state: byte ${4 * word} differs`;
        }
      }
    }
    return null;
  }

  #wordAtFirst(word: number): number {
    return new DataView(this.#first.buffer).getInt32(4 * word, true);
  }
}

/**
 * Fewer items of which the same can be said: pieces are left out, large ones first, as long as it
 * can (delta debugging).
 *
 * @param holds Said of the items; true for those that are given.
 */
export function shorten<T>(items: readonly T[], holds: (some: readonly T[]) => boolean): T[] {
  let best = [...items];
  for (let size = Math.ceil(best.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < best.length;) {
      const without = [...best.slice(0, from), ...best.slice(from + size)];
      if (holds(without)) best = without;
      else from += size;
    }
  }
  return best;
}

/** A shorter walk that breaks the same. */
export function shrink(walker: Walker, broken: BrokenWalk): BrokenWalk {
  const { sentence } = walker.replay(broken.moves) ?? broken;
  const moves = shorten(broken.moves, (some) => walker.replay(some)?.sentence === sentence);
  return walker.replay(moves) ?? broken;
}
