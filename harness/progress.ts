/**
 * Progress of a bench on stderr: a bar with the time left when a person watches, otherwise a line
 * at every tenth. Never writes to stdout.
 *
 * @module
 */

import { Presets, SingleBar } from "cli-progress";
import type { RunObserver } from "./run.ts";
import { plural } from "./words.ts";
import type { PlannedRun } from "./target.ts";

/** Progress that can be ended. */
export interface Progress extends RunObserver {
  stop(): void;
}

/** Where progress goes. */
export interface ProgressSink {
  /** A terminal for the bar, or null. */
  readonly terminal: NodeJS.WritableStream | null;
  /** Writes a line for logs. */
  line(text: string): void;
}

/** Says nothing. */
export const SILENT: Progress = { onFraction() {}, onDone() {}, stop() {} };

/** The progress of a plan. */
export function startProgress(runs: readonly PlannedRun[], sink: ProgressSink): Progress {
  return sink.terminal === null
    ? new LineProgress(runs.length, sink)
    : new BarProgress(runs, sink.terminal);
}

class LineProgress implements Progress {
  #doneCount = 0;
  #tenth = 0;
  readonly #runCount: number;
  readonly #sink: ProgressSink;

  constructor(runCount: number, sink: ProgressSink) {
    this.#runCount = runCount;
    this.#sink = sink;
    sink.line(`${plural(runCount, "run")} to do`);
  }

  onFraction(): void {}

  onDone(): void {
    this.#doneCount++;
    const tenth = Math.floor(10 * this.#doneCount / this.#runCount);
    if (tenth === this.#tenth) return;
    this.#tenth = tenth;
    this.#sink.line(`${this.#doneCount} of ${this.#runCount} runs done`);
  }

  stop(): void {}
}

class BarProgress implements Progress {
  readonly #bar: SingleBar;
  readonly #fractions = new Map<string, number>();
  #doneCount = 0;
  #isStopped = false;

  constructor(runs: readonly PlannedRun[], terminal: NodeJS.WritableStream) {
    this.#bar = new SingleBar({
      stream: terminal,
      format: "{bar} {done}/{total} runs | {eta_formatted} left | {run}",
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: false,
      etaBuffer: 50,
      gracefulExit: false,
    }, Presets.shades_classic);
    this.#bar.start(runs.length, 0, { done: 0, run: "" });
  }

  onFraction(run: PlannedRun, fraction: number): void {
    this.#fractions.set(run.runId, fraction);
    this.#draw(run);
  }

  onDone(run: PlannedRun): void {
    this.#fractions.delete(run.runId);
    this.#doneCount++;
    this.#draw(run);
  }

  stop(): void {
    if (!this.#isStopped) this.#bar.stop();
    this.#isStopped = true;
  }

  #draw(run: PlannedRun): void {
    if (this.#isStopped) return;
    const inFlight = [...this.#fractions.values()].reduce((sum, fraction) => sum + fraction, 0);
    this.#bar.update(this.#doneCount + inFlight, { done: this.#doneCount, run: run.runId });
  }
}
