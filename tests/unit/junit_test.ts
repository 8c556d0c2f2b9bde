/**
 * The counts at the end of a check: each test once, whatever its name or its failure says.
 */

import assert from "node:assert/strict";
import { addCounts, countsLine, countTests, NO_TESTS } from "../../.ci/junit.ts";

// As Deno 2.9.6 writes it: steps follow the tests of their file.
const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="6" failures="3" errors="0" time="0.089">
    <testsuite name="./a_test.ts" tests="6" disabled="1" errors="0" failures="3">
        <testcase name="it holds" classname="./a_test.ts" time="0.001" line="1" col="6">
        </testcase>
        <testcase name="it breaks" classname="./a_test.ts" time="0.001" line="2" col="6">
            <failure message="&lt;skipped/&gt;">Error: &lt;failure&gt; &lt;skipped/&gt;</failure>
        </testcase>
        <testcase name="its step breaks" classname="./a_test.ts" time="0.001" line="3" col="6">
            <failure message="1 test step failed">1 test step failed.</failure>
        </testcase>
        <testcase name="it needs a browser" classname="./a_test.ts" time="0.000" line="4" col="6">
            <skipped/>
        </testcase>
        <testcase name="it holds &gt; step" classname="./a_test.ts" time="0.000" line="1" col="58">
        </testcase>
        <testcase name="its step breaks &gt; step" classname="./a_test.ts" line="3" col="45">
            <failure message="Uncaught Error: x">Error: x</failure>
        </testcase>
    </testsuite>
    <testsuite name="./b_test.ts" tests="1" disabled="0" errors="0" failures="0">
        <testcase name="it holds &gt; step" classname="./b_test.ts" time="0.001" line="1" col="6">
        </testcase>
    </testsuite>
</testsuites>
`;

Deno.test("each test of a JUnit report counts once, and a step with its test", () => {
  assert.deepEqual(countTests(REPORT), { passed: 2, failed: 2, skipped: 1 });
  assert.deepEqual(countTests('<testsuites name="deno test" tests="0"></testsuites>'), NO_TESTS);
});

Deno.test("counts add up and read as one plain line", () => {
  const sum = addCounts([countTests(REPORT), { passed: 1, failed: 0, skipped: 3 }]);
  assert.equal(countsLine(sum), "3 passed, 2 failed, 4 skipped");
  assert.deepEqual(addCounts([]), NO_TESTS);
});
