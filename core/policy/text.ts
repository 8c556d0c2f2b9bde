// deno-fmt-ignore-file
// Writes ASCII text into the text buffer, and reads policy names: the byte-exact side of /proc.
// It knows the words, not the objects; files that answer a read compose them.

import { EINVAL, EOPNOTSUPP } from "../lib/errno";
import {
  D_NAME,
  deviceAt,
  inputAt,
  NAME_BYTES,
  POLICY_BULK,
  POLICY_CPU,
  POLICY_LATENCY,
  POLICY_MIX,
  POLICY_NAME_MAX,
  POLICY_NONE,
  textAt,
  textCapacity,
} from "./abi";

let length: usize = 0;

/** Starts a new text. */
export function textStart(): void {
  length = 0;
}

/** Bytes written since textStart. */
export function textEnd(): i32 {
  return <i32>length;
}

/** Appends one byte. */
export function putByte(byte: i32): void {
  assert(length < textCapacity);
  store<u8>(textAt + length, byte);
  length++;
}

/** Appends an ASCII literal. */
export function putString(text: string): void {
  const count = text.length;
  for (let i = 0; i < count; i++) putByte(text.charCodeAt(i));
}

/** Appends a number in decimal. */
export function putUint(value: u32): void {
  if (value >= 10) putUint(value / 10);
  putByte(48 + <i32>(value % 10));
}

/** Appends a zero-terminated name of at most 16 bytes. */
export function putName(at: usize): void {
  for (let i = 0; i < NAME_BYTES; i++) {
    const byte = load<u8>(at + i);
    if (byte == 0) return;
    putByte(byte);
  }
}

/** Appends a device's name. */
export function putDevice(device: i32): void {
  putName(deviceAt(device) + D_NAME);
}

/** Appends a policy's name. */
export function putPolicy(policy: i32): void {
  if (policy == POLICY_NONE) putString("NONE");
  else if (policy == POLICY_CPU) putString("CPU");
  else if (policy == POLICY_BULK) putString("BULK");
  else if (policy == POLICY_LATENCY) putString("LATENCY");
  else if (policy == POLICY_MIX) putString("MIX");
  else putString("INVALID");
}


@inline
function upper(byte: i32): i32 {
  return byte >= 97 && byte <= 122 ? byte - 32 : byte;
}

function inputIs(word: string, count: i32): bool {
  if (word.length != count) return false;
  for (let i = 0; i < count; i++) {
    if (upper(load<u8>(inputAt + i)) != word.charCodeAt(i)) return false;
  }
  return true;
}

/**
 * The policy named by the first `count` bytes of the input buffer: any letter case, one newline at
 * the end allowed, the whole word must match. -EINVAL over 64 bytes, -EOPNOTSUPP for another word.
 */
export function parsePolicy(count: i32): i32 {
  if (<u32>count > <u32>POLICY_NAME_MAX) return -EINVAL;
  if (count > 0 && load<u8>(inputAt + count - 1) == 10) count--;
  if (inputIs("NONE", count)) return POLICY_NONE;
  if (inputIs("CPU", count)) return POLICY_CPU;
  if (inputIs("BULK", count)) return POLICY_BULK;
  if (inputIs("LATENCY", count)) return POLICY_LATENCY;
  if (inputIs("MIX", count)) return POLICY_MIX;
  return -EOPNOTSUPP;
}
