/**
 * Part "mutation": mutants of policy.wasm on trial. In ci a sample that the seed draws, in full all
 * of them, `--mutant` one. A mutant that survives must be listed: as equivalent, with the reason, or
 * as one that no trial sees yet. The score leaves the equivalent ones out.
 *
 * @module
 */

import { UserError } from "../../harness/errors.ts";
import { mappedOnce } from "../../harness/verify/mapped.ts";
import { type Mutant, mutantsOf } from "../../harness/verify/mutants.ts";
import type { Finding, Profile, Row, VerifyPart } from "../../harness/verify/result.ts";
import { Random } from "../../harness/verify/walk.ts";
import LISTED from "./mutants.json" with { type: "json" };
import { Court, type Verdict } from "./mutation.ts";
import { coverageOf } from "./part_coverage.ts";
import { type Oracle, trialsOfPolicy } from "./trial.ts";

/** Mutants that survive, with what is known of them. */
export interface ListedMutants {
  /** No run can tell them from the original. */
  readonly equivalent: readonly { readonly reason: string; readonly mutants: readonly string[] }[];
  /** A run could, and no trial does yet. */
  readonly surviving: readonly string[];
}

/** Mutants tried in ci: those that are not listed, some of them. */
const SAMPLE = 500;
/** Per cent of the mutants that are not equivalent. */
const SCORE_MIN = 95;
/** What checks is not what is checked: its mutants are tried in full and have a row of their own. */
const CHECK = "check";

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

/** What is not as the list says. */
export function mutationFindings(
  verdicts: readonly Verdict[],
  known: ReadonlySet<string>,
  listed: ListedMutants,
): Finding[] {
  const equivalent = new Set(listed.equivalent.flatMap(({ mutants }) => mutants));
  const surviving = new Set(listed.surviving);
  const shown = ({ mutant: { id, place }, trials }: Verdict) => `${id} ${place} (${trials} trials)`;
  const isListed = ({ mutant: { id } }: Verdict) => equivalent.has(id) || surviving.has(id);
  const findings: Finding[] = [];
  const refuse = (sentence: string, detail: readonly string[]) => {
    if (detail.length > 0) findings.push({ sentence, detail });
  };
  refuse(
    "Mutants that survive: repeat one with --mutant, then kill or list it",
    verdicts.filter((verdict) => verdict.by === null && !isListed(verdict)).map(shown),
  );
  refuse(
    "Mutants listed as equivalent or surviving that are killed",
    verdicts.filter((verdict) => verdict.by !== null && isListed(verdict))
      .map((verdict) => `${shown(verdict)} by ${verdict.by!.trial}: ${verdict.by!.what}`),
  );
  refuse(
    "Listed mutants that do not exist",
    [...equivalent, ...surviving].filter((id) => !known.has(id)),
  );
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

const ORACLES: readonly Oracle[] = ["written down", "model", "properties", "counts"];

/** One row for all, one for each source file. */
export function mutationRows(
  verdicts: readonly Verdict[],
  mutants: readonly Mutant[],
  listed: ListedMutants,
  seconds: number,
): Row[] {
  const equivalent = new Set(listed.equivalent.flatMap(({ mutants }) => mutants));
  const core = verdicts.filter(({ mutant }) => !isOfCheck(mutant));
  const figures = figuresOf(core, equivalent);
  const known = new Set(mutants.map(({ id }) => id));
  const findings = mutationFindings(core, known, listed);
  if (figures["% killed"]! < SCORE_MIN) {
    findings.push({ sentence: `${figures["% killed"]} % killed, ${SCORE_MIN} % expected` });
  }
  const by = (oracle: Oracle) => core.filter(({ by }) => by?.oracle === oracle).length;
  const oracles = Object.fromEntries(ORACLES.map((oracle) => [`by "${oracle}"`, by(oracle)]));
  const groups = Map.groupBy(
    verdicts,
    ({ mutant }) => isOfCheck(mutant) ? "the check itself" : mutant.place.split(":")[0]!,
  );
  return [
    { name: "policy.wasm", figures: { ...figures, ...oracles }, findings, seconds },
    ...[...groups].sort(([a], [b]) => a < b ? -1 : 1).map(([name, some]): Row => ({
      name,
      figures: figuresOf(some, equivalent),
      findings: [],
      seconds: 0,
    })),
  ];
}

/** The mutants that a run tries. */
function chosenOf(
  mutants: readonly Mutant[],
  listed: ListedMutants,
  { profile, seed, mutant }: {
    readonly profile: Profile;
    readonly seed: number;
    readonly mutant: string | null;
  },
): readonly Mutant[] {
  if (mutant !== null) {
    const found = mutants.filter(({ id }) => id === mutant);
    if (found.length > 0) return found;
    throw new UserError(
      `Unknown mutant "${mutant}": accepted are such as "${
        mutants[0]!.id
      }", as the result lists them`,
    );
  }
  if (profile === "full") return mutants;
  const skipped = new Set([
    ...listed.surviving,
    ...listed.equivalent.flatMap(({ mutants }) => mutants),
  ]);
  return sample(
    mutants.filter((mutant) => !isOfCheck(mutant) && !skipped.has(mutant.id)),
    SAMPLE,
    seed,
  );
}

/** The part. */
export const mutationPart: VerifyPart = {
  name: "mutation",
  purpose: "policy.wasm with one instruction changed: a trial must see it",
  async run(context) {
    const { policy, note, mutant } = context;
    const mapped = await mappedOnce("policy", policy.bytes);
    const mutants = mutantsOf(mapped);
    const chosen = chosenOf(mutants, LISTED, context);
    const trials = await trialsOfPolicy();
    const { byTrial } = await coverageOf(policy.bytes, trials);
    const court = new Court(mapped.code, trials, byTrial);
    note(`Trying ${chosen.length} of ${mutants.length} mutants`);
    const started = performance.now();
    const verdicts = chosen.map((mutant) => court.judge(mutant));
    const seconds = (performance.now() - started) / 1000;
    if (mutant !== null) return verdicts.map(oneRow);
    return mutationRows(verdicts, mutants, LISTED, seconds);
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
