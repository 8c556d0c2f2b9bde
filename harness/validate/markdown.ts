/**
 * Verdicts of validation as the table of the README, and the place in a text where it belongs.
 * Pure: never reads or writes a file.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import { type JudgedCase, scoreOf } from "./judge.ts";
import {
  deviationOf,
  modelOf,
  publishedOf,
  reasonLines,
  scoreLines,
  subjectOf,
  VERDICT_WORDS,
} from "./show.ts";

/** Lines that enclose the generated section. */
export const MARK_BEGIN = "<!-- validation: begin (deno task validate --readme) -->";
export const MARK_END = "<!-- validation: end -->";

/** The section between the marks. */
export function renderMarkdown(judged: readonly JudgedCase[]): string {
  const series = [...new Set(judged.map(({ case: subject }) => subject.series))];
  const tables = series.flatMap((title) =>
    seriesLines(judged.filter(({ case: subject }) => subject.series === title))
  );
  const reasons = reasonLines(judged).map((line) => `- ${line}`);
  const misses = reasons.length === 0 ? [] : ["", "What misses, and why:", "", ...reasons];
  return [...scoreLines(scoreOf(judged), judged), ...tables, ...misses].join("\n") + "\n";
}

/** Heading and table of the cases of one file. */
function seriesLines(judged: readonly JudgedCase[]): string[] {
  const { series, source } = judged[0]!.case;
  const machines = [...new Set(judged.map(({ case: subject }) => `\`${subject.machine.name}\``))];
  const rows = judged.flatMap(({ case: subject, checks }) =>
    checks.map((check, index) => {
      const mark = subject.isCalibration ? " (fitted)" : "";
      return [
        index === 0 ? `${subject.name}${mark}: ${subject.title}` : "",
        `\`${subjectOf(check.expectation)}\``,
        publishedOf(check.expectation),
        modelOf(check),
        deviationOf(check),
        VERDICT_WORDS[check.verdict],
      ];
    })
  );
  const table = [
    ["case", "what", "published", "model", "deviation", "verdict"],
    ["---", "---", "---:", "---:", "---:", "---"],
    ...rows,
  ].map((cells) => `| ${cells.map(escaped).join(" | ")} |`);
  const { who, where, when } = source;
  const heading = `**${series}** (${who}: ${where}, ${when}; class ${source.class}), ` +
    `model of ${machines.join(", ")}`;
  return ["", heading, "", ...table];
}

function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|");
}

/**
 * A text with its generated section replaced.
 *
 * @throws {UserError} when the text has no marks.
 */
export function withSection(text: string, section: string, file: string): string {
  const { before, after } = around(text, file);
  return `${before}${MARK_BEGIN}\n<!-- deno-fmt-ignore-start -->\n\n${section}\n` +
    `<!-- deno-fmt-ignore-end -->\n${MARK_END}${after}`;
}

/** The section that a text holds, or null where it has no marks. */
export function sectionOf(text: string): string | null {
  const begin = text.indexOf(MARK_BEGIN);
  const end = text.indexOf(MARK_END);
  if (begin < 0 || end < begin) return null;
  return text.slice(begin + MARK_BEGIN.length, end)
    .replace("\n<!-- deno-fmt-ignore-start -->\n\n", "")
    .replace("\n<!-- deno-fmt-ignore-end -->\n", "");
}

function around(text: string, file: string): { before: string; after: string } {
  const begin = text.indexOf(MARK_BEGIN);
  const end = text.indexOf(MARK_END);
  if (begin < 0 || end < begin) {
    throw new UserError(
      `Cannot place the table in "${file}": it lacks the lines "${MARK_BEGIN}" and "${MARK_END}"`,
    );
  }
  return { before: text.slice(0, begin), after: text.slice(end + MARK_END.length) };
}
