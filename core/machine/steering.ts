// deno-fmt-ignore-file
// Which queue a packet takes. Receive: flow-director rule, which may drop it, else the filter of
// ATR, else RSS. Transmit: what the policy says where one is in force, else XPS by the queue that
// the flow came by or by the sending CPU, else the hash; a TCP socket with data under way keeps its
// queue, so that nothing is reordered (netdev_pick_tx and ooo_okay). Counts nothing.

import { FLAG_FRAGMENT, Packet } from "./abi";
import { Connection, PROTOCOL_TCP } from "./connection";
import { cpuAt, cpus } from "./cpu";
import { flowTypeOf, PREFIX } from "./family";
import {
  ANSWER_NONE,
  ruleFlex,
  ruleGeneration,
  ruleQueue,
  ruleQueueV6,
} from "./flow_director";
import { FLOW_IP } from "./flow_match";
import { payloadWord } from "./payload";
import { netdevPickTx } from "./policy";
import { queueAt, queues } from "./queue";
import { rssQueue } from "./rss";

/** What the rules give a connection's frames with this word at the flexible place, -1 for none. */
function ruled(connection: Connection, flexWord: i32): i32 {
  const type = flowTypeOf(connection);
  const source = connection.source;
  const destination = connection.destination;
  if (connection.isV6 == 0) {
    return ruleQueue(type, source, destination, connection.ports, flexWord);
  }
  return ruleQueueV6(type, PREFIX, source, destination, connection.ports, flexWord);
}

/** Receive queue of a frame, or ANSWER_DROP. */
export function rxQueueOf(connection: Connection, packet: Packet): i32 {
  if ((packet.flags & FLAG_FRAGMENT) != 0) {
    // Rules for other IPv6 are not for its fragments, unlike those for IPv4 (i40e_ethtool.c).
    const answer = connection.isV6 != 0
      ? ANSWER_NONE
      : ruleQueue(FLOW_IP, connection.source, connection.destination, 0, -1);
    return answer != ANSWER_NONE ? answer : <i32>rssQueue(connection.fragmentHash);
  }
  const generation = ruleGeneration();
  if (connection.ruleSeen != generation) {
    connection.ruleSeen = generation;
    connection.ruleFlex = ruleFlex(flowTypeOf(connection));
    connection.ruleQueue = ruled(connection, -1);
  }
  let answer = connection.ruleQueue;
  if (connection.ruleFlex >= 0) {
    answer = ruled(connection, payloadWord(connection, packet, connection.ruleFlex));
  }
  if (answer != ANSWER_NONE) return answer;
  return connection.atrQueue >= 0 ? connection.atrQueue : <i32>rssQueue(connection.hash);
}

/** The queue of a mask by a flow's hash: scaled to how many there are. */
function queueByHash(mask: u64, hash: u32): i32 {
  let rest = mask;
  for (let left = (<u64>hash * <u64>popcnt(mask)) >> 32; left > 0; left--) rest &= rest - 1;
  return <i32>ctz(rest);
}

/** Queue that XPS gives, -1 none: xps_rxqs before xps_cpus (get_xps_queue). */
function xpsQueueOf(connection: Connection, cpu: u32): i32 {
  let mask: u64 = connection.rxQueue >= 0 ? queueAt(connection.rxQueue).xpsQueues : 0;
  if (mask == 0) mask = cpuAt(cpu).xpsQueues;
  return mask == 0 ? -1 : queueByHash(mask, connection.hash);
}

/** Sets xps_cpus of a transmit queue: the CPUs that may take it. */
export function xpsCpusSet(queue: u32, mask: u64): void {
  const bit = (<u64>1) << queue;
  for (let i: u32 = 0; i < cpus(); i++) {
    if (((mask >> i) & 1) != 0) cpuAt(i).xpsQueues |= bit;
    else cpuAt(i).xpsQueues &= ~bit;
  }
}

/** Sets xps_rxqs of a transmit queue: the receive queues whose flows may take it. */
export function xpsRxqsSet(queue: u32, mask: u64): void {
  const bit = (<u64>1) << queue;
  for (let i: u32 = 0; i < queues(); i++) {
    if (((mask >> i) & 1) != 0) queueAt(i).xpsQueues |= bit;
    else queueAt(i).xpsQueues &= ~bit;
  }
}

/** Transmit queue of a packet that a CPU sends. */
export function txQueueOf(connection: Connection, cpu: u32): u32 {
  if (connection.flowHead != 0) return connection.flowQueue;
  if (connection.txQueue >= 0 && connection.txInflight + connection.txHeld != 0) {
    return connection.txQueue;
  }
  const xps = xpsQueueOf(connection, cpu);
  const hash = connection.hash % queues();
  let queue =
    connection.instance >= 0 ? netdevPickTx(connection.instance, xps, hash) : xps >= 0 ? xps : hash;
  if (queue < 0 || <u32>queue >= queues()) queue = hash;
  connection.txQueue = connection.protocol == PROTOCOL_TCP ? queue : -1;
  return queue;
}
