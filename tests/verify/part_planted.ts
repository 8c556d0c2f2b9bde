/**
 * Part "planted": the verifier on managers with a planted fault. A fault that nothing finds is a
 * finding about the verifier.
 *
 * @module
 */

import { type Exploration, readBuiltin } from "../../harness/verify/exploration.ts";
import { explore } from "../../harness/verify/explore.ts";
import { readBuiltinInterleaving } from "../../harness/verify/interleaving.ts";
import { explorationFindings } from "../../harness/verify/part_explore.ts";
import { interleavedRow } from "../../harness/verify/part_interleave.ts";
import { walkSeeds } from "../../harness/verify/part_seeds.ts";
import {
  type Finding,
  NEVER_REACHED,
  type Row,
  type VerifyPart,
} from "../../harness/verify/result.ts";
import { compareScripts } from "./part_differential.ts";
import { PLANTED, plantedBytes, type PlantedFault } from "./planted.ts";

/** Explorations that faults are looked for with, the small ones first. */
const EXPLORATIONS = [
  "wrap",
  "tasks",
  "limit",
  "errnos",
  "rules",
  "unregister",
  "devices",
  "nodes",
];
/** States of an exploration that are looked at. */
const STATES = 12_000;
const WALKS = { seeds: 60, commands: 500, seed: 4 };
const SCRIPTS = { scripts: 40, length: 500, seed: 4 };

/** Who found a fault, and what was said. */
export interface Found {
  readonly by: string;
  readonly finding: Finding;
}

/** Looks for a fault with one part after the other; null if none finds it. */
export function detect(
  module: WebAssembly.Module,
  explorations: readonly Exploration[],
): Found | null {
  for (const exploration of explorations) {
    const found = explore(module, exploration, { states: STATES });
    // Counts are expected of a whole exploration only.
    if (found.violation === null) continue;
    const [finding] = explorationFindings(module, exploration, found);
    if (finding !== undefined) return { by: "explore", finding };
  }
  const [walked] = walkSeeds(module, WALKS).findings
    .filter(({ sentence }) => sentence !== NEVER_REACHED);
  if (walked !== undefined) return { by: "seeds", finding: walked };
  const [compared] = compareScripts(module, SCRIPTS).findings;
  return compared === undefined ? null : { by: "differential", finding: compared };
}

/** The explorations that {@link detect} uses. */
export async function detectors(): Promise<Exploration[]> {
  return await Promise.all(EXPLORATIONS.map(readBuiltin));
}

/** Looks for a fault that only readers beside an update see. */
export async function detectByOrders(bytes: Uint8Array<ArrayBuffer>): Promise<Found | null> {
  const { expect: _ofTheSound, ...binary } = await readBuiltinInterleaving("binary");
  const [finding] = (await interleavedRow(bytes, binary)).findings;
  return finding === undefined ? null : { by: "interleave", finding };
}

async function plantedRow(
  fault: PlantedFault,
  explorations: readonly Exploration[],
): Promise<Row & { readonly by: string }> {
  const bytes = await plantedBytes(fault);
  const module = await WebAssembly.compile(bytes);
  const started = performance.now();
  const found = detect(module, explorations) ?? await detectByOrders(bytes);
  const seconds = (performance.now() - started) / 1000;
  const script = found?.finding.script as { steps?: readonly unknown[] } | undefined;
  const steps = script?.steps ?? found?.finding.detail;
  const findings = found === null ? [{ sentence: `Nothing finds that ${fault.name}` }] : [];
  return {
    name: fault.name,
    figures: { [`steps of the script, by ${found?.by ?? "nobody"}`]: steps?.length ?? 0 },
    findings,
    seconds,
    by: found?.by ?? "nobody",
  };
}

/** The part. */
export const plantedPart: VerifyPart = {
  name: "planted",
  purpose: "managers with a planted fault: each must be found",
  async run({ note }) {
    const explorations = await detectors();
    const rows: (Row & { readonly by: string })[] = [];
    for (const fault of PLANTED) {
      note(`Planted: ${fault.name}`);
      rows.push(await plantedRow(fault, explorations));
    }
    const of = (by: string) => rows.filter((row) => row.by === by).length;
    const times = rows.map(({ seconds }) => seconds).sort((a, b) => a - b);
    const all: Row = {
      name: "all",
      figures: {
        planted: rows.length,
        found: rows.length - of("nobody"),
        "by explore": of("explore"),
        "by seeds": of("seeds"),
        "by differential": of("differential"),
        "by interleave": of("interleave"),
        "ms to find, median": 1000 * times[Math.floor(times.length / 2)]!,
        "ms to find, longest": 1000 * times[times.length - 1]!,
      },
      findings: [],
      seconds: times.reduce((sum, each) => sum + each, 0),
    };
    return [all, ...rows.map(({ by: _inTheFigures, ...row }) => row)];
  },
};
