/**
 * Mutants of a binary: each is the binary with one instruction changed as a slip of the pen would.
 *
 * Changed are operators, comparisons (to the neighbour and to the opposite), constants, stores and
 * calls (left out), and the branches of conditions (swapped). What only says which assert broke is
 * left alone. Loops and exported calls use up fuel, so that a mutant that runs in circles traps.
 *
 * @module
 */

import { watchInstances } from "../build/instance.ts";
import { type Block, blocksOf, blockStarts, shortName } from "./blocks.ts";
import type { MappedCode, Origin } from "./mapped.ts";
import {
  bodyOf,
  exportEntry,
  type FunctionCode,
  type Instruction,
  OP,
  Reader,
  SECTION,
  signed,
  unsigned,
  type WasmCode,
  writeWasm,
} from "./wasm_code.ts";

/** One mutant. */
export interface Mutant {
  /** Function of the binary, kind, number among those of the kind: `pick/choose:add_sub:2`. */
  readonly id: string;
  /** `core/policy/pick.ts:142`. */
  readonly place: string;
  /** Source file, as it is shown: `pick`. */
  readonly file: string;
  /** Function of the source. */
  readonly source: string;
  /** File of the binary's function, which is another where the source was inlined. */
  readonly within: string;
  readonly kind: string;
  /** Index of the function of the binary. */
  readonly function: number;
  /** Index of the instruction. */
  readonly at: number;
  /** Index of the block that it stands in. */
  readonly block: number;
  /** What stands in place of the instruction. */
  readonly bytes: readonly number[];
}

const OPERATORS = "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u".split(" ");
const INSTEAD: Readonly<Record<string, string>> = {
  add: "sub",
  sub: "add",
  mul: "add",
  div_s: "mul",
  div_u: "mul",
  rem_s: "div_s",
  rem_u: "div_u",
  and: "or",
  or: "and",
  xor: "and",
  shl: "shr_u",
  shr_s: "shl",
  shr_u: "shl",
};
const COMPARISONS = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u".split(" ");

/** The neighbour (strict or not) and the opposite of a comparison. */
function comparedOtherwise(name: string): string[] {
  if (name === "eq") return ["ne"];
  if (name === "ne") return ["eq"];
  const [relation = "", sign] = name.split("_");
  const opposite: Readonly<Record<string, string>> = { lt: "ge", ge: "lt", gt: "le", le: "gt" };
  const near = relation[0] + (relation[1] === "t" ? "e" : "t");
  return [near, opposite[relation]!].map((other) =>
    sign === undefined ? other : `${other}_${sign}`
  );
}

type Swap = readonly [kind: string, op: number];

/** Changes of an opcode by opcode: kind and the opcode instead. */
function allSwaps(): Map<number, Swap[]> {
  const swaps = new Map<number, Swap[]>();
  const put = (
    type: string,
    first: number,
    names: readonly string[],
    instead: (name: string) => readonly string[],
  ) =>
    names.forEach((name, place) => {
      const others = instead(name).map((other): Swap => {
        return [`${type}${name}_${other}`, first + names.indexOf(other)];
      });
      swaps.set(first + place, others);
    });
  put("", 0x6a, OPERATORS, (name) => [INSTEAD[name]!]);
  put("i64.", 0x7c, OPERATORS, (name) => [INSTEAD[name]!]);
  const inverse: Readonly<Record<string, string>> = {
    add: "sub",
    sub: "add",
    mul: "div",
    div: "mul",
  };
  put("f64.", 0xa0, ["add", "sub", "mul", "div"], (name) => [inverse[name]!]);
  put("", 0x46, COMPARISONS, comparedOtherwise);
  put("i64.", 0x51, COMPARISONS, comparedOtherwise);
  put("f64.", 0x61, ["eq", "ne", "lt", "gt", "le", "ge"], comparedOtherwise);
  return swaps;
}

const SWAPS = allSwaps();

const I64_EQZ = 0x50;
const isTest = (op: number): boolean =>
  (op >= OP.i32_eqz && op <= 0x5a) || (op >= 0x5b && op <= 0x66);
const isStore = (op: number): boolean => op >= 0x36 && op <= 0x3e;

/** A zero of a value type. */
function zero(type: number): number[] {
  if (type === 0x7f) return [OP.i32_const, 0];
  if (type === 0x7e) return [OP.i64_const, 0];
  return type === 0x7d ? [OP.f32_const, 0, 0, 0, 0] : [OP.f64_const, 0, 0, 0, 0, 0, 0, 0, 0];
}

/** What can stand in place of an instruction. */
function changesOf(
  code: WasmCode,
  { op, bytes }: Instruction,
  before: number,
): [kind: string, bytes: readonly number[]][] {
  const swaps = SWAPS.get(op);
  if (swaps !== undefined) return swaps.map(([kind, other]) => [kind, [other]]);
  if (op === OP.i32_eqz) return [["eqz_nez", [OP.i32_eqz, OP.i32_eqz]]];
  if (op === I64_EQZ) return [["i64.eqz_nez", [I64_EQZ, OP.i32_eqz]]];
  if (op === OP.i32_const || op === OP.i64_const) {
    const value = new Reader(bytes, 1).signed();
    const width = op === OP.i32_const ? 32 : 64;
    return [["const_plus_1", [op, ...signed(BigInt.asIntN(width, value + 1n))]]];
  }
  if (isStore(op)) return [["drop_store", [OP.drop, OP.drop]]];
  if (op === OP.global_set) return [["drop_global", [OP.drop]]];
  if (op === OP.memory_fill) return [["drop_fill", [OP.drop, OP.drop, OP.drop]]];
  if (op === OP.memory_copy) return [["drop_copy", [OP.drop, OP.drop, OP.drop]]];
  if (op === OP.call) {
    const { params, results } = code.signatures[new Reader(bytes, 1).unsigned()]!;
    return [["drop_call", [...params.map(() => OP.drop), ...results.flatMap(zero)]]];
  }
  // Behind a comparison this would be its opposite once more.
  if ((op === OP.if || op === OP.br_if || op === OP.select) && !isTest(before)) {
    return [["swap_branches", [OP.i32_eqz, ...bytes]]];
  }
  return [];
}

/** What tells source lines apart in ids and tables: the file without folder and ending. */
function shownFile(file: string): string {
  return file.replace(/^core\/(policy\/|machine\/)?/, "").replace(/\.ts$/, "");
}

/** All mutants of a binary, in order. */
export function mutantsOf(mapped: MappedCode): Mutant[] {
  const { code, origin } = mapped;
  const blocks = blocksOf(mapped);
  const mutants: Mutant[] = [];
  const counts = new Map<string, number>();
  let block = -1;
  code.functions.forEach((body, number) => {
    const { live } = blockStarts(body.code);
    let last: Origin | null = null;
    body.code.forEach((instruction, at) => {
      while (isBehind(blocks[block + 1], number, at)) block++;
      const here = origin(instruction.at);
      if (here?.file.startsWith("core/")) last = here;
      if (!live[at] || blocks[block]!.stops) return;
      const from = last ?? firstOrigin(body, origin);
      const before = at === 0 ? -1 : body.code[at - 1]!.op;
      for (const [kind, bytes] of changesOf(code, instruction, before)) {
        const file = shownFile(from.file);
        const key = `${shortName(body.name)}:${kind}`;
        const count = (counts.get(key) ?? 0) + 1;
        counts.set(key, count);
        const place = `${from.file}:${from.line}`;
        const id = `${key}:${count}`;
        const source = from.function;
        const within = shownFile(body.name.replace(/\/[^/]*$/, ""));
        mutants.push({ id, place, file, source, within, kind, function: number, at, block, bytes });
      }
    });
  });
  return mutants;
}

function isBehind(block: Block | undefined, number: number, at: number): boolean {
  if (block === undefined) return false;
  return block.function < number || (block.function === number && block.from <= at);
}

function firstOrigin(body: FunctionCode, origin: MappedCode["origin"]): Origin {
  for (const { at } of body.code) {
    const found = origin(at);
    if (found?.file.startsWith("core/")) return found;
  }
  return { file: body.name, line: 0, function: body.name.split("/").at(-1)! };
}

/** Makes mutants of one binary. */
export class Nursery {
  /** Loop turns and exported calls that an instance made from now on has. */
  fuel = 0x7fffffff;
  readonly #code: WasmCode;
  readonly #fuel: number;
  readonly #bodies: Uint8Array[];
  readonly #additions: readonly { section: number; entry: readonly number[] }[];
  readonly #tanks: WebAssembly.Global[] = [];

  constructor(code: WasmCode) {
    this.#code = code;
    this.#fuel = code.globals.length;
    this.#bodies = code.functions.map((body) => this.#body(body, null));
    this.#additions = [
      { section: SECTION.global, entry: [0x7f, 1, OP.i32_const, 0, OP.end] },
      { section: SECTION.export, entry: exportEntry("fuel", 3, this.#fuel) },
    ];
  }

  #body(body: FunctionCode, mutant: Mutant | null): Uint8Array {
    const burn = [
      ...[OP.global_get, ...unsigned(this.#fuel), OP.i32_eqz, OP.if, 0x40, OP.unreachable, OP.end],
      ...[OP.global_get, ...unsigned(this.#fuel), OP.i32_const, 1, 0x6b],
      ...[OP.global_set, ...unsigned(this.#fuel)],
    ];
    const pieces: (Uint8Array | readonly number[])[] = body.exported ? [burn] : [];
    body.code.forEach(({ op, bytes }, at) => {
      pieces.push(mutant?.at === at ? mutant.bytes : bytes);
      if (op === OP.loop) pieces.push(burn);
    });
    return bodyOf(body, pieces);
  }

  /** The binary with a mutant in it, or none; every instance gets {@link fuel}. */
  make(mutant: Mutant | null): WebAssembly.Module {
    const bodies = [...this.#bodies];
    if (mutant !== null) {
      bodies[mutant.function] = this.#body(this.#code.functions[mutant.function]!, mutant);
    }
    const module = new WebAssembly.Module(writeWasm(this.#code, bodies, this.#additions));
    watchInstances(module, {
      exports: ({ fuel: tank }) => {
        (tank as WebAssembly.Global).value = this.fuel;
        this.#tanks.push(tank as WebAssembly.Global);
      },
    });
    return module;
  }

  /** The most fuel that an instance used, of those made since the last time. */
  mostUsed(): number {
    const used = this.#tanks.map(({ value }) => this.fuel - (value as number));
    this.#tanks.length = 0;
    return Math.max(0, ...used);
  }
}
