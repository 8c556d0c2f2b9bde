/**
 * Says in plain sentences which policy wins for which workload, by how much and how sure that is.
 *
 * Sentences state medians over seeds, ratios paired by seed, and the range. They never call a
 * difference below TIE_SHARE a win, and never a single seed certain.
 *
 * @module
 */

import { isTie, TIE_SHARE } from "../../harness/stats/tie.ts";
import {
  type Cell,
  keyed,
  type MetricRow,
  spanName,
  type Variant,
  type WorkloadRuns,
} from "../cells.ts";
import { lossClause, lossesOf, lossSentence } from "./losses.ts";
import { isCpuCost } from "../metrics.ts";
import {
  formatRange,
  formatRatio,
  formatRatioRange,
  formatValue,
  joinWords,
  plural,
} from "./client/format.js";

/** How far a reader may trust a finding. */
export type Certainty = "clear" | "seeds disagree" | "single seed" | "tie" | "no comparison";

/** One sentence with what the page needs to draw it. */
export interface Finding {
  readonly text: string;
  readonly metricId: string;
  /** Variant keys that share the first place; empty where nothing differs. */
  readonly winners: readonly string[];
  readonly certainty: Certainty;
}

interface Standing {
  readonly variant: Variant;
  readonly cell: Cell;
  readonly median: number;
}

/**
 * The sentences for a workload: per group its main metric (p99 for transactions, throughput for
 * streams), then what was lost, then CPU cost, then the price of the first winner.
 */
export function findingsOf(workload: WorkloadRuns): Finding[] {
  const findings: Finding[] = [];
  for (const row of mainMetrics(workload)) {
    const finding = bestOf(workload, row);
    if (finding !== null) findings.push(finding);
  }
  findings.push(...lossFindings(workload));
  const cost = workload.metrics.find(isCpuCost);
  const costFinding = cost === undefined ? cpuShares(workload) : bestOf(workload, cost);
  if (costFinding !== null) findings.push(costFinding);
  const price = priceOf(workload, findings[0]);
  if (price !== null) findings.push(price);
  return findings;
}

/** What each group lost under which policy, with the id of its rate, which it puts in doubt. */
function lossFindings(workload: WorkloadRuns): Finding[] {
  const rates = workload.metrics.filter((row) => row.key === "throughput");
  const sentences = rates.flatMap((row) => {
    const text = lossSentence(workload, row.group!);
    return text === null ? [] : [{ row, text }];
  });
  return sentences.map(({ row, text }) => ({
    text,
    metricId: row.id,
    winners: [],
    certainty: "clear",
  }));
}

/** The CPU time of a workload whose groups do work of different kinds: told, never ranked. */
function cpuShares(workload: WorkloadRuns): Finding | null {
  const row = workload.metrics.find((each) => each.key === "cpu_utilisation");
  if (row === undefined) return null;
  const shares = workload.variants.flatMap(({ key, label }) => {
    const spread = row.cells.get(key)!.spread;
    return spread === null ? [] : [`${label} ${formatValue(spread.median, row.unit)}`];
  });
  if (shares.length === 0) return null;
  const text = `CPU time in ${workload.name} is not ranked, because transactions and streams are ` +
    `different work; busy share of all CPUs: ${joinWords(shares)}.`;
  return { text, metricId: row.id, winners: [], certainty: "no comparison" };
}

/** The first that is known counts; an imported result may have the mean alone. */
const LATENCY_KEYS = ["latency_ns_p99", "latency_ns_p50", "latency_ns_mean"];

/** The metric a person who runs this kind of test asks for first, one or two per group. */
export function mainMetrics(workload: WorkloadRuns): MetricRow[] {
  const groups = [...new Set(workload.metrics.flatMap((row) => row.group ?? []))];
  return groups.flatMap((group) => {
    const rows = workload.metrics.filter((row) => row.group === group);
    const throughput = rows.find((row) => row.key === "throughput");
    const latency = LATENCY_KEYS.flatMap((key) =>
      rows.find((row) => row.key === key && hasValues(row)) ?? []
    )[0];
    return [latency, throughput].filter((row) => row !== undefined);
  });
}

function hasValues(row: MetricRow): boolean {
  return [...row.cells.values()].some((cell) => cell.spread !== null);
}

/**
 * Which variant is best at one metric.
 *
 * @returns null where the metric is neutral or nobody has a value.
 */
export function bestOf(workload: WorkloadRuns, row: MetricRow): Finding | null {
  if (row.direction === "neutral") return null;
  const standings = rank(workload, row);
  const best = standings[0];
  if (best === undefined) return null;
  const name = subject(workload, row);
  const spread = best.cell.spread!;
  const metricId = row.id;
  const lost = (of: readonly Standing[], lead: string): string =>
    lossClause(workload, row, of.map((each) => each.variant.key), lead);
  if (standings.length === 1) {
    const text = `Only ${best.variant.label} was run: ${name} is ${
      formatValue(best.median, row.unit)
    } (${plural(spread.count, "seed")})${lost(standings, "with")}.`;
    return { text, metricId, winners: [], certainty: "no comparison" };
  }
  const winners = standings.filter((each) => isTie(best.median, each.median));
  const isReference = (each: Standing): boolean => each.variant.key === workload.reference;
  if (winners.length === standings.length) {
    const text = `No policy changes ${name} by more than 1 % (${plural(spread.count, "seed")})${
      lost(standings, "with")
    }.`;
    return { text, metricId, winners: [], certainty: "tie" };
  }
  const keys = winners.map((each) => each.variant.key);
  const certainty = certaintyOf(winners, standings, row);
  const price = lost(winners, "at the price of");
  const text = winners.some(isReference)
    ? `${referenceWins(name, row, winners, standings, workload)}${price}.`
    : `${policyWins(name, row, winners, workload)}${price}${doubtOf(winners, standings, row)}.`;
  return { text, metricId, winners: keys, certainty };
}

/** Variants with a value, best first; equal medians keep the order of the variants. */
function rank(workload: WorkloadRuns, row: MetricRow): Standing[] {
  const sign = row.direction === "higher" ? -1 : 1;
  const standings = workload.variants.flatMap((variant) => {
    const cell = row.cells.get(variant.key)!;
    return cell.spread === null ? [] : [{ variant, cell, median: cell.spread.median }];
  });
  return standings.sort((a, b) => sign * (a.median - b.median));
}

/** The metric with its group, or with the workload for a metric of the whole machine. */
function subject(workload: WorkloadRuns, row: MetricRow): string {
  return shortTitle(row) + (row.group === null ? ` in ${workload.name}` : ` for ${row.group}`);
}

/** A metric in a sentence: "p99" for "p99 latency". */
export function shortTitle(row: MetricRow): string {
  return row.title.replace(/^(p[\d.]+) latency$/, "$1");
}

function superlative(row: MetricRow): string {
  return row.direction === "higher" ? "highest" : "lowest";
}

function referenceName(workload: WorkloadRuns): string {
  const variant = workload.variants.find((each) => each.key === workload.reference);
  return variant?.mechanism === "stock"
    ? `the stock default (${variant.policy})`
    : `policy ${variant?.label}`;
}

/** "0.71× of the stock default (NONE), 3 seeds, range 0.69–0.73". */
function evidence(workload: WorkloadRuns, row: MetricRow, standing: Standing): string {
  const { ratio, spread } = standing.cell;
  if (ratio !== null) {
    const certainty = ratio.count === 1
      ? "1 seed, so the spread is unknown"
      : `${ratio.count} seeds, ${spanName(ratio)} ${formatRatioRange(ratio)}`;
    return `${formatRatio(ratio.median)} of ${referenceName(workload)}, ${certainty}`;
  }
  const value = formatValue(standing.median, row.unit);
  const certainty = spread!.count === 1
    ? "1 seed, so the spread is unknown"
    : `${spread!.count} seeds, ${spanName(spread!)} ${formatRange(spread!, row.unit)}`;
  return `${value}, ${certainty}${workload.reference === null ? "; no stock run to compare" : ""}`;
}

function policyWins(
  name: string,
  row: MetricRow,
  winners: readonly Standing[],
  workload: WorkloadRuns,
): string {
  const labels = winners.map((each) => each.variant.label);
  const verb = winners.length === 1 ? "has" : "share";
  const within = winners.length === 1 ? "" : " (within 1 %)";
  return `${joinWords(labels)} ${verb} the ${superlative(row)} ${name}${within}: ${
    evidence(workload, row, winners[0]!)
  }`;
}

/** Names who does as well in some seed; empty where nobody does, or a single seed says nothing. */
function doubtOf(
  winners: readonly Standing[],
  standings: readonly Standing[],
  row: MetricRow,
): string {
  const rival = rivalOf(winners[0]!, standings, winners, row);
  if (rival === null || rival.seedCount < 2) return "";
  return `; ${rival.label} does as well or better in ${rival.seedsWon} of ${rival.seedCount} ` +
    "seeds, so the order is not certain";
}

function referenceWins(
  name: string,
  row: MetricRow,
  winners: readonly Standing[],
  standings: readonly Standing[],
  workload: WorkloadRuns,
): string {
  const others = standings.filter((each) => each.variant.key !== workload.reference);
  const next = others[0]!;
  const equal = winners.filter((each) => each.variant.key !== workload.reference);
  const reference = referenceName(workload);
  if (equal.length > 0) {
    const labels = joinWords(equal.map((each) => each.variant.label));
    return `No policy beats ${reference} at ${name}; ${labels} ${
      equal.length === 1 ? "equals" : "equal"
    } it within 1 %: ${evidence(workload, row, next)}`;
  }
  return `No policy beats ${reference} at ${name}; the closest is ${next.variant.label}: ${
    evidence(workload, row, next)
  }`;
}

/** A variant that is as good as the best one or better in some of the seeds both ran. */
interface Rival {
  readonly label: string;
  readonly seedsWon: number;
  readonly seedCount: number;
}

/** The first variant behind the winners that wins a seed; null where every seed agrees. */
function rivalOf(
  best: Standing,
  standings: readonly Standing[],
  winners: readonly Standing[],
  row: MetricRow,
): Rival | null {
  const sign = row.direction === "higher" ? -1 : 1;
  for (const each of standings) {
    if (winners.includes(each)) continue;
    const own = keyed(best.cell.values);
    const pairs = [...keyed(each.cell.values)].filter(([seed]) => own.has(seed));
    const seedsWon = pairs.filter(([seed, value]) => sign * (value - own.get(seed)!) <= 0).length;
    if (seedsWon > 0) return { label: each.variant.label, seedsWon, seedCount: pairs.length };
  }
  return null;
}

function certaintyOf(
  winners: readonly Standing[],
  standings: readonly Standing[],
  row: MetricRow,
): Certainty {
  if (winners[0]!.cell.spread!.count < 2) return "single seed";
  if (winners.length > 1) return "tie";
  return rivalOf(winners[0]!, standings, winners, row) === null ? "clear" : "seeds disagree";
}

/** What the winner of the first finding costs elsewhere: everything it makes worse. */
function priceOf(workload: WorkloadRuns, first: Finding | undefined): Finding | null {
  const key = first?.winners[0];
  if (first === undefined || key === undefined || key === workload.reference) return null;
  if (first.winners.includes(workload.reference ?? "")) return null;
  const label = workload.variants.find((each) => each.key === key)!.label;
  const worse = workload.metrics.flatMap((row) => {
    if (row.id === first.metricId || !isPrice(workload, row)) return [];
    const group = row.group === null ? "" : ` for ${row.group}`;
    const { ratio, spread } = row.cells.get(key)!;
    const before = row.cells.get(workload.reference ?? "")?.spread?.median;
    if (before === 0 && spread !== null && spread.median > 0) {
      return [`${formatValue(spread.median, row.unit)} ${row.title} instead of none`];
    }
    if (ratio === null) return [];
    const loss = row.direction === "higher" ? 1 / ratio.median : ratio.median;
    if (!(loss > 1 + TIE_SHARE)) return [];
    return [`${formatRatio(ratio.median)} ${shortTitle(row)}${group}`];
  });
  if (workload.reference === null) return null;
  // What it lost is told beside its result; losing less than others is still no gift.
  const isLossy = lossKeys(workload).includes(key);
  if (worse.length === 0 && isLossy) return null;
  const text = worse.length === 0
    ? `${label} costs nothing that was measured here.`
    : `The price of ${label}, against ${referenceName(workload)}: ${joinWords(worse)}.`;
  return { text, metricId: first.metricId, winners: [], certainty: first.certainty };
}

/** Variants that lost packets of some group. */
function lossKeys(workload: WorkloadRuns): string[] {
  const groups = workload.metrics.flatMap((row) => row.key === "throughput" ? [row.group!] : []);
  return groups.flatMap((group) => lossesOf(workload, group).all.map((loss) => loss.key));
}

/** Metrics a price is quoted in: few enough to read. */
function isPrice(workload: WorkloadRuns, row: MetricRow): boolean {
  if (row.key === "cpu_utilisation") return !workload.metrics.some(isCpuCost);
  return PRICE_KEYS.includes(row.key) || isCpuCost(row);
}

const PRICE_KEYS: readonly string[] = [
  "throughput",
  "latency_ns_p99",
  "interrupts_per_second",
  "dropped_packets",
  "retransmits",
];
