/**
 * Where the fields of a record of core/machine lie, read from its source: asc lays the fields of an
 * unmanaged class out in order, each at a multiple of its own size, behind those it extends.
 *
 * @module
 */

import { PROJECT_ROOT } from "../../../harness/build.ts";

/** A field: its offset, bytes. */
export interface Field {
  readonly at: number;
  readonly type: string;
}

const SIZES: Readonly<Record<string, number>> = {
  bool: 1,
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  usize: 4,
  u64: 8,
  i64: 8,
  f64: 8,
};

/**
 * The fields of a class by name.
 *
 * @param file Of core/machine, without its ending: `queue`.
 * @throws {Error} where there is no such class, or a type that is not a number.
 */
export function fieldsOf(file: string, name: string): ReadonlyMap<string, Field> {
  const text = Deno.readTextFileSync(new URL(`core/machine/${file}.ts`, PROJECT_ROOT));
  const start = new RegExp(`^(?:export )?class ${name}(?: extends (\\w+))? \\{$`, "m").exec(text);
  if (start === null) throw new Error(`${file}.ts has no class ${name}`);
  const parent = start[1];
  const fields = new Map(parent === undefined ? [] : fieldsOf(fileOf(text, parent, file), parent));
  const last = [...fields.values()].at(-1);
  let end = last === undefined ? 0 : last.at + SIZES[last.type]!;
  const body = text.slice(start.index, text.indexOf("\n}", start.index));
  for (const [, field, type] of body.matchAll(/^ {2}(\w+): (\w+)(?: = [^;]+)?;$/gm)) {
    const size = SIZES[type!];
    if (size === undefined) throw new Error(`${name}.${field} of ${file}.ts is a ${type}`);
    const at = Math.ceil(end / size) * size;
    fields.set(field!, { at, type: type! });
    end = at + size;
  }
  return fields;
}

/** The file that a class comes from, which may be the one that asks. */
function fileOf(text: string, name: string, own: string): string {
  const from = new RegExp(`\\b${name}\\b[^;]*from "\\./(\\w+)"`).exec(text);
  return from?.[1] ?? own;
}

/** A record in the memory of a machine. */
export class RecordAt {
  readonly #view: DataView;

  constructor(
    memory: WebAssembly.Memory,
    readonly address: number,
    readonly fields: ReadonlyMap<string, Field>,
  ) {
    this.#view = new DataView(memory.buffer);
  }

  #field(name: string): Field {
    const field = this.fields.get(name);
    if (field === undefined) throw new Error(`The record has no field "${name}"`);
    return field;
  }

  /** A field's number; 64 bits must be below 2^53. */
  get(name: string): number {
    const { at, type } = this.#field(name);
    const place = this.address + at;
    if (type === "f64") return this.#view.getFloat64(place, true);
    if (type === "u64" || type === "i64") return Number(this.#view.getBigInt64(place, true));
    if (type === "i32") return this.#view.getInt32(place, true);
    if (SIZES[type] === 4) return this.#view.getUint32(place, true);
    return SIZES[type] === 2 ? this.#view.getUint16(place, true) : this.#view.getUint8(place);
  }

  /** Sets fields. */
  set(values: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(values)) {
      const { at, type } = this.#field(name);
      const place = this.address + at;
      if (type === "f64") this.#view.setFloat64(place, value, true);
      else if (SIZES[type] === 8) this.#view.setBigInt64(place, BigInt(value), true);
      else if (SIZES[type] === 4) this.#view.setUint32(place, value, true);
      else if (SIZES[type] === 2) this.#view.setUint16(place, value, true);
      else this.#view.setUint8(place, value);
    }
  }
}
