/**
 * Damaged states: a word of a good state is changed, and check() must say so. Every word that the
 * manager relies on is tried on several hosts; which words are free to differ is written down.
 *
 * @module
 */

import type { Exploration } from "../../harness/verify/exploration.ts";
import { operationsOf } from "../../harness/verify/operations.ts";
import { Subject } from "../../harness/verify/subject.ts";
import { drawExploration, Random } from "../../harness/verify/walk.ts";
import { Arena, arenaLayout, ENTRY } from "../../harness/verify/arena.ts";
import { Bench } from "./direct.ts";
import type { Trial } from "./trial.ts";

const HOSTS = 8;
const COMMANDS = 60;
const TURNS = 3000;
/** In place of an invariant: the check came upon an address that does not exist. */
const STOPPED = 99;

/** A subject after a walk without failures. */
function walked(module: WebAssembly.Module, exploration: Exploration, random: Random): Subject {
  const subject = new Subject(module, exploration);
  const operations = operationsOf(exploration);
  subject.host.begin(-1, -1);
  subject.calls.writeDevicePolicy(1, subject.write("MIX"));
  for (let done = 0; done < COMMANDS; done++) {
    const operation = random.of(operations);
    if (!operation.enabled(subject)) continue;
    subject.host.begin(-1, -1);
    operation.run(subject);
  }
  return subject;
}

function answerOf(check: () => number): number {
  try {
    return check();
  } catch {
    // A number outside its table: that is seen as well.
    return STOPPED;
  }
}

/** Changes each word in turn, as `damage` says; how often check() says which invariant. */
function answersTo(subject: Subject, damages: readonly ((word: number) => number)[]): number[] {
  const counts: number[] = [];
  const { ranges, arena, calls } = subject;
  for (let range = 0; range < ranges.length; range += 2) {
    for (let word = ranges[range]!; word < ranges[range + 1]!; word++) {
      const good = arena.i32[word]!;
      for (const damage of damages) {
        arena.i32[word] = damage(good);
        const answer = answerOf(calls.check);
        counts[answer] = (counts[answer] ?? 0) + 1;
      }
      arena.i32[word] = good;
    }
  }
  return Array.from(counts, (count) => count ?? 0);
}

const DAMAGES = [
  (word: number) => word + 1,
  (word: number) => word - 1,
  (word: number) => word + 0x10000,
  (word: number) => word ^ 0x100,
  (word: number) => word ^ 0x1000000,
  () => 0,
  () => 1,
  () => 0x30002,
  () => 0xfffe_ffff | 0,
];

/** Several words at once, each for another word's value or a small one. */
function damageMany(subject: Subject, random: Random): void {
  const { ranges, arena, calls } = subject;
  const words: number[] = [];
  for (let range = 0; range < ranges.length; range += 2) {
    for (let word = ranges[range]!; word < ranges[range + 1]!; word++) words.push(word);
  }
  for (let turn = 0; turn < TURNS; turn++) {
    const chosen = Array.from({ length: 1 + random.below(3) }, () => random.of(words));
    const good = chosen.map((word) => arena.i32[word]!);
    for (const word of chosen) {
      arena.i32[word] = random.below(2) === 0
        ? arena.i32[random.of(words)]!
        : random.below(9) | (random.below(3) << 16);
    }
    answerOf(calls.check);
    // Backwards: the same word may have been chosen twice.
    for (let place = chosen.length - 1; place >= 0; place--) {
      arena.i32[chosen[place]!] = good[place]!;
    }
  }
}

/** The part of all damages, in per cent, that must be seen: versions, masks and names are free. */
const SEEN_MIN = 50;

const walks: readonly Trial[] = Array.from({ length: HOSTS }, (_, host): Trial => ({
  name: `damage ${host}`,
  oracle: "written down",
  run(module) {
    const random = new Random(900 + host);
    const subject = walked(module, drawExploration(random), random);
    if (subject.calls.check() !== 0) return "the state was broken before";
    const counts = answersTo(subject, DAMAGES);
    damageMany(subject, random);
    if (subject.calls.check() !== 0) return "the state is not what it was";
    const all = counts.reduce((sum, count) => sum + count, 0);
    const seen = 100 - 100 * (counts[0] ?? 0) / all;
    return seen >= SEEN_MIN ? null : `${seen.toFixed(0)} % of all damages seen`;
  },
}));

/** A state that was damaged by hand. */
interface Damaged {
  readonly arena: Arena;
  /** Device 1. */
  readonly device: number;
  /** Byte offsets: sockets 1 to 4, tasks 5 and 6, records 1 and 2, rules 1 and 2. */
  readonly socket: readonly number[];
  readonly record: readonly number[];
  readonly rule: readonly number[];
}

/** What is damaged, and the invariant that is broken then. */
const BY_HAND: readonly (readonly [
  what: string,
  invariant: number,
  damage: (state: Damaged) => void,
])[] = [
  ["nothing", 0, () => {}],
  ["an orphan names a socket", 18, ({ arena, rule }) => arena.i32[rule[3]! >> 2] = 4],
  ["a rule names a closed socket", 18, ({ arena, rule, socket }) => {
    arena.i32[rule[1]! >> 2] = 8;
    arena.i32[(socket[1]! + 28) >> 2] = 0;
  }],
  ["a rule names no socket", 18, ({ arena, rule, socket }) => {
    arena.i32[rule[1]! >> 2] = 0;
    arena.i32[(socket[1]! + 28) >> 2] = 0;
  }],
  ["an orphan is of no device", 18, ({ arena, device, rule }) => {
    arena.u16[(rule[3]! + 8) >> 1] = 0;
    arena.i32[(device + 44) >> 2]! -= 1;
    arena.i32[(device + 60) >> 2] = 0;
  }],
  ["an orphan is of a device that is not there", 18, ({ arena, device, rule }) => {
    arena.u16[(rule[3]! + 8) >> 1] = 3;
    arena.i32[(device + 44) >> 2]! -= 1;
    arena.i32[(device + 60) >> 2] = 0;
  }],
  ["a record's object is of another list", 9, ({ arena, record, socket }) => {
    arena.u8[record[1]! + 10] = 3;
    arena.u8[socket[1]! + 6] = 3;
  }],
  ["a queue pair's record has a tx object", 10, ({ arena, record }) => {
    arena.u16[(record[1]! + 14) >> 1] = 1;
    const { layout } = arena;
    const object = layout.objects + ENTRY.object * (2 * layout.mapCapacity + layout.mapCapacity);
    arena.i32[(object + 8) >> 2] = 1;
  }],
  ["a record's owner has no policy", 16, ({ arena, socket }) => arena.u8[socket[1]! + 6] = 255],
  ["a socket without record has a rule", 18, ({ arena, rule, socket }) => {
    arena.i32[rule[1]! >> 2] = 4;
    arena.i32[(socket[4]! + 28) >> 2] = 1;
    arena.i32[(socket[1]! + 28) >> 2] = 0;
  }],
  ["a refusal is cached for a socket without policy", 0, ({ arena, device, socket }) => {
    arena.u16[(socket[4]! + 20) >> 1] = 0xffff;
    arena.i32[(socket[4]! + 24) >> 2] = arena.i32[(device + 32) >> 2]!;
  }],
  ["two tasks have one mask", 22, ({ arena }) => arena.i32[(arena.instance(6) + 28) >> 2] = 1],
  ["a task's mask is not taken", 22, ({ arena }) => arena.i32[(arena.instance(6) + 28) >> 2] = 2],
];

/** Sockets 1 and 2 with rules, 3 closed with an orphan left, 4 without policy; tasks 5 and 6. */
function handmade(bench: Bench): Damaged {
  const sizes = [2, 1, 3, 2, 9, 4, 2, 2] as const;
  bench.host(sizes);
  bench.device("eth0", 1);
  bench.is(0, "writeDevicePolicy", 1, bench.text("BULK"));
  for (const socket of [1, 2, 3, 4]) bench.is(socket, "socketOpen", socket, 0, 1);
  for (const socket of [1, 2, 3]) {
    bench.is(0, "setSocketPolicy", socket, 2);
    bench.is((socket - 1) % 2, "setRulesV4", socket, 6, socket, 1, 80);
  }
  bench.driver.fail({ call: "ruleDelete", skip: 0, times: 1, errno: 5 });
  bench.is(0, "socketClose", 3);
  bench.is(3, "taskCreate", 1);
  bench.is(5, "taskCreate", 2);
  bench.is(6, "taskCreate", 3);
  bench.mask(1);
  bench.is(0, "setTaskAllowed", 5);
  bench.is(0, "check");
  const { memory, calls } = bench.wasm;
  const [cpus, nodes, devices, queues, owners, rules, allowed, buckets] = sizes;
  const layout = arenaLayout({ cpus, nodes, devices, queues, owners, rules, allowed, buckets });
  const arena = new Arena(layout, memory.buffer, calls.arenaOffset());
  const upTo4 = [0, 1, 2, 3, 4];
  return {
    arena,
    device: arena.device(1),
    socket: upTo4.map((socket) => arena.instance(socket)),
    record: upTo4.map((record) => arena.record(record)),
    rule: upTo4.map((rule) => arena.rule(rule)),
  };
}

const byHand: readonly Trial[] = BY_HAND.map(([what, invariant, damage]): Trial => ({
  name: `damage by hand: ${what}`,
  oracle: "written down",
  run(module) {
    const bench = new Bench(module, [{ rx: 2, tx: 2 }]);
    damage(handmade(bench));
    bench.is(invariant, "check");
    return bench.wrong;
  },
}));

/** All damages. */
export const DAMAGE: readonly Trial[] = [...byHand, ...walks];
