/**
 * `deno task bench:micro`, the event engine and the boundary: small entries compiled in memory
 * beside the core. Names say how many operations one iteration makes.
 *
 * @module
 */

import { compileEntry } from "../../harness/build/compile.ts";
import { ENTRIES } from "../../harness/build/entry.ts";
import { loadWasm, PROJECT_ROOT } from "../../harness/build.ts";
import { PolicyManager } from "../../harness/policy/manager.ts";
import { RecordingDriver } from "../../harness/policy/recorder.ts";

const SOURCE = `
import { wheelInit, schedule, takeEvent, now } from "./lib/wheel";
import { prngNext, prngSeed } from "./lib/prng";
import { EVENTS, WHEEL } from "./machine/abi";

@external("policy", "pickQueue")
declare function pickQueue(instance: i32, direction: i32): i32;

/** Delays of a NIC in 100 ps ticks: 70 % wire and DMA, 25 % interrupts, 5 % timers. */
function delay(): u64 {
  const draw = prngNext(64) % 100;
  const value = <u64>prngNext(64);
  if (draw < 70) return 640 + value % 12000;
  if (draw < 95) return 10000 + value % 490000;
  return 10000000 + value % 2000000000;
}

export function fill(pending: u32): void {
  prngSeed(64, 1, 1);
  wheelInit(EVENTS, pending + 16, WHEEL);
  for (let i: u32 = 0; i < pending; i++) schedule(now() + delay(), 1, i);
}

/** The hold model: take the earliest event, schedule another. */
export function hold(events: u32): void {
  for (let i: u32 = 0; i < events; i++) {
    takeEvent();
    schedule(now() + delay(), 1, i);
  }
}

export function pick(instance: i32, calls: u32): i32 {
  let sum = 0;
  for (let i: u32 = 0; i < calls; i++) sum += pickQueue(instance, 0);
  return sum;
}
`;

/** Compiles the source in the place of core/machine.ts. */
async function compileEngine(): Promise<WebAssembly.Module> {
  const read = async (path: string): Promise<string | null> => {
    if (path === "core/machine.ts") return SOURCE;
    try {
      return await Deno.readTextFile(new URL(path, PROJECT_ROOT));
    } catch {
      return null; // asc tries several endings for each import.
    }
  };
  const entry = ENTRIES.find((each) => each.name === "machine")!;
  const { bytes } = await compileEntry({ read }, entry, "release");
  return await WebAssembly.compile(bytes);
}

const module = await compileEngine();
const policy = await loadWasm("policy", "release");

/** A manager with one socket that has its queue, and the socket's handle. */
function pickingHost(): { manager: PolicyManager; socket: number } {
  const driver = new RecordingDriver([0]);
  const capacities = { cpus: 1, nodes: 1, devices: 1, queues: 1, owners: 1, rules: 0, allowed: 0 };
  const manager = new PolicyManager(policy.module, driver, { ...capacities, buckets: 0 });
  const nodes = [{ id: 0, cpus: [0] }];
  manager.setTopology({ nodes, distance: [[10]], siblings: [], online: [0] });
  const device = manager.deviceRegister({ name: "eth0", netns: 0, ifindex: 1, node: 0 });
  const info = { available: 8, mix: false, queuePair: true, irqAffinity: false, recordLimit: 0 };
  driver.attach(device, { rxQueues: 1, txQueues: 1, info, ruleCapacity: 0 });
  manager.deviceUp(device);
  manager.writeDevicePolicy(device, "LATENCY");
  const socket = manager.socketOpen({ id: 1, task: 0, device });
  manager.setSocketPolicy(socket, 3);
  manager.pickQueue(socket, "rx");
  return { manager, socket };
}

type Calls = Record<"fill" | "hold" | "pick", (...values: number[]) => number>;

function instantiate(pickQueue: WebAssembly.ImportValue): Calls {
  const env = {
    abort: () => {
      throw new Error("assertion failed");
    },
  };
  const { exports } = new WebAssembly.Instance(module, { env, policy: { pickQueue } });
  return exports as unknown as Calls;
}

const { manager, socket } = pickingHost();
const direct = manager.wasm.exports["pickQueue"]!;

for (const pending of [1_000, 10_000]) {
  const calls = instantiate(direct);
  calls.fill(pending);
  Deno.bench({
    name: `event wheel, hold with ${pending} pending, delays of a NIC: 10000 events`,
    group: "wheel",
    fn: () => void calls.hold(10_000),
  });
}

{
  const linked = instantiate(direct);
  const { pickQueue } = manager.wasm.calls;
  const throughJavaScript = instantiate((instance: number, direction: number) =>
    pickQueue(instance, direction)
  );
  const group = "boundary, fast-path pick";
  Deno.bench({
    name: "Wasm to Wasm, linked: 10000 calls",
    group,
    baseline: true,
    fn: () => void linked.pick(socket, 10_000),
  });
  Deno.bench({
    name: "Wasm to Wasm through JavaScript: 10000 calls",
    group,
    fn: () => void throughJavaScript.pick(socket, 10_000),
  });
  Deno.bench({
    name: "JavaScript to Wasm: 10000 calls",
    group,
    fn: () => {
      for (let call = 0; call < 10_000; call++) pickQueue(socket, 0);
    },
  });
}
