/**
 * Where a live client's requests come from, and what its clock costs: with times made up here.
 *
 * @module
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { clockCost } from "../../harness/live/clock.ts";
import { ClosedSource, OpenSource } from "../../harness/live/source.ts";

Deno.test("a closed loop has a request at any time, until it stops", () => {
  const source = new ClosedSource();
  equal(source.take(5), 5);
  equal(source.take(5), 5);
  source.stop();
  equal(source.take(6), NaN);
});

Deno.test("an open loop gives the intended times, however late they are taken", () => {
  const source = new OpenSource({
    loop: "open",
    rate_per_second: 100,
    distribution: "constant",
  }, 1);
  source.start(1000);
  equal(source.advance(1009), 0);
  equal(source.take(1009), NaN);
  equal(source.advance(1035), 3);
  equal(source.waiting, 3);
  deepEqual([1, 2, 3, 4].map(() => source.take(1035)), [1010, 1020, 1030, NaN]);
  equal(source.advance(1040), 1);
  source.stop();
  equal(source.take(1041), NaN, "what waited is dropped");
  equal(source.advance(2000), 0, "and nothing follows");
});

Deno.test("the schedule does not depend on how often it is looked at", () => {
  fc.assert(fc.property(
    fc.constantFrom("poisson" as const, "constant" as const),
    fc.integer({ min: 0, max: 0xffffffff }),
    fc.array(fc.double({ min: 0, max: 50, noNaN: true }), { minLength: 1, maxLength: 30 }),
    (distribution, seed, steps) => {
      const arrival = { loop: "open", rate_per_second: 200, distribution } as const;
      const [often, once] = [new OpenSource(arrival, seed), new OpenSource(arrival, seed)];
      often.start(0);
      once.start(0);
      let nowMs = 0;
      let due = 0;
      for (const step of steps) {
        nowMs += step;
        due += often.advance(nowMs);
      }
      equal(once.advance(nowMs), due);
      for (let count = 0; count < due; count += 1) equal(often.take(nowMs), once.take(nowMs));
    },
  ));
});

Deno.test("Poisson arrivals have the asked rate and the spread of an exponential", () => {
  const source = new OpenSource({
    loop: "open",
    rate_per_second: 1000,
    distribution: "poisson",
  }, 7);
  source.start(0);
  const COUNT = 20_000;
  source.advance(COUNT * 1.1);
  const times = Array.from({ length: COUNT }, () => source.take(0));
  const gaps = times.map((time, index) => time - (times[index - 1] ?? 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / COUNT;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / COUNT;
  // Five standard errors: 1 / sqrt(20000) of the mean; the seed is fixed.
  ok(Math.abs(mean - 1) < 0.035, `mean ${mean} ms`);
  ok(Math.abs(Math.sqrt(variance) - 1) < 0.05, `deviation ${Math.sqrt(variance)} ms`);
  ok(gaps.every((gap) => gap >= 0));
});

Deno.test("the cost of a clock is that of its cheapest batch", () => {
  let reads = 0;
  let nowMs = 0;
  // 0.25 us a read, but slow while it "warms up"; it steps on every second read.
  const cost = clockCost(() => {
    reads += 1;
    if (reads % 2 === 0) nowMs += reads < 1000 ? 0.1 : 0.0005;
    return nowMs;
  });
  deepEqual(cost, { readNs: 250, stepNs: 500 });
  deepEqual(clockCost(() => 42), { readNs: 0, stepNs: 0 });
});
