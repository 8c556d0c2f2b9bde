// deno-fmt-ignore-file
// Which queue a packet takes. Receive: flow-director rule, else what ATR has learnt (TCP, as long
// as no TCP rule exists), else RSS. Transmit: what the policy says where one is in force, else XPS
// of the sending CPU, else the hash; a TCP socket with data under way keeps its queue, so that
// nothing is reordered (netdev_pick_tx and ooo_okay). Counts nothing.

import { FLAG_FIN, FLAG_FRAGMENT, FLAG_SYN, FLAG_UDP, Packet } from "./abi";
import { Connection, PROTOCOL_TCP } from "./connection";
import { ATR_SAMPLE, cost } from "./costs";
import { cpuAt } from "./cpu";
import { ruleGeneration, ruleQueue, ruleTcpCount } from "./flow_director";
import { netdevPickTx } from "./policy";
import { queueAt, queues } from "./queue";
import { rssQueue } from "./rss";

/** Receive queue of a frame. */
export function rxQueueOf(connection: Connection, packet: Packet): u32 {
  if ((packet.flags & FLAG_FRAGMENT) != 0) return rssQueue(connection.fragmentHash);
  const generation = ruleGeneration();
  if (connection.ruleSeen != generation) {
    connection.ruleSeen = generation;
    connection.ruleQueue = ruleQueue(
      connection.protocol,
      connection.source,
      connection.destination,
      connection.ports,
    );
  }
  if (connection.ruleQueue >= 0) return connection.ruleQueue;
  if (connection.atrQueue >= 0 && ruleTcpCount() == 0) return connection.atrQueue;
  return rssQueue(connection.hash);
}

/** Transmit queue of a packet that a CPU sends. */
export function txQueueOf(connection: Connection, cpu: u32): u32 {
  if (connection.flowHead != 0) return connection.flowQueue;
  if (connection.txQueue >= 0 && connection.txInflight + connection.txHeld != 0) {
    return connection.txQueue;
  }
  const xps = cpuAt(cpu).xpsQueue;
  const hash = connection.hash % queues();
  let queue =
    connection.instance >= 0 ? netdevPickTx(connection.instance, xps, hash) : xps >= 0 ? xps : hash;
  if (queue < 0 || <u32>queue >= queues()) queue = hash;
  connection.txQueue = connection.protocol == PROTOCOL_TCP ? queue : -1;
  return queue;
}

/**
 * Application targeted routing: the driver samples TCP packets it sends (all SYN and FIN, else each
 * n-th of a ring) and steers the flow's receive side to the queue of the same number.
 */
export function atrSample(connection: Connection, packet: Packet, index: u32): void {
  const period = <u32>cost(ATR_SAMPLE);
  if (period == 0 || (packet.flags & FLAG_UDP) != 0 || ruleTcpCount() != 0) return;
  const queue = queueAt(index);
  queue.atrCount++;
  if ((packet.flags & (FLAG_SYN | FLAG_FIN)) == 0 && queue.atrCount < period) return;
  queue.atrCount = 0;
  connection.atrQueue = (packet.flags & FLAG_FIN) != 0 ? -1 : <i32>index;
}
