/**
 * Scenario scripts: what the steps answer, and what a wrong script is told.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, lab } from "./lab_io.ts";

const HOST = {
  topology: {
    nodes: [{ id: 0, cpus: [0, 1, 2, 3] }],
    distance: [[10]],
    siblings: [],
    online: [0, 1, 2, 3],
  },
  devices: [{ name: "eth0", rxQueues: 4, txQueues: 4 }],
};
const FLOW = { proto: "tcp", src: "10.0.0.1", sport: 1, dst: "10.0.0.2", dport: 2 };

type Step = { readonly op: string } & Readonly<Record<string, unknown>>;
type Line = Record<string, unknown> & { ok?: boolean; value?: unknown; errno?: string };

/** Runs a script given as an object or as text; the lines it printed. */
function run(script: object | string): Promise<{ code: number; lines: Line[]; err: string }> {
  return inFolder(async (folder) => {
    const file = join(folder, "script.jsonc");
    await Deno.writeTextFile(file, typeof script === "string" ? script : JSON.stringify(script));
    const { code, out, err } = await lab(["policy", file]);
    const lines = out.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
    return { code, lines, err: err.replaceAll(`${folder}/`, "") };
  });
}

/** Values of all steps, errno names where refused. */
async function answers(steps: object[], more: object = {}): Promise<unknown[]> {
  const { code, lines, err } = await run({ ...HOST, ...more, steps });
  assert.equal(err, "");
  assert.equal(code, 0);
  assert.equal(lines.length, steps.length + 1);
  return lines.slice(0, -1).map((line) => line.ok === true ? line.value : line.errno);
}

const MIX = { op: "proc.write", dev: "eth0", text: "MIX\n" };
const SOCKET = { op: "socket", id: 1, dev: "eth0" };

Deno.test("a script prints one line a step and the whole state last", async () => {
  const { lines } = await run({
    ...HOST,
    steps: [
      MIX,
      { op: "task", pid: 7, policy: "BULK" },
      { ...SOCKET, pid: 7 },
      { op: "packet", id: 1, dir: "rx", flow: FLOW },
    ],
  });
  assert.deepEqual(lines[0], { step: 1, op: "proc.write", ok: true, value: null });
  assert.deepEqual(lines[3], { step: 4, op: "packet", ok: true, value: { queue: 1 } });
  const final = lines[4]!["final"] as Record<string, unknown>;
  assert.deepEqual(final["records"], [
    { owner: { pid: 7 }, policy: "BULK", device: null, rx_queue: null, tx_queue: null },
    { owner: { socket: 1 }, policy: "BULK", device: "eth0", rx_queue: 1, tx_queue: null },
  ]);
  assert.deepEqual(final["rules"], [
    {
      queue: 1,
      state: "inserted",
      location: 7679,
      errno: null,
      owner: { socket: 1 },
      device: "eth0",
      flow: FLOW,
    },
  ]);
  assert.deepEqual(final["sockets"], [{ id: 1, policy: "BULK" }]);
  assert.deepEqual(final["counters"], { rule_inserted: 1 });
});

Deno.test("a refused step says which error and what to do, and the script goes on", async () => {
  const { code, lines } = await run({
    ...HOST,
    steps: [
      MIX,
      SOCKET,
      { op: "setsockopt", id: 1, policy: "MIX" },
      { op: "proc.write", dev: "eth0", text: "B".repeat(65) },
      { op: "proc.write", dev: "eth0", text: "BULKY" },
      { op: "getsockopt", id: 1 },
    ],
  });
  assert.equal(code, 0);
  assert.equal(lines[2]!.errno, "EINVAL");
  assert.match(
    String(lines[2]!["message"]),
    /^setsockopt \{"id":1,"policy":"MIX"\} was refused with EINVAL: an argument is outside/,
  );
  assert.equal(lines[3]!.errno, "EINVAL");
  assert.equal(lines[4]!.errno, "EOPNOTSUPP");
  assert.deepEqual(lines[5]!.value, { policy: "INVALID", value: -1 });
});

Deno.test("a packet without a policy gets default handling: RSS for rx, XPS for tx", async () => {
  const steps = [SOCKET, { op: "packet", id: 1, dir: "rx" }, { op: "packet", id: 1, dir: "tx" }];
  const expected = { errno: "EINVAL" };
  assert.deepEqual(await answers(steps), [
    null,
    { default: "rss", ...expected },
    { default: "xps", ...expected },
  ]);
});

Deno.test("the policy's tx queue goes over XPS, and XPS over the hash", async () => {
  const steps = [
    MIX,
    SOCKET,
    { op: "xmit", id: 1, xps: 3, hash: 2 },
    { op: "xmit", id: 1, hash: 2 },
    { op: "xmit", id: 1 },
    { op: "setsockopt", id: 1, policy: 3 },
    { op: "xmit", id: 1, xps: 3, hash: 2 },
  ];
  assert.deepEqual((await answers(steps)).slice(2), [
    { queue: 3 },
    { queue: 2 },
    { default: "hash" },
    null,
    { queue: 0 },
  ]);
});

Deno.test("a driver that fails leaves the policy in force", async () => {
  const status = { op: "proc.read", dev: "eth0" };
  const write = { op: "proc.write", dev: "eth0", text: "BULK" };
  const fail = { op: "driver.fail", dev: "eth0", call: "set_policy", errno: "EBUSY" };
  const values = await answers([write, status, fail, { ...write, text: "LATENCY" }, status]);
  assert.equal(values[3], "EBUSY");
  assert.equal(values[4], values[1]);
  assert.equal(values[4], "eth0: POLICY BULK is running on the system\n");
});

Deno.test("load-aware choice keeps to the task's CPUs and to the least loaded", async () => {
  const steps = [
    { op: "proc.write", dev: "eth0", text: "BULK" },
    { op: "task", pid: 7, policy: "BULK" },
    { op: "affinity", pid: 7, cpus: [1, 2] },
    { op: "load", cpu: 0, percent: 0 },
    { op: "load", cpu: 1, percent: 40 },
    { op: "load", cpu: 2, percent: 34 },
    { ...SOCKET, pid: 7 },
    { op: "packet", id: 1, dir: "rx" },
    { op: "load", cpu: 2, percent: 35 },
    { ...SOCKET, id: 2, pid: 7 },
    { op: "packet", id: 2, dir: "rx" },
    { op: "affinity", pid: 7, cpus: [3] },
    { op: "cpu.offline", cpu: 3 },
    { ...SOCKET, id: 3, pid: 7 },
    { op: "packet", id: 3, dir: "rx" },
  ];
  const values = await answers(steps, { strategy: "load-aware" });
  assert.deepEqual(values[7], { queue: 2 });
  // 40 is within 5 points of 35, and queue 1 has fewer references.
  assert.deepEqual(values[10], { queue: 1 });
  assert.deepEqual(values[14], { default: "rss", errno: "ENOENT" });
});

Deno.test("IPv6 flows get rules, and a full device costs only the rule", async () => {
  const flow = { proto: "udp", src: "fd00::1", sport: 53, dst: "fd00::2", dport: 5353 };
  const { lines } = await run({
    ...HOST,
    devices: [{ ...HOST.devices[0], ruleCapacity: 1 }],
    steps: [
      MIX,
      SOCKET,
      { ...SOCKET, id: 2 },
      { op: "setsockopt", id: 1, policy: "BULK" },
      { op: "setsockopt", id: 2, policy: "BULK" },
      { op: "packet", id: 1, dir: "rx", flow },
      { op: "packet", id: 2, dir: "rx", flow: { ...flow, sport: 54 } },
    ],
  });
  assert.deepEqual(lines[6]!.value, { queue: 2 });
  const final = lines.at(-1)!["final"] as { rules: Record<string, unknown>[] };
  assert.deepEqual(final.rules.map((rule) => rule["state"]), ["inserted", "refused"]);
  assert.deepEqual(final.rules.map((rule) => rule["errno"]), [null, "ENOSPC"]);
  assert.deepEqual(final.rules[0]!["flow"], flow);
});

/** One step of every operation, in an order in which each succeeds, with its answer. */
const EVERY_OPERATION: readonly (readonly [step: Step, answer: unknown])[] = [
  [{ op: "strategy", name: "load-aware" }, null],
  [{ op: "strategy", name: "round-robin" }, null],
  [{ op: "partition", name: "latency-first" }, null],
  [{ op: "proc.write", dev: "eth0", text: "mix" }, null],
  [{ op: "task", pid: 7 }, null],
  [{ op: "task.write", pid: 7, text: "latency\n" }, null],
  [{ op: "task.read", pid: 7 }, "LATENCY\n"],
  [{ op: "affinity", pid: 7, cpus: [0, 1] }, null],
  [{ op: "fork", pid: 7, child: 8 }, null],
  [{ op: "task.read", pid: 8 }, "LATENCY\n"],
  [{ op: "exit", pid: 7 }, null],
  [{ op: "socket", id: 1, pid: 8 }, null],
  [{ op: "packet", id: 1, dir: "rx" }, { default: "rss", errno: "EINVAL" }],
  [{ op: "bind", id: 1, dev: "eth0" }, null],
  [{ op: "packet", id: 1, dir: "rx", flow: FLOW }, { queue: 0 }],
  [{ op: "setsockopt", id: 1, policy: "BULK" }, null],
  [{ op: "accept", listener: 1, id: 2 }, null],
  [{ op: "getsockopt", id: 2 }, { policy: "BULK", value: 2 }],
  [{ op: "xmit", id: 2, hash: 3 }, { queue: 1 }],
  [{ op: "load", cpu: 2, percent: 50 }, null],
  [{ op: "driver.fail", call: "cpu_load" }, null],
  [{ op: "cpu.offline", cpu: 3 }, null],
  [{ op: "cpu.online", cpu: 3 }, null],
  [{ op: "channels", dev: "eth0", count: 2 }, null],
  [{ op: "dev.rename", dev: "eth0", to: "eth1" }, null],
  [{ op: "dev.down", dev: "eth1" }, null],
  [{ op: "dev.up", dev: "eth1" }, null],
  [{ op: "close", id: 2 }, null],
];

Deno.test("every operation does what its name says", async () => {
  const steps = EVERY_OPERATION.map(([step]) => step);
  const after = [
    { op: "objects", dev: "eth1" },
    { op: "proc.read", dev: "eth1" },
    { op: "status", dev: "eth1" },
    { op: "dev.unregister", dev: "eth1" },
    { op: "log" },
    { op: "dev.register", dev: "eth0" },
  ];
  const values = await answers([...steps, ...after]);
  EVERY_OPERATION.forEach(([step, answer], index) => {
    assert.deepEqual(values[index], answer, `step ${index + 1}, ${step.op}`);
  });
  const [objects, text, status, , log] = values.slice(steps.length);
  const lists = { NONE: [], CPU: [] };
  const rx = {
    ...lists,
    BULK: [{ cpu: 1, queue: 1, refs: 0 }],
    LATENCY: [{ cpu: 0, queue: 0, refs: 0 }],
  };
  assert.deepEqual(objects, { rx, tx: rx });
  assert.match(String(text), /^eth1: MIX policy is running on the system\n/);
  const { policy, wanted, up, version } = status as Record<string, unknown>;
  assert.deepEqual({ policy, wanted, up, version }, {
    policy: "MIX",
    wanted: "MIX",
    up: true,
    version: 9,
  });
  assert.deepEqual(log, [
    "NETPOLICY: Init net policy for eth0",
    "NETPOLICY: Init net policy for eth1",
  ]);
  const known = new Set([...steps, ...after].map((step) => step.op));
  const { out } = await lab(["policy", "--schema"]);
  const accepted: string[] = JSON.parse(out).properties.steps.items.properties.op.enum;
  assert.deepEqual(accepted.filter((op) => !known.has(op)), []);
});

const MISTAKES: readonly (readonly [string, object | string, RegExp])[] = [
  ["text that is not JSON", "{ nope", /^error: script\.jsonc:1:3: Not valid JSON/],
  ["an unknown operation", { ...HOST, steps: [{ op: "packt" }] }, /accepted are .*did you mean/],
  ["a step without its keys", { ...HOST, steps: [{ op: "fork", pid: 1 }] }, /lacks "child"/],
  ["a key too many", { ...HOST, steps: [{ op: "log", dev: "eth0" }] }, /Unknown key "dev"/],
  [
    "a policy that does not exist",
    { ...HOST, steps: [{ op: "setsockopt", id: 1, policy: "FAST" }] },
    /policy is "FAST": accepted are "NONE", "CPU"/,
  ],
  [
    "a CPU that does not exist",
    { ...HOST, steps: [{ op: "cpu.offline", cpu: 9 }] },
    /steps\[0\]\.cpu names CPU 9: the topology has no such CPU/,
  ],
  [
    "a device twice",
    { ...HOST, devices: [HOST.devices[0], HOST.devices[0]], steps: [] },
    /devices\[1\]\.name is "eth0": another device has that name/,
  ],
  [
    "an address that is none",
    { ...HOST, steps: [{ op: "packet", id: 1, dir: "rx", flow: { ...FLOW, src: "10.0.0" } }] },
    /flow\.src is "10\.0\.0": accepted is an IPv4 or IPv6 address/,
  ],
  [
    "unequal queue pairs",
    { ...HOST, devices: [{ name: "eth0", rxQueues: 4, txQueues: 2 }], steps: [] },
    /queue pairs, but 4 rx and 2 tx queues/,
  ],
  [
    "a distance matrix of the wrong size",
    { ...HOST, topology: { ...HOST.topology, distance: [[10, 20]] }, steps: [] },
    /topology\.distance is not 1 x 1/,
  ],
];

for (const [what, script, message] of MISTAKES) {
  Deno.test(`a script with ${what} is refused in one line with its place`, async () => {
    const { code, lines, err } = await run(script);
    assert.equal(code, 2);
    assert.deepEqual(lines, []);
    assert.match(err, /^error: script\.jsonc:\d+:\d+: [^\n]+\n$/);
    assert.match(err, message);
  });
}

Deno.test("a step on what does not exist is refused by the call, not by the script", async () => {
  const steps = [
    { op: "exit", pid: 1 },
    { op: "close", id: 1 },
    { op: "proc.read", dev: "eth7" },
    { op: "cpu.online", cpu: 0 },
  ];
  assert.deepEqual(await answers(steps), ["ESRCH", "EBADF", "ENODEV", "EINVAL"]);
});

Deno.test("the schema that --schema prints accepts the scripts that ship", async () => {
  const { code, out } = await lab(["policy", "--schema"]);
  assert.equal(code, 0);
  const { Ajv2020 } = await import("ajv");
  const validate = new Ajv2020().compile(JSON.parse(out));
  const { parse } = await import("jsonc-parser");
  const folder = new URL("../../workloads/scenarios/", import.meta.url);
  for await (const entry of Deno.readDir(folder)) {
    const script = parse(await Deno.readTextFile(new URL(entry.name, folder)));
    assert.equal(validate(script), true, `${entry.name}: ${JSON.stringify(validate.errors)}`);
  }
});

Deno.test("without a script the command says what it wants", async () => {
  const { code, err } = await lab(["policy"]);
  assert.equal(code, 2);
  assert.equal(err, "error: No script given: name one, as in deno task policy FILE.jsonc\n");
});
