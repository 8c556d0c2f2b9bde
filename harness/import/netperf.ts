/**
 * Results of netperf's omni output: `-- -k SELECTORS` (a line each) or `-- -o SELECTORS` (CSV with
 * its header). Names and units as src/nettest_omni.c of netperf 2.7 has them. Pure.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import { type LatencyReport, type TestName, TESTS } from "../record.ts";
import type { Imported } from "./imported.ts";

type Values = ReadonlyMap<string, string>;

/** Heads of CSV columns, where they are not the selector with spaces. */
const CSV_HEADS: Readonly<Record<string, string>> = {
  "Throughput": "THROUGHPUT",
  "Throughput Units": "THROUGHPUT_UNITS",
  "Elapsed Time (sec)": "ELAPSED_TIME",
  "Protocol": "PROTOCOL",
  "Direction": "DIRECTION",
  "Minimum Latency Microseconds": "MIN_LATENCY",
  "Maximum Latency Microseconds": "MAX_LATENCY",
  "50th Percentile Latency Microseconds": "P50_LATENCY",
  "90th Percentile Latency Microseconds": "P90_LATENCY",
  "99th Percentile Latency Microseconds": "P99_LATENCY",
  "Mean Latency Microseconds": "MEAN_LATENCY",
  "Stddev Latency Microseconds": "STDDEV_LATENCY",
  "Remote CPU Util %": "REMOTE_CPU_UTIL",
  "Local Transport Retransmissions": "LOCAL_TRANSPORT_RETRANS",
  "Remote Transport Retransmissions": "REMOTE_TRANSPORT_RETRANS",
  "Request Size Bytes": "REQUEST_SIZE",
  "Response Size Bytes": "RESPONSE_SIZE",
  "Initial Burst Requests": "BURST_SIZE",
  "Command Line": "COMMAND_LINE",
};

/** Bits of one unit of THROUGHPUT, `-f` of netperf. */
const UNIT_BITS: Readonly<Record<string, number>> = {
  "10^3bits/s": 1e3,
  "10^6bits/s": 1e6,
  "10^9bits/s": 1e9,
  "KBytes/s": 8 * 2 ** 10,
  "MBytes/s": 8 * 2 ** 20,
  "GBytes/s": 8 * 2 ** 30,
};
const TRANSACTIONS = "Trans/s";

/** What of a run makes it another one; missing ones are left out. */
const PARAMETERS = ["PROTOCOL", "DIRECTION", "REQUEST_SIZE", "RESPONSE_SIZE", "BURST_SIZE"];

/** Whether a text looks like netperf's omni output. */
export function isNetperf(text: string): boolean {
  return /^THROUGHPUT=/m.test(text) || csvHead(text) >= 0;
}

/**
 * Reads every run that a text holds.
 *
 * @param place Name of the file, for errors.
 * @throws {UserError} for a run without throughput, unit or elapsed time, or of no known test.
 */
export function readNetperf(text: string, place: string): Imported[] {
  const runs = csvHead(text) >= 0 ? csvRuns(text) : keywordRuns(text);
  return runs.map((values, index) =>
    importedRun(values, runs.length === 1 ? place : `${place}, run ${index + 1}`)
  );
}

/** Line of the CSV header, -1 for none. */
function csvHead(text: string): number {
  return text.split(/\r?\n/).findIndex((line) =>
    line.includes(",") && line.split(",").some((head) => head.trim() === "Throughput Units")
  );
}

function csvRuns(text: string): Values[] {
  const lines = text.split(/\r?\n/);
  const start = csvHead(text);
  const heads = lines[start]!.split(",").map((head) => head.trim());
  return lines.slice(start + 1).filter((line) => line.includes(",")).map((line) => {
    const fields = fieldsOf(line);
    return new Map(
      heads.flatMap((head, column) => {
        const name = CSV_HEADS[head];
        return name === undefined ? [] : [[name, fields[column] ?? ""] as const];
      }),
    );
  });
}

/** Fields of a line; only the command line is in quotes. */
function fieldsOf(line: string): string[] {
  return [...line.matchAll(/("[^"]*"|[^,]*)(?:,|$)/g)].map(([, field]) =>
    field!.trim().replace(/^"|"$/g, "")
  );
}

/** A run ends where one of its names comes again. */
function keywordRuns(text: string): Values[] {
  const runs: Map<string, string>[] = [new Map()];
  for (const [, name, value] of text.matchAll(/^([A-Z0-9_]+)=(.*?)\r?$/gm)) {
    if (runs.at(-1)!.has(name!)) runs.push(new Map());
    runs.at(-1)!.set(name!, value!.trim().replace(/^"|"$/g, ""));
  }
  return runs;
}

function importedRun(values: Values, place: string): Imported {
  const unit = wanted(values, "THROUGHPUT_UNITS", place);
  const seconds = numberOf(values, "ELAPSED_TIME", place);
  const throughput = numberOf(values, "THROUGHPUT", place);
  if (!(seconds > 0)) throw new UserError(`${place}: ELAPSED_TIME is ${seconds}: nothing ran`);
  const test = testOf(values, unit, place);
  const isRate = unit === TRANSACTIONS;
  const bits = UNIT_BITS[unit];
  if (!isRate && bits === undefined) {
    const accepted = [TRANSACTIONS, ...Object.keys(UNIT_BITS)].join(", ");
    throw new UserError(`${place}: THROUGHPUT_UNITS is "${unit}": accepted are ${accepted}`);
  }
  const transactions = isRate ? Math.round(throughput * seconds) : 0;
  const size = (name: string) => known(values, name) ?? 0;
  const bytes = isRate
    ? transactions * (size("REQUEST_SIZE") + size("RESPONSE_SIZE"))
    : Math.round(throughput * bits! * seconds / 8);
  const cpu = known(values, "REMOTE_CPU_UTIL");
  const retransmits = ["LOCAL_TRANSPORT_RETRANS", "REMOTE_TRANSPORT_RETRANS"]
    .flatMap((name) => known(values, name) ?? []);
  const latency = isRate ? latencyOf(values, transactions) : null;
  return {
    tool: "netperf",
    name: `netperf-${test.toLowerCase()}`,
    generator: "netperf",
    title: `netperf ${test}`,
    parameters: Object.fromEntries([
      ["test", test],
      ...PARAMETERS.flatMap((name) => values.has(name) ? [[name, values.get(name)!]] : []),
    ]),
    environment: {},
    startedAt: null,
    durationNs: seconds * 1e9,
    groups: [{
      name: test.toLowerCase(),
      test,
      connections: 1,
      loop: "closed",
      transactions,
      bytes,
      throughput: isRate
        ? { value: throughput, unit: "trans/s" }
        : { value: throughput * bits!, unit: "bit/s" },
      latency_ns: null,
      ...latency === null ? {} : { latency_reported_ns: latency },
    }],
    cpuUtilisation: cpu === null ? null : Math.min(1, cpu / 100),
    retransmits: retransmits.length === 0 ? null : retransmits.reduce((sum, each) => sum + each, 0),
    remarks: latency === null ? [] : [
      "latency is what netperf printed, in whole microseconds; the distribution is not known",
    ],
  };
}

/** Only where a percentile or the mean was among the selectors. */
function latencyOf(values: Values, count: number): LatencyReport | null {
  const fields = [
    ["min", "MIN_LATENCY"],
    ["mean", "MEAN_LATENCY"],
    ["stddev", "STDDEV_LATENCY"],
    ["p50", "P50_LATENCY"],
    ["p90", "P90_LATENCY"],
    ["p99", "P99_LATENCY"],
    ["max", "MAX_LATENCY"],
  ] as const;
  const found = fields.flatMap(([field, name]) => {
    const value = known(values, name);
    return value === null ? [] : [[field, value * 1000] as const];
  });
  return found.length === 0 ? null : { count, ...Object.fromEntries(found) };
}

function testOf(values: Values, unit: string, place: string): TestName {
  const asked = /(?:^|\s)-t\s*"?([A-Z_]+)/.exec(values.get("COMMAND_LINE") ?? "")?.[1];
  const named = TESTS.find((test) => test === asked);
  if (named !== undefined) return named;
  const protocol = values.get("PROTOCOL");
  const direction = values.get("DIRECTION") ?? "";
  if (protocol === "TCP" || protocol === "UDP") {
    const test = nearestTest(protocol, direction, unit === TRANSACTIONS);
    if (test !== null) return test;
  }
  throw new UserError(
    `${place}: It does not tell which test ran: add PROTOCOL and DIRECTION, or COMMAND_LINE, to ` +
      "the selectors of -k or -o",
  );
}

function nearestTest(
  protocol: "TCP" | "UDP",
  direction: string,
  isRate: boolean,
): TestName | null {
  if (isRate && protocol === "UDP") return "UDP_RR";
  if (isRate && direction === "Connection") return "TCP_CC";
  if (isRate) return direction.startsWith("Connect|") ? "TCP_CRR" : "TCP_RR";
  if (direction === "Send") return protocol === "TCP" ? "TCP_STREAM" : "UDP_STREAM";
  return direction === "Receive" && protocol === "TCP" ? "TCP_MAERTS" : null;
}

function wanted(values: Values, name: string, place: string): string {
  const value = values.get(name);
  if (value !== undefined && value !== "") return value;
  throw new UserError(`${place}: It lacks ${name}: add it to the selectors of -k or -o`);
}

/** Far above any measurement, and below where a number in ns would be no number any more. */
const MOST = 1e15;

function numberOf(values: Values, name: string, place: string): number {
  const text = wanted(values, name, place);
  const value = Number(text);
  if (value >= 0 && value <= MOST) return value;
  throw new UserError(`${place}: ${name} is "${text}": accepted is a number from 0 to 1e15`);
}

/** netperf says -1 for what it has not measured. */
function known(values: Values, name: string): number | null {
  const text = values.get(name);
  const value = Number(text);
  return text === undefined || text === "" || !(value >= 0 && value <= MOST) ? null : value;
}
