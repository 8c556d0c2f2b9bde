/**
 * Short runs of built-in workloads and machines. What is expected is what the shipped machine.wasm
 * does: there is no second model of a network adapter to ask. A mutant is seen by any difference of
 * the measured record, whose fingerprint hashes every event, by a conservation rule, or by a trap.
 *
 * @module
 */

import type { DevicePolicy } from "../../../harness/record.ts";
import {
  type MachineSpec,
  type Operation,
  readMachine,
  readWorkload,
} from "../../../harness/spec.ts";
import { ModelRun } from "../../../harness/machine/model.ts";
import type { Trial } from "../trial.ts";

/** Events handled at a time, and of a run at most: a mutant may make events without end. */
const SLICE_EVENTS = 20_000;
const EVENTS_MAX = 2_000_000;

/** A short run of a workload. */
interface ShortRun {
  readonly workload: string;
  readonly machine?: string;
  readonly policy?: DevicePolicy;
  readonly measureMs?: number;
  /** Costs and properties of the adapter other than the machine's. */
  readonly costs?: Readonly<Record<string, number>>;
  readonly nic?: Partial<MachineSpec["nic"]>;
  /** Every group's, where it is not 4. */
  readonly ipVersion?: 6;
  /** ethtool commands before the workload's, all within the first microseconds of the interval. */
  readonly ethtool?: readonly string[];
}

const RULES = [
  "-N eth0 flow-type tcp4 dst-port 12865 m 0 action 3 loc 5",
  "-N eth0 flow-type tcp4 src-port 40001 action 2",
  "-N eth0 flow-type udp4 src-port 40003 action 1",
  "-N eth0 flow-type tcp6 src-port 40001 action -1 loc 9",
  "-N eth0 delete 5",
];

const HKEY = `-X eth0 hkey ${
  Array.from({ length: 52 }, (_, byte) => (byte * 37 % 256).toString(16).padStart(2, "0")).join(":")
}`;

/** Together they go through what the adapter and its driver do for packets. */
const RUNS: readonly ShortRun[] = [
  { workload: "rr" },
  { workload: "rr", policy: "LATENCY", ethtool: ["-C eth0 adaptive-rx off rx-usecs 0"] },
  { workload: "udp_rr", policy: "MIX" },
  { workload: "mix" },
  { workload: "mix", policy: "MIX", machine: "xl710-16cpu" },
  { workload: "crr", policy: "LATENCY" },
  { workload: "crr" },
  { workload: "maerts", policy: "BULK" },
  { workload: "stream", policy: "CPU", measureMs: 3 },
  { workload: "bursts", measureMs: 3 },
  { workload: "many" },
  { workload: "rr_open", policy: "MIX", measureMs: 3 },
  { workload: "memcached", machine: "cloudlab-x520" },
  { workload: "rr", machine: "x710-pair" },
  { workload: "mix", machine: "x710-pair", policy: "MIX" },
  { workload: "rr", ipVersion: 6 },
  { workload: "mix", ipVersion: 6, policy: "MIX", ethtool: RULES },
  { workload: "udp_rr", ipVersion: 6, ethtool: ["-N eth0 rx-flow-hash udp6 sdfn"] },
  { workload: "rr", ethtool: [HKEY, "-X eth0 weight 1 0 2"] },
  { workload: "stream", nic: { ring: 64 }, measureMs: 3 },
  { workload: "incast", nic: { ring: 64 }, measureMs: 12 },
  { workload: "rr", costs: { wb_on_itr: 0 }, measureMs: 3 },
  { workload: "rr", costs: { pcie_mbps: 8000, pcie_payload_bytes: 128, pcie_read_bytes: 256 } },
  { workload: "stream", costs: { pcie_mbps: 8000 } },
  { workload: "maerts", costs: { pcie_mbps: 8000 } },
  { workload: "channels", ipVersion: 6, measureMs: 240 },
  { workload: "rr", machine: "connectx5-epyc7662" },
  { workload: "stream", machine: "connectx5-epyc7662" },
  { workload: "rr", machine: "e1000e-2010" },
  { workload: "rr", machine: "e1000-2002" },
  { workload: "rr", machine: "ebbrt-82599" },
  { workload: "udp_rr", machine: "afxdp-xl710" },
  { workload: "rr", machine: "r640-i40e" },
  { workload: "rr", ethtool: RULES },
  { workload: "udp_rr", ethtool: RULES },
  {
    workload: "rr",
    ethtool: [
      "-X eth0 weight 1 2 3",
      "-C eth0 rx-usecs-high 40",
      "-C eth0 adaptive-rx off adaptive-tx off rx-usecs 62 tx-usecs 122",
    ],
  },
  { workload: "mix", ethtool: ["-X eth0 equal 3", "-N eth0 rx-flow-hash udp4 sdfn"] },
  { workload: "channels", measureMs: 240 },
  { workload: "channels", policy: "MIX", measureMs: 240, ethtool: ["-G eth0 rx 64 tx 128"] },
];

async function runTrial(run: ShortRun, policyModule: WebAssembly.Module): Promise<Trial> {
  const { workload, machine: usual } = await readWorkload(run.workload, { cwd: "/" });
  const given = run.machine === undefined ? usual : await readMachine(run.machine, "/");
  const machine: MachineSpec = {
    ...given,
    nic: { ...given.nic, ...run.nic },
    costs: { ...given.costs, ...run.costs },
  };
  const groups = run.ipVersion === undefined
    ? workload.groups
    : workload.groups.map((group) => ({ ...group, ip_version: 6 as const }));
  const policy = run.policy ?? "NONE";
  const operations: Operation[] = [
    ...(run.ethtool ?? []).map((ethtool, place) => ({ at_ms: 0.01 * (1 + place), ethtool })),
    // What a workload does after 100 ms comes at once.
    ...(workload.operations ?? []).map((operation) => ({ ...operation, at_ms: 0.5 })),
  ];
  let expected: string | null = null;
  return {
    name: Object.values(run).map((value) => JSON.stringify(value)).join(" ").slice(0, 60),
    oracle: "original",
    run(machineModule) {
      const model = ModelRun.create({
        workload: { ...workload, groups, operations },
        machine,
        policy,
        mechanism: policy === "NONE" ? "stock" : "netpolicy",
        seed: 1,
        warmupMs: 0.5,
        measureMs: run.measureMs ?? 1.5,
        policyModule,
        machineModule,
      });
      for (let events = 0; !model.advance(SLICE_EVENTS); events += SLICE_EVENTS) {
        if (events > EVENTS_MAX) return "the run does not come to its end";
      }
      const found = JSON.stringify(model.measurement());
      expected ??= found;
      return found === expected ? null : "the record differs";
    },
  };
}

/** The trials. */
export function shortRuns(policyModule: WebAssembly.Module): Promise<Trial[]> {
  return Promise.all(RUNS.map((run) => runTrial(run, policyModule)));
}
