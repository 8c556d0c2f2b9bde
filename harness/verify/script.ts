/**
 * The way to a broken property as a scenario script for `deno task policy`, and in words.
 *
 * @module
 */

import type { Scenario, ScenarioStep } from "../policy/scenario_schema.ts";
import { Canonical } from "./canonical.ts";
import type { Exploration } from "./exploration.ts";
import { MOVE } from "./explore.ts";
import { operationsOf, type ScriptNames } from "./operations.ts";
import { Subject } from "./subject.ts";

/** Owners by the numbers of a script, followed through the folding of handles. */
class Names implements ScriptNames {
  #numbers: number[] = [];
  #next = 1;
  /** CPU by what it is called in the folded state. */
  #cpus: number[] = [];

  get born(): number {
    return this.#next;
  }

  of(handle: number): number {
    return this.#numbers[handle] ?? 0;
  }

  /** An owner was created. */
  birth(handle: number): void {
    this.#numbers[handle] = this.#next++;
  }

  cpu(folded: number): number {
    return this.#cpus[folded] ?? folded;
  }

  /** Handles and CPUs were folded. */
  rename({ handles, cpus }: Pick<Canonical, "handles" | "cpus">): void {
    const names = this.#cpus;
    this.#cpus = [];
    cpus.forEach((now, old) => this.#cpus[now] = names[old] ?? old);

    const numbers: number[] = [];
    handles.forEach((now, old) => {
      if (now > 0) numbers[now] = this.of(old);
    });
    this.#numbers = numbers;
  }
}

/**
 * Steps of a script that do given moves, one after the other.
 *
 * @param module The binary that the moves were found with: handles are followed by doing them.
 * @param folds Whether states were folded between the moves.
 */
export function scriptOf(
  module: WebAssembly.Module,
  exploration: Exploration,
  moves: readonly number[],
  folds = true,
): Scenario {
  const subject = new Subject(module, exploration);
  const canonical = new Canonical(subject);
  const operations = operationsOf(exploration);
  const names = new Names();
  const steps: ScenarioStep[] = [];
  if (folds) {
    canonical.fold();
    names.rename(canonical);
  }
  moves.forEach((move, place) => {
    const operation = operations[MOVE.operation(move)]!;
    const step = operation.step(names);
    subject.host.noted = [];
    subject.host.begin(MOVE.first(move), MOVE.second(move));
    let answer = -1;
    try {
      answer = operation.run(subject);
    } catch (error) {
      // The last move of a violation may be the one that stops the manager.
      if (place < moves.length - 1) throw error;
    }
    for (const { call, device, after, errno } of subject.host.noted) {
      const dev = exploration.devices[device - 1]?.name;
      const other = errno === "EIO" ? {} : { errno };
      steps.push({
        op: "driver.fail",
        call,
        ...(dev === undefined ? {} : { dev }),
        after,
        ...other,
      });
    }
    steps.push(step);
    if (operation.creates && answer > 0) names.birth(answer);
    if (place === moves.length - 1 || !folds) return;
    canonical.fold();
    names.rename(canonical);
  });
  const { topology, devices, strategy, partition, capacities } = exploration;
  const { owners, rules } = capacities;
  return { topology, devices, strategy, partition, capacities: { owners, rules }, steps };
}
