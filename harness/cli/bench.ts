/**
 * `bench`: runs workloads under policies, keeps every record, prints the table, makes the page.
 *
 * @module
 */

import { resolve } from "node:path";
import { Command } from "commander";
import { ensureBuilt } from "../build.ts";
import { EXIT, UserError } from "../errors.ts";
import { atRates } from "../offered.ts";
import { planRuns, SERIES_CHOICES } from "../plan.ts";
import { DEVICE_POLICIES, type DevicePolicy, type RunRecord, type TargetKind } from "../record.ts";
import { type ReadyTargets, readyTargets, runPlan } from "../run.ts";
import { builtinWorkloads, readWorkload, type WorkloadSpec } from "../spec.ts";
import { RecordStore } from "../store.ts";
import type { PlannedRun } from "../target.ts";
import { plural } from "../words.ts";
import { collect, type Context, milliseconds, oneOf, path, wholeNumber } from "./context.ts";
import { Observer } from "./observe.ts";
import { present } from "./present.ts";
import { lanesDefault, noteTo, watched } from "./watched.ts";

/** Where results go, from the folder the program runs in: with `deno task` the project's. */
const DEFAULT_OUT = "out/bench";
/** Limits of --duration: what both targets accept, see workloads/schema.json. */
const DURATION_MIN_MS = 10;
const DURATION_MAX_MS = 60_000;
/** Limits of --rate: what a workload file accepts, see workloads/schema.json. */
const RATE_MIN = 1;
const RATE_MAX = 10_000_000;
const TARGETS: readonly TargetKind[] = ["model", "live", "mock"];

interface BenchFlags {
  readonly workload?: readonly string[];
  readonly policy?: readonly string[];
  readonly target?: readonly string[];
  readonly machine?: string;
  readonly rate?: readonly string[];
  readonly seeds?: number;
  readonly duration?: number;
  readonly firstSeed?: number;
  readonly series?: string;
  readonly workers?: number;
  readonly out?: string;
  readonly trace?: string;
  readonly profile?: true;
  readonly dryRun?: true;
  readonly json?: true;
  readonly quiet?: true;
}

/** The options, and what was noted for some of them. */
interface Asked {
  readonly flags: BenchFlags;
  readonly observer: Observer;
}

/** The command, ready to be registered. */
export function benchCommand(context: Context): Command {
  return new Command("bench")
    .description("Run workloads under every policy; records, table and HTML page")
    .option(
      "-w, --workload <name|path>",
      "workload, repeatable (default: the default matrix)",
      collect,
    )
    .option("-p, --policy <name>", `one of ${DEVICE_POLICIES.join(", ")}; repeatable`, collect)
    .option("-t, --target <kind>", `one of ${TARGETS.join(", ")}; repeatable`, collect)
    .option("-m, --machine <name|path>", "machine to model instead of the workload's own")
    .option(
      "-r, --rate <per second>",
      "offered load of open loops, repeatable: a workload for each",
      collect,
    )
    .option("-s, --seeds <count>", "seeds of each run (default: 3, live 1)", wholeNumber(1, 1000))
    .option(
      "-d, --duration <time>",
      "measured interval (default: the workload's), virtual on the model",
      milliseconds(DURATION_MIN_MS, DURATION_MAX_MS),
    )
    .option("--first-seed <number>", "first seed (default: 1)", wholeNumber(0, 4294966295))
    .option(
      "--series <seeds>",
      `seeds whose records keep the course of the run: ${SERIES_CHOICES.join(", ")} ` +
        "(default: first; model only)",
    )
    .option("--workers <count>", "model runs side by side (default: one a CPU)", wholeNumber(1, 64))
    .option("-o, --out <folder>", `folder for records and page (default: ${DEFAULT_OUT})`, path)
    .option(
      "--trace <file>",
      "what the one model run does, for Perfetto or Chromium's developer tools",
      path,
    )
    .option("--profile", "where the model's time goes, by kind of event")
    .option("--dry-run", "print the runs, one a line, and do nothing")
    .option("--json", "print the summary as JSON instead of tables")
    .option("-q, --quiet", "no progress on stderr")
    .addHelpText("after", HELP)
    .action((flags: BenchFlags) => bench(flags, context));
}

const HELP = `
Without options the workloads of the default matrix run on the i40e model under all policies with
three seeds, and three of them over real loopback sockets without a policy. Policy NONE is the
driver's default and the base of all ratios. The same seeds give the same records, with any
--workers.

A folder's earlier records are kept as records.previous.ndjson. Ctrl-C ends early and keeps what
is done (exit code 3). Exit codes: 0 ok, 2 usage or bad input, 3 ended early, 4 a target cannot do
what was asked, 5 a fault of the lab.

Examples:
  deno task bench
  deno task bench --workload mix --policy NONE,MIX --seeds 10
  deno task bench --workload ./my_workload.jsonc --target model
  deno task bench --target model --workload mix --policy MIX --seeds 1 --trace mix.json
  deno task bench --target model --workload rr_open --rate 50k,100k,200k,400k,600k
  deno task bench --json --quiet | jq '.groups[].rows[] | {policy, throughput}'`;

async function bench(flags: BenchFlags, context: Context): Promise<void> {
  const { io } = context;
  const planned = await planOf(flags, io.cwd);
  const note = noteTo(flags, io);
  const agreed = await readyTargets(planned, { dropRefused: flags.target === undefined });
  for (const reason of agreed.dropped) note(`Left out: ${reason}`);
  const { observer, runs } = await Observer.watch(agreed.runs, flags, io.cwd);
  const ready = { ...agreed, runs };
  if (flags.dryRun) {
    const runIds = ready.runs.map((run) => run.runId);
    io.out(flags.json ? JSON.stringify(runIds) + "\n" : runIds.map((id) => id + "\n").join(""));
    return;
  }
  const store = await RecordStore.open(
    flags.out === undefined ? resolve(DEFAULT_OUT) : resolve(io.cwd, flags.out),
  );
  try {
    // Now and not within a run: a first compilation takes seconds, and says so.
    if (ready.targets.has("model")) await ensureBuilt({ log: note });
    await benchInto(store, ready, { flags, observer }, context);
  } finally {
    // Only now: the page belongs to the records, so nobody else may write between the two.
    store.close();
  }
}

/** Runs, then shows; the exit code says whether all was done. */
async function benchInto(
  store: RecordStore,
  ready: ReadyTargets,
  asked: Asked,
  context: Context,
): Promise<void> {
  const { io } = context;
  const { flags, observer } = asked;
  const records = await keepRuns(ready, store, asked, context);
  const wholeCount = records.filter((record) => record.status === "complete").length;
  const isEarly = wholeCount < ready.runs.length;
  if (isEarly) {
    context.exitCode = EXIT.inconclusive;
    const missing = plural(ready.runs.length - records.length, "run");
    io.err(`Ended early: ${plural(records.length, "record")} kept, ${missing} not done\n`);
  }
  if (records.length === 0) return;
  const json = flags.json === true;
  await present(records, { store, isEarly, json, more: observer.toJson() }, io);
  if (!json) io.out(observer.text());
}

/** Runs until all is done or Ctrl-C; the records, in the order of the plan, as they are stored. */
async function keepRuns(
  ready: ReadyTargets,
  store: RecordStore,
  { flags, observer }: Asked,
  context: Context,
): Promise<RunRecord[]> {
  const { io } = context;
  const records: RunRecord[] = [];
  try {
    await watched(ready.runs, flags, io, (options) =>
      runPlan({
        ...options,
        ready,
        workerCount: flags.workers ?? workerCountDefault(ready),
        onRecord: async (record) => {
          await store.append(record);
          records.push(record);
        },
        onObservation: (run, observation) => observer.take(run, observation),
        now: io.now,
      }));
  } catch (error) {
    const kept = plural(records.length, "record");
    if (records.length > 0) noteTo(flags, io)(`${kept} kept: ${store.recordsFile}`);
    throw error;
  }
  return records;
}

/** The plan that the options ask for. */
async function planOf(flags: BenchFlags, cwd: string): Promise<PlannedRun[]> {
  const names = new Set(flags.workload ?? await builtinWorkloads());
  const machine = flags.machine === undefined ? {} : { machine: flags.machine };
  const policies = flags.policy?.map((name) => oneOf("policy", name, DEVICE_POLICIES));
  const targets = flags.target?.map((name) => oneOf("target", name, TARGETS));
  const rates = flags.rate === undefined ? undefined : [...new Set(flags.rate.map(rateOf))];
  const workloads = [];
  for (const name of names) {
    const read = await readWorkload(name, { cwd, ...machine });
    if (flags.workload === undefined && !read.workload.in_default_matrix) continue;
    const lengthened = lasting(read.workload, flags.duration);
    const all = rates === undefined ? [lengthened] : atRates(lengthened, rates);
    workloads.push(...all.map((workload) => ({ ...read, workload })));
  }
  return planRuns({
    workloads,
    policies: policies === undefined ? undefined : inOrder(policies),
    targets: targets === undefined ? undefined : [...new Set(targets)],
    seedCount: flags.seeds,
    seedFirst: flags.firstSeed,
    series: flags.series === undefined
      ? undefined
      : oneOf("choice of --series", flags.series, SERIES_CHOICES),
  });
}

/** "50k" is 50,000 requests a second. */
function rateOf(text: string): number {
  const [, digits, prefix] = text.match(/^(\d+(?:\.\d+)?)([kM]?)$/) ?? [];
  const rate = Number(digits) * (prefix === "k" ? 1e3 : prefix === "M" ? 1e6 : 1);
  if (rate >= RATE_MIN && rate <= RATE_MAX) return rate;
  throw new UserError(
    `Cannot offer "${text}": accepted is a rate from ${RATE_MIN} to 10M a second, such as 50k`,
  );
}

/** The workload with another measured interval; its hash in the records then differs, too. */
function lasting(workload: WorkloadSpec, measureMs: number | undefined): WorkloadSpec {
  if (measureMs === undefined) return workload;
  const { model, live } = workload.duration;
  const duration = {
    model: { ...model, measure_ms: measureMs },
    live: { ...live, measure_ms: measureMs },
  };
  return { ...workload, duration };
}

function inOrder(policies: readonly DevicePolicy[]): DevicePolicy[] {
  return DEVICE_POLICIES.filter((policy) => policies.includes(policy));
}

/** The mock is done before a worker has started. */
function workerCountDefault(ready: ReadyTargets): number {
  const hasModel = ready.runs.some((run) => run.target === "model");
  return hasModel ? lanesDefault() : 1;
}
