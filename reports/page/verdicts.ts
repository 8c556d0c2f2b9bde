/**
 * The answer at a glance: one row per workload and group, one column per question, the winner in
 * the cell. The sentences below it say the same with ranges and prices.
 *
 * @module
 */

import type { MetricRow, Source, WorkloadRuns } from "../cells.ts";
import { isCpuCost } from "../metrics.ts";
import { cellOf, type PageContext, pageVariant } from "./context.ts";
import { dataTable, textHead } from "./data_table.ts";
import { bestOf, type Finding } from "./findings.ts";
import { isSpoiledByLoss, lossesOf, lossRange } from "./losses.ts";
import { formatRatio } from "./client/format.js";
import { type Html, html, type HtmlPart } from "./html.ts";
import { key } from "./tables.ts";

/** The questions about a group, and which of its metrics answers each. */
const GROUP_QUESTIONS: readonly (readonly [string, string])[] = [
  ["Lowest p99 latency", "latency_ns_p99"],
  ["Highest throughput", "throughput"],
];

/** CPU time is of the whole machine, so a workload has one answer for all of its groups. */
const CPU_QUESTION = "Least CPU time";

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
      verdictRow(context, workload, group, {
        workloadId: `${sourceId}w${position}`,
        machineCell: index === 0 ? cpuCell(context, workload, groups.length) : null,
      })
    );
  });
  return dataTable({
    label: "Winner by workload",
    className: "verdicts",
    heads: ["Workload", ...GROUP_QUESTIONS.map(([question]) => question), CPU_QUESTION]
      .map(textHead),
    body: html`<tbody>${rows}</tbody>`,
  });
}

function verdictRow(
  context: PageContext,
  workload: WorkloadRuns,
  group: string,
  parts: { readonly workloadId: string; readonly machineCell: Html | null },
): Html {
  const cells = GROUP_QUESTIONS.map(([, metricKey]) => {
    const row = workload.metrics.find((each) => each.key === metricKey && each.group === group);
    return verdictCell(row === undefined ? NOTHING : verdict(context, workload, row));
  });
  const suffix = group === workload.name ? null : html`<span class="quiet">· ${group}</span>`;
  return html`
    <tr>
      <th scope="row"><a href="#${parts.workloadId}">${workload.name}</a> ${suffix}</th>
      ${cells}
      ${parts.machineCell}
    </tr>
  `;
}

/** What stands in a cell; quiet where it names no winner. */
interface Verdict {
  readonly content: HtmlPart;
  readonly isWin: boolean;
}

const NOTHING: Verdict = { content: "–", isWin: false };

function verdictCell({ content, isWin }: Verdict, rowCount = 1): Html {
  const name = isWin ? null : html`class="none"`;
  return html`<td ${name} ${rowCount > 1 && html`rowspan="${rowCount}"`}>${content}</td>`;
}

/** The winner in CPU time with the unit of work, beside all groups of the workload. */
function cpuCell(context: PageContext, workload: WorkloadRuns, groupCount: number): Html {
  const row = workload.metrics.find(isCpuCost);
  if (row === undefined) {
    return verdictCell({ content: "not ranked: work of two kinds", isWin: false }, groupCount);
  }
  const { content, isWin } = verdict(context, workload, row);
  const unit = isWin && html`
    <span class="quiet">${row.title.replace("CPU time ", "")}</span>
  `;
  return verdictCell({ content: html`${content}${unit}`, isWin }, groupCount);
}

function verdict(context: PageContext, workload: WorkloadRuns, row: MetricRow): Verdict {
  const finding = bestOf(workload, row);
  if (finding === null) return NOTHING;
  const { winners } = finding;
  if (winners.length === 0 || winners.length > WINNERS_MAX) {
    const alone = finding.certainty === "no comparison";
    const words = alone ? "one policy only" : "no difference";
    return { content: html`${words}${lossBadge(workload, row, null)}`, isWin: false };
  }
  const names = winners.map((winner) => {
    const variant = pageVariant(context, winner);
    const ratio = cellOf(row, winner).ratio?.median;
    const isReference = winner === workload.reference;
    const shown = isReference || ratio === undefined ? null : formatRatio(ratio);
    return html`<span class="winner">${key(variant)}<b>${variant.label}</b> ${shown}</span>`;
  });
  const badges = html`${doubt(finding)}${lossBadge(workload, row, winners)}`;
  return { content: html`${names}${badges}`, isWin: true };
}

/** Words for a result that was reached with losses; of all variants where none is named. */
function lossBadge(
  workload: WorkloadRuns,
  row: MetricRow,
  winners: readonly string[] | null,
): Html | null {
  if (row.group === null || !isSpoiledByLoss(row)) return null;
  const { all } = lossesOf(workload, row.group);
  const own = all.filter((loss) => winners === null || winners.includes(loss.key));
  return own.length === 0 ? null : html`<span class="badge">${lossRange(own)} lost</span>`;
}

/** Words for a win that should not be trusted yet. */
function doubt(finding: Finding): Html | null {
  if (finding.certainty === "seeds disagree") {
    return html`<span class="badge">seeds disagree</span>`;
  }
  if (finding.certainty === "single seed") return html`<span class="badge">one seed only</span>`;
  return null;
}
