/**
 * The part of the page about one workload: findings, summary, charts, mechanism, losses.
 *
 * @module
 */

import type { WorkloadRuns } from "../cells.ts";
import type { PageContext } from "./context.ts";
import { barsFigure } from "./figures/bars.ts";
import { cpuFigure } from "./figures/cpu.ts";
import { heatFigure } from "./figures/heat.ts";
import { curveFigure, differenceFigure } from "./figures/latency.ts";
import { timelineFigure } from "./figures/timeline.ts";
import { tradeoffFigure } from "./figures/tradeoff.ts";
import { type Certainty, findingsOf, mainMetrics } from "./findings.ts";
import { forest } from "./forest.ts";
import { type Html, html } from "./html.ts";
import { counterSection, dropsSection, groupLines, remarks } from "./provenance.ts";
import { queueSection } from "./queues.ts";
import { summaryTable } from "./tables.ts";

/** Metrics of a group that get a bar chart, and those of the whole machine beside them. */
const GROUP_BARS = ["throughput", "latency_ns_p99"];
const RUN_BARS = ["interrupts_per_second", "rx_packets_per_interrupt"];

const CERTAINTY_WORDS: Readonly<Record<Certainty, string>> = {
  clear: "all seeds agree",
  "seeds disagree": "seeds disagree",
  "single seed": "one seed only",
  tie: "tie",
  "no comparison": "nothing to compare",
};

/**
 * Renders one workload.
 *
 * @param id Element id; ids of its parts begin with it.
 * @param place What the numbers come from, "Model" for example.
 */
export function workloadSection(
  context: PageContext,
  workload: WorkloadRuns,
  id: string,
  place: string,
): Html {
  const subtitle = [
    place,
    ...(workload.machine === null ? [] : [`machine ${workload.machine}`]),
    ...groupLines(workload),
  ].join(" · ");
  const course = html`
    <div class="figures">
      ${timelineFigure(context, workload, `${id}-timeline`)}
      ${heatFigure(context, workload, `${id}-heat`)}
    </div>
  `;
  return html`
    <section class="workload" id="${id}" data-w="${workload.name}">
      <header>
        <h2 id="${id}-title" tabindex="-1">${workload.title} <code>${workload.name}</code></h2>
        <p class="quiet">${subtitle}</p>
      </header>
      ${remarks(workload)}
      ${workload.isChanging ? html`${CHANGING}${course}` : findings(context, workload)}
      ${summaryTable(context, workload)}
      <div class="figures">${charts(context, workload, id)}</div>
      ${!workload.isChanging && course}
      ${queueSection(context, workload, `${id}-map`)}
      ${dropsSection(context, workload)}
      ${counterSection(context, workload)}
    </section>
  `;
}

const CHANGING = html`
  <p class="changing">
    The device's policy is changed during the run, so its totals are of no single policy: the course
    of the run says what each does.
  </p>
`;

/** What was found, in sentences, beside the picture of the main ratio. */
function findings(context: PageContext, workload: WorkloadRuns): Html {
  const row = mainMetrics(workload)[0];
  const items = findingsOf(workload).map((finding) => {
    const badge = finding.metricId === row?.id && finding.winners.length > 0 &&
      html`<span class="badge">${CERTAINTY_WORDS[finding.certainty]}</span>`;
    return html`<li>${finding.text} ${badge}</li>`;
  });
  return html`
    <div class="card">
      <ul class="findings">${items}</ul>
      ${picture(context, workload)}
    </div>
  `;
}

/** The forest plot of the main metric with its caption; null where there is nothing to draw. */
function picture(context: PageContext, workload: WorkloadRuns): Html | null {
  const row = mainMetrics(workload)[0];
  if (row === undefined) return null;
  const finding = findingsOf(workload).find((each) => each.metricId === row.id)?.text ?? "";
  const drawing = forest(
    context,
    workload,
    row,
    `Ratio of ${row.title} to the stock default. ${finding}`,
  );
  if (drawing === null) return null;
  const group = row.group === null ? "" : ` of ${row.group}`;
  const base = workload.variants.find((variant) => variant.key === workload.reference)!.label;
  return html`
    <div class="picture">
      <p class="quiet">${row.title}${group}, ratio to ${base}</p>
      ${drawing}
    </div>
  `;
}

function charts(context: PageContext, workload: WorkloadRuns, id: string): (Html | null)[] {
  const groups = [...new Set(workload.metrics.flatMap((row) => row.group ?? []))];
  const figures: (Html | null)[] = [];
  groups.forEach((group, position) => {
    const own = `${id}-g${position}`;
    for (const key of GROUP_BARS) {
      const row = workload.metrics.find((each) => each.group === group && each.key === key);
      if (row !== undefined) figures.push(barsFigure(context, workload, row, `${own}-${key}`));
    }
    figures.push(curveFigure(context, workload, group, `${own}-curve`));
    figures.push(differenceFigure(context, workload, group, `${own}-difference`));
  });
  const main = mainMetrics(workload)[0];
  if (main !== undefined) figures.push(tradeoffFigure(context, workload, main, `${id}-tradeoff`));
  for (const key of RUN_BARS) {
    const row = workload.metrics.find((each) => each.group === null && each.key === key);
    if (row !== undefined) figures.push(barsFigure(context, workload, row, `${id}-${key}`));
  }
  figures.push(cpuFigure(context, workload, `${id}-cpu`));
  return figures;
}
