/**
 * The sources of an entry: which files it is made of, and a stamp that changes when they do.
 *
 * The files are those that asc really read, so nobody keeps a list. Never compiles.
 *
 * @module
 */

import {
  BUILD_FORMAT,
  BUILD_KINDS,
  compilerFlags,
  type Entry,
  type EntryName,
  TOOLS,
} from "./entry.ts";

/** Reads each file once, so that all compiles of one build see the same text. */
export interface SourceReader {
  /** Text of a file named relative to the root, or null where there is none. */
  read(name: string): Promise<string | null>;
}

/** Files that a result depends on, relative to the root, sorted. */
export interface SourceList {
  readonly sources: readonly string[];
  /** Looked for and not found: one that appears later may change the result. */
  readonly absent: readonly string[];
}

/** A reader below `root` that remembers what it was asked. */
export class SourceCache implements SourceReader {
  readonly #root: URL;
  readonly #texts = new Map<string, Promise<string | null>>();

  /** `root` ends with a slash. */
  constructor(root: URL) {
    this.#root = root;
  }

  /** Text of a file, the same at every call; null where there is none. */
  read(name: string): Promise<string | null> {
    let text = this.#texts.get(name);
    if (text === undefined) {
      text = readTextIfPresent(new URL(name, this.#root));
      this.#texts.set(name, text);
    }
    return text;
  }

  /** What has been asked so far. */
  async list(): Promise<SourceList> {
    const sources: string[] = [];
    const absent: string[] = [];
    for (const [name, text] of this.#texts) (await text === null ? absent : sources).push(name);
    return { sources: sources.sort(), absent: absent.sort() };
  }
}

/** Text of a file, or null where there is none. */
export async function readTextIfPresent(file: URL): Promise<string | null> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Entries of the table whose file does not exist below `root`. */
export async function missingEntries(
  root: URL,
  entries: readonly Entry[],
): Promise<readonly EntryName[]> {
  const texts = await Promise.all(
    entries.map((entry) => readTextIfPresent(new URL(`core/${entry.name}.ts`, root))),
  );
  return entries.filter((_, index) => texts[index] === null).map((entry) => entry.name);
}

/** sha256 over the format, the tools, the flags and every file of the list, present or not. */
export async function stampOf(
  entry: Entry,
  list: SourceList,
  reader: SourceReader,
): Promise<string> {
  const names = [...list.sources, ...list.absent];
  const texts = await Promise.all(names.map((name) => reader.read(name)));
  const flags = BUILD_KINDS.map((kind) => compilerFlags(entry, kind));
  const files = names.map((name, index) => [name, texts[index]]);
  const all = JSON.stringify([BUILD_FORMAT, TOOLS, flags, files]);
  return await sha256Hex(new TextEncoder().encode(all));
}

/** Lower-case hexadecimal sha256. */
export async function sha256Hex(data: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data)).toHex();
}
