/**
 * The client side of one TCP connection: request/response with a fixed number in flight (RR), a
 * new connection per transaction (CRR, CC), one-way traffic (STREAM, MAERTS).
 *
 * A flow never fails silently: `run` rejects with a sentence. Reading and writing are separate, so
 * that a burst larger than the socket buffers cannot lock both sides.
 *
 * @module
 */

import type { WorkloadGroup } from "../spec.ts";
import { type Flow, inboxFor, LOOPBACK, type Meter } from "./endpoint.ts";
import { FrameCounter, Payload, writeAll } from "./framing.ts";
import { NO_FAULTS } from "./messages.ts";
import type { LoadSource } from "./source.ts";
import { receiveStream, sendStream } from "./stream.ts";
import { TimeRing } from "./time_ring.ts";

async function dial(port: number): Promise<Deno.TcpConn> {
  return await Deno.connect({ hostname: LOOPBACK, port });
}

/** TCP_RR: `outstanding` transactions in flight on one connection; responses come in order. */
export class TcpRrFlow implements Flow {
  readonly #source: LoadSource;
  readonly #meter: Meter;
  readonly #outstanding: number;
  readonly #responses: FrameCounter;
  readonly #requests: Payload;
  readonly #started: TimeRing;
  #connection: Deno.TcpConn | undefined;
  #unsent = 0;
  #writing = false;
  #stopping = false;
  #failWrite: (error: unknown) => void = () => {};

  constructor(group: WorkloadGroup, source: LoadSource, meter: Meter) {
    this.#source = source;
    this.#meter = meter;
    this.#outstanding = group.outstanding;
    this.#responses = new FrameCounter(group.response_bytes);
    this.#requests = new Payload(group.request_bytes);
    this.#started = new TimeRing(group.outstanding);
  }

  async connect(port: number): Promise<void> {
    this.#connection = await dial(port);
    this.#connection.setNoDelay(true);
  }

  async run(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) throw new Error("run() before connect()");
    try {
      const writeFailed = new Promise<never>((_, reject) => this.#failWrite = reject);
      this.kick(performance.now());
      await Promise.race([this.#read(connection), writeFailed]);
    } finally {
      try {
        connection.close();
      } catch {
        // stop() has closed it already.
      }
    }
  }

  kick(nowMs: number): void {
    while (this.#started.count < this.#outstanding) {
      const startedMs = this.#source.take(nowMs);
      if (Number.isNaN(startedMs)) break;
      this.#started.push(startedMs);
      this.#unsent += 1;
    }
    if (this.#unsent > 0 && !this.#writing) this.#write().catch(this.#failWrite);
  }

  stop(): void {
    this.#stopping = true;
    // Nothing in flight: only closing ends the read that waits.
    if (this.#started.count === 0) this.#connection?.close();
  }

  async #read(connection: Deno.TcpConn): Promise<void> {
    const inbox = inboxFor(this.#responses.frameBytes * this.#outstanding);
    const { total } = this.#meter;
    while (!this.#stopping || this.#started.count > 0) {
      let receivedBytes: number | null;
      try {
        receivedBytes = await connection.read(inbox);
      } catch (error) {
        if (this.#stopping && this.#started.count === 0) return;
        throw error;
      }
      if (receivedBytes === null) {
        if (this.#stopping && this.#started.count === 0) return;
        throw new Error("the server closed the connection before it had answered");
      }
      const nowMs = performance.now();
      total.bytesIn += receivedBytes;
      for (let due = this.#responses.push(receivedBytes); due > 0; due -= 1) {
        if (this.#started.count === 0) throw new Error("the server answered what nobody asked");
        this.#meter.transaction(nowMs - this.#started.shift());
      }
      this.kick(nowMs);
    }
  }

  async #write(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#writing = true;
    while (this.#unsent > 0) {
      const view = this.#requests.view(Math.min(this.#unsent, this.#requests.framesMax));
      this.#unsent -= view.length / this.#requests.frameBytes;
      this.#meter.total.bytesOut += view.length;
      await writeAll(connection, view);
    }
    this.#writing = false;
  }
}

/**
 * TCP_CRR: connect, one request, one response, close. Latency counts from before the connect to
 * the complete response; the rate includes the close. TCP_CC: connect and close, without data; its
 * latency ends where the server has closed, too.
 */
export class TcpCrrFlow implements Flow {
  readonly #group: WorkloadGroup;
  readonly #source: LoadSource;
  readonly #meter: Meter;
  readonly #requests: Payload;
  readonly #inbox: Uint8Array;
  #port = 0;
  #stopping = false;
  #wake: (() => void) | undefined;

  constructor(group: WorkloadGroup, source: LoadSource, meter: Meter) {
    this.#group = group;
    this.#source = source;
    this.#meter = meter;
    this.#requests = new Payload(group.request_bytes);
    this.#inbox = inboxFor(group.response_bytes);
  }

  connect(port: number): Promise<void> {
    this.#port = port;
    return Promise.resolve();
  }

  async run(): Promise<void> {
    for (;;) {
      const startedMs = this.#source.take(performance.now());
      if (!Number.isNaN(startedMs)) await this.#transact(startedMs);
      else if (this.#stopping) return;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  kick(_nowMs: number): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  stop(): void {
    this.#stopping = true;
    this.kick(0);
  }

  async #transact(startedMs: number): Promise<void> {
    const { total } = this.#meter;
    const connection = await dial(this.#port);
    try {
      if (this.#group.test === "TCP_CC") {
        await connection.closeWrite();
        if (await connection.read(this.#inbox) !== null) {
          throw new Error("the server sent data where there are none");
        }
        this.#meter.transaction(performance.now() - startedMs);
        return;
      }
      connection.setNoDelay(true);
      const request = this.#requests.view(1);
      await writeAll(connection, request);
      total.bytesOut += request.length;
      const responses = new FrameCounter(this.#group.response_bytes);
      let complete = 0;
      while (complete === 0) {
        const receivedBytes = await connection.read(this.#inbox);
        if (receivedBytes === null) {
          throw new Error("the server closed the connection before it had answered");
        }
        total.bytesIn += receivedBytes;
        complete = responses.push(receivedBytes);
      }
      this.#meter.transaction(performance.now() - startedMs);
    } finally {
      connection.close();
    }
  }
}

/** TCP_STREAM and TCP_MAERTS: one direction, no transactions. */
export class TcpStreamFlow implements Flow {
  readonly #group: WorkloadGroup;
  readonly #meter: Meter;
  #connection: Deno.TcpConn | undefined;
  #stopping = false;

  constructor(group: WorkloadGroup, meter: Meter) {
    this.#group = group;
    this.#meter = meter;
  }

  async connect(port: number): Promise<void> {
    this.#connection = await dial(port);
  }

  async run(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) throw new Error("run() before connect()");
    try {
      if (this.#group.test === "TCP_MAERTS") {
        await receiveStream(connection, this.#meter, NO_FAULTS);
        if (!this.#stopping) throw new Error("the server closed the connection");
      } else {
        await sendStream(
          connection,
          this.#group.message_bytes,
          this.#meter,
          () => this.#stopping,
        );
      }
    } finally {
      connection.close();
    }
  }

  kick(_nowMs: number): void {}

  stop(): void {
    this.#stopping = true;
  }
}
