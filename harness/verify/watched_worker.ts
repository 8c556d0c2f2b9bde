/**
 * A Web Worker that may never come to its end: it counts what it begins, and is ended from outside
 * where nothing new is begun. Knows nothing of what it does.
 *
 * @module
 */

/** Time without a new count after which the one under way counts as endless, ms. */
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 1000;

/** What a worker says once it can take its order. */
export interface Ready {
  readonly ready: true;
}

/**
 * Runs a worker that counts what it begins, and ends it where nothing new is begun for a while.
 * It is given its order when it says `{ ready: true }`: a message that comes while its modules
 * still load is lost.
 *
 * @param heard Given each other word; true ends the run.
 * @returns Whether it came to its end.
 */
export async function watched<Word extends object>(
  url: URL,
  order: { readonly begun: SharedArrayBuffer },
  heard: (word: Word) => boolean,
  patienceMs = PATIENCE_MS,
): Promise<boolean> {
  const counter = new Int32Array(order.begun);
  const worker = new Worker(url, { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  worker.onmessage = ({ data }: MessageEvent<Word | Ready>) => {
    if ("ready" in data) worker.postMessage(order);
    else if (heard(data)) resolve(true);
  };
  worker.onerror = (event: ErrorEvent): void => {
    event.preventDefault();
    reject(new Error(`The worker ended: ${event.message}`));
  };
  let [last, since] = [-1, performance.now()];
  const timer = setInterval(() => {
    const now = Atomics.load(counter, 0);
    if (now !== last) [last, since] = [now, performance.now()];
    else if (performance.now() - since > patienceMs) resolve(false);
  }, Math.min(LOOK_EVERY_MS, patienceMs));
  try {
    return await promise;
  } finally {
    clearInterval(timer);
    worker.terminate();
  }
}
