// deno-fmt-ignore-file
// What `ethtool` asks of the device, with the errors of the i40e driver (i40e_ethtool.c): interrupt
// coalescing (-C), flow-director rules (-N, -n), the table and key of receive side scaling (-X). A
// refused request changes nothing. -1 stands for "not given", "all queues", "any location" and
// "drop"; typed calls with names are in harness/machine/ethtool.ts. Holds no state: settings lie
// where they work.

import { EINVAL, EOPNOTSUPP } from "../lib/errno";
import { connectionAt, connectionsUsed } from "./connection";
import { hashFlow } from "./family";
import { ruleNext, ruleWord } from "./flow_director";
import { filterInsert } from "./flow_input";
import {
  INTRL_MAX_USECS,
  intrlOf,
  intrlSet,
  ITR_MAX_USECS,
  itrAdapt,
  itrDim,
  itrPerVector,
  itrSet,
  itrStart,
} from "./itr";
import { Container, queues, rxContainer, txContainer, workLimit, workLimitSet } from "./queue";
import {
  RSS_KEY_SIZE,
  rssFields,
  rssFieldsSet,
  rssKeyAt,
  rssKeySet,
  rssQueue,
  rssTableSet,
} from "./rss";

/**
 * Settings that stand before the run: intervals in microseconds or -1 for adaptive, and the cap on
 * the vector's rate. In force at once.
 */
export function nicCoalesceStart(queue: u32, rxUsecs: i32, txUsecs: i32, highUsecs: u32): i32 {
  if (queue >= queues() || rxUsecs > ITR_MAX_USECS || txUsecs > ITR_MAX_USECS) return -EINVAL;
  if (highUsecs > INTRL_MAX_USECS) return -EINVAL;
  itrStart(queue, true, rxUsecs);
  itrStart(queue, false, txUsecs);
  intrlSet(queue, highUsecs);
  return 0;
}

/** Makes rx and tx of each vector share one throttling counter, as on a device of ixgbe. */
export function nicItrPerVector(one: bool): void {
  itrPerVector(one);
}

/** Makes directions that adapt follow Linux's DIM instead of the i40e driver's rule. */
export function nicDim(on: bool): void {
  itrDim(on);
}

/** Whether one direction takes an interval and a mode; -1 keeps what is there. */
function sideTakes(container: Container, adaptive: i32, usecs: i32): bool {
  if (usecs < 0) return true;
  if (usecs > ITR_MAX_USECS) return false;
  const adapts = adaptive < 0 ? container.adaptive != 0 : adaptive != 0;
  return !adapts || <u32>usecs == container.setting;
}

function setSide(queue: u32, isRx: bool, adaptive: i32, usecs: i32): void {
  const container = isRx ? rxContainer(queue) : txContainer(queue);
  const adapts = adaptive < 0 ? container.adaptive != 0 : adaptive != 0;
  if (adapts) itrAdapt(queue, isRx);
  else itrSet(queue, isRx, usecs < 0 ? <i32>container.setting : usecs);
}

/**
 * `ethtool -C`, or `--per-queue` for one queue pair. Intervals are in force from each vector's next
 * interrupt on, the cap at once. -EINVAL: beyond the range, an interval for a side that adapts, a
 * cap for transmit other than the one there is, or no such queue.
 */
export function ethtoolCoalesce(
  queue: i32,
  adaptiveRx: i32,
  adaptiveTx: i32,
  rxUsecs: i32,
  txUsecs: i32,
  rxHigh: i32,
  txHigh: i32,
): i32 {
  if (queue >= <i32>queues() || rxHigh > <i32>INTRL_MAX_USECS) return -EINVAL;
  const first: u32 = queue < 0 ? 0 : <u32>queue;
  const end: u32 = queue < 0 ? queues() : first + 1;
  for (let i = first; i < end; i++) {
    if (txHigh >= 0 && <u32>txHigh != intrlOf(i)) return -EINVAL;
    if (!sideTakes(rxContainer(i), adaptiveRx, rxUsecs)) return -EINVAL;
    if (!sideTakes(txContainer(i), adaptiveTx, txUsecs)) return -EINVAL;
  }
  for (let i = first; i < end; i++) {
    setSide(i, true, adaptiveRx, rxUsecs);
    setSide(i, false, adaptiveTx, txUsecs);
    if (rxHigh >= 0) intrlSet(i, <u32>rxHigh);
  }
  return 0;
}

/** Work limit of a poll (tx-frames-irq), of all queue pairs; 0 leaves it. */
export function ethtoolWorkLimit(packets: u32): void {
  if (packets != 0) workLimitSet(packets);
}

/** The work limit that is set. */
export function ethtoolWorkLimitNow(): u32 {
  return workLimit();
}

/** Interval that is set for a direction (0 rx, 1 tx), microseconds, whether it adapts or not. */
export function ethtoolUsecs(queue: u32, direction: u32): i32 {
  if (queue >= queues()) return -EINVAL;
  return <i32>(direction == 0 ? rxContainer(queue) : txContainer(queue)).setting;
}

/** 1 where a direction (0 rx, 1 tx) adapts. */
export function ethtoolAdaptive(queue: u32, direction: u32): i32 {
  if (queue >= queues()) return -EINVAL;
  return <i32>(direction == 0 ? rxContainer(queue) : txContainer(queue)).adaptive;
}

/** Cap on a vector's rate, microseconds. */
export function ethtoolUsecsHigh(queue: u32): i32 {
  return queue < queues() ? <i32>intrlOf(queue) : -EINVAL;
}

/** `ethtool -N`: inserts the rule that RULE_INPUT holds; see filterInsert. */
export function ethtoolRule(location: i32, queue: i32): i32 {
  return filterInsert(location, queue);
}

/** `ethtool -n`: the first location in use from one on, or -1. */
export function ethtoolRuleNext(location: u32): i32 {
  return ruleNext(location);
}

/** Word of the rule at a location in use; see ruleWord. */
export function ethtoolRuleWord(location: u32, word: u32): i32 {
  return ruleWord(location, word);
}

/** Entry of the look-up table of receive side scaling. */
export function ethtoolTable(index: u32): u32 {
  return rssQueue(index);
}

/** `ethtool -X`: an entry of the table; -EINVAL for a queue or an entry that is not there. */
export function ethtoolTableSet(index: u32, queue: u32): i32 {
  if (queue >= queues()) return -EINVAL;
  return rssTableSet(index, queue) ? 0 : -EINVAL;
}

/** All flows have their hash anew, at once. */
function hashAgain(): void {
  for (let i: u32 = 0; i < connectionsUsed(); i++) hashFlow(connectionAt(i));
}

/** A byte of the key, as `ethtool -x` shows it; -EINVAL for one that is not there. */
export function ethtoolKey(index: u32): i32 {
  return index < RSS_KEY_SIZE ? <i32>rssKeyAt(index) : -EINVAL;
}

/** `ethtool -X hkey`: a byte of the key; flows have their new hash at once. */
export function ethtoolKeySet(index: u32, byte: u32): i32 {
  if (!rssKeySet(index, byte)) return -EINVAL;
  hashAgain();
  return 0;
}

/** Fields that a packet type is hashed by, as bits; types as in rss.ts. */
export function ethtoolHashFields(type: u32): u32 {
  return rssFields(type);
}

/** `ethtool -N rx-flow-hash`: the fields that a packet type is hashed by. */
export function ethtoolHashFieldsSet(type: u32, fields: u32): void {
  rssFieldsSet(type, fields);
  hashAgain();
}
