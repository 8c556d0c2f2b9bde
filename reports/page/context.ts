/**
 * What all parts of the page share while it is rendered: the variants with their looks, and the
 * data that the charts in the browser draw from.
 *
 * @module
 */

import { DEVICE_POLICIES } from "../../harness/record.ts";
import type { Cell, MetricRow, Source, Variant, WorkloadRuns } from "../cells.ts";
import type { Figure } from "./figures/kinds.ts";
import type { GateVerdict } from "./gate_verdict.ts";
import { SERIES } from "./palette.ts";
import type { ValidationCase } from "./validation.ts";
import type { Verification } from "./verification.ts";

/** A variant as the page shows it: the same number and look everywhere. */
export interface PageVariant {
  readonly key: string;
  readonly label: string;
  readonly policy: Variant["policy"];
  readonly mechanism: Variant["mechanism"];
  /** Position in the legend; cells carry it so that the legend can hide them. */
  readonly index: number;
  /** Position in SERIES. */
  readonly slot: number;
}

/** Mutable only in `figures`: rendering a figure adds its data. */
export interface PageContext {
  readonly sources: readonly Source[];
  readonly variants: readonly PageVariant[];
  readonly figures: Record<string, Figure>;
  readonly gate: GateVerdict | null;
  readonly validation: readonly ValidationCase[] | null;
  readonly verification: Verification | null;
}

/** What a page shows beside the records, and how it is seen. */
export interface PageOptions {
  readonly gate?: GateVerdict | null;
  readonly validation?: readonly ValidationCase[] | null;
  readonly verification?: Verification | null;
  /** The page is served while runs are made, and asks its server for news. */
  readonly isServed?: boolean;
}

/** Collects the variants of all sources, in legend order. */
export function makeContext(sources: readonly Source[], beside: PageOptions = {}): PageContext {
  const found = new Map<string, Variant>();
  for (const source of sources) {
    for (const workload of source.workloads) {
      for (const variant of workload.variants) found.set(variant.key, variant);
    }
  }
  const variants = [...found.values()].sort((a, b) => rank(a) - rank(b)).map((variant, index) => {
    const unusual = SERIES.length - 1;
    const slot = variant.label === variant.policy
      ? DEVICE_POLICIES.indexOf(variant.policy)
      : unusual;
    const { key, label, policy, mechanism } = variant;
    return { key, label, policy, mechanism, index, slot };
  });
  const { gate = null, validation = null, verification = null } = beside;
  return { sources, variants, figures: {}, gate, validation, verification };
}

function rank(variant: Variant): number {
  const stock = variant.mechanism === "stock" ? 0 : 1;
  return stock * DEVICE_POLICIES.length + DEVICE_POLICIES.indexOf(variant.policy);
}

/** The page's view of a variant of a workload. */
export function pageVariant(context: PageContext, key: string): PageVariant {
  return context.variants.find((variant) => variant.key === key)!;
}

/** The variants of one workload, in legend order. */
export function variantsOf(context: PageContext, workload: WorkloadRuns): PageVariant[] {
  return context.variants.filter(({ key }) => workload.variants.some((each) => each.key === key));
}

/** The cell of a variant; an empty one where it was not run. */
export function cellOf(row: MetricRow, key: string): Cell {
  return row.cells.get(key) ?? { values: [], spread: null, ratio: null };
}

/** How the page names a source in headings, with where its numbers come from. */
export function sourceName(source: Source): { title: string; note: string } {
  const { title, note } = targetName(source);
  return { title: source.set === null ? title : `${source.set} · ${title}`, note };
}

function targetName(source: Source): { title: string; note: string } {
  switch (source.target) {
    case "model":
      return {
        title: "Model",
        note: `Every number in this part comes from the simulated machine (${source.generator}), ` +
          "in virtual time.",
      };
    case "live":
      return {
        title: "Live host",
        note: `Every number in this part was measured on a live host by ${source.generator}. ` +
          "It is never set against the model's.",
      };
    case "mock":
      return {
        title: "Mock",
        note: `Numbers of this part are made up by the mock target (${source.generator}) to ` +
          "test the lab itself.",
      };
  }
}
