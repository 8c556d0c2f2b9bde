/**
 * Reference model: CPU hotplug, channel changes, devices up and down (rules 30 to 32).
 *
 * @module
 */

import { ERRNO } from "../../harness/policy/errno.ts";
import { dismantle, enable, mapStands, tellAgain } from "./device.ts";
import { forgetOrphans, pendingRules, retryOrphans } from "./flow_rules.ts";
import { isDeviceName } from "./names.ts";
import { putRulesBack } from "./pick.ts";
import { attached, detach } from "./records.ts";
import {
  ascending,
  count,
  DEFAULT_RECORD_LIMIT,
  type Device,
  freeHandle,
  type Model,
  NONE,
  say,
} from "./state.ts";

/** CPU_ONLINE and CPU_DYING. */
export function setCpuOnline(model: Model, cpu: number, online: boolean): number {
  const known = model.cpus.get(cpu);
  if (known === undefined || known.online === online) return -ERRNO.EINVAL;
  const others = [...model.cpus.values()].filter((other) => other.online && other !== known);
  if (!online && others.length === 0) return -ERRNO.EBUSY;
  known.online = online;
  for (const device of ascending(model.devices)) {
    if (device.inForce === null || !mapStands(model, device.inForce)) rebuild(model, device);
  }
  return 0;
}

/** Rules 30 and 31: the map and lists of a device made anew, for whoever wants a policy. */
export function rebuild(model: Model, device: Device): void {
  if (device.info === null || device.wanted === NONE) return;
  count(model, device.handle, "rebuild");
  dismantle(model, device, true);
  device.rebuildErrno = enable(model, device, device.wanted);
  if (device.rebuildErrno === 0) {
    putRulesBack(model, device);
    return;
  }
  count(model, device.handle, "rebuild_failed");
  tellAgain(model, device, null);
  for (const { slot } of pendingRules(model, device)) model.rules.delete(slot);
  retryOrphans(model, device.handle);
}

/** NETDEV_UP: what the driver says decides; a remembered policy comes back. */
export function deviceUp(model: Model, device: Device): void {
  if (device.up) return;
  device.up = true;
  const info = model.driver.netpolicyInit(device.handle);
  if (typeof info === "number") {
    count(model, device.handle, "init_failed");
    return;
  }
  if (info.available === 0) return;
  device.info = info;
  device.recordLimit = info.recordLimit > 0 ? info.recordLimit : DEFAULT_RECORD_LIMIT;
  say(model, `Init net policy for ${device.name}`);
  rebuild(model, device);
}

/** NETDEV_GOING_DOWN: the policy ends, the records are detached, the wish stays. */
export function deviceDown(model: Model, device: Device): void {
  if (!device.up) return;
  if (device.inForce !== null) {
    tellAgain(model, device, null);
    dismantle(model, device, false);
  }
  forgetOrphans(model, device.handle);
  for (const record of attached(model, device.handle)) detach(model, record);
  device.up = false;
  device.info = null;
  device.rebuildErrno = 0;
}

/** NETDEV_REGISTER. Returns the device's handle, or a negative errno. */
export function deviceRegister(
  model: Model,
  { name, netns, ifindex, node }: {
    readonly name: string;
    readonly netns: number;
    readonly ifindex: number;
    readonly node: number;
  },
): number {
  if (!isDeviceName(name) || node < -1 || node >= model.capacities.nodes) return -ERRNO.EINVAL;
  const taken = [...model.devices.values()].some((other) =>
    other.netns === netns && (other.ifindex === ifindex || other.name === name)
  );
  if (taken) return -ERRNO.EEXIST;
  const handle = freeHandle(model.devices, model.capacities.devices);
  if (handle === 0) return -ERRNO.ENOSPC;
  model.devices.set(handle, {
    handle,
    netns,
    ifindex,
    node,
    name,
    up: false,
    info: null,
    recordLimit: DEFAULT_RECORD_LIMIT,
    limitSaid: false,
    policy: NONE,
    wanted: NONE,
    rebuildErrno: 0,
    inForce: null,
    version: 0,
  });
  return handle;
}

/** NETDEV_UNREGISTER: goes down first; sockets know no device afterwards. */
export function deviceUnregister(model: Model, device: Device): void {
  deviceDown(model, device);
  for (const owner of model.owners.values()) {
    if (owner.device === device.handle) owner.device = 0;
  }
  model.counters.delete(device.handle);
  model.devices.delete(device.handle);
}

/** NETDEV_CHANGENAME: keeps everything else. */
export function deviceRename(model: Model, device: Device, name: string): number {
  if (!isDeviceName(name)) return -ERRNO.EINVAL;
  const taken = [...model.devices.values()].some((other) =>
    other !== device && other.netns === device.netns && other.name === name
  );
  if (taken) return -ERRNO.EEXIST;
  device.name = name;
  return 0;
}
