/**
 * The remark on streams that moved few messages.
 *
 * @module
 */

import assert from "node:assert/strict";
import { edgeRemarks } from "../../harness/edge_remarks.ts";
import type { GroupMeasurement, TestName } from "../../harness/record.ts";
import { buildRecord } from "../record_builder.ts";
import { groupOf, runOf } from "../live/runs.ts";

function remarks(test: TestName, messageBytes: number, bytes: number): string[] {
  const { workload } = runOf([groupOf(test, { name: "g", message_bytes: messageBytes })]);
  const [built] = buildRecord({ groups: [test] }).measurement.groups;
  const group: GroupMeasurement = { ...built!, bytes };
  return edgeRemarks(workload, [group]);
}

Deno.test("a stream is remarked on when one message is more than 0.1 % of its bytes", () => {
  assert.deepEqual(remarks("TCP_STREAM", 1000, 1_000_000), []);
  assert.deepEqual(remarks("TCP_STREAM", 1000, 999_000), [
    'Group "g": throughput is counted in whole messages of up to 1000 bytes, and one more or ' +
    "less is about 0.1 % in this interval",
  ]);
  assert.match(remarks("UDP_STREAM", 1472, 7360)[0]!, /up to 1472 bytes, .* about 20 % /);
});

Deno.test("a sender's small messages come in trains, which count whole", () => {
  assert.match(remarks("TCP_MAERTS", 100, 651_600)[0]!, /up to 65160 bytes, .* about 10 % /);
  assert.deepEqual(remarks("TCP_MAERTS", 100, 65_160_000), []);
});

Deno.test("transactions, and streams that moved nothing, have no such remark", () => {
  assert.deepEqual(remarks("TCP_RR", 16_384, 10), []);
  assert.deepEqual(remarks("TCP_STREAM", 16_384, 0), []);
});
