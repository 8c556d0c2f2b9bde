/**
 * Random walks and comparisons with the reference model: they find planted faults, shrink what
 * they found, and say when they prove too little.
 */

import assert from "node:assert/strict";
import { loadWasm } from "../../harness/build.ts";
import type { Scenario } from "../../harness/policy/scenario_schema.ts";
import { walkSeeds } from "../../harness/verify/part_seeds.ts";
import { differenceOn, drawScript, shrinkScript } from "../verify/differential.ts";
import { compareThree } from "../verify/part_agreement.ts";
import { compareScripts } from "../verify/part_differential.ts";
import { detect, detectors } from "../verify/part_planted.ts";
import { compilePlanted, PLANTED } from "../verify/planted.ts";

const { module } = await loadWasm("policy", "release");

async function planted(name: string): Promise<WebAssembly.Module> {
  const fault = PLANTED.find((each) => each.name === name);
  assert.ok(fault !== undefined, name);
  return await compilePlanted(fault);
}

Deno.test("three hundred seeds on the shipped manager break nothing and see all that must be seen", () => {
  const { figures, findings } = walkSeeds(module, { seeds: 300, commands: 2000, seed: 4 });
  assert.deepEqual(findings, []);
  assert.equal(figures["operations"], 300 * 2000);
  assert.equal(figures["sometimes reached"], figures["sometimes listed"]);
});

Deno.test("the same seed sees the same, another one does not", () => {
  const [once, again, other] = [4, 4, 5].map((
    seed,
  ) => [...walkSeeds(module, { seeds: 2, commands: 200, seed }).sights.answers]);
  assert.deepEqual(once, again);
  assert.notDeepEqual(once, other);
});

Deno.test("a run that is too short to see everything fails and names what it missed", () => {
  const { findings } = walkSeeds(module, { seeds: 1, commands: 20, seed: 4 });
  assert.equal(findings[0]!.sentence, "Never reached");
  assert.ok(findings[0]!.detail!.includes("pick answers -28"), String(findings[0]!.detail));
});

Deno.test("a walk finds a leaked reference and leaves out what has no part in it", async () => {
  const leaking = await planted("a released object keeps its reference");
  const [finding] = walkSeeds(leaking, { seeds: 20, commands: 500, seed: 4 }).findings;
  const { steps } = finding!.script as Scenario;
  assert.ok(steps.length <= 8, JSON.stringify(steps));
  assert.ok(steps.some(({ op, dir }) => op === "packet" && dir !== undefined));
});

Deno.test("release, debug and reference agree on random walks", async () => {
  const { module: debug } = await loadWasm("policy", "debug");
  const { figures, findings } = compareThree(module, debug, {
    walks: 50,
    commands: 1000,
    seed: 4,
  });
  assert.deepEqual(findings, []);
  assert.equal(figures["operations on which three agree"], 50_000);
  assert.ok(figures["bytes of state compared"]! > 50 * 800);
});

Deno.test("a build that differs is told with the few operations that show it", async () => {
  const other = await planted("round-robin stays at its first object");
  const [finding] = compareThree(module, other, { walks: 20, commands: 300, seed: 4 }).findings;
  const { steps } = finding!.script as Scenario;
  assert.match(finding!.sentence, /^The release and the debug differ after \d+ operations/);
  assert.ok(steps.length <= 8, JSON.stringify(steps));
  assert.ok(steps.some(({ op }) => op === "packet"), "a cursor is seen when a queue is chosen");
});

Deno.test("builds that are alike and unlike the reference model are told from it", async () => {
  const careless = await planted("the last online CPU can go offline");
  const effort = { walks: 40, commands: 500, seed: 4 };
  const [finding] = compareThree(careless, careless, effort).findings;
  assert.match(finding!.sentence, /^The release and the reference differ after \d+ operations/);
  const { steps } = finding!.script as Scenario;
  assert.equal(steps.at(-1)!.op, "cpu.offline");
});

Deno.test("policy.wasm and the reference model agree on long random scripts", () => {
  const { figures, findings } = compareScripts(module, { scripts: 4, length: 2000, seed: 7 });
  assert.deepEqual(findings, []);
  assert.ok(figures["steps"]! > 8000);
});

Deno.test("what only the reference model sees is shrunk to a script that shows it", async () => {
  const careless = await planted("the last online CPU can go offline");
  const scripts = Array.from({ length: 40 }, (_, seed) => drawScript(module, seed, 300));
  const differing = scripts.find((script) => differenceOn(careless, script) !== null)!;
  const short = shrinkScript(careless, differing);
  const found = differenceOn(careless, short)!;
  assert.equal(found.step, short.steps.length);
  assert.equal(short.steps.at(-1)!.op, "cpu.offline");
  assert.match(found.expected, /EBUSY/);
  assert.equal(differenceOn(module, short), null, "the shipped manager agrees on it");
});

for (
  const [name, by] of [
    ["the packet path uses a queue of an older map", "explore"],
    ["one device's policy change clears the records of all devices", "explore"],
    ["a wrapped version makes stale queues look valid", "explore"],
    ["a change that the driver refused is not taken back there", "explore"],
  ] as const
) {
  Deno.test(`it is found that ${name}`, async () => {
    const found = detect(await planted(name), await detectors());
    assert.equal(found?.by, by);
    assert.ok(found.finding.script !== undefined);
  });
}

Deno.test("in the shipped manager nothing is found, with the same effort", async () => {
  const [first] = await detectors();
  assert.equal(detect(module, [first!]), null);
});

Deno.test("a planted fault whose text is gone is told, not skipped", async () => {
  const fault = { ...PLANTED[0]!, text: "this stands nowhere" };
  await assert.rejects(compilePlanted(fault), /stands 0 times in core\/policy\/record\.ts/);
});
