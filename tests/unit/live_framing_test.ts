/**
 * Message boundaries, queues of times and UDP numbering of the live endpoints, against models.
 *
 * @module
 */

import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { FrameCounter, Payload, writeAll } from "../../harness/live/framing.ts";
import { idBytesFor, readId, slotsMax, SlotTable, writeId } from "../../harness/live/slot_table.ts";
import { TimeRing } from "../../harness/live/time_ring.ts";

Deno.test("a frame is complete when its last byte arrives, however the bytes are cut", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 300_000 }),
    fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 60 }),
    (frameBytes, pieces) => {
      const counter = new FrameCounter(frameBytes);
      let received = 0;
      let frames = 0;
      for (const piece of pieces) {
        received += piece;
        frames += counter.push(piece);
        equal(frames, Math.floor(received / frameBytes));
        equal(counter.pendingBytes, received % frameBytes);
      }
    },
  ));
});

Deno.test("a frame of no bytes is refused", () => {
  for (const size of [0, -1, 1.5, NaN]) throws(() => new FrameCounter(size), RangeError);
});

Deno.test("a payload view holds whole frames of zeros and is made once", () => {
  const payload = new Payload(300);
  const three = payload.view(3);
  const seven = payload.view(7);
  deepEqual([three.length, seven.length], [900, 2100]);
  ok(seven.every((byte) => byte === 0));
  equal(payload.view(3), three);
  equal(new Payload(1_000_000).framesMax, 1);
});

Deno.test("writeAll writes every byte once and in order, whatever the sink takes", async () => {
  await fc.assert(fc.asyncProperty(
    fc.uint8Array({ minLength: 1, maxLength: 200 }),
    fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
    async (bytes, appetites) => {
      const taken: number[] = [];
      let calls = 0;
      await writeAll({
        write(view) {
          const some = view.subarray(0, appetites[calls % appetites.length]);
          calls += 1;
          taken.push(...some);
          return Promise.resolve(some.length);
        },
      }, bytes);
      deepEqual(taken, [...bytes]);
    },
  ));
});

Deno.test("a time ring gives times back in order, like an array", () => {
  fc.assert(fc.property(
    fc.array(fc.oneof(fc.double({ noNaN: true }), fc.constant("shift" as const))),
    (steps) => {
      const ring = new TimeRing(2);
      const model: number[] = [];
      for (const step of steps) {
        if (step === "shift") equal(ring.shift(), model.shift() ?? NaN);
        else model.push(step), ring.push(step);
        equal(ring.count, model.length);
      }
      ring.clear();
      equal(ring.count, 0);
      equal(ring.shift(), NaN);
    },
  ));
});

Deno.test("a request number survives the way through a datagram", () => {
  fc.assert(fc.property(
    fc.integer({ min: 0, max: 0xffffffff }),
    fc.integer({ min: 1, max: 4 }),
    (id, idBytes) => {
      const bytes = new Uint8Array(6).fill(0xaa);
      writeId(bytes, id, idBytes);
      equal(readId(bytes, idBytes), id % 2 ** (8 * idBytes));
      equal(bytes[idBytes], 0xaa, "the rest of the payload is left alone");
    },
  ));
  equal(readId(new Uint8Array(1), 2), NaN, "too short to hold a number");
  equal(idBytesFor(1, 100), 1);
  equal(idBytesFor(1000, 100), 4);
});

/** A step of the slot model: send, answer one of the requests ever sent, or let time pass. */
const slotStep = fc.oneof(
  fc.constant({ kind: "send" } as const),
  fc.record({ kind: fc.constant("answer" as const), pick: fc.nat() }),
  fc.record({ kind: fc.constant("expire" as const), age: fc.integer({ min: 0, max: 20 }) }),
);

Deno.test("slots match answers to requests, and never one that was given up or answered", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 40 }),
    fc.array(slotStep, { maxLength: 200 }),
    (slots, steps) => {
      const table = new SlotTable(slots, 4);
      const everSent: number[] = [];
      const inFlight = new Map<number, number>();
      steps.forEach((step, now) => {
        if (step.kind === "send" && table.freeCount > 0) {
          const id = table.id(table.acquire(now, now));
          ok(!everSent.includes(id), "a number is used once");
          everSent.push(id);
          inFlight.set(id, now);
        } else if (step.kind === "answer" && everSent.length > 0) {
          const id = everSent[step.pick % everSent.length]!;
          equal(table.complete(id), inFlight.get(id) ?? NaN);
          inFlight.delete(id);
        } else if (step.kind === "expire") {
          const old = [...inFlight].filter(([, sent]) => sent <= now - step.age);
          equal(table.expire(now - step.age), old.length);
          for (const [id] of old) inFlight.delete(id);
        }
        equal(table.inFlightCount, inFlight.size);
        equal(table.freeCount, slots - inFlight.size);
      });
    },
  ));
});

Deno.test("one byte tells 128 requests apart and a table refuses more", () => {
  equal(slotsMax(1), 128);
  const table = new SlotTable(128, 1);
  const ids = new Set(Array.from({ length: 128 }, () => table.id(table.acquire(0, 0))));
  equal(ids.size, 128);
  throws(() => table.acquire(0, 0), RangeError);
  throws(() => new SlotTable(129, 1), RangeError);
  throws(() => new SlotTable(0, 1), RangeError);
});
