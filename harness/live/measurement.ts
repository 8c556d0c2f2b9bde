/**
 * Turns what the endpoints counted into a `Measurement`, with a remark for all that a reader must
 * know to judge it. Pure.
 *
 * The side that receives is the one that counts, as with netperf: the client for RR, CRR and
 * MAERTS, the server for STREAM. Each group's rate is over its own window on its own clock.
 *
 * @module
 */

import { offeredPerSecond } from "../offered.ts";
import { type GroupMeasurement, hasTransactions, type Measurement } from "../record.ts";
import type { EndpointResult } from "./messages.ts";
import type { GroupResult, SessionResult } from "./session.ts";

/** A clock that costs more than this share of the median latency is worth a remark. */
const CLOCK_SHARE_MAX = 0.01;
/** An open loop that achieves less than this share of what it was offered is saturated. */
const ACHIEVED_SHARE_MIN = 0.99;

/** `planned`: length of the measured window that was asked for; `cpuCount`: CPUs of the host. */
export function toMeasurement(
  session: SessionResult,
  planned: { readonly measureMs: number; readonly cpuCount: number },
): Measurement {
  const { cpuMs, windowMs } = session;
  const capacityMs = windowMs * planned.cpuCount;
  return {
    duration_ns: Math.round(
      Math.max(0, ...session.groups.map((result) => countingSide(result).windowMs)) * 1e6,
    ),
    groups: session.groups.map(toGroup),
    cpus: [],
    cpu_utilisation: windowMs > 0 ? Math.min(1, cpuMs / capacityMs) : null,
    interrupts: null,
    queues: [],
    drops: dropsOf(session.groups),
    retransmits: null,
    policy_counters: {},
    fingerprint: null,
    events: null,
    remarks: [
      ...earlyRemarks(session, planned.measureMs),
      "Loopback has no device: nothing crosses a queue or raises an interrupt, " +
      "and retransmits are not visible",
      `CPU utilisation is that of this process (client, server and harness) over ` +
      `${planned.cpuCount} CPUs, not of the rest of the host`,
      "Client and server are asynchronous JavaScript, which reaches about a third of netperf's " +
      "transaction rate: compare only with runs of the same generator",
      ...session.groups.flatMap(groupRemarks),
    ],
  };
}

function countingSide(result: GroupResult): EndpointResult {
  return result.group.test.endsWith("STREAM") ? result.server : result.client;
}

function perSecond(amount: number, windowMs: number): number {
  return windowMs > 0 ? (amount * 1000) / windowMs : 0;
}

function toGroup(result: GroupResult): GroupMeasurement {
  const { group } = result;
  const { measured, windowMs, latency } = countingSide(result);
  const offered = offeredPerSecond(group.arrival);
  const base = {
    name: group.name,
    test: group.test,
    policy: "NONE",
    steered: false,
    connections: group.connections,
    loop: group.arrival.loop,
    ...offered === null ? {} : { offered_per_second: offered },
  } as const;
  if (!hasTransactions(group.test)) {
    const value = perSecond(measured.bytesIn * 8, windowMs);
    const throughput = { value, unit: "bit/s" } as const;
    const sums = { transactions: 0, bytes: measured.bytesIn, throughput, latency_ns: null };
    return { ...base, ...datagramsOf(result), ...sums };
  }
  return {
    ...base,
    ...datagramsOf(result),
    transactions: measured.transactions,
    bytes: group.test === "TCP_CC"
      ? 0
      : measured.transactions * (group.request_bytes + group.response_bytes),
    throughput: { value: perSecond(measured.transactions, windowMs), unit: "trans/s" },
    latency_ns: latency,
  };
}

/** What UDP sent and lost; nothing for TCP, which sends again what it loses. */
function datagramsOf(result: GroupResult): Pick<GroupMeasurement, "datagrams"> {
  const { group, client, server } = result;
  if (!group.test.startsWith("UDP")) return {};
  const sent = client.measured.datagramsOut;
  // The windows of the two sides differ by what is in the socket buffer.
  const lost = group.test === "UDP_RR"
    ? client.measured.timeouts
    : Math.max(0, sent - server.measured.datagramsIn);
  return { datagrams: { sent, lost } };
}

function dropsOf(groups: readonly GroupResult[]): Record<string, number> {
  const drops: Record<string, number> = {};
  for (const result of groups) {
    const { datagrams } = datagramsOf(result);
    if (datagrams === undefined) continue;
    const cause = result.group.test === "UDP_RR" ? "udp_timeout" : "udp_lost";
    drops[cause] = (drops[cause] ?? 0) + datagrams.lost;
  }
  return drops;
}

function earlyRemarks({ endedEarly, windowMs }: SessionResult, measureMs: number): string[] {
  if (!endedEarly) return [];
  if (windowMs === 0) return ["Ended early, during the warm-up: nothing was measured"];
  return [`Ended early: ${Math.round(windowMs)} of ${measureMs} ms were measured`];
}

function groupRemarks(result: GroupResult): string[] {
  const { group, client } = result;
  const name = `Group "${group.name}"`;
  const remarks: string[] = [];
  if (client.measured.late > 0) {
    remarks.push(
      `${name}: ${client.measured.late} answers came after their request ` +
        "had been given up, which counts as a drop",
    );
  }
  if (group.arrival.loop === "open" && client.windowMs > 0) remarks.push(openRemark(result));
  const median = client.latency?.p50 ?? Infinity;
  const { readNs, stepNs } = client.clock;
  if (readNs > median * CLOCK_SHARE_MAX) {
    const percent = ((readNs / median) * 100).toFixed(1);
    remarks.push(
      `${name}: reading the clock costs ${readNs} ns (smallest step ${stepNs} ns), ` +
        `${percent} % of the median latency`,
    );
  }
  return remarks;
}

function openRemark({ group, client }: GroupResult): string {
  const { arrivals, transactions } = client.measured;
  const offered = perSecond(arrivals, client.windowMs);
  const achieved = perSecond(transactions, client.windowMs);
  // What is in flight at both ends of the window is no sign of saturation.
  const short = arrivals - transactions > group.connections * group.outstanding;
  const isSaturated = short && achieved < offered * ACHIEVED_SHARE_MIN;
  return `Group "${group.name}" was offered ${offered.toFixed(1)} trans/s and achieved ` +
    `${achieved.toFixed(1)}; ${client.waiting} requests were waiting at the end` +
    `${isSaturated ? ": it is saturated" : ""}. Its client polls the clock, so it is always busy`;
}
