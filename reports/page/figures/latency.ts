/**
 * Latency of a group: the whole distribution per policy, and each policy's ratio to the stock
 * default at every percentile.
 *
 * @module
 */

import type { WorkloadRuns } from "../../cells.ts";
import type { RunRecord } from "../../../harness/record.ts";
import type { MedianEstimate } from "../../../harness/stats/interval.ts";
import { formatNs, formatRatio, formatSi, joinWords } from "../client/format.js";
import { type PageContext, type PageVariant, variantsOf } from "../context.ts";
import { dataTable, numberCell, numberHead, textHead } from "../data_table.ts";
import { bestOf } from "../findings.ts";
import { type Html, html } from "../html.ts";
import {
  type DifferenceCurve,
  differenceCurve,
  percentileCurve,
  POINTS_PER_OCTAVE,
  TABLE_SHARES,
} from "../percentiles.ts";
import { key, variantHead } from "../tables.ts";
import { frame } from "./frame.ts";

/** Percentile curves of one group, all seeds of a policy pooled; null without latency samples. */
export function curveFigure(
  context: PageContext,
  workload: WorkloadRuns,
  group: string,
  id: string,
): Html | null {
  const curves = variantsOf(context, workload).flatMap((variant) => {
    const records = recordsOf(workload, variant.key);
    const curve = percentileCurve(records, group);
    return curve === null ? [] : [{ variant, records, ...curve }];
  });
  if (curves.length === 0) return null;
  const title = `Latency of ${group}`;
  const p99 = workload.metrics.find((row) => row.group === group && row.key === "latency_ns_p99");
  const rows = curves.map(({ variant, records, sampleCount, tableNs }) =>
    html`
      <tr data-v="${variant.index}">
        <th scope="row">${key(variant)}${variant.label}</th>
        ${tableNs.map((value) => numberCell(value === null ? null : formatNs(value)))}
        ${numberCell(formatNs(maximumOf(records, group)))}
        ${numberCell(formatSi(sampleCount))}
      </tr>
    `
  );
  const shares = TABLE_SHARES.map((share) => numberHead(`${share * 100} %`));
  return frame(context, {
    id,
    figure: {
      kind: "curve",
      title,
      points_per_octave: POINTS_PER_OCTAVE,
      curves: curves.map(({ variant, latencyNs, box }) => ({
        variant: variant.index,
        latency_ns: latencyNs,
        box,
      })),
    },
    finding: (p99 === undefined ? null : bestOf(workload, p99)?.text) ??
      "Too few samples for a p99.",
    note:
      "Runs pooled over seeds. A curve ends where fewer than 10 samples remain beyond it; the " +
      "maximum stands in the table.",
    width: "wide",
    table: dataTable({
      label: `Values of the chart: ${title}`,
      className: "small",
      id: `${id}-table`,
      heads: [textHead("Policy"), ...shares, numberHead("Maximum"), numberHead("Samples")],
      body: html`<tbody>${rows}</tbody>`,
    }),
  });
}

function recordsOf(workload: WorkloadRuns, variantKey: string): readonly RunRecord[] {
  return workload.variants.find((each) => each.key === variantKey)!.records;
}

function maximumOf(records: readonly RunRecord[], group: string): number {
  const all = records.flatMap((record) =>
    record.measurement.groups.filter((each) => each.name === group)
      .map((each) => each.latency_ns?.max ?? 0)
  );
  return Math.max(...all);
}

/**
 * Latency of each policy over that of the reference, percentile by percentile, paired by seed.
 *
 * @returns null without a reference, or where no other policy has samples.
 */
export function differenceFigure(
  context: PageContext,
  workload: WorkloadRuns,
  group: string,
  id: string,
): Html | null {
  const { reference } = workload;
  if (reference === null) return null;
  const base = recordsOf(workload, reference);
  const panels = variantsOf(context, workload).flatMap((variant) => {
    if (variant.key === reference) return [];
    const curve = differenceCurve(recordsOf(workload, variant.key), base, group);
    return curve === null ? [] : [{ variant, curve }];
  });
  const name = workload.variants.find((each) => each.key === reference)!.label;
  const title = `Latency of ${group} against ${name}, by percentile`;
  return ratioFigure(context, { id, title, reference: name, panels });
}

/** What a figure of latency ratios is made of. */
export interface RatioParts {
  readonly id: string;
  readonly title: string;
  /** What the latencies are set against. */
  readonly reference: string;
  readonly panels: readonly { readonly variant: PageVariant; readonly curve: DifferenceCurve }[];
  /** Name of the workload, where the figure stands outside of its section. */
  readonly workload?: string;
}

/** Ratios of latency by percentile, a panel per policy; null without a panel. */
export function ratioFigure(context: PageContext, parts: RatioParts): Html | null {
  const { id, title, reference, panels } = parts;
  if (panels.length === 0) return null;
  const said = panels.map(({ variant, curve }) => sayDifference(variant.label, curve.table));
  const rows = TABLE_SHARES.flatMap((share, position) => {
    if (panels.every(({ curve }) => curve.table[position] === null)) return [];
    const cells = panels.map(({ variant, curve }) =>
      differenceCell(variant, curve.table[position]!)
    );
    return [html`<tr><th scope="row">${share * 100} %</th>${cells}</tr>`];
  });
  return frame(context, {
    id,
    figure: {
      kind: "difference",
      title,
      points_per_octave: POINTS_PER_OCTAVE,
      reference,
      panels: panels.map(({ variant, curve: { median, low, high } }) => ({
        variant: variant.index,
        median,
        low,
        high,
      })),
    },
    finding: `Against ${reference}: ${joinWords(said)}.`,
    note: `Ratio of each seed to the same seed of ${reference}: line the median, band the ` +
      `${panels[0]!.curve.span}. Below 1× is faster.`,
    width: "wide",
    workload: parts.workload,
    panels: panels.map(({ variant }, index) => ({
      variant: variant.index,
      head: html`${key(variant)}${variant.label}`,
      label: `Ratio of latency to ${reference} by percentile. ${said[index]}.`,
    })),
    table: dataTable({
      label: `Values of the chart: ${title}`,
      className: "small",
      id: `${id}-table`,
      heads: [textHead("Percentile"), ...panels.map(({ variant }) => variantHead(variant))],
      body: html`<tbody>${rows}</tbody>`,
    }),
  });
}

/** "MIX 1.12× at the median and 0.38× at 99.9 %". */
function sayDifference(label: string, table: readonly (MedianEstimate | null)[]): string {
  const last = table.findLastIndex((each) => each !== null);
  if (last < 0) return `${label} has too few samples`;
  const parts = [...new Set([0, last])].map((position) => {
    const share = TABLE_SHARES[position]!;
    const where = share === 0.5 ? "the median" : `${share * 100} %`;
    return `${formatRatio(table[position]!.median)} at ${where}`;
  });
  return `${label} ${parts.join(" and ")}`;
}

function differenceCell(variant: PageVariant, estimate: MedianEstimate | null): Html {
  if (estimate === null) return html`<td class="num" data-v="${variant.index}">–</td>`;
  const [middle, low, high] = [estimate.median, estimate.low, estimate.high].map(formatRatio);
  return html`
    <td class="num"
      data-v="${variant.index}">${middle}<span class="sub">${low} to ${high}</span></td>
  `;
}
