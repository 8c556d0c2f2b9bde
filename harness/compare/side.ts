/**
 * The two sides of a comparison: a git revision of the lab, a folder with the lab in it, or any
 * command. Prepares a side, runs it once at a time, and leaves nothing behind.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { UserError } from "../errors.ts";
import type { RunRecord } from "../record.ts";
import { FILES, readRecords } from "../store.ts";
import { outputOf } from "./process.ts";

/** What one run gave. */
export interface RunResult {
  /** From start to end of the process, nanoseconds. */
  readonly wallTimeNs: number;
  /** Empty for a command that writes none. */
  readonly records: readonly RunRecord[];
}

/** A side that can be run. */
export interface Side {
  /** As the user named it; a revision with its hash. */
  readonly name: string;
  run(): Promise<RunResult>;
  /** Removes what was made for it. */
  close(): Promise<void>;
}

/** What marks a side as a command. */
const COMMAND_MARK = "cmd:";
/** Digits of a commit that a name shows, as git does. */
const COMMIT_SHOWN_LENGTH = 12;

/** What all sides of one comparison share. */
export interface SideOptions {
  /** Folder that relative paths start from. */
  readonly cwd: string;
  /** Options of `bench` for a revision or a folder. */
  readonly bench: readonly string[];
}

/**
 * Prepares a side: `cmd:LINE` is a command, an existing folder is a lab, all else a git revision,
 * which is checked out into a folder of its own and built there.
 *
 * @throws {UserError} for a side that is none of the three, or does not build.
 */
export async function openSide(text: string, options: SideOptions): Promise<Side> {
  if (text.startsWith(COMMAND_MARK)) {
    return await commandSide(text.slice(COMMAND_MARK.length), options);
  }
  const folder = resolve(options.cwd, text);
  if (await isFolder(folder)) return await folderSide(text, folder, options);
  return await revisionSide(text, options);
}

/** Variable that tells a command where records go that it wants to be judged by. */
const OUT_VARIABLE = "LAB_COMPARE_OUT";

async function commandSide(line: string, { cwd, bench }: SideOptions): Promise<Side> {
  if (line.trim() === "") {
    throw new UserError(`Cannot run "${COMMAND_MARK}": a command line follows`);
  }
  if (bench.length > 0) {
    throw new UserError("Cannot give options of bench to a command: put them into its line");
  }
  const out = await Deno.makeTempDir({ prefix: "lab_compare_" });
  return {
    name: line,
    run: async () => {
      const started = performance.now();
      await outputOf("sh", ["-c", line], { cwd, env: { [OUT_VARIABLE]: out } });
      const wallTimeNs = Math.round((performance.now() - started) * 1e6);
      const hasRecords = await isFile(join(out, FILES.records));
      return { wallTimeNs, records: hasRecords ? await takeRecords(out) : [] };
    },
    close: () => Deno.remove(out, { recursive: true }),
  };
}

/** The records of a run, taken away so that those of one run never pass for those of another. */
async function takeRecords(out: string): Promise<readonly RunRecord[]> {
  const file = join(out, FILES.records);
  const { records } = await readRecords([file]);
  await Deno.remove(file);
  return records;
}

async function folderSide(name: string, folder: string, { bench }: SideOptions): Promise<Side> {
  if (!await isFile(join(folder, "deno.json")) || !await isFolder(join(folder, "harness"))) {
    throw new UserError(`"${folder}" is no lab: a folder with deno.json and harness/ is expected`);
  }
  await lab(folder, ["build", "--quiet"]);
  const out = await Deno.makeTempDir({ prefix: "lab_compare_" });
  return {
    name,
    run: async () => {
      const started = performance.now();
      await lab(folder, ["bench", "--quiet", ...bench, "--out", out]);
      const wallTimeNs = Math.round((performance.now() - started) * 1e6);
      return { wallTimeNs, records: await takeRecords(out) };
    },
    close: () => Deno.remove(out, { recursive: true }),
  };
}

async function revisionSide(revision: string, options: SideOptions): Promise<Side> {
  const { cwd } = options;
  const commit = await commitOf(revision, cwd);
  const parent = await Deno.makeTempDir({ prefix: "lab_compare_" });
  const folder = join(parent, "lab");
  const close = async (): Promise<void> => {
    await outputOf("git", ["worktree", "remove", "--force", folder], { cwd });
    await Deno.remove(parent, { recursive: true });
  };
  await outputOf("git", ["worktree", "add", "--quiet", "--detach", folder, commit], { cwd });
  try {
    const name = `${revision} (${commit.slice(0, COMMIT_SHOWN_LENGTH)})`;
    const side = await folderSide(name, folder, options);
    return {
      ...side,
      close: async () => {
        await side.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function commitOf(revision: string, cwd: string): Promise<string> {
  const refusal = `"${revision}" is no folder and no revision of this repository: ` +
    `name one of the two, or "${COMMAND_MARK}" and a command line`;
  // A dash would be an option of git.
  if (revision.startsWith("-")) throw new UserError(refusal);
  try {
    const args = ["rev-parse", "--verify", "--quiet", `${revision}^{commit}`];
    return (await outputOf("git", args, { cwd })).trim();
  } catch (cause) {
    throw new UserError(refusal, { cause });
  }
}

/** Runs a command of the lab in another folder, with that folder's own code and packages. */
async function lab(folder: string, args: readonly string[]): Promise<void> {
  // Through sh, which is the one program beside git that this task may start.
  const words = [Deno.execPath(), "task", "--quiet", ...args];
  await outputOf("sh", ["-c", 'exec "$@"', "sh", ...words], { cwd: folder });
}

async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then((found) => found.isDirectory, () => false);
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((found) => found.isFile, () => false);
}
