/**
 * The whole output of a bench on the mock, as a person sees it. The mock's formula does not change,
 * so a difference is a difference of the pipeline.
 *
 * @module
 */

import { FILES } from "../../harness/store.ts";
import { inFolder, lab } from "../unit/lab_io.ts";

Deno.test("a bench on the mock prints these tables and writes these records", async (t) => {
  await inFolder(async (folder) => {
    const { out } = await lab(
      ["bench", "--target", "mock", "--workload", "mix,rr,stream", "--seeds", "3", "--out", "out"],
      { cwd: folder },
    );
    await t.assertSnapshot(out, "tables");
    const [first] = (await Deno.readTextFile(`${folder}/out/${FILES.records}`)).split("\n");
    // The hash changes with every machine file; tests of specs hold it.
    const record = { ...JSON.parse(first!), workload_sha256: "left out" };
    await t.assertSnapshot(record, "first record");
  });
});
