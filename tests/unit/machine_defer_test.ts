/**
 * Deferred interrupts: a NAPI that had work is polled again by a timer before its interrupt is
 * armed.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Measurement } from "../../harness/record.ts";
import { readCounters } from "../../harness/machine/wasm.ts";
import {
  bareGroup,
  bareMachine,
  groupOf,
  loadModules,
  runToEnd,
  withCosts,
  X710,
} from "./machine_runs.ts";

const modules = await loadModules();
/** A device that shows each frame at once: one that withholds some shows them with interrupts. */
const DEVICE = withCosts(X710, { rx_write_back_descriptors: 1 });
const PER_SECOND = (rate: number, distribution: "poisson" | "constant") =>
  ({ loop: "open", rate_per_second: rate, distribution }) as const;

/** Transactions at random times, far below what the host can do. */
function measure(deferUs: number, rate = 40_000, more: Record<string, number> = {}): Measurement {
  const group = groupOf({
    test: "TCP_RR",
    connections: 200,
    arrival: PER_SECOND(rate, "poisson"),
    service_ns: 5000,
  });
  const defer = { napi_defer_hard_irqs: 100, gro_flush_timeout_ns: deferUs * 1000 };
  const costs = deferUs === 0 ? {} : defer;
  const machine = withCosts(DEVICE, { ...costs, ...more });
  return runToEnd(modules, { groups: [group], machine, measureMs: 100, warmupMs: 5 });
}

const p50Us = ({ groups }: Measurement) => groups[0]!.latency_ns!.p50 / 1000;

Deno.test("at low load a deferral of T adds T/2 to T to the median, and saves CPU with T", () => {
  const base = measure(0);
  let before = measure(20);
  for (const deferUs of [50, 100, 200, 400]) {
    const deferred = measure(deferUs);
    const added = p50Us(deferred) - p50Us(base);
    assert.ok(added > 0.4 * deferUs && added < 1.1 * deferUs, `${deferUs}: ${added} us more`);
    const [utilisation, least] = [deferred.cpu_utilisation!, before.cpu_utilisation!];
    assert.ok(utilisation < least, `${deferUs} us: ${utilisation}, shorter ${least}`);
    // The timer is always sooner than silence: no interrupt at all.
    assert.equal(deferred.interrupts!.count, 0);
    assert.ok(deferred.queues.every(({ polls }) => polls > 0));
    before = deferred;
  }
});

Deno.test("the interrupt is armed after so many polls without a frame", () => {
  const group = groupOf({ test: "UDP_RR", arrival: PER_SECOND(200, "constant") });
  for (const count of [1, 3, 10]) {
    const machine = withCosts(DEVICE, {
      napi_defer_hard_irqs: count,
      gro_flush_timeout_ns: 20_000,
    });
    const measured = runToEnd(modules, { groups: [group], machine, measureMs: 200 });
    const polls = measured.queues.reduce((sum, queue) => sum + queue.polls, 0);
    const { transactions } = measured.groups[0]!;
    // The interrupt's poll has the frame, then so many have none; that every fourth response is
    // reported may take a poll of its own.
    const each = polls / transactions;
    assert.ok(each >= count + 1 && each <= count + 1.5, `${each} polls of ${count}`);
    const interrupts = measured.interrupts!.count / transactions;
    assert.ok(interrupts >= 1 && interrupts <= 1.5, `${interrupts} interrupts a transaction`);
  }
});

Deno.test("count and time need each other", () => {
  const base = measure(0);
  for (const alone of [{ napi_defer_hard_irqs: 100 }, { gro_flush_timeout_ns: 50_000 }]) {
    assert.equal(measure(0, 40_000, alone).fingerprint, base.fingerprint);
  }
});

Deno.test("under load the deferral is never waited for: throughput does not suffer", () => {
  const group = groupOf({ test: "TCP_RR", connections: 400, service_ns: 5000 });
  const rate = (costs: Record<string, number>) =>
    runToEnd(modules, { groups: [group], machine: withCosts(DEVICE, costs), measureMs: 30 })
      .groups[0]!.throughput.value;
  const base = rate({});
  const deferred = rate({ napi_defer_hard_irqs: 100, gro_flush_timeout_ns: 200_000 });
  assert.ok(deferred > 0.97 * base, `${deferred} of ${base} a second`);
});

Deno.test("a vector moves with its interrupt: as long as timers poll it, it stays", () => {
  /** Interrupt time of CPUs 0 and 1 after the one vector was given to CPU 1, milliseconds. */
  const irqMs = (costs: Record<string, number>) => {
    const machine = bareMachine(modules.machineModule, {
      costs: { rx_write_back_descriptors: 1, ...costs },
    });
    const { calls, constants: { CPU_TABLE, CPU_BYTES } } = machine;
    const read = () =>
      [0, 1].map((cpu) => readCounters(machine, CPU_TABLE + cpu * CPU_BYTES, 3)[2]! / 1e7);
    calls.nicSet(10, 1, 512, 0);
    bareGroup(machine, "UDP_RR", 2);
    calls.machineStart(5e6, 20e6);
    while (calls.machineRun(1000) < 1);
    calls.irqAffinitySet(calls.nicIrq(0), 0b10, 0);
    const before = read();
    while (calls.machineRun(1000) < 2);
    return read().map((ms, cpu) => ms - before[cpu]!);
  };
  const [home, target] = irqMs({});
  assert.ok(target! > 0.5 && home! < 0.01, `${home} and ${target} ms`);
  const [stays, nothing] = irqMs({ napi_defer_hard_irqs: 100, gro_flush_timeout_ns: 20_000 });
  assert.ok(stays! > 0.3, `${stays} ms`);
  assert.equal(nothing, 0);
});
