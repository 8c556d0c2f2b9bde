/**
 * In which order policy.wasm speaks to the driver, and what a failure leaves behind: the sequences
 * of the specification by hand.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ERRNO } from "../../harness/policy/errno.ts";
import type { DriverCall, RecordingDriver } from "../recording_driver.ts";
import { compiledHost, type Host, socketWith } from "../reference/fixture.ts";
import { flowFrom } from "../reference/fixture.ts";
import type { CompiledManager } from "../reference/pair.ts";
import { answer } from "../reference/view.ts";

/** Two queue pairs with interrupts 100 and 101, whose masks begin as 9b and 9a. */
const PAIR = { device: { rx: 2, tx: 2 } } as const;

/** The driver calls since the last time. */
function trace(driver: RecordingDriver, ...without: DriverCall[]): string[] {
  return driver.takeCalls().filter((call) => !without.some((name) => call.startsWith(`${name}(`)));
}

const READS: readonly DriverCall[] = ["irqCount", "irq", "irqAffinityGet"];

Deno.test("from NONE: counts, irqs, all masks read, then all set, then the policy", () => {
  const { manager, driver } = compiledHost({
    device: { rx: 2, tx: 1 },
    info: { queuePair: false },
  });
  manager.writeDevicePolicy(1, "BULK");
  assert.deepEqual(trace(driver), [
    "irqCount(1, 0) = 2",
    "irqCount(1, 1) = 1",
    "irq(1, 0, 0) = 100",
    "irq(1, 0, 1) = 101",
    "irq(1, 1, 0) = 1636",
    "irqAffinityGet(100) = 0",
    "irqAffinityGet(101) = 0",
    "irqAffinityGet(1636) = 0",
    "irqAffinitySet(100, 1) = 0",
    "irqAffinitySet(101, 2) = 0",
    "irqAffinitySet(1636, 1) = 0",
    "setNetPolicy(1, 2, 2, -1) = 0",
  ]);
});

Deno.test("without the driver's flag no mask is read or set", () => {
  const { manager, driver } = compiledHost({ ...PAIR, info: { irqAffinity: false } });
  manager.writeDevicePolicy(1, "BULK");
  manager.writeDevicePolicy(1, "NONE");
  assert.deepEqual(trace(driver, "irqCount", "irq"), [
    "setNetPolicy(1, 2, 2, -1) = 0",
    "setNetPolicy(1, 0, 2, -1) = 0",
  ]);
});

Deno.test("MIX on queue pairs: the device, then every channel once", () => {
  const { manager, driver } = compiledHost({ device: { rx: 3, tx: 3 } });
  manager.writeDevicePolicy(1, "MIX");
  assert.deepEqual(trace(driver, ...READS, "irqAffinitySet"), [
    "setNetPolicy(1, 5, 2, -1) = 0",
    "setNetPolicy(1, 3, 2, 0) = 0",
    "setNetPolicy(1, 2, 2, 1) = 0",
    "setNetPolicy(1, 2, 2, 2) = 0",
  ]);
});

Deno.test("MIX on single queues: the device, then rx, then tx", () => {
  const { manager, driver } = compiledHost({
    device: { rx: 3, tx: 2 },
    info: { queuePair: false },
  });
  manager.writeDevicePolicy(1, "MIX");
  assert.deepEqual(trace(driver, ...READS, "irqAffinitySet"), [
    "setNetPolicy(1, 5, 2, -1) = 0",
    "setNetPolicy(1, 3, 0, 0) = 0",
    "setNetPolicy(1, 2, 0, 1) = 0",
    "setNetPolicy(1, 2, 0, 2) = 0",
    "setNetPolicy(1, 2, 1, 0) = 0",
    "setNetPolicy(1, 2, 1, 1) = 0",
  ]);
});

/** A BULK device with one socket that has a rule; the trace begins after that. */
function steered(): Host<CompiledManager> & { readonly socket: number } {
  const { manager, driver } = compiledHost(PAIR);
  manager.writeDevicePolicy(1, "BULK");
  const socket = socketWith(manager, 2);
  manager.setRules(socket, flowFrom(5));
  driver.takeCalls();
  return { manager, driver, socket };
}

Deno.test("between policies: the driver is asked, then rules out, then back in", () => {
  const { manager, driver } = steered();
  manager.writeDevicePolicy(1, "MIX");
  assert.deepEqual(trace(driver), [
    "setNetPolicy(1, 5, 2, -1) = 0",
    "setNetPolicy(1, 2, 2, 0) = 0",
    "setNetPolicy(1, 2, 2, 1) = 0",
    "ruleDelete(1, 3) = 0",
    "ruleInsert(1, tcp4 a000001/5 a000002/80, 0) = 3",
  ]);
});

Deno.test("to NONE: driver, rules, then every mask as it was", () => {
  const { manager, driver, socket } = steered();
  manager.writeDevicePolicy(1, "NONE");
  assert.deepEqual(trace(driver), [
    "setNetPolicy(1, 0, 2, -1) = 0",
    "ruleDelete(1, 3) = 0",
    "irqAffinitySet(100, 9b) = 0",
    "irqAffinitySet(101, 9a) = 0",
    "irqAffinitySet(100, 9b) = 0",
    "irqAffinitySet(101, 9a) = 0",
  ]);
  assert.deepEqual(manager.records().map(({ owner, rx_queue }) => [owner, rx_queue]), [
    [socket, null],
  ]);
});

Deno.test("the policy in force again: success, and the driver hears nothing", () => {
  const { manager, driver } = steered();
  const before = manager.snapshot();
  manager.writeDevicePolicy(1, "bulk\n");
  assert.deepEqual(trace(driver), []);
  assert.deepEqual(manager.snapshot(), before);
});

Deno.test("a change that the driver refuses half way leaves lists, records and rules alone", () => {
  const { manager, driver, socket } = steered();
  const [before, rules] = [manager.snapshot(), driver.heldRules(1)];
  driver.fail({ call: "setNetPolicy", skip: 1, times: 1, errno: ERRNO.EIO });
  assert.equal(answer(() => manager.writeDevicePolicy(1, "MIX")), "EIO");
  assert.deepEqual(trace(driver), [
    "setNetPolicy(1, 5, 2, -1) = 0",
    "setNetPolicy(1, 2, 2, 0) = -5",
    "setNetPolicy(1, 2, 2, -1) = 0",
  ]);
  assert.deepEqual(manager.snapshot(), before);
  assert.deepEqual(driver.heldRules(1), rules);
  assert.deepEqual(manager.pickQueue(socket, "rx"), { queue: 0 });
});

for (
  const call of ["irqCount", "irq", "irqAffinityGet", "irqAffinitySet", "setNetPolicy"] as const
) {
  Deno.test(`a first policy that fails at ${call} leaves NONE and every mask as it was`, () => {
    const { manager, driver } = compiledHost(PAIR);
    const before = manager.snapshot();
    driver.fail({ call, skip: call === "setNetPolicy" ? 0 : 1, times: 1, errno: ERRNO.EIO });
    assert.equal(answer(() => manager.writeDevicePolicy(1, "MIX")), "EIO");
    assert.equal(manager.deviceStatus(1).policy, "NONE");
    assert.deepEqual(manager.snapshot(), before);
    assert.ok(driver.masksAreInitial());
    manager.writeDevicePolicy(1, "MIX");
    assert.equal(manager.deviceStatus(1).policy, "MIX");
  });
}

Deno.test("a rebuild that fails ends at NONE, remembers what was wanted and tries again", () => {
  const { manager, driver, socket } = steered();
  driver.fail({ call: "irqCount", skip: 0, times: 1, errno: ERRNO.EIO });
  manager.cpuOffline(1);
  const { policy, wanted, rebuild_failed } = manager.deviceStatus(1);
  assert.deepEqual([policy, wanted, rebuild_failed], ["NONE", "BULK", "EIO"]);
  assert.ok(driver.masksAreInitial());
  assert.deepEqual(driver.heldRules(1), []);
  const pick = manager.pickQueue(socket, "rx");
  assert.equal("code" in pick && pick.code, "EINVAL");
  manager.cpuOnline(1);
  const again = manager.deviceStatus(1);
  assert.deepEqual([again.policy, again.rebuild_failed], ["BULK", null]);
  assert.deepEqual(manager.pickQueue(socket, "rx"), { queue: 0 });
});

Deno.test("down ends the policy, up brings it back; records wait in between", () => {
  const { manager, driver, socket } = steered();
  manager.deviceDown(1);
  assert.ok(driver.masksAreInitial());
  assert.deepEqual(manager.records(), [
    { owner: socket, policy: "BULK", device: 0, rx_queue: null, tx_queue: null },
  ]);
  manager.deviceUp(1);
  assert.equal(manager.deviceStatus(1).policy, "BULK");
  assert.deepEqual(manager.pickQueue(socket, "rx"), { queue: 0 });
});

Deno.test("a channel change moves a socket and its rule off a queue that is gone", () => {
  const { manager, driver } = compiledHost(PAIR);
  manager.writeDevicePolicy(1, "BULK");
  const sockets = [1, 2].map((id) => socketWith(manager, 2, id));
  for (const socket of sockets) manager.setRules(socket, flowFrom(socket));
  const shrunk = driver.devices.get(1);
  assert.ok(shrunk);
  shrunk.rx = shrunk.tx = 1;
  manager.deviceChannels(1);
  assert.deepEqual(driver.heldRules(1).map(([, { queue }]) => queue), [0, 0]);
  assert.deepEqual(manager.pickQueue(sockets[1] ?? 0, "rx"), { queue: 0 });
  assert.equal(manager.objects(1).rx.BULK[0]?.refs, 2);
});

Deno.test("a rename keeps policy, records and rules", () => {
  const { manager, driver } = steered();
  const [records, rules] = [manager.records(), manager.rules()];
  manager.deviceRename(1, "lan0");
  assert.deepEqual(trace(driver), []);
  assert.deepEqual([manager.records(), manager.rules()], [records, rules]);
  assert.equal(manager.readDevicePolicy(1), "lan0: POLICY BULK is running on the system\n");
});

Deno.test("a rule that will not be deleted is an orphan until the device wants its place", () => {
  const { manager, driver } = compiledHost({ ...PAIR, device: { rx: 2, tx: 2, ruleCapacity: 1 } });
  manager.writeDevicePolicy(1, "BULK");
  const first = socketWith(manager, 2);
  manager.setRules(first, flowFrom(1));
  driver.fail({ call: "ruleDelete", skip: 0, times: 1, errno: ERRNO.EIO });
  manager.socketClose(first);
  assert.deepEqual(manager.rules().map(({ instance, state }) => [instance, state]), [[
    0,
    "orphan",
  ]]);
  driver.takeCalls();
  const second = socketWith(manager, 2);
  assert.deepEqual(manager.setRules(second, flowFrom(2)), { queue: 1 });
  assert.deepEqual(trace(driver), [
    "ruleInsert(1, tcp4 a000001/2 a000002/80, 1) = -28",
    "ruleDelete(1, 0) = 0",
    "ruleInsert(1, tcp4 a000001/2 a000002/80, 1) = 0",
  ]);
});

Deno.test("a refused rule is not tried again before flow, queue or map change", () => {
  const { manager, driver } = compiledHost({ ...PAIR, device: { rx: 2, tx: 2, ruleCapacity: 0 } });
  manager.writeDevicePolicy(1, "BULK");
  const socket = socketWith(manager, 2);
  const inserts = () => trace(driver).filter((call) => call.startsWith("ruleInsert")).length;
  const steer = (port: number) => manager.setRules(socket, flowFrom(port));
  assert.deepEqual([steer(1), inserts()], [{ errno: 28, code: "ENOSPC" }, 1]);
  assert.deepEqual([steer(1), inserts()], [{ errno: 28, code: "ENOSPC" }, 0]);
  assert.deepEqual([steer(2), inserts()], [{ errno: 28, code: "ENOSPC" }, 1]);
  manager.deviceChannels(1);
  assert.equal(inserts(), 1);
});

Deno.test("a rule that is gone from the device already counts as deleted", () => {
  const { manager, driver, socket } = steered();
  driver.fail({ call: "ruleDelete", skip: 0, times: 1, errno: ERRNO.ENOENT });
  manager.socketClose(socket);
  assert.deepEqual(manager.rules(), []);
});

Deno.test("a flow whose old rule will not be deleted is steered anew in a rebuild", () => {
  const { manager, driver, socket } = steered();
  driver.fail({ call: "ruleDelete", skip: 0, times: 1, errno: ERRNO.EIO });
  manager.deviceChannels(1);
  assert.deepEqual(manager.rules().map(({ instance, state }) => [instance, state]), [
    [0, "orphan"],
    [socket, "inserted"],
  ]);
  manager.deviceChannels(1);
  assert.deepEqual(manager.rules().map(({ instance, state }) => [instance, state]), [
    [socket, "inserted"],
  ]);
  assert.equal(driver.heldRules(1).length, 1);
});

Deno.test("load-aware reads the load of a CPU once in a choice", () => {
  const { manager, driver } = compiledHost();
  manager.setStrategy("load-aware");
  manager.writeDevicePolicy(1, "BULK");
  driver.takeCalls();
  assert.deepEqual(manager.pickQueue(socketWith(manager, 2), "rx"), { queue: 0 });
  assert.deepEqual(trace(driver), [0, 1, 2, 3].map((cpu) => `cpuLoad(${cpu}) = 0`));
});

Deno.test("records wait while the device is down, so that up cannot exceed its limit", () => {
  const { manager } = compiledHost({ info: { recordLimit: 1 } });
  manager.writeDevicePolicy(1, "BULK");
  manager.deviceDown(1);
  const [first, second] = [socketWith(manager, 2, 1), socketWith(manager, 2, 2)];
  assert.equal(manager.deviceStatus(1).records, 0);
  manager.deviceUp(1);
  assert.deepEqual(manager.pickQueue(second, "rx"), { queue: 0 });
  const refused = manager.pickQueue(first, "rx");
  assert.equal("code" in refused && refused.code, "ENOSPC");
  assert.equal(manager.check(), null);
});

Deno.test("a device that goes down takes only its own orphans along", () => {
  const { manager, driver, socket } = steered();
  const eth0 = driver.devices.get(1);
  assert.ok(eth0);
  driver.devices.set(2, { ...eth0, irqBase: 200 });
  manager.deviceRegister({ name: "eth1", netns: 0, ifindex: 2, node: 0 });
  manager.deviceUp(2);
  driver.fail({ call: "ruleDelete", skip: 0, times: 1, errno: ERRNO.EIO });
  manager.socketClose(socket);
  const orphans = () => manager.rules().map(({ device, state }) => [device, state]);
  assert.deepEqual(orphans(), [[1, "orphan"]]);
  manager.deviceDown(2);
  assert.deepEqual(orphans(), [[1, "orphan"]]);
  manager.deviceDown(1);
  assert.deepEqual(orphans(), []);
});
