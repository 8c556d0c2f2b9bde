/**
 * The options of a verdict's files, the same for every command that ends with one.
 *
 * @module
 */

import { resolve } from "node:path";
import { type Command, Option } from "commander";
import type { Outputs } from "../../reports/gate/publish.ts";
import { path } from "./context.ts";

/** As the command line gives them. */
export interface OutputFlags {
  readonly junit?: string;
  readonly sarif?: string;
  readonly markdown?: string;
}

/** Adds the options to a command. */
export function addOutputs(command: Command): Command {
  return command
    .option("--junit <file>", "write the verdict as JUnit XML, too", path)
    .option("--sarif <file>", "write what has a line of a file as SARIF 2.1.0, too", path)
    .option("--markdown <file>", "write the verdict for a comment on a pull request, too", path);
}

/** The files, their paths complete. */
export function outputsOf(flags: OutputFlags, cwd: string): Outputs {
  const complete = (file: string | undefined): string | undefined =>
    file === undefined ? undefined : resolve(cwd, file);
  return {
    junit: complete(flags.junit),
    sarif: complete(flags.sarif),
    markdown: complete(flags.markdown),
  };
}

/** The option that makes noise fatal. */
export function failOnInconclusive(): Option {
  return new Option(
    "--fail-on-inconclusive",
    "end with 3 where noise leaves it open (default: warn, and end with 0)",
  );
}
