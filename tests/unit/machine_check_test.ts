/**
 * The conservation rules can fail: each sees tables that were spoilt, and faults planted in the
 * model that break it while it runs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ruleSentence } from "../../harness/machine/rules.ts";
import type { MachineWasm } from "../../harness/machine/wasm.ts";
import { compileVariant, type Fault } from "./machine_parts.ts";
import { bareGroup, bareMachine } from "./machine_runs.ts";

const RULE_GAP = 4;
const RULE_PACKETS = 5;
const RULE_STUCK = 6;
const RULE_DESCRIPTORS = 7;
const RULE_OUTSTANDING = 8;
const RULE_FILTERS = 20;
const RULE_BACKLOG = 30;
const RULE_XSK = 70;

/** Statements that spoil a table of a machine in the midst of a run. */
const SPOILS = [
  [RULE_PACKETS, "a packet has a reference too many", "packetAt(1).references++;"],
  [RULE_PACKETS, "a packet was lost from a list", "packetTake(0, 0, 0, 0);"],
  [RULE_STUCK, "an idle vector is masked", "queueAt(idleQueue()).masked = 1;"],
  [RULE_STUCK, "a vector has lost its timer", "queueAt(idleQueue()).timer = 1;"],
  [RULE_STUCK, "a cause was forgotten", "rxContainer(idleQueue()).pending = 1;"],
  [RULE_STUCK, "an interrupt waits on a second CPU", "cpuAt(0).pendingIrqs ^= 1;"],
  [RULE_STUCK, "a thread is in no queue", "threadAt(sleeper()).state = RUNNABLE;"],
  [RULE_STUCK, "a busy CPU has lost its event", "cpuAt(busyCpu()).event = 0;"],
  [RULE_STUCK, "a packet is in no flow", "queueAt(0).waiting++;"],
  [RULE_DESCRIPTORS, "a transmit descriptor is lost", "queueAt(0).txFree--;"],
  [RULE_DESCRIPTORS, "a transmit descriptor is free twice", "queueAt(0).txFree++;"],
  [RULE_DESCRIPTORS, "a receive descriptor is lost", "queueAt(0).rxFree--;"],
  [
    RULE_DESCRIPTORS,
    "the driver sees a frame that is not there",
    "queueAt(0).rxVisible = queueAt(0).rxTail + 1;",
  ],
  [RULE_FILTERS, "a filter of ATR was not counted", "forgetFilters();"],
  [RULE_BACKLOG, "a packet of a backlog is not there", "cpuAt(0).backlogInput++;"],
  [RULE_BACKLOG, "nobody comes to a backlog, or for nothing", "cpuAt(0).backlogOwned ^= 1;"],
  [RULE_XSK, "a frame of AF_XDP is completed twice", "queueAt(0).xskCompleted++;"],
  [RULE_OUTSTANDING, "a transaction too many", "connectionAt(0).outstanding++;"],
  [RULE_OUTSTANDING, "a transaction is lost", "connectionAt(0).outstanding--;"],
] as const;

const HELPERS = `
import { packetAt, packetTake } from "./machine/abi";
import { connectionsUsed, RUNNABLE, SLEEPING, threadAt } from "./machine/connection";
import { cpuAt, IDLE } from "./machine/cpu";

import { atrFilters, atrGive } from "./machine/flow_room";

function forgetFilters(): void {
  while (atrFilters() > 0) atrGive();
}
function idleQueue(): u32 {
  for (let i: u32 = 0; i < queues(); i++) {
    if (queueAt(i).masked == 0 && queueAt(i).timer == 0) return i;
  }
  assert(false);
  return 0;
}
function sleeper(): u32 {
  for (let i: u32 = 0; i < connectionsUsed(); i++) if (threadAt(i).state == SLEEPING) return i;
  assert(false);
  return 0;
}
function busyCpu(): u32 {
  for (let i: u32 = 0; i < cpus(); i++) if (cpuAt(i).activity != IDLE) return i;
  assert(false);
  return 0;
}
`;

/** Faults by file: what stands there, and what stands in its place. */
const FAULTS: readonly (Fault & { readonly rule: number; readonly name: string })[] = [
  {
    rule: RULE_GAP,
    name: "an interrupt does not restart its counter",
    file: "core/machine/itr.ts",
    from: "container.last = time;",
    to: "",
  },
  {
    rule: RULE_GAP,
    name: "an interval is written for the other direction",
    file: "core/machine/itr.ts",
    from: "rx.gap = gapOf(rx.current);",
    to: "tx.gap = gapOf(rx.current);",
  },
  {
    rule: RULE_GAP,
    name: "the timer is a microsecond early",
    file: "core/machine/itr.ts",
    from: "if (due <= time) {",
    to: "if (due <= time + TICKS_PER_USEC) {",
  },
  {
    rule: RULE_GAP,
    name: "a vector's rate cap is not kept",
    file: "core/machine/itr.ts",
    from: "return max(due, queue.lastRaised + queue.intrl);",
    to: "return due;",
  },
  {
    rule: RULE_PACKETS,
    name: "a datagram that was dropped keeps its packet",
    file: "core/machine/udp.ts",
    from: "connection.fragmentBytes += packet.payload;",
    to: "connection.fragmentBytes += packet.payload; packet.references++;",
  },
  {
    rule: RULE_STUCK,
    name: "an interrupt does not put its vector on the poll list",
    file: "core/machine/hard_irq.ts",
    from: "napiSchedule(index, cpu.irqVector);",
    to: "if (cpu.irqVector != 5) napiSchedule(index, cpu.irqVector);",
  },
  {
    rule: RULE_STUCK,
    name: "a poll that has not finished is forgotten",
    file: "core/machine/softirq.ts",
    from: "    if (queue.threaded == 0) pollAppend(cpu, vector);\n",
    to: "",
  },
  {
    rule: RULE_STUCK,
    name: "an idle CPU is not told of a thread",
    file: "core/machine/scheduler.ts",
    from: "if (cpu.activity == IDLE || preempts(target)) interruptCpu(cpuAt(waker), target);",
    to: "if (preempts(target)) interruptCpu(cpuAt(waker), target);",
  },
  {
    rule: RULE_STUCK,
    name: "a completion is not reported",
    file: "core/machine/ring.ts",
    from: "if ((packet.flags & FLAG_REPORT) != 0) {\n      queue.reportsDue++",
    to: "if ((packet.flags & FLAG_REPORT) != 0 && now() % 97 != 0) {\n      queue.reportsDue++",
  },
  {
    rule: RULE_DESCRIPTORS,
    name: "a packet gives back one descriptor, however many it had",
    file: "core/machine/ring.ts",
    from: "queue.txFree += packet.descriptors;",
    to: "queue.txFree += 1;",
  },
  {
    rule: RULE_BACKLOG,
    name: "a CPU is not told of its backlog",
    file: "core/machine/backlog.ts",
    from: "schedule(now() + cost(IPI) + far, EV_RPS_IPI, target);",
    to: "if (now() % 7 != 0) schedule(now() + cost(IPI) + far, EV_RPS_IPI, target);",
  },
  {
    rule: RULE_OUTSTANDING,
    name: "the peer does not go on after a transaction",
    file: "core/machine/client.ts",
    from: "schedule(done, EV_PEER_NEXT, index);",
    to: "if (done % 97 != 0) schedule(done, EV_PEER_NEXT, index);",
  },
];

const spoil = SPOILS.map(([, , text], place) => `if (number == ${place}) { ${text} }`).join("\n");
const module = await compileVariant({
  more: `${HELPERS} export function spoil(number: u32): void { ${spoil} }`,
  faults: FAULTS,
});
type Variant = Record<"spoil" | "plantFault", (number: number) => void>;

/** Runs every kind of work for some milliseconds. */
function busyMachine(fault: number): MachineWasm & { readonly variant: Variant } {
  const machine = bareMachine(module, { costs: { rx_packet_ns: 900 } });
  const variant = machine.calls as unknown as Variant;
  variant.plantFault(fault);
  // Half of the queues adapt under a cap of 60 us.
  for (const queue of [0, 2, 4, 6]) machine.calls.nicCoalesceStart(queue, -1, -1, 60);
  // Two of them spread their packets over all CPUs.
  for (const queue of [3, 4]) machine.calls.sysfsRpsCpus(queue, 0xff, 0);
  bareGroup(machine, "TCP_RR", 12);
  bareGroup(machine, "UDP_RR", 6, 3000);
  bareGroup(machine, "TCP_MAERTS", 2, 65536);
  bareGroup(machine, "TCP_STREAM", 2, 65536);
  bareGroup(machine, "UDP_STREAM", 1, 64);
  machine.calls.machineStart(2e6, 6e6);
  return { ...machine, variant };
}

function runToEnd({ calls }: MachineWasm): void {
  while (calls.machineRun(10_000) < 2);
}

Deno.test("a machine without fault keeps all rules at every instant", () => {
  const { calls } = busyMachine(-1);
  let instants = 0;
  for (; calls.machineRun(37) < 2; instants++) assert.equal(calls.checkMachine(), 0);
  assert.ok(instants > 1000, `${instants} instants`);
});

SPOILS.forEach(([rule, name], number) =>
  Deno.test(`"${ruleSentence(rule)}" fails where ${name}`, () => {
    const { calls, variant } = busyMachine(-1);
    while (calls.nowNs() < 3e6) calls.machineRun(1);
    assert.equal(calls.checkMachine(), 0);
    variant.spoil(number);
    assert.equal(calls.checkMachine(), rule);
  })
);

FAULTS.forEach(({ rule, name }, number) =>
  Deno.test(`a run breaks "${ruleSentence(rule)}" where ${name}`, () => {
    const machine = busyMachine(number);
    runToEnd(machine);
    assert.equal(machine.calls.checkMachine(), rule);
  })
);
