/**
 * Two hosts in one virtual time. Each has an event set of its own; what one sends reaches the other
 * no sooner than its cable allows, so the one whose next event is earlier may always run up to
 * that much beyond the other's next event, and stops where a message of its own might be answered
 * (conservative synchronisation: Chandy and Misra 1979, Bryant 1977). Order does not depend on how
 * many events are handled at a time.
 *
 * @module
 */

import type { Host } from "./host.ts";
import { TOTAL_NAMES, type TotalName } from "./reading.ts";
import { readCounters } from "./wasm.ts";

const TICKS_PER_NS = 10;
/** In the place of a time: no event is left. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** One of the two, as the wire sees it. */
interface Side {
  readonly calls: Host["machine"]["calls"];
  readonly outbox: Uint32Array;
  readonly inbox: Uint32Array;
  /** Low word of the counter of events. */
  readonly events: Uint32Array;
  /** Ticks that what it sends is under way at least. */
  readonly cable: number;
  /** Receive window of its connections, bytes. */
  readonly window: number;
  /** Time of its next event, ticks. */
  next: number;
  marks: number;
}

/** The server's host and the clients'. */
export class Wire {
  readonly #hosts: readonly Host[];
  readonly #sides: readonly [Side, Side];
  readonly #words: number;
  readonly #full: number;
  readonly #broken: number;

  constructor(server: Host, client: Host) {
    this.#hosts = [server, client];
    const [one, other] = [sideOf(server), sideOf(client)];
    one.calls.wireOpen(0, other.cable / TICKS_PER_NS, other.window);
    other.calls.wireOpen(1, one.cable / TICKS_PER_NS, one.window);
    this.#sides = [one, other];
    const { constants } = server.machine;
    this.#words = constants.WIRE_BYTES / 4;
    this.#full = constants.RUN_FULL;
    this.#broken = constants.RUN_BROKEN;
  }

  /** Looks at the next event of each: after both have started, and before each part of a run. */
  start(): void {
    for (const side of this.#sides) side.next = nextOf(side);
  }

  /**
   * Handles at most so many events of both together; returns what `machineRun` would: the marks
   * that both have passed, or that a host cannot go on.
   */
  run(maxEvents: number): number {
    const [one, other] = this.#sides;
    const marks = Math.min(one.marks, other.marks);
    // An operation between two calls may have brought new events.
    this.start();
    let left = maxEvents;
    while (left > 0 && marks < 2 && Math.min(one.marks, other.marks) === marks) {
      // Whoever has passed a mark waits for the other, so that both are read at one time.
      const isFirst = one.marks === other.marks ? one.next <= other.next : one.marks < other.marks;
      const [side, far] = isFirst ? [one, other] : [other, one];
      const before = side.events[0]!;
      side.calls.wireUntil(far.next + far.cable);
      const answer = side.calls.machineRun(left);
      if (!this.#carry(side, far)) return this.#full;
      side.next = nextOf(side);
      if (answer === this.#full || answer === this.#broken) return answer;
      side.marks = answer;
      const handled = (side.events[0]! - before) >>> 0;
      left -= handled;
      // The harness has something to do first.
      if (side.calls.runStopped() === 1) break;
      // The entries of a trace must be taken out first.
      if (handled === 0) break;
    }
    return Math.min(one.marks, other.marks);
  }

  /** Whether each host has taken all that the other has put on the wire. */
  holds(): boolean {
    return this.#hosts.every((host, index) => {
      return total(host, "wire_sent") === total(this.#hosts[1 - index]!, "wire_taken");
    });
  }

  /** Carries what lies in the outbox over; false where the other host has no room for it. */
  #carry(side: Side, far: Side): boolean {
    const count = side.calls.wireCount();
    if (count === 0) return true;
    const words = count * this.#words;
    for (let word = 0; word < words; word++) far.inbox[word] = side.outbox[word]!;
    const hasRoom = far.calls.wireTake(count) === 1;
    side.calls.wireClear();
    far.next = nextOf(far);
    return hasRoom;
  }
}

function sideOf({ machine, spec }: Host): Side {
  const { calls, constants, memory } = machine;
  const words = (constants.WIRE_IN_TABLE - constants.WIRE_OUT_TABLE) / 4;
  return {
    calls,
    outbox: new Uint32Array(memory.buffer, constants.WIRE_OUT_TABLE, words),
    inbox: new Uint32Array(memory.buffer, constants.WIRE_IN_TABLE, words),
    events: new Uint32Array(memory.buffer, constants.TOTAL_TABLE, 1),
    cable: Math.max(spec.costs["cable_ns"]! * TICKS_PER_NS, 1),
    window: spec.costs["tcp_window_bytes"]!,
    next: 0,
    marks: 0,
  };
}

function total({ machine }: Host, name: TotalName): number {
  const at = machine.constants.TOTAL_TABLE + 8 * TOTAL_NAMES.indexOf(name);
  return readCounters(machine, at, 1)[0]!;
}

function nextOf({ calls }: Side): number {
  const next = calls.wireNext();
  return next < 0 ? NEVER : next;
}
