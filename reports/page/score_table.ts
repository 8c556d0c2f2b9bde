/**
 * The answer at a glance: a row per workload and metric, a column per policy, each cell with a
 * letter for how near it comes to the best of its row, the ratio to the stock default and the
 * value; before them the choice. The tint only repeats the letter.
 *
 * @module
 */

import { isTie } from "../../harness/stats/tie.ts";
import type { MetricRow, Source, WorkloadRuns } from "../cells.ts";
import { isCpuCost } from "../metrics.ts";
import { absenceOf } from "./absence.ts";
import { type Choice, choicesOf, costRow } from "./choice.ts";
import { cellOf, type PageContext, type PageVariant, pageVariant } from "./context.ts";
import { dataTable, textHead } from "./data_table.ts";
import { bestOf, type Certainty } from "./findings.ts";
import { isSpoiledByLoss, lossesOf, lossRange } from "./losses.ts";
import { formatRatio, formatValue, joinWords, plural } from "./client/format.js";
import { type Html, html } from "./html.ts";
import { key, variantHead } from "./tables.ts";

/** Letters with the largest distance from the best that earns them, as a ratio; E is the rest. */
const GRADES = [["A", 1.01], ["B", 1.1], ["C", 1.25], ["D", 2]] as const;

/** A letter of the table; "=" where no policy makes a difference. */
export type Grade = typeof GRADES[number][0] | "E" | "=";

/** What the letters mean, for the line under the table. */
const GRADE_WORDS = "A: the best, or within 1 % of it; B: within 10 %; C: within 25 %; " +
  "D: within twice; E: farther; =: no policy makes a difference.";

/** Metrics whose rows can be chosen in place of the main ones, by `data-metric`. */
export const METRIC_CHOICES: readonly (readonly [string, string])[] = [
  ["main", "what the test is run for"],
  ["latency_ns_p50", "median latency"],
  ["latency_ns_p99", "p99 latency"],
  ["latency_ns_p99_9", "p99.9 latency"],
  ["throughput", "throughput"],
  ["cpu_ns", "CPU time per work done"],
  ["cpu_utilisation", "CPU utilisation"],
  ["interrupts_per_second", "interrupts per second"],
  ["rx_packets_per_interrupt", "packets per interrupt"],
];

/**
 * Grades every variant of a row by its distance from the best.
 *
 * @returns By variant key; none for metrics without a good side, and for those without a value.
 */
export function gradesOf(workload: WorkloadRuns, row: MetricRow): ReadonlyMap<string, Grade> {
  if (row.direction === "neutral" || workload.isChanging) return new Map();
  const known = workload.variants.flatMap(({ key }) => {
    const median = row.cells.get(key)?.spread?.median;
    return median === undefined ? [] : [{ key, median }];
  });
  if (known.length < 2) return new Map();
  const medians = known.map((each) => each.median);
  const best = row.direction === "higher" ? Math.max(...medians) : Math.min(...medians);
  const allTie = medians.every((median) => isTie(best, median));
  return new Map(known.map(({ key, median }) => [key, allTie ? "=" : gradeOf(best, median)]));
}

function gradeOf(best: number, median: number): Grade {
  if (isTie(best, median)) return "A";
  const distance = Math.max(best, median) / Math.min(best, median);
  // A zero beside a number that is not: infinitely far.
  return GRADES.find(([, most]) => distance <= most)?.[0] ?? "E";
}

/** Renders the table of one source. */
export function scoreTable(context: PageContext, source: Source, sourceId: string): Html {
  const variants = context.variants.filter(({ key }) =>
    source.workloads.some((workload) => workload.variants.some((each) => each.key === key))
  );
  const rows = source.workloads.flatMap((workload, position) => {
    const choices = choicesOf(workload);
    const shown = choices.map((choice) => choice.row);
    const offered = workload.metrics.filter((row) => shown.includes(row) || isOffered(row));
    return offered.map((row) =>
      scoreRow(workload, row, {
        context,
        variants,
        workloadId: `${sourceId}w${position}`,
        choice: choices.find((each) => each.row === row) ?? null,
      })
    );
  });
  const table = dataTable({
    label: "How each policy does, by workload",
    className: "score",
    heads: [textHead("Workload"), CHOICE_HEAD, textHead("Metric"), ...variants.map(variantHead)],
    body: html`<tbody>${rows}</tbody>`,
  });
  return html`${table}<p class="note">${GRADE_WORDS} Ratios are to the stock default (NONE).</p>`;
}

const CHOICE_HEAD = html`<th scope="col" class="choice" data-choice>Choose</th>`;

/** Whether the tool bar offers the metric. */
export function isOffered(row: MetricRow): boolean {
  return METRIC_CHOICES.some(([value]) => value === familyOf(row));
}

/** Name of a metric among METRIC_CHOICES: CPU time per transaction and per megabyte are one. */
export function familyOf(row: MetricRow): string {
  return isCpuCost(row) ? "cpu_ns" : row.key;
}

interface RowParts {
  readonly context: PageContext;
  readonly variants: readonly PageVariant[];
  readonly workloadId: string;
  /** Where the row is what its group is judged by. */
  readonly choice: Choice | null;
}

function scoreRow(workload: WorkloadRuns, row: MetricRow, parts: RowParts): Html {
  const { context, variants, workloadId, choice } = parts;
  const grades = gradesOf(workload, row);
  const cells = variants.map((variant) => {
    const isChosen = choice !== null && choice.kind !== "alone" &&
      choice.keys.includes(variant.key);
    return scoreCell(workload, row, variant, {
      grade: grades.get(variant.key) ?? null,
      isChosen,
      cost: choice === null ? null : costOf(workload, variant.key),
    });
  });
  const group = row.group === null || row.group === workload.name ? "" : ` · ${row.group}`;
  return html`
    <tr data-metric="${familyOf(row)}" data-w="${workload.name}"
      ${choice === null ? html`hidden` : html`data-main`}>
      <th scope="row"><a href="#${workloadId}">${workload.name}</a>${group}</th>
      <td class="choice" data-choice>${choice === null ? "" : choiceWords(context, choice)}</td>
      <td class="quiet">${row.title}</td>
      ${cells}
    </tr>
  `;
}

interface CellParts {
  readonly grade: Grade | null;
  readonly isChosen: boolean;
  /** CPU cost beside the main metric; null for none. */
  readonly cost: string | null;
}

function scoreCell(
  workload: WorkloadRuns,
  row: MetricRow,
  variant: PageVariant,
  { grade, isChosen, cost }: CellParts,
): Html {
  const cell = cellOf(row, variant.key);
  if (cell.spread === null) {
    const reason = absenceOf(workload, row, variant.key);
    const words = reason !== null && html`<span class="sub">${reason}</span>`;
    return html`<td class="num none" data-v="${variant.index}">–${words}</td>`;
  }
  const value = formatValue(cell.spread.median, row.unit);
  const ratio = variant.key === workload.reference ? undefined : cell.ratio?.median;
  const tint = grade === null || grade === "=" ? "" : ` grade-${grade.toLowerCase()}`;
  const sub = [ratio === undefined ? null : value, cost].filter((each) => each !== null);
  const shown = ratio === undefined ? value : formatRatio(ratio);
  const line = html`
    <span class="line">${grade !== null &&
      html`<b>${grade}</b>`} <span class="main">${shown}</span></span>
  `;
  return html`
    <td class="num${tint}${isChosen ? " chosen" : ""}" data-v="${variant.index}">
      ${line} ${lossBadge(workload, row, variant)} <span class="sub">${sub.join(" · ")}</span>
    </td>
  `;
}

const NO_BREAK = "\u00a0";

/** "CPU 1.19×", for the second line of a main cell; null where it is the base or unknown. */
function costOf(workload: WorkloadRuns, variantKey: string): string | null {
  const ratio = costRow(workload)?.cells.get(variantKey)?.ratio?.median;
  return ratio === undefined || variantKey === workload.reference
    ? null
    : `CPU${NO_BREAK}${formatRatio(ratio)}`;
}

function lossBadge(workload: WorkloadRuns, row: MetricRow, variant: PageVariant): Html | null {
  if (row.group === null || !isSpoiledByLoss(row)) return null;
  const own = lossesOf(workload, row.group).all.filter((loss) => loss.key === variant.key);
  return own.length === 0 ? null : html`<span class="badge">${lossRange(own)} lost</span>`;
}

const SURE: Readonly<Record<Certainty, (seedCount: number) => string>> = {
  clear: (seedCount) => `all ${plural(seedCount, "seed")} agree`,
  "seeds disagree": () => "seeds disagree",
  "single seed": () => "one seed only",
  tie: (seedCount) => plural(seedCount, "seed"),
  "no comparison": () => "",
};

function choiceWords(context: PageContext, choice: Choice): Html {
  if (choice.kind === "alone") return html`<span class="none">one policy only</span>`;
  if (choice.kind === "changing") {
    return html`<span class="none">policy changes<span class="sub">see its course</span></span>`;
  }
  const equals = equalsOf(choice);
  const words = equals.length > 0
    ? `${joinWords(equals)} ${equals.length === 1 ? "equals" : "equal"} it`
    : (choice.kind === "cheapest" ? "least CPU time, " : "") +
      SURE[choice.certainty](choice.seedCount);
  const sure = html`<span class="sub">${words}</span>`;
  if (choice.kind === "any") return html`<span class="none">no difference</span>${sure}`;
  const names = choice.keys.map((each) => {
    const variant = pageVariant(context, each);
    return html`<span class="winner">${key(variant)}<b>${variant.label}</b></span>`;
  });
  return html`${names}${sure}`;
}

/** Policies that share the first place with the stock default. */
function equalsOf({ workload, row, kind }: Choice): string[] {
  if (kind !== "stock") return [];
  const winners = bestOf(workload, row)?.winners ?? [];
  return workload.variants.filter(({ key }) => key !== workload.reference && winners.includes(key))
    .map((variant) => variant.label);
}
