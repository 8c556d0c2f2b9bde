/**
 * Groups run records into sources, workloads and variants, and summarises metrics over seeds.
 *
 * Two records stand in one source only when target, generator, environment and both Wasm files
 * agree, so that no number is ever set against one from elsewhere. Ratios are paired by seed: each
 * seed of a variant against the same seed of the reference. Nothing here judges or formats.
 *
 * @module
 */

import { canonicalJson } from "../harness/canonical_json.ts";
import {
  DEVICE_POLICIES,
  type DevicePolicy,
  type RunRecord,
  type TargetKind,
} from "../harness/record.ts";
import { estimateMedian, pairedRatios } from "../harness/stats/interval.ts";
import { type Metric, metricsOf } from "./metrics.ts";

/** A policy under a mechanism: what a workload is run under. */
export interface Variant {
  /** `mechanism/policy`. */
  readonly key: string;
  readonly policy: DevicePolicy;
  readonly mechanism: RunRecord["mechanism"];
  /** "NONE" for the stock driver, the policy's name under the policy manager. */
  readonly label: string;
  /** Sorted by seed. */
  readonly records: readonly RunRecord[];
}

/** Spread of a metric over the seeds of one variant. */
export interface Spread {
  readonly median: number;
  /** How sure the median is: an interval of 95 % from 6 values on, the range of fewer. */
  readonly low: number;
  readonly high: number;
  readonly kind: "confidence" | "range";
  readonly count: number;
}

/** One metric of one variant. */
export interface Cell {
  /** One entry per run, in seed order. */
  readonly values: readonly { readonly seed: number; readonly value: number }[];
  /** null where no run has a value. */
  readonly spread: Spread | null;
  /** Against the reference, paired by seed; null without reference or where it is 0. */
  readonly ratio: Spread | null;
}

/** One metric over all variants of a workload. */
export interface MetricRow extends Omit<Metric, "value"> {
  /** By variant key; every variant of the workload has an entry. */
  readonly cells: ReadonlyMap<string, Cell>;
}

/** All runs of one workload description on one source. */
export interface WorkloadRuns {
  readonly name: string;
  readonly title: string;
  readonly sha256: string;
  readonly machine: string | null;
  readonly variants: readonly Variant[];
  /** The device's policy was changed during runs: their totals are of no single policy. */
  readonly isChanging: boolean;
  /** Key of the variant that ratios are taken against; null when it was not run. */
  readonly reference: string | null;
  readonly metrics: readonly MetricRow[];
}

/** Everything measured by one generator in one environment with one build. */
export interface Source {
  /** Name of the set of runs that it belongs to; null where sets are not compared. */
  readonly set: string | null;
  readonly target: TargetKind;
  readonly generator: string;
  readonly environment: RunRecord["environment"];
  readonly wasm: RunRecord["wasm"];
  readonly records: readonly RunRecord[];
  readonly workloads: readonly WorkloadRuns[];
}

const TARGET_ORDER: readonly TargetKind[] = ["model", "live", "mock"];

/** Groups by a key, keeping the order in which keys first appear. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/** The same run is one, whether or not its course was kept. */
function withoutSeries(record: RunRecord): string {
  const { series: _, ...rest } = record.measurement;
  return canonicalJson({ ...record, measurement: rest });
}

/** Identity of what may be compared: see the head of this file. */
export function sourceKey(record: RunRecord): string {
  const { target, generator, environment, wasm } = record;
  return canonicalJson([target, generator, environment, wasm]);
}

/** `mechanism/policy`, the identity of a variant within a workload. */
export function variantKey(record: Pick<RunRecord, "mechanism" | "policy">): string {
  return `${record.mechanism}/${record.policy}`;
}

/**
 * Arranges records for reading: sources (model first), workloads in order of appearance, variants
 * in the RFC's order with the stock driver first. Exact duplicates count once.
 *
 * @param records Any mix of runs, in any order.
 * @param set Name of the set they belong to, where sets are compared.
 */
export function arrange(records: readonly RunRecord[], set: string | null = null): Source[] {
  const unique = [...groupBy(records, withoutSeries).values()].map((same) =>
    same.find((record) => record.measurement.series !== undefined) ?? same[0]!
  );
  const sources = [...groupBy(unique, sourceKey).values()].map((runs) => {
    const first = runs[0]!;
    const workloads = groupBy(runs, (run) => canonicalJson([run.workload, run.workload_sha256]));
    return {
      set,
      target: first.target,
      generator: first.generator,
      environment: first.environment,
      wasm: first.wasm,
      records: runs,
      workloads: [...workloads.values()].map(arrangeWorkload),
    };
  });
  return sources.sort((a, b) => TARGET_ORDER.indexOf(a.target) - TARGET_ORDER.indexOf(b.target));
}

function arrangeWorkload(records: readonly RunRecord[]): WorkloadRuns {
  const first = records[0]!;
  const variants = [...groupBy(records, variantKey)].map(([key, runs]) => toVariant(key, runs))
    .sort((a, b) => variantRank(a) - variantRank(b));
  const candidates = ["stock/NONE", "netpolicy/NONE"];
  const reference = candidates.find((key) => variants.some((each) => each.key === key)) ?? null;
  return {
    name: first.workload,
    title: first.workload_title,
    sha256: first.workload_sha256,
    machine: first.machine,
    variants,
    isChanging: records.some((record) =>
      record.measurement.operations?.some(({ kind }) => kind === "policy")
    ),
    reference,
    metrics: arrangeMetrics(variants, reference),
  };
}

function toVariant(key: string, runs: readonly RunRecord[]): Variant {
  const { policy, mechanism } = runs[0]!;
  // A manager without a policy and a stock driver with one are unusual: their label says so.
  const usual = (mechanism === "stock") === (policy === "NONE");
  const records = [...runs].sort((a, b) => a.seed - b.seed);
  return { key, policy, mechanism, label: usual ? policy : `${policy} (${mechanism})`, records };
}

function variantRank(variant: Variant): number {
  const stock = variant.mechanism === "stock" ? 0 : 1;
  return stock * DEVICE_POLICIES.length + DEVICE_POLICIES.indexOf(variant.policy);
}

function arrangeMetrics(variants: readonly Variant[], reference: string | null): MetricRow[] {
  const rows = new Map<string, Omit<Metric, "value">>();
  const values = new Map<string, Map<string, { seed: number; value: number }[]>>();
  for (const variant of variants) {
    for (const record of variant.records) {
      for (const { value, ...metric } of metricsOf(record)) {
        if (!rows.has(metric.id)) rows.set(metric.id, metric);
        const byVariant = values.get(metric.id) ?? new Map();
        values.set(metric.id, byVariant);
        const list = byVariant.get(variant.key) ?? [];
        byVariant.set(variant.key, list);
        if (value !== null) list.push({ seed: record.seed, value });
      }
    }
  }
  return [...rows.values()].map((metric) => {
    const byVariant = values.get(metric.id)!;
    const base = reference === null ? [] : byVariant.get(reference) ?? [];
    const cells = variants.map(({ key }) => {
      const own = byVariant.get(key) ?? [];
      const cell: Cell = {
        values: own,
        spread: spreadOf(own.map((each) => each.value)),
        ratio: spreadOf(pairedRatios(keyed(own), keyed(base))),
      };
      return [key, cell] as const;
    });
    return { ...metric, cells: new Map(cells) };
  });
}

/**
 * Values by pairing key. A seed that was run again (live hosts) pairs with the same repetition of
 * the other side; seeds are 32-bit, so the repetition fits above them.
 */
export function keyed(values: Cell["values"]): Map<number, number> {
  const byKey = new Map<number, number>();
  for (const { seed, value } of values) {
    let key = seed;
    while (byKey.has(key)) key += 2 ** 32;
    byKey.set(key, value);
  }
  return byKey;
}

/** Median with its interval or range; null for an empty list. */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const { median, low, high, kind, count } = estimateMedian(values);
  return { median, low, high, kind, count };
}

/** What low..high of a spread is. */
export function spanName(spread: Pick<Spread, "kind">): string {
  return spread.kind === "confidence" ? "95 % interval" : "range";
}
