/**
 * `deno task verify` as a command: parts, exit codes, files, mistakes in explorations.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { verifyCommand } from "../../harness/cli/verify.ts";
import { EXPLORATIONS_FOLDER } from "../../harness/verify/exploration.ts";
import { INTERLEAVINGS_FOLDER } from "../../harness/verify/interleaving.ts";
import type { VerifyPart, VerifyResult } from "../../harness/verify/result.ts";
import { readVerification, verificationSection } from "../../reports/page/verification.ts";
import { PARTS } from "../verify/main.ts";
import { inFolder, lab, type LabResult } from "./lab_io.ts";

/** Runs `deno task verify` with given parts in a folder. */
function verify(
  folder: string,
  argv: readonly string[],
  parts: readonly VerifyPart[] = PARTS,
): Promise<LabResult> {
  return lab(["verify", ...argv], {
    cwd: folder,
    more: [(context) => verifyCommand(context, parts)],
  });
}

/** Writes an exploration like "wrap" with one text replaced; its path. */
async function changedWrap(folder: string, text: string, instead: string): Promise<string> {
  const wrap = await Deno.readTextFile(join(EXPLORATIONS_FOLDER, "wrap.jsonc"));
  assert.equal(wrap.split(text).length, 2, text);
  const file = join(folder, "mine.jsonc");
  await Deno.writeTextFile(file, wrap.replace(text, instead));
  return file;
}

Deno.test("help names every part with its purpose and shows examples", async () => {
  const { code, out } = await verify("/", ["--help"]);
  assert.equal(code, 0);
  for (const { name, purpose } of PARTS) assert.match(out, new RegExp(`${name} +${purpose}`));
  assert.match(out, /\nExamples:\n {2}deno task verify/);
});

Deno.test("one exploration: a table, a result file with the binary's sha256, exit 0", async () => {
  await inFolder(async (folder) => {
    const file = await changedWrap(folder, '"depth": 17', '"depth": 17');
    const { code, out } = await verify(folder, ["--explore", file, "--quiet"]);
    assert.equal(code, 0);
    assert.match(out, /explore {2}mine +1,434 states, 19,550 transitions, 17 depth, .* holds\n/);
    assert.match(out, /\npolicy\.wasm [0-9a-f]{64}\nProfile ci, seed 4: all holds after \d+ s\n$/);
    const text = await Deno.readTextFile(join(folder, "out/verify/result.json"));
    const result = JSON.parse(text) as VerifyResult;
    assert.deepEqual([result.schema, result.passed], ["netpolicy-lab/verify/1", true]);
    assert.match(result.policy_wasm_sha256, /^[0-9a-f]{64}$/);
  });
});

Deno.test("a count that is not the expected one: exit 1, and the sentence says both", async () => {
  await inFolder(async (folder) => {
    const file = await changedWrap(folder, '"states": 1434', '"states": 1433');
    const { code, out } = await verify(folder, ["--explore", file, "--quiet", "--json"]);
    assert.equal(code, 1);
    const { passed, parts } = JSON.parse(out) as VerifyResult;
    assert.equal(passed, false);
    assert.match(parts[0]!.rows[0]!.findings[0]!.sentence, /1434 states found, 1433 expected/);
  });
});

Deno.test("a finding with a script leaves a file that deno task policy runs", async () => {
  const script = {
    topology: { nodes: [{ id: 0, cpus: [0] }], distance: [[10]] },
    devices: [{ name: "eth0", rxQueues: 1, txQueues: 1 }],
    steps: [{ op: "proc.write", dev: "eth0", text: "BULK" }],
  };
  const row = {
    name: "a row",
    figures: {},
    findings: [{ sentence: "It fell", script }],
    seconds: 0,
  };
  const part = { name: "falls", purpose: "to fall", run: () => Promise.resolve([row]) };
  await inFolder(async (folder) => {
    const { code, out } = await verify(folder, ["--quiet"], [part]);
    assert.equal(code, 1);
    assert.match(out, /falls: It fell\n {2}Repeat it with: deno task policy out\/verify\/(\S+)\n/);
    const ran = await lab(["policy", "out/verify/falls_a_row_1.jsonc"], { cwd: folder });
    assert.equal(ran.code, 0);
    assert.match(ran.out, /^\{"step":1,"op":"proc\.write","ok":true/);
  });
});

for (
  const [mistake, argv, sentence] of [
    ["an unknown part", ["--part", "tests"], /Unknown part "tests": accepted are static, explore/],
    [
      "a seed that is no number",
      ["--seed", "abc"],
      /below 2\^32, or the 40 hex digits of a commit/,
    ],
    ["an unknown profile", ["--profile", "fast"], /Allowed choices are ci, full/],
    ["a file that is not there", ["--explore", "no.jsonc"], /Cannot .*no\.jsonc/],
  ] as const
) {
  Deno.test(`${mistake} is one sentence and exit 2`, async () => {
    const { code, out, err } = await verify("/tmp", argv);
    assert.deepEqual([code, out], [2, ""]);
    assert.match(err, sentence);
    assert.equal(err.trim().split("\n").length, 1, err);
  });
}

Deno.test("a mistake in an exploration is told with file, line and column", async () => {
  await inFolder(async (folder) => {
    const file = await changedWrap(folder, '"channels": [1, 2]', '"channels": [1, 9]');
    const { code, err } = await verify(folder, ["--explore", file]);
    assert.equal(code, 2);
    assert.match(err, /mine\.jsonc:\d+:\d+: .*channels/);
  });
});

Deno.test("a CPU that the topology does not have is told where an operation names it", async () => {
  await inFolder(async (folder) => {
    const more = '"channels": [1, 2], "cpu.offline": [5]';
    const file = await changedWrap(folder, '"channels": [1, 2]', more);
    const { code, err } = await verify(folder, ["--explore", file]);
    assert.equal(code, 2);
    assert.match(err, /mine\.jsonc:\d+:\d+: operations\.cpu\.offline names CPU 5: the topology/);
  });
});

Deno.test("the schemas of explorations and interleavings are printed as JSON", async () => {
  for (const [argv, title] of [[[], "Exploration"], [["interleaving"], "Interleaving"]] as const) {
    const { out } = await verify("/", ["--schema", ...argv]);
    assert.equal(JSON.parse(out).title, `${title} of the NET policy lab`);
  }
  const { code, err } = await verify("/", ["--schema", "workload"]);
  assert.equal(code, 2);
  assert.match(err, /Allowed choices are exploration, interleaving/);
});

Deno.test("one interleaving: its steps are printed, the result has them, exit 0", async () => {
  await inFolder(async (folder) => {
    const file = join(INTERLEAVINGS_FOLDER, "rfc-hotplug.jsonc");
    const { code, out } = await verify(folder, ["--interleave", file, "--quiet"]);
    assert.equal(code, 0);
    assert.match(out, /interleave {2}rfc-hotplug {2}77 states, 108 transitions, .* holds\n/);
    assert.match(
      out,
      /Nobody goes on: .*\n.*1\. updater: .*\n.*2\. updater: takes rtnl\n.*3\. hotplug: CPU 1 is/,
    );
    const text = await Deno.readTextFile(join(folder, "out/verify/result.json"));
    const { parts: [part] } = JSON.parse(text) as VerifyResult;
    assert.equal(part!.rows[0]!.shown![0]!.detail!.length, 3);
    const page = String(verificationSection(readVerification(text, "result.json"), []).text);
    assert.match(page, /shows: Nobody goes on/);
    assert.match(page, /2\. updater: takes rtnl/);
  });
});
