/**
 * The model beside published measurements on the page: `deno task validate --json` made the result,
 * `report --validation FILE` brings it. Shows what it says and judges nothing itself.
 *
 * @module
 */

import { UserError } from "../../harness/errors.ts";
import { groupBy } from "../cells.ts";
import { dataTable, numberCell, numberHead, textHead } from "./data_table.ts";
import { formatNumber, plural } from "./client/format.js";
import { type Html, html } from "./html.ts";

/** One figure of a case. */
export interface ValidationCheck {
  readonly metric: string;
  /** What was published, in words: "25.0", "5000 to 10000", "at most 40", "a < b". */
  readonly published: string;
  readonly model: string;
  readonly deviationPercent: number | null;
  readonly verdict: string;
}

/** One published measurement. */
export interface ValidationCase {
  readonly name: string;
  readonly title: string;
  readonly series: string;
  readonly source: string;
  readonly verdict: string;
  readonly checks: readonly ValidationCheck[];
  /** Why it misses, where that is known. */
  readonly reasons: readonly string[];
}

const VERDICT_WORDS: Readonly<Record<string, string>> = {
  holds: "holds",
  expected: "expected miss",
  unexpected: "holds, though marked as a miss",
  misses: "misses",
  "not modelled": "not modelled",
};

/**
 * Reads what `deno task validate --json` printed.
 *
 * @param text The whole file.
 * @param place Name of the file, for errors.
 * @throws {UserError} when it is no result of a validation.
 */
export function readValidation(text: string, place: string): readonly ValidationCase[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UserError(`"${place}" is not JSON (cut off or edited?)`, { cause });
  }
  const cases = objectOf(value)["cases"];
  if (!Array.isArray(cases)) {
    throw new UserError(`"${place}" holds no cases: want what "deno task validate --json" prints`);
  }
  return cases.map((each) => caseOf(objectOf(each)));
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function caseOf(value: Record<string, unknown>): ValidationCase {
  const source = objectOf(value["source"]);
  const checks = Array.isArray(value["checks"]) ? value["checks"].map(objectOf) : [];
  return {
    name: textOf(value["name"]),
    title: textOf(value["title"]),
    series: textOf(value["series"]),
    source: [source["who"], source["where"], source["when"]].map(textOf)
      .filter((part) => part !== "").join(", "),
    verdict: textOf(value["verdict"]),
    checks: checks.map(checkOf),
    reasons: Array.isArray(value["reasons"]) ? value["reasons"].map(textOf) : [],
  };
}

function checkOf(value: Record<string, unknown>): ValidationCheck {
  const over = objectOf(value["over"]);
  const base = [over["metric"], over["case"]].map(textOf).find((name) => name !== "");
  const models = [value["model"]].flat().flatMap((each) => numberOf(each) ?? []);
  return {
    metric: textOf(value["metric"]) + (base === undefined ? "" : ` / ${base}`),
    published: publishedOf(value),
    model: models.length === 0 ? "–" : models.map(formatNumber).join(" < "),
    deviationPercent: numberOf(value["deviation_percent"]),
    verdict: textOf(value["verdict"]),
  };
}

/** What a check wants, in words. */
function publishedOf(value: Record<string, unknown>): string {
  const exact = numberOf(value["value"]);
  if (exact !== null) return formatNumber(exact);
  const order = value["ascending"];
  if (Array.isArray(order)) return order.map(textOf).join(" < ");
  const [least, most] = [numberOf(value["at_least"]), numberOf(value["at_most"])];
  if (least !== null && most !== null) return `${formatNumber(least)} to ${formatNumber(most)}`;
  if (least !== null) return `at least ${formatNumber(least)}`;
  return most === null ? "–" : `at most ${formatNumber(most)}`;
}

/** "55 of 87 cases hold; 27 expected misses; 5 not modelled." */
export function validationSentence(cases: readonly ValidationCase[]): string {
  const count = (...verdicts: string[]): number =>
    cases.filter((each) => verdicts.includes(each.verdict)).length;
  const words = [`${count("holds", "unexpected")} of ${plural(cases.length, "case")} hold`];
  const expected = count("expected");
  if (expected > 0) words.push(`${expected} expected ${expected === 1 ? "miss" : "misses"}`);
  const missed = count("misses");
  if (missed > 0) words.push(`${missed} missed`);
  const others = cases.length - count("holds", "unexpected", "expected", "misses");
  if (others > 0) words.push(`${others} not modelled`);
  return `${words.join("; ")}.`;
}

/** The section of the page: one table per published series. */
export function validationSection(cases: readonly ValidationCase[]): Html {
  const series = [...groupBy(cases, (each) => `${each.series}\n${each.source}`).values()];
  const parts = series.map((members) => {
    const { series: title, source } = members[0]!;
    const held = members.filter((each) => each.verdict === "holds").length;
    return html`
      <details>
        <summary>
          <b>${title}</b> <span class="quiet">${held} of ${members.length} hold · ${source}</span>
        </summary>
        ${seriesTable(title, members)}
        ${[...new Set(members.flatMap((each) => each.reasons))].map((reason) =>
          html`<p class="note">${reason}</p>`
        )}
      </details>
    `;
  });
  return html`
    <section id="validation" aria-label="Validation">
      <h2 id="validation-title" tabindex="-1">The model beside published measurements</h2>
      <p class="lede">${validationSentence(cases)}</p>
      ${parts}
    </section>
  `;
}

function seriesTable(title: string, members: readonly ValidationCase[]): Html {
  const rows = members.flatMap((member) =>
    (member.checks.length === 0 ? [null] : member.checks).map((check, index) =>
      html`
        <tr>
          <th scope="row">${index === 0 ? `${member.name}: ${member.title}` : ""}</th>
          <td>${check?.metric ?? ""}</td>
          ${numberCell(check?.published ?? null)}
          ${numberCell(check?.model ?? null)}
          ${numberCell(deviationOf(check))}
          <td>${wordsOf(check?.verdict ?? member.verdict)}</td>
        </tr>
      `
    )
  );
  return dataTable({
    label: `Validation: ${title}`,
    className: "small cases",
    heads: [
      ...["Case", "What"].map(textHead),
      ...["Published", "Model", "Deviation"].map(numberHead),
      textHead("Verdict"),
    ],
    body: html`<tbody>${rows}</tbody>`,
  });
}

function wordsOf(verdict: string): string {
  return Object.hasOwn(VERDICT_WORDS, verdict) ? VERDICT_WORDS[verdict]! : verdict;
}

function deviationOf(check: ValidationCheck | null): string | null {
  if (check === null || check.deviationPercent === null) return null;
  const percent = check.deviationPercent.toFixed(0);
  return `${check.deviationPercent > 0 && percent !== "0" ? "+" : ""}${percent} %`;
}
