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
  } else findings.push(...distanceFindings(distance, base));
  return findings;
}

/** A node's distance to itself in the ACPI's System Locality Information Table (SLIT). */
const LOCAL_DISTANCE = 10;

/** What Linux refuses in a SLIT (slit_valid, drivers/acpi/numa), and distances with two values. */
function distanceFindings(distance: TopologyText["distance"], base: JsonPath): Finding[] {
  const findings: Finding[] = [];
  distance.forEach((row, from) =>
    row.forEach((value, to) => {
      const refuse = (accepted: string): void => {
        const message = `${base.join(".")}.distance[${from}][${to}] is ${value}: ${accepted}`;
        findings.push({ path: [...base, "distance", from, to], message });
      };
      const back = distance[to]![from]!;
      if (from === to) {
        if (value !== LOCAL_DISTANCE) refuse(`a node is ${LOCAL_DISTANCE} from itself`);
      } else if (value <= LOCAL_DISTANCE) {
        refuse(`another node is more than ${LOCAL_DISTANCE} away`);
      } else if (from > to && value !== back) refuse(`the way back, [${to}][${from}], is ${back}`);
    })
  );
  return findings;
}

function cpuFindings(topology: TopologyText, base: JsonPath): Finding[] {
  const where = base.join(".");
  const findings: Finding[] = [];
  const known = new Map<number, number>();
  topology.nodes.forEach(({ cpus }, index) =>
    cpus.forEach((cpu, place) => {
      const path = [...base, "nodes", index, "cpus", place];
      const other = known.get(cpu);
      if (other !== undefined) {
        const places = other === index ? "twice in one node" : "in two nodes";
        findings.push({ path, message: `${where} lists CPU ${cpu} ${places}` });
      }
      known.set(cpu, index);
    })
  );
  findings.push(...siblingFindings(topology, base));
  topology.online?.forEach((cpu, place) => {
    if (known.has(cpu)) return;
    const path = [...base, "online", place];
    findings.push({ path, message: `${where}.online names CPU ${cpu}, which no node has` });
  });
  return findings;
}

/** A CPU is in one group at most, once, and shares its core with CPUs of its node only. */
function siblingFindings({ nodes, siblings }: TopologyText, base: JsonPath): Finding[] {
  const where = base.join(".");
  const findings: Finding[] = [];
  const nodeOf = (cpu: number): number | undefined =>
    nodes.find(({ cpus }) => cpus.includes(cpu))?.id;
  const groupOf = new Map<number, number>();
  siblings.forEach((group, index) =>
    group.forEach((cpu, place) => {
      const refuse = (what: string): void => {
        const message = `${where}.siblings ${what}`;
        findings.push({ path: [...base, "siblings", index, place], message });
      };
      const node = nodeOf(cpu);
      const other = groupOf.get(cpu);
      const first = nodeOf(group[0]!);
      if (node === undefined) refuse(`names CPU ${cpu}, which no node has`);
      else if (other === index) refuse(`lists CPU ${cpu} twice in one group`);
      else if (other !== undefined) refuse(`lists CPU ${cpu} in two groups`);
      else if (first !== undefined && node !== first) {
        refuse(
          `has CPU ${group[0]} of node ${first} and CPU ${cpu} of node ${node} in one group: ` +
            "a core is in one node",
        );
      }
      groupOf.set(cpu, index);
    })
  );
  return findings;
}
