// deno-fmt-ignore-file
// Receive side scaling: the Toeplitz hash over IPv4 addresses and ports, a 52-byte key from the
// seed, and the main VSI's look-up table of 512 entries, filled i mod queues as the i40e driver
// does (i40e_fill_rss_lut). Chooses a queue for a hash and nothing else.

import { prngNext } from "../lib/prng";
import { prngOf, PURPOSE_KEY, RSS_KEY, RSS_LUT } from "./abi";

/** Bytes of the key (13 registers). */
export const RSS_KEY_SIZE: u32 = 52;
/** Entries of the look-up table. */
export const RSS_LUT_COUNT: u32 = 512;

/** Makes key and table. */
export function rssInit(queueCount: u32): void {
  for (let i: u32 = 0; i < RSS_KEY_SIZE; i += 4) {
    store<u32>(RSS_KEY + i, prngNext(prngOf(PURPOSE_KEY)));
  }
  for (let i: u32 = 0; i < RSS_LUT_COUNT; i++) store<u8>(RSS_LUT + i, i % queueCount);
}

/** Sets an entry of the table; false where there is none. */
export function rssTableSet(index: u32, queue: u32): bool {
  if (index >= RSS_LUT_COUNT) return false;
  store<u8>(RSS_LUT + index, queue);
  return true;
}

/** Sets a byte of the key; false where there is none. */
export function rssKeySet(index: u32, byte: u32): bool {
  if (index >= RSS_KEY_SIZE) return false;
  store<u8>(RSS_KEY + index, byte);
  return true;
}

/** Hash over one 32-bit word, as input bytes `at`..`at + 3`. */
function toeplitzWord(word: u32, at: u32): u32 {
  let hash: u32 = 0;
  // The window is the key's 32 bits from input bit on; eight bytes of it serve 32 shifts.
  const high = bswap<u32>(load<u32>(RSS_KEY + at));
  const low = bswap<u32>(load<u32>(RSS_KEY + at + 4));
  let window = ((<u64>high) << 32) | low;
  for (let bit: u32 = 0; bit < 32; bit++) {
    if ((word & (0x80000000 >> bit)) != 0) hash ^= <u32>(window >> 32);
    window <<= 1;
  }
  return hash;
}

/** Hash of addresses and ports; `ports` is source << 16 | destination. */
export function rssHash(source: u32, destination: u32, ports: u32): u32 {
  return toeplitzWord(source, 0) ^ toeplitzWord(destination, 4) ^ toeplitzWord(ports, 8);
}

/** Hash of addresses only, for fragments. */
export function rssHashAddresses(source: u32, destination: u32): u32 {
  return toeplitzWord(source, 0) ^ toeplitzWord(destination, 4);
}

/** Queue of a hash. */
@inline
export function rssQueue(hash: u32): u32 {
  return load<u8>(RSS_LUT + (hash & (RSS_LUT_COUNT - 1)));
}
