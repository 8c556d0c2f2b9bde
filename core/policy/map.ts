// deno-fmt-ignore-file
// The system map of a device, CPU <-> queue <-> irq, 1:1 in each direction, and its irq affinity.
// The i-th online CPU (ascending) goes with queue i and its irq; what is beyond stays unused.
// Affinity is saved before it is set and put back to exactly that when the map is torn down.

import { EINVAL } from "../lib/errno";
import {
  affinityOf,
  D_MAPPED,
  D_QUEUES,
  DEVICE_IRQ_AFFINITY,
  DEVICE_QUEUE_PAIR,
  deviceAt,
  mapCapacity,
  maskAt,
  maskWords,
  O_CPU,
  O_IRQ,
  objectAt,
  queuesCapacity,
  RX,
  TX,
} from "./abi";
import { deviceFlags } from "./device";
import { driverIrq, driverIrqAffinityGet, driverIrqAffinitySet, driverIrqCount } from "./driver";
import { count, COUNT_AFFINITY_FAILED, log, LOG_AFFINITY_FAILED } from "./log";
import { nextOnline, onlineCount } from "./topology";

/** Mapped entries of a direction. */
@inline
export function mapped(device: i32, direction: i32): i32 {
  return load<u16>(deviceAt(device) + ((<usize>direction) << 1), D_MAPPED);
}

/** CPU of the object at a map position. */
@inline
export function objectCpu(device: i32, direction: i32, position: i32): i32 {
  return load<u16>(objectAt(device, direction, position), O_CPU);
}


@inline
function objectIrq(device: i32, direction: i32, position: i32): i32 {
  return load<i32>(objectAt(device, direction, position), O_IRQ);
}

function buildDirection(device: i32, direction: i32, queues: i32): i32 {
  const online = onlineCount();
  const n = online < queues ? online : queues;
  assert(<u32>n <= mapCapacity);
  let cpu = -1;
  for (let position = 0; position < n; position++) {
    cpu = nextOnline(cpu + 1);
    assert(cpu >= 0);
    const irq = driverIrq(device, direction, position);
    if (irq < 0) return irq;
    store<u16>(objectAt(device, direction, position), cpu, O_CPU);
    store<i32>(objectAt(device, direction, position), irq, O_IRQ);
    // Counted as it grows, so that a failure half way is torn down by the ordinary path.
    store<u16>(deviceAt(device) + ((<usize>direction) << 1), position + 1, D_MAPPED);
  }
  return 0;
}

/**
 * Reads queues and irqs from the driver and builds the map of both directions.
 * On failure (the driver's errno, or -EINVAL for counts that cannot be) the map is empty.
 */
export function mapBuild(device: i32): i32 {
  assert(mapped(device, RX) == 0 && mapped(device, TX) == 0);
  const rx = driverIrqCount(device, RX);
  if (rx < 0) return rx;
  const tx = driverIrqCount(device, TX);
  if (tx < 0) return tx;
  if (<u32>rx > queuesCapacity || <u32>tx > queuesCapacity) return -EINVAL;
  if ((deviceFlags(device) & DEVICE_QUEUE_PAIR) != 0 && rx != tx) return -EINVAL;
  store<u16>(deviceAt(device), rx, D_QUEUES);
  store<u16>(deviceAt(device), tx, D_QUEUES + 2);
  let error = buildDirection(device, RX, rx);
  if (error == 0) error = buildDirection(device, TX, tx);
  if (error < 0) mapClear(device);
  return error;
}

/** Whether a map that stands is the one that today's online CPUs would give. */
export function mapIsCurrent(device: i32): bool {
  for (let direction = RX; direction <= TX; direction++) {
    const queues = <i32>load<u16>(deviceAt(device) + ((<usize>direction) << 1), D_QUEUES);
    const online = onlineCount();
    const n = mapped(device, direction);
    if (n != (online < queues ? online : queues)) return false;
    let cpu = -1;
    for (let position = 0; position < n; position++) {
      cpu = nextOnline(cpu + 1);
      if (objectCpu(device, direction, position) != cpu) return false;
    }
  }
  return true;
}

/** Empties the map; its irq affinity must have been restored. */
export function mapClear(device: i32): void {
  for (let direction = RX; direction <= TX; direction++) {
    const n = mapped(device, direction);
    if (n > 0) {
      memory.fill(
        objectAt(device, direction, 0),
        0,
        objectAt(device, direction, n) - objectAt(device, direction, 0),
      );
    }
    store<u16>(deviceAt(device) + ((<usize>direction) << 1), 0, D_MAPPED);
    store<u16>(deviceAt(device) + ((<usize>direction) << 1), 0, D_QUEUES);
  }
}

function saveAffinity(device: i32): i32 {
  for (let direction = RX; direction <= TX; direction++) {
    const n = mapped(device, direction);
    for (let position = 0; position < n; position++) {
      const error = driverIrqAffinityGet(
        objectIrq(device, direction, position),
        affinityOf(device, direction, position),
        maskWords,
      );
      if (error < 0) return error;
    }
  }
  return 0;
}

function forgetAffinity(device: i32): void {
  const bytes = affinityOf(device, TX, 0) - affinityOf(device, RX, 0);
  memory.fill(affinityOf(device, RX, 0), 0, bytes << 1);
}

/**
 * Saves the affinity of every mapped irq, then points each at its CPU. All are read before the
 * first is written: queues that share an irq then save the same original. A failure puts back what
 * was set.
 */
export function affinitySet(device: i32): i32 {
  if ((deviceFlags(device) & DEVICE_IRQ_AFFINITY) == 0) return 0;
  let error = saveAffinity(device);
  if (error < 0) {
    forgetAffinity(device);
    return error;
  }
  for (let direction = RX; direction <= TX; direction++) {
    const n = mapped(device, direction);
    for (let position = 0; position < n; position++) {
      const cpu = objectCpu(device, direction, position);
      memory.fill(maskAt, 0, (<usize>maskWords) << 2);
      store<u32>(maskAt + <usize>(((<u32>cpu) >> 5) << 2), (<u32>1) << ((<u32>cpu) & 31));
      error = driverIrqAffinitySet(objectIrq(device, direction, position), maskAt, maskWords);
      if (error < 0) {
        affinityRestore(device);
        return error;
      }
    }
  }
  return 0;
}

/**
 * Gives every mapped irq the affinity it had before. An irq that refuses (it may be gone after a
 * channel change) is counted and logged: nothing can be done for it here.
 */
export function affinityRestore(device: i32): void {
  if ((deviceFlags(device) & DEVICE_IRQ_AFFINITY) == 0) return;
  for (let direction = RX; direction <= TX; direction++) {
    const n = mapped(device, direction);
    for (let position = 0; position < n; position++) {
      const irq = objectIrq(device, direction, position);
      const saved = affinityOf(device, direction, position);
      if (driverIrqAffinitySet(irq, saved, maskWords) < 0) {
        count(device, COUNT_AFFINITY_FAILED);
        log(device, LOG_AFFINITY_FAILED, 0, 0, irq);
      }
    }
  }
  forgetAffinity(device);
}
