/**
 * Names of the machine's events, by their numbers in core/machine/abi.ts (EV_*).
 *
 * A test holds the two together.
 *
 * @module
 */

/** Names by number: the constant's, in lower case. */
export const EVENT_KINDS: Readonly<Record<number, string>> = {
  1: "rx",
  2: "peer_link",
  3: "itr",
  4: "msix",
  5: "cpu",
  6: "ipi",
  7: "tx_fetched",
  8: "tx_link",
  9: "tx_report",
  10: "peer_rx",
  11: "peer_next",
  12: "arrival",
  13: "delayed_ack",
  14: "retransmit",
  15: "rule",
  16: "start",
  17: "mark",
  18: "lost",
  20: "rx_dma",
  21: "write_back",
  22: "atr",
  23: "flush",
  24: "tx_lost",
  25: "napi_timer",
  26: "busy_poll",
  27: "rps_ipi",
  28: "rx_late",
  29: "service",
  35: "due",
  36: "rto",
  37: "wire_frame",
  38: "wire_lost",
  39: "wire_closed",
  40: "wait",
  45: "operation",
  46: "reset",
  47: "rx_lost",
  48: "tick",
  49: "housekeeping",
};

/** Number of the kind that is counted a second time, as one of `CPU_KINDS`. */
export const CPU_EVENT = 5;

/** What a CPU has done at the end of it, by the numbers at CPU_KINDS and SOFTIRQ_KINDS. */
export const CPU_KINDS: Readonly<Record<number, string>> = {
  51: "cpu: idle exit",
  52: "cpu: hard irq",
  54: "cpu: context switch",
  55: "cpu: thread",
  60: "softirq: entry",
  61: "softirq: output",
  62: "softirq: tx clean",
  63: "softirq: frame",
  64: "softirq: gro flush",
  65: "softirq: napi complete",
  66: "softirq: backlog",
  67: "softirq: xdp",
  68: "softirq: af_xdp tx",
  72: "napi thread: tx clean",
  73: "napi thread: frame",
  74: "napi thread: gro flush",
  75: "napi thread: napi complete",
  77: "napi thread: xdp",
  78: "napi thread: af_xdp tx",
};
