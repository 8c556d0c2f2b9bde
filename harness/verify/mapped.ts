/**
 * The shipped binary with the names of its functions and the source line of every instruction.
 *
 * asc compiles the release once more with names and a source map. Its code section must be that of
 * the shipped file, byte for byte: what is said of a line is then said of the shipped code.
 *
 * @module
 */

import { PROJECT_ROOT } from "../build.ts";
import { compileEntry } from "../build/compile.ts";
import { ENTRIES, type EntryName } from "../build/entry.ts";
import { SourceCache } from "../build/source.ts";
import { FunctionLines, type SourceLine, SourceMap } from "./source_map.ts";
import { readWasm, SECTION, type WasmCode } from "./wasm_code.ts";

/** Where an instruction comes from. */
export interface Origin extends SourceLine {
  /** Function of the source; another than that of the binary where it was inlined. */
  readonly function: string;
}

/** A binary that can be asked where its instructions come from. */
export interface MappedCode {
  readonly code: WasmCode;
  /** Origin of the instruction at a byte offset, null where the compiler made it up. */
  origin(at: number): Origin | null;
}

function codeSection({ sections }: WasmCode): Uint8Array {
  return sections.find(({ id }) => id === SECTION.code)!.bytes;
}

const made = new Map<EntryName, Promise<MappedCode>>();

/** The same, made once: it costs a compile. */
export function mappedOnce(name: EntryName, shipped: Uint8Array): Promise<MappedCode> {
  let mapped = made.get(name);
  if (mapped === undefined) made.set(name, mapped = mapCode(name, shipped));
  return mapped;
}

/**
 * Names and lines for a shipped binary.
 *
 * @throws {Error} where the sources do not give that binary.
 */
export async function mapCode(name: EntryName, shipped: Uint8Array): Promise<MappedCode> {
  const reader = new SourceCache(PROJECT_ROOT);
  const entry = ENTRIES.find((entry) => entry.name === name)!;
  const more = ["--debug", "--sourceMap"];
  const { bytes, map } = await compileEntry(reader, entry, "release", more);
  const code = readWasm(bytes);
  const [own, theirs] = [codeSection(code), codeSection(readWasm(shipped))];
  if (own.length !== theirs.length || own.some((byte, place) => byte !== theirs[place])) {
    throw new Error(`The code of ${name}.wasm is not what its sources give: build it again`);
  }
  const lines = new SourceMap(map);
  const functions = new Map<string, FunctionLines>();
  for (const file of lines.files) {
    const text = file.startsWith("core/") ? await reader.read(file) : null;
    functions.set(file, new FunctionLines(text ?? ""));
  }
  return {
    code,
    origin(at) {
      const line = lines.at(at);
      return line === null ? null : {
        ...line,
        function: functions.get(line.file)!.at(line.line),
      };
    },
  };
}
