/**
 * What a record of the model does not show: the order of work on a CPU, read from its tables event
 * by event.
 *
 * @module
 */

import assert from "node:assert/strict";
import { compileVariant } from "./machine_parts.ts";
import { bareGroup, bareMachine } from "./machine_runs.ts";

const module = await compileVariant({
  more: `
    import { cpuAt } from "./machine/cpu";
    export function irqsPending(cpu: u32): u32 { return <u32>cpuAt(cpu).pendingIrqs; }
  `,
});
type Peek = Record<"irqsPending", (cpu: number) => number>;

Deno.test("a hard interrupt waits for a step of the softirqs, not for their turn", () => {
  const machine = bareMachine(module, { cpuCount: 2 });
  const { calls } = machine;
  const { irqsPending } = calls as unknown as Peek;
  bareGroup(machine, "UDP_STREAM", 1, 64);
  bareGroup(machine, "UDP_RR", 8);
  calls.machineStart(5e6, 45e6);
  let [taken, longestNs, since] = [0, 0, 0];
  let before = 0;
  while (calls.nowNs() < 50e6 && calls.machineRun(1) < 2) {
    const pending = irqsPending(0);
    const now = calls.nowNs();
    if (before !== 0 && pending !== before) {
      taken++;
      longestNs = Math.max(longestNs, now - since);
    }
    if (pending !== before) since = now;
    before = pending;
  }
  assert.ok(taken > 100, `${taken} interrupts waited`);
  assert.ok(longestNs <= 10_000, `an interrupt waited ${longestNs} ns`);
});
