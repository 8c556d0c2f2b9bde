/**
 * `report`: page and terminal summary from stored records. Runs nothing.
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import { Command } from "commander";
import { FILES, readRecords, refuseFolder, writeWhole } from "../store.ts";
import { type Context, path } from "./context.ts";
import { present } from "./present.ts";

interface ReportFlags {
  readonly out?: string;
  readonly json?: true;
}

/** The command, ready to be registered. */
export function reportCommand(context: Context): Command {
  return new Command("report")
    .description("Make the page and the terminal summary from stored records")
    .argument("<records...>", "records.ndjson files, or folders that hold one")
    .option(
      "-o, --out <file>",
      "file for the page (default: report.html beside the first records)",
      path,
    )
    .option("--json", "print the summary as JSON instead of tables")
    .addHelpText(
      "after",
      `
Examples:
  deno task report out/bench
  deno task report out/model out/live --out both.html
  deno task report out/bench/records.previous.ndjson --json`,
    )
    .action(async (paths: readonly string[], flags: ReportFlags) => {
      const { io } = context;
      const files = paths.map((given) => resolve(io.cwd, given));
      const { records, files: recordFiles } = await readRecords(files);
      const recordsFile = recordFiles[0]!;
      const page = flags.out === undefined
        ? resolve(dirname(recordsFile), FILES.page)
        : resolve(io.cwd, flags.out);
      await refuseFolder(page);
      const store = {
        recordsFile,
        writePage: async (html: string): Promise<string> => {
          await writeWhole(page, html);
          return page;
        },
      };
      await present(records, { store, isEarly: false, json: flags.json === true }, io);
    });
}
