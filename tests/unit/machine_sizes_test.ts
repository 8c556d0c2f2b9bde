/**
 * Requests whose sizes and times are drawn: the distributions themselves, and workloads made of
 * them.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Measurement } from "../../harness/record.ts";
import { type Arrival, builtinWorkloads, readWorkload } from "../../harness/spec.ts";
import { compileVariant } from "./machine_parts.ts";
import {
  bareMachine,
  groupOf,
  loadModules,
  runToEnd,
  type SmallRun,
  startRun,
  withCosts,
  X710,
} from "./machine_runs.ts";

const modules = await loadModules();
const run = (options: SmallRun): Measurement => runToEnd(modules, options);
const draws = await compileVariant({
  more: `
    import { facebookKey, facebookValue, paretoAt } from "./machine/sizes";
    export function key(): u32 { return facebookKey(); }
    export function value(): u32 { return facebookValue(); }
    export function pareto(u: f64, at: f64, scale: f64, shape: f64): f64 {
      return paretoAt(u, at, scale, shape);
    }`,
});

type Draws = Record<"key" | "value" | "pareto", (...values: number[]) => number>;
const drawn = bareMachine(draws).calls as unknown as Draws;

/** Share of so many draws that a condition holds for. */
function shares(draw: () => number, conditions: readonly ((bytes: number) => boolean)[]): number[] {
  const count = 200_000;
  const found = conditions.map(() => 0);
  for (let i = 0; i < count; i++) {
    const bytes = draw();
    conditions.forEach((holds, place) => found[place]! += holds(bytes) ? 1 / count : 0);
  }
  return found;
}

const near = (found: readonly number[], expected: readonly number[], most: number) =>
  expected.forEach((share, place) =>
    assert.ok(Math.abs(found[place]! - share) < most, `${found} instead of ${expected}`)
  );

Deno.test("keys have the sizes of mutilate's fb_key: GEV(30.7984, 8.20449, 0.078688)", () => {
  // P(X <= x) = exp(-(1 + k (x - m) / s)^(-1/k)); a size is rounded, so up to x.5 counts as x.
  const below = (x: number) =>
    Math.exp(-((1 + 0.078688 * (x + 0.5 - 30.7984) / 8.20449) ** (-1 / 0.078688)));
  const sizes = [16, 20, 25, 30, 40, 60];
  near(
    shares(drawn.key, sizes.map((size) => (bytes) => bytes <= size)),
    sizes.map(below),
    0.004,
  );
  const least = shares(drawn.key, [(bytes) => bytes < 5, (bytes) => bytes > 250]);
  assert.deepEqual(least, [0, 0]);
});

Deno.test("values have the sizes of mutilate's fb_value: a table, then a generalised Pareto", () => {
  // 17.82 % of 2 bytes, 9.239 % of 3, 8.989 % of 11, 44.155 % below 15; above, location 15.
  const above = (x: number) =>
    (1 - 0.44155) * (1 + 0.348238 * (x - 15) / 214.476) ** (-1 / 0.348238);
  near(
    shares(drawn.value, [
      (bytes) => bytes === 2,
      (bytes) => bytes === 3,
      (bytes) => bytes === 11,
      (bytes) => bytes < 15,
      (bytes) => bytes >= 100,
      (bytes) => bytes >= 500,
      (bytes) => bytes >= 2000,
    ]),
    [0.1782, 0.09239, 0.08989, 0.44155, above(100), above(500), above(2000)],
    0.004,
  );
});

Deno.test("the generalised Pareto distribution is the formula's, to the last digits", () => {
  for (const u of [1e-9, 0.001, 0.25, 0.5, 0.999]) {
    const expected = 15 + 214.476 * (u ** -0.348238 - 1) / 0.348238;
    assert.ok(Math.abs(drawn.pareto(u, 15, 214.476, 0.348238) / expected - 1) < 1e-12);
  }
});

const facebook = { distribution: "facebook", update_percent: 0 } as const;

Deno.test("a get is short and its response carries the value; a set is the other way round", () => {
  const bytesOf = (percent: number) => {
    const sizes = { distribution: "facebook", update_percent: percent } as const;
    const measured = run({
      groups: [groupOf({ test: "TCP_RR", connections: 64, threads: 8, sizes })],
      measureMs: 60,
    });
    const { transactions } = measured.groups[0]!;
    const sum = (key: "rx_bytes" | "tx_bytes", frames: "rx_packets" | "tx_packets") =>
      measured.queues.reduce((all, queue) => all + queue[key] - 66 * queue[frames], 0);
    return [sum("rx_bytes", "rx_packets"), sum("tx_bytes", "tx_packets")]
      .map((bytes) => bytes / transactions);
  };
  const [gets, sets] = [bytesOf(0), bytesOf(100)];
  // Mean key 36, mean value 0.44 of some 5 and 0.56 of 344 bytes.
  near([gets[0]!, sets[1]!], [42, 8], 1);
  near([gets[1]!, sets[0]!], [251, 246], 14);
});

Deno.test("a connection of CRR draws its sizes anew each time", () => {
  const group = groupOf({ test: "TCP_CRR", connections: 8, sizes: facebook });
  const { transactions, bytes } = run({ groups: [group], measureMs: 40 }).groups[0]!;
  assert.ok(transactions > 1000, `${transactions} transactions`);
  assert.ok(Math.abs(bytes / transactions - 293) < 30, `${bytes / transactions} bytes each`);
});

/** Transactions of an open loop that is far from its limits. */
function arrivals(arrival: Partial<Arrival>, measureMs: number, connections = 16) {
  const full = {
    loop: "open" as const,
    rate_per_second: 100_000,
    distribution: "poisson" as const,
    ...arrival,
  } as Arrival;
  const machine = withCosts(X710, { peer_turnaround_ns: 0 });
  const groups = [groupOf({ test: "TCP_RR", connections, outstanding: 16, arrival: full })];
  return run({ groups, machine, measureMs }).groups[0]!;
}

Deno.test("gaps of mutilate's fb_ia keep the rate, and so do schedules per connection", () => {
  for (const distribution of ["poisson", "facebook", "constant"] as const) {
    for (const schedule of ["group", "connection"] as const) {
      const { transactions } = arrivals({ distribution, schedule }, 100);
      assert.ok(Math.abs(transactions / 10_000 - 1) < 0.04, `${distribution}: ${transactions}`);
    }
  }
});

Deno.test("a connection that is behind its schedule sends later, and its latency tells", () => {
  const arrival = {
    loop: "open",
    rate_per_second: 40_000,
    distribution: "facebook",
    schedule: "connection",
  } as const;
  const group = groupOf({
    test: "TCP_RR",
    connections: 10,
    threads: 1,
    service_ns: 50_000,
    arrival,
  });
  const model = startRun(modules, { groups: [group], warmupMs: 0, measureMs: 100 });
  while (!model.advance(50_000));
  const measured = model.measurement();
  // One thread does less than 20,000 a second: half of the load is late, ever later, not lost.
  const { latency_ns: latency, transactions } = measured.groups[0]!;
  assert.ok(transactions > 1700 && transactions < 2000, `${transactions}`);
  assert.ok(latency!.max > 45e6 && latency!.max < 60e6, `${latency!.max}`);
  assert.deepEqual(measured.remarks, []);
});

Deno.test("bursts bring the load in the one time and nothing in the other", () => {
  const bursts = (schedule: "group" | "connection") =>
    arrivals({ on_ms: 1, off_ms: 3, distribution: "constant", schedule }, 100);
  for (const schedule of ["group", "connection"] as const) {
    const { transactions } = bursts(schedule);
    assert.ok(Math.abs(transactions / 2500 - 1) < 0.05, `${schedule}: ${transactions} of 2500`);
  }
  // In a window that lies in the pause there is none.
  const arrival = {
    loop: "open" as const,
    rate_per_second: 100_000,
    distribution: "poisson" as const,
    on_ms: 2,
    off_ms: 8,
  };
  const counts = [[0, 2], [3, 6], [10, 2]].map(([warmupMs, measureMs]) =>
    run({
      groups: [groupOf({ test: "TCP_RR", connections: 64, arrival })],
      warmupMs: warmupMs!,
      measureMs: measureMs!,
    }).groups[0]!.transactions
  );
  near(counts, [200, 0, 200], 45);
  assert.equal(counts[1], 0);
});

Deno.test("a built-in workload is memcached as mutilate loads it: open loop, 3 % updates", async () => {
  assert.ok((await builtinWorkloads()).includes("memcached"));
  const { workload, machine } = await readWorkload("memcached", { cwd: "/" });
  const [group] = workload.groups;
  assert.deepEqual(group!.sizes, { distribution: "facebook", update_percent: 3 });
  assert.equal(group!.arrival.loop, "open");
  const measured = run({ groups: workload.groups, machine, measureMs: 30 });
  const { transactions, latency_ns: latency } = measured.groups[0]!;
  const rate = group!.arrival.loop === "open" ? group!.arrival.rate_per_second : 0;
  assert.ok(Math.abs(transactions / 30e-3 / rate - 1) < 0.05, `${transactions} in 30 ms`);
  assert.ok(latency!.p50 < 200_000, `${latency!.p50}`);
});
