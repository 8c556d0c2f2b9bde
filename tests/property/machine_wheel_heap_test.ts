/**
 * The timing wheel against a binary heap of (time, sequence), ten million random operations: both
 * in Wasm, since through JavaScript these would take minutes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { compileEntry } from "../../harness/build/compile.ts";
import { ENTRIES } from "../../harness/build/entry.ts";
import { PROJECT_ROOT } from "../../harness/build.ts";

const SOURCE = `
import {
  cancel, eventAt, nextTime, now, pendingEvents, schedule, takeEvent, wheelInit,
} from "./lib/wheel";
import { prngBelow, prngNext, prngSeed } from "./lib/prng";
import { EVENTS, PACKETS, WHEEL } from "./machine/abi";

const MOST: u32 = 20000;
// The heap: time u64, sequence u32, node u32 each; then by node: sequence of its event, 0 none;
// then the pending nodes in any order, and by node its place there.
const HEAP: usize = PACKETS;
const SEQUENCES: usize = HEAP + 16 * 16 * <usize>MOST;
const PENDING: usize = SEQUENCES + 4 * <usize>(MOST + 2);
const PLACES: usize = PENDING + 4 * <usize>(MOST + 2);
let size: u32 = 0;
let sequence: u32 = 0;
let pending: u32 = 0;
let wrong: u32 = 0;

function cell(base: usize, index: u32): usize { return base + (<usize>index << 2); }
function entry(index: u32): usize { return HEAP + (<usize>index << 4); }
function before(a: usize, b: usize): bool {
  const one = load<u64>(a);
  const two = load<u64>(b);
  return one < two || (one == two && load<u32>(a, 8) < load<u32>(b, 8));
}
function swap(a: usize, b: usize): void {
  const low = load<u64>(a);
  const high = load<u64>(a, 8);
  store<u64>(a, load<u64>(b));
  store<u64>(a, load<u64>(b, 8), 8);
  store<u64>(b, low);
  store<u64>(b, high, 8);
}
function push(time: u64, node: u32): void {
  let child = size++;
  store<u64>(entry(child), time);
  store<u32>(entry(child), ++sequence, 8);
  store<u32>(entry(child), node, 12);
  store<u32>(cell(SEQUENCES, node), sequence);
  while (child > 0 && before(entry(child), entry((child - 1) >> 1))) {
    swap(entry(child), entry((child - 1) >> 1));
    child = (child - 1) >> 1;
  }
}
function dropFirst(): void {
  size--;
  swap(entry(0), entry(size));
  let parent: u32 = 0;
  while (parent * 2 + 1 < size) {
    let child: u32 = parent * 2 + 1;
    if (child + 1 < size && before(entry(child + 1), entry(child))) child++;
    if (!before(entry(child), entry(parent))) break;
    swap(entry(child), entry(parent));
    parent = child;
  }
}
function isDead(): bool {
  return load<u32>(cell(SEQUENCES, load<u32>(entry(0), 12))) != load<u32>(entry(0), 8);
}
function enlist(node: u32): void {
  store<u32>(cell(PENDING, pending), node);
  store<u32>(cell(PLACES, node), pending++);
}
function delist(node: u32): void {
  store<u32>(cell(SEQUENCES, node), 0);
  const last = load<u32>(cell(PENDING, --pending));
  const place = load<u32>(cell(PLACES, node));
  store<u32>(cell(PENDING, place), last);
  store<u32>(cell(PLACES, last), place);
}
function delay(): u64 {
  const draw = <u64>prngNext(64);
  switch (prngBelow(64, 8)) {
    case 0: return 0;
    case 1: return draw & 63;
    case 2: return (draw & 31) << 6;
    case 3: case 4: return draw & 0xffff;
    case 5: return draw & 0xfffff;
    case 6: return draw << 4;
    // A million of these still end before time does.
    default: return draw << 11;
  }
}
function takeBoth(): void {
  const next = nextTime();
  const node = takeEvent();
  if (next != (node == 0 ? u64.MAX_VALUE : now())) wrong++;
  while (size > 0 && isDead()) dropFirst();
  if (node == 0 || size == 0) {
    if (node != 0 || size != 0) wrong++;
    return;
  }
  if (load<u32>(entry(0), 12) != node || load<u64>(entry(0)) != now()) wrong++;
  if (eventAt(node).time != now()) wrong++;
  dropFirst();
  delist(node);
}

/** Random operations; the number of differences. The load swings between few and many events. */
export function compare(operations: u32, seed: u32, spoil: bool): u32 {
  prngSeed(64, seed, 1);
  wheelInit(EVENTS, MOST + 2, WHEEL);
  size = 0;
  sequence = 0;
  pending = 0;
  wrong = 0;
  for (let i: u32 = 0; i < operations; i++) {
    const draw = prngBelow(64, 16);
    const plans: u32 = ((i >> 16) & 1) == 0 ? 9 : 5;
    if (draw < plans && pending < MOST) {
      const time = now() + delay();
      const node = schedule(time, 1, i);
      // A planted difference: what the heap has is a tick late.
      push(spoil && i == operations / 2 ? time + 1 : time, node);
      enlist(node);
    } else if (draw < 14 || pending == 0) {
      takeBoth();
    } else {
      const node = load<u32>(cell(PENDING, prngBelow(64, pending)));
      cancel(node);
      delist(node);
    }
    // Cancelled entries stay in the heap until they come first: not too many of them.
    if (size > 15 * MOST) return u32.MAX_VALUE;
    if (pendingEvents() != pending) wrong++;
  }
  while (pending > 0) takeBoth();
  takeBoth();
  return wrong;
}
`;

const entry = ENTRIES.find(({ name }) => name === "machine")!;
const { bytes } = await compileEntry(
  {
    read: (path) =>
      path === "core/machine.ts"
        ? Promise.resolve(SOURCE)
        : Deno.readTextFile(new URL(path, PROJECT_ROOT)).catch(() => null),
  },
  entry,
  "release",
);
const module = await WebAssembly.compile(bytes);

function compare(operations: number, seed: number, spoil = false): number {
  const { exports } = new WebAssembly.Instance(module, {
    env: {
      abort: (_text: number, _file: number, line: number) =>
        assert.fail(`an assertion of the core failed in line ${line}`),
    },
  });
  return (exports["compare"] as (...values: number[]) => number)(operations, seed, +spoil) >>> 0;
}

Deno.test("wheel and heap agree in ten million random operations", () => {
  let operations = 0;
  for (let seed = 1; seed <= 10; seed++) {
    operations += 1_000_000;
    assert.equal(compare(1_000_000, seed), 0, `seed ${seed}`);
  }
  assert.equal(operations, 10_000_000);
});

Deno.test("a single event that is a tick late in one of the two is noticed", () => {
  const noticed = [1, 2, 3, 4, 5, 6].filter((seed) => compare(100_000, seed, true) > 0);
  assert.ok(noticed.length >= 1, "half of the operations plan, and few of those are cancelled");
});
