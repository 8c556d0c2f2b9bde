/**
 * The live target: real sockets over 127.0.0.1 between the harness's own endpoints.
 *
 * Each group has a server and a client in threads of their own. It measures the host's network
 * stack and this runtime, not a device: there is no queue to steer, so it runs policy NONE only.
 *
 * @module
 */

import { EXIT, UserError } from "./errors.ts";
import { disagreement } from "./live/audit.ts";
import { cpuCount, environmentOf } from "./live/environment.ts";
import { toMeasurement } from "./live/measurement.ts";
import { refusalOf } from "./live/refusal.ts";
import { LiveSession, SESSION_DEFAULTS, type SessionOptions } from "./live/session.ts";
import type { Measurement } from "./record.ts";
import type { PlannedRun, Target, TargetDescription } from "./target.ts";

/** Name of the load generator; numbers of different generators are never compared. */
export const LIVE_GENERATOR = "deno-async-sockets";

/** Loopback runs. One run at a time. */
export class LiveTarget implements Target {
  readonly kind = "live" as const;
  readonly #options: SessionOptions;
  #run: PlannedRun | null = null;
  #session: LiveSession | null = null;

  /** `options` replaces limits, or makes the server misbehave; tests of failures do so. */
  constructor(options: Partial<SessionOptions> = {}) {
    this.#options = { ...SESSION_DEFAULTS, ...options };
  }

  describe(): Promise<TargetDescription> {
    return Promise.resolve({
      generator: LIVE_GENERATOR,
      wasm: null,
      environment: environmentOf(),
      hasClock: true,
    });
  }

  refuse(run: PlannedRun): string | null {
    return refusalOf(run);
  }

  async prepare(run: PlannedRun): Promise<void> {
    if (this.#session !== null) throw new Error("A live run is prepared already");
    this.#run = run;
    this.#session = new LiveSession(run, this.#options);
    await this.#session.connect();
  }

  async start(signal: AbortSignal, onProgress: (fraction: number) => void): Promise<void> {
    if (this.#session === null) throw new Error("No live run is prepared");
    await this.#session.traffic(signal, onProgress);
  }

  // deno-lint-ignore require-await -- faults must reject, not throw
  async collect(): Promise<Measurement> {
    const result = this.#session?.result ?? null;
    if (this.#run === null || result === null) throw new Error("No live run to collect");
    for (const group of result.groups) {
      const sentence = disagreement(group);
      if (sentence !== null) throw new UserError(sentence, { exitCode: EXIT.fault });
    }
    const { measureMs } = this.#run;
    return toMeasurement(result, { measureMs, cpuCount: cpuCount() });
  }

  stop(): Promise<void> {
    this.#session?.close();
    this.#session = null;
    this.#run = null;
    return Promise.resolve();
  }

  /** Nothing outside the process was changed. */
  undo(): Promise<void> {
    return Promise.resolve();
  }
}
