/**
 * Receive side scaling: the hash on the vectors that Microsoft published for it, and on every bit
 * of the input by the definition (the XOR of the key's windows at the bits that are set).
 *
 * @module
 */

import { Random } from "../../../harness/verify/walk.ts";
import { bareGroup } from "../../unit/machine_runs.ts";
import { type Inside, insideTrial } from "./inside.ts";
import { fieldsOf, RecordAt } from "./layout.ts";

/** The key that the vectors are for (Windows driver kit, "Verifying the RSS Hash"). */
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

/** The hash by its definition: the XOR of the key's windows at the bits that are set. */
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

const random = new Random(17);
/** Enough keys that a bit taken from a wrong place shows in one of them. */
const KEYS = Array.from({ length: 4 }, () => Array.from({ length: 52 }, () => random.below(256)));

const everyBit = insideTrial(
  "every bit of a flow picks its window of the key",
  "model",
  (inside) => {
    for (const key of KEYS) {
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

const TABLE_SIZE = 512;
const KEY_SIZE = 52;
const EINVAL = -22;
const SPREAD = Array.from({ length: TABLE_SIZE }, (_, place) => place);

/** Key and table as i40e keeps them over changes of channels. */
class Kept {
  readonly driverKey: readonly number[];
  key: number[];
  table: number[];
  keyIsUsers = false;
  tableIsUsers = false;
  /** Stays, as IFF_RXFH_CONFIGURED does, until the device is made anew. */
  isNamed = false;

  constructor(readonly inside: Inside, public channels: number) {
    this.driverKey = this.keyNow();
    this.key = [...this.driverKey];
    this.table = SPREAD.map((place) => place % channels);
  }

  keyNow(): number[] {
    return SPREAD.slice(0, KEY_SIZE).map((place) => this.inside.calls.ethtoolKey(place));
  }

  holds(when: string): void {
    const { inside } = this;
    inside.same(this.keyNow(), this.key, `key ${when}`);
    const table = SPREAD.map((place) => inside.calls.ethtoolTable(place));
    inside.same(table, this.table, `table ${when}`);
  }

  setTable(queueOf: (place: number) => number): void {
    this.table = SPREAD.map(queueOf);
    this.table.forEach((queue, place) => {
      this.inside.same(this.inside.calls.ethtoolTableSet(place, queue), 0, `entry ${place}`);
    });
    this.tableIsUsers = this.isNamed = true;
    this.holds("when the user has set the table");
  }

  setKey(byteOf: (place: number) => number): void {
    this.key = SPREAD.slice(0, KEY_SIZE).map(byteOf);
    this.key.forEach((byte, place) => {
      this.inside.same(this.inside.calls.ethtoolKeySet(place, byte), 0, `byte ${place}`);
    });
    this.keyIsUsers = this.tableIsUsers = true;
    this.holds("when the user has set the key");
  }

  /** Another number of channels, and the time that it takes. */
  setChannels(channels: number): void {
    const { calls } = this.inside;
    const uses = this.isNamed ? Math.max(...this.table) : -1;
    const answer = calls.ethtoolChannels(channels, 0, 0, 1);
    const when = `with ${channels} channels after ${this.channels}`;
    if (channels <= uses) {
      this.inside.same(answer, EINVAL, `ethtool -L ${when}`);
      return this.holds(`${when}, refused`);
    }
    this.inside.same(answer, 0, `ethtool -L ${when}`);
    for (let turn = 0; turn < 2000 && calls.ethtoolDown() === 1; turn++) calls.machineRun(50);
    if (channels < this.channels) {
      this.keyIsUsers = this.tableIsUsers = false;
      this.key = [...this.driverKey];
    }
    if (!this.tableIsUsers) this.table = SPREAD.map((place) => place % channels);
    this.channels = channels;
    this.inside.same(calls.nicQueues(), channels, "channels");
    this.holds(when);
  }
}

/** Makes the device anew, with its first number of channels. */
function begin(inside: Inside, channels: number): Kept {
  const { calls } = inside;
  calls.nicSet(10, channels, 512, 0);
  for (let type = 0; type < 4; type++) inside.same(calls.ethtoolHashFields(type), ALL, "fields");
  const kept = new Kept(inside, channels);
  kept.holds("at first");
  return kept;
}

const KEPT: readonly ((kept: Kept) => void)[] = [
  (kept) => [8, 4, 8, 1, 7, 8].forEach((channels) => kept.setChannels(channels)),
  (kept) => {
    kept.setKey((place) => place * 5 & 255);
    [4, 8].forEach((channels) => kept.setChannels(channels));
    kept.setKey((place) => 255 - place);
    kept.setChannels(7);
  },
  (kept) => {
    kept.setChannels(4);
    kept.setTable((place) => place % 3);
    [2, 8, 3, 5].forEach((channels) => kept.setChannels(channels));
    // The driver's table again, which still counts as one with names.
    kept.setChannels(2);
  },
  (kept) => {
    kept.setTable((place) => place === TABLE_SIZE - 1 ? 5 : 0);
    [5, 6, 8].forEach((channels) => kept.setChannels(channels));
    kept.setTable((place) => place === 0 ? 3 : 1);
    kept.setKey((place) => place);
    [3, 4].forEach((channels) => kept.setChannels(channels));
  },
  (kept) => {
    kept.setChannels(4);
    kept.setKey((place) => place + 1);
    kept.setChannels(8);
    kept.setChannels(6);
  },
];

const keptTrials = KEPT.map((steps, number) =>
  insideTrial(`key and table over changes of channels ${number}`, "model", (inside) => {
    const { calls, machine } = inside;
    // What the last device's user had set is nobody's now.
    for (let place = 0; place < TABLE_SIZE; place++) calls.ethtoolTableSet(place, 7);
    for (let place = 0; place < KEY_SIZE; place++) calls.ethtoolKeySet(place, 0xaa);
    for (let type = 0; type < 4; type++) calls.ethtoolHashFieldsSet(type, type);
    const kept = begin(inside, number === 0 ? 4 : 8);
    bareGroup(machine, "TCP_RR", 4);
    calls.machineStart(1e6, 4e9);
    kept.holds("after the start");
    steps(kept);
    const behind = [calls.ethtoolKeySet(KEY_SIZE, 1), calls.ethtoolTableSet(TABLE_SIZE, 1)];
    inside.same(behind, [EINVAL, EINVAL], "behind key and table");
    kept.holds("in the end");
  })
);

/** The trials. */
export const RSS_TRIALS = [published, everyBit, fieldSets, ...keptTrials];
