/**
 * policy.wasm on an explored host: one state that can be saved, put back, compared and hashed.
 *
 * Knows how the manager is started for an exploration and how it is led back to its first state.
 * What is tried in between stands in operations.ts.
 *
 * @module
 */

import { abortImport } from "../build/abort.ts";
import { instantiate } from "../build/instance.ts";
import { CoreFault } from "../policy/errno.ts";
import type { PolicyCalls } from "../policy/wasm.ts";
import { Arena, arenaLayout, ENTRY, SET_HEADER } from "./arena.ts";
import { capacitiesOf, type Exploration } from "./exploration.ts";
import { ExploredHost } from "./host.ts";

/** Every owner has this id: who an owner is has no part in what the manager does. */
const ANY_ID = 1;

/** Values of the policies by name. */
export const POLICY_VALUES: Readonly<Record<string, number>> = {
  INVALID: -1,
  NONE: 0,
  CPU: 1,
  BULK: 2,
  LATENCY: 3,
  MIX: 5,
};

/** What an operation takes hold of: the calls of a manager, and its host. */
export interface Hands {
  readonly calls: PolicyCalls;
  readonly host: ExploredHost;
  /** Hands a text over; its length in bytes. */
  write(text: string): number;
  /** Hands a CPU mask over. */
  writeMask(mask: number): void;
  /** Opens a socket; its handle or a negative errno. */
  open(task: number, device: number): number;
  /** Registers the device with a number; the number that it got, or a negative errno. */
  register(device: number): number;
}

/** A manager, its host, and their state as bytes. */
export class Subject implements Hands {
  readonly exploration: Exploration;
  readonly calls: PolicyCalls;
  readonly host: ExploredHost;
  /** The manager's state in its memory. */
  readonly arena: Arena;
  /** Bytes of manager and host together. */
  readonly bytes: number;
  readonly #input: Uint8Array;
  readonly #mask: Int32Array;
  readonly #texts = new Map<string, Uint8Array>();
  /** Ranges of 32-bit words that can differ between states, in the arena: from, to, from, to ... */
  readonly ranges: Int32Array;
  readonly #hostWords: Int32Array;

  /** @param probes Imports of `env` that an instrumented binary has beside its own. */
  constructor(
    module: WebAssembly.Module,
    exploration: Exploration,
    probes: WebAssembly.ModuleImports = {},
  ) {
    this.exploration = exploration;
    this.host = new ExploredHost(exploration);
    let memory: WebAssembly.Memory | undefined = undefined;
    const exports = instantiate(module, {
      env: { abort: abortImport(() => memory!), ...probes },
      driver: this.host.imports(),
    });
    memory = exports["memory"] as WebAssembly.Memory;
    this.host.connect(memory);
    this.calls = exports as unknown as PolicyCalls;
    const capacities = capacitiesOf(exploration);
    const { cpus, nodes, devices, queues, owners, rules, allowed, buckets } = capacities;
    const sizes = [cpus, nodes, devices, queues, owners, rules, allowed, buckets];
    this.#accept("init", this.calls.init(...sizes));
    const layout = arenaLayout(capacities);
    if (layout.bytes !== this.calls.arenaBytes()) {
      throw new CoreFault(
        `policy.wasm has ${this.calls.arenaBytes()} bytes of state, ${layout.bytes} expected: ` +
          `harness/verify/arena.ts is not as core/policy/abi.ts`,
      );
    }
    const { buffer } = memory;
    this.arena = new Arena(layout, buffer, this.calls.arenaOffset());
    this.#input = new Uint8Array(buffer, this.calls.inputOffset(), 128);
    this.#mask = new Int32Array(buffer, this.calls.maskOffset(), this.calls.maskWordCount());
    this.#hostWords = new Int32Array(this.host.state.buffer);
    this.bytes = layout.bytes + this.host.state.length;
    this.ranges = rangesOf(this.arena);
    this.#start();
  }

  #accept(what: string, answer: number): void {
    if (answer < 0) throw new CoreFault(`policy.wasm refused "${what}" with ${answer}`);
  }

  #start(): void {
    const { calls, exploration } = this;
    const { topology } = exploration;
    topology.distance.forEach((row, from) =>
      row.forEach((distance, to) =>
        this.#accept("distance", calls.topologyDistance(from, to, distance))
      )
    );
    const online = new Set(topology.online ?? topology.nodes.flatMap((node) => node.cpus));
    for (const { id, cpus } of topology.nodes) {
      for (const cpu of cpus) {
        const group = topology.siblings.find((siblings) => siblings.includes(cpu)) ?? [cpu];
        const answer = calls.topologyCpu(cpu, id, Math.min(...group), online.has(cpu) ? 1 : 0);
        this.#accept("topology", answer);
      }
    }
    this.#settings();
    if (exploration.version_max > 0) calls.setVersionMax(exploration.version_max);
    exploration.devices.forEach((_device, place) => {
      this.#accept("device", this.register(place + 1) === place + 1 ? 0 : -1);
      this.host.begin(-1, -1);
      calls.deviceUp(place + 1);
    });
  }

  /** NETDEV_REGISTER of the device with a number; the number that it got, or a negative errno. */
  register(device: number): number {
    const { name, netns, node } = this.exploration.devices[device - 1]!;
    return this.calls.deviceRegister(netns, device, node, this.write(name));
  }

  #settings(): void {
    const { strategy, partition } = this.exploration;
    this.calls.setStrategy(strategy === "load-aware" ? 1 : 0);
    this.calls.setPartition(partition === "latency-first" ? 1 : 0);
  }

  /** Writes a text into the manager's buffer; its length in bytes. */
  write(text: string): number {
    let bytes = this.#texts.get(text);
    if (bytes === undefined) {
      bytes = new TextEncoder().encode(text);
      this.#texts.set(text, bytes);
    }
    this.#input.set(bytes.subarray(0, this.#input.length));
    return bytes.length;
  }

  /** Writes a CPU mask into the manager's buffer. */
  writeMask(mask: number): void {
    this.#mask[0] = mask;
  }

  /** Opens a socket; its handle or a negative errno. */
  open(task: number, device: number): number {
    return this.calls.socketOpen(ANY_ID, task, device);
  }

  /** Copies manager and host into `to`. */
  save(to: Uint8Array): void {
    to.set(this.arena.u8);
    to.set(this.host.state, this.arena.layout.bytes);
  }

  /** Puts manager and host back. */
  restore(manager: Uint8Array, host: Uint8Array): void {
    this.arena.u8.set(manager);
    this.host.state.set(host);
  }

  /** True if the state is that of saved words (an Int32Array over what {@link save} wrote). */
  equals(words: Int32Array): boolean {
    const memory = this.arena.i32;
    const ranges = this.ranges;
    for (let range = 0; range < ranges.length; range += 2) {
      const to = ranges[range + 1]!;
      for (let word = ranges[range]!; word < to; word++) {
        if (memory[word] !== words[word]) return false;
      }
    }
    const host = this.#hostWords;
    const start = this.arena.layout.bytes >> 2;
    for (let word = 0; word < host.length; word++) {
      if (host[word] !== words[start + word]) return false;
    }
    return true;
  }

  /** A hash of 64 bits over the state into `to` (two multiplications a word, as in MurmurHash). */
  hash(to: Int32Array): void {
    const memory = this.arena.i32;
    const ranges = this.ranges;
    let low = 0x2545f491;
    let high = 0x1b873593;
    for (let range = 0; range < ranges.length; range += 2) {
      const end = ranges[range + 1]!;
      for (let word = ranges[range]!; word < end; word++) {
        low = Math.imul(low ^ memory[word]!, 0x85ebca6b);
        low ^= low >>> 15;
        high = Math.imul(high ^ memory[word]!, 0x9e3779b1) + low | 0;
      }
    }
    const host = this.#hostWords;
    for (let word = 0; word < host.length; word++) {
      low = Math.imul(low ^ host[word]!, 0x85ebca6b);
      low ^= low >>> 15;
      high = Math.imul(high ^ host[word]!, 0x9e3779b1) + low | 0;
    }
    to[0] = Math.imul(low ^ (high >>> 16), 0xc2b2ae35);
    to[1] = Math.imul(high ^ (high >>> 15), 0x27d4eb2f);
  }

  /**
   * Leads the manager back to its first state by ordinary calls without failures: owners go, CPUs
   * and channels come back, every device goes down, comes up and is set to NONE.
   */
  leadBack(): void {
    const { calls, arena, host, exploration } = this;
    const { layout } = arena;
    host.begin(-1, -1);
    for (let owner = 1; owner <= layout.capacities.owners; owner++) {
      const kind = arena.instanceKind(owner);
      if (kind === 1) calls.socketClose(owner);
      else if (kind === 2) calls.taskExit(owner);
    }
    const { topology } = exploration;
    for (const cpu of topology.online ?? topology.nodes.flatMap((node) => node.cpus)) {
      if ((arena.u8[layout.cpus + 8 * cpu + 4]! & 2) === 0) calls.cpuOnline(cpu);
    }
    const none = "NONE";
    exploration.devices.forEach(({ rxQueues, txQueues }, place) => {
      const device = place + 1;
      if ((arena.deviceFlags(device) & 1) === 0) this.register(device);
      host.setChannels(device, rxQueues === txQueues ? rxQueues : 0);
      calls.deviceDown(device);
      host.dropRules(device);
      calls.deviceUp(device);
      calls.writeDevicePolicy(device, this.write(none));
      calls.deviceDown(device);
      calls.deviceUp(device);
      host.setTold(device, 0);
    });
    for (let cpu = 0; cpu < layout.capacities.cpus; cpu++) host.setLoad(cpu, 0);
    this.#settings();
  }
}

/** The words of the state that an operation can change: not distances and names, nor slots 0. */
function rangesOf(arena: Arena): Int32Array {
  const { layout } = arena;
  const { cpus, devices, owners, rules, allowed } = layout.capacities;
  const maps = 2 * layout.mapCapacity;
  const bytes: [number, number][] = [
    [layout.header, layout.header + 12],
    [layout.cpus, layout.cpus + 8 * cpus],
    // Behind name and identity of each device.
    ...Array.from({ length: devices }, (_, place): [number, number] => {
      const at = arena.device(place + 1);
      return [at + 24, at + 112];
    }),
    [layout.objects + ENTRY.object * maps, layout.objects + ENTRY.object * maps * (devices + 1)],
    [layout.order + 2 * maps, layout.order + 2 * maps * (devices + 1)],
    [
      layout.affinity + 4 * layout.maskWords * maps,
      layout.affinity + 4 * layout.maskWords * maps * (devices + 1),
    ],
    [arena.instance(1), arena.instance(owners + 1)],
    [arena.record(1), arena.record(owners + 1)],
    [arena.rule(1), arena.rule(rules + 1)],
    [
      layout.allowed + 4 * layout.maskWords,
      layout.allowed + 4 * layout.maskWords * (allowed + 1),
    ],
    [layout.buckets, layout.buckets + 4 * layout.bucketCount],
    ...[layout.instancesSet, layout.recordsSet, layout.rulesSet, layout.allowedSet]
      .map((set): [number, number] => [set + SET_HEADER, set + SET_HEADER + 4]),
  ];
  const words = bytes.map(([from, to]): [number, number] => [from >> 2, (to + 3) >> 2])
    .filter(([from, to]) => to > from);
  return new Int32Array(words.flat());
}
