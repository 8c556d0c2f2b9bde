/**
 * `export`: stored records in the formats of other tools, on stdout.
 *
 * @module
 */

import { resolve } from "node:path";
import { Command, Option } from "commander";
import { type ExportFormat, EXPORTS } from "../../reports/export.ts";
import { readRecords } from "../store.ts";
import type { Context } from "./context.ts";

/** The command, ready to be registered. */
export function exportCommand(context: Context): Command {
  const { io } = context;
  return new Command("export")
    .description("Print stored records in the format of another tool")
    .argument("<records...>", "records.ndjson files, or folders that hold one")
    .addOption(
      new Option("-f, --format <name>", "format").choices(Object.keys(EXPORTS))
        .makeOptionMandatory(),
    )
    .addHelpText("after", HELP)
    .action(async (paths: readonly string[], { format }: { readonly format: ExportFormat }) => {
      const { records } = await readRecords(paths.map((path) => resolve(io.cwd, path)));
      io.out(EXPORTS[format](records));
    });
}

const HELP = `
csv: one line a metric and run. benchstat: the Go benchmark format, a line a run. For
github-action-benchmark: customSmallerIsBetter and customBiggerIsBetter, one file a direction.
bencher: Bencher Metric Format. The last three hold the median over seeds, and where it lies.

Examples:
  deno task lab export out/bench --format csv > bench.csv
  deno task lab export out/bench --format benchstat > new.txt; benchstat old.txt new.txt
  deno task lab export out/bench --format bencher | bencher run --adapter json`;
