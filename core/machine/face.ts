// deno-fmt-ignore-file
// What machine.wasm tells the harness in constants: where its tables lie and how long they are,
// how much fits them, and the numbers of tests and answers. Values only.

import {
  HISTOGRAM_COUNTERS as HISTOGRAM_LENGTH,
  HISTOGRAM_HALF as HISTOGRAM_EXACT,
  HISTOGRAM_SIZE,
} from "../lib/histogram";
import {
  CONNECTION_MAX,
  CPU_SHIFT,
  CPUS,
  GROUP_SHIFT,
  GROUPS,
  HISTOGRAMS,
  KIND_COUNTS,
  KIND_MAX,
  PACKET_MAX,
  QUEUE_SHIFT,
  QUEUES,
  RULE_INPUT as RULE_WORDS,
  STAMP_MAX,
  TOTALS,
  TRACE,
  WIRE_IN,
  WIRE_OUT,
  WIRE_SHIFT,
} from "./abi";
import {
  Group,
  TCP_CC,
  TCP_CRR,
  TCP_MAERTS,
  TCP_RR,
  TCP_SENDFILE,
  TCP_STREAM,
  UDP_RR,
  UDP_STREAM,
  XDP_DROP,
  XSK_TX,
} from "./connection";
import { Cpu } from "./cpu";
import { RULE_LIMIT as RULES_HELD } from "./flow_director";
import { TCP_SEGMENT, UDP_SEGMENT } from "./link";
import { Queue } from "./queue";
import { TOTAL_COUNT as TOTAL_LENGTH } from "./totals";

// Where the harness finds the tables (bytes) and how long they are.
export const CPU_TABLE: u32 = <u32>CPUS;
export const CPU_BYTES: u32 = 1 << (<u32>CPU_SHIFT);
export const CPU_COUNTER_COUNT: u32 = <u32>offsetof<Cpu>("since") / 8;
export const QUEUE_TABLE: u32 = <u32>QUEUES;
export const QUEUE_BYTES: u32 = 1 << (<u32>QUEUE_SHIFT);
export const QUEUE_COUNTERS: u32 = <u32>offsetof<Queue>("rxPackets");
export const QUEUE_COUNTER_COUNT: u32 = (<u32>offsetof<Queue>() - QUEUE_COUNTERS) / 8;
export const GROUP_TABLE: u32 = <u32>GROUPS;
export const GROUP_BYTES: u32 = 1 << (<u32>GROUP_SHIFT);
export const GROUP_COUNTERS: u32 = <u32>offsetof<Group>("arrivalsLost");
export const GROUP_COUNTER_COUNT: u32 = (<u32>offsetof<Group>() - GROUP_COUNTERS) / 8;
export const HISTOGRAM_TABLE: u32 = <u32>HISTOGRAMS;
export const HISTOGRAM_BYTES: u32 = <u32>HISTOGRAM_SIZE;
export const HISTOGRAM_COUNTERS: u32 = HISTOGRAM_LENGTH;
export const HISTOGRAM_HALF: u32 = HISTOGRAM_EXACT;
export const TOTAL_TABLE: u32 = <u32>TOTALS;
export const TOTAL_COUNT: u32 = TOTAL_LENGTH;
export const KIND_TABLE: u32 = <u32>KIND_COUNTS;
export const KIND_COUNT: u32 = KIND_MAX;
export const TRACE_TABLE: u32 = <u32>TRACE;
export const WIRE_OUT_TABLE: u32 = <u32>WIRE_OUT;
export const WIRE_IN_TABLE: u32 = <u32>WIRE_IN;
export const WIRE_BYTES: u32 = 1 << (<u32>WIRE_SHIFT);
// Limits of a workload and a host.
export const CONNECTION_LIMIT: u32 = CONNECTION_MAX;
export const OUTSTANDING_LIMIT: u32 = STAMP_MAX;
/** Frames that the workload itself may put under way; the rest is for what comes of them. */
export const FRAME_LIMIT: u32 = PACKET_MAX - 65536;
/** Payload of a full frame. */
export const TCP_FRAME_BYTES: u32 = TCP_SEGMENT;
export const UDP_FRAME_BYTES: u32 = UDP_SEGMENT;
/** Where a rule of `ethtool -N` is put before ethtoolRule; see flow_input.ts. */
export const RULE_INPUT: u32 = <u32>RULE_WORDS;
/** Rules that the device holds. */
export const RULE_LIMIT: u32 = RULES_HELD;
// Numbers of the tests.
export const TEST_TCP_RR: u32 = TCP_RR;
export const TEST_TCP_CRR: u32 = TCP_CRR;
export const TEST_TCP_STREAM: u32 = TCP_STREAM;
export const TEST_TCP_MAERTS: u32 = TCP_MAERTS;
export const TEST_UDP_RR: u32 = UDP_RR;
export const TEST_UDP_STREAM: u32 = UDP_STREAM;
export const TEST_TCP_CC: u32 = TCP_CC;
export const TEST_TCP_SENDFILE: u32 = TCP_SENDFILE;
export const TEST_XDP_DROP: u32 = XDP_DROP;
export const TEST_XSK_TX: u32 = XSK_TX;
/** Answer of machineRun when packets or events run out. */
export const RUN_FULL: u32 = 3;
/** Answer of machineRun when an event broke a rule: debug builds only. */
export const RUN_BROKEN: u32 = 4;
