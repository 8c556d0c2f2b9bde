/**
 * Part "planted-machine": the machine's seeds on models with a planted fault. A fault that nothing
 * finds is a finding about the rules and monitors.
 *
 * @module
 */

import { type MachineSubject, machineSubject } from "../../harness/verify/part_machine.ts";
import { drawCase } from "../../harness/verify/machine_draw.ts";
import { runCase } from "../../harness/verify/machine_run.ts";
import type { Row, VerifyPart } from "../../harness/verify/result.ts";
import { Random } from "../../harness/verify/walk.ts";
import { compilePlanted, type PlantedFault } from "./planted.ts";
import { PLANTED_MACHINE } from "./planted_machine.ts";

/** Seeds that a fault is looked for with. */
const SEEDS = 60;
const FIRST_SEED = 1;

/** Which seed found a fault, counted from 1, and what was said. */
export interface FoundByMachine {
  readonly seeds: number;
  readonly sentence: string;
}

/** Looks for a fault with the machine's seeds; null if none finds it. */
export async function detectInMachine(
  subject: MachineSubject,
  fault: PlantedFault,
): Promise<FoundByMachine | null> {
  const machineModule = await compilePlanted(fault, "machine");
  const modules = { ...subject.modules, machineModule };
  for (let place = 0; place < SEEDS; place++) {
    const one = drawCase(new Random(FIRST_SEED + place), subject.base);
    const { sentence } = runCase(modules, one);
    if (sentence !== null) return { seeds: place + 1, sentence };
  }
  return null;
}

async function plantedRow(subject: MachineSubject, fault: PlantedFault): Promise<Row> {
  const started = performance.now();
  const found = await detectInMachine(subject, fault);
  const rule = Number(
    /^(?:The model broke its r|R)ule (\d+)/.exec(found?.sentence ?? "")?.[1] ?? 0,
  );
  return {
    name: fault.name,
    figures: found === null ? {} : {
      "seeds until found": found.seeds,
      ...(rule > 0 ? { "is the rule that was broken": rule } : { "by a monitor": 1 }),
    },
    findings: found === null ? [{ sentence: `Nothing finds that ${fault.name}` }] : [],
    seconds: (performance.now() - started) / 1000,
  };
}

/** The part. */
export const plantedMachinePart: VerifyPart = {
  name: "planted-machine",
  purpose: "machine models with a planted fault: each must be found",
  async run({ note }) {
    const subject = await machineSubject();
    const rows: Row[] = [];
    for (const fault of PLANTED_MACHINE) {
      note(`Planted: ${fault.name}`);
      rows.push(await plantedRow(subject, fault));
    }
    const all: Row = {
      name: "all",
      figures: {
        planted: rows.length,
        found: rows.filter(({ findings }) => findings.length === 0).length,
      },
      findings: [],
      seconds: rows.reduce((sum, { seconds }) => sum + seconds, 0),
    };
    return [all, ...rows];
  },
};
