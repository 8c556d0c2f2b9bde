/**
 * Sets of runs against a first one: before and after a change, two machines, two releases. Every
 * value is paired with the same workload, target, variant and seed of the base. Pure; formats
 * nothing. The gate decides about CI; this shows what moved.
 *
 * @module
 */

import { pairedRatios } from "../harness/stats/interval.ts";
import { TIE_SHARE } from "../harness/stats/tie.ts";
import {
  type Cell,
  groupBy,
  keyed,
  type MetricRow,
  type Source,
  type Spread,
  spreadOf,
  type Variant,
  type WorkloadRuns,
} from "./cells.ts";

/** What became of a value: "unclear" where seeds moved to both sides. */
export type Change = "better" | "worse" | "same" | "unclear" | "moved";

/** One metric of one variant in two sets. */
export interface ComparedCell {
  readonly variant: Variant;
  readonly before: Cell;
  readonly now: Cell;
  /** Now over before, paired by seed; null without a pair or from zero. */
  readonly ratio: Spread | null;
  readonly change: Change;
}

/** One metric of a workload in two sets. */
export interface ComparedRow {
  /** As the later set has it. */
  readonly row: MetricRow;
  readonly cells: readonly ComparedCell[];
}

/** A workload that both sets ran on one kind of target. */
export interface ComparedWorkload {
  readonly before: WorkloadRuns;
  readonly now: WorkloadRuns;
  readonly source: Source;
  readonly rows: readonly ComparedRow[];
}

/** One later set against the base. */
export interface Comparison {
  readonly base: string;
  readonly set: string;
  readonly workloads: readonly ComparedWorkload[];
  /** What a reader must know before any number: what differs besides the results. */
  readonly notes: readonly string[];
}

/**
 * Compares every later set with the first.
 *
 * @param sources Of all sets, each with the name of its set.
 */
export function compareSets(sources: readonly Source[]): Comparison[] {
  const sets = [...groupBy(sources, (source) => source.set ?? "")];
  const [first, ...later] = sets;
  if (first === undefined) return [];
  const [base, baseSources] = first;
  return later.map(([set, own]) => {
    const workloads = own.flatMap((source) =>
      source.workloads.flatMap((now) => {
        const partner = partnerOf(now, source, baseSources);
        return partner === null ? [] : [compareWorkload(partner, now, source)];
      })
    );
    return { base, set, workloads, notes: notesOf(base, baseSources, set, own) };
  });
}

/** The same workload in the base, from the same target and generator. */
function partnerOf(
  now: WorkloadRuns,
  source: Source,
  baseSources: readonly Source[],
): WorkloadRuns | null {
  const alike = baseSources.filter((each) =>
    each.target === source.target && each.generator === source.generator
  );
  const found = alike.flatMap((each) => each.workloads).find((each) =>
    each.name === now.name && each.machine === now.machine
  );
  return found ?? null;
}

function compareWorkload(
  before: WorkloadRuns,
  now: WorkloadRuns,
  source: Source,
): ComparedWorkload {
  const rows = now.metrics.flatMap((row) => {
    const old = before.metrics.find((each) => each.id === row.id);
    if (old === undefined) return [];
    const cells = now.variants.flatMap((variant) => {
      const [was, is] = [old.cells.get(variant.key), row.cells.get(variant.key)];
      if (!was?.spread || !is?.spread) return [];
      const ratio = spreadOf(pairedRatios(keyed(is.values), keyed(was.values)));
      return [{ variant, before: was, now: is, ratio, change: changeOf(row, was, is, ratio) }];
    });
    return cells.length === 0 ? [] : [{ row, cells }];
  });
  return { before, now, source, rows };
}

/** Judged by the median; where the span reaches to the other side, seeds contradict it. */
function changeOf(row: MetricRow, before: Cell, now: Cell, ratio: Spread | null): Change {
  if (ratio === null) {
    const [was, is] = [before.spread!.median, now.spread!.median];
    if (was === is) return "same";
    if (row.direction === "neutral") return "moved";
    return is > was === (row.direction === "higher") ? "better" : "worse";
  }
  const isUp = ratio.median > 1 + TIE_SHARE;
  const isDown = ratio.median < 1 - TIE_SHARE;
  if (!isUp && !isDown) return "same";
  if (row.direction === "neutral") return "moved";
  if (isUp ? ratio.low <= 1 : ratio.high >= 1) return "unclear";
  return isUp === (row.direction === "higher") ? "better" : "worse";
}

/** What differs between two sets besides their results. */
function notesOf(
  base: string,
  before: readonly Source[],
  set: string,
  now: readonly Source[],
): string[] {
  const notes: string[] = [];
  const named = (sources: readonly Source[]): Map<string, { name: string; sha256: string }> =>
    new Map(
      sources.flatMap(({ target, workloads }) =>
        workloads.map(({ name, machine, sha256 }) => [
          JSON.stringify([target, name, machine]),
          { name: target === "model" ? name : `${name} (${target})`, sha256 },
        ])
      ),
    );
  const [old, young] = [named(before), named(now)];
  const changed = [...young].filter(([key, each]) =>
    old.has(key) && old.get(key)!.sha256 !== each.sha256
  ).map(([, { name }]) => name);
  if (changed.length > 0) {
    notes.push(
      `Described differently in the two sets, so that ratios are of other work: ` +
        `${changed.join(", ")}.`,
    );
  }
  const onlyIn = (one: typeof old, other: typeof old): string =>
    [...one].filter(([key]) => !other.has(key)).map(([, { name }]) => name).join(", ");
  const [gone, fresh] = [onlyIn(old, young), onlyIn(young, old)];
  if (gone !== "") notes.push(`Only in ${base}: ${gone}.`);
  if (fresh !== "") notes.push(`Only in ${set}: ${fresh}.`);
  if (now.some(({ target }) => target === "live")) {
    notes.push("Live runs are of different moments: their ratios hold the noise of the host.");
  }
  return notes;
}
