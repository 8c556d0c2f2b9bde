/**
 * Fixed memory: many sockets fit it, long runs and overload do not use it up.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ModelRun } from "../../harness/machine/model.ts";
import type { WorkloadGroup } from "../../harness/spec.ts";
import { groupOf, loadModules, startRun } from "./machine_runs.ts";

const modules = await loadModules();
const MEMORY_BYTES = 64 * 2 ** 20;

function advance(model: ModelRun, events: number): void {
  for (let left = events; left > 0; left -= 50_000) model.advance(Math.min(left, 50_000));
}

const open = (rate: number): WorkloadGroup["arrival"] => ({
  loop: "open",
  rate_per_second: rate,
  distribution: "poisson",
});

Deno.test("10,000 sockets run in 64 MiB", () => {
  const groups = Array.from(
    { length: 10 },
    (_, place) =>
      groupOf({ test: "TCP_RR", name: `g${place}`, connections: 1000, arrival: open(40_000) }),
  );
  const model = startRun(modules, { groups, policy: "LATENCY", warmupMs: 2, measureMs: 20 });
  while (!model.advance(50_000));
  assert.equal(model.room().bytes, MEMORY_BYTES);
  const { groups: measured } = model.measurement();
  const transactions = measured.reduce((sum, group) => sum + group.transactions, 0);
  assert.ok(Math.abs(transactions / 8000 - 1) < 0.05, `${transactions} of 400,000 a second`);
});

Deno.test("a long run takes no more packets and events than a short one", () => {
  const groups = [
    groupOf({ test: "TCP_RR", connections: 64 }),
    groupOf({ test: "TCP_CRR", connections: 8 }),
    groupOf({ test: "TCP_STREAM", connections: 8 }),
    groupOf({ test: "TCP_MAERTS", connections: 8 }),
    groupOf({ test: "UDP_RR", connections: 32, request_bytes: 4000 }),
  ];
  const model = startRun(modules, { groups, warmupMs: 0, measureMs: 60_000 });
  advance(model, 500_000);
  const early = model.room();
  advance(model, 3_000_000);
  const late = model.room();
  for (const pool of ["eventsEver", "packetsEver"] as const) {
    assert.ok(early[pool] > 100, `${pool}: ${early[pool]}`);
    assert.ok(late[pool] < early[pool] * 1.3, `${pool}: ${early[pool]}, then ${late[pool]}`);
  }
  assert.ok(late.events < late.eventsEver && late.packets < late.packetsEver);
});

Deno.test("twice the load that the host carries ends, in bounds, with drops by their cause", () => {
  const requests = groupOf({ test: "UDP_RR", connections: 1000, arrival: open(2_200_000) });
  const model = startRun(modules, { groups: [requests], warmupMs: 10, measureMs: 80 });
  while (!model.advance(50_000));
  const { groups: [group], remarks, cpu_utilisation: busy } = model.measurement();
  const served = group!.throughput.value;
  assert.ok(served > 800_000 && served < 1_400_000, `${served} of 2,200,000 a second`);
  assert.ok(busy! > 0.99);
  assert.ok(model.room().packetsEver < 20_000, `${model.room().packetsEver} packets`);
  assert.match(remarks.join(), /\d+ requests found the peer's queue full and were not sent/);

  const flood = [
    groupOf({ test: "UDP_STREAM", connections: 16, message_bytes: 1, service_ns: 5000 }),
  ];
  const flooded = startRun(modules, { groups: flood, warmupMs: 1, measureMs: 10 });
  while (!flooded.advance(50_000));
  const { drops } = flooded.measurement();
  assert.ok(drops["ring_full"]! > 10_000 && drops["socket_buffer_full"]! > 100);
  assert.ok(flooded.room().packetsEver < 30_000, `${flooded.room().packetsEver} packets`);
});
