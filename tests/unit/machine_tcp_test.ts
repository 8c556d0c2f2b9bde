/**
 * TCP of the model under loss: nothing is lost for ever, windows follow slow start and CUBIC, and
 * what was lost comes again when its sender can know.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Measurement, TestName } from "../../harness/record.ts";
import { compileVariant } from "./machine_parts.ts";
import {
  bareMachine,
  groupOf,
  loadModules,
  runToEnd,
  type SmallRun,
  startRun,
  withCosts,
  X710,
} from "./machine_runs.ts";

const modules = await loadModules();
const run = (options: SmallRun): Measurement => runToEnd(modules, options);
const RULE_LOST = 41;

const lossy = (ppm: number, costs: Record<string, number> = {}) =>
  withCosts(X710, { loss_ppm: ppm, ...costs });

Deno.test("the link loses the share of frames that it is told to, both ways", () => {
  for (const test of ["TCP_STREAM", "TCP_MAERTS", "UDP_STREAM"] as const) {
    const group = groupOf({ test, connections: 8, message_bytes: 1472 });
    const { drops, queues } = run({ groups: [group], machine: lossy(1000), measureMs: 40 });
    const frames = queues.reduce((sum, queue) => sum + queue.rx_packets + queue.tx_packets, 0);
    const share = drops["lost_on_link"]! / frames;
    assert.ok(Math.abs(share / 1e-3 - 1) < 0.25, `${test}: ${share}`);
  }
  const clean = run({ groups: [groupOf({ test: "TCP_STREAM" })] });
  assert.deepEqual([clean.drops, clean.retransmits], [{}, 0]);
});

Deno.test("whatever the link loses, every test goes on and keeps all rules", () => {
  const costs = { retransmit_ns: 1_000_000, syn_retransmit_ns: 2_000_000 };
  const tests: readonly TestName[] = ["TCP_RR", "TCP_CRR", "TCP_STREAM", "TCP_MAERTS", "UDP_RR"];
  for (const test of tests) {
    for (const ppm of [1000, 100_000]) {
      const sizes = { request_bytes: 20_000, response_bytes: 20_000 };
      const group = groupOf({ test, connections: 4, ...(test.endsWith("RR") ? sizes : {}) });
      const model = startRun(modules, {
        groups: [group],
        machine: lossy(ppm, costs),
        measureMs: 60,
      });
      let bytes = 0;
      while (!model.advance(10_000)) bytes = Math.max(bytes, model.measurement().groups[0]!.bytes);
      assert.ok(model.measurement().groups[0]!.bytes > 100_000, `${test} at ${ppm}: ${bytes}`);
    }
  }
});

Deno.test("a client in quick-ack mode sends a packet more for each response", () => {
  const packets = (quick: number) => {
    const group = groupOf({ test: "TCP_RR", connections: 4 });
    const machine = withCosts(X710, { peer_quick_ack_switch: quick });
    const { queues, groups } = run({ groups: [group], machine });
    const received = queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
    return received / groups[0]!.transactions;
  };
  assert.ok(Math.abs(packets(0) - 1) < 0.02 && Math.abs(packets(1) - 2) < 0.02);
});

Deno.test("each lost segment is sent again about once", () => {
  for (const test of ["TCP_STREAM", "TCP_MAERTS"] as const) {
    const measured = run({
      groups: [groupOf({ test, connections: 4 })],
      machine: lossy(500, { retransmit_ns: 2_000_000 }),
      measureMs: 80,
    });
    // Of the lost frames some are acknowledgements, which never come again.
    const [lost, again] = [measured.drops["lost_on_link"]!, measured.retransmits!];
    assert.ok(lost > 30 && again > 0.6 * lost && again < 1.1 * lost, `${test}: ${lost}, ${again}`);
  }
});

Deno.test("one loss in a full window is found by its acknowledgements, without the timer", () => {
  for (const test of ["TCP_STREAM", "TCP_MAERTS"] as const) {
    const at = (retransmit: number) =>
      run({
        groups: [groupOf({ test, connections: 1 })],
        machine: lossy(30, { retransmit_ns: retransmit }),
        measureMs: 100,
      });
    // The timer would stop the flow for all of the run.
    const measured = at(2_000_000_000);
    assert.ok(measured.retransmits! > 3, `${test}: ${measured.retransmits} sent again`);
    const share = measured.groups[0]!.throughput.value / 10e9;
    assert.ok(share > 0.3, `${test}: ${share} of the link`);
  }
});

Deno.test("a lost request of one segment waits for the timer: 200 ms and the round trip", () => {
  const group = groupOf({ test: "TCP_RR", connections: 128 });
  const measured = run({ groups: [group], machine: lossy(20), measureMs: 400 });
  const latency = measured.groups[0]!.latency_ns!;
  assert.ok(measured.retransmits! > 3, `${measured.retransmits}`);
  assert.ok(latency.max > 200e6 && latency.max < 201e6, `${latency.max}`);
  assert.ok(latency.p50 < 300_000);
});

Deno.test("the timer doubles for what is lost again and again", () => {
  // Every other frame is lost: a request comes through after 5, 10, 20, 40.. ms.
  const group = groupOf({ test: "TCP_RR", connections: 64 });
  const machine = lossy(500_000, { retransmit_ns: 5_000_000 });
  const { latency_ns: latency, transactions } = run({ groups: [group], machine, measureMs: 600 })
    .groups[0]!;
  assert.ok(transactions > 200, `${transactions}`);
  // Twice in a row 5 + 10 ms, three times 35, four times 75.
  assert.ok(latency!.p99 > 35e6 && latency!.max > 75e6, `${latency!.p99}, ${latency!.max}`);
});

Deno.test("a lost SYN comes again after its second, a lost FIN after the retransmission time", () => {
  const group = groupOf({ test: "TCP_CRR", connections: 16 });
  const machine = lossy(2000, { syn_retransmit_ns: 50_000_000, retransmit_ns: 1_000_000 });
  const { latency_ns: latency, transactions } = run({ groups: [group], machine, measureMs: 200 })
    .groups[0]!;
  assert.ok(transactions > 10_000, `${transactions}`);
  assert.ok(latency!.max > 50e6 && latency!.max < 54e6, `${latency!.max}`);
});

Deno.test("a new flow starts with ten segments, and doubles each round trip", () => {
  // A round trip of 2 ms: 64 KiB are 46 segments, 10 and 20 and the rest in the third.
  const roundTrips = (segments: number, bytes: number) => {
    const machine = withCosts(X710, {
      cable_ns: 100_000,
      initial_window_segments: segments,
      tcp_window_bytes: 1_000_000,
    });
    const group = groupOf({ test: "TCP_CRR", response_bytes: bytes });
    const { latency_ns: latency } = run({ groups: [group], machine, measureMs: 30 }).groups[0]!;
    return latency!.p50 / 206_000;
  };
  const [one, two, three] = [14_480, 3 * 14_480, 65_536].map((bytes) => roundTrips(10, bytes));
  assert.ok(two! - one! > 0.8 && two! - one! < 1.3, `${one} and ${two} round trips`);
  assert.ok(three! - two! > 0.7 && three! - two! < 1.3, `${two} and ${three} round trips`);
  assert.ok(roundTrips(100, 65_536) - one! < 0.6, "in one round trip with a window of 100");
});

Deno.test("slow start holds requests back as it does responses", () => {
  const ms = (segments: number) => {
    const costs = { cable_ns: 100_000, initial_window_segments: segments };
    const group = groupOf({ test: "TCP_CRR", request_bytes: 65_536 });
    const measured = run({ groups: [group], machine: withCosts(X710, costs), measureMs: 30 });
    return measured.groups[0]!.latency_ns!.p50 / 1e6;
  };
  const later = ms(10) - ms(100);
  assert.ok(later > 0.3 && later < 0.6, `two round trips of 0.2 ms later: ${later} ms`);
});

Deno.test("after silence longer than the timer a flow starts from its initial window", () => {
  const p50 = (segments: number) => {
    const arrival = { loop: "open", rate_per_second: 100, distribution: "constant" } as const;
    const machine = withCosts(X710, {
      cable_ns: 100_000,
      initial_window_segments: segments,
      retransmit_ns: 1_000_000,
    });
    const group = groupOf({ test: "TCP_RR", response_bytes: 65_536, arrival });
    return run({ groups: [group], machine, measureMs: 100 }).groups[0]!.latency_ns!.p50;
  };
  assert.ok(p50(10) - p50(100) > 300_000, `${p50(10)} and ${p50(100)}`);
});

Deno.test("streams share a lossy path: more loss, less throughput, as windows shrink", () => {
  const rate = (ppm: number) => {
    const machine = lossy(ppm, { cable_ns: 200_000, tcp_window_bytes: 4_000_000 });
    const group = groupOf({ test: "TCP_MAERTS", connections: 4 });
    return run({ groups: [group], machine, measureMs: 300 }).groups[0]!.throughput.value;
  };
  const rates = [0, 600, 4000, 30_000].map(rate);
  for (let place = 1; place < rates.length; place++) {
    assert.ok(rates[place]! < 0.75 * rates[place - 1]!, `${rates}`);
  }
});

const CUBIC = `
  import { cubicGrow, cubicReduce, cubicReset } from "./machine/cubic";
  import { halfOf, HalfConnection, TO_PEER } from "./machine/half_connection";
  import { cancel } from "./lib/wheel";
  function half(): HalfConnection { return halfOf(connectionAt(0), TO_PEER); }
  export function open(window: f64): void {
    half().segment = 1448;
    cubicReset(half());
    half().window = window;
    half().threshold = window;
  }
  export function loss(): void { cubicReduce(half()); }
  export function rtt(ns: u32): void { half().rttNs = ns; }
  export function window(): f64 { return half().window; }
  export function maximum(): f64 { return half().maximum; }
  /** So many segments are acknowledged after so many nanoseconds, of a full window. */
  export function acked(segments: u32, afterNs: u32): void {
    schedule(now() + <u64>afterNs * TICKS_PER_NS, EV_MARK, 0);
    takeEvent();
    cubicGrow(half(), segments * 1448, <u32>half().window * 1448);
  }
  export function unused(segments: u32): void { cubicGrow(half(), segments * 1448, 1448); }
`;
const FAULTS = [
  {
    name: "a loss starts no timer",
    file: "core/machine/recovery.ts",
    from: "half.timer = schedule(due, EV_RTO, numberOf(index, direction));",
    to: "",
  },
];
const inside = await compileVariant({ more: CUBIC, faults: FAULTS });
type Cubic = Record<
  "open" | "loss" | "rtt" | "window" | "maximum" | "acked" | "unused",
  (...values: number[]) => number
>;
const cubic = () => bareMachine(inside).calls as unknown as Cubic;

/** Windows at each second of a flow with a round trip of 100 ms, after a loss at `segments`. */
function windowsAfterLoss(segments: number, seconds: number): number[] {
  const calls = cubic();
  calls.open(segments);
  calls.rtt(100_000_000);
  calls.loss();
  const windows = [calls.window()];
  for (let second = 0; second < seconds; second++) {
    for (let round = 0; round < 10; round++) calls.acked(Math.round(calls.window()), 100_000_000);
    windows.push(calls.window());
  }
  return windows;
}

Deno.test("after a loss CUBIC follows 0.4 (t - K)^3 + W_max, K = cbrt(0.3 W_max / 0.4)", () => {
  const most = 1000;
  const plateau = Math.cbrt(0.3 * most / 0.4);
  const windows = windowsAfterLoss(most, 14);
  assert.ok(Math.abs(windows[0]! - 700) < 1e-9, "seven tenths of the window");
  windows.forEach((window, second) => {
    const expected = 0.4 * (second - plateau) ** 3 + most;
    // A round trip after the cubic: it is followed from below.
    const before = 0.4 * (second - 0.2 - plateau) ** 3 + most;
    assert.ok(window < expected + 12 && window > before - 12, `${second} s: ${window}`);
  });
  assert.ok(windows[14]! > most, "beyond the old maximum after K = 9 s");
});

Deno.test("a small window grows as Reno's would, half a segment a round trip", () => {
  // 3 (1 - 0.7) / (1 + 0.7) = 0.529 segments a round trip: the cubic is slower at 10 segments.
  const calls = cubic();
  calls.open(10);
  calls.rtt(1_000_000);
  calls.loss();
  const before = calls.window();
  for (let round = 0; round < 4; round++) calls.acked(Math.round(calls.window()), 1_000_000);
  const each = (calls.window() - before) / 4;
  assert.ok(Math.abs(each - 0.53) < 0.03, `${each} segments a round trip`);
});

Deno.test("a flow that loses below its last maximum leaves more room", () => {
  const calls = cubic();
  calls.open(100);
  calls.loss();
  assert.equal(calls.maximum(), 100);
  calls.loss();
  assert.ok(Math.abs(calls.maximum() - 70 * 1.7 / 2) < 1e-9, `${calls.maximum()}`);
  assert.ok(Math.abs(calls.window() - 49) < 1e-9);
});

Deno.test("a window that is not used does not grow", () => {
  const calls = cubic();
  calls.open(50);
  calls.rtt(1_000_000);
  for (let times = 0; times < 100; times++) calls.unused(1);
  assert.equal(calls.window(), 50);
});

FAULTS.forEach(({ name }, number) =>
  Deno.test(`the rule of losses is broken where ${name}`, () => {
    const brokenRule = (fault: number) => {
      const machine = bareMachine(inside, { costs: { loss_ppm: 20_000 } });
      const { calls, constants } = machine;
      (calls as unknown as { plantFault(number: number): void }).plantFault(fault);
      calls.groupSet(constants.TEST_TCP_STREAM, 4, 1, 1, 1, 65536, 0, 0);
      calls.machineStart(2e6, 6e6);
      while (calls.machineRun(10_000) < 2);
      return calls.checkMachine();
    };
    assert.equal(brokenRule(-1), 0);
    assert.equal(brokenRule(number), RULE_LOST);
  })
);
