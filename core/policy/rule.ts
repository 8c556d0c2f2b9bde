// deno-fmt-ignore-file
// Flow director rules: one per socket, steering its flow to the queue of its rx object.
// A device that refuses costs the socket only the rule: it works on with RSS, and the refusal is
// counted. A rule the device will not delete stays in the table as an orphan and is tried again.

import { bitmapClear, bitmapNext, bitmapTake } from "../lib/bitmap";
import { ENOENT, ENOMEM, EOPNOTSUPP } from "../lib/errno";
import {
  D_ORPHANS,
  D_RULES,
  deviceAt,
  F_TYPE,
  FLOW_BYTES,
  FLOW_TCP4,
  FLOW_UDP6,
  flowAt,
  I_RULE,
  instanceAt,
  L_DEVICE,
  L_FLOW,
  L_INSTANCE,
  L_LOCATION,
  L_QUEUE,
  L_STATE,
  RULE_BYTES,
  RULE_INSERTED,
  RULE_ORPHAN,
  RULE_REFUSED,
  ruleAt,
  rulesSet,
  RX,
} from "./abi";
import { driverRuleDelete, driverRuleInsert } from "./driver";
import { instanceDevice } from "./instance";
import {
  count,
  COUNT_RULE_DELETED,
  COUNT_RULE_DELETE_FAILED,
  COUNT_RULE_INSERTED,
  COUNT_RULE_NOMEM,
  COUNT_RULE_REFUSED,
  COUNT_RULE_UNSUPPORTED,
  log,
  LOG_RULE_DELETE_FAILED,
  LOG_RULE_REFUSED,
} from "./log";
import { pickQueue } from "./pick";

/** RULE_INSERTED, RULE_REFUSED or RULE_ORPHAN; 0 for a free slot. */
@inline
export function ruleState(rule: i32): i32 {
  return load<u8>(ruleAt(rule), L_STATE);
}

/** Device of a rule. */
@inline
export function ruleDevice(rule: i32): i32 {
  return load<u16>(ruleAt(rule), L_DEVICE);
}

/** Socket of a rule, 0 for an orphan. */
@inline
export function ruleInstance(rule: i32): i32 {
  return load<u32>(ruleAt(rule), L_INSTANCE);
}

/** Queue a rule steers to. */
@inline
export function ruleQueue(rule: i32): i32 {
  return load<u16>(ruleAt(rule), L_QUEUE);
}

/** Location the device gave a rule; of a refused one the errno, negative. */
@inline
export function ruleLocation(rule: i32): i32 {
  return load<i32>(ruleAt(rule), L_LOCATION);
}

/** First rule at or above `from`, -1 if there is none; for walks over all rules. */
export function ruleNext(from: i32): i32 {
  return bitmapNext(rulesSet, from);
}

/** Rule of an instance, 0 if it has none. */
@inline
export function ruleOf(instance: i32): i32 {
  return load<u32>(instanceAt(instance), I_RULE);
}

function sameFlow(rule: i32): bool {
  return memory.compare(ruleAt(rule) + L_FLOW, flowAt, FLOW_BYTES) == 0;
}

/** Deletes the rule from the device. Gone already (-ENOENT) is as good as deleted. */
function ruleWithdraw(rule: i32): bool {
  const device = ruleDevice(rule);
  const error = driverRuleDelete(device, ruleLocation(rule));
  if (error < 0 && error != -ENOENT) {
    count(device, COUNT_RULE_DELETE_FAILED);
    log(device, LOG_RULE_DELETE_FAILED, 0, 0, ruleLocation(rule));
    return false;
  }
  count(device, COUNT_RULE_DELETED);
  return true;
}

function countRules(device: i32, by: i32): void {
  store<u32>(deviceAt(device), load<u32>(deviceAt(device), D_RULES) + by, D_RULES);
}

function countOrphans(device: i32, by: i32): void {
  store<u32>(deviceAt(device), load<u32>(deviceAt(device), D_ORPHANS) + by, D_ORPHANS);
}

function ruleFree(rule: i32): void {
  assert(ruleState(rule) != RULE_INSERTED);
  if (ruleState(rule) == RULE_ORPHAN) {
    countRules(ruleDevice(rule), -1);
    countOrphans(ruleDevice(rule), -1);
  }
  memory.fill(ruleAt(rule), 0, RULE_BYTES);
  bitmapClear(rulesSet, rule);
}

/** The socket goes its way; the rule stays until the device lets go of it. */
function ruleOrphan(rule: i32): void {
  store<u32>(instanceAt(ruleInstance(rule)), 0, I_RULE);
  store<u32>(ruleAt(rule), 0, L_INSTANCE);
  store<u8>(ruleAt(rule), RULE_ORPHAN, L_STATE);
  countOrphans(ruleDevice(rule), 1);
}

/** Takes a rule out of the hardware; false if it became an orphan instead. */
function ruleRetire(rule: i32): bool {
  if (!ruleWithdraw(rule)) {
    ruleOrphan(rule);
    return false;
  }
  countRules(ruleDevice(rule), -1);
  store<i32>(ruleAt(rule), 0, L_LOCATION);
  store<u8>(ruleAt(rule), RULE_REFUSED, L_STATE);
  return true;
}

/** Takes the rule of an instance away, if it has one. */
export function ruleDrop(instance: i32): void {
  const rule = ruleOf(instance);
  if (rule == 0) return;
  if (ruleState(rule) == RULE_INSERTED && !ruleRetire(rule)) return;
  store<u32>(instanceAt(instance), 0, I_RULE);
  ruleFree(rule);
}

/** Tries the orphans of a device again; true if one could be deleted. */
function retryOrphans(device: i32): bool {
  if (load<u32>(deviceAt(device), D_ORPHANS) == 0) return false;
  let freed = false;
  for (let rule = ruleNext(1); rule > 0; rule = ruleNext(rule + 1)) {
    if (ruleDevice(rule) != device || ruleState(rule) != RULE_ORPHAN) continue;
    if (!ruleWithdraw(rule)) continue;
    ruleFree(rule);
    freed = true;
  }
  return freed;
}

/** Asks the device for the rule: the queue if it stands now, else the device's errno. */
function ruleProgram(rule: i32, queue: i32): i32 {
  const at = ruleAt(rule);
  const device = ruleDevice(rule);
  assert(ruleState(rule) != RULE_INSERTED);
  store<u16>(at, queue, L_QUEUE);
  let location = driverRuleInsert(device, at + L_FLOW, queue);
  if (location < 0 && retryOrphans(device)) location = driverRuleInsert(device, at + L_FLOW, queue);
  if (location < 0) {
    // A refused rule has no location: it keeps the reason there.
    store<i32>(at, location, L_LOCATION);
    store<u8>(at, RULE_REFUSED, L_STATE);
    count(device, COUNT_RULE_REFUSED);
    log(device, LOG_RULE_REFUSED, 0, 0, queue);
    return location;
  }
  store<i32>(at, location, L_LOCATION);
  store<u8>(at, RULE_INSERTED, L_STATE);
  countRules(device, 1);
  count(device, COUNT_RULE_INSERTED);
  return queue;
}

/** Gives the instance a rule for a flow, not yet in the hardware; 0 when the table is full. */
function ruleCreate(instance: i32, flow: usize): i32 {
  const device = instanceDevice(instance);
  const rule = bitmapTake(rulesSet);
  if (rule < 0) {
    count(device, COUNT_RULE_NOMEM);
    return 0;
  }
  const at = ruleAt(rule);
  store<u32>(at, instance, L_INSTANCE);
  store<u16>(at, device, L_DEVICE);
  store<u8>(at, RULE_REFUSED, L_STATE);
  memory.copy(at + L_FLOW, flow, FLOW_BYTES);
  store<u32>(instanceAt(instance), rule, I_RULE);
  return rule;
}

/**
 * What recvmsg does: steers the flow in the flow buffer to the queue of the instance's rx object.
 * Returns the queue; the pick's error when default handling applies; -EOPNOTSUPP for a flow type
 * no rule can match; -ENOMEM when the rule table is full; the device's errno when it refused the
 * rule (the socket then keeps RSS).
 */
export function setRules(instance: i32): i32 {
  const queue = pickQueue(instance, RX);
  if (queue < 0) return queue;
  const type = <i32>load<u8>(flowAt, F_TYPE);
  if (type < FLOW_TCP4 || type > FLOW_UDP6) {
    count(instanceDevice(instance), COUNT_RULE_UNSUPPORTED);
    return -EOPNOTSUPP;
  }
  const rule = ruleOf(instance);
  if (rule != 0 && ruleQueue(rule) == queue && sameFlow(rule)) {
    return ruleState(rule) == RULE_INSERTED ? queue : ruleLocation(rule);
  }
  ruleDrop(instance);
  const created = ruleCreate(instance, flowAt);
  return created == 0 ? -ENOMEM : ruleProgram(created, queue);
}

/**
 * Takes all rules of a device out of the hardware before its lists change. The flows stay in the
 * table, for rulesReprogram; that of a rule the device keeps moves to a slot of its own.
 */
export function rulesSuspend(device: i32): void {
  retryOrphans(device);
  for (let rule = ruleNext(1); rule > 0; rule = ruleNext(rule + 1)) {
    if (ruleDevice(rule) != device || ruleState(rule) != RULE_INSERTED) continue;
    const instance = ruleInstance(rule);
    if (!ruleRetire(rule)) ruleCreate(instance, ruleAt(rule) + L_FLOW);
  }
}

/** After a rebuild: every socket that had a rule gets one to its new queue, or none. */
export function rulesReprogram(device: i32): void {
  for (let rule = ruleNext(1); rule > 0; rule = ruleNext(rule + 1)) {
    if (ruleDevice(rule) != device || ruleState(rule) != RULE_REFUSED) continue;
    const queue = pickQueue(ruleInstance(rule), RX);
    if (queue < 0) ruleDrop(ruleInstance(rule));
    else ruleProgram(rule, queue);
  }
}

/** Ends the rules of a device whose policy ends. What it will not delete stays as an orphan. */
export function rulesForget(device: i32): void {
  retryOrphans(device);
  for (let rule = ruleNext(1); rule > 0; rule = ruleNext(rule + 1)) {
    if (ruleDevice(rule) == device && ruleState(rule) != RULE_ORPHAN) ruleDrop(ruleInstance(rule));
  }
}

/** Forgets the orphans of a device that goes down: its filters go with it. */
export function orphansForget(device: i32): void {
  for (let rule = ruleNext(1); rule > 0; rule = ruleNext(rule + 1)) {
    if (ruleDevice(rule) == device && ruleState(rule) == RULE_ORPHAN) ruleFree(rule);
  }
}
