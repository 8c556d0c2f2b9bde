/**
 * The part of the page about one workload: findings, summary, charts, mechanism, losses.
 *
 * @module
 */

import type { WorkloadRuns } from "../cells.ts";
import type { PageContext } from "./context.ts";
import { barsFigure, cpuFigures, curveFigure } from "./figures.ts";
import { findingsOf } from "./findings.ts";
import { type Html, html } from "./html.ts";
import { counterSection, dropsSection, groupLines, remarks } from "./provenance.ts";
import { queueSection } from "./queues.ts";
import { summaryTable } from "./tables.ts";

/** Metrics of a group that get a bar chart, and those of the whole machine beside them. */
const GROUP_BARS = ["throughput", "latency_ns_p99"];
const RUN_BARS = ["interrupts_per_second", "rx_packets_per_interrupt"];

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
  const findings = findingsOf(workload).map((finding) => html`<li>${finding.text}</li>`);
  const subtitle = [
    place,
    ...(workload.machine === null ? [] : [`machine ${workload.machine}`]),
    ...groupLines(workload),
  ].join(" · ");
  return html`
    <section class="workload" id="${id}">
      <header>
        <h2 id="${id}-title" tabindex="-1">${workload.title} <code>${workload.name}</code></h2>
        <p class="quiet">${subtitle}</p>
      </header>
      ${remarks(workload)}
      <ul class="findings">${findings}</ul>
      ${summaryTable(context, workload)}
      <div class="figures">${charts(context, workload, id)}</div>
      ${queueSection(context, workload)}
      ${dropsSection(context, workload)}
      ${counterSection(context, workload)}
    </section>
  `;
}

function charts(context: PageContext, workload: WorkloadRuns, id: string): (Html | null)[] {
  const groups = [...new Set(workload.metrics.flatMap((row) => row.group ?? []))];
  const figures: (Html | null)[] = [];
  groups.forEach((group, position) => {
    for (const key of GROUP_BARS) {
      const row = workload.metrics.find((each) => each.group === group && each.key === key);
      if (row !== undefined) {
        figures.push(barsFigure(context, workload, row, `${id}-g${position}-${key}`));
      }
    }
    figures.push(curveFigure(context, workload, group, `${id}-g${position}-curve`));
  });
  for (const key of RUN_BARS) {
    const row = workload.metrics.find((each) => each.group === null && each.key === key);
    if (row !== undefined) figures.push(barsFigure(context, workload, row, `${id}-${key}`));
  }
  figures.push(cpuFigures(context, workload, `${id}-cpu`));
  return figures;
}
