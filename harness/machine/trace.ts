/**
 * Entries of the machine's trace, taken out between slices, up to a limit.
 *
 * Layout and kinds stand in core/machine/trace.ts. What they mean to a person is made of them in
 * `trace_format.ts`.
 *
 * @module
 */

import type { MachineWasm } from "./wasm.ts";

/** Kinds of entries, by their numbers in core/machine/trace.ts. */
export const TRACE_KINDS = [
  "none",
  "cpu",
  "poll",
  "poll_end",
  "interrupt",
  "itr_rx",
  "itr_tx",
  "ring_rx",
  "ring_tx",
  "wake",
  "drop",
] as const;
/** A kind of entry. */
export type TraceKind = Exclude<typeof TRACE_KINDS[number], "none">;

/** One entry. */
export interface TraceEntry {
  /** Virtual time, nanoseconds with one decimal. */
  readonly ns: number;
  readonly kind: TraceKind;
  readonly place: number;
  readonly value: number;
}

/** What was traced of one run. */
export interface TraceData {
  /** Four words an entry, as the machine has them. */
  readonly words: Uint32Array;
  /** Virtual time of its begin and end. */
  readonly fromNs: number;
  readonly untilNs: number;
  /** It ends where the limit of entries was reached, before the run did. */
  readonly isCut: boolean;
  /** The same of the clients' host, where there is one. */
  readonly client?: TraceData;
}

const ENTRY_WORDS = 4;
const TICKS_PER_NS = 10;

/** Traces one machine from `start` on. */
export class TraceRecorder {
  readonly #machine: MachineWasm;
  readonly #limit: number;
  readonly #blocks: Uint32Array[] = [];
  #count = 0;
  #fromNs = 0;
  #untilNs: number | null = null;

  constructor(machine: MachineWasm, limit: number) {
    this.#machine = machine;
    this.#limit = limit;
  }

  /** Begins with how everything stands now. */
  start(): void {
    this.#fromNs = this.#machine.calls.nowNs();
    this.#machine.calls.traceStart();
  }

  /** Takes the entries out; call it after each slice. Ends the trace at the limit. */
  take(): void {
    if (this.#untilNs !== null) return;
    const { calls, constants, memory } = this.#machine;
    const count = Math.min(calls.traceTake(), this.#limit - this.#count);
    const words = new Uint32Array(memory.buffer, constants.TRACE_TABLE, count * ENTRY_WORDS);
    this.#blocks.push(words.slice());
    this.#count += count;
    if (this.#count < this.#limit) return;
    calls.traceStop();
    const last = words.length - ENTRY_WORDS;
    this.#untilNs = nsAt(words, last);
  }

  /** All that was taken. */
  data(): TraceData {
    const words = new Uint32Array(this.#count * ENTRY_WORDS);
    let at = 0;
    for (const block of this.#blocks) {
      words.set(block, at);
      at += block.length;
    }
    return {
      words,
      fromNs: this.#fromNs,
      untilNs: this.#untilNs ?? this.#machine.calls.nowNs(),
      isCut: this.#untilNs !== null,
    };
  }
}

function nsAt(words: Uint32Array, at: number): number {
  return ((words[at + 1] ?? 0) * 2 ** 32 + (words[at] ?? 0)) / TICKS_PER_NS;
}

/** The entries one by one. */
export function* entriesOf({ words }: Pick<TraceData, "words">): Generator<TraceEntry> {
  for (let at = 0; at < words.length; at += ENTRY_WORDS) {
    const what = words[at + 2] ?? 0;
    const kind = TRACE_KINDS[what & 0xffff];
    if (kind === undefined || kind === "none") throw new Error(`Trace entry of kind ${what}`);
    yield { ns: nsAt(words, at), kind, place: what >>> 16, value: words[at + 3] ?? 0 };
  }
}
