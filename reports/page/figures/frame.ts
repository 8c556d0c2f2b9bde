/**
 * The frame of every chart: title, what it shows in a sentence, how to read it, the drawing (on a
 * canvas, or as SVG where no script runs), the same numbers as a table, and as files.
 *
 * @module
 */

import type { PageContext } from "../context.ts";
import { type Html, html } from "../html.ts";
import { staticSvg } from "../static_svg.ts";
import type { Figure } from "./kinds.ts";

/** What a figure is made of. */
export interface FrameParts {
  /** Element id; those of its drawings begin with it, its table has `${id}-table`. */
  readonly id: string;
  readonly figure: Figure;
  /** What the chart says. */
  readonly finding: string;
  /** How to read it. */
  readonly note: string;
  /** Columns it takes. */
  readonly width?: "half" | "wide";
  /** Drawings; one without a head unless told. */
  readonly panels?: readonly Panel[];
  readonly legend?: Html;
  /** Name of the workload, for the filter, where the section around it does not tell. */
  readonly workload?: string | undefined;
  readonly table: Html;
}

/** One drawing of a figure. */
export interface Panel {
  /** Name for screen readers: what this drawing shows. */
  readonly label: string;
  readonly head: Html;
  /** Variant that it belongs to, so that the legend can hide it; null for all. */
  readonly variant: number | null;
}

/** Registers the data of a figure and renders it. */
export function frame(context: PageContext, parts: FrameParts): Html {
  const { id, figure, finding, note, panels } = parts;
  context.figures[id] = figure;
  const drawings = panels === undefined
    ? plot(context, id, 0, `${figure.title}. ${finding}`, id)
    : html`<div class="multiples ${figure.kind}">${
      panels.map((panel, index) =>
        html`
          <div class="multiple" ${panel.variant !== null && html`data-v="${panel.variant}"`}>
            <h4>${panel.head}</h4>
            ${plot(context, id, index, panel.label, `${id}-${index}`)}
          </div>
        `
      )
    }</div>`;
  return html`
    <figure class="${parts.width ?? "half"}" id="${id}-figure" ${parts.workload !== undefined &&
      html`data-w="${parts.workload}"`}>
      <figcaption>
        <h3>${figure.title}</h3>
        <p class="says">${finding}</p>
        <p>${note}</p>
        ${parts.legend}
      </figcaption>
      ${drawings}
      ${parts.table}
      ${exportButtons(id, figure.title)}
    </figure>
  `;
}

function plot(
  context: PageContext,
  id: string,
  panel: number,
  label: string,
  canvasId: string,
): Html {
  const figure = context.figures[id]!;
  return html`
    <div class="plot ${figure.kind}">
      <canvas id="${canvasId}" data-figure="${id}" data-panel="${panel}" tabindex="0"
        role="img"
        aria-label="${label}" aria-describedby="${id}-table"></canvas>
      <noscript>${staticSvg(figure, context.variants, panel)}</noscript>
    </div>
  `;
}

/** A figure whose drawing is its table: coloured cells, readable without script and on paper. */
export function tableFrame(
  context: PageContext,
  { id, figure, finding, table }: Pick<FrameParts, "id" | "figure" | "finding" | "table">,
): Html {
  context.figures[id] = figure;
  return html`
    <figure class="wide" id="${id}-figure">
      <figcaption>
        <h3>${figure.title}</h3>
        <p class="says">${finding}</p>
      </figcaption>
      ${table} ${exportButtons(id, figure.title)}
    </figure>
  `;
}

const FORMATS = [["csv", "CSV"], ["json", "JSON"], ["markdown", "Markdown"]] as const;

function exportButtons(id: string, title: string): Html {
  const buttons = FORMATS.map(([format, name]) =>
    html`
      <button type="button" data-export="${format}" data-for="${id}"
        aria-label="${name} of ${title}">${name}</button>
    `
  );
  return html`<p class="exports"><span class="quiet">Data</span> ${buttons}</p>`;
}

/** A title's first letter as a capital; "p99" is a name and keeps its own. */
export function capital(text: string): string {
  return /^p\d/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
}
