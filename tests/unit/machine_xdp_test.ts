/**
 * Frames that pass the stack by: an XDP program that drops them at the driver, and AF_XDP sockets
 * that send them. What decides their rate, what they cost, and what a user is told.
 *
 * @module
 */

import assert from "node:assert/strict";
import { profileOf } from "../../harness/machine/profile.ts";
import { chromeEvents } from "../../harness/machine/trace_format.ts";
import { refusalOf } from "../../harness/live/refusal.ts";
import { readCounters } from "../../harness/machine/wasm.ts";
import { ERRNO } from "../../harness/policy/errno.ts";
import type { Measurement } from "../../harness/record.ts";
import type { Arrival, MachineSpec } from "../../harness/spec.ts";
import {
  bareGroup,
  bareMachine,
  groupOf,
  loadModules,
  runToEnd,
  type SmallRun,
  startRun,
  withCosts,
  X710,
  XL710,
} from "./machine_runs.ts";

const modules = await loadModules();
const debug = await loadModules("debug");

/** Frames of 64 bytes: 18 of payload, 42 of headers, 4 of check sequence. */
const SMALLEST = 18;
/** Bytes on the wire beside the payload: headers, check sequence, preamble, gap. */
const WIRE_BYTES = 66;

function every(perSecond: number): Arrival {
  return { loop: "open", rate_per_second: perSecond, distribution: "constant" };
}

function dropOf(arrival: Arrival, connections = 1) {
  return groupOf({ test: "XDP_DROP", message_bytes: SMALLEST, arrival, connections });
}

function perSecond(count: number, { duration_ns: ns }: Measurement): number {
  return count * 1e9 / ns;
}

/** Frames a second that AF_XDP sockets send, and the busy share of the busiest CPU. */
function sent(machine: MachineSpec, bytes: number, connections = 1) {
  const groups = [groupOf({ test: "XSK_TX", message_bytes: bytes, connections })];
  const measured = runToEnd(modules, { groups, machine, measureMs: 4 });
  const frames = measured.queues.reduce((sum, queue) => sum + queue.tx_packets, 0);
  return { measured, rate: perSecond(frames, measured) };
}

function near(actual: number, expected: number, percent: number): void {
  const off = Math.abs(actual / expected - 1) * 100;
  assert.ok(off <= percent, `${actual}, expected ${expected} within ${percent} %`);
}

Deno.test("XDP drops ten million frames a second on one queue, and none of them is a loss", () => {
  const measured = runToEnd(modules, { groups: [dropOf(every(10e6))], machine: XL710 });
  const [group] = measured.groups;
  near(perSecond(group!.transactions, measured), 10e6, 0.1);
  assert.equal(group!.bytes, group!.transactions * SMALLEST);
  assert.deepEqual(measured.drops, {});
  const used = measured.queues.filter((queue) => queue.rx_packets > 0);
  assert.equal(used.length, 1);
  // 44 ns a frame at 3.3 GHz, and interrupts: one CPU, in softirqs, no thread on any.
  const busy = measured.cpus.filter((cpu) => cpu.softirq_ns > 0);
  assert.equal(busy.length, 1);
  assert.ok(busy[0]!.softirq_ns >= 0.44 * measured.duration_ns);
  assert.ok(measured.cpus.every((cpu) => cpu.user_ns + cpu.system_ns === 0));
});

Deno.test("the stack takes a tenth of what XDP drops of the same flood", () => {
  const flood = (test: "XDP_DROP" | "UDP_STREAM") => {
    const groups = [groupOf({ test, message_bytes: SMALLEST })];
    const measured = runToEnd(modules, { groups });
    return { taken: perSecond(measured.groups[0]!.transactions, measured), measured };
  };
  const xdp = flood("XDP_DROP");
  // 10 Gb/s carry 14.88 million frames of 64 bytes a second.
  near(xdp.taken, 10e9 / 8 / (SMALLEST + WIRE_BYTES), 0.1);
  assert.deepEqual(xdp.measured.drops, {});
  const stack = flood("UDP_STREAM");
  assert.ok(stack.taken < xdp.taken / 10, `${stack.taken} of ${xdp.taken}`);
  assert.ok((stack.measured.drops["ring_full"] ?? 0) > 0);
});

Deno.test("what comes faster than driver and program work fills the ring and is lost there", () => {
  const machine = withCosts(XL710, { xdp_program_ns: 171 });
  const measured = runToEnd(modules, { groups: [dropOf(every(10e6))], machine });
  // 29 + 171 ns a frame: five million a second; the CPU never rests.
  const dropped = perSecond(measured.groups[0]!.transactions, measured);
  near(dropped, 5e6, 1);
  assert.deepEqual(Object.keys(measured.drops), ["ring_full"]);
  near(perSecond(measured.drops["ring_full"]!, measured), 10e6 - dropped, 1);
  assert.equal(Math.max(...measured.cpus.map((cpu) => cpu.softirq_ns)), measured.duration_ns);
});

Deno.test("a frame that the program passes pays for it, and only where there is a program", () => {
  const rr = groupOf({ test: "UDP_RR" });
  const coalesce = { ...X710.nic.coalesce, adaptive_rx: false, rx_usecs: 0 };
  const mean = (program: number, isAttached: boolean) => {
    const groups = isAttached ? [rr, dropOf(every(1000))] : [rr];
    const machine = withCosts({ ...X710, nic: { ...X710.nic, coalesce } }, {
      xdp_program_ns: program,
      numa_remote_percent: 100,
    });
    const measured = runToEnd(modules, { groups, machine });
    return measured.groups[0]!.latency_ns!.mean;
  };
  const added = mean(1000, true) - mean(0, true);
  near(added, 1000, 1);
  assert.equal(mean(1000, false), mean(0, false));
});

Deno.test("flows of a generator take turns, and one that is behind its schedule says so", () => {
  const measured = runToEnd(modules, { groups: [dropOf(every(1e6), 4)], machine: XL710 });
  near(perSecond(measured.groups[0]!.transactions, measured), 1e6, 0.1);
  assert.ok(measured.queues.filter((queue) => queue.rx_packets > 0).length > 1);
  assert.deepEqual(measured.remarks, []);
  // Twice what 10 Gb/s carry.
  const behind = runToEnd(modules, { groups: [dropOf(every(30e6))] });
  near(perSecond(behind.groups[0]!.transactions, behind), 14.88e6, 0.1);
  assert.match(behind.remarks[0]!, /^\d+ requests found the peer's queue full and were not sent$/);
});

Deno.test("AF_XDP sends small frames at its queue's rate and long ones at the wire's", () => {
  const queueRate = 1e9 / XL710.costs["queue_packet_ns"]!;
  near(sent(XL710, SMALLEST).rate, queueRate, 3);
  for (const bytes of [978, 1472]) {
    near(sent(XL710, bytes).rate, 40e9 / 8 / (bytes + WIRE_BYTES), 0.2);
  }
  const { measured } = sent(XL710, 1472);
  near(measured.groups[0]!.bytes, measured.queues[0]!.tx_packets * 1472, 0.1);
  assert.deepEqual(measured.drops, {});
});

Deno.test("two AF_XDP sockets send from two queues, up to what the device can do", () => {
  const { measured, rate } = sent(XL710, SMALLEST, 2);
  near(rate, 1e9 / XL710.costs["nic_packet_ns"]!, 1);
  const [first, second, third] = measured.queues.map((queue) => queue.tx_packets);
  near(first!, second!, 2);
  assert.equal(third, 0);
});

Deno.test("where the CPU is slower than the queue, its time a frame is the rate of AF_XDP", () => {
  // Application and kernel share the CPU of the queue.
  const machine = withCosts(XL710, { xsk_frame_ns: 150, xsk_application_ns: 50 });
  const { rate, measured } = sent(machine, SMALLEST);
  assert.ok(rate > 4e6 && rate <= 5e6, `${rate}`);
  const [cpu] = measured.cpus;
  assert.equal(cpu!.idle_ns, 0);
  near(cpu!.user_ns, rate * 50 * measured.duration_ns / 1e9, 2);
});

Deno.test("XDP, AF_XDP and sockets share a device in each build, and twice alike", () => {
  const run: SmallRun = {
    groups: [
      dropOf(every(2e6), 3),
      groupOf({ test: "XSK_TX", message_bytes: 466, connections: 2 }),
      groupOf({ test: "TCP_RR", connections: 8 }),
      groupOf({ test: "TCP_MAERTS", connections: 2 }),
      groupOf({ test: "UDP_STREAM", message_bytes: 1472 }),
    ],
    machine: withCosts({ ...X710, nic: { ...X710.nic, ring: 64 } }, { loss_ppm: 1000 }),
    policy: "LATENCY",
    measureMs: 3,
  };
  const measured = runToEnd(modules, run);
  assert.ok(measured.groups.every(({ transactions, bytes }) => transactions + bytes > 0));
  // The policy manager knows sockets of the stack only.
  const steered = measured.groups.map((group) => [group.policy, group.steered]);
  const [none, asked] = [["NONE", false], ["LATENCY", true]];
  assert.deepEqual(steered, [none, none, asked, asked, asked]);
  assert.equal(runToEnd(modules, run).fingerprint, measured.fingerprint);
  assert.equal(runToEnd(debug, run).fingerprint, measured.fingerprint);
});

Deno.test("AF_XDP sockets go on after a restart of the rings, and their channels stay", () => {
  const machine = bareMachine(modules.machineModule, {
    costs: { ring_restart_ns: 200_000, channel_reset_ns: 200_000 },
  });
  bareGroup(machine, "XSK_TX", 3, 466);
  bareGroup(machine, "XDP_DROP", 2, 466);
  machine.calls.machineStart(1e6, 99e6);
  const runUntil = (ms: number) => {
    while (machine.calls.nowNs() < ms * 1e6) {
      machine.calls.machineRun(100);
      assert.equal(machine.calls.checkMachine(), 0, `${machine.calls.nowNs()} ns`);
    }
  };
  const { GROUP_TABLE, GROUP_COUNTERS, GROUP_BYTES } = machine.constants;
  const moved = () =>
    [0, 1].map((group) =>
      readCounters(machine, GROUP_TABLE + group * GROUP_BYTES + GROUP_COUNTERS, 2)[1]!
    );
  const { ethtoolChannels, ethtoolRings } = machine.calls;
  runUntil(2);
  // The kernel keeps the channels of zero-copy sockets: queues 0 to 2.
  assert.equal(ethtoolChannels(2, 0, 0, 1), -ERRNO.EINVAL);
  assert.equal(ethtoolRings(256, 128), 0);
  runUntil(4);
  const before = moved();
  assert.equal(ethtoolChannels(3, 0, 0, 1), 0);
  runUntil(6);
  moved().forEach((count, group) => assert.ok(count > before[group]! + 1000, `group ${group}`));
});

Deno.test("trace and profile tell the time of XDP and of AF_XDP", () => {
  const groups = [dropOf(every(1e6)), groupOf({ test: "XSK_TX", message_bytes: 1472 })];
  let ms = 0;
  const model = startRun(modules, { groups, measureMs: 2, traceLimit: 1e9, clock: () => ms += 1 });
  while (!model.advance(5000));
  const run = { runId: "test", workload: { groups }, machine: X710 };
  const names = new Set(chromeEvents(model.trace()!, run).map((event) => event.name));
  for (const name of ["softirq xdp", "softirq af_xdp tx"]) assert.ok(names.has(name), name);
  const kinds = new Map(profileOf(model.profile()!).kinds.map((each) => [each.kind, each.events]));
  assert.equal(kinds.get("softirq: xdp"), model.measurement().groups[0]!.transactions);
  assert.ok(kinds.get("softirq: af_xdp tx")! > 0);
});

Deno.test("each AF_XDP socket needs a queue of its own, and a live target has neither", () => {
  const groups = [groupOf({ test: "XSK_TX", message_bytes: SMALLEST, connections: 9 })];
  assert.throws(() => startRun(modules, { groups }), {
    name: "UserError",
    message: 'The workload "test" has 9 connections of XSK_TX, each with a queue of its own: ' +
      'machine "x710-8cpu" has nic.queue_pairs 8',
  });
  const workload = { name: "test", groups } as unknown as Parameters<
    typeof refusalOf
  >[0]["workload"];
  const live = { workload, policy: "NONE", mechanism: "stock" } as unknown as Parameters<
    typeof refusalOf
  >[0];
  assert.equal(
    refusalOf(live),
    'Group "xsk_tx" (XSK_TX): a live run has sockets of the stack only, so XSK_TX works only ' +
      "with --target model",
  );
});
