/**
 * Results of `iperf3 --json`: throughput of streams, retransmits, lost datagrams. Members as
 * src/iperf_api.c of iperf 3.1 to 3.21 writes them. iperf3 measures no latency of requests. Pure.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import type { TestName } from "../record.ts";
import { plural } from "../words.ts";
import type { Imported } from "./imported.ts";

/** Sum over all streams at one end. */
interface Sum {
  readonly seconds?: number;
  readonly bytes?: number;
  readonly bits_per_second?: number;
  readonly retransmits?: number;
  readonly packets?: number;
  readonly lost_packets?: number;
}

/** The document, as far as it is read. */
interface Document {
  readonly error?: string;
  readonly start?: {
    readonly version?: string;
    readonly system_info?: string;
    readonly timestamp?: { readonly timesecs?: number };
    readonly test_start?: {
      readonly protocol?: string;
      readonly num_streams?: number;
      readonly blksize?: number;
      readonly reverse?: number;
    };
  };
  readonly end?: Readonly<Record<string, Sum | undefined>> & {
    readonly cpu_utilization_percent?: {
      readonly host_total?: number;
      readonly remote_total?: number;
    };
  };
}

/** Whether a JSON document is one of iperf3. */
export function isIperf3(value: unknown): boolean {
  const document = value as Document | null;
  return typeof document === "object" && document !== null &&
    (String(document.start?.version).startsWith("iperf 3") ||
      (document.start !== undefined && document.end !== undefined));
}

/**
 * Reads a document of one test.
 *
 * @param place Name of the file, for errors.
 * @throws {UserError} for a test that failed, was cut off, or is none of this lab's.
 */
export function readIperf3(value: unknown, place: string): Imported {
  const { error, start, end } = value as Document;
  if (error !== undefined) {
    throw new UserError(`${place}: iperf3 says that the test failed: ${JSON.stringify(error)}`);
  }
  const protocol = start?.test_start?.protocol;
  const isReverse = (start?.test_start?.reverse ?? 0) !== 0;
  if (protocol !== "TCP" && protocol !== "UDP") {
    throw new UserError(
      `${place}: start.test_start.protocol is ${JSON.stringify(protocol) ?? "missing"}: ` +
        "accepted are TCP and UDP",
    );
  }
  // --bidir: the other way at the same time.
  const back = end?.["sum_received_bidir_reverse"];
  if (protocol === "UDP" && (isReverse || back !== undefined)) {
    throw new UserError(
      `${place}: UDP in reverse (-R, --bidir) is none of the lab's tests: accepted are TCP, TCP ` +
        "in reverse, and UDP",
    );
  }
  const test = protocol === "UDP" ? "UDP_STREAM" : isReverse ? "TCP_MAERTS" : "TCP_STREAM";
  const received = end?.["sum_received"] ?? end?.["sum"];
  const seconds = received?.seconds ?? 0;
  if (received?.bits_per_second === undefined || received.bytes === undefined || !(seconds > 0)) {
    throw new UserError(`${place}: It has no result (end.sum_received): the test was cut off`);
  }
  const streams = start?.test_start?.num_streams ?? 1;
  const groups = [groupOf(test, streams, received, end)];
  if (back !== undefined) groups.push(groupOf("TCP_MAERTS", streams, back, end));
  const time = start?.timestamp?.timesecs;
  const version = /^iperf (\S+)/.exec(start?.version ?? "")?.[1];
  return {
    tool: "iperf3",
    name: ["iperf3", ...groups.map((group) => group.name)].join("-"),
    generator: version === undefined ? "iperf3" : `iperf3 ${version}`,
    title: `iperf3 ${groups.map((group) => group.test).join(" and ")}, ${
      plural(streams, "stream")
    }`,
    parameters: { test, streams, blksize: start?.test_start?.blksize ?? 0, groups: groups.length },
    environment: environmentOf(start?.system_info),
    startedAt: time === undefined ? null : new Date(time * 1000).toISOString(),
    durationNs: seconds * 1e9,
    groups,
    // Its CPU figures are those of one process, in shares of one CPU.
    cpuUtilisation: null,
    retransmits: end?.["sum_sent"]?.retransmits ?? null,
    remarks: cpuRemarks(end),
  };
}

function groupOf(
  test: TestName,
  connections: number,
  sum: Sum,
  end: Document["end"],
): Imported["groups"][number] {
  // Until 3.12 only the sum of both ends told of losses.
  const packets = end?.["sum"]?.packets ?? sum.packets;
  const lost = end?.["sum"]?.lost_packets ?? sum.lost_packets;
  const isDatagram = test === "UDP_STREAM" && packets !== undefined && lost !== undefined;
  return {
    name: test.toLowerCase(),
    test,
    connections,
    ...isDatagram ? { datagrams: { sent: packets, lost: Math.max(0, lost) } } : {},
    loop: "closed",
    transactions: 0,
    bytes: sum.bytes ?? 0,
    throughput: { value: sum.bits_per_second ?? 0, unit: "bit/s" },
    latency_ns: null,
  };
}

/** Kernel from what uname says: system, host, release. */
function environmentOf(systemInfo: string | undefined): Record<string, string> {
  const release = systemInfo?.split(" ")[2];
  return release === undefined ? {} : { kernel: release };
}

function cpuRemarks(end: Document["end"]): string[] {
  const cpu = end?.cpu_utilization_percent;
  if (cpu?.host_total === undefined || cpu.remote_total === undefined) return [];
  return [
    `iperf3 itself took ${cpu.host_total.toFixed(1)} % of a CPU at the client and ` +
    `${cpu.remote_total.toFixed(1)} % at the server`,
  ];
}
