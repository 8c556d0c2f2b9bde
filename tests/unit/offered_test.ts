/** Offered load: of schedules, of workloads at several rates, in records, and of old records. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { migrate, READABLE_SCHEMAS } from "../../harness/migrate.ts";
import { offeredPerSecond } from "../../harness/offered.ts";
import { RECORD_SCHEMA } from "../../harness/record.ts";
import { readRecords } from "../../harness/store.ts";
import { buildRecord } from "../record_builder.ts";
import { inFolder, lab } from "./lab_io.ts";

Deno.test("A schedule offers its rate, bursts their mean, a closed loop nothing of its own", () => {
  const open = { loop: "open", rate_per_second: 1000, distribution: "poisson" } as const;
  assert.equal(offeredPerSecond(open), 1000);
  assert.equal(offeredPerSecond({ ...open, on_ms: 1, off_ms: 3 }), 250);
  assert.equal(offeredPerSecond({ loop: "closed" }), null);
});

Deno.test("bench --rate runs an open loop at every load, and records say what was offered", async () => {
  await inFolder(async (folder) => {
    const argv = ["bench", "-t", "mock", "-w", "rr_open", "-p", "NONE", "-s", "1", "-o", folder];
    const { code } = await lab([...argv, "--rate", "50k,100000"]);
    assert.equal(code, 0);
    const { records } = await readRecords([folder]);
    assert.deepEqual(
      records.map(({ workload, measurement }) => [
        workload,
        measurement.groups[0]!.offered_per_second,
      ]),
      [["rr_open@50000", 50_000], ["rr_open@100000", 100_000]],
    );
    assert.notEqual(records[0]!.workload_sha256, records[1]!.workload_sha256);
    const page = await Deno.readTextFile(join(folder, "report.html"));
    assert.match(page, /<h3>rr_open · rr: latency against load<\/h3>/);
  });
});

Deno.test("bench --rate refuses a closed loop and what is no rate", async () => {
  const closed = await lab(["bench", "-w", "rr", "--rate", "50k"]);
  assert.equal(closed.code, 2);
  assert.match(closed.err, /Workload "rr" has no open loop, so --rate offers it nothing: name one/);
  for (const rate of ["0", "11M", "fast", "-5"]) {
    const { code, err } = await lab(["bench", "-w", "rr_open", `--rate=${rate}`]);
    assert.equal(code, 2, rate);
    assert.match(err, /accepted is a rate from 1 to 10M a second, such as 50k/, rate);
  }
});

Deno.test("A record of format 1 is read, and says null where it said 0 of what it could not see", async () => {
  const live = buildRecord({ target: "live" });
  const old = {
    ...live,
    schema: "netpolicy-lab/run/1",
    measurement: { ...live.measurement, retransmits: 0 },
  };
  await inFolder(async (folder) => {
    const file = join(folder, "records.ndjson");
    await Deno.writeTextFile(file, JSON.stringify(old) + "\n");
    const { records: [read] } = await readRecords([file]);
    assert.deepEqual(read, { ...live, schema: RECORD_SCHEMA });
    const { code, out } = await lab(["report", folder]);
    assert.equal(code, 0);
    assert.match(out, /rr on live/);
  });
});

Deno.test("Migration changes nothing that was seen, and nothing of the present format", () => {
  const model = { ...buildRecord(), schema: "netpolicy-lab/run/1" };
  assert.deepEqual(migrate(model), { ...buildRecord(), schema: RECORD_SCHEMA });
  const seen = { ...model, target: "live" };
  assert.equal((migrate(seen)["measurement"] as { retransmits: number }).retransmits, 0);
  assert.deepEqual(migrate({ ...buildRecord() }), buildRecord());
  const second = { ...buildRecord(), schema: "netpolicy-lab/run/2" };
  assert.deepEqual(migrate(second), buildRecord(), "format 3 adds what a record may lack");
  assert.deepEqual(READABLE_SCHEMAS, [
    "netpolicy-lab/run/1",
    "netpolicy-lab/run/2",
    RECORD_SCHEMA,
  ]);
});

Deno.test("A format that no step leads from is refused with the place", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "records.ndjson");
    await Deno.writeTextFile(file, '{"schema":"netpolicy-lab/run/9"}\n');
    const { code, err } = await lab(["report", folder]);
    assert.equal(code, 2);
    assert.match(err, /:1: Not a run record: "schema" is "netpolicy-lab\/run\/9", not "netpolicy/);
  });
});
