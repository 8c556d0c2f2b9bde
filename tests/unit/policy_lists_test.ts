/**
 * Object lists: the specification's worked examples and orders by hand, on policy.wasm and on the
 * reference model alike.
 *
 * @module
 */

import assert from "node:assert/strict";
import { compiledHost, cpusUpTo, type HostOptions, referenceHost } from "../reference/fixture.ts";

interface Example {
  readonly name: string;
  readonly options: HostOptions;
  readonly policy: "CPU" | "MIX";
  readonly partition?: "rfc" | "latency-first";
  /** CPUs in list order. */
  readonly latency?: readonly number[];
  readonly bulk?: readonly number[];
  readonly cpu?: readonly number[];
}

/** A host of one node with as many queues as CPUs. */
function oneNode(cpus: number, siblings: readonly (readonly number[])[] = []): HostOptions {
  const nodes = [{ id: 0, cpus: cpusUpTo(cpus) }];
  return { topology: { nodes, siblings }, device: { rx: cpus, tx: cpus } };
}

/** Nodes of the given CPUs, as many queues as CPUs. */
function manyNodes(
  nodes: readonly (readonly number[])[],
  distance: readonly (readonly number[])[],
  node: number,
): HostOptions {
  const queues = nodes.flat().length;
  return {
    node,
    topology: { nodes: nodes.map((cpus, id) => ({ id, cpus })), distance, siblings: [] },
    device: { rx: queues, tx: queues },
  };
}

const SIBLINGS = [[0, 4], [1, 5], [2, 6], [3, 7]];
const THREE_NODES = [[10, 21, 16], [21, 10, 21], [16, 21, 10]];

const EXAMPLES: readonly Example[] = [
  {
    name: "4 CPUs without SMT under MIX: LATENCY 0, BULK 1 2 3",
    options: oneNode(4),
    policy: "MIX",
    latency: [0],
    bulk: [1, 2, 3],
    cpu: [],
  },
  {
    name: "8 CPUs, siblings (i, i + 4), under MIX: LATENCY 0 1, siblings of these after 2 3",
    options: oneNode(8, SIBLINGS),
    policy: "MIX",
    latency: [0, 1],
    bulk: [2, 3, 4, 5, 6, 7],
  },
  {
    name:
      "8 CPUs, siblings (2i, 2i + 1): a core of its own for LATENCY, its sibling first in BULK's rest",
    options: oneNode(8, [[0, 1], [2, 3], [4, 5], [6, 7]]),
    policy: "MIX",
    latency: [0, 2],
    bulk: [4, 6, 1, 3, 5, 7],
  },
  {
    name: "2 CPUs under MIX: LATENCY none, BULK 0 1",
    options: oneNode(2),
    policy: "MIX",
    latency: [],
    bulk: [0, 1],
  },
  {
    name: "2 CPUs under MIX, latency-first: LATENCY 0, BULK 1",
    options: oneNode(2),
    policy: "MIX",
    partition: "latency-first",
    latency: [0],
    bulk: [1],
  },
  {
    name: "one CPU under MIX, latency-first: BULK keeps it",
    options: oneNode(1),
    policy: "MIX",
    partition: "latency-first",
    latency: [],
    bulk: [0],
  },
  {
    name: "a plain policy takes a CPU of every core first, then the siblings",
    options: oneNode(8, [[0, 1], [2, 3], [4, 5], [6, 7]]),
    policy: "CPU",
    cpu: [0, 2, 4, 6, 1, 3, 5, 7],
    latency: [],
    bulk: [],
  },
  {
    name: "nodes come by distance from the device's: 2, then 0 (16), then 1 (21)",
    options: manyNodes([[0, 1], [2, 3], [4, 5]], THREE_NODES, 2),
    policy: "CPU",
    cpu: [4, 5, 0, 1, 2, 3],
  },
  {
    name: "equally far nodes come by number",
    options: manyNodes([[0, 1], [2, 3], [4, 5]], THREE_NODES, 1),
    policy: "CPU",
    cpu: [2, 3, 0, 1, 4, 5],
  },
  {
    name: "a device without node takes nodes by number",
    options: manyNodes([[0, 1], [2, 3], [4, 5]], THREE_NODES, -1),
    policy: "CPU",
    cpu: [0, 1, 2, 3, 4, 5],
  },
  {
    name: "MIX takes a third of every node: 1 of 3 near, none of 2 far",
    options: manyNodes([[0, 1, 2], [3, 4]], [[10, 20], [20, 10]], 0),
    policy: "MIX",
    latency: [0],
    bulk: [1, 2, 3, 4],
  },
  {
    name: "latency-first takes one of every node with two CPUs",
    options: manyNodes([[0, 1, 2], [3, 4], [5]], THREE_NODES, 0),
    policy: "MIX",
    partition: "latency-first",
    latency: [0, 3],
    bulk: [1, 2, 5, 4],
  },
  {
    name: "more CPUs than queues: the first CPUs are mapped",
    options: { ...oneNode(8), device: { rx: 3, tx: 3 } },
    policy: "MIX",
    latency: [0],
    bulk: [1, 2],
  },
  {
    name: "CPUs that are offline are passed over",
    options: {
      topology: { nodes: [{ id: 0, cpus: cpusUpTo(8) }], online: [1, 3, 4, 6] },
      device: { rx: 8, tx: 8 },
    },
    policy: "CPU",
    cpu: [1, 3, 4, 6],
  },
];

for (const makeHost of [compiledHost, referenceHost]) {
  const who = makeHost === compiledHost ? "policy.wasm" : "model";
  for (const example of EXAMPLES) {
    Deno.test(`${who}: ${example.name}`, () => {
      const { manager } = makeHost(example.options);
      manager.setPartition(example.partition ?? "rfc");
      manager.writeDevicePolicy(1, example.policy);
      for (const direction of ["rx", "tx"] as const) {
        const lists = manager.objects(1)[direction];
        const cpus = (list: readonly { cpu: number }[]) => list.map(({ cpu }) => cpu);
        if (example.latency) assert.deepEqual(cpus(lists.LATENCY), example.latency);
        if (example.bulk) assert.deepEqual(cpus(lists.BULK), example.bulk);
        if (example.cpu) assert.deepEqual(cpus(lists.CPU), example.cpu);
        assert.deepEqual(lists.NONE, []);
      }
      const starved = example.policy === "MIX" && example.latency?.length === 0;
      assert.equal(manager.deviceStatus(1).latency_starved, starved);
    });
  }
}

Deno.test("queue i goes with the i-th online CPU and its irq is pointed there", () => {
  const { manager, driver } = compiledHost({
    topology: { nodes: [{ id: 0, cpus: cpusUpTo(8) }], online: [1, 3, 6] },
    info: { queuePair: false },
  });
  manager.writeDevicePolicy(1, "BULK");
  assert.deepEqual(manager.objects(1).rx.BULK, [
    { cpu: 1, queue: 0, refs: 0 },
    { cpu: 3, queue: 1, refs: 0 },
    { cpu: 6, queue: 2, refs: 0 },
  ]);
  const irqs = [[100, "2"], [101, "8"], [102, "40"], [1636, "2"], [1637, "8"], [1638, "40"]];
  assert.deepEqual(driver.masks(), irqs);
});

Deno.test("rx and tx have lists of their own where the counts differ", () => {
  const { manager } = compiledHost({ info: { queuePair: false }, device: { rx: 4, tx: 2 } });
  manager.writeDevicePolicy(1, "MIX");
  const { rx, tx } = manager.objects(1);
  assert.deepEqual([rx.LATENCY.length, rx.BULK.length], [1, 3]);
  assert.deepEqual([tx.LATENCY.length, tx.BULK.length], [0, 2]);
  assert.equal(manager.deviceStatus(1).latency_starved, true);
});

Deno.test("round robin goes through the list and starts again at its head", () => {
  const { manager } = compiledHost();
  manager.writeDevicePolicy(1, "MIX");
  const queues = [1, 2, 3, 4, 5].map((id) => {
    const socket = manager.socketOpen({ id, task: 0, device: 1 });
    manager.setSocketPolicy(socket, 2);
    return manager.pickQueue(socket, "rx");
  });
  assert.deepEqual(queues, [1, 2, 3, 1, 2].map((queue) => ({ queue })));
});

Deno.test("load-aware takes the fewest references among loads within 5 points of the least", () => {
  const { manager, driver } = compiledHost();
  manager.setStrategy("load-aware");
  manager.writeDevicePolicy(1, "BULK");
  driver.loads.push(26, 20, 25, 90);
  const pick = (id: number) => {
    const socket = manager.socketOpen({ id, task: 0, device: 1 });
    manager.setSocketPolicy(socket, 2);
    return manager.pickQueue(socket, "rx");
  };
  // CPU 0 is 6 points above CPU 1, CPU 2 only 5.
  assert.deepEqual([pick(1), pick(2), pick(3)], [1, 2, 1].map((queue) => ({ queue })));
  driver.loads[0] = 25;
  assert.deepEqual(pick(4), { queue: 0 });
});

Deno.test("load-aware leaves out CPUs that the socket's task may not use", () => {
  const { manager } = compiledHost();
  manager.setStrategy("load-aware");
  manager.writeDevicePolicy(1, "BULK");
  const task = manager.taskCreate(7);
  manager.setTaskPolicy(task, "BULK");
  manager.setTaskAllowed(task, [2]);
  const pick = () => manager.pickQueue(manager.socketOpen({ id: 1, task, device: 1 }), "rx");
  assert.deepEqual([pick(), pick()], [{ queue: 2 }, { queue: 2 }]);
});
