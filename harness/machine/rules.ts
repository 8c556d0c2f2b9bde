/**
 * The conservation rules of machine.wasm in words, by number.
 *
 * The rules themselves are in core/machine/check.ts. A broken one is a fault of the model.
 *
 * @module
 */

const RULES: Readonly<Record<number, string>> = {
  1: "frames sent by the peer = frames taken by rings + dropped + under way",
  2: "user, system, irq, softirq and idle time of each CPU add up to the time elapsed",
  3: "interrupts raised = interrupts taken + under way",
  4: "no interrupt comes before its throttling interval is over",
  5: "each packet is held by exactly the rings, queues and events that refer to it",
  6: "what waits has something under way that comes to it, and a masked vector has one holder",
  7: "free descriptors and those in use add up to the size of each ring",
  8: "each transaction that may be in flight is: in flight, idle, or about to be sent",
  9: "no event comes before one that was handled",
  20: "counts and places of the flow director's table agree, and no more is in it than fits",
  30: "what waits in a backlog is counted, and its CPU works it off or will be told",
  40: "a connection with unread data is served, or on the ready list of its thread",
  41: "what was lost has a timer, and sent, arrived and acknowledged bytes add up",
  70: "frames that an AF_XDP socket has submitted wait, are in the ring, or are completed",
  50: "what one host has put on the wire, the other has taken from it",
  51: "each message from another host is under way, or has arrived",
  60: "a flow's segments go up in the order in which their queue got them, unless RFS is on",
  61: "no thread sleeps while its socket has something for it",
  62: "a vector interrupts only CPUs that were in its mask when its message came",
  63: "no poll of a softirq's round begins once the round has its 300 packets",
  64: "throttling holds no interrupt back for longer than its interval after the last one",
};

/** The sentence of a rule; numbers start at 1. */
export function ruleSentence(rule: number): string {
  return RULES[rule] ?? `rule ${rule}`;
}
