/**
 * Reference model: tasks and sockets (rules 15 to 21).
 *
 * @module
 */

import { ERRNO } from "../../harness/policy/errno.ts";
import { removeRuleOf } from "./flow_rules.ts";
import { byteLength, parsePolicy, POLICY_NAME_BYTES } from "./names.ts";
import { sayLimit, sayMismatch } from "./pick.ts";
import { attach, detach, dropRecord, fits, isFull, register } from "./records.ts";
import { count, forgetAnswers, freeHandle, INVALID, MIX, type Model, type Owner } from "./state.ts";

/** A task, or undefined for anything else. */
export function taskOf(model: Model, handle: number): Owner | undefined {
  const owner = model.owners.get(handle);
  return owner?.isTask === true ? owner : undefined;
}

/** A socket, or undefined for anything else. */
export function socketOf(model: Model, handle: number): Owner | undefined {
  const owner = model.owners.get(handle);
  return owner?.isTask === false ? owner : undefined;
}

/** A new owner. Returns its handle, or -ENOMEM. */
function makeOwner(
  model: Model,
  given: Pick<Owner, "isTask" | "id" | "task" | "device">,
): number {
  const handle = freeHandle(model.owners, model.capacities.owners);
  if (handle === 0) {
    count(model, 0, "instance_nomem");
    return -ERRNO.ENOMEM;
  }
  const birth = model.births++;
  model.owners.set(handle, {
    ...given,
    handle,
    birth,
    own: INVALID,
    refused: false,
    empty: new Set(),
    allowed: null,
  });
  return handle;
}

/** A task without policy. */
export function taskCreate(model: Model, pid: number): number {
  return makeOwner(model, { isTask: true, id: pid, task: 0, device: 0 });
}

/** Rule 15: a task's policy by name. */
export function setTaskPolicy(model: Model, task: Owner, text: string): number {
  const policy = byteLength(text) > POLICY_NAME_BYTES ? null : parsePolicy(text);
  if (policy === task.own) return 0;
  const invalid = policy === null || policy === MIX;
  if (invalid) count(model, 0, "register_invalid");
  task.own = invalid ? INVALID : policy;
  if (invalid) dropRecord(model, task.handle);
  else register(model, task.handle, policy);
  for (const socket of followers(model, task)) {
    dropRecord(model, socket.handle);
    forgetAnswers(socket);
  }
  return invalid ? -ERRNO.EINVAL : 0;
}

/** Rule 17: the task's sockets that asked for nothing themselves. */
function followers(model: Model, task: Owner): Owner[] {
  return socketsOf(model, task).filter(({ own }) => own === INVALID);
}

/** A task's sockets, newest first: the order in which the core goes through them. */
function socketsOf(model: Model, task: Owner): Owner[] {
  return [...model.owners.values()]
    .filter((owner) => !owner.isTask && owner.task === task.handle)
    .sort((a, b) => b.birth - a.birth);
}

/** Rule 19: the child has the parent's policy and CPUs, and no objects. */
export function taskFork(model: Model, parent: Owner, pid: number): number {
  const handle = taskCreate(model, pid);
  const child = model.owners.get(handle);
  if (child === undefined) return handle;
  if (parent.allowed !== null && !canRestrict(model)) {
    model.owners.delete(handle);
    return -ERRNO.ENOMEM;
  }
  child.allowed = parent.allowed;
  child.own = parent.own;
  if (child.own !== INVALID) register(model, handle, child.own);
  return handle;
}

/** sched_setaffinity: a set of CPUs, some of which exist. */
export function setTaskAllowed(model: Model, task: Owner, cpus: readonly number[]): number {
  const known = cpus.filter((cpu) => model.cpus.has(cpu));
  if (known.length === 0) return -ERRNO.EINVAL;
  const isRestricted = known.length < model.cpus.size;
  if (isRestricted && task.allowed === null && !canRestrict(model)) return -ERRNO.ENOMEM;
  task.allowed = isRestricted ? new Set(known) : null;
  for (const socket of socketsOf(model, task)) socket.empty.clear();
  return 0;
}

/** True if the table of restricted tasks has room. */
function canRestrict(model: Model): boolean {
  const restricted = [...model.owners.values()].filter(({ allowed }) => allowed !== null);
  if (restricted.length < model.capacities.allowed) return true;
  count(model, 0, "allowed_nomem");
  return false;
}

/** Rule 21: the task's sockets live on and follow nobody. */
export function taskExit(model: Model, task: Owner): void {
  for (const socket of followers(model, task)) {
    dropRecord(model, socket.handle);
    forgetAnswers(socket);
  }
  for (const socket of socketsOf(model, task)) {
    socket.empty.clear();
    socket.task = 0;
  }
  dropRecord(model, task.handle);
  model.owners.delete(task.handle);
}

/** A socket; task and device 0 where there is none (yet). */
export function socketOpen(
  model: Model,
  { id, task, device }: { readonly id: number; readonly task: number; readonly device: number },
): number {
  if (task !== 0 && taskOf(model, task) === undefined) return -ERRNO.ESRCH;
  if (device !== 0 && !model.devices.has(device)) return -ERRNO.ENODEV;
  return makeOwner(model, { isTask: false, id, task, device });
}

/** Rule 19: the listener's task, device and own policy; rule 20: without one where refused. */
export function socketAccept(model: Model, listener: Owner, id: number): number {
  const { task, device, own } = listener;
  const handle = makeOwner(model, { isTask: false, id, task, device });
  const socket = model.owners.get(handle);
  if (socket === undefined || own === INVALID) return handle;
  const refused = registerSocket(model, socket, own) < 0;
  if (refused) count(model, device, "inherit_refused");
  return handle;
}

/** close. */
export function socketClose(model: Model, socket: Owner): void {
  dropRecord(model, socket.handle);
  model.owners.delete(socket.handle);
}

/** Rule 21: another device leaves rule, objects and attachment behind. */
export function socketSetDevice(model: Model, socket: Owner, device: number): void {
  if (socket.device === device) return;
  forgetAnswers(socket);
  socket.device = device;
  const record = model.records.get(socket.handle);
  if (record === undefined) return;
  removeRuleOf(model, socket.handle);
  detach(model, record);
}

/** Rules 15, 16 and 20: a socket's policy by the enum's value. */
export function setSocketPolicy(model: Model, socket: Owner, value: number): number {
  const device = model.devices.get(socket.device);
  if (value < 0 || value > 3) {
    count(model, socket.device, "register_invalid");
    return makeInvalid(model, socket);
  }
  if (device !== undefined && !fits(value, device.policy)) {
    count(model, device.handle, "register_incompatible");
    sayMismatch(model, device, value);
    return makeInvalid(model, socket);
  }
  if (socket.own === value) return 0;
  return registerSocket(model, socket, value);
}

function makeInvalid(model: Model, socket: Owner): number {
  socket.own = INVALID;
  forgetAnswers(socket);
  dropRecord(model, socket.handle);
  return -ERRNO.EINVAL;
}

/**
 * Rule 20: a new record is attached where the device is known, up and supported, or refused
 * (-ENOSPC); a record that is there already waits for the next pick.
 */
function registerSocket(model: Model, socket: Owner, policy: number): number {
  const device = model.devices.get(socket.device);
  const isAttached = device !== undefined && device.info !== null &&
    !model.records.has(socket.handle);
  if (isAttached && isFull(model, device)) {
    count(model, device.handle, "register_limit");
    sayLimit(model, device);
    return -ERRNO.ENOSPC;
  }
  socket.own = policy;
  if (model.records.get(socket.handle)?.policy !== policy) forgetAnswers(socket);
  const record = register(model, socket.handle, policy);
  if (isAttached) attach(model, record, device);
  return 0;
}
