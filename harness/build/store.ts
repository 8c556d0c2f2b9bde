/**
 * The files of a build: reads `core/exports.json` and `out/wasm/build.json`, writes results whole.
 *
 * Never compiles and never judges.
 *
 * @module
 */

import { BUILD_FORMAT, ENTRIES, type EntryName, WASM_FOLDER } from "./entry.ts";
import { messageOf } from "../errors.ts";
import { BuildError } from "./error.ts";
import type { Abi, AbiList, ModuleFacts } from "./inspect.ts";
import { readTextIfPresent, type SourceList } from "./source.ts";

/** What is known of one entry. */
export interface EntryReport extends SourceList {
  /** sha256 over the flags, the tools and every file that the entry is made of. */
  readonly stamp: string;
  /** Compiled twice, with the same bytes. */
  readonly reproduced: boolean;
  readonly release: ModuleFacts;
  readonly debug: ModuleFacts;
}

/** `out/wasm/build.json`. Same sources, same bytes: it holds no time and no place. */
export interface BuildFile {
  readonly format: typeof BUILD_FORMAT;
  readonly entries: Partial<Record<EntryName, EntryReport>>;
}

/** The state of a project that was never built, or by another version of this file. */
export async function readBuildFile(root: URL): Promise<BuildFile> {
  const text = await readTextIfPresent(new URL(`${WASM_FOLDER}build.json`, root));
  try {
    const file = JSON.parse(text ?? "null") as BuildFile | null;
    if (file?.format === BUILD_FORMAT) return file;
  } catch (error) {
    // A damaged file is as good as none: everything is compiled again.
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { format: BUILD_FORMAT, entries: {} };
}

/**
 * Reads the agreed imports and exports.
 *
 * @throws {BuildError} when the file is missing or not as expected.
 */
export async function readAbi(root: URL): Promise<Abi> {
  const text = await readTextIfPresent(new URL("core/exports.json", root));
  const expected = `expected {"policy": {"imports": [names], "exports": [names]}, "machine": …}`;
  if (text === null) throw new BuildError(`Cannot find core/exports.json: ${expected}`);
  let abi: Partial<Record<EntryName, Partial<AbiList>>> | null;
  try {
    abi = JSON.parse(text);
  } catch (error) {
    throw new BuildError(`Cannot parse core/exports.json: ${messageOf(error)}`, { cause: error });
  }
  for (const { name } of ENTRIES) {
    if (!isNameList(abi?.[name]?.imports) || !isNameList(abi?.[name]?.exports)) {
      throw new BuildError(`Cannot use core/exports.json for "${name}": ${expected}`);
    }
  }
  return abi as Abi;
}

function isNameList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}

/** Writes a file under another name, then renames: a reader sees the old or the new one, whole. */
export async function writeWhole(file: URL, bytes: Uint8Array): Promise<void> {
  const temporary = new URL(`${file.href}.${Deno.pid}.part`);
  await Deno.writeFile(temporary, bytes);
  await Deno.rename(temporary, file);
}

/** Size of a file, or null where there is none. */
export async function sizeIfPresent(file: URL): Promise<number | null> {
  try {
    return (await Deno.stat(file)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
