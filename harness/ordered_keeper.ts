/**
 * Keeps what lanes finish in any order in the order of the plan. Never holds back what could go.
 *
 * @module
 */

/** Hands records over in the order of the plan: one that comes early waits for those before it. */
export class OrderedKeeper<T> {
  readonly #waiting = new Map<number, T | null>();
  readonly #onRecord: (record: T) => Promise<void>;
  readonly #count: number;
  #next = 0;
  #chain: Promise<void> = Promise.resolve();

  constructor(count: number, onRecord: (record: T) => Promise<void>) {
    this.#count = count;
    this.#onRecord = onRecord;
  }

  /** Takes what belongs at `index` (null: nothing to keep) and hands over all that is in order. */
  put(index: number, record: T | null): Promise<void> {
    this.#waiting.set(index, record);
    while (this.#waiting.has(this.#next)) this.#hand(this.#next++);
    return this.#chain;
  }

  /** After the end: what is left, over the gaps of runs that never were. */
  keepRest(): Promise<void> {
    for (; this.#next < this.#count; this.#next++) this.#hand(this.#next);
    return this.#chain;
  }

  #hand(index: number): void {
    const record = this.#waiting.get(index) ?? null;
    this.#waiting.delete(index);
    if (record !== null) this.#chain = this.#chain.then(() => this.#onRecord(record));
  }
}
