/**
 * What an operation must keep, seen from the state before and the state after it: the statements
 * about transitions, which `check()` of one state cannot make, and those about manager and host
 * together. Each has a sentence; the numbers are those of the invariants in core/policy/check.ts.
 *
 * @module
 */

import { ENTRY } from "./arena.ts";
import type { Arena } from "./arena.ts";
import type { Operation } from "./operations.ts";
import type { Subject } from "./subject.ts";
import { TOLD_UNKNOWN } from "./host.ts";

/** One transition, as the properties see it. */
export interface Transition {
  readonly subject: Subject;
  readonly operation: Operation;
  readonly answer: number;
  /** Driver calls that failed in it. */
  readonly faults: number;
  readonly before: Arena;
  /** State of the host before. */
  readonly hostBefore: Uint8Array;
  readonly changed: boolean;
}

/** A refusal of these changes nothing. */
const REFUSAL_CHANGES_NOTHING: ReadonlySet<string> = new Set([
  "write",
  "offline",
  "online",
  "task",
  "fork",
  "allowed",
  "open",
  "accept",
  "bind",
]);

const ENOSPC = -28;
/** Error numbers that a call of the manager may answer with; Linux's. */
const DOCUMENTED: ReadonlySet<number> = new Set([
  -2,
  -3,
  -5,
  -9,
  -12,
  -16,
  -17,
  -19,
  -22,
  -28,
  -95,
]);

/** First property that a transition breaks, null if it keeps all. */
export function brokenProperty(transition: Transition): string | null {
  const { answer, operation, changed, subject, before, faults } = transition;
  if (answer < 0 && !DOCUMENTED.has(answer)) return `I23: the answer ${answer} is not documented`;
  const said = -subject.host.failedWith;
  if (operation.kind === "write" && faults === 1 && answer < 0 && answer !== said) {
    return `I23: the answer is ${answer}, the driver said ${said}`;
  }
  if (answer < 0 && changed) {
    const isFinal = REFUSAL_CHANGES_NOTHING.has(operation.kind) ||
      (operation.kind === "policy" && answer === ENOSPC);
    // Irqs or a device that refused to be put back are a matter of the host.
    if (isFinal && !(faults > 0 && sameManager(before, subject.arena))) {
      return `I20: a refused operation changed the state`;
    }
  }
  if (operation.kind === "pick" || operation.kind === "rule") return brokenPick(transition);
  if (!changed) return null;
  if (operation.kind === "write" && faults === 1 && answer < 0) {
    const device = operation.device;
    const wasKnown = transition.hostBefore[subject.host.toldOffset(device)] !== TOLD_UNKNOWN;
    if (wasKnown && subject.host.told(device) === TOLD_UNKNOWN) {
      return "I20: after a refused policy the driver was not told the one in force again";
    }
  }
  return brokenElsewhere(transition) ?? brokenInheritance(transition) ??
    brokenUnregister(transition) ?? brokenHost(subject);
}

/** Who holds on to a device that is gone would have whatever comes under its number. */
function brokenUnregister({ subject, operation: { kind, device } }: Transition): string | null {
  if (kind !== "unregister") return null;
  const { arena, host } = subject;
  if (arena.deviceFlags(device) !== 0) return "I22: an unregistered device is not zero";
  for (let owner = 1; owner <= arena.layout.capacities.owners; owner++) {
    if (arena.instanceKind(owner) === 1 && arena.instanceDevice(owner) === device) {
      return "I22: a socket keeps a device that is gone";
    }
    const record = arena.recordOf(owner);
    if (record !== 0 && arena.u16[(arena.record(record) + 8) >> 1] === device) {
      return "I22: a record keeps a device that is gone";
    }
  }
  return host.rulesHeld(device) === 0 ? null : "I18: a rule stays where its device is gone";
}

function sameManager(a: Arena, b: Arena): boolean {
  const from = a.layout.cpus >> 2;
  for (let word = from; word < a.i32.length; word++) if (a.i32[word] !== b.i32[word]) return false;
  return true;
}

/** The fast path and the slow path agree, and round-robin goes round. */
function brokenPick({ subject, operation, answer, before, changed }: Transition): string | null {
  const { arena } = subject;
  const { owner, kind } = operation;
  const device = arena.instanceDevice(owner);
  if (answer < 0) return changed ? brokenHost(subject) : null;
  const record = arena.recordOf(owner);
  const direction = kind === "rule" ? 0 : operation.value;
  const side = (arena.deviceFlags(device) & 16) !== 0 ? 0 : direction;
  if (record === 0 || arena.recordQueue(record, side) !== answer) {
    return `I12: the answer ${answer} is not the queue of the owner's record`;
  }
  if (!changed) return null;
  const recordBefore = before.recordOf(owner);
  const isNew = recordBefore === 0 || before.recordQueue(recordBefore, side) < 0;
  if (isNew && arena.i32[0] === 0) {
    const policy = arena.effectivePolicy(owner);
    const cursor = before.listCursor(device, side, policy);
    const length = before.listLength(device, side, policy);
    if (before.listQueue(device, side, policy, cursor) !== answer) {
      return `I14: round-robin did not choose the object at its cursor`;
    }
    if (arena.listCursor(device, side, policy) !== (cursor + 1) % length) {
      return `I14: the cursor did not go one step`;
    }
  }
  return brokenHost(subject);
}

/** I21: an event of one device leaves the records of the others alone. */
function brokenElsewhere({ subject, operation, before }: Transition): string | null {
  const { arena } = subject;
  const { devices, owners } = arena.layout.capacities;
  if (
    devices < 2 ||
    !["write", "down", "up", "channels", "unregister", "register"].includes(operation.kind)
  ) return null;
  for (let record = 1; record <= owners; record++) {
    const at = arena.record(record);
    const device = before.u16[(at + 8) >> 1]!;
    if (device === 0 || device === operation.device) continue;
    for (let word = at >> 2; word < (at + ENTRY.record) >> 2; word++) {
      if (arena.i32[word] !== before.i32[word]) {
        return `I21: a record of device ${device} changed by an event of ${operation.device}`;
      }
    }
  }
  return null;
}

/** I17: who inherits a policy inherits no object. */
function brokenInheritance({ subject, operation, answer }: Transition): string | null {
  if (answer < 0 || (operation.kind !== "fork" && operation.kind !== "accept")) return null;
  const { arena } = subject;
  const record = arena.recordOf(answer);
  const isWithout = record === 0 ||
    (arena.recordQueue(record, 0) < 0 && arena.recordQueue(record, 1) < 0);
  if (!isWithout) return "I17: a child or accepted socket has an object of its own";
  const [own, parents] = [arena.ownPolicy(answer), arena.ownPolicy(operation.owner)];
  if (own === parents || (operation.kind === "accept" && own === -1)) return null;
  return "I17: a child or accepted socket has another policy than its parent";
}

/** What manager and host say of each other. */
function brokenHost({ arena, host }: Subject): string | null {
  const { devices, rules } = arena.layout.capacities;
  for (let device = 1; device <= devices; device++) {
    const policy = arena.devicePolicy(device);
    const told = host.told(device);
    if (told !== TOLD_UNKNOWN && told !== policy) {
      return `I20: device ${device} was told policy ${told} last, in force is ${policy}`;
    }
    if (policy === 0 && !host.masksAreInitial(device)) {
      return `I13: at NONE an irq of device ${device} has not its old affinity`;
    }
    let held = 0;
    for (let rule = 1; rule <= rules; rule++) {
      const at = arena.rule(rule);
      const state = arena.u8[at + 12]!;
      if (arena.u16[(at + 8) >> 1] !== device || (state !== 1 && state !== 3)) continue;
      held++;
      const location = arena.i32[(at + 4) >> 2]!;
      const flow = arena.i32[(at + 24) >> 2]!;
      const isHeld = host.ruleFlow(device, location) === flow &&
        host.ruleQueue(device, location) === arena.u16[(at + 10) >> 1];
      if (!isHeld) return `I18: a rule of the manager is not in device ${device}`;
    }
    const inDevice = host.rulesHeld(device);
    if (inDevice > held) return `I18: device ${device} holds a rule that the manager forgot`;
  }
  return null;
}
