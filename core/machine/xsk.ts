// deno-fmt-ignore-file
// AF_XDP sockets that send with zero copy, one a queue (xdpsock's txonly). The application puts
// descriptors of frames in memory that it shares with the kernel into its ring, 64 at a time, and
// calls sendto after each batch and as long as there is no room. The driver's NAPI takes as many as
// its own ring has room for, with one doorbell and one report of completion, that of the last
// (i40e_xmit_zc). No socket buffer, no qdisc, no byte limit. Knows no time: costs are asked for in
// softirq.ts and app.ts.

import { FLAG_LAST, FLAG_UDP, FLAG_XSK, packetAt, packetTake } from "./abi";
import { Connection, connectionAt, groupAt } from "./connection";
import { udpHeaders } from "./family";
import { vectorForce } from "./itr";
import { pcieRegister } from "./pcie";
import { deviceIsDown, Queue, queueAt, queues, queuesEver } from "./queue";
import { txAt, txPostBatch } from "./ring";
import { totals } from "./totals";

/** Descriptors that the application submits at once: xdpsock's default batch. */
export const XSK_BATCH: u32 = 64;
/** Descriptors of the socket's transmit ring: libxdp's default. */
const XSK_RING: u32 = 2048;

/** Binds a connection's socket to the first queue that has none; there must be one. */
export function xskBind(index: u32): void {
  let queue: u32 = 0;
  while (queueAt(queue).xskSocket != 0) queue++;
  assert(queue < queues());
  queueAt(queue).xskSocket = index + 1;
  connectionAt(index).txQueue = queue;
}

/** Whether a queue has a socket. */
@inline
export function xskIsBound(queue: u32): bool {
  return queueAt(queue).xskSocket != 0;
}

/** Frames in a socket's ring. */
function waiting(queue: Queue): u32 {
  return queue.xskSubmitted - queue.xskTaken;
}

/** Whether a socket's ring has room for a batch. */
export function xskHasRoom(connection: Connection): bool {
  return waiting(queueAt(connection.txQueue)) + XSK_BATCH <= XSK_RING;
}

/** The application has written a batch of descriptors. */
export function xskSubmit(connection: Connection): void {
  queueAt(connection.txQueue).xskSubmitted += XSK_BATCH;
}

/**
 * sendto: the NAPI that somebody has polls once more, else a software interrupt schedules it. A
 * vector that is masked has one under way already. Fails while the device is stopped.
 */
export function xskWakeup(connection: Connection): void {
  if (deviceIsDown()) return;
  const vector = connection.txQueue;
  const queue = queueAt(vector);
  if (queue.napiOwned != 0) {
    queue.napiMissed = 1;
  } else if (queue.masked == 0 || queue.msixLost != 0) {
    totals().xskWakeups++;
    pcieRegister();
    vectorForce(vector);
  }
}

/** Descriptors that the driver may use: one stays free (I40E_DESC_UNUSED). */
function room(queue: Queue): u32 {
  return queue.txFree > 0 ? queue.txFree - 1 : 0;
}

/** Frames that the NAPI of a vector can put into the device's ring now. */
export function xskReady(vector: u32): u32 {
  if (deviceIsDown()) return 0;
  const queue = queueAt(vector);
  return min(waiting(queue), room(queue));
}

/** Puts so many frames into the device's ring; true where that has no room for more. */
export function xskTransmit(vector: u32, count: u32): bool {
  const queue = queueAt(vector);
  const index = queue.xskSocket - 1;
  const connection = connectionAt(index);
  const bytes = groupAt(connection.group).messageBytes;
  const headers = udpHeaders(connection, 1);
  for (let i: u32 = 0; i < count; i++) {
    const number = packetTake(index, FLAG_UDP | FLAG_LAST | FLAG_XSK, bytes, headers);
    packetAt(number).life = connection.life;
    txPostBatch(vector, number, i == 0, i + 1 == count);
  }
  queue.xskTaken += count;
  return room(queue) == 0;
}

/** Whether a queue from this one on has a socket: the kernel keeps such channels. */
export function xskBeyond(first: u32): bool {
  for (let queue = first; queue < queues(); queue++) if (xskIsBound(queue)) return true;
  return false;
}

/** The driver has cleaned a frame, or freed it in a reset: it goes back to the application. */
export function xskCompleted(vector: u32): void {
  queueAt(vector).xskCompleted++;
}

/** Frames of a queue's socket in the device's ring. */
function inDevice(vector: u32): u32 {
  const queue = queueAt(vector);
  let count: u32 = 0;
  for (let i = queue.txHead; i != queue.txTail; i++) {
    if ((packetAt(txAt(vector, i)).flags & FLAG_XSK) != 0) count++;
  }
  return count;
}

/** For the check: frames submitted are in the socket's ring, in the device's ring, or completed. */
export function xskHolds(): bool {
  for (let vector: u32 = 0; vector < queuesEver(); vector++) {
    const queue = queueAt(vector);
    if (waiting(queue) > XSK_RING) return false;
    if (queue.xskTaken - queue.xskCompleted != inDevice(vector)) return false;
  }
  return true;
}
