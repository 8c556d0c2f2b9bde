/**
 * Runs for the tests of the live target: short, over loopback, everything explicit.
 *
 * @module
 */

import type { TestName } from "../../harness/record.ts";
import type { MachineSpec, WorkloadGroup } from "../../harness/spec.ts";
import type { PlannedRun } from "../../harness/target.ts";

/** One connection, one byte each way, closed loop; `change` says what is different. */
export function groupOf(test: TestName, change: Partial<WorkloadGroup> = {}): WorkloadGroup {
  return {
    name: "g",
    test,
    connections: 1,
    hint: "NONE",
    request_bytes: 1,
    response_bytes: 1,
    message_bytes: 16_384,
    outstanding: 1,
    sizes: { distribution: "constant" },
    arrival: { loop: "closed" },
    service_ns: 0,
    service_distribution: "constant",
    threads: 0,
    pin: false,
    assignment: "round_robin",
    ...change,
  };
}

/** A live run never looks at its machine, so this one has nothing to look at. */
const NO_MACHINE = {} as unknown as MachineSpec;

/** A run of these groups: 20 ms of warm-up, 150 ms measured; `change` says what is different. */
export function runOf(groups: WorkloadGroup[], change: Partial<PlannedRun> = {}): PlannedRun {
  const interval = { warmup_ms: 20, measure_ms: 150 };
  return {
    runId: "test/live/stock/NONE/1",
    workload: {
      name: "test",
      title: "test",
      description: "test",
      machine: "none",
      duration: { model: interval, live: interval },
      targets: ["live"],
      in_default_matrix: true,
      groups,
    },
    machine: NO_MACHINE,
    policy: "NONE",
    mechanism: "stock",
    target: "live",
    seed: 1,
    warmupMs: interval.warmup_ms,
    measureMs: interval.measure_ms,
    ...change,
  };
}
