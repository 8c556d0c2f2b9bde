// deno-fmt-ignore-file
// Which queue a packet takes. Receive: flow-director rule, which may drop it, else the filter of
// ATR, else RSS. Transmit: what the policy says where one is in force, else XPS
// of the sending CPU, else the hash; a TCP socket with data under way keeps its queue, so that
// nothing is reordered (netdev_pick_tx and ooo_okay). Counts nothing.

import { FLAG_FRAGMENT, Packet } from "./abi";
import { Connection, PROTOCOL_TCP } from "./connection";
import { cpuAt } from "./cpu";
import { ANSWER_NONE, FLOW_IP4, ruleGeneration, ruleQueue } from "./flow_director";
import { netdevPickTx } from "./policy";
import { queues } from "./queue";
import { rssQueue } from "./rss";

/** Receive queue of a frame, or ANSWER_DROP. */
export function rxQueueOf(connection: Connection, packet: Packet): i32 {
  if ((packet.flags & FLAG_FRAGMENT) != 0) {
    const answer = ruleQueue(FLOW_IP4, connection.source, connection.destination, 0);
    return answer != ANSWER_NONE ? answer : <i32>rssQueue(connection.fragmentHash);
  }
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
  if (connection.ruleQueue != ANSWER_NONE) return connection.ruleQueue;
  return connection.atrQueue >= 0 ? connection.atrQueue : <i32>rssQueue(connection.hash);
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
