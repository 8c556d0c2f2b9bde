// deno-fmt-ignore-file
// Descriptor rings, device side and driver side. Receive: a frame takes a descriptor or is dropped
// here; the driver gives descriptors back in batches of 32. Transmit: packets are fetched after the
// doorbell, sent frame by frame (round robin over queues), and reported complete every 4th
// descriptor (i40e_tx_map, WB_STRIDE 4) by a head write-back. What waits is in qdisc.ts.
// Knows nothing of sockets: a dropped frame and a cleaned packet go to those who own them.

import { now, schedule } from "../lib/wheel";
import {
  EV_PEER_RX,
  EV_TX_FETCHED,
  EV_TX_LINK,
  EV_TX_REPORT,
  FLAG_REPORT,
  packetAt,
  packetDrop,
  RING_MAX,
  RX_RINGS,
  TX_RINGS,
} from "./abi";
import { CABLE, cost, DMA_READ, DMA_WRITE, DOORBELL, NIC_TX } from "./costs";
import { vectorCheck } from "./itr";
import { linkToPeer, TCP_SEGMENT } from "./link";
import { queueAt, ringDescriptors, rxContainer, txContainer } from "./queue";

/** Descriptors the driver gives back at once. */
const REFILL_BATCH: u32 = 32;
/** Descriptors or packets after which completion is reported. */
const REPORT_STRIDE: u32 = 4;
/** Descriptors kept free: the largest packet (2 x (17 fragments + 6), rounded). */
const TX_RESERVE: u32 = 24;

let linkBusy: bool = false;
let linkQueue: u32 = 0;
let readyQueues: u64 = 0;

/** An idle link of the device. */
export function ringsInit(): void {
  linkBusy = false;
  linkQueue = 0;
  readyQueues = 0;
}


@inline
function slotOf(base: usize, queue: u32, counter: u32): usize {
  return base + ((<usize>(queue * RING_MAX + (counter % ringDescriptors()))) << 2);
}

/** A frame is in host memory; false where there was no descriptor for it. */
export function rxArrive(index: u32, packet: u32): bool {
  const queue = queueAt(index);
  if (queue.rxFree == 0) {
    queue.rxDrops++;
    return false;
  }
  queue.rxFree--;
  store<u32>(slotOf(RX_RINGS, index, queue.rxTail), packet);
  queue.rxTail++;
  rxContainer(index).pending = 1;
  vectorCheck(index);
  return true;
}

/** Frames that wait in the receive ring. */
@inline
export function rxWaiting(index: u32): u32 {
  const queue = queueAt(index);
  return queue.rxTail - queue.rxHead;
}

/** The first waiting frame, left in the ring. */
@inline
export function rxPeek(index: u32): u32 {
  return load<u32>(slotOf(RX_RINGS, index, queueAt(index).rxHead));
}

/** The driver has cleaned the first waiting frame. */
export function rxPop(index: u32): void {
  const queue = queueAt(index);
  const packet = packetAt(rxPeek(index));
  const bytes = packet.payload + packet.headers;
  const container = rxContainer(index);
  container.packets++;
  container.bytes += bytes;
  queue.rxPackets++;
  queue.rxBytes += bytes;
  queue.rxHead++;
  queue.rxCleaned++;
  if (queue.rxCleaned >= REFILL_BATCH) {
    queue.rxFree += queue.rxCleaned;
    queue.rxCleaned = 0;
  }
}

/** Whether the ring takes a packet of so many descriptors. */
export function txFits(index: u32, descriptors: u32): bool {
  return queueAt(index).txFree >= descriptors + TX_RESERVE;
}

/**
 * Puts a packet into the ring, which takes it over with its reference. `stops` says that no other
 * follows until a completion: such a packet is reported, or nothing would start the queue again.
 */
export function txPost(index: u32, number: u32, stops: bool): void {
  const queue = queueAt(index);
  const packet = packetAt(number);
  const descriptors = packet.descriptors;
  store<u32>(slotOf(TX_RINGS, index, queue.txTail), number);
  queue.txTail++;
  queue.txFree -= descriptors;
  queue.txStride++;
  if ((descriptors | queue.txStride) >= REPORT_STRIDE || stops) {
    packet.flags |= FLAG_REPORT;
    queue.txStride = 0;
  }
  // Doorbell, descriptor read, data read; later data streams behind the first.
  schedule(now() + cost(DOORBELL) + 2 * cost(DMA_READ) + cost(NIC_TX), EV_TX_FETCHED, index);
}

/** The device has fetched the next packet of a queue. */
export function txFetched(index: u32): void {
  queueAt(index).txFetched++;
  readyQueues |= (<u64>1) << index;
  if (!linkBusy) sendNext();
}

function sendNext(): void {
  // Round robin: the first ready queue after the last one served.
  const after = linkQueue == 63 ? 0 : readyQueues & (u64.MAX_VALUE << (linkQueue + 1));
  linkQueue = <u32>ctz(after != 0 ? after : readyQueues);
  const queue = queueAt(linkQueue);
  const packet = packetAt(load<u32>(slotOf(TX_RINGS, linkQueue, queue.txSent)));
  const left = packet.payload - packet.sent * TCP_SEGMENT;
  const payload = packet.frames > 1 ? min(left, TCP_SEGMENT) : packet.payload;
  const bytes = payload + packet.headers;
  queue.txPackets++;
  queue.txBytes += bytes;
  linkBusy = true;
  schedule(now() + linkToPeer(bytes), EV_TX_LINK, 0);
}

/** The device's link has sent a frame. */
export function txLinkDone(): void {
  const queue = queueAt(linkQueue);
  const number = load<u32>(slotOf(TX_RINGS, linkQueue, queue.txSent));
  const packet = packetAt(number);
  packet.sent++;
  if (packet.sent == packet.frames) {
    packet.references++;
    schedule(now() + cost(CABLE), EV_PEER_RX, number);
    queue.txSent++;
    if ((packet.flags & FLAG_REPORT) != 0) {
      schedule(now() + cost(DMA_WRITE), EV_TX_REPORT, linkQueue);
    }
    if (queue.txSent == queue.txFetched) readyQueues &= ~((<u64>1) << linkQueue);
  }
  linkBusy = false;
  if (readyQueues != 0) sendNext();
}

/** A head write-back: everything up to the next reported packet is complete. */
export function txReport(index: u32): void {
  const queue = queueAt(index);
  let reported = queue.txReported;
  while (true) {
    assert(reported != queue.txSent);
    const packet = packetAt(load<u32>(slotOf(TX_RINGS, index, reported)));
    reported++;
    if ((packet.flags & FLAG_REPORT) != 0) break;
  }
  queue.txReported = reported;
  txContainer(index).pending = 1;
  vectorCheck(index);
}

/** The packet at a running counter of a transmit ring, for the check. */
export function txAt(index: u32, counter: u32): u32 {
  return load<u32>(slotOf(TX_RINGS, index, counter));
}

/** Completed packets that the driver has not cleaned. */
@inline
export function txWaiting(index: u32): u32 {
  const queue = queueAt(index);
  return queue.txReported - queue.txHead;
}

/** Cleans the first completed packet and returns it; the caller drops its reference. */
export function txClean(index: u32): u32 {
  const queue = queueAt(index);
  const number = load<u32>(slotOf(TX_RINGS, index, queue.txHead));
  const packet = packetAt(number);
  const container = txContainer(index);
  container.packets += packet.frames;
  container.bytes += packet.payload + packet.frames * packet.headers;
  queue.txHead++;
  queue.txFree += packet.descriptors;
  return number;
}
