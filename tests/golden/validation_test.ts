/**
 * The README's validation section is what `deno task validate --readme` writes: no number of it is
 * typed. Runs every case.
 *
 * @module
 */

import assert from "node:assert/strict";
import { sectionOf } from "../../harness/validate/markdown.ts";
import { lab } from "../unit/lab_io.ts";

Deno.test("every case does as it is marked, and the README shows the figures of today", async () => {
  const { code, out, err } = await lab(["validate", "--markdown", "--quiet"]);
  assert.equal(err, "");
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  // When the model has changed on purpose: deno task validate --readme.
  assert.equal(sectionOf(readme), out);
  assert.equal(code, 0, out);
});
