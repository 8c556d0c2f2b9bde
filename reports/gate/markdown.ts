/**
 * Markdown for GitHub within the size that it takes. Cuts between rows only, the last ones first,
 * and says how many. Pure.
 *
 * @module
 */

import { plural } from "../page/client/format.js";

/** Bytes of a step summary, beyond which GitHub shows nothing of it: 1 MiB. */
export const SUMMARY_BYTES_MAX = 1024 * 1024;
/** Characters of a comment, beyond which GitHub refuses it; counted as bytes, never fewer. */
export const COMMENT_BYTES_MAX = 65_536;
/** Kept free for what others put around a comment, such as a mark to find it by. */
const COMMENT_RESERVE = 1024;

/** What a text for a comment may be long. */
export const COMMENT_TEXT_MAX = COMMENT_BYTES_MAX - COMMENT_RESERVE;

/** What a text is made of, the most important first. */
export interface MarkdownParts {
  readonly title: string;
  /** Sentences above the table, with Markdown in them. */
  readonly lead: readonly string[];
  readonly heads: readonly string[];
  /** Columns of numbers. */
  readonly numeric: readonly number[];
  /** Cells as plain text. */
  readonly rows: readonly (readonly string[])[];
  /** Items of a list below the table, as plain text. */
  readonly items: readonly string[];
}

/** Rows of a table for people: nobody reads more, and the JSON holds all. */
const ROWS_MAX = 200;
/** Characters of a cell: the names in a table come from files, and are as long as those say. */
const CELL_MAX = 500;
/** Longer than the sentence that says what was left out. */
const REST_BYTES = 120;

/** The text, `bytesMax` long at most. */
export function fitMarkdown(parts: MarkdownParts, bytesMax: number): string {
  const { title, lead, heads, numeric, rows, items } = parts;
  const text = new BoundedText(bytesMax - REST_BYTES);
  text.add(`### ${title}\n`);
  for (const sentence of lead) text.add(`\n${sentence}\n`);
  const rules = heads.map((_, at) => numeric.includes(at) ? "---:" : "---");
  const head = `\n${rowOf(heads)}\n|${rules.join("|")}|\n`;
  // A head without a row below it is no table.
  const lines = rows.slice(0, ROWS_MAX).map((row) => `${rowOf(row)}\n`);
  const hasTable = lines.length > 0 && text.add(head + lines[0]!);
  let shown = hasTable ? 1 : 0;
  while (hasTable && shown < lines.length && text.add(lines[shown]!)) shown++;
  let listed = 0;
  for (const item of items.map((each) => `- ${escapeCell(each)}\n`)) {
    if (!text.add(listed === 0 ? `\n${item}` : item)) break;
    listed++;
  }
  const left = [[rows.length - shown, "more row"], [items.length - listed, "more line"]] as const;
  const rest = left.filter(([count]) => count > 0).map(([count, word]) => plural(count, word));
  const tail = rest.length === 0 ? "" : `\n${rest.join(" and ")} left out; --json holds all\n`;
  return text.text + tail;
}

/** Text that takes a part whole or not at all. */
class BoundedText {
  readonly #bytesMax: number;
  #bytes = 0;
  text = "";

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Whether there was room. */
  add(part: string): boolean {
    const bytes = new TextEncoder().encode(part).length;
    if (this.#bytes + bytes > this.#bytesMax) return false;
    this.#bytes += bytes;
    this.text += part;
    return true;
  }
}

function rowOf(cells: readonly string[]): string {
  return `| ${cells.map(escapeCell).join(" | ")} |`;
}

/** Plain text that Markdown shows as it is, in one line. */
export function escapeCell(text: string): string {
  const shown = text.length > CELL_MAX ? `${text.slice(0, CELL_MAX).toWellFormed()}…` : text;
  return shown.replace(/[\\|*_`<[\]]/g, "\\$&").replace(/[ \t\r\n]+/g, " ");
}
