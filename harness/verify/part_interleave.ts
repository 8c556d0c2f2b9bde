/**
 * Part "interleave": packets beside updates, in every order of their steps: policy.wasm under one
 * lock, the RFC's locking as it is described, and ours with one thing changed at a time.
 *
 * @module
 */

import { BinaryThreads } from "./binary_threads.ts";
import { type Concurrent, interleave, type Interleaved } from "./interleave.ts";
import {
  builtinInterleavings,
  type Departure,
  DEPARTURES,
  type Interleaving,
  readBuiltinInterleaving,
} from "./interleaving.ts";
import { LockingModel } from "./locking.ts";
import { compileProbed } from "./probe.ts";
import { type Finding, type Row, timedRow, type VerifyPart } from "./result.ts";

/** Interleaving that departures are tried on. */
const OURS = "ours";
/** No fault in itself: what a work item does wrong is in what it does when. */
const HARMLESS: readonly Departure[] = ["work-items"];

/** Departures from our locking that are wrong by themselves. */
export const FAULTY_DEPARTURES: readonly Departure[] = (Object.keys(DEPARTURES) as Departure[])
  .filter((name) => !HARMLESS.includes(name));

/** What an interleaving found beside what its file expects. */
export function interleavingFindings(
  { name, expect }: Interleaving,
  found: Interleaved,
): Finding[] {
  const { violation } = found;
  const isMeant = expect?.finds !== undefined && violation?.sentence.startsWith(expect.finds);
  if (violation !== null && !isMeant) {
    return [{
      sentence: `${name}: ${violation.sentence} (after ${violation.steps.length} steps)`,
      detail: violation.steps,
    }];
  }
  if (expect === undefined) return [];
  if (violation === null && expect.finds !== undefined) {
    return [{ sentence: `${name}: nothing is found, expected is: ${expect.finds}` }];
  }
  return (["states", "transitions", "depth"] as const)
    .filter((key) => found[key] !== expect[key])
    .map((key) => ({
      sentence:
        `${name}: ${found[key]} ${key} found, ${expect[key]} expected: the order of steps ` +
        `has changed; if it was meant to, change "expect" in the file`,
    }));
}

/** The threads of an interleaving. */
async function threadsOf(
  bytes: Uint8Array<ArrayBuffer>,
  interleaving: Interleaving,
): Promise<Concurrent & { readonly calls?: BinaryThreads["calls"] }> {
  return interleaving.locking === undefined
    ? new BinaryThreads(await compileProbed(bytes), interleaving)
    : new LockingModel(interleaving);
}

/** Goes through every order of one and says what it found. */
export function interleavedRow(
  bytes: Uint8Array<ArrayBuffer>,
  interleaving: Interleaving,
): Promise<Row> {
  return timedRow(interleaving.name, async () => {
    const threads = await threadsOf(bytes, interleaving);
    const found = interleave(threads);
    const { states, transitions, depth, ends, violation } = found;
    const findings = interleavingFindings(interleaving, found);
    const isShown = findings.length === 0 && violation !== null;
    return {
      figures: {
        states,
        transitions,
        depth,
        ends,
        ...(threads.calls === undefined ? {} : {
          "states of policy.wasm": threads.calls.memories,
          "calls of policy.wasm": threads.calls.calls,
        }),
      },
      findings,
      ...(isShown ? { shown: [{ sentence: violation.sentence, detail: violation.steps }] } : {}),
    };
  });
}

/** Ours with each departure alone: every one must be found. */
export async function departuresRow(ours: Interleaving): Promise<Row> {
  return await timedRow("departures", () => {
    const shown: Finding[] = [];
    const findings: Finding[] = [];
    let states = 0;
    for (const departure of FAULTY_DEPARTURES) {
      const found = interleave(new LockingModel({ ...ours, locking: [departure] }));
      states += found.states;
      const { violation } = found;
      if (violation === null) {
        findings.push({ sentence: `Nothing finds that ${DEPARTURES[departure]}` });
      } else {
        shown.push({
          sentence: `${DEPARTURES[departure]}: ${violation.sentence}`,
          detail: violation.steps,
        });
      }
    }
    return {
      figures: { planted: FAULTY_DEPARTURES.length, found: shown.length, states },
      findings,
      shown,
    };
  });
}

/** The part. */
export const interleavePart: VerifyPart = {
  name: "interleave",
  purpose: "packets beside updates in every order of steps: policy.wasm, the RFC's locks, ours",
  async run({ policy, note }) {
    const rows: Row[] = [];
    for (const name of await builtinInterleavings()) {
      const interleaving = await readBuiltinInterleaving(name);
      note(`Interleaving ${name}: ${interleaving.title}`);
      rows.push(await interleavedRow(policy.bytes, interleaving));
    }
    note("Interleaving ours with one departure at a time");
    rows.push(await departuresRow(await readBuiltinInterleaving(OURS)));
    return rows;
  },
};
