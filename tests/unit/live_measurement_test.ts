/**
 * From counts to a live record: rates, drops, remarks, the audit of both sides, refusals.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { disagreement } from "../../harness/live/audit.ts";
import { toMeasurement } from "../../harness/live/measurement.ts";
import type { Counters, EndpointResult } from "../../harness/live/messages.ts";
import { refusalOf } from "../../harness/live/refusal.ts";
import type { GroupResult, SessionResult } from "../../harness/live/session.ts";
import { Tally, zeroCounters } from "../../harness/live/tally.ts";
import { DEVICE_POLICIES, type TestName } from "../../harness/record.ts";
import type { Arrival, WorkloadGroup } from "../../harness/spec.ts";
import { groupOf, runOf } from "../live/runs.ts";

const OPEN: Arrival = { loop: "open", rate_per_second: 1000, distribution: "constant" };

function endpoint(
  counts: Partial<Counters>,
  change: Partial<EndpointResult> = {},
): EndpointResult {
  const counters = { ...zeroCounters(), ...counts };
  return {
    total: counters,
    measured: counters,
    windowMs: 500,
    latency: null,
    waiting: 0,
    clock: { readNs: 300, stepNs: 150 },
    ...change,
  };
}

function sessionOf(groups: GroupResult[], change: Partial<SessionResult> = {}): SessionResult {
  return { groups, cpuMs: 400, windowMs: 500, endedEarly: false, ...change };
}

function result(group: WorkloadGroup, client: EndpointResult, server = client): GroupResult {
  return { group, client, server };
}

function remarksOf(group: GroupResult, change: Partial<SessionResult> = {}): readonly string[] {
  return toMeasurement(sessionOf([group], change), { measureMs: 500, cpuCount: 2 }).remarks;
}

Deno.test("rates are counts over the window of the side that counts", () => {
  const groups = [
    result(
      groupOf("TCP_RR", { name: "rr", request_bytes: 10, response_bytes: 90 }),
      endpoint({ transactions: 1000 }),
      endpoint({ transactions: 7 }, { windowMs: 1 }),
    ),
    result(
      groupOf("TCP_STREAM", { name: "out" }),
      endpoint({ bytesOut: 9 }),
      endpoint({ bytesIn: 1_000_000 }, { windowMs: 400 }),
    ),
    result(
      groupOf("TCP_MAERTS", { name: "in" }),
      endpoint({ bytesIn: 500_000 }),
      endpoint({ bytesOut: 9 }, { windowMs: 1 }),
    ),
  ];
  const measurement = toMeasurement(sessionOf(groups), { measureMs: 500, cpuCount: 2 });
  deepEqual(measurement.groups.map(({ name, bytes, throughput }) => [name, bytes, throughput]), [
    ["rr", 100_000, { value: 2000, unit: "trans/s" }],
    ["out", 1_000_000, { value: 20_000_000, unit: "bit/s" }],
    ["in", 500_000, { value: 8_000_000, unit: "bit/s" }],
  ]);
  equal(measurement.duration_ns, 500e6);
  equal(measurement.cpu_utilisation, 0.4);
});

Deno.test("drops are counted by cause over all groups, and beside what each group sent", () => {
  const groups = [
    result(groupOf("UDP_RR"), endpoint({ timeouts: 3, datagramsOut: 9 })),
    result(groupOf("UDP_RR"), endpoint({ timeouts: 4, datagramsOut: 9 })),
    result(
      groupOf("UDP_STREAM"),
      endpoint({ datagramsOut: 100 }),
      endpoint({ datagramsIn: 80 }),
    ),
    // The receiver's window can hold more than was sent in the sender's.
    result(groupOf("UDP_STREAM"), endpoint({ datagramsOut: 1 }), endpoint({ datagramsIn: 2 })),
    result(groupOf("TCP_RR"), endpoint({})),
  ];
  const measurement = toMeasurement(sessionOf(groups), { measureMs: 500, cpuCount: 2 });
  deepEqual(measurement.drops, { udp_timeout: 7, udp_lost: 20 });
  deepEqual(measurement.groups.map((group) => group.datagrams), [
    { sent: 9, lost: 3 },
    { sent: 9, lost: 4 },
    { sent: 100, lost: 20 },
    { sent: 1, lost: 0 },
    undefined,
  ]);
  equal(measurement.retransmits, null, "loopback does not show them");
});

Deno.test("an open loop says what it was offered and achieved, and when it is saturated", () => {
  const group = groupOf("TCP_RR", { arrival: OPEN, connections: 2, outstanding: 2 });
  const good = endpoint({ arrivals: 500, transactions: 496 });
  const [fine] = remarksOf(result(group, good)).filter((remark) => remark.includes("offered"));
  match(fine!, /offered 1000\.0 trans\/s and achieved 992\.0; 0 requests were waiting/);
  ok(!fine!.includes("saturated"), "four in flight at the end are no sign of saturation");

  const bad = endpoint({ arrivals: 500, transactions: 400 }, { waiting: 96 });
  const [full] = remarksOf(result(group, bad)).filter((remark) => remark.includes("offered"));
  match(full!, /achieved 800\.0; 96 requests were waiting at the end: it is saturated/);
});

Deno.test("the clock is remarked on only when it costs more than 1 % of the median", () => {
  const tally = new Tally();
  tally.open(0);
  tally.transaction(0.02);
  tally.close(500);
  const fast = tally.result({ waiting: 0, clock: { readNs: 300, stepNs: 150 } });
  const about = (side: EndpointResult) =>
    remarksOf(result(groupOf("TCP_RR"), side)).filter((remark) => remark.includes("clock"));
  match(about(fast)[0]!, /costs 300 ns \(smallest step 150 ns\), 1\.5 % of the median latency/);
  deepEqual(about({ ...fast, clock: { readNs: 100, stepNs: 150 } }), []);
});

Deno.test("late answers and an early end are remarked on", () => {
  const late = remarksOf(result(groupOf("UDP_RR"), endpoint({ late: 2, timeouts: 2 })));
  ok(late.some((remark) => remark.includes("2 answers came after their request had been given")));
  const early = remarksOf(result(groupOf("TCP_RR"), endpoint({})), {
    endedEarly: true,
    windowMs: 120.4,
  });
  equal(early[0], "Ended early: 120 of 500 ms were measured");
});

Deno.test("a tally's window leaves out what came before and after it", () => {
  const tally = new Tally();
  tally.transaction(1);
  tally.open(100);
  tally.total.bytesIn += 10;
  tally.transaction(2);
  tally.transaction(3);
  tally.close(350);
  tally.transaction(4);
  const { total, measured, windowMs, latency } = tally.result({
    waiting: 0,
    clock: { readNs: 0, stepNs: 0 },
  });
  deepEqual([total.transactions, measured.transactions, measured.bytesIn], [4, 2, 10]);
  deepEqual([windowMs, latency?.count, latency?.min, latency?.max], [250, 2, 2e6, 3e6]);
});

Deno.test("a run is void when the two sides of a TCP test disagree", () => {
  const group = groupOf("TCP_RR", { name: "rr" });
  const client = endpoint({ transactions: 9, bytesOut: 9, bytesIn: 9 });
  equal(disagreement(result(group, client)), null);
  equal(
    disagreement(result(group, client, endpoint({ transactions: 8, bytesOut: 9, bytesIn: 9 }))),
    'Group "rr": the client counted 9 transactions, the server 8; this run is void',
  );
  for (const counts of [{ bytesOut: 8, bytesIn: 9 }, { bytesOut: 9, bytesIn: 8 }]) {
    const server = endpoint({ transactions: 9, ...counts });
    match(disagreement(result(group, client, server)) ?? "", /bytes from .*; this run is void$/);
  }
});

Deno.test("a run is void when a UDP request is neither answered nor given up", () => {
  const group = groupOf("UDP_RR");
  equal(
    disagreement(
      result(group, endpoint({ transactions: 5, timeouts: 2, datagramsOut: 7 })),
    ),
    null,
  );
  match(
    disagreement(result(group, endpoint({ transactions: 5, timeouts: 2, datagramsOut: 8 }))) ?? "",
    /8 requests were sent, but 5 were answered and 2 given up; this run is void/,
  );
});

Deno.test("a policy other than NONE is refused in one sentence, on every test", () => {
  for (const policy of DEVICE_POLICIES) {
    const refusal = refusalOf(runOf([groupOf("TCP_RR")], { policy }));
    if (policy === "NONE") equal(refusal, null);
    else {
      equal(
        refusal,
        `Loopback has no hardware queues, so policy "${policy}" has nothing to steer here: ` +
          "use --target model, or policy NONE",
      );
    }
  }
  match(refusalOf(runOf([groupOf("TCP_RR")], { mechanism: "netpolicy" })) ?? "", /no driver/);
});

const REFUSED: readonly (readonly [TestName, Partial<WorkloadGroup>, RegExp])[] = [
  ["TCP_STREAM", { arrival: OPEN }, /arrival\.loop must be closed$/],
  ["TCP_RR", { response_bytes: 0 }, /response_bytes must be at least 1 .* not 0$/],
  ["UDP_RR", { outstanding: 129 }, /tell 128 requests .* outstanding 129 is too many$/],
  ["TCP_RR", { service_distribution: "exponential" }, /must be constant, not exponential$/],
  ["TCP_CRR", { outstanding: 2 }, /outstanding must be 1, not 2$/],
  ["TCP_RR", { connections: 1025 }, /opens at most 1024 connections, not 1025$/],
  ["TCP_RR", { connections: 2, threads: 2 }, /threads and pin work only with --target model$/],
  ["TCP_RR", { sizes: { distribution: "facebook", update_percent: 3 } }, /sends constant sizes, /],
  ["TCP_RR", { arrival: { ...OPEN, schedule: "connection" } }, /has one schedule without pauses, /],
  ["TCP_RR", { arrival: { ...OPEN, on_ms: 1, off_ms: 1 } }, /has one schedule without pauses, /],
  ["TCP_CC", { outstanding: 2 }, /outstanding must be 1, not 2$/],
  ["TCP_SENDFILE", {}, /this runtime has no sendfile, so it works only with --target model: /],
  ["TCP_MAERTS", { sendfile: true }, /this runtime has no sendfile, /],
  ["TCP_RR", { ip_version: 6 }, /goes over 127\.0\.0\.1, so ip_version must be 4$/],
  ["UDP_RR", { pin: true }, /threads and pin work only with --target model$/],
];

for (const [test, change, expected] of REFUSED) {
  Deno.test(`${test} with ${JSON.stringify(change)} is refused, and names the group`, () => {
    const refusal = refusalOf(
      runOf([groupOf("TCP_RR"), groupOf(test, { name: "odd", ...change })]),
    );
    ok(refusal !== null);
    ok(refusal.startsWith(`Group "odd" (${test}): `), refusal);
    match(refusal, expected);
  });
}

Deno.test("every test is accepted at its limits", () => {
  const groups = [
    groupOf("TCP_RR", { arrival: OPEN, outstanding: 1000 }),
    groupOf("TCP_CRR"),
    groupOf("TCP_CC"),
    groupOf("TCP_STREAM"),
    groupOf("TCP_MAERTS"),
    groupOf("UDP_RR", { outstanding: 128, request_bytes: 65_507 }),
    groupOf("UDP_RR", { outstanding: 129, request_bytes: 2, response_bytes: 2 }),
    groupOf("UDP_STREAM", { message_bytes: 65_507 }),
  ];
  equal(refusalOf(runOf(groups)), null);
});
