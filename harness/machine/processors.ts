/**
 * Idle states of the processors that a machine may name: exit latencies and target residencies of
 * Linux's drivers/idle/intel_idle.c, as costs.
 *
 * Values only. Which of the states are used is the machine's idle_state_limit.
 *
 * @module
 */

/** Names of `host.processor`. */
export type ProcessorName = keyof typeof PROCESSORS;

/** Exit latency and target residency, microseconds. */
type State = readonly [number, number];

function costsOf(c1: State, c1e: State, c3: State | null, c6: State): Record<string, number> {
  const ns = ([exit, residency]: State, name: string) => ({
    [`${name}_exit_ns`]: exit * 1000,
    [`${name}_residency_ns`]: residency * 1000,
  });
  return {
    ...ns(c1, "c1"),
    ...ns(c1e, "c1e"),
    // Exit latency 0: the processor has no C3.
    ...(c3 === null ? { c3_exit_ns: 0 } : ns(c3, "c3")),
    ...ns(c6, "c6"),
  };
}

/** Costs of idle states by processor. */
export const PROCESSORS = {
  "ivy_bridge_ep": costsOf([1, 1], [10, 80], [59, 156], [82, 300]),
  "haswell": costsOf([2, 2], [10, 20], [33, 100], [133, 400]),
  "broadwell": costsOf([2, 2], [10, 20], [40, 100], [133, 400]),
  "skylake_sp": costsOf([2, 2], [10, 20], null, [133, 600]),
  "ice_lake_sp": costsOf([1, 1], [4, 4], null, [170, 600]),
} as const;
