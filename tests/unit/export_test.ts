/** Records in the formats of other tools, read back by what each format promises. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { EXPORTS } from "../../reports/export.ts";
import { metricsOf } from "../../reports/metrics.ts";
import { buildRecord } from "../record_builder.ts";
import { inFolder, lab } from "./lab_io.ts";

const RUNS = [1, 2, 3].map((seed) => buildRecord({ seed, sampleCount: 2000 }));
const P50 = RUNS.map((run) => metricsOf(run).find(({ key }) => key === "latency_ns_p50")!.value!);
const MIDDLE = [...P50].sort((a, b) => a - b)[1]!;

Deno.test("CSV has a line for each metric of each run, and quotes what needs it", () => {
  const [head, ...rows] = EXPORTS.csv(RUNS).trimEnd().split("\r\n");
  assert.equal(head!.split(",").length, 11);
  assert.equal(rows.length, 3 * metricsOf(RUNS[0]!).length);
  const row = `rr,model,i40e-model,stock,NONE,1,complete,rr/latency_ns_p50,${P50[0]},ns,lower`;
  assert.ok(rows.includes(row), row);
  // 2000 samples support no p99.9: the value is empty and not 0.
  assert.ok(rows.some((each) => each.includes("rr/latency_ns_p99_9,,ns,lower")));
  const odd = EXPORTS.csv([{ ...RUNS[0]!, workload: 'a,"b"' }]);
  assert.ok(odd.includes('\r\n"a,""b""",model,'));
});

Deno.test("benchstat gets a line a run, each field one word, with directions and exactness", () => {
  const lines = EXPORTS.benchstat(RUNS).split("\n");
  const runs = lines.filter((line) => line.startsWith("Benchmark"));
  assert.equal(runs.length, 3);
  const fields = runs[0]!.split(" ");
  assert.equal(fields[0], "BenchmarkLab/workload=rr/target=model/mechanism=stock/policy=NONE");
  assert.equal(fields.length % 2, 0, "name, count, then pairs of value and unit");
  assert.equal(fields[fields.indexOf("rr/latency_ns_p50:ns") - 1], String(P50[0]));
  assert.ok(lines.includes("Unit rr/latency_ns_p50:ns better=lower assume=exact"));
  assert.ok(lines.includes("Unit rr/throughput:trans/s better=higher assume=exact"));
  const live = EXPORTS.benchstat([buildRecord({ target: "live" })]);
  assert.doesNotMatch(live, /assume=exact/);
});

Deno.test("github-action-benchmark gets medians, split by direction, and never a neutral metric", () => {
  const lower = JSON.parse(EXPORTS.customSmallerIsBetter(RUNS));
  const p50 = lower.find((each: { name: string }) => each.name.endsWith(" rr/latency_ns_p50"));
  assert.deepEqual(p50, {
    name: "rr/model/stock/NONE rr/latency_ns_p50",
    unit: "ns",
    value: MIDDLE,
    range: `${Math.min(...P50)} to ${Math.max(...P50)}`,
    extra: "3 seeds; range",
  });
  const higher = JSON.parse(EXPORTS.customBiggerIsBetter(RUNS));
  assert.deepEqual(higher.map((each: { name: string }) => each.name), [
    "rr/model/stock/NONE rr/throughput",
  ]);
  assert.doesNotMatch(JSON.stringify(lower), /imbalance|cpu_utilisation/);
});

Deno.test("Bencher gets measures by benchmark with their bounds", () => {
  const all = JSON.parse(EXPORTS.bencher(RUNS));
  assert.deepEqual(all["rr/model/stock/NONE rr"]["latency_ns_p50 (ns)"], {
    value: MIDDLE,
    lower_value: Math.min(...P50),
    upper_value: Math.max(...P50),
  });
  for (const [benchmark, measures] of Object.entries(all)) {
    assert.ok(benchmark.length <= 1024, benchmark);
    for (const [measure, metric] of Object.entries(measures as Record<string, unknown>)) {
      assert.ok(measure.length <= 64, `${measure}: Bencher refuses longer names`);
      assert.ok(Object.values(metric as Record<string, unknown>).every(Number.isFinite), measure);
    }
  }
});

Deno.test("export reads a folder and prints one format; an unknown one is named with the known", async () => {
  await inFolder(async (cwd) => {
    const text = RUNS.map((record) => `${JSON.stringify(record)}\n`).join("");
    await Deno.writeTextFile(join(cwd, "records.ndjson"), text);
    const csv = await lab(["export", ".", "--format", "csv"], { cwd });
    assert.deepEqual([csv.code, csv.out, csv.err], [0, EXPORTS.csv(RUNS), ""]);
    const other = await lab(["export", ".", "--format", "xls"], { cwd });
    assert.equal(other.code, 2);
    assert.match(other.err, /"xls" is invalid.*csv, benchstat, customSmallerIsBetter/);
    assert.equal((await lab(["export", "nosuch", "--format", "csv"], { cwd })).code, 2);
  });
});
