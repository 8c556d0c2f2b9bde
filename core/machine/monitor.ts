// deno-fmt-ignore-file
// Rules about what a run does, part of check.ts: order, wake-ups, affinity, budgets, throttling.
// Those about single steps are counted where the steps are made, by witnesses that share nothing
// with the decision, and only read here. Reads only.

import { EV_WAIT } from "./abi";
import { canRead } from "./app";
import { isPending } from "./check";
import { RX_QUEUE, TX_QUEUE } from "./itr";
import { connectionAt, connectionsUsed, SLEEPING, threadAt } from "./connection";
import { Queue, queueAt, queues, rxContainer, txContainer } from "./queue";
import { totals } from "./totals";

/** A flow's segments come up in the order in which one queue got them, where RFS is off. */
const RULE_ORDER: i32 = 60;
/** No thread sleeps while its socket has something for it. */
const RULE_WAKE_UP: i32 = 61;
/** A vector interrupts CPUs of its mask only. */
const RULE_AFFINITY: i32 = 62;
/** No poll of a softirq's round begins once it has its packets. */
const RULE_BUDGET: i32 = 63;
/** Throttling is a least gap: it holds no interrupt back for longer after the last one. */
const RULE_DELAY: i32 = 64;

/** Latest time at which what waits for throttling may interrupt; not where frames decide. */
function latestOf(index: u32, queue: Queue): u64 {
  if (queue.rxFrameLimit != 0) return u64.MAX_VALUE;
  const rx = rxContainer(index);
  const tx = txContainer(index);
  // A direction that has interrupted and is not armed again waits for its NAPI.
  const isRx = rx.pending != 0 && (queue.disarmed & RX_QUEUE) == 0;
  const isTx = tx.pending != 0 && (queue.disarmed & TX_QUEUE) == 0;
  const byRx = isRx ? rx.last + rx.gap : u64.MAX_VALUE;
  const byTx = isTx ? tx.last + tx.gap : u64.MAX_VALUE;
  // One counter for all causes counts from the last interrupt, whatever its cause.
  const byVector = queue.lastRaised + max(min(rx.gap, tx.gap), queue.intrl);
  return max(min(byRx, byTx), byVector);
}

function delaysHold(): bool {
  for (let i: u32 = 0; i < queues(); i++) {
    const queue = queueAt(i);
    const waits = queue.timer != 0 && queue.masked == 0;
    if (waits && queue.timerAt > latestOf(i, queue)) return false;
  }
  return true;
}

/** No wake-up is lost: a thread of one connection that sleeps has nothing to receive. */
function sleepersHold(): bool {
  for (let i: u32 = 0; i < connectionsUsed(); i++) {
    const connection = connectionAt(i);
    const thread = threadAt(connection.thread);
    if (thread.polls != 0 || thread.state != SLEEPING || !canRead(connection)) continue;
    // A client with a longest wait of its own is not woken by what is due.
    if (!isPending(thread.waitEvent, EV_WAIT, connection.thread)) return false;
  }
  return true;
}

/** Number of the first rule of these that is broken, or 0. */
export function monitorsHold(): i32 {
  if (totals().orderViolations != 0) return RULE_ORDER;
  if (totals().affinityViolations != 0) return RULE_AFFINITY;
  if (totals().budgetViolations != 0) return RULE_BUDGET;
  if (!delaysHold()) return RULE_DELAY;
  return sleepersHold() ? 0 : RULE_WAKE_UP;
}
