// deno-fmt-ignore-file
// Receive side scaling: the Toeplitz hash over addresses and ports of IPv4 and IPv6, a 52-byte key
// from the seed, and the main VSI's look-up table of 512 entries, filled i mod queues as the i40e
// driver does (i40e_fill_rss_lut). TCP and UDP are hashed by addresses and ports alike, fragments
// by addresses (the driver's default, I40E_DEFAULT_RSS_HENA with the device's input sets). Chooses
// a queue for a hash and nothing else.

import { prngNext } from "../lib/prng";
import { prngOf, PURPOSE_KEY, RSS_KEY, RSS_KEY_DRIVER, RSS_LUT } from "./abi";

/** Bytes of the key (13 registers). */
export const RSS_KEY_SIZE: u32 = 52;
/** Entries of the look-up table. */
export const RSS_LUT_COUNT: u32 = 512;

// Packet types whose fields can be chosen.
export const HASH_TCP4: u32 = 0;
export const HASH_UDP4: u32 = 1;
export const HASH_TCP6: u32 = 2;
export const HASH_UDP6: u32 = 3;
const HASH_TYPES: u32 = 4;
// Fields of the hash, as bits.
const HASH_SOURCE: u32 = 1;
const HASH_DESTINATION: u32 = 2;
const HASH_SOURCE_PORT: u32 = 4;
const HASH_DESTINATION_PORT: u32 = 8;
const HASH_ALL: u32 = 15;

/** Fields of each packet type, four bits each. */
let hashFields: u32 = 0xffff;
let keyIsUsers: bool = false;
let tableIsUsers: bool = false;
/** The user has named queues, not only a key (netif_is_rxfh_configured). */
let tableIsNamed: bool = false;

/** Makes key and table. */
export function rssInit(queueCount: u32): void {
  for (let i: u32 = 0; i < RSS_KEY_SIZE; i += 4) {
    store<u32>(RSS_KEY_DRIVER + i, prngNext(prngOf(PURPOSE_KEY)));
  }
  hashFields = 0xffff;
  keyIsUsers = false;
  tableIsUsers = false;
  tableIsNamed = false;
  memory.copy(RSS_KEY, RSS_KEY_DRIVER, RSS_KEY_SIZE);
  fillTable(queueCount);
}

function fillTable(queueCount: u32): void {
  for (let i: u32 = 0; i < RSS_LUT_COUNT; i++) store<u8>(RSS_LUT + i, i % queueCount);
}

/**
 * Another number of queues: the driver's table is made anew. Key and table of the user stay, but
 * where there are `fewer` queues than before (i40e_reconfig_rss_queues). True if the key changes.
 */
export function rssRebuild(queueCount: u32, fewer: bool): bool {
  const isNewKey = fewer && keyIsUsers;
  if (fewer) {
    keyIsUsers = false;
    tableIsUsers = false;
    memory.copy(RSS_KEY, RSS_KEY_DRIVER, RSS_KEY_SIZE);
  }
  if (!tableIsUsers) fillTable(queueCount);
  return isNewKey;
}

/** Sets an entry of the table; false where there is none. */
export function rssTableSet(index: u32, queue: u32): bool {
  if (index >= RSS_LUT_COUNT) return false;
  tableIsUsers = true;
  tableIsNamed = true;
  store<u8>(RSS_LUT + index, queue);
  return true;
}

/** The highest queue of a table that the user has made; -1 where the driver's stands. */
export function rssTableUses(): i32 {
  if (!tableIsNamed) return -1;
  let most: u32 = 0;
  for (let i: u32 = 0; i < RSS_LUT_COUNT; i++) most = max(most, <u32>load<u8>(RSS_LUT + i));
  return <i32>most;
}

/** A byte of the key. */
export function rssKeyAt(index: u32): u32 {
  assert(index < RSS_KEY_SIZE);
  return load<u8>(RSS_KEY + index);
}

/** Sets a byte of the key; false where there is none. */
export function rssKeySet(index: u32, byte: u32): bool {
  if (index >= RSS_KEY_SIZE) return false;
  // The driver keeps the table with the key, as one that the user has set (i40e_set_rxfh).
  keyIsUsers = true;
  tableIsUsers = true;
  store<u8>(RSS_KEY + index, byte);
  return true;
}

/** Fields that the hash of a packet type looks at, as bits. */
export function rssFields(type: u32): u32 {
  assert(type < HASH_TYPES);
  return (hashFields >> (type << 2)) & HASH_ALL;
}

/** Chooses the fields of a packet type. */
export function rssFieldsSet(type: u32, fields: u32): void {
  assert(type < HASH_TYPES && fields <= HASH_ALL);
  hashFields = (hashFields & ~(HASH_ALL << (type << 2))) | (fields << (type << 2));
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

/** Ports of which only those in the field set count. Assumption: others are as 0. */
function portsIn(fields: u32, ports: u32): u32 {
  const source: u32 = (fields & HASH_SOURCE_PORT) != 0 ? 0xffff0000 : 0;
  return ports & (source | ((fields & HASH_DESTINATION_PORT) != 0 ? 0xffff : 0));
}

/** Hash of an IPv4 flow of a type; `ports` is source << 16 | destination. */
export function rssHash(type: u32, source: u32, destination: u32, ports: u32): u32 {
  const fields = rssFields(type);
  const from = (fields & HASH_SOURCE) != 0 ? source : 0;
  const to = (fields & HASH_DESTINATION) != 0 ? destination : 0;
  return toeplitzWord(from, 0) ^ toeplitzWord(to, 4) ^ toeplitzWord(portsIn(fields, ports), 8);
}

/** Hash of IPv4 addresses only, for fragments. */
export function rssHashAddresses(source: u32, destination: u32): u32 {
  return toeplitzWord(source, 0) ^ toeplitzWord(destination, 4);
}

/** Part of the hash of one IPv6 address of four words, at an input byte. */
export function rssWordsV6(word0: u32, word1: u32, word2: u32, word3: u32, at: u32): u32 {
  const first = toeplitzWord(word0, at) ^ toeplitzWord(word1, at + 4);
  return first ^ toeplitzWord(word2, at + 8) ^ toeplitzWord(word3, at + 12);
}

/** Part of the hash of two ports behind the addresses of IPv6. */
export function rssPortsV6(ports: u32): u32 {
  return toeplitzWord(ports, 32);
}

/** Hash of an IPv6 flow of a type; of the addresses the first and the last word are not 0. */
export function rssHashV6(
  type: u32,
  prefix: u32,
  source: u32,
  destination: u32,
  ports: u32,
): u32 {
  const fields = rssFields(type);
  const from = (fields & HASH_SOURCE) != 0 ? rssWordsV6(prefix, 0, 0, source, 0) : 0;
  const to = (fields & HASH_DESTINATION) != 0 ? rssWordsV6(prefix, 0, 0, destination, 16) : 0;
  return from ^ to ^ rssPortsV6(portsIn(fields, ports));
}

/** Hash of IPv6 addresses only, for fragments. */
export function rssHashV6Addresses(prefix: u32, source: u32, destination: u32): u32 {
  return rssWordsV6(prefix, 0, 0, source, 0) ^ rssWordsV6(prefix, 0, 0, destination, 16);
}

/** Queue of a hash. */
@inline
export function rssQueue(hash: u32): u32 {
  return load<u8>(RSS_LUT + (hash & (RSS_LUT_COUNT - 1)));
}
