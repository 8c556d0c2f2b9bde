/**
 * A UDP socket on 127.0.0.1 by `node:dgram`, which needs no unstable flag. Nothing else.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import dgram from "node:dgram";
import { LOOPBACK } from "./endpoint.ts";

/** A bound UDP socket. */
export type UdpSocket = dgram.Socket;

/** `node:dgram` types want a Buffer; this is a view, not a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Opens a socket on a free port of 127.0.0.1. */
export function bindUdp(): Promise<UdpSocket> {
  const socket = dgram.createSocket({
    type: "udp4",
    // Addresses are numeric already; the default would go through the resolver for each datagram.
    lookup: (host, _options, callback) => callback(null, host, 4),
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(0, LOOPBACK, () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

/** Fixes the peer, so that the kernel filters foreign datagrams and reports a closed port. */
export function connectUdp(socket: UdpSocket, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.connect(port, LOOPBACK, () => {
      socket.off("error", reject);
      resolve();
    });
  });
}

/** Closes; resolves when the socket is gone. */
export function closeUdp(socket: UdpSocket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}
