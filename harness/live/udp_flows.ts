/**
 * The client side of one UDP socket: request/response with a fixed number in flight (RR), or
 * datagrams as fast as the socket takes them (STREAM).
 *
 * netperf's UDP_RR hangs on one lost datagram; here a request without an answer is given up after
 * a time-out and counted, and an answer that comes later than that is told apart by its number.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { WorkloadGroup } from "../spec.ts";
import type { Flow, Meter } from "./endpoint.ts";
import { idBytesFor, readId, SlotTable, writeId } from "./slot_table.ts";
import type { LoadSource } from "./source.ts";
import { asBuffer, bindUdp, closeUdp, connectUdp, type UdpSocket } from "./udp_socket.ts";

/** Requests are looked through this often, so a time-out comes up to this much late. */
const SWEEP_MS = 20;

/** UDP_RR on one socket. */
export class UdpRrFlow implements Flow {
  readonly #source: LoadSource;
  readonly #meter: Meter;
  readonly #slots: SlotTable;
  readonly #idBytes: number;
  /** One buffer per slot: it is not touched again before its answer or its time-out. */
  readonly #requests: Buffer[];
  readonly #timeoutMs: number;
  #socket: UdpSocket | undefined;
  #stopping = false;
  #settle: (() => void) | undefined;
  #failSend: (error: Error) => void = () => {};
  /** Shared by all sends; without a callback the runtime would drop the error. */
  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#failSend(error);
  };

  constructor(group: WorkloadGroup, source: LoadSource, meter: Meter, timeoutMs: number) {
    this.#source = source;
    this.#meter = meter;
    this.#timeoutMs = timeoutMs;
    this.#idBytes = idBytesFor(group.request_bytes, group.response_bytes);
    this.#slots = new SlotTable(group.outstanding, this.#idBytes);
    this.#requests = Array.from(
      { length: group.outstanding },
      () => asBuffer(new Uint8Array(group.request_bytes)),
    );
  }

  async connect(port: number): Promise<void> {
    this.#socket = await bindUdp();
    await connectUdp(this.#socket, port);
  }

  async run(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) throw new Error("run() before connect()");
    const sweep = setInterval(() => this.#sweep(performance.now()), SWEEP_MS);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#settle = resolve;
        this.#failSend = reject;
        socket.on("error", reject);
        socket.on("message", (datagram) => this.#receive(datagram));
        this.kick(performance.now());
      });
    } finally {
      clearInterval(sweep);
      await closeUdp(socket);
    }
  }

  kick(nowMs: number): void {
    while (this.#slots.freeCount > 0) {
      const startedMs = this.#source.take(nowMs);
      if (Number.isNaN(startedMs)) break;
      const slot = this.#slots.acquire(startedMs, nowMs);
      const request = this.#requests[slot];
      if (request === undefined) break;
      writeId(request, this.#slots.id(slot), this.#idBytes);
      this.#meter.total.datagramsOut += 1;
      this.#meter.total.bytesOut += request.length;
      this.#socket?.send(request, this.#sent);
    }
    if (this.#stopping && this.#slots.inFlightCount === 0) this.#settle?.();
  }

  stop(): void {
    this.#stopping = true;
    this.kick(performance.now());
  }

  #receive(datagram: Uint8Array): void {
    const nowMs = performance.now();
    const { total } = this.#meter;
    total.datagramsIn += 1;
    total.bytesIn += datagram.length;
    const startedMs = this.#slots.complete(readId(datagram, this.#idBytes));
    if (Number.isNaN(startedMs)) total.late += 1;
    else this.#meter.transaction(nowMs - startedMs);
    this.kick(nowMs);
  }

  #sweep(nowMs: number): void {
    const expired = this.#slots.expire(nowMs - this.#timeoutMs);
    this.#meter.total.timeouts += expired;
    if (expired > 0) this.kick(nowMs);
  }
}

/** UDP_STREAM from one socket: no flow control, so the receiver's count is the result. */
export class UdpStreamFlow implements Flow {
  readonly #meter: Meter;
  readonly #message: Buffer;
  #socket: UdpSocket | undefined;
  #stopping = false;

  constructor(group: WorkloadGroup, meter: Meter) {
    this.#meter = meter;
    this.#message = asBuffer(new Uint8Array(group.message_bytes));
  }

  async connect(port: number): Promise<void> {
    this.#socket = await bindUdp();
    await connectUdp(this.#socket, port);
  }

  async run(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) throw new Error("run() before connect()");
    const { total } = this.#meter;
    try {
      while (!this.#stopping) {
        await new Promise<void>((resolve, reject) =>
          socket.send(this.#message, (error) => error === null ? resolve() : reject(error))
        );
        total.datagramsOut += 1;
        total.bytesOut += this.#message.length;
      }
    } finally {
      await closeUdp(socket);
    }
  }

  kick(_nowMs: number): void {}

  stop(): void {
    this.#stopping = true;
  }
}
