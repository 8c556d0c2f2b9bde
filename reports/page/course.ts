/**
 * The course of the runs of one workload: for each policy the run whose series was kept, cut into
 * phases by what was done to the device meanwhile. Used by the charts over time.
 *
 * @module
 */

import { groupBy, type WorkloadRuns } from "../cells.ts";
import type { GroupMeasurement, OperationMark, RunSeries } from "../../harness/record.ts";
import { median } from "../../harness/stats/quantile.ts";
import { formatTick } from "./client/format.js";
import { type PageContext, type PageVariant, variantsOf } from "./context.ts";

/** The course of one policy's first run. */
export interface VariantCourse {
  readonly variant: PageVariant;
  readonly seed: number;
  readonly series: RunSeries;
  readonly groups: readonly GroupMeasurement[];
  readonly operations: readonly OperationMark[];
}

/** Something that was done, and under which policies it was seen. */
export interface CourseMark extends Pick<OperationMark, "at_ns" | "what"> {
  readonly variants: readonly number[];
}

/** A stretch of the run between two marks, in slices from `from` to before `to`. */
export interface Phase {
  readonly from: number;
  readonly to: number;
}

/** All that the charts over time share. */
export interface Course {
  readonly sliceNs: number;
  readonly sliceCount: number;
  readonly all: readonly VariantCourse[];
  readonly marks: readonly CourseMark[];
  readonly phases: readonly Phase[];
}

/** The course of a workload; null where no run kept one. */
export function courseOf(context: PageContext, workload: WorkloadRuns): Course | null {
  const kept = variantsOf(context, workload).flatMap((variant): VariantCourse[] => {
    const { records } = workload.variants.find((each) => each.key === variant.key)!;
    const record = records.find(({ measurement }) => measurement.series !== undefined);
    if (record === undefined) return [];
    const { series, groups, operations = [] } = record.measurement;
    return [{ variant, seed: record.seed, series: series!, groups, operations }];
  });
  const first = kept[0]?.series;
  if (first === undefined) return null;
  const sliceNs = first.slice_ns;
  const sliceCount = first.dropped.length;
  // Runs of another length have slices of another length, which no chart can set beside these.
  const all = kept.filter(({ series }) =>
    series.slice_ns === sliceNs && series.dropped.length === sliceCount
  );
  const marks = marksOf(all);
  return { sliceNs, sliceCount, all, marks, phases: phasesOf(marks, sliceNs, sliceCount) };
}

/** Each thing that was done once, in the order of time. */
function marksOf(all: readonly VariantCourse[]): CourseMark[] {
  const seen = all.flatMap(({ variant, operations }) =>
    operations.map(({ at_ns, what }) => ({ at_ns, what, variant: variant.index }))
  );
  const same = groupBy(seen, ({ at_ns: atNs, what }) => `${Math.round(atNs / 1e5)} ${what}`);
  return [...same.values()].map((each) => ({
    at_ns: each[0]!.at_ns,
    what: each[0]!.what,
    variants: each.map(({ variant }) => variant),
  })).sort((a, b) => a.at_ns - b.at_ns);
}

function phasesOf(marks: readonly CourseMark[], sliceNs: number, sliceCount: number): Phase[] {
  const cuts = marks.map(({ at_ns: atNs }) => Math.ceil(atNs / sliceNs - 1e-9))
    .filter((cut) => cut > 0 && cut < sliceCount);
  const edges = [...new Set([0, ...cuts, sliceCount])].sort((a, b) => a - b);
  return edges.slice(1).map((to, index) => ({ from: edges[index]!, to }));
}

/** "80 ms–160 ms" for a phase. */
export function phaseName({ from, to }: Phase, sliceNs: number): string {
  const start = from === 0 ? "0" : formatTick(from * sliceNs, "ns");
  return `${start}–${formatTick(to * sliceNs, "ns")}`;
}

/** Median over the slices of a phase that have a value; null for none. */
export function medianIn(values: readonly (number | null)[], { from, to }: Phase): number | null {
  const known = values.slice(from, to).filter((value) => value !== null);
  return known.length === 0 ? null : median(known);
}

/** "Marks: 1, at 80 ms: device policy NONE." for the note of a chart; empty for none. */
export function marksNote({ marks, all }: Course): string {
  if (marks.length === 0) return "";
  const told = marks.map(({ at_ns: atNs, what, variants }, index) => {
    const labels = all.filter(({ variant }) => variants.includes(variant.index))
      .map(({ variant }) => variant.label);
    const who = labels.length === all.length || all.length === 1 ? "" : ` (${labels.join(", ")})`;
    return `${index + 1}, at ${formatTick(atNs, "ns")}: ${what}${who}`;
  });
  return ` Marks: ${told.join("; ")}.`;
}
