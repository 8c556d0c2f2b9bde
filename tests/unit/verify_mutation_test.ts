/**
 * Coverage and mutants of the binary: how it is taken apart, and that both parts see what they
 * should and are silent where nothing is wrong.
 *
 * @module
 */

import assert from "node:assert/strict";
import { loadWasm } from "../../harness/build.ts";
import { blocksOf, blockStarts } from "../../harness/verify/blocks.ts";
import { mappedOnce } from "../../harness/verify/mapped.ts";
import { mutantsOf, Nursery } from "../../harness/verify/mutants.ts";
import { bodyOf, OP, opened, readWasm, writeWasm } from "../../harness/verify/wasm_code.ts";
import { DIRECTED } from "../verify/directed.ts";
import { Inside } from "../verify/machine_trials/inside.ts";
import { fieldsOf } from "../verify/machine_trials/layout.ts";
import { Court } from "../verify/mutation.ts";
import { instructionFindings } from "../verify/part_native.ts";
import { coverageFindings, coverageOf } from "../verify/part_coverage.ts";
import { mutationFindings, sample } from "../verify/part_mutation.ts";
import { type Trial, tried } from "../verify/trial.ts";
import INSTRUCTIONS from "../verify/instructions.json" with { type: "json" };

const { bytes: policy } = await loadWasm("policy", "release");
const mapped = await mappedOnce("policy", policy);
const mutants = mutantsOf(mapped);
const words = DIRECTED.find(({ name }) => name === "words for policies")!;
const loads = DIRECTED.find(({ name }) => name === "loads of CPUs")!;

/** One that never sees anything. */
const blind: Trial = {
  name: "blind",
  oracle: "written down",
  run(module) {
    words.run(module);
    return null;
  },
};

Deno.test("policy.wasm taken apart and put together is the same, byte for byte", () => {
  const code = readWasm(policy);
  const bodies = code.functions.map((body) => bodyOf(body, body.code.map(({ bytes }) => bytes)));
  assert.deepEqual(writeWasm(code, bodies), policy);
});

Deno.test("an opened machine.wasm has every function by its name, and its records their fields", async () => {
  const { bytes } = await loadWasm("machine", "release");
  const { code } = await mappedOnce("machine", bytes);
  const bodies = code.functions.map((body) => bodyOf(body, body.code.map(({ bytes }) => bytes)));
  const module = new WebAssembly.Module(writeWasm(opened(code), bodies));
  const names = WebAssembly.Module.exports(module).map(({ name }) => name);
  assert.ok(
    !WebAssembly.Module.exports(new WebAssembly.Module(bytes))
      .some(({ name }) => name.includes("/")),
  );
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.includes("core/machine/family/hashFlow"));
  const inside = new Inside(module);
  const { constants } = inside.machine;
  const queue = fieldsOf("queue", "Queue");
  assert.equal(queue.get("rxPackets")!.at, constants.QUEUE_COUNTERS);
  const end = [...queue.values()].at(-1)!.at + 8;
  assert.equal((end - constants.QUEUE_COUNTERS) / 8, constants.QUEUE_COUNTER_COUNT);
  assert.equal(fieldsOf("connection", "Group").get("arrivalsLost")!.at, constants.GROUP_COUNTERS);
  assert.throws(() => inside.call("nic/nowhere"), /no function "nic\/nowhere"/);
  assert.throws(() => fieldsOf("queue", "Nothing"), /queue\.ts has no class Nothing/);
});

Deno.test("a block begins at both branches, behind them, and behind a branch not taken", () => {
  // if ... else ... end; block; br_if 0; end; unreachable; and what nothing reaches
  const ops = [0x41, OP.if, 0x41, OP.else, 0x41, OP.end, OP.block, OP.br_if, 0x41, OP.end];
  const code = [...ops, OP.unreachable, 0x41, OP.end]
    .map((op, at) => ({ op, at, bytes: new Uint8Array(op === OP.br_if ? [op, 0] : [op]) }));
  const { starts, live } = blockStarts(code);
  assert.deepEqual(starts, [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(live.slice(-2), [false, false]);
});

Deno.test("an instruction is known by its line of core/, wherever it was inlined", () => {
  const choose = blocksOf(mapped).filter(({ id }) => id.startsWith("pick/choose#"));
  assert.ok(choose.length > 10);
  assert.ok(choose.some(({ origin }) => origin?.function === "chooseLoadAware"));
  assert.ok(choose.every(({ origin }) => /^core\/(policy|lib)\//.test(origin!.file)));
});

Deno.test("a block that is reached must not be listed, one that is not must be, with its line", () => {
  const coverage = coverageOf(mapped, [words]);
  const reached = coverage.blocks.find((_, place) => coverage.reached[place] === 1)!.id;
  const all = coverage.blocks.filter(({ stops }, place) => coverage.reached[place] === 0 && !stops)
    .map(({ id }) => id);
  assert.deepEqual(coverageFindings(coverage, [{ reason: "", blocks: all }]), []);
  const [missed, listed, gone] = coverageFindings(coverage, [
    { reason: "", blocks: [...all.slice(1), reached, "nowhere#1"] },
  ]);
  assert.match(missed!.detail!.join(), new RegExp(`^${all[0]} \\(core/\\S+:\\d+\\)$`));
  assert.ok(listed!.detail![0]!.startsWith(reached));
  assert.deepEqual(gone!.detail, ["nowhere#1"]);
});

Deno.test("every mutant has its own id and is a valid module", () => {
  assert.equal(new Set(mutants.map(({ id }) => id)).size, mutants.length);
  assert.ok(mutants.length > 7000, String(mutants.length));
  const nursery = new Nursery(mapped.code);
  for (const mutant of sample(mutants, 200, 1)) nursery.make(mutant);
});

Deno.test("the trial of what was changed sees it, a blind one sees no more than stops", () => {
  const seeing = coverageOf(mapped, [words, loads]);
  const court = new Court(mapped.code, [words, loads], seeing.byTrial);
  const there = mutants.filter(({ place, block }) =>
    /policy\/(text|pick)\.ts:/.test(place) && seeing.reached[block] === 1
  );
  const some = sample(there, 60, 2);
  const killed = some.map((mutant) => court.judge(mutant)).filter(({ by }) => by !== null);
  assert.ok(killed.length > 30, `${killed.length} of ${some.length}`);
  const { byTrial } = coverageOf(mapped, [blind]);
  const blindCourt = new Court(mapped.code, [blind], byTrial);
  const survivors = some.slice(0, 10).map((mutant) => blindCourt.judge(mutant))
    .filter(({ by }) => by === null || by.what.startsWith("stopped"));
  assert.equal(survivors.length, 10);
});

Deno.test("what turns in circles runs out of fuel, and that is told", () => {
  const nursery = new Nursery(mapped.code);
  const sound = nursery.make(null);
  assert.equal(tried(words, sound), null);
  assert.ok(nursery.mostUsed() > 100);
  nursery.fuel = 50;
  assert.match(tried(words, sound)!, /^stopped: unreachable/);
});

Deno.test("a survivor must be listed, and what is listed must survive and exist", () => {
  const [one, two, three] = mutants.slice(0, 3);
  const by = { trial: "t", oracle: "model", what: "differs" } as const;
  const verdicts = [
    { mutant: one!, by: null, trials: 4 },
    { mutant: two!, by, trials: 4 },
    { mutant: three!, by: null, trials: 4 },
  ];
  const known = new Set(mutants.map(({ id }) => id));
  const said = (equivalent: string[], surviving: string[]) =>
    mutationFindings(verdicts, known, {
      equivalent: [{ reason: "", mutants: equivalent }],
      surviving,
    }).flatMap(({ detail }) => detail!);
  assert.deepEqual(said([one!.id], [three!.id]), []);
  assert.deepEqual(said([one!.id], []), [`${three!.id} ${three!.place} (4 trials)`]);
  assert.match(said([one!.id, two!.id], [three!.id]).join(), new RegExp(`^${two!.id} .* by t: `));
  assert.deepEqual(said([one!.id], [three!.id, "gone:add_sub:1"]), ["gone:add_sub:1"]);
});

Deno.test("instructions may differ by two per cent, with the same tools", () => {
  const { instructions } = INSTRUCTIONS;
  assert.deepEqual(instructionFindings(instructions * 1.019, true), []);
  assert.match(
    instructionFindings(instructions * 1.03, true)[0]!.sentence,
    /3\.0 % from the stored/,
  );
  assert.match(instructionFindings(instructions * 0.97, true)[0]!.sentence, /-3\.0 % from/);
  assert.deepEqual(instructionFindings(instructions * 2, false), []);
});
