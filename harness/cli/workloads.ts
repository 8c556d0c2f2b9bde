/**
 * `workloads`: what can be run, and on which machines.
 *
 * @module
 */

import { Command } from "commander";
import { builtinMachines, builtinWorkloads, readMachine, readWorkload } from "../spec.ts";
import type { Context } from "./context.ts";
import type { Io } from "./io.ts";

/** The command, ready to be registered. */
export function workloadsCommand(context: Context): Command {
  return new Command("workloads")
    .description("List the built-in workloads and machines")
    .option("--json", "print the full descriptions as JSON, defaults filled in")
    .addHelpText(
      "after",
      `
A workload of your own: copy a file of workloads/, change it, give its path to bench --workload.
Editors complete and check it by workloads/schema.json. Machines likewise, with bench --machine.

Examples:
  deno task lab workloads
  deno task lab workloads --json | jq '.workloads[].groups'`,
    )
    .action((flags: { readonly json?: true }) => list(flags.json === true, context.io));
}

async function list(asJson: boolean, io: Io): Promise<void> {
  const workloads = [];
  for (const name of await builtinWorkloads()) {
    workloads.push((await readWorkload(name, { cwd: io.cwd })).workload);
  }
  const machines = [];
  for (const name of await builtinMachines()) machines.push(await readMachine(name, io.cwd));
  if (asJson) return io.out(JSON.stringify({ workloads, machines }, null, 2) + "\n");
  const width = Math.max(...[...workloads, ...machines].map(({ name }) => name.length));
  const show = (heading: string, specs: readonly { name: string; title: string }[]): void => {
    const lines = specs.map(({ name, title }) => `  ${name.padEnd(width)}  ${title}\n`);
    io.out(`${heading}\n${lines.join("")}`);
  };
  show("Workloads", workloads);
  show("Machines", machines);
}
