/**
 * Topologies in files: each mistake that a schema cannot see, at its place.
 *
 * @module
 */

import assert from "node:assert/strict";
import { topologyFindings, type TopologyText } from "../../harness/topology.ts";

const GOOD: TopologyText = {
  nodes: [{ id: 0, cpus: [0, 1] }, { id: 1, cpus: [2, 3] }],
  distance: [[10, 21], [21, 10]],
  siblings: [[0, 1], [2, 3]],
  online: [0, 3],
};

Deno.test("a topology that agrees with itself has no findings", () => {
  assert.deepEqual(topologyFindings(GOOD, ["host"]), []);
});

const MISTAKES: readonly (readonly [Partial<TopologyText>, (string | number)[], RegExp])[] = [
  [
    { nodes: [{ id: 0, cpus: [0, 1] }, { id: 1, cpus: [1, 2, 3] }] },
    ["host", "nodes", 1, "cpus", 0],
    /^host lists CPU 1 in two nodes$/,
  ],
  [
    { nodes: [{ id: 1, cpus: [0, 1] }, { id: 1, cpus: [2, 3] }] },
    ["host", "nodes", 1, "id"],
    /^host\.nodes\[1\]\.id is 1: another node has that number already$/,
  ],
  [{ distance: [[10, 21]] }, ["host", "distance"], /^host\.distance is not 2 x 2: a row/],
  [{ distance: [[10, 21], [21]] }, ["host", "distance"], /^host\.distance is not 2 x 2/],
  [
    { siblings: [[0, 9]] },
    ["host", "siblings", 0, 1],
    /^host\.siblings names CPU 9, which no node has$/,
  ],
  [
    { siblings: [[0, 1], [1]] },
    ["host", "siblings", 1, 0],
    /^host\.siblings lists CPU 1 in two groups$/,
  ],
  [
    { nodes: [{ id: 0, cpus: [0, 1, 1] }, { id: 1, cpus: [2, 3] }] },
    ["host", "nodes", 0, "cpus", 2],
    /^host lists CPU 1 twice in one node$/,
  ],
  [
    { siblings: [[0, 1, 0]] },
    ["host", "siblings", 0, 2],
    /^host\.siblings lists CPU 0 twice in one group$/,
  ],
  [
    { siblings: [[0, 2]] },
    ["host", "siblings", 0, 1],
    /^host\.siblings has CPU 0 of node 0 and CPU 2 of node 1 in one group: a core is in one node$/,
  ],
  [
    { distance: [[10, 21], [20, 10]] },
    ["host", "distance", 1, 0],
    /^host\.distance\[1\]\[0\] is 20: the way back, \[0\]\[1\], is 21$/,
  ],
  [
    { distance: [[10, 21], [21, 11]] },
    ["host", "distance", 1, 1],
    /^host\.distance\[1\]\[1\] is 11: a node is 10 from itself$/,
  ],
  [
    { distance: [[10, 21], [10, 10]] },
    ["host", "distance", 1, 0],
    /^host\.distance\[1\]\[0\] is 10: another node is more than 10 away$/,
  ],
  [{ online: [7] }, ["host", "online", 0], /^host\.online names CPU 7, which no node has$/],
];

for (const [change, path, message] of MISTAKES) {
  Deno.test(`${path.join(".")} is found where ${JSON.stringify(change)}`, () => {
    const findings = topologyFindings({ ...GOOD, ...change }, ["host"]);
    assert.deepEqual(findings[0]?.path, path);
    assert.match(findings[0]?.message ?? "", message);
    assert.equal(findings.length, 1);
  });
}
