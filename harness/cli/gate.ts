/**
 * `gate`: the verdict of records against a baseline. The judging is in reports/gate; this file
 * only turns options into its command.
 *
 * @module
 */

import { relative, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import {
  DEFAULT_BASELINE,
  DEFAULT_MINIMUM_EFFECT,
  DEFAULT_RECORDS,
  runGate,
} from "../../reports/gate/cli.ts";
import { EXIT, type ExitCode } from "../errors.ts";
import type { Context } from "./context.ts";
import type { Io } from "./io.ts";

interface GateFlags {
  readonly baseline?: string;
  readonly update?: true;
  readonly selfTest?: true;
  readonly minimumEffect: number;
  readonly junit?: string;
  readonly json?: true;
}

/** The command, ready to be registered. */
export function gateCommand(context: Context): Command {
  return new Command("gate")
    .description("Verdict of records against a baseline")
    .argument("[records...]", `records.ndjson files (default: ${DEFAULT_RECORDS})`)
    .option("-b, --baseline <file>", `accepted results (default: ${DEFAULT_BASELINE})`)
    .option("--update", "write the baseline from the records instead of judging them")
    .option("--self-test", "plant faults in the records and prove that the gate sees them")
    .option(
      "--minimum-effect <share>",
      "smallest change that counts",
      share,
      DEFAULT_MINIMUM_EFFECT,
    )
    .option("--junit <file>", "write the verdict as JUnit XML, too")
    .option("--json", "print the verdict as JSON instead of a table")
    .addHelpText("after", HELP)
    .action(async (records: readonly string[], flags: GateFlags) => {
      const { io } = context;
      const code = await runGate({
        records: records.length === 0 ? [DEFAULT_RECORDS] : records.map((file) => placed(file, io)),
        baseline: flags.baseline === undefined ? DEFAULT_BASELINE : placed(flags.baseline, io),
        json: flags.json === true,
        junit: flags.junit === undefined ? undefined : placed(flags.junit, io),
        update: flags.update === true,
        selfTest: flags.selfTest === true,
        minimumEffect: flags.minimumEffect,
      }, { stdout: (text) => io.out(text), stderr: (text) => io.err(text) });
      context.exitCode = exitCodeOf(code);
    });
}

const HELP = `
Model results are compared exactly: the same seed must give the same numbers. Live results are
judged by statistics. Exit codes: 0 pass, 1 regression, 2 wrong usage, 3 inconclusive, 5 records
or baseline cannot be read.

Examples:
  deno task gate
  deno task gate out/bench/records.ndjson --junit out/gate.xml
  deno task gate --update`;

function share(value: string): number {
  const parsed = Number(value);
  if (value.trim() !== "" && parsed > 0 && parsed < 1) return parsed;
  throw new InvalidArgumentError("Accepted is a share above 0 and below 1.");
}

/** A path of the caller, as seen from the folder the process runs in. */
function placed(path: string, io: Io): string {
  return relative(Deno.cwd(), resolve(io.cwd, path));
}

function exitCodeOf(code: number): ExitCode {
  const known = Object.values(EXIT).find((exitCode) => exitCode === code);
  if (known === undefined) throw new Error(`The gate ended with the unknown code ${code}`);
  return known;
}
