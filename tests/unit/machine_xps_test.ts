/**
 * Which transmit queue a packet takes: by the sending CPU, by the queue its flow came by, by hash;
 * and what a machine file may say of that, and of the steering of received packets.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../harness/errors.ts";
import { type MachineSpec, readMachine } from "../../harness/spec.ts";
import { inFolder } from "./lab_io.ts";
import { groupOf, loadModules, runToEnd, withCosts, X710 } from "./machine_runs.ts";

const modules = await loadModules();

/** Queues that send and that receive, with 40 connections whose threads are on CPUs 0 to 2. */
function queuesOf(nic: Partial<MachineSpec["nic"]>) {
  const machine = withCosts({ ...X710, nic: { ...X710.nic, ...nic } }, { atr_sample_packets: 0 });
  const threads = { threads: 3, pin: true };
  const { queues } = runToEnd(modules, {
    groups: [groupOf({ test: "TCP_RR", connections: 40, ...threads })],
    machine,
  });
  const of = (count: (queue: typeof queues[number]) => number) =>
    queues.filter((queue) => count(queue) > 0).map(({ queue }) => queue);
  return { tx: of(({ tx_packets }) => tx_packets), rx: of(({ rx_packets }) => rx_packets) };
}

Deno.test("by default a packet takes the queue of the CPU that sends it", () => {
  const { tx, rx } = queuesOf({});
  assert.deepEqual(tx, [0, 1, 2], "three threads on three CPUs");
  assert.ok(rx.length > 5, `${rx.length} receive queues`);
});

Deno.test("without XPS flows take a queue by their hash, whatever CPU sends", () => {
  const { tx } = queuesOf({ xps_cpus: "0" });
  assert.ok(tx.length > 5, `${tx.length} queues`);
});

Deno.test("xps_cpus gives CPUs the queues of the masks, and shares those among flows", () => {
  const { tx } = queuesOf({ xps_cpus: ["0", "0", "0", "0", "7", "7", "0", "0"] });
  assert.deepEqual(tx, [4, 5]);
});

Deno.test("with xps_rxqs a flow is answered on the queue it came by", () => {
  const masks = Array.from({ length: 8 }, (_, queue) => (1 << queue).toString(16));
  const { tx, rx } = queuesOf({ xps_rxqs: masks });
  assert.deepEqual(tx, rx);
  assert.deepEqual(queuesOf({ xps_rxqs: masks, xps_cpus: "0" }).tx, rx, "it goes before xps_cpus");
});

/** Why a machine file is refused. */
async function refusalOf(nic: Record<string, unknown>, costs: Record<string, number> = {}) {
  return await inFolder(async (folder) => {
    const file = join(folder, "own.jsonc");
    const whole = {
      title: "own",
      nic: { model: "X710", speed_gbps: 10, queue_pairs: 4, ...nic },
      host: { nodes: [{ id: 0, cpus: [0, 1] }], distance: [[10]] },
      costs,
    };
    await Deno.writeTextFile(file, JSON.stringify(whole));
    try {
      await readMachine(file, folder);
    } catch (error) {
      assert.ok(error instanceof UserError, String(error));
      return error.message;
    }
    return "accepted";
  });
}

Deno.test("masks must be of CPUs and queues that are there, one for all or one for each", async () => {
  assert.equal(await refusalOf({ rps_cpus: "3", xps_cpus: ["1", "2", "0", "0"] }), "accepted");
  assert.match(
    await refusalOf({ rps_cpus: "4" }),
    /nic\.rps_cpus is "4": accepted are masks of the 2 CPUs of the machine/,
  );
  assert.match(
    await refusalOf({ xps_rxqs: ["1", "2"] }),
    /nic\.xps_rxqs has 2 masks: accepted is one for all queues, or one for each of the 4/,
  );
  assert.match(await refusalOf({ xps_rxqs: "10" }), /masks of the 4 queue pairs/);
  assert.match(await refusalOf({ rps_cpus: "0x3" }), /rps_cpus/);
});

Deno.test("flow tables need each other, and all queues' tables have a limit together", async () => {
  const both = { rps_sock_flow_entries: 1000, rps_flow_cnt: 16_384 };
  assert.equal(await refusalOf({}, both), "accepted");
  assert.match(
    await refusalOf({}, { rps_flow_cnt: 64 }),
    /costs\.rps_flow_cnt is 64: without costs\.rps_sock_flow_entries it has no effect/,
  );
  assert.match(
    await refusalOf({}, { ...both, rps_flow_cnt: 16_385 }),
    /costs\.rps_flow_cnt is 16385: accepted are at most 16384 for each of 4 queues/,
  );
});
