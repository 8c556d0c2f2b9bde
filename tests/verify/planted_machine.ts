/**
 * Faults of the machine model that were planted to see whether its rules and monitors find them:
 * each is one place of the source, replaced.
 *
 * @module
 */

import type { PlantedFault } from "./planted.ts";

/** The faults; files are below core/machine/. */
export const PLANTED_MACHINE: readonly PlantedFault[] = [
  {
    name: "a wake-up is lost",
    file: "epoll.ts",
    text: "  wake(connection.thread, waker);\n",
    instead: "",
  },
  {
    name: "throttling is a delay after the event",
    file: "itr.ts",
    text: "container.pending != 0 ? container.last + container.gap : NEVER",
    instead: "container.pending != 0 ? now() + container.gap : NEVER",
  },
  {
    name: "throttling does not hold",
    file: "itr.ts",
    text: "  if (due <= time) {\n    judge(index, time);",
    instead: "  if (due <= time + 20000) {\n    judge(index, time);",
  },
  {
    name: "frames of a queue overtake each other",
    file: "ring.ts",
    text: "  schedule(queue.rxPaced, EV_RX, number);",
    instead: "  schedule(queue.rxPaced + (number & 1) * 50000, EV_RX, number);",
  },
  {
    name: "a vector interrupts a CPU beside its mask",
    file: "nic.ts",
    text: "  return <u32>ctz(vectorMask(queue));",
    instead: "  return (<u32>ctz(vectorMask(queue)) + 1) % cpus();",
  },
  {
    name: "a poll takes one frame more than its weight",
    file: "softirq.ts",
    text: "cpu.work < cpu.weight && rxWaiting(vector) > 0",
    instead: "cpu.work <= cpu.weight && rxWaiting(vector) > 0",
  },
  {
    name: "a round of softirqs takes twice its budget",
    file: "softirq.ts",
    text: "const ROUND_BUDGET: u32 = 300;",
    instead: "const ROUND_BUDGET: u32 = 600;",
  },
  {
    name: "a completed NAPI leaves its vector masked",
    file: "itr.ts",
    text: "  if (!byQueue) queue.masked = 0;\n",
    instead: "",
  },
  {
    name: "a reset leaves vectors masked",
    file: "reset.ts",
    text: "  queue.forced = 0;\n  queue.masked = 0;\n",
    instead: "  queue.forced = 0;\n",
  },
  {
    name: "a frame that finds its ring full is not counted",
    file: "peer.ts",
    text: "  if (rxArrive(number)) return;\n  totals().dropRing++;\n",
    instead: "  if (rxArrive(number)) return;\n",
  },
  {
    name: "a received frame is not freed",
    file: "receive.ts",
    text: "  } else {\n    cpu.softnetProcessed++;\n  }\n  packetDrop(number);\n",
    instead: "  } else {\n    cpu.softnetProcessed++;\n  }\n",
  },
  {
    name: "a cleaned descriptor is not given back",
    file: "ring.ts",
    text: "  queue.rxHead++;\n  queue.rxCleaned++;\n",
    instead: "  queue.rxHead++;\n",
  },
  {
    name: "a lost segment starts no timer",
    file: "recovery.ts",
    text: "    holeAdd(half, number);\n  }\n  timerStart(index, direction);\n",
    instead: "    holeAdd(half, number);\n  }\n",
  },
  {
    name: "the time of a CPU is charged a tick short",
    file: "cpu.ts",
    text: "store<u64>(bucket, load<u64>(bucket) + spent);",
    instead: "store<u64>(bucket, load<u64>(bucket) + spent - 1);",
  },
  {
    name: "a NAPI that was missed is not polled again",
    file: "napi.ts",
    text:
      "    queue.napiMissed = 0;\n    queue.poller = 0;\n    napiHand(index, vector);\n    return;\n",
    instead: "    queue.napiMissed = 0;\n    queue.poller = 0;\n    return;\n",
  },
  {
    name: "the backlog of another CPU is not told",
    file: "backlog.ts",
    text: "  else cpuAt(from).rpsIpis |= (<u64>1) << to;\n",
    instead: "",
  },
  {
    name: "a window that is open again is not told",
    file: "tcp.ts",
    text: "  if (free - connection.rxWindow < 2 * tcpSegment(connection)) return false;",
    instead: "  if (free >= connection.rxWindow) return false;",
  },
];
