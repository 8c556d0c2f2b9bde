/**
 * `gate`: the verdict of records against a baseline. The judging is in reports/gate; this file
 * only turns options into its command.
 *
 * @module
 */

import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import {
  type AcceptedBy,
  DEFAULT_BASELINE,
  DEFAULT_TRIALS,
  runGate,
} from "../../reports/gate/cli.ts";
import {
  DEFAULT_HISTORY_RUNS,
  HISTORY_RUNS_MIN,
  type HistoryBase,
} from "../../reports/gate/against_history.ts";
import { EXIT, UserError } from "../errors.ts";
import type { RunRecord } from "../record.ts";
import { LAB_VERSION } from "../run.ts";
import { readRecords } from "../store.ts";
import { type Context, path, wholeNumber } from "./context.ts";
import { DEFAULT_HISTORY_FILE, readHistory } from "./history.ts";
import { addOutputs, failOnInconclusive, type OutputFlags, outputsOf } from "./outputs.ts";

/** Where `bench` writes. */
const DEFAULT_RECORDS = "out/bench";

interface GateFlags extends OutputFlags {
  readonly baseline?: string;
  readonly accept?: string;
  readonly by?: string;
  readonly date?: string;
  readonly update?: true;
  readonly prune?: true;
  readonly selfTest?: true;
  readonly trials: number;
  readonly minimumEffect?: number;
  readonly failOnInconclusive?: true;
  readonly history?: number;
  readonly historyFile?: string;
  readonly json?: true;
}

/** The command, ready to be registered. */
export function gateCommand(context: Context): Command {
  const command = new Command("gate")
    .description("Verdict of records against a baseline")
    .argument("[records...]", `records.ndjson files, or folders (default: ${DEFAULT_RECORDS})`)
    .option("-b, --baseline <file>", `accepted results (default: ${DEFAULT_BASELINE})`)
    .option("--accept <reason>", "accept the records into the baseline, and note there why")
    .option("--by <name>", "with --accept: who accepts (default: from the environment)")
    .option("--date <day>", "with --accept: when, as YYYY-MM-DD (default: today)")
    .option("--update", "accept without a note, as for a first baseline")
    .option("--prune", "with both: drop the accepted runs that the records lack")
    .option("--self-test", "plant faults in the records and in noise: does the gate see them?")
    .option(
      "--trials <count>",
      "with --self-test: seeded trials a row",
      wholeNumber(1, 100_000),
      DEFAULT_TRIALS,
    )
    .option(
      "--minimum-effect <share>",
      "smallest change that counts (default: what each metric declares)",
      share,
    )
    .addOption(failOnInconclusive())
    .addOption(
      new Option(
        "--history [runs]",
        "judge against the last stored runs of the same environment, not the baseline " +
          `(without a number: ${DEFAULT_HISTORY_RUNS})`,
      ).argParser(wholeNumber(HISTORY_RUNS_MIN, 1000)).preset(String(DEFAULT_HISTORY_RUNS)),
    )
    .option("--history-file <file>", `with --history (default: ${DEFAULT_HISTORY_FILE})`, path)
    .option("--json", "print the verdict as JSON instead of a table")
    .addHelpText("after", HELP)
    .action(async (records: readonly string[], flags: GateFlags) => {
      const { io } = context;
      const paths = records.length === 0
        ? [DEFAULT_RECORDS]
        : records.map((each) => resolve(io.cwd, each));
      context.exitCode = await runGate({
        ...outputsOf(flags, io.cwd),
        records: () => recordsOf(paths),
        history: historyOf(flags, io.cwd),
        failOnInconclusive: flags.failOnInconclusive === true,
        labVersion: LAB_VERSION,
        baseline: flags.baseline === undefined ? DEFAULT_BASELINE : resolve(io.cwd, flags.baseline),
        json: flags.json === true,
        update: flags.update === true,
        prune: flags.prune === true,
        selfTest: flags.selfTest === true,
        trials: flags.trials,
        accept: acceptanceOf(flags, io.now()),
        minimumEffect: flags.minimumEffect ?? null,
      }, { stdout: (text) => io.out(text), stderr: (text) => io.err(text) });
    });
  return addOutputs(command);
}

const HELP = `
Model results are compared exactly: the same seed must give the same numbers. Live results are
judged by statistics.

With --history the base is not the baseline but what "history add" kept: of model runs the newest of
each seed, of live runs all values of the last runs, 10 unless told. Too few of them are no verdict.

Exit codes: 0 pass, 1 regression or something missing, 2 wrong usage or a file that cannot be
written, 3 no verdict, 4 live runs of another environment, 5 records or baseline cannot be read.
Where only noise leaves it open the gate warns and ends with 0, with --fail-on-inconclusive with 3.
Other commands end with 2 for input they cannot read; the gate ends with 5, so that a script that
takes 2 for a slip of the hand never passes over a lost verdict.

Examples:
  deno task gate
  deno task gate out/bench --junit out/gate.xml --sarif out/gate.sarif --markdown out/gate.md
  deno task gate out/live --history 20 --fail-on-inconclusive
  deno task gate out/bench --accept "RTO now doubles, so tails grow" --by "Ada Lovelace"
  deno task gate out/bench --update --prune`;

/** Where a name may stand in the environment: git's own, then CI's, then the system's. */
const NAME_VARIABLES = ["GIT_AUTHOR_NAME", "GITHUB_ACTOR", "GITLAB_USER_NAME", "USER", "LOGNAME"];

/** Who accepts, when and why; the gate refuses an empty name. */
function acceptanceOf(flags: GateFlags, now: Date): AcceptedBy | undefined {
  const { accept: reason, by, date } = flags;
  if (reason === undefined) {
    if (by === undefined && date === undefined) return undefined;
    throw new UserError('Cannot use --by or --date alone: add --accept "REASON"');
  }
  const name = by ?? NAME_VARIABLES.map((variable) => Deno.env.get(variable) ?? "").find(Boolean);
  return { reason, by: name ?? "", date: date ?? now.toISOString().slice(0, 10) };
}

function share(value: string): number {
  const parsed = Number(value);
  if (value.trim() !== "" && parsed > 0 && parsed < 1) return parsed;
  throw new InvalidArgumentError("Accepted is a share above 0 and below 1.");
}

/** Records that cannot be read are no usage error here: a gate must not pass over them. */
async function recordsOf(paths: readonly string[]): Promise<readonly RunRecord[]> {
  try {
    return (await readRecords(paths)).records;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const remedy = 'run "deno task bench" first, or name records that are whole';
    throw new UserError(`${error.message}: ${remedy}`, { exitCode: EXIT.fault, cause: error });
  }
}

/** What reads the history to judge against, if one was asked for. */
function historyOf(
  { history: runs, historyFile }: GateFlags,
  cwd: string,
): (() => HistoryBase) | undefined {
  if (runs === undefined) {
    if (historyFile === undefined) return undefined;
    throw new UserError("Cannot use --history-file alone: add --history");
  }
  const file = resolve(cwd, historyFile ?? DEFAULT_HISTORY_FILE);
  return () => ({ rows: readHistory(file), runs });
}
