// deno-fmt-ignore-file
// What a flow-director rule matches: a flow type, addresses, ports and a flexible word, of which
// the fields of the type's input set count and others are 0. One match at a time is wanted: it is
// put together here, for a rule that is to be inserted or a frame that has come. Knows no rules.

import { RULE_MAP, RULE_MATCH, RULE_MAX } from "./abi";

// Fields of a rule, as bits.
const FIELD_SOURCE: u32 = 1;
const FIELD_DESTINATION: u32 = 2;
const FIELD_SOURCE_PORT: u32 = 4;
const FIELD_DESTINATION_PORT: u32 = 8;

// Flow types by IP protocol; 0 is any other kind, of IPv4 with its fragments.
export const FLOW_IP: u32 = 0;
const FLOW_TCP: u32 = 6;
const FLOW_UDP: u32 = 17;
const FLOW_SCTP: u32 = 132;
/** What the same over IPv6 has more. */
export const FLOW_V6: u32 = 256;

const MAP_MASK: u32 = RULE_MAX * 2 - 1;
/** Flow types: TCP, UDP, SCTP and others of IPv4, then of IPv6. */
export const TYPE_COUNT: u32 = 8;

/**
 * What a rule matches: its flow type's place, four words of each address (of IPv4 the first), ports
 * and flexible word; fields outside the input set are 0. All but the flexible word is hashed.
 */
@unmanaged
export class Match {
  type: u32;
  source0: u32;
  source1: u32;
  source2: u32;
  source3: u32;
  destination0: u32;
  destination1: u32;
  destination2: u32;
  destination3: u32;
  ports: u32;
  flexWord: u32;
}
/** Bytes of it that are hashed and compared. */
export const HASHED_BYTES: usize = 40;

/** What is wanted. */
@inline
export function wanted(): Match {
  return changetype<Match>(RULE_MATCH);
}

/** Place of a flow type, -1 for one that the device has not. */
export function typeOf(flowType: u32): i32 {
  const isV6: i32 = (flowType & FLOW_V6) != 0 ? 4 : 0;
  switch (flowType & ~FLOW_V6) {
    case FLOW_TCP:
      return isV6;
    case FLOW_UDP:
      return isV6 + 1;
    case FLOW_SCTP:
      return isV6 + 2;
    default:
      return (flowType & ~FLOW_V6) == FLOW_IP ? isV6 + 3 : -1;
  }
}

/** Flow type at a place. */
export function flowTypeAt(type: u32): u32 {
  const place: u32 = type & 3;
  const v6: u32 = type < 4 ? 0 : FLOW_V6;
  if (place == 0) return FLOW_TCP | v6;
  if (place == 1) return FLOW_UDP | v6;
  return (place == 2 ? FLOW_SCTP : FLOW_IP) | v6;
}

/** Bits of both ports that a set of fields has. */
export function portsMask(fields: u32): u32 {
  const source: u32 = (fields & FIELD_SOURCE_PORT) != 0 ? 0xffff0000 : 0;
  return source | ((fields & FIELD_DESTINATION_PORT) != 0 ? 0xffff : 0);
}

/** Says what is looked for: a type and ports, addresses follow. */
export function want(type: u32, ports: u32): void {
  memory.fill(RULE_MATCH, 0, offsetof<Match>());
  wanted().type = type;
  wanted().ports = ports;
}

/** A flow of a type with addresses of one word: IPv4. */
export function wantV4(type: u32, source: u32, destination: u32, ports: u32): void {
  want(type, ports);
  wanted().source0 = source;
  wanted().destination0 = destination;
}

/** The same of IPv6, with addresses whose first and last word are not 0. */
export function wantV6(type: u32, prefix: u32, source: u32, destination: u32, ports: u32): void {
  want(type, ports);
  const match = wanted();
  match.source0 = prefix;
  match.source3 = source;
  match.destination0 = prefix;
  match.destination3 = destination;
}

/** Takes out of what is wanted all that is not in the input set. */
export function wantOnly(fields: u32): void {
  const match = wanted();
  if ((fields & FIELD_SOURCE) == 0) memory.fill(RULE_MATCH + offsetof<Match>("source0"), 0, 16);
  if ((fields & FIELD_DESTINATION) == 0) {
    memory.fill(RULE_MATCH + offsetof<Match>("destination0"), 0, 16);
  }
  match.ports &= portsMask(fields);
}

/** Where the list of rules begins that a match may be in. */
export function bucketOf(match: Match): usize {
  let hash: u32 = 0;
  for (let at: usize = 0; at < HASHED_BYTES; at += 4) {
    hash = (rotl<u32>(hash, 7) ^ load<u32>(changetype<usize>(match) + at)) * 0x9e3779b1;
  }
  return RULE_MAP + ((<usize>((hash >> 16) & MAP_MASK)) << 2);
}
