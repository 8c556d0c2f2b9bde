// deno-fmt-ignore-file
// Which CPUs of the host are online, as a mask. What follows when one comes or goes is decided by
// hotplug.ts.

let online: u64 = 0;

/** No CPU yet. */
export function onlineInit(): void {
  online = 0;
}

/** CPUs that are online, a mask. */
@inline
export function onlineCpus(): u64 {
  return online;
}

/** Whether a CPU is online. */
@inline
export function cpuIsOnline(index: u32): bool {
  return ((online >> index) & 1) != 0;
}

/** Notes that a CPU comes or goes. */
export function cpuSetOnline(index: u32, comes: bool): void {
  const bit = (<u64>1) << index;
  online = comes ? online | bit : online & ~bit;
}
