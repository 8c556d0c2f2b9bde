/**
 * `validate`: the model beside published measurements, and what its figures depend on.
 *
 * @module
 */

import { resolve } from "node:path";
import { Command } from "commander";
import { ensureBuilt } from "../build.ts";
import { EXIT, UserError } from "../errors.ts";
import { readText, reasonOf } from "../jsonc.ts";
import type { ValidationCase } from "../validate/case.ts";
import { judge, type JudgedCase } from "../validate/judge.ts";
import { renderMarkdown, withSection } from "../validate/markdown.ts";
import { builtinCaseFiles, casesNamedBy, readCases } from "../validate/read.ts";
import { type CaseRunOptions, plannedRuns, runCases } from "../validate/runs.ts";
import { measureSensitivity, sensitivityRuns } from "../validate/sensitivity.ts";
import { renderSensitivity } from "../validate/sensitivity_table.ts";
import { renderJson, renderText } from "../validate/show.ts";
import type { PlannedRun } from "../target.ts";
import { type Context, wholeNumber } from "./context.ts";
import type { Io } from "./io.ts";
import { lanesDefault, noteTo, watched } from "./watched.ts";

/** The file whose table `--readme` writes, from the folder the program runs in. */
const README = "README.md";

interface ValidateFlags {
  readonly sensitivity?: true;
  readonly json?: true;
  readonly markdown?: true;
  readonly readme?: true;
  readonly workers?: number;
  readonly quiet?: true;
}

/** The command, ready to be registered. */
export function validateCommand(context: Context): Command {
  return new Command("validate")
    .description("Run the model on published measurements; show its figures beside theirs")
    .argument("[file...]", "files of cases (default: all of workloads/validation)")
    .option("--sensitivity", "show which machine parameters move the headline figures most")
    .option("--json", "print verdicts as JSON")
    .option("--markdown", "print the table in Markdown")
    .option("--readme", `write the table into ${README}, between its marks`)
    .option("--workers <count>", "runs side by side (default: one a CPU)", wholeNumber(1, 64))
    .option("-q, --quiet", "no progress on stderr")
    .addHelpText("after", HELP)
    .action((files: string[], flags: ValidateFlags) => validate(files, flags, context));
}

const HELP = `
A case is a published measurement: a machine with its parameters, settings, a workload and what was
measured. Values hold within 25 %, ratios within 15 %, relations and orders exactly, unless a case
says otherwise. workloads/validation/README.md tells the format.

Exit codes: 0 every case does as it is marked, 1 a case misses or one that is marked as a miss
holds, 2 usage or bad input, 3 ended early, 5 a fault of the lab.

Examples:
  deno task validate
  deno task validate workloads/validation/ebbrt.jsonc
  deno task validate --json --quiet | jq '.cases[] | select(.verdict != "holds") | .name'
  deno task validate --sensitivity`;

async function validate(
  files: readonly string[],
  flags: ValidateFlags,
  context: Context,
): Promise<void> {
  refuseClashes(files, flags);
  if (flags.sensitivity === true) return await sensitivity(flags, context);
  const { io } = context;
  const builtin = await builtinCaseFiles();
  const given = files.map((file) => resolve(io.cwd, file));
  const all = await readCases([...new Set([...builtin, ...given])]);
  const wanted = given.length === 0 ? all : all.filter(({ path }) => given.includes(path));
  const needed = withCompared(wanted, all);
  const judged = await withLanes(
    needed.flatMap((subject) => plannedRuns(subject, null)),
    flags,
    context,
    async (options) => judge(wanted, await runCases(needed, options)),
  );
  if (judged === null) return;
  await show(judged, flags, io);
  if (judged.some(({ verdict }) => verdict === "misses" || verdict === "unexpected")) {
    context.exitCode = EXIT.failed;
  }
}

function refuseClashes(files: readonly string[], flags: ValidateFlags): void {
  const forms = (["json", "markdown", "readme"] as const).filter((form) => flags[form] === true);
  if (forms.length > 1) {
    throw new UserError(`Cannot give --${forms[0]} and --${forms[1]} together: choose one`);
  }
  if (flags.readme === true && files.length > 0) {
    throw new UserError("Cannot write a part of the cases into the README: leave the files out");
  }
  if (flags.sensitivity !== true) return;
  if (files.length > 0) {
    throw new UserError("--sensitivity varies the built-in workloads: leave the files out");
  }
  if (forms.length > 0 && forms[0] !== "json") {
    throw new UserError(`--sensitivity prints a table or --json, not --${forms[0]}`);
  }
}

/** Cases with those that they compare with. */
function withCompared(
  wanted: readonly ValidationCase[],
  all: readonly ValidationCase[],
): ValidationCase[] {
  const names = new Set(wanted.map(({ name }) => name));
  for (const { expect } of wanted) {
    for (const name of expect.flatMap(casesNamedBy)) names.add(name);
  }
  return all.filter(({ name }) => names.has(name));
}

/** Does something with lanes, a progress bar and Ctrl-C; null where it was ended early. */
async function withLanes<T>(
  runs: readonly PlannedRun[],
  flags: ValidateFlags,
  context: Context,
  body: (options: CaseRunOptions) => Promise<T>,
): Promise<T | null> {
  const { io } = context;
  await ensureBuilt({ log: noteTo(flags, io) });
  const workerCount = flags.workers ?? lanesDefault();
  return await watched(runs, flags, io, async (options) => {
    const result = await body({ ...options, workerCount });
    if (!options.signal.aborted) return result;
    context.exitCode = EXIT.inconclusive;
    io.err("Ended early: no verdict\n");
    return null;
  });
}

async function show(
  judged: readonly JudgedCase[],
  flags: ValidateFlags,
  io: Io,
): Promise<void> {
  if (flags.json === true) return io.out(renderJson(judged));
  if (flags.markdown === true) return io.out(renderMarkdown(judged));
  if (flags.readme !== true) return io.out(renderText(judged, { color: io.color }));
  const text = withSection(await readText(README), renderMarkdown(judged), README);
  try {
    await Deno.writeTextFile(README, text);
  } catch (error) {
    throw new UserError(`Cannot write "${README}": ${reasonOf(error)}`, { cause: error });
  }
  io.out(`${README} holds the table of ${judged.length} cases\n`);
}

async function sensitivity(flags: ValidateFlags, context: Context): Promise<void> {
  const plan = await sensitivityRuns();
  const result = await withLanes(
    plan.runs,
    flags,
    context,
    (options) => measureSensitivity(plan, options),
  );
  if (result === null) return;
  const { io } = context;
  io.out(flags.json === true ? JSON.stringify(result, null, 2) + "\n" : renderSensitivity(result));
}
