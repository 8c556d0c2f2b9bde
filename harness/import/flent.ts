/**
 * Data files of flent (`.flent`, `.flent.gz`; format 2 and later): throughput of the TCP data
 * sets summed by direction, and the ping data sets, each a group. Pure.
 *
 * Pings by ICMP are kept packet by packet and give a distribution. Pings by UDP are netperf's
 * rates, which flent turns into one mean per step: only their mean is known.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import { LatencyHistogram } from "../histogram.ts";
import type { TestName } from "../record.ts";
import { mean } from "../stats/quantile.ts";
import type { Imported } from "./imported.ts";

/** The document, as far as it is read. */
interface Document {
  readonly version?: number;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly results?: Readonly<Record<string, readonly (number | null)[]>>;
  readonly raw_values?: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  readonly x_values?: readonly number[];
}

/** Formats that can be read. */
const VERSION_LEAST = 2;
/** Sums and averages that flent makes of data sets, and measures of a socket; "::1" is a stream. */
const DERIVED = /( avg| sum| totals)$|::(?!\d+$)/;
/** Data sets of streams, as the host under test has them. */
const STREAMS = [["TCP upload", "TCP_STREAM"], ["TCP download", "TCP_MAERTS"]] as const;

type Group = Imported["groups"][number];

/** Whether a JSON document is a data file of flent. */
export function isFlent(value: unknown): boolean {
  const document = value as Document | null;
  return typeof document === "object" && document !== null && document.results !== undefined &&
    document.x_values !== undefined && document.metadata !== undefined;
}

/**
 * Reads a data file.
 *
 * @param place Name of the file, for errors.
 * @throws {UserError} for an older format, and where no data set is one that the lab knows.
 */
export function readFlent(value: unknown, place: string): Imported {
  const document = value as Document;
  const { metadata = {}, results = {}, version } = document;
  if (!(typeof version === "number" && version >= VERSION_LEAST)) {
    throw new UserError(
      `${place}: It is of format ${version}: accepted are ${VERSION_LEAST} and later; open and ` +
        "save it with a present flent",
    );
  }
  const seconds = numberOf(metadata["LENGTH"]) ?? document.x_values?.at(-1) ?? 0;
  if (!(seconds > 0)) throw new UserError(`${place}: metadata.LENGTH is missing: nothing ran`);
  const names = Object.keys(results).filter((name) => !DERIVED.test(name));
  const streams = STREAMS.flatMap(([prefix, test]) => {
    const own = names.filter((name) => name.startsWith(prefix));
    return streamGroup(prefix, test, own.map((name) => results[name]!), seconds);
  });
  const pings = names.filter((name) => name.startsWith("Ping (ms)")).flatMap((name) =>
    pingGroup(name, document, seconds)
  );
  const groups = [...streams, ...pings];
  if (groups.length === 0) {
    throw new UserError(
      `${place}: It has no data set that the lab knows: accepted are "TCP upload", ` +
        `"TCP download" and "Ping (ms)"`,
    );
  }
  const name = textOf(metadata["NAME"]) ?? "test";
  const tool = textOf(metadata["FLENT_VERSION"]);
  const title = textOf(metadata["TITLE"]);
  return {
    tool: "flent",
    name: `flent-${name}`,
    generator: tool === null ? "flent" : `flent ${tool}`,
    title: `flent ${name}${title === null ? "" : `: ${title}`}`,
    parameters: { name, seconds, groups: groups.map((group) => group.name).join(" ") },
    environment: environmentOf(metadata),
    startedAt: timeOf(metadata["TIME"]),
    durationNs: seconds * 1e9,
    groups,
    cpuUtilisation: null,
    retransmits: null,
    remarks: pingRemarks(pings),
  };
}

/** All streams of one direction; null at times at which a stream did not run. */
function streamGroup(
  name: string,
  test: TestName,
  sets: readonly (readonly (number | null)[])[],
  seconds: number,
): Group[] {
  const means = sets.map((values) => values.filter((value) => value !== null))
    .filter((values) => values.length > 0).map((values) => mean(values));
  if (means.length === 0) return [];
  // Data sets of streams are in Mbit/s.
  const value = means.reduce((sum, each) => sum + each, 0) * 1e6;
  return [{
    name,
    test,
    connections: means.length,
    loop: "closed",
    transactions: 0,
    bytes: Math.round(value * seconds / 8),
    throughput: { value, unit: "bit/s" },
    latency_ns: null,
  }];
}

function pingGroup(name: string, document: Document, seconds: number): Group[] {
  const samples = (document.raw_values?.[name] ?? []).flatMap((raw) =>
    // What has a duration is the rate of netperf, not the time of a packet.
    raw["dur"] === undefined ? numberOf(raw["val"]) ?? [] : []
  );
  const steps = (document.results?.[name] ?? []).filter((value) => value !== null);
  if (samples.length === 0 && steps.length === 0) return [];
  const count = samples.length > 0 ? samples.length : steps.length;
  const common = {
    name,
    // An echo is the nearest to a request with its response.
    test: "UDP_RR" as const,
    connections: 1,
    loop: "closed" as const,
    transactions: count,
    bytes: 0,
    throughput: { value: count / seconds, unit: "trans/s" as const },
  };
  if (samples.length === 0) {
    const report = { count, mean: mean(steps) * 1e6 };
    return [{ ...common, latency_ns: null, latency_reported_ns: report }];
  }
  const histogram = new LatencyHistogram();
  for (const ms of samples) histogram.record(ms * 1e6);
  return [{ ...common, latency_ns: histogram.summary() }];
}

function pingRemarks(pings: readonly Group[]): string[] {
  const names = (known: boolean) =>
    pings.filter((ping) => (ping.latency_ns !== null) === known).map((ping) => ping.name).join(
      ", ",
    );
  const [packets, means] = [names(true), names(false)];
  return [
    ...pings.length === 0 ? [] : ["pings are kept as UDP_RR, the nearest of the lab's tests"],
    ...packets === "" ? [] : [`${packets}: latency of each packet`],
    ...means === "" ? [] : [`${means}: only the mean is known, of means of each step`],
  ];
}

function environmentOf(metadata: Readonly<Record<string, unknown>>): Record<string, string> {
  const kernel = textOf(metadata["KERNEL_RELEASE"]);
  const driver = textOf(
    (metadata["EGRESS_INFO"] as Record<string, unknown> | null | undefined)?.["driver"],
  );
  return {
    ...kernel === null ? {} : { kernel },
    ...driver === null ? {} : { driver },
  };
}

function timeOf(value: unknown): string | null {
  const time = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;
}
