/**
 * Validation cases: published measurements and what the model is held against. Types only; the
 * format is told in workloads/validation/README.md.
 *
 * @module
 */

import type { DevicePolicy } from "../record.ts";
import type { MachineSpec, WorkloadGroup } from "../spec.ts";
import type { MetricName } from "./metric.ts";

/** Where numbers were published. */
export interface Source {
  readonly who: string;
  readonly where: string;
  readonly when: string;
  /** A: i40e; B: the same vendor's older devices; C: another device. */
  readonly class: "A" | "B" | "C";
  readonly note?: string;
}

/** Another quantity, named from within a case. */
export interface Quantity {
  readonly case?: string;
  readonly metric?: MetricName;
  readonly group?: string;
}

/** One published number, range or order. */
export interface Expectation {
  readonly metric: MetricName;
  readonly group?: string;
  readonly value?: number;
  readonly tolerance_percent?: number;
  readonly over?: Quantity;
  readonly at_least?: number;
  readonly at_most?: number;
  readonly ascending?: readonly string[];
  readonly expected_miss?: string;
}

/** Virtual time of a run, milliseconds. */
export interface CaseDuration {
  readonly warmup_ms: number;
  readonly measure_ms: number;
}

/** A case with everything filled in: settings are applied to its machine. */
export interface ValidationCase {
  readonly name: string;
  readonly title: string;
  /** File it stands in, for messages and tables. */
  readonly file: string;
  /** The same as an absolute path. */
  readonly path: string;
  /** Title of that file. */
  readonly series: string;
  readonly source: Source;
  readonly isCalibration: boolean;
  readonly expectedMiss: string | null;
  readonly machine: MachineSpec;
  /**
   * "host": clients run on the machine's second host; "twin": on one like it; "same": they are
   * ideal and answer after the time that such a host takes on average.
   */
  readonly peer: "ideal" | "same" | "host" | "twin";
  readonly policy: DevicePolicy;
  /** null: the model has no counterpart, and expectedMiss says why. */
  readonly groups: readonly WorkloadGroup[] | null;
  readonly duration: CaseDuration;
  readonly seeds: number;
  readonly expect: readonly Expectation[];
}
