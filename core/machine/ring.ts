// deno-fmt-ignore-file
// Descriptor rings, device side and driver side. Receive: a frame takes a descriptor or is dropped
// here; the driver gives descriptors back in batches of 32. Transmit: packets are fetched after the
// doorbell, sent frame by frame (round robin over queues), and reported complete every 4th
// descriptor (i40e_tx_map, WB_STRIDE 4) by a head write-back. What waits is in qdisc.ts. What all
// this takes on the bus is asked of pcie.ts. Knows nothing of sockets: a dropped frame and a
// cleaned packet go to those who own them.

import { now, schedule } from "../lib/wheel";
import {
  EV_PEER_RX,
  EV_RX,
  EV_TX_FETCHED,
  EV_TX_LINK,
  EV_TX_LOST,
  EV_TX_REPORT,
  FLAG_REPORT,
  FLAG_UDP,
  FLAG_UNSENT,
  Packet,
  packetAt,
  packetDrop,
  packetTake,
  RING_MAX,
  RX_RINGS,
  TX_RINGS,
} from "./abi";
import { busyPollTell } from "./busy_poll";
import { connectionAt } from "./connection";
import {
  CABLE,
  cost,
  DMA_READ,
  DMA_WRITE,
  DOORBELL,
  NIC_PACKET,
  NIC_TX,
  QUEUE_PACKET,
  TX_REPORT,
} from "./costs";
import { tcpSegment } from "./family";
import { halfOf, lostWithin, TO_PEER } from "./half_connection";
import { vectorCheck } from "./itr";
import { linkIsDown } from "./fault";
import { linkLoses, linkToPeer } from "./link";
import { frameLost } from "./loss";
import { pcieRead, pcieRegister, pcieToDevice, pcieWrite, pcieWriteWord } from "./pcie";
import {
  DESCRIPTOR_BYTES,
  deviceIsDown,
  Queue,
  queueAt,
  rxDescriptors,
  rxContainer,
  txContainer,
  txDescriptors,
} from "./queue";
import { totals } from "./totals";
import { isRemote, wireCut, wireIsOn, wireSend } from "./wire";
import { writeBackArrived } from "./write_back";

/** Descriptors the driver gives back at once. */
const REFILL_BATCH: u32 = 32;
/** Transmit descriptors that the device fetches at once. */
const FETCH_BATCH: u32 = 40;
/** Descriptors kept free: the largest packet (2 x (17 fragments + 6), rounded). */
const TX_RESERVE: u32 = 24;

let linkBusy: bool = false;
let linkQueue: u32 = 0;
let readyQueues: u64 = 0;
/** Ticks at which the device may send its next frame. */
let deviceFree: u64 = 0;
/** Bytes of frames that are on their way over the bus. */
let busBytes: u32 = 0;

/** An idle link of the device. */
export function ringsInit(): void {
  deviceFree = 0;
  busBytes = 0;
  linkBusy = false;
  linkQueue = 0;
  readyQueues = 0;
}


@inline
function rxSlot(queue: u32, counter: u32): usize {
  return RX_RINGS + ((<usize>(queue * RING_MAX + (counter % rxDescriptors()))) << 2);
}


@inline
function txSlot(queue: u32, counter: u32): usize {
  return TX_RINGS + ((<usize>(queue * RING_MAX + (counter % txDescriptors()))) << 2);
}

/** Bytes of frames that the device holds while they pass the bus. */
export function rxOnBus(): u32 {
  return busBytes;
}

/**
 * The device begins to write a frame of so many bytes to host memory; false where its queue has no
 * descriptor. A queue takes no frame faster than QUEUE_PACKET; the frame waits in the buffer.
 */
export function rxTransfer(index: u32, number: u32, bytes: u32): bool {
  const queue = queueAt(index);
  if (queue.rxFree == 0) {
    queue.rxDrops++;
    return false;
  }
  packetAt(number).queue = index;
  busBytes += bytes;
  const landed = now() + pcieWrite(bytes) + cost(DMA_WRITE);
  queue.rxPaced = max(landed, queue.rxPaced + cost(QUEUE_PACKET));
  schedule(queue.rxPaced, EV_RX, number);
  return true;
}

/** A frame is in host memory; false where there was no descriptor for it. */
export function rxArrive(number: u32): bool {
  const packet = packetAt(number);
  const index = packet.queue;
  busBytes -= packet.payload + packet.headers;
  const queue = queueAt(index);
  if (queue.rxFree == 0) {
    queue.rxDrops++;
    return false;
  }
  queue.rxFree--;
  store<u32>(rxSlot(index, queue.rxTail), number);
  queue.rxTail++;
  rxContainer(index).pending = 1;
  queue.rxArrived = now();
  writeBackArrived(index);
  vectorCheck(index);
  return true;
}

/** The first waiting frame, left in the ring. */
@inline
export function rxPeek(index: u32): u32 {
  return load<u32>(rxSlot(index, queueAt(index).rxHead));
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
    pcieRegister();
    pcieRead(REFILL_BATCH * DESCRIPTOR_BYTES);
  }
}

/** Whether the ring takes a packet of so many descriptors. */
export function txFits(index: u32, descriptors: u32): bool {
  return queueAt(index).txFree >= descriptors + TX_RESERVE;
}

/**
 * Ticks that the bus takes for a packet's descriptors and data. While others wait to be fetched,
 * its descriptors come with theirs.
 */
function fetchTicks(queue: Queue, descriptors: u32, bytes: u32): u64 {
  const isBatched = queue.txTail != queue.txFetched && queue.txBatch + descriptors <= FETCH_BATCH;
  queue.txBatch = isBatched ? queue.txBatch + descriptors : descriptors;
  const size = descriptors * DESCRIPTOR_BYTES;
  if (isBatched) pcieToDevice(size);
  else pcieRead(size);
  // The bus is first come, first served: when the data has passed, all has.
  return pcieRead(bytes);
}

/**
 * Puts a packet into the ring, which takes it over with its reference. `stops` says that no other
 * follows until a completion: such a packet is reported, or nothing would start the queue again.
 */
export function txPost(index: u32, number: u32, stops: bool): void {
  const queue = queueAt(index);
  const packet = packetAt(number);
  queue.txStride++;
  if ((packet.descriptors | queue.txStride) >= <u32>cost(TX_REPORT) || stops) {
    packet.flags |= FLAG_REPORT;
    queue.txStride = 0;
  }
  pcieRegister();
  enter(index, number);
}

/** Puts a packet of a batch into the ring: the first rings the doorbell, the last is reported. */
export function txPostBatch(index: u32, number: u32, isFirst: bool, isLast: bool): void {
  if (isFirst) pcieRegister();
  if (isLast) packetAt(number).flags |= FLAG_REPORT;
  enter(index, number);
}

function enter(index: u32, number: u32): void {
  const queue = queueAt(index);
  const packet = packetAt(number);
  const descriptors = packet.descriptors;
  const bus = fetchTicks(queue, descriptors, packet.payload + packet.headers);
  store<u32>(txSlot(index, queue.txTail), number);
  queue.txTail++;
  queue.txFree -= descriptors;
  // Doorbell, descriptor read, data read; later data streams behind the first.
  const fetched = now() + cost(DOORBELL) + 2 * cost(DMA_READ) + cost(NIC_TX) + bus;
  queue.txPaced = max(fetched, queue.txPaced + cost(QUEUE_PACKET));
  schedule(queue.txPaced, EV_TX_FETCHED, index);
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
  const packet = packetAt(load<u32>(txSlot(linkQueue, queue.txSent)));
  const segment = tcpSegment(connectionAt(packet.connection));
  const left = packet.payload - packet.sent * segment;
  const payload = packet.frames > 1 ? min(left, segment) : packet.payload;
  const bytes = payload + packet.headers;
  queue.txPackets++;
  queue.txBytes += bytes;
  linkBusy = true;
  // The device makes no more than one frame in NIC_PACKET, however short they are on the wire.
  const sent = max(now() + linkToPeer(bytes), deviceFree + cost(NIC_PACKET));
  deviceFree = sent;
  schedule(sent, EV_TX_LINK, 0);
}

/** The next frame of a packet does not reach the other end: lost on the link, or to a reset. */
function loseFrame(number: u32, packet: Packet, goesOut: bool): void {
  if (deviceIsDown()) totals().dropReset++;
  else if (linkIsDown()) totals().downToPeer++;
  else totals().lostToPeer++;
  if (goesOut) {
    frameLost(wireCut(packet), TO_PEER);
    return;
  }
  if (packet.frames == 1) {
    packet.flags |= FLAG_UNSENT;
    packet.references++;
    frameLost(number, TO_PEER);
    return;
  }
  const segment = tcpSegment(connectionAt(packet.connection));
  const first = packet.sent * segment;
  const payload = min(packet.payload - first, segment);
  const lost = packetTake(packet.connection, 0, payload, packet.headers);
  packetAt(lost).life = packet.life;
  packetAt(lost).sequence = packet.sequence + first;
  frameLost(lost, TO_PEER);
}

/** Whether the link has brought at least one frame of a packet to the peer. */
function someArrive(packet: Packet): bool {
  if (packet.frames == 1) return (packet.flags & FLAG_UNSENT) == 0;
  const connection = connectionAt(packet.connection);
  if (packet.life != connection.life) return true;
  return lostWithin(halfOf(connection, TO_PEER), packet) != packet.payload;
}

/** The device's link has sent a frame. */
export function txLinkDone(): void {
  const queue = queueAt(linkQueue);
  const number = load<u32>(txSlot(linkQueue, queue.txSent));
  const packet = packetAt(number);
  const goesOut = wireIsOn() && isRemote(connectionAt(packet.connection));
  if (deviceIsDown() || linkIsDown() || linkLoses()) loseFrame(number, packet, goesOut);
  else if (goesOut) wireSend(packet);
  packet.sent++;
  if (packet.sent == packet.frames) {
    if (!goesOut && someArrive(packet)) {
      packet.references++;
      schedule(now() + cost(CABLE), EV_PEER_RX, number);
    }
    queue.txSent++;
    if ((packet.flags & FLAG_REPORT) != 0) {
      queue.reportsDue++;
      schedule(now() + cost(DMA_WRITE) + pcieWriteWord(), EV_TX_REPORT, linkQueue);
    }
    if (queue.txSent == queue.txFetched) readyQueues &= ~((<u64>1) << linkQueue);
  }
  linkBusy = false;
  if (readyQueues != 0) sendNext();
}

/** A head write-back: everything up to the next reported packet is complete. */
export function txReport(index: u32): void {
  const queue = queueAt(index);
  queue.reportsDue--;
  let reported = queue.txReported;
  while (true) {
    assert(reported != queue.txSent);
    const packet = packetAt(load<u32>(txSlot(index, reported)));
    reported++;
    if ((packet.flags & FLAG_REPORT) != 0) break;
  }
  queue.txReported = reported;
  busyPollTell(index);
  txContainer(index).pending = 1;
  vectorCheck(index);
}

/** A packet that the driver cannot hand to the device is lost, with all its frames. */
export function txLose(number: u32): void {
  schedule(now(), EV_TX_LOST, number);
}

/** It is lost now: its sender learns of it by its timer. */
export function txLost(number: u32): void {
  const packet = packetAt(number);
  const connection = connectionAt(packet.connection);
  const goesOut = wireIsOn() && isRemote(connection);
  while (packet.sent < packet.frames) {
    loseFrame(number, packet, goesOut);
    packet.sent++;
  }
  if ((packet.flags & FLAG_UDP) == 0 && packet.life == connection.life) {
    connection.txHeld -= packet.payload;
  }
  packetDrop(number);
}

/** The packet at a running counter of a receive ring. */
export function rxAt(index: u32, counter: u32): u32 {
  return load<u32>(rxSlot(index, counter));
}

/** The packet at a running counter of a transmit ring. */
export function txAt(index: u32, counter: u32): u32 {
  return load<u32>(txSlot(index, counter));
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
  const number = load<u32>(txSlot(index, queue.txHead));
  const packet = packetAt(number);
  const container = txContainer(index);
  container.packets += packet.frames;
  container.bytes += packet.payload + packet.frames * packet.headers;
  queue.txHead++;
  queue.txFree += packet.descriptors;
  return number;
}
