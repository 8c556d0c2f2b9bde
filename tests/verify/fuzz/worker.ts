/**
 * A Web Worker that runs all readers.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { messageOf } from "../../../harness/errors.ts";
import type { Ready } from "../../../harness/verify/watched_worker.ts";
import { fuzzAll, type FuzzOrder, type FuzzWord } from "../part_fuzz.ts";

const say = (word: FuzzWord): void => self.postMessage(word);

self.onmessage = async ({ data }: MessageEvent<FuzzOrder>) => {
  try {
    await fuzzAll(data, say);
    say({ end: true });
  } catch (error) {
    say({ failed: messageOf(error) });
  }
};
self.postMessage({ ready: true } satisfies Ready);
