/**
 * Reference model: who follows which policy, and the records that say so (rules 16 to 20).
 *
 * @module
 */

import { ERRNO } from "../../harness/policy/errno.ts";
import { removeRuleOf } from "./flow_rules.ts";
import {
  ascending,
  CPU,
  type Device,
  INVALID,
  MIX,
  type Model,
  NONE,
  type Owner,
  type OwnerRecord,
} from "./state.ts";

/** Rule 17: what an owner asked for itself, or else what its task asked for. */
export function effectivePolicy(model: Model, owner: Owner): number {
  if (owner.own !== INVALID || owner.isTask) return owner.own;
  return model.owners.get(owner.task)?.own ?? INVALID;
}

/** Rule 16: whether a task's or socket's policy fits a device's. */
export function fits(policy: number, devicePolicy: number): boolean {
  if (policy === NONE || devicePolicy === NONE) return true;
  return devicePolicy === MIX ? policy !== CPU : devicePolicy === policy;
}

/** Records attached to a device. */
export function attached(model: Model, device: number): OwnerRecord[] {
  return ascending(model.records).filter((record) => record.device === device);
}

/** Attaches a record to a device. Returns 0, or -ENOSPC at the limit. */
export function attach(model: Model, record: OwnerRecord, device: Device): number {
  if (record.device === device.handle) return 0;
  if (isFull(model, device)) return -ERRNO.ENOSPC;
  record.device = device.handle;
  return 0;
}

/** Takes a record off its device, objects back; rule 20: the limit may be said again. */
export function detach(model: Model, record: OwnerRecord): void {
  const device = model.devices.get(record.device);
  release(record);
  record.device = 0;
  if (device !== undefined) device.limitSaid = false;
}

/** True if a device takes no further record. */
export function isFull(model: Model, device: Device): boolean {
  return attached(model, device.handle).length >= device.recordLimit;
}

/** Gives a record's objects back. */
export function release(record: OwnerRecord): void {
  for (const direction of [0, 1] as const) {
    const object = record.objects[direction];
    if (object !== null) object.refs--;
    record.objects[direction] = null;
  }
}

/** Takes an owner's rule out, gives its objects back and removes its record. */
export function dropRecord(model: Model, owner: number): void {
  removeRuleOf(model, owner);
  const record = model.records.get(owner);
  if (record === undefined) return;
  detach(model, record);
  model.records.delete(owner);
}

/**
 * Rule 18: the owner's record says `policy` from now on, and follows another policy without the
 * old one's objects.
 */
export function register(model: Model, owner: number, policy: number): OwnerRecord {
  const known = model.records.get(owner);
  if (known === undefined) {
    const record: OwnerRecord = { owner, policy, device: 0, objects: [null, null] };
    model.records.set(owner, record);
    return record;
  }
  if (known.policy !== policy) {
    removeRuleOf(model, owner);
    release(known);
    known.policy = policy;
  }
  return known;
}
