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
import type { GroupMeasurement, HintPolicy, Measurement, TestName } from "../record.ts";
import { clientOf, type MachineSpec, type WorkloadGroup, type WorkloadSpec } from "../spec.ts";
import { Host, type HostOptions } from "./host.ts";
import { Profiler, type ProfileSamples } from "./profile.ts";
import {
  cpusBetween,
  groupBetween,
  queuesBetween,
  type Reading,
  takeReading,
  totalBetween,
  type TotalName,
  totalOf,
} from "./reading.ts";
import { Operations } from "./operations.ts";
import { ruleSentence } from "./rules.ts";
import { SeriesRecorder } from "./series.ts";
import { type TraceData, TraceRecorder } from "./trace.ts";
import type { MachineWasm } from "./wasm.ts";
import { Wire } from "./wire.ts";

/** What a run is made from. */
export interface ModelOptions extends HostOptions {
  /** Entries to trace at most, from the end of the warm-up on; default is no trace. */
  readonly traceLimit?: number | undefined;
  /** Milliseconds, for a profile of the measured interval; default is no profile. */
  readonly clock?: (() => number) | undefined;
  /** Slices of the run's series, 2 at least; default is no series. */
  readonly slices?: number | undefined;
}

/** Nodes of the machine's pools, and its memory. */
export interface Room {
  readonly bytes: number;
  readonly events: number;
  readonly eventsEver: number;
  readonly packets: number;
  readonly packetsEver: number;
}

/** The wire between two hosts has lost or made a message. */
const RULE_WIRE = 50;

/** Two readings of a host. */
interface Span {
  readonly host: Host;
  readonly from: Reading;
  readonly to: Reading;
}

/** A run in progress. */
export class ModelRun {
  readonly #options: ModelOptions;
  readonly #host: Host;
  /** Host of the clients; null where they are ideal. */
  readonly #client: Host | null;
  readonly #wire: Wire | null;
  #marks = 0;
  /** One for each host, or none. */
  readonly #recorders: readonly TraceRecorder[];
  readonly #profiler: Profiler | null;
  readonly #operations: Operations;
  /** From the end of the warm-up on, where a series is asked for. */
  #series: SeriesRecorder | null = null;
  /** Counters at the end of the warm-up. */
  #from: Reading | null = null;
  #clientFrom: Reading | null = null;

  private constructor(options: ModelOptions) {
    this.#options = options;
    const { machine, workload } = options;
    const splits = machine.peer !== undefined &&
      workload.groups.some((group) => clientOf(group).host);
    this.#host = new Host(options, splits ? "server" : "whole");
    this.#client = splits ? new Host(clientOptions(options), "client") : null;
    this.#wire = this.#client === null ? null : new Wire(this.#host, this.#client);
    const { clock, traceLimit } = options;
    const machines = this.#hosts().map((host) => host.machine);
    this.#profiler = clock === undefined ? null : new Profiler(machines, clock);
    this.#recorders = traceLimit === undefined
      ? []
      : machines.map((one) => new TraceRecorder(one, traceLimit));
    refuseTooMuch(this.#host.machine, workload);
    this.#host.start();
    this.#client?.start();
    this.#operations = new Operations(this.#host, options);
    this.#wire?.start();
  }

  get #machine(): MachineWasm {
    return this.#host.machine;
  }

  /**
   * Sets up a run.
   *
   * @throws {UserError} when the workload does not fit the model's tables, or the device policy
   * does not fit the mechanism.
   */
  static create(options: ModelOptions): ModelRun {
    refuseOnHost(options);
    refuseSockets(options);
    if (options.mechanism === "stock" && options.policy !== "NONE") {
      throw new UserError(
        `Cannot run policy "${options.policy}" with mechanism "stock": accepted is "NONE"`,
      );
    }
    return new ModelRun(options);
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
    for (let left = maxEvents; this.#marks < 2;) {
      const count = Math.min(left, this.#series?.step() ?? left);
      this.#handleAtOnce(count);
      this.#series?.look();
      left -= count;
      if (left <= 0 || this.#series === null) break;
    }
    return this.#marks === 2;
  }

  #handleAtOnce(maxEvents: number): void {
    const marks = this.#wire?.run(maxEvents) ?? this.#machine.calls.machineRun(maxEvents);
    if (marks === this.#machine.constants.RUN_FULL) throw this.#tooMuchUnderWay();
    if (marks === this.#machine.constants.RUN_BROKEN) this.#check();
    this.#marks = marks;
    this.#operations.attend();
    if (this.#marks > 0 && this.#from === null) this.#startMeasuring();
    if (this.#from !== null) { for (const recorder of this.#recorders) recorder.take(); }
  }

  #startMeasuring(): void {
    for (const { machine } of this.#hosts()) machine.calls.histogramsClear();
    this.#from = this.#read(this.#host);
    this.#clientFrom = this.#client === null ? null : this.#read(this.#client);
    for (const recorder of this.#recorders) recorder.start();
    this.#profiler?.start();
    const { slices: sliceCount, workload, measureMs } = this.#options;
    if (sliceCount === undefined) return;
    const options = { measureMs, sliceCount };
    this.#series = new SeriesRecorder(this.#machine, workload, this.#from, options);
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

  #hosts(): Host[] {
    return this.#client === null ? [this.#host] : [this.#host, this.#client];
  }

  #read({ machine, spec }: Host): Reading {
    return takeReading(machine, spec, this.#options.workload.groups.length);
  }

  /** What was traced; null where no trace was asked for or the warm-up is not over. */
  trace(): TraceData | null {
    const [own, client] = this.#recorders.map((recorder) => recorder.data());
    if (this.#from === null || own === undefined) return null;
    return client === undefined ? own : { ...own, client };
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

  /** Hash over all events so far, 16 hex digits; that of the clients' host turned by a bit. */
  fingerprint(): string {
    const hash = ({ machine: { calls } }: Host) =>
      (BigInt(calls.fingerprintHigh() >>> 0) << 32n) | BigInt(calls.fingerprintLow() >>> 0);
    const own = hash(this.#host);
    const other = this.#client === null ? 0n : hash(this.#client);
    const turned = BigInt.asUintN(64, (other << 1n) | (other >> 63n));
    return (own ^ turned).toString(16).padStart(16, "0");
  }

  /**
   * What was measured so far: from the end of the warm-up on; nothing while it lasts. Counters of
   * the policy manager are those of the whole run, since sockets are set up before the interval.
   *
   * @throws {Error} when a conservation rule is broken: a fault of the model.
   */
  measurement(): Measurement {
    const to = this.#read(this.#host);
    const from = this.#from ?? to;
    const client = this.#client === null ? null : this.#clientSpan(this.#client);
    this.#check();
    const { manager, machine, spec } = this.#host;
    const queues = queuesBetween(from, to, machine, spec, this.#queuePolicies());
    const durationNs = to.timeNs - from.timeNs;
    const all = client === null ? [{ from, to }] : [{ from, to }, client];
    const sum = (name: TotalName) =>
      all.reduce((total, span) => total + totalBetween(span.from, span.to, name), 0);
    const others = client === null ? {} : {
      client_host: {
        machine: client.host.spec.name,
        ...cpuShares(client, client.host.spec),
        interrupts: interruptsOf(queuesOf(client), durationNs),
        drops: dropsBetween(client.from, client.to),
      },
    };
    return {
      duration_ns: durationNs,
      groups: this.#options.workload.groups.map((group, index) =>
        this.#groupMeasured(group, index, { from, to, host: this.#host }, client)
      ),
      ...cpuShares({ from, to }, spec),
      interrupts: interruptsOf(queues, durationNs),
      queues,
      drops: dropsBetween(from, to),
      retransmits: sum("retransmits"),
      policy_counters: manager.counters(),
      fingerprint: this.fingerprint(),
      events: sum("events"),
      remarks: [...this.#remarks(all), ...client === null ? [] : clientRemarks(client)],
      ...others,
      ...this.#courseTo(to),
    };
  }

  /** What happened when, as far as it is known. */
  #courseTo(to: Reading): Pick<Measurement, "operations" | "series"> {
    const { marks } = this.#operations;
    const series = this.#marks < 2 ? null : this.#series?.data(to) ?? null;
    return {
      ...marks.length === 0 ? {} : { operations: marks },
      ...series === null ? {} : { series },
    };
  }

  #clientSpan(host: Host): Span {
    const to = this.#read(host);
    return { host, from: this.#clientFrom ?? to, to };
  }

  /** What a group achieved, as its clients and the readers of its streams saw it. */
  #groupMeasured(
    group: WorkloadGroup,
    index: number,
    own: Span,
    client: Span | null,
  ): GroupMeasurement {
    const policy = own.host.policyOf(group);
    const measured = ({ from, to, host }: Span) =>
      groupBetween(from, to, host.machine, index, group, policy);
    const atHost = measured(own);
    const isReceiver = group.test === "TCP_STREAM" || group.test === "TCP_SENDFILE";
    const isThere = client !== null && clientOf(group).host && !isReceiver;
    return isThere ? { ...measured(client), steered: atHost.steered } : atHost;
  }

  #check(): void {
    for (const { machine: { calls }, manager } of this.#hosts()) {
      const rule = calls.checkMachine();
      if (rule !== 0) throw this.#broken(rule);
      const invariant = manager.check();
      if (invariant !== null) {
        throw new Error(`The policy manager broke its invariant ${invariant}`);
      }
    }
    if (this.#wire?.holds() === false) throw this.#broken(RULE_WIRE);
  }

  #broken(rule: number): Error {
    const ms = (this.#machine.calls.nowNs() / 1e6).toFixed(6);
    return new Error(`The model broke its rule ${rule} by ${ms} ms: ${ruleSentence(rule)}`);
  }

  /** The object list of each queue. */
  #queuePolicies(): (queue: number) => HintPolicy {
    const { manager, device } = this.#host;
    const lists = Object.entries(manager.objects(device).rx);
    return (queue) => {
      const found = lists.find(([, objects]) => objects.some((object) => object.queue === queue));
      return (found?.[0] ?? "NONE") as HintPolicy;
    };
  }

  #remarks(spans: readonly Pick<Span, "from" | "to">[]): string[] {
    const remarks: string[] = [];
    if (this.#marks < 2) remarks.push("ended early: the interval is shorter than planned");
    const lost = spans.reduce(
      (sum, { from, to }) => sum + totalBetween(from, to, "lost_transactions"),
      0,
    );
    if (lost > 0) remarks.push(`${lost} UDP transactions were lost and given up`);
    const left = spans.flatMap(({ to }) => to.groups.map((counters) => counters[0] ?? 0))
      .reduce((sum, count) => sum + count, 0);
    if (left > 0) remarks.push(`${left} requests found the peer's queue full and were not sent`);
    return [...remarks, ...this.#operations.remarks, ...this.#refusals(spans[0]!.to)];
  }

  /** Sockets that got default handling though they asked for a policy. */
  #refusals(to: Reading): string[] {
    const { policy, workload } = this.#options;
    const { manager, device } = this.#host;
    const unfit = workload.groups.filter((group) => policy === "MIX" && group.hint === "CPU");
    const remarks = unfit.map(({ name }) =>
      `a MIX device has no queues for CPU: "${name}" got default handling`
    );
    const told = unfit.reduce((sum, group) => sum + group.connections, 0);
    const refused = totalOf(to, "policies_refused") + totalOf(to, "sockets_refused") - told;
    if (refused > 0) {
      remarks.push(
        `${refused} sockets were refused by the policy manager, whose limit is ` +
          `${manager.deviceStatus(device).record_limit} records: default handling`,
      );
    }
    return remarks;
  }
}

/** Busy share from which on the clients' host decides the result. */
const CLIENT_LIMIT = 0.9;

function clientRemarks(span: Span): string[] {
  const { name } = span.host.spec;
  const remarks = [`the clients ran on a second host, "${name}": latency is what they saw`];
  const busy = cpuShares(span, span.host.spec).cpu_utilisation ?? 0;
  if (busy >= CLIENT_LIMIT) {
    remarks.push(
      `the CPUs of the clients' host "${name}" were busy more than ${CLIENT_LIMIT * 100} % of ` +
        "the time: the clients limit this result",
    );
  }
  return remarks;
}

/** Tests whose clients the model has as ideal ones only. */
const IDEAL_ONLY: readonly TestName[] = ["TCP_CRR", "TCP_CC", "UDP_STREAM"];

function refuseOnHost({ machine, workload }: ModelOptions): void {
  if (machine.peer === undefined) return;
  const group = workload.groups.find((one) => clientOf(one).host && IDEAL_ONLY.includes(one.test));
  if (group === undefined) return;
  throw new UserError(
    `The clients of group "${group.name}" cannot run on the second host "${machine.peer.name}" ` +
      `of machine "${machine.name}": the model has no client threads for ${group.test}; ` +
      `set client.host of the group to false`,
  );
}

/** The clients' host: its own machine, without a policy. */
function clientOptions(options: ModelOptions): HostOptions {
  return { ...options, machine: options.machine.peer!, policy: "NONE", mechanism: "stock" };
}

function queuesOf({ host, from, to }: Span): Measurement["queues"] {
  return queuesBetween(from, to, host.machine, host.spec, () => "NONE");
}

/** CPU times, and the busy share of all of them. */
function cpuShares(
  { from, to }: Pick<Span, "from" | "to">,
  spec: MachineSpec,
): Pick<Measurement, "cpus" | "cpu_utilisation"> {
  const cpus = cpusBetween(from, to, spec);
  const spanNs = (to.timeNs - from.timeNs) * cpus.length;
  const idleNs = cpus.reduce((sum, cpu) => sum + cpu.idle_ns, 0);
  return { cpus, cpu_utilisation: spanNs > 0 ? 1 - idleNs / spanNs : null };
}

/** Frames that a group may have under way before the device and the link limit them. */
function framesOf(group: WorkloadGroup, constants: MachineWasm["constants"]): number {
  const tcp = (bytes: number) => Math.ceil(bytes / constants.TCP_FRAME_BYTES);
  const udp = (bytes: number) => Math.max(Math.ceil(bytes / constants.UDP_FRAME_BYTES), 1);
  const inFlight = group.connections * group.outstanding;
  switch (group.test) {
    case "UDP_STREAM":
    case "XDP_DROP":
    case "XSK_TX":
      return group.connections * udp(group.message_bytes);
    case "UDP_RR":
      return inFlight * Math.max(udp(group.request_bytes), udp(group.response_bytes));
    case "TCP_STREAM":
    case "TCP_SENDFILE":
    case "TCP_MAERTS":
      return group.connections;
    default:
      // The request, and a packet for the response or an acknowledgement.
      return inFlight * (tcp(group.request_bytes) + 1);
  }
}

function refuseSockets({ machine, workload }: ModelOptions): void {
  const sockets = workload.groups.filter(({ test }) => test === "XSK_TX")
    .reduce((sum, group) => sum + group.connections, 0);
  if (sockets <= machine.nic.queue_pairs) return;
  throw new UserError(
    `The workload "${workload.name}" has ${sockets} connections of XSK_TX, each with a queue of ` +
      `its own: machine "${machine.name}" has nic.queue_pairs ${machine.nic.queue_pairs}`,
  );
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
      ["device_reset", "drop_reset"],
      ["backlog_full", "drop_backlog"],
    ] as const
  ) {
    const count = totalBetween(from, to, total);
    if (count > 0) drops[name] = count;
  }
  const lost = totalBetween(from, to, "lost_to_host") + totalBetween(from, to, "lost_to_peer");
  if (lost > 0) drops["lost_on_link"] = lost;
  const down = totalBetween(from, to, "down_to_host") + totalBetween(from, to, "down_to_peer");
  if (down > 0) drops["link_down"] = down;
  return drops;
}
