/**
 * What is written below `/sys/class/net/<dev>` before a run: steering of received and sent packets
 * as a machine file has it, in calls of the model.
 *
 * @module
 */

import type { MachineSpec } from "../spec.ts";
import type { MachineCalls } from "./wasm.ts";

/** The mask of CPUs that a sysfs file has, for each queue: one for all, or queue by queue. */
function masksOf(masks: string | readonly string[], queueCount: number): bigint[] {
  return Array.from({ length: queueCount }, (_, queue) => {
    const mask = typeof masks === "string" ? masks : masks[queue] ?? "0";
    return BigInt(`0x${mask}`);
  });
}

/** Whether received packets may go up on another CPU than their queue's: RPS or RFS is on. */
export function steersPackets({ nic, costs }: Pick<MachineSpec, "nic" | "costs">): boolean {
  const hasTables = costs["rps_sock_flow_entries"] !== 0 && costs["rps_flow_cnt"] !== 0;
  return hasTables || masksOf(nic.rps_cpus, nic.queue_pairs).some((mask) => mask !== 0n);
}

/** Sets the device's files. */
export function setUpSysfs(calls: MachineCalls, nic: MachineSpec["nic"]): void {
  const write = (masks: string | readonly string[], file: MachineCalls["sysfsRpsCpus"]) =>
    masksOf(masks, nic.queue_pairs).forEach((mask, queue) => {
      file(queue, Number(mask & 0xffffffffn), Number(mask >> 32n));
    });
  write(nic.rps_cpus, calls.sysfsRpsCpus);
  if (nic.xps_cpus !== undefined) write(nic.xps_cpus, calls.sysfsXpsCpus);
  write(nic.xps_rxqs, calls.sysfsXpsRxqs);
  if (nic.threaded) calls.sysfsThreaded(1, nic.threaded_pin ? 1 : 0);
}
