/**
 * Explorations in which devices leave and come back, driver calls fail with other errnos, and CPUs
 * that are alike stand for each other: exact counts, faults that they find, and that the folding of
 * CPUs takes nothing away.
 *
 * @module
 */

import assert from "node:assert/strict";
import { loadWasm } from "../../harness/build.ts";
import { PolicyManager } from "../../harness/policy/manager.ts";
import { ScenarioRun } from "../../harness/policy/scenario.ts";
import type { Scenario } from "../../harness/policy/scenario_schema.ts";
import { Canonical } from "../../harness/verify/canonical.ts";
import { type Exploration, readBuiltin } from "../../harness/verify/exploration.ts";
import { explore, MOVE } from "../../harness/verify/explore.ts";
import { operationsOf } from "../../harness/verify/operations.ts";
import { explorationFindings } from "../../harness/verify/part_explore.ts";
import { scriptOf } from "../../harness/verify/script.ts";
import { Subject } from "../../harness/verify/subject.ts";
import { ReferenceManager } from "../reference/manager.ts";
import { compilePlanted, PLANTED, type PlantedFault } from "../verify/planted.ts";

const { module } = await loadWasm("policy", "release");

for (const name of ["unregister", "errnos", "hotplug"]) {
  Deno.test(`the exploration "${name}" finds exactly the states that its file expects`, async () => {
    const exploration = await readBuiltin(name);
    const { states, transitions, depth, returns, violation } = explore(module, exploration);
    assert.equal(violation, null);
    assert.deepEqual({ states, transitions, depth }, { ...exploration.expect });
    assert.equal(returns, states, "from every state the manager comes back to its first one");
  });
}

/** What an exploration says of a manager with a fault. */
async function saidOf(name: string, fault: Omit<PlantedFault, "name">): Promise<string> {
  const broken = await compilePlanted({ name: "a fault", ...fault });
  const { expect: _ofTheSound, ...exploration } = await readBuiltin(name);
  const found = explore(broken, exploration);
  return explorationFindings(broken, exploration, found)[0]?.sentence ?? "nothing";
}

Deno.test("a socket that keeps a device which was unregistered is found", async () => {
  const fault = PLANTED.find(({ name }) =>
    name === "a socket keeps a device that was unregistered"
  );
  assert.match(
    await saidOf("unregister", fault!),
    /^unregister: (I\d\d is broken|I22: a socket keeps a device that is gone)/,
  );
});

Deno.test("an unregistered device whose slot is not zero is found", async () => {
  const said = await saidOf("unregister", {
    file: "event.ts",
    text: "  memory.fill(deviceAt(device), 0, deviceAt(1) - deviceAt(0));\n",
    instead: "  deviceMark(device, DEVICE_REGISTERED, false);\n",
  });
  assert.match(
    said,
    /^unregister: (I\d\d is broken|I22: an unregistered device is not zero|The man)/,
  );
});

Deno.test("an answer that is not the driver's is found, and a lost rule taken for a failure", async () => {
  const text =
    "    const irq = driverIrq(device, direction, position);\n    if (irq < 0) return irq;\n";
  const instead = text.replace("return irq", "return -5");
  assert.match(
    await saidOf("errnos", { file: "map.ts", text, instead }),
    /^errnos: I23: the answer is -5, the driver said -22/,
  );
  assert.match(
    await saidOf("errnos", { file: "rule.ts", text: " && error != -ENOENT", instead: "" }),
    /^errnos: I18: a rule of the manager is not in device 1/,
  );
});

Deno.test("the errno of a failed call stands in the script, and the script answers with it", async () => {
  const exploration = await readBuiltin("errnos");
  const writeBulk = operationsOf(exploration).findIndex(({ kind, value }) =>
    kind === "write" && value === 2
  );
  const script = scriptOf(module, exploration, [MOVE.of(writeBulk, 0, -1)]);
  assert.deepEqual(script.steps, [
    { op: "driver.fail", call: "irq_info", dev: "eth0", after: 0, errno: "ENOMEM" },
    { op: "proc.write", dev: "eth0", text: "BULK" },
  ]);
  const [, refused] = [
    ...new ScenarioRun(script, (driver, sizes) => new PolicyManager(module, driver, sizes)).steps(),
  ];
  assert.equal(refused!.ok === false && refused!.errno, "ENOMEM");
});

/** All states of an exploration without failures, each as the online CPUs of its two nodes. */
function onlineCounts(exploration: Exploration): [number, number][] {
  const subject = new Subject(module, exploration);
  const canonical = new Canonical(subject);
  const operations = operationsOf(exploration);
  const seen = new Set<string>();
  const states: Uint8Array[] = [];
  const counts: [number, number][] = [];
  const arrive = (): void => {
    canonical.fold();
    const hash = new Int32Array(2);
    subject.hash(hash);
    if (seen.has(hash.join())) return;
    seen.add(hash.join());
    states.push(new Uint8Array(subject.bytes));
    subject.save(states.at(-1)!);
    const isOnline = (cpu: number) =>
      subject.arena.u8[subject.arena.layout.cpus + 8 * cpu + 4]! >> 1 & 1;
    const [first, second] = exploration.topology.nodes.map(({ cpus }) =>
      cpus.reduce((sum, cpu) => sum + isOnline(cpu), 0)
    );
    counts.push([first!, second!]);
  };
  arrive();
  for (let place = 0; place < states.length; place++) {
    const { bytes } = subject.arena.layout;
    for (const operation of operations) {
      subject.restore(states[place]!.subarray(0, bytes), states[place]!.subarray(bytes));
      if (!operation.enabled(subject)) continue;
      subject.host.begin(-1, -1);
      operation.run(subject);
      arrive();
    }
  }
  return counts;
}

Deno.test("CPUs that stand for each other: as many states as their choices make", async () => {
  const { expect: _ofTheWhole, ...hotplug } = await readBuiltin("hotplug");
  const small: Exploration = {
    ...hotplug,
    capacities: { ...hotplug.capacities, owners: 1 },
    topology: { ...hotplug.topology, nodes: [{ id: 0, cpus: [0, 1, 2] }, { id: 1, cpus: [3, 4] }] },
    operations: { ...hotplug.operations, "cpu.offline": [0, 1, 2, 3, 4] },
  };
  const folded = onlineCounts(small);
  const whole = explore(module, { ...small, cpu_symmetry: false });
  const choose = (n: number, k: number): number => k === 0 ? 1 : choose(n - 1, k - 1) * n / k;
  const expected = folded.reduce((sum, [a, b]) => sum + choose(3, a) * choose(2, b), 0);
  assert.equal(whole.violation, null);
  assert.equal(expected, whole.states);
  assert.ok(folded.length * 2 < whole.states, `${folded.length} of ${whole.states}`);
});

Deno.test("a script names the CPUs that it means, not those of the folded state", async () => {
  const exploration = await readBuiltin("hotplug");
  const operations = operationsOf(exploration);
  const move = (kind: string, place: number) =>
    MOVE.of(operations.indexOf(operations.filter((each) => each.kind === kind)[place]!), -1, -1);
  // After CPU 1 went, the folded state has 0 to 2 online: its CPU 1 is CPU 2, its CPU 3 is CPU 1.
  const moves = [move("offline", 1), move("offline", 1), move("online", 3)];
  const { steps } = scriptOf(module, exploration, moves) as Scenario;
  assert.deepEqual(steps.slice(0, 2), [
    { op: "cpu.offline", cpu: 1 },
    { op: "cpu.offline", cpu: 2 },
  ]);
  assert.equal(steps[2]!.op, "cpu.online");
  assert.ok([1, 2].includes(steps[2]!.cpu!), String(steps[2]!.cpu));
});

Deno.test("a script registers a device again; both managers start it anew", () => {
  const scenario = {
    topology: { nodes: [{ id: 0, cpus: [0, 1] }], distance: [[10]], siblings: [] },
    devices: [{
      name: "eth0",
      netns: 1,
      node: 0,
      rxQueues: 2,
      txQueues: 2,
      policies: ["CPU", "BULK"],
      mix: true,
      queuePair: true,
      irqAffinity: false,
      maxRecords: 0,
      ruleCapacity: 1,
    }],
    strategy: "round-robin",
    partition: "rfc",
    capacities: { owners: 2, rules: 1 },
    steps: [
      { op: "proc.write", dev: "eth0", text: "BULK" },
      { op: "dev.register", dev: "eth0" },
      { op: "dev.unregister", dev: "eth0" },
      { op: "dev.register", dev: "eth1" },
      { op: "dev.register", dev: "eth0" },
      { op: "proc.read", dev: "eth0" },
      { op: "dev.up", dev: "eth0" },
      { op: "proc.read", dev: "eth0" },
    ],
  } as unknown as Scenario;
  const wasm = [
    ...new ScenarioRun(scenario, (driver, sizes) => new PolicyManager(module, driver, sizes))
      .steps(),
  ];
  assert.deepEqual(wasm.map((step) => step.ok ? "ok" : step.errno), [
    "ok",
    "EEXIST",
    "ok",
    "ENODEV",
    "ok",
    "ENOENT",
    "ok",
    "ok",
  ]);
  assert.match(JSON.stringify(wasm.at(-1)), /There is no policy applied/);
  const model = new ScenarioRun(scenario, (driver, sizes) => new ReferenceManager(driver, sizes));
  assert.deepEqual(
    JSON.parse(JSON.stringify([...model.steps()])),
    JSON.parse(JSON.stringify(wasm)),
  );
});
