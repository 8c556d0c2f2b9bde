/**
 * Part "agreement": the release build, the debug build that the optimiser never saw, and the
 * reference model on the same random walks. Of the builds every byte of state must be the same; of
 * all three every answer, how many driver calls each operation made, what the driver was left with,
 * and what the manager holds at the end of a walk.
 *
 * @module
 */

import { loadWasm } from "../../harness/build.ts";
import { cpuSeconds, perCpuSecond } from "../../harness/verify/cpu_time.ts";
import { MOVE } from "../../harness/verify/explore.ts";
import { operationsOf } from "../../harness/verify/operations.ts";
import type { Finding, Profile, Row, VerifyPart } from "../../harness/verify/result.ts";
import { timedRow } from "../../harness/verify/result.ts";
import { scriptOf } from "../../harness/verify/script.ts";
import {
  answersAfter,
  drawExploration,
  noSights,
  Random,
  shorten,
  Walker,
} from "../../harness/verify/walk.ts";
import { heldBy, ReferenceSubject } from "./reference_subject.ts";

/** Walks of a profile: ten million operations in ci. */
const WALKS: Readonly<Record<Profile, number>> = { ci: 5000, full: 50_000 };
/** Operations of a walk. */
const COMMANDS = 2000;
/** Walks on one drawn host. */
const WALKS_A_HOST = 10;

/** How much to compare. */
export interface Effort {
  readonly walks: number;
  readonly commands: number;
  readonly seed: number;
}

/** Release, debug, reference on one host. */
class Three {
  readonly #operations;

  constructor(readonly release: Walker, readonly debug: Walker) {
    this.#operations = operationsOf(release.exploration);
  }

  /** Does given moves on all; who is not as the release, null if all are. */
  differs(moves: readonly number[]): "debug" | "reference" | null {
    const { answers, state, done } = this.release.follow(moves);
    const other = this.debug.follow(moves);
    if (other.answers !== answers) return "debug";
    if (state.some((byte, place) => byte !== other.state[place])) return "debug";
    return this.#modelAgrees(answers, done) ? null : "reference";
  }

  #modelAgrees(expected: number, moves: readonly number[]): boolean {
    const { subject } = this.release;
    const model = new ReferenceSubject(subject.exploration);
    let answers = 0;
    for (const move of moves) {
      model.host.begin(MOVE.first(move), MOVE.second(move));
      const answer = this.#operations[MOVE.operation(move)]!.run(model);
      answers = answersAfter(answers, answer, model.host.calls);
    }
    if (answers !== expected) return false;
    const left = subject.host.state;
    if (model.host.state.some((byte, place) => byte !== left[place])) return false;
    const held = heldBy(subject);
    const wanted = model.held();
    return held.length === wanted.length && held.every((value, place) => value === wanted[place]);
  }
}

/** Compares up to the first difference. */
export function compareThree(
  release: WebAssembly.Module,
  debug: WebAssembly.Module,
  effort: Effort,
): Pick<Row, "figures" | "findings"> {
  const findings: Finding[] = [];
  const before = cpuSeconds();
  let [walks, operations, bytes] = [0, 0, 0];
  for (let host = 0; walks < effort.walks && findings.length === 0; host++) {
    const random = new Random((effort.seed + host) | 0);
    const exploration = drawExploration(random);
    const one = new Walker(release, exploration, random, noSights());
    const three = new Three(one, new Walker(debug, exploration, random, noSights()));
    for (let turn = 0; turn < WALKS_A_HOST && walks < effort.walks; turn++, walks++) {
      const moves = one.draw(random, effort.commands);
      operations += moves.length;
      bytes += one.bytes;
      const who = three.differs(moves);
      if (who === null) continue;
      const short = one.follow(shorten(moves, (some) => three.differs(some) === who)).done;
      findings.push({
        sentence: `The release and the ${who} differ after ${short.length} operations (seed ` +
          `${effort.seed}, host ${host}, walk ${turn})`,
        script: scriptOf(release, exploration, short, false),
      });
      break;
    }
  }
  const seconds = cpuSeconds() - before;
  return {
    figures: {
      walks,
      "operations on which three agree": operations,
      "bytes of state compared": bytes,
      ...perCpuSecond("operations", operations, seconds),
    },
    findings,
  };
}

/** The part. */
export const agreementPart: VerifyPart = {
  name: "agreement",
  purpose: "release build, debug build and reference model on the same random walks",
  async run({ profile, policy, seed, note }) {
    const walks = WALKS[profile];
    note(`Comparing three on ${walks} walks of ${COMMANDS} operations`);
    const { module: debug } = await loadWasm("policy", "debug");
    const effort = { walks, commands: COMMANDS, seed };
    return [
      await timedRow(
        "release, debug, reference",
        () => compareThree(policy.module, debug, effort),
      ),
    ];
  },
};
