/**
 * Records on disk: what is written can be read, and what is broken is told with its line.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../harness/errors.ts";
import type { RunRecord } from "../../harness/record.ts";
import { FILES, readRecords, RecordStore, writeWhole } from "../../harness/store.ts";
import { buildLatency, buildRecord } from "../record_builder.ts";
import { inFolder } from "./lab_io.ts";

async function write(folder: string, records: readonly RunRecord[]): Promise<void> {
  const store = await RecordStore.open(folder);
  try {
    for (const record of records) await store.append(record);
  } finally {
    store.close();
  }
}

const RECORDS = [1, 2].map((seed) => buildRecord({ seed }));

Deno.test("records come back as they were written, from the file and from its folder", async () => {
  await inFolder(async (folder) => {
    await write(folder, RECORDS);
    assert.deepEqual((await readRecords([folder])).records, RECORDS);
    const file = join(folder, FILES.records);
    assert.deepEqual(await readRecords([file]), { records: RECORDS, files: [file] });
  });
});

Deno.test("nothing in the folder changes before the first record; then one generation is kept", async () => {
  await inFolder(async (folder) => {
    await write(folder, RECORDS);
    await Deno.writeTextFile(join(folder, FILES.page), "old page");
    const listing = (): string[] => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    const before = listing();
    await write(folder, []);
    assert.deepEqual(listing(), before);
    await write(folder, RECORDS.slice(0, 1));
    assert.deepEqual(listing(), [FILES.lock, FILES.records, FILES.previous].sort());
    assert.equal((await readRecords([folder])).records.length, 1);
    assert.equal((await readRecords([join(folder, FILES.previous)])).records.length, 2);
  });
});

Deno.test("a run is written once, and never against the schema", async () => {
  await inFolder(async (folder) => {
    await assert.rejects(write(folder, [RECORDS[0]!, RECORDS[0]!]), /was written already/);
    const broken = { ...RECORDS[0]!, seed: -1 };
    await assert.rejects(write(folder, [broken]), /breaks its schema: seed is -1/);
  });
});

Deno.test("a folder that cannot be written is refused in one sentence", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "file");
    await Deno.writeTextFile(file, "");
    await assert.rejects(RecordStore.open(join(file, "below")), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.equal(
        error.message,
        `Cannot write to the folder "${file}/below": a part of the path is not a directory`,
      );
      return true;
    });
  });
});

const OTHER_HISTOGRAM = buildLatency(50_000, 7, 1).hdr_v2;

/** The first record as text, with another histogram. */
function withHistogram(encoded: string): string {
  const { measurement } = RECORDS[0]!;
  const groups = measurement.groups.map((group) => ({
    ...group,
    latency_ns: { ...group.latency_ns, hdr_v2: encoded },
  }));
  return JSON.stringify({ ...RECORDS[0], measurement: { ...measurement, groups } });
}

Deno.test("what a target cannot see is null in a record, and can be read", async () => {
  await inFolder(async (folder) => {
    const { measurement, ...rest } = RECORDS[0]!;
    const interrupts = { count: 0, per_second: 0, rx_packets_per_interrupt: null };
    const record = { ...rest, measurement: { ...measurement, retransmits: null, interrupts } };
    await write(folder, [record]);
    assert.deepEqual((await readRecords([folder])).records, [record]);
  });
});

/** The first record as text, with a series whose lists differ in length. */
function withUnevenSeries(): string {
  const { measurement } = RECORDS[0]!;
  const series = {
    slice_ns: 1e6,
    queues: [],
    cpus: [{ cpu: 0, busy_permille: [1] }],
    groups: [],
    dropped: [0, 0],
    retransmits: [0, 0],
  };
  return JSON.stringify({ ...RECORDS[0], measurement: { ...measurement, series } });
}

Deno.test("a broken line is told with file and line", async () => {
  const good = JSON.stringify(RECORDS[0]);
  const other = JSON.stringify({ ...RECORDS[1], seed: "2" });
  const cases: readonly (readonly [text: string, message: RegExp])[] = [
    ["", /^"F" holds no record$/],
    [`${good}\n{"sch`, /^F:2: Not a run record: the line is not JSON/],
    [`${good}\n[]\n`, /^F:2: Not a run record: "schema" is nothing, not "netpolicy-lab\/run\/3"$/],
    [`\n{"schema":"netpolicy-lab/run/4"}\n`, /^F:2: .* is "netpolicy-lab\/run\/4", not /],
    [withUnevenSeries(), /^F:1: measurement\.series has lists of 2 and of 1 slices$/],
    [`${good}\n${other}`, /^F:2: seed is "2": accepted is a whole number$/],
    [`${good}\n\n${good}\n`, /^F:3: Run ".*" stands also at F:1: leave one of the two out/],
    [`${good}\n${withHistogram("HISTFAAA")}`, /^F:2: .*groups\[0\]\.latency_ns\.hdr_v2 is no Hdr/],
    [withHistogram(OTHER_HISTOGRAM), /^F:1: .*latency_ns\.count is 12000: hdr_v2 holds 7 values$/],
    [
      JSON.stringify({ ...RECORDS[0], workload_title: "\x1b[2J" }),
      /^F:1: workload_title is .*u001b/,
    ],
    ["null", /^F:1: Not a run record: "schema" is nothing/],
  ];
  for (const [text, message] of cases) {
    await inFolder(async (folder) => {
      const file = join(folder, "r.ndjson");
      await Deno.writeTextFile(file, text);
      await assert.rejects(readRecords([file]), (error: unknown) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message.replaceAll(file, "F"), message);
        return true;
      });
    });
  }
});

Deno.test("records that are not there are refused with exit code 2", async () => {
  await assert.rejects(readRecords(["/nowhere/records.ndjson"]), (error: unknown) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.exitCode, 2);
    assert.equal(
      error.message,
      'Cannot read "/nowhere/records.ndjson": no such file or directory',
    );
    return true;
  });
});

Deno.test("a folder is one store's until that closes; a lock file that is left over locks nothing", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, FILES.lock), "");
    const store = await RecordStore.open(folder);
    await assert.rejects(RecordStore.open(folder), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.exitCode, 2);
      assert.equal(
        error.message,
        `Cannot write to the folder "${folder}": another bench is writing there; ` +
          "wait for its end, or name another folder with --out",
      );
      return true;
    });
    store.close();
    (await RecordStore.open(folder)).close();
  });
});

for (const name of [FILES.records, FILES.previous, FILES.page, `${FILES.page}.part`]) {
  Deno.test(`a folder named ${name} is refused before anything is written, and stays`, async () => {
    await inFolder(async (folder) => {
      await Deno.mkdir(join(folder, name));
      await assert.rejects(RecordStore.open(folder), /" is a folder; move it out of the way$/);
      assert.deepEqual([...Deno.readDirSync(folder)].map((entry) => entry.name).sort(), [
        FILES.lock,
        name,
      ]);
    });
  });
}

Deno.test("a page that a full disk cuts off leaves nothing, and the reason is told", async () => {
  await inFolder(async (folder) => {
    const page = join(folder, "page.html");
    await Deno.symlink("/dev/full", `${page}.part`);
    await assert.rejects(writeWhole(page, "text"), {
      message: `Cannot write "${page}": no space left on the device`,
    });
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  });
});

Deno.test("records without end or of no regular file are refused", async () => {
  await assert.rejects(readRecords(["/dev/zero"]), {
    message: 'Cannot read "/dev/zero": it is not a regular file',
  });
});
