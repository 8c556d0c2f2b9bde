/**
 * A first-in first-out queue of times in one growing array of doubles: no object per entry, since
 * it is in the hot loop of every transaction. Knows nothing of clocks.
 *
 * @module
 */

/** Queue of times (any unit); capacity doubles when it is full. */
export class TimeRing {
  #slots: Float64Array;
  #head = 0;
  #count = 0;

  /** `capacity`: entries to reserve, rounded up to a power of two. */
  constructor(capacity = 16) {
    this.#slots = new Float64Array(2 ** Math.ceil(Math.log2(Math.max(2, capacity))));
  }

  /** Entries in the queue. */
  get count(): number {
    return this.#count;
  }

  /** Adds at the end. */
  push(time: number): void {
    if (this.#count === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#count) & (this.#slots.length - 1)] = time;
    this.#count += 1;
  }

  /** Removes and returns the oldest; NaN when there is none. */
  shift(): number {
    if (this.#count === 0) return NaN;
    const time = this.#slots[this.#head] ?? NaN;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#count -= 1;
    return time;
  }

  /** Forgets all entries. */
  clear(): void {
    this.#head = 0;
    this.#count = 0;
  }

  #grow(): void {
    const wider = new Float64Array(this.#slots.length * 2);
    const tail = this.#slots.subarray(this.#head);
    wider.set(tail, 0);
    wider.set(this.#slots.subarray(0, this.#head), tail.length);
    this.#slots = wider;
    this.#head = 0;
  }
}
