/**
 * The program as a process: a real SIGINT, real stdout and stderr, NO_COLOR and the exit code.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readRecords } from "../../harness/store.ts";
import { inFolder } from "./lab_io.ts";

const MAIN = fileURLToPath(new URL("../../harness/main.ts", import.meta.url));

function program(argv: readonly string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", MAIN, ...argv],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  });
}

Deno.test("SIGINT ends a bench early: records and table are there, the exit code is 3", async () => {
  await inFolder(async (folder) => {
    const argv = ["bench", "-t", "mock", "-w", "rr", "-p", "NONE", "--seeds", "1000"];
    const child = program([...argv, "--out", folder]).spawn();
    const stdout = new Response(child.stdout).text();
    let stderr = "";
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      const isFirst = !stderr.includes("of 1000") && (stderr + text).includes("of 1000");
      stderr += text;
      if (!isFirst) continue;
      // Twice: the terminal and `deno task` both pass one Ctrl-C on.
      child.kill("SIGINT");
      child.kill("SIGINT");
    }
    assert.equal((await child.status).code, 3, stderr);
    assert.match(stderr, /Ended early: \d+ records kept/);
    assert.match(await stdout, /\nNONE +\d/);
    const { records } = await readRecords([folder]);
    assert.ok(records.length >= 100 && records.length < 1000, `${records.length}`);
  });
});

Deno.test("a mistake reaches the shell as one line on stderr and exit code 2", async () => {
  const { code, stdout, stderr } = await program(["bench", "--workload", "nope"]).output();
  assert.equal(code, 2);
  assert.equal(stdout.length, 0);
  assert.match(new TextDecoder().decode(stderr), /^error: Unknown workload "nope": [^\n]*\n$/);
});

Deno.test("output that finds no space ends in one line and exit code 2", async () => {
  const command = `"${Deno.execPath()}" run --quiet --allow-all "${MAIN}" workloads > /dev/full`;
  const { code, stderr } = await new Deno.Command("sh", { args: ["-c", command] }).output();
  assert.equal(
    new TextDecoder().decode(stderr),
    "error: Cannot write the output: no space left on the device\n",
  );
  assert.equal(code, 2);
});
