/**
 * Which policy to choose for a workload: the best at what its test is run for; where all do that
 * equally well, the one that needs least CPU time. Sentences and the facts behind them, so that a
 * test can hold one against the other.
 *
 * A choice never rests on a difference within TIE_SHARE, and always says what the seeds say.
 *
 * @module
 */

import {
  type Cell,
  groupBy,
  type MetricRow,
  type Source,
  type Spread,
  type WorkloadRuns,
} from "../cells.ts";
import { spanName } from "../cells.ts";
import { isCpuCost } from "../metrics.ts";
import { bestOf, type Certainty, type Finding, mainMetrics, shortTitle } from "./findings.ts";
import { formatRatio, formatRatioRange, formatValue, joinWords } from "./client/format.js";
import { lossesOf, lossRange } from "./losses.ts";

/** What kind of answer there is. */
export type ChoiceKind =
  /** A policy is better than the stock default. */
  | "policy"
  /** The stock default is as good as any policy, or better. */
  | "stock"
  /** All do the work equally well; one does it with less CPU time. */
  | "cheapest"
  /** No difference worth a choice. */
  | "any"
  /** Nothing to choose from. */
  | "alone"
  /** The policy changes during the run, so its totals choose none. */
  | "changing";

/** The answer for one group of a workload. */
export interface Choice {
  readonly workload: WorkloadRuns;
  readonly group: string;
  /** What the group is judged by. */
  readonly row: MetricRow;
  readonly kind: ChoiceKind;
  /** Variant keys to choose from, equally good; empty for "any". */
  readonly keys: readonly string[];
  readonly certainty: Certainty;
  /** How many seeds the decision rests on. */
  readonly seedCount: number;
}

/** One choice per group of a workload that has a metric to judge by. */
export function choicesOf(workload: WorkloadRuns): Choice[] {
  const seen = new Set<string>();
  return mainMetrics(workload).flatMap((row) => {
    const group = row.group!;
    if (seen.has(group)) return [];
    seen.add(group);
    const finding = bestOf(workload, row);
    return finding === null ? [] : [choose(workload, group, row, finding)];
  });
}

function choose(
  workload: WorkloadRuns,
  group: string,
  row: MetricRow,
  finding: Finding,
): Choice {
  const base = { workload, group, row, seedCount: seedCountOf(row) };
  const { winners, certainty } = finding;
  if (workload.isChanging) return { ...base, kind: "changing", keys: [], certainty };
  if (certainty === "no comparison") {
    const keys = workload.variants.map((variant) => variant.key);
    return { ...base, kind: "alone", keys, certainty };
  }
  if (winners.length === 0) return cheapest(base);
  const kind = winners.includes(workload.reference ?? "") ? "stock" : "policy";
  const keys = kind === "stock" ? [workload.reference!] : winners;
  return { ...base, kind, keys, certainty };
}

/** Of policies that are equal at what counts, the one with least CPU time per work done. */
function cheapest(base: Pick<Choice, "workload" | "group" | "row" | "seedCount">): Choice {
  const nobody: Choice = { ...base, kind: "any", keys: [], certainty: "tie" };
  const cost = costRow(base.workload);
  // The CPU time of a group beside others is not known; that of equal losses is no gain.
  if (cost === undefined || groupCount(base.workload) > 1) return nobody;
  if (lossesOf(base.workload, base.group).all.length > 0) return nobody;
  const finding = bestOf(base.workload, cost);
  if (finding === null || finding.winners.length === 0) return nobody;
  if (finding.winners.includes(base.workload.reference ?? "")) return nobody;
  return { ...base, kind: "cheapest", keys: finding.winners, certainty: finding.certainty };
}

function groupCount(workload: WorkloadRuns): number {
  return new Set(workload.metrics.flatMap((row) => row.group ?? [])).size;
}

function seedCountOf(row: MetricRow): number {
  return Math.max(0, ...[...row.cells.values()].map((cell) => cell.spread?.count ?? 0));
}

/** CPU time per work done, or the busy share where work of two kinds has none. */
export function costRow(workload: WorkloadRuns): MetricRow | undefined {
  return workload.metrics.find(isCpuCost) ??
    workload.metrics.find((row) => row.key === "cpu_utilisation");
}

/** "rr", or "mix · rr" where the workload has another name. */
export function placeOf({ workload, group }: Pick<Choice, "workload" | "group">): string {
  return group === workload.name ? group : `${workload.name} · ${group}`;
}

/** Choices of a source that can be told in one sentence: the same kind, the same policies. */
export interface Headline {
  readonly kind: ChoiceKind;
  readonly keys: readonly string[];
  readonly choices: readonly Choice[];
  /** The sentence after the policy's name. */
  readonly text: string;
}

/** The headlines of a source as plain lines: "MIX for mix · rr: p99 0.40× of NONE ...". */
export function choiceLines(source: Source): string[] {
  return headlinesOf(source).map(({ kind, choices, keys, text }) => {
    const { variants } = choices[0]!.workload;
    const labels = variants.filter(({ key }) => keys.includes(key)).map((each) => each.label);
    return `${kind === "any" ? "any policy" : labels.join(" or ")} ${text}`;
  });
}

const KIND_ORDER: readonly ChoiceKind[] = ["policy", "cheapest", "stock", "any"];

/** The answer of a source, a line per policy to choose. */
export function headlinesOf(source: Source): Headline[] {
  const told = source.workloads.flatMap((workload) => toldOf(choicesOf(workload)));
  const groups = groupBy(told, (choice) => JSON.stringify([choice.kind, choice.keys]));
  const lines = [...groups.values()].map((choices) => {
    const { kind, keys } = choices[0]!;
    return { kind, keys, choices, text: SENTENCES[kind](choices) };
  });
  return lines.sort((a, b) => KIND_ORDER.indexOf(a.kind) - KIND_ORDER.indexOf(b.kind));
}

/** A device has one policy: a group that would not choose is told with the one that does. */
function toldOf(choices: readonly Choice[]): Choice[] {
  const deciding = choices.filter(({ kind }) => kind === "policy" || kind === "cheapest");
  return deciding.length > 0 ? deciding : choices.filter(isTold);
}

function isTold({ kind }: Choice): boolean {
  return kind !== "alone" && kind !== "changing";
}

const SENTENCES: Readonly<Record<ChoiceKind, (choices: readonly Choice[]) => string>> = {
  policy: (choices) => `for ${joinParts(choices.map(policyPart))}.`,
  cheapest: (choices) => `for ${joinParts(choices.map(cheapestPart))}.`,
  stock: (choices) =>
    `(leave the stock default) for ${joinParts(choices.map(stockPart))}: no policy is better.`,
  any: (choices) =>
    `for ${joinWords(choices.map(anyPart))}: no policy changes it by more than 1 %.`,
  alone: () => "",
  changing: () => "",
};

/** Workloads that a sentence names; the table has all. */
const PARTS_MAX = 4;

/** Parts hold commas of their own, so a semicolon parts them. */
function joinParts(parts: readonly string[]): string {
  if (parts.length <= 1) return parts.join("");
  const isLong = parts.length > PARTS_MAX;
  const told = isLong ? parts.slice(0, PARTS_MAX - 1) : parts.slice(0, -1);
  const last = isLong ? `${parts.length - told.length} more in the table` : parts.at(-1);
  return `${told.join("; ")}; and ${last}`;
}

/** "rr: p99 0.71× of NONE (range 0.68–0.73), CPU time per transaction 1.02×, all 3 seeds agree". */
function policyPart(choice: Choice): string {
  const { workload, row, keys } = choice;
  const cell = row.cells.get(keys[0]!)!;
  const cost = costRow(workload)?.cells.get(keys[0]!);
  const parts = [`${shortTitle(row)} ${evidence(cell, row, workload)}`];
  parts.push(...otherGroups(choice));
  if (cost?.ratio) parts.push(`${costName(workload)} ${formatRatio(cost.ratio.median)}`);
  parts.push(...lossWords(choice), ...sureWords(choice));
  return `${placeOf(choice)}: ${parts.join(", ")}`;
}

/** "throughput of stream 1.00×": what the policy does to the other groups of the workload. */
function otherGroups({ workload, group, keys }: Choice): string[] {
  return choicesOf(workload).flatMap((other) => {
    const ratio = other.row.cells.get(keys[0]!)?.ratio;
    if (other.group === group || !ratio) return [];
    return [`${shortTitle(other.row)} of ${other.group} ${formatRatio(ratio.median)}`];
  });
}

function cheapestPart(choice: Choice): string {
  const { workload, row, keys } = choice;
  const cost = costRow(workload)!;
  const parts = [
    `the same ${shortTitle(row)} as all others`,
    `${costName(workload)} ${evidence(cost.cells.get(keys[0]!)!, cost, workload)}`,
    ...sureWords(choice),
  ];
  return `${placeOf(choice)}: ${parts.join(", ")}`;
}

/** "crr (p99 121 µs, the closest is BULK at 1.24×)"; a doubt is told, agreement goes without. */
function stockPart(choice: Choice): string {
  const { workload, row } = choice;
  const own = row.cells.get(workload.reference!)!.spread!;
  const sign = row.direction === "higher" ? -1 : 1;
  const others = workload.variants.flatMap(({ key, label }) => {
    const ratio = row.cells.get(key)?.ratio?.median;
    return key === workload.reference || ratio === undefined ? [] : [{ label, ratio }];
  }).sort((a, b) => sign * (a.ratio - b.ratio));
  const next = others[0];
  const words = [
    `${shortTitle(row)} ${formatValue(own.median, row.unit)}`,
    ...next === undefined ? [] : [`the closest is ${next.label} at ${formatRatio(next.ratio)}`],
    ...lossWords(choice),
    ...choice.certainty === "clear" ? [] : sureWords(choice),
  ];
  return `${placeOf(choice)} (${words.join(", ")})`;
}

function anyPart(choice: Choice): string {
  const losses = lossesOf(choice.workload, choice.group);
  const lost = losses.all.length === 0 ? "" : `, with ${lossRange(losses.all)} ${losses.what}`;
  return `${placeOf(choice)} (${shortTitle(choice.row)}${lost})`;
}

/** "0.71× of NONE (0.68–0.73)"; the value where there is no stock run. */
function evidence(cell: Cell, row: MetricRow, workload: WorkloadRuns): string {
  if (cell.ratio === null) return formatValue(cell.spread!.median, row.unit);
  const reference = workload.variants.find((each) => each.key === workload.reference)!;
  const range = cell.ratio.count > 1 ? ` (${rangeWords(cell.ratio)})` : "";
  return `${formatRatio(cell.ratio.median)} of ${reference.label}${range}`;
}

/** "95 % interval 0.68–0.73" or "range 0.68–0.73"; "alike in every seed" for a range of nothing. */
function rangeWords(ratio: Spread): string {
  const range = formatRatioRange(ratio);
  const [low, high] = range.split("–");
  return low === high && ratio.kind === "range"
    ? "alike in every seed"
    : `${spanName(ratio)} ${range}`;
}

function costName(workload: WorkloadRuns): string {
  const row = costRow(workload)!;
  return isCpuCost(row) ? row.title : "CPU use";
}

function lossWords(choice: Choice): string[] {
  const losses = lossesOf(choice.workload, choice.group);
  const own = losses.all.filter((loss) => choice.keys.includes(loss.key));
  return own.length === 0 ? [] : [`at the price of ${lossRange(own)} ${losses.what}`];
}

/** How sure it is, in the words of the seeds. */
function sureWords(choice: Choice): string[] {
  const { certainty, seedCount, keys } = choice;
  switch (certainty) {
    case "clear":
      return [`all ${seedCount} seeds agree`];
    case "seeds disagree":
      return ["but the seeds disagree"];
    case "single seed":
      return ["one seed only, so nothing is sure"];
    default:
      return keys.length > 1 ? ["equal within 1 %"] : [];
  }
}
