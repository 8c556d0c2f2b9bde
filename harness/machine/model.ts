/**
 * One run of the model: a workload on a machine under a device policy, from set-up to measurement.
 *
 * Wires the two modules together (policy.wasm calls the driver, machine.wasm calls policy.wasm)
 * and drives the machine in slices. No clock but a profile's, no file, no randomness but the
 * seed's.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import { PolicyManager, policyValue } from "../policy/manager.ts";
import type { DevicePolicy, HintPolicy, Measurement } from "../record.ts";
import {
  type MachineSpec,
  SERVICE_DISTRIBUTIONS,
  type WorkloadGroup,
  type WorkloadSpec,
} from "../spec.ts";
import { COST_NUMBERS } from "./costs.ts";
import { MachineDriver, stockIntervals } from "./driver.ts";
import { Profiler, type ProfileSamples } from "./profile.ts";
import {
  cpusBetween,
  groupBetween,
  queuesBetween,
  type Reading,
  takeReading,
  totalBetween,
  totalOf,
} from "./reading.ts";
import { ruleSentence } from "./rules.ts";
import { type TraceData, TraceRecorder } from "./trace.ts";
import { instantiateMachine, type MachineWasm } from "./wasm.ts";

/** What a run is made from. */
export interface ModelOptions {
  readonly workload: WorkloadSpec;
  readonly machine: MachineSpec;
  readonly policy: DevicePolicy;
  /** "stock" leaves the driver's defaults alone; its policy is NONE. */
  readonly mechanism: "stock" | "netpolicy";
  /** 32-bit unsigned. */
  readonly seed: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** Entries to trace at most, from the end of the warm-up on; default is no trace. */
  readonly traceLimit?: number | undefined;
  /** Milliseconds, for a profile of the measured interval; default is no profile. */
  readonly clock?: (() => number) | undefined;
  readonly policyModule: WebAssembly.Module;
  readonly machineModule: WebAssembly.Module;
}

/** Nodes of the machine's pools, and its memory. */
export interface Room {
  readonly bytes: number;
  readonly events: number;
  readonly eventsEver: number;
  readonly packets: number;
  readonly packetsEver: number;
}

const NO_TASK = 0;

/** A run in progress. */
export class ModelRun {
  readonly #options: ModelOptions;
  readonly #manager: PolicyManager;
  readonly #machine: MachineWasm;
  readonly #device: number;
  #marks = 0;
  readonly #recorder: TraceRecorder | null;
  readonly #profiler: Profiler | null;
  /** Counters at the end of the warm-up. */
  #from: Reading | null = null;

  private constructor(options: ModelOptions) {
    this.#options = options;
    const { machine, workload } = options;
    const driver = new MachineDriver(machine.nic);
    this.#manager = new PolicyManager(options.policyModule, driver, capacitiesOf(options));
    this.#machine = instantiateMachine(
      options.machineModule,
      this.#manager.wasm.exports as WebAssembly.ModuleImports,
    );
    const { clock, traceLimit } = options;
    this.#profiler = clock === undefined ? null : new Profiler(this.#machine, clock);
    this.#recorder = traceLimit === undefined ? null : new TraceRecorder(this.#machine, traceLimit);
    refuseTooMuch(this.#machine, workload);
    driver.attach(this.#machine);
    setUpHost(this.#machine, machine, options.seed);
    this.#device = setUpDevice(this.#manager, machine);
    if (options.mechanism === "netpolicy") {
      this.#manager.writeDevicePolicy(this.#device, options.policy);
    }
    this.#setUpGroups();
    this.#machine.calls.machineStart(options.warmupMs * 1e6, options.measureMs * 1e6);
  }

  /**
   * Sets up a run.
   *
   * @throws {UserError} when the workload does not fit the model's tables, or the device policy
   * does not fit the mechanism.
   */
  static create(options: ModelOptions): ModelRun {
    if (options.mechanism === "stock" && options.policy !== "NONE") {
      throw new UserError(
        `Cannot run policy "${options.policy}" with mechanism "stock": accepted is "NONE"`,
      );
    }
    return new ModelRun(options);
  }

  #setUpGroups(): void {
    const { calls, constants } = this.#machine;
    calls.socketsSet(NO_TASK, this.#device);
    this.#options.workload.groups.forEach((group, index) => {
      calls.groupSet(
        constants[`TEST_${group.test}`],
        group.connections,
        group.outstanding,
        group.request_bytes,
        group.response_bytes,
        group.message_bytes,
        policyValue(this.#policyOf(group)),
        group.service_ns,
      );
      const distribution = SERVICE_DISTRIBUTIONS.indexOf(group.service_distribution);
      if (distribution > 0) calls.groupService(index, distribution);
      const byQueue = group.assignment === "by_queue" ? 1 : 0;
      calls.groupThreads(index, group.threads, group.pin ? 1 : 0, byQueue);
      if (group.sizes.distribution === "facebook") {
        calls.groupFacebook(index, Math.round(group.sizes.update_percent * 1e4));
      }
      if (group.arrival.loop === "open") setUpArrivals(this.#machine, index, group, group.arrival);
    });
  }

  /** Policy that a group's sockets ask for. */
  #policyOf(group: WorkloadGroup): HintPolicy {
    const { policy } = this.#options;
    return policy === "MIX" ? group.hint : policy;
  }

  /**
   * Handles at most `maxEvents` events; true when the run is over. Slices of 1e4 to 1e5 events let
   * the engine optimise and the caller hear Ctrl-C.
   *
   * @throws {UserError} when more is under way than the model's tables hold.
   */
  advance(maxEvents: number): boolean {
    if (this.#profiler === null || this.#from === null) return this.#handle(maxEvents);
    return this.#profiler.slice(maxEvents, (count) => this.#handle(count));
  }

  #handle(maxEvents: number): boolean {
    if (this.#marks < 2) {
      const marks = this.#machine.calls.machineRun(maxEvents);
      if (marks === this.#machine.constants.RUN_FULL) throw this.#tooMuchUnderWay();
      if (marks === this.#machine.constants.RUN_BROKEN) this.#check();
      this.#marks = marks;
      if (this.#marks > 0 && this.#from === null) {
        this.#machine.calls.histogramsClear();
        this.#from = this.#read();
        this.#recorder?.start();
        this.#profiler?.start();
      }
      if (this.#from !== null) this.#recorder?.take();
    }
    return this.#marks === 2;
  }

  #tooMuchUnderWay(): UserError {
    const { workload, machine } = this.#options;
    const ms = (this.#machine.calls.nowNs() / 1e6).toFixed(1);
    return new UserError(
      `The workload "${workload.name}" on machine "${machine.name}" has more packets under way ` +
        `after ${ms} ms than the model has room for: take fewer connections, fewer outstanding ` +
        `transactions, smaller messages or a shorter ring`,
    );
  }

  #read(): Reading {
    const { machine, workload } = this.#options;
    return takeReading(this.#machine, machine, workload.groups.length);
  }

  /** What was traced; null where no trace was asked for or the warm-up is not over. */
  trace(): TraceData | null {
    return this.#from === null ? null : this.#recorder?.data() ?? null;
  }

  /** Times of the measured interval so far; null where no clock was given. */
  profile(): ProfileSamples | null {
    return this.#from === null ? null : this.#profiler?.samples() ?? null;
  }

  /** How much of warm-up and measured interval is over, 0..1. */
  progress(): number {
    const { warmupMs, measureMs } = this.#options;
    return Math.min(1, this.#machine.calls.nowNs() / 1e6 / (warmupMs + measureMs));
  }

  /** What the run takes of its fixed memory: nodes in use, and the most that ever were. */
  room(): Room {
    const { calls, memory } = this.#machine;
    return {
      bytes: memory.buffer.byteLength,
      events: calls.pendingEvents(),
      eventsEver: calls.eventsTaken(),
      packets: calls.packetsUsed(),
      packetsEver: calls.packetsTaken(),
    };
  }

  /** Hash over all events so far, 16 hex digits. */
  fingerprint(): string {
    const { calls } = this.#machine;
    const hex = (word: number) => (word >>> 0).toString(16).padStart(8, "0");
    return hex(calls.fingerprintHigh()) + hex(calls.fingerprintLow());
  }

  /**
   * What was measured so far: from the end of the warm-up on; nothing while it lasts. Counters of
   * the policy manager are those of the whole run, since sockets are set up before the interval.
   *
   * @throws {Error} when a conservation rule is broken: a fault of the model.
   */
  measurement(): Measurement {
    const { machine, workload } = this.#options;
    const to = this.#read();
    const from = this.#from ?? to;
    this.#check();
    const policyOf = this.#queuePolicies();
    const queues = queuesBetween(from, to, this.#machine, machine, policyOf);
    const cpus = cpusBetween(from, to, machine);
    const durationNs = to.timeNs - from.timeNs;
    const idleNs = cpus.reduce((sum, cpu) => sum + cpu.idle_ns, 0);
    return {
      duration_ns: durationNs,
      groups: workload.groups.map((group, index) =>
        groupBetween(from, to, this.#machine, index, group, this.#policyOf(group))
      ),
      cpus,
      cpu_utilisation: durationNs > 0 ? 1 - idleNs / (durationNs * cpus.length) : null,
      interrupts: interruptsOf(queues, durationNs),
      queues,
      drops: dropsBetween(from, to),
      retransmits: totalBetween(from, to, "retransmits"),
      policy_counters: this.#manager.counters(),
      fingerprint: this.fingerprint(),
      events: totalBetween(from, to, "events"),
      remarks: this.#remarks(from, to),
    };
  }

  #check(): void {
    const rule = this.#machine.calls.checkMachine();
    if (rule !== 0) {
      const ms = (this.#machine.calls.nowNs() / 1e6).toFixed(6);
      throw new Error(`The model broke its rule ${rule} by ${ms} ms: ${ruleSentence(rule)}`);
    }
    const invariant = this.#manager.check();
    if (invariant !== null) throw new Error(`The policy manager broke its invariant ${invariant}`);
  }

  /** The object list of each queue. */
  #queuePolicies(): (queue: number) => HintPolicy {
    const lists = Object.entries(this.#manager.objects(this.#device).rx);
    return (queue) => {
      const found = lists.find(([, objects]) => objects.some((object) => object.queue === queue));
      return (found?.[0] ?? "NONE") as HintPolicy;
    };
  }

  #remarks(from: Reading, to: Reading): string[] {
    const remarks: string[] = [];
    if (this.#marks < 2) remarks.push("ended early: the interval is shorter than planned");
    const lost = totalBetween(from, to, "lost_transactions");
    if (lost > 0) remarks.push(`${lost} UDP transactions were lost and given up`);
    const left = this.#options.workload.groups.map((_, index) => to.groups[index]?.[0] ?? 0)
      .reduce((sum, count) => sum + count, 0);
    if (left > 0) remarks.push(`${left} requests found the peer's queue full and were not sent`);
    return [...remarks, ...this.#refusals(to)];
  }

  /** Sockets that got default handling though they asked for a policy. */
  #refusals(to: Reading): string[] {
    const { policy, workload } = this.#options;
    const unfit = workload.groups.filter((group) => policy === "MIX" && group.hint === "CPU");
    const remarks = unfit.map(({ name }) =>
      `a MIX device has no queues for CPU: "${name}" got default handling`
    );
    const told = unfit.reduce((sum, group) => sum + group.connections, 0);
    const refused = totalOf(to, "policies_refused") + totalOf(to, "sockets_refused") - told;
    if (refused > 0) {
      remarks.push(
        `${refused} sockets were refused by the policy manager, whose limit is ` +
          `${this.#manager.deviceStatus(this.#device).record_limit} records: default handling`,
      );
    }
    return remarks;
  }
}

function capacitiesOf({ machine, workload }: ModelOptions) {
  const connections = workload.groups.reduce((sum, group) => sum + group.connections, 0);
  const lastCpu = Math.max(...machine.host.nodes.flatMap((node) => node.cpus));
  const lastNode = Math.max(...machine.host.nodes.map((node) => node.id));
  return {
    cpus: lastCpu + 1,
    nodes: lastNode + 1,
    devices: 1,
    queues: machine.nic.queue_pairs,
    // A listener and an accepted socket for each connection.
    owners: 2 * connections + 1,
    rules: 2 * connections + 1,
    allowed: 1,
    buckets: 0,
  };
}

/** Frames that a group may have under way before the device and the link limit them. */
function framesOf(group: WorkloadGroup, constants: MachineWasm["constants"]): number {
  const tcp = (bytes: number) => Math.ceil(bytes / constants.TCP_FRAME_BYTES);
  const udp = (bytes: number) => Math.max(Math.ceil(bytes / constants.UDP_FRAME_BYTES), 1);
  const inFlight = group.connections * group.outstanding;
  switch (group.test) {
    case "UDP_STREAM":
      return group.connections * udp(group.message_bytes);
    case "UDP_RR":
      return inFlight * Math.max(udp(group.request_bytes), udp(group.response_bytes));
    case "TCP_STREAM":
    case "TCP_MAERTS":
      return group.connections;
    default:
      // The request, and a packet for the response or an acknowledgement.
      return inFlight * (tcp(group.request_bytes) + 1);
  }
}

function refuseTooMuch({ constants }: MachineWasm, workload: WorkloadSpec): void {
  const sum = (of: (group: WorkloadGroup) => number) =>
    workload.groups.reduce((total, group) => total + of(group), 0);
  const inFlight = (group: WorkloadGroup) => group.connections * group.outstanding;
  const limits = [
    ["connections", sum((group) => group.connections), constants.CONNECTION_LIMIT],
    ["transactions in flight", sum(inFlight), constants.OUTSTANDING_LIMIT],
    ["frames in flight", sum((group) => framesOf(group, constants)), constants.FRAME_LIMIT],
  ] as const;
  for (const [what, wanted, limit] of limits) {
    if (wanted <= limit) continue;
    throw new UserError(
      `The workload "${workload.name}" needs ${wanted} ${what}: the model has room for ${limit}`,
    );
  }
}

/** Host and device of the machine, with the driver's defaults. */
function setUpHost({ calls }: MachineWasm, spec: MachineSpec, seed: number): void {
  const { host, nic } = spec;
  calls.machineReset(seed);
  for (const [name, number] of Object.entries(COST_NUMBERS)) {
    const value = spec.costs[name];
    if (value === undefined) throw new UserError(`Machine "${spec.name}" lacks costs.${name}`);
    calls.costSet(number, value);
  }
  // Row and column by node number, in whatever order the nodes are listed.
  host.distance.forEach((row, from) =>
    row.forEach((distance, to) => calls.distanceSet(from, to, distance))
  );
  const places = host.nodes.flatMap((node) => node.cpus.map((cpu) => ({ cpu, node: node.id })))
    .sort((left, right) => left.cpu - right.cpu);
  places.forEach(({ cpu, node }, index) => {
    if (cpu !== index) {
      throw new UserError(
        `Machine "${spec.name}" has CPU ${cpu} but not CPU ${index}: number them from 0 on`,
      );
    }
    const others = host.siblings.find((group) => group.includes(cpu)) ?? [];
    const mask = others.filter((other) => other !== cpu)
      .reduce((bits, other) => bits | (1n << BigInt(other)), 0n);
    calls.cpuSet(node, Number(mask & 0xffffffffn), Number(mask >> 32n));
  });
  calls.nicSet(nic.speed_gbps, nic.queue_pairs, nic.ring, nic.node);
  calls.nicItrPerVector(nic.itr_per_vector ? 1 : 0);
  calls.nicDim(nic.moderation === "dim" ? 1 : 0);
  const { rx, tx } = stockIntervals(nic.coalesce);
  for (let queue = 0; queue < nic.queue_pairs; queue++) {
    calls.nicCoalesceStart(queue, rx, tx, nic.coalesce.rx_usecs_high);
  }
}

/** Registers the machine's device with the policy manager; returns its number. */
function setUpDevice(manager: PolicyManager, spec: MachineSpec): number {
  const { host, nic } = spec;
  const online = host.nodes.flatMap((node) => node.cpus).sort((left, right) => left - right);
  manager.setTopology({
    nodes: host.nodes,
    distance: host.distance,
    siblings: host.siblings,
    online,
  });
  const device = manager.deviceRegister({ name: "eth0", netns: 1, ifindex: 2, node: nic.node });
  manager.deviceUp(device);
  return device;
}

/** Numbers of the distributions of gaps in core/machine/arrival.ts. */
const GAP_NUMBERS = { constant: 0, poisson: 1, facebook: 2 } as const;

/** The schedule of an open loop: one of the group, or one for each connection. */
function setUpArrivals(
  { calls }: MachineWasm,
  index: number,
  group: WorkloadGroup,
  arrival: Extract<WorkloadGroup["arrival"], { readonly loop: "open" }>,
): void {
  const isOwn = arrival.schedule === "connection";
  const schedules = isOwn ? group.connections : 1;
  const gapNs = 1e9 * schedules / arrival.rate_per_second;
  calls.groupOpen(index, gapNs, GAP_NUMBERS[arrival.distribution], isOwn ? 1 : 0);
  const { on_ms: onMs, off_ms: offMs } = arrival;
  if (onMs !== undefined && offMs !== undefined) calls.groupOnOff(index, onMs * 1e6, offMs * 1e6);
}

function interruptsOf(
  queues: Measurement["queues"],
  durationNs: number,
): Measurement["interrupts"] {
  if (durationNs === 0) return null;
  const count = queues.reduce((sum, queue) => sum + queue.interrupts, 0);
  const packets = queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
  return {
    count,
    per_second: count * 1e9 / durationNs,
    // Pure polling has no interrupt at all.
    rx_packets_per_interrupt: count === 0 ? null : packets / count,
  };
}

function dropsBetween(from: Reading, to: Reading): Record<string, number> {
  const drops: Record<string, number> = {};
  for (
    const [name, total] of [
      ["ring_full", "drop_ring"],
      ["device_buffer_full", "drop_fifo"],
      ["socket_buffer_full", "drop_socket"],
      ["fragment_missing", "drop_fragment"],
      ["rule", "drop_rule"],
    ] as const
  ) {
    const count = totalBetween(from, to, total);
    if (count > 0) drops[name] = count;
  }
  const lost = totalBetween(from, to, "lost_to_host") + totalBetween(from, to, "lost_to_peer");
  if (lost > 0) drops["lost_on_link"] = lost;
  return drops;
}
