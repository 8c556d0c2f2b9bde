/**
 * The outside world of the command line as one object, so that tests run whole commands in
 * process. Only `systemIo` touches the process.
 *
 * @module
 */

import process from "node:process";
import { UserError } from "../errors.ts";
import { reasonOf } from "../jsonc.ts";

/** What commands may know and do of the process. */
export interface Io {
  /** Data: stdout. */
  out(text: string): void;
  /** Progress, hints and errors: stderr. */
  err(text: string): void;
  /** true where stdout shows colour. */
  readonly color: boolean;
  /** Width of the terminal on stdout, or null where there is none. */
  readonly columns: number | null;
  /** A terminal on stderr for a progress bar, or null. */
  readonly terminal: NodeJS.WritableStream | null;
  /** Folder that relative paths start from. */
  readonly cwd: string;
  /** Print stack traces of faults of the lab. */
  readonly debug: boolean;
  now(): Date;
  /** Calls `handler` at the first Ctrl-C; a later one ends the process. Returns the way back. */
  onInterrupt(handler: () => void): () => void;
}

/** The real process. */
export function systemIo(): Io {
  return {
    out: (text) => writeAll(Deno.stdout, text),
    err: (text) => writeAll(Deno.stderr, text),
    columns: Deno.stdout.isTerminal() ? Deno.consoleSize().columns || null : null,
    color: Deno.stdout.isTerminal() && !Deno.noColor && Deno.env.get("TERM") !== "dumb",
    terminal: Deno.stderr.isTerminal() && Deno.env.get("TERM") !== "dumb" ? process.stderr : null,
    // `deno task` changes to the project's folder and leaves the caller's in INIT_CWD.
    cwd: Deno.env.get("INIT_CWD") ?? Deno.cwd(),
    debug: Deno.env.get("LAB_DEBUG") === "1",
    now: () => new Date(),
    onInterrupt: listenForInterrupt,
  };
}

/**
 * One Ctrl-C arrives several times: from the terminal, and from every `deno task` above. What
 * follows the first within this time is the same key press.
 */
const SAME_PRESS_MS = 400;
/** What a shell gives for a process that SIGINT ended. */
const EXIT_CODE_SIGINT = 130;

function listenForInterrupt(handler: () => void): () => void {
  let firstMs: number | null = null;
  const listener = (): void => {
    if (firstMs === null) {
      firstMs = performance.now();
      handler();
    } else if (performance.now() - firstMs > SAME_PRESS_MS) {
      // The progress bar hides the cursor and turns line wrap off.
      if (Deno.stderr.isTerminal()) writeAll(Deno.stderr, "\x1b[?25h\x1b[?7h\n");
      Deno.exit(EXIT_CODE_SIGINT);
    }
  };
  Deno.addSignalListener("SIGINT", listener);
  return () => Deno.removeSignalListener("SIGINT", listener);
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let written = 0; written < bytes.length;) {
      written += stream.writeSync(bytes.subarray(written));
    }
  } catch (error) {
    // `lab bench | head` closes the pipe: there is nobody left to tell.
    if (error instanceof Deno.errors.BrokenPipe || stream === Deno.stderr) return;
    const message = `Cannot write the output: ${reasonOf(error)}`;
    throw new UserError(message, { cause: error });
  }
}
