/**
 * Calls to policy.wasm by hand: what each must answer is written beside it.
 *
 * @module
 */

import { instantiatePolicy, type PolicyWasm } from "../../harness/policy/wasm.ts";
import { RecordingDriver, type SimulatedDevice } from "../recording_driver.ts";
import type { Trial } from "./trial.ts";

/** Sizes in the order of init: cpus, nodes, devices, queues, owners, rules, allowed, buckets. */
export const SIZES = [4, 2, 2, 4, 6, 3, 2, 2] as const;

/** The constants end somewhere below this. */
const CONSTANTS_END = 8192;

/** Hands on a manager: calls by name, and the first answer that was not the expected one. */
export class Bench {
  readonly wasm: PolicyWasm;
  readonly driver: RecordingDriver;
  wrong: string | null = null;
  /** The constants of the module, below its state: nobody may write there. */
  readonly #constants: Uint8Array;

  constructor(module: WebAssembly.Module, devices: readonly Partial<SimulatedDevice>[] = []) {
    const whole = devices.map((device, place): [number, SimulatedDevice] => [place + 1, {
      info: { available: 14, mix: true, queuePair: true, irqAffinity: true, recordLimit: 0 },
      rx: 4,
      tx: 4,
      irqBase: 1000 * (place + 1),
      ruleCapacity: 100,
      ipv6: true,
      ...device,
    }]);
    this.driver = new RecordingDriver(new Map(whole));
    this.wasm = instantiatePolicy(module, this.driver);
    this.#constants = new Uint8Array(this.wasm.memory.buffer, 0, CONSTANTS_END).slice();
  }

  /** Calls; an answer that is not as expected is noted, the first one only. */
  is(expected: number, name: string, ...values: number[]): number {
    const call = this.wasm.exports[name] as (...values: number[]) => number;
    const answer = call(...values);
    this.same(answer, expected, `${name}(${values.join(", ")})`);
    return answer;
  }

  same(actual: unknown, expected: unknown, what: string): void {
    const [left, right] = [JSON.stringify(expected), JSON.stringify(actual)];
    if (left !== right) this.wrong ??= `${what}: ${left} expected, ${right} given`;
  }

  /** The invariants hold, and what lies below the state is as it was. */
  end(): void {
    this.is(0, "check");
    const { memory, calls } = this.wasm;
    const below = new Uint8Array(memory.buffer, 0, calls.arenaOffset());
    const place = below.findIndex((byte, place) => byte !== this.#constants[place]);
    this.same(place, -1, "first byte written below the state");
  }

  /** Writes a text into the input buffer; its length. */
  text(text: string): number {
    const bytes = new TextEncoder().encode(text);
    const input = new Uint8Array(this.wasm.memory.buffer, this.wasm.calls.inputOffset(), 128);
    input.fill(0x5a);
    input.set(bytes);
    return bytes.length;
  }

  /** What the text buffer holds. */
  read(length: number): string {
    const { memory, calls } = this.wasm;
    const bytes = new Uint8Array(memory.buffer, calls.textOffset(), Math.max(0, length));
    return new TextDecoder().decode(bytes);
  }

  /** Writes a CPU mask. */
  mask(...words: number[]): void {
    const { memory, calls } = this.wasm;
    new Int32Array(memory.buffer, calls.maskOffset(), words.length).set(words);
  }

  /** A host of all CPUs on node 0, but the last one on the last node. */
  host(sizes: readonly number[] = SIZES): this {
    this.is(0, "init", ...sizes);
    const [cpus = 0, nodes = 0] = sizes;
    for (let cpu = 0; cpu < cpus; cpu++) {
      this.is(0, "topologyCpu", cpu, cpu === cpus - 1 ? nodes - 1 : 0, cpu, 1);
    }
    return this;
  }

  /** Registers a device and brings it up; its number. */
  device(name: string, expected: number, ifindex = expected): void {
    this.is(expected, "deviceRegister", 0, ifindex, 0, this.text(name));
    this.is(0, "deviceUp", expected);
  }
}

/** A trial of calls by hand; the invariants must hold at its end. */
export function directed(name: string, body: (module: WebAssembly.Module) => Bench): Trial {
  return {
    name,
    oracle: "written down",
    run(module) {
      const bench = body(module);
      if (bench.wrong === null) bench.end();
      return bench.wrong;
    },
  };
}
