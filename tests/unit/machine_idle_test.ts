/**
 * Idle states: which one a CPU takes, what it costs to leave, and the clock of the CPUs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { PROCESSORS } from "../../harness/machine/processors.ts";
import { readMachine } from "../../harness/spec.ts";
import { compileVariant } from "./machine_parts.ts";
import { bareMachine, groupOf, loadModules, runToEnd, withCosts, X710 } from "./machine_runs.ts";

const modules = await loadModules();
const HASWELL = { ...PROCESSORS.haswell, idle_state_limit: 3 };

/** Mean round trip, microseconds, of one connection whose peer pauses so long. */
function roundTripUs(costs: Record<string, number>, pauseUs: number): number {
  const machine = withCosts(X710, { peer_turnaround_ns: pauseUs * 1000, ...costs });
  const groups = [groupOf({ test: "TCP_RR" })];
  return runToEnd(modules, { groups, machine, warmupMs: 50, measureMs: 100 })
    .groups[0]!.latency_ns!.mean / 1000;
}

Deno.test("the longer a CPU is idle as a rule, the deeper the state it takes", () => {
  // Exit latencies on Haswell: C1 2 us, C1E 10, C3 33, C6 133.
  for (
    const [pauseUs, limit, exitUs] of [
      [100, 1, 2],
      [60, 3, 10],
      [250, 2, 10],
      [200, 3, 33],
      [1000, 3, 133],
    ] as const
  ) {
    const polls = roundTripUs({ ...HASWELL, idle_state_limit: 0 }, pauseUs);
    const exit = roundTripUs({ ...HASWELL, idle_state_limit: limit }, pauseUs) - polls;
    // A step into a deeper state from time to time is the governor's.
    assert.ok(Math.abs(exit - exitUs) < 0.1 * exitUs + 1, `${pauseUs} us, ${limit}: ${exit} us`);
  }
});

const variant = await compileVariant({
  more: `
    import { cpuAt } from "./machine/cpu";
    import { idleBegin, idleEnd } from "./machine/idle";
    import { queueAt as rawQueue } from "./machine/queue";
    export function plan(ns: u32): void { schedule(now() + <u64>ns * 10, 1, 0); }
    export function pass(): void { takeEvent(); }
    export function sleep(): f64 { idleBegin(0); return <f64>cpuAt(0).idleExit / 10000; }
    export function wakeUp(): void { idleEnd(0); }
    export function timer(ns: u32): void {
      rawQueue(0).napiTimer = schedule(now() + <u64>ns * 10, 1, 0);
      rawQueue(0).napiCpu = 0;
    }
    export function noTimer(): void { rawQueue(0).napiTimer = 0; }
  `,
});
type Idle = Record<"pass" | "sleep" | "wakeUp" | "noTimer", () => number> & {
  plan(ns: number): void;
  timer(ns: number): void;
};

/** Goes through idle times, microseconds; the exit latency of the state that comes next. */
function exitAfterUs(idleUs: readonly number[], costs: Record<string, number> = HASWELL): number {
  const calls = bareMachine(variant, { costs }).calls as unknown as Idle;
  for (const us of idleUs) {
    calls.sleep();
    calls.plan(us * 1000);
    calls.pass();
    calls.wakeUp();
  }
  return calls.sleep();
}

const times = (count: number, us: number) => Array.from({ length: count }, () => us);

Deno.test("the state fits the typical interval of the last eight idle times", () => {
  assert.equal(exitAfterUs(times(8, 1)), 0, "below C1's residency it polls");
  assert.equal(exitAfterUs(times(8, 5)), 2);
  assert.equal(exitAfterUs(times(8, 50)), 10);
  assert.equal(exitAfterUs(times(8, 150)), 33);
  assert.equal(exitAfterUs(times(8, 1000)), 133);
  assert.equal(exitAfterUs(times(8, 1000), { ...HASWELL, c6_exit_ns: 0 }), 33, "without C6");
});

Deno.test("up to two long intervals are outliers; three are not", () => {
  assert.equal(exitAfterUs([...times(6, 5), 5000, 7000]), 2);
  assert.equal(exitAfterUs([...times(5, 5), 5000, 6000, 7000]), 133);
  // Short ones among long ones are none: nothing is typical, the mean decides.
  assert.equal(exitAfterUs([...times(40, 5000), 6000, 7000, 8000, 9000, 8500, 5, 5, 5]), 133);
});

Deno.test("a timer that is known bounds the idle time, corrected by what became of such timers", () => {
  const costs = { ...HASWELL, gro_flush_timeout_ns: 1 };
  const calls = bareMachine(variant, { costs }).calls as unknown as Idle;
  const sleepUntil = (us: number) => {
    calls.timer(us * 1000);
    const exit = calls.sleep();
    calls.pass();
    calls.noTimer();
    calls.wakeUp();
    return exit;
  };
  // Irregular idle times, so that only the timer tells.
  for (let i = 0; i < 40; i++) sleepUntil(i % 2 === 0 ? 200 : 900);
  assert.equal(sleepUntil(150), 33, "150 us ahead: C3");
  assert.equal(sleepUntil(900), 133, "900 us ahead: C6");
});

Deno.test("a machine names its processor; what its file sets itself stays", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const write = (name: string, host: object, costs: object) =>
      Deno.writeTextFile(
        `${folder}/${name}.jsonc`,
        JSON.stringify({
          title: "t",
          nic: { model: "X710", speed_gbps: 10, queue_pairs: 1 },
          host: { nodes: [{ id: 0, cpus: [0] }], distance: [[10]], ...host },
          costs,
        }),
      );
    await write("ice", { processor: "ice_lake_sp" }, { c6_exit_ns: 99_000 });
    await write("plain", {}, {});
    const [ice, plain] = await Promise.all(
      ["ice", "plain"].map((name) => readMachine(`./${name}.jsonc`, folder)),
    );
    assert.equal(ice!.costs["c1e_exit_ns"], 4000);
    assert.equal(ice!.costs["c3_exit_ns"], 0);
    assert.equal(ice!.costs["c6_exit_ns"], 99_000);
    assert.equal(ice!.costs["c6_residency_ns"], 600_000);
    assert.equal(plain!.costs["c1e_exit_ns"], 10_000);
    await write("wrong", { processor: "pentium" }, {});
    await assert.rejects(readMachine("./wrong.jsonc", folder), /host\.processor is "pentium"/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("at half the clock all work takes twice as long, wire and device do not", () => {
  const groups = [groupOf({ test: "TCP_RR", connections: 64 })];
  const rate = (costs: Record<string, number>) =>
    runToEnd(modules, { groups, machine: withCosts(X710, costs) }).groups[0]!.throughput.value;
  const [half, full] = [1650, 3300].map((mhz) => rate({ cpu_clock_mhz: mhz }));
  assert.ok(Math.abs(full! / half! - 2) < 0.1, `CPUs are the limit: ${half} and ${full}`);
  // Only the ratio to the clock at which the costs hold counts.
  assert.equal(rate({ cpu_clock_mhz: 2000, reference_clock_mhz: 2000 }), full);
  const lone = [1650, 3300].map((mhz) => roundTripUs({ cpu_clock_mhz: mhz }, 5));
  assert.ok(lone[0]! > lone[1]! && lone[0]! < 1.6 * lone[1]!, `${lone} us`);
});
