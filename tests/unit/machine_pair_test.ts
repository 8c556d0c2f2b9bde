/**
 * Two full hosts at the ends of one link: what is the first's, what is the second's, and that
 * nothing is lost, made twice or decided by chance between them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { chromeEvents } from "../../harness/machine/trace_format.ts";
import { ruleSentence } from "../../harness/machine/rules.ts";
import { profileOf } from "../../harness/machine/profile.ts";
import type { MachineSpec, WorkloadGroup } from "../../harness/spec.ts";
import { wayNs } from "../../harness/validate/runs.ts";
import { compileVariant } from "./machine_parts.ts";
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
/** Checks the rules after every event. */
const careful = await loadModules("debug");

function pair(machine: MachineSpec, client: MachineSpec = machine): MachineSpec {
  return { ...machine, peer: { ...client, name: "client" } };
}

function fixedIntervals(machine: MachineSpec, usecs: number): MachineSpec {
  const fixed = { adaptive_rx: false, adaptive_tx: false, rx_usecs: usecs, tx_usecs: usecs };
  return { ...machine, nic: { ...machine.nic, coalesce: { ...fixed, rx_usecs_high: 0 } } };
}

function open(rate: number, schedule: "group" | "connection" = "group"): WorkloadGroup["arrival"] {
  return { loop: "open", rate_per_second: rate, distribution: "poisson", schedule };
}

Deno.test("a ping-pong between two equal hosts takes two ways and twice what one host takes", () => {
  const machine = fixedIntervals(X710, 0);
  for (const test of ["TCP_RR", "UDP_RR"] as const) {
    const groups = [groupOf({ test })];
    const mean = (one: MachineSpec) => {
      const { latency_ns } = runToEnd(modules, { groups, machine: one }).groups[0]!;
      return latency_ns!.mean;
    };
    const ways = 2 * wayNs(machine, groups[0]!, 1);
    const host = mean(machine) - ways - machine.costs["peer_turnaround_ns"]!;
    const expected = ways + 2 * host;
    const found = mean(pair(machine));
    assert.ok(Math.abs(found / expected - 1) < 0.01, `${test}: ${found} ns, parts ${expected} ns`);
  }
});

Deno.test("a longer cable, a slower client and its throttling show once each in the latency", () => {
  const machine = fixedIntervals(X710, 0);
  const groups = [groupOf({ test: "TCP_RR" })];
  const mean = (client: MachineSpec) =>
    runToEnd(modules, { groups, machine: pair(machine, client) }).groups[0]!.latency_ns!.mean;
  const base = mean(machine);
  assert.ok(Math.abs(mean(withCosts(machine, { cable_ns: 10_700 })) - base - 10_000) < 100);
  // Its device: a frame each way. Its application: between a response and the next request.
  assert.ok(Math.abs(mean(withCosts(machine, { nic_rx_ns: 6200 })) - base - 5000) < 100);
  const { application_ns } = machine.costs;
  const slow = withCosts(machine, { application_ns: application_ns! + 8000 });
  assert.ok(Math.abs(mean(slow) - base - 8000) < 100);
  // A minimum gap that is longer than the round trip sets the pace.
  assert.ok(Math.abs(mean(fixedIntervals(machine, 100)) - 100_000) < 1000);
});

/** Runs whose frames are lost by links and rings of either host, or come as fast as they can. */
const RUNS: readonly (readonly [string, SmallRun])[] = [
  ["requests", { groups: [groupOf({ test: "TCP_RR", connections: 32, outstanding: 4 })] }],
  ["datagrams", { groups: [groupOf({ test: "UDP_RR", connections: 8, response_bytes: 9000 })] }],
  ["streams both ways", {
    groups: [
      groupOf({ test: "TCP_STREAM", connections: 4 }),
      groupOf({ test: "TCP_MAERTS", connections: 4 }),
    ],
  }],
  ["memcached", {
    groups: [
      groupOf({
        name: "master",
        test: "TCP_RR",
        connections: 40,
        threads: 4,
        sizes: { distribution: "facebook", update_percent: 10 },
        arrival: open(60_000, "connection"),
        client: { threads: 5, wait_us: 300, latency_from: "send" },
      }),
      groupOf({
        name: "agents",
        test: "TCP_RR",
        connections: 40,
        served_by: "master",
        arrival: open(60_000),
        client: { host: false },
      }),
    ],
  }],
];
const LOSSY = { loss_ppm: 3000 };

for (const [name, run] of RUNS) {
  Deno.test(`rules hold at every event between two hosts: ${name}`, () => {
    const small = { ...X710, nic: { ...X710.nic, ring: 64 } };
    for (
      const machine of [pair(X710), pair(withCosts(X710, LOSSY)), pair(small), pair(X710, small)]
    ) {
      const measured = runToEnd(careful, { ...run, machine, measureMs: 4 });
      for (const { transactions, bytes } of measured.groups) assert.ok(transactions + bytes > 0);
    }
  });

  Deno.test(`the same seed gives the same run of two hosts, however it is cut: ${name}`, () => {
    const machine = pair(withCosts(X710, LOSSY));
    const runs = [50_000, 997, 1].map((slice) =>
      runToEnd(modules, { ...run, machine, measureMs: 2 }, slice)
    );
    assert.deepEqual(runs[1], runs[0]);
    assert.deepEqual(runs[2], runs[0]);
    assert.deepEqual(runToEnd(careful, { ...run, machine, measureMs: 2 }), runs[0], "debug build");
    const other = runToEnd(modules, { ...run, machine, measureMs: 2, seed: 2 });
    assert.notEqual(other.fingerprint, runs[0]!.fingerprint);
  });
}

/** A receive window of three segments and a bit. */
const NARROW = { tcp_window_bytes: 4350 };

Deno.test("streams to a host whose window is narrow send whole segments, and go on", () => {
  for (const lossy of [{}, LOSSY]) {
    const narrow = withCosts(X710, { ...NARROW, ...lossy });
    for (
      const [test, machine] of [
        ["TCP_STREAM", pair(narrow, X710)],
        ["TCP_MAERTS", pair(X710, narrow)],
      ] as const
    ) {
      const measured = runToEnd(careful, { groups: [groupOf({ test, connections: 4 })], machine });
      // Of three segments a frame each, hundreds of windows; a zero-byte frame would need a frame.
      const frames = measured.queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
      const segments = measured.groups[0]!.bytes / 1448;
      assert.ok(segments > 300, `${segments}`);
      if (test === "TCP_STREAM") assert.ok(frames < 1.05 * segments, `${frames}: ${segments}`);
    }
  }
});

Deno.test("the first request keeps to the other host's window, as all that follow", () => {
  // Nine segments: fewer than the first congestion window, three times the receive window.
  const run = {
    groups: [groupOf({ test: "TCP_RR", request_bytes: 9 * 1448 })],
    machine: pair(withCosts(fixedIntervals(X710, 0), NARROW), fixedIntervals(X710, 0)),
    warmupMs: 0,
  };
  const { min, p50 } = runToEnd(modules, run).groups[0]!.latency_ns!;
  assert.ok(min > 0.9 * p50, `${min} ns, half of all ${p50} ns`);
});

Deno.test("a reset of the server's device loses hundreds of frames of the clients at one time", () => {
  const measured = runToEnd(careful, {
    groups: [
      groupOf({ name: "from", test: "TCP_STREAM", connections: 24, message_bytes: 48_000 }),
      groupOf({ name: "to", test: "TCP_MAERTS", connections: 24, message_bytes: 48_000 }),
    ],
    machine: pair(
      withCosts({ ...XL710, nic: { ...XL710.nic, ring: 4096 } }, { channel_reset_ns: 400_000 }),
      XL710,
    ),
    operations: [{ at_ms: 1, ethtool: "-L eth0 combined 8" }],
    warmupMs: 1,
    measureMs: 3,
  });
  assert.ok(measured.drops["device_reset"]! > 600, `${measured.drops["device_reset"]}`);
  assert.ok(measured.remarks.some((remark) => remark.startsWith("the device has 8 channels")));
});

Deno.test("ideal clients get their turns of a link that a second host's streams fill", () => {
  const measured = runToEnd(careful, {
    groups: [
      groupOf({ name: "streams", test: "TCP_STREAM", connections: 16, message_bytes: 65_536 }),
      groupOf({ name: "ideal", test: "TCP_CC", connections: 4, client: { host: false } }),
    ],
    machine: pair(X710, XL710),
    measureMs: 5,
  });
  const [streams, ideal] = measured.groups;
  assert.ok(streams!.throughput.value > 5e9, `${streams!.throughput.value}`);
  assert.ok(ideal!.transactions > 50, `${ideal!.transactions}`);
});

Deno.test("clients that wait may have a thread for each connection", () => {
  const waits = { threads: 0, wait_us: 100 };
  const group = groupOf({
    test: "TCP_RR",
    connections: 20,
    arrival: open(50_000, "connection"),
    client: waits,
  });
  const shared = { threads: 2 };
  const beside = groupOf({ name: "shared", test: "TCP_RR", connections: 8, client: shared });
  const measured = runToEnd(careful, { groups: [beside, group], machine: pair(X710) });
  const { transactions, latency_ns } = measured.groups[1]!;
  assert.ok(Math.abs(transactions - 500) < 100, `${transactions} of 500`);
  assert.ok(latency_ns!.mean > 40_000, `${latency_ns!.mean} ns: half a wait at least`);
});

/** Faults that lose a message: at the sender, and at the machine that it has come to. */
const FAULTS = [
  [50, "outCount++;", "if (now() % 97 != 0) outCount++;"],
  [
    51,
    "scheduleFirst(message.time, EV_WIRE_FRAME + message.kind, inCount);",
    "if (inCount % 97 != 5) scheduleFirst(message.time, EV_WIRE_FRAME + message.kind, inCount);",
  ],
] as const;

for (const [rule, from, to] of FAULTS) {
  Deno.test(`a run of two hosts breaks rule ${rule} where a message is lost`, async () => {
    const machineModule = await compileVariant({
      faults: [{ file: "core/machine/wire.ts", from, to }],
      more: "plantFault(0);",
    });
    const run = {
      groups: [groupOf({ test: "TCP_RR", connections: 32, outstanding: 4 })],
      machine: pair(X710),
    };
    assert.throws(
      () => runToEnd({ ...modules, machineModule }, run),
      new RegExp(`broke its rule ${rule} by .*: ${ruleSentence(rule)}`),
    );
  });
}

Deno.test("ideal clients are the same with and without a second host beside them", () => {
  const groups = [groupOf({ test: "TCP_RR", connections: 4, client: { host: false } })];
  const alone = runToEnd(modules, { groups: [groupOf({ test: "TCP_RR", connections: 4 })] });
  const beside = runToEnd(modules, { groups, machine: pair(X710) });
  assert.equal(beside.client_host, undefined);
  assert.deepEqual(beside, alone);
});

Deno.test("each host's CPUs, interrupts and drops are told under its own name", () => {
  const weak = { ...X710, nic: { ...X710.nic, ring: 64, queue_pairs: 1 } };
  const measured = runToEnd(modules, {
    groups: [groupOf({ test: "TCP_MAERTS", connections: 64 })],
    machine: pair(X710, weak),
    measureMs: 20,
  });
  const client = measured.client_host!;
  assert.equal(client.machine, "client");
  assert.ok(
    measured.remarks.includes(
      'the clients ran on a second host, "client": latency is what they saw',
    ),
  );
  assert.equal(client.cpus.length, 8);
  assert.ok(client.drops["ring_full"]! > 100, `${client.drops["ring_full"]}`);
  assert.deepEqual(measured.drops, {});
  assert.ok(measured.retransmits! > 100, "what the client's ring dropped comes again");
  // The one queue's CPU receives all of it, the server's send with offload.
  const softirq = client.cpus.map(({ softirq_ns }) => softirq_ns / measured.duration_ns);
  assert.ok(Math.max(...softirq) > 0.5, `${softirq}`);
  assert.ok(client.interrupts!.count > 0 && measured.interrupts!.count > 0);
});

Deno.test("clients that cannot keep up queue on their own host, and the latency says so", () => {
  // 8 CPUs with some 28 us a request: 280,000 a second; a million are due.
  const slow = withCosts(X710, { application_ns: 20_000 });
  const load = { groups: [groupOf({ test: "TCP_RR", connections: 64, arrival: open(1e6) })] };
  const measured = runToEnd(modules, { ...load, machine: pair(X710, slow) });
  const [group] = measured.groups;
  assert.ok(group!.throughput.value < 350_000, `${group!.throughput.value}`);
  assert.ok(measured.client_host!.cpu_utilisation! > 0.98);
  assert.match(
    measured.remarks.join(),
    /CPUs of the clients' host "client" were busy more than 90 %/,
  );
  assert.ok(measured.cpu_utilisation! < 0.5);
  // Requests wait for a connection since they were due: longer and longer.
  assert.ok(group!.latency_ns!.p50 > 1e6, `${group!.latency_ns!.p50}`);
  const sent = [{ ...load.groups[0]!, client: { latency_from: "send" as const } }];
  const hidden = runToEnd(modules, { groups: sent, machine: pair(X710, slow) }).groups[0]!;
  assert.ok(hidden.latency_ns!.p50 < 1e6, "a client that counts from its send hides that");
});

Deno.test("a thread that waits 1 ms sends together what has fallen due meanwhile", () => {
  const group = (wait_us: number, latency_from: "due" | "send") =>
    groupOf({
      test: "TCP_RR",
      connections: 20,
      arrival: open(1000, "connection"),
      client: { threads: 1, wait_us, latency_from },
    });
  const mean = (wait: number, from: "due" | "send") =>
    runToEnd(modules, {
      groups: [group(wait, from)],
      machine: pair(X710),
      measureMs: 300,
    }).groups[0]!.latency_ns!.mean / 1000;
  const [prompt, waited] = [mean(0, "due"), mean(1000, "due")];
  assert.ok(prompt < 45, `${prompt} us`);
  // A request falls due at any time of the wait: half of it, less what responses interrupt.
  assert.ok(waited - prompt > 350 && waited - prompt < 550, `${waited} us`);
  const sent = mean(1000, "send");
  assert.ok(sent < 60, `${sent} us from the send`);
});

Deno.test("a group that another's threads serve gets no threads of its own", () => {
  const work = { test: "TCP_RR", connections: 8, service_ns: 50_000 } as const;
  const first = groupOf({ ...work, name: "a", threads: 1, pin: true });
  const rate = (second: WorkloadGroup) =>
    runToEnd(modules, { groups: [first, second] }).groups
      .reduce((sum, { throughput }) => sum + throughput.value, 0);
  const one = rate(groupOf({ ...work, name: "b", served_by: "a" }));
  const two = rate(groupOf({ ...work, name: "b", threads: 1 }));
  assert.ok(one < 20_000, `${one} of one thread with 50 us a request`);
  assert.ok(two > 1.8 * one, `${two} of two`);
});

Deno.test("the clients' host has tracks and kinds of its own in trace and profile", () => {
  let time = 0;
  const groups = [groupOf({ test: "TCP_RR", connections: 4 })];
  const run = startRun(modules, {
    groups,
    machine: pair(X710),
    traceLimit: 1e9,
    clock: () => time++,
  });
  while (!run.advance(5000));
  const traced = { runId: "test", workload: { groups }, machine: pair(X710) };
  const events = chromeEvents(run.trace()!, traced);
  const processes = events.filter(({ name }) => name === "process_name")
    .map(({ args }) => args!["name"]);
  assert.deepEqual(processes, [
    "CPUs",
    "Queues",
    "Drops elsewhere",
    "Client host: CPUs",
    "Client host: Queues",
    "Client host: Drops elsewhere",
  ]);
  const measured = run.measurement();
  const plain = runToEnd(modules, { groups, machine: pair(X710) });
  assert.equal(measured.fingerprint, plain.fingerprint, "looking changes nothing");
  const idleUs = (pid: number) =>
    events.filter((event) => event.pid === pid && event.name === "idle")
      .reduce((sum, { dur }) => sum + dur!, 0);
  for (const [pid, cpus] of [[1, measured.cpus], [4, measured.client_host!.cpus]] as const) {
    const idle = cpus.reduce((sum, { idle_ns }) => sum + idle_ns, 0) / 1000;
    assert.ok(idleUs(pid) <= idle && idleUs(pid) > 0.9 * idle, `${pid}: ${idleUs(pid)} of ${idle}`);
  }
  const profile = profileOf(run.profile()!);
  const count = (kind: string) => profile.kinds.find((one) => one.kind === kind)!.events;
  const frames = measured.queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
  assert.equal(count("softirq: frame"), frames);
  // A response for each request: the clients' host takes as many.
  assert.ok(Math.abs(count("client host: softirq: frame") - frames) <= 8);
  assert.equal(profile.events, measured.events);
});

Deno.test("tests without client threads are refused on a second host", () => {
  for (const test of ["TCP_CRR", "UDP_STREAM"] as const) {
    const groups = [groupOf({ name: "g", test })];
    assert.throws(
      () => startRun(modules, { groups, machine: pair(X710) }),
      new RegExp(
        `clients of group "g" cannot run on the second host "client".*${test}; set client`,
      ),
    );
    const ideal = [groupOf({ name: "g", test, client: { host: false } })];
    assert.doesNotThrow(() => startRun(modules, { groups: ideal, machine: pair(X710) }));
  }
});
