/**
 * What asking again and again must not do: flood the log, scan tables, move what is well placed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ERRNO } from "../../harness/policy/errno.ts";
import { compiledHost, flowFrom, socketWith } from "../reference/fixture.ts";

const BULK = 2;
const LIMIT_LINE = /^NETPOLICY: Record limit 1 reached for dev eth0$/;

Deno.test("a record limit that is met is logged once until a record leaves", () => {
  const { manager } = compiledHost({ info: { recordLimit: 1 } });
  manager.writeDevicePolicy(1, "BULK");
  const first = socketWith(manager, BULK);
  const task = manager.taskCreate(7);
  manager.setTaskPolicy(task, "BULK");
  const follower = manager.socketOpen({ id: 2, task, device: 1 });
  const lines = () => manager.log().filter((line) => LIMIT_LINE.test(line)).length;
  for (let packet = 0; packet < 100; packet++) {
    assert.deepEqual(manager.pickQueue(follower, "rx"), { errno: ERRNO.ENOSPC, code: "ENOSPC" });
  }
  assert.equal(lines(), 1);
  assert.equal(manager.counters()["pick_limit"], 100);
  assert.equal(manager.counters()["register_limit"], undefined);
  manager.socketClose(first);
  assert.ok("queue" in manager.pickQueue(follower, "rx"));
  assert.throws(() => socketWith(manager, BULK), /ENOSPC/);
  assert.equal(lines(), 2);
});

Deno.test("an empty list is found empty once, until lists, strategy or allowed CPUs change", () => {
  const { manager } = compiledHost({ device: { rx: 2, tx: 2 } });
  manager.setStrategy("load-aware");
  manager.writeDevicePolicy(1, "BULK");
  const task = manager.taskCreate(7);
  manager.setTaskPolicy(task, "BULK");
  manager.setTaskAllowed(task, [3]);
  const socket = manager.socketOpen({ id: 1, task, device: 1 });
  const pick = () => manager.pickQueue(socket, "rx");
  const emptyCount = () => manager.counters()["pick_empty"] ?? 0;
  for (let packet = 0; packet < 10; packet++) {
    assert.deepEqual(pick(), { errno: 2, code: "ENOENT" });
  }
  assert.equal(emptyCount(), 1);
  manager.setTaskAllowed(task, [2, 3]);
  assert.deepEqual(pick(), { errno: 2, code: "ENOENT" });
  assert.equal(emptyCount(), 2);
  manager.writeDevicePolicy(1, "MIX");
  assert.deepEqual(pick(), { errno: 2, code: "ENOENT" });
  assert.equal(emptyCount(), 3);
  manager.setStrategy("round-robin");
  assert.deepEqual(pick(), { queue: 0 });
  assert.equal(manager.check(), null);
});

Deno.test("allowed CPUs that widen are seen at the next packet, also by a socket of its own mind", () => {
  const { manager } = compiledHost({ device: { rx: 2, tx: 2 } });
  manager.setStrategy("load-aware");
  manager.writeDevicePolicy(1, "BULK");
  const task = manager.taskCreate(7);
  manager.setTaskAllowed(task, [3]);
  const socket = manager.socketOpen({ id: 1, task, device: 1 });
  manager.setSocketPolicy(socket, 2);
  assert.deepEqual(manager.pickQueue(socket, "rx"), { errno: 2, code: "ENOENT" });
  manager.taskExit(task);
  assert.deepEqual(manager.pickQueue(socket, "rx"), { queue: 0 });
});

Deno.test("with a full rule table a receive asks the device for nothing", () => {
  const { manager, driver } = compiledHost({ capacities: { rules: 1 } });
  manager.writeDevicePolicy(1, "BULK");
  const [first, second] = [socketWith(manager, BULK), socketWith(manager, BULK)];
  manager.setRules(first, flowFrom(1));
  driver.fail({ call: "ruleDelete", skip: 0, times: 1000, errno: ERRNO.EIO });
  manager.socketClose(first);
  driver.takeCalls();
  for (let packet = 0; packet < 10; packet++) {
    assert.deepEqual(manager.setRules(second, flowFrom(2)), { errno: 12, code: "ENOMEM" });
  }
  assert.deepEqual(driver.takeCalls(), []);
});

Deno.test("a CPU beyond the map concerns no device: queues, rules and version stay", () => {
  const { manager, driver } = compiledHost({ device: { rx: 2, tx: 2 } });
  manager.writeDevicePolicy(1, "BULK");
  const socket = socketWith(manager, BULK);
  manager.setRules(socket, flowFrom(1));
  driver.takeCalls();
  const before = manager.deviceStatus(1);
  manager.cpuOffline(3);
  manager.cpuOnline(3);
  assert.deepEqual(driver.takeCalls(), []);
  assert.deepEqual(manager.deviceStatus(1), before);
  assert.equal(manager.records()[0]?.rx_queue, 0);
  manager.cpuOffline(1);
  assert.notEqual(manager.deviceStatus(1).version, before.version);
});

Deno.test("an init that is refused leaves the manager that runs as it is", () => {
  const { manager } = compiledHost();
  manager.writeDevicePolicy(1, "BULK");
  const socket = socketWith(manager, BULK);
  const { init } = manager.wasm.calls;
  const state = manager.snapshot();
  const log = manager.log();
  assert.equal(init(0, 1, 1, 1, 1, 0, 0, 0), -ERRNO.EINVAL);
  assert.equal(init(1024, 64, 64, 1536, 1 << 24, 1 << 24, 1 << 20, 0), -ERRNO.ENOMEM);
  assert.deepEqual(manager.snapshot(), state);
  assert.deepEqual(manager.log(), log);
  assert.deepEqual(manager.pickQueue(socket, "rx"), { queue: 0 });
  assert.equal(manager.check(), null);
});

Deno.test("a version never looks like an error number", () => {
  const { manager } = compiledHost();
  const { setVersionMax } = manager.wasm.calls;
  for (const version of [0, -1, -ERRNO.ENODEV]) assert.equal(setVersionMax(version), -ERRNO.EINVAL);
  assert.equal(setVersionMax(0x7fffffff), 0);
});

Deno.test("a state of another size is not put back", () => {
  const { manager } = compiledHost();
  assert.throws(
    () => manager.restore(new Uint8Array(100)),
    /^RangeError: Cannot restore 100 bytes/,
  );
  assert.throws(() => manager.setTaskAllowed(manager.taskCreate(1), [0, -1]), /CPU -1 for a task/);
});

Deno.test("a registration takes at most 64 bytes, and a small manager a few KiB", () => {
  const bytes = (owners: number) =>
    compiledHost({ capacities: { owners } }).manager.wasm.calls.arenaBytes();
  const [small, large] = [1 << 10, 1 << 20];
  assert.ok((bytes(large) - bytes(small)) / (large - small) <= 64);
  assert.ok(bytes(16) < 8 * 1024, `${bytes(16)} bytes`);
});
