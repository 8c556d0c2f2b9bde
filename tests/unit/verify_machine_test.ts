/**
 * Machine seeds: they repeat exactly, find planted faults, shrink what they find, and a stored case
 * is repeated by one command.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath as fromFileUrl } from "node:url";
import { drawCase } from "../../harness/verify/machine_draw.ts";
import { replayCase } from "../../harness/verify/machine_replay.ts";
import { runCase } from "../../harness/verify/machine_run.ts";
import { TraceMonitor } from "../../harness/verify/machine_monitor.ts";
import { machineSeeds, machineSubject, runSeeds } from "../../harness/verify/part_machine.ts";
import { soakPart } from "../../harness/verify/part_soak.ts";
import { Random } from "../../harness/verify/walk.ts";
import { loadWasm } from "../../harness/build.ts";
import { compilePlanted, type PlantedFault } from "../verify/planted.ts";
import { PLANTED_MACHINE } from "../verify/planted_machine.ts";

const subject = await machineSubject();

async function withFault(name: string): Promise<typeof subject> {
  const fault = PLANTED_MACHINE.find((each: PlantedFault) => each.name === name);
  assert.ok(fault !== undefined, name);
  const machineModule = await compilePlanted(fault, "machine");
  return { ...subject, modules: { ...subject.modules, machineModule } };
}

Deno.test("a seed always draws the same case, and the case always does the same", () => {
  const draw = () => drawCase(new Random(11), subject.base);
  assert.deepEqual(draw(), draw());
  assert.notDeepEqual(draw(), drawCase(new Random(12), subject.base));
  const [one, two] = [draw(), draw()].map((each) => runCase(subject.modules, each));
  assert.deepEqual(one, two);
  assert.ok(one!.events > 100 && one!.tail.length > 0);
});

Deno.test("forty machines hold, and what they did not reach is named", () => {
  const { figures, findings } = machineSeeds(subject, 100, 40);
  assert.equal(figures["seeds"], 40);
  assert.ok(figures["faults survived"]! >= 8);
  assert.deepEqual(findings.map(({ sentence }) => sentence), ["Never reached"]);
  assert.ok(findings[0]!.detail!.length < 40);
});

Deno.test("a lost wake-up is found, shrunk, and repeated from the file that was left", async () => {
  const faulty = await withFault("a wake-up is lost");
  const { finding } = runSeeds(faulty, 1, 5, new Map());
  assert.match(finding!.sentence, /Rule (40|61) of the model is broken: .* \(seed \d+\)/);
  assert.equal(finding!.command, "deno task verify --case");
  const { groups, actions, faults } = finding!.script as ReturnType<typeof drawCase>;
  assert.deepEqual([groups.length, actions, faults], [1, [], {}]);
  const file = await Deno.makeTempFile({ suffix: ".jsonc" });
  await Deno.writeTextFile(file, `// ${finding!.sentence}\n${JSON.stringify(finding!.script)}\n`);
  // The model as it is holds.
  const { isBroken, text } = await replayCase(file);
  assert.equal(isBroken, false);
  assert.match(text, /Load: g\d: \d+ \w+\n/);
  assert.match(text, /queue \d+: poll on CPU \d+/);
  assert.match(text, /All holds: [0-9]+ events/);
  await Deno.writeTextFile(file, "{}");
  await assert.rejects(replayCase(file), /must have|lacks|required/);
  await Deno.remove(file);
});

/** Cases that broke the model once, as the verifier has stored them. */
const CASES = new URL("../verify/machine_cases/", import.meta.url);

Deno.test("what broke once holds", async (t) => {
  for await (const { name } of Deno.readDir(CASES)) {
    await t.step(name, async () => {
      const { isBroken, text } = await replayCase(fromFileUrl(new URL(name, CASES)));
      assert.equal(isBroken, false, text.split("\n").at(-2));
    });
  }
});

Deno.test("the trace shows a poll beyond the weight and interrupts within their interval", () => {
  const at = (ns: number, kind: "poll_end" | "interrupt" | "itr_rx" | "itr_tx", value: number) => ({
    ns,
    kind,
    place: 3,
    value,
  });
  const told = (...entries: ReturnType<typeof at>[]) => {
    const monitor = new TraceMonitor(false);
    return entries.map((entry) => monitor.look(entry)).find((sentence) => sentence !== null);
  };
  assert.equal(told(at(0, "poll_end", 64)), undefined);
  assert.match(told(at(0, "poll_end", 65))!, /queue 3 took 65 frames/);
  const intervals = [at(0, "itr_rx", 50), at(0, "itr_tx", 20)];
  const three = (third: number, forced = 0) =>
    told(
      ...intervals,
      at(1000, "interrupt", 0),
      at(5000, "interrupt", 0),
      at(10_000, "interrupt", forced),
      at(third, "interrupt", 0),
      at(90_000, "poll_end", 1),
    );
  assert.match(three(30_000)!, /three times within 9000.0 ns/);
  assert.equal(three(30_000, 1), undefined, "what the driver forces has no gap");
});

Deno.test("a soak goes on until its time is out, turn by turn", async () => {
  const { module } = await loadWasm("policy", "release");
  let ms = 0;
  const notes: string[] = [];
  const part = soakPart(1, () => ms += 20_000);
  const [row] = await part.run({
    profile: "ci",
    seed: 7,
    policy: { module, bytes: new Uint8Array() },
    note: (line) => notes.push(line),
  });
  assert.deepEqual(row!.findings, []);
  assert.equal(row!.figures["turns"], notes.length);
  assert.equal(row!.figures["machines"], 25 * notes.length);
  assert.ok(notes.length >= 1 && notes[0]!.startsWith("Seed 7: 100 walks, 25 machines"));
});
