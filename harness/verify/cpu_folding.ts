/**
 * One state for all in which the same number of each node's CPUs is online.
 *
 * Queue i goes with the i-th online CPU, so that only the order of CPUs counts, and any set of
 * online CPUs can take the numbers of the lowest of each node. What follows is the same: a CPU that
 * comes or goes has everything rebuilt, and where it stands among the others does not matter. That
 * holds where all CPUs of a host are alike but for their node: each a core of its own, a node's
 * numbers in one piece, each goes offline, none has a load or a task bound to it. Other hosts, and
 * states in which something names a CPU that is offline, are left as they are.
 *
 * @module
 */

import { ENTRY } from "./arena.ts";
import type { Exploration } from "./exploration.ts";
import type { Subject } from "./subject.ts";

/** Offset of a CPU's flags; bit 1 says online. */
const FLAGS = 4;
const ONLINE = 2;
/** Masks above are those that irqs have at the start. */
const SINGLE_CPU_MAX = 0xff;

/** Whether CPUs of one node can stand for each other. */
function areAlike({ topology, operations, cpu_symmetry }: Exploration): boolean {
  const cpus = topology.nodes.flatMap((node) => node.cpus);
  const offline = new Set(operations["cpu.offline"] ?? []);
  const inOnePiece = topology.nodes.every((node) =>
    Math.max(...node.cpus) - Math.min(...node.cpus) === node.cpus.length - 1
  );
  return cpu_symmetry !== false && topology.siblings.length === 0 &&
    topology.online === undefined && cpus.every((cpu) => offline.has(cpu)) && inOnePiece &&
    operations.affinity === undefined && operations.load === undefined;
}

/** Renumbers CPUs of one subject. */
export class CpuFolding {
  readonly #subject: Subject;
  /** CPUs of each node, ascending; none where they are not alike. */
  readonly #nodes: readonly (readonly number[])[];
  /** New number of each CPU after {@link fold}. */
  readonly numbers: Int32Array;

  constructor(subject: Subject) {
    const { exploration, arena } = subject;
    this.#subject = subject;
    this.#nodes = areAlike(exploration)
      ? exploration.topology.nodes.map((node) => [...node.cpus].sort((a, b) => a - b))
      : [];
    this.numbers = Int32Array.from({ length: arena.layout.capacities.cpus }, (_, cpu) => cpu);
  }

  /** Gives the online CPUs the lowest numbers of their nodes, in place. */
  fold(): void {
    for (let cpu = 0; cpu < this.numbers.length; cpu++) this.numbers[cpu] = cpu;
    let changes = false;
    for (const cpus of this.#nodes) {
      let next = 0;
      for (const isOnline of [true, false]) {
        for (const cpu of cpus) {
          if (this.#isOnline(cpu) !== isOnline) continue;
          this.numbers[cpu] = cpus[next++]!;
          if (this.numbers[cpu] !== cpu) changes = true;
        }
      }
    }
    if (!changes) return;
    if (this.#namesOffline()) {
      for (let cpu = 0; cpu < this.numbers.length; cpu++) this.numbers[cpu] = cpu;
      return;
    }
    this.#write();
  }

  #isOnline(cpu: number): boolean {
    const { u8, layout } = this.#subject.arena;
    return (u8[layout.cpus + 8 * cpu + FLAGS]! & ONLINE) !== 0;
  }

  /** Offset of an object's CPU, in 16-bit words. */
  #object(device: number, direction: number, position: number): number {
    const { layout } = this.#subject.arena;
    const place = (2 * device + direction) * layout.mapCapacity + position;
    return (layout.objects + ENTRY.object * place) >> 1;
  }

  /** Whether a map, a saved affinity or an irq names a CPU that is offline. */
  #namesOffline(): boolean {
    const { arena, host } = this.#subject;
    const { layout } = arena;
    const { devices } = layout.capacities;
    for (let device = 1; device <= devices; device++) {
      for (let direction = 0; direction < 2; direction++) {
        for (let position = 0; position < arena.mapped(device, direction); position++) {
          if (!this.#isOnline(arena.u16[this.#object(device, direction, position)]!)) return true;
        }
      }
    }
    const from = layout.affinity >> 2;
    const words = 2 * layout.mapCapacity * layout.maskWords * (devices + 1);
    for (let word = from; word < from + words; word++) {
      const mask = arena.i32[word]!;
      if (mask !== 0 && mask <= SINGLE_CPU_MAX) return true;
    }
    return host.irqCpus().some((cpu) => !this.#isOnline(cpu));
  }

  #write(): void {
    const { arena, host } = this.#subject;
    const { layout } = arena;
    for (const cpus of this.#nodes) {
      const online = cpus.filter((cpu) => this.#isOnline(cpu)).length;
      cpus.forEach((cpu, place) => {
        const at = layout.cpus + 8 * cpu + FLAGS;
        arena.u8[at] = place < online ? arena.u8[at]! | ONLINE : arena.u8[at]! & ~ONLINE;
      });
    }
    for (let device = 1; device <= layout.capacities.devices; device++) {
      for (let direction = 0; direction < 2; direction++) {
        for (let position = 0; position < arena.mapped(device, direction); position++) {
          const at = this.#object(device, direction, position);
          arena.u16[at] = this.numbers[arena.u16[at]!]!;
        }
      }
    }
    host.renumber(this.numbers);
  }
}
