/**
 * The first screen: which policy to choose for which workload, at what cost, how sure that is, and
 * what ran where.
 *
 * @module
 */

import type { Source } from "../cells.ts";
import { type Headline, headlinesOf } from "./choice.ts";
import { type PageContext, pageVariant, sourceName } from "./context.ts";
import { plural } from "./client/format.js";
import { type Html, html } from "./html.ts";
import { scoreTable } from "./score_table.ts";
import { key } from "./tables.ts";

const QUESTION = "Which policy for which workload?";

/** Renders the answers of all sources; a source never shares a heading with another. */
export function answerSections(context: PageContext): { sentences: Html; scores: Html } {
  const isCompared = context.sources.some((source) => source.set !== null);
  const several = context.sources.length > 1;
  const answered = context.sources.filter((source) => headlinesOf(source).length > 0);
  const headlines = answered.map((source) => headlineList(context, source, answered.length > 1));
  const tables = context.sources.map((source, position) => {
    const { title, note } = sourceName(source);
    const heading = several && html`
      <div class="rule">
        <h2 class="place">${title}</h2>
        <p class="quiet">${note}</p>
      </div>
    `;
    return html`${heading}${scoreTable(context, source, `s${position}`)}`;
  });
  const sentences = html`
    <section class="answer" aria-labelledby="answer-title">
      ${isCompared
        ? html`<h2 id="answer-title">${QUESTION}</h2>`
        : html`<h1 id="answer-title">${QUESTION}</h1>`}
      <p class="lede">${context.sources.map(scope).join(" ")}</p>
      ${headlines}
    </section>
  `;
  const scores = html`
    <section class="scores" aria-label="How each policy does">${tables}</section>
  `;
  return { sentences, scores };
}

/** The sentences of one source, under its name where there are several. */
function headlineList(context: PageContext, source: Source, several: boolean): Html {
  const items = headlinesOf(source).map((line) =>
    html`<li>${names(context, line)} <span>${line.text}</span></li>`
  );
  const name = several && html`<p class="quiet">${sourceName(source).title}</p>`;
  return html`${name}<ul class="headlines">${items}</ul>`;
}

function names(context: PageContext, { kind, keys }: Headline): Html {
  if (kind === "any") return html`<span class="winner"><b>Any</b></span>`;
  const marks = keys.map((each) => {
    const variant = pageVariant(context, each);
    return html`<span class="winner">${key(variant)}<b>${variant.label}</b></span>`;
  });
  return html`<span class="winners">${marks}</span>`;
}

/** "Model (i40e-model) of x710-8cpu: 3 workloads, 5 policies, 3 seeds each." */
export function scope(source: Source): string {
  const policies = new Set(source.workloads.flatMap((each) => each.variants.map((v) => v.key)));
  const seedCounts = source.workloads.flatMap((each) =>
    each.variants.map((variant) => variant.records.length)
  );
  const [low, high] = [Math.min(...seedCounts), Math.max(...seedCounts)];
  const seeds = low === high ? plural(low, "seed") : `${low} to ${high} seeds`;
  const machines = [...new Set(source.workloads.flatMap((each) => each.machine ?? []))];
  const where = machines.length === 0
    ? ""
    : machines.length > 2
    ? ` of ${machines.length} machines`
    : ` of ${machines.join(" and ")}`;
  const words = [
    plural(source.workloads.length, "workload"),
    policies.size === 1 ? "1 policy" : `${policies.size} policies`,
    `${seeds} each`,
  ];
  return `${sourceName(source).title}${where} (${source.generator}): ${words.join(", ")}.`;
}
