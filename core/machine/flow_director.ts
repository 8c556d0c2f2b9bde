// deno-fmt-ignore-file
// Flow director: the device's table of filters that override RSS. Rules (sideband, ntuple) match
// the fields of one input set per flow type and give a queue or drop; ATR's filters (atr.ts) only
// count here, since they share the room. What is accepted, refused and switched off near a full
// table is the i40e driver's doing (i40e_ethtool.c, i40e_main.c). A rule works once the device has
// programmed it. Knows nothing of packets.

import { EBUSY, EINVAL, ENOENT, ENOSPC, EOPNOTSUPP } from "../lib/errno";
import { cancel, now, schedule } from "../lib/wheel";
import { EV_FLUSH, EV_RULE, RULE_FREE, RULE_MAP, RULE_MAX, RULE_SHIFT, RULES } from "./abi";
import { connectionAt, connectionsUsed } from "./connection";
import { cost, FD_FLUSH, RULE_PROGRAM } from "./costs";

/** Filters of one port of a two-port card: 7168 shared + 1024 guaranteed halved (PF_RING #259). */
export const RULE_LIMIT: u32 = 7680;
/** Any location: the highest free one, where ethtool's own search begins. */
export const LOCATION_ANY: i32 = -1;
/** A rule's queue that drops, and the look-up's answers for it and for no rule. */
export const QUEUE_DROP: i32 = -1;
export const ANSWER_NONE: i32 = -1;
export const ANSWER_DROP: i32 = -2;

// Fields of a rule, as bits.
export const FIELD_SOURCE: u32 = 1;
export const FIELD_DESTINATION: u32 = 2;
export const FIELD_SOURCE_PORT: u32 = 4;
export const FIELD_DESTINATION_PORT: u32 = 8;
export const FIELDS_ALL: u32 = 15;

// Flow types by IP protocol; 0 is IPv4 of any other kind, fragments among it.
export const FLOW_IP4: u32 = 0;
export const FLOW_TCP4: u32 = 6;
export const FLOW_UDP4: u32 = 17;
export const FLOW_SCTP4: u32 = 132;

/** Free filters below which ATR stops, from which on it and rules start again (i40e.h). */
const FULL_MARGIN: u32 = 10;
const ATR_ROOM: u32 = 128;
const RULE_ROOM: u32 = 32;
/** Least time between two flushes of the table: 10 s. */
const FLUSH_INTERVAL: u64 = 100000000000;

const MAP_MASK: u32 = RULE_MAX * 2 - 1;
const TYPE_COUNT: u32 = 4;

/** A rule, 32 bytes. `next` links rules of one hash, location + 1, 0 ends. */
@unmanaged
class Rule {
  protocol: u32;
  source: u32;
  destination: u32;
  ports: u32;
  queue: i32;
  next: u32;
  used: u32;
  /** Event with which the rule takes effect, 0 once it has. */
  event: u32;
}

let usedCount: u32 = 0;
let programmed: u32 = 0;
let change: u32 = 1;
/** Input set of each flow type, four bits each, and rules that hold it, sixteen bits each. */
let inputSets: u32 = 0;
let typeCounts: u64 = 0;
/** Filters of ATR, the forgotten ones of ended flows among them. */
let atrCount: u32 = 0;
let atrStopped: bool = false;
let rulesStopped: bool = false;
let flushEvent: u32 = 0;
/** Ticks from which on the table may be flushed again. */
let flushNext: u64 = 0;

/** Changes whenever a look-up could give another answer; lets connections keep theirs. */
export function ruleGeneration(): u32 {
  return change;
}

/** Rules in the table. */
export function ruleCount(): u32 {
  return usedCount;
}

/** Filters of ATR in the table. */
export function atrFilters(): u32 {
  return atrCount;
}

/** Insertions and deletions so far. */
export function ruleProgrammed(): u32 {
  return programmed;
}


@inline
function ruleAt(location: u32): Rule {
  return changetype<Rule>(RULES + ((<usize>location) << RULE_SHIFT));
}

/** Place of a flow type, -1 for one that the device has not. */
function typeOf(protocol: u32): i32 {
  if (protocol == FLOW_TCP4) return 0;
  if (protocol == FLOW_UDP4) return 1;
  if (protocol == FLOW_SCTP4) return 2;
  return protocol == FLOW_IP4 ? 3 : -1;
}


@inline
function rulesOf(type: u32): u32 {
  return <u32>(typeCounts >> (type << 4)) & 0xffff;
}


@inline
function inputSetOf(type: u32): u32 {
  return (inputSets >> (type << 2)) & FIELDS_ALL;
}

/** Rules for TCP flows: while there is one, the driver keeps ATR off. */
export function ruleTcpCount(): u32 {
  return rulesOf(0);
}

function portsMask(fields: u32): u32 {
  const source: u32 = (fields & FIELD_SOURCE_PORT) != 0 ? 0xffff0000 : 0;
  return source | ((fields & FIELD_DESTINATION_PORT) != 0 ? 0xffff : 0);
}

function bucketOf(protocol: u32, source: u32, destination: u32, ports: u32): usize {
  let hash = (protocol ^ rotl<u32>(source, 7) ^ rotl<u32>(destination, 17)) + ports;
  hash *= 0x9e3779b1;
  return RULE_MAP + ((<usize>((hash >> 16) & MAP_MASK)) << 2);
}

/** Empties the table. */
export function rulesInit(): void {
  memory.fill(RULES, 0, (<usize>RULE_MAX) << RULE_SHIFT);
  memory.fill(RULE_MAP, 0, <usize>RULE_MAX * 2 * 4);
  for (let word: u32 = 0; word < RULE_MAX / 64; word++) {
    store<u64>(RULE_FREE + ((<usize>word) << 3), word < RULE_LIMIT / 64 ? u64.MAX_VALUE : 0);
  }
  assert(TYPE_COUNT * 16 <= 64 && RULE_LIMIT < 0x10000);
  usedCount = 0;
  programmed = 0;
  change = 1;
  inputSets = 0;
  typeCounts = 0;
  atrCount = 0;
  atrStopped = false;
  rulesStopped = false;
  flushEvent = 0;
  flushNext = 0;
}

function highestFree(): i32 {
  for (let word: i32 = RULE_LIMIT / 64 - 1; word >= 0; word--) {
    const free = load<u64>(RULE_FREE + ((<usize>word) << 3));
    if (free != 0) return word * 64 + 63 - <i32>clz(free);
  }
  return -1;
}

function findRule(protocol: u32, source: u32, destination: u32, ports: u32): i32 {
  let link = load<u32>(bucketOf(protocol, source, destination, ports));
  while (link != 0) {
    const rule = ruleAt(link - 1);
    if (
      rule.ports == ports &&
      rule.protocol == protocol &&
      rule.source == source &&
      rule.destination == destination
    )
      return link - 1;
    link = rule.next;
  }
  return -1;
}

function freeFilters(): u32 {
  return RULE_LIMIT - min(usedCount + atrCount, RULE_LIMIT);
}

/** The driver empties the table of ATR's filters; until that is done nothing matches. */
function startFlush(): void {
  if (flushEvent != 0 || now() < flushNext) return;
  for (let i: u32 = 0; i < connectionsUsed(); i++) {
    const connection = connectionAt(i);
    if (connection.atrEvent != 0) cancel(connection.atrEvent);
    connection.atrEvent = 0;
    connection.atrQueue = -1;
    connection.atrNext = -1;
  }
  atrCount = 0;
  change++;
  flushEvent = schedule(now() + cost(FD_FLUSH), EV_FLUSH, 0);
}

/** The flush is over and the rules are programmed again. */
export function flushDone(): void {
  flushEvent = 0;
  flushNext = now() + FLUSH_INTERVAL;
  change++;
}

/** Room for one more filter of ATR, which is taken; near the table's end ATR stops. */
export function atrTake(): bool {
  if (!atrRuns()) return false;
  atrStopped = freeFilters() <= FULL_MARGIN;
  if (atrStopped) {
    if (rulesStopped) startFlush();
    return false;
  }
  atrCount++;
  return true;
}

/** Whether the driver samples for ATR now: not while it has stopped or a TCP rule exists. */
export function atrRuns(): bool {
  if (flushEvent != 0 || ruleTcpCount() != 0) return false;
  return !atrStopped || freeFilters() > ATR_ROOM;
}

/** A filter of ATR is gone. */
export function atrGive(): void {
  assert(atrCount > 0);
  atrCount--;
}

/** Whether a rule finds room; a full table takes none until there is some more. */
function hasRoom(): bool {
  if (rulesStopped && freeFilters() <= RULE_ROOM) return false;
  rulesStopped = freeFilters() == 0;
  if (rulesStopped && atrCount != 0) startFlush();
  return !rulesStopped;
}

function enter(location: u32, rule: Rule): void {
  const bucket = bucketOf(rule.protocol, rule.source, rule.destination, rule.ports);
  rule.next = load<u32>(bucket);
  store<u32>(bucket, location + 1);
  const word = RULE_FREE + (((<usize>location) >> 6) << 3);
  store<u64>(word, load<u64>(word) & ~((<u64>1) << (location & 63)));
}

/**
 * Inserts a rule at a location, or at the highest free one, for flows that agree in `fields`; a
 * rule that is there is replaced. Answers the location. -EBUSY during a flush; -EOPNOTSUPP for a
 * flow type or fields that the device has not, or other fields than the type's rules have; -EINVAL
 * beyond the table or where the same match stands elsewhere; -ENOSPC where there is no room.
 */
export function filterInsert(
  protocol: u32,
  location: i32,
  source: u32,
  destination: u32,
  ports: u32,
  fields: u32,
  queue: i32,
): i32 {
  const type = typeOf(protocol);
  if (type < 0) return -EOPNOTSUPP;
  if (protocol == FLOW_IP4 && portsMask(fields) != 0) return -EOPNOTSUPP;
  if (flushEvent != 0) return -EBUSY;
  const replaced = location >= 0 && <u32>location < RULE_LIMIT && ruleAt(location).used != 0;
  const own = replaced && ruleAt(location).protocol == protocol ? 1 : 0;
  if (rulesOf(type) > <u32>own && inputSetOf(type) != fields) return -EOPNOTSUPP;
  if (location < LOCATION_ANY || location >= <i32>RULE_LIMIT) return -EINVAL;
  const from = (fields & FIELD_SOURCE) != 0 ? source : 0;
  const to = (fields & FIELD_DESTINATION) != 0 ? destination : 0;
  const between = ports & portsMask(fields);
  const same = findRule(protocol, from, to, between);
  if (same >= 0 && same != location) return -EINVAL;
  if (!replaced && !hasRoom()) return -ENOSPC;
  const place: u32 = location < 0 ? <u32>highestFree() : <u32>location;
  if (replaced) ruleDelete(place);
  const rule = ruleAt(place);
  rule.protocol = protocol;
  rule.source = from;
  rule.destination = to;
  rule.ports = between;
  rule.queue = queue;
  rule.used = 1;
  rule.event = schedule(now() + cost(RULE_PROGRAM), EV_RULE, place);
  enter(place, rule);
  inputSets = (inputSets & ~(FIELDS_ALL << (type << 2))) | (fields << (type << 2));
  typeCounts += (<u64>1) << (type << 4);
  usedCount++;
  programmed++;
  change++;
  return place;
}

/** Inserts a rule for one flow at any location, as the policy manager asks for it. */
export function ruleInsert(
  protocol: u32,
  source: u32,
  destination: u32,
  ports: u32,
  queue: u32,
): i32 {
  return filterInsert(protocol, LOCATION_ANY, source, destination, ports, FIELDS_ALL, queue);
}

/** The device has programmed the rule. */
export function ruleActivate(location: u32): void {
  ruleAt(location).event = 0;
  change++;
}

/** Deletes the rule at a location; -ENOENT where there is none, -EBUSY during a flush. */
export function ruleDelete(location: u32): i32 {
  if (location >= RULE_LIMIT || ruleAt(location).used == 0) return -ENOENT;
  if (flushEvent != 0) return -EBUSY;
  const rule = ruleAt(location);
  let link = bucketOf(rule.protocol, rule.source, rule.destination, rule.ports);
  while (load<u32>(link) != location + 1) {
    link = changetype<usize>(ruleAt(load<u32>(link) - 1)) + offsetof<Rule>("next");
  }
  store<u32>(link, rule.next);
  rule.used = 0;
  if (rule.event != 0) {
    cancel(rule.event);
    rule.event = 0;
  }
  const word = RULE_FREE + (((<usize>location) >> 6) << 3);
  store<u64>(word, load<u64>(word) | ((<u64>1) << (location & 63)));
  usedCount--;
  typeCounts -= (<u64>1) << (typeOf(rule.protocol) << 4);
  programmed++;
  change++;
  return 0;
}

/** Queue that an active rule gives a flow, ANSWER_DROP, or ANSWER_NONE. */
export function ruleQueue(protocol: u32, source: u32, destination: u32, ports: u32): i32 {
  if (usedCount == 0 || flushEvent != 0) return ANSWER_NONE;
  const type = typeOf(protocol);
  if (rulesOf(type) == 0) return ANSWER_NONE;
  const fields = inputSetOf(type);
  const from = (fields & FIELD_SOURCE) != 0 ? source : 0;
  const to = (fields & FIELD_DESTINATION) != 0 ? destination : 0;
  const location = findRule(protocol, from, to, ports & portsMask(fields));
  if (location < 0 || ruleAt(location).event != 0) return ANSWER_NONE;
  return ruleAt(location).queue == QUEUE_DROP ? ANSWER_DROP : ruleAt(location).queue;
}

// A rule as `ethtool -n` shows it.

/** The first location in use from one on, or -1. */
export function ruleNext(location: u32): i32 {
  for (let i = location; i < RULE_LIMIT; i++) if (ruleAt(i).used != 0) return i;
  return -1;
}

/** Word of a rule in use: 0 flow type, 1 source, 2 destination, 3 ports, 4 fields, 5 queue. */
export function ruleWord(location: u32, word: u32): i32 {
  assert(location < RULE_LIMIT && ruleAt(location).used != 0);
  const rule = ruleAt(location);
  switch (word) {
    case 0:
      return rule.protocol;
    case 1:
      return rule.source;
    case 2:
      return rule.destination;
    case 3:
      return rule.ports;
    case 4:
      return inputSetOf(typeOf(rule.protocol));
    default:
      assert(word == 5);
      return rule.queue;
  }
}

/** Whether counts and places of the table agree and no more filters are in it than fit. */
export function filterTableHolds(): bool {
  let used: u32 = 0;
  let free: u32 = 0;
  let types: u64 = 0;
  for (let i: u32 = 0; i < RULE_LIMIT; i++) {
    const word = load<u64>(RULE_FREE + (((<usize>i) >> 6) << 3));
    free += <u32>((word >> (i & 63)) & 1);
    if (ruleAt(i).used == 0) continue;
    used++;
    types += (<u64>1) << (typeOf(ruleAt(i).protocol) << 4);
  }
  let steered: u32 = 0;
  for (let i: u32 = 0; i < connectionsUsed(); i++) {
    const connection = connectionAt(i);
    if (connection.atrQueue >= 0 || connection.atrEvent != 0) steered++;
  }
  if (used != usedCount || free != RULE_LIMIT - used || types != typeCounts) return false;
  return steered <= atrCount && used + atrCount <= RULE_LIMIT;
}
