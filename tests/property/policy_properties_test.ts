/**
 * What a user of the policy manager relies on, checked after every operation of random scripts on
 * policy.wasm alone. The model takes no part: these hold whatever it says.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { loadWasm } from "../../harness/build.ts";
import type { ObjectLists, ObjectView } from "../../harness/policy/manager.ts";
import { holdsForScripts } from "../reference/holds.ts";
import { type Draw, type Kind, type Scene, topologyOf } from "../reference/script.ts";
import { type CompiledManager, compiledRunner } from "../reference/pair.ts";
import { viewOfWasm } from "../reference/view.ts";

const { module } = await loadWasm("policy", "release");

const DIRECTIONS = ["rx", "tx"] as const;

type Run = ReturnType<typeof compiledRunner>;

/** Runs a script and looks at the manager after every operation; failures name the script. */
function afterEveryStep(
  scene: Scene,
  draws: readonly Draw[],
  look: (run: Run, line: string, before: Uint8Array) => void,
): Run {
  const run = compiledRunner(module, scene);
  const done: string[] = ["begin"];
  for (const draw of draws) {
    const before = run.manager.snapshot();
    done.push(run.runner.step(draw));
    try {
      look(run, done.at(-1) ?? "", before);
    } catch (error) {
      throw new Error([...done, error instanceof Error ? error.message : String(error)].join("\n"));
    }
  }
  return run;
}

/** Handles of the devices that are registered. */
function devicesOf(manager: CompiledManager): number[] {
  const handles = Array.from({ length: manager.capacities.devices }, (_, place) => place + 1);
  return handles.filter((device) => manager.wasm.calls.deviceVersion(device) >= 0);
}

function ownersOf(manager: CompiledManager): number[] {
  const { instanceNext } = manager.wasm.calls;
  const found: number[] = [];
  for (let next = instanceNext(1); next > 0; next = instanceNext(next + 1)) found.push(next);
  return found;
}

function allOf(lists: ObjectLists): ObjectView[] {
  return Object.values(lists).flat();
}

/** Places where two states differ. */
function differences(a: Uint8Array, b: Uint8Array): number[] {
  if (Buffer.compare(a, b) === 0) return [];
  return [...a.keys()].filter((place) => a[place] !== b[place]);
}

Deno.test("an object's references are the records that use it", () => {
  let used = 0;
  holdsForScripts({ scripts: 150, length: 120, seed: 1 }, (scene, draws) => {
    afterEveryStep(scene, draws, ({ manager }) => {
      const records = manager.records();
      for (const device of devicesOf(manager)) {
        const lists = manager.objects(device);
        for (const direction of DIRECTIONS) {
          for (const { queue, refs } of allOf(lists[direction])) {
            const users = records.filter((record) =>
              record.device === device && record[`${direction}_queue`] === queue
            );
            assert.equal(refs, users.length, `${direction} queue ${queue} of device ${device}`);
            used += refs;
          }
        }
      }
    });
  });
  assert.ok(used > 1000, `objects were hardly used: ${used}`);
});

Deno.test("the lists of a direction hold every mapped CPU once, with a queue of its own", () => {
  let mapped = 0;
  holdsForScripts({ scripts: 150, length: 80, seed: 2 }, (scene, draws) => {
    afterEveryStep(scene, draws, ({ manager }) => {
      for (const device of devicesOf(manager)) {
        const lists = manager.objects(device);
        for (const [place, direction] of DIRECTIONS.entries()) {
          const objects = allOf(lists[direction]).sort((a, b) => a.queue - b.queue);
          assert.equal(objects.length, manager.wasm.calls.deviceMapped(device, place));
          const cpus = objects.map(({ cpu }) => cpu);
          assert.deepEqual(objects.map(({ queue }) => queue), [...objects.keys()]);
          assert.deepEqual(cpus, [...new Set(cpus)].sort((a, b) => a - b));
          mapped += cpus.length;
        }
      }
    });
  });
  assert.ok(mapped > 10_000, `CPUs were hardly mapped: ${mapped}`);
});

Deno.test("no record or rule outlives its owner, and limits hold", () => {
  let atLimit = 0;
  holdsForScripts({ scripts: 150, length: 120, seed: 3 }, (scene, draws) => {
    afterEveryStep(scene, draws, ({ manager, driver }) => {
      const owners = ownersOf(manager);
      const records = manager.records();
      for (const { owner } of records) assert.ok(owners.includes(owner), `record of ${owner}`);
      for (const { instance, state } of manager.rules()) {
        assert.ok(state === "orphan" ? instance === 0 : owners.includes(instance));
        assert.ok(state === "orphan" || records.some(({ owner }) => owner === instance));
      }
      assert.ok(manager.rules().length <= scene.capacities.rules);
      for (const device of devicesOf(manager)) {
        const status = manager.deviceStatus(device);
        assert.equal(status.records, records.filter((record) => record.device === device).length);
        assert.ok(status.records <= status.record_limit);
        if (status.records === status.record_limit) atLimit++;
        assert.ok(driver.heldRules(device).length <= scene.devices[device - 1]!.ruleCapacity);
      }
    });
  });
  assert.ok(atLimit > 50, `the record limit was hardly reached: ${atLimit}`);
});

/** Rules 15 and 16: these refusals leave the task or socket INVALID. */
const REFUSALS_WITH_EFFECT = /^set(Socket|Task)Policy\(.*= EINVAL$/;

const REFUSED = / = E[A-Z]+$/;

Deno.test("a refused call changes no byte, but for invalid and unfitting policies", () => {
  const codes = new Set<string>();
  holdsForScripts({ scripts: 300, length: 150, seed: 5 }, (scene, draws) => {
    afterEveryStep(scene, draws, ({ manager }, line, before) => {
      if (!REFUSED.test(line) || REFUSALS_WITH_EFFECT.test(line)) return;
      codes.add(line.replace(/\(.*= /, " "));
      assert.deepEqual(differences(before, manager.snapshot()), []);
    });
  });
  assert.ok(codes.size >= 20, `few kinds of refusal: ${[...codes].join(", ")}`);
});

/** Operations on one device. */
const DEVICE_OPERATION = /^(?:writeDevicePolicy|deviceUp|deviceDown|deviceUnregister)\((\d+)/;

Deno.test("what happens to a device leaves the records of all others alone", () => {
  let others = 0;
  holdsForScripts({ scripts: 150, length: 120, seed: 6 }, (scene, draws) => {
    let before: string[] = [];
    afterEveryStep(scene, draws, ({ manager }, line) => {
      const device = Number(DEVICE_OPERATION.exec(line)?.[1] ?? 0);
      const records = manager.records().map((record) => JSON.stringify(record));
      if (device > 0) {
        const kept = before.filter((record) => JSON.parse(record).device !== device);
        for (const record of kept) assert.ok(records.includes(record), `lost ${record}`);
        others += kept.length;
      }
      before = records;
    });
  });
  assert.ok(others > 1000, `there were hardly other records: ${others}`);
});

Deno.test("irq affinity is what it was once no policy is in force", () => {
  let restored = 0;
  holdsForScripts({ scripts: 150, length: 100, seed: 7 }, (scene, draws) => {
    const withoutFailure = (line: string) => !/irqAffinitySet/.test(line);
    const devices = scene.devices.map((device) => ({
      ...device,
      info: { ...device.info, irqAffinity: true },
    }));
    let isExact = true;
    afterEveryStep({ ...scene, devices }, draws, ({ manager, driver }, line) => {
      isExact &&= withoutFailure(line);
      const inForce = devicesOf(manager).some((device) =>
        manager.deviceStatus(device).policy !== "NONE"
      );
      if (!isExact || inForce) return;
      assert.ok(driver.masksAreInitial(), "a mask is not what it was");
      if (driver.masks().length > 0) restored++;
    });
  });
  assert.ok(restored > 300, `masks were hardly ever put back: ${restored}`);
});

Deno.test("round robin spreads owners evenly: no two objects differ by more than one", () => {
  let spread = 0;
  holdsForScripts({ scripts: 60, length: 1, seed: 8 }, (scene) => {
    const capacities = { ...scene.capacities, owners: 64, rules: 1 };
    const devices = scene.devices.slice(0, 1).map((device) => ({
      ...device,
      upAtStart: true,
      policyAtStart: "MIX" as const,
      info: { ...device.info, available: 14, mix: true, recordLimit: 0 },
    }));
    const still = { ...scene, capacities, devices, socketsAtStart: 0 };
    const { manager } = compiledRunner(module, { ...still, strategy: "round-robin" });
    for (let owner = 1; owner <= 50; owner++) {
      const socket = manager.socketOpen({ id: owner, task: 0, device: 1 });
      manager.setSocketPolicy(socket, owner % 3 === 0 ? 3 : 2);
      manager.pickQueue(socket, "rx");
      const { rx } = manager.objects(1);
      for (const list of [rx.BULK, rx.LATENCY]) {
        const refs = list.map((object) => object.refs);
        if (refs.length > 1) spread++;
        assert.ok(Math.max(0, ...refs) - Math.min(...refs, Infinity) <= 1, refs.join(" "));
      }
    }
  });
  assert.ok(spread > 1000, `there was hardly a choice: ${spread}`);
});

/** Ends everything that a script has begun; devices are unregistered or left at NONE. */
function endAll({ manager, driver }: Run, scene: Scene, unregister: boolean): void {
  driver.heal();
  for (const owner of ownersOf(manager)) {
    if (manager.wasm.calls.instanceIsTask(owner) === 0) manager.socketClose(owner);
    else manager.taskExit(owner);
  }
  for (const device of devicesOf(manager)) {
    // Down forgets orphans; up asks the driver anew; what was wanted ends with a write.
    manager.deviceDown(device);
    manager.deviceUp(device);
    if (manager.deviceStatus(device).supported) manager.writeDevicePolicy(device, "NONE");
    manager.deviceDown(device);
    if (unregister) manager.deviceUnregister(device);
  }
  const offline = topologyOf(scene).online.filter((cpu) => {
    try {
      manager.cpuOnline(cpu);
      return true;
    } catch {
      return false;
    }
  });
  assert.ok(offline.length < scene.cpus, "the last CPU went offline");
  manager.setStrategy(scene.strategy);
  manager.setPartition(scene.partition);
}

Deno.test("after all is closed and unregistered every byte is that of an empty manager", () => {
  holdsForScripts({ scripts: 250, length: 150, seed: 9 }, (scene, draws) => {
    const empty = compiledRunner(module, { ...scene, socketsAtStart: 0 });
    endAll(empty, scene, true);
    const run = afterEveryStep(scene, draws, () => {});
    endAll(run, scene, true);
    assert.deepEqual(differences(empty.manager.snapshot(), run.manager.snapshot()), []);
    // A device may still hold rules it would not delete: it loses them itself when it goes down.
    const isState = (line: string) =>
      /^(record|rule|task|socket|device)/.test(line) && !line.includes(" holds at ");
    assert.deepEqual(
      viewOfWasm(run.manager, run.driver).filter(isState),
      viewOfWasm(empty.manager, empty.driver).filter(isState),
    );
  });
});

Deno.test("devices that stay keep only their version when all else is closed", () => {
  let versions = 0;
  holdsForScripts({ scripts: 150, length: 120, seed: 10 }, (scene, draws) => {
    const empty = compiledRunner(module, { ...scene, socketsAtStart: 0 });
    const run = compiledRunner(module, scene);
    // Registration, names and channel counts are not undone by closing.
    const isUndone = (kind: Kind) =>
      !["register", "unregister", "rename", "channels"].includes(kind);
    for (const draw of draws) if (isUndone(run.runner.kindOf(draw))) run.runner.step(draw);
    for (const each of [empty, run]) endAll(each, scene, false);
    const statusOf = ({ manager }: Run) =>
      devicesOf(manager).map((device) => ({ ...manager.deviceStatus(device), version: 0 }));
    assert.deepEqual(statusOf(run), statusOf(empty));
    const places = differences(empty.manager.snapshot(), run.manager.snapshot());
    // Versions stay below 256 in so short a script: one byte of a device's four.
    assert.ok(places.length <= scene.devices.length, `${places.length} bytes differ`);
    versions += places.length;
  });
  assert.ok(versions > 100, `versions hardly moved: ${versions}`);
});

const PICK_WITH_QUEUE = /^pickQueue\((\d+), "(rx|tx)"\) = {"queue":(\d+)}$/;

Deno.test("a picked queue serves the owner's policy now, however often versions wrap", () => {
  let picks = 0;
  let wraps = 0;
  holdsForScripts({ scripts: 500, length: 150, seed: 11 }, (scene, draws) => {
    const short = { ...scene, versionMax: 1 + scene.cpus % 3 };
    const { manager } = afterEveryStep(short, draws, ({ manager }, line) => {
      const [, owner, asked, queue] = PICK_WITH_QUEUE.exec(line) ?? [];
      if (owner === undefined) return;
      const { calls, constants } = manager.wasm;
      const device = calls.instanceDevice(Number(owner));
      const isPair = (calls.deviceFlags(device) & constants.DEVICE_QUEUE_PAIR) !== 0;
      const direction = isPair || asked === "rx" ? "rx" : "tx";
      const policy = manager.getSocketPolicy(Number(owner));
      assert.ok(policy !== null && policy !== "NONE", "a queue without a policy");
      const list = manager.objects(device)[direction][policy];
      assert.ok(list.some((object) => object.queue === Number(queue)), `queue ${queue} is stale`);
      picks++;
    });
    wraps += manager.counters()["version_wrap"] ?? 0;
  });
  assert.ok(picks > 500 && wraps > 500, `${picks} picks and ${wraps} wraps are few`);
});
