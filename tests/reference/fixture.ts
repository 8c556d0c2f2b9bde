/**
 * A small host with one device, for tests that show input and expected value on one screen.
 *
 * @module
 */

import { loadWasm } from "../../harness/build.ts";
import type { FlowSpec } from "../../harness/policy/driver.ts";
import type { Capacities, Topology } from "../../harness/policy/manager.ts";
import { RecordingDriver, type SimulatedDevice } from "../recording_driver.ts";
import { ReferenceManager } from "./manager.ts";
import { CompiledManager } from "./pair.ts";

const { module } = await loadWasm("policy", "release");

/** What differs from the usual: 4 CPUs without SMT, one node, one queue pair device with 4. */
export interface HostOptions {
  readonly capacities?: Partial<Capacities>;
  readonly topology?: Partial<Topology>;
  readonly device?: Partial<Omit<SimulatedDevice, "info">>;
  readonly info?: Partial<SimulatedDevice["info"]>;
  /** Node of the device, default 0. */
  readonly node?: number;
}

/** A host of each kind. */
export interface Host<T> {
  readonly manager: T;
  readonly driver: RecordingDriver;
}

/** CPUs 0 to `count` - 1. */
export function cpusUpTo(count: number): number[] {
  return Array.from({ length: count }, (_, cpu) => cpu);
}

/** Capacities that suit the usual host. */
export const CAPACITIES: Capacities = {
  cpus: 16,
  nodes: 4,
  devices: 2,
  queues: 16,
  owners: 16,
  rules: 8,
  allowed: 2,
  buckets: 0,
};

function topologyWith(options: HostOptions): Topology {
  const cpus = cpusUpTo(4);
  return {
    nodes: [{ id: 0, cpus }],
    distance: [[10]],
    siblings: [],
    online: options.topology?.nodes?.flatMap((node) => node.cpus) ?? cpus,
    ...options.topology,
  };
}

function driverWith(options: HostOptions): RecordingDriver {
  const info = {
    available: 0b1110,
    mix: true,
    queuePair: true,
    irqAffinity: true,
    recordLimit: 0,
    ...options.info,
  };
  const usual = { rx: 4, tx: 4, irqBase: 100, ruleCapacity: 4, ipv6: true };
  return new RecordingDriver(new Map([[1, { ...usual, info, ...options.device }]]));
}

/** policy.wasm with the device `eth0` (handle 1) registered and up. */
export function compiledHost(options: HostOptions = {}): Host<CompiledManager> {
  const driver = driverWith(options);
  const capacities = { ...CAPACITIES, ...options.capacities };
  const manager = new CompiledManager(module, driver, capacities);
  return begin(manager, driver, options);
}

/** The model with the same device. */
export function referenceHost(options: HostOptions = {}): Host<ReferenceManager> {
  const driver = driverWith(options);
  const manager = new ReferenceManager(driver, { ...CAPACITIES, ...options.capacities });
  return begin(manager, driver, options);
}

function begin<T extends CompiledManager | ReferenceManager>(
  manager: T,
  driver: RecordingDriver,
  options: HostOptions,
): Host<T> {
  manager.setTopology(topologyWith(options));
  manager.deviceRegister({ name: "eth0", netns: 0, ifindex: 1, node: options.node ?? 0 });
  manager.deviceUp(1);
  driver.takeCalls();
  return { manager, driver };
}

/** A socket of device 1 with a policy. Returns its handle. */
export function socketWith(
  manager: CompiledManager | ReferenceManager,
  policy: number,
  id = 1,
): number {
  const socket = manager.socketOpen({ id, task: 0, device: 1 });
  manager.setSocketPolicy(socket, policy);
  return socket;
}

/** A TCP flow over IPv4 that differs by its source port. */
export function flowFrom(sourcePort: number): FlowSpec {
  return {
    type: "tcp4",
    source: [0x0a000001],
    destination: [0x0a000002],
    sourcePort,
    destinationPort: 80,
  };
}
