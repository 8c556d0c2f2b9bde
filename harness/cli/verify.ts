/**
 * `verify`: checks policy.wasm itself as deeply as it can be. The parts are given by whoever builds
 * the program, because one of them compares with the reference model, which lies in tests/.
 *
 * @module
 */

import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { loadWasm } from "../build.ts";
import { EXIT, UserError } from "../errors.ts";
import { reasonOf } from "../jsonc.ts";
import { EXPLORATION_SCHEMA, readExploration } from "../verify/exploration.ts";
import { INTERLEAVING_SCHEMA, readInterleaving } from "../verify/interleaving.ts";
import { exploredRow } from "../verify/part_explore.ts";
import { interleavedRow } from "../verify/part_interleave.ts";
import {
  type Finding,
  type Profile,
  VERIFY_SCHEMA,
  type VerifyContext,
  type VerifyPart,
  type VerifyResult,
} from "../verify/result.ts";
import { replayCase } from "../verify/machine_replay.ts";
import { soakPart } from "../verify/part_soak.ts";
import { renderVerification } from "../verify/show.ts";
import { runParts, type SideBySide } from "../verify/side_by_side.ts";
import { collect, type Context, wholeNumber } from "./context.ts";
import { shownPath } from "./present.ts";
import { lanesDefault, noteTo } from "./watched.ts";

interface VerifyFlags {
  readonly profile: Profile;
  readonly seed: number;
  readonly part?: readonly string[];
  readonly explore?: string;
  readonly interleave?: string;
  readonly case?: string;
  readonly soak?: number;
  readonly workers?: number;
  readonly schema?: keyof typeof SCHEMAS;
  readonly mutant?: string;
  readonly json?: true;
  readonly quiet?: true;
}

/** Seed of runs that name none. */
const SEED_DEFAULT = 4;
const FOLDER = "out/verify";
/** Files that the verifier reads. */
const SCHEMAS = { exploration: EXPLORATION_SCHEMA, interleaving: INTERLEAVING_SCHEMA };

/** A seed: a decimal number, or 40 hexadecimal digits of a commit, of which 32 bits count. */
function parseSeed(value: string): number {
  if (/^[0-9a-f]{40}$/i.test(value)) return parseInt(value.slice(0, 8), 16) | 0;
  const parsed = Number(value);
  if (/^\d{1,10}$/.test(value) && parsed < 2 ** 32) return parsed | 0;
  throw new InvalidArgumentError(
    "Accepted is a number below 2^32, or the 40 hex digits of a commit.",
  );
}

/**
 * The command with its parts, ready to be registered. `worker` is a module that serves these parts
 * (`serveParts`); without it they run one after the other.
 */
export function verifyCommand(
  context: Context,
  parts: readonly VerifyPart[],
  worker?: URL,
): Command {
  const names = parts.map(({ name }) => name);
  const width = Math.max(...names.map((name) => name.length));
  return new Command("verify")
    .description("Check policy.wasm: explore its states, walk at random, compare, read the binary")
    .addOption(
      new Option("--profile <name>", "ci: minutes; full: a night").choices(["ci", "full"])
        .default("ci"),
    )
    .addOption(
      new Option("--seed <number>", "seed of what is drawn: a number or a commit's hash")
        .argParser(parseSeed).default(SEED_DEFAULT),
    )
    .option("--part <names>", `only these parts, of ${names.join(", ")}`, collect)
    .option("--explore <file>", "explore one file and nothing else")
    .option("--interleave <file>", "go through the orders of one file and nothing else")
    .option("--case <file>", "repeat one case of the part machine, with its trace, and end")
    .option("--soak <minutes>", "walks and machines in turns, for so long", wholeNumber(1, 100_000))
    .option("--workers <count>", "parts side by side (default: one a CPU)", wholeNumber(1, 64))
    .addOption(
      new Option("--schema [kind]", "print the JSON Schema of a kind of files and end")
        .choices(Object.keys(SCHEMAS)).preset("exploration"),
    )
    .option("--mutant <id>", "try one mutant and nothing else")
    .option("--json", "print the result as JSON")
    .option("--quiet", "no progress")
    .addHelpText(
      "after",
      `
Parts:
${parts.map(({ name, purpose }) => `  ${name.padEnd(width)}  ${purpose}`).join("\n")}

The result goes to ${FOLDER}/result.json; a script for every violation that has one beside it.
Parts that run side by side take longer each, and less together.
Exit codes: 0 all holds, 1 something is broken, 2 wrong usage or a wrong file.

Examples:
  deno task verify
  deno task verify --part explore,static
  deno task verify --part seeds --seed $(git rev-parse HEAD)
  deno task verify --explore workloads/explorations/rules.jsonc
  deno task verify --interleave workloads/interleavings/rfc-channels.jsonc
  deno task verify --soak 60 --seed $(date +%s)
  deno task verify --mutant pick/choose:add_sub:1`,
    )
    .action(async (flags: VerifyFlags) => {
      const { io } = context;
      if (flags.schema !== undefined) {
        return io.out(`${JSON.stringify(SCHEMAS[flags.schema], null, 2)}\n`);
      }
      if (flags.case !== undefined) return await repeat(flags.case, context);
      const unknown = flags.part?.find((name) => !names.includes(name));
      if (unknown !== undefined) {
        throw new UserError(`Unknown part "${unknown}": accepted are ${names.join(", ")}`);
      }
      const asked = await askedFor(flags, io);
      const wanted = flags.mutant === undefined ? flags.part : ["mutation"];
      const chosen = parts.filter(({ name }) => wanted?.includes(name) ?? true);
      const beside = worker === undefined || asked.length > 0
        ? null
        : { worker, count: flags.workers ?? lanesDefault() };
      await verify(asked.length > 0 ? asked : chosen, flags, context, beside);
    });
}

/** Repeats a case of the part "machine" from its file. */
async function repeat(file: string, context: Context): Promise<void> {
  const { text, isBroken } = await replayCase(resolve(context.io.cwd, file));
  context.io.out(text);
  if (isBroken) context.exitCode = EXIT.failed;
}

/** What is asked for in the place of the parts: a part for each file that was named, the soak. */
async function askedFor(
  { explore, interleave, soak }: VerifyFlags,
  { cwd, now }: Context["io"],
): Promise<VerifyPart[]> {
  const parts: VerifyPart[] = [];
  if (soak !== undefined) parts.push(soakPart(soak, () => now().getTime()));
  if (explore !== undefined) {
    const exploration = await readExploration(resolve(cwd, explore));
    const run: VerifyPart["run"] = async ({ policy }) => [
      await exploredRow(policy.module, exploration),
    ];
    parts.push({ name: "explore", purpose: exploration.title, run });
  }
  if (interleave !== undefined) {
    const interleaving = await readInterleaving(resolve(cwd, interleave));
    const run: VerifyPart["run"] = async ({ policy }) => [
      await interleavedRow(policy.bytes, interleaving),
    ];
    parts.push({ name: "interleave", purpose: interleaving.title, run });
  }
  return parts;
}

async function verify(
  parts: readonly VerifyPart[],
  flags: VerifyFlags,
  context: Context,
  beside: SideBySide | null,
): Promise<void> {
  const { io } = context;
  const { profile, seed } = flags;
  const started = performance.now();
  const { module, bytes, sha256 } = await loadWasm("policy", "release");
  const given: VerifyContext = {
    profile,
    seed,
    mutant: flags.mutant ?? null,
    policy: { module, bytes },
    note: noteTo(flags, io),
  };
  const results = await runParts(parts, given, beside);
  const result: VerifyResult = {
    schema: VERIFY_SCHEMA,
    profile,
    seed,
    policy_wasm_sha256: sha256,
    passed: results.every(({ passed }) => passed),
    seconds: (performance.now() - started) / 1000,
    parts: results,
  };
  const scripts = await store(result, io.cwd);
  const text = JSON.stringify(result, null, 2) + "\n";
  io.out(flags.json === true ? text : renderVerification(result, scripts));
  if (!result.passed) context.exitCode = EXIT.failed;
}

/** Writes the result and its scripts; says where each script went. */
async function store(result: VerifyResult, cwd: string): Promise<Map<Finding, string>> {
  const folder = resolve(cwd, FOLDER);
  const scripts = new Map<Finding, string>();
  try {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(`${folder}/result.json`, JSON.stringify(result, null, 2) + "\n");
    for (const { part, rows } of result.parts) {
      for (const { name, findings } of rows) {
        for (const [place, finding] of findings.entries()) {
          if (finding.script === undefined) continue;
          const file = `${folder}/${part}_${name.replaceAll(" ", "_")}_${place + 1}.jsonc`;
          await Deno.writeTextFile(
            file,
            `// ${finding.sentence}\n${JSON.stringify(finding.script, null, 2)}\n`,
          );
          scripts.set(finding, shownPath(cwd, file));
        }
      }
    }
  } catch (error) {
    throw new UserError(`Cannot write "${folder}": ${reasonOf(error)}`, { cause: error });
  }
  return scripts;
}
