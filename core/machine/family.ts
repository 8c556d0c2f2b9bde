// deno-fmt-ignore-file
// What IPv6 changes about a flow: 20 bytes more of header, so that a full segment carries 20 bytes
// less; fragments with a header of their own; addresses of four words, which the hash and the flow
// director's rules are about. The model's IPv6 flows lie in fd00::/96 (unique local addresses,
// RFC 4193), so that a connection keeps the last word of each address only. Counts nothing.

import { Connection, PROTOCOL_TCP } from "./connection";
import { FLOW_V6 } from "./flow_match";
import {
  IP_HEADERS,
  TCP_HEADERS,
  TCP_SEGMENT,
  UDP_HEADERS,
  UDP_SEGMENT,
} from "./link";
import {
  HASH_TCP4,
  HASH_TCP6,
  HASH_UDP4,
  HASH_UDP6,
  rssHash,
  rssHashAddresses,
  rssHashV6,
  rssHashV6Addresses,
} from "./rss";

/** First word of all IPv6 addresses; the second and the third are 0. */
export const PREFIX: u32 = 0xfd000000;
/** What an IPv6 header is longer than one of IPv4, bytes. */
const V6_MORE: u32 = 20;
/** Payload of a fragment over IPv6: its header takes 8 bytes, and it is a multiple of 8. */
const V6_FRAGMENT: u32 = 1440;

/** Header bytes of a TCP frame, up to the check sequence. */
@inline
export function tcpHeaders(connection: Connection): u32 {
  return TCP_HEADERS + connection.isV6 * V6_MORE;
}

/** Payload of a full TCP segment: 1448 bytes, 1428 over IPv6. */
@inline
export function tcpSegment(connection: Connection): u32 {
  return TCP_SEGMENT - connection.isV6 * V6_MORE;
}

/** Frames of a datagram of so many bytes. */
export function udpFrames(connection: Connection, bytes: u32): u32 {
  const whole = UDP_SEGMENT - connection.isV6 * V6_MORE;
  if (bytes <= whole) return 1;
  const payload = udpFragment(connection);
  return (bytes + payload - 1) / payload;
}

/** Payload of a fragment but the last, and more than any other. */
@inline
function udpFragment(connection: Connection): u32 {
  return connection.isV6 != 0 ? V6_FRAGMENT : UDP_SEGMENT;
}

/** Payload of the i-th frame of a datagram of so many frames and bytes. */
export function udpPayload(connection: Connection, frames: u32, i: u32, bytes: u32): u32 {
  if (frames == 1) return bytes;
  const payload = udpFragment(connection);
  return min(payload, bytes - i * payload);
}

/** Header bytes of each frame of a datagram of so many frames. */
export function udpHeaders(connection: Connection, frames: u32): u32 {
  // Over IPv6, the fragment header of each is as long as the UDP header of a whole one.
  if (connection.isV6 != 0) return UDP_HEADERS + V6_MORE;
  return frames > 1 ? IP_HEADERS : UDP_HEADERS;
}

/** Flow type of the device for a connection's frames. */
@inline
export function flowTypeOf(connection: Connection): u32 {
  return connection.protocol | (connection.isV6 != 0 ? FLOW_V6 : 0);
}

/** Gives a connection the hashes of its flow, by the key and the fields that are in force. */
export function hashFlow(connection: Connection): void {
  const source = connection.source;
  const destination = connection.destination;
  const isTcp = connection.protocol == PROTOCOL_TCP;
  connection.rehashed = 1;
  if (connection.isV6 != 0) {
    const type = isTcp ? HASH_TCP6 : HASH_UDP6;
    connection.hash = rssHashV6(type, PREFIX, source, destination, connection.ports);
    connection.fragmentHash = rssHashV6Addresses(PREFIX, source, destination);
  } else {
    const type = isTcp ? HASH_TCP4 : HASH_UDP4;
    connection.hash = rssHash(type, source, destination, connection.ports);
    connection.fragmentHash = rssHashAddresses(source, destination);
  }
}
