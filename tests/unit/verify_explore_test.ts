/**
 * The exploration of policy.wasm: exact counts of small hosts, what it says of a manager with a
 * fault, and that the folding of states takes nothing away.
 *
 * @module
 */

import assert from "node:assert/strict";
import { loadWasm } from "../../harness/build.ts";
import { PolicyManager } from "../../harness/policy/manager.ts";
import { ScenarioRun } from "../../harness/policy/scenario.ts";
import type { Scenario } from "../../harness/policy/scenario_schema.ts";
import { Canonical, STALE_QUEUE } from "../../harness/verify/canonical.ts";
import { type Exploration, readBuiltin } from "../../harness/verify/exploration.ts";
import { explore, MOVE } from "../../harness/verify/explore.ts";
import { explorationFindings } from "../../harness/verify/part_explore.ts";
import { scriptOf } from "../../harness/verify/script.ts";
import { Subject } from "../../harness/verify/subject.ts";
import { compilePlanted, PLANTED } from "../verify/planted.ts";

const { module } = await loadWasm("policy", "release");

/** The exploration of rules, with other members. */
async function rulesWith(other: Partial<Exploration>): Promise<Exploration> {
  const { expect: _ofTheWhole, ...rules } = await readBuiltin("rules");
  return { ...rules, ...other };
}

for (const name of ["wrap", "tasks", "limit", "rules", "nodes", "orphans"]) {
  Deno.test(`the exploration "${name}" finds exactly the states that its file expects`, async () => {
    const exploration = await readBuiltin(name);
    const { states, transitions, depth, returns, violation } = explore(module, exploration);
    assert.deepEqual({ states, transitions, depth }, { ...exploration.expect });
    assert.equal(violation, null);
    assert.equal(returns, states, "from every state the manager comes back to its first one");
  });
}

Deno.test("the same exploration twice finds the same, and a bound cuts it", async () => {
  const exploration = await readBuiltin("limit");
  const once = explore(module, exploration, { states: 500 });
  const again = explore(module, exploration, { states: 500 });
  assert.equal(once.cut, true);
  assert.ok(once.states >= 500 && once.states < 600, String(once.states));
  assert.deepEqual([once.transitions, once.depth], [again.transitions, again.depth]);
});

Deno.test("a count that is not the expected one is told with both numbers", async () => {
  const exploration = await readBuiltin("wrap");
  const expect = { ...exploration.expect!, states: 7 };
  const found = explore(module, exploration);
  const [finding, ...more] = explorationFindings(module, { ...exploration, expect }, found);
  assert.match(finding!.sentence, /^wrap: 1434 states found, 7 expected/);
  assert.deepEqual(more, []);
});

Deno.test("a planted fault is shown by a shortest script that breaks an invariant", async () => {
  const fault = PLANTED.find(({ name }) => name === "a queue pair sends by the tx object")!;
  const broken = await compilePlanted(fault);
  const exploration = await rulesWith({ faults: 0 });
  const found = explore(broken, exploration);
  const [finding] = explorationFindings(broken, exploration, found);
  assert.equal(
    finding!.sentence,
    "rules: I12: the answer 0 is not the queue of the owner's record (after 4 operations)",
  );
  const script = finding!.script as Scenario;
  assert.deepEqual(script.steps, [
    { op: "proc.write", dev: "eth0", text: "BULK" },
    { op: "socket", id: 1, dev: "eth0" },
    { op: "setsockopt", id: 1, policy: "BULK" },
    { op: "packet", id: 1, dir: "tx" },
  ]);
  const run = (manager: WebAssembly.Module) => [
    ...new ScenarioRun(script, (driver, sizes) => new PolicyManager(manager, driver, sizes))
      .steps(),
  ];
  assert.throws(() => run(broken), /Invariant I10.* is broken after step 4/);
  assert.equal(run(module).length, 4, "the shipped manager runs the same script");
});

Deno.test("a driver call that fails stands in the script with those that pass before it", async () => {
  const exploration = await rulesWith({});
  const writeBulk = 1;
  const script = scriptOf(module, exploration, [MOVE.of(writeBulk, 3, -1)]);
  // Before it: both counts of queues, and the irq of rx queue 0.
  assert.deepEqual(script.steps, [
    { op: "driver.fail", call: "irq", dev: "eth0", after: 1 },
    { op: "proc.write", dev: "eth0", text: "BULK" },
  ]);
  const run = new ScenarioRun(
    script,
    (driver, sizes) => new PolicyManager(module, driver, sizes),
  );
  const [, refused] = run.steps();
  assert.equal(refused!.ok === false && refused!.errno, "EIO");
});

Deno.test("sockets opened in either order fold to the same bytes", async () => {
  const states = [["BULK", "LATENCY"], ["LATENCY", "BULK"]].map((policies) => {
    return foldedAfter((subject) => {
      subject.calls.writeDevicePolicy(1, subject.write("MIX"));
      for (const policy of policies) {
        const socket = subject.open(0, 1);
        assert.equal(subject.calls.setSocketPolicy(socket, policy === "BULK" ? 2 : 3), 0);
      }
    });
  });
  const [first, second] = await Promise.all(states);
  assert.deepEqual(first!.saved, second!.saved);
});

Deno.test("a queue of an older map is folded to one that no device has, a current one is kept", async () => {
  const { subject } = await foldedAfter(({ calls, write, open }) => {
    calls.writeDevicePolicy(1, write("BULK"));
    const [stale, current] = [open(0, 1), open(0, 1)];
    for (const socket of [stale, current]) calls.setSocketPolicy(socket, 2);
    calls.pickQueue(stale, 0);
    calls.writeDevicePolicy(1, write("NONE"));
    calls.writeDevicePolicy(1, write("BULK"));
    calls.pickQueue(current, 0);
  });
  const caches = [1, 2].map((socket) =>
    subject.arena.u16[(subject.arena.instance(socket) + 20) >> 1]
  );
  assert.deepEqual(caches.sort(), [1, STALE_QUEUE].sort(), "queue 0 is cached as 1");
});

Deno.test("what the arena's views say is what the manager's own calls say", async () => {
  const { subject: { arena, calls } } = await foldedAfter(({ calls, write, open }) => {
    calls.writeDevicePolicy(1, write("MIX"));
    for (const policy of [2, 2]) calls.setSocketPolicy(open(0, 1), policy);
    for (const socket of [1, 2]) calls.setRulesV4(socket, 6, socket, 1, 80);
  });
  assert.equal(arena.devicePolicy(1), calls.devicePolicy(1));
  assert.equal(arena.mapped(1, 0), calls.deviceMapped(1, 0));
  assert.equal(arena.listLength(1, 0, 2), calls.listLength(1, 0, 2));
  assert.equal(arena.listQueue(1, 0, 2, 1), calls.listQueue(1, 0, 2, 1));
  for (const socket of [1, 2]) {
    assert.equal(arena.recordOf(socket), calls.recordFind(socket));
    assert.equal(arena.recordQueue(arena.recordOf(socket), 0), socket - 1);
    assert.equal(arena.effectivePolicy(socket), 2);
    assert.equal(arena.i32[(arena.rule(socket) + 4) >> 2], calls.ruleLocation(socket));
    assert.equal(arena.i32[arena.rule(socket) >> 2], calls.ruleInstance(socket));
  }
});

/** What a test may use of a subject without its name. */
interface Hands {
  readonly calls: Subject["calls"];
  readonly write: (text: string) => number;
  readonly open: (task: number, device: number) => number;
}

/** A subject after some calls, folded, and its bytes. */
async function foldedAfter(
  body: (hands: Hands) => void,
): Promise<{ readonly subject: Subject; readonly saved: Uint8Array }> {
  const subject = new Subject(module, await readBuiltin("rules"));
  body({
    calls: subject.calls,
    write: (text) => subject.write(text),
    open: (task, device) => subject.open(task, device),
  });
  assert.equal(subject.calls.check(), 0);
  new Canonical(subject).fold();
  assert.equal(subject.calls.check(), 0, "a folded state keeps the invariants");
  const saved = new Uint8Array(subject.bytes);
  subject.save(saved);
  return { subject, saved };
}
