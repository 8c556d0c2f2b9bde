/**
 * Functions of machine.wasm on their own. A trial is given a build that exports every function by
 * its name in the sources ({@link opened}), so that the shipped code itself is called, not a copy
 * that was compiled apart. What the optimiser inlined everywhere has no name left and is reached
 * through its callers; what is always given the same may have lost a parameter.
 *
 * @module
 */

import { type BareMachine, bareMachine } from "../../unit/machine_runs.ts";
import type { MachineWasm } from "../../../harness/machine/wasm.ts";
import type { Oracle, Trial } from "../trial.ts";

type Inner = (...values: (number | bigint)[]) => number | bigint;

/** The X710 without a policy manager behind it, opened. */
export class Inside {
  readonly machine: MachineWasm;
  readonly calls: MachineWasm["calls"];
  /** The first thing that was otherwise than expected. */
  wrong: string | null = null;

  constructor(module: WebAssembly.Module, options?: BareMachine) {
    this.machine = bareMachine(module, options);
    this.calls = this.machine.calls;
  }

  /**
   * Calls a function by file and name (`rss/rssHash`), 64-bit parameters as bigints; a result is
   * unsigned, of 64 bits below 2^53.
   *
   * @throws {Error} where the build has no such function, or one of other parameters.
   */
  call(name: string, ...values: (number | bigint)[]): number {
    const inner = (this.calls as unknown as Record<string, Inner>)[`core/machine/${name}`];
    if (inner === undefined) throw new Error(`machine.wasm has no function "${name}" left`);
    if (inner.length !== values.length) throw new Error(`"${name}" takes ${inner.length} numbers`);
    const result = inner(...values);
    return typeof result === "bigint" ? Number(result) : result >>> 0;
  }

  /** Notes where an answer is not what it should be. */
  is(expected: number, name: string, ...values: (number | bigint)[]): void {
    const found = this.call(name, ...values);
    this.same(found, expected < 0 ? expected >>> 0 : expected, `${name}(${values.join(", ")})`);
  }

  /** Notes where two things differ. */
  same(found: unknown, expected: unknown, what: string): void {
    const [left, right] = [found, expected].map((value) => JSON.stringify(value));
    if (left !== right) this.wrong ??= `${what}: ${left}, not ${right}`;
  }
}

/** A trial on an opened machine; what it expects is written down in it, or a model's. */
export function insideTrial(
  name: string,
  oracle: Oracle,
  run: (inside: Inside) => void,
  options?: BareMachine,
): Trial {
  return {
    name,
    oracle,
    run(module) {
      const inside = new Inside(module, options);
      run(inside);
      return inside.wrong;
    },
  };
}
