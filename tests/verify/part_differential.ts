/**
 * Part "differential": policy.wasm and the reference model on the same random scripts.
 *
 * @module
 */

import { cpuSeconds, perCpuSecond } from "../../harness/verify/cpu_time.ts";
import type { Finding, Profile, Row, VerifyPart } from "../../harness/verify/result.ts";
import { timedRow } from "../../harness/verify/result.ts";
import { differenceOn, drawScript, shrinkScript } from "./differential.ts";

/** Scripts of a profile. */
const SCRIPTS: Readonly<Record<Profile, number>> = { ci: 120, full: 10_000 };
/** Operations of a script. */
const LENGTH = 2000;
/** Characters of an answer that are shown. */
const SHOWN = 300;

/** Compares on scripts from consecutive seeds, up to the first difference. */
export function compareScripts(
  module: WebAssembly.Module,
  effort: { readonly scripts: number; readonly length: number; readonly seed: number },
): Pick<Row, "figures" | "findings"> {
  const findings: Finding[] = [];
  const before = cpuSeconds();
  let [scripts, steps] = [0, 0];
  for (; scripts < effort.scripts && findings.length === 0; scripts++) {
    const scenario = drawScript(module, (effort.seed + scripts) | 0, effort.length);
    steps += scenario.steps.length;
    if (differenceOn(module, scenario) === null) continue;
    const short = shrinkScript(module, scenario);
    const found = differenceOn(module, short)!;
    findings.push({
      sentence: `Script ${scripts} of seed ${effort.seed} differs from the model, shrunk to ` +
        `${short.steps.length} steps`,
      script: short,
      detail: [
        `at step ${found.step}`,
        ...firstDifference(found.expected, found.actual),
      ],
    });
  }
  const seconds = cpuSeconds() - before;
  return {
    figures: {
      scripts,
      steps,
      ...perCpuSecond("scripts", scripts, seconds),
      ...perCpuSecond("steps", steps, seconds),
    },
    findings,
  };
}

/** Both texts from a little before where they part. */
function firstDifference(expected: string, actual: string): string[] {
  let place = 0;
  while (place < expected.length && expected[place] === actual[place]) place++;
  const from = Math.max(0, place - SHOWN / 4);
  const cut = (text: string) => text.slice(from, from + SHOWN);
  return [`the model:   ${cut(expected)}`, `policy.wasm: ${cut(actual)}`];
}

/** The part. */
export const differentialPart: VerifyPart = {
  name: "differential",
  purpose: "the same random scripts on policy.wasm and on the reference model",
  async run({ profile, policy, seed, note }) {
    const scripts = SCRIPTS[profile];
    note(`Comparing ${scripts} scripts of ${LENGTH} operations with the reference model`);
    return [
      await timedRow(
        "scripts",
        () => compareScripts(policy.module, { scripts, length: LENGTH, seed }),
      ),
    ];
  },
};
