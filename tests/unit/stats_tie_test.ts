/**
 * Ties: what page and table call no difference.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { isTie } from "../../harness/stats/tie.ts";

Deno.test("values within 1 % of the larger are a tie, in either order and at any scale", () => {
  assert.equal(isTie(1, 1.01), true);
  assert.equal(isTie(1, 1.0102), false);
  assert.equal(isTie(0.9901, 1), true);
  assert.equal(isTie(0.9899, 1), false);
  assert.equal(isTie(0, 0), true);
  assert.equal(isTie(0, 1e-9), false);
  const value = fc.integer({ min: 0, max: 1_000_000 });
  fc.assert(fc.property(value, value, (left, right) => {
    assert.equal(isTie(left, right), isTie(right, left));
    assert.equal(isTie(left, right), isTie(left * 1024, right * 1024));
    assert.equal(isTie(left, left), true);
  }));
});
