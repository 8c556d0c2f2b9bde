/**
 * A WebAssembly binary as functions of instructions, and back: what measures coverage and makes
 * mutants edits. Knows the instructions that asc emits (MVP, sign extension, bulk memory) and
 * refuses others.
 *
 * @module
 */

/** One instruction with its immediates. */
export interface Instruction {
  /** Opcode; 0xfc00 + the second byte for those behind the prefix 0xfc. */
  readonly op: number;
  /** Byte offset in the binary. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Types of a function, as bytes of the binary (0x7f i32, 0x7e i64, 0x7d f32, 0x7c f64). */
export interface Signature {
  readonly params: readonly number[];
  readonly results: readonly number[];
}

/** A function with a body. */
export interface FunctionCode {
  /** From the name section, `function N` where it has none. */
  readonly name: string;
  readonly signature: Signature;
  /** Declarations of locals, as bytes. */
  readonly locals: Uint8Array;
  readonly code: readonly Instruction[];
  readonly exported: boolean;
}

interface Section {
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** A module taken apart. */
export interface WasmCode {
  readonly sections: readonly Section[];
  readonly functions: readonly FunctionCode[];
  /** Imported functions by index, then those with a body. */
  readonly signatures: readonly Signature[];
  /** `module.name` of the imported functions. */
  readonly imports: readonly string[];
  /** Value type of each global that the module defines, by index. */
  readonly globals: readonly number[];
}

/** Sections by number. */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  memory: 5,
  global: 6,
  export: 7,
  code: 10,
} as const;

/** Opcodes that have a part of their own here. */
export const OP = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  br_if: 0x0d,
  br_table: 0x0e,
  return: 0x0f,
  call: 0x10,
  call_indirect: 0x11,
  drop: 0x1a,
  select: 0x1b,
  global_get: 0x23,
  global_set: 0x24,
  i32_const: 0x41,
  i64_const: 0x42,
  f32_const: 0x43,
  f64_const: 0x44,
  i32_eqz: 0x45,
  memory_copy: 0xfc0a,
  memory_fill: 0xfc0b,
} as const;

/** An unsigned number in LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return [...bytes, rest];
}

/** A signed number in LEB128. */
export function signed(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)) {
      return [...bytes, low];
    }
    bytes.push(low | 0x80);
  }
}

/** Reads numbers and names at a place that moves on. */
export class Reader {
  constructor(readonly bytes: Uint8Array, public at = 0) {}

  byte(): number {
    return this.bytes[this.at++]!;
  }

  unsigned(): number {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      shift += 7;
      if ((byte & 0x80) === 0) return value >>> 0;
    }
  }

  signed(): bigint {
    let [value, shift] = [0n, 0n];
    for (;;) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if ((byte & 0x80) === 0) return (byte & 0x40) === 0 ? value : value - (1n << shift);
    }
  }

  take(length: number): Uint8Array {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  name(): string {
    return new TextDecoder().decode(this.take(this.unsigned()));
  }

  list<T>(one: () => T): T[] {
    return Array.from({ length: this.unsigned() }, one);
  }
}

function readInstruction(reader: Reader): Instruction {
  const at = reader.at;
  const first = reader.byte();
  const op = first === 0xfc ? 0xfc00 + reader.unsigned() : first;
  if (op >= 0x02 && op <= 0x04) reader.signed();
  else if (op === OP.br || op === OP.br_if || op === OP.call) reader.unsigned();
  else if (op >= 0x20 && op <= 0x24) reader.unsigned();
  else if (op === OP.br_table) {
    reader.list(() => reader.unsigned());
    reader.unsigned();
  } else if (op === OP.call_indirect || (op >= 0x28 && op <= 0x3e) || op === OP.memory_copy) {
    reader.unsigned();
    reader.unsigned();
  } else if (op === 0x3f || op === 0x40 || op === OP.memory_fill) reader.byte();
  else if (op === OP.i32_const || op === OP.i64_const) reader.signed();
  else if (op === OP.f32_const) reader.take(4);
  else if (op === OP.f64_const) reader.take(8);
  else if (!isPlain(op)) throw new Error(`Instruction 0x${op.toString(16)} at ${at} is not known`);
  return { op, at, bytes: reader.bytes.subarray(at, reader.at) };
}

/** Instructions without immediates. */
function isPlain(op: number): boolean {
  if (op >= 0x45 && op <= 0xc4) return true;
  if (op >= 0xfc00 && op <= 0xfc07) return true;
  return [0x00, 0x01, OP.else, OP.end, OP.return, OP.drop, OP.select].includes(op as 0);
}

function readImports(section: Uint8Array, types: readonly Signature[]) {
  const reader = new Reader(section);
  const functions: { readonly name: string; readonly signature: Signature }[] = [];
  reader.list(() => {
    const name = `${reader.name()}.${reader.name()}`;
    if (reader.byte() !== 0) throw new Error(`Import "${name}" is no function`);
    functions.push({ name, signature: types[reader.unsigned()]! });
  });
  return functions;
}

function readGlobals(section: Uint8Array): number[] {
  const reader = new Reader(section);
  return reader.list(() => {
    const type = reader.byte();
    reader.byte();
    while (readInstruction(reader).op !== OP.end);
    return type;
  });
}

function readExported(section: Uint8Array): Set<number> {
  const reader = new Reader(section);
  const indices = new Set<number>();
  reader.list(() => {
    reader.name();
    const kind = reader.byte();
    const index = reader.unsigned();
    if (kind === 0) indices.add(index);
  });
  return indices;
}

/** Names of functions by index, from the custom section "name". */
function readNames(sections: readonly Section[]): Map<number, string> {
  const names = new Map<number, string>();
  for (const { id, bytes } of sections) {
    if (id !== SECTION.custom) continue;
    const reader = new Reader(bytes);
    if (reader.name() !== "name") continue;
    while (reader.at < bytes.length) {
      const kind = reader.byte();
      const end = reader.unsigned() + reader.at;
      if (kind === 1) reader.list(() => names.set(reader.unsigned(), reader.name()));
      reader.at = end;
    }
  }
  return names;
}

/**
 * Takes a module apart.
 *
 * @throws {Error} where it has an instruction or an import that asc does not make.
 */
export function readWasm(bytes: Uint8Array): WasmCode {
  const reader = new Reader(bytes, 8);
  const sections: Section[] = [];
  let codeAt = 0;
  while (reader.at < bytes.length) {
    const id = reader.byte();
    const length = reader.unsigned();
    if (id === SECTION.code) codeAt = reader.at;
    sections.push({ id, bytes: reader.take(length) });
  }
  const of = (id: number): Uint8Array =>
    sections.find((section) => section.id === id)?.bytes ?? new Uint8Array([0]);
  const typeReader = new Reader(of(SECTION.type));
  const types = typeReader.list((): Signature => {
    typeReader.byte();
    const params = typeReader.list(() => typeReader.byte());
    return { params, results: typeReader.list(() => typeReader.byte()) };
  });
  const imports = readImports(of(SECTION.import), types);
  const functionReader = new Reader(of(SECTION.function));
  const signatures = functionReader.list(() => types[functionReader.unsigned()]!);
  const names = readNames(sections);
  const exported = readExported(of(SECTION.export));
  const code = new Reader(bytes, codeAt);
  let index = 0;
  const functions = code.list((): FunctionCode => {
    const end = code.unsigned() + code.at;
    const localsAt = code.at;
    code.list(() => [code.unsigned(), code.byte()]);
    const locals = bytes.subarray(localsAt, code.at);
    const instructions: Instruction[] = [];
    while (code.at < end) instructions.push(readInstruction(code));
    const signature = signatures[index]!;
    const number = imports.length + index++;
    const name = names.get(number) ?? `function ${number}`;
    return { name, signature, locals, code: instructions, exported: exported.has(number) };
  });
  return {
    sections,
    functions,
    signatures: [...imports.map(({ signature }) => signature), ...signatures],
    imports: imports.map(({ name }) => name),
    globals: readGlobals(of(SECTION.global)),
  };
}

/** Puts pieces one behind the other. */
export function concat(pieces: readonly (Uint8Array | readonly number[])[]): Uint8Array<
  ArrayBuffer
> {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Body of a function with its length before it, as it stands in the code section. */
export function bodyOf(
  { locals }: FunctionCode,
  pieces: readonly (Uint8Array | readonly number[])[],
): Uint8Array {
  const length = pieces.reduce((sum, piece) => sum + piece.length, locals.length);
  return concat([unsigned(length), locals, ...pieces]);
}

/** Entries more in a section that is a list. */
function withEntries(
  section: Uint8Array,
  entries: readonly (readonly number[])[],
): Uint8Array<ArrayBuffer> {
  const reader = new Reader(section);
  const count = unsigned(reader.unsigned() + entries.length);
  return concat([count, section.subarray(reader.at), ...entries]);
}

/** What a module gets in addition: one entry to a section's list. */
export interface Addition {
  readonly section: number;
  readonly entry: readonly number[];
}

/** The module's binary with other bodies and more entries; names and maps are left out. */
export function writeWasm(
  module: WasmCode,
  bodies: readonly Uint8Array[],
  additions: readonly Addition[] = [],
): Uint8Array<ArrayBuffer> {
  const pieces: (Uint8Array | readonly number[])[] = [[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]];
  for (const { id, bytes } of module.sections) {
    if (id === SECTION.custom) continue;
    let content = id === SECTION.code ? concat([unsigned(bodies.length), ...bodies]) : bytes;
    for (const { section, entry } of additions) {
      if (section === id) content = withEntries(content, [entry]);
    }
    pieces.push([id], unsigned(content.length), content);
  }
  return concat(pieces);
}

/** The module with every function of its own exported by its name, where it was not before. */
export function opened(module: WasmCode): WasmCode {
  const own = module.imports.length;
  const entries = module.functions.flatMap(({ name, exported }, place) =>
    exported ? [] : [exportEntry(name, 0, own + place)]
  );
  const sections = module.sections.map(({ id, bytes }): Section =>
    id === SECTION.export ? { id, bytes: withEntries(bytes, entries) } : { id, bytes }
  );
  return { ...module, sections };
}

/** An export's entry: 0 a function, 2 a memory, 3 a global. */
export function exportEntry(name: string, kind: 0 | 2 | 3, index: number): number[] {
  const text = new TextEncoder().encode(name);
  return [...unsigned(text.length), ...text, kind, ...unsigned(index)];
}
