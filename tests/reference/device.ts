/**
 * Reference model: the policy of a device (rules 1 to 3 and 9 to 13).
 *
 * @module
 */

import { ERRNO } from "../../harness/policy/errno.ts";
import { takeRulesOut } from "./flow_rules.ts";
import { makeLists } from "./lists.ts";
import { byteLength, parsePolicy, POLICY_NAME_BYTES } from "./names.ts";
import { putRulesBack } from "./pick.ts";
import { attached, release } from "./records.ts";
import {
  count,
  type Device,
  DIRECTIONS,
  HINT_VALUES,
  type InForce,
  LATENCY,
  type Lists,
  type MapEntry,
  MIX,
  type Model,
  NONE,
  raiseVersion,
  say,
} from "./state.ts";

/** Rules 9 and 10: a write to `/proc/net/netpolicy/DEV/policy`. */
export function writeDevicePolicy(model: Model, device: Device, text: string): number {
  if (device.info === null) return -ERRNO.ENOENT;
  const isTooLong = byteLength(text) > POLICY_NAME_BYTES;
  const policy = parsePolicy(text);
  if (isTooLong || policy === null || !isAvailable(device, policy)) {
    count(model, device.handle, "policy_unsupported");
    return isTooLong ? -ERRNO.EINVAL : -ERRNO.EOPNOTSUPP;
  }
  const error = setPolicy(model, device, policy);
  if (error < 0) {
    count(model, device.handle, "policy_failed");
    return error;
  }
  device.wanted = policy;
  device.rebuildErrno = 0;
  return 0;
}

function isAvailable(device: Device, policy: number): boolean {
  if (policy === NONE) return true;
  if (policy === MIX) return device.info?.mix === true;
  return ((device.info?.available ?? 0) >> policy & 1) === 1;
}

/** Rule 11: from any policy to any; on an error nothing has changed (rule 13). */
function setPolicy(model: Model, device: Device, policy: number): number {
  if (policy === device.policy) return 0;
  if (device.inForce === null) return enable(model, device, policy);
  const lists = policy === NONE
    ? device.inForce.lists
    : draft(model, device, device.inForce, policy);
  const error = tellDriver(model, device, policy, device.inForce, lists);
  if (error < 0) {
    tellAgain(model, device, device.inForce);
    sayFailed(model, device, "set netpolicy");
    return error;
  }
  if (policy === NONE) {
    dismantle(model, device, false);
    return 0;
  }
  takeRulesOut(model, device, true);
  for (const record of attached(model, device.handle)) release(record);
  putInForce(model, device, policy, { ...device.inForce, lists });
  putRulesBack(model, device);
  return 0;
}

/** From NONE: map, affinity, lists, driver. */
export function enable(model: Model, device: Device, policy: number): number {
  const bare = readAndPoint(model, device);
  if (typeof bare === "number") {
    sayFailed(model, device, "generate netpolicy object list");
    return bare;
  }
  const lists = draft(model, device, bare, policy);
  const inForce = { ...bare, lists };
  const error = tellDriver(model, device, policy, inForce, lists);
  if (error < 0) {
    tellAgain(model, device, null);
    restoreIrqs(model, device, bare.maps, bare.savedMasks);
    sayFailed(model, device, "set netpolicy");
    return error;
  }
  putInForce(model, device, policy, inForce);
  return 0;
}

/**
 * To NONE after the driver knows: rules, objects, affinity, lists, map, version. The flows of the
 * rules are remembered where a rebuild goes on from here.
 */
export function dismantle(model: Model, device: Device, isRebuild: boolean): void {
  const inForce = device.inForce;
  if (inForce === null) return;
  takeRulesOut(model, device, isRebuild);
  for (const record of attached(model, device.handle)) release(record);
  restoreIrqs(model, device, inForce.maps, inForce.savedMasks);
  device.inForce = null;
  device.policy = NONE;
  raiseVersion(model, device);
}

/** Rule 13: tells the driver the policy in force once more; a failure is only counted. */
export function tellAgain(model: Model, device: Device, inForce: InForce | null): void {
  const policy = inForce === null ? NONE : device.policy;
  const error = tellDriver(model, device, policy, inForce, inForce?.lists ?? null);
  if (error < 0) count(model, device.handle, "rollback_failed");
}

function putInForce(model: Model, device: Device, policy: number, inForce: InForce): void {
  device.inForce = inForce;
  device.policy = policy;
  raiseVersion(model, device);
  if (isStarved(device)) say(model, `No queue for policy LATENCY on dev ${device.name}`);
}

/** Rule 7: under MIX, LATENCY has no object in some direction. */
export function isStarved(device: Device): boolean {
  return device.policy === MIX && device.inForce !== null &&
    device.inForce.lists.some((lists) => lists.get(LATENCY)?.objects.length === 0);
}

function draft(
  model: Model,
  device: Device,
  { maps }: Pick<InForce, "maps">,
  policy: number,
): readonly [Lists, Lists] {
  return [
    makeLists(model, device.node, maps[0], policy),
    makeLists(model, device.node, maps[1], policy),
  ];
}

/** Rule 12: the device as a whole, then under MIX every mapped queue. */
function tellDriver(
  model: Model,
  device: Device,
  policy: number,
  inForce: Pick<InForce, "maps"> | null,
  lists: InForce["lists"] | null,
): number {
  const error = model.driver.setNetPolicy(device.handle, policy, 2, -1);
  if (error < 0 || policy !== MIX || inForce === null || lists === null) return Math.min(error, 0);
  const pair = device.info?.queuePair === true;
  for (const direction of pair ? [0] as const : DIRECTIONS) {
    for (const { queue } of inForce.maps[direction]) {
      const served = HINT_VALUES.find((value) =>
        lists[direction].get(value)?.objects.some((object) =>
          object.queue === queue
        )
      ) ?? NONE;
      const told = model.driver.setNetPolicy(device.handle, served, pair ? 2 : direction, queue);
      if (told < 0) return told;
    }
  }
  return 0;
}

/** Map and affinity, or a negative errno with everything as it was. */
function readAndPoint(model: Model, device: Device): Omit<InForce, "lists"> | number {
  const read = readMaps(model, device);
  if (typeof read === "number") return read;
  const savedMasks = pointIrqs(model, device, read.maps);
  return typeof savedMasks === "number" ? savedMasks : { ...read, savedMasks };
}

/** Rule 30: whether the online CPUs still give the map in force. */
export function mapStands(model: Model, { maps, queues }: InForce): boolean {
  const online = onlineCpus(model);
  return DIRECTIONS.every((direction) => {
    const now = online.slice(0, queues[direction]);
    const cpus = maps[direction].map(({ cpu }) => cpu);
    return now.length === cpus.length && now.every((cpu, index) => cpu === cpus[index]);
  });
}

function onlineCpus(model: Model): number[] {
  return [...model.cpus].filter(([, cpu]) => cpu.online).map(([cpu]) => cpu).sort((a, b) => a - b);
}

/** Rules 1 and 2: the i-th online CPU with queue i, for as many as there are of both. */
function readMaps(
  model: Model,
  device: Device,
): Pick<InForce, "maps" | "queues"> | number {
  const { driver } = model;
  const counts: number[] = [];
  for (const direction of DIRECTIONS) {
    const queues = driver.irqCount(device.handle, direction);
    if (queues < 0) return queues;
    counts.push(queues);
  }
  if (device.info?.queuePair === true && counts[0] !== counts[1]) return -ERRNO.EINVAL;
  const online = onlineCpus(model);
  const maps: [MapEntry[], MapEntry[]] = [[], []];
  for (const direction of DIRECTIONS) {
    const mapped = online.slice(0, counts[direction]);
    for (const [queue, cpu] of mapped.entries()) {
      const irq = driver.irq(device.handle, direction, queue);
      if (irq < 0) return irq;
      maps[direction].push({ cpu, queue, irq });
    }
  }
  return { maps, queues: counts };
}

/** Rule 3: reads every mask, then points each irq at its CPU. Returns the masks read. */
function pointIrqs(model: Model, device: Device, maps: InForce["maps"]): Uint32Array[] | number {
  if (device.info?.irqAffinity !== true) return [];
  const words = Math.ceil(model.capacities.cpus / 32);
  const saved: Uint32Array[] = [];
  for (const { irq } of maps.flat()) {
    const mask = new Uint32Array(words);
    const error = model.driver.irqAffinityGet(irq, mask);
    if (error < 0) return error;
    saved.push(mask);
  }
  for (const { irq, cpu } of maps.flat()) {
    const mask = new Uint32Array(words);
    mask[cpu >> 5] = 1 << (cpu & 31);
    const error = model.driver.irqAffinitySet(irq, mask);
    if (error < 0) {
      restoreIrqs(model, device, maps, saved);
      return error;
    }
  }
  return saved;
}

function restoreIrqs(
  model: Model,
  device: Device,
  maps: InForce["maps"],
  saved: readonly Uint32Array[],
): void {
  const entries = maps.flat();
  for (const [place, mask] of saved.entries()) {
    const irq = entries[place]?.irq ?? -1;
    if (model.driver.irqAffinitySet(irq, mask) >= 0) continue;
    count(model, device.handle, "affinity_failed");
    say(model, `Failed to restore affinity of irq ${irq} for dev ${device.name}`);
  }
}

function sayFailed(model: Model, device: Device, step: string): void {
  say(model, `Failed to ${step} for dev ${device.name}`);
}
