/**
 * Brings a verdict to CI: the files that were asked for, the step summary and the annotations of
 * GitHub. Touches files and the environment, and decides nothing.
 *
 * @module
 */

import process from "node:process";
import { existsSync } from "node:fs";
import { appendFile, mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { UserError } from "../../harness/errors.ts";
import { annotationOfFailure, annotations } from "./annotations.ts";
import type { Finding, Place } from "./finding.ts";
import { junit, junitOfFailure } from "./junit.ts";
import { COMMENT_TEXT_MAX, escapeCell, SUMMARY_BYTES_MAX } from "./markdown.ts";
import { sarif, sarifOfFailure } from "./sarif.ts";

/** Files that were asked for. */
export interface Outputs {
  /** JUnit XML. */
  readonly junit?: string | undefined;
  /** SARIF 2.1.0. */
  readonly sarif?: string | undefined;
  /** Markdown short enough for a comment on a pull request. */
  readonly markdown?: string | undefined;
}

/** What a verdict says, in what each format needs. */
export interface Publication {
  readonly findings: readonly Finding[];
  /** The text within a number of bytes. */
  readonly markdown: (bytesMax: number) => string;
  readonly exitCode: number;
  readonly labVersion: string;
}

/** The world around. */
export interface PublishIo {
  readonly stderr: (text: string) => void;
  /** Path in GITHUB_STEP_SUMMARY, if another than the process' environment says. */
  readonly summaryPath?: string;
  /** Whether GitHub reads the output, if another than GITHUB_ACTIONS says. */
  readonly annotates?: boolean;
}

/**
 * Writes everything.
 *
 * @throws {UserError} where a file that was asked for cannot be written.
 */
export async function publish(
  { findings, markdown, exitCode, labVersion }: Publication,
  outputs: Outputs,
  io: PublishIo,
): Promise<void> {
  const { junit: junitFile, sarif: sarifFile, markdown: markdownFile } = outputs;
  if (junitFile !== undefined) await writeText(junitFile, junit(findings));
  if (sarifFile !== undefined) {
    await writeText(sarifFile, sarif(findings, { labVersion, exitCode }));
  }
  if (markdownFile !== undefined) await writeText(markdownFile, markdown(COMMENT_TEXT_MAX));
  await appendSummary(markdown, io);
  if (isRead(io)) io.stderr(annotations(findings));
}

/** Writes that there is no verdict, and why, so that no reader of a file takes it for a pass. */
export async function publishFailure(
  message: string,
  { exitCode, labVersion }: Pick<Publication, "exitCode" | "labVersion">,
  outputs: Outputs,
  io: PublishIo,
): Promise<void> {
  const markdown = `### Regression gate\n\nNo verdict: ${escapeCell(message)}\n`;
  const texts = [
    [outputs.junit, junitOfFailure(message)],
    [outputs.sarif, sarifOfFailure(message, { labVersion, exitCode })],
    [outputs.markdown, markdown],
  ] as const;
  for (const [file, text] of texts) {
    if (file === undefined) continue;
    await writeText(file, text).catch((error) => {
      if (!(error instanceof UserError)) throw error;
      // The exit code tells already that there is no verdict.
      io.stderr(`warning: ${error.message}\n`);
    });
  }
  await appendSummary(() => markdown, io);
  if (isRead(io)) io.stderr(annotationOfFailure(message));
}

/** GitHub reads both streams; stdout may be JSON. */
function isRead(io: PublishIo): boolean {
  return io.annotates ?? process.env["GITHUB_ACTIONS"] === "true";
}

/** Writes a file and the folders above it. */
export async function writeText(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  } catch (cause) {
    throw new UserError(`Cannot write "${path}": choose a writable place`, { cause });
  }
}

/** Appends: what the step wrote before counts against the same limit. */
async function appendSummary(
  markdown: (bytesMax: number) => string,
  io: PublishIo,
): Promise<void> {
  const path = io.summaryPath ?? process.env["GITHUB_STEP_SUMMARY"] ?? "";
  if (path === "") return;
  const used = await stat(path).then(({ size }) => size, () => 0);
  const text = markdown(Math.max(0, SUMMARY_BYTES_MAX - used));
  try {
    await appendFile(path, text);
  } catch {
    // The verdict stands without its summary, so this warns and does not change the exit code.
    io.stderr(`warning: Cannot write the summary "${path}" that GITHUB_STEP_SUMMARY names\n`);
  }
}

/** Where CI tells the root of the repository. */
const ROOT_VARIABLES = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"];

/** A path as code scanning wants it: from the root of the repository; null for one outside. */
export function pathInRepository(file: string): string | null {
  const told = ROOT_VARIABLES.map((name) => process.env[name] ?? "").find(Boolean);
  const path = relative(resolve(told ?? process.cwd()), resolve(file));
  if (path === "" || isAbsolute(path) || path.split(sep)[0] === "..") return null;
  return path.split(sep).join("/");
}

/** The file that describes the workload of a cell, where it is one of the lab's own. */
export function workloadPlace(cell: string): Place | null {
  const file = `workloads/${cell.split("/")[0]}.jsonc`;
  const path = existsSync(file) ? pathInRepository(file) : null;
  return path === null ? null : { path, line: 1 };
}
