/**
 * Parts of the verifier side by side: each in a Web Worker, as many at once as asked for. What they
 * find does not depend on that number; only the time does.
 *
 * @module
 */

/// <reference lib="webworker" />

import { type FlatError, flattened, revived } from "../errors.ts";
import type { PartResult, Row, VerifyContext, VerifyPart } from "./result.ts";

/** What a worker is told: which part, and all of its context but the note. */
interface ToWorker {
  readonly part: string;
  readonly given: Omit<VerifyContext, "note">;
}

/** What a worker says. */
type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "note"; readonly line: string }
  | { readonly kind: "rows"; readonly rows: Row[] }
  | { readonly kind: "error"; readonly error: FlatError };

/** How parts are run. */
export interface SideBySide {
  /** Module of the worker: it calls `serveParts`. */
  readonly worker: URL;
  /** Parts at once. */
  readonly count: number;
}

/**
 * Runs parts and gives their results in the order of the parts. Without `beside`, or one at a time,
 * they run in this thread.
 */
export async function runParts(
  parts: readonly VerifyPart[],
  given: VerifyContext,
  beside: SideBySide | null,
): Promise<PartResult[]> {
  const results = new Array<PartResult>(parts.length);
  const lanes = Math.min(beside?.count ?? 1, parts.length);
  const queue = parts.entries();
  const drain = async (): Promise<void> => {
    for (const [place, part] of queue) {
      const rows = beside === null || lanes === 1
        ? await part.run(given)
        : await inWorker(part.name, given, beside.worker);
      const passed = rows.every(({ findings }) => findings.length === 0);
      results[place] = { part: part.name, purpose: part.purpose, passed, rows };
    }
  };
  await Promise.all(Array.from({ length: lanes }, drain));
  return results;
}

/** A fresh worker for each part: its memory goes with it. */
async function inWorker(part: string, context: VerifyContext, url: URL): Promise<Row[]> {
  const worker = new Worker(url, { type: "module" });
  const { note, ...given } = context;
  try {
    return await new Promise<Row[]>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<FromWorker>): void => {
        if (data.kind === "ready") worker.postMessage({ part, given } satisfies ToWorker);
        else if (data.kind === "note") note(data.line);
        else if (data.kind === "rows") resolve(data.rows);
        else reject(revived(data.error));
      };
      worker.onerror = (event: ErrorEvent): void => {
        event.preventDefault();
        reject(new Error(`The worker of part "${part}" ended: ${event.message}`));
      };
    });
  } finally {
    worker.terminate();
  }
}

/**
 * The inside of a worker: says that it is ready, for a message that comes while its modules still
 * load is lost, and runs the part that it is told, one of these.
 */
export function serveParts(parts: readonly VerifyPart[]): void {
  const scope = self as unknown as DedicatedWorkerGlobalScope;
  const say = (message: FromWorker): void => scope.postMessage(message);
  scope.onmessage = async ({ data }: MessageEvent<ToWorker>): Promise<void> => {
    try {
      const part = parts.find(({ name }) => name === data.part)!;
      const note = (line: string): void => say({ kind: "note", line });
      say({ kind: "rows", rows: await part.run({ ...data.given, note }) });
    } catch (error) {
      say({ kind: "error", error: flattened(error) });
    }
  };
  say({ kind: "ready" });
}
