// deno-fmt-ignore-file
// UDP of the system under test: datagrams, reassembly of fragments, a socket buffer that drops what
// does not fit. No GRO (it is off for UDP by default). Never retransmits: that is the peer's.

import { FLAG_FRAGMENT, FLAG_LAST, FLAG_UDP, Packet, packetAt, packetTake } from "./abi";
import { Connection, connectionAt, END_CLIENT, groupAt, UDP_STREAM } from "./connection";
import { cost, UDP_BUFFER } from "./costs";
import { cpuAt } from "./cpu";
import { notify } from "./epoll";
import { udpFrames, udpHeaders, udpPayload } from "./family";
import { datagramLost } from "./loss";
import { qdiscSubmit } from "./qdisc";
import { txQueueOf } from "./steering";
import { totals } from "./totals";

/** Memory a frame is charged to its socket with: i40e's half page and the buffer head. */
const FRAME_TRUESIZE: u32 = 2304;

/** Bytes of a datagram that comes for a connection's socket. */
export function udpDatagram(connection: Connection): u32 {
  const group = groupAt(connection.group);
  if (connection.end == END_CLIENT) return group.responseBytes;
  return group.test == UDP_STREAM ? group.messageBytes : group.requestBytes;
}

/**
 * Adds a fragment to the datagram it belongs to; true once all of it is there. Fragments come in
 * order: the first one of another datagram ends what is there, and so does the last one of all.
 */
function reassembled(connection: Connection, packet: Packet, bytes: u32): bool {
  if (packet.sequence != connection.fragmentOf) {
    if (connection.fragmentBytes != 0) totals().dropFragment++;
    connection.fragmentOf = packet.sequence;
    connection.fragmentBytes = 0;
  }
  connection.fragmentBytes += packet.payload;
  if ((packet.flags & FLAG_LAST) == 0) return false;
  const whole = connection.fragmentBytes == bytes;
  connection.fragmentBytes = 0;
  if (whole) return true;
  totals().dropFragment++;
  datagramLost(packet.connection);
  return false;
}

/** A frame of a UDP flow has been cleaned from the ring. */
export function udpReceive(cpu: u32, packet: Packet): void {
  const index = packet.connection;
  const connection = connectionAt(index);
  const bytes = udpDatagram(connection);
  if (!reassembled(connection, packet, bytes)) return;
  const held = (connection.rxMessages + 1) * udpFrames(connection, bytes) * FRAME_TRUESIZE;
  if (held > <u32>cost(UDP_BUFFER)) {
    totals().dropSocket++;
    datagramLost(index);
    return;
  }
  connection.rxMessages++;
  connection.rxNode = cpuAt(cpu).node;
  notify(index, cpu);
}

/** Sends a datagram of the server: a packet for each fragment, all to one queue. */
export function udpSend(index: u32, cpu: u32, bytes: u32): void {
  const connection = connectionAt(index);
  const frames = udpFrames(connection, bytes);
  const headers = udpHeaders(connection, frames);
  const queue = txQueueOf(connection, cpu);
  const datagram = ++connection.datagrams;
  for (let i: u32 = 0; i < frames; i++) {
    const payload = udpPayload(connection, frames, i, bytes);
    let flags = FLAG_UDP;
    if (frames > 1) flags |= FLAG_FRAGMENT;
    if (i + 1 == frames) flags |= FLAG_LAST;
    const number = packetTake(index, flags, payload, headers);
    packetAt(number).life = connection.life;
    packetAt(number).sequence = datagram;
    qdiscSubmit(queue, number);
  }
}
