/**
 * What is fuzzed: every reader that the lab has, with good inputs to start from and the schema to
 * draw others from. Nothing here runs a model, starts a program, or writes outside its folder.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { PROJECT_ROOT } from "../../../harness/build.ts";
import type { Io } from "../../../harness/cli/io.ts";
import { UserError } from "../../../harness/errors.ts";
import { main } from "../../../harness/main.ts";
import { History, parseRows } from "../../../harness/history.ts";
import { CommandMistake, parseEthtool } from "../../../harness/machine/ethtool_command.ts";
import { RECORD_SCHEMA } from "../../../harness/record.ts";
import { SCENARIO_SCHEMA } from "../../../harness/policy/scenario_schema.ts";
import { readMachine, readSchema, WORKLOADS_FOLDER } from "../../../harness/spec.ts";
import { readCases } from "../../../harness/validate/read.ts";
import { EXPLORATION_SCHEMA, readExploration } from "../../../harness/verify/exploration.ts";
import { INTERLEAVING_SCHEMA, readInterleaving } from "../../../harness/verify/interleaving.ts";
import { showTrends, trendsOf } from "../../../reports/history.ts";
import { gateBanner, readGateVerdict } from "../../../reports/page/gate_verdict.ts";
import { readValidation, validationSection } from "../../../reports/page/validation.ts";
import { readVerification, verificationSection } from "../../../reports/page/verification.ts";
import recordSchema from "../../../harness/record_schema.json" with { type: "json" };
import { FLENT, IPERF3, NETPERF, NETPERF_CSV } from "../../unit/import_samples.ts";
import { type Outcome, outcomeOf } from "./judge.ts";

/** A reader that is fuzzed. */
export interface FuzzTarget {
  readonly name: string;
  /** Good inputs. */
  readonly good: readonly string[];
  /** Schema that documents are drawn from, if there is one. */
  readonly schema?: object;
  /** Ending of a file with such an input. */
  readonly ending: string;
  /** What repeats an input by hand. */
  readonly command: (file: string) => string;
  /** Reads the text; `file` holds it. */
  readonly run: (text: string, file: string) => Promise<Outcome>;
}

/** Runs a command of the lab in a folder; what it prints is kept. */
export async function runCommand(
  argv: readonly string[],
  cwd: string,
): Promise<Outcome & { readonly out: string }> {
  let [out, err] = ["", ""];
  const io: Io = {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    columns: null,
    color: false,
    terminal: null,
    cwd,
    debug: false,
    now: () => new Date(0),
    onInterrupt: () => () => {},
  };
  return { code: await main(argv, io), out, err };
}

async function text(...path: readonly string[]): Promise<string> {
  return await Deno.readTextFile(resolve(WORKLOADS_FOLDER, ...path));
}

/** Descriptions: what people write by hand. */
async function descriptionTargets(folder: string): Promise<FuzzTarget[]> {
  const schemaOf = (...path: string[]) => readSchema(resolve(WORKLOADS_FOLDER, ...path));
  const ending = ".jsonc";
  return [
    {
      name: "scenario",
      good: [await text("scenarios", "mix.jsonc")],
      schema: SCENARIO_SCHEMA,
      ending,
      command: (file) => `deno task policy ${file}`,
      run: (_text, file) => runCommand(["policy", file], folder),
    },
    {
      name: "workload",
      good: [await text("mix.jsonc"), await text("channels.jsonc"), await text("bursts.jsonc")],
      schema: await schemaOf("schema.json"),
      ending,
      command: (file) => `deno task bench --workload ${file} --dry-run`,
      run: (_text, file) => runCommand(["bench", "--workload", file, "--dry-run"], folder),
    },
    {
      name: "machine",
      good: [await text("machines", "x710-8cpu.jsonc"), await text("machines", "x710-pair.jsonc")],
      schema: await schemaOf("machines", "schema.json"),
      ending,
      command: (file) => `deno task bench --machine ${file} --dry-run`,
      run: (_text, file) => outcomeOf(() => readMachine(file, folder)),
    },
    {
      name: "cases",
      good: [await text("validation", "ebbrt.jsonc"), await text("validation", "xdp.jsonc")],
      schema: await schemaOf("validation", "schema.json"),
      ending,
      command: (file) => `deno task validate ${file}`,
      run: (_text, file) => outcomeOf(() => readCases([file])),
    },
    {
      name: "exploration",
      good: [await text("explorations", "rules.jsonc"), await text("explorations", "tasks.jsonc")],
      schema: EXPLORATION_SCHEMA,
      ending,
      command: (file) => `deno task verify --explore ${file}`,
      run: (_text, file) => outcomeOf(() => readExploration(file)),
    },
    {
      name: "interleaving",
      good: [
        await text("interleavings", "binary.jsonc"),
        await text("interleavings", "ours.jsonc"),
      ],
      schema: INTERLEAVING_SCHEMA,
      ending,
      command: (file) => `deno task verify --interleave ${file}`,
      run: (_text, file) => outcomeOf(() => readInterleaving(file)),
    },
  ];
}

/** Command lines of ethtool, as a workload's operations hold them. */
function ethtoolTarget(): FuzzTarget {
  return {
    name: "ethtool",
    good: [
      "ethtool -C eth0 adaptive-rx off rx-usecs 50 tx-usecs 100",
      "-L eth0 combined 4",
      "-N eth0 flow-type tcp4 src-ip 10.0.0.1 dst-port 80 action 2 loc 5",
      "-X eth0 equal 4",
      "-G eth0 rx 512 tx 512",
      "--per-queue eth0 queue_mask 0x3 --coalesce rx-usecs 10",
    ],
    ending: ".txt",
    command: (file) => `the command line in ${file}, as "ethtool" of a workload's operations`,
    run: (line) =>
      outcomeOf(() => {
        try {
          parseEthtool(line);
        } catch (error) {
          if (!(error instanceof CommandMistake)) throw error;
          throw new UserError(`operations[0].ethtool ${error.message}`);
        }
      }),
  };
}

/** A few records as a bench writes them, without waiting for one. */
async function goodRecords(folder: string): Promise<string> {
  const argv = ["bench", "-w", "rr", "-t", "mock", "-p", "NONE,BULK", "-s", "1", "-o", "good"];
  const { code, err } = await runCommand([...argv, "--quiet"], folder);
  if (code !== 0) throw new Error(`The mock target fails: ${err}`);
  return await Deno.readTextFile(join(folder, "good", "records.ndjson"));
}

/** What was written by a program and read again. */
async function resultTargets(folder: string): Promise<FuzzTarget[]> {
  const records = await goodRecords(folder);
  const good = join(folder, "good", "records.ndjson");
  const baseline = join(folder, "good", "baseline.json");
  await Deno.remove(baseline).catch(() => {});
  await runCommand(["gate", good, "-b", baseline, "--update"], folder);
  const verdict = await runCommand(["gate", good, "-b", baseline, "--json"], folder);
  const history = join(folder, "good", "history.sqlite");
  await Deno.remove(history).catch(() => {});
  await runCommand(["history", "add", good, "--file", history, "--commit", "a"], folder);
  const rows = await runCommand(["history", "export", "--file", history], folder);
  const earlier = records.replaceAll(RECORD_SCHEMA, "netpolicy-lab/run/1");
  return [
    {
      name: "records",
      good: [records, earlier],
      schema: recordSchema,
      ending: ".ndjson",
      command: (file) => `deno task report ${file}`,
      run: (_text, file) => everyUse(file, baseline, folder),
    },
    {
      name: "baseline",
      good: [await Deno.readTextFile(baseline)],
      ending: ".json",
      command: (file) => `deno task gate ${good} --baseline ${file}`,
      run: (_text, file) => runCommand(["gate", good, "-b", file], folder),
    },
    {
      name: "history",
      good: [rows.out],
      ending: ".ndjson",
      command: (file) => `deno task history import ${file}`,
      // In memory: a file would be forced to the disk for each input.
      run: (text, file) =>
        outcomeOf(() => {
          const kept = new History(":memory:");
          try {
            kept.add(parseRows(text, file));
            showTrends(trendsOf(kept.rows()), true);
          } finally {
            kept.close();
          }
        }),
    },
    {
      name: "verdict",
      good: [verdict.out],
      ending: ".json",
      command: (file) => `deno task report ${good} --gate ${file}`,
      run: (text) => outcomeOf(() => gateBanner(readGateVerdict(text, "verdict.json"))),
    },
    ...pageTargets(good),
  ];
}

/** Results of other tools, imported and shown. */
function importTarget(folder: string): FuzzTarget {
  const imported = join(folder, "imported");
  return {
    name: "import",
    good: [NETPERF, NETPERF_CSV, JSON.stringify(IPERF3, null, 1), JSON.stringify(FLENT, null, 1)],
    ending: ".txt",
    command: (file) => `deno task lab import ${file} --out out/imported`,
    run: async (_text, file) => {
      const done = await runCommand(["import", file, "--out", imported], folder);
      return done.code === 0 ? await runCommand(["report", imported], folder) : done;
    },
  };
}

/** Every command that reads records. */
async function everyUse(file: string, baseline: string, folder: string): Promise<Outcome> {
  const page = join(folder, "report.html");
  const uses: (readonly string[])[] = [
    ["export", file, "--format", "csv"],
    ["export", file, "--format", "benchstat"],
    ["export", file, "--format", "bencher"],
    ["report", file, "--out", page],
  ];
  for (const use of uses) {
    const outcome = await runCommand(use, folder);
    if (outcome.code !== 0) return outcome;
  }
  return await runCommand(["gate", file, "-b", baseline], folder);
}

const VALIDATION = {
  cases: [{
    name: "a",
    title: "A case",
    series: "s",
    source: { who: "w", where: "x", when: "2016" },
    verdict: "holds",
    checks: [{ metric: "m", published: "25.0", model: "24.1", deviation: -0.03, verdict: "holds" }],
    reasons: [],
  }],
};
const VERIFICATION = {
  schema: "netpolicy-lab/verify/1",
  profile: "ci",
  seed: 4,
  policy_wasm_sha256: "00",
  passed: true,
  seconds: 1,
  parts: [{
    part: "explore",
    purpose: "to see",
    passed: true,
    rows: [{
      name: "rules",
      figures: { states: 5 },
      findings: [],
      shown: [{ sentence: "It falls", detail: ["1. a", "2. b"] }],
      seconds: 1,
    }],
  }],
};

function pageTargets(good: string): FuzzTarget[] {
  return [
    {
      name: "validation",
      good: [JSON.stringify(VALIDATION, null, 2)],
      ending: ".json",
      command: (file) => `deno task report ${good} --validation ${file}`,
      run: (text) => outcomeOf(() => validationSection(readValidation(text, "validation.json"))),
    },
    {
      name: "verification",
      good: [JSON.stringify(VERIFICATION, null, 2)],
      ending: ".json",
      command: (file) => `deno task report ${good} --verification ${file}`,
      run: (text) => outcomeOf(() => verificationSection(readVerification(text, "v.json"), [])),
    },
  ];
}

/**
 * All targets whose input is a text.
 *
 * @param folder A folder of their own; it is made.
 */
export async function fuzzTargets(folder: string): Promise<FuzzTarget[]> {
  await Deno.mkdir(folder, { recursive: true });
  return [
    ...await descriptionTargets(folder),
    ethtoolTarget(),
    ...await resultTargets(folder),
    importTarget(folder),
  ];
}

/** Where failing inputs of earlier days are kept: corpus/TARGET/*. */
export const CORPUS: URL = new URL("tests/verify/fuzz/corpus/", PROJECT_ROOT);
