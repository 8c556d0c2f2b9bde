/**
 * Exit codes and the one error class for what a user can put right.
 *
 * A `UserError` is printed as one line and never with a stack trace; anything else that reaches
 * `main.ts` is a fault of the lab itself (exit code 5).
 *
 * @module
 */

/** What the program's exit codes mean; the same for every command. */
export const EXIT = {
  ok: 0,
  /** A check failed or a regression is confirmed. */
  failed: 1,
  /** Wrong usage or bad input. */
  usage: 2,
  /** No verdict is possible, or the run ended early. */
  inconclusive: 3,
  /** The environment cannot do what was asked. */
  refused: 4,
  /** A fault of the lab itself. */
  fault: 5,
} as const;

/** One of the exit codes. */
export type ExitCode = typeof EXIT[keyof typeof EXIT];

/** Longest word of a sentence, and longest sentence; what is quoted may be of any length. */
const WORD_MAX = 300;
const SENTENCE_MAX = 900;

/**
 * A sentence that a terminal can show: control characters, which could do anything there, are
 * written as escapes, and what is too long loses its middle.
 */
export function printable(sentence: string): string {
  const shorten = (text: string, most: number): string =>
    text.length <= most ? text : `${text.slice(0, most / 2)}…${text.slice(text.length - most / 3)}`;
  const escaped = sentence.replace(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/g,
    (unit) => {
      return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
    },
  );
  const words = escaped.replace(/\S+/g, (word) => shorten(word, WORD_MAX));
  return shorten(words, SENTENCE_MAX);
}

/**
 * An error that its message explains in one sentence, made {@link printable}; `exitCode` is 2
 * unless told.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly exitCode: ExitCode;

  constructor(message: string, options: { exitCode?: ExitCode; cause?: unknown } = {}) {
    super(printable(message), "cause" in options ? { cause: options.cause } : {});
    this.exitCode = options.exitCode ?? EXIT.usage;
  }
}

/** An error as plain data, for the way out of a worker. */
export interface FlatError {
  readonly message: string;
  readonly stack: string;
  /** null for a fault of the lab. */
  readonly exitCode: ExitCode | null;
}

/** Anything that was thrown, as plain data. */
export function flattened(thrown: unknown): FlatError {
  return {
    message: messageOf(thrown),
    stack: thrown instanceof Error ? thrown.stack ?? "" : "",
    exitCode: thrown instanceof UserError ? thrown.exitCode : null,
  };
}

/** The error again that plain data came from; its cause is gone. */
export function revived({ message, stack, exitCode }: FlatError): Error {
  const error = exitCode === null ? new Error() : new UserError("", { exitCode });
  // Made printable where it was thrown; that of a build has several lines.
  error.message = message;
  error.stack = stack;
  return error;
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
