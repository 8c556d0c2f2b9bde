/**
 * `import`: results of netperf, iperf3 and flent as run records, for page, comparison and export.
 *
 * @module
 */

import { resolve } from "node:path";
import { Command } from "commander";
import { canonicalJson } from "../canonical_json.ts";
import { UserError } from "../errors.ts";
import { importedRecord } from "../import/imported.ts";
import { readImported } from "../import/read.ts";
import { DEVICE_POLICIES, type RunRecord } from "../record.ts";
import { LAB_VERSION } from "../run.ts";
import { misfitOf, RecordStore } from "../store.ts";
import { plural } from "../words.ts";
import { type Context, oneOf, path } from "./context.ts";
import { shownPath } from "./present.ts";

interface ImportFlags {
  readonly out: string;
  readonly policy: string;
  readonly workload?: string;
}

/** The command, ready to be registered. */
export function importCommand(context: Context): Command {
  return new Command("import")
    .description("Make run records of results of netperf, iperf3 or flent")
    .argument(
      "<files...>",
      'output of netperf "-- -k" or "-- -o", of iperf3 --json, or .flent(.gz)',
    )
    .requiredOption("-o, --out <folder>", "folder for the records", path)
    .option("-p, --policy <name>", `policy they ran under: ${DEVICE_POLICIES.join(", ")}`, "NONE")
    .option("-w, --workload <name>", "name of the workload (default: tool and test)")
    .addHelpText("after", HELP)
    .action((files: readonly string[], flags: ImportFlags) => importFiles(files, flags, context));
}

const HELP = `
Several runs of the same test are repetitions: they get the seeds 1, 2, 3 in the order of the
files. Another test of the same kind gets a number after its name. What a file does not tell
(queues, interrupts, the distribution of latency) stays unknown and is shown as a dash. Numbers of
different tools are never set against each other; two folders of one tool can be compared.

Examples:
  netperf -H host -t TCP_RR -- -k all > rr.txt
  deno task lab import rr.txt --out out/none
  deno task lab import mix/*.json --policy MIX --out out/mix
  deno task report out/none out/mix
  deno task report out/before out/after --compare`;

async function importFiles(
  files: readonly string[],
  flags: ImportFlags,
  { io }: Context,
): Promise<void> {
  const policy = oneOf("policy", flags.policy, DEVICE_POLICIES);
  const names = new Names();
  const records: RunRecord[] = [];
  for (const file of files) {
    for (const imported of await readImported(resolve(io.cwd, file), file)) {
      const test = canonicalJson([imported.generator, imported.parameters]);
      const place = names.next(flags.workload ?? imported.name, test);
      const record = importedRecord(imported, { ...place, policy, labVersion: LAB_VERSION });
      const misfit = misfitOf(record);
      if (misfit !== null) {
        throw new UserError(`${JSON.stringify(file)} makes no record: ${misfit}`);
      }
      records.push(record);
    }
  }
  const store = await RecordStore.open(resolve(io.cwd, flags.out));
  try {
    for (const record of records) await store.append(record);
    io.out(`${plural(records.length, "run")} imported\n`);
    io.out(`Records  ${shownPath(io.cwd, store.recordsFile)}\n`);
  } finally {
    store.close();
  }
}

/** Repetitions of one test get one name and a seed each, other tests a name with a number. */
class Names {
  readonly #seeds = new Map<string, Map<string, number>>();

  next(name: string, test: string): { workload: string; seed: number } {
    const tests = this.#seeds.get(name) ?? new Map<string, number>();
    this.#seeds.set(name, tests);
    const seed = (tests.get(test) ?? 0) + 1;
    tests.set(test, seed);
    const number = [...tests.keys()].indexOf(test) + 1;
    return { workload: number === 1 ? name : `${name}-${number}`, seed };
  }
}
