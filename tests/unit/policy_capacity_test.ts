/**
 * Sizes of policy.wasm: the largest host and device there may be, tables that fill and empty, and
 * capacities that are refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import { loadWasm } from "../../harness/build.ts";
import type { Capacities } from "../../harness/policy/manager.ts";
import { RecordingDriver, type SimulatedDevice } from "../recording_driver.ts";
import { CAPACITIES, compiledHost, cpusUpTo, flowFrom, socketWith } from "../reference/fixture.ts";
import { CompiledManager } from "../reference/pair.ts";
import { answer } from "../reference/view.ts";

const { module } = await loadWasm("policy", "release");

const REFUSED: readonly [change: Partial<Capacities>, code: "EINVAL" | "ENOMEM"][] = [
  [{ cpus: 0 }, "EINVAL"],
  [{ cpus: 1025 }, "EINVAL"],
  [{ nodes: 0 }, "EINVAL"],
  [{ nodes: 65 }, "EINVAL"],
  [{ devices: 0 }, "EINVAL"],
  [{ devices: 65 }, "EINVAL"],
  [{ queues: 0 }, "EINVAL"],
  [{ queues: 1537 }, "EINVAL"],
  [{ owners: 0 }, "EINVAL"],
  [{ owners: (1 << 24) + 1 }, "EINVAL"],
  [{ owners: -1 }, "EINVAL"],
  [{ buckets: 3 }, "EINVAL"],
  [{ buckets: -1 }, "EINVAL"],
  [{ buckets: 1 << 25 }, "EINVAL"],
  [{ owners: 1 << 24 }, "ENOMEM"],
  [{ rules: 1 << 24 }, "ENOMEM"],
  [{ allowed: 1 << 24, cpus: 1024 }, "ENOMEM"],
];

for (const [change, code] of REFUSED) {
  Deno.test(`capacities with ${JSON.stringify(change)} are refused with ${code}`, () => {
    const driver = new RecordingDriver(new Map());
    const make = () => new CompiledManager(module, driver, { ...CAPACITIES, ...change });
    assert.equal(answer(make), code);
    assert.deepEqual(driver.takeCalls(), []);
  });
}

Deno.test("tables for rules and restricted tasks may be empty", () => {
  const { manager } = compiledHost({ capacities: { rules: 0, allowed: 0 } });
  manager.writeDevicePolicy(1, "BULK");
  assert.equal(answer(() => manager.setTaskAllowed(manager.taskCreate(1), [1])), "ENOMEM");
  const pick = manager.setRules(socketWith(manager, 2), flowFrom(1));
  assert.equal("code" in pick && pick.code, "ENOMEM");
  assert.deepEqual(manager.pickQueue(2, "rx"), { queue: 0 });
});

const LARGEST: Capacities = {
  cpus: 1024,
  nodes: 64,
  devices: 64,
  queues: 1536,
  owners: 256,
  rules: 64,
  allowed: 4,
  buckets: 0,
};

/** A device with as many queues as there may be. */
function largestDevice(place: number): SimulatedDevice {
  return {
    info: { available: 0b1110, mix: true, queuePair: false, irqAffinity: false, recordLimit: 0 },
    rx: 1536,
    tx: 1536,
    irqBase: 10_000 * place,
    ruleCapacity: 4,
    ipv6: true,
  };
}

Deno.test("64 devices with 1536 queues serve a host of 1024 CPUs on 64 nodes", () => {
  const devices = cpusUpTo(64).map((place) => place + 1);
  const driver = new RecordingDriver(
    new Map(devices.map((place) => [place, largestDevice(place)])),
  );
  const manager = new CompiledManager(module, driver, LARGEST);
  manager.setTopology({
    nodes: cpusUpTo(64).map((id) => ({ id, cpus: cpusUpTo(16).map((cpu) => id * 16 + cpu) })),
    distance: cpusUpTo(64).map((from) => cpusUpTo(64).map((to) => from === to ? 10 : 20)),
    siblings: [],
    online: cpusUpTo(1024),
  });
  for (const place of devices) {
    const given = { name: `eth${place}`, netns: 0, ifindex: place, node: place - 1 };
    assert.equal(manager.deviceRegister(given), place);
    manager.deviceUp(place);
    manager.writeDevicePolicy(place, "MIX");
  }
  assert.equal(
    answer(() => manager.deviceRegister({ name: "x", netns: 0, ifindex: 99, node: 0 })),
    "ENOSPC",
  );
  // A third of the 16 CPUs of every node, those of the device's own node first.
  const { rx, tx } = manager.objects(64);
  assert.equal(rx.LATENCY.length, 64 * 5);
  assert.equal(rx.BULK.length, 64 * 11);
  assert.deepEqual(rx, tx);
  assert.deepEqual(rx.LATENCY.slice(0, 6).map(({ cpu }) => cpu), [1008, 1009, 1010, 1011, 1012, 0]);
  const socket = manager.socketOpen({ id: 1, task: 0, device: 64 });
  manager.setSocketPolicy(socket, 3);
  assert.deepEqual(manager.pickQueue(socket, "tx"), { queue: 1008 });
  manager.cpuOffline(1008);
  assert.deepEqual(manager.pickQueue(socket, "tx"), { queue: 1008 });
  assert.equal(manager.objects(64).tx.LATENCY[0]?.cpu, 1009);
  assert.equal(manager.check(), null);
});

Deno.test("irq affinity works for the last of 1024 CPUs", () => {
  const cpus = cpusUpTo(1024);
  const { manager, driver } = compiledHost({
    capacities: { cpus: 1024, queues: 1536 },
    topology: { nodes: [{ id: 0, cpus }], online: [0, 1023] },
  });
  manager.writeDevicePolicy(1, "BULK");
  assert.deepEqual(driver.masks(), [[100, "1"], [101, "8" + "0".repeat(255)]]);
  manager.writeDevicePolicy(1, "NONE");
  assert.ok(driver.masksAreInitial());
});

Deno.test("more queues than the tables were made for are refused with EINVAL", () => {
  const { manager } = compiledHost({ capacities: { queues: 3 } });
  assert.equal(answer(() => manager.writeDevicePolicy(1, "BULK")), "EINVAL");
  assert.equal(manager.deviceStatus(1).policy, "NONE");
});

Deno.test("a device without queues can have a policy, and nobody gets a queue", () => {
  const { manager } = compiledHost({ device: { rx: 0, tx: 0 } });
  manager.writeDevicePolicy(1, "BULK");
  const pick = manager.pickQueue(socketWith(manager, 2), "rx");
  assert.equal("code" in pick && pick.code, "ENOENT");
  assert.equal(manager.check(), null);
});

Deno.test("a hash with one bucket holds all records of a full table", () => {
  const { manager } = compiledHost({ capacities: { owners: 300, buckets: 1 } });
  manager.writeDevicePolicy(1, "MIX");
  const sockets = cpusUpTo(300).map((id) => socketWith(manager, 2 + id % 2, id));
  for (const socket of sockets) manager.pickQueue(socket, "rx");
  assert.deepEqual(manager.records().map(({ owner }) => owner).sort((a, b) => a - b), sockets);
  assert.equal(manager.check(), null);
  // From the middle, the head and the tail of the chain.
  for (const socket of [150, 300, 1, 2]) manager.socketClose(socket);
  assert.equal(manager.records().length, 296);
  assert.equal(manager.check(), null);
});

/** Sizes around the words and levels that a bitmap of free slots may be built of. */
for (const size of [1, 63, 64, 65, 4096, 4097]) {
  Deno.test(`tables of ${size} fill to the last slot, empty in any order and fill again`, () => {
    const { manager } = compiledHost({
      capacities: { owners: size, rules: size },
      device: { ruleCapacity: 0 },
    });
    manager.writeDevicePolicy(1, "BULK");
    const empty = manager.snapshot();
    const fill = () => {
      for (let slot = 1; slot <= size; slot++) {
        assert.equal(manager.socketOpen({ id: slot, task: 0, device: 1 }), slot);
      }
    };
    fill();
    assert.equal(answer(() => manager.taskCreate(1)), "ENOMEM");
    // Freed slots are taken lowest first.
    const holes = [...new Set([1, Math.ceil(size / 2), size])];
    for (const slot of [...holes].reverse()) manager.socketClose(slot);
    for (const slot of holes) assert.equal(manager.taskCreate(slot), slot);
    for (const slot of holes) manager.taskExit(slot);
    for (let slot = size; slot >= 1; slot--) {
      if (!holes.includes(slot)) manager.socketClose(slot);
    }
    assert.deepEqual(manager.snapshot(), empty);
    fill();
    assert.equal(manager.check(), null);
  });
}

Deno.test("a rule table of 65 fills with refused rules and empties as their sockets close", () => {
  const { manager } = compiledHost({
    capacities: { owners: 66, rules: 65 },
    device: { ruleCapacity: 0 },
  });
  manager.writeDevicePolicy(1, "BULK");
  const sockets = cpusUpTo(66).map((id) => socketWith(manager, 2, id));
  const codes = sockets.map((socket) => {
    const pick = manager.setRules(socket, flowFrom(socket));
    return "code" in pick ? pick.code : "";
  });
  assert.deepEqual(codes, [...cpusUpTo(65).map(() => "ENOSPC"), "ENOMEM"]);
  assert.equal(manager.rules().length, 65);
  for (const socket of sockets) manager.socketClose(socket);
  assert.deepEqual(manager.rules(), []);
  assert.equal(manager.check(), null);
});
