/**
 * Trials of the machine model for its mutants: short runs of built-in workloads and machines, and a
 * long list of ethtool commands. What is expected is what the shipped machine.wasm does: there is
 * no second model of a network adapter to ask. A mutant is seen by any difference of the measured
 * record, whose fingerprint hashes every event, by a conservation rule, or by a trap.
 *
 * @module
 */

import { Ethtool } from "../../harness/machine/ethtool.ts";
import { CommandMistake, parseEthtool } from "../../harness/machine/ethtool_command.ts";
import type { DevicePolicy } from "../../harness/record.ts";
import { type MachineSpec, type Operation, readMachine, readWorkload } from "../../harness/spec.ts";
import { Random } from "../../harness/verify/walk.ts";
import { ModelRun } from "../../harness/machine/model.ts";
import type { MachineWasm } from "../../harness/machine/wasm.ts";
import { bareMachine } from "../unit/machine_runs.ts";
import type { Trial } from "./trial.ts";

/** Events handled at a time, and of a run at most: a mutant may make events without end. */
const SLICE_EVENTS = 20_000;
const EVENTS_MAX = 2_000_000;
/** ethtool commands of a trial, and on each machine. */
const COMMANDS = 600;
const COMMANDS_EACH = 40;

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

/** Commands with places for numbers. */
const TEMPLATES = [
  "-C eth0 adaptive-rx off rx-usecs #",
  "-C eth0 adaptive-tx off tx-usecs #",
  "-C eth0 adaptive-rx on adaptive-tx on",
  "-C eth0 rx-usecs-high #",
  "-C eth0 tx-frames-irq #",
  "--per-queue eth0 queue_mask # --coalesce rx-usecs #",
  "-X eth0 equal #",
  "-X eth0 weight # # # #",
  "-N eth0 flow-type tcp4 dst-port # action # loc #",
  "-N eth0 flow-type tcp4 src-ip 10.0.0.# src-port # dst-port # action #",
  "-N eth0 flow-type udp4 src-port # m # action #",
  "-N eth0 flow-type udp4 src-ip 10.0.0.# src-port # action # loc #",
  "-N eth0 flow-type tcp6 src-ip fd00::# dst-port # action # loc #",
  "-N eth0 flow-type udp6 src-port # action -1 loc #",
  "-N eth0 flow-type sctp4 src-port # action #",
  "-N eth0 flow-type ip4 src-ip 10.0.0.# l4proto # action #",
  "-N eth0 flow-type ip6 src-ip fd00::# action #",
  "-N eth0 flow-type ether proto # action #",
  "-N eth0 flow-type tcp4 dst-port # user-def # action # loc #",
  "-N eth0 flow-type tcp4 dst-port # tos # action #",
  "-N eth0 delete #",
  "-N eth0 delete #",
  "-N eth0 rx-flow-hash tcp4 sdfn",
  "-N eth0 rx-flow-hash udp4 sdfn",
  "-N eth0 rx-flow-hash udp4 sd",
  "-N eth0 rx-flow-hash udp6 sdfn",
  "-N eth0 rx-flow-hash tcp6 s",
  "-L eth0 combined #",
  "-L eth0 rx # tx #",
  "-G eth0 rx # tx #",
];
const NUMBERS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 32, 62, 63, 64, 80, 128, 236, 237, 255, 256];
const LARGE = [300, 511, 512, 520, 4000, 4064, 4096, 4097, 8160, 8161, 8190, 8191, 65535, 65536];

/** Questions and settings that no command asks, with numbers that may be out of range. */
function rawAnswers(ethtool: Ethtool, { calls }: MachineWasm, random: Random): unknown[] {
  const [a, b] = [random.of(random.below(3) === 0 ? LARGE : NUMBERS), random.below(4)];
  return [
    calls.ethtoolTable(a),
    calls.ethtoolKey(a),
    calls.ethtoolUsecs(a, b % 2),
    calls.ethtoolAdaptive(a, b % 2),
    calls.ethtoolRuleNext(a),
    calls.ethtoolHashFields(b),
    calls.nicIrq(a % 8, b % 2),
    random.below(8) === 0 ? calls.ethtoolTableSet(a, b) : 0,
    random.below(8) === 0 ? calls.ethtoolKeySet(a, b) : 0,
    random.below(8) === 0 ? calls.ethtoolHashFieldsSet(b, a % 16) : 0,
    random.below(16) === 0
      ? calls.ethtoolCoalesce(a - 1, b % 2, 1, a, a, 0xffffffff, 0xffffffff)
      : 0,
    random.below(16) === 0 ? ethtool.key().join() : "",
  ];
}

/** What one command answers, and everything that can be read of the device then. */
function commandsOn(module: WebAssembly.Module, seed: number, line: (text: string) => boolean) {
  const random = new Random(seed);
  let machine = bareMachine(module);
  let ethtool = new Ethtool(machine);
  for (let number = 0; number < COMMANDS; number++) {
    // A device that is being reset refuses the rest: no time passes here.
    if (number % COMMANDS_EACH === 0) ethtool = new Ethtool(machine = bareMachine(module));
    const text = random.of(TEMPLATES).replaceAll(
      "#",
      () => String(random.of(random.below(6) === 0 ? LARGE : NUMBERS)),
    );
    let answer: number | string;
    try {
      answer = parseEthtool(text).run(ethtool);
    } catch (error) {
      if (!(error instanceof CommandMistake)) throw error;
      answer = error.message;
    }
    const state = [
      ...rawAnswers(ethtool, machine, random),
      ...[answer, ethtool.log.at(-1), ethtool.coalesce(number % 9), ethtool.channels()],
      ...[ethtool.rings(), ethtool.rules()],
      ...number % 8 === 0 ? [ethtool.table().join(), ethtool.flowHash("udp4")] : [],
    ];
    if (!line(JSON.stringify([text, ...state]))) return `"${text}" answers otherwise`;
  }
  return null;
}

function commandTrial(seed: number): Trial {
  let expected: string[] | null = null;
  return {
    name: `ethtool commands ${seed}`,
    oracle: "original",
    run(module) {
      if (expected === null) {
        const lines: string[] = [];
        commandsOn(module, seed, (line) => lines.push(line) > 0);
        expected = lines;
        return null;
      }
      let place = 0;
      const known = expected;
      return commandsOn(module, seed, (line) => line === known[place++]);
    },
  };
}

/** Rules until the device has no room, then every second one goes, then again until it is full. */
function fullTable(): Trial {
  let expected: string | null = null;
  return {
    name: "a full table of rules",
    oracle: "original",
    run(module) {
      const machine = bareMachine(module);
      const ethtool = new Ethtool(machine);
      const insert = (port: number) =>
        ethtool.insertRule(
          { flowType: "udp4", sourcePort: { value: port }, action: port % 8 } as never,
        );
      const answers: number[] = [];
      let port = 0;
      while (port < 9000) {
        const answer = insert(++port);
        answers.push(answer);
        if (answer < 0) break;
      }
      for (let location = 0; location < 9000; location += 97) {
        answers.push(ethtool.deleteRule(location), machine.calls.ethtoolRuleNext(location));
      }
      for (let more = 0; more < 120; more++) answers.push(insert(++port));
      const found = answers.join();
      expected ??= found;
      return found === expected ? null : "the answers differ";
    },
  };
}

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

/** All trials; each takes the first module it runs on for the original. */
export async function trialsOfMachine(policyModule: WebAssembly.Module): Promise<Trial[]> {
  return [
    ...[1, 2, 3].map(commandTrial),
    fullTable(),
    ...await Promise.all(RUNS.map((run) => runTrial(run, policyModule))),
  ];
}
