/**
 * Part "mutation": mutants of policy.wasm and of the adapter in machine.wasm on trial. In ci a
 * sample that the seed draws, in full all of them, `--mutant` one. A mutant that survives must be
 * listed: as equivalent, with the reason, or as one that no trial sees yet. The score leaves the
 * equivalent ones out.
 *
 * @module
 */

import { UserError } from "../../harness/errors.ts";
import { loadWasm } from "../../harness/build.ts";
import { type MappedCode, mappedOnce } from "../../harness/verify/mapped.ts";
import { type Mutant, mutantsOf } from "../../harness/verify/mutants.ts";
import type { Finding, Row, VerifyContext, VerifyPart } from "../../harness/verify/result.ts";
import { Random } from "../../harness/verify/walk.ts";
import { opened } from "../../harness/verify/wasm_code.ts";
import MACHINE from "./machine_mutants.json" with { type: "json" };
import LISTED from "./mutants.json" with { type: "json" };
import { Court, type Verdict } from "./mutation.ts";
import { trialsOfMachine } from "./machine_trial.ts";
import { coverageOf } from "./part_coverage.ts";
import { type Oracle, type Trial, trialsOfPolicy } from "./trial.ts";

/** Mutants that survive, with what is known of them. */
export interface ListedMutants {
  /** No run can tell them from the original. */
  readonly equivalent: readonly { readonly reason: string; readonly mutants: readonly string[] }[];
  /** A run could, and no trial does yet. */
  readonly surviving: readonly string[];
}

/** Mutants tried in ci: some of those that are not listed. */
const SAMPLE = { policy: 500, machine: 200 };
/** Per cent of the mutants, equivalent ones not counted. */
const SCORE_MIN = { policy: 95, machine: 75 };
/** What moves packets between wire and memory, and its driver's settings: core/machine/NAME.ts. */
const NIC_FILES: ReadonlySet<string> = new Set(
  ("nic ring itr adaptive_itr rss flow_director flow_input flow_match flow_room atr write_back " +
    "queue ethtool pcie link reset").split(" "),
);
/** Its mutants are tried in full only, and have a row outside the score. */
const CHECK = "check";

/** Where an entry of a table lies; inlined elsewhere it is a matter of who asks. */
const ADDRESSES: ReadonlySet<string> = new Set(["queueAt", "rxContainer", "txContainer", "ruleAt"]);

const isOfCheck = ({ id }: Mutant): boolean => id.startsWith(`${CHECK}/`);

/** Some of the mutants, drawn without putting back. */
export function sample(mutants: readonly Mutant[], count: number, seed: number): Mutant[] {
  const random = new Random(seed);
  const left = [...mutants];
  const drawn: Mutant[] = [];
  while (drawn.length < count && left.length > 0) {
    drawn.push(left.splice(random.below(left.length), 1)[0]!);
  }
  return drawn;
}

/** Ids of those that no run can tell from the original. */
function equivalentOf(listed: ListedMutants): Set<string> {
  return new Set(listed.equivalent.flatMap(({ mutants }) => mutants));
}

/** What is not as the list says. */
export function mutationFindings(
  verdicts: readonly Verdict[],
  known: ReadonlySet<string>,
  listed: ListedMutants,
): Finding[] {
  const all = new Set([...equivalentOf(listed), ...listed.surviving]);
  const shown = ({ mutant: { id, place }, trials }: Verdict) => `${id} ${place} (${trials} trials)`;
  const findings: Finding[] = [];
  const refuse = (sentence: string, detail: readonly string[]) => {
    if (detail.length > 0) findings.push({ sentence, detail });
  };
  refuse(
    "Mutants that survive: repeat one with --mutant, then kill or list it",
    verdicts.filter(({ by, mutant }) => by === null && !all.has(mutant.id)).map(shown),
  );
  refuse(
    "Mutants listed as equivalent or surviving that are killed",
    verdicts.filter(({ by, mutant }) => by !== null && all.has(mutant.id))
      .map((verdict) => `${shown(verdict)} by ${verdict.by!.trial}: ${verdict.by!.what}`),
  );
  refuse("Listed mutants that do not exist", [...all].filter((id) => !known.has(id)));
  return findings;
}

/** Killed, equivalent, and the score. */
function figuresOf(
  verdicts: readonly Verdict[],
  equivalent: ReadonlySet<string>,
): Record<string, number> {
  const killed = verdicts.filter(({ by }) => by !== null).length;
  const same = verdicts.filter(({ by, mutant }) => by === null && equivalent.has(mutant.id)).length;
  const different = verdicts.length - same;
  return {
    mutants: verdicts.length,
    killed,
    survived: different - killed,
    equivalent: same,
    "% killed": different === 0 ? 100 : Math.floor(100 * killed / different),
  };
}

const ORACLES: readonly Oracle[] = ["written down", "model", "properties", "counts", "original"];

/** How many of each kind of oracle killed, where one did. */
function oraclesOf(verdicts: readonly Verdict[]): Record<string, number> {
  const by = Map.groupBy(verdicts, ({ by }) => by?.oracle);
  return Object.fromEntries(
    ORACLES.flatMap((oracle) => by.has(oracle) ? [[`by "${oracle}"`, by.get(oracle)!.length]] : []),
  );
}

/** One row for all, one for each source file. */
export function mutationRows(
  verdicts: readonly Verdict[],
  mutants: readonly Mutant[],
  listed: ListedMutants,
  seconds: number,
): Row[] {
  const equivalent = equivalentOf(listed);
  const core = verdicts.filter(({ mutant }) => !isOfCheck(mutant));
  const figures = figuresOf(core, equivalent);
  const known = new Set(mutants.map(({ id }) => id));
  const findings = mutationFindings(core, known, listed);
  if (figures["% killed"]! < SCORE_MIN.policy) {
    findings.push({ sentence: `${figures["% killed"]} % killed, ${SCORE_MIN.policy} % expected` });
  }
  return [
    { name: "policy.wasm", figures: { ...figures, ...oraclesOf(core) }, findings, seconds },
    ...fileRows(verdicts, equivalent),
  ];
}

/** One row for each source file. */
function fileRows(verdicts: readonly Verdict[], equivalent: ReadonlySet<string>): Row[] {
  const groups = Map.groupBy(
    verdicts,
    ({ mutant }) => isOfCheck(mutant) ? "the check itself" : mutant.place.split(":")[0]!,
  );
  return [...groups].sort(([a], [b]) => a < b ? -1 : 1).map(([name, some]): Row => ({
    name,
    figures: figuresOf(some, equivalent),
    findings: [],
    seconds: 0,
  }));
}

/** A binary with its trials, and the mutants that are tried. */
interface Case {
  readonly name: string;
  readonly mapped: MappedCode;
  readonly mutants: readonly Mutant[];
  readonly trials: readonly Trial[];
}

async function policyCase({ policy }: VerifyContext): Promise<Case> {
  const mapped = await mappedOnce("policy", policy.bytes);
  const trials = await trialsOfPolicy();
  return { name: "policy.wasm", mapped, mutants: mutantsOf(mapped), trials };
}

async function machineCase({ policy }: VerifyContext): Promise<Case> {
  const { bytes } = await loadWasm("machine", "release");
  const mapped = await mappedOnce("machine", bytes);
  const open = { ...mapped, code: opened(mapped.code) };
  return {
    name: "the adapter in machine.wasm",
    mapped: open,
    mutants: mutantsOf(mapped).filter(({ file, source, within }) =>
      NIC_FILES.has(file) && (NIC_FILES.has(within) || !ADDRESSES.has(source))
    ),
    trials: await trialsOfMachine(policy.module),
  };
}

/** Tries mutants; each keeps its place. */
function judged({ mapped, trials }: Case, chosen: readonly Mutant[]): Verdict[] {
  const { byTrial } = coverageOf(mapped, trials);
  const court = new Court(mapped.code, trials, byTrial);
  return chosen.map((mutant) => court.judge(mutant));
}

/** The one mutant of that name, among those of both binaries. */
async function oneMutant(context: VerifyContext, id: string): Promise<Row[]> {
  for (const make of [policyCase, machineCase]) {
    const given = await make(context);
    const chosen = given.mutants.filter((mutant) => mutant.id === id);
    if (chosen.length > 0) return judged(given, chosen).map(oneRow);
  }
  throw new UserError(
    `Unknown mutant "${id}": accepted are such as "pick/choose:add_sub:1", as results name them`,
  );
}

async function policyRows(context: VerifyContext): Promise<Row[]> {
  const given = await policyCase(context);
  const { mutants } = given;
  const skipped = new Set([...LISTED.surviving, ...equivalentOf(LISTED)]);
  const chosen = context.profile === "full" ? mutants : sample(
    mutants.filter((mutant) => !isOfCheck(mutant) && !skipped.has(mutant.id)),
    SAMPLE.policy,
    context.seed,
  );
  context.note(`Trying ${chosen.length} of ${mutants.length} mutants of policy.wasm`);
  const started = performance.now();
  const verdicts = judged(given, chosen);
  return mutationRows(verdicts, mutants, LISTED, (performance.now() - started) / 1000);
}

/** The fewest killed that a sample can have by chance: three standard deviations below. */
function fewestPercent(share: number, count: number): number {
  return share - 300 * Math.sqrt(share / 100 * (1 - share / 100) / Math.max(1, count));
}

async function machineRows(context: VerifyContext): Promise<Row[]> {
  const given = await machineCase(context);
  const equivalent = equivalentOf(MACHINE);
  const isWhole = context.profile === "full";
  const chosen = isWhole ? given.mutants : sample(
    given.mutants.filter(({ id }) => !equivalent.has(id)),
    SAMPLE.machine,
    context.seed,
  );
  context.note(`Trying ${chosen.length} of ${given.mutants.length} mutants of the adapter`);
  const started = performance.now();
  const verdicts = judged(given, chosen);
  const seconds = (performance.now() - started) / 1000;
  const figures = figuresOf(verdicts, equivalent);
  const least = isWhole
    ? SCORE_MIN.machine
    : Math.floor(fewestPercent(SCORE_MIN.machine, chosen.length));
  // A sample is held to the score alone: a change of core/machine moves the numbers of mutants.
  const findings = isWhole
    ? mutationFindings(verdicts, new Set(given.mutants.map(({ id }) => id)), MACHINE)
    : [];
  if (figures["% killed"]! < least) {
    findings.push({
      sentence: `${figures["% killed"]} % killed, ${least} % expected of ${chosen.length} mutants`,
      detail: verdicts.filter(({ by, mutant }) => by === null && !equivalent.has(mutant.id))
        .map(({ mutant: { id, place } }) => `${id} ${place}`),
    });
  }
  return [
    { name: given.name, figures: { ...figures, ...oraclesOf(verdicts) }, findings, seconds },
    ...fileRows(verdicts, equivalent),
  ];
}

/** The part. */
export const mutationPart: VerifyPart = {
  name: "mutation",
  purpose: "the binaries with one instruction changed: a trial must see it",
  async run(context) {
    if (context.mutant != null) return await oneMutant(context, context.mutant);
    return [...await policyRows(context), ...await machineRows(context)];
  },
};

/** The row of a mutant that was asked for. */
function oneRow({ mutant, by, trials }: Verdict): Row {
  const { id, place } = mutant;
  return {
    name: `${id} ${place}`,
    figures: { "trials that reach it": trials, killed: by === null ? 0 : 1 },
    findings: by === null ? [{ sentence: `${id} survives` }] : [],
    seconds: 0,
  };
}
