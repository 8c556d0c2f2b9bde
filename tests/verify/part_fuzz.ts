/**
 * Part "fuzz": every reader with inputs that were good once, with drawn ones, and with those that
 * broke it before. Only the project's own refusals are accepted: one sentence, its exit code.
 *
 * The readers run in a worker of their own: one that does not come to an end can be ended from
 * outside.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { PROJECT_ROOT } from "../../harness/build.ts";
import type { Finding, Profile, Row, VerifyPart } from "../../harness/verify/result.ts";
import { timedRow } from "../../harness/verify/result.ts";
import { watched } from "../../harness/verify/watched_worker.ts";
import { Random } from "../../harness/verify/walk.ts";
import { drawCommandLine } from "./fuzz/command_line.ts";
import { judge } from "./fuzz/judge.ts";
import { documentsOf, mutate } from "./fuzz/mutate.ts";
import { CORPUS, type FuzzTarget, fuzzTargets, runCommand } from "./fuzz/targets.ts";

/** How many inputs each reader gets. */
interface Effort {
  readonly seed: number;
  readonly mutated: number;
  readonly drawn: number;
}

const EFFORTS: Readonly<Record<Profile, Omit<Effort, "seed">>> = {
  ci: { mutated: 600, drawn: 200 },
  full: { mutated: 20_000, drawn: 10_000 },
};
/** A command line costs less than a file. */
const COMMAND_LINES_PER_INPUT = 2;
/** Findings that are told of one reader. */
const FINDINGS_MAX = 5;
/** Characters of an input that are shown. */
const SHOWN = 200;

/** Folder that inputs are written to; below out/, where the verifier may write. */
export const FUZZ_FOLDER: string = fileURLToPath(new URL("out/verify/fuzz/", PROJECT_ROOT));

/** One input and where it came from. */
interface Input {
  readonly text: string;
  readonly how: string;
}

/** Inputs of earlier days that broke something. */
async function* corpusOf(target: string): AsyncGenerator<Input> {
  const folder = new URL(`${target}/`, CORPUS);
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  for (const name of names.sort()) {
    yield { text: await Deno.readTextFile(new URL(name, folder)), how: `corpus, ${name}` };
  }
}

/** All inputs of a reader, in an order that the seed alone decides. */
async function* inputsOf(target: FuzzTarget, effort: Effort): AsyncGenerator<Input> {
  yield* corpusOf(target.name);
  for (const text of target.good) yield { text, how: "good" };
  for (let number = 0; number < effort.mutated; number++) {
    const random = randomOf(effort, number);
    yield mutate(random.of(target.good), random);
  }
  if (target.schema === undefined) return;
  const documents = fc.sample(documentsOf(target.schema), {
    seed: effort.seed,
    numRuns: effort.drawn,
  });
  const isLines = target.ending === ".ndjson";
  for (const document of documents) {
    yield { text: JSON.stringify(document, null, isLines ? 0 : 2), how: "drawn" };
  }
}

/** Numbers for one input; those of neighbouring seeds have nothing in common. */
function randomOf({ seed }: Effort, number: number): Random {
  return new Random((Math.imul(seed, 0x9e3779b1) + number) | 0);
}

/** A sentence without what it quotes: those of one kind are one. */
function kindOf(sentence: string): string {
  return sentence.replace(/"[^"]*"|\d+/g, "_").slice(0, 120);
}

/**
 * Gives a reader all its inputs.
 *
 * @param folder Where the input under way is written: after a hang it is the one there.
 */
export async function fuzzReader(
  target: FuzzTarget,
  effort: Effort,
  folder: string,
  begun: () => void = () => {},
): Promise<Omit<Row, "name" | "seconds">> {
  const findings: Finding[] = [];
  const kinds = new Set<string>();
  let [inputs, accepted, fromCorpus] = [0, 0, 0];
  const file = join(folder, `${target.name}${target.ending}`);
  for await (const { text, how } of inputsOf(target, effort)) {
    inputs++;
    if (how.startsWith("corpus")) fromCorpus++;
    await Deno.writeTextFile(file, text);
    begun();
    const { outcome, wrong } = await judge(text.length, () => target.run(text, file));
    if (outcome.code === 0) accepted++;
    else kinds.add(kindOf(outcome.err));
    const isBroken = wrong ?? (how === "good" && outcome.code !== 0 ? outcome.err : null);
    if (isBroken === null) continue;
    const kept = join(folder, `${target.name}-${inputs}${target.ending}`);
    await Deno.writeTextFile(kept, text);
    findings.push({
      sentence: `${target.name}, input ${inputs} (${how}): ${isBroken}`,
      detail: [JSON.stringify(text.slice(0, SHOWN)), `Repeat it with: ${target.command(kept)}`],
    });
    if (findings.length === FINDINGS_MAX) break;
  }
  const figures = {
    inputs,
    accepted,
    "kinds of refusals": kinds.size,
    "of the corpus": fromCorpus,
  };
  return { figures, findings };
}

/** Gives the program command lines. */
export async function fuzzCommandLines(
  effort: Effort,
  folder: string,
  begun: () => void = () => {},
): Promise<Omit<Row, "name" | "seconds">> {
  const findings: Finding[] = [];
  const kinds = new Set<string>();
  const lines = COMMAND_LINES_PER_INPUT * effort.mutated;
  let accepted = 0;
  for (let number = 0; number < lines && findings.length < FINDINGS_MAX; number++) {
    const argv = drawCommandLine(randomOf(effort, number));
    const size = argv.join(" ").length;
    await Deno.writeTextFile(join(folder, "command line.json"), JSON.stringify(argv));
    begun();
    const { outcome, wrong } = await judge(size, () => runCommand(argv, folder));
    if (outcome.code === 0) accepted++;
    else kinds.add(kindOf(outcome.err));
    if (wrong === null) continue;
    findings.push({ sentence: `command line ${number}: ${wrong}`, detail: [JSON.stringify(argv)] });
  }
  return { figures: { inputs: lines, accepted, "kinds of refusals": kinds.size }, findings };
}

/** What the worker is told. */
export interface FuzzOrder extends Effort {
  readonly folder: string;
  /** Counts the inputs that were begun. */
  readonly begun: SharedArrayBuffer;
}

/** What the worker says. */
export type FuzzWord =
  | { readonly note: string }
  | { readonly row: Row }
  | { readonly end: true }
  | { readonly failed: string };

/** Runs all readers; the worker's side. */
export async function fuzzAll(order: FuzzOrder, say: (word: FuzzWord) => void): Promise<void> {
  const { folder } = order;
  const counter = new Int32Array(order.begun);
  const begun = () => void Atomics.add(counter, 0, 1);
  for (const target of await fuzzTargets(folder)) {
    say({ note: `Fuzzing ${target.name}` });
    const body = () => fuzzReader(target, order, folder, begun);
    say({ row: await timedRow(target.name, body) });
  }
  const name = "command line";
  say({ note: `Fuzzing the ${name}` });
  say({ row: await timedRow(name, () => fuzzCommandLines(order, folder, begun)) });
}

/** The part. */
export const fuzzPart: VerifyPart = {
  name: "fuzz",
  purpose: "every reader and the command line, on inputs that are broken, drawn, or broke it once",
  async run({ profile, seed, note }) {
    const rows: Row[] = [];
    let [doing, failed] = ["", ""];
    const order: FuzzOrder = {
      ...EFFORTS[profile],
      seed,
      folder: FUZZ_FOLDER,
      begun: new SharedArrayBuffer(4),
    };
    const url = new URL("./fuzz/worker.ts", import.meta.url);
    const ended = await watched<FuzzWord>(url, order, (word) => {
      if ("note" in word) note(doing = word.note);
      else if ("row" in word) rows.push(word.row);
      else if ("failed" in word) failed = word.failed;
      return "end" in word || "failed" in word;
    });
    if (ended && failed === "") return rows;
    const sentence = failed !== ""
      ? `${doing}: ${failed}`
      : `${doing}: an input does not come to its end; it is the newest file in ${FUZZ_FOLDER}`;
    return [...rows, { name: "stopped", figures: {}, findings: [{ sentence }], seconds: 0 }];
  },
};
