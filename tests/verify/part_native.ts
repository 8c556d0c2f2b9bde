/**
 * Part "native": policy.wasm as native code (wasm2c, gcc) does what it did in V8, and how many
 * instructions that takes. Skipped where the tools are not there: Debian has them in the packages
 * wabt, gcc, libc6-dev and valgrind.
 *
 * @module
 */

import { PROJECT_ROOT } from "../../harness/build.ts";
import type { Finding, Profile, Row, VerifyPart } from "../../harness/verify/result.ts";
import { timedRow } from "../../harness/verify/result.ts";
import INSTRUCTIONS from "./instructions.json" with { type: "json" };
import { compileNative, runTool, TOOLS, versionOf } from "./native.ts";
import { writeStream } from "./stream.ts";

/** Commands of a profile. */
const COMMANDS: Readonly<Record<Profile, number>> = { ci: 200_000, full: 1_000_000 };
/** Always the same: the instructions are counted of the first ones. */
const SEED = 4;
/** Per cent that the instructions may differ from the stored number. */
const TOLERANCE = 2;
const FOLDER = new URL("out/verify/native", PROJECT_ROOT).pathname;

/** A row that says why nothing was done. */
function skippedRow(name: string, skipped: string): Row {
  return { name, figures: {}, findings: [], seconds: 0, skipped };
}

/** What is wrong with a number of instructions; only of the same tools it means anything. */
export function instructionFindings(counted: number, sameTools: boolean): Finding[] {
  const { instructions, commands } = INSTRUCTIONS;
  const change = 100 * (counted / instructions - 1);
  if (!sameTools || Math.abs(change) <= TOLERANCE) return [];
  return [{
    sentence: `${counted} instructions for ${commands} commands, ${change.toFixed(1)} % from the ` +
      `stored ${instructions}: if the change is wanted, store it in tests/verify/instructions.json`,
  }];
}

async function instructionsRow(
  program: string,
  wabt: string,
  gcc: string,
): Promise<Row> {
  const name = "instructions, by callgrind";
  if (await versionOf(TOOLS.valgrind) === null) return skippedRow(name, "no valgrind here");
  const { commands } = INSTRUCTIONS;
  return await timedRow(name, async () => {
    const { text } = await runTool(TOOLS.valgrind, [
      ...["--tool=callgrind", "--callgrind-out-file=/dev/null"],
      ...[program, `${FOLDER}/stream.bin`, String(commands)],
    ]);
    const counted = Number(text.match(/Collected : (\d+)/)?.[1] ?? NaN);
    const sameTools = wabt === INSTRUCTIONS.wabt && gcc === INSTRUCTIONS.gcc;
    const findings = Number.isNaN(counted)
      ? [{ sentence: `valgrind counted nothing: ${text.slice(0, 300)}` }]
      : instructionFindings(counted, sameTools);
    return {
      figures: {
        instructions: counted,
        commands,
        "a command": Math.round(counted / commands),
        ...sameTools ? { stored: INSTRUCTIONS.instructions } : {},
      },
      findings,
    };
  });
}

/** The part. */
export const nativePart: VerifyPart = {
  name: "native",
  purpose: "policy.wasm as native code: the same answers, driver calls and memory as in V8",
  async run({ profile, policy, note }) {
    const name = "wasm2c, gcc";
    const [wabt, gcc] = [await versionOf(TOOLS.wasm2c), await versionOf(TOOLS.gcc)];
    if (wabt === null || gcc === null) {
      const absent = wabt === null ? TOOLS.wasm2c : TOOLS.gcc;
      return [skippedRow(name, `no ${absent} here, or no leave to run it`)];
    }
    note(`Compiling policy.wasm with wasm2c ${wabt} and ${gcc}`);
    const started = performance.now();
    const stream = writeStream(policy.bytes, COMMANDS[profile], SEED);
    const made = await compileNative(FOLDER, policy.bytes, stream);
    if ("refused" in made) return [skippedRow(name, made.refused.slice(0, 300))];
    const { code, text } = await runTool(made.program, [`${FOLDER}/stream.bin`]);
    const agreed = Number(text.match(/^(\d+) commands agree/)?.[1] ?? 0);
    const row: Row = {
      name,
      figures: { "commands that agree": agreed, "numbers compared": stream.words.length },
      findings: code === 0 ? [] : [{ sentence: `Native code and V8: ${text.trim()}` }],
      seconds: (performance.now() - started) / 1000,
    };
    return [row, await instructionsRow(made.program, wabt, gcc)];
  },
};
