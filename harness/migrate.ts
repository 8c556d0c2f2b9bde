/**
 * Records of earlier formats, brought up to the present one step by step. Only store.ts, the one
 * reader, calls it; everything behind it knows the present format alone. Pure.
 *
 * @module
 */

import { RECORD_SCHEMA } from "./record.ts";

type Json = Record<string, unknown>;

/** One step: the format it reads, the one it makes, and what it changes. */
interface Step {
  readonly from: string;
  readonly to: string;
  readonly change: (record: Json) => Json;
}

const STEPS: readonly Step[] = [
  { from: "netpolicy-lab/run/1", to: "netpolicy-lab/run/2", change: unseenRetransmits },
  // Format 3 adds the series, which a record may lack.
  { from: "netpolicy-lab/run/2", to: RECORD_SCHEMA, change: (record) => record },
];

/** Formats that can be read, the present one last. */
export const READABLE_SCHEMAS: readonly string[] = [
  ...STEPS.map((step) => step.from),
  RECORD_SCHEMA,
];

/**
 * A record in the present format, as far as steps lead there; whether it fits is the schema's to
 * say.
 */
export function migrate(record: Json): Json {
  let current = record;
  for (const { from, to, change } of STEPS) {
    if (current["schema"] === from) current = { ...change(current), schema: to };
  }
  return current;
}

/** Format 1 said 0 retransmits where loopback shows none; format 2 says null: it cannot be seen. */
function unseenRetransmits(record: Json): Json {
  const measurement = record["measurement"] as Json | undefined;
  const isBlind = record["target"] === "live" && measurement?.["interrupts"] === null;
  if (!isBlind || measurement["retransmits"] !== 0) return record;
  return { ...record, measurement: { ...measurement, retransmits: null } };
}
