/**
 * policy.wasm with probes: a call after every store, and one before every load of the packet
 * path's first function. What the binary computes stays the same; who watches learns in which
 * order it reads and writes.
 *
 * @module
 */

import { moduleText } from "../build/inspect.ts";

/** Function whose loads are told. */
const READER = "pickQueue";

/** The text of a module, one instruction a line, with probes. */
export function withProbes(text: string): string {
  const reader = text.match(new RegExp(`\\(export "${READER}" \\(func (\\S+?)\\)\\)`))?.[1];
  const lines: string[] = [];
  let isReader = false;
  let hasImports = false;
  for (const line of text.split("\n")) {
    const name = line.match(/^ {2}\(func (\S+)/)?.[1];
    if (name !== undefined) isReader = name === reader;
    if (!hasImports && line.startsWith("  (import ")) {
      hasImports = true;
      lines.push(
        `  (import "env" "stored" (func $env.stored))`,
        `  (import "env" "loads" (func $env.loads (param i32 i32) (result i32)))`,
      );
    }
    const load = isReader ? line.match(/^\s+i(?:32|64)\.load\S*(?: offset=(\d+))?/) : null;
    if (load !== null) lines.push(`    i32.const ${load[1] ?? 0}`, `    call $env.loads`);
    // The last instruction of a function has the parenthesis that ends it.
    const [, store, end] = line.match(/^(\s+i(?:32|64)\.store[^)]*)(\)?)$/) ?? [];
    if (store === undefined) lines.push(line);
    else lines.push(store, `    call $env.stored${end}`);
  }
  return lines.join("\n");
}

/**
 * Compiles policy.wasm with probes; it imports `env.stored` and `env.loads` besides.
 * `loads` is given address and offset and must return the address.
 */
export async function compileProbed(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<WebAssembly.Module> {
  const text = withProbes(await moduleText("policy.wasm", bytes));
  const wabt = await (await import("wabt")).default();
  const module = wabt.parseWat("policy.wat", text);
  try {
    return await WebAssembly.compile(new Uint8Array(module.toBinary({}).buffer));
  } finally {
    module.destroy();
  }
}
