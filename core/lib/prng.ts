// deno-fmt-ignore-file
// Random numbers: PCG-XSH-RR 64/32 (O'Neill 2014), one independent stream per purpose, so that one
// more draw for one purpose does not shift the others. Integers only: the same on every engine.
// State lies in memory given by the caller, 16 bytes a stream. Never seeds itself.

const MULTIPLIER: u64 = 6364136223846793005;
/** Bytes of one stream. */
export const PRNG_SIZE: usize = 16;

/** Starts a stream; streams of one seed differ by `stream`. */
export function prngSeed(at: usize, seed: u64, stream: u64): void {
  store<u64>(at, 0, 0);
  store<u64>(at, (stream << 1) | 1, 8);
  prngNext(at);
  store<u64>(at, load<u64>(at) + seed);
  prngNext(at);
}

/** Next 32 random bits. */
export function prngNext(at: usize): u32 {
  const state = load<u64>(at);
  store<u64>(at, state * MULTIPLIER + load<u64>(at, 8));
  const word = <u32>(((state >> 18) ^ state) >> 27);
  return rotr<u32>(word, <u32>(state >> 59));
}

/** Uniform in 0..limit-1 (limit >= 1), by Lemire's multiplication; bias below limit / 2^32. */
export function prngBelow(at: usize, limit: u32): u32 {
  assert(limit > 0);
  return <u32>((<u64>prngNext(at) * limit) >> 32);
}

/** Uniform in 0..1, both excluded: f64 for distributions that need a power or a logarithm. */
export function prngUniform(at: usize): f64 {
  return (<f64>prngNext(at) + 0.5) / 4294967296.0;
}

/**
 * Exponential with the given mean (mean < 2^56), by von Neumann's comparison method: exact in
 * distribution, no logarithm. A falling run of uniforms of odd length accepts its first member.
 */
export function prngExponential(at: usize, mean: u64): u64 {
  assert(mean < (<u64>1) << 56);
  let whole: u64 = 0;
  while (true) {
    const first = prngNext(at);
    let last = first;
    let length: u32 = 1;
    while (true) {
      const next = prngNext(at);
      if (next >= last) break;
      last = next;
      length++;
    }
    if ((length & 1) != 0) {
      const part = (mean >> 32) * first + (((mean & 0xffffffff) * first) >> 32);
      return mean * whole + part;
    }
    whole++;
  }
}
