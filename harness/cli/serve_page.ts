/**
 * Serves the page of records that may still grow, on this machine only: the page asks for news and
 * loads itself again when a run has ended. Reads files; runs nothing.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { UserError } from "../errors.ts";
import { reasonOf } from "../jsonc.ts";

/** Only this machine: records are nobody else's. */
const HOST = "127.0.0.1";

/** Makes the page of what is there now. */
export type PageMaker = () => Promise<string>;

/** A server that runs until its signal. */
export interface PageServer {
  /** Where the page is, `http://127.0.0.1:PORT/`. */
  readonly url: string;
  readonly finished: Promise<void>;
}

/**
 * Starts serving.
 *
 * @param version A short text that changes when the records do.
 * @param port 0 for any that is free.
 * @throws {UserError} when the port cannot be had.
 */
export function servePage(options: {
  readonly makePage: PageMaker;
  readonly version: () => Promise<string>;
  readonly port: number;
  readonly signal: AbortSignal;
}): PageServer {
  const { makePage, version, port, signal } = options;
  let last: { readonly version: string; readonly page: string } | null = null;
  const pageOf = async (): Promise<string> => {
    const now = await version();
    if (last === null || last.version !== now) last = { version: now, page: await makePage() };
    return last.page;
  };
  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname === "/version") return text(await version(), "text/plain");
    if (pathname === "/") return text(await pageOf(), "text/html");
    return new Response("Nothing here: the page is at /\n", { status: 404 });
  };
  try {
    const server = Deno.serve({ hostname: HOST, port, signal, onListen: () => {} }, answer);
    return { url: `http://${HOST}:${server.addr.port}/`, finished: server.finished };
  } catch (error) {
    const message = `Cannot serve on port ${port}: ${reasonOf(error)}; choose another with --serve`;
    throw new UserError(message, { cause: error });
  }
}

function text(body: string, type: string): Response {
  return new Response(body, {
    headers: { "content-type": `${type}; charset=utf-8`, "cache-control": "no-store" },
  });
}

/** A text that changes when one of the files does; a file that is not there counts as empty. */
export async function versionOf(files: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const file of files) {
    const state = await Deno.stat(file).catch(() => null);
    hash.update(`${state?.size ?? 0} ${state?.mtime?.getTime() ?? 0}\n`);
  }
  return hash.digest("hex").slice(0, 16);
}
