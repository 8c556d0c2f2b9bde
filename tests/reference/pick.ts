/**
 * Reference model: which queue an instance gets (rules 22 to 27).
 *
 * The model has no cached queues: a cache that is right cannot be seen.
 *
 * @module
 */

import type { FlowSpec } from "../../harness/policy/driver.ts";
import { ERRNO } from "../../harness/policy/errno.ts";
import { insert, pendingRules, steer } from "./flow_rules.ts";
import { nameOf } from "./names.ts";
import { attach, effectivePolicy, fits, register } from "./records.ts";
import {
  count,
  type Device,
  INVALID,
  type Model,
  NONE,
  type OneDirection,
  type Owner,
  type RefObject,
  say,
} from "./state.ts";

/** Rule 24: percentage points of load above the least that still count as equal. */
const LOAD_TOLERANCE = 5;

/** The queue for the next packet, or a negative errno: default handling. */
export function pickQueue(model: Model, instance: number, asked: OneDirection): number {
  const owner = model.owners.get(instance);
  if (owner === undefined) return -ERRNO.EBADF;
  const device = model.devices.get(owner.device);
  const policy = effectivePolicy(model, owner);
  if (device === undefined || device.info === null) {
    if (policy !== INVALID && policy !== NONE) count(model, owner.device, "pick_no_device");
    return -ERRNO.EINVAL;
  }
  if (policy === INVALID || policy === NONE || device.inForce === null) return -ERRNO.EINVAL;
  if (!fits(policy, device.policy)) {
    if (!owner.refused) {
      count(model, device.handle, "pick_mismatch");
      sayMismatch(model, device, policy);
    }
    owner.refused = true;
    return -ERRNO.EINVAL;
  }
  if (owner.empty.has(asked)) return -ERRNO.ENOENT;
  const record = register(model, instance, policy);
  if (attach(model, record, device) < 0) {
    count(model, device.handle, "pick_limit");
    sayLimit(model, device);
    return -ERRNO.ENOSPC;
  }
  const direction = device.info.queuePair ? 0 : asked;
  const assigned = record.objects[direction] ?? choose(model, device, direction, policy, owner);
  if (assigned === null) {
    count(model, device.handle, "pick_empty");
    owner.empty.add(asked);
    return -ERRNO.ENOENT;
  }
  if (record.objects[direction] === null) assigned.refs++;
  record.objects[direction] = assigned;
  return assigned.queue;
}

/** Rule 27: what follows a receive. Returns the queue, or why the flow stays on RSS. */
export function setRules(model: Model, instance: number, flow: FlowSpec): number {
  const queue = pickQueue(model, instance, 0);
  const device = model.devices.get(model.owners.get(instance)?.device ?? 0);
  if (queue < 0 || device === undefined) return queue;
  const error = steer(model, instance, device, queue, flow);
  return error < 0 ? error : queue;
}

/** Rule 29: sockets that had a rule get their queue and rule at once if they still fit. */
export function putRulesBack(model: Model, device: Device): void {
  for (const rule of pendingRules(model, device)) {
    const queue = pickQueue(model, rule.instance, 0);
    if (queue < 0) model.rules.delete(rule.slot);
    else insert(model, device, { ...rule, queue });
  }
}

/** Says that a policy does not fit a device's. */
export function sayMismatch(model: Model, device: Device, policy: number): void {
  say(
    model,
    `${device.name} current device policy ${nameOf(device.policy)} doesn't support required ` +
      `policy ${nameOf(policy)}! Remove net policy settings!`,
  );
}

/** Says that a device takes no more records: once, until a record leaves. */
export function sayLimit(model: Model, device: Device): void {
  if (device.limitSaid) return;
  device.limitSaid = true;
  say(model, `Record limit ${device.recordLimit} reached for dev ${device.name}`);
}

function choose(
  model: Model,
  device: Device,
  direction: OneDirection,
  policy: number,
  owner: Owner,
): RefObject | null {
  const list = device.inForce?.lists[direction].get(policy);
  if (list === undefined || list.objects.length === 0) return null;
  if (model.strategy === "load-aware") return leastUsed(model, list.objects, owner);
  const chosen = list.objects[list.cursor % list.objects.length] ?? null;
  list.cursor++;
  return chosen;
}

function leastUsed(model: Model, objects: readonly RefObject[], owner: Owner): RefObject | null {
  const allowed = (owner.isTask ? owner : model.owners.get(owner.task))?.allowed ?? null;
  const usable = objects.filter(({ cpu }) => allowed?.has(cpu) ?? true)
    .map((object) => ({ object, load: percentOf(model.driver.cpuLoad(object.cpu)) }));
  const least = Math.min(...usable.map(({ load }) => load));
  return usable.filter(({ load }) => load <= least + LOAD_TOLERANCE)
    .map(({ object }) => object)
    .reduce<RefObject | null>(
      (best, object) => best === null || object.refs < best.refs ? object : best,
      null,
    );
}

/** Rule 24: a load that the driver cannot tell counts as none, and none counts above 100. */
function percentOf(load: number): number {
  return Math.min(Math.max(load, 0), 100);
}
