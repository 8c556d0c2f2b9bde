/**
 * The soak: walks on the policy manager and machines in turns, each turn from the next seed, until
 * a time is out. The clock only ends it: every turn is repeated by its seed.
 *
 * @module
 */

import { machineSubject, runSeeds } from "./part_machine.ts";
import { walkSeeds } from "./part_seeds.ts";
import { type Finding, NEVER_REACHED, type Row, type VerifyPart } from "./result.ts";

/** What one turn does. */
const WALKS = { seeds: 100, commands: 2000 };
const MACHINES = 25;

/** A part that goes on for so many minutes by a clock in milliseconds. */
export function soakPart(minutes: number, clock: () => number): VerifyPart {
  return {
    name: "soak",
    purpose: `walks and machines in turns for ${minutes} minutes`,
    async run({ policy, seed, note }) {
      const subject = await machineSubject();
      const [started, sights] = [clock(), new Map<string, number>()];
      const end = started + minutes * 60_000;
      const counts = { turns: 0, walks: 0, operations: 0, machines: 0, events: 0 };
      const findings: Finding[] = [];
      while (clock() < end && findings.length === 0) {
        const from = (seed + counts.turns * WALKS.seeds) | 0;
        const walked = walkSeeds(policy.module, { ...WALKS, seed: from });
        const ran = runSeeds(subject, from, MACHINES, sights);
        findings.push(...walked.findings.filter(({ sentence }) => sentence !== NEVER_REACHED));
        if (ran.finding !== null) findings.push(ran.finding);
        counts.turns++;
        counts.walks += walked.figures["seeds"] ?? 0;
        counts.operations += walked.figures["operations"] ?? 0;
        counts.machines += ran.seeds;
        counts.events += ran.events;
        const left = Math.max(0, Math.ceil((end - clock()) / 60_000));
        note(`Seed ${from}: ${counts.walks} walks, ${counts.machines} machines, ${left} min left`);
      }
      const row: Row = {
        name: `from seed ${seed}`,
        figures: { ...counts, "kinds of things seen": sights.size },
        findings,
        seconds: (clock() - started) / 1000,
      };
      return [row];
    },
  };
}
