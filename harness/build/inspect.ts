/**
 * Looks into a compiled module: what it imports and exports, and what it must not contain.
 *
 * `describeModule` and `forbiddenInstructions` gather facts, `judge` turns them into sentences.
 * Judging is pure and needs neither the binary nor wabt, so that it runs at every start.
 *
 * @module
 */

import type { Entry, EntryName } from "./entry.ts";
import { messageOf } from "../errors.ts";
import { BuildError } from "./error.ts";
import { sha256Hex } from "./source.ts";

/** What is known of one module; part of `build.json`. */
export interface ModuleFacts {
  readonly size: number;
  readonly sha256: string;
  /** `module.name` of each import, sorted. */
  readonly imports: readonly string[];
  /** Name of each export, sorted. */
  readonly exports: readonly string[];
  /** Functions defined in the module, imports not counted. */
  readonly functions: number;
}

/** The agreed face of one module, from `core/exports.json`; `env.abort` is always allowed. */
export interface AbiList {
  /** Functions it may import, without the module's name. */
  readonly imports: readonly string[];
  /** Everything it must export, and all it may. */
  readonly exports: readonly string[];
}

/** The lists of `core/exports.json`. */
export type Abi = Readonly<Record<EntryName, AbiList>>;

/** Reads, validates and names a module with wabt; the text form holds one instruction a line. */
export async function moduleText(path: string, bytes: Uint8Array): Promise<string> {
  const wabt = await (await import("wabt")).default();
  try {
    const module = wabt.readWasm(bytes, { readDebugNames: true });
    try {
      // The order matters: once names are applied, validation fails on every reference.
      module.validate();
      module.generateNames();
      module.applyNames();
      return module.toText({ foldExprs: false, inlineExport: false });
    } finally {
      module.destroy();
    }
  } catch (error) {
    throw new BuildError(`Cannot validate ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Facts of a module; `text` is its text form. */
export async function describeModule(
  bytes: Uint8Array<ArrayBuffer>,
  text: string,
): Promise<ModuleFacts> {
  const module = await WebAssembly.compile(bytes);
  return {
    size: bytes.length,
    sha256: await sha256Hex(bytes),
    imports: WebAssembly.Module.imports(module).map((i) => `${i.module}.${i.name}`).sort(),
    exports: WebAssembly.Module.exports(module).map((e) => e.name).sort(),
    functions: text.match(/^ {2}\(func /gm)?.length ?? 0,
  };
}

/**
 * Sentences about instructions and types that the entry may not use: growth of the memory
 * anywhere, floating point where the entry forbids it. The first of a kind in each function.
 */
export function forbiddenInstructions(entry: Entry, text: string): string[] {
  const faults = new Map<string, string>();
  const report = (place: string, kind: string, sentence: string) => {
    const key = `${place} ${kind}`;
    if (!faults.has(key)) faults.set(key, `${entry.name}.wasm ${sentence}`);
  };
  let place = "a global";
  for (const line of text.split("\n")) {
    const name = line.match(/^ {2}\(func (\S+)/)?.[1];
    if (name !== undefined) place = `function ${name}`;
    // Names, strings and numbers may hold any word; what remains are types and instructions.
    const code = line.replace(/"(\\.|[^"\\])*"|\$\S+|\b0x\w+/g, "");
    const growth = code.match(/(memory|table)\.grow/)?.[0];
    if (growth !== undefined) {
      report(place, "growth", `uses "${growth}" in ${place}: memory is fixed, allocate nothing`);
    }
    const float = entry.floatAllowed ? undefined : code.match(/[\w.]*f(32|64)[\w.]*/)?.[0];
    if (float !== undefined) {
      report(place, "float", `uses floating point in ${place}: "${float}" is not allowed`);
    }
  }
  return [...faults.values()];
}

/**
 * Sentences about functions that cross to the outside with a 64-bit integer: JavaScript sees a
 * BigInt there, ten times slower than a number.
 */
export function wideSignatures(entry: Entry, text: string): string[] {
  const types = new Map<string, string>();
  const typeOfFunction = new Map<string, string>();
  for (const [, name, type] of text.matchAll(/^ {2}\(type (\S+) (\(func.*)\)$/gm)) {
    types.set(name!, type!);
  }
  for (const [, name, type] of text.matchAll(/\(func (\S+) \(type ([^\s()]+)\)/g)) {
    typeOfFunction.set(name!, type!);
  }
  const crossing = [
    ...text.matchAll(/^ {2}\((import) "[^"]*" "([^"]*)" \(func (\S+) /gm),
    ...text.matchAll(/^ {2}\((export) "([^"]*)" \(func (\S+)\)\)/gm),
  ];
  return crossing
    .filter(([, , , name]) => types.get(typeOfFunction.get(name!) ?? "")?.includes("i64"))
    .map(([, way, name]) =>
      `${entry.name}.wasm ${way}s "${name}" with a 64-bit integer: pass two u32 or a memory block`
    );
}

/**
 * Sentences about what is wrong with a release module: an import or export that the lists do not
 * agree with, or a size over budget. Empty when all is well.
 */
export function judge(entry: Entry, facts: ModuleFacts, abi: Abi): string[] {
  const file = `${entry.name}.wasm`;
  const list = `core/exports.json (${entry.name})`;
  const { imports, exports } = abi[entry.name];
  const allowed = new Set(["env.abort", ...imports.map((name) => `${entry.importModule}.${name}`)]);
  const listed = new Set(exports);
  const exported = new Set(facts.exports);
  const offered = entry.importModule === "policy" ? new Set(abi.policy.exports) : new Set(imports);
  const faults: string[] = [];
  const fault = (names: readonly string[], sentence: (list: string) => string) => {
    if (names.length > 0) faults.push(sentence(names.map((name) => `"${name}"`).join(", ")));
  };
  fault(
    facts.imports.filter((name) => !allowed.has(name)),
    (names) =>
      `${file} imports ${names}: allowed are "env.abort" and the functions of module ` +
      `"${entry.importModule}" listed under imports in ${list}`,
  );
  fault(
    imports.filter((name) => !offered.has(name)),
    (names) => `${list} lists under imports ${names}, not listed under exports of "policy"`,
  );
  fault(
    facts.exports.filter((name) => !listed.has(name)),
    (names) => `${file} exports ${names}, which ${list} does not list: list it or do not export it`,
  );
  fault(
    exports.filter((name) => !exported.has(name)),
    (names) => `${file} does not export ${names}, which ${list} lists: export it or strike it out`,
  );
  if (facts.size > entry.sizeBudgetBytes) {
    faults.push(
      `${file} has ${facts.size} bytes: the budget is ${entry.sizeBudgetBytes} ` +
        `(harness/build/entry.ts)`,
    );
  }
  return faults;
}
