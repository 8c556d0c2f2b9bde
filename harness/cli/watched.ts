/**
 * Runs that a person watches and may end: progress on stderr unless it is to be quiet, and a first
 * Ctrl-C that lets what is under way come to an end. Decides nothing about what was done till then.
 *
 * @module
 */

import { type Progress, SILENT, startProgress } from "../progress.ts";
import type { PlannedRun } from "../target.ts";
import type { Io } from "./io.ts";

/** What a command's options say of it. */
export interface WatchFlags {
  readonly quiet?: true;
}

/** For the runs: who hears of them, and what ends them early. */
export interface Watched {
  readonly observer: Progress;
  readonly signal: AbortSignal;
}

/** Writes lines to stderr, unless it is to be quiet. */
export function noteTo(flags: WatchFlags, io: Io): (line: string) => void {
  return (line) => flags.quiet ? undefined : io.err(line + "\n");
}

/** Runs of the model side by side: one a CPU. */
export function lanesDefault(): number {
  return Math.min(navigator.hardwareConcurrency, 16);
}

/** Does runs with progress and Ctrl-C; the progress is gone when this returns or throws. */
export async function watched<T>(
  runs: readonly PlannedRun[],
  flags: WatchFlags,
  io: Io,
  body: (options: Watched) => Promise<T>,
): Promise<T> {
  const note = noteTo(flags, io);
  const interrupted = new AbortController();
  let observer = SILENT;
  const forget = io.onInterrupt(() => {
    observer.stop();
    note("Ending; Ctrl-C again quits at once");
    interrupted.abort();
  });
  try {
    if (!flags.quiet) observer = startProgress(runs, { terminal: io.terminal, line: note });
    return await body({ observer, signal: interrupted.signal });
  } finally {
    observer.stop();
    forget();
  }
}
