// deno-fmt-ignore-file
// CPU time that a server's application spends on one transaction: always the same, or drawn anew
// for each from a distribution with the workload's mean. Shapes are fixed, so that one number, the
// mean, describes a group. Logarithm and exponential are AssemblyScript's own, compiled into the
// module: the same bits on every engine. Never draws for a constant.

import { prngBelow, prngExponential, prngNext } from "../lib/prng";
import { prngOf, PURPOSE_SERVICE } from "./abi";
import { Group } from "./connection";

/** Distributions by number. */
export const SERVICE_CONSTANT: u32 = 0;
export const SERVICE_EXPONENTIAL: u32 = 1;
export const SERVICE_LOGNORMAL: u32 = 2;
export const SERVICE_BIMODAL: u32 = 3;

/** Parameter sigma of the lognormal distribution is 1: half of its variance lies off the mean. */
const LOGNORMAL_SHIFT: f64 = 0.5;
const UNIT: f64 = 1.0 / 4294967296.0;

/** Standard normal by the polar method (Marsaglia and Bray 1964): no sine, no cosine. */
function normal(at: usize): f64 {
  while (true) {
    const x = 2.0 * UNIT * <f64>prngNext(at) - 1.0;
    const y = 2.0 * UNIT * <f64>prngNext(at) - 1.0;
    const square = x * x + y * y;
    if (square < 1.0 && square > 0.0) return x * Math.sqrt((-2.0 * Math.log(square)) / square);
  }
}

/** Time for the next transaction of a group, ticks. */
export function serviceTicks(group: Group): u64 {
  const mean = group.service;
  const at = prngOf(PURPOSE_SERVICE);
  switch (group.serviceDistribution) {
    case SERVICE_EXPONENTIAL:
      return prngExponential(at, mean);
    case SERVICE_LOGNORMAL:
      return <u64>(<f64>mean * Math.exp(normal(at) - LOGNORMAL_SHIFT));
    case SERVICE_BIMODAL:
      // Nine of ten take half the mean, the tenth five and a half means.
      return prngBelow(at, 10) == 0 ? (mean * 11) / 2 : mean / 2;
    default:
      return mean;
  }
}
