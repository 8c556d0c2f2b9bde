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
  "what waits has something under way that comes to it, and a masked vector has one holder",
  "free descriptors and those in use add up to the size of each ring",
  "each transaction that may be in flight is: in flight, idle, or about to be sent",
] as const;

/** The sentence of a rule; numbers start at 1. */
export function ruleSentence(rule: number): string {
  return RULES[rule - 1] ?? `rule ${rule}`;
}
