/**
 * Results of netperf, iperf3 and flent as records: each number from its field, what a file does
 * not tell stays unknown, and what cannot be read is told in a sentence. */

import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { join } from "node:path";
import type { RunRecord } from "../../harness/record.ts";
import { readRecords } from "../../harness/store.ts";
import { metricsOf } from "../../reports/metrics.ts";
import { FLENT, IPERF3, NETPERF, NETPERF_CSV } from "./import_samples.ts";
import { inFolder, lab } from "./lab_io.ts";

/** Imports one file and reads the records back. */
async function imported(
  content: string | Uint8Array | object,
  args: readonly string[] = [],
): Promise<{ records: readonly RunRecord[]; code: number; err: string }> {
  let records: readonly RunRecord[] = [];
  let answer = { code: -1, err: "" };
  await inFolder(async (folder) => {
    const bytes = content instanceof Uint8Array
      ? content
      : new TextEncoder().encode(typeof content === "string" ? content : JSON.stringify(content));
    await Deno.writeFile(join(folder, "result"), bytes);
    answer = await lab(["import", "result", "--out", "records", ...args], { cwd: folder });
    if (answer.code === 0) ({ records } = await readRecords([join(folder, "records")]));
  });
  return { records, ...answer };
}

const valuesOf = (record: RunRecord): Record<string, number | null> =>
  Object.fromEntries(metricsOf(record).map(({ id, value }) => [id, value]));

Deno.test("netperf's keywords become a record; what it did not measure is unknown, not zero", async () => {
  const { records: [record] } = await imported(NETPERF, ["--policy", "latency"]);
  assert.equal(record!.run_id, "netperf-tcp_rr/live/netpolicy/LATENCY/1");
  assert.equal(record!.generator, "netperf");
  const { groups: [group], duration_ns: duration, ...rest } = record!.measurement;
  assert.equal(duration, 10e9);
  assert.deepEqual(group!.throughput, { value: 31_708.5, unit: "trans/s" });
  assert.equal(group!.transactions, 317_085);
  assert.equal(group!.bytes, 2 * 317_085);
  assert.deepEqual(group!.latency_reported_ns, {
    count: 317_085,
    mean: 31_440,
    p50: 30_000,
    p99: 52_000,
    max: 1_210_000,
  });
  assert.equal(group!.latency_ns, null, "no distribution");
  assert.equal(rest.cpu_utilisation, 0.125, "of the server: the host under test");
  assert.equal(rest.retransmits, 2, "-1 is unknown");
  assert.deepEqual([rest.queues, rest.cpus, rest.interrupts, rest.events], [[], [], null, null]);
  const values = valuesOf(record!);
  assert.equal(values["tcp_rr/latency_ns_p99"], 52_000);
  assert.equal(values["tcp_rr/latency_ns_p90"], null, "not among the selectors");
});

Deno.test("netperf's CSV has a run a line, and repetitions get seeds", async () => {
  const { records } = await imported(NETPERF_CSV, ["--workload", "bulk"]);
  assert.deepEqual(records.map(({ run_id: id }) => id), [
    "bulk/live/stock/NONE/1",
    "bulk/live/stock/NONE/2",
  ]);
  const [group] = records[0]!.measurement.groups;
  assert.equal(group!.test, "TCP_STREAM");
  assert.equal(group!.throughput.value, 9.4132e9);
  assert.equal(group!.bytes, 9.4132e9 * 10 / 8);
});

Deno.test("iperf3's goodput is what the receiver got, with time, kernel and retransmits", async () => {
  const { records: [record] } = await imported(IPERF3);
  const { measurement, environment, started_at: startedAt, generator } = record!;
  assert.equal(generator, "iperf3 3.16");
  assert.deepEqual([startedAt, environment], ["2024-01-02T03:04:05.000Z", {
    kernel: "6.1.0-18-amd64",
  }]);
  const [group] = measurement.groups;
  assert.deepEqual(group!.throughput, { value: 9.394e9, unit: "bit/s" });
  assert.deepEqual([group!.test, group!.connections], ["TCP_STREAM", 4]);
  assert.equal(measurement.retransmits, 17);
  assert.equal(measurement.cpu_utilisation, null, "its figures are of one process");
  assert.match(measurement.remarks.join(" "), /31\.3 % of a CPU at the client and 88\.5 % at the/);
});

Deno.test("iperf3 in reverse is TCP_MAERTS, and UDP tells what was lost", async () => {
  const test = (part: object) => ({ ...IPERF3.start.test_start, ...part });
  const reverse = { ...IPERF3, start: { ...IPERF3.start, test_start: test({ reverse: 1 }) } };
  assert.equal((await imported(reverse)).records[0]!.measurement.groups[0]!.test, "TCP_MAERTS");
  const udp = {
    start: { ...IPERF3.start, test_start: test({ protocol: "UDP" }) },
    end: { sum: { seconds: 10, bytes: 1e9, bits_per_second: 8e8, packets: 1000, lost_packets: 4 } },
  };
  const [group] = (await imported(udp)).records[0]!.measurement.groups;
  assert.deepEqual(group!.datagrams, { sent: 1000, lost: 4 });
  assert.equal(group!.throughput.value, 8e8);
  const bothWays = { ...udp, end: { ...udp.end, sum_received_bidir_reverse: udp.end.sum } };
  const { code, err } = await imported(bothWays);
  assert.match(err, /UDP in reverse \(-R, --bidir\) is none of the lab's tests/);
  assert.equal(code, 2);
});

Deno.test("flent's streams are summed by direction, ICMP pings keep their distribution", async () => {
  for (const content of [FLENT, gzipSync(JSON.stringify(FLENT))]) {
    const { records: [record] } = await imported(content);
    assert.equal(record!.generator, "flent 2.1.1");
    assert.deepEqual(record!.environment, { kernel: "6.1.0", driver: "i40e" });
    const groups = new Map(record!.measurement.groups.map((group) => [group.name, group]));
    assert.deepEqual([...groups.keys()], [
      "TCP upload",
      "TCP download",
      "Ping (ms) ICMP",
      "Ping (ms) UDP BE",
    ]);
    assert.equal(groups.get("TCP upload")!.throughput.value, 7.2e9);
    assert.deepEqual(
      [groups.get("TCP upload")!.connections, groups.get("TCP download")!.throughput.value],
      [2, 6e8],
    );
    const icmp = groups.get("Ping (ms) ICMP")!.latency_ns!;
    assert.equal(icmp.count, 100);
    assert.ok(Math.abs(icmp.p50 / 500_000 - 1) < 0.002, `${icmp.p50}`);
    const udp = groups.get("Ping (ms) UDP BE")!;
    assert.equal(udp.latency_ns, null, "rates of netperf are no packets");
    assert.equal(Math.round(udp.latency_reported_ns!.mean!), 300_000);
    assert.equal(valuesOf(record!)["Ping (ms) UDP BE/latency_ns_p50"], null);
  }
});

Deno.test("What cannot be imported is told in one sentence with what is accepted", async () => {
  const { start: _, ...cut } = IPERF3;
  const without = (name: string) => NETPERF.replace(new RegExp(`^${name}=.*\n`, "m"), "");
  const cases: readonly (readonly [string | object, RegExp])[] = [
    ["Socket  Size\n 16384\n", /"result" is no result that can be imported: accepted are netperf/],
    [`{"start": {"version": "iperf 3.1"}, "end": {"x": -nan}}`, /is not JSON: .*nan/],
    [{ other: 1 }, /is no result that can be imported/],
    [without("ELAPSED_TIME"), /It lacks ELAPSED_TIME: add it to the selectors of -k or -o/],
    [without("COMMAND_LINE"), /does not tell which test ran: add PROTOCOL and DIRECTION/],
    [NETPERF.replace("Trans/s", "furlongs/s"), /"furlongs\/s": accepted are Trans\/s, 10\^3bits/],
    [
      NETPERF.replace("31708.50", "many"),
      /THROUGHPUT is "many": accepted is a number from 0 to 1e15/,
    ],
    [{ ...IPERF3, error: "unable to connect" }, /the test failed: "unable to connect"/],
    [{ ...IPERF3, end: {} }, /It has no result \(end\.sum_received\): the test was cut off/],
    [{ ...cut, start: { version: "iperf 3.1" } }, /protocol is missing: accepted are TCP and UDP/],
    [{ ...FLENT, version: 1 }, /It is of format 1: accepted are 2 and later/],
    [
      { ...FLENT, results: { "a::b": [1] } },
      /no data set that the lab knows: accepted are "TCP up/,
    ],
  ];
  for (const [content, message] of cases) {
    const { code, err } = await imported(content);
    assert.equal(code, 2, err);
    assert.match(err, message);
    assert.equal(err.trim().split("\n").length, 1, err);
  }
  const { code, err } = await imported(NETPERF, ["--policy", "FAST"]);
  assert.deepEqual([code, /Unknown policy "FAST": accepted are NONE/.test(err)], [2, true]);
});

Deno.test("Two imported sets are compared, and never with another tool's", async () => {
  await inFolder(async (folder) => {
    const write = (name: string, content: string) =>
      Deno.writeTextFile(join(folder, name), content);
    await write("before.txt", NETPERF);
    await write("after.txt", NETPERF.replace("P99_LATENCY=52", "P99_LATENCY=26"));
    await write("iperf.json", JSON.stringify(IPERF3));
    const run = (...args: string[]) => lab(args, { cwd: folder });
    for (const [file, out] of [["before.txt", "a"], ["after.txt", "b"], ["iperf.json", "c"]]) {
      assert.equal((await run("import", file!, "--out", out!)).code, 0);
    }
    const compared = await run("report", "a", "b", "--compare");
    assert.match(compared.out, /netperf-tcp_rr · tcp_rr under NONE: p99 0\.50×, .*: better\./);
    const other = await run("report", "a", "c", "--compare");
    assert.match(other.out, /c and a have no run in common\./);
    const page = await Deno.readTextFile(join(folder, "a", "report.html"));
    assert.match(page, /measured on a live host by iperf3 3\.16/);
  });
});
