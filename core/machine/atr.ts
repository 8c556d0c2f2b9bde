// deno-fmt-ignore-file
// Application targeted routing of the i40e driver (i40e_atr): it samples the TCP packets it sends
// (all SYN and FIN, else each n-th of a ring) and steers the flow's receive side to the queue of
// the same number, once the device has programmed the filter. FIN removes it. The filters share
// the flow director's table, which says whether there is room. A flow that ends while the driver
// does not sample leaves its filter there. Never touches a rule.

import { cancel, now, schedule } from "../lib/wheel";
import { EV_ATR, FLAG_FIN, FLAG_SYN, FLAG_UDP, Packet } from "./abi";
import { Connection, connectionAt } from "./connection";
import { ATR_SAMPLE, cost, RULE_PROGRAM } from "./costs";
import { atrGive, atrRuns, atrTake } from "./flow_room";
import { queueAt } from "./queue";

/** Stops what is being programmed; a filter in force is forgotten, not removed. */
export function atrForget(connection: Connection): void {
  if (connection.atrEvent != 0) {
    cancel(connection.atrEvent);
    connection.atrEvent = 0;
    if (connection.atrQueue < 0) atrGive();
  }
  connection.atrQueue = -1;
  connection.atrNext = -1;
}

function remove(connection: Connection): void {
  const isInForce = connection.atrQueue >= 0;
  atrForget(connection);
  if (isInForce) atrGive();
}

/** The driver sends a packet on a queue. */
export function atrSample(connection: Connection, packet: Packet, index: u32): void {
  const period = <u32>cost(ATR_SAMPLE);
  if (period == 0 || (packet.flags & FLAG_UDP) != 0 || !atrRuns()) return;
  const queue = queueAt(index);
  queue.atrCount++;
  if ((packet.flags & (FLAG_SYN | FLAG_FIN)) == 0 && queue.atrCount < period) return;
  queue.atrCount = 0;
  if ((packet.flags & FLAG_FIN) != 0) {
    remove(connection);
    return;
  }
  const isPending = connection.atrEvent != 0;
  if ((isPending ? connection.atrNext : connection.atrQueue) == <i32>index) return;
  if (isPending) cancel(connection.atrEvent);
  else if (connection.atrQueue < 0 && !atrTake()) return;
  connection.atrNext = index;
  connection.atrEvent = schedule(now() + cost(RULE_PROGRAM), EV_ATR, packet.connection);
}

/** The device has programmed a connection's filter. */
export function atrActivate(index: u32): void {
  const connection = connectionAt(index);
  connection.atrEvent = 0;
  connection.atrQueue = connection.atrNext;
}
