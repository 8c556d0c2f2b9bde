/**
 * What every endpoint (server or client, TCP or UDP) looks like to the worker that runs it.
 *
 * @module
 */

import type { Counters } from "./messages.ts";

/** The only address that endpoints bind or connect to. */
export const LOOPBACK = "127.0.0.1";

/** A page; and Linux's default socket receive buffer, which is what netperf reads into. */
const INBOX_BYTES_MIN = 4 * 1024;
const INBOX_BYTES_MAX = 128 * 1024;

/** A buffer for one read when at most `dueBytes` can be on their way. */
export function inboxFor(dueBytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Math.max(INBOX_BYTES_MIN, Math.min(INBOX_BYTES_MAX, dueBytes)));
}

/** Called once by an endpoint that cannot go on. */
export type Fail = (error: Error) => void;

/** One side of a group's traffic. */
export interface Endpoint {
  /** Binds or connects; a server's port, 0 for a client. */
  open(): Promise<number>;
  /** Starts the load, if this side makes any. */
  go(): void;
  /** Ends the load this side makes; a client resolves once nothing is in flight any more. */
  drain(): Promise<void>;
  /** A server resolves once every connection has ended. */
  finish(): Promise<void>;
  /** Open loop: requests due but not yet sent. */
  waiting(): number;
}

/** Counts and latencies, as the endpoints see them. */
export interface Meter {
  readonly total: Counters;
  /** A transaction that took `latencyMs` is complete. */
  transaction(latencyMs: number): void;
}

/** One client connection (for CRR: one after the other). */
export interface Flow {
  connect(port: number): Promise<void>;
  /** Makes traffic; resolves when `stop` was called and nothing is in flight. */
  run(): Promise<void>;
  /** Open loop: looks for due requests, if there is room for one. */
  kick(nowMs: number): void;
  /** The source has ended: finish what is in flight. */
  stop(): void;
}
