/**
 * Makes the HTML page of a bench from its records: one file, no request, same records same bytes.
 *
 * Reads the records given and the page's own style and scripts; never a clock or the network. The
 * content security policy names the hash of each script, so nothing a label smuggles in can run.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { RunRecord } from "../../harness/record.ts";
import { arrange, type Source } from "../cells.ts";
import { answerSections } from "./answer.ts";
import { comparisonSection } from "./comparison.ts";
import { makeContext, type PageContext, type PageOptions, sourceName } from "./context.ts";
import { loadFigures } from "./figures/load.ts";
import { gateBanner } from "./gate_verdict.ts";
import { embedJson, embedScript, type Html, html } from "./html.ts";
import { CPU_PARTS, SERIES, SURFACE, themeProperties } from "./palette.ts";
import { provenanceSection } from "./provenance.ts";
import { toolBar } from "./tool_bar.ts";
import { validationSection } from "./validation.ts";
import { verificationSection } from "./verification.ts";
import { workloadSection } from "./workload.ts";

/** Scripts of the page in the order they must run. */
const CLIENT_FILES = [
  "format.js",
  "state.js",
  "export.js",
  "figure_table.js",
  "chart_look.js",
  "bar_charts.js",
  "latency_charts.js",
  "plane_charts.js",
  "time_charts.js",
  "charts.js",
  "svg.js",
  "main.js",
];

/** Style sheets in the order they must stand; the last may override. */
const STYLE_FILES = ["base.css", "tables.css", "workload.css", "media.css"];

/**
 * Renders the page.
 *
 * @param records Any runs; runs of different targets or builds get parts of their own. Without a
 * run the page says so, and how to get one.
 * @param beside What the gate and the validation said, where it is to be shown.
 * @returns A complete HTML document.
 * @throws Error when a latency histogram cannot be decoded.
 */
export async function renderPage(
  records: readonly RunRecord[],
  beside: PageOptions = {},
): Promise<string> {
  return await renderSources(arrange(records), beside);
}

/** Runs under a name, to be compared with others. */
export interface RunSet {
  readonly name: string;
  readonly records: readonly RunRecord[];
}

/**
 * Renders a page that sets the later sets of runs against the first.
 *
 * @param sets Two or more, with names of their own.
 * @throws Error when a latency histogram cannot be decoded.
 */
export async function renderComparison(
  sets: readonly RunSet[],
  beside: PageOptions = {},
): Promise<string> {
  return await renderSources(sets.flatMap(({ name, records }) => arrange(records, name)), beside);
}

async function renderSources(sources: readonly Source[], beside: PageOptions): Promise<string> {
  const assets = await readAssets();
  const context = makeContext(sources, beside);
  const body = renderBody(context);
  const own = beside.isServed === true
    ? [assets.chart, assets.client, await readPart("client/live.js")]
    : [assets.chart, assets.client];
  const scripts = own.map((script) => embedScript(script));
  const style = embedScript(assets.style + themeRules() + legendRules());
  const policy = [
    "default-src 'none'",
    `script-src ${scripts.map((script) => hashOf(script.text)).join(" ")}`,
    `style-src ${hashOf(style.text)}`,
    "img-src data:",
    // A page in a file asks nobody; one that is served asks its own server whether there is news.
    ...beside.isServed === true ? ["connect-src 'self'"] : [],
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const page = html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="${policy}">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>${pageTitle(sources)}</title>
        <style>${style}</style>
      </head>
      <body>
    ${body}
    <script type="application/json" id="page-data">${embedJson(pageData(context))}</script>
    ${scripts.map((script) => html`<script>${script}</script>`)}
      </body>
    </html>
  `;
  return page.text;
}

/** A file of the page, beside this one. */
function readPart(name: string): Promise<string> {
  return readFile(new URL(name, import.meta.url), "utf8");
}

/** Stand-alone builds, Chart.js first: each beside the file that its package names. */
const CHART_BUILDS = [
  ["chart.js", "chart.umd.min.js"],
  ["chartjs-chart-matrix", "chartjs-chart-matrix.min.js"],
  ["chartjs-plugin-annotation", "chartjs-plugin-annotation.min.js"],
  ["@sgratzl/chartjs-chart-boxplot", "index.umd.min.js"],
] as const;

/** Finds the stand-alone builds and the page's own files beside this one. */
async function readAssets(): Promise<{ chart: string; client: string; style: string }> {
  const { resolve } = createRequire(import.meta.url);
  const [charts, clients, styles] = await Promise.all([
    Promise.all(
      CHART_BUILDS.map(([name, file]) => readFile(join(dirname(resolve(name)), file), "utf8")),
    ),
    Promise.all(CLIENT_FILES.map((name) => readPart(`client/${name}`))),
    Promise.all(STYLE_FILES.map((name) => readPart(`style/${name}`))),
  ]);
  // The map is a file beside the original; naming it here would make browsers ask for it.
  const bare = charts.map((each) => each.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, ""));
  const client = clients.map(withoutModuleSyntax).join("\n");
  return {
    chart: bare.join("\n"),
    style: styles.join("\n"),
    client: `"use strict";(() => {\n${client}\n})();\n`,
  };
}

/**
 * A client module as part of one classic script: pages from the file protocol may not import. All
 * names of the client files are distinct, so dropping import and export lines is enough.
 */
function withoutModuleSyntax(source: string): string {
  return source.replaceAll(/^import [^;]*;$/gm, "").replaceAll(/^export /gm, "");
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text, "utf8").digest("base64")}'`;
}

function themeRules(): string {
  const [light, dark] = [themeProperties("light"), themeProperties("dark")];
  return `:root{${light}}@media (prefers-color-scheme:dark){:root{${dark}}}` +
    `:root[data-theme="light"]{${light}}:root[data-theme="dark"]{${dark}}` +
    `@media print{:root,:root[data-theme]{${light}}}`;
}

/** The legend hides a policy by its number on the root element; one rule per number. */
function legendRules(): string {
  const series = SERIES.map((_, slot) => `.s${slot}{--series:var(--series-${slot})}`);
  const hidden = Array.from(
    { length: 10 },
    (_, index) => `:root[data-hide~="${index}"] [data-v="${index}"]{display:none}`,
  );
  return [...series, ...hidden].join("");
}

function pageTitle(sources: readonly Source[]): string {
  const names = [...new Set(sources.flatMap((source) => source.workloads.map((w) => w.name)))];
  const shown = names.length > 4 ? `${names.slice(0, 3).join(", ")} and more` : names.join(", ");
  return `NET policy report: ${names.length === 0 ? "no run yet" : shown}`;
}

/** What stands in place of answers where there is no run to answer from. */
const NO_RUN = html`
  <main>
    <section class="answer" aria-labelledby="answer-title">
      <h1 id="answer-title">No run yet</h1>
      <p class="lede">
        The records hold no run. <code>deno task bench</code> makes the first; this page is made
        again with <code>deno task report</code>.
      </p>
    </section>
  </main>
`;

function renderBody(context: PageContext): Html {
  const parts = context.sources.map((source, position) => {
    const { title, note } = sourceName(source);
    const id = `s${position}`;
    const loads = loadFigures(context, source, id);
    const workloads = source.workloads.map((workload, index) =>
      workloadSection(context, workload, `${id}w${index}`, title)
    );
    return html`
      <section class="source" aria-label="${title}">
        <div class="rule">
          <h2 class="place">${title}</h2>
          <p class="quiet">${note}</p>
        </div>
        ${loads.length > 0 && html`<div class="figures workload">${loads}</div>`}
        ${workloads}
        <section aria-label="Provenance of ${title}">
          <h2>Where these numbers come from</h2>
          ${provenanceSection(context, source)}
        </section>
      </section>
    `;
  });
  if (context.sources.length === 0) return html`${topBar(false)}${NO_RUN}`;
  const policyHashes = context.sources.flatMap((source) => source.wasm?.policy_sha256 ?? []);
  const comparison = comparisonSection(context);
  const { sentences, scores } = answerSections(context);
  const first = comparison === null
    ? html`${sentences}${toolBar(context)}${scores}`
    : html`${toolBar(context)}${comparison}${sentences}${scores}`;
  return html`
    <a class="skip" href="#detail">Skip to the details</a>
    ${topBar(true)}
    <main>
      ${context.gate !== null && gateBanner(context.gate)}
      ${first}
      <div id="detail" tabindex="-1">${parts}</div>
      ${context.validation !== null && validationSection(context.validation)}
      ${context.verification !== null && verificationSection(context.verification, policyHashes)}
    </main>
    <footer class="quiet">
      Made by the NET policy lab from run records alone; the same records give the same bytes. Times
      are UTC; numbers have a decimal point in every locale.
    </footer>
    <div id="announce" class="unseen" role="status" aria-live="polite"></div>
  `;
}

function topBar(hasValues: boolean): Html {
  const exports = html`
    <button type="button" id="copy-link">Copy link</button>
    <button type="button" id="copy-markdown">Copy as Markdown</button>
    <button type="button" id="save-csv">CSV</button>
    <button type="button" id="save-json">JSON</button>
  `;
  return html`
    <header class="top">
      <span class="brand">NET policy lab</span>
      <nav aria-label="Page" class="actions">
        ${hasValues && exports}
        <button type="button" id="theme">Theme: auto</button>
      </nav>
    </header>
  `;
}

/** What the scripts need: looks, charts, and all values for the exports. */
function pageData(context: PageContext): unknown {
  return {
    schema: "netpolicy-lab/page/1",
    variants: context.variants.map((variant) => ({ ...variant, ...SERIES[variant.slot] })),
    themes: SURFACE,
    parts: CPU_PARTS,
    figures: context.figures,
    results: context.sources.map((source) => ({
      ...source.set === null ? {} : { set: source.set },
      target: source.target,
      generator: source.generator,
      environment: source.environment,
      wasm: source.wasm,
      workloads: source.workloads.map((workload) => ({
        name: workload.name,
        sha256: workload.sha256,
        reference: workload.reference,
        metrics: workload.metrics.map((row) => ({
          id: row.id,
          group: row.group,
          title: row.title,
          unit: row.unit,
          direction: row.direction,
          values: Object.fromEntries(
            [...row.cells].map(([variant, cell]) => [variant, cell.values]),
          ),
          ratio: Object.fromEntries(
            [...row.cells].map(([variant, cell]) => [variant, cell.ratio]),
          ),
        })),
      })),
    })),
  };
}
