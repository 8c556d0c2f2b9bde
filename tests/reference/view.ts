/**
 * Everything that can be seen of a manager and its driver as lines of text, for the model and for
 * the compiled manager alike, so that two states compare as two lists of lines.
 *
 * @module
 */

import type { ManagerFace } from "../../harness/policy/face.ts";
import { CoreFault, PolicyError } from "../../harness/policy/errno.ts";
import type { ObjectLists, PolicyManager } from "../../harness/policy/manager.ts";
import { flowText, type RecordingDriver } from "../recording_driver.ts";
import type { ReferenceManager } from "./manager.ts";
import { effectivePolicy } from "./records.ts";
import { ascending } from "./state.ts";

/** State of the model as lines. */
export function viewOfModel(manager: ReferenceManager, driver: RecordingDriver): string[] {
  const { model } = manager;
  const { devices } = model.capacities;
  const lines = viewOfFace(manager, driver, devices);
  for (const owner of ascending(model.owners)) {
    const kind = owner.isTask ? "task" : "socket";
    lines.push(
      `${kind} ${owner.handle} id ${owner.id} own ${owner.own} effective ` +
        `${effectivePolicy(model, owner)} device ${owner.device} task ${owner.task}`,
    );
  }
  for (const [device, counters] of [...model.counters].sort(([a], [b]) => a - b)) {
    for (const [name, value] of [...counters].sort()) {
      lines.push(`counter of ${device} ${name} ${value}`);
    }
  }
  for (const [handle, device] of [...model.devices].sort(([a], [b]) => a - b)) {
    const [rx, tx] = device.inForce?.maps ?? [[], []];
    lines.push(`device ${handle} maps ${rx.length} rx, ${tx.length} tx`);
  }
  return lines;
}

/** State of the compiled manager as lines. */
export function viewOfWasm(manager: PolicyManager, driver: RecordingDriver): string[] {
  const { calls } = manager.wasm;
  const { devices } = manager.capacities;
  const lines = viewOfFace(manager, driver, devices);
  for (let handle = calls.instanceNext(1); handle > 0; handle = calls.instanceNext(handle + 1)) {
    const isTask = calls.instanceIsTask(handle) !== 0;
    lines.push(
      `${isTask ? "task" : "socket"} ${handle} id ${calls.instanceId(handle)} own ` +
        `${calls.ownPolicy(handle)} effective ${calls.effectivePolicy(handle)} device ` +
        `${calls.instanceDevice(handle)} task ${isTask ? 0 : calls.socketTask(handle)}`,
    );
  }
  const names = counterNames(manager);
  for (let device = 0; device <= devices; device++) {
    const found = names.map((name, place) => [name, calls.counterOf(device, place)] as const)
      .filter(([, value]) => value !== 0).sort();
    for (const [name, value] of found) lines.push(`counter of ${device} ${name} ${value}`);
  }
  for (let device = 1; device <= devices; device++) {
    const rx = calls.deviceMapped(device, 0);
    if (rx < 0) continue;
    lines.push(`device ${device} maps ${rx} rx, ${calls.deviceMapped(device, 1)} tx`);
  }
  return lines;
}

const counterNamesKnown = new WeakMap<WebAssembly.Memory, readonly string[]>();

/** Names of the counters in their order. */
export function counterNames(manager: PolicyManager): readonly string[] {
  const { calls, memory } = manager.wasm;
  const known = counterNamesKnown.get(memory);
  if (known !== undefined) return known;
  const names: string[] = [];
  for (let length = calls.counterName(0); length > 0; length = calls.counterName(names.length)) {
    const bytes = new Uint8Array(memory.buffer, calls.textOffset(), length);
    names.push(new TextDecoder().decode(bytes));
  }
  counterNamesKnown.set(memory, names);
  return names;
}

function viewOfFace(manager: ManagerFace, driver: RecordingDriver, devices: number): string[] {
  const lines: string[] = [];
  for (let device = 1; device <= devices; device++) {
    lines.push(`device ${device} ${answer(() => JSON.stringify(manager.deviceStatus(device)))}`);
    lines.push(`device ${device} reads ${answer(() => manager.readDevicePolicy(device))}`);
    const { rx, tx } = manager.objects(device);
    lines.push(`device ${device} rx ${listsText(rx)}`, `device ${device} tx ${listsText(tx)}`);
    for (const [location, { flow, queue }] of driver.heldRules(device)) {
      lines.push(`device ${device} holds at ${location} ${flowText(flow)} to ${queue}`);
    }
  }
  const records = [...manager.records()].sort((a, b) => a.owner - b.owner);
  for (const record of records) lines.push(`record ${JSON.stringify(record)}`);
  for (const rule of manager.rules()) {
    const { instance, device, queue, state, location, errno, flow } = rule;
    lines.push(
      `rule of ${instance} device ${device} queue ${queue} ${state} at ${location} ${errno} ` +
        flowText(flow),
    );
  }
  for (const line of manager.log()) lines.push(`log ${line}`);
  for (const [irq, mask] of driver.masks()) lines.push(`irq ${irq} mask ${mask}`);
  return lines;
}

function listsText(lists: ObjectLists): string {
  return Object.entries(lists).map(([policy, objects]) =>
    `${policy} [${objects.map(({ cpu, queue, refs }) => `${cpu}:${queue}*${refs}`).join(" ")}]`
  ).join(" ");
}

/** What a call answers: its value as text, or the name of its error; a fault of the core, too. */
export function answer(call: () => unknown): string {
  try {
    return String(call());
  } catch (error) {
    if (error instanceof PolicyError) return error.code;
    if (error instanceof CoreFault) return `CoreFault ${error.message}`;
    throw error;
  }
}

/** What two lists of lines do not have in common, with `-` (expected) and `+` (actual). */
export function difference(expected: readonly string[], actual: readonly string[]): string[] {
  if (expected.join("\n") === actual.join("\n")) return [];
  const surplus = [...actual];
  const missing = expected.filter((line) => {
    const place = surplus.indexOf(line);
    if (place >= 0) surplus.splice(place, 1);
    return place < 0;
  });
  const lines = [...missing.map((line) => `- ${line}`), ...surplus.map((line) => `+ ${line}`)];
  return lines.length > 0 ? lines : ["the same lines in another order:", ...actual];
}
