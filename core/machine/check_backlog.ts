// deno-fmt-ignore-file
// Conservation of backlogs, part of check.ts: packets that were put there and not taken off are
// there, and a backlog with packets has somebody who will come: its CPU polls it or has it on its
// list, or an IPI is on the way, or waits for the end of another CPU's round. Reads only.

import { eventAt, eventsTaken, FREE } from "../lib/wheel";
import { EV_RPS_IPI, packetAt } from "./abi";
import { BACKLOG } from "./backlog";
import { listLength } from "./check";
import { Cpu, cpuAt, cpus, IN_IRQ } from "./cpu";
import { IRQ_RPS } from "./hard_irq";
import { pollNext } from "./softirq";

/** Frames of the packets of a backlog. */
export function backlogFrames(cpu: Cpu): u64 {
  let count: u64 = 0;
  for (let head = cpu.backlogFirst; head != 0; head = packetAt(head).holeNext) {
    count += listLength(head);
  }
  return count;
}

/** Packets of a backlog. */
function backlogLength(cpu: Cpu): u32 {
  let count: u32 = 0;
  for (let head = cpu.backlogFirst; head != 0; head = packetAt(head).holeNext) count++;
  return count;
}

/** CPUs that an interrupt for their backlog comes to, by bit. */
function interruptedCpus(): u64 {
  let found: u64 = 0;
  for (let i: u32 = 1; i <= eventsTaken(); i++) {
    const event = eventAt(i);
    if (event.where != FREE && event.kind == EV_RPS_IPI) found |= (<u64>1) << event.target;
  }
  for (let i: u32 = 0; i < cpus(); i++) {
    const cpu = cpuAt(i);
    found |= cpu.rpsIpis;
    const isTaken = cpu.activity == IN_IRQ && cpu.irqKind == IRQ_RPS;
    if (isTaken || cpu.pendingRps != 0) found |= (<u64>1) << i;
  }
  return found;
}

/** Whether a CPU has its backlog's NAPI on its poll list, or polls it. */
function isPolled(cpu: Cpu): bool {
  if (cpu.vector == BACKLOG) return true;
  let i = cpu.pollHead;
  while (i >= 0 && i != BACKLOG) i = pollNext(cpu, i);
  return i == BACKLOG;
}

/** Whether every backlog is whole, and emptied. */
export function backlogsHold(): bool {
  const interrupted = interruptedCpus();
  for (let i: u32 = 0; i < cpus(); i++) {
    const cpu = cpuAt(i);
    const length = cpu.backlogInput + cpu.backlogProcess;
    if (length != backlogLength(cpu) || cpu.backlogTails - cpu.backlogHeads != length) return false;
    const isInterrupted = ((interrupted >> i) & 1) != 0;
    if (isInterrupted && isPolled(cpu)) return false;
    const isOwned = cpu.backlogOwned != 0;
    if (isOwned != (isInterrupted || isPolled(cpu)) || (length != 0 && !isOwned)) return false;
  }
  return true;
}
