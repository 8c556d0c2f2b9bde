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
    export function current(cpu: u32): i32 { return cpuAt(cpu).current; }
    export function activity(cpu: u32): u32 { return cpuAt(cpu).activity; }
    export function ksoftirqd(cpu: u32): u32 { return cpuAt(cpu).ksoftirqd; }
    export function irqsPending(cpu: u32): u32 { return <u32>cpuAt(cpu).pendingIrqs; }
  `,
});
type Peek = Record<"irqsPending" | "current" | "activity" | "ksoftirqd", (cpu: number) => number>;

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

const IN_SOFTIRQ = 3;
const SWITCHING = 4;
const IN_THREAD = 5;

Deno.test("between ksoftirqd and a thread there is a context switch, both ways", () => {
  const machine = bareMachine(module, { cpuCount: 1 });
  const { calls } = machine;
  const peek = calls as unknown as Peek;
  bareGroup(machine, "UDP_STREAM", 2, 64);
  calls.machineStart(5e6, 45e6);
  let before = "idle";
  const changes: Record<string, number> = {};
  while (calls.machineRun(1) < 2) {
    const activity = peek.activity(0);
    let who = before;
    if (activity === SWITCHING) who = "switch";
    else if (activity === IN_THREAD) who = `thread ${peek.current(0)}`;
    else if (activity === IN_SOFTIRQ) who = peek.ksoftirqd(0) !== 0 ? "ksoftirqd" : "softirq";
    if (who !== before) {
      const change = `${before} to ${who}`.replaceAll(/thread \d/g, "thread");
      changes[change] = (changes[change] ?? 0) + 1;
    }
    before = who;
  }
  assert.ok(changes["switch to ksoftirqd"]! > 10, JSON.stringify(changes));
  assert.ok(changes["switch to thread"]! > 10, JSON.stringify(changes));
  assert.equal(changes["thread to ksoftirqd"], undefined, JSON.stringify(changes));
  assert.equal(changes["ksoftirqd to thread"], undefined, JSON.stringify(changes));
  assert.equal(changes["thread to thread"], undefined, JSON.stringify(changes));
});

Deno.test("a thread that moves to an idle CPU of another node takes the longer IPI", () => {
  // CPUs 0 to 3 are flooded or taken by their node's threads; the first of the other node is 4.
  const firstRunNs = (remoteNs: number) => {
    const costs = { ipi_remote_ns: remoteNs, wake_affine_switch: 1 };
    const machine = bareMachine(module, { cpuCount: 5, costs });
    const { calls } = machine;
    const peek = calls as unknown as Peek;
    bareGroup(machine, "UDP_STREAM", 4, 64);
    calls.machineStart(1e6, 59e6);
    while (calls.machineRun(1) < 2) if (peek.activity(4) !== 0) return calls.nowNs();
    return Infinity;
  };
  const [near, far] = [firstRunNs(0), firstRunNs(3000)];
  assert.ok(near < Infinity);
  assert.ok(far - near >= 2990, `${far - near}`);
});
