/**
 * Part "builds": the release build and the debug build, which the optimiser never saw, on the same
 * random walks. Answers, driver calls made and every byte of state must be the same.
 *
 * @module
 */

import { cpuSeconds, perCpuSecond } from "./cpu_time.ts";
import { loadWasm } from "../build.ts";
import type { Finding, Profile, Row, VerifyPart } from "./result.ts";
import { timedRow } from "./result.ts";
import { scriptOf } from "./script.ts";
import { drawExploration, noSights, Random, shorten, Walker } from "./walk.ts";

/** Walks of a profile: ten million operations in ci. */
const WALKS: Readonly<Record<Profile, number>> = { ci: 5000, full: 50_000 };
/** Operations of a walk. */
const COMMANDS = 2000;
/** Walks on one drawn host. */
const WALKS_A_HOST = 10;

/** How much to compare. */
export interface BuildEffort {
  readonly walks: number;
  readonly commands: number;
  readonly seed: number;
}

function agree(one: Walker, other: Walker, moves: readonly number[]): boolean {
  const [a, b] = [one.follow(moves), other.follow(moves)];
  if (a.answers !== b.answers) return false;
  return a.state.every((byte, place) => byte === b.state[place]);
}

/** Compares two builds, up to the first difference. */
export function compareBuilds(
  release: WebAssembly.Module,
  debug: WebAssembly.Module,
  effort: BuildEffort,
): Pick<Row, "figures" | "findings"> {
  const findings: Finding[] = [];
  const before = cpuSeconds();
  let [walks, operations, bytes] = [0, 0, 0];
  for (let host = 0; walks < effort.walks && findings.length === 0; host++) {
    const random = new Random((effort.seed + host) | 0);
    const exploration = drawExploration(random);
    const one = new Walker(release, exploration, random, noSights());
    const other = new Walker(debug, exploration, random, noSights());
    for (let turn = 0; turn < WALKS_A_HOST && walks < effort.walks; turn++, walks++) {
      const moves = one.draw(random, effort.commands);
      operations += moves.length;
      bytes += one.bytes;
      if (agree(one, other, moves)) continue;
      const short = one.follow(shorten(moves, (some) => !agree(one, other, some))).done;
      findings.push({
        sentence: `The builds differ after ${short.length} operations (seed ${effort.seed}, ` +
          `host ${host}, walk ${turn})`,
        script: scriptOf(release, exploration, short, false),
      });
      break;
    }
  }
  const seconds = cpuSeconds() - before;
  return {
    figures: {
      walks,
      operations,
      "bytes of state compared": bytes,
      ...perCpuSecond("operations", operations, seconds),
    },
    findings,
  };
}

/** The part. */
export const buildsPart: VerifyPart = {
  name: "builds",
  purpose: "release and debug build on the same random walks, byte for byte",
  async run({ profile, policy, seed, note }) {
    const walks = WALKS[profile];
    note(`Comparing the builds on ${walks} walks of ${COMMANDS} operations`);
    const { module: debug } = await loadWasm("policy", "debug");
    const effort = { walks, commands: COMMANDS, seed };
    return [
      await timedRow("release, debug", () => compareBuilds(policy.module, debug, effort)),
    ];
  },
};
