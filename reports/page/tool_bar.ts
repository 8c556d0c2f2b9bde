/**
 * What the reader can choose: policies, workload, mechanism, metric of the first table, and how
 * latency is drawn. client/main.js acts on it and keeps the choices in the address.
 *
 * @module
 */

import type { PageContext } from "./context.ts";
import { type Html, html } from "./html.ts";
import { METRIC_CHOICES } from "./score_table.ts";
import { key } from "./tables.ts";

/** How latency is drawn. */
const SCALE_CHOICES = [
  ["linear", "percentiles"],
  ["log", "percentiles, log axis"],
  ["ccdf", "CCDF, log-log"],
  ["boxes", "quartiles, p1 to p99"],
] as const;

/** The bar, which stays on the screen while the page scrolls. */
export function toolBar(context: PageContext): Html {
  const legend = context.variants.map((variant) =>
    html`
      <button type="button" class="legend" aria-pressed="true"
        data-legend="${variant.index}">${key(variant)}${variant.label}</button>
    `
  );
  const workloads = [
    ...new Set(context.sources.flatMap((source) => source.workloads.map(({ name }) => name))),
  ];
  // A policy under one mechanism only is shown and hidden by its own button.
  const policies = new Set(context.variants.map((variant) => variant.policy));
  const mechanisms = context.variants.length === policies.size
    ? []
    : [...new Set(context.variants.map((variant) => variant.mechanism))];
  return html`
    <div class="tools" role="toolbar" aria-label="What to show">
      <div role="group" aria-label="Policies" class="legends">${legend}</div>
      ${workloads.length > 1 &&
        choice("workload", "Workload", [
          ["", "all"],
          ...workloads.map((name) => [name, name] as const),
        ])}
      ${mechanisms.length > 1 &&
        choice("mechanism", "Mechanism", [
          ["", "all"],
          ...mechanisms.map((name) => [name, name] as const),
        ])}
      ${choice("metric", "Table", METRIC_CHOICES)}
      ${choice("scale", "Latency", SCALE_CHOICES)}
    </div>
  `;
}

function choice(
  id: string,
  label: string,
  options: readonly (readonly [string, string])[],
): Html {
  const items = options.map(([value, title]) => html`<option value="${value}">${title}</option>`);
  return html`<label>${label} <select id="${id}">${items}</select></label>`;
}
