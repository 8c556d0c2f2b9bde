/**
 * What the harness and its endpoint workers say to each other, and nothing else.
 *
 * Order on each worker: setup -> ready, go, measure, freeze -> frozen, drain (a client answers
 * done), finish (a server answers done). `failed` can come at any time and ends the run. Clocks
 * never cross: each endpoint times its own window with its own clock.
 *
 * @module
 */

import type { LatencySummary } from "../record.ts";
import type { WorkloadGroup } from "../spec.ts";

/** Faults that a server injects on purpose; only tests ask for any. Infinity means never. */
export interface ServerFaults {
  /** UDP_RR: every nth request gets no answer. */
  readonly loseEvery: number;
  /** TCP: the server closes the connection once it has received this many bytes. */
  readonly closeAfterBytes: number;
  /** TCP: the server neither reads nor answers once it has received this many bytes. */
  readonly stallAfterBytes: number;
  /** TCP: nothing listens on the port that the server reports. */
  readonly refuseConnections: boolean;
}

/** The behaviour of every real run. */
export const NO_FAULTS: ServerFaults = {
  loseEvery: Infinity,
  closeAfterBytes: Infinity,
  stallAfterBytes: Infinity,
  refuseConnections: false,
};

/** First message to a worker. */
export type EndpointSetup =
  | {
    readonly kind: "setup";
    readonly role: "server";
    readonly group: WorkloadGroup;
    readonly faults: ServerFaults;
  }
  | {
    readonly kind: "setup";
    readonly role: "client";
    readonly group: WorkloadGroup;
    /** Port of the group's server on 127.0.0.1. */
    readonly port: number;
    /** 32-bit unsigned; draws the gaps of Poisson arrivals. */
    readonly seed: number;
    /** A UDP request without an answer is given up after this time. */
    readonly udpTimeoutMs: number;
  };

/** A step of the run; see the order above. */
export interface EndpointCommand {
  readonly kind: "go" | "measure" | "freeze" | "drain" | "finish";
}

/** Counters of one endpoint. */
export interface Counters {
  transactions: number;
  bytesIn: number;
  bytesOut: number;
  datagramsIn: number;
  datagramsOut: number;
  /** UDP requests given up without an answer. */
  timeouts: number;
  /** UDP answers that came after their request had been given up. */
  late: number;
  /** Open loop: requests that the schedule asked for. */
  arrivals: number;
}

/** What one endpoint counted. */
export interface EndpointResult {
  /** From connect to the end of the drain. */
  readonly total: Counters;
  /** Within the measured window. */
  readonly measured: Counters;
  /** Length of the window on the endpoint's own clock; 0 when it was never opened. */
  readonly windowMs: number;
  /** Latencies within the window; null when there are none. */
  readonly latency: LatencySummary | null;
  /** Open loop: requests due but not yet sent when the window closed. */
  readonly waiting: number;
  readonly clock: ClockCost;
}

/** Cost of reading the clock, nanoseconds. */
export interface ClockCost {
  readonly readNs: number;
  readonly stepNs: number;
}

/** What a worker says. */
export type EndpointReply =
  | { readonly kind: "ready"; readonly port: number }
  | { readonly kind: "frozen" }
  | { readonly kind: "done"; readonly result: EndpointResult }
  | { readonly kind: "failed"; readonly message: string; readonly refused: boolean };
