/**
 * Parts of the machine model by themselves: hash, rules, link, histogram, random numbers.
 *
 * @module
 */

import assert from "node:assert/strict";
import ipaddr from "ipaddr.js";
import { bucketValue } from "../../harness/machine/reading.ts";
import { compileParts, makeParts } from "./machine_parts.ts";

const module = await compileParts();

/** Microsoft's verification key for receive side scaling, 40 bytes. */
const KEY = "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa";

/** Kind of the event with which a rule takes effect. */
const RULE = 15;

function address(text: string): number {
  return text.split(".").reduce((word, part) => word * 256 + Number(part), 0);
}

/** Destination, source, hash with ports, hash of addresses: Microsoft's vectors. */
const VECTORS_V4 = [
  ["161.142.100.80", 1766, "66.9.149.187", 2794, 0x51ccc178, 0x323e8fc2],
  ["65.69.140.83", 4739, "199.92.111.2", 14230, 0xc626b0ea, 0xd718262a],
  ["12.22.207.184", 38024, "24.19.198.95", 12898, 0x5c2b394a, 0xd2d0a5de],
  ["209.142.163.6", 2217, "38.27.205.30", 48228, 0xafc7327f, 0x82989176],
  ["202.188.127.2", 1303, "153.39.163.191", 44251, 0x10e828a2, 0x5d1809c5],
] as const;
const VECTORS_V6 = [
  [
    ["3ffe:2501:200:3::1", 1766],
    ["3ffe:2501:200:1fff::7", 2794],
    0x40207d3d,
    0x2cc18cd5,
  ],
  [
    ["ff02::1", 4739],
    ["3ffe:501:8::260:97ff:fe40:efab", 14230],
    0xdde51bbf,
    0x0f0c461c,
  ],
  [
    ["fe80::200:f8ff:fe21:67cf", 38024],
    ["3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251],
    0x02d1feef,
    0x4b61e985,
  ],
] as const;

/** An instance with Microsoft's key. */
function withKey() {
  const { calls, memory, key } = makeParts(module);
  calls["rssInit"]!(1);
  new Uint8Array(memory.buffer, key, 52).set(KEY.match(/../g)!.map((pair) => parseInt(pair, 16)));
  return calls;
}

Deno.test("the Toeplitz hash of IPv4 gives Microsoft's verification values", () => {
  const calls = withKey();
  for (const [to, toPort, from, fromPort, withPorts, addresses] of VECTORS_V4) {
    const ports = (fromPort << 16) | toPort;
    assert.equal(calls["hashV4"]!(address(from), address(to), ports) >>> 0, withPorts);
    assert.equal(calls["rssHashAddresses"]!(address(from), address(to)) >>> 0, addresses);
  }
});

Deno.test("the Toeplitz hash of IPv6 gives Microsoft's verification values", () => {
  const calls = withKey();
  const words = (text: string) => {
    const bytes = ipaddr.IPv6.parse(text).toByteArray();
    return [0, 4, 8, 12].map((at) =>
      bytes.slice(at, at + 4).reduce((word, byte) => word * 256 + byte)
    );
  };
  const part = (text: string, at: number) => calls["rssWordsV6"]!(...words(text), at);
  for (const [[to, toPort], [from, fromPort], withPorts, addresses] of VECTORS_V6) {
    const both = part(from, 0) ^ part(to, 16);
    assert.equal(both >>> 0, addresses);
    assert.equal((both ^ calls["rssPortsV6"]!((fromPort << 16) | toPort)) >>> 0, withPorts);
  }
});

Deno.test("the look-up table has 512 entries, entry i for queue i mod queues", () => {
  const { calls } = makeParts(module);
  calls["rssInit"]!(6);
  for (const hash of [0, 1, 5, 6, 511, 512, 0xffffffff]) {
    assert.equal(calls["rssQueue"]!(hash), (hash % 512) % 6);
  }
});

Deno.test("rules take the highest free location, work once programmed, and end with ENOSPC", () => {
  const { calls } = makeParts(module);
  calls["wheel"]!(16384);
  calls["director"]!();
  const insert = (port: number, queue: number) => calls["ruleInsert"]!(6, 1, 2, port, queue);
  const lookUp = (port: number) => calls["ruleQueue"]!(6, 1, 2, port);
  assert.equal(insert(80, 3), 7679);
  assert.equal(lookUp(80), -1);
  calls["ruleActivate"]!(7679);
  assert.equal(lookUp(80), 3);
  assert.equal(insert(80, 5), -22, "an identical match at another location");
  assert.equal(lookUp(80), 3);
  assert.equal(calls["ruleQueue"]!(17, 1, 2, 80), -1, "another protocol is another flow");
  for (let port = 1; port < 7680; port++) assert.equal(insert(1000 + port, 0), 7679 - port);
  assert.equal(calls["ruleCount"]!(), 7680);
  assert.equal(insert(9999, 0), -28);
  assert.equal(calls["ruleDelete"]!(5000), 0);
  assert.equal(calls["ruleDelete"]!(5000), -2);
  assert.equal(insert(9999, 0), -28, "a full table takes none until more than 32 are free");
  for (let place = 5001; place < 5032; place++) assert.equal(calls["ruleDelete"]!(place), 0);
  assert.equal(insert(9999, 0), -28);
  assert.equal(calls["ruleDelete"]!(5032), 0);
  assert.equal(insert(9999, 0), 5032, "a freed location is used again");
  assert.equal(insert(9998, 0), 5031);
  assert.equal(calls["ruleDelete"]!(7680), -2);
});

Deno.test("a rule takes effect with its own event, whatever its location saw before", () => {
  const { calls } = makeParts(module);
  calls["wheel"]!(64);
  calls["director"]!();
  calls["programTime"]!(5000);
  const nowNs = () => (calls["nowLow"]!() >>> 0) / 10;
  const location = calls["ruleInsert"]!(6, 1, 2, 80, 3)!;
  calls["plan"]!(0, 40_000, 0);
  calls["next"]!();
  assert.equal(nowNs(), 4000);
  assert.equal(calls["ruleDelete"]!(location), 0);
  assert.equal(calls["ruleInsert"]!(6, 1, 2, 81, 2), location, "the same location");
  assert.equal(calls["next"]!(), RULE);
  assert.equal(nowNs(), 9000, "programmed 5000 ns after its own insertion");
  assert.equal(calls["ruleQueue"]!(6, 1, 2, 81), 2);
  assert.equal(calls["next"]!(), 0, "nothing is left of the first");
});

Deno.test("rules of one hash bucket are found and deleted one by one", () => {
  const { calls } = makeParts(module);
  calls["wheel"]!(16384);
  calls["director"]!();
  // 7680 flows in 16384 buckets: many share one.
  const locations = Array.from({ length: 7680 }, (_, port) => {
    const location = calls["ruleInsert"]!(17, 7, 8, port, port % 64);
    calls["ruleActivate"]!(location);
    return location;
  });
  assert.equal(calls["ruleTcpCount"]!(), 0);
  locations.forEach((location, port) => {
    if (port % 2 === 0) assert.equal(calls["ruleDelete"]!(location), 0);
  });
  locations.forEach((_, port) => {
    assert.equal(calls["ruleQueue"]!(17, 7, 8, port), port % 2 === 0 ? -1 : port % 64);
  });
});

Deno.test("a frame holds the link for its bytes and 24, at least 84, exactly in the long run", () => {
  const { calls } = makeParts(module);
  const wire = calls["wireTicks"]!;
  calls["linkInit"]!(10);
  assert.equal(wire(1514), 1538 * 8);
  assert.equal(wire(1), 84 * 8);
  calls["linkInit"]!(25);
  // A byte takes 3.2 ticks: five frames of 85 bytes take 1360 ticks, none is 272.
  const five = [61, 61, 61, 61, 61].map((bytes) => wire(bytes));
  assert.equal(five.reduce((sum, ticks) => sum + ticks, 0), 85 * 5 * 3.2);
});

Deno.test("a datagram is whole when every fragment of its own is there, and not before", () => {
  const { calls } = makeParts(module);
  const BYTES = 3 * 1472;
  const frames = (text: string) =>
    text.split(" ").map((frame) => {
      const [datagram = 0, place = 0] = [...frame].map(Number);
      return calls["udpFrame"]!(datagram, 1472, place === 2 ? 1 : 0);
    }).at(-1);
  // Datagram and place of each frame that arrives; datagrams delivered, datagrams broken.
  const cases = [
    ["10 11 12 20 21 22", 2, 0],
    ["10 11 12 21 22", 1, 1, "the first fragment of the second is missing"],
    ["10 12 20 21 22", 1, 1, "a middle one"],
    ["10 11 20 21 22", 1, 1, "the last one"],
    ["10 11 22", 0, 2, "what is left of two datagrams is not one"],
    ["10 11 12 22 32", 1, 2, "nothing of a whole datagram serves the next"],
    ["10 11 12 22 30 31 32", 2, 1],
  ] as const;
  for (const [arrived, whole, broken, why] of cases) {
    calls["udpSocket"]!(BYTES);
    assert.equal(frames(arrived), whole, `${arrived}: ${why}`);
    assert.equal(calls["datagramsBroken"]!(), broken, arrived);
  }
});

Deno.test("the histogram tells values below 2048 apart and keeps three digits above", () => {
  const { calls } = makeParts(module);
  const bucket = calls["bucket"]!;
  const half = calls["half"]!();
  for (const value of [0, 1, 1023, 1024, 2047]) {
    assert.equal(bucketValue(bucket(value), half), value);
  }
  for (let value = 2048; value < 2 ** 36; value = Math.ceil(value * 1.37)) {
    const least = bucketValue(bucket(value), half);
    assert.ok(least <= value && value - least < value / 1024, `${value} counts as ${least}`);
    assert.equal(bucket(least), bucket(value));
  }
  assert.equal(bucket(2 ** 40), bucket(2 ** 36 - 1));
});

Deno.test("random numbers are PCG's published ones for seed 42, stream 54", () => {
  const { calls } = makeParts(module);
  calls["seed"]!(42, 54);
  const first = Array.from({ length: 6 }, () => calls["random"]!() >>> 0);
  const published = [0xa15c02b7, 0x7b47f409, 0xba1d3330, 0x83d2f293, 0xbfa4784b, 0xcbed606e];
  assert.deepEqual(first, published);
});

Deno.test("exponential numbers have the distribution of their name", () => {
  const { calls } = makeParts(module);
  calls["seed"]!(1, 0);
  const mean = 1_000_000;
  const count = 100_000;
  const values = Array.from({ length: count }, () => calls["exponential"]!(mean));
  const average = values.reduce((sum, value) => sum + value, 0) / count;
  // Five standard errors: 5 / sqrt(count).
  assert.ok(Math.abs(average / mean - 1) < 0.016, `mean ${average}`);
  const spread = values.map((value) => value / mean - 1);
  const mean2 = spread.reduce((sum, one) => sum + one * one, 0) / count;
  // Five standard errors of the variance (the fourth moment is 9) and of a correlation.
  assert.ok(Math.abs(mean2 - 1) < 5 * Math.sqrt(8 / count), `variance ${mean2}`);
  for (const lag of [1, 2, 3]) {
    const sum = spread.slice(lag).reduce((total, one, place) => total + one * spread[place]!, 0);
    const correlation = sum / count / mean2;
    assert.ok(Math.abs(correlation) < 5 / Math.sqrt(count), `correlation ${correlation} at ${lag}`);
  }
  for (const [times, share] of [[0.1, 0.0952], [1, 0.6321], [3, 0.9502], [7, 0.99909]] as const) {
    const below = values.filter((value) => value < times * mean).length / count;
    assert.ok(Math.abs(below - share) < 0.008, `${below} of the values are below ${times} means`);
  }
});
