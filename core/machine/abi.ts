// deno-fmt-ignore-file
// Map of the arena of machine.wasm: every table's place, entry size and capacity, and the event
// kinds. The arena starts above the compiler's static data and never grows. Holds no code but the
// accessors of the tables; the meaning of a field is told where it is used.
//
//   0x10000 | events | wheel | packets | connections | halves | threads | stamps | cpus | queues
//           | rx rings | tx rings | groups | arrivals | histograms | rules | rule map | free rules
//           | rss key | rss table | costs | prngs | distances | totals | ports | buffer
//           | dims | kind counts | trace | seen by the trace | wire out | wire in
//           | wire pending | rps sockets | rps flows
//
// Lists inside tables are linked by index; -1 (or packet 0, event 0) ends a list.

import { PRNG_SIZE } from "../lib/prng";
import { WHEEL_SIZE } from "../lib/wheel";
import { HISTOGRAM_SIZE } from "../lib/histogram";

// Capacities of the tables.
export const CPU_MAX: u32 = 64;
export const QUEUE_MAX: u32 = 64;
export const CONNECTION_MAX: u32 = 16384;
/** Transactions in flight of all connections together. */
export const STAMP_MAX: u32 = 262144;
export const GROUP_MAX: u32 = 16;
export const RING_MAX: u32 = 4096;
export const PACKET_MAX: u32 = 262144;
export const EVENT_MAX: u32 = 524288;
export const ARRIVAL_MAX: u32 = 32768;
export const RULE_MAX: u32 = 8192;
export const COST_MAX: u32 = 140;
export const PURPOSE_MAX: u32 = 11;

// Places of the tables, bytes; a SHIFT is the logarithm of an entry's size.
const ARENA: usize = 0x10000;
export const EVENTS: usize = ARENA;
export const WHEEL: usize = EVENTS + <usize>EVENT_MAX * 32;
export const PACKETS: usize = WHEEL + WHEEL_SIZE;
export const PACKET_SHIFT: usize = 6;
export const CONNECTIONS: usize = PACKETS + ((<usize>PACKET_MAX) << PACKET_SHIFT);
export const CONNECTION_SHIFT: usize = 9;
/** Two for each connection: towards the host and towards the peer. */
export const HALVES: usize = CONNECTIONS + ((<usize>CONNECTION_MAX) << CONNECTION_SHIFT);
export const HALF_SHIFT: usize = 7;
export const THREADS: usize = HALVES + ((<usize>CONNECTION_MAX * 2) << HALF_SHIFT);
export const THREAD_SHIFT: usize = 8;
/** Those of the workload, then one for the NAPI of each vector; see napi_thread.ts. */
export const NAPI_THREADS: i32 = CONNECTION_MAX;
/** Then one for the housekeeping of each CPU; see housekeeping.ts. */
export const HOUSE_THREADS: i32 = CONNECTION_MAX + QUEUE_MAX;
const THREAD_MAX: u32 = CONNECTION_MAX + QUEUE_MAX + CPU_MAX;
export const STAMPS: usize = THREADS + ((<usize>THREAD_MAX) << THREAD_SHIFT);
/** Intended time of a request (u64), then its own size and the size of its response. */
export const STAMP_SHIFT: usize = 4;
export const CPUS: usize = STAMPS + ((<usize>STAMP_MAX) << STAMP_SHIFT);
export const CPU_SHIFT: usize = 9;
export const QUEUES: usize = CPUS + ((<usize>CPU_MAX) << CPU_SHIFT);
export const QUEUE_SHIFT: usize = 10;
export const RX_RINGS: usize = QUEUES + ((<usize>QUEUE_MAX) << QUEUE_SHIFT);
export const TX_RINGS: usize = RX_RINGS + <usize>QUEUE_MAX * <usize>RING_MAX * 4;
export const GROUPS: usize = TX_RINGS + <usize>QUEUE_MAX * <usize>RING_MAX * 4;
export const GROUP_SHIFT: usize = 8;
export const ARRIVALS: usize = GROUPS + ((<usize>GROUP_MAX) << GROUP_SHIFT);
export const HISTOGRAMS: usize = ARRIVALS + <usize>GROUP_MAX * <usize>ARRIVAL_MAX * 8;
export const RULES: usize = HISTOGRAMS + <usize>GROUP_MAX * HISTOGRAM_SIZE;
export const RULE_SHIFT: usize = 6;
export const RULE_MAP: usize = RULES + ((<usize>RULE_MAX) << RULE_SHIFT);
export const RULE_FREE: usize = RULE_MAP + <usize>RULE_MAX * 2 * 4;
/** Input set and number of rules of each flow type, 16 bytes each. */
export const RULE_TYPES: usize = RULE_FREE + 1024;
/** The match that is asked for, as a rule has it, and a rule of `ethtool -N` with its masks. */
export const RULE_MATCH: usize = RULE_FREE + 1536;
export const RULE_INPUT: usize = RULE_FREE + 1664;
export const RSS_KEY: usize = RULE_FREE + 2048;
/** The key that the driver made, while the user has set another. */
export const RSS_KEY_DRIVER: usize = RSS_KEY + 64;
export const RSS_LUT: usize = RSS_KEY_DRIVER + 64;
export const COSTS: usize = RSS_LUT + 512;
export const PRNGS: usize = COSTS + <usize>COST_MAX * 8;
export const DISTANCES: usize = PRNGS + <usize>PURPOSE_MAX * PRNG_SIZE;
export const TOTALS: usize = DISTANCES + 64 * 64 * 4;
/** One byte for each port of the peer: taken or not. */
export const PORTS: usize = TOTALS + 512;
/** Bytes taken into the device's buffer, at each of the last frames: a ring of u32. */
export const BUFFER: usize = PORTS + 65536;
/** More frames than the buffer holds of the smallest. */
export const BUFFER_FRAMES: u32 = 32768;
/** State of dynamic interrupt moderation: rx and tx of each queue pair, 64 bytes each. */
export const DIMS: usize = BUFFER + <usize>BUFFER_FRAMES * 4;
/**
 * Events handled, by kind: u64 each. Ends of what a CPU does (EV_CPU) are told apart a second time:
 * by activity (cpu.ts), those of a softirq by step (softirq.ts), in a NAPI's thread apart.
 */
export const KIND_COUNTS: usize = DIMS + <usize>QUEUE_MAX * 2 * 64;
export const KIND_MAX: u32 = 80;
export const CPU_KINDS: u32 = 50;
export const SOFTIRQ_KINDS: u32 = 60;
export const NAPI_THREAD_KINDS: u32 = 70;
/** Entries of the trace that wait to be taken out, and the state it has seen last; see trace.ts. */
export const TRACE: usize = KIND_COUNTS + <usize>KIND_MAX * 8;
export const TRACE_MAX: u32 = 32768;
export const TRACE_SEEN: usize = TRACE + <usize>TRACE_MAX * 16;
/** Messages to and from another machine, 64 bytes each; see wire.ts. */
export const WIRE_SHIFT: usize = 6;
export const WIRE_MAX: u32 = 512;
export const WIRE_OUT: usize = TRACE_SEEN + 64 * 64;
export const WIRE_IN: usize = WIRE_OUT + ((<usize>WIRE_MAX) << WIRE_SHIFT);
/**
 * Messages on their way here. A frame holds a link of 100 Gb/s for 6.7 ns and the longest cable
 * takes 100 us, so frames are some 15,000 at most; a reset tells of all that it finds at one time.
 */
export const WIRE_PENDING_MAX: u32 = 32768;
export const WIRE_PENDING: usize = WIRE_IN + ((<usize>WIRE_MAX) << WIRE_SHIFT);
/** Tables of receive flow steering; see rps.ts. */
export const RPS_SOCK_FLOWS: usize = WIRE_PENDING + ((<usize>WIRE_PENDING_MAX) << WIRE_SHIFT);
export const RPS_SOCK_FLOW_LIMIT: u32 = 32768;
export const RPS_FLOWS: usize = RPS_SOCK_FLOWS + <usize>RPS_SOCK_FLOW_LIMIT * 4;
/** Entries of all receive queues together. */
export const RPS_FLOW_LIMIT: u32 = 65536;
export const ARENA_END: usize = RPS_FLOWS + <usize>RPS_FLOW_LIMIT * 8;

// Event kinds. The target is named in brackets.
/** A frame from the peer is in host memory [packet]. */
export const EV_RX: u32 = 1;
/** The peer's link has sent a frame [0]. */
export const EV_PEER_LINK: u32 = 2;
/** Throttling of a vector has run out [queue]. */
export const EV_ITR: u32 = 3;
/** The MSI-X write of a vector has reached the host [queue]. */
export const EV_MSIX: u32 = 4;
/** What a CPU was doing is done [cpu]. */
export const EV_CPU: u32 = 5;
/** A wake-up IPI has reached a CPU [cpu]. */
export const EV_IPI: u32 = 6;
/** The device has fetched a transmit descriptor and data [queue]. */
export const EV_TX_FETCHED: u32 = 7;
/** The device's link has sent a frame [0]. */
export const EV_TX_LINK: u32 = 8;
/** The head write-back of a reported packet is in host memory [queue]. */
export const EV_TX_REPORT: u32 = 9;
/** The peer has all of a packet [packet]. */
export const EV_PEER_RX: u32 = 10;
/** An ideal client reads what has come, acknowledges, and may ask again [connection]. */
export const EV_PEER_NEXT: u32 = 11;
/** The next request of an open loop is due [group]. */
export const EV_ARRIVAL: u32 = 12;
/** The delayed acknowledgement of a connection is due [connection]. */
export const EV_DELAYED_ACK: u32 = 13;
/** A lost SYN or FIN is sent again [packet]. */
export const EV_RETRANSMIT: u32 = 14;
/** A flow-director rule takes effect [location]. */
export const EV_RULE: u32 = 15;
/** A connection starts [connection]. */
export const EV_START: u32 = 16;
/** End of the warm-up or of the run [0]. */
export const EV_MARK: u32 = 17;
/** The peer gives up a UDP transaction [connection]. */
export const EV_LOST: u32 = 18;
/** The device begins to write a frame to host memory [packet]. */
export const EV_RX_DMA: u32 = 20;
/** The receive interval of a masked vector with WB_ON_ITR is over [queue]. */
export const EV_WRITE_BACK: u32 = 21;
/** The device has programmed ATR's filter for a connection [connection]. */
export const EV_ATR: u32 = 22;
/** The flow director's table has been flushed [0]. */
export const EV_FLUSH: u32 = 23;
/** The device is to lose a packet that it has been given [packet]. */
export const EV_TX_LOST: u32 = 24;
/** The timer of a vector's NAPI has run out [queue]. */
export const EV_NAPI_TIMER: u32 = 25;
/** Something has come that a thread which spins on a vector sees [queue]. */
export const EV_BUSY_POLL: u32 = 26;
/** A frame that others have overtaken on the wire reaches the device [packet]. */
export const EV_RX_LATE: u32 = 28;
/** The driver's service task looks for transmit queues that hang [0]. */
export const EV_SERVICE: u32 = 29;

/** A CPU is to look at its backlog [cpu]. */
export const EV_RPS_IPI: u32 = 27;

/** The next request of a connection with a schedule of its own is due [connection]. */
export const EV_DUE: u32 = 35;
/** The retransmission time of a direction may be over [2 x connection + direction]. */
export const EV_RTO: u32 = 36;
/** A frame from another machine has come [message]. */
export const EV_WIRE_FRAME: u32 = 37;
/** A frame between here and another machine was lost there [message]. */
export const EV_WIRE_LOST: u32 = 38;
/** A segment that was sent again has arrived at another machine [message]. */
export const EV_WIRE_CLOSED: u32 = 39;
/** The wait of a client's thread is over [thread]. */
export const EV_WAIT: u32 = 40;

/** An operation of the workload is due: the run stops here [its number]. */
export const EV_OPERATION: u32 = 45;
/** The time of a reset is over [0]. */
export const EV_RESET: u32 = 46;
/** A frame of another machine that a reset found in a receive ring is lost [packet]. */
export const EV_RX_LOST: u32 = 47;
/** A jiffy of a CPU begins [cpu]. */
export const EV_TICK: u32 = 48;
/** Housekeeping is due on a CPU [cpu]. */
export const EV_HOUSEKEEPING: u32 = 49;

/** A frame, or a train of frames that segmentation offload makes of one packet. */
@unmanaged
export class Packet {
  connection: u32;
  flags: u32;
  /** Bytes of payload of all frames. */
  payload: u32;
  /** Frames already on the wire. */
  sent: u32;
  /** Frames in all. */
  frames: u32;
  /** Number up to which this packet acknowledges, and the room its sender has from there on. */
  acked: u32;
  window: u32;
  descriptors: u32;
  references: u32;
  next: u32;
  /** Wire bytes of the headers of each frame. */
  headers: u32;
  /** Incarnation of the connection that the packet belongs to. */
  life: u32;
  /** TCP: number of the first byte. UDP: number of the datagram (the identification of IPv4). */
  sequence: u32;
  /** Bytes that have arrived at the sender of this packet, in any order (TCP). */
  arrived: u32;
  /** Next hole of a half-connection, or next packet of a backlog, for a packet that is in one. */
  holeNext: u32;
  /** Receive queue that the device has chosen. */
  queue: u32;
}

// Flags of a packet.
export const FLAG_SYN: u32 = 1;
export const FLAG_FIN: u32 = 2;
export const FLAG_ACK: u32 = 4;
export const FLAG_UDP: u32 = 8;
/** The device reports completion of this packet. */
export const FLAG_REPORT: u32 = 16;
/** Last (or only) fragment of a datagram. */
export const FLAG_LAST: u32 = 64;
/** Fragment of a datagram: no ports to hash or match. */
export const FLAG_FRAGMENT: u32 = 128;
/** A segment that is sent again because its first copy was lost. */
export const FLAG_COPY: u32 = 1 << 16;
/** A segment that the receiver has: it counts for nothing but its acknowledgement. */
export const FLAG_DUPLICATE: u32 = 1 << 17;
/** Its one frame was lost on the link to the peer. */
export const FLAG_UNSENT: u32 = 1 << 23;
/** Last segment of what its application has sent: PSH. */
export const FLAG_PUSH: u32 = 1 << 24;
/** A hole: not under way; thought lost; sent again before; there, and about to be closed. */
export const FLAG_GONE: u32 = 1 << 18;
export const FLAG_LOST: u32 = 1 << 19;
export const FLAG_RESENT: u32 = 1 << 20;
export const FLAG_ARRIVED: u32 = 1 << 21;
/** A lost SYN or FIN that the system under test sends again, not the peer. */
export const FLAG_TO_PEER: u32 = 1 << 22;
/** A frame of an AF_XDP socket: no socket buffer and no byte limit know of it. */
export const FLAG_XSK: u32 = 1 << 25;

/** An entry of the packet table. */
@inline
export function packetAt(index: u32): Packet {
  return changetype<Packet>(PACKETS + ((<usize>index) << PACKET_SHIFT));
}

let freePacket: u32 = 0;
let takenPackets: u32 = 0;
let usedPackets: u32 = 0;

/** Puts all packets into the pool. */
export function packetsInit(): void {
  freePacket = 0;
  takenPackets = 0;
  usedPackets = 0;
}

/** Takes a packet, with one reference, from the pool; traps if none is left. */
export function packetTake(connection: u32, flags: u32, payload: u32, headers: u32): u32 {
  let index = freePacket;
  if (index == 0) {
    takenPackets++;
    assert(takenPackets < PACKET_MAX);
    index = takenPackets;
  } else {
    freePacket = packetAt(index).next;
  }
  const packet = packetAt(index);
  packet.connection = connection;
  packet.flags = flags;
  packet.payload = payload;
  packet.sent = 0;
  packet.frames = 1;
  packet.acked = 0;
  packet.window = 0;
  packet.descriptors = 1;
  packet.references = 1;
  packet.next = 0;
  packet.headers = headers;
  packet.life = 0;
  packet.sequence = 0;
  packet.arrived = 0;
  packet.holeNext = 0;
  packet.queue = 0;
  usedPackets++;
  return index;
}

/** Drops a reference; the last one gives the packet back. */
export function packetDrop(index: u32): void {
  const packet = packetAt(index);
  assert(packet.references > 0);
  packet.references--;
  if (packet.references == 0) {
    packet.next = freePacket;
    freePacket = index;
    usedPackets--;
  }
}

/** Packets 1 to this have been in use; scans need not go further. */
export function packetsTaken(): u32 {
  return takenPackets;
}

/** Packets not in the pool. */
export function packetsUsed(): u32 {
  return usedPackets;
}

// Purposes of random numbers, one stream each.
export const PURPOSE_KEY: u32 = 0;
export const PURPOSE_PORT: u32 = 1;
export const PURPOSE_START: u32 = 2;
export const PURPOSE_ARRIVAL: u32 = 3;
export const PURPOSE_SIZE: u32 = 4;
export const PURPOSE_LOSS: u32 = 5;
export const PURPOSE_SERVICE: u32 = 7;
export const PURPOSE_REORDER: u32 = 8;
export const PURPOSE_MSIX: u32 = 9;
export const PURPOSE_HOUSEKEEPING: u32 = 10;

/** Purposes of a host's first block of streams; the other host's block of as many follows. */
const STREAM_BLOCK: u32 = 8;

/** Number of a purpose's stream: hosts have blocks in turn, the server's first. */
export function streamOf(purpose: u32, isClient: bool): u32 {
  const block = 2 * (purpose / STREAM_BLOCK) + (isClient ? 1 : 0);
  return block * STREAM_BLOCK + purpose % STREAM_BLOCK;
}

/** State of a purpose's random numbers. */
@inline
export function prngOf(purpose: u32): usize {
  return PRNGS + <usize>purpose * PRNG_SIZE;
}
