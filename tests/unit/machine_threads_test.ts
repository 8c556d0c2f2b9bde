/**
 * Server threads with many connections: they wait with epoll, serve the ready ones in order and
 * forget none.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Measurement } from "../../harness/record.ts";
import { compileVariant } from "./machine_parts.ts";
import {
  bareMachine,
  groupOf,
  loadModules,
  runToEnd,
  type SmallRun,
  withCosts,
  X710,
} from "./machine_runs.ts";

const modules = await loadModules();
const run = (options: SmallRun): Measurement => runToEnd(modules, options);
const RULE_READY = 40;

/** CPUs on which server threads have computed. */
function userCpus(measured: Measurement): number[] {
  return measured.cpus.filter((cpu) => cpu.user_ns > 0).map((cpu) => cpu.cpu);
}

Deno.test("a lone request through epoll takes the epoll_wait longer than a thread of its own", () => {
  const latency = (threads: number, waitNs: number) => {
    const machine = withCosts(
      { ...X710, nic: { ...X710.nic, queue_pairs: 1 } },
      { epoll_wait_ns: waitNs },
    );
    return run({ groups: [groupOf({ test: "TCP_RR", threads })], machine }).groups[0]!.latency_ns!;
  };
  assert.equal(latency(1, 0).min, latency(0, 0).min);
  assert.equal(latency(1, 600).min - latency(1, 0).min, 600);
  assert.equal(latency(0, 600).min, latency(0, 0).min, "no epoll in a thread of one connection");
});

Deno.test("under load one epoll_wait returns many connections, at most epoll_batch_events", () => {
  const systemNs = (events: number) => {
    const machine = withCosts(X710, { epoll_wait_ns: 10_000, epoll_batch_events: events });
    const group = groupOf({ test: "TCP_RR", connections: 64, threads: 1, pin: true });
    const measured = run({ groups: [group], machine, measureMs: 40 });
    const system = measured.cpus.reduce((sum, cpu) => sum + cpu.system_ns, 0);
    return system / measured.groups[0]!.transactions;
  };
  const each = [1, 2, 32].map(systemNs);
  // The wait of 10 us is shared by the connections that it returns.
  assert.ok(Math.abs(each[0]! - each[1]! - 5000) < 300, `${each}`);
  assert.ok(Math.abs(each[0]! - each[2]! - 9700) < 300, `${each}`);
});

Deno.test("a thread serves its connections in turn, so that none gets more than the others", () => {
  // 40 connections with a request always waiting, one thread: the slowest has a full turn to wait.
  const group = groupOf({ test: "TCP_RR", connections: 40, threads: 1, service_ns: 20_000 });
  const { latency_ns: latency } = run({ groups: [group], measureMs: 60 }).groups[0]!;
  assert.ok(latency!.max < 1.1 * latency!.p50, `p50 ${latency!.p50}, max ${latency!.max}`);
  const turnNs = 40 * 20_000;
  assert.ok(latency!.p50 > turnNs && latency!.p50 < 1.3 * turnNs, `${latency!.p50}`);
});

Deno.test("with outstanding requests a connection goes behind the others after each", () => {
  const group = groupOf({
    test: "TCP_RR",
    connections: 10,
    outstanding: 4,
    threads: 1,
    service_ns: 20_000,
  });
  const { latency_ns: latency } = run({ groups: [group], measureMs: 60 }).groups[0]!;
  assert.ok(latency!.max < 1.15 * latency!.p50, `p50 ${latency!.p50}, max ${latency!.max}`);
});

Deno.test("threads start on one CPU after the other, and pinned ones stay there", () => {
  const busy = (threads: number, pin: boolean) =>
    userCpus(run({ groups: [groupOf({ test: "TCP_RR", connections: 32, threads, pin })] }));
  assert.deepEqual(busy(1, true), [0]);
  assert.deepEqual(busy(3, true), [0, 1, 2]);
  assert.deepEqual(busy(8, true), [0, 1, 2, 3, 4, 5, 6, 7]);
  const arrival = { loop: "open", rate_per_second: 20_000, distribution: "constant" } as const;
  const few = groupOf({ test: "TCP_RR", connections: 16, threads: 1, arrival });
  const machine = withCosts(X710, { atr_sample_packets: 0 });
  assert.ok(userCpus(run({ groups: [few], machine })).length > 1, "a free one follows interrupts");
  // netperf -T: a server process bound to its CPU.
  const alone = run({ groups: [groupOf({ test: "UDP_RR", connections: 2, pin: true })] });
  assert.deepEqual(userCpus(alone), [0, 1]);
});

Deno.test("softirqs without end do not move a pinned thread", () => {
  const machine = { ...X710, nic: { ...X710.nic, queue_pairs: 1 } };
  const flood = groupOf({ test: "UDP_STREAM", connections: 4, message_bytes: 18, threads: 1 });
  const users = (pin: boolean) => userCpus(run({ groups: [{ ...flood, pin }], machine }));
  assert.deepEqual(users(true), [0]);
  assert.notDeepEqual(users(false), [0]);
});

Deno.test("by queue, a connection is served on the CPU that its frames interrupt", () => {
  const latency = (assignment: "round_robin" | "by_queue") => {
    const arrival = { loop: "open", rate_per_second: 20_000, distribution: "constant" } as const;
    const shared = { connections: 64, threads: 8, pin: true, assignment, arrival };
    const machine = withCosts(X710, { atr_sample_packets: 0, ipi_ns: 200_000 });
    const group = groupOf({ test: "TCP_RR", ...shared });
    return run({ groups: [group], machine, measureMs: 30 }).groups[0]!.latency_ns!;
  };
  // An interrupt from CPU to CPU takes 200 us here: by queue none is ever sent.
  const [turns, queues] = [latency("round_robin"), latency("by_queue")];
  assert.ok(queues.max < 100_000, `${queues.max}`);
  assert.ok(turns.p50 > 100_000, `${turns.p50}`);
});

Deno.test("every test of netperf runs on shared threads", () => {
  for (const test of ["TCP_RR", "TCP_CRR", "UDP_RR", "TCP_STREAM", "TCP_MAERTS"] as const) {
    const group = groupOf({ test, connections: 12, threads: 4, hint: "LATENCY" });
    for (const policy of ["NONE", "LATENCY"] as const) {
      const { bytes } = run({ groups: [group], policy }).groups[0]!;
      assert.ok(bytes > 500, `${test} under ${policy}: ${bytes} bytes`);
    }
  }
});

Deno.test("10,000 connections on 16 threads fit the model's memory", () => {
  const arrival = { loop: "open", rate_per_second: 400_000, distribution: "poisson" } as const;
  const group = groupOf({ test: "TCP_RR", connections: 10_000, threads: 16, arrival });
  const measured = run({ groups: [group], measureMs: 20 });
  const { transactions } = measured.groups[0]!;
  assert.ok(Math.abs(transactions / 8000 - 1) < 0.05, `${transactions} of 8000`);
});

const FAULTS = [
  {
    name: "a connection with more to read is not listed again",
    file: "core/machine/app.ts",
    from: "if (ready(connectionAt(index)) != BLOCKING) readyAppend(thread, index);",
    to: "",
  },
  {
    name: "what comes for a connection while its thread serves another is forgotten",
    file: "core/machine/epoll.ts",
    from: "if (thread.polls != 0 && thread.serving != <i32>index) readyAppend(thread, index);",
    to: "if (thread.polls != 0 && thread.serving < 0) readyAppend(thread, index);",
  },
  {
    name: "a thread falls asleep beside its ready list",
    file: "core/machine/app.ts",
    from: "return thread.readyCount > 0 ? POLL : BLOCKING;",
    to: "return thread.readyCount > 1 ? POLL : BLOCKING;",
  },
];
const faulty = await compileVariant({ faults: FAULTS });

/** Rule that is broken at the end of a run with shared threads under a fault, or 0. */
function brokenRule(fault: number): number {
  const machine = bareMachine(faulty);
  const { calls, constants } = machine;
  (calls as unknown as { plantFault(number: number): void }).plantFault(fault);
  calls.groupSet(constants.TEST_TCP_RR, 24, 3, 1, 1, 1, 0, 2000);
  calls.groupThreads(0, 4, 0, 0);
  calls.groupSet(constants.TEST_TCP_RR, 3, 1, 1, 1, 1, 0, 2000);
  calls.groupThreads(1, 3, 0, 0);
  calls.machineStart(2e6, 6e6);
  while (calls.machineRun(10_000) < 2);
  return calls.checkMachine();
}

FAULTS.forEach(({ name }, number) =>
  Deno.test(`the rule of ready lists is broken where ${name}`, () => {
    assert.equal(brokenRule(-1), 0);
    assert.equal(brokenRule(number), RULE_READY);
  })
);
