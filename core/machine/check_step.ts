// deno-fmt-ignore-file
// Conservation rules as the run goes, for debug builds: after each event those that a look at the
// CPUs and queues decides, and now and then all of them. A fault is then told near the event that
// made it, and one that heals before the end is told at all. Reads only.

import { now } from "../lib/wheel";
import { checkAll, countersHold, cpuTimesHold, RULE_CPU_TIME, RULE_DESCRIPTORS } from "./check";
import { Queue, queueAt, queues, txDescriptors } from "./queue";

/** No event is handled that lies before one that was. */
const RULE_ORDER: i32 = 9;
/** Events between two looks at all rules. */
const ALL_AFTER: u32 = 4096;

let lastTime: u64 = 0;
let eventCount: u32 = 0;

/** A run begins. */
export function checkStepInit(): void {
  lastTime = 0;
  eventCount = 0;
}

/** Descriptors of both rings and the credit of the byte limit. */
function queueHolds(queue: Queue): bool {
  if (!countersHold(queue) || queue.txFree > txDescriptors()) return false;
  // What was completed was posted before; the counters wrap.
  return <i32>(queue.bytesPosted - queue.bytesCompleted) >= 0;
}

/** Number of the first rule that the last event broke, or 0. */
export function checkStep(): i32 {
  if (now() < lastTime) return RULE_ORDER;
  lastTime = now();
  if (!cpuTimesHold()) return RULE_CPU_TIME;
  for (let i: u32 = 0; i < queues(); i++) {
    if (!queueHolds(queueAt(i))) return RULE_DESCRIPTORS;
  }
  eventCount++;
  return eventCount % ALL_AFTER == 0 ? checkAll() : 0;
}
