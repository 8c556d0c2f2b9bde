// deno-fmt-ignore-file
// Instances: what a task or a socket asks for, whom it follows, and its cached queues.
// A socket's own policy goes over its task's; a socket without one follows its task. This file
// keeps records in step with that; it picks no queue.

import { bitmapClear, bitmapHas, bitmapNext, bitmapTake } from "../lib/bitmap";
import { EBADF, EINVAL, ENODEV, ENOMEM, ENOSPC, ESRCH } from "../lib/errno";
import {
  allowedOf,
  allowedSet,
  CACHE_EMPTY,
  cpusCapacity,
  I_ALLOWED,
  I_CACHE,
  I_DEVICE,
  I_FLAGS,
  I_ID,
  I_NEXT,
  I_POLICY,
  I_PREVIOUS,
  I_TASK,
  I_VERSION,
  INSTANCE_TASK,
  INSTANCE_USED,
  instanceAt,
  instancesSet,
  maskAt,
  maskWords,
  POLICY_INVALID,
  POLICY_MAX,
  POLICY_NONE,
  RX,
  TX,
} from "./abi";
import { deviceIsRegistered, deviceIsSupported, devicePolicy, policiesFit } from "./device";
import {
  count,
  COUNT_ALLOWED_NOMEM,
  COUNT_INHERIT_REFUSED,
  COUNT_INSTANCE_NOMEM,
  COUNT_REGISTER_INCOMPATIBLE,
  COUNT_REGISTER_INVALID,
  COUNT_REGISTER_LIMIT,
  log,
  LOG_MISMATCH,
} from "./log";
import {
  recordAttach,
  recordDetach,
  recordFind,
  recordInsert,
  recordPolicy,
  recordRelease,
  recordRemove,
  recordSetPolicy,
} from "./record";
import { ruleDrop } from "./rule";
import { parsePolicy, putByte, putPolicy, textEnd, textStart } from "./text";
import { cpuIsPresent } from "./topology";

/** Whether the handle names a live task or socket. */
@inline
export function instanceIsLive(instance: i32): bool {
  return instance > 0 && bitmapHas(instancesSet, instance);
}

/** Whether a live instance is a task, else a socket. */
@inline
export function instanceIsTask(instance: i32): bool {
  return ((<i32>load<u8>(instanceAt(instance), I_FLAGS)) & INSTANCE_TASK) != 0;
}

/** Device that the packets of an instance go through, 0 if not known. */
@inline
export function instanceDevice(instance: i32): i32 {
  return load<u16>(instanceAt(instance), I_DEVICE);
}

/** Policy the instance asked for itself, INVALID (-1) if none. */
@inline
export function ownPolicy(instance: i32): i32 {
  return load<i8>(instanceAt(instance), I_POLICY);
}

/** Task a socket belongs to, 0 if it is gone. */
@inline
export function socketTask(instance: i32): i32 {
  return load<u32>(instanceAt(instance), I_TASK);
}

/** Policy in force for the instance: its own, else its task's, else INVALID. */
export function effectivePolicy(instance: i32): i32 {
  const own = ownPolicy(instance);
  if (own != POLICY_INVALID || instanceIsTask(instance)) return own;
  const task = socketTask(instance);
  return task == 0 ? POLICY_INVALID : ownPolicy(task);
}

/** First live instance at or above `from`, -1 if there is none. */
export function instanceNext(from: i32): i32 {
  return bitmapNext(instancesSet, from);
}

/** Forgets the cached queues, so that the next packet looks them up again. */
export function cacheClear(instance: i32): void {
  store<u32>(instanceAt(instance), 0, I_CACHE);
  store<u32>(instanceAt(instance), 0, I_VERSION);
}

/** Forgets that there was no object to choose, and nothing else. */
export function cacheForgetEmpty(instance: i32): void {
  for (let direction = RX; direction <= TX; direction++) {
    const cache = instanceAt(instance) + ((<usize>direction) << 1);
    if (<i32>load<u16>(cache, I_CACHE) == CACHE_EMPTY) store<u16>(cache, 0, I_CACHE);
  }
}

function create(id: u32, flags: i32): i32 {
  const instance = bitmapTake(instancesSet);
  if (instance < 0) {
    count(0, COUNT_INSTANCE_NOMEM);
    return -ENOMEM;
  }
  store<u32>(instanceAt(instance), id, I_ID);
  store<u8>(instanceAt(instance), INSTANCE_USED | flags, I_FLAGS);
  store<i8>(instanceAt(instance), POLICY_INVALID, I_POLICY);
  return instance;
}

function destroy(instance: i32): void {
  memory.fill(instanceAt(instance), 0, instanceAt(1) - instanceAt(0));
  bitmapClear(instancesSet, instance);
}

/**
 * netpolicy_register: makes the record of an instance carry `policy`. Objects and rule of another
 * policy are given back. -ENOSPC, changing nothing, when the device's record limit is reached.
 */
export function register(instance: i32, policy: i32): i32 {
  assert(policy >= POLICY_NONE && policy < POLICY_MAX);
  let record = recordFind(instance);
  if (record != 0) {
    if (recordPolicy(record) == policy) return 0;
    ruleDropSocket(instance);
    recordRelease(record);
    recordSetPolicy(record, policy);
    cacheClear(instance);
    return 0;
  }
  record = recordInsert(instance, policy);
  const device = instanceDevice(instance);
  if (device != 0 && deviceIsSupported(device) && recordAttach(record, device) < 0) {
    recordRemove(record);
    count(device, COUNT_REGISTER_LIMIT);
    return -ENOSPC;
  }
  cacheClear(instance);
  return 0;
}

/** netpolicy_unregister: record, objects and rule go; the policy asked for becomes INVALID. */
export function unregister(instance: i32): void {
  dropRecord(instance);
  store<i8>(instanceAt(instance), POLICY_INVALID, I_POLICY);
}

/** Takes away the record with all that hangs on it; the policy asked for stays. */
function dropRecord(instance: i32): void {
  ruleDropSocket(instance);
  const record = recordFind(instance);
  if (record != 0) recordRemove(record);
  cacheClear(instance);
}

function ruleDropSocket(instance: i32): void {
  if (!instanceIsTask(instance)) ruleDrop(instance);
}

/** Sockets that follow the task look again: their records carried its old policy. */
function refreshFollowers(task: i32): void {
  let socket = <i32>load<u32>(instanceAt(task), I_TASK);
  while (socket != 0) {
    if (ownPolicy(socket) == POLICY_INVALID) dropRecord(socket);
    socket = load<u32>(instanceAt(socket), I_NEXT);
  }
}

/** Registers a task; it has no device, so no limit can refuse it. */
function adoptPolicy(task: i32, policy: i32): void {
  const error = register(task, policy);
  assert(error == 0);
  store<i8>(instanceAt(task), policy, I_POLICY);
}

/** Creates a task without policy. Returns its handle or -ENOMEM. */
export function taskCreate(pid: u32): i32 {
  return create(pid, INSTANCE_TASK);
}

/**
 * prctl(PR_SET_NETPOLICY): policy of a task by value. A value outside NONE..LATENCY is -EINVAL and,
 * as the RFC has it, leaves the task without policy. -ESRCH for a handle that is no task.
 */
export function setTaskPolicy(task: i32, policy: i32): i32 {
  if (!instanceIsLive(task) || !instanceIsTask(task)) return -ESRCH;
  const valid = policy >= POLICY_NONE && policy < POLICY_MAX;
  if (!valid) count(0, COUNT_REGISTER_INVALID);
  if (valid && policy == ownPolicy(task)) return 0;
  if (valid) adoptPolicy(task, policy);
  else unregister(task);
  refreshFollowers(task);
  return valid ? 0 : -EINVAL;
}

/**
 * The same by the name in the first `length` bytes of the input buffer; an unknown name is -EINVAL.
 */
export function setTaskPolicyName(task: i32, length: i32): i32 {
  if (!instanceIsLive(task) || !instanceIsTask(task)) return -ESRCH;
  const policy = parsePolicy(length);
  return setTaskPolicy(task, policy < 0 ? POLICY_INVALID : policy);
}

/** /proc/PID/net_policy: writes the name of the policy and a newline into the text buffer. */
export function readTaskPolicy(task: i32): i32 {
  if (!instanceIsLive(task) || !instanceIsTask(task)) return -ESRCH;
  textStart();
  putPolicy(ownPolicy(task));
  putByte(10);
  return textEnd();
}

/**
 * fork: a child with the parent's policy and allowed CPUs, and no object of its own. -ENOMEM, and
 * no child, when a table is full: a child that forgot its CPUs would be worse than none.
 */
export function taskFork(parent: i32, pid: u32): i32 {
  if (!instanceIsLive(parent) || !instanceIsTask(parent)) return -ESRCH;
  const child = create(pid, INSTANCE_TASK);
  if (child < 0) return child;
  const allowed = <i32>load<u32>(instanceAt(parent), I_ALLOWED);
  if (allowed != 0) {
    memory.copy(maskAt, allowedOf(allowed), (<usize>maskWords) << 2);
    const error = setAllowed(child);
    if (error < 0) {
      destroy(child);
      return error;
    }
  }
  const policy = ownPolicy(parent);
  if (policy != POLICY_INVALID) adoptPolicy(child, policy);
  return child;
}

/** exit: the record goes; its sockets that live on (passed to others) follow nobody. */
export function taskExit(task: i32): i32 {
  if (!instanceIsLive(task) || !instanceIsTask(task)) return -ESRCH;
  unregister(task);
  refreshFollowers(task);
  let socket = <i32>load<u32>(instanceAt(task), I_TASK);
  while (socket != 0) {
    const next = <i32>load<u32>(instanceAt(socket), I_NEXT);
    cacheForgetEmpty(socket);
    store<u32>(instanceAt(socket), 0, I_TASK);
    store<u32>(instanceAt(socket), 0, I_NEXT);
    store<u32>(instanceAt(socket), 0, I_PREVIOUS);
    socket = next;
  }
  allowedFree(task);
  destroy(task);
  return 0;
}

function allowedFree(task: i32): void {
  const mask = <i32>load<u32>(instanceAt(task), I_ALLOWED);
  if (mask == 0) return;
  memory.fill(allowedOf(mask), 0, (<usize>maskWords) << 2);
  bitmapClear(allowedSet, mask);
  store<u32>(instanceAt(task), 0, I_ALLOWED);
}

function setAllowed(task: i32): i32 {
  let mask = <i32>load<u32>(instanceAt(task), I_ALLOWED);
  if (mask == 0) {
    mask = bitmapTake(allowedSet);
    if (mask < 0) {
      count(0, COUNT_ALLOWED_NOMEM);
      return -ENOMEM;
    }
    store<u32>(instanceAt(task), mask, I_ALLOWED);
  }
  memory.copy(allowedOf(mask), maskAt, (<usize>maskWords) << 2);
  return 0;
}

/**
 * sched_setaffinity: restricts a task to the CPUs in the mask buffer; what is already assigned
 * stays. A mask of all CPUs lifts the restriction. -EINVAL for an empty mask or a CPU that does not
 * exist, -ENOMEM when all masks are taken.
 */
export function setTaskAllowed(task: i32): i32 {
  if (!instanceIsLive(task) || !instanceIsTask(task)) return -ESRCH;
  let allowed = 0;
  let forbidden = 0;
  for (let cpu: u32 = 0; cpu < maskWords << 5; cpu++) {
    const named = ((load<u32>(maskAt + ((<usize>(cpu >> 5)) << 2)) >> (cpu & 31)) & 1) != 0;
    if (named && !cpuIsPresent(cpu)) return -EINVAL;
    if (named) allowed++;
    else if (cpuIsPresent(cpu)) forbidden++;
  }
  if (allowed == 0) return -EINVAL;
  if (forbidden == 0) allowedFree(task);
  const error = forbidden == 0 ? 0 : setAllowed(task);
  if (error == 0) forgetEmpty(task);
  return error;
}

/** Other CPUs are allowed now: a socket that found no object may find one. */
function forgetEmpty(task: i32): void {
  let socket = <i32>load<u32>(instanceAt(task), I_TASK);
  while (socket != 0) {
    cacheForgetEmpty(socket);
    socket = load<u32>(instanceAt(socket), I_NEXT);
  }
}

/** Whether the task behind an instance may run on a CPU; true where nothing restricts it. */
export function cpuIsAllowed(instance: i32, cpu: i32): bool {
  assert(<u32>cpu < cpusCapacity);
  const task = instanceIsTask(instance) ? instance : socketTask(instance);
  if (task == 0) return true;
  const mask = <i32>load<u32>(instanceAt(task), I_ALLOWED);
  if (mask == 0) return true;
  return (
    ((load<u32>(allowedOf(mask) + <usize>(((<u32>cpu) >> 5) << 2)) >> ((<u32>cpu) & 31)) & 1) != 0
  );
}

function linkSocket(socket: i32, task: i32): void {
  store<u32>(instanceAt(socket), task, I_TASK);
  if (task == 0) return;
  const head = <i32>load<u32>(instanceAt(task), I_TASK);
  store<u32>(instanceAt(socket), head, I_NEXT);
  if (head != 0) store<u32>(instanceAt(head), socket, I_PREVIOUS);
  store<u32>(instanceAt(task), socket, I_TASK);
}

function unlinkSocket(socket: i32): void {
  const task = socketTask(socket);
  if (task == 0) return;
  const next = <i32>load<u32>(instanceAt(socket), I_NEXT);
  const previous = <i32>load<u32>(instanceAt(socket), I_PREVIOUS);
  if (previous != 0) store<u32>(instanceAt(previous), next, I_NEXT);
  else store<u32>(instanceAt(task), next, I_TASK);
  if (next != 0) store<u32>(instanceAt(next), previous, I_PREVIOUS);
}

/**
 * Creates a socket of a task (0: of none) whose packets go through a device (0: not known yet).
 * Returns its handle, -ESRCH, -ENODEV or -ENOMEM.
 */
export function socketOpen(id: u32, task: i32, device: i32): i32 {
  if (task != 0 && (!instanceIsLive(task) || !instanceIsTask(task))) return -ESRCH;
  if (device != 0 && !deviceIsRegistered(device)) return -ENODEV;
  const socket = create(id, 0);
  if (socket < 0) return socket;
  store<u16>(instanceAt(socket), device, I_DEVICE);
  linkSocket(socket, task);
  return socket;
}

/**
 * accept: a socket with the listener's task, device and policy, and no object of its own. Where the
 * record limit refuses the inherited policy the connection works on without one, which is counted.
 */
export function socketAccept(listener: i32, id: u32): i32 {
  if (!instanceIsLive(listener) || instanceIsTask(listener)) return -EBADF;
  const socket = socketOpen(id, socketTask(listener), instanceDevice(listener));
  if (socket < 0) return socket;
  const policy = ownPolicy(listener);
  if (policy == POLICY_INVALID) return socket;
  if (register(socket, policy) == 0) store<i8>(instanceAt(socket), policy, I_POLICY);
  else count(instanceDevice(socket), COUNT_INHERIT_REFUSED);
  return socket;
}

/** close: rule, objects and record go. */
export function socketClose(socket: i32): i32 {
  if (!instanceIsLive(socket) || instanceIsTask(socket)) return -EBADF;
  unregister(socket);
  unlinkSocket(socket);
  destroy(socket);
  return 0;
}

/** Notes the device that a socket's packets go through; another device takes nothing along. */
export function socketSetDevice(socket: i32, device: i32): i32 {
  if (!instanceIsLive(socket) || instanceIsTask(socket)) return -EBADF;
  if (!deviceIsRegistered(device)) return -ENODEV;
  if (instanceDevice(socket) == device) return 0;
  leaveDevice(socket);
  store<u16>(instanceAt(socket), device, I_DEVICE);
  return 0;
}

/** Takes a socket's rule, objects and attachment off its device. The policy and the record stay. */
export function leaveDevice(socket: i32): void {
  ruleDropSocket(socket);
  const record = recordFind(socket);
  if (record != 0) recordDetach(record);
  cacheClear(socket);
  store<u16>(instanceAt(socket), 0, I_DEVICE);
}

/**
 * setsockopt(SO_NETPOLICY). -EINVAL for a value outside NONE..LATENCY or one that does not fit the
 * device's policy: the socket is then left without a policy of its own, as the RFC has it. -ENOSPC
 * at the record limit: the socket then keeps what it had.
 */
export function setSocketPolicy(socket: i32, policy: i32): i32 {
  if (!instanceIsLive(socket) || instanceIsTask(socket)) return -EBADF;
  const device = instanceDevice(socket);
  if (policy < POLICY_NONE || policy >= POLICY_MAX) {
    count(device, COUNT_REGISTER_INVALID);
    unregister(socket);
    return -EINVAL;
  }
  if (device != 0 && !policiesFit(devicePolicy(device), policy)) {
    count(device, COUNT_REGISTER_INCOMPATIBLE);
    log(device, LOG_MISMATCH, devicePolicy(device), policy, 0);
    unregister(socket);
    return -EINVAL;
  }
  const error = register(socket, policy);
  if (error < 0) return error;
  store<i8>(instanceAt(socket), policy, I_POLICY);
  return 0;
}

/** getsockopt(SO_NETPOLICY): the policy in force, INVALID (-1) where there is none; -EBADF. */
export function getSocketPolicy(socket: i32): i32 {
  if (!instanceIsLive(socket) || instanceIsTask(socket)) return -EBADF;
  return effectivePolicy(socket);
}
