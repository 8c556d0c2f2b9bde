/**
 * Workload files: the built-in ones are valid, and every mistake in one is told with its place.
 *
 * @module
 */

import { canonicalJson } from "../../harness/canonical_json.ts";
import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../harness/errors.ts";
import {
  builtinMachines,
  builtinWorkloads,
  readMachine,
  readWorkload,
  specSha256,
} from "../../harness/spec.ts";
import { inFolder } from "./lab_io.ts";

async function readText(text: string, fileName: string = "own.jsonc"): Promise<unknown> {
  let spec: unknown;
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, fileName), text);
    spec = await readWorkload(`./${fileName}`, { cwd: folder });
  });
  return spec;
}

async function mistakeIn(text: string, fileName?: string): Promise<string> {
  try {
    await readText(text, fileName);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.exitCode, 2);
    return error.message;
  }
  return "no mistake was found";
}

const group = (fields: string): string =>
  `{\n  "title": "t",\n  "groups": [\n    { "name": "a", "connections": 1, ${fields} }\n  ]\n}`;

Deno.test("every built-in workload and machine fits its schema", async () => {
  assert.deepEqual(await builtinWorkloads(), [
    "bursts",
    "channels",
    "crr",
    "elephants",
    "hotplug",
    "incast",
    "maerts",
    "many",
    "memcached",
    "mix",
    "netperf",
    "rr",
    "rr_open",
    "stream",
    "switch",
    "udp_rr",
  ]);
  for (const name of await builtinWorkloads()) {
    const { workload, machine } = await readWorkload(name, { cwd: "/" });
    assert.equal(workload.name, name);
    assert.equal(machine.name, workload.machine);
  }
  for (const name of await builtinMachines()) {
    assert.equal((await readMachine(name, "/")).name, name);
  }
});

Deno.test("defaults of the schema are filled in", async () => {
  const spec = await readText(
    group('"test": "TCP_RR", "arrival": { "loop": "open", "rate_per_second": 5 }'),
  );
  const { workload } = spec as Awaited<ReturnType<typeof readWorkload>>;
  assert.equal(workload.name, "own");
  assert.equal(workload.machine, "x710-8cpu");
  assert.deepEqual(workload.duration.model, { warmup_ms: 20, measure_ms: 200 });
  assert.deepEqual(workload.targets, ["model"]);
  assert.deepEqual(workload.groups, [{
    name: "a",
    connections: 1,
    test: "TCP_RR",
    arrival: { loop: "open", rate_per_second: 5, distribution: "poisson" },
    hint: "NONE",
    request_bytes: 1,
    response_bytes: 1,
    message_bytes: 16384,
    outstanding: 1,
    sizes: { distribution: "constant" },
    service_ns: 0,
    service_distribution: "constant",
    threads: 0,
    pin: false,
    assignment: "round_robin",
  }]);
});

const MISTAKES: readonly (readonly [name: string, text: string, message: string])[] = [
  [
    "a comma too few",
    '{\n  "title": "t"\n  "groups": []\n}',
    'own.jsonc:3:3: Not valid JSON: comma expected at "\\"groups\\""',
  ],
  ["an empty file", "", "own.jsonc:1:1: Not valid JSON: value expected at the end of the line"],
  [
    "a missing field",
    '{ "title": "t" }',
    'own.jsonc:1:1: the file lacks "groups": a list of connection groups that run at the same time',
  ],
  [
    "an unknown test",
    group('"test": "TCP_RX"'),
    'own.jsonc:4:46: groups[0].test is "TCP_RX": accepted are "TCP_RR", "TCP_CRR", "TCP_STREAM", ' +
    '"TCP_MAERTS", "UDP_RR", "UDP_STREAM", "TCP_CC", "TCP_SENDFILE", "XDP_DROP", "XSK_TX" (did ' +
    'you mean "TCP_RR"?)',
  ],
  [
    "a misspelt key",
    group('"test": "TCP_RR",\n      "requst_bytes": 3'),
    'own.jsonc:5:7: Unknown key "requst_bytes" in groups[0]: accepted are "name", "test", ' +
    '"ip_version", "sendfile", "connections", "hint", "request_bytes", "response_bytes", ' +
    '"message_bytes", "outstanding", "sizes", "arrival", "service_ns", "service_distribution", ' +
    '"threads", "pin", "assignment", "served_by", "client" (did you mean "request_bytes"?)',
  ],
  [
    "a misspelt key that is missing under its right name",
    '{ "title": "t", "gruops": [] }',
    'own.jsonc:1:17: Unknown key "gruops" in the file: accepted are "$schema", "title", ' +
    '"description", "machine", "duration", "targets", "in_default_matrix", ' +
    '"groups", "operations" (did you mean "groups"?)',
  ],
  [
    "a control character in a title",
    '{ "title": "a\\u001b[2Jb\\u009b", "groups": [] }',
    'own.jsonc:1:12: title is "a\\u001b[2Jb\\u009b": accepted is text without control characters ' +
    "(and 1 more in this file)",
  ],
  [
    "a UDP message larger than a datagram",
    group('"test": "UDP_STREAM", "message_bytes": 65508'),
    "own.jsonc:4:77: groups[0].message_bytes is 65508: UDP_STREAM sends it as one datagram, " +
    "accepted are at most 65507",
  ],
  [
    "frames of XDP that are no frames",
    group('"test": "XDP_DROP"'),
    "own.jsonc:4:5: groups[0].message_bytes is 16384: XDP_DROP sends it in one frame, accepted are " +
    "at most 1472",
  ],
  [
    "a policy for frames without a socket",
    group('"test": "XSK_TX", "message_bytes": 18, "hint": "BULK"'),
    "own.jsonc:4:77: groups[0].hint has no meaning for XSK_TX, which has no socket of the stack: " +
    "remove it",
  ],
  [
    "a schedule for each flow of a generator",
    group(
      '"test": "XDP_DROP", "message_bytes": 18, ' +
        '"arrival": { "loop": "open", "rate_per_second": 1, "schedule": "connection" }',
    ),
    'own.jsonc:4:142: groups[0].arrival.schedule is "connection": the flows of XDP_DROP take turns, ' +
    'accepted is "group"',
  ],
  [
    "a schedule for what sends as fast as it can",
    group(
      '"test": "XSK_TX", "message_bytes": 18, "arrival": { "loop": "open", "rate_per_second": 1 }',
    ),
    'own.jsonc:4:98: groups[0].arrival.loop is "open": XSK_TX has no requests to schedule, accepted ' +
    'is "closed"',
  ],
  [
    "a UDP response larger than a datagram",
    group('"test": "UDP_RR", "response_bytes": 65536'),
    "own.jsonc:4:74: groups[0].response_bytes is 65536: UDP_RR sends it as one datagram, " +
    "accepted are at most 65507",
  ],
  [
    "more threads than connections",
    group('"test": "TCP_RR", "threads": 2'),
    "own.jsonc:4:67: groups[0].threads is 2: accepted are at most the 1 connections of the group",
  ],
  [
    "a choice among threads where there is none",
    group('"test": "TCP_RR", "assignment": "by_queue"'),
    "own.jsonc:4:56: groups[0].assignment has no meaning where each connection has a thread of " +
    "its own: remove it, or set threads",
  ],
  [
    "a server group that is not there",
    group('"test": "TCP_RR", "served_by": "b"'),
    'own.jsonc:4:69: groups[0].served_by is "b": no group before it has threads',
  ],
  [
    "a server group with threads of its own",
    '{ "title": "t", "groups": [\n' +
    '  { "name": "a", "test": "TCP_RR", "connections": 2, "threads": 2 },\n' +
    '  { "name": "b", "test": "TCP_RR", "connections": 2, "threads": 1, "served_by": "a" } ] }',
    'own.jsonc:3:81: groups[1].served_by is "a": its threads serve this group, so remove ' +
    "threads here",
  ],
  [
    "client threads of ideal clients",
    group('"test": "TCP_RR", "client": { "host": false, "threads": 1 }'),
    "own.jsonc:4:83: groups[0].client.threads has no meaning for ideal clients: remove it",
  ],
  [
    "more client threads than connections",
    group('"test": "TCP_RR", "client": { "threads": 2 }'),
    "own.jsonc:4:79: groups[0].client.threads is 2: accepted are at most the 1 connections of " +
    "the group",
  ],
  [
    "a wait of clients that a response wakes",
    group('"test": "TCP_RR", "client": { "wait_us": 1000 }'),
    "own.jsonc:4:68: groups[0].client.wait_us has no meaning in a closed loop, where a response " +
    "is what sends: remove it",
  ],
  [
    "a client's wait out of range",
    group('"test": "TCP_RR", "client": { "wait_us": 2000000 }'),
    "own.jsonc:4:79: groups[0].client.wait_us is 2000000: accepted is 0 to 1000000",
  ],
  [
    "an update share of constant sizes",
    group('"test": "TCP_RR", "sizes": { "distribution": "constant", "update_percent": 3 }'),
    "own.jsonc:4:95: groups[0].sizes.update_percent has no meaning for constant sizes: remove it",
  ],
  [
    "drawn sizes of a test that has none",
    group('"test": "UDP_RR", "sizes": { "distribution": "facebook" }'),
    'own.jsonc:4:83: groups[0].sizes.distribution is "facebook": UDP_RR takes its sizes from the ' +
    'group, accepted is "constant"',
  ],
  [
    "sizes both drawn and told",
    group('"test": "TCP_RR", "request_bytes": 5, "sizes": { "distribution": "facebook" }'),
    "own.jsonc:4:56: groups[0].request_bytes has no meaning where sizes are drawn: remove it",
  ],
  [
    "bursts without their pause",
    group('"test": "TCP_RR", "arrival": { "loop": "open", "rate_per_second": 5, "on_ms": 1 }'),
    'own.jsonc:4:67: groups[0].arrival lacks "off_ms": bursts need both times',
  ],
  [
    "nesting without end",
    "[".repeat(20_000),
    "own.jsonc:1:65: Nested deeper than 64 levels, which is not accepted",
  ],
  [
    "a number out of range",
    group('"test": "TCP_RR", "outstanding": 0'),
    "own.jsonc:4:71: groups[0].outstanding is 0: accepted is 1 to 256",
  ],
  [
    "the wrong type",
    group('"test": "TCP_RR", "service_ns": "7"'),
    'own.jsonc:4:70: groups[0].service_ns is "7": accepted is a whole number',
  ],
  [
    "a key that stands twice",
    '{ "title": "t",\n  "title": "u" }',
    'own.jsonc:2:3: Key "title" stands twice',
  ],
  [
    "two groups of one name",
    '{ "title": "t", "groups": [\n  { "name": "a", "test": "TCP_RR", "connections": 1 },\n' +
    '  { "name": "a", "test": "TCP_RR", "connections": 1 } ] }',
    'own.jsonc:3:13: groups[1].name is "a": another group has that name already',
  ],
  [
    "a field that the test ignores",
    group('"test": "TCP_STREAM", "request_bytes": 1'),
    "own.jsonc:4:60: groups[0].request_bytes has no meaning for TCP_STREAM: remove it",
  ],
  [
    "a rate in a closed loop",
    group('"test": "TCP_RR", "arrival": { "loop": "closed", "rate_per_second": 1 }'),
    "own.jsonc:4:87: groups[0].arrival.rate_per_second has no meaning in a closed loop: " +
    'remove it, or set loop to "open"',
  ],
  [
    "an open loop without a rate",
    group('"test": "TCP_RR", "arrival": { "loop": "open" }'),
    'own.jsonc:4:67: groups[0].arrival lacks "rate_per_second": an open loop needs its offered load',
  ],
  [
    "an open loop of a stream",
    group('"test": "TCP_STREAM", "arrival": { "loop": "open" }'),
    'own.jsonc:4:81: groups[0].arrival.loop is "open": TCP_STREAM has no requests to schedule, ' +
    'accepted is "closed"',
  ],
];

for (const [name, text, message] of MISTAKES) {
  Deno.test(`${name} is told with file, line, column and what is accepted`, async () => {
    assert.equal(await mistakeIn(text), `./${message}`);
  });
}

Deno.test("the first of several mistakes is told, with the number of the others", async () => {
  const text = group('"test": "X",\n      "bogus": 1, "outstanding": 0');
  assert.match(await mistakeIn(text), /^\.\/own\.jsonc:4:46: .* \(and 2 more in this file\)$/);
});

Deno.test("an unknown name lists the names there are and the nearest one", async () => {
  const unknown = readWorkload("udp-rr", { cwd: "/" });
  await assert.rejects(unknown, {
    message:
      'Unknown workload "udp-rr": accepted are bursts, channels, crr, elephants, hotplug, incast, maerts, many, ' +
      'memcached, mix, netperf, rr, rr_open, stream, switch, udp_rr, or the path of a file (did you mean "udp_rr"?)',
  });
  const machine = readWorkload("rr", { cwd: "/", machine: "x710" });
  await assert.rejects(machine, /^UserError: Unknown machine "x710": accepted are /);
});

Deno.test("a file that is not there, a folder, and a name unfit for a run are refused", async () => {
  await assert.rejects(readWorkload("./none.jsonc", { cwd: "/" }), {
    message: 'Cannot read "/none.jsonc": no such file or directory',
  });
  await assert.rejects(readWorkload("/", { cwd: "/" }), /Cannot read "\/": it is a directory/);
  const message = await mistakeIn(group('"test": "TCP_RR"'), "My File.jsonc");
  assert.match(message, /^Cannot use "My File\.jsonc": /);
});

Deno.test("the hash of a spec does not depend on the order of keys, but on every value", async () => {
  assert.equal(canonicalJson({ b: [{ y: 1, x: 2 }], a: null }), '{"a":null,"b":[{"x":2,"y":1}]}');
  const spec = await readWorkload("rr", { cwd: "/" });
  const hash = await specSha256(spec);
  assert.match(hash, /^[0-9a-f]{64}$/);
  const reversed = Object.fromEntries(Object.entries(spec.workload).reverse());
  assert.equal(await specSha256({ ...spec, workload: reversed as typeof spec.workload }), hash);
  const changed = { ...spec.workload, title: "other" };
  assert.notEqual(await specSha256({ ...spec, workload: changed }), hash);
});

Deno.test("the largest UDP datagram, and nesting and size up to the limits, are accepted", async () => {
  await readText(group('"test": "UDP_STREAM", "message_bytes": 65507'));
  await readText(group('"test": "TCP_STREAM", "message_bytes": 65536'));
  await readText("\ufeff" + group('"test": "TCP_RR"'));
  await readText(group('"test": "TCP_RR"') + " ".repeat(16 * 1024 * 1024 - 200));
  const message = await mistakeIn(group('"test": "TCP_RR"') + " ".repeat(16 * 1024 * 1024));
  assert.match(
    message,
    /^Cannot read ".*own\.jsonc": it holds \d+ bytes; accepted are at most 16777216$/,
  );
});

Deno.test("a second host is named by its machine's file, and its own second host does not count", async () => {
  await inFolder(async (folder) => {
    const text = await Deno.readTextFile(
      new URL("../../workloads/machines/x710-8cpu.jsonc", import.meta.url),
    );
    const write = (name: string, peer: string) =>
      Deno.writeTextFile(
        join(folder, name),
        text.replace('"nic": {', `"peer": ${JSON.stringify(peer)}, "nic": {`),
      );
    await write("own.jsonc", "./other.jsonc");
    await write("other.jsonc", "./own.jsonc");
    const { peer } = await readMachine("./own.jsonc", folder);
    assert.equal(peer!.name, "other");
    assert.equal(peer!.peer, undefined);
    await write("own.jsonc", "x710-9cpu");
    await assert.rejects(
      readMachine("./own.jsonc", folder),
      /^UserError: \.\/own\.jsonc:\d+:\d+: Unknown machine "x710-9cpu": .*did you mean "x710-8cpu"/,
    );
  });
});

Deno.test("a device has the link speeds that Intel sells it with", async () => {
  const cases = [["X710", 40, "1, 10"], ["XL710", 1, "10, 40"]] as const;
  for (const [model, speed, accepted] of cases) {
    await inFolder(async (folder) => {
      const text = await Deno.readTextFile(
        new URL("../../workloads/machines/x710-8cpu.jsonc", import.meta.url),
      );
      const other = text.replace('"X710", "speed_gbps": 10', `"${model}", "speed_gbps": ${speed}`);
      await Deno.writeTextFile(join(folder, "own.jsonc"), other);
      await assert.rejects(readMachine("./own.jsonc", folder), {
        message: `./own.jsonc:5:${39 + model.length}: nic.speed_gbps is ${speed}: ` +
          `accepted are ${accepted} for a device ${model}`,
      });
    });
  }
});
