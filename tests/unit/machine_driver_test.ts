/**
 * The model's driver: what the policy manager's operations do to the machine.
 *
 * @module
 */

import assert from "node:assert/strict";
import { MachineDriver } from "../../harness/machine/driver.ts";
import { TOTAL_NAMES } from "../../harness/machine/reading.ts";
import { ruleSentence } from "../../harness/machine/rules.ts";
import { type MachineWasm, readCounters } from "../../harness/machine/wasm.ts";
import type { FlowSpec } from "../../harness/policy/driver.ts";
import { ERRNO } from "../../harness/policy/errno.ts";
import { bareGroup, bareMachine, loadModules, X710 } from "./machine_runs.ts";

const { machineModule } = await loadModules();
const RX = 0;
const TX = 1;
const BOTH = 2;
/** Places of user, irq and softirq time among a CPU's counters. */
const USER_TIME = 0;
const IRQ_TIME = 2;
const SOFTIRQ_TIME = 3;

/** An X710 machine whose policy manager steers nothing, but notes the flow of the last receive. */
function machineWithDriver(cpuCount = 8) {
  const seen: { flow: FlowSpec | null } = { flow: null };
  const setRulesV4 = (_: number, _protocol: number, from: number, to: number, ports: number) => {
    seen.flow = {
      type: "udp4",
      source: [from >>> 0],
      destination: [to >>> 0],
      sourcePort: ports >>> 16,
      destinationPort: ports & 0xffff,
    };
    return -ERRNO.EINVAL;
  };
  const machine = bareMachine(machineModule, { cpuCount, policy: { setRulesV4 } });
  const driver = new MachineDriver(X710.nic);
  driver.attach(machine);
  return { machine, driver, seen };
}

/** One UDP socket that runs for 2 ms, and then up to `ms` in all, from time 0. */
function start(
  machine: MachineWasm,
  ms: number,
  test: "UDP_RR" | "UDP_STREAM" = "UDP_RR",
): void {
  const { calls } = machine;
  bareGroup(machine, test);
  calls.machineStart(2e6, (ms - 2) * 1e6);
  calls.machineRun(1e6);
}

function runUntil({ calls }: MachineWasm, ms: number): void {
  while (calls.nowNs() < ms * 1e6) calls.machineRun(100);
}

function rxPackets(machine: MachineWasm): number[] {
  const { constants } = machine;
  return Array.from({ length: 8 }, (_, queue) => {
    const at = constants.QUEUE_TABLE + queue * constants.QUEUE_BYTES + constants.QUEUE_COUNTERS;
    return readCounters(machine, at, 1)[0]!;
  });
}

/** Time that each CPU has spent in a mode, ticks. */
function timesIn(machine: MachineWasm, mode: number): number[] {
  const { CPU_TABLE, CPU_BYTES } = machine.constants;
  machine.calls.cpusCharge();
  return Array.from(
    { length: 8 },
    (_, cpu) => readCounters(machine, CPU_TABLE + cpu * CPU_BYTES, 5)[mode]!,
  );
}

Deno.test("the driver has a queue pair for each vector, and offers all policies", () => {
  const { driver } = machineWithDriver();
  assert.deepEqual(driver.netpolicyInit(1), {
    available: 0b1110,
    mix: true,
    queuePair: true,
    irqAffinity: true,
    recordLimit: 7680,
  });
  assert.equal(driver.irqCount(1, RX), 8);
  assert.equal(driver.irq(1, TX, 7), driver.irq(1, RX, 0) + 7);
  assert.equal(driver.irq(1, RX, 8), -ERRNO.EINVAL);
});

Deno.test("a policy sets both directions of every queue, or of one, and NONE adapts again", () => {
  const { machine, driver } = machineWithDriver();
  const adaptive = () => Array.from({ length: 8 }, (_, queue) => machine.calls.nicAdaptive(queue));
  assert.deepEqual(adaptive(), Array(8).fill(1));
  assert.equal(driver.setNetPolicy(1, 3, BOTH, -1), 0);
  assert.deepEqual(adaptive(), Array(8).fill(0));
  assert.equal(driver.setNetPolicy(1, 0, BOTH, 5), 0);
  assert.deepEqual(adaptive(), [0, 0, 0, 0, 0, 1, 0, 0]);
  assert.equal(driver.setNetPolicy(1, 2, BOTH, 8), -ERRNO.EINVAL);
  assert.equal(driver.setNetPolicy(1, 4, BOTH, -1), -ERRNO.EINVAL);
  assert.equal(driver.setNetPolicy(1, 5, BOTH, 0), -ERRNO.EINVAL);
  assert.deepEqual(adaptive(), [0, 0, 0, 0, 0, 1, 0, 0], "what is refused changes nothing");
});

Deno.test("a MIX device comes out the same whatever policy it had before", () => {
  for (const [before, direction] of [[null, BOTH], [2, BOTH], [3, RX]] as const) {
    const { machine, driver } = machineWithDriver();
    if (before !== null) driver.setNetPolicy(1, before, direction, -1);
    assert.equal(driver.setNetPolicy(1, 5, BOTH, -1), 0);
    // The manager maps four of the eight queues.
    for (const queue of [0, 1, 2, 3]) driver.setNetPolicy(1, queue < 2 ? 3 : 2, BOTH, queue);
    const adaptive = Array.from({ length: 8 }, (_, queue) => machine.calls.nicAdaptive(queue));
    assert.deepEqual(adaptive, [0, 0, 0, 0, 1, 1, 1, 1], `after policy ${before}`);
  }
});

Deno.test("a rule takes a running flow to its queue, and back to RSS when it goes", () => {
  const { machine, driver, seen } = machineWithDriver();
  start(machine, 40);
  const before = rxPackets(machine);
  const home = before.findIndex((count) => count > 0);
  const other = (home + 3) % 8;
  const location = driver.ruleInsert(1, seen.flow!, other);
  assert.equal(location, 7679, "any location is the highest free one");
  runUntil(machine, 20);
  const steered = rxPackets(machine);
  assert.ok(steered[other]! > 100);
  assert.ok(steered[home]! - before[home]! <= 1, "a frame may arrive before the rule works");
  assert.equal(driver.ruleDelete(1, location), 0);
  runUntil(machine, 38);
  const after = rxPackets(machine);
  assert.ok(after[home]! - steered[home]! > 100);
  assert.ok(after[other]! - steered[other]! <= 1);
  assert.equal(machine.calls.checkMachine(), 0);
});

Deno.test("rules the device cannot hold are refused with the driver's errors", () => {
  const { machine, driver } = machineWithDriver();
  const flow = (port: number): FlowSpec => ({
    type: "tcp4",
    source: [1],
    destination: [2],
    sourcePort: port,
    destinationPort: 80,
  });
  for (let port = 0; port < 7680; port++) {
    assert.equal(driver.ruleInsert(1, flow(port), 0), 7679 - port);
  }
  assert.equal(driver.ruleInsert(1, flow(7680), 0), -ERRNO.ENOSPC);
  assert.equal(driver.ruleInsert(1, flow(0), 8), -ERRNO.EINVAL);
  assert.equal(driver.ruleInsert(1, { ...flow(0), type: "udp6" }, 0), -ERRNO.EOPNOTSUPP);
  assert.equal(driver.ruleDelete(1, 7679), 0);
  assert.equal(driver.ruleDelete(1, 7679), -ERRNO.ENOENT);
  assert.equal(machine.calls.rulesUsed(), 7679);
});

Deno.test("an interrupt moves to its new CPU with the next interrupt", () => {
  const { machine, driver } = machineWithDriver();
  start(machine, 20);
  const home = rxPackets(machine).findIndex((count) => count > 0);
  const irq = driver.irq(1, RX, home);
  const mask = new Uint32Array(2);
  assert.equal(driver.irqAffinityGet(irq, mask), 0);
  assert.deepEqual([...mask], [1 << home, 0], "queue i interrupts the i-th CPU");
  const target = (home + 1) % 8;
  mask[0] = 1 << target;
  assert.equal(driver.irqAffinitySet(irq, mask), 0);
  const before = timesIn(machine, IRQ_TIME);
  while (machine.calls.machineRun(10_000) < 2);
  const spent = timesIn(machine, IRQ_TIME).map((time, cpu) => time - before[cpu]!);
  assert.ok(spent[target]! > 0);
  assert.equal(spent[home], 0, "the old CPU is interrupted no more");
  mask.fill(0);
  assert.equal(driver.irqAffinitySet(irq, mask), -ERRNO.EINVAL, "no CPU is left");
  mask[1] = 1;
  assert.equal(driver.irqAffinitySet(irq, mask), -ERRNO.EINVAL, "CPU 32 is not there");
  assert.equal(machine.calls.checkMachine(), 0);
});

function total(machine: MachineWasm, name: typeof TOTAL_NAMES[number]): number {
  const { TOTAL_TABLE, TOTAL_COUNT } = machine.constants;
  return readCounters(machine, TOTAL_TABLE, TOTAL_COUNT)[TOTAL_NAMES.indexOf(name)]!;
}

Deno.test("a vector that polls without end moves at a poll that has not finished", () => {
  const { machine, driver } = machineWithDriver();
  start(machine, 20, "UDP_STREAM");
  const home = rxPackets(machine).findIndex((count) => count > 0);
  const target = (home + 1) % 8;
  const raised = total(machine, "interrupts_taken");
  assert.equal(driver.irqAffinitySet(driver.irq(1, RX, home), Uint32Array.of(1 << target)), 0);
  runUntil(machine, 4);
  assert.equal(total(machine, "moved_vectors"), 1);
  assert.equal(total(machine, "interrupts_taken"), raised + 1, "by an interrupt it forces");
  const before = timesIn(machine, SOFTIRQ_TIME);
  runUntil(machine, 18);
  const spent = timesIn(machine, SOFTIRQ_TIME).map((time, cpu) => time - before[cpu]!);
  assert.equal(spent[home], 0);
  assert.ok(spent[target]! > 0);
  assert.equal(machine.calls.checkMachine(), 0);
});

Deno.test("ksoftirqd shares a flooded CPU with its thread", () => {
  const { machine } = machineWithDriver(1);
  start(machine, 60, "UDP_STREAM");
  while (machine.calls.machineRun(100_000) < 2);
  assert.ok(total(machine, "ksoftirqd_turns") > 10);
  assert.ok(timesIn(machine, USER_TIME)[0]! > 0, "the thread is not starved");
  assert.equal(machine.calls.checkMachine(), 0);
});

Deno.test("a thread that a flood keeps off its CPU moves to an idle one", () => {
  const { machine } = machineWithDriver();
  start(machine, 60, "UDP_STREAM");
  while (machine.calls.machineRun(100_000) < 2);
  const softirq = timesIn(machine, SOFTIRQ_TIME);
  const flooded = softirq.indexOf(Math.max(...softirq));
  const user = timesIn(machine, USER_TIME);
  const busiest = user.indexOf(Math.max(...user));
  assert.notEqual(busiest, flooded);
  assert.ok(user[busiest]! > 10 * user[flooded]!, `${user}`);
  assert.equal(machine.calls.checkMachine(), 0);
});

Deno.test("the load of a CPU is its busy share", () => {
  const { machine, driver } = machineWithDriver();
  start(machine, 20);
  while (machine.calls.machineRun(10_000) < 2);
  const loads = Array.from({ length: 8 }, (_, cpu) => driver.cpuLoad(cpu));
  assert.ok(loads.some((load) => load > 10 && load < 100), `${loads}`);
  assert.ok(loads.some((load) => load === 0), `${loads}`);
  assert.equal(driver.cpuLoad(8), -ERRNO.EINVAL);
});

/** Rule, table, place of the counter in it: one too many breaks exactly that rule. */
const BROKEN = [
  [1, "TOTAL_TABLE", TOTAL_NAMES.indexOf("peer_frames")],
  [1, "QUEUE_COUNTERS", 0],
  [2, "CPU_TABLE", IRQ_TIME],
  [3, "TOTAL_TABLE", TOTAL_NAMES.indexOf("interrupts_taken")],
  [4, "QUEUE_COUNTERS", 8],
] as const;

for (const [rule, table, place] of BROKEN) {
  Deno.test(`a count too many in ${table}, place ${place}, breaks "${ruleSentence(rule)}"`, () => {
    const { machine } = machineWithDriver();
    start(machine, 10);
    assert.equal(machine.calls.checkMachine(), 0);
    const { constants, memory } = machine;
    const at = table === "QUEUE_COUNTERS"
      ? constants.QUEUE_TABLE + constants.QUEUE_COUNTERS
      : constants[table];
    const counters = new BigUint64Array(memory.buffer, at, place + 1);
    counters[place] = counters[place]! + 1n;
    assert.equal(machine.calls.checkMachine(), rule);
  });
}
