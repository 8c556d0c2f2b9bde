/**
 * The build: what is compiled when, and each rule of the binaries broken on purpose.
 *
 * Every test builds a small core of its own in a temporary folder; the project's core takes no
 * part. Never judges how fast anything is.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { BuildError, ensureBuilt, loadWasm } from "../../harness/build.ts";
import { abortImport } from "../../harness/build/abort.ts";
import { ENTRIES } from "../../harness/build/entry.ts";
import { forbiddenInstructions, judge } from "../../harness/build/inspect.ts";
import { describeBuild } from "../../harness/cli/build.ts";

const POLICY = `
import { add } from "./lib/bits";
// @ts-ignore: decorator
@external("driver", "irq_count")
declare function irq_count(device: u32): i32;
export function policy_add(a: u32, b: u32): u32 {
  assert(a < 5);
  return add(a, b) + irq_count(a);
}
`;
const MACHINE = `
// @ts-ignore: decorator
@external("policy", "policy_add")
declare function policy_add(a: u32, b: u32): u32;
export function machine_run(a: u32): u32 {
  return policy_add(a, 1);
}
`;
const EXPORTS = {
  policy: { imports: ["irq_count"], exports: ["memory", "policy_add"] },
  machine: { imports: ["policy_add"], exports: ["machine_run", "memory"] },
};
const PROJECT: Readonly<Record<string, string>> = {
  "core/policy.ts": POLICY,
  "core/machine.ts": MACHINE,
  "core/lib/bits.ts": "export function add(a: u32, b: u32): u32 { return a + b; }\n",
  "core/exports.json": JSON.stringify(EXPORTS),
};

/** A project in a temporary folder, gone when the scope ends. */
class Project implements AsyncDisposable {
  readonly root: URL;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.root = new URL(`file://${folder}/`);
  }

  /** Makes a project of the standard files, with some changed or (null) left out. */
  static async make(changes: Record<string, string | null> = {}): Promise<Project> {
    const project = new Project(await Deno.makeTempDir({ prefix: "build_test_" }));
    await Deno.mkdir(new URL("core/lib/", project.root), { recursive: true });
    for (const [name, text] of Object.entries({ ...PROJECT, ...changes })) {
      if (text !== null) await project.write(name, text);
    }
    return project;
  }

  async write(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(new URL(name, this.root), text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Builds a project with some files changed and returns the sentences it is refused with. */
async function refusal(changes: Record<string, string | null>): Promise<string> {
  await using project = await Project.make(changes);
  try {
    await ensureBuilt({ root: project.root });
  } catch (error) {
    assert.ok(error instanceof BuildError, String(error));
    assert.equal(error.exitCode, 1);
    return error.message;
  }
  assert.fail("the build should be refused");
}

Deno.test("a build makes release, debug and text of both entries and says what they are", async () => {
  await using project = await Project.make();
  const report = await ensureBuilt({ root: project.root });

  assert.deepEqual(report.compiled, ["policy", "machine"]);
  assert.deepEqual(report.entries.policy?.sources, ["core/lib/bits.ts", "core/policy.ts"]);
  assert.deepEqual(report.entries.policy?.release.imports, ["driver.irq_count", "env.abort"]);
  assert.deepEqual(report.entries.policy?.release.exports, ["memory", "policy_add"]);
  assert.equal(report.entries.policy?.release.functions, 1, "add is inlined");
  assert.equal(report.entries.policy?.debug.functions, 2);
  const files = [...Deno.readDirSync(new URL("out/wasm/", project.root))].map((e) => e.name).sort();
  assert.deepEqual(files, [
    ".lock",
    "build.json",
    "machine.debug.wasm",
    "machine.wasm",
    "machine.wat",
    "policy.debug.wasm",
    "policy.wasm",
    "policy.wat",
  ]);
});

Deno.test("the memory is fixed at the pages of the table", async () => {
  await using project = await Project.make();
  const { module } = await loadWasm("policy", "release", { root: project.root });
  const instance = new WebAssembly.Instance(module, {
    env: { abort: () => assert.fail("no assert breaks") },
    driver: { irq_count: () => 0 },
  });
  const memory = instance.exports["memory"] as WebAssembly.Memory;
  assert.equal(memory.buffer.byteLength, 2048 * 65536);
  assert.throws(() => memory.grow(1), RangeError);
});

Deno.test("the modules link to each other and keep their asserts in release", async () => {
  await using project = await Project.make();
  const { root } = project;
  const env = { abort: abortImport(() => policy.exports["memory"] as WebAssembly.Memory) };
  const policy: WebAssembly.Instance = new WebAssembly.Instance(
    (await loadWasm("policy", "release", { root })).module,
    { env, driver: { irq_count: () => 100 } },
  );
  const machine = new WebAssembly.Instance(
    (await loadWasm("machine", "release", { root })).module,
    { env, policy: { policy_add: policy.exports["policy_add"]! } },
  );
  const run = machine.exports["machine_run"] as (a: number) => number;
  assert.equal(run(4), 105);
  assert.throws(() => run(5), {
    name: "CoreAssertError",
    message: "assertion failed at core/policy.ts:7:3",
  });
});

Deno.test("a message of an assert is read from memory, and a bad pointer is named", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const view = new DataView(memory.buffer);
  view.setUint32(16, 4, true);
  view.setUint16(20, "É".charCodeAt(0), true);
  view.setUint16(22, "!".charCodeAt(0), true);
  view.setUint32(32, 70000, true);
  const abort = abortImport(() => memory);
  assert.throws(() => abort(20, 20, 1, 2), { message: "É! at É!:1:2" });
  assert.throws(() => abort(36, -4, 3, 4), {
    message: "<no string at 36> at <no string at 4294967292>:3:4",
  });
});

Deno.test("nothing is compiled while nothing has changed", async () => {
  await using project = await Project.make();
  await ensureBuilt({ root: project.root });
  const lines: string[] = [];
  const report = await ensureBuilt({ root: project.root, log: (line) => lines.push(line) });
  assert.deepEqual(report.compiled, []);
  assert.deepEqual(lines, []);
});

Deno.test("only the entry that reads a changed file is compiled again", async () => {
  await using project = await Project.make();
  const { root } = project;
  const before = await ensureBuilt({ root });

  await project.write("core/machine.ts", MACHINE + "\n");
  assert.deepEqual((await ensureBuilt({ root })).compiled, ["machine"]);

  await project.write("core/lib/bits.ts", "export function add(a: u32, b: u32): u32 { return a; }");
  const after = await ensureBuilt({ root });
  assert.deepEqual(after.compiled, ["policy"]);
  assert.notEqual(after.entries.policy?.release.sha256, before.entries.policy?.release.sha256);

  await project.write("core/lib/unused.ts", "export const A: u32 = 1;\n");
  assert.deepEqual((await ensureBuilt({ root })).compiled, []);
});

Deno.test("a file that asc looked for in vain and that appears later causes a compile", async () => {
  const folder = { "core/policy.ts": POLICY.replace("./lib/bits", "./lib") };
  await using project = await Project.make({
    ...folder,
    "core/lib/index.ts": PROJECT["core/lib/bits.ts"]!,
  });
  const { root } = project;
  assert.deepEqual((await ensureBuilt({ root })).entries.policy?.absent, ["core/lib.ts"]);
  await project.write("core/lib.ts", "export function add(a: u32, b: u32): u32 { return b; }");
  const { compiled, entries } = await ensureBuilt({ root });
  assert.deepEqual(compiled, ["policy"]);
  assert.deepEqual(entries.policy?.sources, ["core/lib.ts", "core/policy.ts"]);
});

Deno.test("an entry that does not exist is skipped and says so", async () => {
  await using project = await Project.make({ "core/machine.ts": null });
  const { root } = project;
  const lines: string[] = [];
  const report = await ensureBuilt({ root, log: (line) => lines.push(line) });
  assert.deepEqual(report.skipped, ["machine"]);
  assert.deepEqual(Object.keys(report.entries), ["policy"]);
  assert.ok(lines.includes("core/machine.ts does not exist: skipped"), lines.join("\n"));
  await assert.rejects(loadWasm("machine", "release", { root }), {
    message: "Cannot load machine.wasm: core/machine.ts does not exist",
  });
});

Deno.test("a fault in one entry does not stop the other from loading", async () => {
  await using project = await Project.make({ "core/machine.ts": "export function" });
  const { root } = project;
  assert.equal((await loadWasm("policy", "release", { root })).sha256.length, 64);
  await assert.rejects(loadWasm("machine", "release", { root }), BuildError);
});

Deno.test("loadWasm gives the module of the present sources, with its own sha256", async () => {
  await using project = await Project.make();
  const { root } = project;
  const first = await loadWasm("policy", "debug", { root });
  await project.write("core/policy.ts", POLICY.replace("a < 5", "a < 6"));
  const second = await loadWasm("policy", "debug", { root });
  assert.notEqual(first.sha256, second.sha256);
  const bytes = await Deno.readFile(new URL("out/wasm/policy.debug.wasm", root));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  assert.equal(second.sha256, digest);
});

Deno.test("a binary changed behind the build's back is made again", async () => {
  await using project = await Project.make();
  const { root } = project;
  const { sha256 } = await loadWasm("policy", "release", { root });
  const file = new URL("out/wasm/policy.wasm", root);
  const bytes = await Deno.readFile(file);
  bytes[bytes.length - 1]! ^= 1;
  await Deno.writeFile(file, bytes);
  assert.equal((await loadWasm("policy", "release", { root })).sha256, sha256);
});

Deno.test("a missing binary or a damaged build.json is made again", async () => {
  await using project = await Project.make();
  const { root } = project;
  await ensureBuilt({ root });
  await Deno.remove(new URL("out/wasm/machine.wasm", root));
  assert.deepEqual((await ensureBuilt({ root })).compiled, ["machine"]);
  await project.write("out/wasm/build.json", "{");
  assert.deepEqual((await ensureBuilt({ root })).compiled, ["policy", "machine"]);
});

Deno.test("the same sources give the same bytes in any folder, build.json included", async () => {
  await using one = await Project.make();
  await using two = await Project.make();
  for (const { root } of [one, two]) await ensureBuilt({ root, check: true });
  for (const name of ["policy.wasm", "policy.debug.wasm", "machine.wat", "build.json"]) {
    const path = `out/wasm/${name}`;
    assert.deepEqual(
      await Deno.readFile(new URL(path, one.root)),
      await Deno.readFile(new URL(path, two.root)),
      name,
    );
  }
});

Deno.test("a checked build compiles the release once more, and only once a state", async () => {
  await using project = await Project.make({ "core/machine.ts": null });
  const { root } = project;
  const compiles: string[] = [];
  const log = (line: string) => {
    if (line.startsWith("Compiling")) compiles.push(line);
  };
  await ensureBuilt({ root, log });
  assert.equal(compiles.length, 2);
  const report = await ensureBuilt({ root, log, check: true });
  assert.equal(report.entries.policy?.reproduced, true);
  assert.equal(compiles[2], "Compiling core/policy.ts (release) again to compare");
  await ensureBuilt({ root, log, check: true });
  assert.equal(compiles.length, 3);
});

Deno.test("a second build with other bytes is refused", async () => {
  await using project = await Project.make({ "core/machine.ts": null });
  const { root } = project;
  // The source changes between the two compiles: what a compiler with a mood would look like.
  const log = (line: string) => {
    if (!line.endsWith("again to compare")) return;
    Deno.writeTextFileSync(new URL("core/policy.ts", root), POLICY.replace("a < 5", "a < 6"));
  };
  await assert.rejects(
    ensureBuilt({ root, check: true, log }),
    /Two builds of core\/policy\.ts differ \(sha256 "\w{64}" and "\w{64}"\)/,
  );
});

Deno.test("two builders at once leave one whole build, and one of them compiles", async () => {
  await using project = await Project.make();
  const { root } = project;
  const reports = await Promise.all([1, 2, 3].map(() => ensureBuilt({ root })));
  assert.deepEqual(reports.map((report) => report.compiled.length).sort(), [0, 0, 2]);
  for (const report of reports) assert.deepEqual(report.entries, reports[0]!.entries);
  const left = [...Deno.readDirSync(new URL("out/wasm/", root))].map((entry) => entry.name);
  assert.deepEqual(left.filter((name) => name.endsWith(".part")), []);
});

Deno.test("an error of the source is shown as asc shows it, with file, line and column", async () => {
  const message = await refusal({
    "core/policy.ts": POLICY.replace("assert(a < 5)", "assert(c < 5)"),
  });
  assert.match(message, /^Cannot compile core\/policy\.ts \(release\):\nERROR TS2304: /);
  assert.match(message, /in core\/policy\.ts\(7,10\)/);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(message, /\x1b/, "no colours in a message");
});

Deno.test("asc's messages stay plain where the variable CI makes it colour them", async () => {
  await using project = await Project.make({
    "core/policy.ts": POLICY.replace("assert(a < 5)", "assert(c < 5)"),
  });
  // A process of its own: asc reads the variable once, when it is loaded.
  const build = new URL("../../harness/build.ts", import.meta.url);
  const script = `import { ensureBuilt } from "${build}";
    await ensureBuilt({ root: new URL("${project.root}") }).catch((e) => console.log(e.message));`;
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--config", config, script],
    env: { CI: "true" },
  }).output();
  const message = new TextDecoder().decode(stdout);
  assert.match(message, /^Cannot compile core\/policy\.ts \(release\):\nERROR TS2304: /);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(message, /\x1b/);
});

Deno.test("a warning of asc reaches the log and stops nothing", async () => {
  await using project = await Project.make({ "core/policy.ts": POLICY + "export class A {}\n" });
  const lines: string[] = [];
  await ensureBuilt({ root: project.root, only: ["policy"], log: (line) => lines.push(line) });
  const warnings = lines.filter((line) => line.startsWith("WARNING"));
  assert.equal(warnings.length, 1, lines.join("\n"));
  assert.match(warnings[0]!, /^WARNING AS235: .*in core\/policy\.ts\(10,/s);
});

Deno.test("policy.wasm may import nothing but listed functions of the driver", async () => {
  const unlisted = POLICY.replaceAll("irq_count", "irq_sum");
  assert.equal(
    await refusal({ "core/policy.ts": unlisted }),
    'policy.wasm imports "driver.irq_sum": allowed are "env.abort" and the functions of module ' +
      '"driver" listed under imports in core/exports.json (policy)',
  );
  const elsewhere = POLICY.replace('"driver"', '"env"');
  assert.match(
    await refusal({ "core/policy.ts": elsewhere }),
    /^policy\.wasm imports "env\.irq_count"/,
  );
});

Deno.test("machine.wasm may import nothing but listed exports of the policy manager", async () => {
  const driver = MACHINE.replace('"policy"', '"driver"');
  assert.match(
    await refusal({ "core/machine.ts": driver }),
    /^machine\.wasm imports "driver\.policy_add": allowed are/,
  );
  const machine = { ...EXPORTS.machine, imports: ["policy_add", "policy_undo"] };
  assert.equal(
    await refusal({ "core/exports.json": JSON.stringify({ ...EXPORTS, machine }) }),
    'core/exports.json (machine) lists under imports "policy_undo", not listed under exports of ' +
      '"policy"',
  );
});

Deno.test("an export must be listed, and what is listed must be exported", async () => {
  const machine = { ...EXPORTS.machine, exports: ["machine_stop", "machine_wait", "memory"] };
  assert.equal(
    await refusal({ "core/exports.json": JSON.stringify({ ...EXPORTS, machine }) }),
    'machine.wasm exports "machine_run", which core/exports.json (machine) does not list: list ' +
      "it or do not export it\n" +
      'machine.wasm does not export "machine_stop", "machine_wait", which core/exports.json ' +
      "(machine) lists: export it or strike it out",
  );
});

Deno.test("the lists are compared even when nothing is compiled", async () => {
  await using project = await Project.make();
  const { root } = project;
  await ensureBuilt({ root });
  const policy = { ...EXPORTS.policy, imports: [] };
  await project.write("core/exports.json", JSON.stringify({ ...EXPORTS, policy }));
  await assert.rejects(ensureBuilt({ root }), /^UserError: policy\.wasm imports "driver\.irq/);
});

Deno.test("a missing or strange core/exports.json is refused with what is expected", async () => {
  assert.match(await refusal({ "core/exports.json": null }), /^Cannot find core\/exports\.json: /);
  assert.match(await refusal({ "core/exports.json": "{,}" }), /^Cannot parse core\/exports\.json/);
  assert.match(
    await refusal({ "core/exports.json": '{"policy": {"imports": [], "exports": [1]}}' }),
    /^Cannot use core\/exports\.json for "policy": expected /,
  );
});

Deno.test("growing the memory is refused in both modules", async () => {
  const grow = (text: string) => text.replace("{\n", "{\n  memory.grow(1);\n");
  assert.match(
    await refusal({ "core/policy.ts": grow(POLICY) }),
    /^policy\.wasm uses "memory\.grow" in function \$policy_add: memory is fixed/,
  );
  assert.match(
    await refusal({ "core/machine.ts": grow(MACHINE) }),
    /^machine\.wasm uses "memory\.grow" in function \$machine_run: memory is fixed/,
  );
});

Deno.test("an allocation is refused, for the stub runtime grows the memory", async () => {
  const allocating = POLICY.replace("assert(a < 5);", "heap.alloc(a);");
  assert.match(
    await refusal({ "core/policy.ts": allocating }),
    /^policy\.wasm uses "memory\.grow" in function /,
  );
});

Deno.test("floating point is refused in policy.wasm and allowed in machine.wasm", async () => {
  const float = (text: string) =>
    text.replace("{\n", "{\n  store<f32>(64, <f32>a * load<f32>(32));\n");
  assert.match(
    await refusal({ "core/policy.ts": float(POLICY) }),
    /^policy\.wasm uses floating point in function \$policy_add: "f32\.[a-z_0-9]+" is not allowed$/,
  );
  await using project = await Project.make({ "core/machine.ts": float(MACHINE) });
  assert.deepEqual((await ensureBuilt({ root: project.root })).compiled, ["policy", "machine"]);
});

Deno.test("floats are found in signatures and globals, not in names and strings", () => {
  const [policy] = ENTRIES;
  const find = (text: string) => forbiddenInstructions(policy!, text);
  assert.equal(find("  (func $a (type $t0) (param $p0 f64)").length, 1);
  assert.equal(find("  (global $g f32 (f32.const 0x1p+0))").length, 1);
  assert.equal(find("    i32.trunc_sat_f64_u").length, 1);
  assert.equal(find("    f32x4.add").length, 1);
  assert.deepEqual(find("    call $f64.add\n    i32.const 64"), []);
  assert.deepEqual(find('  (export "f32.add" (func $f32.add))'), []);
  assert.deepEqual(find('  (data $d0 (i32.const 8) "a\\"memory.grow f64")'), []);
});

Deno.test("a 64-bit integer may not cross to the outside, neither in nor out", async () => {
  const wide = MACHINE.replace("machine_run(a: u32): u32 {\n", "machine_run(a: u64): u32 {\n")
    .replace("policy_add(a, 1)", "policy_add(<u32>a, 1)");
  assert.equal(
    await refusal({ "core/machine.ts": wide }),
    'machine.wasm exports "machine_run" with a 64-bit integer: pass two u32 or a memory block',
  );
  const sum = POLICY.replace("irq_count(device: u32): i32", "irq_count(device: u32): i64")
    .replace("irq_count(a);", "<u32>irq_count(a);");
  assert.equal(
    await refusal({ "core/policy.ts": sum }),
    'policy.wasm imports "irq_count" with a 64-bit integer: pass two u32 or a memory block',
  );
});

Deno.test("a module over its budget is refused with its size", () => {
  const [policy, machine] = ENTRIES;
  const facts = { sha256: "", imports: [], exports: [], functions: 0 };
  const abi = {
    policy: { imports: [], exports: [] },
    machine: { imports: [], exports: [] },
  };
  assert.deepEqual(judge(policy!, { ...facts, size: 32 * 1024 }, abi), []);
  assert.deepEqual(judge(policy!, { ...facts, size: 32 * 1024 + 1 }, abi), [
    "policy.wasm has 32769 bytes: the budget is 32768 (harness/build/entry.ts)",
  ]);
  assert.deepEqual(judge(machine!, { ...facts, size: 128 * 1024 }, abi), []);
  assert.deepEqual(judge(machine!, { ...facts, size: 128 * 1024 + 1 }, abi).length, 1);
});

Deno.test("a refused build leaves the binaries of the last good one", async () => {
  await using project = await Project.make();
  const { root } = project;
  await ensureBuilt({ root });
  const before = await Deno.readFile(new URL("out/wasm/policy.wasm", root));
  await project.write("core/policy.ts", POLICY.replace("{\n", "{\n  memory.grow(1);\n"));
  await assert.rejects(ensureBuilt({ root }), BuildError);
  assert.deepEqual(await Deno.readFile(new URL("out/wasm/policy.wasm", root)), before);
  await assert.rejects(ensureBuilt({ root }), BuildError, "the refusal does not wear off");
});

Deno.test("the summary names size, functions, sha256 and whether the module is new", async () => {
  await using project = await Project.make({ "core/machine.ts": null });
  const first = await ensureBuilt({ root: project.root });
  const { size, sha256 } = first.entries.policy!.release;
  const line = describeBuild(first);
  assert.ok(line.startsWith(`policy.wasm  ${size} bytes (debug `), line);
  assert.ok(line.endsWith(`  1 functions  sha256 ${sha256}  compiled`), line);
  assert.match(describeBuild(await ensureBuilt({ root: project.root })), /unchanged$/);
});
