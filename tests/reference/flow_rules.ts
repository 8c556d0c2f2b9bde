/**
 * Reference model: flow director rules (rules 27 to 29).
 *
 * @module
 */

import type { FlowSpec } from "../../harness/policy/driver.ts";
import { ERRNO } from "../../harness/policy/errno.ts";
import {
  ascending,
  count,
  type Device,
  type FlowRule,
  freeHandle,
  type Model,
  say,
} from "./state.ts";

/** The rule of a socket. */
function ruleOf(model: Model, instance: number): FlowRule | undefined {
  return ascending(model.rules).find((rule) => rule.instance === instance);
}

/** Equality of flows. */
function sameFlow(a: FlowSpec, b: FlowSpec): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * Rule 27: steers a flow to a queue, in place of what the socket had before. Returns 0, or
 * the driver's errno where the device refuses, -ENOMEM where the table is full: the flow stays on
 * RSS.
 */
export function steer(
  model: Model,
  instance: number,
  device: Device,
  queue: number,
  flow: FlowSpec,
): number {
  const known = ruleOf(model, instance);
  if (known !== undefined && known.queue === queue && sameFlow(known.flow, flow)) {
    return known.errno;
  }
  removeRuleOf(model, instance);
  const slot = freeHandle(model.rules, model.capacities.rules);
  if (slot === 0) {
    count(model, device.handle, "rule_nomem");
    return -ERRNO.ENOMEM;
  }
  return insert(model, device, { slot, instance, queue, flow });
}

/** Rule 28: puts a rule into the device, or notes that the device refuses it. */
export function insert(
  model: Model,
  device: Device,
  given: Pick<FlowRule, "slot" | "instance" | "queue" | "flow">,
): number {
  const { slot, queue, flow } = given;
  const placed = { ...given, device: device.handle };
  let location = model.driver.ruleInsert(device.handle, flow, queue);
  if (location < 0 && retryOrphans(model, device.handle) > 0) {
    location = model.driver.ruleInsert(device.handle, flow, queue);
  }
  if (location < 0) {
    count(model, device.handle, "rule_refused");
    say(model, `Failed to insert rule for queue ${queue} of dev ${device.name}`);
    model.rules.set(slot, { ...placed, state: "refused", location: null, errno: location });
    return location;
  }
  count(model, device.handle, "rule_inserted");
  model.rules.set(slot, { ...placed, state: "inserted", location, errno: 0 });
  return 0;
}

/** Takes a socket's rule out, if it has one. */
export function removeRuleOf(model: Model, instance: number): void {
  const rule = ruleOf(model, instance);
  if (rule !== undefined) removeRule(model, rule);
}

/** Rule 28: takes a rule out; one that the device will not delete stays as an orphan. */
function removeRule(model: Model, rule: FlowRule): void {
  if (!deleted(model, rule)) {
    rule.state = "orphan";
    rule.instance = 0;
    return;
  }
  model.rules.delete(rule.slot);
}

/** Tries to delete the orphans of a device once more; returns how many went. */
export function retryOrphans(model: Model, device: number): number {
  const orphans = ascending(model.rules)
    .filter((rule) => rule.device === device && rule.state === "orphan");
  const gone = orphans.filter((rule) => deleted(model, rule));
  for (const rule of gone) model.rules.delete(rule.slot);
  return gone.length;
}

/**
 * Rule 29: takes the rules of sockets out. Where lists follow, the flows wait in the table; that of
 * a rule which became an orphan needs a place of its own.
 */
export function takeRulesOut(model: Model, device: Device, isRebuild: boolean): void {
  retryOrphans(model, device.handle);
  for (const rule of ascending(model.rules)) {
    if (rule.device !== device.handle || rule.state === "orphan") continue;
    const { instance } = rule;
    removeRule(model, rule);
    if (!isRebuild) continue;
    const slot = model.rules.has(rule.slot)
      ? freeHandle(model.rules, model.capacities.rules)
      : rule.slot;
    if (slot > 0) model.rules.set(slot, { ...rule, slot, instance, state: "pending" });
    else count(model, device.handle, "rule_nomem");
  }
}

/** Rules that wait to be put back. */
export function pendingRules(model: Model, device: Device): FlowRule[] {
  return ascending(model.rules)
    .filter((rule) => rule.device === device.handle && rule.state === "pending");
}

/** Rule 28: a device that goes down has no rules left, whatever it said. */
export function forgetOrphans(model: Model, device: number): void {
  for (const rule of ascending(model.rules)) {
    if (rule.device === device && rule.state === "orphan") model.rules.delete(rule.slot);
  }
}

/** Asks the device to delete a rule; one that is not there counts as deleted. */
function deleted(model: Model, rule: FlowRule): boolean {
  if (rule.location === null) return true;
  const answer = model.driver.ruleDelete(rule.device, rule.location);
  if (answer < 0 && answer !== -ERRNO.ENOENT) {
    count(model, rule.device, "rule_delete_failed");
    const name = model.devices.get(rule.device)?.name;
    say(model, `Failed to delete rule ${rule.location} of dev ${name}`);
    return false;
  }
  count(model, rule.device, "rule_deleted");
  return true;
}
