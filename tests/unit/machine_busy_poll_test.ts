/**
 * Busy polling: a receive call without data spins on its socket's NAPI.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Measurement } from "../../harness/record.ts";
import { compileVariant } from "./machine_parts.ts";
import {
  bareGroup,
  bareMachine,
  groupOf,
  loadModules,
  runToEnd,
  type SmallRun,
  withCosts,
  X710,
} from "./machine_runs.ts";

const modules = await loadModules();
const RR = groupOf({ test: "TCP_RR" });
/** A device that shows each frame at once, as those of ixgbe do. */
const DEVICE = withCosts(X710, { rx_write_back_descriptors: 1 });
const BUSY = { busy_poll_ns: 400_000 };
const PREFER = {
  ...BUSY,
  prefer_busy_poll: 1,
  napi_defer_hard_irqs: 100,
  gro_flush_timeout_ns: 200_000,
};

/** One connection of one transaction in flight, with other costs. */
function measure(costs: Record<string, number>, run: Partial<SmallRun> = {}): Measurement {
  return runToEnd(modules, { groups: [RR], machine: withCosts(DEVICE, costs), ...run });
}

const latencyUs = ({ groups }: Measurement) => groups[0]!.latency_ns!.mean / 1000;
const perSecond = ({ groups }: Measurement) => groups[0]!.throughput.value;
/** CPUs that something keeps busy all the time. */
const spinning = ({ cpus }: Measurement) => cpus.filter(({ idle_ns }) => idle_ns === 0);

/** Round trip with a fixed interval for receive and transmit. */
function withInterval(costs: Record<string, number>, usecs: number): number {
  const interval = { rx: usecs, tx: usecs };
  const nic = { ...X710.nic, usecs: { ...X710.nic.usecs, LATENCY: interval } };
  const machine = withCosts({ ...DEVICE, nic }, costs);
  return latencyUs(measure({}, { machine, policy: "LATENCY", measureMs: 40 }));
}

Deno.test("with busy polling the throttling interval does not matter; without it, it does", () => {
  const intervals = [2, 50, 100, 250];
  const blocking = intervals.map((usecs) => withInterval({}, usecs));
  const busy = intervals.map((usecs) => withInterval(BUSY, usecs));
  assert.ok(blocking[3]! > 8 * blocking[0]!, `blocking: ${blocking} us`);
  assert.ok(Math.max(...busy) < 1.1 * Math.min(...busy), `busy: ${busy} us`);
  // A long interval is even better: no interrupt disturbs the thread that spins.
  assert.ok(busy[3]! <= busy[0]!, `busy: ${busy} us`);
  assert.ok(busy[1]! < 0.5 * blocking[1]!, "it halves the round trip");
});

Deno.test("with busy polling idle states cost nothing", () => {
  const shallow = { c1_exit_ns: 0 };
  const deep = { c1_exit_ns: 20_000 };
  const blocking = [shallow, deep].map((costs) => latencyUs(measure(costs)));
  const busy = [shallow, deep].map((costs) => latencyUs(measure({ ...BUSY, ...costs })));
  assert.ok(blocking[1]! > blocking[0]! + 15, `blocking: ${blocking} us`);
  // The one CPU that the interrupt may still wake is not the one that answers.
  assert.ok(Math.abs(busy[1]! - busy[0]!) < 0.01, `busy: ${busy} us`);
  assert.ok(busy[1]! < 0.5 * blocking[1]!, `busy: ${busy} us`);
});

Deno.test("a CPU that spins is in system mode and never idle", () => {
  const busy = measure(BUSY);
  const [cpu, ...others] = spinning(busy);
  assert.equal(others.length, 0, "one thread, one CPU");
  assert.ok(cpu!.system_ns > 0.9 * busy.duration_ns, `${cpu!.system_ns} ns`);
  assert.ok(cpu!.softirq_ns < 0.01 * busy.duration_ns, "no softirq does the receiving");
  assert.equal(spinning(measure({})).length, 0);
});

Deno.test("interrupts stay armed while a thread spins, unless busy polling is preferred", () => {
  const [plain, prefer] = [measure(BUSY), measure(PREFER)];
  const each = plain.interrupts!.per_second / perSecond(plain);
  assert.ok(each > 0.9 && each < 1.3, `${each} interrupts a transaction`);
  assert.equal(prefer.interrupts!.count, 0);
  // No interrupt: half a microsecond less.
  const gain = latencyUs(plain) - latencyUs(prefer);
  assert.ok(gain > 0.4 && gain < 0.6, `${gain} us`);
  // The three settings belong together: one alone changes nothing.
  const alone = measure({ ...BUSY, prefer_busy_poll: 1 });
  assert.equal(alone.fingerprint, plain.fingerprint);
});

Deno.test("frames that an i40e withholds stop a spin until its end, or for an interval", () => {
  // An interrupt for transmit masks the vector in the midst of a spin.
  const p99Us = (costs: Record<string, number>) =>
    measure(costs, { policy: "LATENCY", machine: withCosts(X710, costs) })
      .groups[0]!.latency_ns!.p99 / 1000;
  const busy = { busy_poll_ns: 50_000 };
  assert.ok(p99Us({ ...busy, rx_write_back_descriptors: 1 }) < 20);
  const withheld = p99Us({ ...busy, rx_write_back_descriptors: 4 });
  assert.ok(withheld > 50 && withheld < 75, `${withheld} us`);
  const interval = p99Us({ ...busy, rx_write_back_descriptors: 4, wb_on_itr: 1 });
  assert.ok(interval < 30, `${interval} us`);
});

Deno.test("a spin lasts as long as it may, then the thread sleeps until an interrupt", () => {
  const arrival = { loop: "open", rate_per_second: 1000, distribution: "constant" } as const;
  const groups = [{ ...RR, arrival }];
  const systemUs = (busyPollNs: number) => {
    const { cpus, groups: [group] } = measure({ busy_poll_ns: busyPollNs }, {
      groups,
      measureMs: 50,
    });
    return cpus.reduce((sum, cpu) => sum + cpu.system_ns, 0) / group!.transactions / 1000;
  };
  const base = systemUs(0);
  for (const us of [50, 200]) {
    const spun = systemUs(us * 1000) - base;
    assert.ok(Math.abs(spun - us) < 2, `${spun} us of ${us} a transaction`);
  }
  const [blocking, short, long] = [0, 50_000, 2_000_000].map((busy_poll_ns) =>
    latencyUs(measure({ busy_poll_ns }, { groups, measureMs: 50 }))
  );
  // A spin that is over before the next request comes gains nothing.
  assert.ok(Math.abs(short! - blocking!) < 1, `${short} us, blocking ${blocking} us`);
  assert.ok(long! < short! - 3, `${long} us`);
});

Deno.test("threads that share a CPU share it while they spin, and sleepers are not forgotten", () => {
  const machine = {
    ...DEVICE,
    host: { ...X710.host, nodes: [{ id: 0, cpus: [0] }], siblings: [] },
  };
  const groups = ["a", "b", "c"].map((name) => ({ ...RR, name }));
  const measured = measure({}, {
    groups,
    machine: withCosts({ ...machine, host: { ...machine.host, distance: [[10]] } }, BUSY),
    measureMs: 200,
  });
  const counts = measured.groups.map(({ transactions }) => transactions);
  assert.ok(Math.min(...counts) > 0.8 * Math.max(...counts), `${counts} transactions`);
  assert.equal(measured.cpus[0]!.idle_ns, 0);
});

Deno.test("datagrams are polled for too; a writer that waits for room is not", () => {
  const ratio = (test: "UDP_RR" | "TCP_MAERTS") => {
    const groups = [groupOf({ test })];
    return perSecond(measure(BUSY, { groups })) / perSecond(measure({}, { groups }));
  };
  assert.ok(ratio("UDP_RR") > 1.2);
  assert.equal(ratio("TCP_MAERTS"), 1);
});

const variant = await compileVariant({
  more: `
    import { POLL_ROUND } from "./machine/busy_poll";
    import { cpuAt } from "./machine/cpu";
    export function roundFrames(cpu: u32): i32 {
      return cpuAt(cpu).busyPoll == POLL_ROUND ? <i32>cpuAt(cpu).work : -1;
    }
  `,
  faults: [
    {
      file: "core/machine/busy_poll.ts",
      from: "pollBegin(cpuAt(cpu), vector, POLL_LAST);",
      to: "",
    },
    {
      file: "core/machine/busy_poll.ts",
      from: "  napiHand(index, vector);\n",
      to: "",
    },
    {
      file: "core/machine/napi.ts",
      from: "queue.napiTimer = schedule(now() + timerTicks(ticks), EV_NAPI_TIMER, vector);",
      to: "",
    },
    {
      file: "core/machine/busy_poll.ts",
      from: "queue.poller = index + 1;",
      to: "queue.poller = index == 0 ? 2 : index + 1;",
    },
  ],
});
type Variant = {
  plantFault(number: number): void;
  roundFrames(cpu: number): number;
};

/** Sixteen connections on eight CPUs whose threads compete for the NAPI of two queues. */
function crowd(fault: number, costs: Record<string, number> = {}) {
  const machine = bareMachine(variant, { costs: { ...PREFER, busy_poll_ns: 20_000, ...costs } });
  const calls = machine.calls as typeof machine.calls & Variant;
  calls.plantFault(fault);
  calls.nicSet(10, 2, 512, 0);
  bareGroup(machine, "TCP_RR", 10);
  bareGroup(machine, "UDP_RR", 6, 3000);
  bareGroup(machine, "TCP_STREAM", 1, 65536);
  calls.machineStart(2e6, 6e6);
  return calls;
}

Deno.test("who has the NAPI of a vector is right at every instant", () => {
  const calls = crowd(-1);
  let instants = 0;
  for (; calls.machineRun(11) < 2; instants++) assert.equal(calls.checkMachine(), 0);
  assert.ok(instants > 1000, `${instants} instants`);
});

Deno.test("a round takes at most its budget of frames", () => {
  for (const budget of [1, 8, 32]) {
    const calls = crowd(-1, { busy_poll_budget_packets: budget });
    let most = 0;
    while (calls.machineRun(1) < 2) {
      for (let cpu = 0; cpu < 8; cpu++) most = Math.max(most, calls.roundFrames(cpu));
    }
    assert.equal(most, budget);
  }
});

const RULE_STUCK = 6;
for (
  const [fault, name] of [
    "a spin ends without its last poll",
    "a last poll that was not enough is forgotten",
    "the interrupt stays masked without a timer",
    "a thread polls in the name of another",
  ].entries()
) {
  Deno.test(`a run breaks the rule of one holder where ${name}`, () => {
    // The budget of 1 makes last polls that are not enough; they go to a softirq without a timer.
    const costs = fault === 1 ? { busy_poll_budget_packets: 1, prefer_busy_poll: 0 } : {};
    const calls = crowd(fault, costs);
    let broken = 0;
    while (broken === 0 && calls.machineRun(11) < 2) broken = calls.checkMachine();
    assert.equal(broken, RULE_STUCK);
  });
}
