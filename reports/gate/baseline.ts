/**
 * The baseline file: the metrics of accepted runs, one entry a run, sorted, so that a change of
 * the file reads well in a review. Pure: reading and writing files is cli.ts' work.
 *
 * Wasm hashes, lab version and fingerprints inform; only metrics and the hash of the whole
 * measurement are compared.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { DevicePolicy, RunRecord, TargetKind } from "../../harness/record.ts";
import { canonicalJson } from "../../harness/canonical_json.ts";
import { metricsOf } from "../metrics.ts";
import { UserError } from "../../harness/errors.ts";
import { GateInputError } from "./input_error.ts";

/** Version of the baseline format; a reader refuses any other. */
export const BASELINE_SCHEMA = "netpolicy-lab/baseline/1";

/** One accepted run. */
export interface BaselineRun {
  readonly run_id: string;
  readonly workload: string;
  readonly workload_sha256: string;
  readonly target: TargetKind;
  readonly mechanism: RunRecord["mechanism"];
  readonly policy: DevicePolicy;
  readonly seed: number;
  readonly generator: string;
  readonly environment: RunRecord["environment"];
  readonly lab_version: string;
  readonly wasm: RunRecord["wasm"];
  readonly fingerprint: string | null;
  /** sha256 of the canonical JSON of the whole measurement: equal means nothing at all changed. */
  readonly measurement_sha256: string;
  /** By metric id, see metrics.ts. */
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** A baseline file. */
export interface Baseline {
  readonly schema: typeof BASELINE_SCHEMA;
  readonly runs: readonly BaselineRun[];
}

/** What the gate keeps of a record. */
export function toBaselineRun(record: RunRecord): BaselineRun {
  const canonical = canonicalJson(record.measurement);
  return {
    run_id: record.run_id,
    workload: record.workload,
    workload_sha256: record.workload_sha256,
    target: record.target,
    mechanism: record.mechanism,
    policy: record.policy,
    seed: record.seed,
    generator: record.generator,
    environment: record.environment,
    lab_version: record.lab_version,
    wasm: record.wasm,
    fingerprint: record.measurement.fingerprint,
    measurement_sha256: createHash("sha256").update(canonical, "utf8").digest("hex"),
    metrics: Object.fromEntries(metricsOf(record).map((metric) => [metric.id, metric.value])),
  };
}

/**
 * Makes a baseline of records.
 *
 * @throws GateInputError for no run or a partial run: an accepted number must be a whole one.
 */
export function makeBaseline(records: readonly RunRecord[]): Baseline {
  if (records.length === 0) {
    throw new GateInputError("Cannot make a baseline: the records hold no run");
  }
  const partial = records.find((record) => record.status !== "complete");
  if (partial !== undefined) {
    throw new GateInputError(
      `Cannot make a baseline: run "${partial.run_id}" is partial; want complete runs only`,
    );
  }
  return { schema: BASELINE_SCHEMA, runs: sorted(records.map(toBaselineRun)) };
}

/** What an update makes of a baseline, with what to tell about it. */
export interface BaselineUpdate {
  readonly baseline: Baseline;
  /** Accepted runs of cells that the records do not hold. */
  readonly keptCount: number;
  /** Accepted runs that made room for runs of the records. */
  readonly replacedCount: number;
}

/**
 * Replaces the cells that `fresh` holds and keeps all others, so that accepting one workload does
 * not forget the rest.
 *
 * @param cellOf Name of the cell of a run.
 * @throws UserError where a cell would lose a run: fewer seeds would see less afterwards.
 */
export function mergeBaseline(
  old: Baseline,
  fresh: Baseline,
  cellOf: (run: BaselineRun) => string,
): BaselineUpdate {
  const cells = new Set(fresh.runs.map(cellOf));
  const ids = new Set(fresh.runs.map((run) => run.run_id));
  const [replaced, kept] = [true, false].map((isHeld) =>
    old.runs.filter((run) => cells.has(cellOf(run)) === isHeld)
  ) as [BaselineRun[], BaselineRun[]];
  const lost = replaced.filter((run) => !ids.has(run.run_id));
  if (lost.length > 0) {
    const more = lost.length > 1 ? ` and ${lost.length - 1} more` : "";
    throw new UserError(
      `Cannot update the baseline: it has run "${lost[0]!.run_id}"${more}, the records lack it; ` +
        "run every seed of the cell, or add --prune to keep nothing but the records",
    );
  }
  return {
    baseline: { schema: BASELINE_SCHEMA, runs: sorted([...kept, ...fresh.runs]) },
    keptCount: kept.length,
    replacedCount: replaced.length,
  };
}

function sorted(runs: readonly BaselineRun[]): BaselineRun[] {
  return [...runs].sort((a, b) => a.run_id < b.run_id ? -1 : a.run_id > b.run_id ? 1 : 0);
}

/** Text of a baseline file: sorted keys, one run a line, so that a review shows what moved. */
export function formatBaseline(baseline: Baseline): string {
  const lines = baseline.runs.map((run) => `    ${canonicalJson(run)}`);
  return `{\n  "schema": "${baseline.schema}",\n  "runs": [\n${lines.join(",\n")}\n  ]\n}\n`;
}

/**
 * Reads the text of a baseline file.
 *
 * @param text Content.
 * @param path For the error sentence.
 * @throws GateInputError for text that is not a baseline of this version with one run or more.
 */
export function parseBaseline(text: string, path: string): Baseline {
  const refuse = (why: string): GateInputError =>
    new GateInputError(
      `Cannot read baseline "${path}": ${why}; make one from good records with ` +
        '"deno task gate --update --prune"',
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse("it is not JSON");
  }
  if (!isObject(value) || value["schema"] !== BASELINE_SCHEMA) {
    throw refuse(`its schema is not "${BASELINE_SCHEMA}"`);
  }
  const runs = value["runs"];
  if (!Array.isArray(runs) || runs.length === 0) throw refuse("it holds no run");
  const seen = new Set<string>();
  runs.forEach((run: unknown, position) => {
    if (!isBaselineRun(run)) throw refuse(`run ${position + 1} lacks a field or has a wrong one`);
    const wrong = Object.entries(run.metrics).find(([, metric]) => !isMetricValue(metric));
    if (wrong !== undefined) {
      const [name, value] = wrong;
      const shown = typeof value === "number" ? String(value) : JSON.stringify(value);
      throw refuse(
        `run "${run.run_id}" has ${name} = ${shown}; accepted is a finite number from 0, or null`,
      );
    }
    if (seen.has(run.run_id)) throw refuse(`run "${run.run_id}" stands in it twice`);
    seen.add(run.run_id);
  });
  return { schema: BASELINE_SCHEMA, runs };
}

function isBaselineRun(value: unknown): value is BaselineRun {
  if (!isObject(value)) return false;
  const texts = [
    "run_id",
    "workload",
    "workload_sha256",
    "target",
    "mechanism",
    "policy",
    "generator",
    "lab_version",
    "measurement_sha256",
  ];
  const metrics = value["metrics"];
  return texts.every((name) => typeof value[name] === "string") &&
    typeof value["seed"] === "number" && isObject(value["environment"]) && isObject(metrics) &&
    Object.keys(metrics).length > 0;
}

/** No metric of a run can be negative, so such a value was never measured. */
function isMetricValue(value: unknown): value is number | null {
  return value === null || (typeof value === "number" && Number.isFinite(value) && value >= 0);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
