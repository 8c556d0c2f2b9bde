/**
 * Runs a case of the machine's seeds: first with faults and actions, watched after every slice,
 * then without, until every flow has moved. A case holds, or a sentence says what is broken.
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import { COST_NUMBERS } from "../machine/costs.ts";
import { Ethtool } from "../machine/ethtool.ts";
import { parseEthtool } from "../machine/ethtool_command.ts";
import { Host } from "../machine/host.ts";
import { takeReading, TOTAL_NAMES, type TotalName, totalOf } from "../machine/reading.ts";
import { ruleSentence } from "../machine/rules.ts";
import { entriesOf } from "../machine/trace.ts";
import { ERRNO, PolicyError } from "../policy/errno.ts";
import type { TestName } from "../record.ts";
import type { WorkloadSpec } from "../spec.ts";
import {
  type Action,
  actionName,
  actionText,
  type DriverFault,
  type MachineCase,
} from "./machine_case.ts";
import { FailingDriver } from "./machine_driver.ts";
import { StuckMonitor, TraceMonitor } from "./machine_monitor.ts";
import { entryText, lineOf } from "./machine_text.ts";

/** Both modules of one build. */
export interface MachineModules {
  readonly policyModule: WebAssembly.Module;
  readonly machineModule: WebAssembly.Module;
}

/** What became of a case. */
export interface CaseOutcome {
  /** What is broken; null if all holds. */
  readonly sentence: string | null;
  /** Virtual time of the end, nanoseconds. */
  readonly ns: number;
  readonly events: number;
  /** How often what happened, by name. */
  readonly sights: ReadonlyMap<string, number>;
  /** The last things before the end: actions, and entries of the trace. */
  readonly tail: readonly string[];
}

/** Events between two looks at all rules. */
const SLICE = 2000;
/** Events of a case at most: one that takes more ends where it is. */
const EVENTS_MAX = 1_500_000;
/** Entries of the trace that are kept for a reader. */
const TAIL = 40;
/** How long a flow may stand still before it counts as stuck, microseconds: looked at in turn. */
const PATIENCE_US = [0, 10_000, 100_000, 1_000_000];
/** Tests whose frames yield to nobody. */
const FLOODS: readonly TestName[] = ["UDP_STREAM", "XDP_DROP", "XSK_TX"];
/** Names of faults by the parameter that makes them. */
const FAULT_NAMES: Readonly<Record<string, string>> = {
  loss_ppm: "F21 packet loss",
  reorder_ppm: "F22 reorder",
  link_flap_period_us: "F23 link flap",
  msix_loss_ppm: "F24 lost interrupt",
  pcie_stall_period_us: "F26 PCIe stall",
  timer_drift_ppm: "F27 timer drift",
};
/** Names of the driver's faults. */
const DRIVER_FAULT_NAMES: Readonly<Record<DriverFault, string>> = {
  irqCount: "F1 irq information fails",
  ruleFull: "F2 rule table full",
  ruleInsert: "F3 rule insert fails",
  ruleDelete: "F4 rule delete fails",
  setNetPolicy: "F19 set-policy operation fails",
};
const RING_FULL = "F25 ring full";
/** Names of all faults that a case can have. */
export const FAULTS: readonly string[] = [
  ...Object.values(DRIVER_FAULT_NAMES),
  ...Object.values(FAULT_NAMES),
  RING_FULL,
];
/** Counters that must have moved for a fault to have happened. */
const FAULT_COUNTERS: Readonly<Record<string, readonly TotalName[]>> = {
  loss_ppm: ["lost_to_host", "lost_to_peer"],
  reorder_ppm: ["overtaken"],
  link_flap_period_us: ["down_to_host", "down_to_peer"],
  msix_loss_ppm: ["interrupts_lost"],
};

/** A broken rule. */
class Broken extends Error {}

/** Runs one case. */
export function runCase(modules: MachineModules, one: MachineCase): CaseOutcome {
  let run: CaseRun | null = null;
  let sentence: string | null = null;
  try {
    run = new CaseRun(modules, one);
    run.run();
  } catch (error) {
    sentence = messageOf(error);
  }
  return run === null
    ? { sentence, ns: 0, events: 0, sights: new Map(), tail: [] }
    : { sentence, ...run.outcome() };
}

class CaseRun {
  readonly #case: MachineCase;
  readonly #host: Host;
  readonly #driver: FailingDriver;
  readonly #ethtool: Ethtool;
  readonly #trace: TraceMonitor;
  readonly #stuck: StuckMonitor;
  readonly #sights = new Map<string, number>();
  #tail: string[] = [];
  #events = 0;
  /** Progress of each flow at the begin of the second phase; null before. */
  #progress: number[] | null = null;
  #patience = 0;
  #isOver = false;

  constructor(modules: MachineModules, one: MachineCase) {
    this.#case = one;
    let driver: FailingDriver | null = null;
    const costs = { ...one.machine.costs, ...one.faults };
    this.#host = new Host({
      ...modules,
      machine: { ...one.machine, costs },
      workload: workloadOf(one),
      policy: one.policy,
      mechanism: "netpolicy",
      seed: one.seed,
      warmupMs: 1,
      measureMs: 60_000,
      driverOf: (nic) => driver = new FailingDriver(nic, one),
    }, "whole");
    this.#driver = driver!;
    this.#ethtool = new Ethtool(this.#host.machine);
    this.#trace = new TraceMonitor(one.machine.nic.moderation === "dim_cqe");
    this.#stuck = new StuckMonitor(boundNs(one));
  }

  /** Runs to the end of the second phase; throws where something is broken. */
  run(): void {
    const { calls, constants } = this.#host.machine;
    this.#driver.arm();
    this.#host.start();
    this.#case.actions.forEach(({ at_us }, index) => calls.operationAt(at_us * 1e3, index));
    calls.operationAt(this.#case.safety_us * 1e3, this.#case.actions.length);
    calls.traceStart();
    while (!this.#isOver) {
      const marks = calls.machineRun(SLICE);
      this.#watch();
      if (marks === constants.RUN_FULL || this.#events > EVENTS_MAX) {
        this.#sight("ended early");
        return;
      }
      this.#attend();
    }
    this.#sightFaults();
  }

  outcome(): Omit<CaseOutcome, "sentence"> {
    const { machine } = this.#host;
    return {
      ns: machine.calls.nowNs(),
      events: this.#events,
      sights: this.#sights,
      tail: this.#tail,
    };
  }

  #sight(name: string, times = 1): void {
    this.#sights.set(name, (this.#sights.get(name) ?? 0) + times);
  }

  #note(line: string): void {
    this.#tail.push(line);
    if (this.#tail.length > 2 * TAIL) this.#tail = this.#tail.slice(-TAIL);
  }

  /** All rules: those of the core, of the policy manager, and of the trace. */
  #watch(): void {
    const { machine, manager } = this.#host;
    const { calls, constants, memory } = machine;
    const words = new Uint32Array(memory.buffer, constants.TRACE_TABLE, 4 * calls.traceTake());
    for (const entry of entriesOf({ words })) {
      this.#note(entryText(entry));
      const broken = this.#trace.look(entry);
      if (broken !== null) throw new Broken(broken);
    }
    const rule = calls.checkMachine();
    if (rule !== 0) throw new Broken(`Rule ${rule} of the model is broken: ${ruleSentence(rule)}`);
    const invariant = manager.check();
    if (invariant !== null) {
      throw new Broken(`The policy manager broke its invariant ${invariant}`);
    }
    this.#lookRings();
  }

  #lookRings(): void {
    const { machine, spec } = this.#host;
    const reading = takeReading(machine, spec, this.#case.groups.length);
    this.#events = totalOf(reading, "events");
    reading.queues.slice(0, machine.calls.nicQueues()).forEach((counters, queue) => {
      const held = machine.calls.rxHeld(queue);
      const broken = this.#stuck.look(queue, held, counters[0] ?? 0, reading.timeNs);
      if (broken !== null) throw new Broken(broken);
    });
  }

  /** What is due: new channels, an action, the end of a phase. */
  #attend(): void {
    const { machine: { calls }, manager, device } = this.#host;
    if (calls.channelsChanged() === 1) {
      this.#trace.restart();
      this.#tried("channels", () => manager.deviceChannels(device));
    }
    const index = calls.operationTake();
    if (index < 0) return;
    const action = this.#case.actions[index];
    if (action !== undefined && this.#progress === null) this.#perform(action);
    else if (action === undefined && this.#progress === null) this.#heal();
    else if (action === undefined) this.#judgeFlows();
  }

  #perform(action: Action): void {
    const { manager, device } = this.#host;
    this.#note(lineOf(this.#host.machine.calls.nowNs(), actionText(action)));
    this.#trace.restart();
    const name = actionName(action);
    this.#tried(name, () => {
      if ("ethtool" in action) return parseEthtool(action.ethtool).run(this.#ethtool);
      if ("policy" in action) return manager.writeDevicePolicy(device, action.policy);
      if ("offline" in action) return manager.cpuOffline(action.offline);
      if ("online" in action) return manager.cpuOnline(action.online);
      return action.device === "up" ? manager.deviceUp(device) : manager.deviceDown(device);
    });
  }

  /** Does something that may be refused, and counts how it was answered. */
  #tried(name: string, body: () => number | void): void {
    let isDone = true;
    try {
      isDone = (body() ?? 0) >= 0;
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      isDone = false;
    }
    this.#sight(`${name} ${isDone ? "is done" : "is refused"}`);
  }

  /**
   * The faults end: CPUs and device are there, no frames are dropped by a rule. A vector that has
   * lost its interrupt may be silent for good if it only receives: the rings restart.
   */
  #heal(): void {
    const { machine: { calls }, manager, device, spec } = this.#host;
    if (parseEthtool("-N eth0 delete 5").run(this.#ethtool) === -ERRNO.EBUSY) {
      // A reset is under way.
      calls.operationAt(200e3, this.#case.actions.length);
      return;
    }
    if (this.#totals("interrupts_lost") > 0) {
      const most = spec.nic.ring === 512 ? 1024 : 512;
      parseEthtool(`-G eth0 rx ${most} tx ${most}`).run(this.#ethtool);
      this.#sight("rings restart after lost interrupts");
    }
    this.#note(lineOf(calls.nowNs(), "all faults end"));
    this.#driver.heal();
    for (const name of Object.keys(this.#case.faults)) {
      calls.costSet(COST_NUMBERS[name]!, this.#case.machine.costs[name]!);
    }
    for (const node of spec.host.nodes) {
      for (const cpu of node.cpus) this.#tried("online", () => manager.cpuOnline(cpu));
    }
    this.#tried("device up", () => manager.deviceUp(device));
    this.#trace.restart();
    this.#progress = this.#flows();
    calls.operationAt(this.#case.liveness_us * 1e3, this.#case.actions.length);
  }

  /** Progress of each flow by its connection. */
  #flows(): number[] {
    const { calls } = this.#host.machine;
    const count = this.#case.groups.reduce((sum, { connections }) => sum + connections, 0);
    return Array.from({ length: count }, (_, index) => calls.flowProgress(index));
  }

  /** Every flow has moved, or is given more time, or is stuck. */
  #judgeFlows(): void {
    const still = this.#standing();
    if (still.length === 0) {
      for (const { test } of this.#case.groups) this.#sight(`${test} goes on`);
      this.#isOver = true;
      return;
    }
    const next = PATIENCE_US[++this.#patience];
    if (next !== undefined) {
      this.#sight(`a flow needs ${next / 1000} ms more`);
      this.#host.machine.calls.operationAt(next * 1e3, this.#case.actions.length);
      return;
    }
    throw new Broken(
      `No progress without faults for ${
        PATIENCE_US.reduce((sum, us) => sum + us, this.#case.liveness_us) / 1000
      } ms: ${still.join(", ")}`,
    );
  }

  /** Flows that have not moved and nothing excuses. */
  #standing(): string[] {
    const now = this.#flows();
    let index = 0;
    const { groups } = this.#case;
    const isFlooded = groups.some(({ test }) => FLOODS.includes(test));
    return groups.flatMap((group) => {
      const first = index;
      index += group.connections;
      if (isFlooded || this.#isExcused(group.test)) return [];
      return Array.from({ length: group.connections }, (_, place) => first + place)
        .filter((flow) => now[flow] === this.#progress![flow])
        .map((flow) => `flow ${flow} of ${group.name} (${group.test})`);
    });
  }

  /** What yields to nobody may starve others. */
  #isExcused(test: TestName): boolean {
    const { nic } = this.#case.machine;
    if (this.#totals("drop_fifo") > 0 || this.#totals("drop_backlog") > 0) return true;
    const isFull = this.#totals("drop_ring") > 0;
    return isFull && (nic.threaded === true || test === "UDP_RR");
  }

  #totals(name: TotalName): number {
    const { machine, spec } = this.#host;
    return totalOf(takeReading(machine, spec, 0), name);
  }

  /** Which faults there were and were survived. */
  #sightFaults(): void {
    const { machine, spec } = this.#host;
    const reading = takeReading(machine, spec, 0);
    for (const name of TOTAL_NAMES) {
      const count = totalOf(reading, name);
      if (count > 0) this.#sight(`counter ${name}`);
    }
    for (const [cost, name] of Object.entries(FAULT_NAMES)) {
      if ((this.#case.faults[cost] ?? 0) === 0) continue;
      const counters = FAULT_COUNTERS[cost];
      const has = counters?.some((counter) => totalOf(reading, counter) > 0) ?? true;
      if (has) this.#sight(`${name} is survived`);
    }
    if (totalOf(reading, "drop_ring") > 0) this.#sight(`${RING_FULL} is survived`);
    for (const fault of this.#driver.failed.keys()) {
      this.#sight(`${DRIVER_FAULT_NAMES[fault]} is survived`);
    }
    this.#sight(`policy ${this.#case.policy}`);
    this.#sight(`moderation ${this.#case.machine.nic.moderation}`);
  }
}

/** A frame may wait for what defers its interrupt, for the longest fault, and for turns of CPUs. */
function boundNs({ machine: { costs }, faults }: MachineCase): number {
  const of = (name: string): number => faults[name] ?? 0;
  const deferral = costs["napi_defer_hard_irqs"]! * costs["gro_flush_timeout_ns"]! +
    costs["irq_suspend_timeout_ns"]!;
  const drift = 1 + of("timer_drift_ppm") / 1e6;
  const faultUs = of("link_down_us") + of("pcie_stall_us");
  const lost = of("msix_loss_ppm") > 0 ? Infinity : 0;
  return 30e6 + 2 * deferral * drift + 1e3 * faultUs + lost;
}

function workloadOf({ groups }: MachineCase): WorkloadSpec {
  return {
    name: "drawn",
    title: "drawn",
    description: "",
    machine: "drawn",
    duration: { model: { warmup_ms: 1, measure_ms: 1 }, live: { warmup_ms: 1, measure_ms: 10 } },
    targets: ["model"],
    in_default_matrix: false,
    groups,
  };
}
