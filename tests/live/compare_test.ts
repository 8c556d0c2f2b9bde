/**
 * A comparison of real traffic over loopback, from the first run to the verdict: the same server
 * twice is never red, a server that works 200 us longer on each request is.
 *
 * @module
 */

import { ok } from "node:assert/strict";
import { LiveTarget } from "../../harness/target_live.ts";
import { interleave, type MeasuredComparison, type Sample } from "../../reports/gate/interleave.ts";
import { DEFAULT_PLAN } from "../../reports/gate/sequential.ts";
import { groupOf, runOf } from "./runs.ts";

const NEVER = new AbortController().signal;

/** Median latency of 30 ms of request/response with a server that computes for a time. */
async function pingPong(service_ns: number): Promise<Sample[]> {
  const target = new LiveTarget();
  try {
    await target.prepare(runOf([groupOf("TCP_RR", { service_ns })], { measureMs: 30 }));
    await target.start(NEVER, () => {});
    const { groups: [group] } = await target.collect();
    // On a busy machine a window may pass without a transaction.
    const value = group?.latency_ns?.p50;
    return value === undefined ? [] : [{ id: "p50", unit: "ns", direction: "lower", value }];
  } finally {
    await target.stop();
    await target.undo();
  }
}

/** Of a factor of two: what others do on this machine must not hide it. */
function compare(candidateServiceNs: number, looks: number): Promise<MeasuredComparison> {
  return interleave((side) => pingPong(side === "base" ? 0 : candidateServiceNs), {
    plan: { ...DEFAULT_PLAN, looks },
    minimumEffect: 1,
    seed: 1,
    note: () => {},
  });
}

/** The smallest share that a comparison on a busy machine may be blind to and still tells. */
const VISIBLE_MAX = 3;

/** Says so where this machine is too busy to tell, as the comparison itself does. */
function isTooBusy({ outcome, notes, verdicts }: MeasuredComparison): boolean {
  const visible = verdicts[0]?.detectable ?? Infinity;
  const isBlind = outcome === "inconclusive" && visible > VISIBLE_MAX;
  if (outcome !== "refused" && !isBlind) return false;
  console.log(`not tested, too busy: ${notes.join("; ")} could see ${visible}`);
  return true;
}

Deno.test("the same server twice is equivalent, or left open, and never red", async () => {
  const comparison = await compare(0, 1);
  if (isTooBusy(comparison)) return;
  ok(["pass", "inconclusive"].includes(comparison.outcome), JSON.stringify(comparison));
});

Deno.test("a server that works 200 us longer is red, confirmed by fresh pairs", async () => {
  const comparison = await compare(200_000, 2);
  if (isTooBusy(comparison)) return;
  ok(comparison.outcome === "regression", JSON.stringify(comparison));
  const [{ base, candidate, remarks }] = comparison.verdicts as [(typeof comparison.verdicts)[0]];
  ok(candidate - base > 100_000, `${base} ns and ${candidate} ns`);
  ok(!remarks.some((remark) => /did not show it again/.test(remark)));
});
