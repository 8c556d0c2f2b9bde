/**
 * The course of a run: it changes nothing, its slices add up to what the run measured, and what is
 * done to the device is seen at its time.
 *
 * @module
 */

import assert from "node:assert/strict";
import { planRuns } from "../../harness/plan.ts";
import type { Measurement, RunSeries } from "../../harness/record.ts";
import { readWorkload } from "../../harness/spec.ts";
import { groupOf, loadModules, runToEnd, type SmallRun, X710 } from "./machine_runs.ts";
import { inFolder, lab } from "./lab_io.ts";

const modules = await loadModules();

const RR = groupOf({ test: "TCP_RR", name: "rr", connections: 8, hint: "LATENCY" });
const STREAM = groupOf({ test: "TCP_STREAM", name: "stream", connections: 4, hint: "BULK" });
const MIX: SmallRun = { groups: [RR, STREAM], policy: "MIX", warmupMs: 1, measureMs: 8 };

const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);

function seriesOf({ series }: Measurement): RunSeries {
  assert.ok(series !== undefined);
  return series;
}

Deno.test("A run has the same events and results with a series and without, on one host and two", () => {
  const peer = { ...X710, name: "client" };
  const switched: SmallRun = {
    ...MIX,
    operations: [{ at_ms: 2, policy: "NONE" }, { at_ms: 3, ethtool: "-C eth0 rx-usecs 20" }],
  };
  for (const run of [MIX, switched, { ...MIX, machine: { ...X710, peer } }]) {
    const without = runToEnd(modules, run);
    // Slices of another size than the harness's must not matter either.
    const { series, ...rest } = runToEnd(modules, { ...run, slices: 20 }, 3_333);
    assert.deepEqual(rest, without);
    assert.match(without.fingerprint!, /^[0-9a-f]{16}$/);
    assert.equal(series!.dropped.length, 20);
  }
});

Deno.test("Slices add up to what the run measured, queue by queue, CPU by CPU", () => {
  const measurement = runToEnd(modules, { ...MIX, slices: 16 });
  const series = seriesOf(measurement);
  assert.equal(series.slice_ns, 8e6 / 16);
  measurement.queues.forEach((whole, index) => {
    const course = series.queues[index]!;
    assert.equal(sum(course.rx_packets), whole.rx_packets);
    assert.equal(sum(course.tx_packets), whole.tx_packets);
    assert.equal(sum(course.interrupts), whole.interrupts);
    assert.equal(course.itr_rx_usecs.at(-1), whole.itr_rx_usecs);
  });
  assert.equal(sum(series.groups[0]!.amount), measurement.groups[0]!.transactions);
  assert.equal(sum(series.groups[1]!.amount), measurement.groups[1]!.bytes);
  measurement.cpus.forEach((cpu, index) => {
    const busy = 1 - cpu.idle_ns / measurement.duration_ns;
    const mean = sum(series.cpus[index]!.busy_permille) / 16 / 1000;
    assert.ok(Math.abs(mean - busy) < 0.002, `CPU ${index}: ${mean} is not ${busy}`);
  });
});

Deno.test("A steady run has steady slices, and percentiles only where a slice has enough for them", () => {
  const measurement = runToEnd(modules, { ...MIX, measureMs: 20, slices: 10 });
  const { groups } = seriesOf(measurement);
  const [rr, stream] = groups as [typeof groups[number], typeof groups[number]];
  const mean = sum(rr.amount) / 10;
  for (const amount of rr.amount) assert.ok(Math.abs(amount / mean - 1) < 0.2, `${rr.amount}`);
  assert.ok(mean > 100 && mean < 1000, `${mean} transactions a slice: enough for p90, not for p99`);
  const whole = measurement.groups[0]!.latency_ns!;
  assert.ok(rr.p50_ns!.every((p50) => Math.abs(p50! / whole.p50 - 1) < 0.1), `${rr.p50_ns}`);
  assert.ok(rr.p90_ns!.every((p90) => p90! >= whole.p50), `${rr.p90_ns}`);
  assert.equal(rr.p99_ns, null);
  assert.equal(stream.p50_ns, null, "a stream has no transactions");
});

Deno.test("A policy that is taken away and given back shows in latency and throttling at its time", () => {
  const operations = [{ at_ms: 20, policy: "NONE" }, { at_ms: 40, policy: "own" }] as const;
  const run: SmallRun = { ...MIX, warmupMs: 5, measureMs: 60, slices: 12, operations };
  const measurement = runToEnd(modules, run);
  const { groups, queues } = seriesOf(measurement);
  assert.deepEqual(measurement.operations, [
    { at_ns: 20e6, kind: "policy", what: "device policy NONE" },
    { at_ns: 40e6, kind: "policy", what: "the run's own device policy" },
  ]);
  assert.deepEqual(measurement.remarks, [
    "20.0 ms: device policy NONE",
    "40.0 ms: the run's own device policy",
  ]);
  const p90 = groups[0]!.p90_ns!.map((value) => value!);
  const [own, none, again] = [p90.slice(0, 4), p90.slice(5, 8), p90.slice(9)];
  assert.ok(Math.max(...own, ...again) < Math.min(...none), `${p90}`);
  // LATENCY and BULK queues have their fixed intervals but for the time of NONE.
  const fixed = queues.map((queue) => queue.itr_rx_usecs[2]);
  assert.deepEqual([...new Set(fixed)].toSorted((a, b) => a! - b!), [6, 50]);
  assert.deepEqual(queues.map((queue) => queue.itr_rx_usecs.at(-1)), fixed);
});

Deno.test("The stock driver has no policy to change: NONE leaves no mark, another is refused", () => {
  const stock: SmallRun = { groups: [RR], warmupMs: 1, measureMs: 4, slices: 4 };
  const own = runToEnd(modules, { ...stock, operations: [{ at_ms: 1, policy: "own" }] });
  assert.deepEqual([own.remarks, own.operations], [[], undefined]);
  const mix = runToEnd(modules, { ...stock, operations: [{ at_ms: 1, policy: "MIX" }] });
  assert.deepEqual(mix.remarks, [
    "1.0 ms: device policy MIX was refused: the stock driver has no policy manager",
  ]);
});

Deno.test("Frames lost to ethtool -L are counted in the slices of the reset", () => {
  const operations = [{ at_ms: 10, ethtool: "-L eth0 combined 4" }];
  const machine = { ...X710, costs: { ...X710.costs, channel_reset_ns: 5_000_000 } };
  const run: SmallRun = { groups: [RR, STREAM], machine, measureMs: 30, slices: 6, operations };
  const measurement = runToEnd(modules, run);
  const { dropped } = seriesOf(measurement);
  assert.ok(dropped[2]! > 0, `${dropped}`);
  assert.deepEqual([dropped[0], dropped[1], dropped[5]], [0, 0, 0]);
  assert.deepEqual(measurement.operations?.map(({ kind }) => kind), ["ethtool", "channels"]);
});

Deno.test("The first seed of the model keeps a series, all or none where that is asked for", async () => {
  const workloads = [await readWorkload("rr", { cwd: "/" })];
  const seedsOf = (series: "first" | "all" | "none" | undefined, target: "model" | "mock") =>
    planRuns({ workloads, policies: ["NONE"], targets: [target], seedFirst: 4, series })
      .filter((run) => run.slices !== undefined).map((run) => run.seed);
  assert.deepEqual(seedsOf(undefined, "model"), [4]);
  assert.deepEqual(seedsOf("all", "model"), [4, 5, 6]);
  assert.deepEqual(seedsOf("none", "model"), []);
  assert.deepEqual(seedsOf("all", "mock"), []);
  const { code, err } = await lab(["bench", "--series", "some"]);
  assert.equal(code, 2);
  assert.match(err, /Unknown choice of --series "some": accepted are first, all, none/);
});

Deno.test("An operation must be of one kind, and of one that there is", async () => {
  await inFolder(async (folder) => {
    const group = { name: "a", test: "TCP_RR", connections: 1 };
    const messageOf = async (operation: object): Promise<string> => {
      const file = `${folder}/own.jsonc`;
      const text = JSON.stringify({ title: "a", groups: [group], operations: [operation] });
      await Deno.writeTextFile(file, text);
      return (await lab(["bench", "--workload", file, "--dry-run"])).err;
    };
    assert.match(
      await messageOf({ at_ms: 1 }),
      /operations\[0\] is of no kind: accepted is one of ethtool, policy, cpu_offline, cpu_online/,
    );
    assert.match(
      await messageOf({ at_ms: 1, ethtool: "-L eth0 combined 2", policy: "MIX" }),
      /operations\[0\] has ethtool and policy: accepted is one of/,
    );
    assert.match(await messageOf({ at_ms: 1, policy: "SPEED" }), /"SPEED".*accepted are.*own/);
  });
});
