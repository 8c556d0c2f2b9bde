/**
 * Parts of the verifier in workers: what they find is what they find one after the other.
 */

import assert from "node:assert/strict";
import { UserError } from "../../harness/errors.ts";
import type { VerifyContext, VerifyPart } from "../../harness/verify/result.ts";
import { runParts } from "../../harness/verify/side_by_side.ts";
import { FAULT, SMALL_PARTS, WRONG_FILE } from "./verify_parts_worker.ts";

/** The header of an empty Wasm module. */
const BYTES = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

async function run(parts: readonly VerifyPart[], count: number) {
  const notes: string[] = [];
  const given: VerifyContext = {
    profile: "ci",
    seed: 7,
    policy: { module: new WebAssembly.Module(BYTES), bytes: BYTES },
    note: (line) => notes.push(line),
  };
  const worker = new URL("./verify_parts_worker.ts", import.meta.url);
  const results = await runParts(parts, given, { worker, count });
  return { results, notes: notes.toSorted() };
}

Deno.test("three parts on 1 and on 2 workers: same results, in the order of the parts", async () => {
  const alone = await run(SMALL_PARTS, 1);
  assert.deepEqual(await run(SMALL_PARTS, 2), alone);
  assert.deepEqual(alone.results.map(({ part, passed }) => [part, passed]), [
    ["clean", true],
    ["broken", false],
    ["clean too", true],
  ]);
  assert.deepEqual(alone.results[1]!.rows[0], {
    name: "row",
    figures: { seed: 7 },
    findings: [{ sentence: "It fell" }],
    seconds: 0,
  });
  assert.deepEqual(alone.notes, ["broken begins", "clean begins", "clean too begins"]);
});

Deno.test("what a user can put right stays so on its way out of a worker; a fault stays one", async () => {
  await assert.rejects(run([SMALL_PARTS[0]!, WRONG_FILE], 2), (error) => {
    assert.ok(error instanceof UserError);
    assert.deepEqual([error.message, error.exitCode], ['"a.jsonc" is not there', 2]);
    return true;
  });
  await assert.rejects(run([SMALL_PARTS[0]!, FAULT], 2), (error) => {
    assert.ok(!(error instanceof UserError));
    assert.equal((error as Error).message, "no such thing");
    return true;
  });
});
