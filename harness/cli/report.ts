/**
 * `report`: page and terminal summary from stored records. Runs nothing.
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import { Command } from "commander";
import type { Findings } from "../../reports/page/context.ts";
import { readText } from "../jsonc.ts";
import { FILES, readRecords, refuseFolder, writeWhole } from "../store.ts";
import { type Context, path } from "./context.ts";
import { present } from "./present.ts";

interface ReportFlags {
  readonly out?: string;
  readonly gate?: string;
  readonly validation?: string;
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
    .option("--gate <file>", 'show this verdict, printed by "gate --json"', path)
    .option("--validation <file>", 'show this result, printed by "validate --json"', path)
    .option("--json", "print the summary as JSON instead of tables")
    .addHelpText(
      "after",
      `
Examples:
  deno task report out/bench
  deno task report out/model out/live --out both.html
  deno task report out/bench/records.previous.ndjson --json
  deno task gate out/bench --json > gate.json; deno task report out/bench --gate gate.json`,
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
      const beside = await besideOf(flags, io.cwd);
      await present(records, { store, isEarly: false, json: flags.json === true, beside }, io);
    });
}

/** What other commands found, read from the files that the options name. */
async function besideOf(flags: ReportFlags, cwd: string): Promise<Findings> {
  const read = async <T>(
    file: string | undefined,
    parse: (text: string, place: string) => T,
  ): Promise<T | null> =>
    file === undefined ? null : parse(await readText(resolve(cwd, file), ANY_SIZE), file);
  const { readGateVerdict } = await import("../../reports/page/gate_verdict.ts");
  const { readValidation } = await import("../../reports/page/validation.ts");
  return {
    gate: await read(flags.gate, readGateVerdict),
    validation: await read(flags.validation, readValidation),
  };
}

/** A verdict has as many lines as there are runs and metrics. */
const ANY_SIZE = { bytesMax: Infinity, acceptsPipe: true } as const;
