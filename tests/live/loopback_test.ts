/**
 * Real traffic over loopback: what is counted, on both sides, for every test.
 *
 * @module
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import { disagreement } from "../../harness/live/audit.ts";
import { LiveSession, SESSION_DEFAULTS, type SessionResult } from "../../harness/live/session.ts";
import type { Measurement } from "../../harness/record.ts";
import type { WorkloadGroup } from "../../harness/spec.ts";
import { LIVE_GENERATOR, LiveTarget } from "../../harness/target_live.ts";
import { groupOf, runOf } from "./runs.ts";

const NEVER = new AbortController().signal;

async function sessionOf(groups: WorkloadGroup[]): Promise<SessionResult> {
  const session = new LiveSession(runOf(groups), SESSION_DEFAULTS);
  try {
    await session.connect();
    await session.traffic(NEVER, () => {});
    ok(session.result);
    return session.result;
  } finally {
    session.close();
  }
}

async function measurementOf(groups: WorkloadGroup[]): Promise<Measurement> {
  const target = new LiveTarget();
  try {
    await target.prepare(runOf(groups));
    await target.start(NEVER, () => {});
    return await target.collect();
  } finally {
    await target.stop();
    await target.undo();
  }
}

const ROUND_TRIPS: readonly WorkloadGroup[] = [
  groupOf("TCP_RR"),
  groupOf("TCP_RR", { connections: 5, request_bytes: 7, response_bytes: 1000 }),
  // Larger than one read and, in all, larger than the socket buffers of both sides.
  groupOf("TCP_RR", { outstanding: 16, request_bytes: 200_001, response_bytes: 300_007 }),
  groupOf("TCP_RR", { outstanding: 64, request_bytes: 3, response_bytes: 5 }),
  groupOf("TCP_CRR", { connections: 2, request_bytes: 64, response_bytes: 2048 }),
  // Opens and closes, without data.
  groupOf("TCP_CC", { connections: 2, request_bytes: 0, response_bytes: 0 }),
];

for (const group of ROUND_TRIPS) {
  const { test, connections, outstanding, request_bytes, response_bytes } = group;
  const shape = `${connections} x ${outstanding} of ${request_bytes}/${response_bytes} bytes`;

  Deno.test(`${test}, ${shape}: both sides count the same transactions and bytes`, async () => {
    const { groups: [result] } = await sessionOf([group]);
    ok(result);
    const { client, server } = result;
    // On a busy machine a window may pass without a whole transaction of half a megabyte.
    ok((request_bytes > 100_000 ? client.total : client.measured).transactions > 0);
    equal(client.total.transactions, server.total.transactions);
    equal(client.total.bytesOut, server.total.transactions * request_bytes);
    equal(server.total.bytesIn, server.total.transactions * request_bytes);
    equal(client.total.bytesIn, server.total.transactions * response_bytes);
    equal(server.total.bytesOut, server.total.transactions * response_bytes);
    equal(disagreement(result), null);
    equal(client.latency?.count ?? 0, client.measured.transactions);
    ok(client.measured.transactions < client.total.transactions, "the warm-up is left out");
  });
}

for (const test of ["TCP_STREAM", "TCP_MAERTS"] as const) {
  Deno.test(`${test}: every byte that one side sends the other receives`, async () => {
    const group = groupOf(test, { connections: 3, message_bytes: 10_001 });
    const { groups: [result] } = await sessionOf([group]);
    ok(result);
    const [sender, receiver] = test === "TCP_STREAM"
      ? [result.client, result.server]
      : [result.server, result.client];
    ok(receiver.measured.bytesIn > 0);
    ok(receiver.measured.bytesIn < receiver.total.bytesIn, "the warm-up is left out");
    equal(sender.total.bytesOut, receiver.total.bytesIn);
    equal(sender.total.bytesOut % 10_001, 0);
    equal(sender.total.bytesIn, 0);
    equal(disagreement(result), null);
  });
}

Deno.test("UDP_RR: every request is answered or given up, and sizes are kept", async () => {
  const group = groupOf("UDP_RR", {
    connections: 2,
    outstanding: 4,
    request_bytes: 100,
    response_bytes: 900,
  });
  const { groups: [result] } = await sessionOf([group]);
  ok(result);
  const { client, server } = result;
  ok(client.measured.transactions > 0);
  equal(client.total.transactions + client.total.timeouts, client.total.datagramsOut);
  equal(client.total.bytesOut, client.total.datagramsOut * 100);
  equal(client.total.bytesIn, client.total.datagramsIn * 900);
  equal(server.total.bytesOut, server.total.transactions * 900);
  equal(client.latency?.count, client.measured.transactions);
  equal(disagreement(result), null);
});

Deno.test("UDP_STREAM: the receiver's count is the result and losses are drops", async () => {
  const measurement = await measurementOf([groupOf("UDP_STREAM", { message_bytes: 1472 })]);
  const [group] = measurement.groups;
  ok(group);
  ok(group.bytes > 0);
  equal(group.bytes % 1472, 0);
  equal(group.throughput.unit, "bit/s");
  equal(group.latency_ns, null);
  ok((measurement.drops["udp_lost"] ?? -1) >= 0);
});

Deno.test("several groups run side by side and are measured one by one", async () => {
  const measurement = await measurementOf([
    groupOf("TCP_RR", { name: "small", connections: 2, request_bytes: 10, response_bytes: 20 }),
    groupOf("TCP_STREAM", { name: "bulk", connections: 1 }),
  ]);
  const [small, bulk] = measurement.groups;
  ok(small && bulk);
  deepEqual([small.name, small.connections, small.throughput.unit], ["small", 2, "trans/s"]);
  equal(small.latency_ns?.count, small.transactions);
  equal(small.bytes, small.transactions * 30);
  deepEqual([bulk.name, bulk.transactions, bulk.throughput.unit], ["bulk", 0, "bit/s"]);
  ok(bulk.bytes > 0);
});

Deno.test("a live record says what loopback cannot see", async () => {
  const measurement = await measurementOf([groupOf("TCP_RR")]);
  deepEqual(measurement.cpus, []);
  deepEqual(measurement.queues, []);
  deepEqual(measurement.drops, {});
  equal(measurement.interrupts, null);
  equal(measurement.fingerprint, null);
  equal(measurement.events, null);
  equal(measurement.retransmits, null);
  ok((measurement.cpu_utilisation ?? 0) > 0);
  ok(measurement.duration_ns > 0);
  ok(measurement.remarks.some((remark) => remark.includes("retransmits are not visible")));
  ok(measurement.remarks.some((remark) => remark.includes("CPU utilisation is that of this")));
  equal(measurement.groups[0]?.policy, "NONE");
  equal(measurement.groups[0]?.steered, false);
});

Deno.test("open loop sends what the schedule asks for, no more", async () => {
  const arrival = { loop: "open", rate_per_second: 400, distribution: "constant" } as const;
  for (const test of ["TCP_RR", "TCP_CRR", "UDP_RR"] as const) {
    const { groups: [result] } = await sessionOf([groupOf(test, { arrival, connections: 2 })]);
    ok(result);
    const { arrivals, transactions } = result.client.total;
    ok(transactions > 0, test);
    ok(transactions <= arrivals, `${test}: ${transactions} of ${arrivals}`);
    equal(result.client.latency?.count, result.client.measured.transactions);
  }
});

Deno.test("service time is spent by the server, so no transaction is shorter", async () => {
  const SERVICE_NS = 2_000_000;
  for (const test of ["TCP_RR", "UDP_RR"] as const) {
    const { groups: [group] } = await measurementOf([groupOf(test, { service_ns: SERVICE_NS })]);
    ok(group?.latency_ns);
    ok(group.latency_ns.min >= SERVICE_NS, `${test}: ${group.latency_ns.min} ns`);
  }
});

Deno.test("the description names the generator and the kernel, but not the host", async () => {
  const { generator, wasm, environment, hasClock } = await new LiveTarget().describe();
  deepEqual({ generator, wasm, hasClock }, {
    generator: LIVE_GENERATOR,
    wasm: null,
    hasClock: true,
  });
  equal(environment["kernel"], Deno.osRelease());
  equal(environment["deno"], Deno.version.deno);
  ok(Number(environment["cpu_count"]) >= 1);
  ok(!Object.values(environment).includes(Deno.hostname()));
});
