/**
 * What must hold between runs of the model, whatever a single one gives: other units of time, other
 * numbers of nodes and CPUs change nothing; a faster link and less load make nothing worse.
 *
 * @module
 */

import assert from "node:assert/strict";
import { COST_NUMBERS } from "../../harness/machine/costs.ts";
import { Host } from "../../harness/machine/host.ts";
import { takeReading, totalOf } from "../../harness/machine/reading.ts";
import type { TestName } from "../../harness/record.ts";
import type { MachineSpec, WorkloadGroup } from "../../harness/spec.ts";
import {
  groupOf,
  loadModules,
  type Modules,
  runToEnd,
  withCosts,
  X710,
  XL710,
} from "../unit/machine_runs.ts";
import { compilePlanted, type PlantedFault } from "../verify/planted.ts";

const modules = await loadModules();

/** The model with one place of its source replaced. */
async function variant(file: string, text: string, instead: string): Promise<Modules> {
  const change: PlantedFault = { name: file, file, text, instead };
  return { ...modules, machineModule: await compilePlanted(change, "machine") };
}

/** Intervals that stand: the driver's own rule has microseconds of its own. */
function fixed(machine: MachineSpec, rx: number, tx: number, scale = 1): MachineSpec {
  const coalesce = {
    adaptive_rx: false,
    adaptive_tx: false,
    rx_usecs: rx * scale,
    tx_usecs: tx * scale,
    rx_usecs_high: 0,
  };
  return { ...machine, nic: { ...machine.nic, coalesce } };
}

/** A machine whose every time is so many times as long, and whose every rate a part. */
function slowed(machine: MachineSpec, scale: number): MachineSpec {
  const costs = Object.fromEntries(
    Object.entries(machine.costs).map(([name, value]) => {
      if (COST_NUMBERS[name]! < 64 || name.endsWith("_ps_per_byte")) return [name, value * scale];
      const isRate = name.endsWith("_hz") || name === "pcie_mbps";
      return [name, isRate ? value / scale : value];
    }),
  );
  const { nic, ...rest } = fixed(machine, 20, 40, scale);
  // No such link exists: the model takes any.
  const speed_gbps = (nic.speed_gbps / scale) as MachineSpec["nic"]["speed_gbps"];
  return { ...rest, costs, nic: { ...nic, speed_gbps } };
}

Deno.test("twice the time constants, twice all times, to the tick", async (t) => {
  // Whole numbers after every division: a bus of 8 Gb/s and 4, ticks of 250 Hz and 125, factors
  // of 2, one clock.
  const machine = withCosts(XL710, {
    pcie_mbps: 8000,
    timer_hz: 250,
    numa_remote_percent: 200,
    smt_busy_percent: 200,
    cpu_clock_mhz: XL710.costs["reference_clock_mhz"]!,
  });
  const start = "START_SPREAD_NS) * TICKS_PER_NS";
  const slow = await variant("workload.ts", start, `START_SPREAD_NS) * 2 * TICKS_PER_NS`);
  const tests: readonly TestName[] = ["TCP_RR", "UDP_RR", "TCP_CRR", "TCP_STREAM", "TCP_MAERTS"];
  for (const test of tests) {
    await t.step(test, () => {
      const groups = (scale: number): WorkloadGroup[] => [
        groupOf({ test, connections: 12, request_bytes: 900, service_ns: 3000 * scale }),
      ];
      const run = (scale: number, of: Modules) =>
        runToEnd(of, {
          groups: groups(scale),
          machine: slowed(machine, scale),
          warmupMs: scale,
          measureMs: 4 * scale,
        });
      const [one, two] = [run(1, modules), run(2, slow)];
      assert.ok(one.events! > 1000);
      assert.equal(two.events, one.events);
      const [a, b] = [one.groups[0]!, two.groups[0]!];
      assert.deepEqual([b.transactions, b.bytes], [a.transactions, a.bytes]);
      if (a.latency_ns !== null) {
        // The record has the least and the greatest in whole nanoseconds, means to a picosecond.
        assert.ok([0, 1].includes(b.latency_ns!.min - 2 * a.latency_ns.min));
        assert.ok([0, 1].includes(b.latency_ns!.max - 2 * a.latency_ns.max));
        assert.ok(Math.abs(b.latency_ns!.mean - 2 * a.latency_ns.mean) < 0.0025);
      }
      const times = ({ cpus }: typeof one) =>
        cpus.map(({ user_ns, system_ns, irq_ns, softirq_ns, idle_ns }) => [
          user_ns,
          system_ns,
          irq_ns,
          softirq_ns,
          idle_ns,
        ]);
      assert.deepEqual(times(two), times(one).map((row) => row.map((ns) => 2 * ns)));
    });
  }
});

Deno.test("nodes by other numbers: the same events", () => {
  const host = (ids: readonly [number, number]): MachineSpec["host"] => ({
    nodes: [{ id: ids[0], cpus: [0, 1, 2, 3] }, { id: ids[1], cpus: [4, 5, 6, 7] }],
    distance: [[10, 21], [21, 10]],
    siblings: [],
  });
  const fingerprint = (ids: readonly [number, number]): string | null =>
    runToEnd(modules, {
      groups: [groupOf({ test: "TCP_RR", connections: 16 }), groupOf({ test: "TCP_STREAM" })],
      machine: { ...X710, host: host(ids), nic: { ...X710.nic, node: ids[1] } },
    }).fingerprint;
  assert.equal(fingerprint([0, 1]), fingerprint([1, 0]));
});

/** What a run on one node of 8 CPUs gives where CPU c is called c + turn. */
function turned(of: Modules, turn: number, test: TestName) {
  const machine: MachineSpec = {
    ...fixed(X710, 20, 40),
    host: { nodes: [{ id: 0, cpus: [0, 1, 2, 3, 4, 5, 6, 7] }], distance: [[10]], siblings: [] },
  };
  const groups = [groupOf({ test, connections: 12, request_bytes: 2000 })];
  const host = new Host({
    ...of,
    machine,
    workload: {
      name: "turned",
      title: "turned",
      description: "",
      machine: "x710-8cpu",
      duration: { model: { warmup_ms: 1, measure_ms: 1 }, live: { warmup_ms: 1, measure_ms: 10 } },
      targets: ["model"],
      in_default_matrix: false,
      groups,
    },
    policy: "NONE",
    mechanism: "stock",
    seed: 3,
    warmupMs: 1,
    measureMs: 4,
  }, "whole");
  const { calls } = host.machine;
  for (let queue = 0; queue < 8; queue++) {
    const mask = 1 << ((queue + turn) % 8);
    assert.equal(calls.irqAffinitySet(calls.nicIrq(queue), mask, 0), 0);
    assert.equal(calls.sysfsXpsCpus(queue, mask, 0), 0);
  }
  host.start();
  while (calls.machineRun(50_000) < 2);
  assert.equal(calls.checkMachine(), 0);
  const reading = takeReading(host.machine, machine, 1);
  return {
    groups: reading.groups,
    queues: reading.queues,
    wakeups: totalOf(reading, "wakeups"),
    cpus: reading.cpus.map((_, cpu) => reading.cpus[(cpu + turn) % 8]),
  };
}

Deno.test("CPUs by other numbers: each does the same by its new name", async (t) => {
  const start = "(group.threads == 0 ? index : i) % cpus()";
  const moved = await variant("workload.ts", start, `(index + 3) % cpus()`);
  for (const test of ["TCP_RR", "UDP_RR", "TCP_STREAM", "TCP_MAERTS", "TCP_CRR"] as const) {
    await t.step(test, () => {
      const [own, other] = [turned(modules, 0, test), turned(moved, 3, test)];
      assert.ok(own.wakeups > 10);
      assert.deepEqual(other, own);
    });
  }
});

Deno.test("a faster link never carries less", async (t) => {
  for (const test of ["TCP_STREAM", "TCP_MAERTS", "TCP_SENDFILE", "TCP_RR"] as const) {
    await t.step(test, () => {
      const carried = ([1, 10, 25, 40] as const).map((speed_gbps) => {
        const machine = fixed(XL710, 20, 40);
        const { groups, drops } = runToEnd(modules, {
          groups: [groupOf({ test, connections: 8, request_bytes: 4000 })],
          machine: { ...machine, nic: { ...machine.nic, speed_gbps, ring: 4096 } },
        });
        assert.deepEqual(drops, {});
        return Math.max(groups[0]!.bytes, groups[0]!.transactions);
      });
      assert.ok(carried[3]! > 1.2 * carried[0]!, `${carried}`);
      // What lies at the ends of the interval: within 1 %.
      carried.slice(1).forEach((more, place) =>
        assert.ok(more > 0.99 * carried[place]!, `${carried}`)
      );
    });
  }
});

Deno.test("more load never lowers the median delay, where intervals are fixed and CPUs stay awake", () => {
  // Adaptive moderation and idle states break this, as they do on real machines: at low load a
  // request waits for a longer interval, or for a CPU that sleeps.
  const machine = withCosts(fixed(X710, 0, 0), { idle_state_limit: 0 });
  const medians = [10_000, 100_000, 200_000, 400_000, 600_000].map((rate_per_second) =>
    runToEnd(modules, {
      groups: [groupOf({
        test: "TCP_RR",
        connections: 64,
        outstanding: 16,
        service_ns: 4000,
        arrival: { loop: "open", rate_per_second, distribution: "poisson" },
      })],
      machine,
      measureMs: 20,
    }).groups[0]!.latency_ns!.p50
  );
  medians.slice(1).forEach((p50, place) => assert.ok(p50 >= medians[place]!, `${medians}`));
  assert.ok(medians.at(-1)! > 1.3 * medians[0]!, `${medians}`);
});
