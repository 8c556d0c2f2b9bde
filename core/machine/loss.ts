// deno-fmt-ignore-file
// What becomes of a frame that was lost on its way, by a ring, the device's buffer or the link:
// data of TCP leave a hole, a SYN or FIN comes again after its time, an acknowledgement is gone
// for ever, a datagram is the peer's loss. Takes over the packet with its reference.

import { now, schedule } from "../lib/wheel";
import {
  EV_LOST,
  EV_RETRANSMIT,
  FLAG_COPY,
  FLAG_DUPLICATE,
  FLAG_FIN,
  FLAG_LAST,
  FLAG_SYN,
  FLAG_TO_PEER,
  FLAG_UDP,
  packetAt,
  packetDrop,
} from "./abi";
import { connectionAt, groupAt, UDP_RR } from "./connection";
import { cost, RETRANSMIT, SYN_RETRANSMIT } from "./costs";
import { TO_HOST, TO_PEER } from "./half_connection";
import { segmentLost, timerStart } from "./recovery";
import { totals } from "./totals";

/** A datagram of a connection was lost: the peer gives the transaction up after its time. */
export function datagramLost(index: u32): void {
  if (groupAt(connectionAt(index).group).test != UDP_RR) return;
  schedule(now() + cost(RETRANSMIT), EV_LOST, index);
}

function otherWay(direction: u32): u32 {
  return direction == TO_HOST ? TO_PEER : TO_HOST;
}

/** A packet of one frame is lost in a direction. */
export function frameLost(number: u32, direction: u32): void {
  const packet = packetAt(number);
  const index = packet.connection;
  const flags = packet.flags;
  if ((flags & FLAG_UDP) != 0) {
    if ((flags & FLAG_LAST) != 0) datagramLost(index);
    packetDrop(number);
  } else if (packet.life != connectionAt(index).life) {
    totals().stale++;
    packetDrop(number);
  } else if ((flags & (FLAG_SYN | FLAG_FIN)) != 0) {
    const again = (flags & FLAG_SYN) != 0 ? SYN_RETRANSMIT : RETRANSMIT;
    if (direction == TO_PEER) packet.flags |= FLAG_TO_PEER;
    schedule(now() + cost(again), EV_RETRANSMIT, number);
  } else if (packet.payload != 0 && (flags & FLAG_DUPLICATE) == 0) {
    segmentLost(index, direction, number, (flags & FLAG_COPY) != 0);
  } else {
    // Of a lost acknowledgement the data's sender learns from a later one, or from its timer.
    timerStart(index, (flags & FLAG_DUPLICATE) != 0 ? direction : otherWay(direction));
    packetDrop(number);
  }
}
