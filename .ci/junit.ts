/**
 * Counts the tests of a JUnit report as `deno test --junit-path` writes it.
 *
 * Reads that one writer's output only; it is no XML parser.
 *
 * @module
 */

/** How many tests ended how. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Nothing ran. */
export const NO_TESTS: TestCounts = { passed: 0, failed: 0, skipped: 0 };

/**
 * Counts the tests of a report, each once: Deno writes a step of a test as a test case of its own,
 * named `test > step`, after the tests of the file.
 */
export function countTests(xml: string): TestCounts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const suite of xml.split("<testsuite ").slice(1)) {
    const names: string[] = [];
    for (const testCase of suite.split("<testcase ").slice(1)) {
      const name = testCase.match(/^name="([^"]*)"/)?.[1] ?? "";
      if (names.some((test) => name.startsWith(`${test} &gt; `))) continue;
      names.push(name);
      if (testCase.includes("<failure")) counts.failed++;
      else if (testCase.includes("<skipped")) counts.skipped++;
      else counts.passed++;
    }
  }
  return counts;
}

/** Adds up counts. */
export function addCounts(all: readonly TestCounts[]): TestCounts {
  return all.reduce((a, b) => ({
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  }), NO_TESTS);
}

/** The last line of a check, in plain text. */
export function countsLine(counts: TestCounts): string {
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
}
