/**
 * `deno task bench:micro`: what single calls of policy.wasm cost. A name says how many calls one
 * iteration makes; divide by it. Ratios within one run count, absolute times belong to the machine.
 *
 * @module
 */

import { loadWasm } from "../../harness/build.ts";
import type { Driver } from "../../harness/policy/driver.ts";
import { type Capacities, PolicyManager } from "../../harness/policy/manager.ts";

/** A driver that costs as little as a call can. */
const IDLE_DRIVER: Driver = {
  netpolicyInit: () => ({
    available: 0b1110,
    mix: true,
    queuePair: true,
    irqAffinity: true,
    recordLimit: 0xffffffff,
  }),
  irqCount: () => 512,
  irq: (_device, _direction, queue) => queue,
  setNetPolicy: () => 0,
  ruleInsert: () => 0,
  ruleDelete: () => 0,
  irqAffinityGet: () => 0,
  irqAffinitySet: () => 0,
  cpuLoad: () => 0,
};

const { module } = await loadWasm("policy", "release");

/** A host of two nodes with SMT, one device under BULK with 512 queue pairs. */
function host(cpus: number, owners: number): { manager: PolicyManager; device: number } {
  const capacities: Capacities = {
    cpus,
    nodes: 2,
    devices: 1,
    queues: 512,
    owners,
    rules: 0,
    allowed: 0,
    buckets: 0,
  };
  const manager = new PolicyManager(module, IDLE_DRIVER, capacities);
  const all = Array.from({ length: cpus }, (_, cpu) => cpu);
  manager.setTopology({
    nodes: [{ id: 0, cpus: all.slice(0, cpus / 2) }, { id: 1, cpus: all.slice(cpus / 2) }],
    distance: [[10, 21], [21, 10]],
    siblings: all.slice(0, cpus / 4).flatMap((cpu) => [
      [cpu, cpu + cpus / 4],
      [cpu + cpus / 2, cpu + cpus / 2 + cpus / 4],
    ]),
    online: all,
  });
  const device = manager.deviceRegister({ name: "eth0", netns: 0, ifindex: 1, node: 0 });
  manager.deviceUp(device);
  manager.writeDevicePolicy(device, "BULK");
  return { manager, device };
}

function openSockets(manager: PolicyManager, device: number, count: number): number[] {
  const handles: number[] = [];
  for (let id = 1; id <= count; id++) {
    const handle = manager.wasm.calls.socketOpen(id, 0, device);
    manager.wasm.calls.setSocketPolicy(handle, 2);
    handles.push(handle);
  }
  return handles;
}

/** Visits all of them in an order without pattern: a prime stride. */
function scattered(handles: readonly number[]): Int32Array {
  const stride = 7919;
  return Int32Array.from(handles, (_, index) => handles[(index * stride) % handles.length] ?? 0);
}

for (const count of [1_000, 1_000_000]) {
  const { manager, device } = host(64, count);
  const { pickQueue } = manager.wasm.calls;
  const order = scattered(openSockets(manager, device, count));
  for (const handle of order) pickQueue(handle, 0);
  Deno.bench({
    name: `fast-path pick, ${count} records: ${count} calls`,
    group: `pick, ${count} records`,
    n: Math.max(20, 2_000_000 / count),
    fn: () => {
      for (const handle of order) pickQueue(handle, 0);
    },
  });
}

{
  const count = 1_000;
  const { manager, device } = host(64, count);
  const { calls } = manager.wasm;
  const handles = openSockets(manager, device, count);
  Deno.bench({
    name: `first pick, ${count} records: ${count} calls`,
    group: `pick, ${count} records`,
    fn: (bench) => {
      // Another policy and back gives every object up.
      for (const handle of handles) calls.setSocketPolicy(handle, 0);
      for (const handle of handles) calls.setSocketPolicy(handle, 2);
      bench.start();
      for (const handle of handles) calls.pickQueue(handle, 0);
      bench.end();
    },
  });
}

for (const count of [1_000, 1_000_000]) {
  const { manager, device } = host(64, count);
  const { calls } = manager.wasm;
  Deno.bench({
    name: `register and unregister, up to ${count} records: ${count} of each`,
    group: `records, up to ${count}`,
    n: count === 1_000 ? 200 : 4,
    warmup: count === 1_000 ? 20 : 1,
    fn: () => {
      for (const handle of openSockets(manager, device, count)) calls.socketClose(handle);
    },
  });
}

for (const policy of ["BULK", "MIX"]) {
  const { manager, device } = host(512, 1_000);
  manager.writeDevicePolicy(device, policy);
  Deno.bench({
    name: `rebuild of map and lists, 512 CPUs x 512 queues, ${policy}: 1 call`,
    group: "rebuild",
    fn: () => manager.deviceChannels(device),
  });
}
