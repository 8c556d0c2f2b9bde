/**
 * Findings as workflow commands, which GitHub turns into annotations of the run. Pure.
 *
 * @module
 */

import { type Finding, nameOf } from "./finding.ts";

/** Annotations of each level that GitHub shows of one step; further ones it drops. */
const ANNOTATIONS_MAX = 10;

/** An error for what fails, a warning for what is open, the worst first. */
export function annotations(findings: readonly Finding[]): string {
  return (["error", "warning"] as const).flatMap((level) =>
    findings.filter((finding) => finding.level === level).slice(0, ANNOTATIONS_MAX)
      .map((finding) => annotation(level, finding))
  ).join("");
}

/** The annotation of a gate that found no verdict. */
export function annotationOfFailure(message: string): string {
  return `::error title=No verdict::${escapeData(message)}\n`;
}

function annotation(level: "error" | "warning", finding: Finding): string {
  const { message, place } = finding;
  const where = place === null ? "" : `file=${escapeProperty(place.path)},line=${place.line},`;
  return `::${level} ${where}title=${escapeProperty(nameOf(finding))}::${escapeData(message)}\n`;
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
