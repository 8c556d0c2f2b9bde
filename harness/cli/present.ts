/**
 * What a person sees of records: the table or JSON on stdout, and the page in a file. Shared by
 * `bench` and `report`. As the place where the parts are put together, harness/cli may import from
 * reports/; it does so late, so that commands that need no page do not load it.
 *
 * @module
 */

import { relative } from "node:path";
import type { PageOptions } from "../../reports/page/context.ts";
import type { RunSet } from "../../reports/page/page.ts";
import type { RunRecord } from "../record.ts";
import type { RecordStore } from "../store.ts";
import { summarise } from "../summary.ts";
import { renderCourses, renderSketches } from "../sketch.ts";
import { renderSummary } from "../table.ts";
import { wrapped } from "../words.ts";
import type { Io } from "./io.ts";

/** Version of the document that `--json` prints. */
export const SUMMARY_SCHEMA = "netpolicy-lab/summary/1";
/** Version of the document that `report --compare --json` prints. */
export const COMPARISON_SCHEMA = "netpolicy-lab/comparison/1";

/** Width of sentences in a terminal, at most. */
const WIDTH_MAX = 120;

/** How to present, and where the page goes. */
export interface PresentOptions {
  readonly store: Pick<RecordStore, "recordsFile" | "writePage">;
  readonly isEarly: boolean;
  readonly json: boolean;
  /** What other commands found, for the page to show. */
  readonly beside?: PageOptions;
  /** Show under the tables which policy to choose, and the shapes of latency. */
  readonly isFull?: boolean;
  /** Further members of the JSON document. */
  readonly more?: object;
}

/** A file as seen from a folder, or its whole path where it lies elsewhere. */
export function shownPath(folder: string, file: string): string {
  const path = relative(folder, file);
  return path.startsWith("..") ? file : path;
}

/** Writes the page, then prints tables or one JSON document; the file of the page. */
export async function present(
  records: readonly RunRecord[],
  options: PresentOptions,
  io: Io,
): Promise<string> {
  const summary = summarise(records);
  const shown = (file: string): string => shownPath(io.cwd, file);
  // The table first: it must not wait for, nor fall with, the page.
  const { color, columns } = io;
  if (!options.json) {
    io.out(renderSummary(summary, { color, columns }) + "\n");
    if (options.isFull === true) {
      const sketches = [renderSketches(records), renderCourses(records)];
      for (const text of [...sketches, await choices(records, io)]) {
        if (text !== "") io.out(text + "\n");
      }
    }
  }
  const { renderPage } = await import("../../reports/page/page.ts");
  const pageFile = await options.store.writePage(await renderPage(records, options.beside));
  if (!options.json) {
    io.out(`Records  ${shown(options.store.recordsFile)}\nPage     ${shown(pageFile)}\n`);
    return pageFile;
  }
  const document = {
    schema: SUMMARY_SCHEMA,
    ended_early: options.isEarly,
    records_file: shown(options.store.recordsFile),
    page_file: shown(pageFile),
    ...summary,
    ...options.more,
  };
  io.out(JSON.stringify(document, null, 2) + "\n");
  return pageFile;
}

/** The first sentences of the page; empty where there was nothing to choose from. */
async function choices(records: readonly RunRecord[], io: Io): Promise<string> {
  const { arrange } = await import("../../reports/cells.ts");
  const { choiceLines } = await import("../../reports/page/choice.ts");
  const width = Math.min(io.columns ?? WIDTH_MAX, WIDTH_MAX);
  const whole = records.filter((record) => record.status === "complete");
  const parts = arrange(whole).flatMap((source) => {
    const lines = choiceLines(source);
    if (lines.length === 0) return [];
    return [
      [`choose, by ${source.target}`, ...lines].map((line) => wrapped(line, width)).join("\n"),
    ];
  });
  return parts.length === 0 ? "" : parts.join("\n\n") + "\n";
}

/** Writes the page that sets later sets against the first, then says what moved. */
export async function presentComparison(
  sets: readonly RunSet[],
  options: PresentOptions,
  io: Io,
): Promise<string> {
  const { arrange } = await import("../../reports/cells.ts");
  const { compareSets } = await import("../../reports/compare.ts");
  const { changeSentences, countSentence, toJson } = await import(
    "../../reports/page/comparison.ts"
  );
  const { renderComparison } = await import("../../reports/page/page.ts");
  const comparisons = compareSets(sets.flatMap(({ name, records }) => arrange(records, name)));
  const pageFile = await options.store.writePage(await renderComparison(sets, options.beside));
  const page = shownPath(io.cwd, pageFile);
  if (options.json) {
    const document = {
      schema: COMPARISON_SCHEMA,
      page_file: page,
      comparisons: comparisons.map(toJson),
    };
    io.out(JSON.stringify(document, null, 2) + "\n");
    return pageFile;
  }
  const width = Math.min(io.columns ?? WIDTH_MAX, WIDTH_MAX);
  for (const comparison of comparisons) {
    const lines = [
      `${comparison.set} against ${comparison.base}`,
      countSentence(comparison),
      ...comparison.notes,
      ...changeSentences(comparison),
    ];
    io.out(lines.map((line) => wrapped(line, width)).join("\n") + "\n\n");
  }
  io.out(`Page     ${page}\n`);
  return pageFile;
}
