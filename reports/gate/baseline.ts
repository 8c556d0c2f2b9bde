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
import type { Comparison } from "./comparison.ts";
import { GateInputError } from "./input_error.ts";
import type { Verdict } from "./judge.ts";

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

/** Who accepted changed numbers, when and why: text for a reviewer, and for whoever asks later. */
export interface Acceptance {
  /** Day, as YYYY-MM-DD. */
  readonly date: string;
  readonly by: string;
  readonly reason: string;
  /** How many runs the baseline held afterwards. */
  readonly runs: number;
  /** "cell metric" to current over baseline; null for one that is gone. The worst first. */
  readonly changes: Readonly<Record<string, number | null>>;
  /** Further changes, not listed. */
  readonly more_changes: number;
}

/** Unit of every metric, by workload and metric id. */
export type Units = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A baseline file. */
export interface Baseline {
  readonly schema: typeof BASELINE_SCHEMA;
  /** Oldest first; empty for one that was made and never changed. */
  readonly accepted: readonly Acceptance[];
  /** Lacks the workloads of a file from before units were kept. */
  readonly units: Units;
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
  const runs = sorted(records.map(toBaselineRun));
  return { schema: BASELINE_SCHEMA, accepted: [], units: unitsOf(records), runs };
}

function unitsOf(records: readonly RunRecord[]): Units {
  const units: Record<string, Record<string, string>> = {};
  for (const record of records) {
    const ofWorkload = units[record.workload] ??= {};
    for (const { id, unit } of metricsOf(record)) ofWorkload[id] = unit;
  }
  return units;
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
    baseline: {
      ...old,
      units: { ...old.units, ...fresh.units },
      runs: sorted([...kept, ...fresh.runs]),
    },
    keptCount: kept.length,
    replacedCount: replaced.length,
  };
}

/** Changes that an acceptance lists; more would hide the reason. */
const CHANGES_SHOWN_MAX = 20;

/**
 * The baseline with a note of who accepted it and what they accepted.
 *
 * @param verdict Of the accepted records against the baseline before; null where there was none.
 */
export function withAcceptance(
  baseline: Baseline,
  { date, by, reason }: Pick<Acceptance, "date" | "by" | "reason">,
  verdict: Verdict | null,
): Baseline {
  const sizeOf = ({ ratio }: Comparison): number =>
    ratio === null || ratio === 0 ? Infinity : Math.abs(Math.log(ratio));
  const groups = (
    ["missing", "regression", "incomparable", "inconclusive", "improved"] as const
  ).map((outcome) =>
    (verdict?.comparisons ?? []).filter((each) => each.outcome === outcome && each.metric !== null)
      .sort((a, b) => sizeOf(b) - sizeOf(a))
  );
  const changed = groups.flat();
  const changes = Object.fromEntries(
    changed.slice(0, CHANGES_SHOWN_MAX).map(({ cell, metric, ratio }) =>
      [`${cell} ${metric}`, ratio === null ? null : Number(ratio.toPrecision(4))] as const
    ),
  );
  const runs = baseline.runs.length;
  const more_changes = changed.length - Object.keys(changes).length;
  const entry = { date, by, reason, runs, changes, more_changes };
  return { ...baseline, accepted: [...baseline.accepted, entry] };
}

function sorted(runs: readonly BaselineRun[]): BaselineRun[] {
  return [...runs].sort((a, b) => a.run_id < b.run_id ? -1 : a.run_id > b.run_id ? 1 : 0);
}

/** Text of a baseline file: sorted keys, one run a line, so that a review shows what moved. */
export function formatBaseline(baseline: Baseline): string {
  const lines = (items: readonly string[]): string =>
    items.length === 0 ? "" : `\n${items.map((item) => `    ${item}`).join(",\n")}\n  `;
  // In the order given: the first is what a reviewer asks first.
  const accepted = baseline.accepted.map((each) => JSON.stringify(each));
  const units = Object.keys(baseline.units).sort().map((workload) =>
    `${JSON.stringify(workload)}: ${canonicalJson(baseline.units[workload])}`
  );
  return `{
  "schema": "${baseline.schema}",
  "accepted": [${lines(accepted)}],
  "units": {${lines(units)}},
  "runs": [${lines(baseline.runs.map(canonicalJson))}]
}
`;
}

/**
 * Lines of a baseline file by what stands there: runs by their id, and cells by their first run.
 *
 * @param cellOf Name of the cell of a run.
 */
export function linesOfBaseline(
  text: string,
  { runs }: Baseline,
  cellOf: (run: BaselineRun) => string,
): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  text.split("\n").forEach((line, index) => {
    const name = line.match(/"run_id":\s*("(?:[^"\\]|\\.)*")/)?.[1];
    if (name !== undefined) lines.set(JSON.parse(name), index + 1);
  });
  for (const run of runs) {
    const [cell, line] = [cellOf(run), lines.get(run.run_id)];
    if (line !== undefined && !lines.has(cell)) lines.set(cell, line);
  }
  return lines;
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
      throw refuse(`run "${run.run_id}" has ${name} = ${shown}; ${ACCEPTED_VALUE}`);
    }
    if (seen.has(run.run_id)) throw refuse(`run "${run.run_id}" stands in it twice`);
    seen.add(run.run_id);
  });
  const { accepted = [], units = {} } = value;
  if (!isListOfAcceptances(accepted)) throw refuse('"accepted" is no list of who, when and why');
  if (!isUnits(units)) throw refuse('"units" is not unit by workload and metric');
  return { schema: BASELINE_SCHEMA, accepted, units, runs };
}

function isListOfAcceptances(value: unknown): value is Acceptance[] {
  return Array.isArray(value) &&
    value.every((each: unknown) =>
      isObject(each) && ["date", "by", "reason"].every((name) => typeof each[name] === "string")
    );
}

function isUnits(value: unknown): value is Units {
  return isObject(value) &&
    Object.values(value).every((ofWorkload) =>
      isObject(ofWorkload) && Object.values(ofWorkload).every((unit) => typeof unit === "string")
    );
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

/** What a metric may be, for error sentences. */
const ACCEPTED_VALUE = "accepted is a finite number from 0, or null";

/**
 * Refuses values that were never measured, which would compare as neither more nor less.
 *
 * @throws GateInputError names run, metric and value.
 */
export function refuseBrokenValues({ run_id, metrics }: BaselineRun): void {
  for (const [name, value] of Object.entries(metrics)) {
    if (isMetricValue(value)) continue;
    throw new GateInputError(
      `Cannot judge run "${run_id}": ${name} is ${value}; ${ACCEPTED_VALUE}: run it again`,
    );
  }
}

/** No metric of a run can be negative, so such a value was never measured. */
function isMetricValue(value: unknown): value is number | null {
  return value === null || (typeof value === "number" && Number.isFinite(value) && value >= 0);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
