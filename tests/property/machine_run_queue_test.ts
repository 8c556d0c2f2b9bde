/**
 * The queue of threads that want a CPU against the simplest one there is: a list kept in order.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { compileVariant } from "../unit/machine_parts.ts";
import { bareGroup, bareMachine } from "../unit/machine_runs.ts";

const module = await compileVariant({
  more: `
import { runEnqueue, runTake } from "./machine/run_queue";
import { threadAt } from "./machine/connection";
import { cpuAt as queueOf } from "./machine/cpu";

export function enqueue(cpu: u32, index: u32, runtime: u32): void {
  threadAt(index).runtime = runtime;
  runEnqueue(queueOf(cpu), index);
}
export function take(cpu: u32): i32 { return runTake(queueOf(cpu)); }
/** Threads on lane 0 behind the first. */
export function walk(cpu: u32): u32 {
  let count = 0;
  for (let i = queueOf(cpu).runHead; i >= 0; i = threadAt(i).next) count++;
  return count;
}
`,
});

const THREADS = 3000;

interface Waiting {
  readonly thread: number;
  readonly runtime: number;
}

/** Takes from a CPU, or puts a thread that waits nowhere into its queue. */
type Step = { readonly cpu: number; readonly runtime: number | null };

const steps: fc.Arbitrary<Step> = fc.record({
  cpu: fc.integer({ min: 0, max: 2 }),
  // Few run times: many are equal.
  runtime: fc.option(fc.oneof(fc.integer({ min: 0, max: 8 }), fc.nat(100_000)), { freq: 3 }),
});

Deno.test("threads run by run time, those with an equal one in the order they came", () => {
  let longest = 0;
  fc.assert(
    fc.property(fc.array(steps, { minLength: 1000, maxLength: 4000, size: "max" }), (sequence) => {
      const machine = bareMachine(module);
      bareGroup(machine, "TCP_RR", THREADS);
      const calls = machine.calls as unknown as Record<string, (...values: number[]) => number>;
      const lists: Waiting[][] = [[], [], []];
      const free = Array.from({ length: THREADS }, (_, index) => (index * 7919) % THREADS);
      for (const { cpu, runtime } of sequence) {
        const list = lists[cpu]!;
        const thread = runtime === null ? undefined : free.pop();
        if (runtime === null || thread === undefined) {
          const first = list.shift();
          assert.equal(calls["take"]!(cpu), first?.thread ?? -1);
          if (first !== undefined) free.push(first.thread);
          continue;
        }
        calls["enqueue"]!(cpu, thread, runtime);
        const place = list.findIndex((other) => other.runtime > runtime);
        list.splice(place < 0 ? list.length : place, 0, { thread, runtime });
        longest = Math.max(longest, list.length);
      }
      lists.forEach((list, cpu) => {
        assert.equal(calls["walk"]!(cpu), list.length);
        for (const { thread } of list) assert.equal(calls["take"]!(cpu), thread);
        assert.equal(calls["take"]!(cpu), -1);
      });
    }),
    { seed: 2012, numRuns: 30 },
  );
  assert.ok(longest > 500, `only ${longest} threads waited at once`);
});
