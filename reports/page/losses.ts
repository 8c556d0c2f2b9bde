/**
 * What a policy lost on the way to a good number: a rate reached by dropping most of what was
 * offered is no win that may stand alone. Sentences only; the table of causes is in provenance.ts.
 *
 * @module
 */

import type { MetricRow, Variant, WorkloadRuns } from "../cells.ts";
import { formatValue, joinWords } from "./client/format.js";

/** Share of packets from which a loss is told beside a result: 0.1 %. */
export const LOSS_SHARE_MIN = 0.001;

/** What one variant lost. */
export interface Loss {
  readonly label: string;
  readonly key: string;
  /** 0..1, median over seeds. */
  readonly share: number;
}

/** The losses that a reader of a metric must know of. */
export interface Losses {
  /** "lost datagrams" or "dropped packets". */
  readonly what: string;
  /** Variants that lost LOSS_SHARE_MIN or more, in the order of the workload. */
  readonly all: readonly Loss[];
}

/**
 * Losses behind a result of a group: its own datagrams where they are counted, the packets of the
 * whole device where not.
 */
export function lossesOf(workload: WorkloadRuns, group: string): Losses {
  const own = workload.metrics.find((row) => row.group === group && row.key === "lost_share");
  const row = own ?? workload.metrics.find((each) => each.key === "dropped_share");
  const all = row === undefined ? [] : workload.variants.flatMap((variant) => lossOf(row, variant));
  return { what: own === undefined ? "dropped packets" : "lost datagrams", all };
}

function lossOf(row: MetricRow, { key, label }: Variant): Loss[] {
  const share = row.cells.get(key)?.spread?.median ?? 0;
  return share < LOSS_SHARE_MIN ? [] : [{ key, label, share }];
}

/**
 * "87.0 %", or "85.0–87.0 %" where they differ.
 *
 * @param losses One or more.
 */
export function lossRange(losses: readonly Loss[]): string {
  const shares = losses.map((each) => each.share);
  const [low, high] = [Math.min(...shares), Math.max(...shares)].map((share) =>
    formatValue(share, "share")
  ) as [string, string];
  return low === high ? low : `${low.replace(/\s*%$/, "")}–${high}`;
}

/** ", at the price of 87.0 % lost datagrams"; empty where the variants lost nothing to speak of. */
export function lossClause(
  workload: WorkloadRuns,
  row: MetricRow,
  keys: readonly string[],
  lead: string,
): string {
  if (row.group === null || !isSpoiledByLoss(row)) return "";
  const { what, all } = lossesOf(workload, row.group);
  const own = all.filter((each) => keys.includes(each.key));
  return own.length === 0 ? "" : `, ${lead} ${lossRange(own)} ${what}`;
}

/** "Lost datagrams for udp: NONE 87.0 % and CPU 85.0 %."; null where there are none. */
export function lossSentence(workload: WorkloadRuns, group: string): string | null {
  const { what, all } = lossesOf(workload, group);
  if (all.length === 0) return null;
  const each = all.map(({ label, share }) => `${label} ${formatValue(share, "share")}`);
  return `${what.charAt(0).toUpperCase()}${what.slice(1)} for ${group}: ${joinWords(each)}.`;
}

/** Rates and latencies count only what arrived. */
export function isSpoiledByLoss(row: Pick<MetricRow, "key">): boolean {
  return row.key === "throughput" || row.key.startsWith("latency_ns_");
}
