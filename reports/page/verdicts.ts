/**
 * The answer at a glance: one row per workload and group, one column per question, the winner in
 * the cell. The sentences below it say the same with ranges and prices.
 *
 * @module
 */

import type { MetricRow, Source, WorkloadRuns } from "../cells.ts";
import { cellOf, type PageContext, pageVariant } from "./context.ts";
import { dataTable, textHead } from "./data_table.ts";
import { bestOf, type Finding } from "./findings.ts";
import { formatRatio } from "./client/format.js";
import { type Html, html } from "./html.ts";
import { key } from "./tables.ts";

/** The questions, and which metric of a group answers each. */
const QUESTIONS: readonly (readonly [string, (metricKey: string) => boolean])[] = [
  ["Lowest p99 latency", (metricKey) => metricKey === "latency_ns_p99"],
  ["Highest throughput", (metricKey) => metricKey === "throughput"],
  ["Least CPU time", (metricKey) => metricKey.startsWith("cpu_ns_per_")],
];

/** More winners than this are a tie that a cell does not spell out. */
const WINNERS_MAX = 2;

/**
 * Renders the table of one source.
 *
 * @param sourceId First part of the ids of its workloads.
 * @returns null where no workload was run under two policies.
 */
export function verdictTable(
  context: PageContext,
  source: Source,
  sourceId: string,
): Html | null {
  if (source.workloads.every((workload) => workload.variants.length < 2)) return null;
  const rows = source.workloads.flatMap((workload, position) => {
    const groups = [...new Set(workload.metrics.flatMap((row) => row.group ?? []))];
    return groups.map((group, index) =>
      verdictRow(context, workload, group, index, `${sourceId}w${position}`)
    );
  });
  return dataTable({
    label: "Winner by workload",
    className: "verdicts",
    heads: [textHead("Workload"), ...QUESTIONS.map(([question]) => textHead(question))],
    body: html`<tbody>${rows}</tbody>`,
  });
}

function verdictRow(
  context: PageContext,
  workload: WorkloadRuns,
  group: string,
  index: number,
  workloadId: string,
): Html {
  const cells = QUESTIONS.map(([, answers]) => {
    const row = workload.metrics.find((each) =>
      answers(each.key) && (each.group === group || each.group === null)
    );
    // A metric of the whole machine belongs to all groups; it is told once.
    if (row === undefined || (row.group === null && index > 0)) {
      return html`<td class="none">–</td>`;
    }
    return verdictCell(context, workload, row);
  });
  const suffix = group === workload.name ? null : html`<span class="quiet">· ${group}</span>`;
  return html`
    <tr>
      <th scope="row"><a href="#${workloadId}">${workload.name}</a> ${suffix}</th>
      ${cells}
    </tr>
  `;
}

function verdictCell(context: PageContext, workload: WorkloadRuns, row: MetricRow): Html {
  const finding = bestOf(workload, row);
  if (finding === null) return html`<td class="none">–</td>`;
  const { winners } = finding;
  if (winners.length === 0 || winners.length > WINNERS_MAX) {
    const alone = finding.certainty === "no comparison";
    return html`<td class="none">${alone ? "one policy only" : "no difference"}</td>`;
  }
  const names = winners.map((winner) => {
    const variant = pageVariant(context, winner);
    const ratio = cellOf(row, winner).ratio?.median;
    const isReference = winner === workload.reference;
    const shown = isReference || ratio === undefined ? null : formatRatio(ratio);
    return html`<span class="winner">${key(variant)}<b>${variant.label}</b> ${shown}</span>`;
  });
  return html`<td>${names}${doubt(finding)}</td>`;
}

/** Words for a win that should not be trusted yet. */
function doubt(finding: Finding): Html | null {
  if (finding.certainty === "seeds disagree") {
    return html`<span class="badge">seeds disagree</span>`;
  }
  if (finding.certainty === "single seed") return html`<span class="badge">one seed only</span>`;
  return null;
}
