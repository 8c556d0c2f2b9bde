// deno-fmt-ignore-file
// Flow director: perfect-match rules over the IPv4 4-tuple that override RSS. A rule takes the
// highest free location, as ethtool's search for "any location" does on i40e (first rule 7679 of
// 7680), works after the device has programmed it, and is refused with ENOSPC when the table is
// full. A second rule for a flow is refused with EINVAL, as i40e refuses an identical match at
// another location: whoever wants another queue deletes the first one.

import { EINVAL, ENOENT, ENOSPC } from "../lib/errno";
import { cancel, now, schedule } from "../lib/wheel";
import { EV_RULE, RULE_FREE, RULE_MAP, RULE_MAX, RULE_SHIFT, RULES } from "./abi";
import { cost, RULE_PROGRAM } from "./costs";

/** Rules of one port of a two-port card: 7168 shared + 1024 guaranteed halved (PF_RING #259). */
export const RULE_LIMIT: u32 = 7680;
const MAP_MASK: u32 = RULE_MAX * 2 - 1;

/** A rule, 32 bytes. `next` links rules of one hash, location + 1, 0 ends. */
@unmanaged
class Rule {
  protocol: u32;
  source: u32;
  destination: u32;
  ports: u32;
  queue: u32;
  next: u32;
  used: u32;
  /** Event with which the rule takes effect, 0 once it has. */
  event: u32;
}

let usedCount: u32 = 0;
let tcpCount: u32 = 0;
let programmed: u32 = 0;
let change: u32 = 1;

/** Changes whenever a look-up could give another answer; lets connections keep theirs. */
export function ruleGeneration(): u32 {
  return change;
}

/** Rules in the table. */
export function ruleCount(): u32 {
  return usedCount;
}

/** Rules for TCP flows: while there is one, the driver keeps ATR off. */
export function ruleTcpCount(): u32 {
  return tcpCount;
}

/** Insertions and deletions so far. */
export function ruleProgrammed(): u32 {
  return programmed;
}


@inline
function ruleAt(location: u32): Rule {
  return changetype<Rule>(RULES + ((<usize>location) << RULE_SHIFT));
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
  usedCount = 0;
  tcpCount = 0;
  programmed = 0;
  change = 1;
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

/** Inserts a rule: its location, -EINVAL where the flow has one, -ENOSPC in a full table. */
export function ruleInsert(
  protocol: u32,
  source: u32,
  destination: u32,
  ports: u32,
  queue: u32,
): i32 {
  if (findRule(protocol, source, destination, ports) >= 0) return -EINVAL;
  const location = highestFree();
  if (location < 0) return -ENOSPC;
  const word = RULE_FREE + (((<usize>location) >> 6) << 3);
  store<u64>(word, load<u64>(word) & ~((<u64>1) << (location & 63)));
  const bucket = bucketOf(protocol, source, destination, ports);
  const rule = ruleAt(location);
  rule.protocol = protocol;
  rule.source = source;
  rule.destination = destination;
  rule.ports = ports;
  rule.queue = queue;
  rule.used = 1;
  rule.event = schedule(now() + cost(RULE_PROGRAM), EV_RULE, location);
  rule.next = load<u32>(bucket);
  store<u32>(bucket, location + 1);
  usedCount++;
  if (protocol == 6) tcpCount++;
  programmed++;
  change++;
  return location;
}

/** The device has programmed the rule. */
export function ruleActivate(location: u32): void {
  ruleAt(location).event = 0;
  change++;
}

/** Deletes the rule at a location; -ENOENT where there is none. */
export function ruleDelete(location: u32): i32 {
  if (location >= RULE_LIMIT || ruleAt(location).used == 0) return -ENOENT;
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
  if (rule.protocol == 6) tcpCount--;
  programmed++;
  change++;
  return 0;
}

/** Queue that an active rule gives a flow, or -1. */
export function ruleQueue(protocol: u32, source: u32, destination: u32, ports: u32): i32 {
  if (usedCount == 0) return -1;
  const location = findRule(protocol, source, destination, ports);
  return location >= 0 && ruleAt(location).event == 0 ? ruleAt(location).queue : -1;
}
