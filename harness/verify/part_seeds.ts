/**
 * Part "seeds": random walks on drawn hosts, first with failures, then back without. What must have
 * happened somewhere is counted, and an entry that was never reached is a finding: a run that does
 * not get there proves little.
 *
 * @module
 */

import { cpuSeconds, perCpuSecond } from "./cpu_time.ts";
import { DRIVER_CALLS } from "../policy/recorder.ts";
import {
  type Finding,
  NEVER_REACHED,
  type Profile,
  type Row,
  timedRow,
  type VerifyPart,
} from "./result.ts";
import { scriptOf } from "./script.ts";
import { drawExploration, noSights, Random, shrink, type Sights, Walker } from "./walk.ts";

/** Seeds of a profile: walks. */
const SEEDS: Readonly<Record<Profile, number>> = { ci: 10_000, full: 500_000 };
/** Operations of a walk. */
const COMMANDS = 2000;
/** Walks on one drawn host. */
const WALKS_A_HOST = 10;

/** Kinds and answers that must come; 0 stands for every answer that is no errno. */
const ANSWERS: Readonly<Record<string, readonly number[]>> = {
  write: [0, -2, -5, -95],
  down: [0],
  up: [0],
  channels: [0],
  offline: [0, -16],
  online: [0],
  task: [0, -12],
  taskPolicy: [0, -22],
  fork: [0, -12],
  exit: [0],
  allowed: [0, -12],
  open: [0, -12],
  accept: [0, -12],
  bind: [0],
  policy: [0, -22, -28],
  pick: [0, -2, -22, -28],
  rule: [0, -2, -5, -12, -22, -28],
  close: [0],
  host: [0],
};
const POLICIES = [0, 1, 2, 3, 5];

/** Everything that must be seen, and how often it was. */
export function sometimes(sights: Sights): Map<string, number> {
  const kinds = Object.keys(ANSWERS);
  const entries: [string, number][] = [
    ...kinds.flatMap((kind) =>
      ANSWERS[kind]!.map((answer): [string, number] => [
        `${kind} answers ${answer}`,
        sights.answers.get(`${kind} ${answer}`) ?? 0,
      ])
    ),
    ...kinds.flatMap((first) =>
      kinds.map((second): [string, number] => [
        `${first}, then ${second}`,
        sights.pairs.get(`${first}, ${second}`) ?? 0,
      ])
    ),
    ...POLICIES.flatMap((from) =>
      POLICIES.map((to): [string, number] => [
        `a write leads from policy ${from} to ${to}`,
        sights.changes.get(`${from} to ${to}`) ?? 0,
      ])
    ),
    ...DRIVER_CALLS.map((call): [string, number] => [
      `driver call ${call} fails`,
      sights.failures.get(call) ?? 0,
    ]),
  ];
  return new Map(entries);
}

/** How much to walk. */
export interface WalkEffort {
  readonly seeds: number;
  readonly commands: number;
  readonly seed: number;
}

/** Walks, and says what broke or was never reached. */
export function walkSeeds(
  module: WebAssembly.Module,
  effort: WalkEffort,
): Pick<Row, "figures" | "findings"> & { readonly sights: Sights } {
  const sights = noSights();
  const findings: Finding[] = [];
  const before = cpuSeconds();
  let [commands, walks] = [0, 0];
  for (let host = 0; walks < effort.seeds && findings.length === 0; host++) {
    const random = new Random((effort.seed + host) | 0);
    const walker = new Walker(module, drawExploration(random), random, sights);
    for (let turn = 0; turn < WALKS_A_HOST && walks < effort.seeds; turn++, walks++) {
      const broken = walker.walk(random, effort.commands);
      if (broken === null) continue;
      const { sentence, moves } = shrink(walker, broken);
      findings.push({
        sentence: `${sentence} (seed ${effort.seed}, host ${host}, walk ${turn}, ` +
          `${broken.moves.length} operations, shrunk to ${moves.length})`,
        script: scriptOf(module, walker.exploration, moves, false),
      });
      break;
    }
    commands += walker.commands;
  }
  const seconds = cpuSeconds() - before;
  const entries = sometimes(sights);
  const missed = [...entries].filter(([, times]) => times === 0).map(([name]) => name);
  if (findings.length === 0 && missed.length > 0) {
    findings.push({ sentence: NEVER_REACHED, detail: missed });
  }
  return {
    figures: {
      seeds: walks,
      operations: commands,
      ...perCpuSecond("seeds", walks, seconds),
      "sometimes reached": entries.size - missed.length,
      "sometimes listed": entries.size,
      "least often": Math.min(...entries.values()),
      "driver calls failed": [...sights.failures.values()].reduce((sum, each) => sum + each, 0),
    },
    findings,
    sights,
  };
}

/** The part. */
export const seedsPart: VerifyPart = {
  name: "seeds",
  purpose: "random walks with failures, every state checked; then the way back without failures",
  async run({ profile, policy, seed, note }) {
    const seeds = SEEDS[profile];
    note(`Walking ${seeds} seeds of ${COMMANDS} operations`);
    return [
      await timedRow("walks", () => walkSeeds(policy.module, { seeds, commands: COMMANDS, seed })),
    ];
  },
};
