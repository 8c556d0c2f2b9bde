/**
 * Mean and variance by running update, so that large offsets lose no digits and nothing is kept.
 *
 * @module
 */

/**
 * Count, mean and squared deviations of values that come one by one: B. P. Welford, "Note on a
 * Method for Calculating Corrected Sums of Squares and Products", Technometrics 4 (1962).
 */
export class Moments {
  #count = 0;
  #mean = 0;
  #squares = 0;

  /** Moments of a whole sample. */
  static of(sample: readonly number[]): Moments {
    const moments = new Moments();
    for (const value of sample) moments.add(value);
    return moments;
  }

  /** Takes one value. */
  add(value: number): void {
    this.#count++;
    const difference = value - this.#mean;
    this.#mean += difference / this.#count;
    this.#squares += difference * (value - this.#mean);
  }

  /**
   * Takes all values of another sample, as if added one by one (T. Chan, G. Golub, R. LeVeque,
   * "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979).
   */
  merge(other: Moments): void {
    const count = this.#count + other.#count;
    if (other.#count === 0) return;
    const difference = other.#mean - this.#mean;
    this.#squares += other.#squares +
      difference * difference * this.#count * other.#count / count;
    this.#mean += difference * other.#count / count;
    this.#count = count;
  }

  /** How many values there were. */
  get count(): number {
    return this.#count;
  }

  /** Arithmetic mean; 0 before the first value. */
  get mean(): number {
    return this.#mean;
  }

  /** Sample variance, n - 1 in the denominator; NaN for fewer than two values. */
  get variance(): number {
    return this.#count < 2 ? NaN : this.#squares / (this.#count - 1);
  }
}
