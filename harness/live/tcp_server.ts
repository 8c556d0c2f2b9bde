/**
 * The server side of the TCP tests: accepts on 127.0.0.1, answers fixed-size requests (RR, CRR),
 * receives (STREAM) or sends (MAERTS). Runs in its own thread and never starts a transaction.
 *
 * Responses to requests that arrive in one read leave in one write, unless the group asks for
 * service time: then each request is served and answered by itself.
 *
 * @module
 */

import type { WorkloadGroup } from "../spec.ts";
import { spin } from "./clock.ts";
import { type Endpoint, type Fail, inboxFor, LOOPBACK, type Meter } from "./endpoint.ts";
import { FrameCounter, Payload, writeAll } from "./framing.ts";
import type { ServerFaults } from "./messages.ts";
import { receiveStream, sendStream } from "./stream.ts";

/** Server endpoint of one group. */
export class TcpServer implements Endpoint {
  readonly #group: WorkloadGroup;
  readonly #faults: ServerFaults;
  readonly #meter: Meter;
  readonly #fail: Fail;
  readonly #served = new Set<Promise<void>>();
  readonly #ready: Deno.TcpConn[] = [];
  #listener: Deno.TcpListener | undefined;
  #started = false;
  #stopped = false;

  constructor(group: WorkloadGroup, faults: ServerFaults, meter: Meter, fail: Fail) {
    this.#group = group;
    this.#faults = faults;
    this.#meter = meter;
    this.#fail = fail;
  }

  open(): Promise<number> {
    const listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
    const { port } = listener.addr;
    if (this.#faults.refuseConnections) {
      listener.close();
    } else {
      this.#listener = listener;
      this.#accept(listener).catch(this.#fail);
    }
    return Promise.resolve(port);
  }

  go(): void {
    this.#started = true;
    for (const connection of this.#ready.splice(0)) this.#serve(connection);
  }

  drain(): Promise<void> {
    this.#stopped = true;
    return Promise.resolve();
  }

  async finish(): Promise<void> {
    this.#stopped = true;
    this.#listener?.close();
    await Promise.all(this.#served);
  }

  waiting(): number {
    return 0;
  }

  async #accept(listener: Deno.TcpListener): Promise<void> {
    for await (const connection of listener) {
      // A sender must wait for the signal; everything else serves from the first byte.
      if (this.#group.test === "TCP_MAERTS" && !this.#started) this.#ready.push(connection);
      else this.#serve(connection);
    }
  }

  #serve(connection: Deno.TcpConn): void {
    const served = this.#converse(connection)
      .catch(this.#fail)
      .finally(() => {
        connection.close();
        this.#served.delete(served);
      });
    this.#served.add(served);
  }

  async #converse(connection: Deno.TcpConn): Promise<void> {
    switch (this.#group.test) {
      case "TCP_STREAM":
        return await receiveStream(connection, this.#meter, this.#faults);
      case "TCP_MAERTS":
        return await sendStream(
          connection,
          this.#group.message_bytes,
          this.#meter,
          () => this.#stopped,
        );
      case "TCP_CC":
        while (await connection.read(new Uint8Array(1)) !== null);
        this.#meter.total.transactions += 1;
        return;
      default:
        return await this.#answer(connection);
    }
  }

  async #answer(connection: Deno.TcpConn): Promise<void> {
    connection.setNoDelay(true);
    const inbox = inboxFor(this.#group.request_bytes * this.#group.outstanding);
    const requests = new FrameCounter(this.#group.request_bytes);
    const responses = new Payload(this.#group.response_bytes);
    const batchMax = this.#group.service_ns > 0 ? 1 : responses.framesMax;
    const { total } = this.#meter;
    for (;;) {
      const receivedBytes = await connection.read(inbox);
      if (receivedBytes === null) return;
      total.bytesIn += receivedBytes;
      if (total.bytesIn >= this.#faults.stallAfterBytes) await new Promise(() => {});
      if (total.bytesIn >= this.#faults.closeAfterBytes) return;
      let due = requests.push(receivedBytes);
      while (due > 0) {
        const batch = Math.min(due, batchMax);
        if (this.#group.service_ns > 0) spin(this.#group.service_ns);
        const view = responses.view(batch);
        await writeAll(connection, view);
        total.transactions += batch;
        total.bytesOut += view.length;
        due -= batch;
      }
    }
  }
}
