/**
 * Flow director: what `ethtool -N` accepts and refuses, what rules do to frames, and how ATR's
 * filters share the table with them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Ethtool, type RuleOptions } from "../../harness/machine/ethtool.ts";
import { TOTAL_NAMES } from "../../harness/machine/reading.ts";
import { type MachineWasm, readCounters } from "../../harness/machine/wasm.ts";
import { ERRNO } from "../../harness/policy/errno.ts";
import type { TestName } from "../../harness/record.ts";
import { compileVariant } from "./machine_parts.ts";
import { bareGroup, bareMachine } from "./machine_runs.ts";

const module = await compileVariant({
  more: `
    import { atrFilters } from "./machine/flow_room";
    export { atrFilters };
    export function atrQueue(index: u32): i32 { return connectionAt(index).atrQueue; }
    export function hashQueue(index: u32): u32 { return rssQueue(connectionAt(index).hash); }
    import { rssQueue } from "./machine/rss";
  `,
});
type Peek = Record<"atrFilters" | "atrQueue" | "hashQueue", (index?: number) => number>;

const { EBUSY, EINVAL, ENOENT, ENOSPC, EOPNOTSUPP } = ERRNO;
const LIMIT = 7680;
/** Port of all servers of the model. */
const SERVER_PORT = 12865;

type Load = readonly [test: TestName, connections: number, bytes?: number];

/** An X710 of 8 queues with these groups, at 2 ms; `before` sets it up. */
function deviceWith(groups: readonly Load[], before: (ethtool: Ethtool) => void = () => {}) {
  const machine = bareMachine(module);
  const ethtool = new Ethtool(machine);
  before(ethtool);
  for (const [test, connections, bytes] of groups) bareGroup(machine, test, connections, bytes);
  machine.calls.machineStart(2e6, 998e6);
  const runUntil = (ms: number) => {
    while (machine.calls.nowNs() < ms * 1e6) machine.calls.machineRun(50);
  };
  runUntil(2);
  return { machine, ethtool, runUntil, peek: machine.calls as unknown as Peek };
}

/** Frames that each queue has received. */
function received(machine: MachineWasm): number[] {
  const { QUEUE_TABLE, QUEUE_BYTES, QUEUE_COUNTERS } = machine.constants;
  return Array.from({ length: 8 }, (_, queue) => {
    const at = QUEUE_TABLE + queue * QUEUE_BYTES + QUEUE_COUNTERS;
    return readCounters(machine, at, 1)[0]!;
  });
}

function dropsByRule(machine: MachineWasm): number {
  const { TOTAL_TABLE, TOTAL_COUNT } = machine.constants;
  return readCounters(machine, TOTAL_TABLE, TOTAL_COUNT)[TOTAL_NAMES.indexOf("drop_rule")]!;
}

const V6 = [0xfd000000, 0, 0, 0xc0a80002] as const;
const ONES = 0xffff_ffff;
const PORT_80: RuleOptions = { flowType: "tcp4", destinationPort: { value: 80 }, action: 3 };

/** One request on an empty table, and the answer. */
const REQUESTS = [
  ["takes the highest free location", PORT_80, LIMIT - 1],
  ["takes the location that is given", { ...PORT_80, location: 12 }, 12],
  ["may drop", { ...PORT_80, action: -1 }, LIMIT - 1],
  ["a part of an address", {
    ...PORT_80,
    sourceAddress: { value: 0x0a000000, mask: 0xff000000 },
  }, -EOPNOTSUPP],
  ["a part of a port", { ...PORT_80, sourcePort: { value: 8, mask: 0xfff8 } }, -EOPNOTSUPP],
  ["an empty mask, which is no field", {
    ...PORT_80,
    sourceAddress: { value: 7, mask: 0 },
  }, LIMIT - 1],
  ["type of service", { ...PORT_80, tos: 4 }, -EOPNOTSUPP],
  ["Ethernet", { ...PORT_80, flowType: "ether" }, -EOPNOTSUPP],
  ["IPv6", { ...PORT_80, flowType: "tcp6", sourceAddress: { value: V6 } }, LIMIT - 1],
  ["a part of an IPv6 address", {
    ...PORT_80,
    flowType: "tcp6",
    sourceAddress: { value: V6, mask: [ONES, ONES, 0, 0] },
  }, -EOPNOTSUPP],
  ["a traffic class", { ...PORT_80, flowType: "udp6", tos: 4 }, -EOPNOTSUPP],
  ["other IPv6 by address", {
    flowType: "ip6",
    destinationAddress: { value: V6 },
    action: 0,
  }, LIMIT - 1],
  ["other IPv6 by port", { ...PORT_80, flowType: "ip6" }, -EOPNOTSUPP],
  ["the protocol of other IPv4", { flowType: "ip4", protocol: 1, action: 0 }, -EINVAL],
  ["a word of the payload", { ...PORT_80, userDefined: { value: 0x000a_6e65 } }, LIMIT - 1],
  ["the last word that the device can look at", {
    ...PORT_80,
    userDefined: { value: 0x003e_0000 },
  }, LIMIT - 1],
  ["a word beyond the first 64 bytes", {
    ...PORT_80,
    userDefined: { value: 0x0040_0000 },
  }, -EINVAL],
  ["a word at an odd place", { ...PORT_80, userDefined: { value: 0x0003_0000 } }, -EINVAL],
  ["a part of the user-defined field", {
    ...PORT_80,
    userDefined: { value: 0x0002_6e65, mask: 0x0000_ffff },
  }, -EINVAL],
  ["an empty user-defined field", {
    ...PORT_80,
    userDefined: { value: 0x0003_0000, mask: 0 },
  }, LIMIT - 1],
  ["SCTP", { ...PORT_80, flowType: "sctp4" }, LIMIT - 1],
  ["other IPv4 by address", {
    flowType: "ip4",
    sourceAddress: { value: 7 },
    action: 0,
  }, LIMIT - 1],
  ["other IPv4 by port", { ...PORT_80, flowType: "ip4" }, -EOPNOTSUPP],
  ["a ninth queue", { ...PORT_80, action: 8 }, -EINVAL],
  ["a queue below drop", { ...PORT_80, action: -2 }, -EINVAL],
  ["the last location", { ...PORT_80, location: LIMIT - 1 }, LIMIT - 1],
  ["a location beyond the table", { ...PORT_80, location: LIMIT }, -EINVAL],
] as const satisfies readonly (readonly [string, RuleOptions, number])[];

for (const [name, options, answer] of REQUESTS) {
  Deno.test(`ethtool -N with ${name} answers ${answer}`, () => {
    const ethtool = new Ethtool(bareMachine(module));
    assert.equal(ethtool.insertRule(options), answer);
    assert.equal(ethtool.rules().length, answer < 0 ? 0 : 1);
  });
}

Deno.test("ethtool -n shows the fields that matter, by location", () => {
  const ethtool = new Ethtool(bareMachine(module));
  const flow = { sourceAddress: { value: 0xc0a80001 }, sourcePort: { value: 40_000 } };
  ethtool.insertRule({ ...PORT_80, ...flow, location: 9 });
  ethtool.insertRule({
    flowType: "ip4",
    destinationAddress: { value: 5 },
    action: -1,
    location: 2,
  });
  assert.deepEqual(ethtool.rules(), [
    { location: 2, flowType: "ip4", destinationAddress: 5, action: -1 },
    {
      location: 9,
      flowType: "tcp4",
      sourceAddress: 0xc0a80001,
      sourcePort: 40_000,
      destinationPort: 80,
      action: 3,
    },
  ]);
  assert.equal(ethtool.deleteRule(2), 0);
  assert.equal(ethtool.deleteRule(2), -ENOENT);
  assert.equal(ethtool.rules().length, 1);
});

Deno.test("the first rule of a flow type fixes its fields, until the last one is gone", () => {
  const ethtool = new Ethtool(bareMachine(module));
  const bySource = { ...PORT_80, sourceAddress: { value: 1 } };
  assert.equal(ethtool.insertRule({ ...PORT_80, location: 1 }), 1);
  assert.equal(ethtool.insertRule({ ...bySource, location: 2 }), -EOPNOTSUPP);
  assert.equal(ethtool.insertRule({ ...bySource, flowType: "udp4", location: 2 }), 2);
  assert.equal(ethtool.insertRule({ ...bySource, location: 1 }), -EOPNOTSUPP, "nor in its place");
  assert.equal(ethtool.deleteRule(1), 0);
  assert.equal(ethtool.insertRule({ ...bySource, location: 3 }), 3);
  assert.equal(ethtool.insertRule({ ...PORT_80, location: 1 }), -EOPNOTSUPP);
});

const wordAt = (place: number, word = 0) => ({ userDefined: { value: (place << 16) | word } });

Deno.test("the rules of a flow type look at one word of the payload, all types at three", () => {
  const ethtool = new Ethtool(bareMachine(module));
  const insert = (options: Partial<RuleOptions>) => ethtool.insertRule({ ...PORT_80, ...options });
  assert.equal(insert({ ...wordAt(4), location: 1 }), 1);
  assert.equal(insert({ ...wordAt(6), location: 2 }), -EOPNOTSUPP, "another word");
  assert.equal(insert({ location: 2 }), -EOPNOTSUPP, "no word");
  assert.equal(insert({ ...wordAt(4, 7), location: 2 }), -EINVAL, "the flow is that of rule 1");
  assert.equal(insert({ ...wordAt(4, 7), sourcePort: { value: 5 } }), -EOPNOTSUPP, "a port more");
  assert.equal(insert({ ...wordAt(6), flowType: "udp4", location: 3 }), 3);
  assert.equal(insert({ ...wordAt(8), flowType: "tcp6", location: 4 }), 4);
  assert.equal(insert({ ...wordAt(10), flowType: "udp6", location: 5 }), -ENOSPC, "a fourth place");
  assert.equal(insert({ ...wordAt(4), flowType: "udp6", location: 5 }), 5, "one that there is");
  ethtool.deleteRule(4);
  assert.equal(insert({ ...wordAt(10), flowType: "sctp4", location: 6 }), 6);
  assert.deepEqual(ethtool.rules()[0], {
    location: 1,
    flowType: "tcp4",
    destinationPort: 80,
    userDefined: 0x0004_0000,
    action: 3,
  });
});

Deno.test("the driver takes IPv6 rules for the same that share ports and half the source", () => {
  const ethtool = new Ethtool(bareMachine(module));
  const from = (...value: [number, number, number, number]) =>
    ethtool.insertRule({ ...PORT_80, flowType: "tcp6", sourceAddress: { value } });
  assert.equal(from(...V6), LIMIT - 1);
  assert.equal(from(V6[0], 0, 1, 1), -EINVAL);
  assert.equal(from(V6[0], 1, 0, V6[3]), LIMIT - 2);
  assert.deepEqual(ethtool.rules()[1]!.sourceAddress, V6);
});

/** netperf's payload is "netperf" and a zero, over and over: place, word, whether it is there. */
const PAYLOADS = [
  [0, 0x6e65, true],
  [4, 0x6572, true],
  [6, 0x6600, true],
  [8, 0x6e65, true],
  [0, 0x7470, false],
  [62, 0x6600, false],
] as const;

for (const [place, word, isThere] of PAYLOADS) {
  Deno.test(`a rule for ${word.toString(16)} at byte ${place} of 32 ${isThere ? "" : "mis"}matches`, () => {
    const { machine, ethtool, runUntil } = deviceWith([["UDP_RR", 4, 32]]);
    const spread = received(machine);
    const quiet = spread.indexOf(0);
    const options = { flowType: "udp4", action: quiet, ...wordAt(place, word) } as const;
    assert.ok(ethtool.insertRule(options) >= 0);
    runUntil(3);
    const before = received(machine);
    runUntil(5);
    const rise = received(machine).map((count, queue) => count - before[queue]!);
    const sum = rise.reduce((total, count) => total + count);
    assert.ok(sum > 100);
    assert.equal(rise[quiet], isThere ? sum : 0);
    assert.equal(machine.calls.checkMachine(), 0);
  });
}

Deno.test("a rule at a location in use replaces it; the same match elsewhere is refused", () => {
  const ethtool = new Ethtool(bareMachine(module));
  ethtool.insertRule({ ...PORT_80, location: 5 });
  assert.equal(ethtool.insertRule({ ...PORT_80, location: 6, action: 1 }), -EINVAL);
  assert.equal(ethtool.insertRule({ ...PORT_80, location: 5, action: 1 }), 5);
  assert.deepEqual(ethtool.rules().map(({ location, action }) => [location, action]), [[5, 1]]);
});

const UDP_PORT = (value: number) => ({
  flowType: "udp4" as const,
  sourcePort: { value },
  action: 0,
});

/** Fills the table up to so many free places with rules that match nothing, from a port on. */
function fill(ethtool: Ethtool, free: number, firstPort = 0): void {
  const count = LIMIT - free - ethtool.rules().length;
  for (let port = firstPort; port < firstPort + count; port++) {
    assert.ok(ethtool.insertRule(UDP_PORT(port)) >= 0, `port ${port}`);
  }
}

Deno.test("a full table refuses rules until more than 32 places are free; it still replaces", () => {
  const ethtool = new Ethtool(bareMachine(module));
  fill(ethtool, 0);
  assert.equal(ethtool.insertRule(UDP_PORT(9000)), -ENOSPC);
  assert.equal(ethtool.insertRule({ ...UDP_PORT(9000), location: 17 }), 17);
  for (let location = 0; location < 32; location++) ethtool.deleteRule(location);
  assert.equal(ethtool.insertRule(UDP_PORT(9001)), -ENOSPC);
  ethtool.deleteRule(32);
  assert.equal(ethtool.insertRule(UDP_PORT(9001)), 32);
});

Deno.test("a rule on a destination port takes all flows to that port to its queue", () => {
  const { machine, ethtool, runUntil } = deviceWith([["UDP_RR", 8]]);
  const spread = received(machine).filter((count) => count > 0).length;
  assert.ok(spread > 2, `${received(machine)}`);
  const all = { flowType: "udp4", destinationPort: { value: SERVER_PORT } } as const;
  assert.ok(ethtool.insertRule({ ...all, action: 6 }) >= 0);
  runUntil(3);
  const before = received(machine);
  runUntil(5);
  const rise = received(machine).map((count, queue) => count - before[queue]!);
  assert.ok(rise[6]! > 100);
  assert.deepEqual(rise.filter((count) => count > 0).length, 1, `${rise}`);
  assert.equal(machine.calls.checkMachine(), 0);
});

Deno.test("a rule that drops loses the frames of its flows and no others", () => {
  const { machine, ethtool, runUntil } = deviceWith([["UDP_RR", 4], ["TCP_RR", 4]]);
  assert.ok(ethtool.insertRule({ flowType: "udp4", action: -1 }) >= 0, "all of UDP");
  runUntil(10);
  const dropped = dropsByRule(machine);
  assert.ok(dropped >= 4, `${dropped}`);
  const before = received(machine).reduce((sum, count) => sum + count);
  runUntil(20);
  const after = received(machine).reduce((sum, count) => sum + count);
  assert.ok(after - before > 500, "TCP goes on");
  assert.equal(machine.calls.checkMachine(), 0);
});

Deno.test("fragments of datagrams follow rules for other IPv4, not those for UDP", () => {
  const { machine, ethtool, runUntil } = deviceWith([["UDP_RR", 1, 4000]]);
  const home = received(machine).findIndex((count) => count > 0);
  const [first, second] = [(home + 1) % 8, (home + 2) % 8];
  ethtool.insertRule({ flowType: "udp4", action: first });
  runUntil(4);
  assert.equal(received(machine)[first], 0);
  ethtool.insertRule({ flowType: "ip4", action: second });
  runUntil(6);
  assert.ok(received(machine)[second]! > 10);
});

Deno.test("ATR has a filter for each TCP flow, in force once the device has programmed it", () => {
  const machine = bareMachine(module, { costs: { rule_program_ns: 300_000 } });
  const peek = machine.calls as unknown as Peek;
  bareGroup(machine, "TCP_RR", 1);
  machine.calls.machineStart(2e6, 998e6);
  let [taken, inForce] = [0, 0];
  while (inForce === 0) {
    machine.calls.machineRun(1);
    if (taken === 0 && peek.atrFilters() === 1) taken = machine.calls.nowNs();
    if (peek.atrQueue(0) >= 0) inForce = machine.calls.nowNs();
  }
  assert.ok(taken > 0);
  assert.equal(Math.round(inForce - taken), 300_000);
});

Deno.test("connections that come and go leave no filter behind", () => {
  const { peek, runUntil, machine } = deviceWith([["TCP_CRR", 4]]);
  runUntil(30);
  assert.ok(peek.atrFilters() <= 4, `${peek.atrFilters()}`);
  assert.equal(machine.calls.checkMachine(), 0);
});

Deno.test("ATR stops at 10 free places and starts again above 128", () => {
  const empty = deviceWith([["TCP_RR", 16]]);
  empty.runUntil(10);
  assert.equal(empty.peek.atrFilters(), 16, "in an empty table");
  const { machine, ethtool, peek, runUntil } = deviceWith([["TCP_RR", 16]], (ethtool) => {
    fill(ethtool, 12);
  });
  runUntil(5);
  assert.equal(peek.atrFilters(), 2, "until 10 are left");
  for (let location = 100; location < 218; location++) ethtool.deleteRule(location);
  runUntil(10);
  assert.equal(peek.atrFilters(), 2, "128 are free");
  ethtool.deleteRule(218);
  runUntil(20);
  assert.equal(peek.atrFilters(), 16);
  assert.equal(machine.calls.checkMachine(), 0);
});

Deno.test("a rule for TCP keeps ATR off; filters that are in force stay", () => {
  const before = deviceWith([["TCP_RR", 4]], (ethtool) => {
    assert.ok(ethtool.insertRule(PORT_80) >= 0);
  });
  before.runUntil(5);
  assert.equal(before.peek.atrFilters(), 0);
  const after = deviceWith([["TCP_RR", 4]]);
  after.runUntil(10);
  const filters = after.peek.atrFilters();
  assert.ok(filters >= 3, `${filters}`);
  assert.ok(after.ethtool.insertRule(PORT_80) >= 0);
  after.runUntil(15);
  assert.equal(after.peek.atrFilters(), filters);
});

Deno.test("a table that ATR helps to fill is flushed of its filters, at most every 10 s", () => {
  const { ethtool, peek, machine, runUntil } = deviceWith([["TCP_RR", 16]]);
  runUntil(10);
  assert.equal(peek.atrFilters(), 16);
  fill(ethtool, 16);
  assert.equal(ethtool.insertRule(UDP_PORT(9000)), -ENOSPC);
  assert.equal(peek.atrFilters(), 0);
  assert.equal(ethtool.insertRule(UDP_PORT(9000)), -EBUSY, "while the flush lasts");
  assert.equal(ethtool.deleteRule(7000), -EBUSY);
  runUntil(16);
  assert.equal(ethtool.insertRule(UDP_PORT(9000)), -ENOSPC, "too few are free after that");
  for (let location = 100; location < 140; location++) ethtool.deleteRule(location);
  assert.ok(ethtool.insertRule(UDP_PORT(9000)) >= 0);
  for (let location = 200; location < 300; location++) ethtool.deleteRule(location);
  runUntil(25);
  assert.equal(peek.atrFilters(), 16, "more than 128 were free: ATR is back");
  fill(ethtool, 16, 10_000);
  assert.equal(ethtool.insertRule(UDP_PORT(9500)), -ENOSPC);
  assert.equal(ethtool.deleteRule(300), 0, "no flush within 10 s of the last");
  assert.equal(peek.atrFilters(), 16);
  assert.equal(machine.calls.checkMachine(), 0);
});

Deno.test("ethtool -X deals flows to the queues of its table, at once", () => {
  const { ethtool, machine, runUntil } = deviceWith([["UDP_RR", 16]]);
  assert.deepEqual(ethtool.table().slice(0, 9), [0, 1, 2, 3, 4, 5, 6, 7, 0]);
  assert.equal(ethtool.setTableEqual(2), 0);
  assert.equal(ethtool.table().filter((queue) => queue === 1).length, 256);
  runUntil(3);
  const before = received(machine);
  runUntil(5);
  const rise = received(machine).map((count, queue) => count - before[queue]!);
  assert.ok(rise[0]! > 0 && rise[1]! > 0, `${rise}`);
  assert.deepEqual(rise.slice(2), [0, 0, 0, 0, 0, 0]);
  assert.equal(ethtool.setTableWeights([3, 1]), 0);
  assert.equal(ethtool.table().filter((queue) => queue === 1).length, 128);
});

Deno.test("ethtool -X refuses queues that are not there, and short tables and keys", () => {
  const ethtool = new Ethtool(bareMachine(module));
  const before = ethtool.table();
  assert.equal(ethtool.setTableEqual(9), -EINVAL);
  assert.equal(ethtool.setTableEqual(0), -EINVAL);
  assert.equal(ethtool.setTableWeights([0, 0]), -EINVAL);
  assert.equal(ethtool.setTable([0, 1]), -EINVAL);
  assert.equal(ethtool.setKey([1, 2, 3]), -EINVAL);
  assert.equal(ethtool.setKey(Array(52).fill(256)), -EINVAL);
  assert.deepEqual(ethtool.table(), before);
});

Deno.test("another key gives flows other queues; a key of zeros gives them all the first", () => {
  const { ethtool, peek } = deviceWith([["UDP_RR", 32]]);
  const queues = () => Array.from({ length: 32 }, (_, index) => peek.hashQueue(index));
  const before = queues();
  assert.equal(ethtool.setKey(Array.from({ length: 52 }, (_, index) => index * 7 % 256)), 0);
  assert.notDeepEqual(queues(), before);
  assert.equal(ethtool.setKey(Array(52).fill(0)), 0);
  assert.deepEqual(queues(), Array(32).fill(0));
});
