/**
 * GRO with gro_flush_timeout: full segments stay from one poll to the next, and no longer than the
 * NAPI's timer.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { MachineSpec } from "../../harness/spec.ts";
import { groupOf, loadModules, runToEnd, withCosts, X710 } from "./machine_runs.ts";

const modules = await loadModules();
const SEGMENT_BYTES = 1448;

/** A device that interrupts for each frame; timeouts in microseconds. */
function machineWith(timeoutUs: number, costs: Record<string, number> = {}): MachineSpec {
  const fixed = { adaptive_rx: false, adaptive_tx: false, rx_usecs: 0, tx_usecs: 0 };
  const nic = { ...X710.nic, coalesce: { ...X710.nic.coalesce, ...fixed }, queue_pairs: 1 };
  return withCosts({ ...X710, nic }, { gro_flush_timeout_ns: timeoutUs * 1000, ...costs });
}

/** Acknowledgements that a stream sends, and the frames it gets. */
function stream(machine: MachineSpec) {
  const { queues: [queue], groups: [group] } = runToEnd(modules, {
    groups: [groupOf({ test: "TCP_STREAM" })],
    machine,
    warmupMs: 5,
  });
  return { frames: queue!.rx_packets, acks: queue!.tx_packets, bytes: group!.bytes };
}

Deno.test("segments that come poll by poll merge when a timer keeps them", () => {
  const [none, kept] = [stream(machineWith(0)), stream(machineWith(20))];
  const merged = ({ frames, acks }: typeof none) => frames / acks;
  assert.ok(merged(none) < 8, `${merged(none)} segments an acknowledgement`);
  assert.ok(merged(kept) > 3 * merged(none), `${merged(kept)} against ${merged(none)}`);
  assert.ok(kept.bytes > 0.9 * none.bytes, "and as much arrives");
});

/** Latency of a request of so many bytes that the peer sends alone. */
function latencyUs(timeoutUs: number, bytes: number, costs: Record<string, number> = {}): number {
  const group = groupOf({ test: "TCP_RR", request_bytes: bytes, pin: true });
  const { groups } = runToEnd(modules, { groups: [group], machine: machineWith(timeoutUs, costs) });
  return groups[0]!.latency_ns!.mean / 1e3;
}

Deno.test("what ends with PSH, or short, is not kept", () => {
  for (const bytes of [1, SEGMENT_BYTES, 3 * SEGMENT_BYTES, 4000]) {
    const [none, kept] = [latencyUs(0, bytes), latencyUs(200, bytes)];
    assert.ok(kept < none + 5, `${bytes} bytes: ${kept} and ${none} us`);
  }
});

Deno.test("a stream that pauses goes up when the timer is over, not later", () => {
  // A window of three segments: the peer waits for the acknowledgement of what GRO keeps.
  const window = { tcp_window_bytes: 3 * SEGMENT_BYTES };
  const perSecond = [0, 50, 200].map((us) => stream(machineWith(us, window)).bytes * 100);
  const roundsUs = perSecond.map((bytes) => 3 * SEGMENT_BYTES / bytes * 1e6);
  assert.ok(roundsUs[0]! < 45, `${roundsUs[0]} us a window without the timer`);
  for (const [place, timeout] of [[1, 50], [2, 200]] as const) {
    const held = roundsUs[place]! - roundsUs[0]!;
    assert.ok(held > 0.5 * timeout && held < timeout + 10, `${held} us with ${timeout}`);
  }
});

Deno.test("no segment is kept for longer than a jiffy, however long the timer", () => {
  const window = { tcp_window_bytes: 3 * SEGMENT_BYTES, timer_hz: 1000 };
  // The timer of 20 ms is the only one to come: the next poll finds what is old.
  const { bytes } = stream(machineWith(20_000, window));
  assert.ok(bytes < 10 * 3 * SEGMENT_BYTES, `${bytes} bytes: nothing else polls`);
});
