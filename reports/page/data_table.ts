/**
 * The frame of every table: scrolls sideways by itself on a narrow screen, can be reached by
 * keyboard, has a name for screen readers.
 *
 * @module
 */

import { type Html, html, type HtmlPart } from "./html.ts";

/** What a table is made of. */
export interface TableParts {
  /** Name for screen readers. */
  readonly label: string;
  readonly className: string;
  /** Element id, where a chart points to the table. */
  readonly id?: string;
  /** Cells of the header row. */
  readonly heads: readonly Html[];
  /** One tbody or more. */
  readonly body: HtmlPart;
}

/** Renders a table in its frame. */
export function dataTable(parts: TableParts): Html {
  const id = parts.id === undefined ? null : html`id="${parts.id}"`;
  return html`
    <div class="scroll" tabindex="0" role="group" aria-label="${parts.label}">
      <table class="${parts.className}" ${id}>
        <thead>
          <tr>${parts.heads}</tr>
        </thead>
        ${parts.body}
      </table>
    </div>
  `;
}

/** Header cell over text. */
export function textHead(text: string | number): Html {
  return html`<th scope="col">${text}</th>`;
}

/** Header cell over numbers. */
export function numberHead(text: string | number): Html {
  return html`<th scope="col" class="num">${text}</th>`;
}

/** Cell with a number; a dash for what is not known. */
export function numberCell(text: string | number | null): Html {
  return html`<td class="num">${text ?? "–"}</td>`;
}
