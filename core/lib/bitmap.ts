// deno-fmt-ignore-file
// A set of slot numbers 0..capacity-1 that always hands out the lowest free one.
// Canonical: its bytes depend on the set alone, never on the order of past calls, so equal states
// compare and hash equal. Levels of 64-bit words; a bit of level k+1 says "word of level k is
// full". It knows nothing of what the slots hold.
//
//   +0   levels u32
//   +4   capacity u32
//   +8   offset of level 0..5 from here, u32 each
//   +32  level 0 words | level 1 words | ... (bits beyond the capacity are set)

const HEADER: u32 = 32;
const LEVELS_MAX: u32 = 6;

function words(bits: u32): u32 {
  return (bits + 63) >> 6;
}

/** Bytes a bitmap of `capacity` slots takes (1..2^31). */
export function bitmapBytes(capacity: u32): u32 {
  let bytes = HEADER;
  let bits = capacity;
  for (let level: u32 = 0; level < LEVELS_MAX; level++) {
    const n = words(bits);
    bytes += n << 3;
    if (n == 1) break;
    bits = n;
  }
  return bytes;
}

/** Makes the set at `at` empty. The memory must be zero. */
export function bitmapInit(at: usize, capacity: u32): void {
  assert(capacity > 0);
  store<u32>(at, capacity, 4);
  let offset = HEADER;
  let bits = capacity;
  let level: u32 = 0;
  while (true) {
    assert(level < LEVELS_MAX);
    const n = words(bits);
    store<u32>(at + 8 + ((<usize>level) << 2), offset);
    const tail = bits & 63;
    if (tail != 0) store<u64>(at + offset + ((<usize>(n - 1)) << 3), ~(((<u64>1) << tail) - 1));
    offset += n << 3;
    level++;
    if (n == 1) break;
    bits = n;
  }
  store<u32>(at, level);
}


@inline
function levelAt(at: usize, level: u32): usize {
  return at + load<u32>(at + 8 + ((<usize>level) << 2));
}

/** Takes the lowest free slot; -1 when all are taken. */
export function bitmapTake(at: usize): i32 {
  const levels = load<u32>(at);
  let slot: u32 = 0;
  for (let level = levels; level-- > 0;) {
    const word = load<u64>(levelAt(at, level) + ((<usize>slot) << 3));
    if (word == u64.MAX_VALUE) {
      assert(level == levels - 1);
      return -1;
    }
    slot = (slot << 6) | (<u32>ctz(~word));
  }
  bitmapMark(at, slot);
  return slot;
}

/** Puts a free slot into the set. */
export function bitmapMark(at: usize, slot: u32): void {
  assert(!bitmapHas(at, slot));
  const levels = load<u32>(at);
  for (let level: u32 = 0; level < levels; level++) {
    const word = levelAt(at, level) + ((<usize>(slot >> 6)) << 3);
    const bits = load<u64>(word) | ((<u64>1) << (slot & 63));
    store<u64>(word, bits);
    if (bits != u64.MAX_VALUE) return;
    slot >>= 6;
  }
}

/** Gives a taken slot back. */
export function bitmapClear(at: usize, slot: u32): void {
  assert(bitmapHas(at, slot));
  const levels = load<u32>(at);
  for (let level: u32 = 0; level < levels; level++) {
    const word = levelAt(at, level) + ((<usize>(slot >> 6)) << 3);
    const bits = load<u64>(word);
    store<u64>(word, bits & ~((<u64>1) << (slot & 63)));
    if (bits != u64.MAX_VALUE) return;
    slot >>= 6;
  }
}

/** Whether the slot is taken; false for a slot outside the capacity. */
export function bitmapHas(at: usize, slot: u32): bool {
  if (slot >= load<u32>(at, 4)) return false;
  const word = load<u64>(levelAt(at, 0) + ((<usize>(slot >> 6)) << 3));
  return ((word >> (slot & 63)) & 1) != 0;
}

/** The lowest taken slot at or above `from`, -1 if there is none. */
export function bitmapNext(at: usize, from: u32): i32 {
  const capacity = load<u32>(at, 4);
  if (from >= capacity) return -1;
  const base = levelAt(at, 0);
  const last = words(capacity) - 1;
  let word = from >> 6;
  let bits = load<u64>(base + ((<usize>word) << 3)) & (u64.MAX_VALUE << (from & 63));
  while (bits == 0) {
    if (++word > last) return -1;
    bits = load<u64>(base + ((<usize>word) << 3));
  }
  const slot = (word << 6) | (<u32>ctz(bits));
  return slot < capacity ? slot : -1;
}

/** Number of taken slots. */
export function bitmapCount(at: usize): u32 {
  const capacity = load<u32>(at, 4);
  const base = levelAt(at, 0);
  const n = words(capacity);
  let count: u32 = 0;
  for (let word: u32 = 0; word < n; word++) {
    count += <u32>popcnt(load<u64>(base + ((<usize>word) << 3)));
  }
  const tail = capacity & 63;
  return tail == 0 ? count : count - (64 - tail);
}
