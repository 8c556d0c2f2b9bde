/**
 * A machine that is made anew is as a new one: after a run that has used everything (rules, tables,
 * moderation, faults, a reset under way) the same set-up must give the same run, event by event, as
 * on an instance that has done nothing before, and as the shipped build gives it.
 *
 * @module
 */

import type { TestName } from "../../../harness/record.ts";
import type { MachineWasm } from "../../../harness/machine/wasm.ts";
import { bareGroup, type BareMachine, bareMachine, setUpBare } from "../../unit/machine_runs.ts";
import type { Trial } from "../trial.ts";

/** A run on a bare machine. */
interface Run {
  readonly machine: BareMachine;
  readonly groups: readonly (readonly [TestName, number, number])[];
  /** What is done before the machine starts. */
  readonly set?: (machine: MachineWasm) => void;
  readonly us: number;
}

const FAULTS = {
  loss_ppm: 2000,
  reorder_ppm: 3000,
  reorder_delay_us: 20,
  msix_loss_ppm: 2000,
  link_flap_period_us: 400,
  link_down_us: 20,
  pcie_stall_period_us: 300,
  pcie_stall_us: 10,
  timer_drift_ppm: 500,
};

/** Gives frames of a flow type to a destination port to a queue, at the highest free location. */
export function rule(
  { calls, memory, constants }: MachineWasm,
  type: number,
  port: number,
  queue: number,
): void {
  const words = new Uint32Array(memory.buffer, constants.RULE_INPUT, 22).fill(0);
  [words[0], words[17], words[18]] = [type, port, 0xffff];
  calls.ethtoolRule(-1, queue);
}

function setEverything(machine: MachineWasm): void {
  const { calls } = machine;
  for (let port = 0; port < 40; port++) rule(machine, port % 2 === 0 ? 17 : 132, port, port % 8);
  for (let entry = 0; entry < 512; entry++) calls.ethtoolTableSet(entry, entry % 3);
  for (let byte = 0; byte < 52; byte++) calls.ethtoolKeySet(byte, 255 - byte);
  for (let type = 0; type < 4; type++) calls.ethtoolHashFieldsSet(type, 3);
  for (let queue = 0; queue < 8; queue++) {
    calls.ethtoolCoalesce(queue, 0, 0, 20 + queue, 40 + queue, 60, -1, 64);
    calls.irqAffinitySet(queue, 1 << (7 - queue), 0);
    calls.sysfsXpsCpus(queue, 1 << queue, 0);
  }
  calls.distanceSet(0, 1, 31);
}

const ALL: Run["groups"] = [
  ["TCP_STREAM", 4, 65536],
  ["TCP_RR", 6, 1],
  ["TCP_CRR", 4, 64],
  ["UDP_RR", 4, 4000],
  ["TCP_MAERTS", 3, 65536],
];

const BEFORE: readonly Run[] = [
  { machine: { costs: FAULTS }, groups: ALL, set: setEverything, us: 900 },
  {
    machine: { queues: 5, cpuCount: 6, costs: { ...FAULTS, pcie_mbps: 16000 } },
    groups: ALL,
    us: 1500,
  },
  { machine: {}, groups: [["UDP_STREAM", 8, 9000], ["TCP_STREAM", 8, 65536]], us: 700 },
];
const AFTER: readonly Run[] = [
  { machine: {}, groups: [["TCP_RR", 5, 1], ["UDP_RR", 3, 64]], us: 400 },
  { machine: {}, groups: ALL, set: setEverything, us: 600 },
  {
    machine: { queues: 7, cpuCount: 7, costs: { pcie_mbps: 16000 } },
    groups: [["TCP_STREAM", 3, 65536], ["TCP_CRR", 3, 1]],
    us: 600,
  },
  {
    machine: {
      costs: { ...FAULTS, pcie_mbps: 7000, pcie_payload_bytes: 128, pcie_read_bytes: 256 },
    },
    groups: ALL,
    us: 1600,
  },
];

function start(machine: MachineWasm, { groups, set }: Run): void {
  for (const [test, connections, bytes] of groups) bareGroup(machine, test, connections, bytes);
  machine.calls.machineStart(1e5, 1e8);
  set?.(machine);
}

function runFor({ calls }: MachineWasm, us: number): void {
  const end = calls.nowNs() + us * 1000;
  while (calls.nowNs() < end) calls.machineRun(1);
}

/** FNV-1a over words: a difference shows but for one in 2^32. */
function digest(words: Uint32Array): number {
  let hash = 0x811c9dc5;
  for (const word of words) hash = Math.imul(hash ^ word, 0x01000193);
  return hash >>> 0;
}

/** What the device says of itself, its queues word by word, and the run's fingerprint. */
export function seen({ calls, memory, constants }: MachineWasm): string {
  const { QUEUE_TABLE, QUEUE_BYTES, TOTAL_TABLE, TOTAL_COUNT } = constants;
  const queues = new Uint32Array(memory.buffer, QUEUE_TABLE, 64 * QUEUE_BYTES / 4);
  const places = Array.from({ length: 512 }, (_, place) => place);
  return JSON.stringify([
    [calls.fingerprintHigh(), calls.fingerprintLow(), calls.nowNs(), calls.checkMachine()],
    [calls.rulesUsed(), calls.ethtoolRuleNext(0), calls.ethtoolDown(), calls.nicQueuesEver()],
    [calls.ethtoolRing(0), calls.ethtoolRing(1), calls.ethtoolWorkLimitNow(), calls.nicQueues()],
    places.map((place) => calls.ethtoolTable(place)),
    places.slice(0, 52).map((place) => calls.ethtoolKey(place)),
    places.slice(0, 4).map((type) => calls.ethtoolHashFields(type)),
    places.slice(0, calls.nicQueues()).map((
      queue,
    ) => [calls.nicIrq(queue, 0), calls.nicCpu(queue)]),
    digest(queues),
    digest(new Uint32Array(memory.buffer, TOTAL_TABLE, TOTAL_COUNT * 2)),
  ]);
}

/** The run alone, on an instance of its own or one that has done another. */
function alone(machine: MachineWasm, run: Run): string[] {
  const first = seen(machine);
  start(machine, run);
  const second = seen(machine);
  runFor(machine, run.us);
  return [first, second, seen(machine)];
}

/** The trials: every run on a new machine as the shipped build has it, then after every other. */
export const AGAIN_TRIALS: readonly Trial[] = AFTER.map((after, number): Trial => {
  let expected: readonly string[] | null = null;
  const differs = (found: readonly string[]) => {
    const place = found.findIndex((text, place) => text !== expected![place]);
    return place < 0 ? null : `${["the device", "the start", "the run"][place]} is another one`;
  };
  return {
    name: `a machine made anew ${number}`,
    oracle: "original",
    run(module) {
      const first = alone(bareMachine(module, after.machine), after);
      expected ??= first;
      let wrong = differs(first);
      for (const before of BEFORE) {
        if (wrong !== null) return wrong;
        const machine = bareMachine(module, before.machine);
        start(machine, before);
        runFor(machine, before.us);
        // In the midst of a reset.
        machine.calls.ethtoolRings(number === 0 ? 128 : 1024, 256);
        setUpBare(machine, after.machine);
        wrong = differs(alone(machine, after));
      }
      return wrong;
    },
  };
});
