/**
 * Interrupt throttling: the driver's adaptive rule by its published branches, and the device's
 * minimum gap.
 *
 * @module
 */

import assert from "node:assert/strict";
import { compileParts, makeParts } from "./machine_parts.ts";

const module = await compileParts();

const LATENCY = 0x8000;
const RX = 0;
const TX = 1;
const TICKS_PER_USEC = 10_000;

/** Average bytes, then intervals in latency and bulk mode at 40, 25, 10, 1 Gb/s; 126 is the cap. */
const SIZES = [
  [60, [[2, 4], [4, 8], [8, 16], [64, 126]]],
  [67, [[4, 6], [6, 10], [10, 18], [70, 126]]],
  [512, [[10, 20], [20, 38], [38, 76], [126, 126]]],
  [1514, [[16, 30], [30, 60], [60, 118], [126, 126]]],
] as const;

Deno.test("the size rule gives the driver's intervals at every speed", () => {
  const { calls } = makeParts(module);
  for (const [bytes, rows] of SIZES) {
    [40, 25, 10, 1].forEach((gbps, place) => {
      const [latency, bulk] = rows[place]!;
      const name = `${bytes} bytes at ${gbps} Gb/s`;
      assert.equal(calls["intervalBySize"]!(LATENCY, bytes, gbps), LATENCY | latency, name);
      assert.equal(calls["intervalBySize"]!(0, bytes, gbps), bulk, name);
    });
  }
});

/** One container as the driver finds it: target, current, packets, bytes. */
type Side = readonly [target: number, current: number, packets: number, bytes: number];

interface Case {
  readonly name: string;
  readonly side: typeof RX | typeof TX;
  readonly rx: Side;
  readonly tx: Side;
  /** Interrupts since a write in which statistics do not count. */
  readonly countdown?: number;
  /** Jiffy after which counters are stale; it is 100 now. */
  readonly nextUpdate?: number;
  readonly target: number;
}

const IDLE: Side = [50, 50, 0, 0];
const LAT_TX: Side = [126 | LATENCY, 126 | LATENCY, 1, 67];

const CASES: readonly Case[] = [
  {
    name: "a silent receive side relaxes to 2 us",
    side: RX,
    rx: [90, 90, 40, 9000],
    tx: IDLE,
    nextUpdate: 99,
    target: 2 | LATENCY,
  },
  {
    name: "a silent transmit side relaxes to 126 us",
    side: TX,
    rx: IDLE,
    tx: [20, 20, 5, 500],
    nextUpdate: 99,
    target: 126 | LATENCY,
  },
  {
    name: "statistics right after a write do not count",
    side: RX,
    rx: [24, 24, 200, 20000],
    tx: LAT_TX,
    countdown: 2,
    target: 24,
  },
  {
    name: "1 to 3 small packets beside latency-mode transmit take the size rule",
    side: RX,
    rx: [50, 50, 3, 201],
    tx: LAT_TX,
    target: 10 | LATENCY,
  },
  {
    name: "without latency mode on transmit they only add 2 us",
    side: RX,
    rx: [50, 50, 3, 201],
    tx: IDLE,
    target: 52,
  },
  {
    name: "9000 bytes are not small",
    side: RX,
    rx: [50, 50, 3, 9000],
    tx: LAT_TX,
    target: 52,
  },
  {
    name: "both at their maximum in bulk mode with little traffic: transmit regains latency mode",
    side: TX,
    rx: [126, 126, 10, 1000],
    tx: [126, 126, 3, 200],
    target: 126 | LATENCY,
  },
  {
    name: "few transmits else add 2 us and keep the mode",
    side: TX,
    rx: IDLE,
    tx: [60 | LATENCY, 60 | LATENCY, 3, 200],
    target: 62 | LATENCY,
  },
  {
    name: "more than 32 transmits end latency mode",
    side: TX,
    rx: IDLE,
    tx: [60 | LATENCY, 60 | LATENCY, 33, 50000],
    target: 62,
  },
  {
    name: "the interval stops at 126 us",
    side: RX,
    rx: [126, 126, 20, 30000],
    tx: IDLE,
    target: 126,
  },
  {
    name: "56 to 112 packets keep the shorter of the intervals in force",
    side: RX,
    rx: [80, 70, 56, 84000],
    tx: [90, 64, 0, 0],
    target: 64,
  },
  {
    name: "113 to 256 packets halve it, to an even number",
    side: RX,
    rx: [80, 70, 113, 84000],
    tx: [90, 90, 0, 0],
    target: 34,
  },
  {
    name: "more than 256 packets take the bulk size rule",
    side: RX,
    rx: [80, 70, 300, 300 * 1514],
    tx: IDLE,
    target: 118,
  },
];

for (const one of CASES) {
  Deno.test(`adaptive throttling: ${one.name}`, () => {
    const { calls } = makeParts(module);
    calls["queuesInit"]!(1, 512);
    const next = one.nextUpdate ?? 100;
    calls["setContainer"]!(RX, ...one.rx, next);
    calls["setContainer"]!(TX, ...one.tx, next);
    calls["setCountdown"]!(one.countdown ?? 0);
    assert.equal(calls["update"]!(one.side, 100, 10), one.target);
  });
}

/** Targets and currents of rx and tx, and which is written: 1 rx, 2 tx, 0 none. */
const WRITES = [
  ["a shorter receive interval goes first", 40, 50, 10, 50, 1],
  ["leaving latency mode counts as shorter", 60, 60 | LATENCY, 50, 50, 1],
  ["a shorter transmit interval follows", 50, 50, 40, 50, 2],
  ["the larger of two increases wins", 52, 50, 60, 50, 2],
  ["equal increases write receive", 52, 50, 52, 50, 1],
  ["nothing changed writes nothing", 50, 50, 50, 50, 0],
] as const;

for (const [name, rxTarget, rxCurrent, txTarget, txCurrent, written] of WRITES) {
  Deno.test(`interval written at completion: ${name}`, () => {
    const { calls } = makeParts(module);
    calls["queuesInit"]!(1, 512);
    calls["setContainer"]!(RX, rxTarget, rxCurrent, 0, 0, 0);
    calls["setContainer"]!(TX, txTarget, txCurrent, 0, 0, 0);
    calls["setCountdown"]!(2);
    assert.equal(calls["write"]!(), written);
    assert.equal(calls["countdown"]!(), written === 0 ? 1 : 3);
  });
}

/** A vector with fixed intervals in force, at 1 ms. */
function vector(rxUsecs: number, txUsecs: number) {
  const { calls } = makeParts(module);
  calls["wheel"]!(64);
  calls["queuesInit"]!(1, 512);
  calls["hertz"]!(250);
  calls["itrInit"]!(10);
  calls["itrSet"]!(0, 1, rxUsecs);
  calls["itrSet"]!(0, 0, txUsecs);
  // One write a completion: two bring both into force.
  calls["complete"]!(0);
  calls["complete"]!(0);
  const nowUsecs = () =>
    ((calls["nowHigh"]!() >>> 0) * 2 ** 32 + (calls["nowLow"]!() >>> 0)) / TICKS_PER_USEC;
  const sleep = (usecs: number) => {
    calls["plan"]!(0, usecs * TICKS_PER_USEC, 0);
    return calls["next"]!();
  };
  sleep(1000);
  return { calls, nowUsecs, sleep };
}

const PLANNED = 1;
const TIMER = 3;
const INTERRUPT = 4;

Deno.test("a cause after the gap interrupts at once: throttling is no delay", () => {
  const { calls, nowUsecs } = vector(100, 100);
  calls["cause"]!(RX);
  assert.equal(calls["next"]!(), INTERRUPT);
  assert.equal(nowUsecs(), 1000);
});

Deno.test("a cause within the gap waits for its end, counted from the last interrupt", () => {
  const { calls, nowUsecs, sleep } = vector(100, 100);
  calls["cause"]!(RX);
  assert.equal(calls["next"]!(), INTERRUPT);
  calls["complete"]!(0);
  assert.equal(sleep(30), PLANNED);
  calls["cause"]!(RX);
  assert.equal(calls["next"]!(), TIMER);
  assert.equal(calls["next"]!(), INTERRUPT);
  assert.equal(nowUsecs(), 1100);
  assert.equal(calls["violations"]!(), 0);
});

Deno.test("receive and transmit have a gap each, and either raises the vector", () => {
  const { calls, nowUsecs } = vector(100, 10);
  calls["cause"]!(RX);
  assert.equal(calls["next"]!(), INTERRUPT);
  calls["complete"]!(1);
  calls["cause"]!(TX);
  assert.equal(calls["next"]!(), INTERRUPT, "transmit has not interrupted yet");
  assert.equal(nowUsecs(), 1000);
  calls["complete"]!(1);
  assert.equal(calls["next"]!(), TIMER);
  assert.equal(nowUsecs(), 1100, "the receive gap counts from the receive interrupt");
});

Deno.test("a masked vector stays silent until the driver completes", () => {
  const { calls, nowUsecs, sleep } = vector(0, 0);
  calls["cause"]!(RX);
  assert.equal(calls["next"]!(), INTERRUPT);
  calls["cause"]!(RX);
  calls["cause"]!(TX);
  assert.equal(sleep(500), PLANNED, "nothing happens meanwhile");
  calls["complete"]!(1);
  assert.equal(calls["next"]!(), INTERRUPT);
  assert.equal(nowUsecs(), 1500);
});

Deno.test("the vector's rate cap delays an interrupt that its intervals would allow", () => {
  const { calls, nowUsecs, sleep } = vector(0, 0);
  calls["intrlSet"]!(0, 22);
  assert.equal(calls["intrlOf"]!(0), 20, "rounded down to a multiple of 4");
  calls["cause"]!(RX);
  assert.equal(calls["next"]!(), INTERRUPT);
  assert.equal(nowUsecs(), 1000, "the first one is not delayed");
  calls["complete"]!(0);
  assert.equal(sleep(5), PLANNED);
  calls["cause"]!(TX);
  assert.equal(calls["next"]!(), TIMER);
  assert.equal(calls["next"]!(), INTERRUPT);
  assert.equal(nowUsecs(), 1020, "transmit waits for the cap though its own interval is 0");
  assert.equal(calls["violations"]!(), 0);
});

Deno.test("an interval longer than the rate cap still holds", () => {
  const { calls, nowUsecs } = vector(100, 100);
  calls["intrlSet"]!(0, 20);
  calls["cause"]!(RX);
  assert.equal(calls["next"]!(), INTERRUPT);
  calls["complete"]!(1);
  assert.equal(calls["next"]!(), TIMER);
  assert.equal(calls["next"]!(), INTERRUPT);
  assert.equal(nowUsecs(), 1100);
});

Deno.test("a rate cap that is lifted lets the interrupt that waits go at once", () => {
  const { calls, nowUsecs, sleep } = vector(0, 0);
  calls["intrlSet"]!(0, 236);
  calls["cause"]!(RX);
  assert.equal(calls["next"]!(), INTERRUPT);
  calls["complete"]!(1);
  assert.equal(sleep(10), PLANNED);
  calls["intrlSet"]!(0, 0);
  assert.equal(calls["next"]!(), INTERRUPT);
  assert.equal(nowUsecs(), 1010);
});

Deno.test("a forced interrupt ignores the intervals but not the rate cap", () => {
  for (const [cap, at] of [[0, 1000], [40, 1040]] as const) {
    const { calls, nowUsecs } = vector(500, 500);
    calls["intrlSet"]!(0, cap);
    calls["cause"]!(RX);
    assert.equal(calls["next"]!(), INTERRUPT);
    calls["vectorForce"]!(0);
    if (cap > 0) assert.equal(calls["next"]!(), TIMER);
    assert.equal(calls["next"]!(), INTERRUPT);
    assert.equal(nowUsecs(), at);
    assert.equal(calls["violations"]!(), 0);
  }
});

Deno.test("with one counter for the vector a transmit interrupt makes receive wait", () => {
  for (const [one, at] of [[0, 1010], [1, 1100]] as const) {
    const { calls, nowUsecs, sleep } = vector(100, 100);
    calls["itrPerVector"]!(one);
    calls["cause"]!(TX);
    assert.equal(calls["next"]!(), INTERRUPT);
    calls["complete"]!(0);
    assert.equal(sleep(10), PLANNED);
    calls["cause"]!(RX);
    if (one === 1) assert.equal(calls["next"]!(), TIMER);
    assert.equal(calls["next"]!(), INTERRUPT);
    assert.equal(nowUsecs(), at, one === 1 ? "ixgbe: one counter" : "i40e: one for each cause");
    assert.equal(calls["violations"]!(), 0);
  }
});

Deno.test("a new interval is in force from the next completion on", () => {
  const { calls } = vector(50, 50);
  calls["itrSet"]!(0, 1, 201);
  assert.equal(calls["gap"]!(RX), 50);
  calls["complete"]!(0);
  assert.equal(calls["gap"]!(RX), 202, "rounded up to even");
});
