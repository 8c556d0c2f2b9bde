/**
 * Debug builds check the conservation rules after each event: a planted fault ends the run at the
 * event that made it, even if nothing of it is left at the end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ruleSentence } from "../../harness/machine/rules.ts";
import type { MachineWasm } from "../../harness/machine/wasm.ts";
import { compileVariant, type Fault } from "./machine_parts.ts";
import { bareGroup, bareMachine } from "./machine_runs.ts";

const END_NS = 4e6;

/** Faults, and whether the check at the end of a release run sees them. */
const FAULTS: readonly (Fault & { rule: number; name: string; seenAtEnd: boolean })[] = [
  {
    rule: 2,
    name: "a tick of a CPU is lost now and then",
    seenAtEnd: true,
    file: "core/machine/cpu.ts",
    from: "cpu.since = time;",
    to: "cpu.since = time % 997 == 0 ? time + 1 : time;",
  },
  {
    rule: 7,
    name: "a descriptor is there twice for the time of four packets",
    seenAtEnd: false,
    file: "core/machine/ring.ts",
    from: "queue.txFree += packet.descriptors;",
    to: "queue.txFree += packet.descriptors + (queue.txHead == 100 ? 1 : 0) - " +
      "(queue.txHead == 104 ? 1 : 0);",
  },
  {
    rule: 9,
    name: "time jumps ahead of an event that waits",
    seenAtEnd: false,
    file: "core/lib/wheel.ts",
    from: "nowTicks = eventAt(index).time;",
    to: "nowTicks = eventAt(index).time; if (nowTicks % 7 == 0) nowTicks += 20;",
  },
  {
    rule: 5,
    name: "a packet is dropped without being given back",
    seenAtEnd: true,
    file: "core/machine/abi.ts",
    from: "freePacket = index;\n    usedPackets--;",
    to: "freePacket = index;\n    if (index % 7 != 3) usedPackets--;",
  },
];

const [debug, release] = await Promise.all(
  (["debug", "release"] as const).map((kind) => compileVariant({ faults: FAULTS, kind })),
);

/** Runs with one fault, or none (-1), to its end or to where a rule is broken. */
function run(module: WebAssembly.Module, fault: number): MachineWasm {
  const machine = bareMachine(module);
  (machine.calls as unknown as Record<"plantFault", (fault: number) => void>).plantFault(fault);
  bareGroup(machine, "TCP_RR", 12);
  bareGroup(machine, "UDP_RR", 6, 3000);
  machine.calls.machineStart(1e6, END_NS - 1e6);
  while (machine.calls.machineRun(10_000) < 2);
  return machine;
}

Deno.test("without a fault a debug run comes to its end", () => {
  const { calls } = run(debug!, -1);
  assert.equal(calls.checkMachine(), 0);
  assert.equal(calls.nowNs(), END_NS);
});

FAULTS.forEach(({ rule, name, seenAtEnd }, number) =>
  Deno.test(`a debug run ends with "${ruleSentence(rule)}" where ${name}`, () => {
    const early = run(debug!, number).calls;
    assert.equal(early.checkMachine(), rule);
    assert.ok(early.nowNs() < END_NS, `told at ${early.nowNs()} ns`);
    const late = run(release!, number).calls;
    assert.equal(late.nowNs(), END_NS, "a release build runs on");
    assert.equal(late.checkMachine(), seenAtEnd ? rule : 0);
  })
);
