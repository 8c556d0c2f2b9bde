/**
 * Entries of a machine's trace as lines for a person: time, where, what.
 *
 * @module
 */

import type { TraceEntry } from "../machine/trace.ts";
import { ACTIVITIES, BACKLOG, DROPS, NO_VECTOR, STEPS, TICK } from "../machine/trace_format.ts";

/** A line at a virtual time, nanoseconds. */
export function lineOf(ns: number, text: string): string {
  return `${(ns / 1e3).toFixed(4).padStart(12)} us  ${text}`;
}

function vectorText(vector: number): string {
  return vector === NO_VECTOR ? "" : vector === BACKLOG ? " of its backlog" : ` of queue ${vector}`;
}

/** What a CPU begins to do. */
function cpuText(state: number): string {
  const activity = ACTIVITIES[state & 15] ?? `activity ${state & 15}`;
  const detail = state >>> 8;
  if (activity === "irq") return detail === TICK ? "tick" : `interrupt${vectorText(detail)}`;
  if (activity === "exit") return `leaves an idle state, ${detail} ns`;
  if (activity === "softirq") {
    const step = STEPS[detail & 255] ?? String(detail & 255);
    const isDaemon = ((detail >> 16) & 1) !== 0 ? " (ksoftirqd)" : "";
    return `softirq: ${step}${vectorText((detail >> 8) & 255)}${isDaemon}`;
  }
  return activity === "idle" ? "idle" : `${activity} ${detail}`;
}

/** An entry as a line. */
export function entryText({ ns, kind, place, value }: TraceEntry): string {
  switch (kind) {
    case "cpu":
      return lineOf(ns, `CPU ${place}: ${cpuText(value)}`);
    case "wake":
      return lineOf(ns, `CPU ${place >> 8} wakes thread ${value} for CPU ${place & 255}`);
    case "drop":
      return lineOf(ns, `dropped: ${value} (${DROPS[place & 255] ?? place & 255})`);
    case "interrupt":
      return lineOf(ns, `queue ${place}: interrupt${value === 1 ? ", forced" : ""}`);
    case "poll":
      return lineOf(ns, `queue ${place}: poll on CPU ${value}`);
    case "poll_end":
      return lineOf(ns, `queue ${place}: poll ends with ${value} frames`);
    default:
      return lineOf(ns, `queue ${place}: ${kind.replace("_", " ")} ${value}`);
  }
}
