/**
 * Validation files: what they may hold, and how mistakes are told.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { COST_NUMBERS } from "../../harness/machine/costs.ts";
import { UserError } from "../../harness/errors.ts";
import { builtinCaseFiles, readCases, VALIDATION_FOLDER } from "../../harness/validate/read.ts";
import { readSchema } from "../../harness/spec.ts";
import { inFolder } from "./lab_io.ts";

const CASE = {
  name: "one",
  title: "one request at a time",
  workload: [{ name: "rr", test: "TCP_RR", connections: 1 }],
  expect: [{ metric: "rate_per_second", value: 1000 }],
};

/** A file with one case, some of its fields changed. */
function textOf(change: Record<string, unknown>, whole: Record<string, unknown> = {}): string {
  const kept = Object.entries({ ...CASE, ...change }).filter(([, value]) => value !== null);
  return JSON.stringify(
    {
      title: "a system",
      source: { who: "somebody", where: "a list", when: "2013", class: "B" },
      machine: "x710-8cpu",
      cases: [Object.fromEntries(kept)],
      ...whole,
    },
    null,
    2,
  );
}

async function read(text: string) {
  return await inFolder(async (folder) => {
    const file = join(folder, "own.jsonc");
    await Deno.writeTextFile(file, text);
    return await readCases([file]);
  });
}

async function mistakeIn(text: string): Promise<string> {
  try {
    await read(text);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.doesNotMatch(error.message, /\n/);
    return error.message.replace(/^.*own\.jsonc/, "own.jsonc");
  }
  assert.fail("the file should be refused");
}

Deno.test("a case has its settings in its machine, and the rest as the machine has it", async () => {
  const [found] = await read(textOf({
    nic: { ring: 64, coalesce: { adaptive_rx: false, rx_usecs: 0 } },
    host: { idle_state_limit: 3 },
  }));
  const { nic, costs } = found!.machine;
  assert.equal(nic.ring, 64);
  assert.equal(nic.queue_pairs, 8);
  assert.deepEqual([nic.coalesce.adaptive_rx, nic.coalesce.adaptive_tx], [false, true]);
  assert.equal(costs["idle_state_limit"], 3);
  assert.equal(costs["tcp_rx_ns"], 800);
});

Deno.test("what is left out has its default", async () => {
  const [found] = await read(textOf({}));
  assert.equal(found!.peer, "ideal");
  assert.equal(found!.policy, "NONE");
  assert.deepEqual(found!.duration, { warmup_ms: 20, measure_ms: 100 });
  assert.equal(found!.seeds, 1);
  assert.equal(found!.isCalibration, false);
  assert.equal(found!.groups![0]!.request_bytes, 1);
});

Deno.test("the other end is ideal, the machine's second host, or one like the machine", async () => {
  const peerOf = async (change: Record<string, unknown>) => {
    const [{ machine } = assert.fail()] = await read(textOf(change));
    return machine.peer;
  };
  assert.equal(await peerOf({ machine: "connectx5-epyc7662" }), undefined);
  const host = await peerOf({ machine: "connectx5-epyc7662", peer: "host" });
  assert.equal(host!.name, "connectx5-client");
  assert.equal(host!.peer, undefined);
  const twin = await peerOf({ peer: "twin", host: { idle_state_limit: 3 } });
  assert.equal(twin!.name, "x710-8cpu");
  assert.equal(twin!.costs["idle_state_limit"], 3);
});

Deno.test("a workload may be named", async () => {
  const [found] = await read(textOf({ workload: "rr" }));
  assert.equal(found!.groups![0]!.connections, 16);
});

const TWO = [CASE, { ...CASE, title: "again" }];
const MISTAKES: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  [
    "a cost of the machine among the settings",
    { host: { tcp_rx_ns: 100 } },
    /^own\.jsonc:\d+:\d+: Unknown key "tcp_rx_ns" in cases\[0\]\.host: accepted are "idle_state_/,
  ],
  [
    "a property of the device among the settings",
    { nic: { itr_per_vector: true } },
    /Unknown key "itr_per_vector" in cases\[0\]\.nic: accepted are "queue_pairs", "ring", /,
  ],
  [
    "a setting out of range",
    { host: { idle_state_limit: 9 } },
    /:\d+:\d+: cases\[0\]\.host\.idle_state_limit is 9: accepted is 0 to 3$/,
  ],
  [
    "a ring out of range",
    { nic: { ring: 32 } },
    /:\d+:\d+: cases\[0\]\.nic\.ring is 32: accepted is 64 to 4096$/,
  ],
  [
    "a mask of CPUs that are not there",
    { nic: { rps_cpus: "100" } },
    /:\d+:\d+: cases\[0\]\.nic\.rps_cpus is "100": accepted are masks of the 8 CPUs/,
  ],
  [
    "a flow table without the other",
    { host: { rps_flow_cnt: 64 } },
    /cases\[0\]\.host\.rps_flow_cnt is 64: without cases\[0\]\.host\.rps_sock_flow_entries it has/,
  ],
  [
    "a misspelt field of a group",
    { workload: [{ name: "rr", test: "TCP_RR", conections: 1 }] },
    /:\d+:\d+: Unknown key "conections" in cases\[0\]\.workload\[0\]: .*mean "connections"\?\)$/,
  ],
  [
    "a field that a test does not use",
    { workload: [{ name: "a", test: "TCP_STREAM", connections: 1, request_bytes: 2 }] },
    /:\d+:\d+: cases\[0\]\.workload\[0\]\.request_bytes has no meaning for TCP_STREAM: remove/,
  ],
  [
    "an unknown metric",
    { expect: [{ metric: "latency_us_p51", value: 1 }] },
    /:\d+:\d+: cases\[0\]\.expect\[0\]\.metric is "latency_us_p51": .*mean "latency_us_p50"\?\)/,
  ],
  [
    "an expectation that says nothing",
    { expect: [{ metric: "rate_per_second" }] },
    /cases\[0\]\.expect\[0\] says nothing: one of "value", "at_least", "at_most", "ascending"/,
  ],
  [
    "an expectation that is two",
    { expect: [{ metric: "rate_per_second", value: 1, at_most: 2 }] },
    /cases\[0\]\.expect\[0\] is a value and a range: make an expectation of each/,
  ],
  [
    "a range without room",
    { expect: [{ metric: "rate_per_second", at_least: 3, at_most: 2 }] },
    /cases\[0\]\.expect\[0\] accepts nothing: at_least is 3 and at_most 2/,
  ],
  [
    "no workload and no reason",
    { workload: null },
    /cases\[0\] lacks "workload": without one it cannot be run, and "expected_miss" must say why/,
  ],
  [
    "a comparison with a case that is not there",
    { expect: [{ metric: "rate_per_second", over: { case: "onne" }, value: 1 }] },
    /Case "one" compares with "onne", which no file has \(did you mean "one"\?\)$/,
  ],
  [
    "an unknown machine",
    { machine: "x710-9cpu" },
    /:\d+:\d+: Unknown machine "x710-9cpu": .*\(did you mean "x710-8cpu"\?\)$/,
  ],
  [
    "a second host that the machine does not name",
    { peer: "host" },
    /cases\[0\] has peer "host", but machine "x710-8cpu" names no second host: add peer to it/,
  ],
  [
    "two equal hosts for a stream",
    { peer: "same", workload: [{ name: "a", test: "TCP_STREAM", connections: 1 }] },
    /cases\[0\]\.workload does not fit peer "same": accepted is one closed group of TCP_RR or UDP/,
  ],
];

for (const [name, change, message] of MISTAKES) {
  Deno.test(`${name} is told with its place and what is accepted`, async () => {
    assert.match(await mistakeIn(textOf(change)), message);
  });
}

Deno.test("groups of a case have what a workload file leaves out filled in", async () => {
  const group = { name: "kv", test: "TCP_RR", connections: 8, threads: 2 };
  const sizes = { distribution: "facebook" };
  const arrival = { loop: "open", rate_per_second: 1000 };
  const [found] = await read(textOf({ workload: [{ ...group, sizes, arrival }] }));
  const { sizes: filled, arrival: scheduled } = found!.groups![0]!;
  assert.deepEqual(filled, { distribution: "facebook", update_percent: 0 });
  assert.equal(scheduled.loop === "open" && scheduled.distribution, "poisson");
});

Deno.test("two cases of one name are refused, with both files", async () => {
  const message = await mistakeIn(textOf({}, { cases: TWO }));
  assert.match(message, /^own|^Two cases are named "one", in .*own\.jsonc and .*: rename one$/);
});

Deno.test("no setting of the format is a cost: only settings and kernel switches can be set", async () => {
  const schema = await readSchema(`${VALIDATION_FOLDER}/schema.json`);
  const settings = Object.keys(schema["$defs"].host.properties);
  const isCost = /^(?!.*(timeout|limit|busy_poll|granularity)).*_(ns|percent|per_byte)$/;
  for (const name of settings) assert.doesNotMatch(name, isCost);
  // The other side: the machines' costs that this leaves to machine files are most of them.
  const others = Object.keys(COST_NUMBERS).filter((name) => !settings.includes(name));
  assert.ok(others.length > 50, `${others.length}`);
  assert.ok(others.includes("hard_irq_ns"));
});

Deno.test("the cases of the lab are read, each with a source, and none twice", async () => {
  const cases = await readCases(await builtinCaseFiles());
  assert.ok(cases.length > 10, `${cases.length}`);
  for (const { name, source, expectedMiss, groups } of cases) {
    assert.ok(source.who.length > 0 && source.when.length > 0, name);
    assert.ok(groups !== null || (expectedMiss ?? "").length > 20, name);
  }
  const fitted = cases.filter(({ isCalibration }) => isCalibration);
  assert.ok(fitted.length > 0 && fitted.length < cases.length / 2);
});
