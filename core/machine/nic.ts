// deno-fmt-ignore-file
// The device as the driver sets it up: its node, one vector per queue pair spread over the CPUs
// near first (cpumask_local_spread), XPS giving transmit queue i to the i-th CPU of that order.
// Also which CPU an interrupt goes to. Data paths are in ring.ts, choice of a queue in steering.ts.

import { DISTANCES } from "./abi";
import { cpuAt, cpuInterrupt, cpus } from "./cpu";
import { onlineCpus } from "./online";
import { queueAt, queues } from "./queue";

const NODE_MAX: u32 = 64;
/** Interrupt number of queue 0; the misc vector has the one before. */
export const IRQ_BASE: u32 = 64;

let node: i32 = -1;

/** Node of the device's slot, -1 unknown. */
@inline
export function nicNode(): i32 {
  return node;
}

/** Distance of two nodes as the firmware's SLIT tells it. */
export function distanceSet(from: u32, to: u32, distance: u32): void {
  assert(from < NODE_MAX && to < NODE_MAX);
  store<u32>(DISTANCES + ((<usize>(from * NODE_MAX + to)) << 2), distance);
}

function distanceOf(cpu: u32): u32 {
  if (node < 0) return 0;
  return load<u32>(DISTANCES + ((<usize>(<u32>node * NODE_MAX + cpuAt(cpu).node)) << 2));
}

/** The CPU at a place of the near-first order; places count on from the start at the end. */
function spreadCpu(place: u32): u32 {
  const count = cpus();
  const wanted = place % count;
  for (let cpu: u32 = 0; cpu < count; cpu++) {
    let before: u32 = 0;
    const own = distanceOf(cpu);
    for (let other: u32 = 0; other < count; other++) {
      const distance = distanceOf(other);
      if (distance < own || (distance == own && other < cpu)) before++;
    }
    if (before == wanted) return cpu;
  }
  return 0;
}

/** Sets affinity of all vectors and XPS to the driver's defaults. */
export function nicInit(slotNode: i32): void {
  node = slotNode;
  for (let queue: u32 = 0; queue < queues(); queue++) {
    const cpu = spreadCpu(queue);
    queueAt(queue).affinity = (<u64>1) << cpu;
    if (queue < cpus()) cpuAt(cpu).xpsQueues = (<u64>1) << queue;
  }
}

/** CPUs that may take a vector: those of its affinity that are online, or all that are. */
export function vectorMask(queue: u32): u64 {
  const mask = queueAt(queue).affinity & onlineCpus();
  return mask != 0 ? mask : onlineCpus();
}

/** CPU that the next interrupt of a vector goes to: the lowest that may take it. */
export function vectorCpu(queue: u32): u32 {
  return <u32>ctz(vectorMask(queue));
}

/** Whether some CPU has an interrupt of the vector still to take. */
function isAwaited(queue: u32): bool {
  for (let i: u32 = 0; i < cpus(); i++) {
    if (((cpuAt(i).pendingIrqs >> queue) & 1) != 0) return true;
  }
  return false;
}

/** The MSI-X write of a vector has reached the host. */
export function vectorArrives(queue: u32): void {
  const mask = queueAt(queue).affinity;
  const allowed = (mask & onlineCpus()) != 0 ? mask : onlineCpus();
  // What an earlier message allowed holds for a CPU that has not come to it yet, too.
  const earlier = isAwaited(queue) ? queueAt(queue).affinitySeen : 0;
  queueAt(queue).affinitySeen = earlier | allowed;
  cpuInterrupt(vectorCpu(queue), queue);
}

/** Sets a vector's affinity; CPUs the machine has not are ignored. False if none is left. */
export function affinitySet(queue: u32, mask: u64): bool {
  const all = cpus() == 64 ? u64.MAX_VALUE : ((<u64>1) << cpus()) - 1;
  if ((mask & all) == 0) return false;
  queueAt(queue).affinity = mask & all;
  return true;
}
