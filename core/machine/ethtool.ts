// deno-fmt-ignore-file
// What `ethtool` asks of the device, with the errors of the i40e driver and the kernel before it
// (i40e_ethtool.c): interrupt coalescing (-C), channels (-L) and rings (-G), which reset the
// device, flow-director rules (-N, -n), table, key and fields of receive side scaling (-X,
// rx-flow-hash). A refused request changes nothing but the work limit. -1 stands for "not given",
// "all queues", "any location" and "drop"; calls with names are in harness/machine/ethtool.ts.

import { EBUSY, EINVAL } from "../lib/errno";
import { QUEUE_MAX, RING_MAX } from "./abi";
import { connectionAt, connectionsUsed } from "./connection";
import { cpus } from "./cpu";
import { hashFlow } from "./family";
import { ruleBeyond, ruleNext, ruleWord } from "./flow_director";
import { filterInsert } from "./flow_input";
import {
  INTRL_MAX_USECS,
  intrlLimit,
  intrlLimitSet,
  intrlSet,
  ITR_MAX_USECS,
  itrAdapt,
  itrClasses,
  itrDim,
  itrPerVector,
  itrSet,
  itrStart,
} from "./itr";
import {
  Container,
  deviceIsDown,
  queues,
  queuesEver,
  rxContainer,
  rxDescriptors,
  txContainer,
  txDescriptors,
  workLimit,
  workLimitSet,
} from "./queue";
import {
  QUEUE_RANGE,
  refuse,
  RING_RANGE,
  RULE_ON_QUEUE,
  RX_ADAPTIVE,
  RX_HIGH_RANGE,
  RX_USECS_RANGE,
  TX_ADAPTIVE,
  TX_HIGH_UNUSED,
  TX_USECS_RANGE,
} from "./refusal";
import { resetChannels, resetRings } from "./reset";
import {
  RSS_KEY_SIZE,
  rssFields,
  rssFieldsSet,
  rssKeyAt,
  rssKeySet,
  rssQueue,
  rssTableSet,
  rssTableUses,
} from "./rss";
import { xskBeyond } from "./xsk";

export { reasonDetail, reasonTake } from "./refusal";

/** Least descriptors of a ring (I40E_MIN_NUM_DESCRIPTORS); the most are RING_MAX. */
const RING_MIN: u32 = 64;

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
  intrlLimitSet(highUsecs);
  return 0;
}

/** Makes rx and tx of each vector share one throttling counter, as on a device of ixgbe. */
export function nicItrPerVector(one: bool): void {
  itrPerVector(one);
}

/** Makes vectors that adapt follow classes of latency, as Intel's drivers did before 2018. */
export function nicLatencyClasses(): void {
  itrClasses();
}

/** Makes directions that adapt follow Linux's DIM, not the i40e's rule: 0 no, 1 EQE, 2 CQE. */
export function nicDim(mode: u32): void {
  itrDim(mode);
}

function given(value: i32, present: i32): i32 {
  return value < 0 ? present : value;
}

/** Whether a direction of the reference queue takes an interval and a mode. */
function sideRefused(container: Container, adaptive: i32, usecs: i32, isRx: bool): i32 {
  if (<u32>usecs != container.setting && adaptive != 0) {
    return refuse(-EINVAL, isRx ? RX_ADAPTIVE : TX_ADAPTIVE);
  }
  if (usecs > ITR_MAX_USECS) return refuse(-EINVAL, isRx ? RX_USECS_RANGE : TX_USECS_RANGE);
  return 0;
}

function setSide(queue: u32, isRx: bool, adaptive: i32, usecs: i32): void {
  if (adaptive == 0) itrSet(queue, isRx, usecs);
  else itrAdapt(queue, isRx, usecs);
}

/**
 * `ethtool -C`, or `--per-queue` for one queue pair. What is not given is as it is: for all queue
 * pairs as queue pair 0 has it, and one that adapts begins anew. Intervals are in force from each
 * vector's next interrupt on, the cap at once; the work limit even of a request that is refused.
 * -EINVAL: beyond the range, an interval for a side that adapts, a cap for transmit other than the
 * one there is, or no such queue.
 */
export function ethtoolCoalesce(
  queue: i32,
  adaptiveRx: i32,
  adaptiveTx: i32,
  rxUsecs: i32,
  txUsecs: i32,
  rxHigh: i32,
  txHigh: i32,
  work: i32,
): i32 {
  if (deviceIsDown()) return -EBUSY;
  if (work > 0) workLimitSet(<u32>work);
  if (queue >= <i32>queues()) return refuse(-EINVAL, QUEUE_RANGE, <i32>queues() - 1);
  const first: u32 = queue < 0 ? 0 : <u32>queue;
  const end: u32 = queue < 0 ? queues() : first + 1;
  const rx = rxContainer(first);
  const tx = txContainer(first);
  const limit = <i32>intrlLimit();
  const high = given(rxHigh, limit);
  const rxAdapts = given(adaptiveRx, <i32>rx.adaptive);
  const txAdapts = given(adaptiveTx, <i32>tx.adaptive);
  const rxGap = given(rxUsecs, <i32>rx.setting);
  const txGap = given(txUsecs, <i32>tx.setting);
  if (given(txHigh, limit) != limit) return refuse(-EINVAL, TX_HIGH_UNUSED);
  if (high > <i32>INTRL_MAX_USECS) return refuse(-EINVAL, RX_HIGH_RANGE);
  const refused = sideRefused(rx, rxAdapts, rxGap, true) || sideRefused(tx, txAdapts, txGap, false);
  if (refused != 0) return refused;
  intrlLimitSet(<u32>high);
  for (let i = first; i < end; i++) {
    setSide(i, true, rxAdapts, rxGap);
    setSide(i, false, txAdapts, txGap);
    intrlSet(i, intrlLimit());
  }
  return 0;
}

/** The work limit that is set. */
export function ethtoolWorkLimitNow(): u32 {
  return workLimit();
}

/** Cap on each vector's rate as the driver knows it, microseconds: the one set last. */
export function ethtoolUsecsHigh(): u32 {
  return intrlLimit();
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

/** Channels that `ethtool -L` goes up to: a queue pair for each CPU, or what there is. */
export function ethtoolChannelsMost(): u32 {
  return max(min(cpus(), QUEUE_MAX), queuesEver());
}

/**
 * `ethtool -L`: `combined` channels, no others but the one of the flow director. More than there
 * are CPUs are as many as there are CPUs. The device is reset; -EBUSY while it is. -EINVAL: none or
 * too many, separate ones, another number of others, a rule, an entry of the user's table or a
 * socket of AF_XDP for a queue that would go.
 */
export function ethtoolChannels(combined: i32, rx: i32, tx: i32, other: i32): i32 {
  if (deviceIsDown()) return -EBUSY;
  if (combined <= 0 || rx > 0 || tx > 0 || other != 1) return -EINVAL;
  if (<u32>combined > ethtoolChannelsMost()) return -EINVAL;
  // What comes is looked at, not what was asked for, as the kernel does: nothing loses its queue.
  const count = min(<u32>combined, cpus());
  if (<i32>count <= rssTableUses() || xskBeyond(count)) return -EINVAL;
  const rule = ruleBeyond(count);
  if (rule >= 0) return refuse(-EINVAL, RULE_ON_QUEUE, rule);
  if (count != queues()) resetChannels(count);
  return 0;
}

/** `ethtool -g`: descriptors of the rings of a direction (0 rx, 1 tx). */
export function ethtoolRing(direction: u32): u32 {
  return direction == 0 ? rxDescriptors() : txDescriptors();
}

/** `ethtool -G`: descriptors, rounded up to 32; the rings restart. -EINVAL beyond the range. */
export function ethtoolRings(rx: i32, tx: i32): i32 {
  if (deviceIsDown()) return -EBUSY;
  const rxNext = <u32>given(rx, <i32>rxDescriptors());
  const txNext = <u32>given(tx, <i32>txDescriptors());
  if (max(rxNext, txNext) > RING_MAX) return -EINVAL;
  if (min(rxNext, txNext) < RING_MIN) return refuse(-EINVAL, RING_RANGE);
  const rxSize = (rxNext + 31) & ~31;
  const txSize = (txNext + 31) & ~31;
  if (rxSize != rxDescriptors() || txSize != txDescriptors()) resetRings(rxSize, txSize);
  return 0;
}

/** 1 while the device is being reset. */
export function ethtoolDown(): u32 {
  return deviceIsDown() ? 1 : 0;
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
  if (deviceIsDown()) return -EBUSY;
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
  if (deviceIsDown()) return -EBUSY;
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
