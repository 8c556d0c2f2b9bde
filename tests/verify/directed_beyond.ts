/**
 * Numbers beyond a table, where what lies there in memory would pass for an entry of it: calls must
 * ask for the bound, not trust in zeros.
 *
 * @module
 */

import { Bench, directed } from "./direct.ts";
import type { Trial } from "./trial.ts";

const [ENOENT, ESRCH, EBADF, ENODEV, EINVAL] = [-2, -3, -9, -19, -22];
const BULK = 2;
const ONES = -1;

/** Records of odd policies and rules of ones lie behind the devices and the owners. */
function filled(bench: Bench, owners: number): void {
  bench.host([2, 1, 2, 2, owners, 8, 2, 0]);
  bench.device("eth0", 1);
  bench.is(0, "writeDevicePolicy", 1, bench.text("LATENCY"));
  for (let owner = 1; owner <= owners; owner++) {
    if (owner > 8) {
      bench.is(owner, "taskCreate", 0xffffff);
      bench.is(0, "setTaskPolicy", owner, 3);
      continue;
    }
    bench.is(owner, "socketOpen", 0xffffff, 0, 1);
    bench.is(0, "setSocketPolicy", owner, 3);
    bench.is((owner - 1) % 2, "setRulesV6", owner, 6, ONES, ONES, ONES, ONES);
  }
}

const devices = directed("devices beyond the table", (module) => {
  let bench = new Bench(module);
  for (const owners of [40, 41, 42, 43]) {
    bench = new Bench(module, [{ rx: 2, tx: 2 }]);
    filled(bench, owners);
    for (let device = -3; device <= 90; device++) {
      if (device === 1) continue;
      for (const name of ["deviceVersion", "deviceErrno", "deviceUp", "deviceDown"]) {
        bench.is(ENODEV, name, device);
      }
      for (const name of ["deviceChannels", "deviceUnregister"]) bench.is(ENODEV, name, device);
      bench.is(ENODEV, "deviceMapped", device, 0);
      bench.is(ENODEV, "deviceRename", device, bench.text("x"));
      bench.is(ENODEV, "socketSetDevice", 1, device);
      if (device !== 0) bench.is(ENODEV, "socketOpen", 1, 0, device);
      bench.is(ENOENT, "writeDevicePolicy", device, bench.text("BULK"));
      bench.is(ENOENT, "readDevicePolicy", device);
    }
    if (bench.wrong !== null) break;
  }
  return bench;
});

const handles = directed("tasks and sockets beyond the table", (module) => {
  let bench = new Bench(module);
  for (const owners of [40, 63, 64]) {
    bench = new Bench(module, [{ rx: 2, tx: 2 }]);
    filled(bench, owners);
    bench.mask(1);
    for (let handle = -20; handle <= owners + 130; handle++) {
      if (handle > 0 && handle <= owners) continue;
      for (const name of ["taskExit", "readTaskPolicy", "setTaskAllowed"]) {
        bench.is(ESRCH, name, handle);
      }
      bench.is(ESRCH, "taskFork", handle, 1);
      bench.is(ESRCH, "setTaskPolicy", handle, BULK);
      bench.is(ESRCH, "setTaskPolicyName", handle, bench.text("BULK"));
      if (handle !== 0) bench.is(ESRCH, "socketOpen", 1, handle, 1);
      for (const name of ["socketClose", "getSocketPolicy"]) bench.is(EBADF, name, handle);
      bench.is(EBADF, "socketAccept", handle, 1);
      bench.is(EBADF, "socketSetDevice", handle, 1);
      bench.is(EBADF, "setSocketPolicy", handle, BULK);
      bench.is(EBADF, "pickQueue", handle, 1);
    }
    if (bench.wrong !== null) break;
  }
  return bench;
});

/** The distances lie behind the CPUs: 11 would be the flags of one that is online. */
const cpus = directed("CPUs beyond the table", (module) => {
  const bench = new Bench(module).host([4, 4, 1, 4, 4, 1, 2, 0]);
  bench.is(1, "taskCreate", 1);
  for (const distance of [11, 13]) {
    for (let pair = 0; pair < 16; pair++) {
      bench.is(0, "topologyDistance", pair >> 2, pair & 3, distance);
    }
    for (const cpu of [-1, 4, 5, 6]) {
      bench.is(EINVAL, "cpuOnline", cpu);
      bench.is(EINVAL, "cpuOffline", cpu);
      bench.is(EINVAL, "topologyCpu", cpu, 0, 0, 1);
      bench.mask(1 | (1 << cpu));
      if (cpu > 0) bench.is(EINVAL, "setTaskAllowed", 1);
    }
    bench.mask(15);
    bench.is(0, "setTaskAllowed", 1);
    bench.mask(7);
    bench.is(0, "setTaskAllowed", 1);
  }
  return bench;
});

/** The cases. */
export const BEYOND: readonly Trial[] = [devices, handles, cpus];
