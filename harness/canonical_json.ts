/**
 * JSON with sorted keys: equal values give equal text, so that hashes and comparisons of values
 * do not depend on who wrote them.
 *
 * @module
 */

/**
 * JSON with the keys of every object in code unit order, without white space.
 *
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(canonicalJson({ b: [{ y: 1, x: 2 }], a: null }), '{"a":null,"b":[{"x":2,"y":1}]}');
 * ```
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(
      Object.entries(inner).sort(([left], [right]) => left < right ? -1 : 1),
    );
  });
}
