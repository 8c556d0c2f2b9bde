// deno-fmt-ignore-file
// CPUs that go offline and come back while the machine runs: the kernel's cpu_down and cpu_up.
// A CPU that goes gives its threads away at once and its interrupts from now on; what its softirqs
// have begun they finish. Kthreads of its own, and what an idle CPU saves, are not modelled. What
// the policy manager does about it is the harness's to start.

import { EBUSY, EINVAL } from "../lib/errno";
import { cpus, kick } from "./cpu";
import { cpuIsOnline, cpuSetOnline, onlineCpus } from "./online";
import { queueAt, queues } from "./queue";

/**
 * CPU_DYING. An interrupt that no online CPU may take goes to any of them from now on, for good
 * (irq_migrate_all_off_this_cpu). -EINVAL for a CPU that is not there or offline, -EBUSY for the
 * last one.
 */
export function hotplugOffline(cpu: u32): i32 {
  if (cpu >= cpus() || !cpuIsOnline(cpu)) return -EINVAL;
  if (popcnt(onlineCpus()) == 1) return -EBUSY;
  cpuSetOnline(cpu, false);
  for (let i: u32 = 0; i < queues(); i++) {
    const queue = queueAt(i);
    if ((queue.affinity & onlineCpus()) == 0) queue.affinity = onlineCpus();
  }
  kick(cpu);
  return 0;
}

/** CPU_ONLINE: threads and interrupts may come again. -EINVAL where it is online or not there. */
export function hotplugOnline(cpu: u32): i32 {
  if (cpu >= cpus() || cpuIsOnline(cpu)) return -EINVAL;
  cpuSetOnline(cpu, true);
  return 0;
}
