// deno-fmt-ignore-file
// XDP: a program that the driver runs on each received frame before the stack knows of it. The one
// here counts and drops the frames of XDP_DROP groups (xdpsock's rxdrop, the kernel's xdp1) and
// passes all others, which pay for it. A frame it drops never becomes a socket buffer: its page
// stays in the ring. Knows nothing of queues and CPUs, and never sends or redirects a frame.

import { Packet } from "./abi";
import { connectionAt, groupAt, XDP_DROP } from "./connection";
import { cost, XDP_PROGRAM, XDP_RX } from "./costs";

let attached: bool = false;

/** No program. */
export function xdpInit(): void {
  attached = false;
}

/** Attaches the program to all queues of the device. */
export function xdpAttach(): void {
  attached = true;
}

/** Whether the program drops a frame. */
@inline
export function xdpDrops(packet: Packet): bool {
  return attached && groupAt(connectionAt(packet.connection).group).test == XDP_DROP;
}

/** What the driver and the program take for a frame that it drops, ticks. */
export function xdpDropTicks(): u64 {
  return cost(XDP_RX) + cost(XDP_PROGRAM);
}

/** What the program adds to a frame that it passes, ticks. */
@inline
export function xdpPassTicks(): u64 {
  return attached ? cost(XDP_PROGRAM) : 0;
}

/** The program has dropped a frame: its map counts it, for its group. */
export function xdpDropped(packet: Packet): void {
  const group = groupAt(connectionAt(packet.connection).group);
  group.transactions++;
  group.bytes += packet.payload;
}
