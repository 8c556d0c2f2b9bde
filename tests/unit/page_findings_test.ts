/** The sentences of the page: who wins, by how much, how sure. */

import assert from "node:assert/strict";
import type { DevicePolicy, RunRecord } from "../../harness/record.ts";
import { arrange, type WorkloadRuns } from "../../reports/cells.ts";
import { bestOf, findingsOf } from "../../reports/page/findings.ts";
import { buildRecord } from "../record_builder.ts";

/** Runs whose p99 is as given per seed; everything else is equal. */
function workloadOf(p99: Partial<Record<DevicePolicy, readonly number[]>>): WorkloadRuns {
  const records = Object.entries(p99).flatMap(([policy, values]) =>
    values.map((value, position) => withP99(policy as DevicePolicy, position + 1, value))
  );
  return arrange(records)[0]!.workloads[0]!;
}

function withP99(policy: DevicePolicy, seed: number, value: number): RunRecord {
  const record = buildRecord({ policy, seed, sampleCount: 1000 });
  const groups = record.measurement.groups.map((group) => ({
    ...group,
    throughput: { value: 1000, unit: "trans/s" as const },
    transactions: 1000,
    latency_ns: { ...group.latency_ns!, p99: value },
  }));
  return { ...record, measurement: { ...record.measurement, groups, drops: {}, retransmits: 0 } };
}

function p99Sentence(workload: WorkloadRuns): string {
  const row = workload.metrics.find((each) => each.id === "rr/latency_ns_p99")!;
  return bestOf(workload, row)!.text;
}

Deno.test("A clear win is stated with ratio, reference, seeds and range", () => {
  const workload = workloadOf({ NONE: [100, 100, 100], LATENCY: [69, 71, 73], CPU: [90, 91, 92] });
  assert.equal(
    p99Sentence(workload),
    "LATENCY has the lowest p99 for rr: 0.71× of the stock default (NONE), 3 seeds, range 0.69–0.73.",
  );
});

Deno.test("Ratios are paired by seed, so what a seed does to both sides cancels", () => {
  const workload = workloadOf({ NONE: [100, 200, 400], LATENCY: [50, 100, 200] });
  assert.match(
    p99Sentence(workload),
    /0\.50× of the stock default \(NONE\), 3 seeds, range 0\.50–0\.50/,
  );
});

Deno.test("A single seed is called unknown spread, never certain", () => {
  const workload = workloadOf({ NONE: [100], LATENCY: [50] });
  assert.equal(
    p99Sentence(workload),
    "LATENCY has the lowest p99 for rr: 0.50× of the stock default (NONE), " +
      "1 seed, so the spread is unknown.",
  );
  const row = workload.metrics.find((each) => each.id === "rr/latency_ns_p99")!;
  assert.equal(bestOf(workload, row)!.certainty, "single seed");
});

Deno.test("Medians within 1 % share the first place", () => {
  const workload = workloadOf({ NONE: [100, 100], LATENCY: [50, 50], MIX: [50.4, 50.4] });
  assert.match(
    p99Sentence(workload),
    /^LATENCY and MIX share the lowest p99 for rr \(within 1 %\): 0\.50×/,
  );
  const row = workload.metrics.find((each) => each.id === "rr/latency_ns_p99")!;
  assert.deepEqual(bestOf(workload, row)!.winners, ["netpolicy/LATENCY", "netpolicy/MIX"]);
});

Deno.test("A tie of all is no win at all", () => {
  const workload = workloadOf({ NONE: [100, 100], LATENCY: [100.5, 99.5] });
  assert.equal(p99Sentence(workload), "No policy changes p99 for rr by more than 1 % (2 seeds).");
});

Deno.test("Where the stock driver wins, no policy is praised", () => {
  const workload = workloadOf({ NONE: [100, 100], CPU: [104, 104], BULK: [150, 150] });
  assert.equal(
    p99Sentence(workload),
    "No policy beats the stock default (NONE) at p99 for rr; the closest is CPU: " +
      "1.04× of the stock default (NONE), 2 seeds, range 1.04–1.04.",
  );
});

Deno.test("A policy that only equals the stock driver is said to equal it", () => {
  const workload = workloadOf({ NONE: [100, 100], CPU: [100.2, 100.2], BULK: [150, 150] });
  assert.match(
    p99Sentence(workload),
    /^No policy beats .* at p99 for rr; CPU equals it within 1 %/,
  );
});

Deno.test("Seeds that disagree make the order uncertain", () => {
  const workload = workloadOf({
    NONE: [100, 100, 100],
    LATENCY: [50, 52, 60],
    MIX: [55, 57, 58],
  });
  assert.match(
    p99Sentence(workload),
    /; MIX does as well or better in 1 of 3 seeds, so the order is not certain\.$/,
  );
});

Deno.test("Without a stock run there is a value and no ratio", () => {
  const workload = workloadOf({ CPU: [90_000, 90_000], LATENCY: [50_000, 52_000] });
  assert.match(
    p99Sentence(workload),
    /51\.0\u202fµs, 2 seeds, range 50\.0–52\.0\u202fµs; no stock run/,
  );
});

Deno.test("One policy alone is not compared", () => {
  const workload = workloadOf({ NONE: [100_000, 100_000] });
  assert.equal(p99Sentence(workload), "Only NONE was run: p99 for rr is 100\u202fµs (2 seeds).");
});

Deno.test("The price of a winner names what got worse, drops from zero included", () => {
  const base = buildRecord({ groups: ["TCP_STREAM"], workload: "stream" });
  const bulk = buildRecord({ groups: ["TCP_STREAM"], workload: "stream", policy: "BULK" });
  const workload = arrange([base, bulk])[0]!.workloads[0]!;
  const price = findingsOf(workload).at(-1)!.text;
  assert.match(
    price,
    /^The price of BULK, against the stock default \(NONE\): .*17 dropped packets instead of none/,
  );
});

Deno.test("A winner without a worse metric costs nothing that was measured", () => {
  const workload = workloadOf({ NONE: [100, 100], BULK: [50, 50] });
  assert.equal(findingsOf(workload).at(-1)!.text, "BULK costs nothing that was measured here.");
});

Deno.test("A percentile without 10 samples beyond it is not stated", () => {
  const few = [1, 2].map((seed) => buildRecord({ seed, sampleCount: 200 }));
  const workload = arrange(few)[0]!.workloads[0]!;
  const row = workload.metrics.find((each) => each.id === "rr/latency_ns_p99")!;
  assert.equal(row.cells.get("stock/NONE")!.spread, null);
  assert.match(findingsOf(workload)[0]!.text, /median latency for rr/);
});

/** Two seeds of a UDP stream per policy: throughput factor, and share of datagrams lost. */
function udpWorkload(
  outcomes: Partial<Record<DevicePolicy, readonly [number, number]>>,
): WorkloadRuns {
  const records = Object.entries(outcomes).flatMap(([policy, [factor, share]]) =>
    [1, 2].map((seed) => {
      const record = buildRecord({
        workload: "udp",
        groups: ["UDP_STREAM"],
        policy: policy as DevicePolicy,
        seed,
      });
      const groups = record.measurement.groups.map((group) => ({
        ...group,
        name: "udp",
        throughput: { value: 1e9 * factor, unit: "bit/s" as const },
        datagrams: { sent: 10_000, lost: 10_000 * share },
      }));
      const measurement = { ...record.measurement, groups, drops: {}, retransmits: 0 };
      return { ...record, measurement };
    })
  );
  return arrange(records)[0]!.workloads[0]!;
}

Deno.test("A throughput win with losses says its price, and every policy's loss is listed", () => {
  const texts = findingsOf(udpWorkload({ NONE: [1, 0.85], BULK: [1.3, 0.87], CPU: [0.9, 0] }))
    .map((finding) => finding.text);
  assert.equal(
    texts[0],
    "BULK has the highest throughput for udp: 1.30× of the stock default (NONE), 2 seeds, " +
      "range 1.30–1.30, at the price of 87\u202f% lost datagrams.",
  );
  assert.equal(texts[1], "Lost datagrams for udp: NONE 85\u202f% and BULK 87\u202f%.");
});

Deno.test("Equal rates and a rate of the stock driver are not told without their losses either", () => {
  const tie = findingsOf(udpWorkload({ NONE: [1, 0.5], BULK: [1, 0.25] }))[0]!.text;
  assert.equal(
    tie,
    "No policy changes throughput for udp by more than 1 % (2 seeds), " +
      "with 25–50\u202f% lost datagrams.",
  );
  const stock = findingsOf(udpWorkload({ NONE: [1, 0.5], BULK: [0.8, 0] }))[0]!.text;
  assert.match(stock, /^No policy beats .*, at the price of 50\u202f% lost datagrams\.$/);
});

Deno.test("The price of losses stands before the doubt, and a lossy winner does not cost nothing", () => {
  const workload = udpWorkload({ NONE: [1, 0.9], BULK: [1.3, 0.8], MIX: [1.2, 0.8] });
  const row = workload.metrics.find((each) => each.key === "throughput")!;
  // One seed in which MIX is ahead.
  (row.cells.get("netpolicy/MIX")!.values as { seed: number; value: number }[])[0]!.value = 2e9;
  const texts = findingsOf(workload).map((finding) => finding.text);
  assert.match(
    texts[0]!,
    /, at the price of 80\u202f% lost datagrams; MIX does as well or better in 1 of 2 seeds, so/,
  );
  assert.ok(texts.every((text) => !/costs nothing/.test(text)), texts.join("\n"));
});

Deno.test("Losses below 0.1 % are not told", () => {
  const texts = findingsOf(udpWorkload({ NONE: [1, 0.0005], BULK: [1.3, 0.0009] }))
    .map((finding) => finding.text);
  assert.ok(texts.every((text) => !/lost|Lost/.test(text)), texts.join(" "));
});

Deno.test("Where no datagram is counted, dropped packets of the device stand for the losses", () => {
  const records = (["NONE", "BULK"] as const).map((policy) => {
    const record = buildRecord({ workload: "rr", policy });
    const arrived = record.measurement.queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
    // Half as many again were dropped before a queue counted them: a third of all.
    const drops = { ring_full: policy === "BULK" ? arrived / 2 : 0 };
    return { ...record, measurement: { ...record.measurement, drops } };
  });
  const workload = arrange(records)[0]!.workloads[0]!;
  const texts = findingsOf(workload).map((finding) => finding.text);
  assert.ok(texts.includes("Dropped packets for rr: BULK 33.3\u202f%."), texts.join("\n"));
});
