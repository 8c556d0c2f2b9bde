/**
 * The gate's verdict on the page: `deno task gate --json` made it, `report --gate FILE` brings it.
 * Shows what the verdict says and judges nothing itself.
 *
 * @module
 */

import { UserError } from "../../harness/errors.ts";
import type { OverallOutcome } from "../gate/exit_code.ts";
import { dataTable, numberHead, textHead } from "./data_table.ts";
import { formatRatio, plural } from "./client/format.js";
import { type Html, html } from "./html.ts";

/** One comparison of a verdict, as far as the page shows it. */
export interface GateComparison {
  readonly cell: string;
  readonly metric: string | null;
  readonly outcome: string;
  readonly ratio: number | null;
  readonly reason: string | null;
}

/** A verdict, as far as the page shows it. */
export interface GateVerdict {
  readonly outcome: OverallOutcome;
  readonly comparisons: readonly GateComparison[];
  readonly missing_runs: readonly string[];
}

/** What to say first, with the exit code that CI saw. */
const HEADLINES: Readonly<Record<GateVerdict["outcome"], readonly [string, string, string]>> = {
  pass: ["Gate passed", "✓", "nothing got worse against the baseline"],
  regression: ["Gate failed", "✗", "something got worse against the baseline"],
  refused: ["Gate refused", "?", "the runs come from another environment than the base"],
  incomparable: ["Gate without a verdict", "?", "the runs cannot be set against the base"],
  inconclusive: ["Gate inconclusive", "?", "noise leaves open whether something changed"],
};

/** Outcomes that a reader must see, the worst first. */
const NOTABLE = [
  "regression",
  "missing",
  "refused",
  "incomparable",
  "inconclusive",
  "improved",
  "changed",
];

/** Rows that the page lists; the verdict itself holds all. */
const ROWS_MAX = 50;

/**
 * Reads what `deno task gate --json` printed.
 *
 * @param text The whole file.
 * @param place Name of the file, for errors.
 * @throws {UserError} when it is no verdict.
 */
export function readGateVerdict(text: string, place: string): GateVerdict {
  const verdict = parse(text, place) as Partial<GateVerdict> | null;
  const isVerdict = typeof verdict === "object" && verdict !== null &&
    typeof verdict.outcome === "string" && Object.hasOwn(HEADLINES, verdict.outcome) &&
    Array.isArray(verdict.comparisons) && verdict.comparisons.every(isComparison) &&
    areTexts(verdict.missing_runs ?? []);
  if (!isVerdict) {
    throw new UserError(
      `"${place}" holds no verdict: want what "deno task gate --json" prints`,
    );
  }
  return {
    outcome: verdict.outcome!,
    missing_runs: verdict.missing_runs ?? [],
    comparisons: verdict.comparisons!.map((each) => ({
      cell: each.cell,
      metric: each.metric ?? null,
      outcome: each.outcome,
      ratio: typeof each.ratio === "number" && Number.isFinite(each.ratio) ? each.ratio : null,
      reason: each.reason ?? null,
    })),
  };
}

function areTexts(values: unknown): boolean {
  return Array.isArray(values) && values.every((value) => typeof value === "string");
}

/** What is shown of it must be text, or missing. */
function isComparison(each: Partial<Record<string, unknown>> | null): boolean {
  return areTexts([each?.cell, each?.outcome, each?.metric ?? "", each?.reason ?? ""]);
}

function parse(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UserError(`"${place}" is not JSON (cut off or edited?)`, { cause });
  }
}

/** "Gate passed: 720 comparisons, 720 identical." */
export function gateSentence(verdict: GateVerdict): string {
  const [headline, , meaning] = HEADLINES[verdict.outcome];
  const counts = new Map<string, number>();
  for (const { outcome } of verdict.comparisons) {
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  const order = [...NOTABLE, "within", "identical"];
  const words = [...counts].sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]))
    .map(([outcome, count]) => `${count} ${outcome}`);
  if (verdict.missing_runs.length > 0) {
    words.unshift(`${plural(verdict.missing_runs.length, "run")} missing`);
  }
  const total = plural(verdict.comparisons.length, "comparison");
  return `${headline}: ${meaning} (${[total, ...words].join(", ")}).`;
}

/** The verdict as a line, with what is behind it to open. */
export function gateBanner(verdict: GateVerdict): Html {
  const [, sign] = HEADLINES[verdict.outcome];
  const line = html`
    <span class="sign" aria-hidden="true">${sign}</span> ${gateSentence(verdict)}
  `;
  const rows = NOTABLE.flatMap((outcome) =>
    verdict.comparisons.filter((each) => each.outcome === outcome)
  );
  const missing = verdict.missing_runs;
  if (rows.length === 0 && missing.length === 0) {
    return html`<p class="gate gate-${verdict.outcome}" id="gate">${line}</p>`;
  }
  const more = rows.length - ROWS_MAX;
  return html`
    <details class="gate gate-${verdict.outcome}" id="gate" ${verdict.outcome !== "pass" &&
      html`open`}>
      <summary>${line}</summary>
      ${missing.length > 0 && html`<p>Missing: ${missing.slice(0, ROWS_MAX).join(", ")}.</p>`}
      ${rows.length > 0 && comparisonTable(rows.slice(0, ROWS_MAX))}
      ${more > 0 && html`<p>${plural(more, "more row")}: the verdict's JSON holds all.</p>`}
    </details>
  `;
}

function comparisonTable(rows: readonly GateComparison[]): Html {
  const lines = rows.map(({ outcome, cell, metric, ratio, reason }) =>
    html`
      <tr>
        <td>${outcome}</td>
        <th scope="row">${cell}</th>
        <td>${metric ?? "whole cell"}</td>
        <td class="num">${ratio === null ? "–" : formatRatio(ratio)}</td>
        <td>${reason ?? ""}</td>
      </tr>
    `
  );
  return dataTable({
    label: "What the gate saw",
    className: "small",
    heads: [
      ...["Outcome", "Cell", "Metric"].map(textHead),
      numberHead("Now / baseline"),
      textHead("Why"),
    ],
    body: html`<tbody>${lines}</tbody>`,
  });
}
