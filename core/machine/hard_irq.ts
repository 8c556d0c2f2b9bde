// deno-fmt-ignore-file
// Hard interrupts of a CPU: the device's vectors first, then timers of NAPIs, then the IPI for its
// backlog, then the tick. What each takes, and what its handler does: it schedules a NAPI and no
// more. When a CPU takes one is in cpu.ts.

import { rpsIpiHandled } from "./backlog";
import { POLL_SOFTIRQ } from "./busy_poll";
import { cost, HARD_IRQ, KSOFTIRQD_ALONE, RPS_IPI, TICK } from "./costs";
import { begin, Cpu, cpuAt, IN_IRQ, MODE_IRQ } from "./cpu";
import { vectorHandled } from "./itr";
import { napiSchedule, napiWatchdog } from "./napi";
import { napiWakeTicks } from "./napi_thread";
import { queueAt } from "./queue";
import { totals } from "./totals";

// What a hard interrupt is: a device's, that of a NAPI's timer, another CPU's for the backlog.
export const IRQ_DEVICE: u32 = 0;
export const IRQ_TIMER: u32 = 1;
export const IRQ_RPS: u32 = 2;
/** The scheduler's tick. */
export const IRQ_TICK: u32 = 3;

/** Whether an interrupt waits for a CPU. */
@inline
export function irqPending(cpu: Cpu): bool {
  return (cpu.pendingIrqs | cpu.pendingTimers | cpu.pendingRps | cpu.pendingTick) != 0;
}

/** Takes the next interrupt; a timer's costs as much as a device's. */
export function irqBegin(index: u32): void {
  const cpu = cpuAt(index);
  const pending = cpu.pendingIrqs != 0 ? cpu.pendingIrqs : cpu.pendingTimers;
  if (pending == 0 && cpu.pendingRps == 0) {
    cpu.irqKind = IRQ_TICK;
    cpu.pendingTick = 0;
    begin(index, IN_IRQ, MODE_IRQ, cost(TICK));
    return;
  }
  if (pending == 0) {
    cpu.irqKind = IRQ_RPS;
    cpu.pendingRps = 0;
    begin(index, IN_IRQ, MODE_IRQ, cost(RPS_IPI));
    return;
  }
  cpu.irqVector = <u32>ctz(pending);
  cpu.irqKind = cpu.pendingIrqs != 0 ? IRQ_DEVICE : IRQ_TIMER;
  if (cpu.irqKind == IRQ_TIMER) {
    cpu.pendingTimers &= pending - 1;
  } else {
    cpu.pendingIrqs &= pending - 1;
    const mask = queueAt(cpu.irqVector).affinitySeen;
    if (((mask >> index) & 1) == 0) totals().affinityViolations++;
  }
  begin(index, IN_IRQ, MODE_IRQ, cost(HARD_IRQ) + napiWakeTicks(cpu.irqVector));
}

/** The handler of an interrupt schedules NAPI. */
export function irqEnd(index: u32): void {
  const cpu = cpuAt(index);
  // An interrupt runs softirqs at once, whether ksoftirqd is due or not (but not from Linux 4.9 to
  // 6.3); one that came in the midst of them leaves them as they are.
  const isBetween = cpu.softirqTurn == 0 || cpu.busyPoll != POLL_SOFTIRQ;
  if (isBetween && cost(KSOFTIRQD_ALONE) == 0) cpu.ksoftirqd = 0;
  if (cpu.irqKind == IRQ_RPS) rpsIpiHandled(index);
  else if (cpu.irqKind == IRQ_TICK) return;
  else if (cpu.irqKind == IRQ_TIMER) napiWatchdog(index, cpu.irqVector);
  else {
    napiSchedule(index, cpu.irqVector);
    vectorHandled(cpu.irqVector);
  }
}
