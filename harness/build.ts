/**
 * Compiles core/ to out/wasm and holds the rules of its binaries.
 *
 * An entry is compiled only when a file it read, a flag or a tool has changed; looking costs
 * milliseconds and loads no compiler. The rules of the binaries (imports, exports, size) are
 * checked at every call, so a build that exists is a build that keeps them. This file knows
 * nothing of what the modules do.
 *
 * @module
 */

import { compileEntry } from "./build/compile.ts";
import {
  BUILD_FORMAT,
  BUILD_KINDS,
  type BuildKind,
  ENTRIES,
  type Entry,
  type EntryName,
  WASM_FOLDER,
  wasmFile,
} from "./build/entry.ts";
import { BuildError } from "./build/error.ts";
import {
  type Abi,
  describeModule,
  forbiddenInstructions,
  judge,
  type ModuleFacts,
  moduleText,
  wideSignatures,
} from "./build/inspect.ts";
import { missingEntries, sha256Hex, SourceCache, stampOf } from "./build/source.ts";
import {
  type BuildFile,
  type EntryReport,
  readAbi,
  readBuildFile,
  sizeIfPresent,
  writeWhole,
} from "./build/store.ts";

export { BuildError, type BuildKind, type EntryName, type EntryReport, type ModuleFacts };

/** Root of the project: the folder above this file's. */
export const PROJECT_ROOT: URL = new URL("../", import.meta.url);

/** How to build. */
export interface BuildOptions {
  /** Folder that holds `core/` and gets `out/`; default is this project's. Ends with a slash. */
  readonly root?: URL;
  /** Entries wanted; default is all. A fault in another entry is then no concern. */
  readonly only?: readonly EntryName[];
  /** Compile even if nothing has changed. */
  readonly force?: boolean;
  /** Compile each release twice and compare the bytes, unless that was done for these sources. */
  readonly check?: boolean;
  /** Gets one line of progress at a time; default says nothing. */
  readonly log?: (line: string) => void;
}

/** Result of `ensureBuilt`. */
export interface BuildReport extends BuildFile {
  /** Entries that were compiled by this call. */
  readonly compiled: readonly EntryName[];
  /** Entries whose source does not exist. */
  readonly skipped: readonly EntryName[];
}

/** A compiled module, what it was compiled from, and its identity. */
export interface LoadedWasm {
  readonly module: WebAssembly.Module;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sha256: string;
}

/**
 * Makes sure that `out/wasm` holds what the sources say. Two processes may call it at once: one
 * compiles, the other waits.
 *
 * @throws {BuildError} when a source is refused by asc or a binary breaks a rule.
 */
export async function ensureBuilt(options: BuildOptions = {}): Promise<BuildReport> {
  const root = options.root ?? PROJECT_ROOT;
  const abi = await readAbi(root);
  const skipped = await missingEntries(root, ENTRIES);
  for (const name of skipped) options.log?.(`core/${name}.ts does not exist: skipped`);
  const wanted = ENTRIES.filter(({ name }) =>
    !skipped.includes(name) && (options.only?.includes(name) ?? true)
  );
  if (options.force !== true) {
    const state = await readBuildFile(root);
    const current = await Promise.all(wanted.map((entry) => isCurrent(root, entry, state)));
    const complete = options.check !== true ||
      wanted.every((entry) => state.entries[entry.name]?.reproduced);
    if (complete && current.every(Boolean)) {
      refuse(wanted.flatMap((entry) => judge(entry, state.entries[entry.name]!.release, abi)));
      return { ...state, entries: inOrder(state.entries, skipped), compiled: [], skipped };
    }
  }
  const result = await buildLocked(root, wanted, abi, options);
  return { ...result, entries: inOrder(result.entries, skipped), skipped };
}

/**
 * Loads a module, after building it if the sources have changed. The bytes are those that
 * `build.json` names: the sha256 is compared.
 *
 * @throws {BuildError} when the build fails or the entry does not exist.
 */
export async function loadWasm(
  name: EntryName,
  kind: BuildKind,
  options: BuildOptions = {},
): Promise<LoadedWasm> {
  const root = options.root ?? PROJECT_ROOT;
  const file = wasmFile(name, kind);
  // The second round repairs a file that something else has changed.
  for (const force of [options.force === true, true]) {
    const { entries } = await ensureBuilt({ ...options, force, only: [name] });
    const facts = entries[name]?.[kind];
    if (facts === undefined) {
      throw new BuildError(`Cannot load ${file}: core/${name}.ts does not exist`);
    }
    const bytes = await Deno.readFile(new URL(WASM_FOLDER + file, root));
    if (await sha256Hex(bytes) === facts.sha256) {
      return { module: await WebAssembly.compile(bytes), bytes, sha256: facts.sha256 };
    }
  }
  throw new BuildError(`Cannot load ${file}: something else keeps changing it`);
}

/** True if the entry's files, flags and tools are those of a stored build that is all there. */
async function isCurrent(root: URL, entry: Entry, state: BuildFile): Promise<boolean> {
  const stored = state.entries[entry.name];
  if (stored === undefined) return false;
  for (const kind of BUILD_KINDS) {
    const size = await sizeIfPresent(new URL(WASM_FOLDER + wasmFile(entry.name, kind), root));
    if (size !== stored[kind].size) return false;
  }
  return await stampOf(entry, stored, new SourceCache(root)) === stored.stamp;
}

/** Compiles what is stale, under a lock: whoever waited for it finds the work done. */
async function buildLocked(
  root: URL,
  wanted: readonly Entry[],
  abi: Abi,
  options: BuildOptions,
): Promise<Omit<BuildReport, "skipped">> {
  await Deno.mkdir(new URL(WASM_FOLDER, root), { recursive: true });
  using lock = await Deno.open(new URL(`${WASM_FOLDER}.lock`, root), { create: true, write: true });
  await lock.lock(true);
  const state = await readBuildFile(root);
  const entries = { ...state.entries };
  const compiled: EntryName[] = [];
  const failures: string[] = [];
  for (const entry of wanted) {
    const current = options.force !== true && await isCurrent(root, entry, state);
    const stored = current ? state.entries[entry.name] : undefined;
    try {
      if (stored !== undefined) refuse(judge(entry, stored.release, abi));
      else compiled.push(entry.name);
      const report = stored ?? await buildEntry(root, entry, abi, options);
      entries[entry.name] = options.check === true && !report.reproduced
        ? await reproduce(root, entry, report, options)
        : report;
    } catch (error) {
      if (!(error instanceof BuildError)) throw error;
      delete entries[entry.name];
      failures.push(error.message);
    }
  }
  // What is good is stored even if another entry failed: it need not be compiled again.
  const file: BuildFile = { format: BUILD_FORMAT, entries: inOrder(entries, []) };
  const text = JSON.stringify(file, null, 2) + "\n";
  await writeWhole(new URL(`${WASM_FOLDER}build.json`, root), new TextEncoder().encode(text));
  refuse(failures);
  return { ...file, compiled };
}

/** Compiles both kinds of an entry, checks them and, if all is well, writes them. */
async function buildEntry(
  root: URL,
  entry: Entry,
  abi: Abi,
  options: BuildOptions,
): Promise<EntryReport> {
  const reader = new SourceCache(root);
  const files: [name: string, bytes: Uint8Array][] = [];
  const makeOne = async (kind: BuildKind): Promise<ModuleFacts> => {
    const name = wasmFile(entry.name, kind);
    options.log?.(`Compiling core/${entry.name}.ts (${kind})`);
    const { bytes, warnings } = await compileEntry(reader, entry, kind);
    const text = await moduleText(name, bytes);
    const facts = await describeModule(bytes, text);
    files.push([name, bytes]);
    if (kind === "release") {
      if (warnings !== "") options.log?.(warnings);
      refuse([
        ...judge(entry, facts, abi),
        ...forbiddenInstructions(entry, text),
        ...wideSignatures(entry, text),
      ]);
      files.push([`${entry.name}.wat`, new TextEncoder().encode(text)]);
    }
    return facts;
  };
  const release = await makeOne("release");
  const debug = await makeOne("debug");
  for (const [name, bytes] of files) await writeWhole(new URL(WASM_FOLDER + name, root), bytes);
  const list = await reader.list();
  const stamp = await stampOf(entry, list, reader);
  return { stamp, ...list, reproduced: false, release, debug };
}

/** Compiles the release once more and refuses it if a byte differs. */
async function reproduce(
  root: URL,
  entry: Entry,
  report: EntryReport,
  options: BuildOptions,
): Promise<EntryReport> {
  options.log?.(`Compiling core/${entry.name}.ts (release) again to compare`);
  const { bytes } = await compileEntry(new SourceCache(root), entry, "release");
  const again = await sha256Hex(bytes);
  if (again !== report.release.sha256) {
    throw new BuildError(
      `Two builds of core/${entry.name}.ts differ (sha256 "${report.release.sha256}" and ` +
        `"${again}"): the source changed meanwhile, or the compiler is not deterministic`,
    );
  }
  return { ...report, reproduced: true };
}

/** The entries in the order of the table, so that the same build gives the same file. */
function inOrder(
  entries: BuildFile["entries"],
  leftOut: readonly EntryName[],
): BuildFile["entries"] {
  const names = ENTRIES.map((entry) => entry.name).filter((name) => !leftOut.includes(name));
  return Object.fromEntries(names.flatMap((name) => entries[name] ? [[name, entries[name]]] : []));
}

/** Throws the sentences, one a line, if there are any. */
function refuse(faults: readonly string[]): void {
  if (faults.length > 0) throw new BuildError(faults.join("\n"));
}
