/**
 * Latency against load: the same open-loop groups at several offered loads, p99 and median beside
 * achieved against offered, with the loads at which a policy no longer keeps up.
 *
 * @module
 */

import { groupBy, type Source, type WorkloadRuns } from "../../cells.ts";
import type { GroupMeasurement } from "../../../harness/record.ts";
import { median } from "../../../harness/stats/quantile.ts";
import { percentileIsSupported } from "../../../harness/stats/percentile.ts";
import { formatNs, formatValue, joinWords } from "../client/format.js";
import { type PageContext, type PageVariant, pageVariant } from "../context.ts";
import { dataTable, numberHead } from "../data_table.ts";
import { type Html, html } from "../html.ts";
import { variantHead } from "../tables.ts";
import { frame } from "./frame.ts";
import type { LoadPoint } from "./kinds.ts";

/** An achieved load below this share of the offered one is more than rounding. */
const SHORT_SHARE = 0.01;
/** Standard deviations of a Poisson count that are still chance. */
const CHANCE_DEVIATIONS = 3;

/** The workloads of a source that are the same but for their load. */
interface Family {
  readonly group: string;
  readonly workloads: readonly WorkloadRuns[];
}

interface Line {
  readonly variant: PageVariant;
  readonly points: readonly LoadPoint[];
}

/** Renders every family of a source; empty where no load is offered twice. */
export function loadFigures(context: PageContext, source: Source, id: string): Html[] {
  return familiesOf(source).flatMap((family, index) => {
    const lines = linesOf(context, family);
    return lines.length === 0 ? [] : [loadFigure(context, family, lines, `${id}-load${index}`)];
  });
}

/** Families by machine, group and everything of its groups but load and results. */
function familiesOf(source: Source): Family[] {
  const all = source.workloads.flatMap((workload) =>
    groupsOf(workload).filter((group) => group.offered_per_second !== undefined)
      .map(({ name }) => ({ name, workload, like: likeness(workload, name) }))
  );
  return [...groupBy(all, (each) => each.like).values()]
    .filter((members) => new Set(members.map((each) => loadOf(each.workload, each.name))).size > 1)
    .map((members) => ({
      group: members[0]!.name,
      workloads: members.map((each) => each.workload)
        .sort((a, b) => loadOf(a, members[0]!.name) - loadOf(b, members[0]!.name)),
    }));
}

function groupsOf(workload: WorkloadRuns): readonly GroupMeasurement[] {
  return workload.variants[0]?.records[0]?.measurement.groups ?? [];
}

function likeness(workload: WorkloadRuns, group: string): string {
  const shape = groupsOf(workload).map((
    { name, test, connections, loop },
  ) => [name, test, connections, loop]);
  // rr_open@50000 and rr_open@100000 are one family, other names stand for other settings.
  return JSON.stringify([group, workload.machine, workload.name.replace(/@\d+$/, ""), shape]);
}

function loadOf(workload: WorkloadRuns, group: string): number {
  return groupsOf(workload).find((each) => each.name === group)?.offered_per_second ?? 0;
}

function linesOf(context: PageContext, { workloads, group }: Family): Line[] {
  const keys = [...new Set(workloads.flatMap((each) => each.variants.map(({ key }) => key)))];
  const lines = keys.map((variantKey) => ({
    variant: pageVariant(context, variantKey),
    points: workloads.flatMap((workload) => pointOf(workload, variantKey, group) ?? []),
  }));
  return lines.filter(({ points }) => points.length > 1)
    .sort((a, b) => a.variant.index - b.variant.index);
}

/** Medians over seeds of one variant at one load. */
function pointOf(workload: WorkloadRuns, variantKey: string, group: string): LoadPoint | null {
  const records = workload.variants.find((each) => each.key === variantKey)?.records ?? [];
  const runs = records.flatMap(({ measurement }) =>
    measurement.groups.filter((each) => each.name === group)
      .map((each) => ({ each, seconds: measurement.duration_ns / 1e9 }))
  );
  if (runs.length === 0) return null;
  const offered = loadOf(workload, group);
  const achieved = median(runs.map(({ each }) => each.throughput.value));
  const percentile = (field: "p50" | "p99", probability: number): number | null => {
    const known = runs.flatMap(({ each: { latency_ns: latency } }) =>
      latency !== null && percentileIsSupported(latency.count, probability) ? [latency[field]] : []
    );
    return known.length === 0 ? null : median(known);
  };
  return {
    offered,
    achieved,
    p50_ns: percentile("p50", 0.5),
    p99_ns: percentile("p99", 0.99),
    is_saturated: isShort(offered, achieved, median(runs.map(({ seconds }) => seconds))),
  };
}

/**
 * Whether less was achieved than offered, beyond the chance of a Poisson stream.
 *
 * @param seconds Measured interval.
 */
export function isShort(offered: number, achieved: number, seconds: number): boolean {
  const chance = CHANCE_DEVIATIONS / Math.sqrt(offered * seconds);
  return achieved < offered * (1 - Math.max(SHORT_SHARE, chance));
}

function loadFigure(
  context: PageContext,
  { group, workloads }: Family,
  lines: readonly Line[],
  id: string,
): Html {
  const place = workloads[0]!.name.replace(/@\d+$/, "");
  const title = `${group === place ? group : `${place} · ${group}`}: latency against load`;
  const finding = loadSentence(lines);
  return frame(context, {
    id,
    figure: {
      kind: "load",
      title,
      lines: lines.map(({ variant, points }) => ({ variant: variant.index, points })),
      panels: ["p99", "p50", "achieved"],
    },
    finding,
    note: "Median over seeds. A hollow mark: less was achieved than offered, so the queue grows " +
      "as long as the run lasts and the latency says how long that was.",
    width: "wide",
    panels: [
      { variant: null, head: html`p99 latency`, label: `p99 latency against load. ${finding}` },
      {
        variant: null,
        head: html`median latency`,
        label: `Median latency against load. ${finding}`,
      },
      { variant: null, head: html`achieved`, label: `Achieved against offered. ${finding}` },
    ],
    table: loadTable(lines, title, `${id}-table`),
  });
}

/** Who keeps up until where, and who is fastest at the highest load that all carry. */
function loadSentence(
  lines: readonly {
    readonly variant: { readonly label: string };
    readonly points: readonly LoadPoint[];
  }[],
): string {
  const write = (load: number): string => formatValue(load, "trans/s");
  const short = lines.flatMap(({ variant, points }) => {
    const first = points.find((point) => point.is_saturated);
    return first === undefined ? [] : [`${variant.label} at ${write(first.offered)}`];
  });
  const loads = lines[0]!.points.map((point) => point.offered);
  const carried = loads.filter((load) =>
    lines.every(({ points }) =>
      points.some((point) => point.offered === load && !point.is_saturated)
    )
  );
  const highest = carried.at(-1);
  const saturated = short.length === 0
    ? `Every policy keeps up to ${write(loads.at(-1)!)}.`
    : `Saturated from: ${joinWords(short)}.`;
  if (highest === undefined) return saturated;
  const tails = lines.flatMap(({ variant, points }) => {
    const p99 = points.find((point) => point.offered === highest)!.p99_ns;
    return p99 === null ? [] : [{ label: variant.label, p99 }];
  }).sort((a, b) => a.p99 - b.p99);
  if (tails.length === 0) return saturated;
  const [best, worst] = [tails[0]!, tails.at(-1)!];
  return `${saturated} At ${write(highest)}, which all carry, p99 is ${formatNs(best.p99)} under ` +
    `${best.label} and ${formatNs(worst.p99)} under ${worst.label}.`;
}

function loadTable(lines: readonly Line[], title: string, id: string): Html {
  const loads = [...new Set(lines.flatMap(({ points }) => points.map((point) => point.offered)))]
    .sort((a, b) => a - b);
  const rows = loads.map((load) => {
    const cells = lines.map(({ variant, points }) => {
      const point = points.find((each) => each.offered === load);
      if (point === undefined) return html`<td class="num none" data-v="${variant.index}">–</td>`;
      const badge = point.is_saturated && html`<span class="badge">saturated</span>`;
      const p99 = point.p99_ns === null ? "–" : formatNs(point.p99_ns);
      return html`
        <td class="num" data-v="${variant.index}">
          ${p99}${badge}<span class="sub">${formatValue(point.achieved, "trans/s")}</span>
        </td>
      `;
    });
    return html`<tr><th scope="row" class="num">${formatValue(load, "trans/s")}</th>${cells}</tr>`;
  });
  return dataTable({
    label: `Values of the chart: ${title}`,
    className: "small",
    id,
    heads: [
      numberHead("Offered"),
      ...lines.map(({ variant }) => variantHead(variant)),
    ],
    body: html`<tbody>${rows}</tbody>`,
  });
}
