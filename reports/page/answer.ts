/**
 * The first screen: which policy wins for which workload, by how much, how sure that is.
 *
 * @module
 */

import type { MetricRow, Source, WorkloadRuns } from "../cells.ts";
import { type PageContext, sourceName } from "./context.ts";
import { type Certainty, type Finding, findingsOf, mainMetrics } from "./findings.ts";
import { forest } from "./forest.ts";
import { plural } from "./client/format.js";
import { type Html, html } from "./html.ts";
import { verdictTable } from "./verdicts.ts";

const CERTAINTY_WORDS: Readonly<Record<Certainty, string>> = {
  clear: "all seeds agree",
  "seeds disagree": "seeds disagree",
  "single seed": "one seed only",
  tie: "tie",
  "no comparison": "nothing to compare",
};

/** Renders the answers of all sources; a source never shares a heading with another. */
export function answerSection(context: PageContext): Html {
  const several = context.sources.length > 1;
  const parts = context.sources.map((source, position) => {
    const { title, note } = sourceName(source);
    const answers = source.workloads.map((workload, index) =>
      answer(context, workload, `s${position}w${index}`)
    );
    const heading = several && html`
      <div class="rule">
        <h2 class="place">${title}</h2>
        <p class="quiet">${note}</p>
      </div>
    `;
    return html`
      ${heading}
      ${verdictTable(context, source, `s${position}`)}
      <div class="answers">${answers}</div>
    `;
  });
  return html`
    <section class="answer" aria-labelledby="answer-title">
      <h1 id="answer-title">Which policy wins?</h1>
      <p class="lede">${context.sources.map(scope).join(" ")}</p>
      ${parts}
    </section>
  `;
}

/** "Model (i40e-model): 3 workloads, 5 policies, 3 seeds each." */
export function scope(source: Source): string {
  const policies = new Set(source.workloads.flatMap((each) => each.variants.map((v) => v.key)));
  const seedCounts = source.workloads.flatMap((each) =>
    each.variants.map((variant) => variant.records.length)
  );
  const [low, high] = [Math.min(...seedCounts), Math.max(...seedCounts)];
  const seeds = low === high ? plural(low, "seed") : `${low} to ${high} seeds`;
  const words = [
    plural(source.workloads.length, "workload"),
    policies.size === 1 ? "1 policy" : `${policies.size} policies`,
    `${seeds} each`,
  ];
  return `${sourceName(source).title} (${source.generator}): ${words.join(", ")}.`;
}

function answer(context: PageContext, workload: WorkloadRuns, id: string): Html {
  const { first, rest, row } = headlines(workload);
  const lines = rest.map((each) => html`<li>${each.text}</li>`);
  return html`
    <article class="card">
      <div class="words">
        <h3><a href="#${id}">${workload.title}</a> ${first !== undefined && badge(first)}</h3>
        ${first !== undefined && html`<p class="first">${first.text}</p>`}
        ${lines.length > 0 && html`<ul class="rest">${lines}</ul>`}
      </div>
      ${first !== undefined && row !== undefined && picture(context, workload, row, first)}
    </article>
  `;
}

/** The forest plot of the main finding with its caption; null where there is nothing to draw. */
function picture(
  context: PageContext,
  workload: WorkloadRuns,
  row: MetricRow,
  finding: Finding,
): Html | null {
  const label = `Ratio of ${row.title} to the stock default. ${finding.text}`;
  const drawing = forest(context, workload, row, label);
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

/** What fits on the first screen: the main finding, those of other groups, wins, and the price. */
function headlines(workload: WorkloadRuns): {
  first: Finding | undefined;
  rest: Finding[];
  row: MetricRow | undefined;
} {
  const findings = findingsOf(workload);
  const main = mainMetrics(workload);
  const row = main[0];
  const first = findings.find((finding) => finding.metricId === row?.id);
  const rest = findings.filter((finding) => {
    if (finding === first) return false;
    const about = main.find((each) => each.id === finding.metricId);
    // The price carries the id of the first finding; a tie or a loss inside its group can wait.
    return about !== undefined &&
      (about === row || about.group !== row?.group || finding.certainty === "clear");
  });
  return { first, rest, row };
}

function badge(finding: Finding): Html {
  return html`<span class="badge">${CERTAINTY_WORDS[finding.certainty]}</span>`;
}
