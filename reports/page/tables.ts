/**
 * The tables of metrics: the summary of one workload, and the small table under a chart. Colour in
 * a cell only repeats what its ratio says.
 *
 * @module
 */

import type { Cell, MetricRow, WorkloadRuns } from "../cells.ts";
import type { Direction } from "../metrics.ts";
import { cellOf, type PageContext, type PageVariant, variantsOf } from "./context.ts";
import { dataTable, numberCell, numberHead, textHead } from "./data_table.ts";
import { absenceOf } from "./absence.ts";
import { bestOf } from "./findings.ts";
import {
  formatNumber,
  formatRange,
  formatRatio,
  formatRatioRange,
  formatValue,
} from "./client/format.js";
import { type Html, html } from "./html.ts";

/** Gains from which a cell gets the next stronger tint. */
const HEAT_STEPS = [1.01, 1.05, 1.2] as const;

const DIRECTION_WORDS: Readonly<Record<Direction, string>> = {
  higher: "higher is better",
  lower: "lower is better",
  neutral: "for context",
};

/** Class of the tint for a ratio: `better-1` to `worse-3`, empty where it says nothing. */
export function heatClass(ratio: number | undefined, direction: Direction): string {
  if (ratio === undefined || direction === "neutral" || ratio === 0) return "";
  const gain = direction === "higher" ? ratio : 1 / ratio;
  const size = Math.max(gain, 1 / gain);
  const level = HEAT_STEPS.filter((step) => size >= step).length;
  return level === 0 ? "" : `${gain > 1 ? "better" : "worse"}-${level}`;
}

/** Header cell of a variant: its marker and its name. */
export function variantHead(variant: PageVariant): Html {
  return html`<th scope="col" class="num" data-v="${variant.index}">${
    key(variant)
  }${variant.label}</th>`;
}

/** The little mark that ties a name to its series. */
export function key(variant: PageVariant): Html {
  return html`<span class="key s${variant.slot}" aria-hidden="true"></span>`;
}

function ratioCell(
  workload: WorkloadRuns,
  row: MetricRow,
  variant: PageVariant,
  isBest: boolean,
): Html {
  const isReference = variant.key === workload.reference;
  const cell = cellOf(row, variant.key);
  if (cell.spread === null) {
    const reason = absenceOf(workload, row, variant.key);
    const words = reason !== null && html`<span class="sub">${reason}</span>`;
    return html`<td class="num none" data-v="${variant.index}">–${words}</td>`;
  }
  const ratio = cell.ratio?.median;
  const value = formatValue(cell.spread.median, row.unit);
  const heat = isReference ? "" : heatClass(ratio, row.direction);
  const best = isBest && html`<span class="best">best</span>`;
  const shown = isReference || ratio === undefined
    ? html`<span class="main">${value}</span>${best}`
    : html`<span class="main">${formatRatio(ratio)}</span>${best}<span class="sub">${value}</span>`;
  return html`<td class="num ${heat}" data-v="${variant.index}">${shown}</td>`;
}

/** Winners worth a mark: none where half of the policies or more share the place. */
function markedWinners(workload: WorkloadRuns, row: MetricRow): readonly string[] {
  const winners = bestOf(workload, row)?.winners ?? [];
  return winners.length * 2 > workload.variants.length ? [] : winners;
}

/** All metrics of a workload: one row each, value and ratio per policy. */
export function summaryTable(context: PageContext, workload: WorkloadRuns): Html {
  const variants = variantsOf(context, workload);
  const sections = [...new Set(workload.metrics.map((row) => row.group))];
  const bodies = sections.map((group) => {
    const rows = workload.metrics.filter((row) => row.group === group);
    const name = group === null ? "whole machine" : `group ${group}`;
    return html`
      <tbody>
        <tr class="band"><th colspan="${variants.length + 1}" scope="rowgroup">${name}</th></tr>
        ${rows.map((row) => summaryRow(workload, row, variants))}
      </tbody>
    `;
  });
  return dataTable({
    label: `Summary of ${workload.name}`,
    className: "heat",
    heads: [textHead("Median over seeds"), ...variants.map(variantHead)],
    body: bodies,
  });
}

function summaryRow(
  workload: WorkloadRuns,
  row: MetricRow,
  variants: readonly PageVariant[],
): Html {
  const winners = markedWinners(workload, row);
  const cells = variants.map((variant) =>
    ratioCell(workload, row, variant, winners.includes(variant.key))
  );
  const direction = DIRECTION_WORDS[row.direction];
  return html`
    <tr>
      <th scope="row">${row.title}<span class="sub">${direction}</span></th>
      ${cells}
    </tr>
  `;
}

/** The table under a bar chart: median, range, ratio with range, number of seeds. */
export function spreadTable(
  context: PageContext,
  workload: WorkloadRuns,
  row: MetricRow,
  id: string,
): Html {
  const rows = variantsOf(context, workload).map((variant) => {
    const cell = cellOf(row, variant.key);
    return html`
      <tr data-v="${variant.index}">
        <th scope="row">${key(variant)}${variant.label}</th>
        ${spreadCells(cell, row, absenceOf(workload, row, variant.key) ?? "not measured")}
      </tr>
    `;
  });
  const spans = [...row.cells.values()].flatMap((cell) => cell.spread ?? []);
  const isSure = spans.length > 0 && spans.every((spread) => spread.kind === "confidence");
  const numbers = isSure
    ? ["Median", "95 % interval", "Ratio", "95 % interval", "Seeds"]
    : ["Median", "Range", "Ratio", "Ratio range", "Seeds"];
  return dataTable({
    label: `Values of the chart: ${row.title}`,
    className: "small",
    id,
    heads: [textHead("Policy"), ...numbers.map(numberHead)],
    body: html`<tbody>${rows}</tbody>`,
  });
}

function spreadCells(cell: Cell, row: MetricRow, absence: string): Html {
  const { spread, ratio } = cell;
  if (spread === null) return html`<td class="none" colspan="5">${absence}</td>`;
  const many = spread.count > 1;
  const cells = [
    formatValue(spread.median, row.unit),
    many ? formatRange(spread, row.unit) : null,
    ratio === null ? null : formatRatio(ratio.median),
    ratio !== null && ratio.count > 1 ? formatRatioRange(ratio) : null,
    formatNumber(spread.count),
  ];
  return html`${cells.map(numberCell)}`;
}
