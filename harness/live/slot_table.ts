/**
 * Which UDP requests of one socket are in flight. A datagram can get lost or late, so counting
 * bytes cannot match answers to requests: each request carries a number, which the server echoes.
 *
 * Knows no sockets and no clock. A number is (generation, slot): an answer to a request that was
 * given up finds a newer generation in its slot and is told apart, unless the payload is so small
 * that the generations have come round (1 byte and 1 slot: after 256 requests).
 *
 * @module
 */

/** Bytes of the number that request and response have room for, at most 4; sizes >= 1. */
export function idBytesFor(requestBytes: number, responseBytes: number): number {
  return Math.min(4, requestBytes, responseBytes);
}

/** Most requests in flight that numbers of `idBytes` (1..4) bytes can tell apart. */
export function slotsMax(idBytes: number): number {
  return Math.min(2 ** 16, 2 ** (8 * idBytes - 1));
}

/** Writes the lowest `idBytes` bytes of `id`, little-endian, at the start of `bytes`. */
export function writeId(bytes: Uint8Array, id: number, idBytes: number): void {
  for (let index = 0; index < idBytes; index += 1) bytes[index] = (id >>> (8 * index)) & 0xff;
}

/** Reads what `writeId` wrote; NaN when `bytes` is shorter than the number. */
export function readId(bytes: Uint8Array, idBytes: number): number {
  if (bytes.length < idBytes) return NaN;
  let id = 0;
  for (let index = 0; index < idBytes; index += 1) id |= (bytes[index] ?? 0) << (8 * index);
  return id >>> 0;
}

/** Requests in flight on one socket. Times are in the caller's unit. */
export class SlotTable {
  readonly #slotBits: number;
  readonly #generationMask: number;
  readonly #generation: Uint32Array;
  /** Start of the latency; NaN marks a free slot. */
  readonly #started: Float64Array;
  readonly #sent: Float64Array;
  readonly #free: Int32Array;
  #freeCount: number;

  /** `slots`: requests in flight, 1..slotsMax(idBytes) (RangeError otherwise). */
  constructor(slots: number, idBytes: number) {
    if (!Number.isInteger(slots) || slots < 1 || slots > slotsMax(idBytes)) {
      throw new RangeError(`${idBytes} byte(s) tell 1..${slotsMax(idBytes)} apart, not ${slots}.`);
    }
    this.#slotBits = Math.ceil(Math.log2(slots));
    this.#generationMask = 2 ** (8 * idBytes - this.#slotBits) - 1;
    this.#generation = new Uint32Array(slots);
    this.#started = new Float64Array(slots).fill(NaN);
    this.#sent = new Float64Array(slots);
    this.#free = Int32Array.from({ length: slots }, (_, index) => slots - 1 - index);
    this.#freeCount = slots;
  }

  /** Requests that could be sent now. */
  get freeCount(): number {
    return this.#freeCount;
  }

  /** Requests in flight. */
  get inFlightCount(): number {
    return this.#started.length - this.#freeCount;
  }

  /** Takes a slot for a request; the caller has seen `freeCount > 0` (RangeError otherwise). */
  acquire(started: number, sent: number): number {
    if (this.#freeCount === 0) throw new RangeError("No slot is free.");
    this.#freeCount -= 1;
    const slot = this.#free[this.#freeCount] ?? 0;
    this.#started[slot] = started;
    this.#sent[slot] = sent;
    return slot;
  }

  /** The number that the request in `slot` carries. */
  id(slot: number): number {
    const generation = (this.#generation[slot] ?? 0) & this.#generationMask;
    return ((generation << this.#slotBits) | slot) >>> 0;
  }

  /** Ends the request numbered `id`: its start, or NaN when no such request is in flight. */
  complete(id: number): number {
    const slot = id & (2 ** this.#slotBits - 1);
    const started = this.#started[slot] ?? NaN;
    if (Number.isNaN(started) || this.id(slot) !== id) return NaN;
    this.#release(slot);
    return started;
  }

  /** Gives up every request sent at or before `sentUntil`; returns how many. */
  expire(sentUntil: number): number {
    let expired = 0;
    for (let slot = 0; slot < this.#started.length; slot += 1) {
      if (Number.isNaN(this.#started[slot]) || (this.#sent[slot] ?? 0) > sentUntil) continue;
      this.#release(slot);
      expired += 1;
    }
    return expired;
  }

  #release(slot: number): void {
    this.#started[slot] = NaN;
    this.#generation[slot] = (this.#generation[slot] ?? 0) + 1;
    this.#free[this.#freeCount] = slot;
    this.#freeCount += 1;
  }
}
