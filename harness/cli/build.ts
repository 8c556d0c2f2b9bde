/**
 * `build`: compiles core/, checks the binaries and prints what they are.
 *
 * @module
 */

import { Command } from "commander";
import { type BuildReport, ensureBuilt } from "../build.ts";
import type { Context } from "./context.ts";
import type { Io } from "./io.ts";

/** Options of the command line. */
interface BuildFlags {
  readonly force?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** The command, ready to be registered. */
export function buildCommand(context: Context): Command {
  return new Command("build")
    .description("Compile core/ to out/wasm (release and debug), check the binaries, report sizes")
    .option("--force", "compile even if nothing has changed")
    .option("--json", "print the report as JSON")
    .option("--quiet", "print nothing but failures")
    .addHelpText(
      "after",
      `
Each release is compiled twice and compared byte by byte, once for each state of the sources.
Exit code 1: a source does not compile, or a binary breaks a rule (core/exports.json, size,
growing memory, floating point in policy.wasm).

Examples:
  deno task build
  deno task build --force
  deno task build --json | jq .entries.policy.release.sha256`,
    )
    .action((flags: BuildFlags) => build(flags, context.io));
}

async function build(flags: BuildFlags, io: Io): Promise<void> {
  const report = await ensureBuilt({
    check: true,
    force: flags.force === true,
    ...(flags.quiet ? {} : { log: (line: string) => io.err(`${line}\n`) }),
  });
  if (flags.json) io.out(JSON.stringify(report, null, 2) + "\n");
  else if (!flags.quiet) io.out(describeBuild(report) + "\n");
}

/** One line a module: name, size in bytes, functions, sha256, and whether it is new. */
export function describeBuild(report: BuildReport): string {
  return Object.entries(report.entries).map(([name, { release, debug }]) => {
    const state = report.compiled.some((entry) => entry === name) ? "compiled" : "unchanged";
    return `${name}.wasm  ${release.size} bytes (debug ${debug.size})  ` +
      `${release.functions} functions  sha256 ${release.sha256}  ${state}`;
  }).join("\n");
}
