/**
 * What a policy gains against what it costs: latency (or throughput) over CPU time, with the
 * policies that no other beats in both.
 *
 * @module
 */

import type { MetricRow, WorkloadRuns } from "../../cells.ts";
import { isTie } from "../../../harness/stats/tie.ts";
import { costRow } from "../choice.ts";
import { formatValue, joinWords } from "../client/format.js";
import { cellOf, type PageContext, type PageVariant, variantsOf } from "../context.ts";
import { dataTable, numberCell, numberHead, textHead } from "../data_table.ts";
import { shortTitle } from "../findings.ts";
import { type Html, html } from "../html.ts";
import { key } from "../tables.ts";
import { capital, frame } from "./frame.ts";

/** A policy in the plane of gain and cost. */
export interface TradeoffPoint {
  readonly label: string;
  readonly x: number;
  readonly y: number;
}

/**
 * Whether `other` is as good as `point` in both and better in one; differences within TIE_SHARE are
 * none. Cost x is better when lower.
 */
export function beats(
  other: Pick<TradeoffPoint, "x" | "y">,
  point: Pick<TradeoffPoint, "x" | "y">,
  isHigherBetter: boolean,
): boolean {
  const sign = isHigherBetter ? -1 : 1;
  const [xTies, yTies] = [isTie(other.x, point.x), isTie(other.y, point.y)];
  const isAsGood = (xTies || other.x < point.x) && (yTies || sign * (other.y - point.y) < 0);
  return isAsGood && !(xTies && yTies);
}

/**
 * Renders the trade-off of one metric of a group.
 *
 * @returns null where CPU time or metric is not known for two policies, or nothing differs.
 */
export function tradeoffFigure(
  context: PageContext,
  workload: WorkloadRuns,
  row: MetricRow,
  id: string,
): Html | null {
  const cost = costRow(workload);
  if (cost === undefined) return null;
  const interrupts = workload.metrics.find((each) => each.key === "interrupts_per_second");
  const all = variantsOf(context, workload).flatMap((variant) => {
    const [x, y] = [cost, row].map((each) => cellOf(each, variant.key).spread?.median);
    if (x === undefined || y === undefined) return [];
    const rate = interrupts && cellOf(interrupts, variant.key).spread?.median;
    return [{ variant, label: variant.label, x, y, rate: rate ?? null }];
  });
  if (all.length < 2 || all.every((each) => isTie(each.y, all[0]!.y))) return null;
  const isHigherBetter = row.direction === "higher";
  const points = all.map((point) => {
    const better = all.filter((other) => other !== point && beats(other, point, isHigherBetter));
    return { ...point, betterLabels: better.map((other) => other.label) };
  });
  const title = `${capital(row.title)} of ${row.group} against ${cost.title}`;
  const axis = (each: MetricRow) => ({
    title: each.title,
    unit: each.unit,
    direction: each === cost ? "lower" as const : each.direction,
  });
  return frame(context, {
    id,
    figure: {
      kind: "tradeoff",
      title,
      x: axis(cost),
      y: axis(row),
      points: points.map(({ variant, x, y, rate, betterLabels }) => ({
        variant: variant.index,
        x,
        y,
        interrupts_per_second: rate,
        is_on_front: betterLabels.length === 0,
      })),
    },
    finding: sentence(points, row),
    note: `Towards ${isHigherBetter ? "the upper" : "the lower"} left is better. The line joins ` +
      "the policies that no other beats in both; a larger mark is more interrupts per second.",
    width: "half",
    table: tradeoffTable(points, cost, row, id),
  });
}

interface JudgedPoint extends TradeoffPoint {
  readonly variant: PageVariant;
  readonly rate: number | null;
  /** Policies that are as good in both and better in one. */
  readonly betterLabels: readonly string[];
}

/** "On the front: NONE and LATENCY. BULK is beaten in both by NONE." */
function sentence(points: readonly JudgedPoint[], row: MetricRow): string {
  const front = points.filter((point) => point.betterLabels.length === 0);
  const names = joinWords(front.map((point) => point.label));
  const beaten = points.filter((point) => point.betterLabels.length > 0).map((point) =>
    `${point.label} is no better than ${joinWords(point.betterLabels.slice(0, 2))} in either`
  );
  const lead = front.length === 1
    ? `${names} has the best ${shortTitle(row)} and the least CPU time.`
    : `${names} are worth a look: none is beaten in both ${shortTitle(row)} and CPU time.`;
  return beaten.length === 0 ? lead : `${lead} ${beaten.join("; ")}.`;
}

function tradeoffTable(
  points: readonly JudgedPoint[],
  cost: MetricRow,
  row: MetricRow,
  id: string,
): Html {
  const rows = points.map(({ variant, label, x, y, rate, betterLabels }) =>
    html`
      <tr data-v="${variant.index}">
        <th scope="row">${key(variant)}${label}</th>
        ${numberCell(formatValue(x, cost.unit))}
        ${numberCell(formatValue(y, row.unit))}
        ${numberCell(rate === null ? null : formatValue(rate, "1/s"))}
        <td>${betterLabels.length === 0 ? "yes" : `no: ${joinWords(betterLabels)}`}</td>
      </tr>
    `
  );
  return dataTable({
    label: `Values of the chart: ${row.title} against ${cost.title}`,
    className: "small",
    id: `${id}-table`,
    heads: [
      textHead("Policy"),
      numberHead(capital(cost.title)),
      numberHead(capital(row.title)),
      numberHead("Interrupts"),
      textHead("Unbeaten"),
    ],
    body: html`<tbody>${rows}</tbody>`,
  });
}
