// deno-fmt-ignore-file
// Faults of the machine, each off where its parameter is 0: the link goes down, frames overtake
// each other on the wire, an interrupt message is lost, the bus stands still, timers run late. Loss
// on the link is in link.ts, a full ring is a short ring. What recovers from a lost interrupt is
// what the i40e driver has: its service task forces an interrupt on a vector whose transmit queue
// has work and has not moved since its last look (i40e_detect_recover_hung). Off, nothing here
// draws or schedules.

import { prngBelow } from "../lib/prng";
import { now, schedule } from "../lib/wheel";
import {
  EV_RX_LATE,
  EV_SERVICE,
  FLAG_COPY,
  FLAG_DUPLICATE,
  FLAG_FIN,
  FLAG_FRAGMENT,
  FLAG_SYN,
  FLAG_UDP,
  packetAt,
  packetTake,
  prngOf,
  PURPOSE_MSIX,
  PURPOSE_REORDER,
} from "./abi";
import { connectionAt } from "./connection";
import {
  cost,
  LINK_DOWN,
  LINK_FLAP_PERIOD,
  MSIX_LOSS,
  PCIE_STALL,
  PCIE_STALL_PERIOD,
  REORDER,
  REORDER_DELAY,
  SERVICE_TASK,
  TIMER_DRIFT,
} from "./costs";
import { halfOf, holeAdd, TO_HOST } from "./half_connection";
import { vectorForce } from "./itr";
import { deviceIsDown, Queue, queueAt, queues } from "./queue";
import { timerStart } from "./recovery";
import { totals } from "./totals";

const TICKS_PER_USEC: u64 = 10000;
const MILLION: u32 = 1000000;

/** Ticks until what fails at the end of each period, which is not 0, goes on; 0 before that end. */
function untilBack(period: u32, length: u32): u64 {
  const ticks = cost(period) * TICKS_PER_USEC;
  const left = ticks - now() % ticks;
  return left <= cost(length) * TICKS_PER_USEC ? left : 0;
}

/** Whether the link is down. */
@inline
export function linkIsDown(): bool {
  return cost(LINK_FLAP_PERIOD) != 0 && untilBack(LINK_FLAP_PERIOD, LINK_DOWN) != 0;
}

/** Ticks for which the bus stands still from now on. */
@inline
export function pcieStallTicks(): u64 {
  return cost(PCIE_STALL_PERIOD) == 0 ? 0 : untilBack(PCIE_STALL_PERIOD, PCIE_STALL);
}

function draws(ppm: u32, purpose: u32): bool {
  return ppm != 0 && prngBelow(prngOf(purpose), MILLION) < ppm;
}

/** Whether the next interrupt message is lost. */
export function msixIsLost(): bool {
  return draws(<u32>cost(MSIX_LOSS), PURPOSE_MSIX);
}

/** How long a timer of the host takes that is set to so many ticks. */
export function timerTicks(ticks: u64): u64 {
  const drift = cost(TIMER_DRIFT);
  return drift == 0 ? ticks : ticks + (ticks * drift) / MILLION;
}

/**
 * Whether a frame to the host, which would reach the device at `arrival`, comes later than those
 * behind it. TCP has a hole until then, which is not lost: a sender that waits for a reordering
 * window (RACK, RFC 8985) sends nothing again.
 */
export function overtaken(number: u32, arrival: u64): bool {
  const ppm = <u32>cost(REORDER);
  if (ppm == 0) return false;
  const packet = packetAt(number);
  const flags = packet.flags;
  const isWhole = (flags & (FLAG_SYN | FLAG_FIN | FLAG_COPY | FLAG_DUPLICATE | FLAG_FRAGMENT)) == 0;
  if (!isWhole || packet.payload == 0 || !draws(ppm, PURPOSE_REORDER)) return false;
  if ((flags & FLAG_UDP) == 0) {
    const hole = packetTake(packet.connection, 0, packet.payload, packet.headers);
    packetAt(hole).life = packet.life;
    packetAt(hole).sequence = packet.sequence;
    holeAdd(halfOf(connectionAt(packet.connection), TO_HOST), hole);
    timerStart(packet.connection, TO_HOST);
    packet.flags |= FLAG_COPY;
  }
  totals().overtaken++;
  schedule(arrival + cost(REORDER_DELAY) * TICKS_PER_USEC, EV_RX_LATE, number);
  return true;
}

/** Starts the service task, if there is something for it to find. */
export function serviceStart(): void {
  if (cost(MSIX_LOSS) != 0) schedule(now() + cost(SERVICE_TASK) * TICKS_PER_USEC, EV_SERVICE, 0);
}

/** Whether a transmit queue has work and has cleaned nothing since the last look. */
function hangs(queue: Queue): bool {
  const isPending = queue.txTail != queue.txHead;
  const hasHung = isPending && queue.serviceSeen == queue.txHead + 1;
  // The counter is kept with 1 more: 0 says that there was nothing to do.
  queue.serviceSeen = isPending ? queue.txHead + 1 : 0;
  return hasHung;
}

/** The service task looks at all transmit queues, and forces an interrupt where one hangs. */
export function serviceTask(): void {
  for (let i: u32 = 0; i < queues() && !deviceIsDown(); i++) {
    const queue = queueAt(i);
    if (!hangs(queue)) continue;
    // A poll that is only slow is interrupted as well.
    queue.napiRaced = 1;
    totals().serviceInterrupts++;
    vectorForce(i);
  }
  schedule(now() + cost(SERVICE_TASK) * TICKS_PER_USEC, EV_SERVICE, 0);
}
