/**
 * `validate` as a command: verdicts, exit codes, and two equal hosts that agree on their time.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { variationsOf } from "../../harness/validate/sensitivity.ts";
import { effectsOn, type Variation } from "../../harness/validate/sensitivity.ts";
import { wayNs } from "../../harness/validate/runs.ts";
import { inFolder, lab } from "./lab_io.ts";
import { groupOf, X710 } from "./machine_runs.ts";

/** A file with one case of one request at a time. */
function fileOf(expectation: Record<string, unknown>, change: Record<string, unknown> = {}) {
  return JSON.stringify({
    title: "a system",
    source: { who: "somebody", where: "a list", when: "2013", class: "B" },
    machine: "x710-8cpu",
    duration: { warmup_ms: 1, measure_ms: 5 },
    cases: [{
      name: "own-case",
      title: "one request at a time",
      workload: [{ name: "rr", test: "TCP_RR", connections: 1 }],
      expect: [{ metric: "rate_per_second", ...expectation }],
      ...change,
    }],
  });
}

async function validate(text: string, ...flags: readonly string[]) {
  return await inFolder(async (folder) => {
    const file = join(folder, "own.jsonc");
    await Deno.writeTextFile(file, text);
    return await lab(["validate", file, "--quiet", "--workers", "1", ...flags]);
  });
}

Deno.test("a case that holds gives exit code 0 and stands beside its published number", async () => {
  const { code, out, err } = await validate(fileOf({ at_least: 1000, at_most: 1_000_000 }));
  assert.equal(err, "");
  assert.equal(code, 0);
  assert.match(out, /own-case: one request at a time\n {4}rate_per_second +1,000 to 1,000,000 /);
  assert.match(out, /\n1 of 1 cases hold \(100 %\)\. 1 of 1 numbers within tolerance\.\n$/);
});

Deno.test("a case that misses gives exit code 1, unless it is marked with its reason", async () => {
  const plain = await validate(fileOf({ value: 7 }));
  assert.equal(plain.code, 1);
  assert.match(plain.out, /MISSES/);
  const marked = await validate(fileOf({ value: 7 }, { expected_miss: "it is a joke" }));
  assert.equal(marked.code, 0);
  assert.match(marked.out, /expected miss\n[^]*\nown-case: it is a joke\n$/);
});

Deno.test("a case that is marked and holds gives exit code 1 and says so", async () => {
  const { code, out } = await validate(fileOf({ at_least: 1 }, { expected_miss: "no reason" }));
  assert.equal(code, 1);
  assert.match(out, /1 against its mark\./);
});

Deno.test("--json and --markdown give the same verdicts", async () => {
  const text = fileOf({ at_least: 1000 });
  const json = JSON.parse((await validate(text, "--json")).out);
  assert.equal(json.cases[0].verdict, "holds");
  assert.ok(json.cases[0].checks[0].model > 1000);
  const { out } = await validate(text, "--markdown");
  assert.match(
    out,
    /\n\| own-case: one request at a time \| `rate_per_second` \| at least 1,000 \|/,
  );
});

Deno.test("mistakes of use are told in one line", async () => {
  for (
    const [argv, message] of [
      [["--json", "--markdown"], /^error: Cannot give --json and --markdown together: choose one/],
      [["--readme", "a.jsonc"], /^error: Cannot write a part of the cases into the README: leave/],
      [["--sensitivity", "a.jsonc"], /^error: --sensitivity varies the built-in workloads: leave/],
      [["--sensitivity", "--readme"], /^error: --sensitivity prints a table or --json, not --re/],
      [["nothing.jsonc"], /^error: Cannot read ".*nothing\.jsonc": no such file or directory/],
    ] as const
  ) {
    const { code, out, err } = await lab(["validate", ...argv]);
    assert.equal(code, 2);
    assert.equal(out, "");
    assert.match(err, message);
  }
});

Deno.test("two equal hosts share the round trip: half is wire, half of the rest is the host", async () => {
  const text = fileOf({ at_least: 1 }, { peer: "same" });
  const { cases: [found] } = JSON.parse((await validate(text, "--json")).out);
  const roundTripNs = 1e9 / found.checks[0].model;
  const wayBothNs = 2 * wayNs(X710, groupOf({ test: "TCP_RR" }), 1);
  // A frame of 67 bytes and 24 around it at 10 Gb/s, and 700 ns of cable, each way.
  assert.ok(Math.abs(wayBothNs - 2 * (72.8 + 700)) < 0.1, `${wayBothNs}`);
  const hostNs = (roundTripNs - wayBothNs) / 2;
  // The same host against a client that takes so long gives the same rate.
  const ideal = fileOf({ at_least: 1 }, { peer: "ideal" });
  const { cases: [other] } = JSON.parse((await validate(ideal, "--json")).out);
  const idealHostNs = 1e9 / other.checks[0].model - wayBothNs - X710.costs["peer_turnaround_ns"]!;
  assert.ok(Math.abs(hostNs / idealHostNs - 1) < 0.02, `${hostNs} and ${idealHostNs}`);
});

Deno.test("a parameter is varied by a tenth, a switch turned over, nothing left alone", () => {
  const values = (name: string, base: number, minimum: number, maximum: number) =>
    variationsOf(name, base, { minimum, maximum }).map(({ value }) => value);
  assert.deepEqual(values("tcp_rx_ns", 800, 0, 100_000), [720, 880]);
  assert.deepEqual(values("wake_affine_switch", 1, 0, 1), [0]);
  assert.deepEqual(values("prefer_busy_poll", 0, 0, 1), [1]);
  assert.deepEqual(values("idle_state_limit", 1, 0, 3), [0, 2]);
  assert.deepEqual(values("timer_hz", 1000, 100, 1000), [900]);
  assert.deepEqual(values("busy_poll_ns", 0, 0, 1_000_000), []);
});

Deno.test("effects are ranked, with their elasticity, beside what chance alone does", () => {
  const variations = new Map<string, Variation>([
    ["weak=90", { parameter: "weak", base: 100, value: 90 }],
    ["weak=110", { parameter: "weak", base: 100, value: 110 }],
    ["strong=90", { parameter: "strong", base: 100, value: 90 }],
    ["strong=110", { parameter: "strong", base: 100, value: 110 }],
    ["flag=0", { parameter: "flag", base: 1, value: 0 }],
  ]);
  const values: Record<string, number> = {
    "base": 1000,
    "weak=90": 990,
    "weak=110": 1010,
    "strong=90": 1100,
    "strong=110": 900,
    "flag=0": 1050,
  };
  const { base, noise_percent, effects } = effectsOn(
    { variations },
    (name) => (seed) => values[name]! + (name === "base" ? 0 : seed - 2.5),
  );
  assert.equal(base, 1000);
  assert.ok(noise_percent > 0 && noise_percent < 1);
  assert.deepEqual(effects.map(({ parameter }) => parameter), ["strong", "flag", "weak"]);
  assert.ok(Math.abs(effects[0]!.elasticity! + 1) < 1e-9);
  assert.equal(effects[1]!.elasticity, null);
  assert.ok(Math.abs(effects[2]!.elasticity! - 0.1) < 1e-9);
});
