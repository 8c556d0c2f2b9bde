/**
 * `bench --trace` and `--profile`: what was noted of runs beside their records, for a person or as
 * JSON. Written and printed last, so that records never depend on it.
 *
 * @module
 */

import { resolve } from "node:path";
import Table from "cli-table3";
import { UserError } from "../errors.ts";
import { reasonOf } from "../jsonc.ts";
import { addSamples, type Profile, profileOf, type ProfileSamples } from "../machine/profile.ts";
import { chromeDocument } from "../machine/trace_format.ts";
import type { Observation, PlannedRun, Watch } from "../target.ts";
import { NO_LINES } from "../table.ts";
import { grouped, plural } from "../words.ts";
import { shownPath } from "./present.ts";

/** Entries of a trace: some 20 MB of JSON, which a browser still opens at once. */
const TRACE_LIMIT = 150_000;

/** What the options ask for. */
export interface ObserveFlags {
  readonly trace?: string;
  readonly profile?: true;
}

/** What was written and found, for `--json`; a person gets it as text. */
export interface Observed {
  readonly trace_file?: string;
  readonly profile?: Profile;
}

/** Collects what runs give beside their records. */
export class Observer {
  readonly #cwd: string;
  readonly #traceFile: string | null;
  readonly #samples: ProfileSamples[] = [];
  #extent = "";
  #hasTrace = false;

  private constructor(flags: ObserveFlags, cwd: string) {
    this.#cwd = cwd;
    this.#traceFile = flags.trace === undefined ? null : resolve(cwd, flags.trace);
  }

  /**
   * Asks the runs to be watched.
   *
   * @throws {UserError} when a trace is asked for and it is not one run on the model, or its file
   * cannot be written; when a profile is asked for and no run is on the model.
   */
  static async watch(
    runs: readonly PlannedRun[],
    flags: ObserveFlags,
    cwd: string,
  ): Promise<{ observer: Observer; runs: readonly PlannedRun[] }> {
    const observer = new Observer(flags, cwd);
    if (observer.#traceFile !== null) {
      refuseTrace(runs);
      await refuseFile(observer.#traceFile);
    }
    if (flags.profile === true && runs.every((run) => run.target !== "model")) {
      throw new UserError("Cannot profile: no run is on the model; take --target model");
    }
    const watch: Watch = {
      ...(flags.trace === undefined ? {} : { traceLimit: TRACE_LIMIT }),
      ...(flags.profile === true ? { profile: true } : {}),
    };
    if (Object.keys(watch).length === 0) return { observer, runs };
    return {
      observer,
      runs: runs.map((run) => run.target === "model" ? { ...run, watch } : run),
    };
  }

  /** Takes what one run gave; a trace is written at once. */
  async take(run: PlannedRun, { trace, profile }: Observation): Promise<void> {
    if (profile !== null) this.#samples.push(profile);
    if (trace === null || this.#traceFile === null) return;
    await writePieces(this.#traceFile, chromeDocument(trace, run));
    this.#hasTrace = true;
    const ms = ((trace.untilNs - trace.fromNs) / 1e6).toFixed(2);
    this.#extent = trace.isCut
      ? `the first ${ms} ms after the warm-up, cut after ${grouped(TRACE_LIMIT)} entries`
      : `all ${ms} ms after the warm-up`;
  }

  /** For the summary as JSON. */
  toJson(): Observed {
    return {
      ...(this.#hasTrace ? { trace_file: this.#shown() } : {}),
      ...(this.#samples.length > 0 ? { profile: profileOf(addSamples(this.#samples)) } : {}),
    };
  }

  #shown(): string {
    return shownPath(this.#cwd, this.#traceFile!);
  }

  /** For a person; empty where nothing was asked for. */
  text(): string {
    const profile = this.#samples.length > 0
      ? renderProfile(profileOf(addSamples(this.#samples)))
      : "";
    const trace = this.#hasTrace ? `Trace    ${this.#shown()}: ${this.#extent}\n` : "";
    return trace + (profile === "" ? "" : `\n${profile}`);
  }
}

function refuseTrace(runs: readonly PlannedRun[]): void {
  if (runs.length === 1 && runs[0]!.target === "model") return;
  const what = runs.length === 1
    ? `a run on target ${runs[0]!.target}`
    : plural(runs.length, "run");
  throw new UserError(
    `Cannot trace ${what}: a trace is of one run on the model, such as ` +
      "--target model --workload rr --policy NONE --seeds 1",
  );
}

/** A file that cannot be written is told before the run, not after. */
async function refuseFile(file: string): Promise<void> {
  await writePieces(file, []);
}

async function writePieces(file: string, pieces: Iterable<string>): Promise<void> {
  try {
    const text = ReadableStream.from(inBlocks(pieces));
    await Deno.writeFile(file, text.pipeThrough(new TextEncoderStream()));
  } catch (error) {
    throw new UserError(`Cannot write "${file}": ${reasonOf(error)}`, { cause: error });
  }
}

/** Longer pieces: a write for each line would take longer than the run. */
function* inBlocks(pieces: Iterable<string>): Generator<string> {
  let block = "";
  for (const piece of pieces) {
    block += piece;
    if (block.length < 1 << 16) continue;
    yield block;
    block = "";
  }
  yield block;
}

/** The profile as a table. */
export function renderProfile(profile: Profile): string {
  const head = ["event", "events", "share of events %", "share of time %", "ns each", "timed"];
  const table = new Table({
    head,
    chars: NO_LINES,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 1, compact: true },
    colAligns: ["left", "right", "right", "right", "right", "right"],
  });
  const percent = (share: number | null) => share === null ? "-" : (share * 100).toFixed(1);
  for (const { kind, events, time_share, event_ns, samples } of profile.kinds) {
    const ns = event_ns === null ? "-" : event_ns.toFixed(0);
    const share = percent(events / profile.events);
    table.push([kind, grouped(events), share, percent(time_share), ns, grouped(samples)]);
  }
  const rate = (profile.events_per_second / 1e6).toFixed(2);
  const lines = table.toString().split("\n").map((line) => line.trimEnd());
  return `Profile of ${plural(profile.runs, "run")}: ${grouped(profile.events)} events, ` +
    `${rate} million a second\n${lines.join("\n")}\n` +
    "Counts are exact; times are estimated from the events that were timed one by one.\n";
}
