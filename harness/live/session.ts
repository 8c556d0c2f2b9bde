/**
 * One live run from sockets to counts: a server thread and a client thread per group, taken
 * through warm-up, measured window and drain. Bounded in time whatever the endpoints do.
 *
 * Never interprets what was counted; `measurement.ts` does.
 *
 * @module
 */

import process from "node:process";
import { EXIT, UserError } from "../errors.ts";
import type { WorkloadGroup } from "../spec.ts";
import type { PlannedRun } from "../target.ts";
import { EndpointWorker } from "./endpoint_worker.ts";
import {
  type EndpointCommand,
  type EndpointResult,
  NO_FAULTS,
  type ServerFaults,
} from "./messages.ts";

/** Limits and faults of a session. */
export interface SessionOptions {
  /** Longest time for threads to start and connections to be made. */
  readonly setupMsMax: number;
  /** Longest time for what is in flight to end after the measured window. */
  readonly drainMsMax: number;
  /** A UDP request without an answer is given up after this time. */
  readonly udpTimeoutMs: number;
  readonly faults: ServerFaults;
}

/** What every real run uses. */
export const SESSION_DEFAULTS: SessionOptions = {
  setupMsMax: 30_000,
  drainMsMax: 5_000,
  // Some 1000 round trips over loopback.
  udpTimeoutMs: 200,
  faults: NO_FAULTS,
};

/** What both sides of a group counted. */
export interface GroupResult {
  readonly group: WorkloadGroup;
  readonly client: EndpointResult;
  readonly server: EndpointResult;
}

/** What a session found out. */
export interface SessionResult {
  readonly groups: readonly GroupResult[];
  /** CPU time of this process in the measured window, user and system together. */
  readonly cpuMs: number;
  /** Length of the window on the harness's clock; 0 when it was never opened. */
  readonly windowMs: number;
  readonly endedEarly: boolean;
}

interface Pair {
  readonly group: WorkloadGroup;
  readonly server: EndpointWorker;
  readonly client: EndpointWorker;
}

const PROGRESS_MS = 100;
/** Keeps the random streams of a run's groups apart: 2^32 / golden ratio. */
const SEED_STEP = 0x9e3779b9;

/** A run in progress. */
export class LiveSession {
  readonly #run: PlannedRun;
  readonly #options: SessionOptions;
  readonly #pairs: readonly Pair[];
  readonly #failed: Promise<never>;
  #result: SessionResult | null = null;

  /** Starts the threads; `connect` makes the connections. */
  constructor(run: PlannedRun, options: SessionOptions) {
    this.#run = run;
    this.#options = options;
    this.#pairs = run.workload.groups.map((group) => ({
      group,
      server: new EndpointWorker(`server of group "${group.name}"`),
      client: new EndpointWorker(`client of group "${group.name}"`),
    }));
    this.#failed = Promise.race(this.#workers().map((worker) => worker.failed));
    this.#failed.catch(() => {});
  }

  /** What was counted, after `traffic`; null before. */
  get result(): SessionResult | null {
    return this.#result;
  }

  /**
   * Binds every server, then connects every client.
   *
   * @throws {UserError} when an endpoint fails or is not ready in time.
   */
  async connect(): Promise<void> {
    const connected = this.#pairs.map(async ({ group, server, client }, index) => {
      const { faults, udpTimeoutMs } = this.#options;
      const { port } = await server.ask({ kind: "setup", role: "server", group, faults }, "ready");
      const seed = (this.#run.seed + index * SEED_STEP) >>> 0;
      await client.ask({ kind: "setup", role: "client", group, port, seed, udpTimeoutMs }, "ready");
    });
    await this.#within(Promise.all(connected), this.#options.setupMsMax, "get ready");
  }

  /**
   * Warm-up, measured window, drain. Ends early without error when `signal` aborts.
   *
   * @throws {UserError} when an endpoint fails or does not end in time.
   */
  async traffic(signal: AbortSignal, onProgress: (fraction: number) => void): Promise<void> {
    const { warmupMs, measureMs } = this.#run;
    const plannedMs = Math.max(1, warmupMs + measureMs);
    const startMs = performance.now();
    const progress = setInterval(() => {
      onProgress(Math.min(1, (performance.now() - startMs) / plannedMs));
    }, PROGRESS_MS);
    try {
      this.#tellAll({ kind: "go" });
      await this.#pause(warmupMs, signal);
      const cpuBefore = process.cpuUsage();
      const openedMs = performance.now();
      const isOpened = !signal.aborted;
      if (isOpened) {
        this.#tellAll({ kind: "measure" });
        await this.#pause(measureMs, signal);
      }
      const endedEarly = signal.aborted;
      await this.#endWindow();
      const cpu = process.cpuUsage(cpuBefore);
      const windowMs = isOpened ? performance.now() - openedMs : 0;
      const groups = await this.#drain();
      this.#result = { groups, windowMs, endedEarly, cpuMs: (cpu.user + cpu.system) / 1000 };
    } finally {
      clearInterval(progress);
    }
    if (!this.#result.endedEarly) onProgress(1);
  }

  /** Ends all threads; they take their sockets with them. Safe at any time. */
  close(): void {
    for (const worker of this.#workers()) worker.terminate();
  }

  #workers(): EndpointWorker[] {
    return this.#pairs.flatMap(({ server, client }) => [server, client]);
  }

  #tellAll(command: EndpointCommand): void {
    for (const worker of this.#workers()) worker.tell(command);
  }

  /** Closes every window while the traffic still flows, so that no side measures an idle end. */
  async #endWindow(): Promise<void> {
    const frozen = this.#workers().map((worker) => worker.ask({ kind: "freeze" }, "frozen"));
    await this.#within(Promise.all(frozen), this.#options.drainMsMax, "close the window");
  }

  async #drain(): Promise<GroupResult[]> {
    const drained = this.#pairs.map(async ({ group, server, client }) => {
      // A server that sends (TCP_MAERTS) must stop before its client can reach the end.
      server.tell({ kind: "drain" });
      const { result: clientResult } = await client.ask({ kind: "drain" }, "done");
      const { result: serverResult } = await server.ask({ kind: "finish" }, "done");
      return { group, client: clientResult, server: serverResult };
    });
    return await this.#within(Promise.all(drained), this.#options.drainMsMax, "end its traffic");
  }

  /** Resolves after `durationMs` or when `signal` aborts; rejects when an endpoint fails. */
  async #pause(durationMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, durationMs);
    const wake = () => resolve();
    signal.addEventListener("abort", wake);
    try {
      await Promise.race([promise, this.#failed]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
    }
  }

  /** The watchdog: rejects when an endpoint fails, or after `limitMs`, naming the late. */
  async #within<Value>(work: Promise<Value>, limitMs: number, aim: string): Promise<Value> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const names = this.#workers().filter((worker) => worker.isBusy).map((worker) => worker.name);
      const message = `The ${names.join(" and the ")} did not ${aim} within ${limitMs} ms`;
      reject(new UserError(message, { exitCode: EXIT.fault }));
    }, limitMs);
    try {
      return await Promise.race([work, late, this.#failed]);
    } finally {
      clearTimeout(timer);
    }
  }
}
