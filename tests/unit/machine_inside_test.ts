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
    import { eventsTaken, FREE } from "./lib/wheel";
    import { packetAt } from "./machine/abi";
    import { cpuAt } from "./machine/cpu";
    export function current(cpu: u32): i32 { return cpuAt(cpu).current; }
    export function activity(cpu: u32): u32 { return cpuAt(cpu).activity; }
    export function ksoftirqd(cpu: u32): u32 { return cpuAt(cpu).ksoftirqd; }
    export function bytesInDevice(): u32 {
      let bytes: u32 = 0;
      for (let i: u32 = 1; i <= eventsTaken(); i++) {
        const event = eventAt(i);
        if (event.where == FREE || event.kind != EV_RX && event.kind != EV_RX_DMA) continue;
        bytes += packetAt(event.target).payload + packetAt(event.target).headers;
      }
      return bytes;
    }
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

Deno.test("the device's buffer holds 968 KiB of frames, whatever their sizes", () => {
  // The device takes a frame in 10 us, the link brings large and small ones in turn.
  const machine = bareMachine(module, { costs: { nic_packet_ns: 10_000 } });
  const { calls } = machine;
  const { bytesInDevice } = calls as unknown as { bytesInDevice(): number };
  bareGroup(machine, "UDP_STREAM", 2, 1472);
  bareGroup(machine, "UDP_STREAM", 2, 1);
  calls.machineStart(10e6, 20e6);
  while (calls.machineRun(1000) < 1);
  let [least, most] = [Infinity, 0];
  while (calls.machineRun(1000) < 2) {
    least = Math.min(least, bytesInDevice());
    most = Math.max(most, bytesInDevice());
  }
  // What is on the cable and on its way to memory is some frames more.
  assert.ok(least > 968 * 1024 - 3 * 1514, `${least} bytes at least`);
  assert.ok(most <= 968 * 1024 + 3 * 1514, `${most} bytes at most`);
});

Deno.test("what does not fit the tables is refused, products included", () => {
  const { calls } = bareMachine(module);
  assert.throws(() => calls.groupSet(0, 16384, 262144, 1, 1, 1, 0, 0), "2^32 transactions");
  assert.throws(() => bareMachine(module).calls.nicSet(10, 8, 4128, 0), "a ring of 4128");
  bareMachine(module).calls.nicSet(10, 8, 4096, 0);
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
