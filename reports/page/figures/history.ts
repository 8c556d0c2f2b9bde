/**
 * One metric over many sets of runs, in the order in which they were named: its level per policy,
 * and where it changed for good.
 *
 * @module
 */

import type { MetricRow, Source, WorkloadRuns } from "../../cells.ts";
import { changePoints } from "../../../harness/stats/change_point.ts";
import { TIE_SHARE } from "../../../harness/stats/tie.ts";
import { formatRange, formatValue } from "../client/format.js";
import { type PageContext, type PageVariant, variantsOf } from "../context.ts";
import { dataTable, numberCell, textHead } from "../data_table.ts";
import { shortTitle } from "../findings.ts";
import { type Html, html } from "../html.ts";
import { variantHead } from "../tables.ts";
import { capital, frame } from "./frame.ts";

/** Sets that make a history; two are a comparison. */
const SETS_MIN = 3;

/**
 * Chance of a change where there is none, per place looked for. A short history cannot reach less:
 * eight sets can be parted into halves in 70 ways.
 */
const ALPHA = 0.05;

interface Line {
  readonly variant: PageVariant;
  /** By set; null where the set lacks it. */
  readonly medians: readonly (number | null)[];
  /** Positions at which a new level begins. */
  readonly changes: readonly number[];
}

/**
 * Renders the history of a metric.
 *
 * @param runs The workload in each set that has it, by the name of the set.
 * @returns null for fewer than three sets.
 */
export function historyFigure(
  context: PageContext,
  runs: ReadonlyMap<string, WorkloadRuns>,
  row: MetricRow,
  id: string,
): Html | null {
  const sets = [...runs.keys()];
  const last = [...runs.values()].at(-1);
  if (sets.length < SETS_MIN || last === undefined) return null;
  const lines = variantsOf(context, last).map((variant): Line => {
    const medians = [...runs.values()].map((workload) => {
      const found = workload.metrics.find((each) => each.id === row.id);
      return found?.cells.get(variant.key)?.spread?.median ?? null;
    });
    return { variant, medians, changes: changesOf(medians) };
  }).filter(({ medians }) => medians.some((each) => each !== null));
  if (lines.length === 0) return null;
  const place = row.group === null || row.group === last.name
    ? last.name
    : `${last.name} · ${row.group}`;
  const title = `${capital(row.title)} of ${place} over ${sets.length} sets`;
  return frame(context, {
    id,
    figure: {
      kind: "history",
      title,
      unit: row.unit,
      sets,
      lines: lines.map(({ variant, medians, changes }) => ({
        variant: variant.index,
        medians,
        changes,
      })),
    },
    finding: sentence(lines, sets, row),
    note:
      "Median over seeds. A ring: from here on the level is another (E-divisive, p below 0.05, " +
      "at least 1 %); fewer than 8 sets are too few to tell.",
    workload: last.name,
    table: historyTable(lines, sets, row, `${id}-table`),
  });
}

/** Where a series without gaps changes its level. */
function changesOf(medians: readonly (number | null)[]): number[] {
  const known = medians.filter((each) => each !== null);
  if (known.length < medians.length) return [];
  return changePoints(known, { alpha: ALPHA, minimumEffect: TIE_SHARE }).map(({ at }) => at);
}

/** "p99 changed under MIX at head, from 50.1 µs to 55.0 µs." */
function sentence(lines: readonly Line[], sets: readonly string[], row: MetricRow): string {
  const write = (value: number): string => formatValue(value, row.unit);
  const said = lines.flatMap(({ variant, medians, changes }) =>
    changes.map((at) =>
      `${variant.label} at ${sets[at]}, from ${write(medians[at - 1]!)} to ${write(medians[at]!)}`
    )
  );
  if (said.length > 0) return `${capital(shortTitle(row))} changed under ${said.join("; ")}.`;
  const spans = lines.map(({ variant, medians }) => {
    const known = medians.filter((each) => each !== null);
    const [low, high] = [Math.min(...known), Math.max(...known)];
    return `${variant.label} ${low === high ? write(low) : formatRange({ low, high }, row.unit)}`;
  });
  return `No lasting change found: ${spans.join(", ")}.`;
}

function historyTable(
  lines: readonly Line[],
  sets: readonly string[],
  row: MetricRow,
  id: string,
): Html {
  const rows = sets.map((set, position) => {
    const cells = lines.map(({ variant, medians, changes }) => {
      const value = medians[position];
      if (value === null || value === undefined) return numberCell(null);
      const badge = changes.includes(position) && html`<span class="badge">changed</span>`;
      return html`<td class="num" data-v="${variant.index}">${
        formatValue(value, row.unit)
      }${badge}</td>`;
    });
    return html`<tr><th scope="row">${set}</th>${cells}</tr>`;
  });
  return dataTable({
    label: `Values of the chart: ${row.title} by set`,
    className: "small",
    id,
    heads: [textHead("Set"), ...lines.map(({ variant }) => variantHead(variant))],
    body: html`<tbody>${rows}</tbody>`,
  });
}

/** Every workload of the last set with its runs in all sets that have it, from the same target. */
export function historiesOf(
  sources: readonly Source[],
): { readonly now: WorkloadRuns; readonly runs: ReadonlyMap<string, WorkloadRuns> }[] {
  const sets = [...new Set(sources.map((source) => source.set ?? ""))];
  return sources.filter((source) => source.set === sets.at(-1)).flatMap((source) =>
    source.workloads.map((now) => {
      const runs = sets.flatMap((set) => {
        const found = sources.filter((each) =>
          each.set === set && each.target === source.target && each.generator === source.generator
        ).flatMap((each) => each.workloads)
          .find((each) => each.name === now.name && each.machine === now.machine);
        return found === undefined ? [] : [[set, found] as const];
      });
      return { now, runs: new Map(runs) };
    })
  );
}
