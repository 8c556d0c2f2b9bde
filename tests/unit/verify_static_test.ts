/**
 * Reading the binary's text: who calls whom, which loops end, and what is refused.
 */

import assert from "node:assert/strict";
import { loadWasm, PROJECT_ROOT } from "../../harness/build.ts";
import { moduleText } from "../../harness/build/inspect.ts";
import { shapeOf } from "../../harness/verify/part_static.ts";
import { deepestCalls, reachable, readModuleText } from "../../harness/verify/wasm_text.ts";

/** A module whose pickQueue has given instructions, and a function beside it. */
function withPick(pick: string, other = "i32.const 0"): string {
  const indent = (code: string) => code.split("\n").map((line) => `    ${line}`).join("\n");
  return `(module
  (func $other (type $t0) (param $p0 i32) (result i32)
${indent(other)})
  (func $pick (type $t0) (param $p0 i32) (result i32)
    (local $l1 i32)
${indent(pick)})
  (export "pickQueue" (func $pick)))
`;
}

function sentences(text: string): string[] {
  return shapeOf(readModuleText(text)).findings.map(({ sentence }) => sentence);
}

/** Counts $l1 down by one a turn. */
const COUNTED = `loop $L0
local.get $l1
i32.const 1
i32.sub
local.tee $l1
br_if $L0
end
local.get $l1`;

Deno.test("the shipped binary has the shape that the verifier asks for", async () => {
  await loadWasm("policy", "release");
  const bytes = await Deno.readFile(new URL("out/wasm/policy.wasm", PROJECT_ROOT));
  const { figures, findings } = shapeOf(readModuleText(await moduleText("policy.wasm", bytes)));
  assert.deepEqual(findings, []);
  assert.ok(figures["functions on the packet path"]! > 10);
  assert.ok(figures["functions on the packet path"]! < figures["functions"]!);
  assert.ok(figures["calls deep"]! > 3);
});

Deno.test("a loop that counts is accepted, one that waits for a value is not", () => {
  assert.deepEqual(sentences(withPick(COUNTED)), []);
  const waiting = "loop $L0\nlocal.get $p0\ncall $other\nbr_if $L0\nend\nlocal.get $p0";
  assert.deepEqual(sentences(withPick(waiting)), [
    "policy.wasm has a loop without bound on the packet path, in $pick",
  ]);
});

Deno.test("what an inner loop counts does not end the outer one", () => {
  const outer =
    `loop $L9\n${COUNTED}\ndrop\nlocal.get $p0\ncall $other\nbr_if $L9\nend\nlocal.get $p0`;
  assert.deepEqual(sentences(withPick(outer)), [
    "policy.wasm has a loop without bound on the packet path, in $pick",
  ]);
});

Deno.test("a loop without bound that no packet reaches is none of this check's", () => {
  const waiting = "loop $L0\nlocal.get $p0\ni32.load\nbr_if $L0\nend\ni32.const 0";
  assert.deepEqual(sentences(withPick("local.get $p0", waiting)), []);
});

Deno.test("a call through a table is refused with its function", () => {
  const text = withPick("local.get $p0\nlocal.get $p0\ncall_indirect $T0 (type $t0)");
  assert.deepEqual(sentences(text), ["policy.wasm calls through a table in function $pick"]);
});

Deno.test("functions that call each other have no bound on the stack", () => {
  const text = withPick("local.get $p0\ncall $other", "local.get $p0\ncall $pick");
  assert.deepEqual(sentences(text), [
    "policy.wasm has functions that call each other: its stack has no bound",
  ]);
});

Deno.test("a function that calls itself is refused where a packet reaches it", () => {
  const text = withPick("local.get $p0\ncall $pick");
  assert.deepEqual(sentences(text), [
    "policy.wasm calls itself on the packet path, in function $pick",
  ]);
});

Deno.test("depth and values are those of the deepest chain", () => {
  const module = readModuleText(withPick("local.get $p0\ncall $other"));
  // $pick has a parameter and a local, $other a parameter.
  assert.deepEqual(deepestCalls(module, 1), { depth: 2, values: 3 });
  assert.deepEqual([...reachable(module, ["$other"])], ["$other"]);
});
