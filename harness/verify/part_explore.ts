/**
 * Part "explore": every exploration of the profile, to its fixed point, with exact counts.
 *
 * @module
 */

import { cpuSeconds, perCpuSecond } from "./cpu_time.ts";
import { builtinExplorations, type Exploration, readBuiltin } from "./exploration.ts";
import { explore, type Explored } from "./explore.ts";
import type { Finding, Row, VerifyPart } from "./result.ts";
import { timedRow } from "./result.ts";
import { scriptOf } from "./script.ts";

/** What an exploration found beside what its file expects. */
export function explorationFindings(
  module: WebAssembly.Module,
  exploration: Exploration,
  found: Explored,
): Finding[] {
  const { expect, name } = exploration;
  if (found.violation !== null) {
    const { sentence, moves } = found.violation;
    return [{
      sentence: `${name}: ${sentence} (after ${moves.length} operations)`,
      script: scriptOf(module, exploration, moves),
    }];
  }
  if (expect === undefined) return [];
  return (["states", "transitions", "depth"] as const)
    .filter((key) => found[key] !== expect[key])
    .map((key) => ({
      sentence: `${name}: ${found[key]} ${key} found, ${expect[key]} expected: the manager's ` +
        `behaviour has changed; if it was meant to, change "expect" in the file`,
    }));
}

/** Explores one and says what it found. */
export function exploredRow(module: WebAssembly.Module, exploration: Exploration): Promise<Row> {
  return timedRow(exploration.name, () => {
    const before = cpuSeconds();
    const found = explore(module, exploration);
    const cpu = cpuSeconds() - before;
    return {
      figures: {
        states: found.states,
        transitions: found.transitions,
        depth: found.depth,
        "with a failed driver call": found.failed,
        "ways back": found.returns,
        ...perCpuSecond("transitions", found.transitions, cpu),
        "bytes of a state": found.bytes,
      },
      findings: explorationFindings(module, exploration, found),
    };
  });
}

/** The part. */
export const explorePart: VerifyPart = {
  name: "explore",
  purpose: "every state and driver failure of small hosts; every state checked and led back",
  async run({ profile, policy, note }) {
    const rows: Row[] = [];
    for (const name of await builtinExplorations()) {
      const exploration = await readBuiltin(name);
      if (exploration.profile === "full" && profile !== "full") continue;
      note(`Exploring ${name}: ${exploration.title}`);
      rows.push(await exploredRow(policy.module, exploration));
    }
    return rows;
  },
};
