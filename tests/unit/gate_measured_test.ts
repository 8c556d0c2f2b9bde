/** Verdicts of noisy samples, and how a comparison goes on from look to look. */

import assert from "node:assert/strict";
import { Random } from "../../harness/stats/random.ts";
import { judgeMeasured, type MeasuredMetric, remarksOf } from "../../reports/gate/measured.ts";
import { confirm, DEFAULT_PLAN, lookAt, planPower } from "../../reports/gate/sequential.ts";
import { POWER_PROMISES, trialRows } from "../../reports/gate/self_trials.ts";

/** Values within 2 % of a level. */
function around(level: number, count: number, seed: number): number[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => level * (0.98 + 0.04 * random.uniform()));
}

function metric(
  factor: number,
  options: Partial<MeasuredMetric> & { readonly count?: number } = {},
): MeasuredMetric {
  const { count = 20, ...rest } = options;
  return {
    id: "latency",
    direction: "lower",
    minimumEffect: 0.03,
    base: around(100, count, 1),
    candidate: around(100 * factor, count, 2),
    ...rest,
  };
}

function outcomeOf(each: MeasuredMetric): string {
  return judgeMeasured([each])[0]!.outcome;
}

Deno.test("beyond the minimum effect a change is red the bad way and an improvement the other", () => {
  assert.equal(outcomeOf(metric(1.1)), "regression");
  assert.equal(outcomeOf(metric(0.9)), "improved");
  assert.equal(outcomeOf(metric(0.9, { direction: "higher" })), "regression");
  assert.equal(outcomeOf(metric(1.1, { direction: "neutral" })), "changed");
});

Deno.test("within the minimum effect it is equivalent, at its edge inconclusive", () => {
  assert.equal(outcomeOf(metric(1.002)), "equivalent");
  const [edge] = judgeMeasured([metric(1.03)]);
  assert.equal(edge!.outcome, "inconclusive");
  assert.ok(edge!.interval![0] < 1.03 && edge!.interval![1] > 1.03);
  assert.ok(edge!.p < 0.01, "that it is real does not make it large enough");
});

Deno.test("too few values, or too noisy ones, are inconclusive and tell what could be seen", () => {
  const [few] = judgeMeasured([metric(1.1, { count: 3 })]);
  assert.deepEqual([few!.outcome, few!.interval], ["inconclusive", [0, Infinity]]);
  const random = new Random(5);
  const wild = (): number[] => Array.from({ length: 20 }, () => 50 + 100 * random.uniform());
  const [noisy] = judgeMeasured([metric(1, { base: wild(), candidate: wild() })]);
  assert.equal(noisy!.outcome, "inconclusive");
  assert.ok(noisy!.detectable! > 0.2, `${noisy!.detectable}`);
});

Deno.test("one of sixty metrics needs more than one alone: chance has sixty tries", () => {
  const many = Array.from({ length: 60 }, (_, at) => metric(1, { id: `metric ${at}` }));
  const lone = metric(1.06, { count: 10, minimumEffect: 0.005 });
  const [alone] = judgeMeasured([lone]);
  const [among] = judgeMeasured([lone, ...many]);
  assert.ok(among!.p > 50 * alone!.p && among!.p < 62 * alone!.p, `${among!.p} ${alone!.p}`);
});

Deno.test("counts from zero are judged without a ratio, all zeros are identical", () => {
  const zeros = Array<number>(20).fill(0);
  assert.equal(outcomeOf(metric(1, { base: zeros, candidate: zeros })), "identical");
  const [drops] = judgeMeasured([metric(1, { base: zeros, candidate: around(50, 20, 1) })]);
  assert.deepEqual([drops!.outcome, drops!.ratio], ["regression", null]);
  const rare = [...zeros.slice(1), 1];
  assert.equal(outcomeOf(metric(1, { base: zeros, candidate: rare })), "inconclusive");
});

Deno.test("remarks name several humps and values far out", () => {
  const humps = metric(1, { base: [...around(100, 20, 1), ...around(200, 20, 2)] });
  assert.deepEqual(remarksOf(humps), ["the base has several humps"]);
  const far = metric(1, { candidate: [...around(100, 19, 1), 900] });
  assert.deepEqual(remarksOf(far), ["1 of 20 values of the candidate far out"]);
});

Deno.test("what is open asks for more until the last look; what is red asks for confirmation", () => {
  const open = metric(1.03, { count: 10 });
  assert.equal(lookAt([open], 0, DEFAULT_PLAN).next, "more");
  assert.equal(lookAt([open], DEFAULT_PLAN.looks - 1, DEFAULT_PLAN).next, "done");
  assert.equal(lookAt([metric(1.1, { count: 10 })], 0, DEFAULT_PLAN).next, "confirm");
  assert.equal(lookAt([metric(1, { count: 40 })], 3, DEFAULT_PLAN).next, "done");
  const neutral = metric(1.03, { count: 10, direction: "neutral" });
  assert.equal(lookAt([neutral], 0, DEFAULT_PLAN).next, "done");
});

Deno.test("red that fresh pairs do not show again becomes inconclusive and says why", () => {
  const { verdicts } = lookAt([metric(1.1)], 0, DEFAULT_PLAN);
  assert.equal(confirm(verdicts, [metric(1.1, { count: 10 })])[0]!.outcome, "regression");
  for (const fresh of [[metric(1, { count: 10 })], [metric(0.9, { count: 10 })], []]) {
    const [verdict] = confirm(verdicts, fresh);
    assert.equal(verdict!.outcome, "inconclusive");
    assert.match(verdict!.remarks[0]!, /confirmation run did not show it/);
  }
});

Deno.test("the power of a plan grows with the effect and is almost 1 for a large one", () => {
  const powers = [0.5, 1, 2, 4].map((beyond) => planPower(beyond, beyond + 0.5, DEFAULT_PLAN));
  assert.deepEqual(powers, [...powers].sort((a, b) => a - b));
  assert.ok(powers[0]! < 0.3 && powers[3]! > 0.99, `${powers}`);
});

Deno.test("the power that is promised for normal noise is what the formula of a plan gives", () => {
  const normal = POWER_PROMISES.filter(({ shape }) => shape === "normal");
  assert.equal(normal.length, 6);
  for (const { percent, noise, power } of normal) {
    const whole = Math.log(1 + percent / 100) / noise;
    const stated = planPower(whole - Math.log(1.01) / noise, whole, DEFAULT_PLAN);
    // Promised is a whole per cent, 99 at most; earlier looks add a little to the formula.
    const name = `${percent} % in ${noise}: ${stated}`;
    assert.ok(power <= stated + 0.005 && power >= Math.min(0.98, stated - 0.02), name);
  }
});

Deno.test("trials are seeded: the same rows twice, each with its promise", () => {
  const [once, again] = [[...trialRows(15)], [...trialRows(15)]];
  assert.deepEqual(once, again);
  assert.equal(once.length, 47);
  const alarms = once.filter((row) => /false alarm|spike/.test(row.name));
  assert.equal(alarms.length, 8);
  assert.deepEqual(alarms.filter((row) => row.measured > 0 || !row.holds), []);
});
