/**
 * Suspended interrupts: while the thread of a vector handles what epoll_wait has returned, nobody
 * interrupts it.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Measurement } from "../../harness/record.ts";
import { compileVariant } from "./machine_parts.ts";
import { bareMachine, groupOf, loadModules, runToEnd, withCosts, X710 } from "./machine_runs.ts";

const modules = await loadModules();
/** A device that shows each frame at once, and threads that stay: as memcached on mlx5 was run. */
const DEVICE = withCosts(X710, { rx_write_back_descriptors: 1, wake_affine_switch: 0 });

const defer = (us: number) => ({ napi_defer_hard_irqs: 100, gro_flush_timeout_ns: us * 1000 });
const PREFER = { prefer_busy_poll: 1, busy_poll_budget_packets: 64 };
const suspend = (us: number) => ({ ...defer(us), ...PREFER, irq_suspend_timeout_ns: 20_000_000 });
const BUSY = { ...defer(200), ...PREFER, busy_poll_ns: 1_000_000 };

/** A thread for each CPU and its queue; an open loop of so many requests a second, or closed. */
function measure(costs: Record<string, number>, rate?: number, service = 1000): Measurement {
  const group = groupOf({
    test: "TCP_RR",
    connections: 320,
    threads: 8,
    pin: true,
    assignment: "by_queue",
    service_ns: service,
  });
  const arrival = { loop: "open", rate_per_second: rate ?? 0, distribution: "poisson" } as const;
  return runToEnd(modules, {
    groups: [rate === undefined ? group : { ...group, arrival }],
    machine: withCosts(DEVICE, costs),
    warmupMs: 5,
    measureMs: 25,
  });
}

const perSecond = ({ groups }: Measurement) => groups[0]!.throughput.value;
const p50Us = ({ groups }: Measurement) => groups[0]!.latency_ns!.p50 / 1000;
const softirqNs = ({ cpus }: Measurement) => cpus.reduce((sum, cpu) => sum + cpu.softirq_ns, 0);

Deno.test("suspension has the peak of busy polling, above that of interrupts", () => {
  const [base, suspended, busy] = [{}, suspend(20), BUSY].map((costs) => measure(costs));
  // Published: 1038 K, 1216 K and 1248 K a second (memcached, Linux 6.12, irqsuspend).
  const gain = perSecond(suspended!) / perSecond(base!);
  assert.ok(gain > 1.08 && gain < 1.25, `${gain} of the base`);
  const part = perSecond(suspended!) / perSecond(busy!);
  assert.ok(part > 0.95 && part < 1.05, `${part} of busy polling`);
  // The threads do all the receiving.
  assert.ok(softirqNs(suspended!) < 0.05 * softirqNs(base!));
  assert.equal(suspended!.interrupts!.count, 0);
});

Deno.test("at low load suspension takes the CPU of a deferral, not that of busy polling", () => {
  for (const us of [20, 200]) {
    const [deferred, suspended] = [defer(us), suspend(us)].map((costs) => measure(costs, 100_000));
    const ratio = suspended!.cpu_utilisation! / deferred!.cpu_utilisation!;
    assert.ok(ratio > 0.9 && ratio < 1.1, `${us} us: ${ratio} of the deferral's CPU`);
    assert.ok(Math.abs(p50Us(suspended!) - p50Us(deferred!)) < 0.2 * p50Us(deferred!));
  }
  assert.ok(measure(BUSY, 100_000).cpu_utilisation! > 0.99);
});

Deno.test("without deferral, preference or epoll there is no suspension", () => {
  const only = { irq_suspend_timeout_ns: 20_000_000 };
  const print = (costs: Record<string, number>) => measure(costs, 50_000).fingerprint;
  assert.equal(print({ ...defer(20), ...only }), print(defer(20)));
  const own = (costs: Record<string, number>) =>
    runToEnd(modules, {
      groups: [groupOf({ test: "TCP_RR", connections: 16 })],
      machine: withCosts(DEVICE, costs),
    }).fingerprint;
  assert.equal(own(suspend(20)), own({ ...suspend(20), irq_suspend_timeout_ns: 0 }));
});

Deno.test("the timer ends a suspension that lasts too long", () => {
  const polls = (timeoutNs: number) => {
    const { queues, groups } = measure(
      { ...suspend(20), irq_suspend_timeout_ns: timeoutNs },
      8000,
      400_000,
    );
    return queues.reduce((sum, queue) => sum + queue.polls, 0) / groups[0]!.transactions;
  };
  const [long, short] = [polls(20_000_000), polls(100_000)];
  assert.ok(short > 1.5 * long, `${short} and ${long} polls a transaction`);
});

const variant = await compileVariant({
  faults: [{
    file: "core/machine/napi.ts",
    from: "queue.napiTimer = schedule(now() + timerTicks(ticks), EV_NAPI_TIMER, vector);",
    to: "queue.napiTimer = 0; if (now() % 97 != 0) " +
      "queue.napiTimer = schedule(now() + timerTicks(ticks), EV_NAPI_TIMER, vector);",
  }],
});

/** Two threads of many connections each, their flows on three queues. */
function crowd(fault: number) {
  const { calls, constants } = bareMachine(variant, {
    costs: { ...suspend(20), irq_suspend_timeout_ns: 300_000 },
  });
  (calls as unknown as { plantFault(number: number): void }).plantFault(fault);
  calls.nicSet(10, 3, 512, 0);
  for (const test of ["TEST_TCP_RR", "TEST_UDP_RR"] as const) {
    const number = calls.groupSet(constants[test], 12, 1, 1, 1, 1, 0, 3000);
    calls.groupThreads(number, 2, 0, 0);
  }
  calls.machineStart(2e6, 6e6);
  return calls;
}

Deno.test("a suspended vector has a holder at every instant, and a lost timer is seen", () => {
  const sound = crowd(-1);
  let instants = 0;
  for (; sound.machineRun(7) < 2; instants++) assert.equal(sound.checkMachine(), 0);
  assert.ok(instants > 500, `${instants} instants`);
  const faulty = crowd(0);
  let broken = 0;
  while (broken === 0 && faulty.machineRun(7) < 2) broken = faulty.checkMachine();
  assert.equal(broken, 6);
});
