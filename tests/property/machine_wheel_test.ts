/**
 * The timing wheel against the simplest event set there is: a list kept in order.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { compileParts, makeParts, type Parts } from "../unit/machine_parts.ts";

const module = await compileParts();

interface Listed {
  readonly time: bigint;
  readonly target: number;
  readonly node: number;
}

type Step =
  | { readonly kind: "plan"; readonly delay: bigint }
  | { readonly kind: "take" }
  /** Cancels the pending event at this share of the list. */
  | { readonly kind: "cancel"; readonly place: number };

/** Delays as a device has them (wire, wake-up, timers), many of them equal, some of them none. */
const delays = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0n) },
  { weight: 4, arbitrary: fc.bigInt(0n, 70n) },
  { weight: 4, arbitrary: fc.bigInt(1n, 40n).map((many) => many * 64n) },
  { weight: 3, arbitrary: fc.bigInt(0n, 1n << 20n) },
  { weight: 1, arbitrary: fc.bigInt(0n, 1n << 40n) },
  { weight: 1, arbitrary: fc.bigInt(0n, 1n << 50n) },
);

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: delays.map((delay) => ({ kind: "plan" as const, delay })) },
  { weight: 4, arbitrary: fc.constant({ kind: "take" as const }) },
  {
    weight: 2,
    arbitrary: fc.double({ min: 0, max: 0.999, noNaN: true }).map((place) => ({
      kind: "cancel" as const,
      place,
    })),
  },
);

function nowOf({ calls }: Parts): bigint {
  const high = BigInt(calls["nowHigh"]!() >>> 0);
  return (high << 32n) | BigInt(calls["nowLow"]!() >>> 0);
}

/** Places an event behind all that are not later. */
function insert(list: Listed[], event: Listed): void {
  let place = list.length;
  while (place > 0 && list[place - 1]!.time > event.time) place--;
  list.splice(place, 0, event);
}

function takeBoth(parts: Parts, list: Listed[]): void {
  const expected = list.shift();
  assert.equal(parts.calls["take"]!(), expected?.target ?? -1);
  if (expected !== undefined) assert.equal(nowOf(parts), expected.time);
}

Deno.test("the wheel gives events in the order of (time, insertion), cancelled ones never", () => {
  const parts = makeParts(module);
  let operations = 0;
  fc.assert(
    fc.property(fc.array(steps, { minLength: 300, maxLength: 2000, size: "max" }), (sequence) => {
      const { calls } = parts;
      calls["wheel"]!(4096);
      const list: Listed[] = [];
      sequence.forEach((step, target) => {
        operations++;
        if (step.kind === "plan") {
          const time = nowOf(parts) + step.delay;
          const node = calls["plan"]!(
            Number(step.delay >> 32n),
            Number(step.delay & 0xffffffffn),
            target,
          );
          insert(list, { time, target, node });
        } else if (step.kind === "take") {
          takeBoth(parts, list);
        } else if (list.length > 0) {
          const [gone] = list.splice(Math.floor(step.place * list.length), 1);
          calls["cancel"]!(gone!.node);
        }
        assert.equal(calls["pendingEvents"]!(), list.length);
      });
      while (list.length > 0) takeBoth(parts, list);
      assert.equal(calls["take"]!(), -1);
    }),
    { seed: 20160718, numRuns: 150 },
  );
  assert.ok(operations >= 100_000, `only ${operations} operations`);
});

Deno.test("a full pool and a node that is not pending are refused", () => {
  const full = makeParts(module).calls;
  full["wheel"]!(3);
  full["plan"]!(0, 1, 1);
  full["plan"]!(0, 1, 2);
  assert.throws(() => full["plan"]!(0, 1, 3), /assertion failed/);

  const twice = makeParts(module).calls;
  twice["wheel"]!(3);
  const node = twice["plan"]!(0, 1, 1);
  twice["cancel"]!(node);
  assert.throws(() => twice["cancel"]!(node), /assertion failed/);
});
