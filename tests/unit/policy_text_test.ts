/**
 * Texts in and out of policy.wasm: policy files byte for byte, names as people write them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { compiledHost, type HostOptions, socketWith } from "../reference/fixture.ts";
import { answer } from "../reference/view.ts";

Deno.test("a device without policy lists the policies it has, MIX last", () => {
  const textOf = (info: HostOptions["info"]) =>
    compiledHost({ info: info ?? {} }).manager.readDevicePolicy(1);
  const first = "eth0: There is no policy applied\n";
  assert.equal(
    textOf({}),
    `${first}eth0: The available policy include: CPU BULK LATENCY MIX\n`,
  );
  assert.equal(
    textOf({ available: 0b1010, mix: false }),
    `${first}eth0: The available policy include: CPU LATENCY\n`,
  );
  assert.equal(
    textOf({ available: 0b0100, mix: true }),
    `${first}eth0: The available policy include: BULK MIX\n`,
  );
});

for (const policy of ["CPU", "BULK", "LATENCY"] as const) {
  Deno.test(`a device at ${policy} says so in one line`, () => {
    const { manager } = compiledHost();
    manager.writeDevicePolicy(1, policy);
    assert.equal(manager.readDevicePolicy(1), `eth0: POLICY ${policy} is running on the system\n`);
  });
}

Deno.test("a MIX device lists the queues of every policy, rx before tx", () => {
  const { manager } = compiledHost({ info: { queuePair: false }, device: { rx: 4, tx: 3 } });
  manager.deviceRename(1, "lan0");
  manager.writeDevicePolicy(1, "MIX");
  assert.equal(
    manager.readDevicePolicy(1),
    [
      "lan0: MIX policy is running on the system",
      "lan0: queues for NONE policy",
      "lan0: queues for CPU policy",
      "lan0: queues for BULK policy",
      "lan0: rx queue 1",
      "lan0: rx queue 2",
      "lan0: rx queue 3",
      "lan0: tx queue 1",
      "lan0: tx queue 2",
      "lan0: queues for LATENCY policy",
      "lan0: rx queue 0",
      "lan0: tx queue 0",
      "",
    ].join("\n"),
  );
});

Deno.test("the longest policy text, of 1024 queues, is complete", () => {
  const cpus = Array.from({ length: 1024 }, (_, cpu) => cpu);
  const { manager } = compiledHost({
    capacities: { cpus: 1024, queues: 1536 },
    topology: { nodes: [{ id: 0, cpus }] },
    device: { rx: 1536, tx: 1536, irqBase: 10_000 },
    info: { queuePair: false, irqAffinity: false },
  });
  manager.deviceRename(1, "a23456789012345");
  manager.writeDevicePolicy(1, "MIX");
  const lines = manager.readDevicePolicy(1).split("\n");
  assert.equal(lines.length, 1 + 4 + 2 * 1024 + 1);
  assert.equal(lines.at(-2), "a23456789012345: tx queue 340");
  assert.ok(lines.every((line) => line === "" || line.startsWith("a23456789012345: ")));
});

const DEVICE_WRITES: readonly [text: string, result: string, why: string][] = [
  ["BULK", "BULK", "the name"],
  ["bulk", "BULK", "any letter case"],
  ["bUlK\n", "BULK", "one newline at the end"],
  ["latency", "LATENCY", "small letters without newline"],
  ["mix", "MIX", "MIX for a device"],
  ["NONE\n", "NONE", "NONE"],
  ["BULK\n\n", "EOPNOTSUPP", "one newline only"],
  ["BULKx", "EOPNOTSUPP", "the whole name, no prefix"],
  ["BUL", "EOPNOTSUPP", "no abbreviation"],
  [" BULK", "EOPNOTSUPP", "no blank before"],
  ["BULK ", "EOPNOTSUPP", "no blank after"],
  ["\nBULK", "EOPNOTSUPP", "no newline before"],
  ["BULK\0", "EOPNOTSUPP", "no zero byte"],
  ["", "EOPNOTSUPP", "an empty text names nothing"],
  ["\n", "EOPNOTSUPP", "nor does a newline"],
  ["INVALID", "EOPNOTSUPP", "INVALID cannot be asked for"],
  ["2", "EOPNOTSUPP", "numbers are not names"],
  ["ＢＵＬＫ", "EOPNOTSUPP", "letters outside ASCII"],
  ["BULK" + "x".repeat(60), "EOPNOTSUPP", "64 bytes are read"],
  ["BULK" + "x".repeat(61), "EINVAL", "65 bytes are not"],
  ["x".repeat(127), "EINVAL", "nor are 127"],
  ["x".repeat(100_000), "EINVAL", "nor a text larger than the buffer"],
  ["é".repeat(33), "EINVAL", "bytes are counted, not letters"],
];

for (const [text, result, why] of DEVICE_WRITES) {
  const shown = JSON.stringify(text.length > 20 ? `${text.slice(0, 8)}... (${text.length})` : text);
  Deno.test(`writing ${shown} to a device's policy file: ${result} (${why})`, () => {
    const { manager } = compiledHost();
    const answered = answer(() => manager.writeDevicePolicy(1, text));
    const isRefused = answered !== "undefined";
    assert.equal(isRefused ? answered : manager.deviceStatus(1).policy, result);
    if (isRefused) assert.equal(manager.deviceStatus(1).policy, "NONE");
  });
}

Deno.test("policies outside the driver's bitmap and MIX without support are EOPNOTSUPP", () => {
  const { manager, driver } = compiledHost({ info: { available: 0b0100, mix: false } });
  for (const policy of ["CPU", "LATENCY", "MIX"]) {
    assert.equal(answer(() => manager.writeDevicePolicy(1, policy)), "EOPNOTSUPP");
  }
  assert.deepEqual(driver.takeCalls(), []);
  manager.writeDevicePolicy(1, "BULK");
  assert.equal(manager.deviceStatus(1).policy, "BULK");
});

Deno.test("a task's policy reads INVALID where nothing was asked for, else its name", () => {
  const { manager } = compiledHost();
  const task = manager.taskCreate(10);
  assert.equal(manager.readTaskPolicy(task), "INVALID\n");
  for (const policy of ["NONE", "CPU", "BULK", "LATENCY"]) {
    manager.setTaskPolicy(task, `${policy.toLowerCase()}\n`);
    assert.equal(manager.readTaskPolicy(task), `${policy}\n`);
  }
});

for (const text of ["MIX", "", "BULKx", "B\n", "x".repeat(65), "INVALID"]) {
  Deno.test(`a task that asks for "${text}" is refused with EINVAL and follows nothing`, () => {
    const { manager } = compiledHost();
    const task = manager.taskCreate(10);
    manager.setTaskPolicy(task, "BULK");
    assert.equal(answer(() => manager.setTaskPolicy(task, text)), "EINVAL");
    assert.equal(manager.readTaskPolicy(task), "INVALID\n");
    assert.deepEqual(manager.records(), []);
  });
}

for (const value of [-2, -1, 4, 5, 6, 7, 1 << 30]) {
  Deno.test(`a socket that asks for ${value} is refused with EINVAL and follows nothing`, () => {
    const { manager } = compiledHost();
    const socket = socketWith(manager, 2);
    assert.equal(manager.getSocketPolicy(socket), "BULK");
    assert.equal(answer(() => manager.setSocketPolicy(socket, value)), "EINVAL");
    assert.equal(manager.getSocketPolicy(socket), null);
    assert.deepEqual(manager.records(), []);
  });
}

const DEVICE_NAMES: readonly [name: string, result: string][] = [
  ["a", "undefined"],
  ["a23456789012345", "undefined"],
  ["eth0.100-x_", "undefined"],
  ["a234567890123456", "EINVAL"],
  ["", "EINVAL"],
  [".", "EINVAL"],
  ["..", "EINVAL"],
  ["a/b", "EINVAL"],
  ["a:b", "EINVAL"],
  ["a b", "EINVAL"],
  ["a\n", "EINVAL"],
  ["é", "EINVAL"],
];

for (const [name, result] of DEVICE_NAMES) {
  Deno.test(`a device named ${JSON.stringify(name)}: ${result}`, () => {
    const { manager } = compiledHost();
    assert.equal(answer(() => manager.deviceRename(1, name)), result);
    const given = { name, netns: 7, ifindex: 9, node: 0 };
    const registered = answer(() => manager.deviceRegister(given));
    assert.equal(registered, result === "undefined" ? "2" : result);
  });
}
