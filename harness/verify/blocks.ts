/**
 * Basic blocks of a binary, and a build of it that notes which of them are reached.
 *
 * A block begins where a function does, at the head of a loop, at either branch of a condition,
 * behind a branch that was not taken, and where branches lead to. The noting build keeps its notes
 * in a second memory: the manager's own is as before.
 *
 * @module
 */

import { watchInstances } from "../build/instance.ts";
import type { MappedCode, Origin } from "./mapped.ts";
import {
  bodyOf,
  exportEntry,
  type FunctionCode,
  type Instruction,
  OP,
  SECTION,
  signed,
  unsigned,
  type WasmCode,
  writeWasm,
} from "./wasm_code.ts";

/** A basic block. */
export interface Block {
  /** Function of the binary and number of the block in it: `pick/pickQueue#3`. */
  readonly id: string;
  /** Index of the function among those with a body. */
  readonly function: number;
  /** First instruction, and the one behind the last. */
  readonly from: number;
  readonly to: number;
  /** Stops the manager because an assert does not hold: no run may reach it. */
  readonly stops: boolean;
  readonly origin: Origin | null;
}

interface Frame {
  readonly op: number;
  /** Whether the frame itself can be reached. */
  readonly entered: boolean;
  targeted: boolean;
  hasElse: boolean;
  thenLives: boolean;
}

/** Places at which blocks begin, and whether each instruction can be reached at all. */
export function blockStarts(code: readonly Instruction[]): { starts: number[]; live: boolean[] } {
  const starts: number[] = [];
  const live: boolean[] = [];
  const frame = (op: number, entered: boolean): Frame => (
    { op, entered, targeted: false, hasElse: false, thenLives: false }
  );
  const frames: Frame[] = [frame(OP.block, true)];
  let lives = true;
  let begins = true;
  const target = (depth: number) => {
    const aimed = frames[frames.length - 1 - depth]!;
    if (aimed.op !== OP.loop) aimed.targeted = true;
  };
  code.forEach((instruction, place) => {
    const { op } = instruction;
    if (lives && begins) starts.push(place);
    if (lives) begins = false;
    live.push(lives);
    if (op === OP.block || op === OP.loop || op === OP.if) {
      frames.push(frame(op, lives));
      begins ||= op !== OP.block;
    } else if (op === OP.else) {
      const top = frames[frames.length - 1]!;
      [top.hasElse, top.thenLives, lives, begins] = [true, lives, top.entered, true];
    } else if (op === OP.end) {
      const { entered, targeted, hasElse, thenLives, op: kind } = frames.pop()!;
      const isIf = kind === OP.if;
      begins ||= isIf || targeted;
      lives ||= entered && (targeted || thenLives || (isIf && !hasElse));
    } else if (lives) {
      for (const depth of targetsOf(instruction)) target(depth);
      if (op === OP.br_if) begins = true;
      if ([OP.br, OP.br_table, OP.return, OP.unreachable].includes(op as 0)) lives = false;
    }
  });
  return { starts, live };
}

/** Labels that an instruction can branch to. */
function targetsOf({ op, bytes }: Instruction): number[] {
  if (op !== OP.br && op !== OP.br_if && op !== OP.br_table) return [];
  const numbers: number[] = [];
  let [value, shift] = [0, 0];
  for (const byte of bytes.subarray(1)) {
    value |= (byte & 0x7f) << shift;
    shift += 7;
    if ((byte & 0x80) !== 0) continue;
    numbers.push(value);
    [value, shift] = [0, 0];
  }
  return op === OP.br_table ? numbers.slice(1) : numbers;
}

/** The name that a function goes by: without the folder that all share. */
export function shortName(name: string): string {
  return name.replace(/^core\/(policy\/|machine\/)?/, "");
}

/** Bytes of a call to the assert's import, null where there is none. */
function abortCall({ imports }: WasmCode): string | null {
  const index = imports.indexOf("env.abort");
  return index < 0 ? null : [OP.call, ...unsigned(index)].join();
}

/** All blocks of a binary, in order. */
export function blocksOf({ code, origin }: MappedCode): Block[] {
  const abort = abortCall(code);
  return code.functions.flatMap((body, number): Block[] => {
    const { starts } = blockStarts(body.code);
    let last: Origin | null = null;
    return starts.map((from, place) => {
      const to = starts[place + 1] ?? body.code.length;
      const inside = body.code.slice(from, to);
      const lines = inside.map(({ at }) => origin(at));
      // What the compiler adds of its own belongs to what stands before it.
      last = lines.find((line) => line?.file.startsWith("core/")) ?? last;
      return {
        id: `${shortName(body.name)}#${place}`,
        function: number,
        from,
        to,
        stops: inside.some(({ bytes }) => bytes.join() === abort),
        origin: last,
      };
    });
  });
}

/** `memory 1, byte number = 1`. */
function note(block: number): number[] {
  const store8 = 0x3a;
  const inMemory = 0x40;
  return [
    ...[OP.i32_const, ...signed(BigInt(block))],
    ...[OP.i32_const, 1],
    ...[store8, inMemory, 1, 0],
  ];
}

/** Notes of which blocks were reached, gathered over all instances of a module. */
export class BlockNotes {
  readonly module: WebAssembly.Module;
  readonly #count: number;
  #notes: Uint8Array[] = [];

  /** A build of a module that notes blocks. */
  constructor(code: WasmCode, readonly blocks: readonly Block[]) {
    this.#count = blocks.length;
    const byFunction = Map.groupBy(blocks.entries(), ([, block]) => block.function);
    const bodies = code.functions.map((body, number) =>
      noted(body, byFunction.get(number)?.map(([place, { from }]) => [from, place]) ?? [])
    );
    const pages = Math.ceil(blocks.length / 65536);
    this.module = new WebAssembly.Module(writeWasm(code, bodies, [
      { section: SECTION.memory, entry: [0, pages] },
      { section: SECTION.export, entry: exportEntry("blocks", 2, 1) },
    ]));
    watchInstances(this.module, {
      exports: ({ blocks }) => {
        this.#notes.push(new Uint8Array((blocks as WebAssembly.Memory).buffer, 0, this.#count));
      },
    });
  }

  /** Whether each block was reached since the last time, by any instance. */
  take(): Uint8Array {
    const reached = new Uint8Array(this.#count);
    for (const notes of this.#notes) notes.forEach((note, block) => reached[block]! |= note);
    this.#notes = [];
    return reached;
  }
}

function noted(body: FunctionCode, at: readonly (readonly [number, number])[]): Uint8Array {
  const blocks = new Map(at);
  return bodyOf(
    body,
    body.code.flatMap(({ bytes }, place) => {
      const block = blocks.get(place);
      return block === undefined ? [bytes] : [note(block), bytes];
    }),
  );
}
