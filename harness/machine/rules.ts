/**
 * The conservation rules of machine.wasm in words, by number.
 *
 * The rules themselves are in core/machine/check.ts. A broken one is a fault of the model.
 *
 * @module
 */

const RULES = [
  "frames sent by the peer = frames taken by rings + dropped + under way",
  "user, system, irq, softirq and idle time of each CPU add up to the time elapsed",
  "interrupts raised = interrupts taken + under way",
  "no interrupt comes before its throttling interval is over",
  "each packet is held by exactly the rings, queues and events that refer to it",
  "a ring with frames is being polled, is interrupting, or has a timer; a qdisc waits for one",
  "descriptors of each ring add up to its size",
  "no connection has more transactions in flight than it may",
] as const;

/** The sentence of a rule; numbers start at 1. */
export function ruleSentence(rule: number): string {
  return RULES[rule - 1] ?? `rule ${rule}`;
}
