/**
 * The server side of the UDP tests: one socket for all clients of a group, as with a DNS server.
 * UDP_RR answers each datagram to its source and echoes the number at its start; UDP_STREAM counts.
 *
 * Runs in its own thread; never sends unasked.
 *
 * @module
 */

import type { WorkloadGroup } from "../spec.ts";
import { spin } from "./clock.ts";
import type { Endpoint, Fail, Meter } from "./endpoint.ts";
import type { ServerFaults } from "./messages.ts";
import { idBytesFor } from "./slot_table.ts";
import { asBuffer, bindUdp, closeUdp, type UdpSocket } from "./udp_socket.ts";

/** Senders have stopped: a silence this long on loopback means that nothing is on its way. */
const QUIET_MS = 50;

/** Server endpoint of one group. */
export class UdpServer implements Endpoint {
  readonly #group: WorkloadGroup;
  readonly #faults: ServerFaults;
  readonly #meter: Meter;
  readonly #fail: Fail;
  readonly #idBytes: number;
  /** Response buffers that are not being sent. */
  readonly #spare: Uint8Array[] = [];
  #socket: UdpSocket | undefined;

  constructor(group: WorkloadGroup, faults: ServerFaults, meter: Meter, fail: Fail) {
    this.#group = group;
    this.#faults = faults;
    this.#meter = meter;
    this.#fail = fail;
    this.#idBytes = idBytesFor(group.request_bytes, group.response_bytes);
  }

  async open(): Promise<number> {
    const socket = await bindUdp();
    this.#socket = socket;
    socket.on("error", this.#fail);
    const isStream = this.#group.test === "UDP_STREAM";
    socket.on("message", (datagram, peer) => {
      this.#meter.total.datagramsIn += 1;
      this.#meter.total.bytesIn += datagram.length;
      if (!isStream) this.#answer(socket, datagram, peer.port, peer.address);
    });
    return socket.address().port;
  }

  go(): void {}

  drain(): Promise<void> {
    return Promise.resolve();
  }

  async finish(): Promise<void> {
    const { total } = this.#meter;
    let seen = -1;
    while (seen !== total.datagramsIn) {
      seen = total.datagramsIn;
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    }
    if (this.#socket !== undefined) await closeUdp(this.#socket);
  }

  waiting(): number {
    return 0;
  }

  #answer(socket: UdpSocket, request: Uint8Array, port: number, address: string): void {
    const { total } = this.#meter;
    if (total.datagramsIn % this.#faults.loseEvery === 0) return;
    if (this.#group.service_ns > 0) spin(this.#group.service_ns);
    const response = this.#spare.pop() ?? new Uint8Array(this.#group.response_bytes);
    response.set(request.subarray(0, this.#idBytes));
    total.transactions += 1;
    total.datagramsOut += 1;
    total.bytesOut += response.length;
    socket.send(asBuffer(response), port, address, (error) => {
      if (error === null) this.#spare.push(response);
      else this.#fail(error);
    });
  }
}
