/**
 * Reads run records from the text of NDJSON files, for the gate. Unreadable input is an error with
 * file and line; a line is never skipped, because a skipped run would be a silent pass.
 *
 * @module
 */

import { RECORD_SCHEMA, type RunRecord } from "../../harness/record.ts";
import { canonicalJson } from "../cells.ts";
import { metricsOf } from "../metrics.ts";
import { GateInputError } from "./input_error.ts";

/**
 * Parses one file.
 *
 * @param text One JSON record a line; empty lines are allowed.
 * @param path For error sentences.
 * @throws GateInputError naming file and line.
 */
export function parseRecords(text: string, path: string): RunRecord[] {
  const records: RunRecord[] = [];
  text.split("\n").forEach((line, position) => {
    if (line.trim() === "") return;
    const refuse = (why: string): GateInputError =>
      new GateInputError(`Cannot read records "${path}", line ${position + 1}: ${why}`);
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw refuse("it is not JSON");
    }
    const record = value as RunRecord | null;
    if (record?.schema !== RECORD_SCHEMA) throw refuse(`its schema is not "${RECORD_SCHEMA}"`);
    const broken = brokenField(record);
    if (broken !== null) throw refuse(`field "${broken}" is missing or wrong`);
    records.push(record);
  });
  return records;
}

/** Name of the first field the gate needs and cannot use, or null. */
function brokenField(record: RunRecord): string | null {
  const texts = [
    "run_id",
    "workload",
    "workload_sha256",
    "policy",
    "mechanism",
    "target",
    "generator",
    "status",
  ] as const;
  const text = texts.find((name) => typeof record[name] !== "string");
  if (text !== undefined) return text;
  if (!Number.isInteger(record.seed)) return "seed";
  if (record.environment === null || typeof record.environment !== "object") return "environment";
  try {
    const metrics = metricsOf(record);
    if (!metrics.some((metric) => metric.group !== null)) return "measurement.groups";
    return metrics.find((metric) => metric.value !== null && !Number.isFinite(metric.value))?.id ??
      null;
  } catch {
    return "measurement";
  }
}

/**
 * Joins the records of several files; a deterministic run that stands there twice must agree.
 *
 * @throws GateInputError for two different records of one deterministic run.
 */
export function mergeRecords(files: readonly (readonly RunRecord[])[]): RunRecord[] {
  const merged: RunRecord[] = [];
  const byId = new Map<string, string>();
  for (const record of files.flat()) {
    const text = canonicalJson(record);
    const before = byId.get(record.run_id);
    if (before === text) continue;
    if (before !== undefined && record.target !== "live") {
      throw new GateInputError(
        `Cannot judge run "${record.run_id}": the records hold two different results of it`,
      );
    }
    byId.set(record.run_id, text);
    merged.push(record);
  }
  return merged;
}
