// deno-fmt-ignore-file
// Time on the wire: a full-duplex Ethernet link, one serialiser each way. Each frame takes its
// bytes + 24 (preamble and start 8, check sequence 4, gap 12), at least 60 + 24. What a division
// leaves is carried to the next frame, so the long-run rate is exact in ticks of 100 ps. Holds no
// queue: who sends next is decided in peer.ts and ring.ts.

import { prngBelow } from "../lib/prng";
import { prngOf, PURPOSE_LOSS } from "./abi";
import { cost, LOSS } from "./costs";

const OVERHEAD_BYTES: u32 = 24;
const FRAME_MIN_BYTES: u32 = 60;
/** Ticks x Gb/s that a byte takes: 8 bits x 10 ticks a nanosecond. */
const TICKS_GBPS_PER_BYTE: u32 = 80;

/** Ethernet + IPv4 + TCP with timestamps; Ethernet + IPv4 + UDP; Ethernet + IPv4. */
export const TCP_HEADERS: u32 = 66;
export const UDP_HEADERS: u32 = 42;
export const IP_HEADERS: u32 = 34;
/** Payload of a full TCP segment, of a whole datagram, of a fragment but the last. */
export const TCP_SEGMENT: u32 = 1448;
export const UDP_SEGMENT: u32 = 1472;

let gbps: u32 = 10;
let carryToHost: u32 = 0;
let carryToPeer: u32 = 0;

/** Sets the speed of both directions. */
export function linkInit(speedGbps: u32): void {
  assert(speedGbps > 0);
  gbps = speedGbps;
  carryToHost = 0;
  carryToPeer = 0;
}

/** Ticks that a frame of `bytes` (without check sequence) holds the link towards the host. */
export function linkToHost(bytes: u32): u64 {
  const work = (max(bytes, FRAME_MIN_BYTES) + OVERHEAD_BYTES) * TICKS_GBPS_PER_BYTE + carryToHost;
  carryToHost = work % gbps;
  return work / gbps;
}

/** Ticks that a frame of `bytes` (without check sequence) holds the link towards the peer. */
export function linkToPeer(bytes: u32): u64 {
  const work = (max(bytes, FRAME_MIN_BYTES) + OVERHEAD_BYTES) * TICKS_GBPS_PER_BYTE + carryToPeer;
  carryToPeer = work % gbps;
  return work / gbps;
}

/** Whether the link loses the next frame. */
export function linkLoses(): bool {
  const ppm = <u32>cost(LOSS);
  return ppm != 0 && prngBelow(prngOf(PURPOSE_LOSS), 1000000) < ppm;
}
