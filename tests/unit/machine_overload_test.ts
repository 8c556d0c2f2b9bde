/**
 * More load than the machine can take, and workloads of a particular shape: a run neither hangs
 * nor grows without bound, and what is dropped has a cause.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Measurement } from "../../harness/record.ts";
import { readWorkload } from "../../harness/spec.ts";
import { groupOf, loadModules, runToEnd, type SmallRun, withCosts, X710 } from "./machine_runs.ts";

const modules = await loadModules();
const run = (options: SmallRun): Measurement => runToEnd(modules, options);

/** 8 threads of 20 us a request do some 340,000 a second; twice that is offered. */
function overload(schedule: "group" | "connection", measureMs: number): Measurement {
  const arrival = {
    loop: "open",
    rate_per_second: 700_000,
    distribution: "poisson",
    schedule,
  } as const;
  const group = groupOf({
    test: "TCP_RR",
    connections: 256,
    threads: 8,
    service_ns: 20_000,
    arrival,
  });
  return run({ groups: [group], measureMs });
}

Deno.test("twice the capacity: the machine does what it can, and latency grows with the run", () => {
  for (const schedule of ["group", "connection"] as const) {
    const [short, long] = [overload(schedule, 20), overload(schedule, 40)];
    const rates = [short, long].map(({ groups: [group] }) => group!.throughput.value);
    assert.ok(rates[0]! > 250_000 && rates[0]! < 400_000, `${schedule}: ${rates}`);
    assert.ok(Math.abs(rates[1]! / rates[0]! - 1) < 0.05, `${schedule}: ${rates}`);
    const latest = [short, long].map(({ groups: [group] }) => group!.latency_ns!.max);
    assert.ok(latest[1]! > 1.5 * latest[0]!, `${schedule}: ${latest}`);
  }
});

Deno.test("requests that find the peer's queue full are counted, as no packet is dropped", () => {
  const measured = overload("group", 120);
  // 350,000 a second too many fill the queue of 32,768 after some 0.1 s.
  assert.match(measured.remarks.join(), /^\d{4,5} requests found the peer's queue full/);
  assert.deepEqual(measured.drops, {});
});

Deno.test("datagrams at twice the capacity are dropped by ring and socket, each counted", () => {
  const machine = withCosts(X710, { rx_packet_ns: 1500 });
  const flood = groupOf({ test: "UDP_STREAM", connections: 16, message_bytes: 64, threads: 8 });
  const slow = { ...flood, service_ns: 20_000 };
  const { drops, queues } = run({ groups: [slow], machine, measureMs: 20 });
  const taken = queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
  assert.ok(drops["ring_full"]! > taken / 2, JSON.stringify(drops));
  assert.ok(drops["socket_buffer_full"]! > taken / 3, JSON.stringify(drops));
});

/** A built-in workload for a short time. */
async function builtin(name: string, measureMs: number): Promise<Measurement> {
  const { workload, machine } = await readWorkload(name, { cwd: "/" });
  return run({ groups: workload.groups, machine, measureMs, warmupMs: 20 });
}

Deno.test("incast: 200 senders at once, 100 times a second, wait for 4 MB to pass", async () => {
  const { groups: [group] } = await builtin("incast", 100);
  assert.ok(Math.abs(group!.transactions / 2000 - 1) < 0.06, `${group!.transactions} of 2000`);
  // 4.3 MB with headers take 3.4 ms on the link: half of the senders wait for half of that.
  const { p50, max } = group!.latency_ns!;
  assert.ok(p50 > 1.5e6 && p50 < 10e6 && max > 3.3e6, `p50 ${p50}, max ${max}`);
});

Deno.test("bursts: the load of the burst, a fifth of it over time", async () => {
  const { groups: [group] } = await builtin("bursts", 100);
  assert.ok(Math.abs(group!.throughput.value / 80_000 - 1) < 0.05, `${group!.throughput.value}`);
});

Deno.test("elephants fill the link, and the mice keep their rate", async () => {
  const { groups: [elephants, mice] } = await builtin("elephants", 40);
  assert.ok(elephants!.throughput.value > 9e9, `${elephants!.throughput.value}`);
  assert.ok(Math.abs(mice!.throughput.value / 100_000 - 1) < 0.05, `${mice!.throughput.value}`);
});

Deno.test("10,000 connections: each of them may send, and their rate is kept", async () => {
  const { groups: [group] } = await builtin("many", 30);
  assert.equal(group!.connections, 10_000);
  assert.ok(Math.abs(group!.throughput.value / 200_000 - 1) < 0.05, `${group!.throughput.value}`);
});
