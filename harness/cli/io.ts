/**
 * The outside world of the command line as one object, so that tests run whole commands in
 * process. Only `systemIo` touches the process.
 *
 * @module
 */

import process from "node:process";

/** What commands may know and do of the process. */
export interface Io {
  /** Data: stdout. */
  out(text: string): void;
  /** Progress, hints and errors: stderr. */
  err(text: string): void;
  /** true where stdout shows colour. */
  readonly color: boolean;
  /** A terminal on stderr for a progress bar, or null. */
  readonly terminal: NodeJS.WritableStream | null;
  /** Folder that relative paths start from. */
  readonly cwd: string;
  /** Print stack traces of faults of the lab. */
  readonly debug: boolean;
  now(): Date;
  /** Calls `handler` at the first Ctrl-C; a second one ends the process. Returns the way back. */
  onInterrupt(handler: () => void): () => void;
}

/** The real process. */
export function systemIo(): Io {
  return {
    out: (text) => writeAll(Deno.stdout, text),
    err: (text) => writeAll(Deno.stderr, text),
    color: Deno.stdout.isTerminal() && !Deno.noColor && Deno.env.get("TERM") !== "dumb",
    terminal: Deno.stderr.isTerminal() && Deno.env.get("TERM") !== "dumb" ? process.stderr : null,
    // `deno task` changes to the project's folder and leaves the caller's in INIT_CWD.
    cwd: Deno.env.get("INIT_CWD") ?? Deno.cwd(),
    debug: Deno.env.get("LAB_DEBUG") === "1",
    now: () => new Date(),
    onInterrupt(handler) {
      const listener = (): void => {
        Deno.removeSignalListener("SIGINT", listener);
        handler();
      };
      Deno.addSignalListener("SIGINT", listener);
      return () => Deno.removeSignalListener("SIGINT", listener);
    },
  };
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let written = 0; written < bytes.length;) {
      written += stream.writeSync(bytes.subarray(written));
    }
  } catch (error) {
    // `lab bench | head` closes the pipe: there is nobody left to tell.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
