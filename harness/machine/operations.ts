/**
 * Operations of a workload on the model's device while it runs: at their times the run stops, and
 * they are carried out through `ethtool`, by a write to the device's policy file, or by taking a
 * CPU off or back. Where the number of channels or the CPUs have changed, the policy manager is
 * told, as the kernel does after `ethtool -L` and at CPU hotplug.
 *
 * @module
 */

import { PolicyError } from "../policy/errno.ts";
import type { OperationMark } from "../record.ts";
import type { MachineSpec, Operation, WorkloadSpec } from "../spec.ts";
import { Ethtool } from "./ethtool.ts";
import { parseEthtool } from "./ethtool_command.ts";
import { errorText } from "./ethtool_log.ts";
import type { Host, HostOptions } from "./host.ts";

/** Queue pairs that a run's device has at most: those of the machine, or what `ethtool -L` adds. */
export function queuesMost({ host, nic }: MachineSpec, workload: WorkloadSpec): number {
  const asked = (workload.operations ?? []).map(({ ethtool }) =>
    ethtool === undefined ? 0 : parseEthtool(ethtool).channels ?? 0
  );
  const cpuCount = host.nodes.reduce((sum, node) => sum + node.cpus.length, 0);
  return Math.max(nic.queue_pairs, Math.min(Math.max(0, ...asked), cpuCount));
}

/** The device is as it shall be: neither a mark nor a remark. */
const NOTHING_TO_DO = "";

/** What an operation is called, and how it is done: null, NOTHING_TO_DO, or why it was refused. */
interface Planned {
  readonly kind: OperationMark["kind"];
  readonly name: string;
  readonly run: () => string | null;
}

/** The operations of one run. */
export class Operations {
  readonly #host: Pick<Host, "machine" | "manager" | "device">;
  readonly #options: Pick<HostOptions, "policy" | "mechanism" | "warmupMs">;
  readonly #ethtool: Ethtool;
  readonly #planned: readonly Planned[];
  readonly #marks: OperationMark[] = [];

  /** Plans them, from the end of the warm-up on. */
  constructor(
    host: Pick<Host, "machine" | "manager" | "device">,
    options: Pick<HostOptions, "workload" | "policy" | "mechanism" | "warmupMs">,
  ) {
    this.#host = host;
    this.#options = options;
    this.#ethtool = new Ethtool(host.machine);
    const operations = options.workload.operations ?? [];
    this.#planned = operations.map((operation) => this.#plan(operation));
    operations.forEach(({ at_ms: atMs }, index) => {
      host.machine.calls.operationAt((options.warmupMs + atMs) * 1e6, index);
    });
  }

  /** What was done and what was refused, with its time. */
  get marks(): readonly OperationMark[] {
    return this.#marks;
  }

  /** The same as sentences. */
  get remarks(): readonly string[] {
    return this.#marks.map(({ at_ns: atNs, what, kind }) => {
      const time = `${(atNs / 1e6).toFixed(1)} ms`;
      return kind === "channels" ? `${what} from ${time} on` : `${time}: ${what}`;
    });
  }

  /** After each part of a run: does what is due. */
  attend(): void {
    const { machine: { calls }, manager, device } = this.#host;
    if (calls.channelsChanged() === 1) {
      manager.deviceChannels(device);
      this.#mark("channels", `the device has ${calls.nicQueues()} channels`);
    }
    const index = calls.operationTake();
    if (index < 0) return;
    const { kind, name, run } = this.#planned[index]!;
    const refusal = run();
    if (refusal === NOTHING_TO_DO) return;
    this.#mark(kind, refusal === null ? name : `${name} was refused: ${refusal}`);
  }

  #plan(operation: Operation): Planned {
    const { ethtool, policy, cpu_offline: offline, cpu_online: online } = operation;
    if (policy !== undefined) {
      const isOwn = policy === "own";
      const name = isOwn ? "the run's own device policy" : `device policy ${policy}`;
      const run = () => this.#writePolicy(isOwn ? this.#options.policy : policy);
      return { kind: "policy", name, run };
    }
    if (offline !== undefined) {
      const run = () => this.#plugCpu(offline, "hotplugOffline", "cpuOffline");
      return { kind: "cpu", name: `CPU ${offline} offline`, run };
    }
    if (online !== undefined) {
      const run = () => this.#plugCpu(online, "hotplugOnline", "cpuOnline");
      return { kind: "cpu", name: `CPU ${online} online`, run };
    }
    const line = ethtool!.trim().replace(/^ethtool\s+/, "");
    const command = parseEthtool(line);
    return {
      kind: "ethtool",
      name: `ethtool ${line}`,
      run: () => {
        const said = this.#ethtool.log.length;
        const answer = command.run(this.#ethtool);
        if (answer >= 0) return null;
        return [errorText(answer), ...this.#ethtool.log.slice(said)].join("; the driver: ");
      },
    };
  }

  /** The host first, then its notifier: the policy manager. */
  #plugCpu(
    cpu: number,
    call: "hotplugOffline" | "hotplugOnline",
    notifier: "cpuOffline" | "cpuOnline",
  ): string | null {
    const { machine, manager } = this.#host;
    const answer = machine.calls[call](cpu);
    if (answer < 0) return errorText(answer);
    manager[notifier](cpu);
    return null;
  }

  #writePolicy(name: string): string | null {
    const { manager, device } = this.#host;
    if (this.#options.mechanism === "stock") {
      return name === "NONE" ? NOTHING_TO_DO : "the stock driver has no policy manager";
    }
    try {
      manager.writeDevicePolicy(device, name);
      return null;
    } catch (error) {
      if (error instanceof PolicyError) return error.message;
      throw error;
    }
  }

  #mark(kind: OperationMark["kind"], what: string): void {
    const atNs = this.#host.machine.calls.nowNs() - this.#options.warmupMs * 1e6;
    this.#marks.push({ at_ns: Math.max(0, Math.round(atNs)), kind, what });
  }
}
