/**
 * What the verifier tried and found, on the page: `deno task verify --json` made the result,
 * `report --verification FILE` brings it. Shows what it says and judges nothing itself.
 *
 * @module
 */

import { UserError } from "../../harness/errors.ts";
import { dataTable, numberCell, textHead } from "./data_table.ts";
import { formatNumber, formatSi, plural } from "./client/format.js";
import { type Html, html } from "./html.ts";

/** The result, as far as the page shows it; harness/verify/result.ts says what each field means. */
export interface Verification {
  readonly profile: string;
  readonly seed: number;
  readonly policy_wasm_sha256: string;
  readonly passed: boolean;
  readonly parts: readonly {
    readonly part: string;
    readonly purpose: string;
    readonly passed: boolean;
    readonly rows: readonly {
      readonly name: string;
      /** JSON has null for what is no finite number. */
      readonly figures: Readonly<Record<string, number | null>>;
      readonly findings: readonly { readonly sentence: string }[];
      readonly shown?: readonly Shown[];
      readonly skipped?: string;
    }[];
  }[];
}

/** What a row was made to show: a sentence, and the steps that lead there. */
interface Shown {
  readonly sentence: string;
  readonly detail?: readonly string[];
}

/** Format that can be read. */
const SCHEMA = "netpolicy-lab/verify/1";

/**
 * Reads what `deno task verify --json` printed.
 *
 * @param text The whole file.
 * @param place Name of the file, for errors.
 * @throws {UserError} when it is no result of the verifier.
 */
export function readVerification(text: string, place: string): Verification {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UserError(`"${place}" is not JSON (cut off or edited?)`, { cause });
  }
  if (!isVerification(value)) {
    throw new UserError(
      `"${place}" holds no verification: want what "deno task verify --json" prints`,
    );
  }
  return value;
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList(value: unknown, isItem: (item: Json) => boolean): boolean {
  return Array.isArray(value) && value.every((item) => isObject(item) && isItem(item));
}

function isVerification(value: unknown): value is Verification {
  return isObject(value) && value["schema"] === SCHEMA && typeof value["profile"] === "string" &&
    typeof value["seed"] === "number" && typeof value["policy_wasm_sha256"] === "string" &&
    isList(
      value["parts"],
      ({ part, purpose, passed, rows }) =>
        typeof part === "string" && typeof purpose === "string" && typeof passed === "boolean" &&
        isList(rows, isRow),
    );
}

function isRow({ name, figures, findings, shown = [] }: Json): boolean {
  const isShown = ({ sentence, detail = [] }: Json): boolean =>
    typeof sentence === "string" && Array.isArray(detail) &&
    detail.every((line) => typeof line === "string");
  return typeof name === "string" && isObject(figures) &&
    Object.values(figures).every((figure) => typeof figure === "number" || figure === null) &&
    isList(findings, ({ sentence }) => typeof sentence === "string") && isList(shown, isShown);
}

/** "Verified: 4 parts passed with profile ci and seed 1." or what did not. */
function verificationSentence({ parts, profile, seed }: Verification): string {
  const failed = parts.filter((part) => !part.passed).map((part) => part.part);
  const how = `with profile ${profile} and seed ${seed}`;
  return failed.length === 0
    ? `Verified: ${plural(parts.length, "part")} passed ${how}.`
    : `Not verified: ${failed.join(", ")} failed ${how}.`;
}

/**
 * The section of the page: one table per part of the verifier.
 *
 * @param policyHashes Those of the policy.wasm of the runs on the page.
 */
export function verificationSection(
  verification: Verification,
  policyHashes: readonly string[],
): Html {
  const isOther = policyHashes.length > 0 &&
    !policyHashes.includes(verification.policy_wasm_sha256);
  const parts = verification.parts.map((part) => {
    const names = [...new Set(part.rows.flatMap((row) => Object.keys(row.figures)))];
    const rows = part.rows.map((row) =>
      html`
        <tr>
          <th scope="row">${row.name}</th>
          ${names.map((name) => numberCell(figure(row.figures[name])))}
          <td>${row.skipped !== undefined
            ? `skipped: ${row.skipped}`
            : row.findings.length === 0
            ? row.shown?.map(shownSteps) ?? "holds"
            : row.findings.map((finding) => finding.sentence).join(" ")}</td>
        </tr>
      `
    );
    return html`
      <details ${!part.passed && html`open`}>
        <summary>
          <b>${part.part}</b> ${part.passed ? "passed" : "failed"}
          <span class="quiet">${part.purpose}</span>
        </summary>
        ${dataTable({
          label: `Verification: ${part.part}`,
          className: "small cases",
          heads: [
            textHead("What"),
            ...names.map((name) => html`<th scope="col" class="num">${name}</th>`),
            textHead("Result"),
          ],
          body: html`<tbody>${rows}</tbody>`,
        })}
      </details>
    `;
  });
  return html`
    <section id="verification" aria-label="Verification">
      <h2 id="verification-title" tabindex="-1">The policy manager, verified</h2>
      <p class="lede">${verificationSentence(verification)}</p>
      ${isOther && html`<p>It is of another policy.wasm than the runs above.</p>`}
      ${parts}
    </section>
  `;
}

/** The sentence, with the steps behind it. */
function shownSteps({ sentence, detail = [] }: Shown): Html {
  return html`
    <details>
      <summary>shows: ${sentence}</summary>
      ${detail.map((step) => html`<div class="quiet">${step}</div>`)}
    </details>
  `;
}

function figure(value: number | null | undefined): string | null {
  if (value === null || value === undefined || !Number.isFinite(value)) return null;
  return value >= 100_000 ? formatSi(value) : formatNumber(value);
}
