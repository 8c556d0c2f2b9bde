/**
 * A result of the verifier as text: one table, then what does not hold. Pure.
 *
 * @module
 */

import Table from "cli-table3";
import { NO_LINES } from "../table.ts";
import { grouped } from "../words.ts";
import type { Finding, Row, VerifyResult } from "./result.ts";

/** Columns that figures take in the table. */
const FIGURES_WIDTH = 76;
/** Lines of detail that are shown of one finding. */
const DETAIL_LINES_MAX = 60;

function figuresText({ figures, skipped }: Row): string {
  if (skipped !== undefined) return skipped;
  const lines: string[] = [""];
  for (const [name, value] of Object.entries(figures)) {
    const text = `${grouped(value)} ${name}`;
    const last = lines[lines.length - 1]!;
    if (last === "") lines[lines.length - 1] = text;
    else if (last.length + text.length + 2 <= FIGURES_WIDTH) lines[lines.length - 1] += `, ${text}`;
    else lines.push(text);
  }
  return lines.join("\n");
}

/** Lines about one finding; `file` is where its script went, if it has one. */
function findingLines({ sentence, detail, command }: Finding, file: string | null): string[] {
  const more = (detail?.length ?? 0) - DETAIL_LINES_MAX;
  return [
    sentence,
    ...(detail ?? []).slice(0, DETAIL_LINES_MAX).map((line) => `  ${line}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...(file === null ? [] : [`  Repeat it with: ${command ?? "deno task policy"} ${file}`]),
  ];
}

/** What rows were made to show: in one line each, with its steps where it is all there is. */
function shownLines(parts: VerifyResult["parts"]): string[] {
  const rows = parts.flatMap(({ rows }) => rows);
  const shown = rows.flatMap((row) => row.shown?.map((finding) => ({ row, finding })) ?? []);
  if (rows.length === 1 && shown.length === 1) return findingLines(shown[0]!.finding, null);
  const alone = shown.filter(({ row }) => row.shown?.length === 1);
  return alone.map(({ row, finding: { sentence, detail } }) =>
    `${row.name} shows: ${sentence} (${detail?.length ?? 0} steps, in the result)`
  );
}

/** The table and the verdict. `scripts` are the files of the findings' scripts, in order. */
export function renderVerification(
  result: VerifyResult,
  scripts: ReadonlyMap<Finding, string>,
): string {
  const table = new Table({
    head: ["part", "what", "figures", "s", ""],
    colAligns: ["left", "left", "left", "right", "left"],
    chars: NO_LINES,
    style: { "padding-left": 0, "padding-right": 1, head: [], border: [], compact: true },
  });
  for (const { part, rows } of result.parts) {
    rows.forEach((row, place) =>
      table.push([
        place === 0 ? part : "",
        row.name,
        figuresText(row),
        row.seconds.toFixed(1),
        row.findings.length > 0 ? "BROKEN" : row.skipped === undefined ? "holds" : "skipped",
      ])
    );
  }
  const findings = result.parts.flatMap(({ part, rows }) =>
    rows.flatMap(({ findings }) =>
      findings.flatMap((finding) => {
        const [first = "", ...rest] = findingLines(finding, scripts.get(finding) ?? null);
        return [`${part}: ${first}`, ...rest];
      })
    )
  );
  return [
    table.toString().split("\n").map((line) => line.trimEnd()).join("\n"),
    "",
    ...shownLines(result.parts),
    ...findings,
    `policy.wasm ${result.policy_wasm_sha256}`,
    `Profile ${result.profile}, seed ${result.seed}: ${result.passed ? "all holds" : "BROKEN"} ` +
    `after ${result.seconds.toFixed(0)} s`,
  ].join("\n") + "\n";
}
