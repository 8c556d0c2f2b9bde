/**
 * One-way TCP traffic over one connection: a side that sends and a side that receives, which serve
 * TCP_STREAM (the client sends) and TCP_MAERTS (the server sends). Every message is sent with one
 * write; the receiver reads what there is, and its count is the result, as with netperf.
 *
 * @module
 */

import { inboxFor, type Meter } from "./endpoint.ts";
import { writeAll } from "./framing.ts";
import type { ServerFaults } from "./messages.ts";

/**
 * Sends messages of `messageBytes` until `stopped()`, then shuts down its direction and waits
 * until the peer has read all and closes.
 */
export async function sendStream(
  connection: Deno.TcpConn,
  messageBytes: number,
  meter: Meter,
  stopped: () => boolean,
): Promise<void> {
  // netperf leaves Nagle's algorithm on for streams; the runtime's default is not documented.
  connection.setNoDelay(false);
  const message = new Uint8Array(messageBytes);
  while (!stopped()) {
    await writeAll(connection, message);
    meter.total.bytesOut += messageBytes;
  }
  await connection.closeWrite();
  while (await connection.read(message) !== null);
}

/** Receives until the sender shuts down; returns early where a fault says so. */
export async function receiveStream(
  connection: Deno.Conn,
  meter: Meter,
  faults: ServerFaults,
): Promise<void> {
  const inbox = inboxFor(Infinity);
  for (;;) {
    const receivedBytes = await connection.read(inbox);
    if (receivedBytes === null) return;
    meter.total.bytesIn += receivedBytes;
    if (meter.total.bytesIn >= faults.stallAfterBytes) await new Promise(() => {});
    if (meter.total.bytesIn >= faults.closeAfterBytes) return;
  }
}
