/** What other commands found, on the page: the gate's verdict and the validation. */

import assert from "node:assert/strict";
import { gateSentence, readGateVerdict } from "../../reports/page/gate_verdict.ts";
import { renderPage } from "../../reports/page/page.ts";
import { VERIFY_SCHEMA, type VerifyResult } from "../../harness/verify/result.ts";
import { readVerification } from "../../reports/page/verification.ts";
import { readValidation, validationSentence } from "../../reports/page/validation.ts";
import { makeBaseline } from "../../reports/gate/baseline.ts";
import { judge } from "../../reports/gate/judge.ts";
import { judge as judgeCases } from "../../harness/validate/judge.ts";
import { renderJson } from "../../harness/validate/show.ts";
import { buildRecord } from "../record_builder.ts";

/** What `gate --json` prints for records against those of a baseline. */
function verdictJson(slowdown: number): string {
  const baseline = makeBaseline([buildRecord()]);
  return JSON.stringify(judge([buildRecord({ slowdown })], baseline, { minimumEffect: 0.01 }));
}

Deno.test("The verdict of the gate stands above the answers, in words and with a sign", async () => {
  const gate = readGateVerdict(verdictJson(1), "gate.json");
  const page = await renderPage([buildRecord()], { gate });
  const banner = page.indexOf('id="gate"');
  assert.ok(banner > 0 && banner < page.indexOf('class="score"'));
  assert.match(page, /✓<\/span> Gate passed: nothing got worse against the baseline \(\d+ comp/);
});

Deno.test("A failed gate lists what got worse, the first screen shows it opened", async () => {
  const gate = readGateVerdict(verdictJson(1.2), "gate.json");
  assert.match(gateSentence(gate), /^Gate failed: .*\(\d+ comparisons, \d+ regression/);
  const page = await renderPage([buildRecord()], { gate });
  assert.match(page, /<details class="gate gate-regression" id="gate" open>/);
  assert.match(page, /<td>regression<\/td> <th scope="row">rr\/model\/stock\/NONE<\/th>/);
});

Deno.test("Without a verdict the page says nothing of a gate", async () => {
  assert.equal((await renderPage([buildRecord()])).includes('id="gate"'), false);
});

Deno.test("What is no verdict and no validation is refused with the command that makes one", () => {
  assert.throws(() => readGateVerdict("{}", "a.json"), {
    name: "UserError",
    message: '"a.json" holds no verdict: want what "deno task gate --json" prints',
  });
  assert.throws(() => readGateVerdict("{", "a.json"), /"a\.json" is not JSON/);
  assert.throws(() => readValidation("[]", "b.json"), {
    name: "UserError",
    message: '"b.json" holds no cases: want what "deno task validate --json" prints',
  });
});

const CASES = {
  cases: [
    {
      name: "V1",
      title: "adaptive <b>",
      series: "ping-pong",
      source: { who: "A. Author", where: "list", when: "2024" },
      verdict: "holds",
      checks: [
        { metric: "p50", value: 25, model: 25.4, deviation_percent: 1.6, verdict: "holds" },
        { metric: "rate", at_least: 5, at_most: 6, model: 5.5, verdict: "holds" },
        { metric: "mean", ascending: ["V1", "V2"], model: [1, 2], verdict: "holds" },
      ],
      reasons: [],
    },
    {
      name: "V2",
      title: "no busy poll",
      series: "ping-pong",
      source: { who: "A. Author", where: "list", when: "2024" },
      verdict: "expected",
      checks: [
        { metric: "max", value: 100, model: 20, deviation_percent: -80, verdict: "expected" },
      ],
      reasons: ["The model has no stall of 100 ms."],
    },
  ],
};

Deno.test("A validation shows its score, each figure beside the published one, and why it misses", async () => {
  const validation = readValidation(JSON.stringify(CASES), "v.json");
  assert.equal(validationSentence(validation), "1 of 2 cases hold; 1 expected miss.");
  const page = await renderPage([buildRecord()], { validation });
  const section = page.slice(page.indexOf('id="validation"'), page.indexOf("<footer"));
  assert.match(section, /1 of 2 cases hold; 1 expected miss\./);
  const text = section.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
  assert.match(text, /V1: adaptive &lt;b&gt; p50 25 25\.4 \+2 % holds/);
  assert.match(text, /rate 5 to 6 5\.50 – holds/);
  assert.match(text, /mean V1 &lt; V2 1 &lt; 2 – holds/);
  assert.match(text, /max 100 20 -80 % expected miss/);
  assert.match(text, /The model has no stall of 100 ms\./);
});

Deno.test("What validate --json prints is what the page reads", () => {
  assert.deepEqual(readValidation(renderJson(judgeCases([], new Map())), "empty.json"), []);
});

Deno.test("A verification shows what was tried, what failed, and whether it is of the same build", async () => {
  const rows = [
    { name: "seeds 1 to 8", figures: { commands: 250_000 }, findings: [], seconds: 3 },
    { name: "seed 9", figures: {}, findings: [{ sentence: "Rule I03 <broken>." }], seconds: 1 },
  ];
  const result: VerifyResult = {
    schema: VERIFY_SCHEMA,
    profile: "ci",
    seed: 1,
    policy_wasm_sha256: "ab".repeat(32),
    passed: false,
    seconds: 4,
    parts: [{ part: "seeds", purpose: "Random commands.", passed: false, rows }],
  };
  const verification = readVerification(JSON.stringify(result), "v.json");
  const section = async (sha: string): Promise<string> => {
    const page = await renderPage([buildRecord()], {
      verification: { ...verification, policy_wasm_sha256: sha },
    });
    return page.slice(page.indexOf('id="verification"'), page.indexOf("<footer"));
  };
  const same = await section("ab".repeat(32));
  assert.match(same, /Not verified: seeds failed with profile ci and seed 1\./);
  assert.match(same, /250.k<\/td> <td>holds<\/td>/);
  assert.match(same, /Rule I03 &lt;broken&gt;\./);
  assert.doesNotMatch(same, /another policy\.wasm/);
  assert.match(await section("00".repeat(32)), /It is of another policy\.wasm than the runs above/);
  assert.throws(() => readVerification("{}", "v.json"), /"v\.json" holds no verification: want/);
});
