/**
 * Packets beside updates in every order of their steps: exact counts, what the RFC's locking gets
 * wrong, that ours with one thing changed is found, and that the steps are those of the binary.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { loadWasm, PROJECT_ROOT } from "../../harness/build.ts";
import { moduleText } from "../../harness/build/inspect.ts";
import { BinaryThreads } from "../../harness/verify/binary_threads.ts";
import { type Concurrent, interleave } from "../../harness/verify/interleave.ts";
import {
  actionOf,
  builtinInterleavings,
  type Departure,
  hostOf,
  type Interleaving,
  INTERLEAVINGS_FOLDER,
  readBuiltinInterleaving,
  readInterleaving,
} from "../../harness/verify/interleaving.ts";
import { LockingModel } from "../../harness/verify/locking.ts";
import {
  FAULTY_DEPARTURES,
  interleavedRow,
  interleavingFindings,
} from "../../harness/verify/part_interleave.ts";
import { compileProbed, withProbes } from "../../harness/verify/probe.ts";
import { POLICY_VALUES, Subject } from "../../harness/verify/subject.ts";
import { detect, detectByOrders, detectors } from "../verify/part_planted.ts";
import { PLANTED, plantedBytes } from "../verify/planted.ts";
import { inFolder } from "./lab_io.ts";

const { module } = await loadWasm("policy", "release");
const bytes = await Deno.readFile(new URL("out/wasm/policy.wasm", PROJECT_ROOT));
const probed = await compileProbed(bytes);

/** One thread that does given actions. */
function alone(actions: readonly string[], locking?: readonly Departure[]): Interleaving {
  return {
    name: "alone",
    title: "one thread",
    cpus: 2,
    queues: 2,
    policy: "BULK",
    sockets: ["BULK", "BULK"],
    threads: { only: actions },
    ...(locking === undefined ? {} : { locking }),
  };
}

/** What packets of a single thread are given: a queue, or -1 for default handling. */
function answersOf(threads: Concurrent): number[] {
  const state = threads.first.slice();
  const answers: number[] = [];
  while (threads.step(state, 0)) {
    assert.equal(threads.broken, null);
    const queue = threads.said.match(/^uses queue (\d)/)?.[1];
    if (queue !== undefined) answers.push(Number(queue));
    else if (/^(goes by default|uses no queue)/.test(threads.said)) answers.push(-1);
  }
  assert.equal(threads.atEnd(state), null);
  return answers;
}

/** The same from the shipped binary, called as anybody calls it. */
function answersOfBinary(interleaving: Interleaving): number[] {
  const subject = new Subject(module, hostOf(interleaving));
  const { calls, host } = subject;
  host.begin(-1, -1);
  calls.writeDevicePolicy(1, subject.write(interleaving.policy));
  for (const policy of interleaving.sockets) {
    calls.setSocketPolicy(subject.open(0, 1), POLICY_VALUES[policy]!);
  }
  const answers: number[] = [];
  for (const text of interleaving.threads["only"]!) {
    const { kind, number, name, direction } = actionOf(text);
    if (kind === "packet") answers.push(Math.max(-1, calls.pickQueue(number, direction)));
    else if (kind === "policy") calls.writeDevicePolicy(1, subject.write(name));
    else if (kind === "offline") calls.cpuOffline(number);
    else if (kind === "online") calls.cpuOnline(number);
    else {
      host.setChannels(1, number);
      calls.deviceChannels(1);
    }
  }
  return answers;
}

for (const name of await builtinInterleavings()) {
  Deno.test(`all orders of "${name}" give exactly the counts and the finding of its file`, async () => {
    const interleaving = await readBuiltinInterleaving(name);
    assert.ok(interleaving.expect !== undefined);
    const { findings, shown } = await interleavedRow(bytes, interleaving);
    assert.deepEqual(findings, []);
    assert.equal(shown?.[0]?.sentence, interleaving.expect.finds);
  });
}

Deno.test("the RFC's work item caches a queue of before under the version of after", async () => {
  const { violation } = interleave(new LockingModel(await readBuiltinInterleaving("rfc-channels")));
  const steps = violation!.steps.map((step) => step.replace(/^\d+\. /, ""));
  const inOrder = [
    "worker: gives the record the object of queue 1 and takes a reference",
    "updater: makes lists of 1 objects",
    "updater: raises the device's version to 2",
    "updater: the update ends",
    "worker: reads the device's version: 2",
    "worker: stores queue 1 in the cache of socket 2",
    "reader 2: uses queue 1",
  ].map((step) => steps.indexOf(step));
  assert.ok(inOrder.every((place, at) => place > (inOrder[at - 1] ?? -1)), String(inOrder));
  assert.equal(violation!.sentence, "A packet uses queue 1 after the change to 1 ended");
});

const SEEN: Readonly<Partial<Record<Departure, RegExp>>> = {
  "own-locks": /^A reference is given back to a freed object/,
  "caches-after-lock": /^A packet uses queue 1 after the change to 1 ended/,
  "keeps-objects": /^A reference is given back to a freed object/,
  "rcu-frees-at-once": /^A record is read after it was freed/,
  "version-before-lists": /^A packet uses queue 1 after the change to 1 ended/,
  "version-before-cache": /^A packet uses queue 1 after the change to 1 ended/,
  "picks-in-two": /^The object of queue 0 has 2 references and 1 uses/,
  "queue-before-version": /^A packet uses queue 1 after the change to 1 ended/,
  "no-grace": /^A packet uses queue 1 after the change to 1 ended/,
  "sleeps-in-dying": /^Nobody goes on: hotplug stopped the machine and waits for what updater/,
};
for (const departure of FAULTY_DEPARTURES) {
  Deno.test(`our locking with "${departure}" alone is found`, async () => {
    const ours = await readBuiltinInterleaving("ours");
    const { violation } = interleave(new LockingModel({ ...ours, locking: [departure] }));
    assert.match(violation!.sentence, SEEN[departure]!);
  });
}

Deno.test("an update of policy.wasm that does not wait for packets under way is found", async () => {
  const threads = new BinaryThreads(probed, await readBuiltinInterleaving("binary"), {
    grace: false,
  });
  const { violation } = interleave(threads);
  assert.equal(violation!.sentence, "A packet uses queue 1 after the change to 1 ended");
  assert.deepEqual(violation!.steps.slice(-2).map((step) => step.replace(/^\d+\. /, "")), [
    "updater: the update ends",
    "reader 2: uses queue 1",
  ]);
});

Deno.test("only the orders show a binary that reads its cached queue before the versions", async () => {
  const name = "the packet path reads the cached queue before the versions";
  const broken = await plantedBytes(PLANTED.find((fault) => fault.name === name)!);
  const found = await detectByOrders(broken);
  assert.equal(found?.by, "interleave");
  assert.match(found.finding.sentence, /^binary: A packet (uses queue 1 after|is given queue 1)/);
  const inOneThread = (await detectors()).filter(({ name }) => name === "wrap" || name === "tasks");
  assert.equal(detect(await WebAssembly.compile(broken), inOneThread), null);
});

Deno.test("a cache that is not emptied before its version is raised is found in the binary", async () => {
  const broken = await plantedBytes({
    name: "a new version makes the other direction's queue valid",
    file: "pick.ts",
    text: "  if (load<u32>(instanceAt(instance), I_VERSION) != version) cacheClear(instance);\n",
    instead: "",
  });
  assert.match((await detectByOrders(broken))!.finding.sentence, /^binary: A packet /);
});

Deno.test("the fast path of the shipped binary reads the versions and then the queue", async () => {
  const { calls } = new BinaryThreads(probed, await readBuiltinInterleaving("binary"));
  assert.deepEqual(calls.readOrder, ["device", "deviceVersion", "instanceVersion", "cache"]);
});

for (
  const actions of [
    ["packet 1", "packet 2", "packet 1", "packet 2"],
    ["packet 1", "packet 2", "channels 1", "packet 2", "channels 2", "packet 2", "packet 1"],
    ["packet 2", "policy NONE", "packet 2", "policy MIX", "packet 1", "packet 2", "packet 1"],
    ["packet 1", "packet 2", "offline 0", "packet 2", "online 0", "packet 2", "packet 1"],
  ]
) {
  Deno.test(`one after the other, the steps of "${actions.join(", ")}" answer as the binary`, () => {
    const expected = answersOfBinary(alone(actions));
    assert.equal(expected.length, actions.filter((each) => each.startsWith("packet")).length);
    assert.deepEqual(answersOf(new BinaryThreads(probed, alone(actions))), expected);
    assert.deepEqual(answersOf(new LockingModel(alone(actions, []))), expected);
  });
}

Deno.test("probes stand behind every store and before every load of the packet path", async () => {
  const text = await moduleText("policy.wasm", bytes);
  const stores = text.match(/^\s+i(32|64)\.store/gm)!.length;
  assert.equal(withProbes(text).match(/call \$env\.stored/g)!.length, stores);
  assert.equal(withProbes(text).match(/call \$env\.loads/g)!.length, 4);
});

Deno.test("a count that is not the expected one, and a fault that is not there, are told", async () => {
  const ours = await readBuiltinInterleaving("rfc-records");
  const found = interleave(new LockingModel(ours));
  const expect = { ...ours.expect!, states: 7 };
  const [count] = interleavingFindings({ ...ours, expect }, found);
  assert.match(count!.sentence, /^rfc-records: 304 states found, 7 expected/);
  const sound = { ...found, violation: null };
  const [absent] = interleavingFindings(ours, sound);
  assert.equal(
    absent!.sentence,
    "rfc-records: nothing is found, expected is: A record is read after it was freed",
  );
});

for (
  const [text, instead, sentence] of [
    [
      '"packet 1"',
      '"packet 3"',
      /:\d+:\d+: threads\.reader 1\[0\] is "packet 3": there are 1 sock/,
    ],
    ['"packet 1"', '"packet 1 tx"', /a described locking has neither tx packets nor closing/],
    ['"channels 1"', '"channels 4"', /the device has 2 queue pairs/],
    ['"channels 1"', '"offline 2"', /the CPUs are 0 to 1/],
    ['"channels 1"', '"reboot"', /mine\.jsonc:\d+:\d+: threads\.updater\[0\] is "reboot"/],
  ] as const
) {
  Deno.test(`${instead} in an interleaving is told with its place`, async () => {
    const file = join(INTERLEAVINGS_FOLDER, "rfc-records.jsonc");
    const good = await Deno.readTextFile(file);
    await inFolder(async (folder) => {
      const mine = join(folder, "mine.jsonc");
      await Deno.writeTextFile(mine, good.replace(text, instead));
      await assert.rejects(readInterleaving(mine), sentence);
    });
  });
}
