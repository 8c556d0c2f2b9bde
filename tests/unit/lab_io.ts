/**
 * Runs whole commands in this process: output goes to strings, Ctrl-C is a function.
 * For tests only.
 *
 * @module
 */

import type { Io } from "../../harness/cli/io.ts";
import type { ExitCode } from "../../harness/errors.ts";
import { main } from "../../harness/main.ts";

/** What a command printed and returned. */
export interface LabResult {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
}

/** What a test may set. */
export interface LabOptions {
  readonly cwd?: string;
  readonly color?: boolean;
  readonly columns?: number;
  /** Called with every text on stderr and a function that acts as Ctrl-C. */
  readonly onErr?: (text: string, interrupt: () => void) => void;
  /** Called with every text on stdout. */
  readonly onOut?: (text: string) => void;
  /** Commands beside the program's own. */
  readonly more?: Parameters<typeof main>[2];
}

/** Runs `deno task lab ...argv`. */
export async function lab(argv: readonly string[], options: LabOptions = {}): Promise<LabResult> {
  let out = "";
  let err = "";
  let handler: (() => void) | null = null;
  const io: Io = {
    out: (text) => {
      out += text;
      options.onOut?.(text);
    },
    err: (text) => {
      err += text;
      options.onErr?.(text, () => handler?.());
    },
    columns: options.columns ?? null,
    color: options.color ?? false,
    terminal: null,
    cwd: options.cwd ?? Deno.cwd(),
    debug: false,
    now: () => new Date(0),
    onInterrupt: (given) => {
      handler = given;
      return () => void (handler = null);
    },
  };
  const code = await main(argv, io, options.more);
  return { code, out, err };
}

/** A folder of its own for a test, removed after. Returns what the test made of it. */
export async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "lab_test_" });
  try {
    return await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
