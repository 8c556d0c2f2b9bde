/**
 * Runs every check of the project, all of them even if one fails, and ends with one line of counts.
 *
 * A step without tests of its own counts as one test, and so does a step that fails without a
 * failed test (a module that cannot be loaded appears in no report).
 *
 * @module
 */

import { addCounts, countsLine, countTests, NO_TESTS, type TestCounts } from "./junit.ts";

/** One check. */
interface Step {
  readonly name: string;
  /** Arguments of deno. */
  readonly args: readonly string[];
  /** JUnit report that the step writes, if it runs tests. */
  readonly report?: string;
}

const STEPS: readonly Step[] = [
  { name: "format", args: ["fmt", "--check", "--quiet"] },
  { name: "lint", args: ["lint", "--quiet"] },
  { name: "types", args: ["task", "--quiet", "check"] },
  { name: "build", args: ["task", "--quiet", "build"] },
  { name: "tests", args: ["task", "--quiet", "test"], report: "out/test/tests.xml" },
  // The commit is the seed: each walks elsewhere, and anybody can repeat its walks.
  { name: "verify", args: ["task", "--quiet", "verify", "--seed", await commit()] },
  {
    name: "examples in comments",
    args: ["task", "--quiet", "test:doc"],
    report: "out/test/examples.xml",
  },
  {
    name: "bench on the model",
    args: ["task", "--quiet", "bench", "--target", "model", "--out", "out/ci"],
  },
  { name: "gate", args: ["task", "--quiet", "gate", "out/ci", "--junit", "out/ci/gate.xml"] },
  { name: "gate sees planted faults", args: ["task", "--quiet", "gate", "out/ci", "--self-test"] },
  {
    name: "gate sees planted changes of the model",
    args: ["run", "--quiet", "--allow-read", "--allow-write", "--allow-run", ".ci/planted.ts"],
  },
];

/** The commit that is checked, in hex; 0 where the folder is no git checkout. */
async function commit(): Promise<string> {
  try {
    const output = await new Deno.Command("git", { args: ["rev-parse", "HEAD"], stderr: "null" })
      .output();
    return output.success ? new TextDecoder().decode(output.stdout).trim() : "0";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "0";
    throw error;
  }
}

/** Runs one step, its output going to ours, and counts what it did. */
async function runStep(step: Step): Promise<TestCounts> {
  console.log(`== ${step.name}`);
  if (step.report !== undefined) await removeIfPresent(step.report);
  const started = performance.now();
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [...step.args],
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).spawn().status;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`== ${step.name}: ${success ? "ok" : "FAILED"} after ${seconds} s\n`);
  const counts = await readCounts(step.report);
  if (counts === NO_TESTS || (!success && counts.failed === 0)) {
    return addCounts([counts, { ...NO_TESTS, [success ? "passed" : "failed"]: 1 }]);
  }
  return counts;
}

async function readCounts(report: string | undefined): Promise<TestCounts> {
  if (report === undefined) return NO_TESTS;
  try {
    return countTests(await Deno.readTextFile(report));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return NO_TESTS;
    throw error;
  }
}

async function removeIfPresent(file: string): Promise<void> {
  try {
    await Deno.remove(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

if (import.meta.main) {
  const all: TestCounts[] = [];
  for (const step of STEPS) all.push(await runStep(step));
  const counts = addCounts(all);
  console.log(countsLine(counts));
  Deno.exitCode = counts.failed > 0 ? 1 : 0;
}
