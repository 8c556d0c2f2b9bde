/**
 * The house rules, held mechanically: each rule is broken on purpose, then applied to the project.
 *
 * A finding names file and line. A rule that is wrong is changed here, by a commit that says why.
 */

import assert from "node:assert/strict";
import * as imports from "./import_rules.ts";
import * as shape from "./shape_rules.ts";
import { apply, readTree, type Rule, SourceFile } from "./tree.ts";
import * as words from "./word_rules.ts";

const TREE = await readTree(new URL("../../", import.meta.url));

/** A rule must report exactly `findings` about a planted file, and nothing about the project. */
function rule(
  name: string,
  check: Rule,
  plants: readonly (readonly [path: string, text: string, findings: readonly string[]])[],
): void {
  Deno.test(`rule: ${name}`, async (t) => {
    for (const [path, text, findings] of plants) {
      await t.step(findings.length > 0 ? `finds a breach in ${path}` : `accepts ${path}`, () => {
        assert.deepEqual(apply(check, [new SourceFile(path, text)]), findings);
      });
    }
    await t.step("the project keeps it", () => {
      const findings = apply(check, TREE);
      assert.equal(findings.length, 0, `${findings.length} findings\n${findings.join("\n")}`);
    });
  });
}

Deno.test("the rules see every part of the project", () => {
  for (
    const path of [
      "deno.json",
      "core/policy.ts",
      "harness/record.ts",
      "harness/cli/build.ts",
      "reports/page/page.ts",
      "tests/tidy/tidy_test.ts",
      "workloads/rr.jsonc",
      ".ci/run",
    ]
  ) assert.ok(TREE.some((file) => file.path === path), `${path} is not seen`);
});

rule("imports point one way: core, harness, reports, tests", imports.layersPointOneWay, [
  ["core/lib/a.ts", 'import { b } from "../../harness/b";', [
    'core/lib/a.ts:1: imports "../../harness/b": core imports core only',
  ]],
  ["core/policy/a.ts", 'import { b } from "../lib/b";', []],
  ["harness/a.ts", '\nimport type { B } from "../reports/b.ts";', [
    'harness/a.ts:2: imports "../reports/b.ts": harness imports core and harness; only cli/ reports',
  ]],
  ["harness/a.ts", 'type B = import("../tests/b.ts").B;', [
    'harness/a.ts:1: imports "../tests/b.ts": harness imports core and harness; only cli/ reports',
  ]],
  ["harness/cli/a.ts", 'import { b } from "../../reports/b.ts";', []],
  ["harness/cli/a.ts", 'export * from "../../tests/b.ts";', [
    'harness/cli/a.ts:1: imports "../../tests/b.ts": ' +
    "harness imports core and harness; only cli/ reports",
  ]],
  ["tests/unit/a.ts", 'import { b } from "../../reports/b.ts";', []],
  [".ci/a.ts", 'import { b } from "../harness/b.ts";', [
    '.ci/a.ts:1: imports "../harness/b.ts": checks stand alone',
  ]],
]);

rule("reports read records and statistics only", imports.reportsReadRecordsOnly, [
  ["reports/page/a.ts", 'await import("../../harness/run.ts");', [
    'reports/page/a.ts:1: imports "../../harness/run.ts": reports import reports, ' +
    "harness/stats and harness/record.ts,harness/spec.ts,harness/errors.ts," +
    "harness/canonical_json.ts",
  ]],
  ["reports/page/a.ts", 'import { b } from "../../harness/stats/b.ts";', []],
  ["reports/gate/a.ts", 'export { b } from "../../tests/b.ts";', [
    'reports/gate/a.ts:1: imports "../../tests/b.ts": reports import reports, ' +
    "harness/stats and harness/record.ts,harness/spec.ts,harness/errors.ts," +
    "harness/canonical_json.ts",
  ]],
]);

rule("stats and the record stand alone", imports.foundationsStandAlone, [
  ["harness/record.ts", 'import { b } from "./stats/b.ts";', [
    'harness/record.ts:1: imports "./stats/b.ts": the record imports nothing',
  ]],
  ["harness/stats/a.ts", 'import { b } from "../record.ts";', [
    'harness/stats/a.ts:1: imports "../record.ts": stats/ imports stats/ only',
  ]],
  ["harness/stats/a.ts", 'import { b } from "./b.ts";', []],
]);

rule("only the runner knows the targets", imports.targetsAreKnownToTheRunnerOnly, [
  ["harness/mechanisms/a.ts", 'import { b } from "../target_model.ts";', [
    'harness/mechanisms/a.ts:1: imports "../target_model.ts": ' +
    "only run.ts, lane.ts and the command line know targets",
  ]],
  ["harness/mechanisms/a.ts", 'import type { Target } from "../target.ts";', []],
  ["harness/run.ts", 'import { b } from "./target_model.ts";', []],
]);

rule("packages are named in deno.json", imports.packagesAreNamedInOnePlace, [
  ["harness/a.ts", 'import b from "npm:b@1.0.0";', [
    'harness/a.ts:1: imports "npm:b@1.0.0": packages are named in deno.json, under imports',
  ]],
  ["harness/a.ts", 'import b from "left-pad";', [
    'harness/a.ts:1: imports "left-pad": packages are named in deno.json, under imports',
  ]],
  ["harness/a.ts", 'import fc from "fast-check";\nimport a from "node:assert/strict";', []],
]);

rule("files are at most 500 lines", shape.filesAreShort, [
  ["harness/a.ts", "\n".repeat(501), [
    "harness/a.ts: has 501 lines, more than 500: split it by subject",
  ]],
  ["harness/a.ts", "\n".repeat(500), []],
]);

const LONG_BODY = "\n".repeat(70);
rule("functions are at most 70 lines", shape.functionsAreShort, [
  ["core/a.ts", `\n@inline\nfunction a(): void {${LONG_BODY}}`, [
    'core/a.ts:3: "a" has 71 lines, more than 70',
  ]],
  ["core/a.ts", `function a(): string {${LONG_BODY.slice(1)}}`, []],
  ["harness/a.ts", `const a = () => {${LONG_BODY}};`, [
    'harness/a.ts:1: "a function" has 71 lines, more than 70',
  ]],
  ["harness/a.ts", `class A {\n  b(): void {${LONG_BODY}}\n}`, [
    'harness/a.ts:2: "a function" has 71 lines, more than 70',
  ]],
  ["harness/a.ts", `const a = "function a() {";${LONG_BODY}// }`, []],
]);

rule("lines are at most 100 columns", shape.linesAreShort, [
  ["core/a.ts", `\n// ${"a".repeat(98)}`, ["core/a.ts:2: has 101 columns, more than 100"]],
  ["core/a.ts", `// ${"😀".repeat(97)}`, []],
  ["core/a.ts", `\nassert(${"a".repeat(98)});`, ["core/a.ts:2: has 107 columns, more than 100"]],
  ["harness/a.ts", `/**\n * ${"a".repeat(98)}\n */`, [
    "harness/a.ts:2: has 101 columns, more than 100",
  ]],
  ["harness/a.ts", `const a = "${"a".repeat(98)}";`, []],
]);

rule("names of files are snake_case", shape.filesAreSnakeCase, [
  ["harness/myFile.ts", "", ['harness/myFile.ts: "myFile.ts" is not snake_case']],
  ["workloads/MyLoad.jsonc", "", ['workloads/MyLoad.jsonc: "MyLoad.jsonc" is not snake_case']],
  ["tests/Unit/a_test.ts", "", ['tests/Unit/a_test.ts: "Unit" is not snake_case']],
  ["core/RFC.md", "", []],
]);

rule("core is guarded from the formatter", shape.coreIsGuardedFromTheFormatter, [
  ["core/lib/a.ts", "// Purpose.\n// deno-fmt-ignore-file\n", [
    'core/lib/a.ts:1: does not begin with "// deno-fmt-ignore-file"',
  ]],
  ["core/lib/a.ts", "// deno-fmt-ignore-file\n// Purpose.\n", []],
]);

rule("files begin with their purpose", shape.filesBeginWithTheirPurpose, [
  ["harness/a.ts", "const a = 1;\n// Purpose.\n", [
    "harness/a.ts:1: does not begin with a comment that says its purpose",
  ]],
  ["core/a.ts", "// deno-fmt-ignore-file\n\nconst a = 1;\n", [
    "core/a.ts:1: does not begin with a comment that says its purpose",
  ]],
  ["harness/a.ts", `/**\n${" * Purpose.\n".repeat(11)} */\n`, [
    "harness/a.ts:1: says its purpose in 11 lines, more than 10",
  ]],
  ["core/a.ts", `// deno-fmt-ignore-file\n${"// Purpose.\n".repeat(11)}`, [
    "core/a.ts:1: says its purpose in 11 lines, more than 10",
  ]],
  ["harness/a.ts", `/**\n${" * Purpose.\n *\n".repeat(10)} * @module\n */\n`, []],
  ["core/a.ts", `// deno-fmt-ignore-file\n// Purpose.\n\n${"// More.\n".repeat(11)}`, []],
]);

rule("exports are documented", shape.exportsAreDocumented, [
  ["core/a.ts", "// Purpose.\n\nexport function a(): void {}\n", [
    'core/a.ts:3: exports "a" without a comment',
  ]],
  ["core/a.ts", "// @ts-ignore: decorator\n@inline\nexport function a(): void {}\n", [
    'core/a.ts:3: exports "a" without a comment',
  ]],
  [
    "core/a.ts",
    "/** Does. */\n// @ts-ignore: decorator\n@inline\nexport function a(): void {}",
    [],
  ],
  ["core/a.ts", "// Sizes, bytes.\nexport const A: u32 = 1;\nexport const B: u32 = 2;\n", []],
  ["core/a.ts", "export const A: u32 = 1;\nexport const B: u32 = 2; // bytes\n", []],
  ["core/a.ts", "/** One. */\nexport const A: u32 = 1;\n\nexport const B: u32 = 2;\n", [
    'core/a.ts:4: exports "B" without a comment',
  ]],
  ["core/a.ts", "export const A: u32 = 1; // bytes\n", []],
  ["harness/a.ts", "export interface A {\n  b: string;\n}\n", [
    'harness/a.ts:1: exports "A" without a comment',
  ]],
  ["core/a.ts", "// deno-fmt-ignore-file\nexport const A: u32 = 1;\n", [
    'core/a.ts:2: exports "A" without a comment',
  ]],
  ["harness/a.ts", "/** Both. */\nexport const A = [\n  1,\n];\nexport const B = 2;\n", []],
]);

rule("each code has a comment and a value of its own", shape.codesAreDocumentedOneByOne, [
  [
    "core/lib/errno.ts",
    "/** No entry. */\nexport const ENOENT: i32 = 2;\n" + [
      "export const ESRCH: i32 = 3;",
      "/** Again. */\nexport const EAGAIN: i32 = 2;",
    ].join("\n"),
    [
      'core/lib/errno.ts:3: code "ESRCH" has no comment of its own',
      'core/lib/errno.ts:5: "EAGAIN" has the value of "ENOENT"',
    ],
  ],
  [
    "core/policy/log.ts",
    [
      "/** Refused. */\nexport const COUNT_A: i32 = 1;",
      "/** Said once. */\nexport const LOG_A: i32 = 1;",
    ].join("\n"),
    [],
  ],
]);

rule("exported functions have a result type", shape.exportedFunctionsAreTyped, [
  ["harness/a.ts", "export function a() {\n  return 1;\n}\n", [
    'harness/a.ts:1: exports function "a" without a result type',
  ]],
  ["harness/a.ts", "export function a(): number {\n  return 1;\n}\n", []],
]);

rule("decorators are where they were", shape.decoratorsAreInPlace, [
  ["core/a.ts", "// @ts-ignore: decorator\nfunction a(): void {}\n", [
    "core/a.ts:1: the decorator below this note is gone: did a formatter run?",
  ]],
  ["core/a.ts", "export declare function a(): void;\n", [
    'core/a.ts:1: "a" is imported without @external("module", "name")',
  ]],
  ["core/a.ts", '@external("driver", "a")\nexport declare function a(): void;\n', []],
]);

rule("text has no leftovers, foreign registries or paths of a machine", words.textIsClean, [
  ["README.md", "\nTO" + "DO: say more\n", [
    'README.md:2: has "TO' + 'DO": do it, or say in a sentence what does not work',
  ]],
  ["core/a.ts", "// FIX" + "ME later", [
    'core/a.ts:1: has "FIX' + 'ME": do it, or say in a sentence what does not work',
  ]],
  ["deno.json", '"@std/a": "js' + 'r:@std/a"', [
    'deno.json:1: has "js' + 'r:": packages come from npm, named in deno.json',
  ]],
  ["README.md", "https://deno.lan" + "d/std", [
    'README.md:1: has "https://deno.lan' + 'd": packages come from npm, named in deno.json',
  ]],
  ["harness/a.ts", '"/ho' + 'me/me/lab"', [
    'harness/a.ts:1: has "/ho' + 'me/m": a path of one machine: use a relative one',
  ]],
  ["harness/a.ts", '"/proc/irq" + "../work/x" + "out/tmp/y"', []],
]);

rule("names are words", words.namesAreWords, [
  ["core/a.ts", "\nlet rowIdx: u32 = 0;\nrowIdx++;\n", [
    'core/a.ts:2: names something "rowIdx": use "index"',
  ]],
  ["harness/a.ts", "const NUM_QUEUES = 1;\nconst tmp = 2;\n", [
    'harness/a.ts:1: names something "NUM_QUEUES": use "count", "index" or "size", whichever it is',
    'harness/a.ts:2: names something "tmp": use a name that says what it holds',
  ]],
  ["harness/a.ts", 'const number = "num"; // idx\nconst numeric = 1;\n', []],
]);

rule("tests do not wait by the clock and all run", words.testsDoNotWait, [
  ["tests/unit/a_test.ts", "await new Promise((resolve) => setTimeout(resolve, 10));\n", [
    'tests/unit/a_test.ts:1: uses "setTimeout": wait for the event itself, not for time to pass',
  ]],
  ["tests/unit/a_test.ts", "Deno.test.on" + 'ly("a", () => {});\n', [
    'tests/unit/a_test.ts:1: has ".on' + 'ly(": every test runs',
  ]],
  ["harness/a.ts", "setTimeout(() => {}, 10);\n", []],
]);
