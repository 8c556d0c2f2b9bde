/**
 * `deno task verify`: the program's command line with one more command. It stands here because it
 * compares with the reference model, and nothing outside tests/ may import that.
 *
 * @module
 */

import type { Context } from "../../harness/cli/context.ts";
import { systemIo } from "../../harness/cli/io.ts";
import { verifyCommand } from "../../harness/cli/verify.ts";
import { main } from "../../harness/main.ts";
import { explorePart } from "../../harness/verify/part_explore.ts";
import { interleavePart } from "../../harness/verify/part_interleave.ts";
import { machinePart } from "../../harness/verify/part_machine.ts";
import { seedsPart } from "../../harness/verify/part_seeds.ts";
import { staticPart } from "../../harness/verify/part_static.ts";
import type { VerifyPart } from "../../harness/verify/result.ts";
import { agreementPart } from "./part_agreement.ts";
import { coveragePart } from "./part_coverage.ts";
import { differentialPart } from "./part_differential.ts";
import { fuzzPart } from "./part_fuzz.ts";
import { mutationPart } from "./part_mutation.ts";
import { nativePart } from "./part_native.ts";
import { plantedPart } from "./part_planted.ts";
import { plantedMachinePart } from "./part_planted_machine.ts";

/** Every part, in the order they run: the quick ones first. */
export const PARTS: readonly VerifyPart[] = [
  staticPart,
  explorePart,
  interleavePart,
  seedsPart,
  agreementPart,
  differentialPart,
  fuzzPart,
  machinePart,
  plantedPart,
  plantedMachinePart,
  coveragePart,
  mutationPart,
  nativePart,
];

if (import.meta.main) {
  const worker = new URL("./part_worker.ts", import.meta.url);
  const more = [(context: Context) => verifyCommand(context, PARTS, worker)];
  Deno.exit(await main(["verify", ...Deno.args], systemIo(), more));
}
