// deno-fmt-ignore-file
// Idle states of a CPU and the governor that picks one when it goes idle, after Linux's menu: the
// expected idle time is the lesser of the next timer, corrected by how early the CPU woke before
// such timers, and the typical interval of the last eight times, without outliers upwards. The
// deepest state whose target residency and exit latency fit it is taken. Known timers are those of
// NAPI; where none runs, one a delayed acknowledgement ahead is assumed. Knows nothing of power.

import { eventAt, now } from "../lib/wheel";
import {
  C1_EXIT,
  C1_RESIDENCY,
  C1E_EXIT,
  C1E_RESIDENCY,
  C3_EXIT,
  C3_RESIDENCY,
  C6_EXIT,
  C6_RESIDENCY,
  cost,
  DELAYED_ACK,
  GRO_FLUSH_TIMEOUT,
  IDLE_STATE_LIMIT,
  IRQ_SUSPEND_TIMEOUT,
} from "./costs";
import { Cpu, cpuAt } from "./cpu";
import { queueAt, queues } from "./queue";

const TICKS_PER_USEC: u64 = 10000;
const NEVER: u64 = u64.MAX_VALUE;

/** Intervals kept, and those that must be left once outliers are out. */
const INTERVALS: u32 = 8;
const INTERVALS_LEFT: u32 = 6;
/** A spread is small below 20 us, or a sixth of the mean. */
const SPREAD_SQUARE: u64 = 400;
const SPREAD_PART_SQUARE: u64 = 36;

/** Buckets of the correction by the timer's distance: below 10 us, 100 us, ..., beyond 100 ms. */
const BUCKETS: u32 = 6;
/** The correction is a mean over about eight times, in 1024ths. */
const DECAY: u64 = 8;
const RESOLUTION: u64 = 1024;

function intervalAt(cpu: Cpu, place: u32): usize {
  return changetype<usize>(cpu) + offsetof<Cpu>("idleIntervals") + ((<usize>place) << 2);
}

function correctionAt(cpu: Cpu, bucket: u32): usize {
  return changetype<usize>(cpu) + offsetof<Cpu>("idleCorrections") + ((<usize>bucket) << 2);
}

/** In C1, nothing known. Unknown intervals count as short: it goes deep once it has been idle. */
export function idleInit(cpu: Cpu): void {
  cpu.idleExit = cost(IDLE_STATE_LIMIT) >= 1 ? cost(C1_EXIT) : 0;
  for (let i: u32 = 0; i < BUCKETS; i++) {
    store<u32>(correctionAt(cpu, i), <u32>(RESOLUTION * DECAY));
  }
}

function bucketOf(ticks: u64): u32 {
  let bucket: u32 = 0;
  let bound = 10 * TICKS_PER_USEC;
  while (bucket < BUCKETS - 1 && ticks >= bound) {
    bucket++;
    bound *= 10;
  }
  return bucket;
}

/** Time until the next timer of a CPU, ticks. */
function nextTimer(index: u32): u64 {
  let least = cost(DELAYED_ACK);
  if ((cost(GRO_FLUSH_TIMEOUT) | cost(IRQ_SUSPEND_TIMEOUT)) == 0) return least;
  for (let i: u32 = 0; i < queues(); i++) {
    const queue = queueAt(i);
    if (queue.napiTimer == 0 || queue.napiCpu != index) continue;
    least = min(least, eventAt(queue.napiTimer).time - now());
  }
  return least;
}

/**
 * Mean of the last intervals if they are alike, microseconds; as long as they are not, the longest
 * is left out, down to six of eight. NEVER where they tell nothing.
 */
function typicalInterval(cpu: Cpu): u64 {
  let bound: u64 = NEVER;
  while (true) {
    let count: u64 = 0;
    let sum: u64 = 0;
    let squares: u64 = 0;
    let longest: u64 = 0;
    for (let i: u32 = 0; i < INTERVALS; i++) {
      const interval = <u64>load<u32>(intervalAt(cpu, i));
      if (interval >= bound) continue;
      count++;
      sum += interval;
      squares += interval * interval;
      longest = max(longest, interval);
    }
    if (count == 0) return NEVER;
    const mean = sum / count;
    const square = mean * mean;
    const spread = squares / count > square ? squares / count - square : 0;
    const isMost = count >= INTERVALS_LEFT;
    if (spread <= SPREAD_SQUARE || (isMost && square > spread * SPREAD_PART_SQUARE)) return mean;
    if (count <= INTERVALS_LEFT) return NEVER;
    bound = longest;
  }
}

/** Expected idle time from now on, ticks. */
function expected(index: u32, cpu: Cpu): u64 {
  const timer = nextTimer(index);
  cpu.idleTimer = timer;
  const correction = <u64>load<u32>(correctionAt(cpu, bucketOf(timer)));
  const corrected = (timer * correction) / (RESOLUTION * DECAY);
  const typical = typicalInterval(cpu);
  return typical == NEVER ? corrected : min(corrected, typical * TICKS_PER_USEC);
}

/** Whether a state fits the expected time; exit latency 0 where the processor has no such state. */
function fits(exit: u32, residency: u32, ticks: u64): bool {
  return cost(exit) != 0 && cost(exit) <= ticks && cost(residency) <= ticks;
}

/** A CPU goes idle: picks the state, and with it the exit latency. */
export function idleBegin(index: u32): void {
  const cpu = cpuAt(index);
  const limit = cost(IDLE_STATE_LIMIT);
  cpu.idleSince = now();
  cpu.idleTimer = 0;
  cpu.idleExit = limit >= 1 ? cost(C1_EXIT) : 0;
  if (limit == 0 || (limit == 1 && cost(C1_RESIDENCY) == 0)) return;
  const ticks = expected(index, cpu);
  if (limit >= 3 && fits(C6_EXIT, C6_RESIDENCY, ticks)) cpu.idleExit = cost(C6_EXIT);
  else if (limit >= 3 && fits(C3_EXIT, C3_RESIDENCY, ticks)) cpu.idleExit = cost(C3_EXIT);
  else if (limit >= 2 && fits(C1E_EXIT, C1E_RESIDENCY, ticks)) cpu.idleExit = cost(C1E_EXIT);
  else if (cost(C1_RESIDENCY) > ticks) cpu.idleExit = 0;
}

/** An idle CPU wakes: the governor learns how long it was idle; returns the exit latency, ticks. */
export function idleEnd(index: u32): u64 {
  const cpu = cpuAt(index);
  if (cpu.idleTimer == 0) return cpu.idleExit;
  const idle = min(now() - cpu.idleSince, cpu.idleTimer);
  store<u32>(intervalAt(cpu, cpu.idlePlace), <u32>(idle / TICKS_PER_USEC));
  cpu.idlePlace = (cpu.idlePlace + 1) % INTERVALS;
  const place = correctionAt(cpu, bucketOf(cpu.idleTimer));
  const correction = <u64>load<u32>(place);
  store<u32>(place, <u32>(correction - correction / DECAY + (RESOLUTION * idle) / cpu.idleTimer));
  return cpu.idleExit;
}
