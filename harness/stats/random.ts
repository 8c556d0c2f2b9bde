/**
 * Random numbers for resampling: seeded, so that the same samples always give the same interval.
 * Not for the model, whose numbers come from core/, and not for secrets.
 *
 * @module
 */

/**
 * xoshiro128** 1.1 (D. Blackman, S. Vigna, "Scrambled Linear Pseudorandom Number Generators", ACM
 * TOMS 47, 2021), its state filled by splitmix32 as its authors advise.
 */
export class Random {
  readonly #state = new Uint32Array(4);

  /** @param seed A whole number; its low 32 bits count. */
  constructor(seed: number) {
    let state = seed | 0;
    for (let word = 0; word < 4; word++) {
      state = (state + 0x9e3779b9) | 0;
      let mixed = state ^ (state >>> 16);
      mixed = Math.imul(mixed, 0x21f0aaad);
      mixed ^= mixed >>> 15;
      mixed = Math.imul(mixed, 0x735a2d97);
      this.#state[word] = mixed ^ (mixed >>> 15);
    }
  }

  /** 32 random bits as a number from 0 to 2^32 - 1. */
  bits(): number {
    const state = this.#state;
    const scrambled = Math.imul(state[1]!, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9);
    const shifted = state[1]! << 9;
    state[2]! ^= state[0]!;
    state[3]! ^= state[1]!;
    state[1]! ^= state[2]!;
    state[0]! ^= state[3]!;
    state[2]! ^= shifted;
    state[3] = (state[3]! << 11) | (state[3]! >>> 21);
    return result >>> 0;
  }

  /** Uniform in (0, 1): never an end, so that its logarithm and quantiles exist. */
  uniform(): number {
    return (this.bits() + 0.5) / 0x1_0000_0000;
  }

  /** A whole number from 0 to `limit` - 1; its bias is below limit / 2^32. */
  below(limit: number): number {
    return Math.floor(this.bits() / 0x1_0000_0000 * limit);
  }

  /** Puts a list into random order, in place (Fisher and Yates). */
  shuffle<T>(items: T[]): T[] {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      [items[last], items[other]] = [items[other]!, items[last]!];
    }
    return items;
  }
}
