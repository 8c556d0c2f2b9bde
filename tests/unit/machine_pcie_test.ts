/**
 * The device's slot: bytes of each operation on the bus, the published goodput of a NIC on it, and
 * what it does to frames and packets on their way.
 *
 * @module
 */

import assert from "node:assert/strict";
import { compileVariant } from "./machine_parts.ts";
import {
  bareGroup,
  bareMachine,
  groupOf,
  loadModules,
  runToEnd,
  withCosts,
} from "./machine_runs.ts";
import { X710, XL710 } from "./machine_runs.ts";

const modules = await loadModules();
const module = await compileVariant({
  more: `
    import { pcieRead, pcieRegister, pcieToDevice, pcieToHost, pcieWrite, pcieWriteWord }
      from "./machine/pcie";
    import { packetTake } from "./machine/abi";
    import { rxTransfer, txPost } from "./machine/ring";
    export function busWrite(bytes: u32): f64 { return <f64>pcieWrite(bytes); }
    export function busRead(bytes: u32): f64 { return <f64>pcieRead(bytes); }
    export function busWord(): f64 { return <f64>pcieWriteWord(); }
    export function busRegister(): f64 { return <f64>pcieRegister(); }
    export function busToHost(bytes: u32): f64 { return <f64>pcieToHost(bytes); }
    export function busToDevice(bytes: u32): f64 { return <f64>pcieToDevice(bytes); }
    export function receive(queue: u32, payload: u32): bool {
      return rxTransfer(queue, packetTake(0, 0, payload, 66), payload + 66);
    }
    export function send(queue: u32): void { txPost(queue, packetTake(0, 0, 0, 60), false); }
    /** Kind of the next event, whose effect is left out; 0 none. */
    export function nextKind(): u32 {
      const index = takeEvent();
      return index == 0 ? 0 : eventAt(index).kind;
    }
  `,
});

type Bus = Record<
  "busWrite" | "busRead" | "busToHost" | "busToDevice" | "busWord" | "busRegister",
  (bytes?: number) => number
>;

function busOf(costs: Record<string, number> = {}) {
  const machine = bareMachine(module, { costs });
  return machine.calls as unknown as Bus & Record<string, (...values: number[]) => number>;
}

/** Ticks of 100 ps that bytes take at 57.88 Gb/s, as the call answers them. */
function ticks(bytes: number): number {
  return Math.floor(bytes * 80 / 57.88);
}

Deno.test("an operation takes its bytes and the headers of its packets, each way on its own", () => {
  assert.equal(busOf().busWrite(60), ticks(60 + 24));
  assert.equal(busOf().busWrite(1514), ticks(1514 + 6 * 24), "256 bytes a packet");
  assert.equal(busOf().busWord(), ticks(28));
  assert.equal(busOf().busRegister(), ticks(28));
  const read = busOf();
  assert.ok(Math.abs(read.busRead(1514) - ticks(3 * 24) - ticks(1514 + 6 * 20)) <= 1);
  assert.equal(read.busToHost(0), ticks(3 * 24), "requests of 512 bytes");
  assert.equal(read.busToDevice(0), ticks(1514 + 6 * 20));
});

Deno.test("what comes second waits for the first; the other direction does not", () => {
  const bus = busOf();
  bus.busWrite(1500);
  assert.equal(bus.busWrite(60), ticks(1500 + 6 * 24 + 60 + 24));
  assert.equal(bus.busRegister(), ticks(28));
});

Deno.test("a slot without limit takes no time", () => {
  const bus = busOf({ pcie_mbps: 0 });
  assert.equal(bus.busWrite(9000), 0);
  assert.equal(bus.busRead(9000), 0);
});

const SIZES = [64, 128, 256, 512, 1024, 1500];
/** Frames of a round: whole batches of 40, 32 and 8. */
const FRAMES = 160;

/** What one driver does beside data and descriptors, per round of 160 frames. */
interface Driver {
  readonly doorbells: number;
  readonly interrupts: number;
  readonly txHeadReads: number;
  readonly rxHeadReads: number;
}
const KERNEL: Driver = { doorbells: 160, interrupts: 5, txHeadReads: 160, rxHeadReads: 20 };
const DPDK: Driver = { doorbells: 5, interrupts: 0, txHeadReads: 0, rxHeadReads: 0 };

function repeat(count: number, step: () => void): void {
  for (let i = 0; i < count; i++) step();
}

function headReads(bus: Bus, count: number): void {
  repeat(count, () => bus.busToDevice(24));
  repeat(count, () => bus.busToHost(4 + 20));
}

/** Transmit: descriptors by 40, written back by 8. */
function transmit(bus: Bus, bytes: number, driver: Driver): void {
  repeat(driver.doorbells, () => bus.busRegister());
  repeat(FRAMES / 40, () => bus.busRead(40 * 16));
  repeat(FRAMES, () => bus.busRead(bytes));
  repeat(FRAMES / 8, () => bus.busWrite(8 * 16));
  repeat(driver.interrupts, () => bus.busWord());
  headReads(bus, driver.txHeadReads);
}

/** Receive: refilled by 32, each descriptor written back; pcie-model leaves its requests out. */
function receive(bus: Bus, bytes: number, driver: Driver): void {
  repeat(FRAMES / 32, () => bus.busRegister());
  repeat(FRAMES, () => bus.busToDevice(16 + 20));
  repeat(FRAMES, () => bus.busWrite(bytes));
  repeat(FRAMES, () => bus.busWrite(16));
  repeat(driver.interrupts, () => bus.busWord());
  headReads(bus, driver.rxHeadReads);
}

/** Gb/s of frames without check sequence that the slot lets pass. */
function goodput(frameBytes: number, driver: Driver, way: "both" | "transmit" | "receive"): number {
  const bus = busOf();
  const bytes = frameBytes - 4;
  if (way !== "receive") transmit(bus, bytes, driver);
  if (way !== "transmit") receive(bus, bytes, driver);
  return FRAMES * bytes * 80 / Math.max(bus.busToHost(0), bus.busToDevice(0));
}

/** Neugebauer et al., SIGCOMM 2018, by frame size. */
const PUBLISHED = [
  ["kernel driver, both directions", KERNEL, "both", [17.6, 27.5, 37.5, 44.0, 47.1, 48.1]],
  ["kernel driver, transmit", KERNEL, "transmit", [23.2, 33.6, 42.7, 47.6, 50.5, 51.4]],
  ["kernel driver, receive", KERNEL, "receive", [27.2, 37.4, 45.6, 49.0, 50.9, 51.4]],
  ["DPDK, both directions", DPDK, "both", [20.6, 30.9, 40.5, 45.9, 48.2, 48.9]],
] as const;

for (const [name, driver, way, published] of PUBLISHED) {
  Deno.test(`goodput of a PCIe 3.0 x8 slot as published: ${name}`, () => {
    SIZES.forEach((size, index) => {
      const gbps = goodput(size, driver, way);
      assert.ok(Math.abs(gbps / published[index]! - 1) < 0.01, `${size} bytes: ${gbps} Gb/s`);
    });
  });
}

/** Times in us at which the next events of a kind happen. */
function times(calls: ReturnType<typeof busOf>, kind: number, count: number): number[] {
  const found: number[] = [];
  while (found.length < count) {
    const next = calls["nextKind"]!();
    if (next === 0) break;
    if (next === kind) found.push(calls["nowNs"]!() / 1000);
  }
  return found;
}
const EV_RX = 1;
const EV_TX_FETCHED = 7;

Deno.test("a queue takes 20.8 million frames a second each way, two queues twice as many", () => {
  const small = { dma_write_ns: 0, nic_tx_ns: 0, pcie_mbps: 0 };
  for (const queueCount of [1, 2]) {
    const bus = busOf(small);
    for (let i = 0; i < 100; i++) bus["receive"]!(i % queueCount, 0);
    const landed = times(bus, EV_RX, 100);
    const perSecond = 99 / (landed.at(-1)! - landed[0]!);
    assert.ok(Math.abs(perSecond - 20.83 * queueCount) < 0.6, `${perSecond} million`);
    const tx = busOf(small);
    for (let i = 0; i < 100; i++) tx["send"]!(i % queueCount);
    const fetched = times(tx, EV_TX_FETCHED, 100);
    const sent = 99 / (fetched.at(-1)! - fetched[0]!);
    assert.ok(Math.abs(sent - 20.83 * queueCount) < 0.6, `${sent} million`);
  }
});

Deno.test("full frames of many queues come to memory no faster than the slot lets them", () => {
  const bus = busOf();
  for (let i = 0; i < 80; i++) bus["receive"]!(i % 8, 1448);
  const landed = times(bus, EV_RX, 80);
  const gbps = 79 * 1514 * 8 / (landed.at(-1)! - landed[0]!) / 1000;
  assert.ok(Math.abs(gbps - 57.88 * 1514 / (1514 + 6 * 24)) < 0.1, `${gbps} Gb/s`);
});

Deno.test("a slow slot is the limit of a 40 Gb/s stream, and the device's buffer overflows", () => {
  const groups = [groupOf({ test: "UDP_STREAM", connections: 8, message_bytes: 1472 })];
  const drops = [57_880, 16_000].map((pcie_mbps) => {
    const machine = withCosts({ ...XL710, nic: { ...XL710.nic, ring: 4096 } }, { pcie_mbps });
    const measured = runToEnd(modules, { groups, machine });
    return measured.drops["device_buffer_full"] ?? 0;
  });
  assert.equal(drops[0], 0);
  assert.ok(drops[1]! > 1000, `${drops}`);
});

Deno.test("the device sends no more than 37 million frames a second however short", () => {
  const machine = bareMachine(module, { costs: { nic_packet_ns: 10_000 } });
  bareGroup(machine, "TCP_MAERTS", 8, 65_536);
  machine.calls.machineStart(1e6, 49e6);
  while (machine.calls.machineRun(10_000) < 2);
  // One frame in 10 us, for 50 ms; the link alone would take 40,000.
  const { QUEUE_TABLE, QUEUE_BYTES, QUEUE_COUNTERS } = machine.constants;
  let sent = 0;
  for (let queue = 0; queue < 8; queue++) {
    const at = QUEUE_TABLE + queue * QUEUE_BYTES + QUEUE_COUNTERS + 2 * 8;
    sent += Number(new BigUint64Array(machine.memory.buffer, at, 1)[0]);
  }
  assert.ok(sent > 4000 && sent <= 5001, `${sent} frames`);
  assert.equal(X710.costs["nic_packet_ns"], 27);
});
