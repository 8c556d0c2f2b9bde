/**
 * The first screen of a page that compares sets of runs: what moved, by how much, how sure, with
 * the latency ratios by percentile where latency moved.
 *
 * @module
 */

import {
  type Change,
  type ComparedCell,
  type ComparedWorkload,
  compareSets,
  type Comparison,
} from "../compare.ts";
import { type Cell, type MetricRow, spanName } from "../cells.ts";
import type { Unit } from "../metrics.ts";
import { type PageContext, pageVariant, variantsOf } from "./context.ts";
import { dataTable, textHead } from "./data_table.ts";
import { historiesOf, historyFigure } from "./figures/history.ts";
import { ratioFigure } from "./figures/latency.ts";
import { mainMetrics, shortTitle } from "./findings.ts";
import {
  formatRange,
  formatRatio,
  formatRatioRange,
  formatValue,
  joinWords,
  plural,
} from "./client/format.js";
import { type Html, html } from "./html.ts";
import { differenceCurve } from "./percentiles.ts";
import { familyOf, isOffered } from "./score_table.ts";
import { heatClass, variantHead } from "./tables.ts";

/** Changes that a reader is told in sentences; the table has all. */
const SENTENCES_MAX = 8;

/** A sign for what became of a value, so that colour is not needed. */
const SIGNS: Readonly<Record<Change, string>> = {
  better: "▲",
  worse: "▼",
  same: "=",
  unclear: "?",
  moved: "~",
};

const SIGN_WORDS = "▲ better, ▼ worse, = within 1 %, ? seeds contradict each other, ~ moved (no " +
  "side is better).";

/** Renders the comparison; null where the page holds one set only. */
export function comparisonSection(context: PageContext): Html | null {
  const comparisons = compareSets(context.sources);
  if (comparisons.length === 0) return null;
  const [{ base }] = comparisons as [Comparison];
  const parts = comparisons.map((comparison, index) => one(context, comparison, `c${index}`));
  return html`
    <section class="answer comparison" aria-labelledby="comparison-title">
      <h1 id="comparison-title">What changed against ${base}?</h1>
      <p class="lede">${setsSentence(context)}.</p>
      ${parts}
      ${historySection(context)}
      <p class="note">${SIGN_WORDS} Ratios are to ${base}, paired by seed.</p>
    </section>
  `;
}

/** What three sets or more make: the course of every main metric; null for fewer. */
function historySection(context: PageContext): Html | null {
  const figures = historiesOf(context.sources).flatMap(({ now, runs }, position) =>
    mainMetrics(now).flatMap((row, index) =>
      historyFigure(context, runs, row, `h${position}m${index}`) ?? []
    )
  );
  if (figures.length === 0) return null;
  return html`
    <div class="rule">
      <h2 class="place">Over all sets</h2>
    </div>
    <div class="figures">${figures}</div>
  `;
}

function one(context: PageContext, comparison: Comparison, id: string): Html {
  const notes = comparison.notes.map((note) => html`<li>${note}</li>`);
  const sentences = changeSentences(comparison).map((sentence) => html`<li>${sentence}</li>`);
  return html`
    <div class="rule">
      <h2 class="place" id="${id}">${comparison.set}</h2>
      <p class="quiet">${countSentence(comparison)}</p>
    </div>
    ${notes.length > 0 && html`
      <div class="remarks">
        <ul>${notes}</ul>
      </div>
    `}
    ${sentences.length > 0 && html`<ul class="findings">${sentences}</ul>`}
    ${comparison.workloads.length > 0 && changeTable(context, comparison, id)}
    <div class="figures">${latencyFigures(context, comparison, id)}</div>
  `;
}

/** "12 of 340 values better, 3 worse, 2 unclear; 323 the same." over metrics with a good side. */
export function countSentence({ base, set, workloads }: Comparison): string {
  const cells = workloads.flatMap(({ rows }) => rows)
    .filter(({ row }) => row.direction !== "neutral").flatMap(({ cells: all }) => all);
  if (cells.length === 0) return `${set} and ${base} have no run in common.`;
  const count = (change: Change): number => cells.filter((each) => each.change === change).length;
  const same = count("same");
  if (same === cells.length) {
    return `Nothing moved by more than 1 %: all ${plural(cells.length, "value")} are the same.`;
  }
  const words = (["worse", "better", "unclear"] as const).filter((change) => count(change) > 0)
    .map((change) => `${count(change)} ${change}`);
  return `Of ${plural(cells.length, "value")}: ${words.join(", ")}, ${same} the same.`;
}

/** The main metrics that moved, the largest change first. */
export function changeSentences(comparison: Comparison): string[] {
  const moved = comparison.workloads.flatMap((workload) => {
    const main = mainMetrics(workload.now);
    return workload.rows.filter(({ row }) => main.includes(row)).flatMap(({ row, cells }) =>
      cells.filter((cell) => cell.change !== "same")
        .map((cell) => ({ workload, row, cell, size: sizeOf(cell) }))
    );
  }).sort((a, b) => b.size - a.size);
  const told = moved.slice(0, SENTENCES_MAX).map(({ workload, row, cell }) =>
    changeSentence(workload, row, cell)
  );
  const rest = moved.length - told.length;
  return rest === 0 ? told : [...told, `And ${plural(rest, "smaller change")}, in the table.`];
}

/** How far a ratio is from 1, either way. */
function sizeOf({ ratio }: ComparedCell): number {
  return ratio === null || ratio.median <= 0 ? Infinity : Math.abs(Math.log(ratio.median));
}

const VERBS: Readonly<Record<Change, string>> = {
  better: "better",
  worse: "worse",
  same: "the same",
  unclear: "unclear, because seeds contradict each other",
  moved: "moved",
};

/** "mix · rr under MIX: p99 0.90× (range 0.88–0.91), 50.8 µs to 45.7 µs: better." */
function changeSentence(
  { now }: ComparedWorkload,
  row: MetricRow,
  { variant, before, now: after, ratio, change }: ComparedCell,
): string {
  const place = row.group === null || row.group === now.name
    ? now.name
    : `${now.name} · ${row.group}`;
  const values = [before, after].map((cell) => formatValue(cell.spread!.median, row.unit));
  const span = ratio !== null && ratio.count > 1
    ? ` (${spanName(ratio)} ${formatRatioRange(ratio)})`
    : "";
  const size = ratio === null ? "" : ` ${formatRatio(ratio.median)}${span},`;
  return `${place} under ${variant.label}: ${shortTitle(row)}${size} ${values.join(" to ")}: ` +
    `${VERBS[change]}.`;
}

/** All that can be chosen in the tool bar, one row a metric, the main ones first. */
function changeTable(context: PageContext, { workloads, base, set }: Comparison, id: string): Html {
  const keys = new Set(workloads.flatMap(({ now }) => now.variants.map((variant) => variant.key)));
  const variants = context.variants.filter((variant) => keys.has(variant.key));
  const rows = workloads.flatMap(({ now, rows: all, source }) => {
    const main = mainMetrics(now);
    const position = context.sources.indexOf(source);
    const section = `s${position}w${source.workloads.indexOf(now)}`;
    return all.filter(({ row }) => main.includes(row) || isOffered(row)).map(({ row, cells }) => {
      const group = row.group === null || row.group === now.name ? "" : ` · ${row.group}`;
      return html`
        <tr data-metric="${familyOf(row)}" data-w="${now.name}" ${main.includes(row)
          ? html`data-main`
          : html`hidden`}>
          <th scope="row"><a href="#${section}">${now.name}</a>${group}</th>
          <td class="quiet">${row.title}</td>
          ${variants.map((variant) =>
            changeCell(row, cells.find((each) => each.variant.key === variant.key), variant.index)
          )}
        </tr>
      `;
    });
  });
  return dataTable({
    label: `${set} against ${base}`,
    className: "score",
    id: `${id}-table`,
    heads: [textHead("Workload"), textHead("Metric"), ...variants.map(variantHead)],
    body: html`<tbody>${rows}</tbody>`,
  });
}

function changeCell(row: MetricRow, cell: ComparedCell | undefined, index: number): Html {
  if (cell === undefined) return html`<td class="num none" data-v="${index}">–</td>`;
  const { ratio, change, before, now } = cell;
  const tint = change === "better" || change === "worse"
    ? heatClass(ratio?.median, row.direction)
    : "";
  const values = [before, now].map((each) => formatValue(each.spread!.median, row.unit));
  const shown = ratio === null ? values[1]! : formatRatio(ratio.median);
  return html`
    <td class="num ${tint}" data-v="${index}">
      <span class="line"><b>${SIGNS[change]}</b> <span class="main">${shown}</span></span>
      <span class="sub">${fromTo(before, now, row.unit)}</span>
    </td>
  `;
}

/** "199 → 197 ktrans/s": the unit once where both share it, the value once where they are alike. */
function fromTo(before: Cell, now: Cell, unit: Unit): string {
  const [low, high] = [before.spread!.median, now.spread!.median];
  const [from, to] = [low, high].map((value) => formatValue(value, unit));
  return from === to ? to! : formatRange({ low, high }, unit).replace("–", " → ");
}

/** Ratios by percentile of the groups whose latency moved. */
function latencyFigures(
  context: PageContext,
  comparison: Comparison,
  id: string,
): (Html | null)[] {
  return comparison.workloads.flatMap((workload, position) => {
    const groups = workload.rows.filter(({ row, cells }) =>
      row.key.startsWith("latency_ns_") && cells.some(({ change }) => change !== "same")
    ).map(({ row }) => row.group!);
    return [...new Set(groups)].map((group, index) =>
      latencyFigure(context, comparison, workload, { group, id: `${id}w${position}g${index}` })
    );
  });
}

function latencyFigure(
  context: PageContext,
  { base, set }: Comparison,
  { before, now }: ComparedWorkload,
  { group, id }: { readonly group: string; readonly id: string },
): Html | null {
  const panels = variantsOf(context, now).flatMap((variant) => {
    const [own, old] = [now, before].map((each) =>
      each.variants.find((one) => one.key === variant.key)?.records ?? []
    );
    const curve = differenceCurve(own!, old!, group);
    return curve === null ? [] : [{ variant: pageVariant(context, variant.key), curve }];
  });
  const place = group === now.name ? group : `${now.name} · ${group}`;
  return ratioFigure(context, {
    id,
    title: `Latency of ${place}: ${set} against ${base}, by percentile`,
    reference: base,
    panels,
    workload: now.name,
  });
}

/** "base with 105 runs and head with 105 runs". */
function setsSentence(context: PageContext): string {
  const counts = new Map<string, number>();
  for (const { set, records } of context.sources) {
    if (set !== null) counts.set(set, (counts.get(set) ?? 0) + records.length);
  }
  return joinWords([...counts].map(([set, count]) => `${set} with ${plural(count, "run")}`));
}

/** A comparison for programs: every value that both sets have. */
export function toJson({ base, set, notes, workloads }: Comparison): unknown {
  const values = workloads.flatMap(({ now, source, rows }) =>
    rows.flatMap(({ row, cells }) =>
      cells.map(({ variant, before, now: after, ratio, change }) => ({
        target: source.target,
        workload: now.name,
        variant: variant.key,
        metric: row.id,
        unit: row.unit,
        direction: row.direction,
        before: before.spread!.median,
        now: after.spread!.median,
        ratio: ratio === null ? null : { ...ratio },
        change,
      }))
    )
  );
  return { base, set, notes, values };
}
