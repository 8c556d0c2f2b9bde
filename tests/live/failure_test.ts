/**
 * What happens to a live run when something goes wrong: always an end, always one clear sentence,
 * never a socket or thread left behind (the test runner's sanitizers watch).
 *
 * @module
 */

import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { EXIT, UserError } from "../../harness/errors.ts";
import { NO_FAULTS } from "../../harness/live/messages.ts";
import { LiveSession, SESSION_DEFAULTS } from "../../harness/live/session.ts";
import type { Measurement } from "../../harness/record.ts";
import { LiveTarget } from "../../harness/target_live.ts";
import { groupOf, runOf } from "./runs.ts";

const NEVER = new AbortController().signal;

/** Aborts at the first sign of progress, so some time after the traffic began. */
async function abortedRun(warmupMs: number, measureMs: number): Promise<Measurement> {
  const target = new LiveTarget();
  const controller = new AbortController();
  try {
    await target.prepare(runOf([groupOf("TCP_RR")], { warmupMs, measureMs }));
    await target.start(controller.signal, () => controller.abort());
    return await target.collect();
  } finally {
    await target.stop();
  }
}

Deno.test("an abort in the measured interval keeps what there is and says so", async () => {
  const measurement = await abortedRun(0, 600_000);
  const [group] = measurement.groups;
  ok(group);
  ok(group.transactions > 0);
  equal(group.latency_ns?.count, group.transactions);
  ok(measurement.duration_ns > 0 && measurement.duration_ns < 600_000e6);
  ok(measurement.remarks[0]?.startsWith("Ended early: "), measurement.remarks[0]);
});

Deno.test("an abort in the warm-up measures nothing and says so", async () => {
  const measurement = await abortedRun(600_000, 150);
  equal(measurement.duration_ns, 0);
  equal(measurement.cpu_utilisation, null);
  deepEqual(measurement.groups.map((group) => [group.transactions, group.latency_ns]), [[0, null]]);
  equal(measurement.groups[0]?.throughput.value, 0);
  equal(measurement.remarks[0], "Ended early, during the warm-up: nothing was measured");
});

Deno.test("an abort before the start ends the run at once", async () => {
  const target = new LiveTarget();
  await target.prepare(runOf([groupOf("UDP_RR")], { warmupMs: 600_000 }));
  await target.start(AbortSignal.abort(), () => {});
  equal((await target.collect()).duration_ns, 0);
  await target.stop();
});

Deno.test("a server that stops answering ends the run with a sentence, not a hang", async () => {
  for (const test of ["TCP_RR", "TCP_STREAM"] as const) {
    const target = new LiveTarget({
      drainMsMax: 100,
      faults: { ...NO_FAULTS, stallAfterBytes: 2 },
    });
    await target.prepare(runOf([groupOf(test)]));
    await rejects(target.start(NEVER, () => {}), (error) => {
      ok(error instanceof UserError);
      equal(error.message, 'The client of group "g" did not end its traffic within 100 ms');
      equal(error.exitCode, EXIT.fault);
      return true;
    });
    await target.stop();
  }
});

Deno.test("a server that closes mid-run ends the run with a sentence", async () => {
  for (const test of ["TCP_RR", "TCP_CRR", "TCP_STREAM"] as const) {
    const target = new LiveTarget({ faults: { ...NO_FAULTS, closeAfterBytes: 2 } });
    await target.prepare(runOf([groupOf(test)]));
    await rejects(
      target.start(NEVER, () => {}),
      /^UserError: The client of group "g" failed: the (server|other side) closed the connection/,
    );
    await target.stop();
  }
});

Deno.test("a server that refuses connections fails the preparation", async () => {
  const target = new LiveTarget({ faults: { ...NO_FAULTS, refuseConnections: true } });
  await rejects(
    target.prepare(runOf([groupOf("TCP_RR")])),
    /^UserError: The client of group "g" failed: .*refused/,
  );
  await target.stop();
});

Deno.test("threads that are not ready in time fail the preparation", async () => {
  const target = new LiveTarget({ setupMsMax: 0 });
  await rejects(
    target.prepare(runOf([groupOf("TCP_RR")])),
    /The server of group "g" did not get ready within 0 ms/,
  );
  await target.stop();
});

Deno.test("a target runs again after a failed run", async () => {
  const target = new LiveTarget();
  // One byte more than the kernel takes; `refuse` would have said so.
  await target.prepare(runOf([groupOf("UDP_RR", { request_bytes: 65_508 })]));
  await rejects(target.prepare(runOf([groupOf("UDP_RR")])), /prepared already/);
  await rejects(target.start(NEVER, () => {}), /^UserError: The client of group "g" failed: /);
  await rejects(target.collect(), /No live run to collect/);
  await target.stop();

  await target.prepare(runOf([groupOf("UDP_RR")]));
  await target.start(NEVER, () => {});
  ok((await target.collect()).groups[0]!.transactions > 0);
  await target.stop();
});

Deno.test("stop is safe without a run and a second time", async () => {
  const target = new LiveTarget();
  await target.stop();
  await target.prepare(runOf([groupOf("TCP_RR")]));
  await target.stop();
  await target.stop();
  await target.undo();
});

Deno.test("UDP: a lost datagram times out and is counted, and the run goes on", async () => {
  const group = groupOf("UDP_RR", { outstanding: 2, request_bytes: 4, response_bytes: 4 });
  const session = new LiveSession(runOf([group]), {
    ...SESSION_DEFAULTS,
    udpTimeoutMs: 20,
    faults: { ...NO_FAULTS, loseEvery: 3 },
  });
  try {
    await session.connect();
    await session.traffic(NEVER, () => {});
    const [result] = session.result?.groups ?? [];
    ok(result);
    const { client, server } = result;
    const lost = server.total.datagramsIn - server.total.transactions;
    equal(lost, Math.floor(server.total.datagramsIn / 3));
    ok(lost > 2, `${lost} lost: more than the slots, so lost ones were replaced`);
    ok(client.total.timeouts >= lost, `${client.total.timeouts} given up, ${lost} lost`);
    equal(client.total.transactions + client.total.timeouts, client.total.datagramsOut);
    equal(client.latency?.count, client.measured.transactions);
  } finally {
    session.close();
  }
});

Deno.test("UDP: losses of the measured interval are drops of the record", async () => {
  const target = new LiveTarget({
    udpTimeoutMs: 10,
    faults: { ...NO_FAULTS, loseEvery: 2 },
  });
  await target.prepare(runOf([groupOf("UDP_RR", { outstanding: 4 })]));
  await target.start(NEVER, () => {});
  const measurement = await target.collect();
  await target.stop();
  ok((measurement.drops["udp_timeout"] ?? 0) > 0);
});
