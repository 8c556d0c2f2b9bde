/**
 * Threaded NAPI: a kernel thread polls in the place of the softirq, and shares its CPU with the
 * application.
 *
 * @module
 */

import assert from "node:assert/strict";
import { chromeEvents } from "../../harness/machine/trace_format.ts";
import type { MachineSpec, WorkloadGroup } from "../../harness/spec.ts";
import { groupOf, loadModules, runToEnd, startRun, withCosts, X710 } from "./machine_runs.ts";

const modules = await loadModules();

function threaded(on: boolean, pin = false, costs: Record<string, number> = {}): MachineSpec {
  const nic = { ...X710.nic, threaded: on, threaded_pin: on && pin };
  return withCosts({ ...X710, nic }, costs);
}

/** One CPU that takes more datagrams than it can, beside an application that computes. */
function flooded(on: boolean) {
  const host = { nodes: [{ id: 0, cpus: [0] }], distance: [[10]], siblings: [] };
  const { groups: [flood, other], cpus: [cpu] } = runToEnd(modules, {
    groups: [
      groupOf({ test: "UDP_STREAM", name: "flood", connections: 4, message_bytes: 1472 }),
      groupOf({ test: "UDP_RR", name: "other", connections: 4, service_ns: 20_000 }),
    ],
    machine: { ...threaded(on, true, { udp_rx_ns: 3000 }), host },
    warmupMs: 20,
    measureMs: 200,
  });
  return { received: flood!.bytes, transactions: other!.transactions, cpu: cpu! };
}

Deno.test("a flood that starves the application under softirqs does not under threads", () => {
  const [softirq, thread] = [flooded(false), flooded(true)];
  const share = (one: typeof softirq) => one.cpu.softirq_ns / 200e6;
  assert.ok(share(softirq) > 0.8, `softirqs have ${share(softirq)} of the CPU`);
  assert.ok(share(thread) < 0.1, `without their polls ${share(thread)}`);
  assert.ok(
    thread.received > 3 * softirq.received,
    `${softirq.received}, ${thread.received} bytes`,
  );
  assert.ok(thread.cpu.user_ns > 2 * softirq.cpu.user_ns, "the application has its share");
});

Deno.test("on an idle host the thread's wake-up and switch are what it costs", () => {
  const latency = (machine: MachineSpec) =>
    runToEnd(modules, { groups: [groupOf({ test: "UDP_RR", pin: true })], machine })
      .groups[0]!.latency_ns!.mean;
  const { wake_ns, context_switch_ns, softirq_entry_ns } = X710.costs as Record<string, number>;
  const more = latency(threaded(true, true)) - latency(threaded(false));
  // The softirq's entry is saved; to the application it is one switch more.
  const expected = wake_ns! + context_switch_ns! - softirq_entry_ns!;
  assert.ok(more > 0.5 * expected && more < 2.5 * expected, `${more} ns, not about ${expected}`);
});

/** A traced run, and its events. */
function traced(machine: MachineSpec, groups: WorkloadGroup[]) {
  const model = startRun(modules, { groups, machine, traceLimit: 1e9, measureMs: 2 });
  while (!model.advance(5000));
  const run = { runId: "t", workload: { groups }, machine };
  return { measured: model.measurement(), events: chromeEvents(model.trace()!, run) };
}

Deno.test("a thread that is not bound polls where the scheduler finds room", () => {
  const places = [true, false].map((pin) => {
    const machine = threaded(true, pin);
    const oneQueue = { ...machine, nic: { ...machine.nic, queue_pairs: 1 } };
    const groups = [
      groupOf({ test: "UDP_RR", name: "on CPU 0", service_ns: 100_000, pin: true }),
      groupOf({ test: "UDP_RR", name: "others", connections: 4 }),
    ];
    const { events } = traced(oneQueue, groups);
    return new Set(events.filter(({ name }) => name === "napi frames").map(({ tid }) => tid - 1));
  });
  assert.deepEqual([...places[0]!], [0], "bound to the CPU of the interrupt");
  assert.ok(places[1]!.size > 1, `on CPUs ${[...places[1]!]}`);
});

Deno.test("the trace shows the polls of a NAPI's thread, and who woke it", () => {
  const machine = threaded(true, true);
  const groups = [groupOf({ test: "UDP_RR", name: "rr", connections: 2 })];
  const { measured, events } = traced(machine, groups);
  const polls = events.filter(({ name }) => name === "napi frames");
  const frames = measured.queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
  assert.ok(Math.abs(polls.length - frames) <= 2, `${polls.length} of ${frames} frames`);
  assert.match(String(polls[0]!.args!["thread"]), /^napi\/eth0-\d+$/);
  const woken = events.filter(({ ph, args }) =>
    ph === "f" && String(args?.["thread"]).startsWith("napi/")
  );
  assert.ok(woken.length > 10, `${woken.length} arrows to its threads`);
  assert.equal(events.filter(({ name }) => name === "softirq frames").length, 0);
});
