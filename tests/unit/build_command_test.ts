/**
 * `build` on the project itself: what goes to stdout, what to stderr.
 */

import assert from "node:assert/strict";
import { lab } from "./lab_io.ts";

Deno.test("build --json prints the report and nothing else on stdout", async () => {
  const { code, out } = await lab(["build", "--json"]);
  assert.equal(code, 0);
  const { format, entries } = JSON.parse(out);
  assert.equal(format, "netpolicy-lab/build/1");
  for (const name of ["policy", "machine"]) {
    assert.match(entries[name].release.sha256, /^[0-9a-f]{64}$/);
    assert.equal(entries[name].reproduced, true, `${name} was compiled twice`);
  }
});

Deno.test("build prints one line a module; with --quiet it says nothing at all", async () => {
  const { code, out, err } = await lab(["build"]);
  assert.equal(code, 0, err);
  assert.match(out, /^policy\.wasm .*\nmachine\.wasm .*\n$/);
  assert.deepEqual(await lab(["build", "--quiet"]), { code: 0, out: "", err: "" });
});
