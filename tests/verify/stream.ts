/**
 * Commands to policy.wasm written down as numbers, with every answer, every driver call and what it
 * answered, and hashes of the memory: whatever runs them anew must do the same. tests/verify/
 * native.ts has it done by the binary as native code.
 *
 * @module
 */

import { watchInstances } from "../../harness/build/instance.ts";
import { MOVE } from "../../harness/verify/explore.ts";
import { operationsOf } from "../../harness/verify/operations.ts";
import { readWasm } from "../../harness/verify/wasm_code.ts";
import { drawExploration, noSights, Random, Walker } from "../../harness/verify/walk.ts";

/** Kinds of entries, each followed by its numbers. */
export const ENTRY = {
  /** Nothing follows. */
  end: 0,
  /** Export, arguments, answer, number of driver calls; then each of these, see `driver`. */
  call: 1,
  /** Address, words: what a caller puts into a buffer. */
  poke: 2,
  /** A new instance. */
  instance: 3,
  /** Hash of the memory's first {@link HASHED_BYTES}. */
  memory: 4,
} as const;

/** Every table of the hosts that walks are drawn on lies below. */
export const HASHED_BYTES = 1 << 17;
/** Calls with a text of so many bytes in the input buffer: place of the length among arguments. */
const TEXTS: Readonly<Record<string, number>> = {
  writeDevicePolicy: 1,
  setTaskPolicyName: 1,
  deviceRegister: 3,
  deviceRename: 1,
};
/** Driver calls that write into memory: place of the address among arguments, and words. */
const WRITES: Readonly<Record<string, readonly [address: number, words: number]>> = {
  netpolicyInit: [1, 3],
  irqAffinityGet: [1, 1],
};

/** FNV-1a over 32-bit words. */
export function hashOf(words: Int32Array): number {
  let hash = 0x811c9dc5 | 0;
  for (let word = 0; word < words.length; word++) {
    hash = Math.imul(hash ^ words[word]!, 0x01000193);
  }
  return hash;
}

/** A stream of commands. */
export interface Stream {
  readonly words: Int32Array;
  readonly calls: number;
  /** Exports in the order that the stream numbers them, with their number of parameters. */
  readonly exports: readonly (readonly [name: string, params: number])[];
  /** Imports of the driver, likewise. */
  readonly imports: readonly (readonly [name: string, params: number])[];
}

type Calls = Record<string, (...values: number[]) => number>;

/** What a driver call has written: address, words, and these. */
function writtenBy(name: string, values: readonly number[], memory: Int32Array): number[] {
  const [place, count] = WRITES[name] ?? [0, 0];
  const address = values[place]!;
  return [address, count, ...memory.subarray(address >> 2, (address >> 2) + count)];
}

class Writer {
  words = new Int32Array(1 << 20);
  length = 0;
  calls = 0;

  put(...values: number[]): void {
    if (this.length + values.length > this.words.length) {
      const larger = new Int32Array(2 * this.words.length);
      larger.set(this.words);
      this.words = larger;
    }
    for (const value of values) this.words[this.length++] = value;
  }
}

/**
 * Writes down what random walks do, about `commands` of them.
 *
 * @param policy policy.wasm; compiled anew, so that nobody else's instances are watched.
 */
export function writeStream(
  policy: Uint8Array<ArrayBuffer>,
  commands: number,
  seed: number,
): Stream {
  const module = new WebAssembly.Module(policy);
  const writer = new Writer();
  const exported: [string, number][] = [];
  const code = readWasm(policy);
  const imported = code.imports.map((name, place): [string, number] => {
    return [name.replace("driver.", ""), code.signatures[place]!.params.length];
  }).filter(([name]) => name !== "env.abort");
  let memory: Int32Array = new Int32Array(0);
  let made: number[] = [];
  let makes = 0;
  const wrapDriver = (driver: Calls): Calls =>
    Object.fromEntries(
      Object.entries(driver).map(([name, call]) => {
        const index = imported.findIndex(([known]) => known === name);
        return [name, (...values: number[]) => {
          const answer = call(...values);
          made.push(index, ...values, answer, ...writtenBy(name, values, memory));
          makes++;
          return answer;
        }];
      }),
    );
  const wrapCall = (exports: WebAssembly.Exports, name: string, call: Calls[string]) => {
    let index = exported.findIndex(([known]) => known === name);
    if (index < 0) index = exported.push([name, call.length]) - 1;
    const poke = (address: number, bytes: number) => {
      const words = memory.subarray(address >> 2, (address + bytes + 3) >> 2);
      writer.put(ENTRY.poke, address, words.length, ...words);
    };
    return (...values: number[]) => {
      const length = TEXTS[name] === undefined ? 0 : values[TEXTS[name]]!;
      const own = exports as unknown as Calls;
      if (length > 0) poke(own["inputOffset"]!(), Math.min(length, 128));
      if (name === "setTaskAllowed") poke(own["maskOffset"]!(), 4 * own["maskWordCount"]!());
      [made, makes] = [[], 0];
      const answer = call(...values.slice(0, call.length));
      writer.put(ENTRY.call, index, ...values.slice(0, call.length), answer, makes, ...made);
      writer.calls++;
      return answer;
    };
  };
  watchInstances(module, {
    imports: ({ env, driver }) => ({ env: env!, driver: wrapDriver(driver as Calls) }),
    exports(exports) {
      writer.put(ENTRY.instance);
      memory = new Int32Array((exports["memory"] as WebAssembly.Memory).buffer);
      return Object.fromEntries(
        Object.entries(exports).map(([name, value]) => [
          name,
          typeof value === "function" ? wrapCall(exports, name, value as Calls[string]) : value,
        ]),
      );
    },
  });
  for (let host = 0; writer.calls < commands; host++) {
    walkOn(module, seed + host);
    writer.put(ENTRY.memory, hashOf(memory.subarray(0, HASHED_BYTES >> 2)));
  }
  writer.put(ENTRY.end);
  const { words, length, calls } = writer;
  return { words: words.subarray(0, length), calls, exports: exported, imports: imported };
}

/** Operations on one host, without going back in between: nothing but calls changes its memory. */
const COMMANDS = 5000;

function walkOn(module: WebAssembly.Module, seed: number): void {
  const random = new Random(seed | 0);
  const walker = new Walker(module, drawExploration(random), random, noSights());
  const operations = operationsOf(walker.exploration);
  const { subject } = walker;
  for (let command = 0; command < COMMANDS; command++) {
    const move = walker.next(random);
    subject.host.begin(MOVE.first(move), MOVE.second(move));
    operations[MOVE.operation(move)]!.run(subject);
  }
  subject.calls.check();
}
