/**
 * What a program may answer to any input: what was asked for, or one sentence and an exit code
 * that means something. Everything else is a fault.
 *
 * @module
 */

import { cpuSeconds } from "../../../harness/verify/cpu_time.ts";
import { EXIT, UserError } from "../../../harness/errors.ts";

/** How an input ended. */
export interface Outcome {
  readonly code: number;
  /** What was said on stderr, or the message of the error. */
  readonly err: string;
}

/** Longest sentence: one that repeats the whole input helps nobody. */
const SENTENCE_MAX = 1000;
/** CPU time that any input may take, ms. */
const CPU_MAX_MS = 2000;
/** CPU time for every character besides, ms. */
const CPU_MS_PER_CHARACTER = 0.05;
/** Memory that any input may leave behind, bytes. */
const MEMORY_MAX = 256 << 20;

/** Runs a reader; an error of the user's becomes its outcome. */
export async function outcomeOf(read: () => unknown): Promise<Outcome> {
  try {
    await read();
    return { code: EXIT.ok, err: "" };
  } catch (error) {
    if (error instanceof UserError) return { code: error.exitCode, err: `error: ${error.message}` };
    const { stack, message } = error instanceof Error ? error : { message: error, stack: "" };
    return { code: EXIT.fault, err: `error: Internal fault: ${message} ${stack}` };
  }
}

/**
 * What is wrong with an outcome, null if nothing is. Exit code 5 alone is none: the gate has it for
 * what it cannot read.
 */
export function wrongWith({ code, err }: Outcome): string | null {
  if (err.includes("Internal fault")) {
    return `it ends with a fault of the lab: ${err.slice(0, 300).replace(/\s+/g, " ")}`;
  }
  if (code === EXIT.ok || code === EXIT.failed || code === EXIT.inconclusive) return null;
  const text = err.replace(/\n$/, "");
  const sentences = text.split("\n").filter((line) => line.startsWith("error: "));
  // Nothing asked for is answered with the help.
  if (text.includes("Usage: ") && !text.includes("error: ")) return null;
  const [sentence, ...more] = sentences;
  if (sentence === undefined) return `exit code ${code} without a sentence`;
  if (more.length > 0) return "more than one sentence";
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(text.replaceAll("\n", ""))) {
    return "a sentence with control characters";
  }
  if (/\n\s+at .*:\d+:\d+/.test(err)) return "a stack trace";
  if (sentence.length > SENTENCE_MAX) return `a sentence of ${sentence.length} characters`;
  return null;
}

/** Bytes that this isolate holds. */
function held(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** Runs one input and says what is wrong, null if nothing is. */
export async function judge(
  size: number,
  run: () => Promise<Outcome>,
  cpuMaxMs = CPU_MAX_MS,
): Promise<{ readonly outcome: Outcome; readonly wrong: string | null }> {
  const memory = held();
  const before = cpuSeconds();
  const outcome = await run();
  const cpuMs = 1000 * (cpuSeconds() - before);
  const wrong = wrongWith(outcome);
  if (wrong !== null) return { outcome, wrong };
  const allowedMs = cpuMaxMs + CPU_MS_PER_CHARACTER * size;
  if (cpuMs > allowedMs) {
    return { outcome, wrong: `it takes ${Math.round(cpuMs)} ms of CPU time` };
  }
  const grown = held() - memory;
  return { outcome, wrong: grown > MEMORY_MAX ? `it takes ${grown >> 20} MiB of memory` : null };
}
