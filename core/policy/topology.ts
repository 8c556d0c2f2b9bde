// deno-fmt-ignore-file
// CPUs, SMT siblings, NUMA nodes and distances, and which CPUs are online.
// It is told the machine before any device is registered; afterwards only the online state changes.

import { EINVAL } from "../lib/errno";
import {
  arenaBase,
  C_CORE,
  C_FLAGS,
  C_NODE,
  CPU_ONLINE,
  CPU_PRESENT,
  cpuAt,
  cpusCapacity,
  distanceOf,
  H_ONLINE,
  nodeOrderAt,
  nodesCapacity,
} from "./abi";

/** ACPI SLIT: distance of a node to itself, and the smallest there is. */
const DISTANCE_LOCAL: i32 = 10;

/**
 * Declares a CPU, its node and its core (the lowest CPU of its SMT group, itself if alone).
 * -EINVAL for a number outside the capacities or a core above the CPU.
 */
export function topologyCpu(cpu: i32, node: i32, core: i32, online: i32): i32 {
  if (<u32>cpu >= cpusCapacity || <u32>node >= nodesCapacity || <u32>core > <u32>cpu)
    return -EINVAL;
  if (cpuIsPresent(cpu)) return -EINVAL;
  store<u16>(cpuAt(cpu), node, C_NODE);
  store<u16>(cpuAt(cpu), core, C_CORE);
  store<u8>(cpuAt(cpu), CPU_PRESENT, C_FLAGS);
  if (online != 0) cpuSetOnline(cpu, true);
  return 0;
}

/** Sets the distance between two nodes, 10 (local) to 255. */
export function topologyDistance(from: i32, to: i32, distance: i32): i32 {
  if (<u32>from >= nodesCapacity || <u32>to >= nodesCapacity) return -EINVAL;
  if (distance < DISTANCE_LOCAL || distance > 255) return -EINVAL;
  store<u8>(distanceOf(from, to), distance);
  return 0;
}

/** Whether the CPU was declared; any number can be asked. */
@inline
export function cpuIsPresent(cpu: i32): bool {
  return <u32>cpu < cpusCapacity && (load<u8>(cpuAt(cpu), C_FLAGS) & CPU_PRESENT) != 0;
}

/** Whether a CPU within the capacity is online. */
@inline
export function cpuIsOnline(cpu: i32): bool {
  return (load<u8>(cpuAt(cpu), C_FLAGS) & CPU_ONLINE) != 0;
}

/** NUMA node of a CPU. */
@inline
export function cpuNode(cpu: i32): i32 {
  return load<u16>(cpuAt(cpu), C_NODE);
}

/** Lowest CPU of the core a CPU belongs to. */
@inline
export function cpuCore(cpu: i32): i32 {
  return load<u16>(cpuAt(cpu), C_CORE);
}

/** Number of online CPUs. */
export function onlineCount(): i32 {
  return load<u32>(arenaBase, H_ONLINE);
}

/** Changes the online state of a present CPU, which must really change. */
export function cpuSetOnline(cpu: i32, online: bool): void {
  assert(cpuIsPresent(cpu) && cpuIsOnline(cpu) != online);
  store<u8>(cpuAt(cpu), CPU_PRESENT | (online ? CPU_ONLINE : 0), C_FLAGS);
  store<u32>(arenaBase, onlineCount() + (online ? 1 : -1), H_ONLINE);
}

/** The lowest online CPU at or above `cpu`, -1 if there is none. */
export function nextOnline(cpu: i32): i32 {
  for (let next = cpu; <u32>next < cpusCapacity; next++) {
    if (cpuIsOnline(next)) return next;
  }
  return -1;
}

/** Node at a rank of the order that sortNodes made. */
@inline
export function nodeInOrder(rank: i32): i32 {
  return load<u16>(nodeOrderAt + ((<usize>rank) << 1));
}

/** Whether node a comes before node b for a device on `home` (-1: unknown, node number decides). */
export function nodeIsNearer(home: i32, a: i32, b: i32): bool {
  if (home >= 0) {
    const near = <i32>load<u8>(distanceOf(home, a));
    const far = <i32>load<u8>(distanceOf(home, b));
    if (near != far) return near < far;
  }
  return a < b;
}

/** Sorts the node numbers for a device on `home`, near first (insertion sort: few nodes). */
export function sortNodes(home: i32): void {
  for (let i = 0; <u32>i < nodesCapacity; i++) {
    let place = i;
    while (place > 0 && nodeIsNearer(home, i, nodeInOrder(place - 1))) {
      store<u16>(nodeOrderAt + ((<usize>place) << 1), nodeInOrder(place - 1));
      place--;
    }
    store<u16>(nodeOrderAt + ((<usize>place) << 1), i);
  }
}
