/**
 * What a JSON Schema cannot say about a host's topology, in machine files and scenario scripts
 * alike. Never fills anything in.
 *
 * @module
 */

import type { Finding, JsonPath } from "./jsonc.ts";

/** CPUs, nodes and who shares a core, as a file tells them. */
export interface TopologyText {
  readonly nodes: readonly { readonly id: number; readonly cpus: readonly number[] }[];
  /** Row and column by node number. */
  readonly distance: readonly (readonly number[])[];
  readonly siblings: readonly (readonly number[])[];
  /** All, if left out. */
  readonly online?: readonly number[];
}

/**
 * Mistakes in a topology that fits its schema.
 *
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const host = { nodes: [{ id: 0, cpus: [0, 1] }], distance: [[10]], siblings: [[0, 7]] };
 * const [finding] = topologyFindings(host, ["host"]);
 * assert.equal(finding?.message, "host.siblings names CPU 7, which no node has");
 * ```
 *
 * @param base Where the topology stands in its document.
 */
export function topologyFindings(topology: TopologyText, base: JsonPath): Finding[] {
  const where = base.join(".");
  const findings = cpuFindings(topology, base);
  const ids = topology.nodes.map((node) => node.id);
  ids.forEach((id, index) => {
    if (ids.indexOf(id) === index) return;
    const message = `${where}.nodes[${index}].id is ${id}: another node has that number already`;
    findings.push({ path: [...base, "nodes", index, "id"], message });
  });
  const size = Math.max(...ids) + 1;
  const { distance } = topology;
  if (distance.length !== size || distance.some((row) => row.length !== size)) {
    const message =
      `${where}.distance is not ${size} x ${size}: a row and a column for each node ` +
      `number from 0 to ${size - 1} expected`;
    findings.push({ path: [...base, "distance"], message });
  }
  return findings;
}

function cpuFindings(topology: TopologyText, base: JsonPath): Finding[] {
  const where = base.join(".");
  const findings: Finding[] = [];
  const known = new Set<number>();
  topology.nodes.forEach(({ cpus }, index) =>
    cpus.forEach((cpu, place) => {
      const path = [...base, "nodes", index, "cpus", place];
      if (known.has(cpu)) {
        findings.push({ path, message: `${where} lists CPU ${cpu} in two nodes` });
      }
      known.add(cpu);
    })
  );
  const threads = new Set<number>();
  topology.siblings.forEach((group, index) =>
    group.forEach((cpu, place) => {
      const path = [...base, "siblings", index, place];
      if (!known.has(cpu)) {
        findings.push({ path, message: `${where}.siblings names CPU ${cpu}, which no node has` });
      } else if (threads.has(cpu)) {
        findings.push({ path, message: `${where}.siblings lists CPU ${cpu} in two groups` });
      }
      threads.add(cpu);
    })
  );
  topology.online?.forEach((cpu, place) => {
    if (known.has(cpu)) return;
    const path = [...base, "online", place];
    findings.push({ path, message: `${where}.online names CPU ${cpu}, which no node has` });
  });
  return findings;
}
