/**
 * The JSONC reader against arbitrary text, and "did you mean" against its definition.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { UserError } from "../../harness/errors.ts";
import { parseJsonc, validatorOf } from "../../harness/jsonc.ts";
import { didYouMean, editDistance, nearest } from "../../harness/suggest.ts";

const SCHEMA = {
  type: "object",
  additionalProperties: false,
  properties: {
    count: { type: "integer", minimum: 1, default: 3 },
    names: { type: "array", uniqueItems: true, minItems: 1, items: { type: "string" } },
    kind: { enum: ["one", "two"] },
    version: { const: 1 },
  },
};

Deno.test("any text gives a value that fits the schema, or one line with a place in the file", () => {
  const nearJson = fc.json().chain((text) =>
    fc.nat({ max: text.length }).map((at) => text.slice(0, at) + "," + text.slice(at))
  );
  const text = fc.oneof(fc.string({ maxLength: 40 }), fc.json(), nearJson);
  fc.assert(
    fc.property(text, (source) => {
      try {
        const { value } = parseJsonc(source, "f", SCHEMA);
        assert.ok(validatorOf(SCHEMA)(value));
      } catch (error) {
        assert.ok(error instanceof UserError, String(error));
        assert.match(error.message, /^f:[1-9]\d*:[1-9]\d*: \S[^\n]*$/);
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("comments and trailing commas are accepted, defaults are told from what stands there", () => {
  const document = parseJsonc<{ count: number; kind: string }>(
    '// why\n{ "kind": "one", /* here */ }',
    "f",
    SCHEMA,
  );
  assert.deepEqual({ ...document.value }, { kind: "one", count: 3 });
  assert.equal(document.has(["kind"]), true);
  assert.equal(document.has(["count"]), false);
});

const MISTAKES: readonly (readonly [text: string, message: string])[] = [
  ['{"version": 2}', "f:1:13: version is 2: accepted is 1"],
  ['{"names": []}', "f:1:11: names holds too few entries: at least 1 expected"],
  ['{"names": ["a", "a"]}', "f:1:11: names holds the same entry twice"],
  ['{"names": ["a", 7]}', "f:1:17: names[1] is 7: accepted is text in quotes"],
  ['{"count": 0}', "f:1:11: count is 0: accepted is at least 1"],
  ['{"count": 1.5}', "f:1:11: count is 1.5: accepted is a whole number"],
  ["[]", "f:1:1: the file is a list: accepted is an object in { }"],
  ['{\n\t"kind": null}', 'f:2:10: kind is null: accepted are "one", "two"'],
];

for (const [text, message] of MISTAKES) {
  Deno.test(`${text} gives "${message}"`, () => {
    assert.throws(() => parseJsonc(text, "f", SCHEMA), { message });
  });
}

Deno.test("relations see a value that fits, and can point at a key", () => {
  const relations = (): { path: string[]; key: string; message: string }[] => [
    { path: [], key: "kind", message: "No" },
  ];
  const read = (text: string): unknown => parseJsonc(text, "f", { schema: SCHEMA, relations });
  assert.throws(() => read('{ "count": 1,\n "kind": "one" }'), { message: "f:2:2: No" });
  assert.throws(() => read('{ "count": 0 }'), /f:1:12: count is 0/);
});

Deno.test("the edit distance is symmetric; insert, delete, replace and swap each count one", () => {
  for (
    const [left, right, distance] of [
      ["", "abc", 3],
      ["bench", "bnech", 1],
      ["bench", "bench", 0],
      ["udp-rr", "udp_rr", 1],
      ["kitten", "sitting", 3],
    ] as const
  ) {
    assert.equal(editDistance(left, right), distance);
  }
  const word = fc.string({ maxLength: 8 });
  fc.assert(fc.property(word, word, (left, right) => {
    const distance = editDistance(left, right);
    assert.equal(distance, editDistance(right, left));
    assert.equal(distance === 0, left === right);
    assert.ok(distance >= Math.abs(left.length - right.length));
    assert.ok(distance <= Math.max(left.length, right.length));
  }));
});

Deno.test("only a word that is near is suggested", () => {
  assert.equal(nearest("LATENCI", ["CPU", "LATENCY"]), "LATENCY");
  assert.equal(nearest("fast", ["CPU", "LATENCY"]), null);
  assert.equal(nearest("x", []), null);
  assert.equal(didYouMean("mxi", ["MIX"]), ' (did you mean "MIX"?)');
  assert.equal(didYouMean("zzz", ["MIX"]), "");
});
