/**
 * Random workloads on random machines: whatever runs, nothing is lost, made twice or stuck, and
 * Little's law holds.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bypassesStack,
  DEVICE_POLICIES,
  type GroupMeasurement,
  hasTransactions,
  type TestName,
  TESTS,
} from "../../harness/record.ts";
import type { WorkloadGroup } from "../../harness/spec.ts";
import {
  groupOf,
  loadModules,
  runToEnd,
  type SmallRun,
  withCosts,
  X710,
  XL710,
} from "../unit/machine_runs.ts";

const modules = await loadModules();

const groups = fc.array(
  fc.record({
    test: fc.constantFrom(...TESTS),
    ip_version: fc.constantFrom(4 as const, 6 as const),
    sendfile: fc.boolean(),
    connections: fc.integer({ min: 1, max: 24 }),
    hint: fc.constantFrom("NONE", "CPU", "BULK", "LATENCY"),
    request_bytes: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 20_000 })),
    response_bytes: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 65_536 })),
    message_bytes: fc.integer({ min: 1, max: 65_536 }),
    outstanding: fc.integer({ min: 1, max: 4 }),
    service_ns: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 100_000 })),
    isOpen: fc.boolean(),
    isDrawn: fc.boolean(),
    schedule: fc.constantFrom("group" as const, "connection" as const),
    bursts: fc.constantFrom({}, { on_ms: 0.2, off_ms: 0.1 }),
    threads: fc.integer({ min: 0, max: 8 }),
    pin: fc.boolean(),
    assignment: fc.constantFrom("round_robin", "by_queue"),
    rate: fc.integer({ min: 1000, max: 500_000 }),
  }),
  { minLength: 1, maxLength: 3 },
).map((list) =>
  list.map(({ isOpen, isDrawn, schedule, bursts, rate, ...fields }, place) => {
    const transactional = hasTransactions(fields.test);
    const isSimple = !transactional || fields.test === "TCP_CRR" || fields.test === "TCP_CC";
    const isPast = bypassesStack(fields.test);
    return groupOf({
      ...fields,
      name: `g${place}`,
      message_bytes: isPast ? Math.min(fields.message_bytes, 1472) : fields.message_bytes,
      threads: isPast ? 0 : Math.min(fields.threads, fields.connections),
      outstanding: isSimple ? 1 : fields.outstanding,
      sizes: isDrawn && (fields.test === "TCP_RR" || fields.test === "TCP_CRR")
        ? { distribution: "facebook", update_percent: 20 }
        : { distribution: "constant" },
      arrival: isOpen && transactional
        ? { loop: "open", rate_per_second: rate, distribution: "poisson", schedule, ...bursts }
        : isOpen && fields.test === "XDP_DROP"
        ? { loop: "open", rate_per_second: 20 * rate, distribution: "constant", ...bursts }
        : { loop: "closed" },
    });
  })
);

/** Who polls and when: busy polling and deferred interrupts, each off or on. */
const polling = fc.record({
  busy_poll_ns: fc.constantFrom(0, 0, 1, 20_000, 400_000),
  busy_poll_budget_packets: fc.constantFrom(1, 8, 64),
  prefer_busy_poll: fc.constantFrom(0, 1),
  napi_defer_hard_irqs: fc.constantFrom(0, 1, 100),
  gro_flush_timeout_ns: fc.constantFrom(0, 5_000, 200_000),
  ksoftirqd_alone: fc.constantFrom(0, 1),
  irq_suspend_timeout_ns: fc.constantFrom(0, 50_000, 20_000_000),
});

/** The device as a user may have it set. */
const devices = fc.record({
  coalesce: fc.record({
    adaptive_rx: fc.boolean(),
    adaptive_tx: fc.boolean(),
    rx_usecs: fc.constantFrom(0, 2, 50, 400),
    tx_usecs: fc.constantFrom(0, 2, 50, 400),
    rx_usecs_high: fc.constantFrom(0, 4, 60, 236),
  }),
  itr_per_vector: fc.boolean(),
  moderation: fc.constantFrom(
    "adaptive" as const,
    "dim" as const,
    "dim_cqe" as const,
    "latency_classes" as const,
  ),
});

/** On which CPU packets go up, which queue they leave by, and what runs softirqs. */
const steering = fc.record({
  nic: fc.record({
    rps_cpus: fc.constantFrom("0", "0", "1", "ff", "f0"),
    xps_cpus: fc.constantFrom(undefined, "0", "ff"),
    xps_rxqs: fc.constantFrom("0", "1"),
    threaded: fc.boolean(),
    threaded_pin: fc.boolean(),
  }),
  costs: fc.record({
    flows: fc.constantFrom(0, 0, 1, 1024),
    netdev_max_backlog: fc.constantFrom(20, 1000),
    dev_weight: fc.constantFrom(1, 64),
    timer_hz: fc.constantFrom(100, 250, 1000),
    softirq_restarts_only: fc.constantFrom(0, 0, 1),
    bh_enables_per_call: fc.constantFrom(0, 2),
    irq_time_accounting: fc.constantFrom(0, 1),
    cache_refill_ns: fc.constantFrom(0, 0, 900),
    irq_enable_ns: fc.constantFrom(0, 700),
    tick_ns: fc.constantFrom(0, 0, 3000),
    housekeeping_ns: fc.constantFrom(0, 40_000),
    housekeeping_interval_ns: fc.constantFrom(0, 0, 500_000),
  }),
}).map(({ nic: { xps_cpus, ...nic }, costs: { flows, ...costs } }) => ({
  nic: { ...nic, ...(xps_cpus === undefined ? {} : { xps_cpus }) },
  costs: { ...costs, rps_sock_flow_entries: flows, rps_flow_cnt: flows },
}));

/** What the device does with descriptors and on the bus. */
const deviceCosts = fc.record({
  rx_write_back_descriptors: fc.constantFrom(1, 2, 4, 8),
  wb_on_itr: fc.constantFrom(0, 1),
  tx_report_packets: fc.constantFrom(1, 4),
  pcie_mbps: fc.constantFrom(0, 4000, 57_880),
  queue_packet_ns: fc.constantFrom(1, 48, 2000),
});

const machines = fc.record({
  device: devices,
  deviceCosts,
  base: fc.constantFrom(X710, XL710),
  queuePairs: fc.integer({ min: 1, max: 16 }),
  ring: fc.constantFrom(64, 512, 4096),
  window: fc.integer({ min: 4344, max: 1_000_000 }),
  idleLimit: fc.integer({ min: 0, max: 3 }),
  c3ExitNs: fc.constantFrom(0, 33_000),
  packetNs: fc.integer({ min: 100, max: 3000 }),
  atr: fc.constantFrom(0, 20),
  lossPpm: fc.constantFrom(0, 0, 1000, 20_000),
  polling,
  steering,
}).map((machine) => {
  const { base, device, steering } = machine;
  const nic = {
    ...base.nic,
    ...device,
    ...steering.nic,
    queue_pairs: machine.queuePairs,
    ring: machine.ring,
  };
  return withCosts({ ...base, nic }, {
    ...machine.deviceCosts,
    tcp_window_bytes: machine.window,
    idle_state_limit: machine.idleLimit,
    c3_exit_ns: machine.c3ExitNs,
    rx_packet_ns: machine.packetNs,
    atr_sample_packets: machine.atr,
    retransmit_ns: 500_000,
    syn_retransmit_ns: 1_000_000,
    loss_ppm: machine.lossPpm,
    delayed_ack_ns: 300_000,
    channel_reset_ns: 400_000,
    ring_restart_ns: 200_000,
    ...machine.polling,
    ...steering.costs,
  });
});

/** As many AF_XDP sockets as there are queues; a group without any does something else. */
function fitting(groups: readonly WorkloadGroup[], queuePairs: number): WorkloadGroup[] {
  let left = queuePairs;
  return groups.map((group) => {
    if (group.test !== "XSK_TX") return group;
    const connections = Math.min(group.connections, left);
    left -= connections;
    return connections > 0 ? { ...group, connections } : { ...group, test: "UDP_RR" };
  });
}

const runs: fc.Arbitrary<SmallRun> = fc.record({
  groups,
  machine: machines,
  policy: fc.constantFrom(...DEVICE_POLICIES),
  seed: fc.integer({ min: 0, max: 0xffffffff }),
  warmupMs: fc.constant(1),
  measureMs: fc.constant(4),
}).map((run) => ({ ...run, groups: fitting(run.groups, run.machine.nic.queue_pairs) }));

/** What may be done to the device meanwhile; some of it is refused. */
const OPERATIONS = [
  "-L eth0 combined 1",
  "-L eth0 combined 3",
  "-L eth0 combined 8",
  "-G eth0 rx 64 tx 64",
  "-G eth0 rx 4096 tx 256",
  "-C eth0 adaptive-rx off adaptive-tx off rx-usecs 0 tx-usecs 100",
  "--per-queue eth0 queue_mask 0x3 --coalesce adaptive-rx on",
  "-X eth0 equal 1",
  "-X eth0 weight 1 5",
  "-N eth0 rx-flow-hash tcp4 sd",
  "-N eth0 flow-type tcp6 dst-port 12865 action 0",
  "-N eth0 flow-type udp4 user-def 0x6e65 action 1",
  "-N eth0 flow-type tcp4 src-ip 192.168.0.2 action -1 loc 5",
  "-N eth0 delete 5",
] as const;

const operations = fc.array(
  fc.record({
    at_ms: fc.integer({ min: 0, max: 35 }).map((tenths) => tenths / 10),
    ethtool: fc.constantFrom(...OPERATIONS),
  }),
  { minLength: 1, maxLength: 8 },
);

function hasMoved(group: GroupMeasurement): boolean {
  return group.bytes > 0 || group.transactions > 0;
}

/**
 * How long a group may move nothing: a frame that the device withholds waits out the deferral of
 * its interrupt, and a request over a window of three segments takes several such waits.
 */
function patienceMs({ machine }: SmallRun): number {
  const { napi_defer_hard_irqs: defer, gro_flush_timeout_ns: flush } = machine!.costs;
  return Math.max(60, 50 * defer! * flush! / 1e6);
}

/** Tests that send or take frames whatever becomes of others. */
const FLOODS: readonly TestName[] = ["UDP_STREAM", "XDP_DROP", "XSK_TX"];

Deno.test("every run keeps the conservation rules and makes progress", () => {
  fc.assert(
    fc.property(runs, (run) => {
      const measured = runToEnd(modules, run);
      assert.equal(measured.duration_ns, 4e6);
      for (const cpu of measured.cpus) {
        const sum = cpu.user_ns + cpu.system_ns + cpu.irq_ns + cpu.softirq_ns + cpu.idle_ns;
        assert.ok(Math.abs(sum - 4e6) < 1, `CPU ${cpu.cpu}: ${sum} ns`);
      }
      // A group that has moved nothing may be starved for a while, but not for ever: except by a
      // flood of frames, which yields to nobody, or of frames that the device's buffer or
      // a backlog drops, or behind full rings of AF_XDP, for which there is no byte limit.
      if (run.groups.some((group) => FLOODS.includes(group.test))) return;
      if (measured.groups.every(hasMoved)) return;
      const longer = runToEnd(modules, { ...run, measureMs: patienceMs(run) });
      if ("device_buffer_full" in longer.drops || "backlog_full" in longer.drops) return;
      // The thread of a NAPI waits for its CPU like any other, and the ring overflows meanwhile.
      if (run.machine?.nic.threaded && "ring_full" in longer.drops) return;
      for (const group of longer.groups) assert.ok(hasMoved(group), `${group.name} is stuck`);
    }),
    { seed: 2016, numRuns: 60 },
  );
});

Deno.test("whatever is done to the device meanwhile, the conservation rules hold", () => {
  fc.assert(
    fc.property(runs, operations, (run, operations) => {
      const measured = runToEnd(modules, { ...run, operations });
      assert.equal(measured.duration_ns, 4e6);
      const told = measured.remarks.filter((remark) => remark.includes("ms: ethtool"));
      assert.equal(told.length, operations.length);
    }),
    { seed: 1967, numRuns: 40 },
  );
});

/** Tests that a second host has no client threads for: their clients stay ideal. */
const IDEAL_ONLY: readonly TestName[] = ["TCP_CRR", "TCP_CC", "UDP_STREAM", "XDP_DROP", "XSK_TX"];

const clients = fc.record({
  host: fc.constantFrom(true, true, true, false),
  threads: fc.integer({ min: 0, max: 8 }),
  pin: fc.boolean(),
  wait_us: fc.constantFrom(0, 0, 100),
  latency_from: fc.constantFrom("due" as const, "send" as const),
});

/** The same with a second full host, which has settings of its own. */
const pairs: fc.Arbitrary<SmallRun> = fc.record({
  run: runs,
  twin: machines,
  clients: fc.array(clients, { minLength: 3, maxLength: 3 }),
  operations: fc.oneof(fc.constant([]), operations),
}).map(({ run, twin, clients, operations }) => ({
  ...run,
  operations,
  machine: { ...run.machine!, peer: { ...twin, name: "twin" } },
  groups: run.groups.map((group, place) => {
    const client = clients[place]!;
    const host = client.host && !IDEAL_ONLY.includes(group.test);
    const threads = Math.min(client.threads, group.connections);
    return { ...group, client: { ...client, host, threads } };
  }),
}));

Deno.test("between two hosts, the conservation rules hold and every stream goes on", () => {
  fc.assert(
    fc.property(pairs, (run) => {
      const measured = runToEnd(modules, run);
      assert.equal(measured.duration_ns, 4e6);
      if (run.groups.some((group) => FLOODS.includes(group.test))) return;
      if (measured.groups.every(hasMoved)) return;
      const longer = runToEnd(modules, { ...run, measureMs: patienceMs(run) });
      const drops = { ...longer.drops, ...longer.client_host?.drops };
      if ("device_buffer_full" in drops || "rule" in drops) return;
      for (const group of longer.groups) {
        // Long datagrams may lose a fragment each where many meet in a short ring.
        const isDatagram = run.groups.some(({ name, test }) =>
          name === group.name && test === "UDP_RR"
        );
        assert.ok(
          hasMoved(group) || (isDatagram && "ring_full" in drops),
          `${group.name} is stuck`,
        );
      }
    }),
    { seed: 1977, numRuns: 60 },
  );
});

Deno.test("in a closed loop, rate times latency is the number in flight", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom("TCP_RR" as const, "UDP_RR" as const),
      fc.constantFrom(...DEVICE_POLICIES),
      (connections, outstanding, test, policy) => {
        const group = groupOf({ test, connections, outstanding, hint: "BULK" });
        const { latency_ns: latency, transactions } = runToEnd(modules, {
          groups: [group],
          policy,
          measureMs: 20,
        }).groups[0]!;
        const inFlight = transactions * latency!.mean / 20e6;
        const expected = connections * outstanding;
        // Transactions under way at both ends of the interval count half: within 2 %.
        assert.ok(Math.abs(inFlight / expected - 1) < 0.02, `${inFlight} of ${expected}`);
      },
    ),
    { seed: 1961, numRuns: 15 },
  );
});
