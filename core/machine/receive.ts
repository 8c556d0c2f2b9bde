// deno-fmt-ignore-file
// What a received packet takes and does after the driver has it: merged by GRO, steered to another
// CPU's backlog, or up to its protocol. Each part comes twice: its cost, asked when the step
// begins, and its effect, when it is done. Decides neither order nor when a step begins.

import {
  FLAG_ACK,
  FLAG_DUPLICATE,
  FLAG_FIN,
  FLAG_LAST,
  FLAG_SYN,
  FLAG_UDP,
  Packet,
  packetAt,
  packetDrop,
} from "./abi";
import { backlogPut } from "./backlog";
import { Connection, connectionAt, SLEEPING, threadAt } from "./connection";
import {
  BACKLOG_PACKET,
  cost,
  RPS_STEER,
  RX_PACKET,
  SYN_RX,
  TCP_ACK_RX,
  TCP_ACK_TX,
  TCP_RX,
  UDP_RX,
  WAKE,
} from "./costs";
import { Cpu, cpuAt } from "./cpu";
import { groChain, groHold, groMerges, groTakeChain } from "./gro";
import { rxPeek, rxPop } from "./ring";
import { rpsChoose, rpsSteers } from "./rps";
import { tcpFlush, tcpReceive, tcpWillAck, tcpWillRead, tcpWillWake } from "./tcp";
import { udpReceive } from "./udp";
import { xdpPassTicks } from "./xdp";

function wakeTicks(connection: u32): u64 {
  return threadAt(connectionAt(connection).thread).state == SLEEPING ? cost(WAKE) : 0;
}

/** What a protocol takes for a frame that GRO does not hold. */
function protocolTicks(packet: Packet): u64 {
  const flags = packet.flags;
  if ((flags & FLAG_UDP) != 0) {
    return (flags & FLAG_LAST) == 0 ? 0 : cost(UDP_RX) + wakeTicks(packet.connection);
  }
  if ((flags & (FLAG_SYN | FLAG_FIN)) != 0) return cost(SYN_RX);
  if ((flags & FLAG_DUPLICATE) != 0) return cost(TCP_RX) + cost(TCP_ACK_TX);
  if ((flags & FLAG_ACK) == 0) return 0;
  return cost(TCP_ACK_RX) + (tcpWillWake(packet) ? wakeTicks(packet.connection) : 0);
}

/** Cost of one frame, up to where GRO holds it, or it is steered, or the protocol is done. */
export function frameTicks(cpu: Cpu, packet: Packet): u64 {
  const steers = rpsSteers(cpu.vector) && !groMerges(packet) && rpsChoose(cpu, packet) >= 0;
  const driver = cost(RX_PACKET) + xdpPassTicks();
  return driver + (steers ? cost(RPS_STEER) : protocolTicks(packet));
}

/** What TCP takes for merged data. */
function mergedTicks(connection: u32, bytes: u32): u64 {
  const ack = tcpWillAck(connection, bytes) ? cost(TCP_ACK_TX) : 0;
  return cost(TCP_RX) + ack + (tcpWillRead(connection) ? wakeTicks(connection) : 0);
}

/** What it takes to let a connection's data go up, or to steer them. */
export function flushTicks(cpu: Cpu, index: u32): u64 {
  const connection = connectionAt(index);
  if (connection.chainHead == 0) return mergedTicks(index, connection.groBytes);
  const own = connection.groBytes != 0 ? mergedTicks(index, connection.groBytes) : 0;
  if (rpsChoose(cpu, packetAt(connection.chainHead)) >= 0) return own + cost(RPS_STEER);
  return own + mergedTicks(index, connection.chainBytes);
}

/** What a packet of the backlog takes: a frame, or a chain of them as one. */
export function backlogTicks(head: u32): u64 {
  const packet = packetAt(head);
  if (!groMerges(packet)) return cost(BACKLOG_PACKET) + protocolTicks(packet);
  let bytes: u32 = 0;
  for (let i = head; i != 0; i = packetAt(i).next) bytes += packetAt(i).payload;
  return cost(BACKLOG_PACKET) + mergedTicks(packet.connection, bytes);
}

/** A packet goes up on a CPU: a frame, or a chain of them that GRO has merged. */
export function netifReceive(index: u32, head: u32): void {
  const cpu = cpuAt(index);
  cpu.softnetProcessed++;
  const owner = packetAt(head).connection;
  const connection: Connection = connectionAt(owner);
  threadAt(connection.thread).napi = packetAt(head).queue + 1;
  connection.rxQueue = packetAt(head).queue;
  let number = head;
  while (number != 0) {
    const packet = packetAt(number);
    const next = packet.next;
    packet.next = 0;
    if ((packet.flags & FLAG_UDP) != 0) {
      udpReceive(index, packet);
    } else if (tcpReceive(index, packet)) {
      connection.groBytes += packet.payload;
      connection.rxNode = cpu.node;
    }
    packetDrop(number);
    number = next;
  }
  tcpFlush(index, owner);
}

/** A packet goes where rpsChoose has said. */
function steer(index: u32, cpu: Cpu, head: u32): void {
  if (cpu.rpsTarget >= 0) backlogPut(index, head);
  else netifReceive(index, head);
}

/** The driver's first frame: up, into GRO, or to another CPU. */
export function receiveFrame(index: u32, cpu: Cpu): void {
  const number = rxPeek(cpu.vector);
  rxPop(cpu.vector);
  cpu.work++;
  const packet = packetAt(number);
  if (rpsSteers(cpu.vector)) {
    if (groMerges(packet)) groChain(cpu, number);
    else steer(index, cpu, number);
    return;
  }
  const connection: Connection = connectionAt(packet.connection);
  threadAt(connection.thread).napi = cpu.vector + 1;
  connection.rxQueue = cpu.vector;
  if ((packet.flags & FLAG_UDP) != 0) {
    udpReceive(index, packet);
    cpu.softnetProcessed++;
  } else if (tcpReceive(index, packet)) {
    groHold(cpu, packet);
  } else {
    cpu.softnetProcessed++;
  }
  packetDrop(number);
}

/** Merged data of the step's connection go up, here or elsewhere. */
export function receiveFlush(index: u32, cpu: Cpu): void {
  const connection: Connection = connectionAt(cpu.stepConnection);
  if (connection.groBytes != 0) {
    cpu.softnetProcessed++;
    tcpFlush(index, cpu.stepConnection);
  }
  const chain = groTakeChain(connection);
  if (chain != 0) steer(index, cpu, chain);
}
