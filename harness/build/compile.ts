/**
 * Compiles one entry of core/ with asc, in process and in memory.
 *
 * asc and its binaryen load at the first compile: a run with an up-to-date build never pays for
 * them. Writes no file.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";
import { type BuildKind, compilerFlags, type Entry } from "./entry.ts";
import { BuildError } from "./error.ts";
import type { SourceReader } from "./source.ts";

/** Result of one compile. */
export interface Compiled {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Warnings of asc, as it prints them; empty if none. */
  readonly warnings: string;
  /** Source map, empty if none was asked for. */
  readonly map: string;
}

/**
 * Compiles `core/NAME.ts`. asc sees nothing but what `reader` gives: no configuration file, no
 * package.
 *
 * @param more Further flags of asc.
 * @throws {BuildError} with asc's own messages (file and line) when the source is refused.
 */
export async function compileEntry(
  reader: SourceReader,
  entry: Entry,
  kind: BuildKind,
  more: readonly string[] = [],
): Promise<Compiled> {
  const asc = await import("assemblyscript/asc");
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  let map = "";
  const path = `core/${entry.name}.ts`;
  const { error, stderr } = await asc.main(
    [path, "--outFile", "out.wasm", ...compilerFlags(entry, kind), ...more],
    {
      readFile: (name) => name.startsWith("core/") ? reader.read(name) : Promise.resolve(null),
      writeFile: (_name, contents) => {
        if (typeof contents === "string") map = contents;
        else bytes = new Uint8Array(contents);
      },
      listFiles: () => [],
    },
  );
  // asc colours its messages for a terminal, and wherever the variable CI is set.
  const messages = stripVTControlCharacters(stderr.toString()).trim();
  if (error !== null || bytes === undefined) {
    const cause = messages === "" ? String(error?.message) : messages;
    throw new BuildError(`Cannot compile ${path} (${kind}):\n${cause}`);
  }
  return { bytes, warnings: messages, map };
}
