/**
 * Findings as JUnit XML: one test case per cell and metric. Follows what Jenkins and GitLab read
 * (junit-10.xsd of Jenkins' xUnit plugin). Values that are not times never go into `time`.
 *
 * @module
 */

import { type Finding, RULES } from "./finding.ts";

/** The whole file. */
export function junit(findings: readonly Finding[]): string {
  const count = (isOne: (tag: string | null) => boolean): number =>
    findings.filter((finding) => isOne(tagOf(finding))).length;
  const counts = `tests="${findings.length}" failures="${count((tag) => tag === "failure")}" ` +
    `errors="${count((tag) => tag === "error")}"`;
  return document(
    counts,
    `${counts} skipped="${count((tag) => tag === "skipped")}"`,
    findings.map(testCase),
  );
}

/** The file of a gate that found no verdict: one test case with an error, so that it is red. */
export function junitOfFailure(message: string): string {
  const counts = 'tests="1" failures="0" errors="1"';
  return document(counts, `${counts} skipped="0"`, [
    '    <testcase name="verdict" classname="gate">' +
    `<error type="ToolFailure" message="${xml(message)}"/></testcase>`,
  ]);
}

function document(counts: string, suiteCounts: string, cases: readonly string[]): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="netpolicy-lab gate" ${counts}>`,
    `  <testsuite name="gate" ${suiteCounts}>`,
    ...cases,
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

/** "failure" for what was found, "error" where there is no verdict, "skipped" for what is open. */
function tagOf({ rule, level }: Finding): "failure" | "error" | "skipped" | null {
  if (rule === null) return null;
  if (level === "warning") return "skipped";
  return rule === "incomparable" || rule === "environment-refused" ? "error" : "failure";
}

function testCase(finding: Finding): string {
  const open = `    <testcase name="${xml(finding.metric)}" classname="${xml(finding.cell)}"`;
  const tag = tagOf(finding);
  if (tag === null) return `${open}/>`;
  const message = `message="${xml(finding.message)}"`;
  const type = tag === "skipped" ? "" : ` type="${RULES[finding.rule!].type}"`;
  return `${open}><${tag}${type} ${message}/></testcase>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/** Escapes for an attribute; what is not XML at all (1.0, 2.2) becomes a space. */
function xml(text: string): string {
  return text.toWellFormed()
    // deno-lint-ignore no-control-regex -- XML 1.0, 2.2 forbids exactly these.
    .replace(/[\u0000-\u001f\ufffe\uffff]/g, " ")
    .replace(/[&<>"']/g, (char) => ENTITIES[char]!);
}
