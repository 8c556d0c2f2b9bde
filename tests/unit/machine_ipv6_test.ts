/**
 * Flows over IPv6: longer headers, the hash, the policy manager's rules, ATR; and by which fields
 * packets are hashed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Ethtool } from "../../harness/machine/ethtool.ts";
import { readCounters } from "../../harness/machine/wasm.ts";
import { ERRNO } from "../../harness/policy/errno.ts";
import type { Measurement, TestName } from "../../harness/record.ts";
import {
  bareGroup,
  bareMachine,
  groupOf,
  loadModules,
  runToEnd,
  withCosts,
  X710,
} from "./machine_runs.ts";

const modules = await loadModules();

function queuesUsed({ queues }: Measurement): number {
  return queues.filter(({ rx_packets: packets }) => packets > 0).length;
}

/** Payload of a full segment, of a frame's 1538 bytes on the wire with all that goes around it. */
const SHARES = [
  ["TCP_STREAM", 4, 1448 / 1538],
  ["TCP_STREAM", 6, 1428 / 1538],
  ["TCP_SENDFILE", 6, 1428 / 1538],
  ["TCP_MAERTS", 4, 1448 / 1538],
  ["TCP_MAERTS", 6, 1428 / 1538],
] as const;

for (const [test, version, share] of SHARES) {
  Deno.test(`${test} over IPv${version} fills 10 Gb/s with ${(10 * share).toFixed(2)} of payload`, () => {
    const groups = [groupOf({ test, ip_version: version, connections: 8 })];
    const { groups: [stream] } = runToEnd(modules, { groups, warmupMs: 10, measureMs: 40 });
    const gbps = stream!.throughput.value / 1e9;
    assert.ok(Math.abs(gbps / (10 * share) - 1) < 0.005, `${gbps} Gb/s`);
  });
}

/** Bytes of a request, IP version, and the frames it takes: 1472 and 1452 bytes fit one. */
const DATAGRAMS = [
  [1452, 4, 1],
  [1452, 6, 1],
  [1453, 4, 1],
  [1453, 6, 2],
  [1473, 4, 2],
  [4320, 6, 3],
  [4321, 6, 4],
] as const;

for (const [bytes, version, frames] of DATAGRAMS) {
  Deno.test(`a datagram of ${bytes} bytes takes ${frames} frames over IPv${version}`, () => {
    const group = groupOf({ test: "UDP_RR", ip_version: version, request_bytes: bytes });
    const result = runToEnd(modules, { groups: [group] });
    const packets = result.queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
    const per = packets / result.groups[0]!.transactions;
    assert.ok(Math.abs(per - frames) < 0.02 * frames, `${per} frames`);
    assert.equal(queuesUsed(result), 1, "one flow, and its fragments by addresses only");
  });
}

Deno.test("IPv6 flows spread over the queues by their hash", () => {
  for (const test of ["TCP_RR", "UDP_RR"] as const) {
    const groups = [groupOf({ test, ip_version: 6, connections: 24 })];
    const result = runToEnd(modules, { groups });
    assert.ok(queuesUsed(result) > 4, test);
  }
});

Deno.test("the policy manager steers IPv6 flows as those of IPv4", () => {
  for (const version of [4, 6] as const) {
    const group = groupOf({ test: "TCP_RR", ip_version: version, connections: 6 });
    const result = runToEnd(modules, { groups: [group], policy: "LATENCY" });
    assert.equal(result.groups[0]!.steered, true);
    assert.equal(result.policy_counters["rule_inserted"], 6, `IPv${version}`);
  }
});

Deno.test("IPv6 works between two hosts: large messages, fragments, streams, losses", () => {
  const lossy = withCosts(X710, { loss_ppm: 1000, retransmit_ns: 1_000_000 });
  const bytes = { request_bytes: 4000, response_bytes: 5000 };
  for (const machine of [X710, lossy]) {
    for (const test of ["TCP_RR", "UDP_RR", "TCP_STREAM", "TCP_MAERTS"] as const) {
      const sizes = test.endsWith("RR") ? bytes : {};
      const groups = [groupOf({ test, ip_version: 6, connections: 4, ...sizes })];
      const result = runToEnd(modules, { groups, machine: { ...machine, peer: machine } });
      const { value } = result.groups[0]!.throughput;
      assert.ok(value > 1000, `${test}: ${value}`);
      if (machine === X710) assert.deepEqual(result.drops, {}, test);
    }
  }
});

/** A machine of 8 queues with one test over IPv6, and what its queues have received. */
function v6Device(test: TestName, connections: number, before: (ethtool: Ethtool) => void) {
  const machine = bareMachine(modules.machineModule);
  before(new Ethtool(machine));
  bareGroup(machine, test, connections);
  machine.calls.groupV6(0);
  machine.calls.machineStart(2e6, 8e6);
  while (machine.calls.machineRun(10_000) < 2);
  assert.equal(machine.calls.checkMachine(), 0);
  const { QUEUE_TABLE, QUEUE_COUNTERS, QUEUE_BYTES } = machine.constants;
  return Array.from(
    { length: 8 },
    (_, queue) => readCounters(machine, QUEUE_TABLE + queue * QUEUE_BYTES + QUEUE_COUNTERS, 1)[0]!,
  );
}

Deno.test("a rule for tcp6 by address takes IPv6 flows and leaves IPv4 alone", () => {
  const peer = [0xfd00_0000, 0, 0, 0xc0a8_0002] as const;
  const received = v6Device("TCP_RR", 8, (ethtool) => {
    const rule = { flowType: "tcp6", sourceAddress: { value: peer }, action: 5 } as const;
    assert.ok(ethtool.insertRule(rule) >= 0);
    assert.ok(ethtool.insertRule({ flowType: "tcp4", action: 6 }) >= 0, "of the other version");
  });
  assert.deepEqual(received.map((count) => count > 0).indexOf(true), 5);
  assert.equal(received.filter((count) => count > 0).length, 1, `${received}`);
});

Deno.test("hashed by addresses only, the flows of one pair of hosts share a queue", () => {
  for (const [letters, most] of [["sd", 1], ["sdf", 8], ["sdfn", 8]] as const) {
    const received = v6Device("UDP_RR", 16, (ethtool) => {
      assert.equal(ethtool.flowHash("udp6"), "sdfn", "as the driver starts");
      assert.equal(ethtool.setFlowHash("udp6", letters), 0);
      assert.equal(ethtool.flowHash("udp6"), letters);
    });
    const used = received.filter((count) => count > 0).length;
    assert.ok(most === 1 ? used === 1 : used > 3, `${letters}: ${received}`);
  }
});

/** `ethtool -N rx-flow-hash` and what the driver answers. */
const FLOW_HASHES = [
  ["tcp4", "sd", 0],
  ["tcp4", "sdfn", 0],
  ["tcp4", "sdv", -ERRNO.EINVAL],
  ["tcp4", "", -ERRNO.EINVAL],
  ["sctp4", "sd", 0],
  ["sctp4", "sdfn", -ERRNO.EINVAL],
  ["ip6", "sd", 0],
  ["ether", "sd", -ERRNO.EINVAL],
] as const;

for (const [type, letters, answer] of FLOW_HASHES) {
  Deno.test(`ethtool -N rx-flow-hash ${type} ${letters || "(none)"} answers ${answer}`, () => {
    const ethtool = new Ethtool(bareMachine(modules.machineModule));
    assert.equal(ethtool.setFlowHash(type, letters), answer);
  });
}

Deno.test("ethtool -x shows the key, which is 52 bytes and may be set", () => {
  const ethtool = new Ethtool(bareMachine(modules.machineModule));
  const own = ethtool.key();
  assert.equal(own.length, 52);
  assert.ok(new Set(own).size > 20, "made by the driver");
  const key = Array.from({ length: 52 }, (_, index) => 255 - index);
  assert.equal(ethtool.setKey(key), 0);
  assert.deepEqual(ethtool.key(), key);
});
