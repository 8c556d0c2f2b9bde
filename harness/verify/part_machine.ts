/**
 * Part "machine": random machines under random loads, with faults of the device, the link and the
 * driver and with operations meanwhile; then without faults, until every flow has moved. What must
 * have happened somewhere is counted, and an entry that was never reached is a finding.
 *
 * @module
 */

import { loadWasm } from "../build.ts";
import { DEVICE_POLICIES, TESTS } from "../record.ts";
import { type MachineSpec, readMachine } from "../spec.ts";
import { cpuSeconds, perCpuSecond } from "./cpu_time.ts";
import type { MachineCase } from "./machine_case.ts";
import { drawCase } from "./machine_draw.ts";
import { type CaseOutcome, FAULTS, type MachineModules, runCase } from "./machine_run.ts";
import {
  type Finding,
  NEVER_REACHED,
  type Profile,
  type Row,
  timedRow,
  type VerifyPart,
} from "./result.ts";
import { Random } from "./walk.ts";

/** Seeds of a profile. */
const SEEDS: Readonly<Record<Profile, number>> = { ci: 1000, full: 50_000 };
/** Runs that shrinking a case may take. */
const SHRINK_RUNS = 120;
/** Command that repeats a case. */
export const CASE_COMMAND = "deno task verify --case";

/** What must be seen. */
const SOMETIMES: readonly string[] = [
  ...FAULTS.map((name) => `${name} is survived`),
  ...TESTS.map((test) => `${test} goes on`),
  ...DEVICE_POLICIES.map((policy) => `policy ${policy}`),
  ...["adaptive", "dim", "dim_cqe", "latency_classes"].map((name) => `moderation ${name}`),
  ...["-L", "-G", "-C", "-X", "-N", "--per-queue"].flatMap((option) => [
    `ethtool ${option} is done`,
    `ethtool ${option} is refused`,
  ]),
  ...["policy", "offline", "online"].flatMap((name) => [`${name} is done`, `${name} is refused`]),
  "device down is done",
  "device up is done",
  "channels is done",
  ...[
    "drop_ring",
    "drop_fifo",
    "drop_socket",
    "drop_fragment",
    "drop_rule",
    "drop_reset",
    "drop_backlog",
    "lost_to_host",
    "lost_to_peer",
    "down_to_host",
    "down_to_peer",
    "lost_transactions",
    "retransmits",
    "reordered",
    "stale",
    "moved_vectors",
    "ksoftirqd_turns",
    "migrations",
    "xsk_wakeups",
    "service_interrupts",
  ].map((name) => `counter ${name}`),
];

/** What cases are run on. */
export interface MachineSubject {
  readonly modules: MachineModules;
  /** Costs of what is drawn. */
  readonly base: MachineSpec;
}

/** Both modules as they are built, and the machine that costs are taken of. */
export async function machineSubject(): Promise<MachineSubject> {
  return {
    modules: {
      policyModule: (await loadWasm("policy", "release")).module,
      machineModule: (await loadWasm("machine", "release")).module,
    },
    base: await readMachine("x710-8cpu", "/"),
  };
}

/** A sentence without its numbers: two cases break the same thing. */
function kindOf(sentence: string | null): string {
  return (sentence ?? "").replace(/[0-9.]+/g, "");
}

/** Smaller cases than one, the bold cuts first. */
function* smaller(one: MachineCase): Generator<MachineCase> {
  if (one.groups.length > 1) {
    for (const group of one.groups) {
      yield { ...one, groups: one.groups.filter((other) => other !== group) };
    }
  }
  if (one.actions.length > 1) {
    const half = one.actions.length >> 1;
    yield { ...one, actions: one.actions.slice(half) };
    yield { ...one, actions: one.actions.slice(0, half) };
  }
  for (const action of one.actions) {
    yield { ...one, actions: one.actions.filter((other) => other !== action) };
  }
  for (const fault of Object.keys(one.faults)) {
    const { [fault]: _gone, ...faults } = one.faults;
    yield { ...one, faults };
  }
  if (Object.keys(one.driver_faults).length > 0) yield { ...one, driver_faults: {} };
  for (const [place, group] of one.groups.entries()) {
    if (group.connections === 1) continue;
    const connections = group.connections >> 1;
    const less = { ...group, connections, threads: Math.min(group.threads, connections) };
    yield { ...one, groups: one.groups.with(place, less) };
  }
  if (one.safety_us > 100) {
    const safety_us = one.safety_us >> 1;
    yield { ...one, safety_us, actions: one.actions.filter(({ at_us }) => at_us < safety_us) };
  }
}

/** A smaller case that breaks the same, found greedily. */
export function shrinkCase(
  modules: MachineModules,
  one: MachineCase,
  sentence: string,
): MachineCase {
  let [found, left, shrunk] = [one, SHRINK_RUNS, true];
  while (shrunk && left > 0) {
    shrunk = false;
    for (const candidate of smaller(found)) {
      if (left-- === 0) break;
      if (kindOf(runCase(modules, candidate).sentence) !== kindOf(sentence)) continue;
      [found, shrunk] = [candidate, true];
      break;
    }
  }
  return found;
}

/** A case as it is stored: of the costs those that are not the base's. */
export function storedCase(one: MachineCase, base: MachineSpec): MachineCase {
  const costs = Object.fromEntries(
    Object.entries(one.machine.costs).filter(([name, value]) => base.costs[name] !== value),
  );
  return { ...one, machine: { ...one.machine, costs } };
}

/** The finding about a case that is broken: shrunk, with the last that happened. */
function findingOf(
  { modules, base }: MachineSubject,
  one: MachineCase,
  seed: number,
  told: string,
): Finding {
  const shrunk = shrinkCase(modules, one, told);
  const { sentence, tail } = runCase(modules, shrunk);
  return {
    sentence: `${sentence} (seed ${seed})`,
    detail: tail.slice(-20),
    script: storedCase(shrunk, base),
    command: CASE_COMMAND,
  };
}

/** Runs seeds `from` to `from + count - 1`, up to the first that is broken. */
export function runSeeds(
  subject: MachineSubject,
  from: number,
  count: number,
  sights: Map<string, number>,
): { readonly seeds: number; readonly events: number; readonly finding: Finding | null } {
  const { modules, base } = subject;
  let events = 0;
  for (let place = 0; place < count; place++) {
    const seed = (from + place) | 0;
    const one = drawCase(new Random(seed), base);
    const outcome: CaseOutcome = runCase(modules, one);
    events += outcome.events;
    for (const [name, times] of outcome.sights) sights.set(name, (sights.get(name) ?? 0) + times);
    if (outcome.sentence === null) continue;
    const finding = findingOf(subject, one, seed, outcome.sentence);
    return { seeds: place + 1, events, finding };
  }
  return { seeds: count, events, finding: null };
}

/** Runs seeds, and says what broke or was never reached. */
export function machineSeeds(
  subject: MachineSubject,
  seed: number,
  count: number,
): Pick<Row, "figures" | "findings"> {
  const before = cpuSeconds();
  const sights = new Map<string, number>();
  const { seeds, events, finding } = runSeeds(subject, seed, count, sights);
  const seconds = cpuSeconds() - before;
  const of = (name: string): number => sights.get(name) ?? 0;
  const missed = SOMETIMES.filter((name) => of(name) === 0);
  const findings = finding !== null
    ? [finding]
    : missed.length > 0
    ? [{ sentence: NEVER_REACHED, detail: missed }]
    : [];
  return {
    figures: {
      seeds,
      events,
      ...perCpuSecond("seeds", seeds, seconds),
      "sometimes reached": SOMETIMES.length - missed.length,
      "sometimes listed": SOMETIMES.length,
      "least often": Math.min(...SOMETIMES.map(of)),
      "faults survived": FAULTS.filter((name) => of(`${name} is survived`) > 0).length,
      "times a fault was survived": FAULTS.reduce(
        (sum, name) => sum + of(`${name} is survived`),
        0,
      ),
      "flows given more time": of("a flow needs 10 ms more"),
    },
    findings,
  };
}

/** The part. */
export const machinePart: VerifyPart = {
  name: "machine",
  purpose: "random machines, loads and faults, watched; then no faults, and every flow goes on",
  async run({ profile, seed, note }) {
    const seeds = SEEDS[profile];
    note(`Running ${seeds} machines`);
    const subject = await machineSubject();
    return [await timedRow("seeds", () => machineSeeds(subject, seed, seeds))];
  },
};
