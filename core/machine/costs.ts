// deno-fmt-ignore-file
// Parameters of the machine, by number. The harness sets each by name before a run; the names, the
// units, the sources and the defaults stand in workloads/machines/schema.json, and
// harness/machine/costs.ts pairs them with these numbers. Values arrive in the unit of the name;
// times (ns) are kept in ticks of 100 ps.

import { COSTS, COST_MAX } from "./abi";

/** Ticks of 100 ps in a nanosecond. */
export const TICKS_PER_NS: u64 = 10;

export const CABLE: u32 = 0;
export const NIC_RX: u32 = 1;
export const NIC_TX: u32 = 2;
export const DMA_WRITE: u32 = 3;
export const DMA_READ: u32 = 4;
export const DOORBELL: u32 = 5;
export const MSIX: u32 = 6;
export const HARD_IRQ: u32 = 7;
export const SOFTIRQ_ENTRY: u32 = 8;
export const NAPI_COMPLETE: u32 = 9;
export const RX_PACKET: u32 = 10;
export const TCP_RX: u32 = 11;
export const UDP_RX: u32 = 12;
export const TCP_ACK_RX: u32 = 13;
export const TCP_ACK_TX: u32 = 14;
export const TX_CLEAN: u32 = 15;
export const RECV_CALL: u32 = 16;
export const SEND_CALL: u32 = 17;
export const TCP_TX: u32 = 18;
export const UDP_TX: u32 = 19;
export const ACCEPT_CALL: u32 = 20;
export const CLOSE_CALL: u32 = 21;
export const SYN_RX: u32 = 22;
export const APPLICATION: u32 = 23;
export const BLOCK: u32 = 24;
export const WAKE: u32 = 25;
export const IPI: u32 = 26;
export const IPI_REMOTE: u32 = 27;
export const CONTEXT_SWITCH: u32 = 28;
export const C1_EXIT: u32 = 29;
export const C1E_EXIT: u32 = 30;
export const C1E_RESIDENCY: u32 = 31;
export const C6_EXIT: u32 = 32;
export const C6_RESIDENCY: u32 = 33;
export const RULE_INSERT: u32 = 34;
export const RULE_PROGRAM: u32 = 35;
export const PEER_TURNAROUND: u32 = 36;
export const RETRANSMIT: u32 = 37;
export const DELAYED_ACK: u32 = 38;
export const WAKEUP_GRANULARITY: u32 = 39;
export const SLEEPER_CREDIT: u32 = 40;
export const SOFTIRQ_LIMIT: u32 = 41;
export const NIC_PACKET: u32 = 42;
export const QUEUE_PACKET: u32 = 43;
export const FD_FLUSH: u32 = 44;
export const XDP_RX: u32 = 45;
export const XDP_PROGRAM: u32 = 46;
export const BUSY_POLL: u32 = 47;
export const BUSY_POLL_LOOP: u32 = 48;
export const GRO_FLUSH_TIMEOUT: u32 = 49;
export const IRQ_SUSPEND_TIMEOUT: u32 = 50;
export const C3_EXIT: u32 = 51;
export const C3_RESIDENCY: u32 = 52;
export const C1_RESIDENCY: u32 = 53;
export const RPS_STEER: u32 = 54;
export const BACKLOG_PACKET: u32 = 55;
export const RPS_IPI: u32 = 56;
export const EPOLL_WAIT: u32 = 57;
export const SYN_RETRANSMIT: u32 = 58;
export const CHANNEL_RESET: u32 = 60;
export const RING_RESTART: u32 = 61;
export const XSK_FRAME: u32 = 59;
export const XSK_APPLICATION: u32 = 62;
export const CACHE_REFILL: u32 = 63;
/** Below this, and from MORE_TIMES on, are times in nanoseconds; others have units of their own. */
const TIME_END: u32 = 64;
export const COPY_LOCAL: u32 = 64;
export const COPY_REMOTE: u32 = 65;
export const NUMA_REMOTE: u32 = 66;
export const SMT_BUSY: u32 = 67;
export const IDLE_STATE_LIMIT: u32 = 68;
export const TCP_WINDOW: u32 = 69;
export const UDP_BUFFER: u32 = 70;
export const TX_QUEUE_LIMIT: u32 = 71;
export const TIMER: u32 = 72;
export const ATR_SAMPLE: u32 = 73;
export const WAKE_AFFINE_SWITCH: u32 = 74;
export const TX_REPORT: u32 = 75;
export const RX_WRITE_BACK_DESCRIPTORS: u32 = 76;
export const WB_ON_ITR: u32 = 77;
export const PCIE_MBPS: u32 = 78;
export const PCIE_PAYLOAD: u32 = 79;
export const PCIE_READ: u32 = 80;
export const SENDFILE: u32 = 81;
export const BUSY_POLL_BUDGET: u32 = 85;
export const PREFER_BUSY_POLL: u32 = 86;
export const NAPI_DEFER_HARD_IRQS: u32 = 87;
export const CPU_CLOCK: u32 = 88;
export const REFERENCE_CLOCK: u32 = 89;
export const SOFTIRQ_RESTARTS_ONLY: u32 = 91;
export const BH_ENABLES_PER_CALL: u32 = 92;
export const IRQ_TIME_ACCOUNTING: u32 = 93;
export const RPS_SOCK_FLOW_ENTRIES: u32 = 94;
export const RPS_FLOW_CNT: u32 = 95;
export const NETDEV_MAX_BACKLOG: u32 = 96;
export const DEV_WEIGHT: u32 = 97;
export const LOSS: u32 = 100;
export const EPOLL_BATCH: u32 = 101;
export const INITIAL_WINDOW: u32 = 102;
export const KSOFTIRQD_ALONE: u32 = 90;
export const PEER_QUICK_ACK_SWITCH: u32 = 108;
// Faults; see fault.ts.
export const LINK_FLAP_PERIOD: u32 = 115;
export const LINK_DOWN: u32 = 116;
export const REORDER: u32 = 117;
export const REORDER_DELAY: u32 = 118;
export const MSIX_LOSS: u32 = 119;
export const SERVICE_TASK: u32 = 120;
export const PCIE_STALL_PERIOD: u32 = 121;
export const PCIE_STALL: u32 = 122;
export const TIMER_DRIFT: u32 = 123;
/** More times in nanoseconds, up to MORE_TIMES_END. */
const MORE_TIMES: u32 = 124;
export const TICK: u32 = 124;
export const HOUSEKEEPING: u32 = 125;
export const HOUSEKEEPING_INTERVAL: u32 = 126;
export const IRQ_ENABLE: u32 = 127;
const MORE_TIMES_END: u32 = 140;

/** Sets a parameter; value in the unit of its name, 0..2^31-1. */
export function costSet(index: u32, value: u32): void {
  assert(index < COST_MAX);
  const isTime = index < TIME_END || (index >= MORE_TIMES && index < MORE_TIMES_END);
  store<u64>(COSTS + ((<usize>index) << 3), <u64>value * (isTime ? TICKS_PER_NS : 1));
}

/** A parameter: ticks for times, else its own unit. */
@inline
export function cost(index: u32): u64 {
  return load<u64>(COSTS + ((<usize>index) << 3));
}
