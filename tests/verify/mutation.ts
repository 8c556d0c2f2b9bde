/**
 * Mutants of a binary on trial: each is run through the trials that reach the changed block, until
 * one does not end as expected.
 *
 * @module
 */

import { type Mutant, Nursery } from "../../harness/verify/mutants.ts";
import type { WasmCode } from "../../harness/verify/wasm_code.ts";
import { type Oracle, type Trial, tried } from "./trial.ts";

/** What became of a mutant. */
export interface Verdict {
  readonly mutant: Mutant;
  /** The trial that saw it, null if it survived. */
  readonly by: { readonly trial: string; readonly oracle: Oracle; readonly what: string } | null;
  /** Trials that reach it. */
  readonly trials: number;
}

/** Fuel of a trial beyond twice what it needs, so that a mutant may take another way. */
const FUEL_SPARE = 20_000;

/** Trials with what each needs and reaches. */
export class Court {
  readonly #nursery: Nursery;
  readonly #fuel: readonly number[];

  /** @param reached Blocks that each trial reaches. */
  constructor(
    code: WasmCode,
    readonly trials: readonly Trial[],
    readonly reached: readonly Uint8Array[],
  ) {
    this.#nursery = new Nursery(code);
    const sound = this.#nursery.make(null);
    this.#fuel = trials.map((trial) => {
      const wrong = tried(trial, sound);
      if (wrong !== null) throw new Error(`Trial "${trial.name}" fails without a mutant: ${wrong}`);
      return 2 * this.#nursery.mostUsed() + FUEL_SPARE;
    });
  }

  /** Tries a mutant. */
  judge(mutant: Mutant): Verdict {
    const module = this.#nursery.make(mutant);
    const places = [...this.trials.keys()]
      .filter((place) => this.reached[place]![mutant.block] === 1);
    for (const place of places) {
      const trial = this.trials[place]!;
      this.#nursery.fuel = this.#fuel[place]!;
      const what = tried(trial, module);
      this.#nursery.mostUsed();
      if (what === null) continue;
      const { name, oracle } = trial;
      return { mutant, by: { trial: name, oracle, what }, trials: places.length };
    }
    return { mutant, by: null, trials: places.length };
  }
}
