/**
 * Small parts of a verifier, and a worker that serves them, for verify_side_by_side_test.ts.
 */

import { UserError } from "../../harness/errors.ts";
import type { VerifyPart } from "../../harness/verify/result.ts";
import { serveParts } from "../../harness/verify/side_by_side.ts";

/** Finds what its name says, in a row with the seed. */
function finds(name: string, sentences: readonly string[]): VerifyPart {
  return {
    name,
    purpose: `to find ${sentences.length}`,
    run({ seed, note }) {
      note(`${name} begins`);
      const findings = sentences.map((sentence) => ({ sentence }));
      return Promise.resolve([{ name: "row", figures: { seed }, findings, seconds: 0 }]);
    },
  };
}

function throws(name: string, error: Error): VerifyPart {
  return { name, purpose: "to throw", run: () => Promise.reject(error) };
}

export const SMALL_PARTS: readonly VerifyPart[] = [
  finds("clean", []),
  finds("broken", ["It fell"]),
  finds("clean too", []),
];

export const WRONG_FILE = throws("wrong file", new UserError('"a.jsonc" is not there'));
export const FAULT = throws("fault", new Error("no such thing"));

// Modules of a worker may wait for something while they load, as the reference model's do.
await Deno.readTextFile(new URL(import.meta.url));
if (typeof DedicatedWorkerGlobalScope !== "undefined") {
  serveParts([...SMALL_PARTS, WRONG_FILE, FAULT]);
}
