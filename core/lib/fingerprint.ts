// deno-fmt-ignore-file
// A running 64-bit hash over a sequence of words: multiply and rotate, as in wyhash's short mixes.
// Equal sequences give equal values; it says nothing of where two sequences part. Not for secrets.

const FACTOR: u64 = 0x9e3779b97f4a7c15;

/** The hash with one more word. */
@inline
export function fingerprintMix(hash: u64, word: u64): u64 {
  return rotl<u64>((hash ^ word) * FACTOR, 29);
}
