/**
 * Reference model: which queues serve which policy, and in what order (rules 4 to 8).
 *
 * Pure functions of the map and the host; nothing here knows of devices in use, records or
 * drivers.
 *
 * @module
 */

import {
  BULK,
  HINT_VALUES,
  type HostCpu,
  LATENCY,
  type Lists,
  type MapEntry,
  MIX,
  type Model,
} from "./state.ts";

/** What the lists depend on apart from the map. */
export type Host = Pick<Model, "cpus" | "distance" | "partition">;

/** Rule 4: the host's nodes in the order in which a device on `deviceNode` prefers them. */
function nodeOrder(host: Host, deviceNode: number): number[] {
  const nodes = [...new Set([...host.cpus.values()].map(({ node }) => node))];
  const distanceTo = (node: number) =>
    deviceNode < 0 ? 0 : host.distance[deviceNode]?.[node] ?? Infinity;
  return nodes.sort((a, b) => distanceTo(a) - distanceTo(b) || a - b);
}

/** Rule 6 and 7: how many of a node's mapped CPUs MIX gives to LATENCY. */
function latencyQuota(mapped: number, partition: Model["partition"]): number {
  const third = Math.floor(mapped / 3);
  return partition === "latency-first" && mapped >= 2 ? Math.max(third, 1) : third;
}

/** The lists of one direction for a device policy, cursors at their heads. */
export function makeLists(
  host: Host,
  deviceNode: number,
  map: readonly MapEntry[],
  policy: number,
): Lists {
  const byNode = nodeOrder(host, deviceNode).map((node) =>
    map.filter(({ cpu }) => hostCpu(host, cpu).node === node).sort((a, b) => a.cpu - b.cpu)
  );
  const serves = policy === MIX ? mixPartition(host, byNode) : plainOrder(host, byNode, policy);
  const lists: Lists = new Map(HINT_VALUES.map((value) => [value, { objects: [], cursor: 0 }]));
  for (const [{ cpu, queue }, value] of serves) {
    lists.get(value)?.objects.push({ cpu, queue, refs: 0 });
  }
  return lists;
}

/** Rule 5 for a plain policy: first a CPU of every core, then the rest. */
function plainOrder(
  host: Host,
  byNode: readonly MapEntry[][],
  policy: number,
): [MapEntry, number][] {
  const first = byNode.flatMap((entries) => firstOfCores(host, entries));
  const rest = byNode.flat().filter((entry) => !first.includes(entry));
  return [...first, ...rest].map((entry) => [entry, policy]);
}

/** Rules 5 to 7 for MIX: three passes; each gives to LATENCY what the node's quota leaves. */
function mixPartition(host: Host, byNode: readonly MapEntry[][]): [MapEntry, number][] {
  const taken = new Map<MapEntry, number>();
  const latencyLeft = byNode.map(({ length }) => latencyQuota(length, host.partition));
  const take = (place: number, entry: MapEntry) => {
    const left = latencyLeft[place] ?? 0;
    taken.set(entry, left > 0 ? LATENCY : BULK);
    if (left > 0) latencyLeft[place] = left - 1;
  };
  byNode.forEach((entries, place) =>
    firstOfCores(host, entries).forEach((entry) => take(place, entry))
  );
  const latencyCores = new Set(
    [...taken].filter(([, policy]) => policy === LATENCY).map(([{ cpu }]) => coreOf(host, cpu)),
  );
  for (const onlyLatencyCores of [true, false]) {
    byNode.forEach((entries, place) => {
      for (const entry of entries) {
        if (taken.has(entry)) continue;
        if (onlyLatencyCores && !latencyCores.has(coreOf(host, entry.cpu))) continue;
        take(place, entry);
      }
    });
  }
  return [...taken];
}

/** The lowest mapped CPU of every core of a node. */
function firstOfCores(host: Host, entries: readonly MapEntry[]): MapEntry[] {
  const cores = new Set<number>();
  return entries.filter(({ cpu }) => {
    const core = coreOf(host, cpu);
    return cores.has(core) ? false : cores.add(core);
  });
}

function hostCpu(host: Host, cpu: number): HostCpu {
  const known = host.cpus.get(cpu);
  if (known === undefined) throw new Error(`CPU ${cpu} is mapped but not part of the host`);
  return known;
}

function coreOf(host: Host, cpu: number): number {
  return hostCpu(host, cpu).core;
}
