/**
 * What disturbs a measurement on this host: other load, clock rates that move, throttling, swap,
 * a hypervisor that takes time away, too few CPUs. Tells it in sentences; whether the noise is too
 * much, the measurements themselves say. Never changes a setting.
 *
 * @module
 */

import { outputOf } from "./process.ts";

/** One look at the host; null where it does not tell. */
export interface HostFacts {
  /** Average number of running tasks over the last minute. */
  readonly load: number | null;
  /** Policies that set the clock rate of the CPUs, without repetition. */
  readonly governors: readonly string[];
  /** Times that a core was slowed down because of its temperature, since the start. */
  readonly throttled: number | null;
  /** Pages read from and written to swap, since the start. */
  readonly swappedPages: number | null;
  /** Ticks of all CPUs that went to other guests, and ticks in all, since the start. */
  readonly stolenTicks: number | null;
  readonly allTicks: number | null;
}

/** Load beside the measurement above which others are noticed, per CPU. */
const LOAD_SHARE_MAX = 0.2;
/** Share of CPU time that other guests may take. */
const STOLEN_SHARE_MAX = 0.01;
/** Below it, load generator and the measured share one CPU. */
const CPUS_MIN = 2;

/** Files of the kernel, each behind its name so that one that is not there shifts nothing. */
const SCRIPT = `
for file in /proc/loadavg /proc/vmstat /proc/stat \\
    /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor \\
    /sys/devices/system/cpu/cpu*/thermal_throttle/core_throttle_count; do
  [ -r "$file" ] && echo "== $file" && cat "$file"
done
true`;

/** Reads what the kernel tells without privileges; Linux only, elsewhere nothing is known. */
export async function readHost(): Promise<HostFacts> {
  return parseHost(await outputOf("sh", ["-c", SCRIPT]));
}

/** Facts in the output of the script. */
export function parseHost(text: string): HostFacts {
  const files = text.split(/^== /m).slice(1).map((part) => {
    const end = part.indexOf("\n");
    return { name: part.slice(0, end), text: part.slice(end + 1) };
  });
  const named = (end: string): string[] =>
    files.filter(({ name }) => name.endsWith(end)).map((file) => file.text.trim());
  const counter = (name: string): number | null => {
    const found = named("/vmstat")[0]?.match(new RegExp(`^${name} (\\d+)$`, "m"))?.[1];
    return found === undefined ? null : Number(found);
  };
  const [swappedIn, swappedOut] = [counter("pswpin"), counter("pswpout")];
  const ticks = named("/stat")[0]?.match(/^cpu +(.*)$/m)?.[1]?.split(" ").map(Number);
  const throttles = named("/core_throttle_count").map(Number);
  const load = Number(named("/loadavg")[0]?.split(" ")[0] ?? NaN);
  return {
    load: Number.isNaN(load) ? null : load,
    governors: [...new Set(named("/scaling_governor"))],
    throttled: throttles.length === 0 ? null : throttles.reduce((sum, count) => sum + count, 0),
    swappedPages: swappedIn === null || swappedOut === null ? null : swappedIn + swappedOut,
    // proc(5): user nice system idle iowait irq softirq steal; guest time is within user.
    stolenTicks: ticks?.[7] ?? null,
    allTicks: ticks?.slice(0, 8).reduce((sum, each) => sum + each, 0) ?? null,
  };
}

/** What disturbs before anything is measured. */
export function findingsBefore(facts: HostFacts, cpuCount: number): string[] {
  const findings: string[] = [];
  if (cpuCount < CPUS_MIN) {
    findings.push(`${cpuCount} CPU: load and what is measured share it; use ${CPUS_MIN} or more`);
  }
  if (facts.load !== null && facts.load > LOAD_SHARE_MAX * cpuCount) {
    findings.push(`load is ${facts.load} on ${cpuCount} CPUs: end what else runs`);
  }
  const moving = facts.governors.filter((governor) => governor !== "performance");
  if (moving.length > 0) {
    findings.push(`clock rates move (governor ${moving.join(", ")}): set "performance"`);
  }
  return findings;
}

/** What disturbed between two looks. */
export function findingsBetween(before: HostFacts, after: HostFacts): string[] {
  const grown = (read: (facts: HostFacts) => number | null): number => {
    const [old, now] = [read(before), read(after)];
    return old === null || now === null ? 0 : now - old;
  };
  const findings: string[] = [];
  const throttled = grown((facts) => facts.throttled);
  if (throttled > 0) {
    findings.push(`cores were slowed down ${throttled} times by their temperature`);
  }
  const swapped = grown((facts) => facts.swappedPages);
  if (swapped > 0) findings.push(`${swapped} pages were swapped: free memory`);
  const stolen = grown((facts) => facts.stolenTicks) /
    Math.max(1, grown((facts) => facts.allTicks));
  if (stolen > STOLEN_SHARE_MAX) {
    findings.push(`other guests of this host took ${(100 * stolen).toFixed(1)} % of the CPU time`);
  }
  return findings;
}
