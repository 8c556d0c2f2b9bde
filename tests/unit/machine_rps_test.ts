/**
 * Steering of received packets in software: RPS spreads a queue over CPUs, RFS follows the
 * application, and neither loses a packet unseen nor the order of a flow.
 *
 * @module
 */

import assert from "node:assert/strict";
import { chromeEvents } from "../../harness/machine/trace_format.ts";
import type { Measurement } from "../../harness/record.ts";
import type { MachineSpec, WorkloadGroup } from "../../harness/spec.ts";
import { compileVariant } from "./machine_parts.ts";
import {
  bareGroup,
  bareMachine,
  groupOf,
  loadModules,
  runToEnd,
  startRun,
  withCosts,
  X710,
} from "./machine_runs.ts";

const modules = await loadModules();
const ALL_FLOWS = { rps_sock_flow_entries: 32768, rps_flow_cnt: 4096 };

/** One receive queue, whose interrupts go to CPU 0. */
function oneQueue(masks: string, costs: Record<string, number> = {}): MachineSpec {
  const machine = withCosts(X710, { atr_sample_packets: 0, ...costs });
  return { ...machine, nic: { ...machine.nic, queue_pairs: 1, rps_cpus: masks } };
}

const measure = (machine: MachineSpec, group: WorkloadGroup): Measurement =>
  runToEnd(modules, { machine, groups: [group], warmupMs: 5, measureMs: 15 });

const onCpus = (measured: Measurement, of: (cpu: Measurement["cpus"][number]) => number) =>
  measured.cpus.filter((cpu) => of(cpu) > 0).map(({ cpu }) => cpu);

const processed = (cpu: Measurement["cpus"][number]) => cpu.softnet!.processed;

Deno.test("RPS spreads one queue over the CPUs of its mask, each told by an interrupt", () => {
  const group = groupOf({ test: "UDP_STREAM", connections: 40, message_bytes: 100 });
  const spread = measure(oneQueue("f0"), group);
  assert.deepEqual(onCpus(spread, processed), [4, 5, 6, 7]);
  assert.deepEqual(onCpus(spread, ({ softirq_ns }) => softirq_ns), [0, 4, 5, 6, 7]);
  for (const { irq_ns, softnet } of spread.cpus.slice(4)) {
    assert.ok(softnet!.received_rps > 10, `${softnet!.received_rps} interrupts`);
    assert.equal(irq_ns, softnet!.received_rps * X710.costs["rps_ipi_ns"]!, "and no other");
  }
});

Deno.test("a queue that is the bottleneck delivers more with RPS", () => {
  const group = groupOf({ test: "TCP_RR", connections: 200 });
  const [none, all] = [measure(oneQueue("0"), group), measure(oneQueue("ff"), group)];
  const [before, after] = [none, all].map(({ groups }) => groups[0]!.transactions);
  assert.ok(after! > 1.5 * before!, `${before} and ${after} transactions`);
  assert.equal(none.cpus[0]!.softnet, undefined, "and a record without steering is as ever");
});

Deno.test("a mask for each queue holds for that queue alone", () => {
  const machine = withCosts(X710, { atr_sample_packets: 0 });
  const nic = { ...machine.nic, queue_pairs: 2, rps_cpus: ["0", "80"] };
  const measured = measure(
    { ...machine, nic },
    groupOf({ test: "UDP_STREAM", connections: 40, message_bytes: 100 }),
  );
  // Queue 0 goes up where its interrupt is, queue 1 on CPU 7.
  assert.deepEqual(onCpus(measured, processed), [0, 7]);
});

Deno.test("packets that a backlog has no room for are counted, by cause and by CPU", () => {
  const flood = groupOf({ test: "UDP_STREAM", connections: 8, message_bytes: 64 });
  const few = { netdev_max_backlog: 20, udp_rx_ns: 5000 };
  const measured = measure(oneQueue("2", few), flood);
  const dropped = measured.cpus.map(({ softnet }) => softnet!.dropped);
  assert.ok(measured.drops["backlog_full"]! > 1000, `${measured.drops["backlog_full"]} dropped`);
  assert.equal(dropped[1], measured.drops["backlog_full"], "one frame a packet");
  assert.equal(dropped.reduce((sum, count) => sum + count, 0), dropped[1]);
  const roomy = measure(oneQueue("2", { netdev_max_backlog: 100_000, udp_rx_ns: 100 }), flood);
  assert.equal(roomy.drops["backlog_full"], undefined);
});

Deno.test("the trace shows backlogs worked off, the interrupts for them, and their drops", () => {
  const machine = oneQueue("2", { netdev_max_backlog: 20, udp_rx_ns: 5000 });
  const groups = [groupOf({ test: "UDP_STREAM", connections: 8, message_bytes: 64 })];
  const model = startRun(modules, { groups, machine, traceLimit: 1e9, measureMs: 2 });
  while (!model.advance(5000));
  const { cpus, drops } = model.measurement();
  const events = chromeEvents(model.trace()!, { runId: "t", workload: { groups }, machine });
  const named = (name: string) => events.filter((event) => event.name === name);
  const { processed, received_rps } = cpus[1]!.softnet!;
  const spans = named("softirq backlog");
  assert.ok(spans.every(({ tid }) => tid === 2), "all on the track of CPU 1");
  // Packets in a row are one step to the eye: their spans follow each other.
  assert.ok(spans.length > 0 && spans.length <= processed + 1, `${spans.length}, ${processed}`);
  assert.ok(Math.abs(named("ipi for backlog").length - received_rps) <= 1);
  const dropped = named("drop: backlog full").map(({ args }) => Number(args!["count"]));
  assert.equal(dropped.reduce((sum, count) => sum + count, 0), drops["backlog_full"]);
});

Deno.test("TCP sends again what a full backlog has dropped, and all of it arrives", () => {
  const group = groupOf({ test: "TCP_STREAM", connections: 8 });
  const slow = oneQueue("2", {
    netdev_max_backlog: 2,
    tcp_rx_ns: 30_000,
    retransmit_ns: 1_000_000,
  });
  const measured = measure(slow, group);
  assert.ok(measured.drops["backlog_full"]! > 100, `${measured.drops["backlog_full"]} dropped`);
  assert.ok(measured.retransmits! > 100, `${measured.retransmits} sent again`);
  assert.ok(measured.groups[0]!.bytes > 1e6, `${measured.groups[0]!.bytes} bytes`);
});

Deno.test("with RFS the packets of a flow go up on the CPU of its thread", () => {
  // Threads 0, 1 and 2 stay on CPUs 0, 1 and 2.
  const group = groupOf({ test: "TCP_RR", connections: 3, pin: true });
  const [rps, rfs] = [oneQueue("f0"), oneQueue("f0", ALL_FLOWS)].map((one) => measure(one, group));
  assert.ok(onCpus(rps!, processed).every((cpu) => cpu >= 4), "by hash");
  assert.deepEqual(onCpus(rfs!, processed), [0, 1, 2]);
  const tables = measure(oneQueue("0", ALL_FLOWS), group);
  assert.deepEqual(onCpus(tables, processed), [0, 1, 2], "with tables alone, too");
});

const MORE = `
export function reorderedCount(): f64 { return <f64>totals().reordered; }
export function moveCount(): f64 { return <f64>totals().migrations; }
`;
Deno.test("a flow that RFS moves keeps its order: the old backlog must be worked off", async () => {
  const module = await compileVariant({
    more: MORE,
    faults: [{
      file: "core/machine/rps.ts",
      from: "if (isWorkedOff(flow)) {",
      to: "if (true) {",
    }],
  });
  const run = (fault: number) => {
    // Backlogs that take long, so that a flow's frames lie there when its thread has moved.
    const costs = { ...ALL_FLOWS, atr_sample_packets: 0, backlog_packet_ns: 12_000 };
    const machine = bareMachine(module, { costs: { ...costs, wakeup_granularity_ns: 10_000 } });
    const calls = machine.calls as unknown as Record<string, (...values: number[]) => number>;
    calls["plantFault"]!(fault);
    for (let queue = 0; queue < 8; queue++) machine.calls.sysfsRpsCpus(queue, 0xff, 0);
    bareGroup(machine, "TCP_STREAM", 48, 1000);
    machine.calls.machineStart(5e6, 40e6);
    while (machine.calls.machineRun(100_000) < 1);
    // Before its first call a flow goes by its hash; no table guards that one move, in Linux too.
    const before = calls["reorderedCount"]!();
    while (machine.calls.machineRun(100_000) < 2);
    assert.equal(machine.calls.checkMachine(), 0);
    return { moves: calls["moveCount"]!(), reordered: calls["reorderedCount"]!() - before };
  };
  const [right, wrong] = [run(-1), run(0)];
  assert.ok(right.moves > 30, `${right.moves} moves of threads`);
  assert.equal(right.reordered, 0);
  assert.ok(wrong.reordered > 30, `without the rule ${wrong.reordered} segments come too early`);
});

Deno.test("two hosts that steer, with threads, losses and resets, keep every rule", async () => {
  // Debug builds check after each event.
  const careful = await loadModules("debug");
  for (const threaded of [false, true]) {
    const nic = { ...X710.nic, rps_cpus: "ff", threaded };
    const machine = withCosts({ ...X710, nic }, {
      ...ALL_FLOWS,
      loss_ppm: 2000,
      gro_flush_timeout_ns: 20_000,
      netdev_max_backlog: 20,
      retransmit_ns: 500_000,
    });
    const { groups, drops } = runToEnd(careful, {
      machine: { ...machine, peer: { ...machine, name: "client" } },
      groups: [
        groupOf({ test: "TCP_RR", connections: 20, request_bytes: 5000 }),
        groupOf({ test: "TCP_STREAM", connections: 4 }),
        groupOf({ test: "UDP_RR", connections: 8 }),
      ],
      operations: [
        { at_ms: 3, ethtool: "-L eth0 combined 3" },
        { at_ms: 6, ethtool: "-L eth0 combined 8" },
      ],
      measureMs: 8,
    }, 5000);
    assert.ok(groups.every(({ bytes }) => bytes > 0));
    assert.ok(drops["device_reset"]! > 0 && drops["lost_on_link"]! > 0, JSON.stringify(drops));
  }
});
