// deno-fmt-ignore-file
// Counters of everything that can be refused, and a ring of the RFC's messages.
// Both are for people: no decision ever reads them, and they are no part of the state.

import {
  COUNTERS,
  countersAt,
  D_NAME,
  deviceAt,
  devicesCapacity,
  LOG_BYTES,
  LOG_ENTRIES,
  logAt,
  NAME_BYTES,
} from "./abi";
import { putName, putPolicy, putString, putUint, textEnd, textStart } from "./text";

/** A policy outside NONE..LATENCY was asked for. */
export const COUNT_REGISTER_INVALID: i32 = 0;
/** A socket asked for a policy that does not fit the device's. */
export const COUNT_REGISTER_INCOMPATIBLE: i32 = 1;
/** A registration met the record limit. */
export const COUNT_REGISTER_LIMIT: i32 = 2;
/** An accepted socket could not inherit its listener's policy. */
export const COUNT_INHERIT_REFUSED: i32 = 3;
/** No slot was left for a task or socket. */
export const COUNT_INSTANCE_NOMEM: i32 = 4;
/** No slot was left for an allowed-CPU mask. */
export const COUNT_ALLOWED_NOMEM: i32 = 5;
/** A pick found no device, or one without support. */
export const COUNT_PICK_NO_DEVICE: i32 = 6;
/** A pick found a policy that does not fit the device's. */
export const COUNT_PICK_MISMATCH: i32 = 7;
/** A pick met the record limit. */
export const COUNT_PICK_LIMIT: i32 = 8;
/** A pick found no object in the list, or none on an allowed CPU. */
export const COUNT_PICK_EMPTY: i32 = 9;
/** A rule was inserted. */
export const COUNT_RULE_INSERTED: i32 = 10;
/** A rule was deleted. */
export const COUNT_RULE_DELETED: i32 = 11;
/** A flow is of a type that rules cannot match. */
export const COUNT_RULE_UNSUPPORTED: i32 = 12;
/** No slot was left for a rule. */
export const COUNT_RULE_NOMEM: i32 = 13;
/** The device refused a rule. */
export const COUNT_RULE_REFUSED: i32 = 14;
/** The device would not delete a rule. */
export const COUNT_RULE_DELETE_FAILED: i32 = 15;
/** A device policy is unknown or without support. */
export const COUNT_POLICY_UNSUPPORTED: i32 = 16;
/** A driver operation failed a change of the device policy. */
export const COUNT_POLICY_FAILED: i32 = 17;
/** A driver refused to go back, or to NONE; its settings are unknown. */
export const COUNT_ROLLBACK_FAILED: i32 = 18;
/** A map was rebuilt after an event. */
export const COUNT_REBUILD: i32 = 19;
/** A rebuild failed; the device is at NONE. */
export const COUNT_REBUILD_FAILED: i32 = 20;
/** An irq would not take its old affinity back. */
export const COUNT_AFFINITY_FAILED: i32 = 21;
/** The init operation of a driver failed. */
export const COUNT_INIT_FAILED: i32 = 22;
/** The version of a map started again at 1. */
export const COUNT_VERSION_WRAP: i32 = 23;

/** A device came up with support. */
export const LOG_INIT: i32 = 1;
/** A policy does not fit the device's: a device's, b the instance's. */
export const LOG_MISMATCH: i32 = 2;
/** Map or affinity could not be made. */
export const LOG_LISTS_FAILED: i32 = 3;
/** The driver refused a policy. */
export const LOG_SET_FAILED: i32 = 4;
/** value: the irq that kept the wrong affinity. */
export const LOG_AFFINITY_FAILED: i32 = 5;
/** value: the limit. */
export const LOG_RECORD_LIMIT: i32 = 6;
/** value: the queue. */
export const LOG_RULE_REFUSED: i32 = 7;
/** value: the location. */
export const LOG_RULE_DELETE_FAILED: i32 = 8;
/** MIX leaves no queue for LATENCY. */
export const LOG_LATENCY_STARVED: i32 = 9;

let logged: u32 = 0;

/** Forgets all messages; part of init. */
export function logReset(): void {
  logged = 0;
}

/** Adds one to a counter of a device (0: of none). */
export function count(device: i32, counter: i32): void {
  const at = countersAt + <usize>((<u32>device * COUNTERS + <u32>counter) << 2);
  store<u32>(at, load<u32>(at) + 1);
}

/** Value of a counter; 0 for a device or counter that does not exist. */
export function counterOf(device: i32, counter: i32): u32 {
  if (<u32>device > devicesCapacity || <u32>counter >= COUNTERS) return 0;
  return load<u32>(countersAt + <usize>((<u32>device * COUNTERS + <u32>counter) << 2));
}

/** Appends a message about a device, with the name it has now. */
export function log(device: i32, code: i32, a: i32, b: i32, value: i32): void {
  const at = logAt + <usize>(logged % LOG_ENTRIES) * LOG_BYTES;
  memory.copy(at, deviceAt(device) + D_NAME, NAME_BYTES);
  store<u32>(at, logged, 16);
  store<u8>(at, code, 20);
  store<i8>(at, a, 21);
  store<i8>(at, b, 22);
  store<i32>(at, value, 24);
  logged++;
}

/** Messages ever written; the ring holds the last 64. */
export function logCount(): u32 {
  return logged;
}

/** Writes message `sequence` into the text buffer; its length, 0 when the ring has lost it. */
export function logText(sequence: u32): i32 {
  if (sequence >= logged || logged - sequence > LOG_ENTRIES) return 0;
  const at = logAt + <usize>(sequence % LOG_ENTRIES) * LOG_BYTES;
  assert(load<u32>(at, 16) == sequence);
  textStart();
  putString("NETPOLICY: ");
  putMessage(at, load<u8>(at, 20), load<i8>(at, 21), load<i8>(at, 22), load<i32>(at, 24));
  return textEnd();
}

function putMessage(name: usize, code: i32, a: i32, b: i32, value: i32): void {
  if (code == LOG_INIT) {
    putString("Init net policy for ");
    putName(name);
  } else if (code == LOG_MISMATCH) {
    putName(name);
    putString(" current device policy ");
    putPolicy(a);
    putString(" doesn't support required policy ");
    putPolicy(b);
    putString("! Remove net policy settings!");
  } else if (code == LOG_LISTS_FAILED) {
    putString("Failed to generate netpolicy object list for dev ");
    putName(name);
  } else if (code == LOG_SET_FAILED) {
    putString("Failed to set netpolicy for dev ");
    putName(name);
  } else if (code == LOG_AFFINITY_FAILED) {
    putString("Failed to restore affinity of irq ");
    putUint(value);
    putString(" for dev ");
    putName(name);
  } else if (code == LOG_RECORD_LIMIT) {
    putString("Record limit ");
    putUint(value);
    putString(" reached for dev ");
    putName(name);
  } else if (code == LOG_RULE_REFUSED || code == LOG_RULE_DELETE_FAILED) {
    putString(
      code == LOG_RULE_REFUSED ? "Failed to insert rule for queue " : "Failed to delete rule ",
    );
    putUint(value);
    putString(" of dev ");
    putName(name);
  } else {
    assert(code == LOG_LATENCY_STARVED);
    putString("No queue for policy LATENCY on dev ");
    putName(name);
  }
}

/** Writes the name of a counter into the text buffer; its length, 0 past the last. */
export function counterName(counter: i32): i32 {
  textStart();
  if (<u32>counter < COUNTERS) putString(counterWord(counter));
  return textEnd();
}

function counterWord(counter: i32): string {
  switch (counter) {
    case COUNT_REGISTER_INVALID:
      return "register_invalid";
    case COUNT_REGISTER_INCOMPATIBLE:
      return "register_incompatible";
    case COUNT_REGISTER_LIMIT:
      return "register_limit";
    case COUNT_INHERIT_REFUSED:
      return "inherit_refused";
    case COUNT_INSTANCE_NOMEM:
      return "instance_nomem";
    case COUNT_ALLOWED_NOMEM:
      return "allowed_nomem";
    case COUNT_PICK_NO_DEVICE:
      return "pick_no_device";
    case COUNT_PICK_MISMATCH:
      return "pick_mismatch";
    case COUNT_PICK_LIMIT:
      return "pick_limit";
    case COUNT_PICK_EMPTY:
      return "pick_empty";
    case COUNT_RULE_INSERTED:
      return "rule_inserted";
    case COUNT_RULE_DELETED:
      return "rule_deleted";
    case COUNT_RULE_UNSUPPORTED:
      return "rule_unsupported";
    case COUNT_RULE_NOMEM:
      return "rule_nomem";
    case COUNT_RULE_REFUSED:
      return "rule_refused";
    case COUNT_RULE_DELETE_FAILED:
      return "rule_delete_failed";
    case COUNT_POLICY_UNSUPPORTED:
      return "policy_unsupported";
    case COUNT_POLICY_FAILED:
      return "policy_failed";
    case COUNT_ROLLBACK_FAILED:
      return "rollback_failed";
    case COUNT_REBUILD:
      return "rebuild";
    case COUNT_REBUILD_FAILED:
      return "rebuild_failed";
    case COUNT_AFFINITY_FAILED:
      return "affinity_failed";
    case COUNT_INIT_FAILED:
      return "init_failed";
    default:
      return "version_wrap";
  }
}
