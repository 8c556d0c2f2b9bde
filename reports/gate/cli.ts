/**
 * The gate as a command: reads the baseline, judges, has written what was asked for, and returns
 * an exit code. With publish.ts the only file of the gate that touches files and the environment.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import type { RunRecord } from "../../harness/record.ts";
import { groupBy } from "../cells.ts";
import { plural } from "../page/client/format.js";
import {
  type Acceptance,
  type Baseline,
  formatBaseline,
  linesOfBaseline,
  makeBaseline,
  mergeBaseline,
  parseBaseline,
  withAcceptance,
} from "./baseline.ts";
import { EXIT, type ExitCode, UserError } from "../../harness/errors.ts";
import { type HistoryBase, judgeAgainstHistory } from "./against_history.ts";
import { exitCodeOf, inconclusiveNote } from "./exit_code.ts";
import { type FindingOptions, findingsOf } from "./finding.ts";
import { GateInputError } from "./input_error.ts";
import { cellName, judge, type Verdict } from "./judge.ts";
import { LIVE_RUNS_MIN } from "./live.ts";
import { selfTest } from "./self_test.ts";
import { type TrialRow, trialRows } from "./self_trials.ts";
import {
  type Outputs,
  pathInRepository,
  publish,
  publishFailure,
  type PublishIo,
  workloadPlace,
  writeText,
} from "./publish.ts";
import { showMarkdown, showTerminal } from "./show.ts";

/** The accepted results of the model. */
export const DEFAULT_BASELINE = "reports/baselines/model.json";
/** Trials a row of the self-test: a share of 1 % is then known to about 0.6 points. */
export const DEFAULT_TRIALS = 1000;

/** What the command line asks for. */
export interface GateCommand extends Outputs {
  /** Judged together; a function reads them, and its UserError means that there is no verdict. */
  readonly records: readonly RunRecord[] | (() => Promise<readonly RunRecord[]>);
  readonly baseline: string;
  /** The verdict as JSON on stdout, in place of the table. */
  readonly json: boolean;
  /** Judge against the last runs of a history in place of the baseline; reads it as `records`. */
  readonly history?: (() => HistoryBase) | undefined;
  /** End with 3 where noise leaves it open; 0 when not told. */
  readonly failOnInconclusive?: boolean;
  /** Accept the records into the baseline in place of judging them. */
  readonly update: boolean;
  /** Who accepts the records into the baseline, and why; update with a trace of it in the file. */
  readonly accept?: AcceptedBy | undefined;
  /** With update: drop the accepted runs that the records do not hold. */
  readonly prune?: boolean;
  /** Judge planted faults in place of the records. */
  readonly selfTest: boolean;
  /** Trials a row of the self-test; {@link DEFAULT_TRIALS} when not told. */
  readonly trials?: number;
  /** Share, above 0 and below 1, of any metric; null for what each metric declares. */
  readonly minimumEffect: number | null;
  /** For what the files say of the tool. */
  readonly labVersion?: string;
}

/** Who accepts, when and why: none of it is in a record. */
export type AcceptedBy = Pick<Acceptance, "by" | "date" | "reason">;

/** Where the words go. */
export interface GateIo extends PublishIo {
  readonly stdout: (text: string) => void;
}

/**
 * Runs the gate.
 *
 * @returns 0 pass, 1 regression or something missing, 2 wrong usage or a place that cannot be
 * written, 3 no verdict, 4 runs of another environment, 5 unreadable records or baseline. Never
 * throws for input.
 */
export async function runGate(command: GateCommand, io: GateIo): Promise<ExitCode> {
  const misuse = misuseOf(command);
  if (misuse !== null) {
    io.stderr(`error: ${misuse}\n`);
    return EXIT.usage;
  }
  try {
    const records = typeof command.records === "function"
      ? await command.records()
      : command.records;
    if (command.selfTest) return runSelfTest(records, command, io);
    if (command.update || command.accept !== undefined) {
      return await updateBaseline(records, command, io);
    }
    return await report(await judgeCommand(records, command), command, io);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { message, exitCode } = error;
    io.stderr(`error: ${message}\n`);
    if (exitCode === EXIT.fault) {
      await publishFailure(message, { exitCode, labVersion: versionOf(command) }, command, io);
    }
    return exitCode;
  }
}

function misuseOf(command: GateCommand): string | null {
  const { minimumEffect, accept, selfTest: test } = command;
  const update = command.update || accept !== undefined;
  if (minimumEffect !== null && !(minimumEffect > 0 && minimumEffect < 1)) {
    return `Cannot use minimum effect "${minimumEffect}": accepted is a share above 0 and below 1`;
  }
  if (update && test) {
    return "Cannot update the baseline in a self-test: choose one of the two";
  }
  if (command.history !== undefined && (update || test)) {
    return "Cannot use the history to update the baseline or in a self-test: leave out --history";
  }
  if (command.prune === true && !update) {
    return "Cannot prune without an update: add --accept or --update, or leave out --prune";
  }
  if (accept !== undefined && accept.reason.trim() === "") {
    return "Cannot accept without a reason: say in a sentence why the numbers changed";
  }
  if (accept !== undefined && accept.by.trim() === "") {
    return "Cannot accept without a name: say who accepts with --by";
  }
  if (accept !== undefined && !isDay(accept.date)) {
    return `Cannot use date "${accept.date}": accepted is a day as YYYY-MM-DD`;
  }
  return null;
}

function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().slice(0, 10) === text;
}

async function readBaseline(path: string): Promise<string> {
  const text = await readIfThere(path);
  if (text !== null) return text;
  const remedy = 'make one from good records with "deno task gate --update"';
  throw new GateInputError(`Cannot read baseline "${path}": it is not there; ${remedy}`);
}

/** The text of a baseline file; null where there is none. */
async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null;
    throw new GateInputError(`Cannot read baseline "${path}": name a readable file`, { cause });
  }
}

/** The verdict, and where its cells and runs stand in a file. */
interface PlacedVerdict {
  readonly verdict: Verdict;
  readonly placeOf: FindingOptions["placeOf"];
}

async function judgeCommand(
  records: readonly RunRecord[],
  command: GateCommand,
): Promise<PlacedVerdict> {
  if (command.history !== undefined) {
    return {
      verdict: judgeAgainstHistory(records, command.history(), command),
      placeOf: workloadPlace,
    };
  }
  const text = await readBaseline(command.baseline);
  const baseline = parseBaseline(text, command.baseline);
  const path = pathInRepository(command.baseline);
  const lines = path === null ? new Map() : linesOfBaseline(text, baseline, cellName);
  return {
    verdict: judge(records, baseline, command),
    placeOf: (name) => {
      const line = lines.get(name);
      return path === null || line === undefined ? null : { path, line };
    },
  };
}

async function report(
  { verdict, placeOf }: PlacedVerdict,
  command: GateCommand,
  io: GateIo,
): Promise<ExitCode> {
  const failOnInconclusive = command.failOnInconclusive ?? false;
  const exitCode = exitCodeOf(verdict.outcome, failOnInconclusive);
  io.stdout(command.json ? `${JSON.stringify(verdict, null, 2)}\n` : showTerminal(verdict));
  if (verdict.outcome === "inconclusive" && !command.json) {
    io.stderr(inconclusiveNote(failOnInconclusive));
  }
  const findings = findingsOf(verdict, { failOnInconclusive, placeOf });
  const markdown = (bytesMax: number): string => showMarkdown(verdict, bytesMax);
  const labVersion = versionOf(command);
  await publish({ findings, markdown, exitCode, labVersion }, command, io);
  return exitCode;
}

function versionOf({ labVersion }: GateCommand): string {
  return labVersion ?? "0.0.0";
}

async function updateBaseline(
  records: readonly RunRecord[],
  command: GateCommand,
  io: GateIo,
): Promise<ExitCode> {
  // A live cell with too few runs could never be judged: every later verdict would be inconclusive.
  const cells = groupBy(records, cellName);
  const judgeable = records.filter((record) =>
    record.target !== "live" || cells.get(cellName(record))!.length >= LIVE_RUNS_MIN
  );
  const left = records.length - judgeable.length;
  const fresh = makeBaseline(judgeable);
  const old = await oldBaseline(command);
  const { baseline: merged, told } = command.prune === true
    ? { baseline: { ...fresh, accepted: old?.accepted ?? [] }, told: "nothing else kept" }
    : mergeInto(old, fresh);
  const baseline = command.accept === undefined
    ? merged
    : withAcceptance(merged, command.accept, old === null ? null : judge(judgeable, old, command));
  await writeText(command.baseline, formatBaseline(baseline));
  if (left > 0) {
    io.stderr(
      `Left out ${plural(left, "live run")}: a cell needs ${LIVE_RUNS_MIN} to be judged.\n`,
    );
  }
  const written = `${plural(baseline.runs.length, "run")} to ${command.baseline}`;
  const accepted = `${fresh.runs.length} from the records`;
  io.stderr(`Wrote ${written} (${accepted}, ${told}); review the change.\n`);
  return EXIT.ok;
}

/** A broken baseline is no reason not to prune, which replaces it; it is one to update. */
async function oldBaseline({ baseline, prune }: GateCommand): Promise<Baseline | null> {
  try {
    const text = await readIfThere(baseline);
    return text === null ? null : parseBaseline(text, baseline);
  } catch (error) {
    if (prune === true && error instanceof GateInputError) return null;
    throw error;
  }
}

/** The old baseline with the fresh runs in it, and the counts in words. */
function mergeInto(
  old: Baseline | null,
  fresh: Baseline,
): { readonly baseline: Baseline; readonly told: string } {
  if (old === null) return { baseline: fresh, told: "a new baseline" };
  const { baseline, keptCount, replacedCount } = mergeBaseline(old, fresh, cellName);
  return { baseline, told: `${replacedCount} replaced, ${keptCount} kept` };
}

function runSelfTest(records: readonly RunRecord[], command: GateCommand, io: GateIo): ExitCode {
  const cases = selfTest(records, command);
  const tell = (holds: boolean, text: string): void => {
    if (!command.json) io.stdout(`${holds ? "ok  " : "FAIL"} ${text}\n`);
  };
  for (const { name, expected, actual } of cases) {
    const holds = actual === expected;
    tell(holds, `${name}: ${actual}${holds ? "" : `, want ${expected}`}`);
  }
  const rows: TrialRow[] = [];
  for (const row of trialRows(command.trials ?? DEFAULT_TRIALS)) {
    rows.push(row);
    const percent = `${(100 * row.measured).toFixed(1)} % of ${row.trials}`;
    tell(row.holds, `${row.name}: ${percent}; promised ${row.promised}`);
  }
  if (command.json) io.stdout(`${JSON.stringify({ cases, trials: rows }, null, 2)}\n`);
  const wrong = cases.filter((each) => each.actual !== each.expected).length;
  const broken = rows.filter((row) => !row.holds).length;
  const all = `${cases.length} planted cases and ${rows.length} promises about noise`;
  io.stderr(
    wrong + broken === 0
      ? `Self-test passed: ${all}.\n`
      : `Self-test failed: ${wrong} misjudged and ${broken} broken of ${all}.\n`,
  );
  return wrong + broken === 0 ? EXIT.ok : EXIT.failed;
}
