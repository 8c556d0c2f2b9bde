/**
 * Receive side scaling: the hash on the vectors that Microsoft published for it, and on every bit
 * of the input by the definition (the XOR of the key's windows at the bits that are set).
 *
 * @module
 */

import { type Inside, insideTrial } from "./inside.ts";
import { fieldsOf, RecordAt } from "./layout.ts";

/** The 40 bytes of the key that the vectors are for (Windows driver kit, "Verifying the RSS Hash"). */
const KEY = [
  0x6d,
  0x5a,
  0x56,
  0xda,
  0x25,
  0x5b,
  0x0e,
  0xc2,
  0x41,
  0x67,
  0x25,
  0x3d,
  0x43,
  0xa3,
  0x8f,
  0xb0,
  0xd0,
  0xca,
  0x2b,
  0xcb,
  0xae,
  0x7b,
  0x30,
  0xb4,
  0x77,
  0xcb,
  0x2d,
  0xa3,
  0x80,
  0x30,
  0xf2,
  0x0c,
  0x6a,
  0x42,
  0xb7,
  0x3b,
  0xbe,
  0xac,
  0x01,
  0xfa,
];

function setKey({ calls }: Inside, bytes: readonly number[]): void {
  bytes.forEach((byte, place) => calls.ethtoolKeySet(place, byte));
}

/** The 32 bits of a key from a bit on. */
function windowAt(key: readonly number[], bit: number): number {
  let window = 0;
  for (let at = bit; at < bit + 32; at++) {
    window = (window << 1) | ((key[at >> 3]! >> (7 - (at & 7))) & 1);
  }
  return window >>> 0;
}

const CONNECTION = fieldsOf("connection", "Connection");
const PREFIX = 0xfd000000;
const [TCP, UDP] = [6, 17];
const [SOURCE, DESTINATION, SOURCE_PORT, DESTINATION_PORT] = [1, 2, 4, 8];
const ALL = 15;

/** A flow as the hash sees it. */
interface Flow {
  readonly protocol: number;
  readonly isV6: number;
  readonly source: number;
  readonly destination: number;
  readonly ports: number;
}

/** A connection in a place that nothing else uses before the machine starts. */
function connectionOf({ machine: { memory, constants } }: Inside, flow: Flow): RecordAt {
  const connection = new RecordAt(memory, constants.TRACE_TABLE, CONNECTION);
  connection.set({ ...flow });
  return connection;
}

/** The hash by its definition: the XOR of the key's windows at the bits of the input that are set. */
function toeplitz(key: readonly number[], words: readonly number[]): number {
  let hash = 0;
  words.forEach((word, place) => {
    for (let bit = 0; bit < 32; bit++) {
      if ((word >>> (31 - bit) & 1) === 1) hash ^= windowAt(key, place * 32 + bit);
    }
  });
  return hash >>> 0;
}

/** What goes into the hash of a flow of which some fields are looked at. */
function inputOf({ isV6, source, destination, ports }: Flow, fields: number): number[] {
  const wide = (address: number) => isV6 === 1 ? [PREFIX, 0, 0, address] : [address];
  const when = (field: number, words: number[]) =>
    words.map((word) => (fields & field) === 0 ? 0 : word);
  const from = (fields & SOURCE_PORT) === 0 ? 0 : ports & 0xffff0000;
  const to = (fields & DESTINATION_PORT) === 0 ? 0 : ports & 0xffff;
  return [...when(SOURCE, wide(source)), ...when(DESTINATION, wide(destination)), from | to];
}

function hashesAs(inside: Inside, key: readonly number[], flow: Flow, fields: number): void {
  const connection = connectionOf(inside, flow);
  connection.set({ hash: 0, fragmentHash: 0, rehashed: 0 });
  inside.call("family/hashFlow", connection.address);
  const what = JSON.stringify({ flow, fields });
  inside.same(connection.get("hash"), toeplitz(key, inputOf(flow, fields)), `hash of ${what}`);
  const addresses = inputOf(flow, SOURCE | DESTINATION);
  inside.same(connection.get("fragmentHash"), toeplitz(key, addresses), `fragments of ${what}`);
  inside.same(connection.get("rehashed"), 1, "rehashed");
}

const published = insideTrial("the published vectors of the hash", "written down", (inside) => {
  const ip = (text: string) => text.split(".").reduce((all, part) => all * 256 + Number(part), 0);
  setKey(inside, KEY);
  for (
    const [from, fromPort, to, toPort, addresses, all] of [
      ["66.9.149.187", 2794, "161.142.100.80", 1766, 0x323e8fc2, 0x51ccc178],
      ["199.92.111.2", 14230, "65.69.140.83", 4739, 0xd718262a, 0xc626b0ea],
      ["24.19.198.95", 12898, "12.22.207.184", 38024, 0xd2d0a5de, 0x5c2b394a],
      ["38.27.205.30", 48228, "209.142.163.6", 2217, 0x82989176, 0xafc7327f],
      ["153.39.163.191", 44251, "202.188.127.2", 1303, 0x5d1809c5, 0x10e828a2],
    ] as const
  ) {
    const [source, destination] = [ip(from), ip(to)];
    const ports = fromPort * 65536 + toPort;
    const flow = { protocol: TCP, isV6: 0, source, destination, ports };
    const connection = connectionOf(inside, flow);
    inside.call("family/hashFlow", connection.address);
    inside.same(connection.get("hash"), all, `hash of ${from}`);
    inside.same(connection.get("fragmentHash"), addresses, `hash of the addresses of ${from}`);
  }
});

const everyBit = insideTrial(
  "every bit of a flow picks its window of the key",
  "model",
  (inside) => {
    const key = [...KEY, ...KEY].slice(0, 52).map((byte, place) => byte ^ place);
    setKey(inside, key);
    for (const isV6 of [0, 1]) {
      const none = { protocol: TCP, isV6, source: 0, destination: 0, ports: 0 };
      hashesAs(inside, key, none, ALL);
      for (let bit = 0; bit < 32; bit++) {
        const word = (1 << bit) >>> 0;
        hashesAs(inside, key, { ...none, source: word }, ALL);
        hashesAs(inside, key, { ...none, destination: word }, ALL);
        hashesAs(inside, key, { ...none, ports: word }, ALL);
      }
    }
  },
);

const fieldSets = insideTrial("every set of fields, of each packet type", "model", (inside) => {
  const key = KEY.concat(KEY).slice(0, 52);
  setKey(inside, key);
  const [source, destination, ports] = [0x8badf00d, 0xdeadbeef, 0xc001d00d];
  const types = [[TCP, 0], [UDP, 0], [TCP, 1], [UDP, 1]] as const;
  const { calls } = inside;
  types.forEach((_, type) => inside.same(calls.ethtoolHashFields(type), ALL, "fields at first"));
  for (let fields = ALL; fields >= 0; fields--) {
    types.forEach(([protocol, isV6], type) => {
      calls.ethtoolHashFieldsSet(type, fields);
      // The type behind keeps its own until its turn comes.
      types.forEach((_, other) =>
        inside.is(other <= type ? fields : Math.min(ALL, fields + 1), "rss/rssFields", other)
      );
      hashesAs(inside, key, { protocol, isV6, source, destination, ports }, fields);
    });
  }
});

/** The trials. */
export const RSS_TRIALS = [published, everyBit, fieldSets];
