/**
 * What is built: the two entries of core/, their memory, their size budgets, their flags.
 *
 * Values only; nothing here reads a file or compiles.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };

/** Name of an entry: `core/NAME.ts` becomes `out/wasm/NAME.wasm`. */
export type EntryName = "policy" | "machine";

/** Release is what every measurement uses; debug keeps names and does not optimise. */
export type BuildKind = "release" | "debug";

/** One entry of core/ and the limits its release build must keep. */
export interface Entry {
  readonly name: EntryName;
  /** The one module, besides `env`, that it may import from. */
  readonly importModule: "driver" | "policy";
  /** Memory in 64 KiB pages, initial and maximum: a fixed memory never detaches a view. */
  readonly memoryPages: number;
  /** Largest release binary. A budget is raised by a commit that says why. */
  readonly sizeBudgetBytes: number;
  /** The policy manager works without floating point: the kernel has none either. */
  readonly floatAllowed: boolean;
}

/** The entries, in the order they are built and linked. */
export const ENTRIES: readonly Entry[] = [
  {
    name: "policy",
    importModule: "driver",
    memoryPages: 2048,
    sizeBudgetBytes: 32 * 1024,
    floatAllowed: false,
  },
  {
    name: "machine",
    importModule: "policy",
    memoryPages: 1024,
    // Faults of the machine and what recovers from them came with the verifier's machine seeds.
    sizeBudgetBytes: 128 * 1024,
    floatAllowed: true,
  },
];

/** The kinds, in the order they are built. */
export const BUILD_KINDS: readonly BuildKind[] = ["release", "debug"];

/** Where the results go, relative to the root; ignored by git. */
export const WASM_FOLDER = "out/wasm/";

/**
 * Raised whenever the build checks more than before, so that results of an older build are made
 * and checked again.
 */
export const BUILD_FORMAT = "netpolicy-lab/build/1";

/** The compiler and the validator as deno.json pins them: known without loading either. */
export const TOOLS: readonly string[] = [
  config.imports["assemblyscript/asc"],
  config.imports["wabt"],
];

/** File of a build below `out/wasm/`. */
export function wasmFile(name: EntryName, kind: BuildKind): string {
  return kind === "release" ? `${name}.wasm` : `${name}.debug.wasm`;
}

/**
 * Flags of asc for one build. Asserts stay in both kinds; the stub runtime never frees, so any
 * allocation would show. `memory-packing` drops the zero bytes of the static arena from the debug
 * build (the optimiser does so in release). No `--converge`: it quadruples the compile time and
 * saves 33 of 30,000 bytes.
 */
export function compilerFlags(entry: Entry, kind: BuildKind): string[] {
  const pages = String(entry.memoryPages);
  return [
    ...(kind === "release" ? ["-O3"] : ["--debug", "--runPasses", "memory-packing"]),
    ...["--runtime", "stub"],
    ...["--initialMemory", pages, "--maximumMemory", pages],
  ];
}
