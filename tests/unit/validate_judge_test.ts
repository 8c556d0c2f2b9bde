/**
 * Verdicts: what holds, what misses, and what a mark changes. On made-up measurements.
 *
 * @module
 */

import assert from "node:assert/strict";
import { LatencyHistogram } from "../../harness/histogram.ts";
import type { Measurement } from "../../harness/record.ts";
import type { Expectation, ValidationCase } from "../../harness/validate/case.ts";
import { judge, scoreOf } from "../../harness/validate/judge.ts";
import { renderMarkdown, sectionOf, withSection } from "../../harness/validate/markdown.ts";
import { metricOf } from "../../harness/validate/metric.ts";
import { renderJson, renderText } from "../../harness/validate/show.ts";
import { groupOf, X710 } from "./machine_runs.ts";

/** A second in which `count` transactions took these times, microseconds. */
function measured(count: number, latenciesUs: readonly number[] = [10]): Measurement {
  const histogram = new LatencyHistogram();
  for (const us of latenciesUs) histogram.record(us * 1000);
  const queue = {
    queue: 0,
    cpu: 0,
    node: 0,
    policy: "NONE" as const,
    rx_packets: 2000,
    rx_bytes: 1,
    tx_packets: 500,
    tx_bytes: 1,
    interrupts: 100,
    polls: 100,
    itr_rx_usecs: 10,
    itr_tx_usecs: 126,
    adaptive: true,
  };
  return {
    duration_ns: 1e9,
    groups: [{
      name: "rr",
      test: "TCP_RR",
      policy: "NONE",
      steered: false,
      connections: 1,
      loop: "closed",
      transactions: count,
      bytes: 1.25e9,
      throughput: { value: count, unit: "trans/s" },
      latency_ns: histogram.summary(),
    }],
    cpus: [],
    cpu_utilisation: 0.25,
    interrupts: { count: 100, per_second: 100, rx_packets_per_interrupt: 20 },
    queues: [{ ...queue, queue: 1, rx_packets: 10, itr_rx_usecs: 2 }, queue],
    drops: { ring_full: 8000 },
    retransmits: 0,
    policy_counters: {},
    fingerprint: null,
    events: 1,
    remarks: [],
  };
}

function caseOf(
  name: string,
  expect: readonly Expectation[],
  change: Partial<ValidationCase> = {},
): ValidationCase {
  return {
    name,
    title: `the ${name} case`,
    file: "own.jsonc",
    path: "/own.jsonc",
    series: "a system",
    source: { who: "somebody", where: "a list", when: "2013", class: "B" },
    isCalibration: false,
    expectedMiss: null,
    machine: X710,
    peer: "ideal",
    policy: "NONE",
    groups: [groupOf({ test: "TCP_RR" })],
    duration: { warmup_ms: 1, measure_ms: 1 },
    seeds: 1,
    expect,
    ...change,
  };
}

/** Verdicts of one case whose model makes 100 transactions a second; `slow` makes 80. */
function verdicts(expect: Expectation, change: Partial<ValidationCase> = {}) {
  const subject = caseOf("own", [expect], change);
  const known = new Map([["own", [measured(100)]], ["slow", [measured(80)]]]);
  const [judged] = judge([subject], known);
  return [judged!.checks[0]!.verdict, judged!.verdict];
}

const RATE = "rate_per_second" as const;

Deno.test("a value holds within 25 % either way, and no further", () => {
  assert.deepEqual(verdicts({ metric: RATE, value: 80 }), ["holds", "holds"]);
  assert.deepEqual(verdicts({ metric: RATE, value: 79 }), ["misses", "misses"]);
  assert.deepEqual(verdicts({ metric: RATE, value: 133 }), ["holds", "holds"]);
  assert.deepEqual(verdicts({ metric: RATE, value: 134 }), ["misses", "misses"]);
});

Deno.test("a case may ask for another tolerance", () => {
  assert.deepEqual(verdicts({ metric: RATE, value: 98, tolerance_percent: 2 })[0], "misses");
  assert.deepEqual(verdicts({ metric: RATE, value: 99, tolerance_percent: 2 })[0], "holds");
  assert.deepEqual(verdicts({ metric: RATE, value: 0, tolerance_percent: 100 })[0], "misses");
});

Deno.test("a ratio holds within 15 %", () => {
  const over = { case: "slow" };
  assert.deepEqual(verdicts({ metric: RATE, over, value: 1.1 })[0], "holds");
  assert.deepEqual(verdicts({ metric: RATE, over, value: 1.05 })[0], "misses");
});

Deno.test("a relation holds exactly, at its ends, too", () => {
  assert.deepEqual(verdicts({ metric: RATE, at_least: 100, at_most: 100 })[0], "holds");
  assert.deepEqual(verdicts({ metric: RATE, at_least: 100.1 })[0], "misses");
  assert.deepEqual(verdicts({ metric: RATE, over: { case: "slow" }, at_most: 1.2 })[0], "misses");
});

Deno.test("an ordering must rise at every step", () => {
  assert.deepEqual(verdicts({ metric: RATE, ascending: ["slow", "own"] })[0], "holds");
  assert.deepEqual(verdicts({ metric: RATE, ascending: ["own", "slow"] })[0], "misses");
  assert.deepEqual(verdicts({ metric: RATE, ascending: ["own", "own"] })[0], "misses");
});

Deno.test("a marked case that misses is expected; one that holds is told", () => {
  const expectedMiss = "because";
  const far = { metric: RATE, value: 500 };
  const near = { metric: RATE, value: 100 };
  assert.deepEqual(verdicts(far, { expectedMiss }), ["expected", "expected"]);
  assert.deepEqual(verdicts(near, { expectedMiss }), ["holds", "unexpected"]);
  assert.deepEqual(verdicts({ ...far, expected_miss: "own" }), ["expected", "expected"]);
  assert.deepEqual(verdicts({ ...near, expected_miss: "own" }), ["unexpected", "unexpected"]);
});

Deno.test("a case without a workload is not modelled, whatever it expects", () => {
  const change = { groups: null, expectedMiss: "no such packets" };
  assert.deepEqual(verdicts({ metric: RATE, value: 100 }, change), [
    "not modelled",
    "not modelled",
  ]);
});

Deno.test("of several seeds the median counts", () => {
  const subject = caseOf("own", [{ metric: RATE, value: 100, tolerance_percent: 0 }]);
  const runs = [measured(100), measured(7), measured(900)];
  assert.equal(judge([subject], new Map([["own", runs]]))[0]!.verdict, "holds");
});

Deno.test("metrics have the unit of their name", () => {
  const one = measured(100, [10, 20, 30, 40]);
  const of = (metric: Parameters<typeof metricOf>[1]) => metricOf(one, metric, undefined)!;
  assert.equal(of("throughput_gbps"), 10);
  assert.ok(Math.abs(of("latency_us_p50") - 20) < 0.05);
  assert.ok(Math.abs(of("half_rtt_us_p50") - 10) < 0.05);
  assert.ok(Math.abs(of("latency_us_p75") - 30) < 0.05);
  assert.equal(of("latency_us_max"), 40);
  assert.equal(of("cpu_percent"), 25);
  assert.equal(of("rx_packets_per_second"), 2010);
  assert.equal(of("dropped_packets"), 8000);
  // 100 interrupts for 2010 frames taken and 8000 dropped.
  assert.ok(Math.abs(of("interrupts_per_million_packets") - 1e8 / 10010) < 1e-6);
  // The interval of the queue that received most.
  assert.equal(of("itr_rx_us"), 10);
  assert.equal(metricOf(one, "rate_per_second", "no such group"), null);
});

const SHOWN = judge([
  caseOf("near", [{ metric: RATE, value: 90 }], { isCalibration: true }),
  caseOf("far", [{ metric: RATE, value: 500 }], { expectedMiss: "it has one CPU" }),
], new Map([["near", [measured(100)]], ["far", [measured(100)]]]));

Deno.test("the text says what was published, what the model says, and why it misses", () => {
  const text = renderText(SHOWN, { color: false });
  assert.match(text, /^a system \(somebody: a list, 2013; class B\), on x710-8cpu\n/);
  assert.match(
    text,
    / {2}near \[calibration\]: the near case\n {4}rate_per_second +90 +100 +\+11 %/,
  );
  assert.match(text, /500 +100 +-80 % {2}expected miss\n/);
  assert.match(text, /\n1 of 2 cases hold \(50 %\); 1 an expected miss\. 1 of 2 numbers within/);
  assert.match(text, /\nfar: it has one CPU\n$/);
});

Deno.test("a reason that explains several cases is told once, after their names", () => {
  const marked = ["one", "two"].map((name) =>
    caseOf(name, [{ metric: RATE, value: 500 }], { expectedMiss: "it has one CPU" })
  );
  const judged = judge(marked, new Map([["one", [measured(100)]], ["two", [measured(100)]]]));
  assert.match(renderText(judged, { color: false }), /\none, two: it has one CPU\n$/);
  assert.match(renderMarkdown(judged), /\n- one, two: it has one CPU\n$/);
});

Deno.test("the JSON holds the score and every check", () => {
  const { score, cases } = JSON.parse(renderJson(SHOWN));
  assert.deepEqual(score, scoreOf(SHOWN));
  assert.equal(score.held, 1);
  assert.equal(cases[1].checks[0].model, 100);
  assert.deepEqual(cases[1].reasons, ["it has one CPU"]);
});

Deno.test("the Markdown table goes between its marks and is found there again", () => {
  const section = renderMarkdown(SHOWN);
  const marks = [
    "<!-- validation: begin (deno task validate --readme) -->",
    "<!-- validation: end -->",
  ];
  const text = withSection(`before\n${marks.join("\nlast time\n")}\nafter\n`, section, "README.md");
  assert.ok(text.startsWith("before\n<!-- validation: begin"));
  assert.ok(text.endsWith("validation: end -->\nafter\n"));
  assert.doesNotMatch(text, /last time/);
  assert.equal(sectionOf(text), section);
  assert.equal(withSection(text, section, "README.md"), text);
  assert.equal(sectionOf("no marks"), null);
  assert.throws(
    () => withSection("no marks", section, "README.md"),
    /^UserError: Cannot place the table in "README\.md": it lacks the lines "<!-- validation: be/,
  );
});
