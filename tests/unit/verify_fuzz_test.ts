/**
 * Fuzzing of the readers: what broke them once does so no more, the judge knows a fault when it
 * sees one, and the same seed gives the same inputs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { printable, UserError } from "../../harness/errors.ts";
import { CommandMistake, parseEthtool } from "../../harness/machine/ethtool_command.ts";
import { Random } from "../../harness/verify/walk.ts";
import { watched } from "../../harness/verify/watched_worker.ts";
import { readVerification } from "../../reports/page/verification.ts";
import { drawCommandLine } from "../verify/fuzz/command_line.ts";
import { judge, outcomeOf, wrongWith } from "../verify/fuzz/judge.ts";
import { CHANGES, mutate } from "../verify/fuzz/mutate.ts";
import { type FuzzTarget, fuzzTargets } from "../verify/fuzz/targets.ts";
import { fuzzCommandLines, fuzzReader } from "../verify/part_fuzz.ts";
import { inFolder, lab } from "./lab_io.ts";

const EFFORT = { seed: 1, mutated: 60, drawn: 30 };

Deno.test("every reader takes what is good and refuses the rest with one sentence", async () => {
  await inFolder(async (folder) => {
    let corpus = 0;
    for (const target of await fuzzTargets(folder)) {
      const { figures, findings } = await fuzzReader(target, EFFORT, folder);
      assert.deepEqual(findings, [], target.name);
      assert.ok(figures["accepted"]! >= target.good.length, target.name);
      assert.ok(figures["kinds of refusals"]! >= 1, target.name);
      corpus += figures["of the corpus"]!;
    }
    assert.ok(corpus >= 14, `${corpus} inputs of earlier days`);
    const { findings } = await fuzzCommandLines({ ...EFFORT, mutated: 100 }, folder);
    assert.deepEqual(findings, []);
  });
});

Deno.test("a reader that falls, says too much or says nothing of use is found", async () => {
  const reader = (run: (text: string) => unknown): FuzzTarget => ({
    name: "a reader",
    good: ["[1]"],
    ending: ".json",
    command: (file) => `cat ${file}`,
    run: (text) => outcomeOf(() => run(text)),
  });
  await inFolder(async (folder) => {
    const careless = reader((text) => (JSON.parse(text) as number[]).map((each) => each.toFixed()));
    const { findings } = await fuzzReader(careless, EFFORT, folder);
    assert.match(findings[0]!.sentence, /^a reader, input \d+ \(.+\): it ends with a fault of the/);
    const kept = findings[0]!.detail!.at(-1)!.replace("Repeat it with: cat ", "");
    await assert.rejects(async () => {
      (JSON.parse(await Deno.readTextFile(kept)) as number[]).map((each) => each.toFixed());
    });
  });
  assert.match(wrongWith({ code: 2, err: `error: ${"x".repeat(5000)}\n` })!, /5007 characters/);
  assert.match(wrongWith({ code: 2, err: "error: a\u001b[2J\n" })!, /control characters/);
  assert.match(wrongWith({ code: 2, err: "error: One\nerror: Two\n" })!, /more than one sentence/);
  assert.match(wrongWith({ code: 2, err: "" })!, /exit code 2 without a sentence/);
  assert.equal(wrongWith({ code: 2, err: "error: The file is empty\n" }), null);
});

Deno.test("an input that takes too long is found by its CPU time", async () => {
  const sum = () => {
    let total = 0;
    for (let number = 0; number < 1e8; number++) total += Math.sqrt(number);
    return Promise.resolve({ code: total > 0 ? 0 : 1, err: "" });
  };
  assert.match((await judge(0, sum, 0)).wrong!, /^it takes \d+ ms of CPU time$/);
  assert.equal((await judge(0, sum)).wrong, null);
});

Deno.test("a reader that does not come to its end is ended, one that does is not", async () => {
  const worker = (body: string) =>
    new URL(
      "data:text/javascript," + encodeURIComponent(
        `self.onmessage = () => { ${body} }; self.postMessage({ ready: true });`,
      ),
    );
  const run = (body: string) =>
    watched<object>(
      worker(body),
      { begun: new SharedArrayBuffer(4) },
      (word) => "end" in word,
      500,
    );
  assert.equal(await run("for (;;);"), false);
  assert.equal(await run("self.postMessage({ end: true });"), true);
});

Deno.test("a comment that was left open ends with the text", async () => {
  for (const text of ['{ "op": 1 /*', '{ "op": 1 } /*\n', "/*", "//", '"/*']) {
    await inFolder(async (folder) => {
      await Deno.writeTextFile(join(folder, "script.jsonc"), text);
      const { code, err } = await lab(["policy", "script.jsonc"], { cwd: folder });
      assert.equal(code, 2);
      assert.match(err, /script\.jsonc:1:\d+: /);
    });
  }
});

Deno.test("the same seed gives the same inputs, and every change does something", () => {
  const good = '{\n  "a": [1, 2.5, "b", true],\n  "c": { "d": null }\n}\n';
  const drawn = (seed: number) => mutate(good, new Random(seed));
  assert.deepEqual(drawn(7), drawn(7));
  assert.notDeepEqual(drawn(7), drawn(8));
  assert.deepEqual(drawCommandLine(new Random(7)), drawCommandLine(new Random(7)));
  for (const [name, change] of Object.entries(CHANGES)) {
    const some = Array.from({ length: 20 }, (_, seed) => change(good, new Random(seed)));
    assert.ok(some.some((text) => text !== good), name);
  }
});

for (const word of ["constructor", "toString", "__proto__"]) {
  Deno.test(`"${word}" is no option of ethtool, nor of its -C and -N`, () => {
    const rule = `-N eth0 flow-type tcp4 ${word} 1 action 1`;
    for (const line of [`${word} eth0 1`, `-C eth0 ${word} on`, rule]) {
      assert.throws(() => parseEthtool(line), CommandMistake, line);
    }
  });
}

Deno.test("a verification that lacks rows or figures is refused, not drawn", () => {
  const all = { profile: "ci", seed: 4, policy_wasm_sha256: "00", passed: true };
  const of = (parts: unknown) =>
    JSON.stringify({ schema: "netpolicy-lab/verify/1", ...all, parts });
  const row = { name: "r", figures: { a: 1, b: null }, findings: [] };
  const part = { part: "p", purpose: "to see", passed: true, rows: [row] };
  assert.equal(readVerification(of([part]), "v.json").parts.length, 1);
  for (const broken of [null, {}, { ...part, rows: [{ ...row, figures: undefined }] }]) {
    assert.throws(() => readVerification(of([broken]), "v.json"), /holds no verification/);
  }
});

Deno.test("what a sentence quotes is shown without control characters and not whole", () => {
  assert.equal(printable('Key "a\u001b[2J\nb"'), 'Key "a\\u001b[2J\\u000ab"');
  const long = new UserError(`Cannot read "${"a".repeat(9000)}": it is a directory`).message;
  assert.match(long, /^Cannot read "a{149}…a{98}":? ?.*it is a directory$/);
  assert.ok(printable("word ".repeat(900)).length <= 901);
});

for (
  const [argv, sentence] of [
    [["bench", "--out", "--dry-run"], /--dry-run" is invalid\. It looks like an option; a path/],
    [
      ["report", "r.ndjson", "--out", "-x"],
      /It looks like an option; a path can be written \.\/-x/,
    ],
    [["no\u0000such"], /^error: Unknown command "no\\u0000such": accepted are/],
  ] as const
) {
  Deno.test(`${JSON.stringify(argv)} is refused before anything is done`, async () => {
    await inFolder(async (folder) => {
      const { code, out, err } = await lab(argv, { cwd: folder });
      assert.deepEqual([code, out], [2, ""]);
      assert.match(err, sentence);
      assert.equal(err.split("\n").length, 2, err);
      assert.deepEqual([...Deno.readDirSync(join(folder, "."))], []);
    });
  });
}
