/**
 * netperf's tests by their names, from a workload file on the model, and what sets each apart.
 *
 * @module
 */

import assert from "node:assert/strict";
import { bypassesStack, hasTransactions, TESTS } from "../../harness/record.ts";
import { readWorkload } from "../../harness/spec.ts";
import { groupOf, loadModules, runToEnd, type SmallRun, withCosts, X710 } from "./machine_runs.ts";

const modules = await loadModules();
const { workload } = await readWorkload("netperf", { cwd: "/" });

Deno.test("the workload netperf has every test of the stack, IPv6 and a burst", () => {
  const tests = TESTS.filter((test) => !bypassesStack(test));
  assert.deepEqual(new Set(workload.groups.map(({ test }) => test)), new Set(tests));
  assert.ok(workload.groups.some(({ ip_version }) => ip_version === 6));
  assert.ok(workload.groups.some(({ outstanding }) => outstanding > 1));
});

for (const group of workload.groups) {
  Deno.test(`${group.name} (${group.test}) runs by its name`, () => {
    const result = runToEnd(modules, { groups: [group], warmupMs: 5, measureMs: 20 });
    const [measured] = result.groups;
    if (hasTransactions(group.test)) assert.ok(measured!.transactions > 100);
    else assert.ok(measured!.throughput.value > 1e9);
    assert.equal(measured!.latency_ns === null, !hasTransactions(group.test));
  });
}

function rateOf(run: SmallRun): number {
  return runToEnd(modules, { warmupMs: 5, measureMs: 40, ...run }).groups[0]!.throughput.value;
}

Deno.test("TCP_CC carries no data and takes less time than TCP_CRR", () => {
  const result = runToEnd(modules, { groups: [groupOf({ test: "TCP_CC", connections: 4 })] });
  const { transactions, bytes } = result.groups[0]!;
  assert.ok(transactions > 100);
  assert.equal(bytes, 0);
  const frames = result.queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
  assert.ok(Math.abs(frames / transactions - 4) < 0.1, "SYN, ACK, FIN and the last ACK");
  const [cc, crr] = (["TCP_CC", "TCP_CRR"] as const).map((test) =>
    rateOf({ groups: [groupOf({ test })] })
  );
  assert.ok(cc! > 1.05 * crr!, `${cc} and ${crr} a second`);
});

Deno.test("TCP_CC goes on where the link loses frames, and under a schedule", () => {
  const machine = withCosts(X710, { loss_ppm: 20_000, retransmit_ns: 1_000_000 });
  const lossy = withCosts(machine, { syn_retransmit_ns: 1_000_000 });
  const groups = [groupOf({ test: "TCP_CC", connections: 16 })];
  assert.ok(rateOf({ groups, machine: lossy, measureMs: 100 }) > 1000);
  const arrival = { loop: "open", rate_per_second: 5000, distribution: "constant" } as const;
  const open = rateOf({ groups: [groupOf({ test: "TCP_CC", connections: 16, arrival })] });
  assert.ok(Math.abs(open - 5000) <= 25, `${open} a second`);
});

Deno.test("from an ideal client TCP_SENDFILE is TCP_STREAM", () => {
  const [stream, sendfile] = (["TCP_STREAM", "TCP_SENDFILE"] as const).map((test) =>
    rateOf({ groups: [groupOf({ test, name: "s" })] })
  );
  assert.equal(sendfile, stream);
});

type Result = ReturnType<typeof runToEnd>;
type Sending = ReturnType<typeof costOfSending>;

/** Bit rate of a run's one group, and what its sender's system spends on a byte. */
function costOfSending(run: SmallRun, sender: (result: Result) => Result["cpus"]) {
  const result = runToEnd(modules, run);
  const system = sender(result).reduce((sum, cpu) => sum + cpu.system_ns, 0);
  const { throughput, bytes } = result.groups[0]!;
  return { rate: throughput.value, nsPerByte: system / bytes };
}

/** 100 ps for a byte that is copied, 25 for one of a page that is handed down. */
function assertCopiesNothing(copy: Sending, file: Sending): void {
  assert.ok(Math.abs(file.rate / copy.rate - 1) < 0.01);
  const saved = copy.nsPerByte - file.nsPerByte;
  assert.ok(Math.abs(saved - 0.075) < 0.02, `${saved} ns a byte`);
}

Deno.test("the sender of TCP_SENDFILE on a second host copies nothing", () => {
  const [copy, file] = (["TCP_STREAM", "TCP_SENDFILE"] as const).map((test) => {
    const groups = [groupOf({ test, connections: 4 })];
    const machine = { ...X710, peer: X710 };
    return costOfSending({ groups, machine }, (result) => result.client_host!.cpus);
  });
  assertCopiesNothing(copy!, file!);
});

Deno.test("a server that sends with sendfile copies nothing: less CPU at the same rate", () => {
  const [copy, file] = [false, true].map((sendfile) => {
    const groups = [groupOf({ test: "TCP_MAERTS", connections: 2, sendfile })];
    return costOfSending({ groups, warmupMs: 10, measureMs: 40 }, (result) => result.cpus);
  });
  assertCopiesNothing(copy!, file!);
});

Deno.test("a burst of 15 requests more makes TCP_RR faster and each of them slower", () => {
  for (const test of ["TCP_RR", "UDP_RR"] as const) {
    const [one, burst] = [1, 16].map((outstanding) => {
      const groups = [groupOf({ test, outstanding })];
      return runToEnd(modules, { groups, warmupMs: 5, measureMs: 40 }).groups[0]!;
    });
    assert.ok(burst!.throughput.value > 2 * one!.throughput.value, test);
    assert.ok(burst!.latency_ns!.mean > 1.5 * one!.latency_ns!.mean, test);
    // Little: in flight = rate x latency, to which the turnaround belongs.
    const inFlight = burst!.throughput.value * burst!.latency_ns!.mean / 1e9;
    assert.ok(Math.abs(inFlight - 16) < 0.5, `${inFlight} in flight`);
  }
});
