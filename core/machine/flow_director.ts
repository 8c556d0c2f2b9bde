// deno-fmt-ignore-file
// Flow director: the device's table of filters that override RSS. Rules (sideband, ntuple) match
// the fields of one input set per flow type (flow_match.ts) and give a queue or drop. What is
// accepted and refused is the i40e driver's doing (i40e_ethtool.c); the room in the table is
// shared with ATR's filters (flow_room.ts). A rule works once the device has programmed it. Knows
// nothing of packets.

import { EBUSY, EINVAL, ENOENT, ENOSPC, EOPNOTSUPP } from "../lib/errno";
import { cancel, now, schedule } from "../lib/wheel";
import {
  EV_RULE,
  RULE_FREE,
  RULE_MAP,
  RULE_MATCH,
  RULE_MAX,
  RULE_SHIFT,
  RULE_TYPES,
  RULES,
} from "./abi";
import { connectionAt, connectionsUsed } from "./connection";
import { cost, RULE_PROGRAM } from "./costs";
import {
  bucketOf,
  flowTypeAt,
  HASHED_BYTES,
  Match,
  portsMask,
  TYPE_COUNT,
  typeOf,
  wanted,
  wantOnly,
  wantV4,
  wantV6,
} from "./flow_match";
import { atrFilters, hasRoom, isFlushed, roomInit } from "./flow_room";
import { deviceIsDown, queues } from "./queue";
import { INPUT_SET, refuse, SAME_RULE } from "./refusal";

/** Filters of one port of a two-port card: 7168 shared + 1024 guaranteed halved (PF_RING #259). */
export const RULE_LIMIT: u32 = 7680;
/** Any location: the highest free one, where ethtool's own search begins. */
export const LOCATION_ANY: i32 = -1;
/** A rule's queue that drops, and the look-up's answers for it and for no rule. */
export const QUEUE_DROP: i32 = -1;
export const ANSWER_NONE: i32 = -1;
export const ANSWER_DROP: i32 = -2;

/** Flexible words of all types together: places of the device's table (FLX_PIT) for them. */
const FLEX_OFFSETS: u32 = 3;

/** A rule, 64 bytes. `next` links rules of one hash, location + 1, 0 ends. */
@unmanaged
class Rule extends Match {
  queue: i32;
  next: u32;
  used: u32;
  /** Event with which the rule takes effect, 0 once it has. */
  event: u32;
}

/** What the rules of a flow type have in common, 16 bytes: their number, and their input set. */
@unmanaged
class FlowType {
  count: u32;
  fields: u32;
  /** Place of the flexible word in the payload, + 1; 0 for none. */
  flex: u32;
}

let usedCount: u32 = 0;
let programmed: u32 = 0;
let change: u32 = 1;

/** Changes whenever a look-up could give another answer; lets connections keep theirs. */
export function ruleGeneration(): u32 {
  return change;
}

/** A look-up may give another answer from here on. */
export function ruleChanged(): void {
  change++;
}

/** Rules in the table. */
export function ruleCount(): u32 {
  return usedCount;
}

/** Insertions and deletions so far. */
export function ruleProgrammed(): u32 {
  return programmed;
}


@inline
function ruleAt(location: u32): Rule {
  return changetype<Rule>(RULES + ((<usize>location) << RULE_SHIFT));
}


@inline
function typeAt(type: u32): FlowType {
  return changetype<FlowType>(RULE_TYPES + ((<usize>type) << 4));
}

/** Rules for TCP flows: while there is one, the driver keeps ATR off. */
export function ruleTcpCount(): u32 {
  return typeAt(0).count + typeAt(4).count;
}

/** Empties the table. */
export function rulesInit(): void {
  memory.fill(RULES, 0, (<usize>RULE_MAX) << RULE_SHIFT);
  memory.fill(RULE_MAP, 0, <usize>RULE_MAX * 2 * 4);
  memory.fill(RULE_TYPES, 0, <usize>TYPE_COUNT * 16);
  for (let word: u32 = 0; word < RULE_MAX / 64; word++) {
    store<u64>(RULE_FREE + ((<usize>word) << 3), word < RULE_LIMIT / 64 ? u64.MAX_VALUE : 0);
  }
  assert(offsetof<Rule>() <= 1 << RULE_SHIFT && offsetof<Match>("flexWord") == HASHED_BYTES);
  usedCount = 0;
  programmed = 0;
  change = 1;
  roomInit();
}

function highestFree(): i32 {
  for (let word: i32 = RULE_LIMIT / 64 - 1; word >= 0; word--) {
    const free = load<u64>(RULE_FREE + ((<usize>word) << 3));
    if (free != 0) return word * 64 + 63 - <i32>clz(free);
  }
  return -1;
}

/** Location of the rule that matches what is wanted, whatever its flexible word; -1 none. */
function findRule(): i32 {
  let link = load<u32>(bucketOf(wanted()));
  while (link != 0) {
    if (memory.compare(changetype<usize>(ruleAt(link - 1)), RULE_MATCH, HASHED_BYTES) == 0) {
      return link - 1;
    }
    link = ruleAt(link - 1).next;
  }
  return -1;
}

/**
 * Location of a rule that the driver takes for the same as the one that is wanted. It compares
 * neither flexible words nor, of IPv6, more than ports and half of the source address
 * (i40e_match_fdir_filter); -1 for none but at the location `own`.
 */
function findSame(own: i32): i32 {
  const match = wanted();
  if (match.type < 4) {
    const same = findRule();
    return same == own ? -1 : same;
  }
  for (let i = ruleNext(0); i >= 0; i = ruleNext(i + 1)) {
    const rule = ruleAt(i);
    if (i == own || rule.type != match.type || rule.ports != match.ports) continue;
    if (rule.source0 == match.source0 && rule.source1 == match.source1) return i;
  }
  return -1;
}

function enter(location: u32, rule: Rule): void {
  const bucket = bucketOf(rule);
  rule.next = load<u32>(bucket);
  store<u32>(bucket, location + 1);
  const word = RULE_FREE + (((<usize>location) >> 6) << 3);
  store<u64>(word, load<u64>(word) & ~((<u64>1) << (location & 63)));
}

/** Whether the device has room for a flexible word at a place: that of a rule, or a new one. */
function flexFits(flex: u32): bool {
  if (flex == 0) return true;
  let places: u64 = 0;
  for (let type: u32 = 0; type < TYPE_COUNT; type++) {
    if (typeAt(type).count != 0) places |= (<u64>1) << typeAt(type).flex;
  }
  places &= ~1;
  return ((places >> flex) & 1) != 0 || popcnt(places) < FLEX_OFFSETS;
}

/** What the driver says to the fields of a new rule: 0, or why not. */
function fieldsRefused(type: u32, fields: u32, flex: u32): i32 {
  if ((type & 3) == 3 && portsMask(fields) != 0) return -EOPNOTSUPP;
  if (!flexFits(flex)) return -ENOSPC;
  // One input set per flow type, and even the only rule keeps it when it is replaced.
  const known = typeAt(type);
  if (known.count == 0) return 0;
  if (known.fields == fields && known.flex == flex) return 0;
  return refuse(-EOPNOTSUPP, INPUT_SET, known.count);
}

/**
 * Inserts a rule for what is wanted, with this input set and flexible place + 1 (0 none); see
 * filterInsert in flow_input.ts.
 */
export function insertWanted(location: i32, fields: u32, flex: u32, queue: i32): i32 {
  const type = wanted().type;
  const refused = fieldsRefused(type, fields, flex);
  if (refused != 0) return refused;
  if (location < LOCATION_ANY || location >= <i32>RULE_LIMIT) return -EINVAL;
  if (queue < QUEUE_DROP || queue >= <i32>queues()) return -EINVAL;
  wantOnly(fields);
  const same = findSame(location);
  if (same >= 0) return refuse(-EINVAL, SAME_RULE, same);
  const replaced = location >= 0 && ruleAt(location).used != 0;
  if (!replaced && !hasRoom()) return -ENOSPC;
  const place: u32 = location < 0 ? <u32>highestFree() : <u32>location;
  if (replaced) ruleDelete(place);
  const rule = ruleAt(place);
  memory.copy(changetype<usize>(rule), RULE_MATCH, offsetof<Match>());
  rule.queue = queue;
  rule.used = 1;
  rule.event = schedule(now() + cost(RULE_PROGRAM), EV_RULE, place);
  enter(place, rule);
  typeAt(type).fields = fields;
  typeAt(type).flex = flex;
  typeAt(type).count++;
  usedCount++;
  programmed++;
  change++;
  return place;
}

/** The device has programmed the rule. */
export function ruleActivate(location: u32): void {
  ruleAt(location).event = 0;
  change++;
}

/** Deletes the rule at a location; -ENOENT where there is none, -EBUSY during a flush. */
export function ruleDelete(location: u32): i32 {
  if (location >= RULE_LIMIT || ruleAt(location).used == 0) return -ENOENT;
  if (isFlushed() || deviceIsDown()) return -EBUSY;
  const rule = ruleAt(location);
  let link = bucketOf(rule);
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
  typeAt(rule.type).count--;
  programmed++;
  change++;
  return 0;
}

/** Answer of the rules for what is wanted, in a frame with this word at the flexible place. */
function answer(flexWord: i32): i32 {
  const known = typeAt(wanted().type);
  wantOnly(known.fields);
  const location = findRule();
  if (location < 0 || ruleAt(location).event != 0) return ANSWER_NONE;
  if (known.flex != 0 && <i32>ruleAt(location).flexWord != flexWord) return ANSWER_NONE;
  return ruleAt(location).queue == QUEUE_DROP ? ANSWER_DROP : ruleAt(location).queue;
}

/** Whether there are rules in force for a flow type. */
function hasRules(type: i32): bool {
  return usedCount != 0 && !isFlushed() && type >= 0 && typeAt(type).count != 0;
}

/**
 * Place in the payload of the flexible word that rules of a flow type look at, or -1: then the
 * answer is the same for all frames of a flow.
 */
export function ruleFlex(flowType: u32): i32 {
  const type = typeOf(flowType);
  return hasRules(type) ? <i32>typeAt(type).flex - 1 : -1;
}

/**
 * Queue that an active rule gives a flow of IPv4, ANSWER_DROP, or ANSWER_NONE; `flexWord` is what
 * stands at the flexible place, -1 for nothing.
 */
export function ruleQueue(
  flowType: u32,
  source: u32,
  destination: u32,
  ports: u32,
  flexWord: i32,
): i32 {
  const type = typeOf(flowType);
  if (!hasRules(type)) return ANSWER_NONE;
  wantV4(type, source, destination, ports);
  return answer(flexWord);
}

/** The same for a flow of IPv6 whose addresses have one prefix; see family.ts. */
export function ruleQueueV6(
  flowType: u32,
  prefix: u32,
  source: u32,
  destination: u32,
  ports: u32,
  flexWord: i32,
): i32 {
  const type = typeOf(flowType);
  if (!hasRules(type)) return ANSWER_NONE;
  wantV6(type, prefix, source, destination, ports);
  return answer(flexWord);
}

// A rule as `ethtool -n` shows it.

/** The first location in use from one on, or -1. */
export function ruleNext(location: u32): i32 {
  for (let i = location; i < RULE_LIMIT; i++) if (ruleAt(i).used != 0) return i;
  return -1;
}

/**
 * Word of a rule in use: 0 flow type, 1 to 4 source, 5 to 8 destination, 9 ports, 10 flexible word,
 * 11 queue, 12 fields, 13 place of the flexible word + 1.
 */
export function ruleWord(location: u32, word: u32): i32 {
  assert(location < RULE_LIMIT && ruleAt(location).used != 0 && word <= 13);
  const rule = ruleAt(location);
  if (word == 0) return flowTypeAt(rule.type);
  if (word == 12) return typeAt(rule.type).fields;
  if (word == 13) return typeAt(rule.type).flex;
  return load<i32>(changetype<usize>(rule) + ((<usize>word) << 2));
}

/** A rule that gives a queue from this one on, or -1. */
export function ruleBeyond(queue: u32): i32 {
  for (let i = ruleNext(0); i >= 0; i = ruleNext(i + 1)) {
    if (ruleAt(i).queue >= <i32>queue) return i;
  }
  return -1;
}

/** Whether counts and places of the table agree and no more filters are in it than fit. */
export function filterTableHolds(): bool {
  let used: u32 = 0;
  let free: u32 = 0;
  let typed: u32 = 0;
  for (let i: u32 = 0; i < RULE_LIMIT; i++) {
    const word = RULE_FREE + (((<usize>i) >> 6) << 3);
    free += <u32>((load<u64>(word) >> (i & 63)) & 1);
    if (ruleAt(i).used != 0) used++;
  }
  for (let type: u32 = 0; type < TYPE_COUNT; type++) {
    let count: u32 = 0;
    if (typeAt(type).count != 0) count = countOfType(type);
    if (count != typeAt(type).count) return false;
    typed += count;
  }
  let steered: u32 = 0;
  for (let i: u32 = 0; i < connectionsUsed(); i++) {
    const connection = connectionAt(i);
    if (connection.atrQueue >= 0 || connection.atrEvent != 0) steered++;
  }
  if (used != usedCount || free != RULE_LIMIT - used || typed != used) return false;
  return steered <= atrFilters() && used + atrFilters() <= RULE_LIMIT;
}

function countOfType(type: u32): u32 {
  let count: u32 = 0;
  for (let i = ruleNext(0); i >= 0; i = ruleNext(i + 1)) if (ruleAt(i).type == type) count++;
  return count;
}
