// deno-fmt-ignore-file
// Receive packet and flow steering (Documentation/networking/scaling.rst): on which CPU a packet
// goes up. By its flow's hash among the CPUs of rps_cpus; or, where the flow tables have entries,
// on the CPU that called recvmsg or sendmsg last for it, once all that went to the flow's former
// CPU has been processed there (get_rps_cpu). Knows hashes and CPUs; backlog.ts moves the packets.

import {
  FLAG_FRAGMENT,
  Packet,
  QUEUE_MAX,
  RPS_FLOW_LIMIT,
  RPS_FLOWS,
  RPS_SOCK_FLOW_LIMIT,
  RPS_SOCK_FLOWS,
} from "./abi";
import { Connection, connectionAt } from "./connection";
import { cost, RPS_FLOW_CNT, RPS_SOCK_FLOW_ENTRIES } from "./costs";
import { Cpu, cpuAt, cpus } from "./cpu";
import { cpuIsOnline } from "./online";
import { queueAt, queues } from "./queue";

/** Low bits of an entry of the socket table: the CPU; above them those of the hash. */
const CPU_MASK: u32 = 63;
/** An entry that nobody has written: a CPU that no machine has, as its hash cannot match. */
const NO_CPU: u32 = u32.MAX_VALUE;

/** A flow of a receive queue: the CPU it goes to, +1, and its last place in that backlog. */
@unmanaged
export class RpsFlow {
  cpu: u32;
  lastTail: u32;
}

let sockMask: u32 = 0;
let flowMask: u32 = 0;
/** Both tables have entries: calls write to the one. */
let isRecording: bool = false;
/** Queues that have a table: those that a reset adds come without. */
let tables: u32 = 0;

function roundUp(count: u32): u32 {
  return count <= 1 ? count : (<u32>1) << (32 - clz(count - 1));
}

/** Empties the tables; both must have entries, rounded up to powers of two, or RFS is off. */
export function rpsInit(): void {
  const entries = roundUp(<u32>cost(RPS_SOCK_FLOW_ENTRIES));
  const flows = roundUp(<u32>cost(RPS_FLOW_CNT));
  assert(entries <= RPS_SOCK_FLOW_LIMIT && flows * queues() <= RPS_FLOW_LIMIT);
  isRecording = entries != 0 && flows != 0;
  tables = isRecording ? queues() : 0;
  sockMask = entries - 1;
  flowMask = flows - 1;
  if (!isRecording) return;
  memory.fill(RPS_SOCK_FLOWS, 0xff, (<usize>RPS_SOCK_FLOW_LIMIT) << 2);
  memory.fill(RPS_FLOWS, 0, (<usize>RPS_FLOW_LIMIT) << 3);
}

/** Whether packets of a receive queue may go up on another CPU than its own. */
@inline
export function rpsSteers(queue: u32): bool {
  return queue < tables || queueAt(queue).rpsCpus != 0;
}

@inline
function sockEntry(hash: u32): usize {
  return RPS_SOCK_FLOWS + ((<usize>(hash & sockMask)) << 2);
}

/** recvmsg, sendmsg or accept of a connection on a CPU (sock_rps_record_flow). */
export function rpsRecord(connection: Connection, cpu: u32): void {
  if (isRecording) store<u32>(sockEntry(connection.hash), (connection.hash & ~CPU_MASK) | cpu);
}

/** CPU of a set by the flow's hash: the hash scaled to the number of CPUs. */
function byHash(mask: u64, hash: u32): i32 {
  if (mask == 0) return -1;
  let left = <u32>((<u64>hash * <u64>popcnt(mask)) >> 32);
  let rest = mask;
  while (left > 0) {
    rest &= rest - 1;
    left--;
  }
  return <i32>ctz(rest);
}

/** The flow's entry of a queue's table. */
function flowAt(queue: u32, hash: u32): RpsFlow {
  const place = queue * (flowMask + 1) + (hash & flowMask);
  return changetype<RpsFlow>(RPS_FLOWS + ((<usize>place) << 3));
}

/** Whether all that a flow has put on the backlog of its CPU has gone up. */
function isWorkedOff(flow: RpsFlow): bool {
  return flow.cpu == 0 || <i32>(cpuAt(flow.cpu - 1).backlogHeads - flow.lastTail) >= 0;
}

/** CPU of the flow's last call, and the flow's entry for the CPU that asks; -1 if none is known. */
function byCall(cpu: Cpu, queue: u32, hash: u32): i32 {
  const entry = load<u32>(sockEntry(hash));
  if (entry == NO_CPU || ((entry ^ hash) & ~CPU_MASK) != 0) return -1;
  const wanted = entry & CPU_MASK;
  const flow = flowAt(queue, hash);
  if (flow.cpu != wanted + 1) {
    if (isWorkedOff(flow)) {
      flow.cpu = wanted + 1;
      flow.lastTail = cpuAt(wanted).backlogHeads;
    }
  }
  cpu.rpsFlow = changetype<u32>(flow);
  return <i32>flow.cpu - 1;
}

/**
 * Chooses the CPU on whose backlog a packet goes, for the CPU that has it: `rpsTarget`, -1 where
 * it goes up at once, and `rpsFlow`, none where its hash alone decided.
 */
export function rpsChoose(cpu: Cpu, packet: Packet): i32 {
  const connection = connectionAt(packet.connection);
  const isFragment = (packet.flags & FLAG_FRAGMENT) != 0;
  const hash = isFragment ? connection.fragmentHash : connection.hash;
  cpu.rpsFlow = 0;
  const called = packet.queue < tables ? byCall(cpu, packet.queue, hash) : -1;
  cpu.rpsTarget = called >= 0 ? called : byHash(queueAt(packet.queue).rpsCpus, hash);
  if (cpu.rpsTarget >= 0 && !cpuIsOnline(cpu.rpsTarget)) {
    cpu.rpsTarget = -1;
    cpu.rpsFlow = 0;
  }
  return cpu.rpsTarget;
}

/** Sets rps_cpus of a receive queue; CPUs that the machine has not are ignored. */
export function rpsCpusSet(queue: u32, mask: u64): void {
  assert(queue < queues() && queue < QUEUE_MAX);
  const all = cpus() == 64 ? u64.MAX_VALUE : ((<u64>1) << cpus()) - 1;
  queueAt(queue).rpsCpus = mask & all;
}
