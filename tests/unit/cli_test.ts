/**
 * The command line, whole commands in process on the mock target: output, files, exit codes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { FILES, readRecords } from "../../harness/store.ts";
import { inFolder, lab } from "./lab_io.ts";

const MOCK = ["bench", "--target", "mock"];

/** Runs a mock bench into a folder. */
function bench(folder: string, ...options: string[]): ReturnType<typeof lab> {
  return lab([...MOCK, "--out", folder, ...options]);
}

for (
  const command of [
    "bench",
    "report",
    "gate",
    "compare",
    "export",
    "history",
    "policy",
    "validate",
    "workloads",
    "build",
  ]
) {
  Deno.test(`${command} --help explains itself, with examples, on stdout`, async () => {
    const { code, out, err } = await lab([command, "--help"]);
    assert.equal(code, 0);
    assert.match(out, new RegExp(`^Usage: deno task lab ${command} `));
    assert.match(out, /\nExamples:\n {2}deno task /);
    assert.equal(err, "");
  });
}

Deno.test("help keeps to the width of a narrow terminal where its words allow", async () => {
  const { out } = await lab(["report", "--help"], { columns: 72 });
  const options = out.slice(out.indexOf("Options:"), out.indexOf("Examples:"));
  assert.ok(options.split("\n").every((line) => line.length <= 72), options);
});

Deno.test("the program explains itself; without a command that is an error", async () => {
  const help = await lab(["--help"]);
  assert.equal(help.code, 0);
  assert.match(help.out, /Commands:\n {2}bench /);
  const bare = await lab([]);
  assert.equal(bare.code, 2);
  assert.equal(bare.out, "");
  assert.match(bare.err, /^Usage: deno task lab/);
  assert.match((await lab(["--version"])).out, /^\d+\.\d+\.\d+\n$/);
});

const MISTAKES: readonly (readonly [argv: string, code: number, message: RegExp])[] = [
  ["bnech", 2, /^error: Unknown command "bnech": accepted are .* \(did you mean "bench"\?\)\n$/],
  [
    "frobnicate",
    2,
    /"frobnicate": accepted are bench, report, gate, compare, export, import, history, policy, validate, workloads, build\n$/,
  ],
  ["bench --polcy CPU", 2, /^error: Unknown option "--polcy" \(did you mean "--policy"\?\)\n$/],
  [
    "bench --workload nope",
    2,
    /^error: Unknown workload "nope": accepted are bursts, channels, crr, /,
  ],
  ["bench --policy BULKY", 2, /^error: Unknown policy "BULKY": .* \(did you mean "BULK"\?\)\n$/],
  ["bench --target modle", 2, /^error: Unknown target "modle": .* \(did you mean "model"\?\)\n$/],
  ["bench --seeds 0", 2, /^error: .*"0" is invalid\. Accepted is a whole number from 1 to 1000\n$/],
  ["bench --duration 5", 2, /"5" is invalid\. Accepted is a time from 10ms to 60s with its unit/],
  ["bench --duration 90s", 2, /"90s" is invalid\. Accepted is a time from 10ms to 60s/],
  ["bench --seeds 1.5", 2, /^error: .*"1\.5" is invalid/],
  ["bench --workload ,", 2, /^error: .* is invalid\. It is empty\n$/],
  ["bench --workload rr,./rr.jsonc", 2, /^error: Cannot read ".*rr\.jsonc": no such file/],
  [
    "bench --workload /dev/zero",
    2,
    /^error: Cannot read "\/dev\/zero": it is not a regular file\n$/,
  ],
  ["bench --out=", 2, /^error: Option .*--out <folder>.* "" is invalid\. It is empty\n$/],
  ["report x --out=", 2, /^error: Option .*--out <file>.* "" is invalid\. It is empty\n$/],
  ["bench -t live -w rr -p MIX --dry-run", 4, /^error: Cannot run rr\/live\/netpolicy\/MIX\/1: /],
  ["bench extra", 2, /^error: Too many arguments/],
  ["bench -t live -w rr -p LATENCY", 4, /^error: Cannot run rr\/live\/netpolicy\/LATENCY\/1: /],
  ["gate --minimum-effect 2", 2, /"2" is invalid\. Accepted is a share above 0 and below 1\n$/],
  ["gate /nowhere", 5, /^error: Cannot read "\/nowhere": no such .*: run "deno task bench" first/],
  ["report", 2, /^error: Missing required argument "records"\n$/],
  ["report /nowhere", 2, /^error: Cannot read "\/nowhere": no such file or directory\n$/],
];

for (const [argv, code, message] of MISTAKES) {
  Deno.test(`"${argv}" gives one clear line and exit code ${code}`, async () => {
    const result = await lab(argv.split(" "));
    assert.match(result.err, message);
    assert.equal(result.err.split("\n").length, 2, result.err);
    assert.equal(result.code, code);
    assert.equal(result.out, "");
  });
}

Deno.test("a mistake in a workload file is told with its line and column", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "own.jsonc"), '{\n  "title": 7,\n  "groups": []\n}');
    const { code, err } = await lab([...MOCK, "-w", "./own.jsonc"], { cwd: folder });
    assert.equal(
      err,
      "error: ./own.jsonc:2:12: title is 7: accepted is text in quotes " +
        "(and 1 more in this file)\n",
    );
    assert.equal(code, 2);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["own.jsonc"]);
  });
});

Deno.test("an output folder that cannot be written stops the bench before anything runs", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "file"), "");
    const { code, err, out } = await bench(join(folder, "file", "x"), "-w", "rr");
    assert.match(
      err,
      /^error: Cannot write to the folder ".*": a part of the path is not a dir.*\n$/,
    );
    assert.equal(code, 2);
    assert.equal(out, "");
  });
});

Deno.test("a bench leaves records, page and table, and keeps the records before it", async () => {
  await inFolder(async (folder) => {
    const first = await bench(folder, "-w", "rr", "-p", "NONE,mix", "--seeds", "2");
    assert.equal(first.code, 0, first.err);
    assert.match(first.out, /\nMIX +\d/);
    assert.match(first.out, /Records {2}.*records\.ndjson\nPage {5}.*report\.html\n$/);
    assert.match(first.err, /^4 runs to do\n[^]*4 of 4 runs done\n$/);
    const { records } = await readRecords([folder]);
    assert.equal(records.length, 4);
    assert.match(await Deno.readTextFile(join(folder, FILES.page)), /<html/);
    await bench(folder, "-w", "rr", "-p", "NONE", "--seeds", "1");
    assert.equal((await readRecords([join(folder, FILES.previous)])).records.length, 4);
  });
});

Deno.test("--json prints one document on stdout and nothing else there", async () => {
  await inFolder(async (folder) => {
    const { out, err, code } = await bench(folder, "-w", "mix", "--seeds", "1", "--json");
    assert.equal(code, 0);
    const document = JSON.parse(out);
    assert.equal(document.schema, "netpolicy-lab/summary/1");
    assert.equal(document.ended_early, false);
    assert.deepEqual(document.groups.map((group: { group: string }) => group.group), [
      "rr",
      "stream",
    ]);
    assert.equal(document.groups[0].rows.length, 5);
    assert.match(err, /runs done/);
    const quiet = await bench(folder, "-w", "mix", "--seeds", "1", "--quiet");
    assert.equal(quiet.err, "");
  });
});

Deno.test("the same seeds give the same file with one worker and with two", async () => {
  await inFolder(async (folder) => {
    const texts: string[] = [];
    for (const workers of ["1", "2"]) {
      const out = join(folder, workers);
      const { code } = await bench(out, "-w", "rr", "--seeds", "2", "--workers", workers);
      assert.equal(code, 0);
      texts.push(await Deno.readTextFile(join(out, FILES.records)));
    }
    assert.equal(texts[0], texts[1]);
    const { out } = await bench(folder, "-w", "rr", "--first-seed", "2", "--seeds", "1", "--json");
    assert.notEqual(out, "");
    const { records } = await readRecords([folder]);
    assert.deepEqual([...new Set(records.map((record) => record.seed))], [2]);
  });
});

Deno.test("Ctrl-C keeps what is done, still shows it, and exits with 3", async () => {
  await inFolder(async (folder) => {
    const { code, out, err } = await lab([...MOCK, "--out", folder, "-w", "rr", "--seeds", "4"], {
      onErr: (text, interrupt) => text.startsWith("10 of 20") && interrupt(),
    });
    assert.equal(code, 3);
    assert.match(err, /Ended early: 10 records kept, 10 runs not done\n$/);
    assert.match(out, /\nMIX +\d/);
    assert.equal((await readRecords([folder])).records.length, 10);
    assert.match(await Deno.readTextFile(join(folder, FILES.page)), /<html/);
  });
});

Deno.test("Ctrl-C before the first record leaves an earlier bench as it was", async () => {
  await inFolder(async (folder) => {
    await bench(folder, "-w", "rr", "-p", "NONE", "--seeds", "1");
    const before = await Deno.readTextFile(join(folder, FILES.records));
    const { code, out } = await lab([...MOCK, "--out", folder, "-w", "rr"], {
      onErr: (text, interrupt) => text.includes("to do") && interrupt(),
    });
    assert.equal(code, 3);
    assert.equal(out, "");
    assert.equal(await Deno.readTextFile(join(folder, FILES.records)), before);
  });
});

Deno.test("--duration sets the measured interval, and the records tell it apart", async () => {
  await inFolder(async (folder) => {
    const hashes = new Set<string>();
    for (const duration of ["50ms", "0.1s", "100ms"]) {
      await bench(folder, "--workload", "rr", "--seeds", "1", "--duration", duration);
      const { records } = await readRecords([folder]);
      const wanted = duration === "50ms" ? 50_000_000 : 100_000_000;
      assert.ok(records.every((record) => record.measurement.duration_ns === wanted));
      hashes.add(records[0]!.workload_sha256);
    }
    assert.equal(hashes.size, 2);
  });
});

Deno.test("--dry-run prints the runs and touches nothing", async () => {
  await inFolder(async (folder) => {
    const argv = [...MOCK, "-w", "rr", "-p", "NONE", "--out", join(folder, "x"), "--dry-run"];
    const { out, err } = await lab([...argv, "--seeds", "2"]);
    assert.equal(out, "rr/mock/stock/NONE/1\nrr/mock/stock/NONE/2\n");
    assert.equal(err, "");
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    assert.deepEqual(JSON.parse((await lab([...argv, "--json"])).out).length, 3);
  });
});

Deno.test("report gives the tables of the bench again, and the page where it is told", async () => {
  await inFolder(async (folder) => {
    const made = await bench(folder, "-w", "mix,rr", "--seeds", "1");
    const again = await lab(["report", folder, "--out", join(folder, "again.html")]);
    assert.equal(again.code, 0);
    const tables = (text: string): string => text.slice(0, text.indexOf("Records "));
    // Sketches of the distributions follow, which the bench leaves out.
    const own = tables(made.out).trimEnd();
    assert.ok(tables(again.out).startsWith(`${own}\n\nlatency of mix on mock`), again.out);
    assert.equal(
      await Deno.readTextFile(join(folder, "again.html")),
      await Deno.readTextFile(join(folder, FILES.page)),
    );
  });
});

Deno.test("report names the line of a broken record", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "cut.ndjson");
    await Deno.writeTextFile(file, '{"schema":"netpol');
    const { code, err } = await lab(["report", file]);
    assert.equal(
      err,
      `error: ${file}:1: Not a run record: the line is not JSON (cut off or edited?)\n`,
    );
    assert.equal(code, 2);
  });
});

Deno.test("workloads lists workloads and machines", async () => {
  const { out } = await lab(["workloads"]);
  assert.match(
    out,
    /^Workloads\n {2}bursts +Bursts: .*\n {2}channels +Requests and a stream across /,
  );
  assert.match(out, /\nMachines\n[^]*\n {2}x710-8cpu +/);
  const { workloads, machines } = JSON.parse((await lab(["workloads", "--json"])).out);
  assert.ok(workloads.some(({ name }: { name: string }) => name === "rr"));
  assert.equal(machines[0].nic.queue_pairs, 8);
});

Deno.test("without --workload a bench runs those of the default matrix, by name any", async () => {
  await inFolder(async (folder) => {
    const runsOf = async (...args: string[]) => {
      const options = ["--policy", "NONE", "--seeds", "1", "--out", folder, "--json"];
      const { out } = await lab(["bench", "--target", "mock", ...options, ...args]);
      return out.match(/"workload": ?"(\w+)"/g) ?? [];
    };
    const matrix = (await runsOf()).join();
    assert.ok(matrix.includes('"rr"') && matrix.includes('"mix"'), matrix);
    assert.ok(!matrix.includes('"memcached"'), matrix);
    assert.ok((await runsOf("-w", "memcached")).join().includes('"memcached"'));
  });
});

Deno.test("a bench does not start in a folder that another one is writing to", async () => {
  await inFolder(async (folder) => {
    let during: Awaited<ReturnType<typeof lab>> | null = null;
    let second: Promise<void> | null = null;
    const first = await lab([...MOCK, "--out", folder, "-w", "rr", "--seeds", "2"], {
      onErr: (text) => {
        if (!text.includes("to do")) return;
        second = bench(folder, "-w", "crr", "-q").then((result) => void (during = result));
      },
    });
    await second;
    assert.equal(first.code, 0, first.err);
    assert.deepEqual((during as Awaited<ReturnType<typeof lab>> | null)?.code, 2);
    const { records } = await readRecords([folder]);
    assert.deepEqual([...new Set(records.map((record) => record.workload))], ["rr"]);
    assert.equal((await bench(folder, "-w", "crr", "-q")).code, 0, "the lock ends with the bench");
  });
});

Deno.test("a workload named twice runs once", async () => {
  const { out } = await lab([
    ...MOCK,
    "-w",
    "rr,rr",
    "-w",
    "rr",
    "-p",
    "NONE",
    "-s",
    "1",
    "--dry-run",
  ]);
  assert.equal(out, "rr/mock/stock/NONE/1\n");
});

Deno.test("report refuses a folder in the way of its page before it prints", async () => {
  await inFolder(async (folder) => {
    await bench(folder, "-w", "rr", "-s", "1", "-q");
    await Deno.mkdir(join(folder, "page.html"));
    const { code, out, err } = await lab(["report", folder, "--out", join(folder, "page.html")]);
    assert.match(
      err,
      /^error: Cannot write ".*": ".*page\.html" is a folder; move it out of the way\n$/,
    );
    assert.deepEqual([code, out], [2, ""]);
  });
});
