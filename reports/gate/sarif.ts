/**
 * Findings as SARIF 2.1.0 (OASIS, errata 01), the subset that GitHub code scanning reads. Only a
 * finding with a line of a file is a result; how many have none is told beside them.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { type Finding, nameOf, type RuleId, RULES } from "./finding.ts";
import { plural } from "../page/client/format.js";

/** Results that code scanning keeps of a run; it drops the others in an order of its own. */
const RESULTS_MAX = 5000;

const IDS = Object.keys(RULES) as RuleId[];

/**
 * The whole file.
 *
 * @param labVersion Of the tool.
 * @param exitCode With which the command ends.
 */
export function sarif(
  findings: readonly Finding[],
  { labVersion, exitCode }: { readonly labVersion: string; readonly exitCode: number },
): string {
  const wrong = findings.filter(({ rule }) => rule !== null);
  const placed = wrong.filter(({ place }) => place !== null);
  const notes: string[] = [];
  if (placed.length < wrong.length) {
    notes.push(
      `${plural(wrong.length - placed.length, "finding")} with no line of a file not listed here`,
    );
  }
  if (placed.length > RESULTS_MAX) {
    notes.push(`${placed.length - RESULTS_MAX} results beyond ${RESULTS_MAX} left out`);
  }
  const results = placed.slice(0, RESULTS_MAX).map(resultOf);
  return document(labVersion, results, {
    executionSuccessful: true,
    exitCode,
    toolExecutionNotifications: notes.map((text) => ({ level: "note", message: { text } })),
  });
}

/** The file of a gate that found no verdict: no result, and an execution that failed. */
export function sarifOfFailure(
  message: string,
  { labVersion, exitCode }: { readonly labVersion: string; readonly exitCode: number },
): string {
  return document(labVersion, [], {
    executionSuccessful: false,
    exitCode,
    toolExecutionNotifications: [{ level: "error", message: { text: message } }],
  });
}

function document(labVersion: string, results: readonly unknown[], invocation: unknown): string {
  const rules = IDS.map((id) => ({
    id,
    name: RULES[id].type,
    shortDescription: { text: RULES[id].title },
    fullDescription: { text: `${RULES[id].title}.` },
    help: { text: RULES[id].help },
    defaultConfiguration: { level: id === "inconclusive" ? "warning" : "error" },
  }));
  const log = {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/" +
      "sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [{
      tool: { driver: { name: "netpolicy-lab", semanticVersion: labVersion, rules } },
      invocations: [invocation],
      columnKind: "utf16CodeUnits",
      results,
    }],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function resultOf(finding: Finding): unknown {
  const { rule, level, message, place } = finding;
  const name = nameOf(finding);
  // The same finding of another run is the same alert, also where its line moved.
  const hash = createHash("sha256").update(`${rule} ${name}`).digest("hex").slice(0, 16);
  return {
    ruleId: rule,
    ruleIndex: IDS.indexOf(rule!),
    level,
    message: { text: `${name}: ${message}` },
    locations: [{
      physicalLocation: {
        artifactLocation: { uri: uriOf(place!.path) },
        region: { startLine: place!.line },
      },
      logicalLocations: [{ fullyQualifiedName: name }],
    }],
    partialFingerprints: { primaryLocationLineHash: `${hash}:1` },
  };
}

/** A relative reference (RFC 3986, 4.2), against the root of the repository. */
function uriOf(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
