/**
 * `history`: keeps the metrics of runs and shows where their level changed.
 *
 * @module
 */

import { resolve } from "node:path";
import { Argument, Command } from "commander";
import { showTrends, storedMetrics, trendsOf } from "../../reports/history.ts";
import { UserError } from "../errors.ts";
import { formatRow, History, parseRows } from "../history.ts";
import { readText } from "../jsonc.ts";
import { readRecords } from "../store.ts";
import { plural } from "../words.ts";
import { collect, type Context, path } from "./context.ts";

const DEFAULT_FILE = "out/history.sqlite";
const ACTIONS = ["add", "show", "export", "import"] as const;

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
    .option("--file <file>", `the history (default: ${DEFAULT_FILE})`, path)
    .option("--commit <name>", "with add: what was run (default: from the environment)")
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
three runs or more on each side). It is for information: the gate judges.

Examples:
  deno task history add out/bench --commit "$(git rev-parse HEAD)"
  deno task history show --metric rr/latency_ns_p99
  deno task history export > history.ndjson
  deno task history import history.ndjson`;

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
    ? (await readRecords(paths)).records.flatMap((record) =>
      storedMetrics(record, commitOf(flags), at)
    )
    : action === "import"
    ? (await Promise.all(paths.map(async (file) => parseRows(await readText(file), file)))).flat()
    : [];
  const history = new History(
    flags.file === undefined ? resolve(DEFAULT_FILE) : resolve(io.cwd, flags.file),
  );
  try {
    if (needsFiles) {
      io.err(`Added ${plural(history.add(rows), "value")} of ${rows.length}.\n`);
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

/** Where CI tells the commit. */
const COMMIT_VARIABLES = ["GITHUB_SHA", "CI_COMMIT_SHA"];

function commitOf({ commit }: HistoryFlags): string {
  const found = commit ?? COMMIT_VARIABLES.map((name) => Deno.env.get(name) ?? "").find(Boolean);
  if (found !== undefined && found.trim() !== "") return found;
  throw new UserError('Cannot add runs of nothing: say what was run with --commit "NAME"');
}
