/**
 * The command line: `deno task lab COMMAND`. Puts the commands together, maps every error to one
 * line and an exit code. What the commands do stands in cli/.
 *
 * @module
 */

import { Command, CommanderError } from "commander";
import { benchCommand } from "./cli/bench.ts";
import { buildCommand } from "./cli/build.ts";
import { compareCommand } from "./cli/compare.ts";
import type { Context } from "./cli/context.ts";
import { exportCommand } from "./cli/export.ts";
import { gateCommand } from "./cli/gate.ts";
import { historyCommand } from "./cli/history.ts";
import { importCommand } from "./cli/import.ts";
import { type Io, systemIo } from "./cli/io.ts";
import { policyCommand } from "./cli/policy.ts";
import { reportCommand } from "./cli/report.ts";
import { validateCommand } from "./cli/validate.ts";
import { workloadsCommand } from "./cli/workloads.ts";
import { EXIT, type ExitCode, messageOf, printable, UserError } from "./errors.ts";
import { LAB_VERSION } from "./run.ts";
import { didYouMean } from "./suggest.ts";

/**
 * Runs one command.
 *
 * @param argv Arguments without the program's name.
 * @param more Commands that this file must not know, such as one that needs the reference model.
 * @returns The exit code; see {@link EXIT}. Never throws.
 */
export async function main(
  argv: readonly string[],
  io: Io,
  more: readonly ((context: Context) => Command)[] = [],
): Promise<ExitCode> {
  const context: Context = { io, exitCode: EXIT.ok };
  const root = program(context, more);
  try {
    await root.parseAsync([...argv], { from: "user" });
    return context.exitCode;
  } catch (error) {
    return explain(error, io, root.commands.map((command) => command.name()));
  }
}

/** Columns of help texts, at most. */
const HELP_WIDTH_MAX = 100;

function program(
  context: Context,
  more: readonly ((context: Context) => Command)[],
): Command {
  const { io } = context;
  const root = new Command("deno task lab")
    .description("NET policy lab: which policy gives a workload what it needs, at what cost?")
    .version(LAB_VERSION, "-V, --version", "print the version")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.err(text),
      getOutHelpWidth: () => Math.min(io.columns ?? HELP_WIDTH_MAX, HELP_WIDTH_MAX),
      getErrHelpWidth: () => HELP_WIDTH_MAX,
      getOutHasColors: () => io.color,
      // Every error is printed by explain(), in one form.
      outputError: () => {},
    })
    .addHelpText("after", EXAMPLES);
  const commands = [
    benchCommand(context),
    reportCommand(context),
    gateCommand(context),
    compareCommand(context),
    exportCommand(context),
    importCommand(context),
    historyCommand(context),
    policyCommand(context),
    validateCommand(context),
    workloadsCommand(context),
    buildCommand(context),
  ];
  for (const command of commands) root.addCommand(command.copyInheritedSettings(root));
  for (const command of more) {
    root.addCommand(taskOfItsOwn(command(context).copyInheritedSettings(root)));
  }
  return root;
}

/** A command that `deno task lab` lacks: its help names the task that has it. */
function taskOfItsOwn(command: Command): Command {
  return command.configureHelp({
    commandUsage: (asked) => `deno task ${asked.name()} ${asked.usage()}`,
  });
}

const EXAMPLES = `
Exit codes: 0 ok, 1 a check failed or a regression, 2 usage or bad input, 3 no verdict,
4 the environment cannot do it, 5 a fault of the lab.

Examples:
  deno task bench                          first tables and page, in less than a minute
  deno task lab bench --help               all options of a command
  deno task lab report out/bench           table and page again from the records
  deno task gate                           verdict of the last bench against the baseline
  deno task compare main .                 verdict of this folder against a revision
  deno task validate                       the model beside published measurements
  deno task verify                         the policy manager's binary, checked deeply`;

/** One line on stderr, and the exit code. */
function explain(error: unknown, io: Io, commands: readonly string[]): ExitCode {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok;
    if (error.code === "commander.help") return EXIT.usage;
    io.err(`error: ${printable(usageSentence(error, commands))}\n`);
    return EXIT.usage;
  }
  if (error instanceof UserError) {
    io.err(`error: ${error.message}\n`);
    return error.exitCode;
  }
  if (io.debug && error instanceof Error) io.err(`${error.stack}\n`);
  const advice = io.debug ? "please report it" : "please report it with the output of LAB_DEBUG=1";
  io.err(`error: Internal fault: ${messageOf(error).replace(/\s*\n\s*/g, "; ")} (${advice})\n`);
  return EXIT.fault;
}

/** commander's message in the form of our own: one line, a capital first, "quoted" values. */
function usageSentence({ code, message }: CommanderError, commands: readonly string[]): string {
  const [, found] = message.match(/unknown command '(.*?)'/) ?? [];
  if (code === "commander.unknownCommand" && found !== undefined) {
    return `Unknown command "${found}": accepted are ${commands.join(", ")}` +
      didYouMean(found, commands);
  }
  const line = message.replace(/^error: /, "")
    .replace(/\n?\(Did you mean (.*?)\?\)/, ' (did you mean "$1"?)')
    .replace(/'/g, '"')
    .replace(/\s*\n\s*/g, " ")
    .replace(/\.$/, "");
  return line.charAt(0).toUpperCase() + line.slice(1);
}

if (import.meta.main) {
  const exitCode = await main(Deno.args, systemIo());
  Deno.exit(exitCode);
}
