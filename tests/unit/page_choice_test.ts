/** The answer of the first screen, which policy to choose, held against its numbers. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { DevicePolicy, RunRecord } from "../../harness/record.ts";
import { arrange, type WorkloadRuns } from "../../reports/cells.ts";
import { choicesOf, headlinesOf } from "../../reports/page/choice.ts";
import { gradesOf } from "../../reports/page/score_table.ts";
import { buildBench, buildRecord } from "../record_builder.ts";

type Numbers = Partial<Record<DevicePolicy, readonly number[]>>;

/** Runs of "rr" whose p99 is as given per seed; rates and CPU time are equal. */
function recordsOf(p99: Numbers, workload = "rr"): RunRecord[] {
  return Object.entries(p99).flatMap(([policy, values]) =>
    values.map((value, position) => {
      const named = { workload, policy: policy as DevicePolicy, seed: position + 1 };
      const record = buildRecord({ ...named, sampleCount: 1000 });
      const groups = record.measurement.groups.map((group) => ({
        ...group,
        name: "rr",
        throughput: { value: 1000, unit: "trans/s" as const },
        transactions: 1000,
        latency_ns: { ...group.latency_ns!, p99: value },
      }));
      const measurement = { ...record.measurement, groups, drops: {}, retransmits: 0 };
      return { ...record, measurement: { ...measurement, cpus: FOUR_CPUS } };
    })
  );
}

const FOUR_CPUS = [0, 1, 2, 3].map((cpu) => ({
  cpu,
  node: 0,
  user_ns: 1e6,
  system_ns: 0,
  irq_ns: 0,
  softirq_ns: 0,
  idle_ns: 1e6,
}));

function linesOf(records: readonly RunRecord[]): string[] {
  return headlinesOf(arrange(records)[0]!).map(({ keys, text }) =>
    `${keys.map((key) => key.split("/")[1]).join(" or ") || "Any"} ${text}`
  );
}

Deno.test("A policy that is better is named with ratio, range, CPU time and what the seeds say", () => {
  const records = recordsOf({ NONE: [100, 100, 100], LATENCY: [69, 71, 73], CPU: [90, 91, 92] });
  assert.deepEqual(linesOf(records), [
    "LATENCY for rr: p99 0.71× of NONE (range 0.69–0.73), CPU time per transaction 1.00×, " +
    "all 3 seeds agree.",
  ]);
});

Deno.test("From six seeds on the sentence states an interval instead of the range", () => {
  const records = recordsOf({ NONE: Array(8).fill(100), MIX: [40, 41, 42, 43, 45, 45, 46, 90] });
  // Order statistics 1 and 8 of 8 cover the median with 99.2 %, 2 and 7 with 93 %.
  assert.match(linesOf(records)[0]!, /p99 0\.44× of NONE \(95 % interval 0\.40–0\.90\)/);
});

Deno.test("Workloads with the same answer share a line, and the stock default keeps what it wins", () => {
  const records = [
    ...recordsOf({ NONE: [100, 100], LATENCY: [50, 52] }, "rr"),
    ...recordsOf({ NONE: [100, 100], LATENCY: [80, 80] }, "udp_rr"),
    ...recordsOf({ NONE: [100, 100], LATENCY: [130, 130] }, "crr"),
    ...recordsOf({ NONE: [100, 100], LATENCY: [100.4, 99.8] }, "idle"),
  ];
  const lines = linesOf(records);
  assert.equal(lines.length, 3);
  assert.match(lines[0]!, /^LATENCY for rr: p99 0\.51×.*; and udp_rr · rr: p99 0\.80×.*agree\.$/);
  assert.equal(
    lines[1],
    "NONE (leave the stock default) for crr · rr (p99 100\u202fns, the closest is LATENCY at 1.30×): " +
      "no policy is better.",
  );
  assert.equal(lines[2], "Any for idle · rr (p99): no policy changes it by more than 1 %.");
});

Deno.test("Where all carry the same traffic, the one with least CPU time is chosen", () => {
  const stream = (policy: DevicePolicy, user: number, seed: number): RunRecord => {
    const record = buildRecord({ workload: "stream", groups: ["TCP_STREAM"], policy, seed });
    const groups = record.measurement.groups.map((group) => ({
      ...group,
      bytes: 1e9,
      throughput: { value: 9.4e9, unit: "bit/s" as const },
    }));
    const cpus = FOUR_CPUS.map((cpu) => ({ ...cpu, user_ns: user * (1 + seed / 1000) }));
    return { ...record, measurement: { ...record.measurement, groups, cpus, drops: {} } };
  };
  const records = [1, 2].flatMap((seed) => [
    stream("NONE", 1e6, seed),
    stream("CPU", 8e5, seed),
    stream("BULK", 9e5, seed),
  ]);
  assert.deepEqual(linesOf(records), [
    "CPU for stream: the same throughput as all others, CPU time per megabyte 0.80× of NONE " +
    "(alike in every seed), all 2 seeds agree.",
  ]);
});

Deno.test("A workload of two groups gets one line, which says what its policy does to the other", () => {
  const records = buildBench([1, 2]).filter((record) => record.workload === "mixed");
  const lines = linesOf(records);
  assert.ok(
    lines.some((line) =>
      /^LATENCY for mixed · rr: p99 0\.65×.*throughput of stream 0\.9\d×/.test(line)
    ),
  );
  assert.ok(lines.every((line) => !line.startsWith("NONE")));
});

Deno.test("One seed decides nothing, and one policy is no choice", () => {
  assert.match(
    linesOf(recordsOf({ NONE: [100], MIX: [50] }))[0]!,
    /one seed only, so nothing is sure/,
  );
  assert.deepEqual(linesOf(recordsOf({ NONE: [100, 100] })), []);
});

/** The middle of three numbers. */
function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[1]!;
}

/** What a sentence must say, from the raw numbers and nothing of the page's code. */
function checkAgainst(
  workload: WorkloadRuns,
  numbers: Numbers,
  line: string,
  keys: readonly string[],
) {
  const medians = Object.entries(numbers).map(([policy, values]) => ({
    policy,
    median: middle(values),
  }));
  const best = Math.min(...medians.map(({ median }) => median));
  const chosen = keys.map((key) => key.split("/")[1]! as DevicePolicy);
  for (const policy of chosen) {
    assert.ok(middle(numbers[policy]!) <= best * 1.0102, `${policy} is not the best`);
  }
  const [kind] = choicesOf(workload).map((choice) => choice.kind);
  if (kind !== "policy") return assert.match(line, /no policy (is better|changes it)/);
  const ratios = numbers[chosen[0]!]!.map((value, seed) => value / numbers.NONE![seed]!);
  const [stated, low, high] = /p99 ([\d.]+)× of NONE(?: \(range ([\d.]+)–([\d.]+)\))?/.exec(line)!
    .slice(1).map((text) => text === undefined ? null : Number(text));
  assert.ok(Math.abs(stated! - middle(ratios)) <= 0.0051, `${stated} is not ${middle(ratios)}`);
  if (low !== null) assert.ok(Math.abs(low! - Math.min(...ratios)) <= 0.0051);
  if (high !== null) assert.ok(Math.abs(high! - Math.max(...ratios)) <= 0.0051);
  if (!/seeds agree/.test(line)) return;
  for (const [policy, values] of Object.entries(numbers)) {
    if (chosen.includes(policy as DevicePolicy)) continue;
    values.forEach((value, seed) => assert.ok(numbers[chosen[0]!]![seed]! < value));
  }
}

Deno.test("For any numbers the sentence names the best policy with its own ratio, and never overclaims", () => {
  const three = fc.array(fc.integer({ min: 60, max: 140 }), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(fc.record({ NONE: three, CPU: three, LATENCY: three, MIX: three }), (numbers) => {
      const source = arrange(recordsOf(numbers))[0]!;
      const lines = headlinesOf(source);
      assert.equal(lines.length, 1);
      checkAgainst(source.workloads[0]!, numbers, lines[0]!.text, lines[0]!.keys);
    }),
    { numRuns: 60 },
  );
});

Deno.test("Letters tell the distance from the best of the row, and that nothing differs", () => {
  const gradesFor = (p99: Numbers): Record<string, string> => {
    const workload = arrange(recordsOf(p99))[0]!.workloads[0]!;
    const row = workload.metrics.find((each) => each.id === "rr/latency_ns_p99")!;
    return Object.fromEntries(gradesOf(workload, row));
  };
  assert.deepEqual(
    gradesFor({ NONE: [200], CPU: [101], BULK: [109], LATENCY: [100], MIX: [201] }),
    {
      "stock/NONE": "D",
      "netpolicy/CPU": "A",
      "netpolicy/BULK": "B",
      "netpolicy/LATENCY": "A",
      "netpolicy/MIX": "E",
    },
  );
  assert.deepEqual(gradesFor({ NONE: [100], CPU: [125] }), {
    "stock/NONE": "A",
    "netpolicy/CPU": "C",
  });
  assert.deepEqual(gradesFor({ NONE: [100], CPU: [100.9] }), {
    "stock/NONE": "=",
    "netpolicy/CPU": "=",
  });
  assert.deepEqual(gradesFor({ NONE: [100] }), {});
});
