/**
 * The live target must work with the permissions that the `lab` task gives, and no more.
 *
 * @module
 */

import { equal, ok } from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { LiveTarget } from "../../harness/target_live.ts";
import { groupOf, runOf } from "./runs.ts";

async function probe(): Promise<void> {
  for (const test of ["TCP_RR", "UDP_RR"] as const) {
    const target = new LiveTarget();
    await target.describe();
    await target.prepare(runOf([groupOf(test)]));
    await target.start(new AbortController().signal, () => {});
    ok((await target.collect()).groups[0]!.transactions > 0);
    await target.stop();
  }
  console.log("measured");
}

if (import.meta.main) await probe();

Deno.test("a live run needs no more than the permissions of the lab task", async () => {
  const flags = config.tasks.lab.command.split(" ").filter((word) => word.startsWith("--allow-"));
  ok(flags.length > 0 && !flags.includes("--allow-all"), flags.join(" "));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--no-prompt", ...flags, import.meta.filename!],
    cwd: new URL("../..", import.meta.url),
  }).output();
  const decoder = new TextDecoder();
  equal(decoder.decode(stdout), "measured\n", decoder.decode(stderr));
});
