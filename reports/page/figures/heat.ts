/**
 * Queue by time as a heat map: packets, interrupts and throttling of each queue, and busy time of
 * each CPU, in slices of time; a panel per policy, all in the same colours.
 *
 * @module
 */

import type { WorkloadRuns } from "../../cells.ts";
import { imbalance } from "../../metrics.ts";
import { median } from "../../../harness/stats/quantile.ts";
import { formatSi, formatTick } from "../client/format.js";
import type { PageContext } from "../context.ts";
import { type Course, courseOf, marksNote, type Phase, type VariantCourse } from "../course.ts";
import { dataTable, numberCell, numberHead, textHead } from "../data_table.ts";
import { type Html, html } from "../html.ts";
import { HEAT_LEVELS } from "../palette.ts";
import { key } from "../tables.ts";
import { frame } from "./frame.ts";
import type { HeatFigure, HeatMeasure } from "./kinds.ts";

/** What can be shown; the first is shown unless the reader chooses. */
export const HEAT_CHOICES = [
  ["rx_packets", "received packets"],
  ["interrupts", "interrupts"],
  ["itr_rx_usecs", "throttling interval"],
  ["busy_permille", "busy CPU time"],
] as const;

/** What a full colour stands for, in the unit of the measure. */
const WORDS: Readonly<Record<HeatMeasure, (most: number) => string>> = {
  rx_packets: (most) => `${formatSi(most)} packets`,
  interrupts: (most) => `${formatSi(most)} interrupts`,
  itr_rx_usecs: (most) => `${most} µs of throttling`,
  busy_permille: () => "a CPU busy all the time",
};

/** Renders the heat map of a workload; null where no run kept its course. */
export function heatFigure(context: PageContext, workload: WorkloadRuns, id: string): Html | null {
  const course = courseOf(context, workload);
  if (course === null || course.all.every(({ series }) => series.queues.length === 0)) return null;
  const panels = course.all.map(panelOf);
  const most = Object.fromEntries(
    HEAT_CHOICES.map(([name]) => [name, mostOf(panels, name)]),
  ) as HeatFigure["most"];
  const said = course.all.map((one) => `${one.variant.label} ${imbalanceWords(course, one)}`);
  return frame(context, {
    id,
    figure: {
      kind: "heat",
      title: "Queues over time",
      slice_ns: course.sliceNs,
      slice_count: course.sliceCount,
      most,
      panels,
      marks: course.marks,
    },
    finding: `Packets of the busiest queue over the mean of all queues, median of the slices: ${
      said.join("; ")
    }.`,
    note:
      `Slices of ${formatTick(course.sliceNs, "ns")}. The strongest colour is the same for all ` +
      `policies: ${HEAT_CHOICES.map(([name]) => WORDS[name](most[name])).join(", ")}.` +
      marksNote(course),
    width: "wide",
    legend: legend(),
    panels: course.all.map(({ variant }, index) => ({
      variant: variant.index,
      head: html`${key(variant)}${variant.label}`,
      label: `Heat map of queues over time. ${said[index]}.`,
    })),
    table: heatTable(course, `${id}-table`),
  });
}

function panelOf({ variant, series }: VariantCourse): HeatFigure["panels"][number] {
  const queues = series.queues.toSorted((a, b) => a.queue - b.queue);
  const cpus = series.cpus.toSorted((a, b) => a.cpu - b.cpu);
  return {
    variant: variant.index,
    queues: queues.map(({ queue }) => queue),
    cpus: cpus.map(({ cpu }) => cpu),
    rows: {
      rx_packets: queues.map((each) => each.rx_packets),
      interrupts: queues.map((each) => each.interrupts),
      itr_rx_usecs: queues.map((each) => each.itr_rx_usecs),
      busy_permille: cpus.map((each) => each.busy_permille),
    },
  };
}

function mostOf(panels: HeatFigure["panels"], name: HeatMeasure): number {
  if (name === "busy_permille") return 1000;
  return panels.reduce((most, { rows }) => Math.max(most, ...rows[name].flat()), 1);
}

/** What to show, and what the colours mean. */
function legend(): Html {
  const options = HEAT_CHOICES.map(([name, title]) =>
    html`<option value="${name}">${title}</option>`
  );
  const swatches = Array.from(
    { length: HEAT_LEVELS },
    (_, level) => html`<span class="swatch heat-${level + 1}" aria-hidden="true"></span>`,
  );
  return html`
    <div class="parts">
      <label class="choice">Show <select data-choice="heat">${options}</select></label>
      <span>little ${swatches} much; blank: nothing</span>
    </div>
  `;
}

/** Busiest queue over the mean of all, in each slice that has packets. */
function imbalances({ series: { queues, dropped } }: VariantCourse, { from, to }: Phase): number[] {
  return dropped.slice(from, to).flatMap((_, offset) =>
    imbalance(queues.map((queue) => queue.rx_packets[from + offset]!)) ?? []
  );
}

function imbalanceWords(course: Course, one: VariantCourse): string {
  const levels = course.phases.map((phase) => {
    const all = imbalances(one, phase);
    return all.length === 0 ? "none" : median(all).toFixed(2);
  });
  return new Set(levels).size === 1 ? levels[0]! : levels.join(", then ");
}

function heatTable(course: Course, id: string): Html {
  const whole = { from: 0, to: course.sliceCount };
  const rows = course.all.map((one) => {
    const { variant, series: { queues } } = one;
    const all = imbalances(one, whole);
    const busiest = queues.map((each) => ({
      queue: each.queue,
      most: Math.max(...each.rx_packets),
    }))
      .reduce((a, b) => b.most > a.most ? b : a);
    const used = queues.filter((each) => each.rx_packets.some((count) => count > 0)).length;
    const interrupts = Math.max(...queues.flatMap((each) => each.interrupts));
    return html`
      <tr data-v="${variant.index}">
        <th scope="row">${key(variant)}${variant.label}</th>
        ${numberCell(`${used} of ${queues.length}`)}
        ${numberCell(all.length === 0 ? null : median(all).toFixed(2))}
        ${numberCell(all.length === 0 ? null : Math.max(...all).toFixed(2))}
        ${numberCell(`${formatSi(busiest.most)} on queue ${busiest.queue}`)}
        ${numberCell(formatSi(interrupts))}
      </tr>
    `;
  });
  return dataTable({
    label: "Values of the chart: queues over time",
    className: "small",
    id,
    heads: [
      textHead("Policy"),
      ...[
        "Queues used",
        "Max/mean",
        "Worst slice",
        "Most packets",
        "Interrupts",
      ].map(numberHead),
    ],
    body: html`<tbody>${rows}</tbody>`,
  });
}
