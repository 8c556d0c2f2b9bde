// deno-fmt-ignore-file
// Conservation of interrupts and NAPI, part of check.ts: a masked vector has something that will
// unmask it (an interrupt under way, somebody who has its NAPI, the NAPI's timer), and a NAPI that
// is taken is in one place only (a poll list, a poll, a thread that spins). Reads only.

import { eventAt, eventsTaken, FREE } from "../lib/wheel";
import { EV_MSIX, EV_NAPI_TIMER, NAPI_THREADS } from "./abi";
import { BACKLOG } from "./backlog";
import { POLL_SOFTIRQ, SPINNING } from "./busy_poll";
import { RUNNING, SLEEPING, threadAt } from "./connection";
import { Cpu, cpuAt, cpus, IN_IRQ } from "./cpu";
import { IRQ_DEVICE, IRQ_TIMER } from "./hard_irq";
import { deviceIsDown, Queue, queueAt, queues } from "./queue";
import { pollNext } from "./softirq";

// Vectors by bit: with an interrupt under way, with a timer, with somebody who has the NAPI.
let interrupted: u64 = 0;
let timed: u64 = 0;
let owned: u64 = 0;
let interruptedTwice: u64 = 0;
let ownedTwice: u64 = 0;

function addInterrupt(vector: u32): void {
  const bit = (<u64>1) << vector;
  interruptedTwice |= interrupted & bit;
  interrupted |= bit;
}

function addOwner(vector: u32): void {
  const bit = (<u64>1) << vector;
  ownedTwice |= owned & bit;
  owned |= bit;
}

function addCpu(cpu: Cpu): void {
  for (let rest = cpu.pendingIrqs; rest != 0; rest &= rest - 1) addInterrupt(<u32>ctz(rest));
  timed |= cpu.pendingTimers;
  if (cpu.activity == IN_IRQ) {
    if (cpu.irqKind == IRQ_TIMER) timed |= (<u64>1) << cpu.irqVector;
    else if (cpu.irqKind == IRQ_DEVICE) addInterrupt(cpu.irqVector);
  }
  // A busy poll's vector belongs to the thread.
  if (cpu.vector >= 0 && cpu.vector != BACKLOG && cpu.busyPoll == POLL_SOFTIRQ) {
    addOwner(cpu.vector);
  }
  // A list that comes back to itself holds a vector twice.
  for (let i = cpu.pollHead; i >= 0 && ownedTwice == 0; i = pollNext(cpu, i)) {
    if (i != BACKLOG) addOwner(i);
  }
}

function addEvents(): bool {
  for (let i: u32 = 1; i <= eventsTaken(); i++) {
    const event = eventAt(i);
    if (event.where == FREE) continue;
    if (event.kind == EV_MSIX) addInterrupt(event.target);
    if (event.kind != EV_NAPI_TIMER) continue;
    timed |= (<u64>1) << event.target;
    if (queueAt(event.target).napiTimer != i) return false;
  }
  return true;
}

/** The poller of a vector runs and spins, or is about to say that its last poll is done. */
function pollerHolds(poller: u32, index: u32): bool {
  const thread = threadAt(poller - 1);
  if (thread.state != RUNNING || thread.spinQueue != index) return false;
  return thread.spin == SPINNING || cpuAt(thread.cpu).busyPoll != POLL_SOFTIRQ;
}

function vectorHolds(index: u32, queue: Queue): bool {
  const isInterrupted = ((interrupted >> index) & 1) != 0;
  const isTimed = ((timed >> index) & 1) != 0;
  const isOwned = queue.napiOwned != 0;
  if (((owned >> index) & 1) != <u64>(isOwned ? 1 : 0)) return false;
  if (queue.threadDue != 0 && threadAt(NAPI_THREADS + index).state == SLEEPING) return false;
  if (queue.poller != 0 && !pollerHolds(queue.poller, index)) return false;
  const isShut = queue.masked != 0 || queue.disarmed != 0;
  // One that is forced may wait for the cap on the rate, or for the end of a reset, though its
  // completion queues are shut.
  const isForced = queue.forced != 0 && (queue.timer != 0 || deviceIsDown());
  const isHeld = isInterrupted || isOwned || isTimed || isForced || queue.msixLost != 0;
  if (isShut && !isHeld) return false;
  if (queue.groHead >= 0 && !isOwned && !isTimed) return false;
  // Once a thread or a timer has come before an interrupt, that interrupt may be late.
  if (queue.napiRaced != 0) return true;
  if (((interruptedTwice >> index) & 1) != 0 || (isInterrupted && isOwned)) return false;
  return queue.masked != 0 || (!isInterrupted && !isOwned);
}

/** Whether every vector and every NAPI is where it belongs. */
export function vectorsHold(): bool {
  interrupted = 0;
  interruptedTwice = 0;
  timed = 0;
  owned = 0;
  ownedTwice = 0;
  if (!addEvents()) return false;
  for (let i: u32 = 0; i < cpus(); i++) addCpu(cpuAt(i));
  for (let i: u32 = 0; i < queues(); i++) {
    if (queueAt(i).poller != 0 || queueAt(i).threadDue != 0) addOwner(i);
    if (!vectorHolds(i, queueAt(i))) return false;
  }
  return ownedTwice == 0;
}
