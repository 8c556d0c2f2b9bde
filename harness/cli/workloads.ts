/**
 * `workloads`: what can be run, without opening the files.
 *
 * @module
 */

import { Command } from "commander";
import { builtinWorkloads, readWorkload } from "../spec.ts";
import type { Context } from "./context.ts";

/** The command, ready to be registered. */
export function workloadsCommand(context: Context): Command {
  return new Command("workloads")
    .description("List the built-in workloads")
    .option("--json", "print the full descriptions as JSON, defaults filled in")
    .addHelpText(
      "after",
      `
A workload of your own: copy a file of workloads/, change it, give its path to bench --workload.
Editors complete and check it by workloads/schema.json.

Examples:
  deno task lab workloads
  deno task lab workloads --json | jq '.[].workload.name'`,
    )
    .action(async (flags: { readonly json?: true }) => {
      const { io } = context;
      const names = await builtinWorkloads();
      const pairs = [];
      for (const name of names) pairs.push(await readWorkload(name, { cwd: io.cwd }));
      if (flags.json) return io.out(JSON.stringify(pairs, null, 2) + "\n");
      const width = Math.max(...names.map((name) => name.length));
      for (const { workload } of pairs) {
        io.out(`${workload.name.padEnd(width)}  ${workload.title}\n`);
      }
    });
}
