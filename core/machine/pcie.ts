// deno-fmt-ignore-file
// Bandwidth of the device's slot: one serialiser each way, for data, descriptors, write-backs,
// doorbells and interrupt messages, with the headers of PCIe's transaction layer packets as in
// pcie-model (Neugebauer et al., SIGCOMM 2018). Fixed latencies of the bus are costs of their own
// and not in here. A read is entered when it is asked for, its completions at the same instant.
// Holds no queue: who asks waits as long as the answer says.

import { now } from "../lib/wheel";
import { cost, PCIE_MBPS, PCIE_PAYLOAD, PCIE_READ } from "./costs";
import { pcieStallTicks } from "./fault";

/** Headers of a memory write and of a read request with 64-bit address, and of a completion. */
const WRITE_HEADER: u32 = 24;
const REQUEST_HEADER: u32 = 24;
const COMPLETION_HEADER: u32 = 20;
/** A register, or the message of an interrupt. */
const WORD_BYTES: u32 = 4;

/** Times are kept in 2^-16 ticks. */
const FRACTION: u64 = 16;
/** Ticks x Mbit/s that a byte takes. */
const TICKS_MBPS_PER_BYTE: u64 = 80000;

let perByte: u64 = 0;
let payloadMax: u32 = 256;
let readMax: u32 = 512;
let toHostFree: u64 = 0;
let toDeviceFree: u64 = 0;

/** An idle slot with the bandwidth that the costs say. */
export function pcieInit(): void {
  const mbps = cost(PCIE_MBPS);
  perByte = mbps == 0 ? 0 : (TICKS_MBPS_PER_BYTE << FRACTION) / mbps;
  payloadMax = max(<u32>cost(PCIE_PAYLOAD), 1);
  readMax = max(<u32>cost(PCIE_READ), 1);
  toHostFree = 0;
  toDeviceFree = 0;
}

@inline
function pieces(bytes: u32, most: u32): u32 {
  return (bytes + most - 1) / most;
}

/** Ticks until so many bytes, headers included, have passed towards the host. */
export function pcieToHost(bytes: u32): u64 {
  const time = now() << FRACTION;
  toHostFree = max(toHostFree, time + (pcieStallTicks() << FRACTION)) + bytes * perByte;
  return (toHostFree - time) >> FRACTION;
}

/** Ticks until so many bytes, headers included, have passed towards the device. */
export function pcieToDevice(bytes: u32): u64 {
  const time = now() << FRACTION;
  toDeviceFree = max(toDeviceFree, time + (pcieStallTicks() << FRACTION)) + bytes * perByte;
  return (toDeviceFree - time) >> FRACTION;
}

/** The device writes to host memory: ticks until the last byte has passed. */
export function pcieWrite(bytes: u32): u64 {
  return pcieToHost(bytes + pieces(bytes, payloadMax) * WRITE_HEADER);
}

/** The device raises an interrupt or writes a head pointer: ticks until it has passed. */
export function pcieWriteWord(): u64 {
  return pcieToHost(WORD_BYTES + WRITE_HEADER);
}

/** The device reads host memory: ticks until the last byte has come, requests included. */
export function pcieRead(bytes: u32): u64 {
  const asked = pcieToHost(pieces(bytes, readMax) * REQUEST_HEADER);
  return asked + pcieToDevice(bytes + pieces(bytes, payloadMax) * COMPLETION_HEADER);
}

/** The driver writes a register, a doorbell for example: ticks until it has passed. */
export function pcieRegister(): u64 {
  return pcieToDevice(WORD_BYTES + WRITE_HEADER);
}
