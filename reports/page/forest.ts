/**
 * The key figure of an answer: each policy's ratio to the reference on a logarithmic axis, a mark
 * at the median and a line over its interval or range. Inline SVG, so that it prints sharp and
 * needs no script.
 *
 * @module
 */

import type { MetricRow, WorkloadRuns } from "../cells.ts";
import { cellOf, type PageContext, type PageVariant, variantsOf } from "./context.ts";
import { formatRatio } from "./client/format.js";
import { type Html, html } from "./html.ts";

const ROW_HEIGHT = 20;
const WIDTH = 360;
const PLOT_LEFT = 84;
const PLOT_RIGHT = 296;
const AXIS_HEIGHT = 22;
/** Room a tick's label needs. */
const LABEL_WIDTH = 36;

/** Ratios at which the axis may have a tick. */
const TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100];

/**
 * Draws the ratios of one metric.
 *
 * @param label What the picture says, for those who do not see it.
 * @returns null where there is no reference, or nothing to set against it.
 */
export function forest(
  context: PageContext,
  workload: WorkloadRuns,
  row: MetricRow,
  label: string,
): Html | null {
  const lines = variantsOf(context, workload).flatMap((variant) => {
    const { ratio } = cellOf(row, variant.key);
    return ratio === null || ratio.low <= 0 || variant.key === workload.reference
      ? []
      : [{ variant, ratio }];
  });
  if (lines.length === 0) return null;
  // At least 0.8 to 1.25, so that noise of a per cent does not fill the width.
  const low = Math.log(Math.min(0.8, ...lines.map((line) => line.ratio.low)) * 0.97);
  const high = Math.log(Math.max(1.25, ...lines.map((line) => line.ratio.high)) * 1.03);
  const at = (ratio: number): string =>
    (PLOT_LEFT + (PLOT_RIGHT - PLOT_LEFT) * (Math.log(ratio) - low) / (high - low)).toFixed(1);
  const bottom = lines.length * ROW_HEIGHT + 4;
  const ticks = spacedTicks(low, high).map((tick) => {
    const x = at(tick);
    return html`
      <line x1="${x}" x2="${x}" y1="2" y2="${bottom}" class="${tick === 1 ? "one" : "tick"}" />
      <text x="${x}" y="${bottom + 14}" class="axis">${tick === 1 ? "1×" : `${tick}×`}</text>
    `;
  });
  const rows = lines.map(({ variant, ratio }, position) => {
    const y = position * ROW_HEIGHT + ROW_HEIGHT / 2 + 2;
    return html`
      <g class="s${variant.slot}"
        data-v="${variant.index}"><text x="${PLOT_LEFT - 12}" y="${y + 4}" class="name">${variant
          .label}</text><line x1="${at(ratio.low)}" x2="${at(
            ratio.high,
          )}" y1="${y}" y2="${y}" class="range"/>${mark(
            variant,
            Number(at(ratio.median)),
            y,
          )}<text x="${WIDTH - 4}" y="${y + 4}" class="value">${formatRatio(
            ratio.median,
          )}</text></g>
    `;
  });
  const height = bottom + AXIS_HEIGHT;
  return html`
    <svg class="forest" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}"
    >${ticks}${rows}</svg>
  `;
}

/** Ticks inside the axis that leave room for their labels, chosen from 1 outwards. */
function spacedTicks(low: number, high: number): number[] {
  const room = (high - low) * LABEL_WIDTH / (PLOT_RIGHT - PLOT_LEFT);
  const inside = TICKS.filter((tick) => Math.log(tick) >= low && Math.log(tick) <= high);
  const outwards = inside.sort((a, b) => Math.abs(Math.log(a)) - Math.abs(Math.log(b)));
  const kept: number[] = [];
  for (const tick of outwards) {
    const near = kept.some((each) => Math.abs(Math.log(each) - Math.log(tick)) < room);
    if (!near) kept.push(tick);
  }
  return kept.sort((a, b) => a - b);
}

/** The mark of a series: shape as well as colour. */
function mark(variant: PageVariant, x: number, y: number): Html {
  const shapes: Readonly<Record<number, string>> = {
    1: `M${x - 4.5} ${y - 4.5}h9v9h-9z`,
    2: `M${x} ${y - 5.5}l5.5 10h-11z`,
    3: `M${x} ${y - 6}l6 6l-6 6l-6 -6z`,
    4: `M${x} ${y - 6.5}l1.6 4.6h4.8l-3.9 2.9l1.5 4.6l-4 -2.9l-4 2.9l1.5 -4.6l-3.9 -2.9h4.8z`,
  };
  const shape = shapes[variant.slot];
  return shape === undefined
    ? html`
      <circle cx="${x}" cy="${y}" r="5" class="mark" />
    `
    : html`
      <path d="${shape}" class="mark" />
    `;
}
