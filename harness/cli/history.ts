/**
 * `history`: keeps the metrics of runs and shows where their level changed.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Argument, Command } from "commander";
import { showTrends, storedMetrics, trendsOf } from "../../reports/history.ts";
import { EXIT, UserError } from "../errors.ts";
import { formatRow, History, type HistoryRow, parseRows } from "../history.ts";
import { readText } from "../jsonc.ts";
import { readRecords } from "../store.ts";
import type { RunRecord } from "../record.ts";
import { plural } from "../words.ts";
import { collect, type Context, path } from "./context.ts";
import type { Io } from "./io.ts";

/** Where `history` keeps. */
export const DEFAULT_HISTORY_FILE = "out/history.sqlite";
const ACTIONS = ["add", "show", "export", "import", "remove"] as const;

interface HistoryFlags {
  readonly file?: string;
  readonly commit?: string;
  readonly metric?: readonly string[];
  readonly all?: true;
  readonly json?: true;
}

/** The command, ready to be registered. */
export function historyCommand(context: Context): Command {
  return new Command("history")
    .description("Keep the metrics of runs, and show where their level changed")
    .addArgument(new Argument("<action>", "what to do").choices(ACTIONS))
    .argument("[files...]", "records for add, exported lines for import")
    .option("--file <file>", `the history (default: ${DEFAULT_HISTORY_FILE})`, path)
    .option(
      "--commit <name>",
      "what was run: with add (default: from the environment), with remove",
    )
    .option("--metric <id>", "with show: only this metric, repeatable", collect)
    .option("--all", "with show: also what did not change")
    .option("--json", "with show: print the series as JSON")
    .addHelpText("after", HELP)
    .action((action: typeof ACTIONS[number], files: readonly string[], flags: HistoryFlags) =>
      run(action, files, flags, context)
    );
}

const HELP = `
A series holds one metric of one cell (workload, target, mechanism, policy), the median over seeds,
with the same generator, host and workload description. A model value changes only with the code, so
every step beyond the minimum effect is told; a live one needs a test of change points (E-divisive,
three runs or more on each side). It is for information: the gate judges, with --history against the
last runs. "remove" takes a bad commit out, so that it is no part of any later base.

Examples:
  deno task history add out/bench --commit "$(git rev-parse HEAD)"
  deno task history show --metric rr/latency_ns_p99
  deno task history export > history.ndjson
  deno task history import history.ndjson
  deno task history remove --commit "$(git rev-parse 1594ea2)"`;

async function run(
  action: typeof ACTIONS[number],
  files: readonly string[],
  flags: HistoryFlags,
  { io }: Context,
): Promise<void> {
  const paths = files.map((file) => resolve(io.cwd, file));
  const needsFiles = action === "add" || action === "import";
  if (needsFiles !== (files.length > 0)) {
    throw new UserError(
      needsFiles ? `Cannot ${action} nothing: name files` : `Cannot ${action} files: name none`,
    );
  }
  const at = io.now().toISOString();
  const rows = action === "add"
    ? (await wholeRecords(paths, io)).flatMap((record) =>
      storedMetrics(record, commitOf(flags), at)
    )
    : action === "import"
    ? (await Promise.all(paths.map(async (file) => parseRows(await readText(file), file)))).flat()
    : [];
  const history = new History(
    flags.file === undefined ? resolve(DEFAULT_HISTORY_FILE) : resolve(io.cwd, flags.file),
  );
  try {
    if (needsFiles) {
      io.err(`Added ${plural(history.add(rows), "value")} of ${rows.length}.\n`);
    } else if (action === "remove") {
      io.err(`Removed ${plural(removeCommit(history, flags), "value")}.\n`);
    } else if (action === "export") {
      for (const row of history.rows()) io.out(formatRow(row));
    } else {
      const chosen = history.rows().filter(({ metric }) =>
        flags.metric === undefined || flags.metric.includes(metric)
      );
      if (chosen.length === 0) {
        throw new UserError("Cannot show a trend: the history has no such value");
      }
      const trends = trendsOf(chosen);
      io.out(
        flags.json
          ? `${JSON.stringify(trends, null, 2)}\n`
          : showTrends(trends, flags.all === true),
      );
    }
  } finally {
    history.close();
  }
}

/** Records of runs that came to their end; what ended early is no level to compare with. */
async function wholeRecords(paths: readonly string[], io: Io): Promise<RunRecord[]> {
  const { records } = await readRecords(paths);
  const whole = records.filter(({ status }) => status === "complete");
  const left = records.length - whole.length;
  if (left > 0) io.err(`Left out ${plural(left, "run")} that ended early.\n`);
  return whole;
}

/** What is not there is a slip of the hand, and the bad commit still in. */
function removeCommit(history: History, { commit = "" }: HistoryFlags): number {
  if (commit.trim() === "") {
    throw new UserError('Cannot remove nothing: name it with --commit "NAME"');
  }
  const removed = history.remove(commit);
  if (removed > 0) return removed;
  throw new UserError(`Cannot remove "${commit}": the history has no such commit`);
}

/**
 * All rows of a history that is there.
 *
 * @throws {UserError} with the exit code of a gate that has no verdict.
 */
export function readHistory(file: string): HistoryRow[] {
  if (!existsSync(file)) {
    throw new UserError(
      `Cannot read the history "${file}": it is not there; make one with "deno task history add"`,
      { exitCode: EXIT.fault },
    );
  }
  try {
    const history = new History(file);
    try {
      return history.rows();
    } finally {
      history.close();
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.message, { exitCode: EXIT.fault, cause: error });
  }
}

/** Where CI tells the commit. */
const COMMIT_VARIABLES = ["GITHUB_SHA", "CI_COMMIT_SHA"];

function commitOf({ commit }: HistoryFlags): string {
  const found = commit ?? COMMIT_VARIABLES.map((name) => Deno.env.get(name) ?? "").find(Boolean);
  if (found !== undefined && found.trim() !== "") return found;
  throw new UserError('Cannot add runs of nothing: say what was run with --commit "NAME"');
}
