/**
 * CPUs that go offline and come back during a run: where threads, interrupts and the policy
 * manager's queues go, and that nothing is lost on the way. The debug build checks every rule of
 * the model after every event.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { DevicePolicy, Measurement } from "../../harness/record.ts";
import type { Operation } from "../../harness/spec.ts";
import { groupOf, loadModules, runToEnd, type SmallRun, startRun, X710 } from "./machine_runs.ts";

const modules = await loadModules();
const debug = await loadModules("debug");

const RR = groupOf({ test: "TCP_RR", name: "rr", connections: 16, hint: "LATENCY" });
const STREAM = groupOf({ test: "TCP_STREAM", name: "stream", connections: 4, hint: "BULK" });

function plugged(operations: readonly Operation[], more: Partial<SmallRun> = {}): Measurement {
  return runToEnd(modules, {
    groups: [RR, STREAM],
    warmupMs: 2,
    measureMs: 20,
    slices: 10,
    operations,
    ...more,
  });
}

Deno.test("An offline CPU does nothing, its work goes on elsewhere, and it works again once it is back", () => {
  const gone = plugged([{ at_ms: 6, cpu_offline: 2 }]);
  assert.deepEqual(gone.operations!.map(({ kind, what }) => [kind, what]), [
    ["cpu", "CPU 2 offline"],
  ]);
  assert.deepEqual(gone.remarks, ["6.0 ms: CPU 2 offline"]);
  const busy = gone.series!.cpus[2]!.busy_permille;
  assert.ok(busy[1]! > 100, `busy before: ${busy}`);
  assert.deepEqual(busy.slice(4), [0, 0, 0, 0, 0, 0], "idle from the next slice on");
  const whole = plugged([]);
  const [rr, stream] = gone.groups;
  assert.ok(rr!.transactions > 0.5 * whole.groups[0]!.transactions, `${rr!.transactions}`);
  assert.ok(stream!.bytes > 0.9 * whole.groups[1]!.bytes, `${stream!.bytes}`);
  assert.deepEqual([gone.drops, gone.retransmits], [whole.drops, whole.retransmits]);
  const back = plugged([{ at_ms: 6, cpu_offline: 2 }, { at_ms: 12, cpu_online: 2 }]);
  const again = back.series!.cpus[2]!.busy_permille;
  assert.ok(again.slice(7).some((share) => share > 0), `${again}`);
});

Deno.test("The interrupt of a CPU that goes comes to another one; flows follow their sender later", () => {
  const gone = plugged([{ at_ms: 6, cpu_offline: 0 }]);
  const { queues, cpus } = gone.series!;
  assert.ok(queues[0]!.interrupts[4]! > 0, `queue 0 goes on: ${queues[0]!.interrupts}`);
  assert.equal(cpus[0]!.busy_permille[4], 0, "but not on CPU 0");
  assert.equal(gone.queues[0]!.cpu, 1);
  // CPU 0 sends no more, so XPS leaves its queue, and ATR moves what is received after it.
  assert.equal(queues[0]!.rx_packets.at(-1), 0);
  assert.equal(plugged([]).queues[0]!.cpu, 0);
});

Deno.test("The policy manager deals out the queues of the CPUs that are left", () => {
  const options = { policy: "MIX" as DevicePolicy };
  const listed = ({ queues }: Measurement) =>
    queues.filter(({ policy }) => policy !== "NONE").length;
  assert.equal(listed(plugged([], options)), 8);
  const gone = plugged([{ at_ms: 6, cpu_offline: 2 }], options);
  assert.equal(listed(gone), 7, "the i-th online CPU goes with queue i");
  assert.deepEqual(gone.queues.slice(0, 7).map(({ cpu }) => cpu), [0, 1, 3, 4, 5, 6, 7]);
  const back = plugged([{ at_ms: 6, cpu_offline: 2 }, { at_ms: 10, cpu_online: 2 }], options);
  assert.equal(listed(back), 8);
  assert.equal(back.queues[2]!.cpu, 2);
});

Deno.test("What cannot go is refused with a remark: the last CPU, one that is gone or never was", () => {
  const all = [0, 1, 2, 3, 4, 5, 6, 7].map((cpu) => ({ at_ms: 1 + cpu, cpu_offline: cpu }));
  const { remarks, series } = plugged([
    ...all,
    { at_ms: 10, cpu_offline: 3 },
    { at_ms: 11, cpu_offline: 40 },
    { at_ms: 12, cpu_online: 7 },
  ]);
  assert.deepEqual(remarks.slice(7), [
    "8.0 ms: CPU 7 offline was refused: Device or resource busy",
    "10.0 ms: CPU 3 offline was refused: Invalid argument",
    "11.0 ms: CPU 40 offline was refused: Invalid argument",
    "12.0 ms: CPU 7 online was refused: Invalid argument",
  ]);
  const busy = series!.cpus.map((cpu) => cpu.busy_permille.at(-1)!);
  assert.deepEqual(busy.slice(0, 7), [0, 0, 0, 0, 0, 0, 0]);
  assert.ok(busy[7]! > 900, "the last one does it all");
});

Deno.test("CPUs come and go under every policy and no rule of the model breaks in between", () => {
  const operations = [
    { at_ms: 0.3, cpu_offline: 1 },
    { at_ms: 0.7, cpu_offline: 4 },
    { at_ms: 1.1, cpu_online: 1 },
    { at_ms: 1.4, cpu_offline: 0 },
    { at_ms: 1.8, cpu_online: 4 },
  ];
  const hosts = [
    X710,
    // Threads for NAPI, busy polling, and packets steered to other CPUs.
    { ...X710, nic: { ...X710.nic, threaded: true } },
    { ...X710, costs: { ...X710.costs, busy_poll_usecs: 50 } },
    { ...X710, nic: { ...X710.nic, rps_cpus: "ff" } },
  ];
  for (const machine of hosts) {
    for (const policy of ["NONE", "MIX"] as const) {
      const run = { groups: [RR, STREAM], machine, policy, warmupMs: 1, measureMs: 3, operations };
      const model = startRun(debug, run);
      while (!model.advance(5_000));
      const { groups, operations: done } = model.measurement();
      assert.equal(done!.length, 5);
      assert.ok(groups.every(({ bytes }) => bytes > 0), `${machine.name} ${policy}`);
    }
  }
});
