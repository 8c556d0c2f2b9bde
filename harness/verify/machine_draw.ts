/**
 * Draws cases of the machine's seeds. Sizes, settings and faults differ wildly from case to case
 * and most are off in most of them (swarm testing), so that some meet that rarely do.
 *
 * @module
 */

import { bypassesStack, DEVICE_POLICIES, hasTransactions, TESTS } from "../record.ts";
import type { MachineSpec, WorkloadGroup } from "../spec.ts";
import { type Action, DRIVER_FAULTS, type MachineCase } from "./machine_case.ts";
import type { Random } from "./walk.ts";

/** Commands that may be given meanwhile; some of them are refused. */
const COMMANDS = [
  "-L eth0 combined 1",
  "-L eth0 combined 3",
  "-L eth0 combined 8",
  "-G eth0 rx 64 tx 64",
  "-G eth0 rx 4096 tx 256",
  "-C eth0 adaptive-rx off adaptive-tx off rx-usecs 0 tx-usecs 100",
  "-C eth0 adaptive-rx on adaptive-tx on",
  "--per-queue eth0 queue_mask 0x3 --coalesce adaptive-rx on",
  "-X eth0 equal 1",
  "-X eth0 weight 1 5",
  "-N eth0 rx-flow-hash tcp4 sd",
  "-N eth0 flow-type tcp6 dst-port 12865 action 0",
  "-N eth0 flow-type tcp4 src-ip 192.168.0.2 action -1 loc 5",
  "-N eth0 delete 5",
] as const;

const upTo = (count: number): number[] => Array.from({ length: count }, (_, place) => place);

/** Nodes, CPUs and hyper-threads. */
function drawHost(random: Random): MachineSpec["host"] {
  const cores = random.of([1, 2, 3, 4, 6, 8]);
  const isSmt = random.below(3) === 0;
  const nodes = cores > 1 && random.below(2) === 0 ? 2 : 1;
  const cpus = upTo(isSmt ? 2 * cores : cores);
  const distance = 11 + random.below(20);
  return {
    nodes: upTo(nodes).map((id) => ({
      id,
      cpus: cpus.filter((cpu) => (cpu % cores) % nodes === id),
    })),
    distance: upTo(nodes).map((a) => upTo(nodes).map((b) => a === b ? 10 : distance)),
    siblings: isSmt ? upTo(cores).map((core) => [core, core + cores]) : [],
  };
}

/** The device as a user may have it set. */
function drawNic(random: Random, base: MachineSpec["nic"], nodes: number): MachineSpec["nic"] {
  const usecs = [0, 2, 8, 50, 400];
  const xps = random.of([undefined, undefined, "0", "ff"]);
  return {
    ...base,
    speed_gbps: random.of([1, 10, 10, 25, 40]),
    queue_pairs: 1 + random.below(16),
    ring: random.of([64, 64, 512, 4096]),
    node: random.below(nodes + 1) - 1,
    itr_per_vector: random.below(4) === 0,
    moderation: random.of(["adaptive", "adaptive", "dim", "dim_cqe", "latency_classes"] as const),
    coalesce: {
      adaptive_rx: random.below(2) === 0,
      adaptive_tx: random.below(2) === 0,
      rx_usecs: random.of(usecs),
      tx_usecs: random.of(usecs),
      rx_usecs_high: random.of([0, 0, 4, 60, 236]),
    },
    rps_cpus: random.of(["0", "0", "0", "1", "ff", "f0"]),
    xps_rxqs: random.of(["0", "0", "1"]),
    threaded: random.below(5) === 0,
    threaded_pin: random.below(2) === 0,
    ...(xps === undefined ? {} : { xps_cpus: xps }),
  };
}

/** Costs other than the machine's: who polls, what steers, how deep CPUs sleep. */
function drawCosts(random: Random): Record<string, number> {
  const flows = random.of([0, 0, 0, 1, 1024]);
  return {
    busy_poll_ns: random.of([0, 0, 0, 1, 20_000, 400_000]),
    busy_poll_budget_packets: random.of([1, 8, 64]),
    prefer_busy_poll: random.below(2),
    napi_defer_hard_irqs: random.of([0, 0, 1, 10]),
    gro_flush_timeout_ns: random.of([0, 0, 5000, 100_000]),
    irq_suspend_timeout_ns: random.of([0, 50_000, 1_000_000]),
    ksoftirqd_alone: random.below(2),
    rps_sock_flow_entries: flows,
    rps_flow_cnt: flows,
    netdev_max_backlog: random.of([20, 1000]),
    dev_weight: random.of([1, 64]),
    timer_hz: random.of([100, 250, 1000]),
    softirq_restarts_only: random.of([0, 0, 1]),
    bh_enables_per_call: random.of([0, 0, 2]),
    irq_time_accounting: random.below(2),
    rx_write_back_descriptors: random.of([1, 2, 4, 8]),
    wb_on_itr: random.below(2),
    tx_report_packets: random.of([1, 4]),
    pcie_mbps: random.of([0, 4000, 57_880, 57_880]),
    queue_packet_ns: random.of([1, 48, 48, 2000]),
    tcp_window_bytes: random.of([4380, 20_000, 100_000, 1_000_000]),
    idle_state_limit: random.below(4),
    c3_exit_ns: random.of([0, 33_000]),
    rx_packet_ns: 100 + random.below(2000),
    wake_affine_switch: random.below(2),
    atr_sample_packets: random.of([0, 20]),
    retransmit_ns: 200_000,
    syn_retransmit_ns: 400_000,
    delayed_ack_ns: 300_000,
    channel_reset_ns: 400_000,
    ring_restart_ns: 200_000,
  };
}

function drawArrival(random: Random, group: WorkloadGroup): WorkloadGroup["arrival"] {
  if (random.below(2) === 0) return { loop: "closed" };
  const bursts = random.below(3) === 0 ? { on_ms: 0.2, off_ms: 0.1 } : {};
  const rate = 1000 * 2 ** random.below(9);
  if (group.test === "XDP_DROP") {
    return { loop: "open", rate_per_second: 20 * rate, distribution: "constant", ...bursts };
  }
  if (!hasTransactions(group.test)) return { loop: "closed" };
  const schedule = random.of(["group", "connection"] as const);
  const distribution = random.of(["poisson", "constant"] as const);
  return { loop: "open", rate_per_second: rate, distribution, schedule, ...bursts };
}

function drawGroup(random: Random, place: number, queuePairs: number): WorkloadGroup {
  const test = random.of(TESTS);
  const isPast = bypassesStack(test);
  const isSimple = !hasTransactions(test) || test === "TCP_CRR" || test === "TCP_CC";
  const most = test === "XSK_TX" ? Math.min(queuePairs, 2) : 16;
  const connections = 1 + random.below(most);
  const group: WorkloadGroup = {
    name: `g${place}`,
    test,
    ip_version: random.of([4, 6] as const),
    connections,
    hint: random.of(["NONE", "CPU", "BULK", "LATENCY"] as const),
    request_bytes: random.of([1, 1, 1000, 1 + random.below(20_000)]),
    response_bytes: random.of([1, 1, 1000, 1 + random.below(40_000)]),
    message_bytes: isPast ? 18 + random.below(1400) : 1 + random.below(40_000),
    outstanding: isSimple ? 1 : 1 + random.below(4),
    sizes: !isPast && (test === "TCP_RR" || test === "TCP_CRR") && random.below(4) === 0
      ? { distribution: "facebook", update_percent: 20 }
      : { distribution: "constant" },
    arrival: { loop: "closed" },
    service_ns: random.of([0, 0, 2000, 50_000]),
    service_distribution: random.of(["constant", "exponential", "bimodal"] as const),
    threads: isPast ? 0 : Math.min(random.of([0, 0, 1, 4]), connections),
    pin: random.below(2) === 0,
    assignment: random.of(["round_robin", "by_queue"] as const),
    sendfile: random.below(2) === 0,
  };
  return { ...group, arrival: drawArrival(random, group) };
}

/** AF_XDP sockets have a queue each: a second such group does something else. */
function drawGroups(random: Random, queuePairs: number): WorkloadGroup[] {
  const groups = upTo(1 + random.below(3)).map((place) => drawGroup(random, place, queuePairs));
  const first = groups.findIndex(({ test }) => test === "XSK_TX");
  return groups.map((group, place) =>
    group.test === "XSK_TX" && place !== first
      ? { ...group, test: "TCP_STREAM", message_bytes: 1 + group.message_bytes }
      : group
  );
}

/** Faults of the machine: each in a fourth of the cases. */
function drawFaults(random: Random): Record<string, number> {
  const faults: Record<string, number> = {};
  const some = (): boolean => random.below(4) === 0;
  if (some()) faults["loss_ppm"] = random.of([1000, 20_000]);
  if (some()) faults["reorder_ppm"] = random.of([1000, 50_000]);
  if (some()) faults["reorder_delay_us"] = random.of([5, 50, 300]);
  if (some()) {
    faults["link_flap_period_us"] = random.of([300, 900]);
    faults["link_down_us"] = random.of([20, 150]);
  }
  if (some()) {
    faults["msix_loss_ppm"] = random.of([5000, 100_000]);
    faults["service_task_us"] = random.of([100, 300]);
  }
  if (some()) {
    faults["pcie_stall_period_us"] = random.of([200, 700]);
    faults["pcie_stall_us"] = random.of([10, 100]);
  }
  if (some()) faults["timer_drift_ppm"] = random.of([100, 50_000, 1_000_000]);
  return faults;
}

function drawAction(random: Random, at_us: number, cpus: number): Action {
  switch (random.below(6)) {
    case 0:
    case 1:
      return { at_us, ethtool: random.of(COMMANDS) };
    case 2:
      return { at_us, policy: random.of(DEVICE_POLICIES) };
    case 3:
      return { at_us, offline: random.below(cpus) };
    case 4:
      return { at_us, online: random.below(cpus) };
    default:
      return { at_us, device: random.of(["down", "up"] as const) };
  }
}

/** A case from random numbers, on the costs of a built-in machine. */
export function drawCase(random: Random, base: MachineSpec): MachineCase {
  const host = drawHost(random);
  const nic = drawNic(random, base.nic, host.nodes.length);
  const costs = { ...base.costs, ...drawCosts(random) };
  const safety = random.of([500, 1500, 2500]);
  const storm = random.of([0, 0, 3, 8, 20]);
  const cpus = host.nodes.reduce((sum, node) => sum + node.cpus.length, 0);
  const times = upTo(storm).map(() => random.below(safety)).sort((a, b) => a - b);
  const fails = random.below(3) === 0;
  return {
    seed: random.below(2 ** 31),
    machine: { ...base, name: "drawn", host, nic, costs },
    groups: drawGroups(random, nic.queue_pairs),
    policy: random.of(DEVICE_POLICIES),
    safety_us: safety,
    liveness_us: 2000,
    faults: drawFaults(random),
    driver_faults: fails
      ? Object.fromEntries(
        DRIVER_FAULTS.filter(() => random.below(2) === 0).map((name) => [
          name,
          random.of([5, 30, 100]),
        ]),
      )
      : {},
    actions: times.map((at) => drawAction(random, at, cpus)),
  };
}
