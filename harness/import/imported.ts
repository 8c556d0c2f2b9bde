/**
 * Results of other tools as run records: what all of them share. A reader for each tool says what
 * its file holds; what a file does not tell stays unknown. Never guesses a number.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { canonicalJson } from "../canonical_json.ts";
import {
  type DevicePolicy,
  type GroupMeasurement,
  type HintPolicy,
  RECORD_SCHEMA,
  type RunRecord,
} from "../record.ts";

/** One run of another tool, as its file tells it. */
export interface Imported {
  readonly tool: "netperf" | "iperf3" | "flent";
  /** What ran, in a word: the workload's name unless another is told. */
  readonly name: string;
  /** Tool with its version where the file tells: the generator of the record. */
  readonly generator: string;
  /** What ran, for people. */
  readonly title: string;
  /** What the numbers depend on: runs that agree in it are repetitions of each other. */
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly environment: Readonly<Record<string, string | number>>;
  /** ISO time, null where the file tells none. */
  readonly startedAt: string | null;
  readonly durationNs: number;
  /** Without their policy, which no file tells. */
  readonly groups: readonly Omit<GroupMeasurement, "policy" | "steered">[];
  /** Busy share of the host under test, 0..1; null where unknown. */
  readonly cpuUtilisation: number | null;
  readonly retransmits: number | null;
  readonly remarks: readonly string[];
}

/** What no file tells. */
export interface ImportChoices {
  readonly workload: string;
  readonly policy: DevicePolicy;
  readonly seed: number;
  readonly labVersion: string;
}

/** The record of a run; what only this lab measures stays empty. */
export function importedRecord(imported: Imported, choices: ImportChoices): RunRecord {
  const { policy, workload, seed } = choices;
  const mechanism = policy === "NONE" ? "stock" : "netpolicy";
  const hint: HintPolicy = policy === "MIX" ? "NONE" : policy;
  const { durationNs, cpuUtilisation, generator, groups } = imported;
  return {
    schema: RECORD_SCHEMA,
    run_id: [workload, "live", mechanism, policy, seed].join("/"),
    workload,
    workload_sha256: sha256(canonicalJson([imported.tool, imported.parameters])),
    workload_title: imported.title,
    machine: null,
    policy,
    mechanism,
    target: "live",
    seed,
    generator,
    wasm: null,
    lab_version: choices.labVersion,
    environment: imported.environment,
    started_at: imported.startedAt,
    status: "complete",
    measurement: {
      duration_ns: durationNs,
      groups: groups.map((group) => ({ ...group, policy: hint, steered: hint !== "NONE" })),
      cpus: [],
      cpu_utilisation: cpuUtilisation,
      interrupts: null,
      queues: [],
      drops: {},
      retransmits: imported.retransmits,
      policy_counters: {},
      fingerprint: null,
      events: null,
      remarks: [`imported from ${generator}`, ...imported.remarks],
    },
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
