/**
 * Programs that `compare` starts: git, and what is measured. One place, so that a failure is one
 * sentence everywhere.
 *
 * @module
 */

import { UserError } from "../errors.ts";

/** Lines of a failed program that the sentence repeats: the last ones say what went wrong. */
const SHOWN_LINES = 3;

/**
 * Runs a program to its end and returns its stdout.
 *
 * @throws {UserError} when it cannot be started or ends with another code than 0.
 */
export async function outputOf(
  program: string,
  args: readonly string[],
  { cwd, env = {} }: {
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<string> {
  const said = [program, ...args].join(" ").replace(/\s+/g, " ").trim().slice(0, 100);
  let result: Deno.CommandOutput;
  try {
    result = await new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      env: { ...env },
      ...(cwd === undefined ? {} : { cwd }),
    }).output();
  } catch (cause) {
    throw new UserError(`Cannot start "${said}": install ${program}, and allow it to run`, {
      cause,
    });
  }
  const { success, code, stdout, stderr } = result;
  if (success) return new TextDecoder().decode(stdout);
  const lines = new TextDecoder().decode(stderr).trim().split("\n").slice(-SHOWN_LINES);
  const reason = lines.join("; ") || "it said nothing";
  throw new UserError(`"${said}" ended with ${code}: ${reason}`);
}
