// deno-fmt-ignore-file
// Sizes of requests and responses: the group's own, or drawn for each request from the "facebook"
// distributions of the load generator mutilate: the ETC pool of Atikoglu et al., "Workload
// analysis of a large-scale key-value store", SIGMETRICS 2012, as commands of memcached's text
// protocol. A request's sizes lie beside its intended time, where the server finds them in order:
// so for TCP only, which loses none. Uses f64, which is the same on every engine.

import { prngBelow, prngUniform } from "../lib/prng";
import { prngOf, PURPOSE_SIZE } from "./abi";
import { Connection, Group, stampAt } from "./connection";

/** How a group's sizes come about. */
export const SIZES_CONSTANT: u32 = 0;
export const SIZES_FACEBOOK: u32 = 1;

/** Generalised extreme value distribution of key sizes, bytes: location, scale, shape. */
const KEY_LOCATION: f64 = 30.7984;
const KEY_SCALE: f64 = 8.20449;
const KEY_SHAPE: f64 = 0.078688;
/** mutilate's keys are numbers below its 10,000 records, memcached takes no longer ones. */
const KEY_LEAST: u32 = 5;
const KEY_MOST: u32 = 250;
/** Generalised Pareto distribution of value sizes from 15 bytes on: location, scale, shape. */
const VALUE_LOCATION: f64 = 15.0;
const VALUE_SCALE: f64 = 214.476;
const VALUE_SHAPE: f64 = 0.348238;
/** Largest item of memcached by default. */
const VALUE_MOST: u32 = 1048576;
/** Sizes of 0 to 14 bytes are so many of 100,000 values, each with those before it. */
const SMALL_VALUES: StaticArray<u32> = [
  536, 583, 18403, 27642, 27660, 30400, 30465, 31071, 31094, 31931, 32768, 41757, 41849, 42175,
  44155,
];
const SMALL_UNIT: u32 = 100000;

/** Generalised Pareto distribution at probability 1 - u (0 < u < 1). */
export function paretoAt(u: f64, location: f64, scale: f64, shape: f64): f64 {
  return location + (scale * (NativeMath.pow(u, -shape) - 1.0)) / shape;
}

/** Size of a key, bytes. */
export function facebookKey(): u32 {
  const power = NativeMath.pow(-NativeMath.log(prngUniform(prngOf(PURPOSE_SIZE))), -KEY_SHAPE);
  const bytes = KEY_LOCATION + (KEY_SCALE * (power - 1.0)) / KEY_SHAPE;
  return <u32>min(max(bytes + 0.5, <f64>KEY_LEAST), <f64>KEY_MOST);
}

/** Size of a value, bytes. */
export function facebookValue(): u32 {
  const place = prngBelow(prngOf(PURPOSE_SIZE), SMALL_UNIT);
  for (let bytes = 0; bytes < SMALL_VALUES.length; bytes++) {
    if (place < SMALL_VALUES[bytes]) return bytes;
  }
  const u = prngUniform(prngOf(PURPOSE_SIZE));
  const bytes = paretoAt(u, VALUE_LOCATION, VALUE_SCALE, VALUE_SHAPE);
  return <u32>min(bytes, <f64>VALUE_MOST);
}

function digits(value: u32): u32 {
  let count: u32 = 1;
  for (let rest = value; rest >= 10; rest /= 10) count++;
  return count;
}

/** Place of a request's sizes: behind its intended time. */
@inline
function sizesAt(connection: Connection, group: Group, counter: u32): usize {
  return stampAt(connection, group, counter) + 8;
}

/** Draws the sizes of a request: a get that hits or, by the share of updates, a set. */
export function sizesDraw(connection: Connection, group: Group, counter: u32): void {
  if (group.sizes == SIZES_CONSTANT) return;
  const isUpdate = prngBelow(prngOf(PURPOSE_SIZE), 1000000) < group.updatePpm;
  const key = facebookKey();
  const value = facebookValue();
  // "get KEY", "VALUE KEY 0 BYTES", the value, "END"; "set KEY 0 0 BYTES", the value, "STORED".
  const line = key + digits(value) + value;
  const at = sizesAt(connection, group, counter);
  store<u32>(at, isUpdate ? line + 13 : key + 6);
  store<u32>(at, isUpdate ? 8 : line + 18, 4);
}

/** Keeps the sizes of a request that another machine has drawn. */
export function sizesPut(
  connection: Connection,
  group: Group,
  counter: u32,
  request: u32,
  response: u32,
): void {
  const at = sizesAt(connection, group, counter);
  store<u32>(at, request);
  store<u32>(at, response, 4);
}

/** Payload of a connection's request of this running number, bytes. */
export function requestBytesOf(connection: Connection, group: Group, counter: u32): u32 {
  if (group.sizes == SIZES_CONSTANT) return group.requestBytes;
  return load<u32>(sizesAt(connection, group, counter));
}

/** Payload of the response to a connection's request of this running number, bytes. */
export function responseBytesOf(connection: Connection, group: Group, counter: u32): u32 {
  if (group.sizes == SIZES_CONSTANT) return group.responseBytes;
  return load<u32>(sizesAt(connection, group, counter), 4);
}
