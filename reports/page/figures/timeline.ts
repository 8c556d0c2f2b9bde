/**
 * The course of a run: throughput, latency, CPU time and losses in slices of time, a line per
 * policy, with marks where something was done to the device.
 *
 * @module
 */

import type { WorkloadRuns } from "../../cells.ts";
import { mean, standardDeviation } from "../../../harness/stats/quantile.ts";
import { formatRange, formatRatio, formatTick, formatValue, joinWords } from "../client/format.js";
import type { PageContext } from "../context.ts";
import { type Course, courseOf, marksNote, medianIn, phaseName } from "../course.ts";
import { dataTable, numberCell, numberHead, textHead } from "../data_table.ts";
import { type Html, html } from "../html.ts";
import { key } from "../tables.ts";
import { capital, frame } from "./frame.ts";
import type { TimelineFigure } from "./kinds.ts";

type TimelinePanel = TimelineFigure["panels"][number];

/** Share of the slices in which a percentile must be known to be drawn. */
const KNOWN_SHARE = 0.9;
/** A second half that differs from the first by more has drifted. */
const DRIFT_SHARE = 0.05;
/** Phases that a sentence names. */
const PHASES_MAX = 4;
/** The deepest percentile that slices support is drawn. */
const PERCENTILES = [["p99_ns", "p99"], ["p90_ns", "p90"], ["p50_ns", "median"]] as const;

/** Renders the course of a workload; null where no run kept its own. */
export function timelineFigure(
  context: PageContext,
  workload: WorkloadRuns,
  id: string,
): Html | null {
  const course = courseOf(context, workload);
  if (course === null) return null;
  const panels = panelsOf(course);
  const seeds = new Set(course.all.map(({ seed }) => seed));
  const whose = seeds.size === 1 ? `of seed ${[...seeds][0]}` : "of the first seed of each policy";
  return frame(context, {
    id,
    figure: {
      kind: "timeline",
      title: "The run over time",
      slice_ns: course.sliceNs,
      panels,
      marks: course.marks,
    },
    finding: timelineSentence(course, panels),
    note:
      `Slices of ${formatTick(course.sliceNs, "ns")} from the end of the warm-up on, ${whose}.` +
      marksNote(course),
    width: "wide",
    panels: panels.map((panel) => ({
      variant: null,
      head: html`${capital(panel.title)}`,
      label: `${capital(panel.title)} over time. ${panelSentence(course, panel)}`,
    })),
    table: timelineTable(course, panels, `${id}-table`),
  });
}

function panelsOf(course: Course): TimelinePanel[] {
  const groups = course.all[0]!.groups.map(({ name }) => name);
  const panels = groups.flatMap((name, position) => [
    throughputPanel(course, name, position),
    latencyPanel(course, name, position),
  ]);
  const perSecond = 1e9 / course.sliceNs;
  const losses = ([["dropped packets", "dropped"], ["retransmits", "retransmits"]] as const)
    .map(([title, name]) => ({
      title,
      unit: "1/s" as const,
      lines: linesOf(
        course,
        ({ series }) => series[name].map((count) => rounded(count * perSecond)),
      ),
    }));
  const cpu = {
    title: "CPU utilisation",
    unit: "share" as const,
    lines: linesOf(
      course,
      ({ series: { cpus, dropped } }) =>
        dropped.map((_, slice) =>
          rounded(mean(cpus.map(({ busy_permille: busy }) => busy[slice]!)) / 1000)
        ),
    ),
  };
  return [
    ...panels.filter((panel) => panel !== null),
    ...course.all.every(({ series }) => series.cpus.length > 0) ? [cpu] : [],
    ...losses.filter(({ lines }) => lines.some(({ values }) => values.some((each) => each! > 0))),
  ];
}

/** A line for each policy. */
function linesOf(
  course: Course,
  values: (one: Course["all"][number]) => readonly (number | null)[],
): TimelinePanel["lines"] {
  return course.all.map((one) => ({ variant: one.variant.index, values: values(one) }));
}

/** Digits that no reader misses, so that the page stays small. */
function rounded(value: number): number {
  return Number(value.toPrecision(5));
}

function placeOf(course: Course, name: string): string {
  return course.all[0]!.groups.length === 1 ? "" : ` of ${name}`;
}

function throughputPanel(course: Course, name: string, position: number): TimelinePanel {
  const { unit } = course.all[0]!.groups[position]!.throughput;
  const factor = (unit === "bit/s" ? 8 : 1) * 1e9 / course.sliceNs;
  return {
    title: `throughput${placeOf(course, name)}`,
    unit,
    lines: linesOf(
      course,
      ({ series }) =>
        (series.groups[position]?.amount ?? []).map((amount) => rounded(amount * factor)),
    ),
  };
}

function latencyPanel(course: Course, name: string, position: number): TimelinePanel | null {
  for (const [field, title] of PERCENTILES) {
    const lines = linesOf(course, ({ series }) => series.groups[position]?.[field] ?? []);
    const isKnown = lines.every(({ values }) =>
      values.filter((value) => value !== null).length >= KNOWN_SHARE * course.sliceCount
    );
    if (isKnown) return { title: `${title} latency${placeOf(course, name)}`, unit: "ns", lines };
  }
  return null;
}

/** What happened: level by level where something was done, else how steady the run was. */
export function timelineSentence(course: Course, panels: readonly TimelinePanel[]): string {
  const main = panels.find(({ unit }) => unit === "ns") ?? panels[0]!;
  return course.phases.length > 1
    ? `${capital(main.title)}: ${panelSentence(course, main)}`
    : steadySentence(course, panels[0]!);
}

/** "NONE 92.1 µs; MIX 45.8 µs, then 93.0 µs, then 45.7 µs." */
function panelSentence(course: Course, panel: TimelinePanel): string {
  const phases = course.phases.slice(0, PHASES_MAX);
  const told = panel.lines.map(({ variant, values }) => {
    const levels = phases.map((phase) => medianIn(values, phase));
    const words = levels.map((level) =>
      level === null ? "nothing" : formatValue(level, panel.unit)
    );
    const isOne = new Set(words).size === 1;
    return `${labelOf(course, variant)} ${isOne ? words[0] : words.join(", then ")}`;
  });
  return `${told.join("; ")}.`;
}

function labelOf(course: Course, index: number): string {
  return course.all.find(({ variant }) => variant.index === index)!.variant.label;
}

function steadySentence(course: Course, { title, lines }: TimelinePanel): string {
  const seen = lines.flatMap(({ variant, values }) => {
    const known = values.filter((value) => value !== null);
    const level = mean(known);
    if (!(level > 0)) return [];
    const half = Math.floor(known.length / 2);
    return [{
      label: labelOf(course, variant),
      scatter: standardDeviation(known) / level,
      drift: mean(known.slice(half)) / mean(known.slice(0, half)),
    }];
  }).sort((a, b) => a.scatter - b.scatter);
  if (seen.length === 0) return `Nothing was carried: no slice has any ${title}.`;
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const [least, most] = [seen[0]!, seen.at(-1)!];
  const range = seen.length === 1
    ? percent(least.scatter)
    : `${percent(least.scatter)} (${least.label}) to ${percent(most.scatter)} (${most.label})`;
  const drifting = seen.filter(({ drift }) => Math.abs(drift - 1) > DRIFT_SHARE);
  const scatter = `${capital(title)} varies from slice to slice by ${range}`;
  if (drifting.length === 0) return `${scatter}, without drift.`;
  const told = drifting.map(({ label, drift }) =>
    `the second half of ${label} has ${formatRatio(drift)} of its first`
  );
  return `${scatter}; ${joinWords(told)}.`;
}

function timelineTable(course: Course, panels: readonly TimelinePanel[], id: string): Html {
  const bodies = panels.map((panel) => {
    const rows = panel.lines.map(({ variant: index, values }) => {
      const { variant } = course.all.find((each) => each.variant.index === index)!;
      const cells = course.phases.map((phase) => {
        const level = medianIn(values, phase);
        if (level === null) return numberCell(null);
        const known = values.slice(phase.from, phase.to).filter((value) => value !== null);
        const span = { low: Math.min(...known), high: Math.max(...known) };
        return html`<td class="num">${formatValue(level, panel.unit)}<span class="sub">${
          formatRange(span, panel.unit)
        }</span></td>`;
      });
      return html`<tr data-v="${index}"><th scope="row">${
        key(variant)
      }${variant.label}</th>${cells}</tr>`;
    });
    const width = course.phases.length + 1;
    return html`<tbody><tr class="group"><th scope="rowgroup" colspan="${width}">${
      capital(panel.title)
    }</th></tr>${rows}</tbody>`;
  });
  return html`<details><summary>Values of the chart: median of the slices, lowest to highest</summary>${
    dataTable({
      label: "Values of the chart: the run over time",
      className: "small",
      id,
      heads: [
        textHead("Policy"),
        ...course.phases.map((phase) => numberHead(phaseName(phase, course.sliceNs))),
      ],
      body: html`${bodies}`,
    })
  }</details>`;
}
