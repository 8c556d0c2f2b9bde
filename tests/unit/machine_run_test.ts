/**
 * Whole runs of the machine model: each test of netperf, what a policy does to it, and that a run
 * is a function of its seed.
 *
 * @module
 */

import assert from "node:assert/strict";
import * as hdr from "hdr-histogram-js";
import { UserError } from "../../harness/errors.ts";
import type { DevicePolicy, Measurement, TestName } from "../../harness/record.ts";
import {
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
const run = (options: SmallRun): Measurement => runToEnd(modules, options);

const rr = groupOf({ test: "TCP_RR", connections: 8, hint: "LATENCY" });
const stream = groupOf({ test: "TCP_STREAM", connections: 8, hint: "BULK" });

function perPacket(measured: Measurement): number {
  return 1 / measured.interrupts!.rx_packets_per_interrupt!;
}

Deno.test("a lone request/response takes the sum of the latencies on its way", () => {
  // No interrupt is throttled: the round trip is longer than the adaptive interval. The only queue
  // interrupts CPU 0, on the device's node.
  const machine = { ...X710, nic: { ...X710.nic, queue_pairs: 1 } };
  const measured = run({ groups: [groupOf({ test: "TCP_RR" })], machine });
  const c = X710.costs as Record<string, number>;
  const wireNs = (67 + 24) * 0.8;
  const path = [
    ...["cable_ns", "nic_rx_ns", "dma_write_ns", "msix_ns", "c1_exit_ns", "hard_irq_ns"],
    ...["softirq_entry_ns", "rx_packet_ns", "tcp_rx_ns", "wake_ns", "napi_complete_ns"],
    ...["context_switch_ns", "recv_call_ns", "application_ns", "send_call_ns", "tcp_tx_ns"],
    ...["doorbell_ns", "dma_read_ns", "dma_read_ns", "nic_tx_ns", "cable_ns"],
    ...["peer_turnaround_ns"],
  ];
  // Over the bus: frame, descriptor, message; doorbell, two reads with their requests.
  const busBytes = (67 + 24) + (16 + 24) + 28 + 28 + (24 + 20 + 16) + (24 + 20 + 67);
  const busNs = busBytes * 8000 / c["pcie_mbps"]!;
  const expectedNs = path.reduce((sum, name) => sum + c[name]!, 2 * wireNs + busNs);
  const { latency_ns: latency, transactions } = measured.groups[0]!;
  // The copy of two bytes is 0.2 ns; a transmit completion may add its interrupt.
  assert.ok(latency!.min >= expectedNs - 1 && latency!.min <= expectedNs + 2, `${latency!.min}`);
  assert.ok(latency!.p50 < expectedNs * 1.1, `p50 ${latency!.p50}, path ${expectedNs}`);
  assert.ok(Math.abs(transactions * latency!.mean / 1e7 - 1) < 0.01, "one in flight at any time");
});

Deno.test("bulk receive fills the link: 1448 bytes of payload in 1538 on the wire", () => {
  const measured = run({ groups: [stream] });
  const share = measured.groups[0]!.throughput.value / 10e9;
  assert.ok(share > 0.93 && share <= 1448 / 1538 + 0.003, `${share} of the link`);
  assert.deepEqual(measured.drops, {});
  assert.equal(measured.groups[0]!.latency_ns, null);
});

Deno.test("bulk send fills the link, and acknowledgements come back one a train", () => {
  const measured = run({ groups: [groupOf({ test: "TCP_MAERTS", connections: 8 })] });
  const share = measured.groups[0]!.throughput.value / 10e9;
  assert.ok(share > 0.91 && share <= 1448 / 1538 + 0.003, `${share} of the link`);
  const sent = measured.queues.reduce((sum, queue) => sum + queue.tx_packets, 0);
  const received = measured.queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
  assert.ok(sent / received > 20, `${sent} frames, ${received} acknowledgements`);
});

Deno.test("connect/request/response takes four frames in and out, on a new flow each time", () => {
  const group = groupOf({ test: "TCP_CRR", connections: 4, hint: "LATENCY" });
  const measured = run({ groups: [group], policy: "LATENCY" });
  const { transactions, steered } = measured.groups[0]!;
  const frames = (key: "rx_packets" | "tx_packets") =>
    measured.queues.reduce((sum, queue) => sum + queue[key], 0) / transactions;
  assert.ok(transactions > 300, `${transactions} transactions`);
  assert.ok(Math.abs(frames("rx_packets") - 4) < 0.05, `${frames("rx_packets")} in`);
  assert.ok(Math.abs(frames("tx_packets") - 4) < 0.05, `${frames("tx_packets")} out`);
  assert.equal(steered, true);
  const { rule_inserted: inserted = 0, rule_deleted: deleted = 0 } = measured.policy_counters;
  assert.ok(inserted > transactions && inserted - deleted <= 4, `${inserted} - ${deleted} rules`);
});

Deno.test("a connection pays for its rule twice: when it comes and when it goes", () => {
  const groups = [groupOf({ test: "TCP_CRR", hint: "LATENCY" })];
  const threadNs = (ruleNs: number) => {
    const machine = withCosts(X710, { rule_insert_ns: ruleNs });
    const { cpus, groups: [group] } = run({ groups, machine, policy: "LATENCY" });
    return cpus.reduce((sum, cpu) => sum + cpu.user_ns + cpu.system_ns, 0) / group!.transactions;
  };
  const each = (threadNs(10_000) - threadNs(0)) / 10_000;
  assert.ok(Math.abs(each - 2) < 0.05, `${each} rules a connection`);
});

Deno.test("datagrams of one frame and of many make the round trip", () => {
  for (const bytes of [1, 1472, 1473, 8192]) {
    const group = groupOf({ test: "UDP_RR", request_bytes: bytes, response_bytes: bytes });
    const measured = run({ groups: [group] });
    const { transactions, bytes: carried } = measured.groups[0]!;
    const frames = measured.queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
    assert.ok(transactions > 100, `${transactions} transactions of ${bytes} bytes`);
    assert.equal(carried, transactions * 2 * bytes);
    assert.ok(Math.abs(frames / transactions - Math.ceil(bytes / 1472)) < 0.05);
  }
});

Deno.test("datagrams faster than the server are dropped at its socket, and counted there", () => {
  const group = groupOf({ test: "UDP_STREAM", message_bytes: 64, service_ns: 10_000 });
  const measured = run({ groups: [group] });
  const { transactions, bytes } = measured.groups[0]!;
  assert.equal(bytes, transactions * 64);
  assert.ok(transactions < 1000, "one in 10 us at most");
  assert.ok((measured.drops["socket_buffer_full"] ?? 0) > transactions, "most are dropped");
});

Deno.test("no more datagrams are delivered than their frames have left the rings", () => {
  const machine = withCosts(X710, { udp_buffer_bytes: 16_777_216, rx_packet_ns: 1500 });
  const group = groupOf({ test: "UDP_STREAM", connections: 8, message_bytes: 8000 });
  const measured = run({ groups: [group], machine, warmupMs: 0, measureMs: 60 });
  const frames = measured.queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
  const { transactions } = measured.groups[0]!;
  assert.ok(measured.drops["fragment_missing"]! > 1000, "the ring drops fragments");
  assert.ok(transactions > 100, `${transactions} datagrams`);
  assert.ok(transactions * 6 <= frames, `${transactions} datagrams of 6 out of ${frames} frames`);
});

Deno.test("a ring without descriptors drops, and TCP goes on by retransmission", () => {
  const machine = withCosts(
    { ...X710, nic: { ...X710.nic, ring: 64 } },
    { rx_packet_ns: 3000, retransmit_ns: 1_000_000 },
  );
  const groups = [groupOf({ test: "TCP_STREAM", connections: 4 })];
  const measured = run({ groups, machine, measureMs: 30 });
  assert.ok((measured.drops["ring_full"] ?? 0) > 0);
  assert.ok(measured.retransmits! > 0);
  assert.ok(measured.groups[0]!.bytes > 0);
});

Deno.test("more frames than the device takes fill its buffer, and are dropped there", () => {
  // 64-byte frames at 40 Gb/s are 59 million a second, the device takes 37.
  const group = groupOf({ test: "UDP_STREAM", connections: 16, message_bytes: 1 });
  const measured = run({ groups: [group], machine: XL710, measureMs: 2 });
  const taken = measured.queues.reduce((sum, queue) => sum + queue.rx_packets, 0) +
    (measured.drops["ring_full"] ?? 0);
  assert.ok(Math.abs(taken / 2e-3 / 37e6 - 1) < 0.02, `${taken} frames in 2 ms`);
  assert.ok(Math.abs(measured.drops["device_buffer_full"]! / taken - 59.5 / 37 + 1) < 0.02);
});

Deno.test("lost UDP transactions are given up, so that a run goes on", () => {
  const machine = withCosts(
    { ...X710, nic: { ...X710.nic, queue_pairs: 1, ring: 64 } },
    { retransmit_ns: 100_000, rx_packet_ns: 5000 },
  );
  const groups = [groupOf({ test: "UDP_RR", connections: 200 })];
  const measured = run({ groups, machine, measureMs: 30 });
  assert.ok((measured.drops["ring_full"] ?? 0) > 0);
  assert.match(measured.remarks.join(), /UDP transactions were lost and given up/);
  assert.ok(measured.groups[0]!.transactions > 1000);
});

Deno.test("a larger interval means fewer interrupts, LATENCY the shortest round trips", () => {
  const by = (policy: DevicePolicy, group = rr) => run({ groups: [group], policy });
  const [latency, bulk, cpu] = [by("LATENCY"), by("BULK"), by("CPU")];
  const streams = [by("LATENCY", stream), by("BULK", stream), by("CPU", stream)].map(perPacket);
  const p50 = (measured: Measurement) => measured.groups[0]!.latency_ns!.p50;
  assert.ok(p50(latency) < p50(bulk) && p50(bulk) < p50(cpu));
  assert.ok(streams[0]! > 2 * streams[1]! && streams[1]! > 2 * streams[2]!, `${streams}`);
  assert.ok(latency.cpu_utilisation! > cpu.cpu_utilisation!);
  assert.deepEqual(latency.queues.map((queue) => queue.itr_rx_usecs), Array(8).fill(6));
  assert.deepEqual(cpu.queues.map((queue) => queue.itr_rx_usecs), Array(8).fill(126));
  assert.ok(cpu.queues.every((queue) => !queue.adaptive && queue.policy === "CPU"));
});

/** A long run on one queue under the driver's adaptive rule. */
function adaptiveRun(machine: typeof X710, test: TestName, connections: number): Measurement {
  return run({
    groups: [groupOf({ test, connections })],
    machine: { ...machine, nic: { ...machine.nic, queue_pairs: 1 } },
    warmupMs: 40,
    measureMs: 20,
  });
}

Deno.test("adaptive throttling settles where the driver's rule puts each load", () => {
  // One small packet an interrupt: 10 us at 10 Gb/s, 4 us at 40; transmit rises to its maximum.
  // An interrupt for a transmit completion alone adds a step of 2 us.
  for (const [machine, usecs] of [[X710, 10], [XL710, 4]] as const) {
    const [queue] = adaptiveRun(machine, "TCP_RR", 1).queues;
    assert.ok([usecs, usecs + 2].includes(queue!.itr_rx_usecs), `${queue!.itr_rx_usecs}`);
    assert.equal(queue!.itr_tx_usecs, 126);
    assert.equal(queue!.adaptive, true);
  }
  // Sixteen flows on one queue make ten packets an interrupt: no more a latency load to the rule.
  const [shared] = adaptiveRun(X710, "TCP_RR", 16).queues;
  assert.ok(shared!.rx_packets / shared!.interrupts > 4);
  assert.ok(shared!.itr_rx_usecs >= 50 && shared!.itr_rx_usecs <= 126, `${shared!.itr_rx_usecs}`);
  // Bulk receive: 56 to 112 packets a NAPI cycle, some 70 to 126 us of a 10 Gb/s link.
  const [bulk] = adaptiveRun(X710, "TCP_STREAM", 4).queues;
  assert.ok(bulk!.itr_rx_usecs >= 50 && bulk!.itr_rx_usecs <= 126, `${bulk!.itr_rx_usecs}`);
  assert.ok(bulk!.rx_packets / bulk!.interrupts > 30);
});

Deno.test("with a fixed interval R a lone transaction takes between R and 2 R", () => {
  const machine = {
    ...X710,
    nic: { ...X710.nic, usecs: { ...X710.nic.usecs, CPU: { rx: 100, tx: 100 } } },
  };
  const measured = run({ groups: [groupOf({ test: "TCP_RR" })], machine, policy: "CPU" });
  const { mean } = measured.groups[0]!.latency_ns!;
  assert.ok(mean >= 99_000 && mean <= 200_000, `${mean} ns`);
});

Deno.test("the policy spreads flows evenly, the hash does not", () => {
  const groups = [{ ...stream, connections: 16 }];
  const share = (measured: Measurement) => {
    const packets = measured.queues.map((queue) => queue.rx_packets);
    return Math.max(...packets) * packets.length / packets.reduce((sum, one) => sum + one, 0);
  };
  assert.ok(share(run({ groups, policy: "BULK" })) < 1.1);
  assert.ok(share(run({ groups })) > 1.5);
});

Deno.test("MIX keeps requests apart from streams, and a CPU hint gets default handling", () => {
  const groups = [rr, stream, groupOf({ test: "TCP_RR", name: "cpu", hint: "CPU" })];
  const measured = run({ groups, policy: "MIX", measureMs: 20 });
  const of = (policy: string) => measured.queues.filter((queue) => queue.policy === policy);
  assert.deepEqual(of("LATENCY").map((queue) => queue.itr_rx_usecs), [6, 6]);
  assert.deepEqual(of("BULK").map((queue) => queue.itr_rx_usecs), Array(6).fill(50));
  assert.deepEqual(measured.groups.map((group) => group.steered), [true, true, false]);
  assert.match(measured.remarks.join(), /"cpu" got default handling/);
  const stock = run({ groups, measureMs: 20 });
  const p50 = (of: Measurement) => of.groups[0]!.latency_ns!.p50;
  assert.ok(p50(measured) < p50(stock), "requests do not queue behind streams");
});

Deno.test("a response waits for what is in the ring, not for all that streams have queued", () => {
  const machine = { ...X710, nic: { ...X710.nic, queue_pairs: 1 } };
  const groups = [rr, groupOf({ test: "TCP_MAERTS", connections: 8 })];
  const measured = run({ groups, machine, measureMs: 40 });
  const queuedNs = 8 * X710.costs["tcp_window_bytes"]! * 0.8;
  const { p50 } = measured.groups[0]!.latency_ns!;
  assert.ok(p50 < queuedNs / 4, `${p50} of ${queuedNs} ns`);
  assert.ok(measured.groups[1]!.throughput.value > 9.2e9, "and the link stays busy");
});

Deno.test("a wake-up takes the thread to the waking CPU, or leaves it where it was", () => {
  // One queue, its interrupt on CPU 0; the thread's home is CPU 1 (connection 1 of two).
  const machine = (affine: number) =>
    withCosts({ ...X710, nic: { ...X710.nic, queue_pairs: 1 } }, { wake_affine_switch: affine });
  const groups = [
    groupOf({ test: "TCP_MAERTS", name: "first", message_bytes: 1 }),
    groupOf({ test: "UDP_RR" }),
  ];
  const userOf = (affine: number) =>
    run({ groups: groups.slice(affine), machine: machine(affine) }).cpus
      .map((cpu) => cpu.user_ns > 0);
  assert.deepEqual(userOf(1), [true, ...Array(7).fill(false)], "all on the waking CPU");
  assert.equal(userOf(0)[1], true, "the second thread stays on CPU 1");
});

Deno.test("nodes may be listed in any order: distances go by their numbers", () => {
  const nodes = [{ id: 2, cpus: [4, 5] }, { id: 0, cpus: [0, 1] }, { id: 1, cpus: [2, 3] }];
  const distance = [[10, 31, 21], [31, 10, 21], [21, 21, 10]];
  const machine = {
    ...X710,
    nic: { ...X710.nic, node: 0, queue_pairs: 6 },
    host: { ...X710.host, nodes, distance, siblings: [] },
  };
  const places = run({ groups: [rr], machine }).queues.map(({ cpu, node }) => [cpu, node]);
  assert.deepEqual(places, [[0, 0], [1, 0], [4, 2], [5, 2], [2, 1], [3, 1]], "near first");
  const sorted = {
    ...machine,
    host: { ...machine.host, nodes: nodes.toSorted((left, right) => left.id - right.id) },
  };
  for (const policy of ["NONE", "LATENCY", "MIX"] as const) {
    const fingerprint = (of: typeof machine) =>
      run({ groups: [rr], machine: of, policy }).fingerprint;
    assert.equal(fingerprint(machine), fingerprint(sorted), policy);
  }
});

Deno.test("deep idle states lengthen a lone round trip by their exit latency", () => {
  const p50 = (limit: number) =>
    run({
      groups: [groupOf({ test: "UDP_RR" })],
      machine: withCosts(X710, { idle_state_limit: limit, peer_turnaround_ns: 100_000 }),
    }).groups[0]!.latency_ns!.p50;
  const [polls, c1, c1e] = [p50(0), p50(1), p50(2)];
  assert.ok(Math.abs(c1 - polls - 2000) < 150, `C1 costs ${c1 - polls} ns`);
  assert.ok(Math.abs(c1e - polls - 10_000) < 150, `C1E costs ${c1e - polls} ns`);
});

Deno.test("under a flood NAPI stays in polling: interrupts two orders below packets", () => {
  const machine = { ...X710, nic: { ...X710.nic, queue_pairs: 1 } };
  const flood = groupOf({ test: "UDP_STREAM", connections: 4, message_bytes: 18 });
  const measured = run({ groups: [flood], machine });
  const [queue] = measured.queues;
  assert.ok(queue!.interrupts * 100 < queue!.rx_packets, `${queue!.interrupts} interrupts`);
  const [first] = measured.cpus;
  assert.ok(first!.softirq_ns / measured.duration_ns > 0.5, "softirqs have most of the CPU");
  assert.ok(queue!.rx_packets > 60 * queue!.polls, "polls use their whole budget");
});

Deno.test("over the last share of load p50 stays and p99 multiplies", () => {
  const at = (rate: number) => {
    const arrival = { loop: "open", rate_per_second: rate, distribution: "poisson" } as const;
    const group = groupOf({ test: "TCP_RR", connections: 256, arrival, service_ns: 20_000 });
    return run({ groups: [group], measureMs: 60 }).groups[0]!.latency_ns!;
  };
  const [low, high] = [at(60_000), at(260_000)];
  assert.ok(high.p50 < 3 * low.p50, `p50 ${low.p50} and ${high.p50}`);
  assert.ok(high.p99 > 3 * low.p99, `p99 ${low.p99} and ${high.p99}`);
});

Deno.test("an open loop offers its rate and counts from the intended time", () => {
  const arrival = (rate: number) => ({
    loop: "open" as const,
    rate_per_second: rate,
    distribution: "poisson" as const,
  });
  const at = (rate: number, service: number) =>
    run({
      groups: [groupOf({
        test: "TCP_RR",
        connections: 32,
        arrival: arrival(rate),
        service_ns: service,
      })],
      measureMs: 40,
    }).groups[0]!;
  const light = at(50_000, 0);
  assert.ok(Math.abs(light.transactions / 2000 - 1) < 0.1, `${light.transactions} of 2000`);
  assert.equal(light.loop, "open");
  // 8 CPUs at 100 us a request cannot do 100 000 a second: the wait grows all along.
  const heavy = at(100_000, 100_000);
  assert.ok(heavy.transactions < 3400, `${heavy.transactions}`);
  assert.ok(heavy.latency_ns!.max > 5e6, "the last request has waited for milliseconds");
});

Deno.test("an open loop may be as slow or as fast as the schema lets it", () => {
  for (const distribution of ["poisson", "constant"] as const) {
    const at = (rate: number) => {
      const arrival = { loop: "open", rate_per_second: rate, distribution } as const;
      return run({ groups: [groupOf({ test: "TCP_RR", arrival })] });
    };
    assert.equal(at(1e-6).groups[0]!.transactions, 0);
    const flooded = at(1e8);
    assert.ok(flooded.groups[0]!.transactions > 100);
    assert.match(flooded.remarks.join(), /requests found the peer's queue full/);
  }
});

Deno.test("a run is a function of its seed, whatever the slices", () => {
  const groups = [rr, stream];
  const first = run({ groups, seed: 7, policy: "MIX" });
  assert.deepEqual(runToEnd(modules, { groups, seed: 7, policy: "MIX" }, 997), first);
  const other = run({ groups, seed: 8, policy: "MIX" });
  assert.notEqual(other.fingerprint, first.fingerprint);
  assert.match(first.fingerprint!, /^[0-9a-f]{16}$/);
});

Deno.test("a measurement in the midst of a run changes nothing in it", () => {
  const groups = [
    groupOf({ test: "TCP_RR", connections: 32 }),
    groupOf({ test: "TCP_MAERTS", connections: 4 }),
  ];
  const undisturbed = run({ groups, policy: "LATENCY" });
  const model = startRun(modules, { groups, policy: "LATENCY" });
  for (const events of [20, 500, 5000, 20_000]) {
    model.advance(events);
    model.measurement();
  }
  while (!model.advance(50_000));
  assert.deepEqual(model.measurement(), undisturbed);
  assert.deepEqual(undisturbed.groups.map(({ steered }) => steered), [true, true]);
});

Deno.test("release and debug builds agree to the last event", async () => {
  const debug = await loadModules("debug");
  for (const test of ["TCP_RR", "TCP_CRR", "TCP_STREAM", "TCP_MAERTS", "UDP_RR"] as const) {
    const groups = [groupOf({ test, connections: 6, hint: "LATENCY" })];
    const options = { groups, machine: XL710, policy: "LATENCY", measureMs: 3 } as const;
    assert.deepEqual(runToEnd(debug, options), run(options), test);
  }
});

Deno.test("the histogram in the record holds the summary's percentiles", () => {
  const latency = run({ groups: [rr] }).groups[0]!.latency_ns!;
  const histogram = hdr.decodeFromCompressedBase64(latency.hdr_v2, 64);
  assert.equal(histogram.totalCount, latency.count);
  assert.equal(Math.min(histogram.getValueAtPercentile(99), latency.max), latency.p99);
});

Deno.test("an interrupted run tells what it has and that it ended early", () => {
  const model = startRun(modules, { groups: [rr], measureMs: 1000 });
  while (model.progress() < 0.1) assert.equal(model.advance(10_000), false);
  const measured = model.measurement();
  assert.ok(measured.duration_ns > 0 && measured.duration_ns < 1e9);
  assert.match(measured.remarks.join(), /ended early/);
});

Deno.test("before the measured interval there is nothing measured", () => {
  const groups = [rr, stream, groupOf({ test: "UDP_RR" })];
  const model = startRun(modules, { groups, policy: "MIX", warmupMs: 20 });
  while (model.progress() < 0.4) assert.equal(model.advance(1000), false);
  const measured = model.measurement();
  assert.equal(measured.duration_ns, 0);
  for (const group of measured.groups) {
    const { transactions, bytes, throughput, latency_ns: latency } = group;
    assert.deepEqual([transactions, bytes, throughput.value, latency], [0, 0, 0, null]);
  }
  for (
    const { queue: _queue, policy: _policy, cpu: _cpu, node: _node, ...rest } of measured.queues
  ) {
    const { itr_rx_usecs: _rx, itr_tx_usecs: _tx, adaptive: _adaptive, ...counts } = rest;
    assert.ok(Object.values(counts).every((count) => count === 0), JSON.stringify(counts));
  }
  for (const { cpu: _cpu, node: _node, ...times } of measured.cpus) {
    assert.deepEqual(Object.values(times), Array(5).fill(0));
  }
  const { cpu_utilisation: busy, interrupts, drops, retransmits, events } = measured;
  assert.deepEqual([busy, interrupts, drops, retransmits, events], [null, null, {}, 0, 0]);
});

Deno.test("sockets beyond the device's limit of records get default handling, and are counted", () => {
  const groups = Array.from({ length: 8 }, (_, place) => ({
    ...groupOf({ test: "UDP_RR", connections: 1000 }),
    name: `g${place}`,
  }));
  const measured = run({ groups, policy: "LATENCY", warmupMs: 1, measureMs: 1 });
  assert.deepEqual(measured.remarks, [
    "320 sockets were refused by the policy manager, whose limit is 7680 records: default handling",
  ]);
});

/** Runs until it is refused; the sentence. */
function refusalOf(groups: SmallRun["groups"], machine = X710): string {
  try {
    run({ groups, machine, measureMs: 60 });
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error.message;
  }
  return "none";
}

Deno.test("what the model has no room for is refused in one sentence", () => {
  const large = { request_bytes: 1, response_bytes: 65507, message_bytes: 65507 };
  const times = (count: number, group: ReturnType<typeof groupOf>) =>
    Array.from({ length: count }, (_, place) => ({ ...group, name: `g${place}` }));
  const many = groupOf({ test: "TCP_RR", connections: 1024, outstanding: 256 });
  assert.match(
    refusalOf(times(2, many)),
    /needs 524288 transactions in flight: the model has room for 262144$/,
  );
  const responses = groupOf({ test: "UDP_RR", connections: 64, outstanding: 128, ...large });
  assert.match(
    refusalOf([responses]),
    /^The workload "test" needs 368640 frames in flight: the model has room for 196608$/,
  );
  const streams = groupOf({ test: "UDP_STREAM", connections: 1024, ...large });
  assert.match(refusalOf(times(6, streams)), /needs 276480 frames in flight/);
  assert.equal(refusalOf([{ ...responses, outstanding: 64 }]), "none");
  assert.equal(refusalOf(times(4, streams)), "none");
});

Deno.test("a run whose packets run out ends with a sentence", () => {
  // Rings of 4096 on 64 queues hold all packets there are, if nobody empties them.
  const rings = { ...XL710, nic: { ...XL710.nic, queue_pairs: 64, ring: 4096 } };
  const flood = groupOf({ test: "UDP_STREAM", connections: 1024, message_bytes: 1 });
  assert.match(
    refusalOf([flood], withCosts(rings, { rx_packet_ns: 50_000 })),
    /^The workload "test" on machine "xl710-16cpu" has more packets under way after [\d.]+ ms than/,
  );
});
