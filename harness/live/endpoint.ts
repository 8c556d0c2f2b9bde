/**
 * What every endpoint (server or client, TCP or UDP) looks like to the worker that runs it.
 *
 * @module
 */

import type { Counters } from "./messages.ts";

/** The only address that endpoints bind or connect to. */
export const LOOPBACK = "127.0.0.1";

/** Bytes that one read can take; netperf reads into its socket receive buffer, 128 KiB here. */
export const INBOX_BYTES = 128 * 1024;

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
