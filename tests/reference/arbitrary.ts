/**
 * Arbitraries (fast-check) of scenes and scripts.
 *
 * @module
 */

import fc from "fast-check";
import { type Draw, DRAW_LIMIT, KINDS, type Scene, type ScriptDevice } from "./script.ts";

const anyInfo = fc.record({
  available: fc.constantFrom(14, 14, 14, 14, 14, 14, 0, 6, 8, 12),
  mix: fc.constantFrom(true, true, true, false),
  queuePair: fc.boolean(),
  irqAffinity: fc.boolean(),
  recordLimit: fc.constantFrom(0, 0, 0, 8, 4, 3, 2, 1),
});

const anyDevice: fc.Arbitrary<ScriptDevice> = fc.record({
  node: fc.integer({ min: -1, max: 2 }),
  info: anyInfo,
  rx: fc.integer({ min: 0, max: 10 }),
  tx: fc.integer({ min: 0, max: 10 }),
  ruleCapacity: fc.integer({ min: 0, max: 6 }),
  ipv6: fc.boolean(),
  upAtStart: fc.constantFrom(true, true, true, false),
  policyAtStart: fc.constantFrom("NONE", "MIX", "MIX", "BULK", "LATENCY", "CPU"),
});

const anyDistance = fc.integer({ min: 10, max: 13 });

/** Any small scene. Frequencies differ wildly between scenes, and some kinds do not come at all. */
export const anyScene: fc.Arbitrary<Scene> = fc.noBias(fc.record({
  cpus: fc.integer({ min: 1, max: 8 }),
  nodes: fc.integer({ min: 1, max: 3 }),
  smt: fc.integer({ min: 0, max: 2 }),
  nodeOfCore: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 8, maxLength: 8 }),
  distance: fc.array(fc.tuple(anyDistance, anyDistance, anyDistance), {
    minLength: 3,
    maxLength: 3,
  }),
  capacities: fc.record({
    queues: fc.constantFrom(10, 16),
    owners: fc.integer({ min: 2, max: 24 }),
    rules: fc.integer({ min: 1, max: 8 }),
    allowed: fc.integer({ min: 1, max: 4 }),
    buckets: fc.constantFrom(0, 1, 2, 4),
  }),
  devices: fc.array(anyDevice, { minLength: 1, maxLength: 3, size: "max" }),
  strategy: fc.constantFrom("round-robin", "load-aware"),
  partition: fc.constantFrom("rfc", "latency-first"),
  versionMax: fc.constantFrom(0, 0, 1, 2, 3),
  socketsAtStart: fc.integer({ min: 0, max: 8 }),
  factors: fc.array(fc.constantFrom(1, 1, 1, 0, 2, 4), {
    minLength: KINDS.length,
    maxLength: KINDS.length,
  }),
}));

// Without bias: what a small number means is decided by the runner.
const anyNumber = fc.noBias(fc.integer({ min: 0, max: DRAW_LIMIT - 1 }));

/** Any script up to a length, uniformly long. */
export function anyDraws(maxLength: number): fc.Arbitrary<Draw[]> {
  return fc.array(fc.tuple(anyNumber, anyNumber, anyNumber, anyNumber), {
    minLength: 1,
    maxLength,
    size: "max",
  });
}
