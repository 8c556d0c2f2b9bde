/**
 * A Web Worker that may never come to its end: it counts what it begins, and is ended from outside
 * where nothing new is begun. Knows nothing of what it does.
 *
 * @module
 */

/** Time without a new count after which the one under way counts as endless, ms. */
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 1000;

/**
 * Runs a worker that counts what it begins, and ends it where nothing new is begun for a while.
 *
 * @param heard Given each word; true ends the run.
 * @returns Whether it came to its end.
 */
export async function watched<Word>(
  url: URL,
  order: { readonly begun: SharedArrayBuffer },
  heard: (word: Word) => boolean,
  patienceMs = PATIENCE_MS,
): Promise<boolean> {
  const counter = new Int32Array(order.begun);
  const worker = new Worker(url, { type: "module" });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  worker.onmessage = ({ data }: MessageEvent<Word>) => {
    if (heard(data)) resolve(true);
  };
  worker.postMessage(order);
  let [last, since] = [-1, performance.now()];
  const timer = setInterval(() => {
    const now = Atomics.load(counter, 0);
    if (now !== last) [last, since] = [now, performance.now()];
    else if (performance.now() - since > patienceMs) resolve(false);
  }, Math.min(LOOK_EVERY_MS, patienceMs));
  const ended = await promise;
  clearInterval(timer);
  worker.terminate();
  return ended;
}
