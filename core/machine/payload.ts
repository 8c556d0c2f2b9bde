// deno-fmt-ignore-file
// What stands in a frame's payload, for rules that look at it: netperf fills its buffers with the
// letters of its name and their final zero, over and over (netlib.c, default_fill), and each
// message begins anew. Messages whose sizes are drawn are not netperf's: nothing is known of them.

import { Packet } from "./abi";
import { Connection, Group, groupAt, hasTransactions, PROTOCOL_TCP } from "./connection";
import { SIZES_CONSTANT } from "./sizes";

/** "netperf" and its zero, the first letter in the lowest byte. */
const FILL: u64 = 0x006672657074656e;

function byteAt(place: u32): u32 {
  return <u32>(FILL >> ((place & 7) << 3)) & 0xff;
}

function messageBytes(group: Group): u32 {
  return hasTransactions(group.test) ? group.requestBytes : group.messageBytes;
}

/** The 16-bit word at a place of a frame's payload, as on the wire; -1 where there is none. */
export function payloadWord(connection: Connection, packet: Packet, place: u32): i32 {
  const group = groupAt(connection.group);
  if (place + 2 > packet.payload || group.sizes != SIZES_CONSTANT) return -1;
  const isTcp = connection.protocol == PROTOCOL_TCP;
  const first = isTcp ? packet.sequence % max(messageBytes(group), 1) : 0;
  return (byteAt(first + place) << 8) | byteAt(first + place + 1);
}
