// deno-fmt-ignore-file
// A log-linear histogram in the layout of HdrHistogram with 2048 sub-buckets: values below 2048 are
// exact, above they keep 11 bits, which is three significant digits. Counts are u32 in memory
// given by the caller. Holds no sums: mean and deviation come from the counts, outside.

const SUB_BITS: u32 = 11;
/** Values below twice this are counted one by one; each doubling above has so many counters. */
export const HISTOGRAM_HALF: u32 = 1 << (SUB_BITS - 1);
/** Largest value told apart; larger ones count as this. */
export const HISTOGRAM_VALUE_MAX: u64 = (1 << 36) - 1;
/** Counters of one histogram. */
export const HISTOGRAM_COUNTERS: u32 = (36 - SUB_BITS) * HISTOGRAM_HALF + 2 * HISTOGRAM_HALF;
/** Bytes of one histogram. */
export const HISTOGRAM_SIZE: usize = <usize>HISTOGRAM_COUNTERS * 4;

/** Counter that a value falls into. */
export function histogramIndex(value: u64): u32 {
  const bounded = min(value, HISTOGRAM_VALUE_MAX);
  const bits = 64 - <u32>clz(bounded | (2 * HISTOGRAM_HALF - 1));
  const shift = bits - SUB_BITS;
  return shift * HISTOGRAM_HALF + <u32>(bounded >> shift);
}

/** Counts one value. */
export function histogramAdd(at: usize, value: u64): void {
  const counter = at + ((<usize>histogramIndex(value)) << 2);
  store<u32>(counter, load<u32>(counter) + 1);
}
