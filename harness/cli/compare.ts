/**
 * `compare`: two revisions, folders or commands, run in turns on this host, and the verdict. What
 * is deterministic is compared exactly, one run a side; what is measured goes through pairs.
 *
 * @module
 */

import { Command, InvalidArgumentError } from "commander";
import { makeBaseline } from "../../reports/gate/baseline.ts";
import { exitCodeOf, inconclusiveNote, type OverallOutcome } from "../../reports/gate/exit_code.ts";
import {
  type Finding,
  type FindingOptions,
  findingsOf,
  findingsOfMeasured,
} from "../../reports/gate/finding.ts";
import { interleave, type Sample } from "../../reports/gate/interleave.ts";
import { cellName, judge } from "../../reports/gate/judge.ts";
import { ALPHA } from "../../reports/gate/measured.ts";
import { publish, workloadPlace } from "../../reports/gate/publish.ts";
import { DEFAULT_PLAN } from "../../reports/gate/sequential.ts";
import { showMarkdown, showTerminal } from "../../reports/gate/show.ts";
import { measuredMarkdown, measuredTerminal } from "../../reports/gate/show_measured.ts";
import { metricsOf } from "../../reports/metrics.ts";
import { findingsBefore, findingsBetween, readHost } from "../compare/host.ts";
import { openSide, type RunResult, type Side } from "../compare/side.ts";
import { EXIT, UserError } from "../errors.ts";
import { cpuCount } from "../live/environment.ts";
import { LAB_VERSION } from "../run.ts";
import { collect, type Context, wholeNumber } from "./context.ts";
import { addOutputs, failOnInconclusive, type OutputFlags, outputsOf } from "./outputs.ts";

/** Smallest change of a measured metric that counts, unless told: 5 %. */
const MEASURED_EFFECT = 0.05;

interface CompareFlags extends OutputFlags {
  readonly minimumEffect?: number;
  readonly metric?: readonly string[];
  readonly pairs: number;
  readonly looks: number;
  readonly seed: number;
  readonly failOnInconclusive?: true;
  readonly json?: true;
}

/** Both sides, open. */
interface Sides {
  readonly base: Side;
  readonly candidate: Side;
}

/** The command, ready to be registered. */
export function compareCommand(context: Context): Command {
  const { pairsPerLook, looks } = DEFAULT_PLAN;
  const command = new Command("compare")
    .description("Verdict of a candidate against a base, both run here in turns")
    .argument("<base>", "git revision, folder with a lab, or cmd:LINE")
    .argument("<candidate>", "the same")
    .argument("[bench...]", "after --: options of bench, for revisions and folders")
    .option("--minimum-effect <share>", "smallest change that counts (default: see below)", share)
    .option(
      "--metric <id>",
      "of measured runs: judge this metric, repeatable (default: all)",
      collect,
    )
    .option("--pairs <count>", "pairs before each look", wholeNumber(10, 1000), pairsPerLook)
    .option("--looks <count>", "looks, at most", wholeNumber(1, 10), looks)
    .option("--seed <number>", "seed of the order of runs", wholeNumber(0, 4294967295), 1)
    .addOption(failOnInconclusive())
    .option("--json", "print the verdict as JSON instead of a table")
    .addHelpText("after", HELP)
    .action((base: string, candidate: string, bench: readonly string[], flags: CompareFlags) =>
      compare({ base, candidate, bench }, flags, context)
    );
  return addOutputs(command);
}

const HELP = `
Model runs are deterministic: one run a side, compared exactly as the gate does, each metric with the
minimum effect that it declares. Live runs and commands (their wall time) are measured: the base
against itself first, then pairs in the order ABBA or BAAB by chance, up to --looks times --pairs,
and fresh pairs to confirm before red. Their minimum effect is 5 %.

A revision is checked out into a folder of its own, built and removed. A command that writes records
into the folder that LAB_COMPARE_OUT names is judged by those, any other by its wall time.

Exit codes: 0 pass, 1 regression, 2 wrong usage or a side that does not run, 3 no verdict, 4 the
noise of this host hides the effect asked for. Where the pairs leave it open the comparison warns and
ends with 0, with --fail-on-inconclusive with 3.

Examples:
  deno task compare main .
  deno task compare v0.1.0 HEAD -- --target model --workload mix
  deno task compare HEAD~1 HEAD --minimum-effect 0.1 -- --target live --workload rr --policy NONE
  deno task compare "cmd:gzip -k1c big > /dev/null" "cmd:gzip -k9c big > /dev/null"`;

function share(value: string): number {
  const parsed = Number(value);
  if (value.trim() !== "" && parsed > 0 && parsed < 1) return parsed;
  throw new InvalidArgumentError("Accepted is a share above 0 and below 1.");
}

/** What the command line asks for. */
interface Asked {
  readonly base: string;
  readonly candidate: string;
  readonly bench: readonly string[];
}

/**
 * Compares, and removes what was made for it also after Ctrl-C: the system sends that to the
 * program that runs, too, which then ends, and so does the comparison.
 */
async function compare(asked: Asked, flags: CompareFlags, context: Context): Promise<void> {
  const { io } = context;
  let isInterrupted = false;
  const release = io.onInterrupt(() => {
    isInterrupted = true;
    io.err("Ending; what was checked out is removed\n");
  });
  const options = { cwd: io.cwd, bench: asked.bench };
  const sides: Side[] = [];
  try {
    for (const name of [asked.base, asked.candidate]) {
      sides.push(watchedSide(await openSide(name, options), () => isInterrupted));
    }
    const [base, candidate] = sides as [Side, Side];
    const first = await base.run();
    const isExact = first.records.length > 0 &&
      first.records.every((record) => record.target !== "live");
    if (isExact) await compareExactly(first, candidate, flags, context);
    else await compareMeasured({ base, candidate }, flags, context);
  } catch (error) {
    throw isInterrupted ? endedEarly() : error;
  } finally {
    for (const side of sides) await side.close();
    release();
  }
}

function endedEarly(): UserError {
  return new UserError("Ended early by Ctrl-C: no verdict", { exitCode: EXIT.inconclusive });
}

/** A side that starts no more runs after Ctrl-C. */
function watchedSide(side: Side, isInterrupted: () => boolean): Side {
  return {
    ...side,
    run: () => isInterrupted() ? Promise.reject(endedEarly()) : side.run(),
  };
}

/** Deterministic runs: the gate with the base as baseline. */
async function compareExactly(
  { records }: RunResult,
  candidate: Side,
  flags: CompareFlags,
  context: Context,
): Promise<void> {
  const { io } = context;
  const { records: now } = await candidate.run();
  const minimumEffect = flags.minimumEffect ?? null;
  const verdict = judge(now, makeBaseline(records), { minimumEffect });
  io.out(flags.json ? `${JSON.stringify(verdict, null, 2)}\n` : showTerminal(verdict));
  await conclude(verdict.outcome, flags, context, {
    findings: (options) => findingsOf(verdict, options),
    markdown: (bytesMax) => showMarkdown(verdict, bytesMax),
  });
}

/** What a verdict says, for {@link publish}. */
interface Conclusion {
  readonly findings: (options: FindingOptions) => Finding[];
  readonly markdown: (bytesMax: number) => string;
}

/** Sets the exit code and writes what was asked for. */
async function conclude(
  outcome: OverallOutcome,
  flags: CompareFlags,
  context: Context,
  { findings, markdown }: Conclusion,
): Promise<void> {
  const { io } = context;
  const fatal = flags.failOnInconclusive === true;
  context.exitCode = exitCodeOf(outcome, fatal);
  if (outcome === "inconclusive") io.err(inconclusiveNote(fatal));
  const publication = {
    findings: findings({ failOnInconclusive: fatal, placeOf: workloadPlace }),
    markdown,
    exitCode: context.exitCode,
    labVersion: LAB_VERSION,
  };
  await publish(publication, outputsOf(flags, io.cwd), { stderr: (text) => io.err(text) });
}

async function compareMeasured(
  sides: Sides,
  flags: CompareFlags,
  context: Context,
): Promise<void> {
  const { io } = context;
  const note = (text: string): void => io.err(`${text}\n`);
  const before = await readHost();
  for (const finding of findingsBefore(before, cpuCount())) note(`warning: ${finding}`);
  const workloads = new Map<string, Set<string>>();
  const comparison = await interleave(
    async (side) => {
      const run = await sides[side].run();
      for (const { workload, workload_sha256 } of run.records) {
        workloads.set(workload, (workloads.get(workload) ?? new Set()).add(workload_sha256));
      }
      return samplesOf(run, flags.metric);
    },
    {
      plan: { pairsPerLook: flags.pairs, looks: flags.looks, alpha: ALPHA },
      minimumEffect: flags.minimumEffect ?? MEASURED_EFFECT,
      seed: flags.seed,
      note,
    },
  );
  for (const finding of findingsBetween(before, await readHost())) note(`warning: ${finding}`);
  for (const [workload, { size }] of workloads) {
    if (size > 1) note(`warning: the two sides describe workload "${workload}" differently`);
  }
  const names = { base: sides.base.name, candidate: sides.candidate.name };
  io.out(
    flags.json
      ? `${JSON.stringify({ ...names, ...comparison }, null, 2)}\n`
      : measuredTerminal(comparison, names),
  );
  await conclude(comparison.outcome, flags, context, {
    findings: (options) => findingsOfMeasured(comparison, options),
    markdown: (bytesMax) => measuredMarkdown(comparison, names, bytesMax),
  });
  if (comparison.outcome === "refused") {
    note("Remedy: quieter conditions, a larger --minimum-effect, or --metric for a steadier one");
  }
}

/** The judged metrics of a run, each named with its cell; the wall time where it has no record. */
function samplesOf(run: RunResult, chosen: readonly string[] | undefined): Sample[] {
  if (run.records.length === 0) {
    const value = run.wallTimeNs;
    return [{ id: "wall time", unit: "ns", direction: "lower", value }];
  }
  const samples = run.records.flatMap((record) =>
    metricsOf(record).flatMap(({ id, unit, direction, value }): Sample[] => {
      const isJudged = chosen === undefined ? direction !== "neutral" : chosen.includes(id);
      if (value === null || !isJudged) return [];
      // The generator is part of the name: numbers of two are never compared.
      const name = `${cellName(record)} (${record.generator}) seed ${record.seed} ${id}`;
      return [{ id: name, unit, direction, value }];
    })
  );
  const known = run.records.flatMap((record) => metricsOf(record).map(({ id }) => id));
  // A metric that is there may have no value in a run: too few transactions for a percentile.
  if (samples.length > 0 || chosen?.some((id) => known.includes(id))) return samples;
  throw new UserError(
    `No run has a metric "${chosen?.join(", ")}": there are ${[...new Set(known)].join(", ")}`,
  );
}
