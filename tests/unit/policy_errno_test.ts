/**
 * Every way in which policy.wasm refuses a call, every counter and every line of its log: each
 * provoked once, with the name of the error that a user sees.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ERRNO, type ErrnoName } from "../../harness/policy/errno.ts";
import {
  compiledHost,
  flowFrom,
  type Host,
  type HostOptions,
  socketWith,
} from "../reference/fixture.ts";
import type { CompiledManager } from "../reference/pair.ts";
import { answer, counterNames } from "../reference/view.ts";

type Refusal = readonly [
  what: string,
  code: ErrnoName,
  provoke: (host: Host<CompiledManager>) => unknown,
  options?: HostOptions,
];

const ETH1 = { name: "eth1", netns: 0, ifindex: 2, node: 0 };

/** Fails the next call of a driver operation with EIO. */
function failing(host: Host<CompiledManager>, call: "irq" | "irqCount" | "setNetPolicy"): void {
  host.driver.fail({ call, skip: 0, times: 1, errno: ERRNO.EIO });
}

/** A picked queue as text, or the name of the errno. */
function picked(pick: { queue: number } | { code: string }): string {
  return "code" in pick ? pick.code : String(pick.queue);
}

const REFUSALS: readonly Refusal[] = [
  [
    "a second device of a name",
    "EEXIST",
    ({ manager }) => manager.deviceRegister({ ...ETH1, name: "eth0" }),
  ],
  [
    "a second device of an interface index",
    "EEXIST",
    ({ manager }) => manager.deviceRegister({ ...ETH1, ifindex: 1 }),
  ],
  [
    "a device on a node that cannot be",
    "EINVAL",
    ({ manager }) => manager.deviceRegister({ ...ETH1, node: 4 }),
  ],
  ["a device on node -2", "EINVAL", ({ manager }) => manager.deviceRegister({ ...ETH1, node: -2 })],
  ["more devices than the table holds", "ENOSPC", ({ manager }) => manager.deviceRegister(ETH1), {
    capacities: { devices: 1 },
  }],
  ["a name that another device has", "EEXIST", ({ manager }) => {
    manager.deviceRegister(ETH1);
    manager.deviceRename(1, "eth1");
  }],
  ["an unknown device up", "ENODEV", ({ manager }) => manager.deviceUp(2)],
  ["an unknown device down", "ENODEV", ({ manager }) => manager.deviceDown(0)],
  ["an unknown device renamed", "ENODEV", ({ manager }) => manager.deviceRename(3, "x")],
  ["an unknown device's channels", "ENODEV", ({ manager }) => manager.deviceChannels(-1)],
  ["an unknown device unregistered", "ENODEV", ({ manager }) => manager.deviceUnregister(99)],
  ["an unknown device's status", "ENODEV", ({ manager }) => manager.deviceStatus(2)],
  [
    "a policy file of an unknown device",
    "ENOENT",
    ({ manager }) => manager.writeDevicePolicy(2, "BULK"),
  ],
  ["a policy file read while the device is down", "ENOENT", ({ manager }) => {
    manager.deviceDown(1);
    manager.readDevicePolicy(1);
  }],
  ["a policy written while the device is down", "ENOENT", ({ manager }) => {
    manager.deviceDown(1);
    manager.writeDevicePolicy(1, "BULK");
  }],
  [
    "a policy file of a driver without policies",
    "ENOENT",
    ({ manager }) => manager.readDevicePolicy(1),
    { info: { available: 0 } },
  ],
  [
    "queue pairs with unequal counts",
    "EINVAL",
    ({ manager }) => manager.writeDevicePolicy(1, "BULK"),
    { device: { rx: 4, tx: 3 } },
  ],
  ["irq information that fails", "EIO", (host) => {
    failing(host, "irq");
    host.manager.writeDevicePolicy(1, "BULK");
  }],
  ["a driver that refuses the policy", "EIO", (host) => {
    failing(host, "setNetPolicy");
    host.manager.writeDevicePolicy(1, "BULK");
  }],
  ["a CPU that is online already", "EINVAL", ({ manager }) => manager.cpuOnline(0)],
  ["a CPU that is no part of the host", "EINVAL", ({ manager }) => manager.cpuOnline(9)],
  ["a CPU beyond the table", "EINVAL", ({ manager }) => manager.cpuOffline(16)],
  ["CPU -1", "EINVAL", ({ manager }) => manager.cpuOffline(-1)],
  [
    "the last CPU offline",
    "EBUSY",
    ({ manager }) => [3, 1, 0, 2].forEach((cpu) => manager.cpuOffline(cpu)),
  ],
  ["a task beyond the table", "ENOMEM", ({ manager }) => {
    manager.taskCreate(1);
    manager.taskCreate(2);
  }, { capacities: { owners: 1 } }],
  ["a socket beyond the table", "ENOMEM", ({ manager }) => {
    manager.taskCreate(1);
    manager.socketOpen({ id: 1, task: 0, device: 0 });
  }, { capacities: { owners: 1 } }],
  [
    "a fork beyond the table",
    "ENOMEM",
    ({ manager }) => manager.taskFork(manager.taskCreate(1), 2),
    { capacities: { owners: 1 } },
  ],
  [
    "an accept beyond the table",
    "ENOMEM",
    ({ manager }) => manager.socketAccept(socketWith(manager, 2), 2),
    { capacities: { owners: 1 } },
  ],
  ["a fork of a restricted task where no mask is free", "ENOMEM", ({ manager }) => {
    const task = manager.taskCreate(1);
    manager.setTaskAllowed(task, [1]);
    manager.taskFork(task, 2);
  }, { capacities: { allowed: 1 } }],
  ["a second restricted task where there is one mask", "ENOMEM", ({ manager }) => {
    manager.setTaskAllowed(manager.taskCreate(1), [1]);
    manager.setTaskAllowed(manager.taskCreate(2), [1]);
  }, { capacities: { allowed: 1 } }],
  [
    "a task that may use no CPU",
    "EINVAL",
    ({ manager }) => manager.setTaskAllowed(manager.taskCreate(1), []),
  ],
  [
    "a task that may use only a CPU that does not exist",
    "EINVAL",
    ({ manager }) => manager.setTaskAllowed(manager.taskCreate(1), [9]),
  ],
  ["the policy of an unknown task", "ESRCH", ({ manager }) => manager.setTaskPolicy(1, "BULK")],
  ["reading an unknown task", "ESRCH", ({ manager }) => manager.readTaskPolicy(99)],
  ["forking an unknown task", "ESRCH", ({ manager }) => manager.taskFork(0, 2)],
  ["the exit of a socket", "ESRCH", ({ manager }) => manager.taskExit(socketWith(manager, 2))],
  ["a second exit", "ESRCH", ({ manager }) => {
    const task = manager.taskCreate(1);
    manager.taskExit(task);
    manager.taskExit(task);
  }],
  [
    "a socket of an unknown task",
    "ESRCH",
    ({ manager }) => manager.socketOpen({ id: 1, task: 5, device: 1 }),
  ],
  [
    "a socket on an unknown device",
    "ENODEV",
    ({ manager }) => manager.socketOpen({ id: 1, task: 0, device: 2 }),
  ],
  [
    "a socket that moves to an unknown device",
    "ENODEV",
    ({ manager }) => manager.socketSetDevice(socketWith(manager, 2), 2),
  ],
  ["a move of no socket", "EBADF", ({ manager }) => manager.socketSetDevice(1, 1)],
  ["a second close", "EBADF", ({ manager }) => {
    const socket = socketWith(manager, 2);
    manager.socketClose(socket);
    manager.socketClose(socket);
  }],
  ["closing a task", "EBADF", ({ manager }) => manager.socketClose(manager.taskCreate(1))],
  ["accepting on a task", "EBADF", ({ manager }) => manager.socketAccept(manager.taskCreate(1), 2)],
  ["the policy of no socket", "EBADF", ({ manager }) => manager.setSocketPolicy(-1, 2)],
  ["reading no socket", "EBADF", ({ manager }) => manager.getSocketPolicy(1 << 24)],
  ["a socket's policy that does not fit", "EINVAL", ({ manager }) => {
    manager.writeDevicePolicy(1, "BULK");
    socketWith(manager, 3);
  }],
  ["CPU on a MIX device", "EINVAL", ({ manager }) => {
    manager.writeDevicePolicy(1, "MIX");
    socketWith(manager, 1);
  }],
  ["a record beyond the device's limit", "ENOSPC", ({ manager }) => {
    socketWith(manager, 2);
    socketWith(manager, 2);
  }, { info: { recordLimit: 1 } }],
];

for (const [what, code, provoke, options] of REFUSALS) {
  Deno.test(`${what}: ${code}`, () => {
    const host = compiledHost(options);
    assert.equal(answer(() => provoke(host)), code);
    assert.equal(host.manager.check(), null);
  });
}

const PICKS: readonly Refusal[] = [
  ["of no instance", "EBADF", ({ manager }) => picked(manager.pickQueue(1, "rx"))],
  [
    "of a handle beyond the table",
    "EBADF",
    ({ manager }) => picked(manager.pickQueue(1 << 20, "rx")),
  ],
  ["of a negative handle", "EBADF", ({ manager }) => picked(manager.pickQueue(-1, "tx"))],
  [
    "of a task, which has no device",
    "EINVAL",
    ({ manager }) => picked(manager.pickQueue(manager.taskCreate(1), "rx")),
  ],
  ["of a socket without device", "EINVAL", ({ manager }) => {
    const socket = manager.socketOpen({ id: 1, task: 0, device: 0 });
    manager.setSocketPolicy(socket, 2);
    return picked(manager.pickQueue(socket, "rx"));
  }],
  ["while the device is down", "EINVAL", ({ manager }) => {
    const socket = socketWith(manager, 2);
    manager.deviceDown(1);
    return picked(manager.pickQueue(socket, "rx"));
  }],
  [
    "while the device has no policy",
    "EINVAL",
    ({ manager }) => picked(manager.pickQueue(socketWith(manager, 2), "rx")),
  ],
  ["of a socket that asked for NONE", "EINVAL", ({ manager }) => {
    manager.writeDevicePolicy(1, "MIX");
    return picked(manager.pickQueue(socketWith(manager, 0), "rx"));
  }],
  ["of a socket that no longer fits", "EINVAL", ({ manager }) => {
    const socket = socketWith(manager, 3);
    manager.writeDevicePolicy(1, "BULK");
    return picked(manager.pickQueue(socket, "rx"));
  }],
  ["of a follower beyond the record limit", "ENOSPC", ({ manager }) => {
    manager.writeDevicePolicy(1, "MIX");
    const task = manager.taskCreate(1);
    manager.setTaskPolicy(task, "BULK");
    socketWith(manager, 2);
    return picked(manager.pickQueue(manager.socketOpen({ id: 2, task, device: 1 }), "rx"));
  }, { info: { recordLimit: 1 } }],
  ["from an empty list", "ENOENT", ({ manager }) => {
    manager.writeDevicePolicy(1, "MIX");
    return picked(manager.pickQueue(socketWith(manager, 3), "rx"));
  }, { device: { rx: 2, tx: 2 } }],
  ["where the task may use no CPU of the list (load-aware)", "ENOENT", ({ manager }) => {
    manager.setStrategy("load-aware");
    manager.writeDevicePolicy(1, "BULK");
    const task = manager.taskCreate(1);
    manager.setTaskPolicy(task, "BULK");
    manager.setTaskAllowed(task, [3]);
    return picked(manager.pickQueue(manager.socketOpen({ id: 2, task, device: 1 }), "rx"));
  }, { device: { rx: 2, tx: 2 } }],
  ["and rule where the device takes none", "ENOSPC", ({ manager }) => {
    manager.writeDevicePolicy(1, "BULK");
    return picked(manager.setRules(socketWith(manager, 2), flowFrom(1)));
  }, { device: { ruleCapacity: 0 } }],
  ["and rule for IPv6 where the device has none", "EOPNOTSUPP", ({ manager }) => {
    manager.writeDevicePolicy(1, "BULK");
    const words = [0x20010db8, 0, 0, 1];
    const flow = { ...flowFrom(1), type: "tcp6" as const, source: words, destination: words };
    return picked(manager.setRules(socketWith(manager, 2), flow));
  }, { device: { ipv6: false } }],
  ["and rule where the manager's table is full", "ENOMEM", ({ manager }) => {
    manager.writeDevicePolicy(1, "BULK");
    manager.setRules(socketWith(manager, 2), flowFrom(1));
    return picked(manager.setRules(socketWith(manager, 2), flowFrom(2)));
  }, { capacities: { rules: 1 } }],
];

for (const [what, code, provoke, options] of PICKS) {
  Deno.test(`pick ${what}: default handling with ${code}`, () => {
    const host = compiledHost(options);
    assert.equal(provoke(host), code);
    assert.equal(host.manager.check(), null);
    // What the policy does not decide, XPS decides, then the hash.
    assert.equal(host.manager.netdevPickTx(1 << 20, { xps: 3, hash: 9 }), 3);
    assert.equal(host.manager.netdevPickTx(1 << 20, { xps: -1, hash: 9 }), 9);
  });
}

Deno.test("a flow of no known type is EOPNOTSUPP and counted", () => {
  const { manager } = compiledHost();
  manager.writeDevicePolicy(1, "BULK");
  const { calls, memory } = manager.wasm;
  new Uint8Array(memory.buffer, calls.flowOffset())[0] = 9;
  assert.equal(calls.setRules(socketWith(manager, 2)), -ERRNO.EOPNOTSUPP);
  assert.deepEqual(manager.counters(), { rule_unsupported: 1 });
});

Deno.test("calls without a typed face refuse numbers outside their range with EINVAL", () => {
  const { calls } = compiledHost().manager.wasm;
  const refused = [
    calls.topologyCpu(16, 0, 0, 1),
    calls.topologyCpu(0, 0, 0, 1),
    calls.topologyCpu(5, 4, 5, 1),
    calls.topologyCpu(5, 0, 16, 1),
    calls.topologyDistance(0, 4, 10),
    calls.topologyDistance(0, 0, -1),
    calls.setStrategy(2),
    calls.setPartition(-1),
    calls.setVersionMax(0),
  ];
  assert.deepEqual(refused, refused.map(() => -ERRNO.EINVAL));
});

Deno.test("the log has a line for each thing worth one, oldest first", () => {
  const { manager, driver } = compiledHost({
    info: { recordLimit: 2 },
    device: { ruleCapacity: 1 },
  });
  const eio = { skip: 0, times: 1, errno: ERRNO.EIO };
  driver.fail({ ...eio, call: "irqCount" });
  answer(() => manager.writeDevicePolicy(1, "BULK"));
  driver.fail({ ...eio, call: "setNetPolicy" });
  answer(() => manager.writeDevicePolicy(1, "BULK"));
  manager.writeDevicePolicy(1, "BULK");
  const socket = socketWith(manager, 2);
  const other = socketWith(manager, 2);
  answer(() => socketWith(manager, 2));
  manager.setRules(socket, flowFrom(1));
  manager.setRules(other, flowFrom(2));
  answer(() => socketWith(manager, 3));
  driver.fail({ ...eio, call: "ruleDelete" });
  manager.socketClose(socket);
  driver.fail({ ...eio, call: "irqAffinitySet" });
  driver.devices.get(1)!.rx = driver.devices.get(1)!.tx = 2;
  manager.writeDevicePolicy(1, "NONE");
  manager.writeDevicePolicy(1, "MIX");
  assert.deepEqual(manager.log(), [
    "NETPOLICY: Init net policy for eth0",
    "NETPOLICY: Failed to generate netpolicy object list for dev eth0",
    "NETPOLICY: Failed to set netpolicy for dev eth0",
    "NETPOLICY: Record limit 2 reached for dev eth0",
    "NETPOLICY: Failed to insert rule for queue 1 of dev eth0",
    "NETPOLICY: eth0 current device policy BULK doesn't support required policy LATENCY! " +
    "Remove net policy settings!",
    "NETPOLICY: Failed to delete rule 0 of dev eth0",
    "NETPOLICY: Failed to restore affinity of irq 100 for dev eth0",
    "NETPOLICY: No queue for policy LATENCY on dev eth0",
  ]);
});

Deno.test("the log keeps the last 64 lines", () => {
  const { manager } = compiledHost();
  manager.writeDevicePolicy(1, "BULK");
  const socket = socketWith(manager, 2);
  for (let line = 0; line < 100; line++) answer(() => manager.setSocketPolicy(socket, 3));
  const lines = manager.log();
  assert.equal(lines.length, 64);
  assert.ok(lines.every((line) => line.includes("LATENCY")));
});

Deno.test("the counters have these names", () => {
  assert.deepEqual([...counterNames(compiledHost().manager)].sort(), [
    "affinity_failed",
    "allowed_nomem",
    "inherit_refused",
    "init_failed",
    "instance_nomem",
    "pick_empty",
    "pick_limit",
    "pick_mismatch",
    "pick_no_device",
    "policy_failed",
    "policy_unsupported",
    "rebuild",
    "rebuild_failed",
    "register_incompatible",
    "register_invalid",
    "register_limit",
    "rollback_failed",
    "rule_delete_failed",
    "rule_deleted",
    "rule_inserted",
    "rule_nomem",
    "rule_refused",
    "rule_unsupported",
    "version_wrap",
  ]);
});
