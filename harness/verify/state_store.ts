/**
 * Memory for explored states: a set of 64-bit hashes, a growing queue of whole states, and the way
 * that each state was found by. No knowledge of what a state holds.
 *
 * @module
 */

/** A set of 64-bit hashes, open addressing with linear probing, at most half full. */
export class HashSet {
  #table = new Int32Array(2 << 16);
  #mask = (1 << 16) - 1;
  /** Hashes held. */
  size = 0;

  /** Puts a hash in; false if it was there. (0, 0) stands for an empty place and becomes (0, 1). */
  add(low: number, high: number): boolean {
    if (low === 0 && high === 0) high = 1;
    if (2 * (this.size + 1) > this.#mask) this.#grow();
    let place = low & this.#mask;
    for (;;) {
      const [a, b] = [this.#table[2 * place]!, this.#table[2 * place + 1]!];
      if (a === low && b === high) return false;
      if (a === 0 && b === 0) break;
      place = (place + 1) & this.#mask;
    }
    this.#table[2 * place] = low;
    this.#table[2 * place + 1] = high;
    this.size++;
    return true;
  }

  #grow(): void {
    const old = this.#table;
    this.#mask = this.#mask * 2 + 1;
    this.#table = new Int32Array(2 * (this.#mask + 1));
    for (let from = 0; from < old.length; from += 2) {
      const [low, high] = [old[from]!, old[from + 1]!];
      if (low === 0 && high === 0) continue;
      let place = low & this.#mask;
      while (this.#table[2 * place] !== 0 || this.#table[2 * place + 1] !== 0) {
        place = (place + 1) & this.#mask;
      }
      this.#table[2 * place] = low;
      this.#table[2 * place + 1] = high;
    }
  }
}

/** The hashes seen last; it may forget any of them. */
export class RecentHashes {
  static readonly #PLACES = 1 << 18;
  readonly #table = new Int32Array(2 * RecentHashes.#PLACES);

  /** Whether a hash is held; false for (0, 0), which stands for an empty place. */
  has(low: number, high: number): boolean {
    const place = 2 * (low & (RecentHashes.#PLACES - 1));
    return this.#table[place] === low && this.#table[place + 1] === high && (low | high) !== 0;
  }

  /** Takes a hash in, for another. */
  put(low: number, high: number): void {
    const place = 2 * (low & (RecentHashes.#PLACES - 1));
    this.#table[place] = low;
    this.#table[place + 1] = high;
  }
}

/** States of one depth, each of the same size, in blocks that are never copied. */
export class StateQueue {
  readonly #blocks: Uint8Array[] = [];
  readonly #perBlock: number;
  /** States held. */
  length = 0;

  constructor(readonly bytes: number) {
    this.#perBlock = Math.max(1, Math.floor((1 << 20) / bytes));
  }

  /** Room for one more state. */
  push(): Uint8Array {
    const block = Math.floor(this.length / this.#perBlock);
    this.#blocks[block] ??= new Uint8Array(this.#perBlock * this.bytes);
    return this.at(this.length++);
  }

  /** The state at a place. */
  at(place: number): Uint8Array {
    const block = this.#blocks[Math.floor(place / this.#perBlock)]!;
    const from = (place % this.#perBlock) * this.bytes;
    return block.subarray(from, from + this.bytes);
  }

  /** Forgets all states; the blocks stay. */
  clear(): void {
    this.length = 0;
  }
}

/** How each state was found: from which, by which operation, with which failures. */
export class Ways {
  #parents = new Int32Array(1 << 12);
  #moves = new Int32Array(1 << 12);
  length = 0;

  /** Notes the next state's way; parent -1 for the first. */
  push(parent: number, move: number): void {
    if (this.length === this.#parents.length) {
      const [parents, moves] = [this.#parents, this.#moves];
      this.#parents = new Int32Array(2 * this.length);
      this.#moves = new Int32Array(2 * this.length);
      this.#parents.set(parents);
      this.#moves.set(moves);
    }
    this.#parents[this.length] = parent;
    this.#moves[this.length++] = move;
  }

  /** Moves from the first state to one. */
  to(state: number): number[] {
    const moves: number[] = [];
    for (let at = state; this.#parents[at]! >= 0; at = this.#parents[at]!) {
      moves.push(this.#moves[at]!);
    }
    return moves.reverse();
  }
}
