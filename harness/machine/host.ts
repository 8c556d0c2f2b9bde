/**
 * One host of a run: an instance of machine.wasm with its policy manager and driver, set up with
 * the machine's parameters and the workload's groups. A run has one host and an ideal client, or a
 * server's and a clients' host, which `wire.ts` drives together.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import { PolicyManager, policyValue } from "../policy/manager.ts";
import { bypassesStack, type DevicePolicy, type HintPolicy, type TestName } from "../record.ts";
import {
  clientOf,
  type MachineSpec,
  SERVICE_DISTRIBUTIONS,
  type WorkloadGroup,
  type WorkloadSpec,
} from "../spec.ts";
import { COST_NUMBERS } from "./costs.ts";
import { MachineDriver, stockIntervals } from "./driver.ts";
import { queuesMost } from "./operations.ts";
import { setUpSysfs } from "./sysfs.ts";
import { instantiateMachine, type MachineWasm } from "./wasm.ts";

/** What a host is made from. */
export interface HostOptions {
  readonly machine: MachineSpec;
  readonly workload: WorkloadSpec;
  readonly policy: DevicePolicy;
  readonly mechanism: "stock" | "netpolicy";
  readonly seed: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  readonly policyModule: WebAssembly.Module;
  readonly machineModule: WebAssembly.Module;
  /** Makes the driver; default is that of the model, which never fails without a reason. */
  readonly driverOf?: (nic: MachineSpec["nic"]) => MachineDriver;
}

/**
 * "whole": the only host. "server": another host has the clients of some groups, or of all.
 * "client": it is that other one.
 */
export type HostRole = "whole" | "server" | "client";

/** What a writer's group is at the reader's host, and the other way round. */
const MIRRORED: Partial<Record<TestName, TestName>> = {
  TCP_STREAM: "TCP_MAERTS",
  TCP_MAERTS: "TCP_STREAM",
  TCP_SENDFILE: "TCP_MAERTS",
};

const NO_TASK = 0;

/** A host with its device registered and its device policy in force; groups come with `start`. */
export class Host {
  readonly machine: MachineWasm;
  readonly manager: PolicyManager;
  /** Number of the device at the policy manager. */
  readonly device: number;
  readonly spec: MachineSpec;
  readonly #options: HostOptions;
  readonly #role: HostRole;

  constructor(options: HostOptions, role: HostRole) {
    this.#options = options;
    this.#role = role;
    this.spec = options.machine;
    const driver = options.driverOf?.(this.spec.nic) ?? new MachineDriver(this.spec.nic);
    this.manager = new PolicyManager(options.policyModule, driver, capacitiesOf(options));
    this.machine = instantiateMachine(
      options.machineModule,
      this.manager.wasm.exports as WebAssembly.ModuleImports,
    );
    driver.attach(this.machine);
    setUpHost(this.machine, this.spec, options.seed, role);
    this.device = setUpDevice(this.manager, this.spec);
    if (options.mechanism === "netpolicy") {
      this.manager.writeDevicePolicy(this.device, options.policy);
    }
  }

  /** Sets the groups up and starts the run. */
  start(): void {
    const { calls } = this.machine;
    const { workload, warmupMs, measureMs } = this.#options;
    calls.socketsSet(NO_TASK, this.device);
    workload.groups.forEach((group, index) => this.#setUpGroup(group, index));
    calls.machineStart(warmupMs * 1e6, measureMs * 1e6);
  }

  #setUpGroup(group: WorkloadGroup, index: number): void {
    const { calls, constants } = this.machine;
    const client = clientOf(group);
    const isSplit = this.#role !== "whole" && client.host;
    const isClient = this.#role === "client" && isSplit;
    calls.groupSet(
      constants[`TEST_${(isClient ? MIRRORED[group.test] : undefined) ?? group.test}`],
      group.connections,
      group.outstanding,
      group.request_bytes,
      group.response_bytes,
      group.message_bytes,
      policyValue(this.policyOf(group)),
      group.service_ns,
    );
    if (group.ip_version === 6) calls.groupV6(index);
    const sendsFile = isClient ? group.test === "TCP_SENDFILE" : group.sendfile === true;
    if (sendsFile) calls.groupSendfile(index);
    const distribution = SERVICE_DISTRIBUTIONS.indexOf(group.service_distribution);
    if (distribution > 0) calls.groupService(index, distribution);
    const byQueue = group.assignment === "by_queue" && !isClient ? 1 : 0;
    const threads = isClient ? client : group;
    calls.groupThreads(index, threads.threads, threads.pin ? 1 : 0, byQueue);
    const { groups } = this.#options.workload;
    const server = groups.findIndex(({ name }) => name === group.served_by);
    if (server >= 0 && !isClient) calls.groupServedBy(index, server);
    if (group.sizes.distribution === "facebook") {
      calls.groupFacebook(index, Math.round(group.sizes.update_percent * 1e4));
    }
    if (group.arrival.loop === "open") setUpArrivals(this.machine, index, group, group.arrival);
    const fromSend = client.latency_from === "send" ? 1 : 0;
    calls.groupClients(index, isSplit ? 1 : 0, fromSend, client.wait_us * 1e3);
  }

  /** Policy that a group's sockets ask for. */
  policyOf(group: WorkloadGroup): HintPolicy {
    const { policy } = this.#options;
    if (bypassesStack(group.test)) return "NONE";
    return policy === "MIX" ? group.hint : policy;
  }
}

function capacitiesOf({ machine, workload }: HostOptions) {
  const connections = workload.groups.reduce((sum, group) => sum + group.connections, 0);
  const lastCpu = Math.max(...machine.host.nodes.flatMap((node) => node.cpus));
  const lastNode = Math.max(...machine.host.nodes.map((node) => node.id));
  return {
    cpus: lastCpu + 1,
    nodes: lastNode + 1,
    devices: 1,
    queues: queuesMost(machine, workload),
    // A listener and an accepted socket for each connection.
    owners: 2 * connections + 1,
    rules: 2 * connections + 1,
    allowed: 1,
    buckets: 0,
  };
}

/** Host and device of the machine, with the driver's defaults. */
function setUpHost(
  { calls }: MachineWasm,
  spec: MachineSpec,
  seed: number,
  role: HostRole,
): void {
  const { host, nic } = spec;
  calls.machineReset(seed);
  if (role === "client") calls.machineIsClient(seed);
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
  calls.nicDim(nic.moderation === "dim" ? 1 : nic.moderation === "dim_cqe" ? 2 : 0);
  if (nic.moderation === "latency_classes") calls.nicLatencyClasses();
  const { rx, tx } = stockIntervals(nic.coalesce);
  for (let queue = 0; queue < nic.queue_pairs; queue++) {
    calls.nicCoalesceStart(queue, rx, tx, nic.coalesce.rx_usecs_high);
  }
  setUpSysfs(calls, nic);
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
