/**
 * Operations of a workload on the model's device while it runs: at their times the run stops, and
 * they are carried out through `ethtool`. Where the number of channels has changed, the policy
 * manager is told, as the kernel does after `ethtool -L`.
 *
 * @module
 */

import type { MachineSpec, WorkloadSpec } from "../spec.ts";
import { Ethtool } from "./ethtool.ts";
import { type EthtoolCommand, parseEthtool } from "./ethtool_command.ts";
import { errorText } from "./ethtool_log.ts";
import type { MachineWasm } from "./wasm.ts";

/** Queue pairs that a run's device has at most: those of the machine, or what `ethtool -L` adds. */
export function queuesMost({ host, nic }: MachineSpec, workload: WorkloadSpec): number {
  const asked = (workload.operations ?? []).map(({ ethtool }) =>
    parseEthtool(ethtool).channels ?? 0
  );
  const cpuCount = host.nodes.reduce((sum, node) => sum + node.cpus.length, 0);
  return Math.max(nic.queue_pairs, Math.min(Math.max(0, ...asked), cpuCount));
}

/** The operations of one run. */
export class Operations {
  readonly #machine: MachineWasm;
  readonly #ethtool: Ethtool;
  readonly #lines: readonly string[];
  readonly #commands: readonly EthtoolCommand[];
  readonly #remarks: string[] = [];
  readonly #warmupMs: number;
  readonly #onChannels: () => void;

  /**
   * Plans them, from the end of the warm-up on; `onChannels` is called after each change of the
   * number of channels.
   */
  constructor(
    machine: MachineWasm,
    { workload, warmupMs }: { readonly workload: WorkloadSpec; readonly warmupMs: number },
    onChannels: () => void,
  ) {
    this.#machine = machine;
    this.#ethtool = new Ethtool(machine);
    const operations = workload.operations ?? [];
    this.#lines = operations.map(({ ethtool }) => ethtool.trim().replace(/^ethtool\s+/, ""));
    this.#commands = this.#lines.map(parseEthtool);
    this.#warmupMs = warmupMs;
    this.#onChannels = onChannels;
    operations.forEach(({ at_ms: atMs }, index) => {
      machine.calls.operationAt((warmupMs + atMs) * 1e6, index);
    });
  }

  /** What was done, and what was refused. */
  get remarks(): readonly string[] {
    return this.#remarks;
  }

  /** After each part of a run: does what is due. */
  attend(): void {
    const { calls } = this.#machine;
    if (calls.channelsChanged() === 1) {
      this.#onChannels();
      this.#remarks.push(`the device has ${calls.nicQueues()} channels from ${this.#time()} on`);
    }
    const index = calls.operationTake();
    if (index < 0) return;
    const said = this.#ethtool.log.length;
    const answer = this.#commands[index]!.run(this.#ethtool);
    const name = `ethtool ${this.#lines[index]}`;
    if (answer >= 0) {
      this.#remarks.push(`${this.#time()}: ${name}`);
      return;
    }
    const because = [errorText(answer), ...this.#ethtool.log.slice(said)].join("; the driver: ");
    this.#remarks.push(`${this.#time()}: ${name} was refused: ${because}`);
  }

  #time(): string {
    return `${(this.#machine.calls.nowNs() / 1e6 - this.#warmupMs).toFixed(1)} ms`;
  }
}
