/**
 * Bars of one metric: median per policy, a whisker over interval or range, a dot per seed.
 *
 * @module
 */

import { type MetricRow, spanName, type WorkloadRuns } from "../../cells.ts";
import type { Direction } from "../../metrics.ts";
import { formatValue, joinWords } from "../client/format.js";
import { cellOf, type PageContext, variantsOf } from "../context.ts";
import { bestOf } from "../findings.ts";
import type { Html } from "../html.ts";
import { spreadTable } from "../tables.ts";
import { capital, frame } from "./frame.ts";

/** What a reader must know to read the bars. */
const GOOD_SIDE: Readonly<Record<Direction, string>> = {
  higher: "Higher is better.",
  lower: "Lower is better.",
  neutral: "Explains the other numbers.",
};

/**
 * Renders the bars of a metric, axis from zero.
 *
 * @returns null where nobody has a value.
 */
export function barsFigure(
  context: PageContext,
  workload: WorkloadRuns,
  row: MetricRow,
  id: string,
): Html | null {
  const seen = variantsOf(context, workload).flatMap((variant) => {
    const { spread, values } = cellOf(row, variant.key);
    return spread === null ? [] : [{ variant, spread, values: values.map((each) => each.value) }];
  });
  const first = seen[0];
  if (first === undefined) return null;
  const bars = seen.map(({ variant, spread: { median, low, high }, values }) => ({
    variant: variant.index,
    median,
    low,
    high,
    values,
  }));
  const title = capital(row.title) + (row.group === null ? "" : ` of ${row.group}`);
  return frame(context, {
    id,
    figure: { kind: "bars", title, unit: row.unit, bars },
    finding: bestOf(workload, row)?.text ?? extremes(row, seen),
    note: `${GOOD_SIDE[row.direction]} Bar: median over seeds; whisker: ` +
      `${spanName(first.spread)}; dot: one seed.`,
    table: spreadTable(context, workload, row, `${id}-table`),
  });
}

/** "From 91.1 k/s under CPU to 974 k/s under LATENCY." */
function extremes(
  row: MetricRow,
  seen: readonly {
    readonly variant: { readonly label: string };
    readonly spread: { readonly median: number };
  }[],
): string {
  const sorted = [...seen].sort((a, b) => a.spread.median - b.spread.median);
  const [low, high] = [sorted[0]!, sorted.at(-1)!];
  const write = (median: number): string => formatValue(median, row.unit);
  const [least, most] = [write(low.spread.median), write(high.spread.median)];
  if (least === most) {
    return `${least} under ${joinWords(seen.map((each) => each.variant.label))}.`;
  }
  return `From ${least} under ${low.variant.label} to ${most} under ${high.variant.label}.`;
}
