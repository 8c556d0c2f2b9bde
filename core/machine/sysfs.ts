// deno-fmt-ignore-file
// What an administrator writes below /sys: on which CPUs received packets go up, which queue a CPU
// sends on, whether NAPIs have threads (/sys/class/net/<dev>, before the run), which CPUs are
// online (/sys/devices/system/cpu, during it). Exported calls; the parts they set up do the work.

import { EINVAL } from "../lib/errno";
import { napiThreadsSet } from "./napi_thread";
import { queues } from "./queue";
import { rpsCpusSet } from "./rps";
import { xpsCpusSet, xpsRxqsSet } from "./steering";

export { hotplugOffline, hotplugOnline } from "./hotplug";

/** queues/rx-N/rps_cpus: a mask of CPUs; -EINVAL for an unknown queue. */
export function sysfsRpsCpus(queue: u32, low: u32, high: u32): i32 {
  if (queue >= queues()) return -EINVAL;
  rpsCpusSet(queue, ((<u64>high) << 32) | low);
  return 0;
}

/** queues/tx-N/xps_cpus: a mask of CPUs; -EINVAL for an unknown queue. */
export function sysfsXpsCpus(queue: u32, low: u32, high: u32): i32 {
  if (queue >= queues()) return -EINVAL;
  xpsCpusSet(queue, ((<u64>high) << 32) | low);
  return 0;
}

/** queues/tx-N/xps_rxqs: a mask of receive queues; -EINVAL for an unknown queue. */
export function sysfsXpsRxqs(queue: u32, low: u32, high: u32): i32 {
  if (queue >= queues()) return -EINVAL;
  xpsRxqsSet(queue, ((<u64>high) << 32) | low);
  return 0;
}

/** threaded: the NAPI of each vector has a thread, bound to the CPU of its interrupt or not. */
export function sysfsThreaded(on: bool, pinned: bool): void {
  napiThreadsSet(on, pinned);
}
