// deno-fmt-ignore-file
// Backlog of each CPU (softnet_data): packets that other CPUs, or itself, have steered to it. A
// packet is a frame or a chain of them that GRO has merged. What comes is appended to the input
// queue, up to netdev_max_backlog, or dropped; the backlog's NAPI takes all of it over at once and
// works it off (process_backlog). A CPU that has put something there for another one sends it an
// IPI at the end of its round. Only lists and counts: packets go up in softirq.ts.

import { now, schedule } from "../lib/wheel";
import { EV_RPS_IPI, FLAG_COPY, packetAt, QUEUE_MAX } from "./abi";
import { connectionAt } from "./connection";
import { cost, IPI, IPI_REMOTE, NETDEV_MAX_BACKLOG } from "./costs";
import { Cpu, cpuAt } from "./cpu";
import { groMerges } from "./gro";
import { halfOf, inOrder, TO_HOST } from "./half_connection";
import { frameLost } from "./loss";
import { RpsFlow } from "./rps";
import { pollAppend } from "./softirq";
import { totals } from "./totals";

/** The backlog's NAPI in a CPU's poll list, beside the numbers of vectors. */
export const BACKLOG: i32 = QUEUE_MAX;

/**
 * Whether TCP can do without a packet: not where data of higher numbers came by another queue
 * before, which half_connection.ts has counted in its place.
 */
function mayDrop(head: u32): bool {
  for (let number = head; number != 0; number = packetAt(number).next) {
    const packet = packetAt(number);
    const connection = connectionAt(packet.connection);
    if (!groMerges(packet) || packet.life != connection.life) continue;
    if ((packet.flags & FLAG_COPY) != 0) continue;
    if (<i32>(packet.sequence - inOrder(halfOf(connection, TO_HOST))) < 0) return false;
  }
  return true;
}

/** No room: each frame of the packet is lost. */
function drop(cpu: Cpu, head: u32): void {
  cpu.softnetDropped++;
  let number = head;
  while (number != 0) {
    const next = packetAt(number).next;
    packetAt(number).next = 0;
    totals().dropBacklog++;
    frameLost(number, TO_HOST);
    number = next;
  }
}

/** Puts a packet on the backlog that CPU `from` has chosen for it; its flow learns its place. */
export function backlogPut(from: u32, head: u32): void {
  const to = cpuAt(from).rpsTarget;
  const flow = cpuAt(from).rpsFlow;
  const cpu = cpuAt(to);
  if (cpu.backlogInput > <u32>cost(NETDEV_MAX_BACKLOG) && mayDrop(head)) {
    drop(cpu, head);
    return;
  }
  packetAt(head).holeNext = 0;
  if (cpu.backlogFirst == 0) cpu.backlogFirst = head;
  else packetAt(cpu.backlogLast).holeNext = head;
  cpu.backlogLast = head;
  cpu.backlogInput++;
  cpu.backlogTails++;
  if (flow != 0) changetype<RpsFlow>(flow).lastTail = cpu.backlogTails;
  if (cpu.backlogOwned != 0) return;
  cpu.backlogOwned = 1;
  if (<i32>from == to) pollAppend(cpu, BACKLOG);
  else cpuAt(from).rpsIpis |= (<u64>1) << to;
}

/** The first packet, left on the backlog; 0 where the NAPI has taken over all and is through. */
export function backlogPeek(cpu: Cpu): u32 {
  if (cpu.backlogProcess == 0) {
    cpu.backlogProcess = cpu.backlogInput;
    cpu.backlogInput = 0;
  }
  return cpu.backlogProcess == 0 ? 0 : cpu.backlogFirst;
}

/** Takes the first packet off. */
export function backlogTake(cpu: Cpu): u32 {
  assert(cpu.backlogProcess != 0);
  const head = cpu.backlogFirst;
  cpu.backlogFirst = packetAt(head).holeNext;
  packetAt(head).holeNext = 0;
  cpu.backlogProcess--;
  cpu.backlogHeads++;
  return head;
}

/** Interrupts the CPUs whose backlog this one has woken (net_rps_send_ipi). */
export function rpsSendIpis(index: u32): void {
  const cpu = cpuAt(index);
  for (let rest = cpu.rpsIpis; rest != 0; rest &= rest - 1) {
    const target = <u32>ctz(rest);
    const far = cpu.node != cpuAt(target).node ? cost(IPI_REMOTE) : 0;
    schedule(now() + cost(IPI) + far, EV_RPS_IPI, target);
  }
  cpu.rpsIpis = 0;
}

/** The IPI's handler: the backlog's NAPI is scheduled. */
export function rpsIpiHandled(index: u32): void {
  const cpu = cpuAt(index);
  cpu.softnetReceivedRps++;
  pollAppend(cpu, BACKLOG);
}
