/**
 * What a command gets beside its options: the outside world, and a place for its exit code.
 *
 * @module
 */

import { InvalidArgumentError } from "commander";
import { type ExitCode, UserError } from "../errors.ts";
import { didYouMean } from "../suggest.ts";
import type { Io } from "./io.ts";

/** Shared by `main` and the command it runs. */
export interface Context {
  readonly io: Io;
  /** Exit code of the command; 0 until the command says otherwise. */
  exitCode: ExitCode;
}

/** Collects a repeatable option whose value may also be a list with commas. */
export function collect(value: string, previous: readonly string[] | undefined): string[] {
  const values = value.split(",").map((part) => part.trim()).filter((part) => part !== "");
  if (values.length === 0) throw new InvalidArgumentError("It is empty.");
  return [...previous ?? [], ...values];
}

/**
 * A parser for a path. An empty one, as from an unset variable, would mean the current folder; one
 * that begins with a dash is the next option, whose value was forgotten.
 */
export function path(value: string): string {
  if (value.trim() === "") throw new InvalidArgumentError("It is empty.");
  if (value.startsWith("-")) {
    throw new InvalidArgumentError(`It looks like an option; a path can be written ./${value}`);
  }
  return value;
}

/** A parser for a whole number within limits. */
export function wholeNumber(low: number, high: number): (value: string) => number {
  return (value) => {
    const parsed = Number(value);
    if (/^\d+$/.test(value) && parsed >= low && parsed <= high) return parsed;
    throw new InvalidArgumentError(`Accepted is a whole number from ${low} to ${high}.`);
  };
}

/** A parser for a time with its unit, such as 500ms or 2s; the result is in milliseconds. */
export function milliseconds(low: number, high: number): (value: string) => number {
  return (value) => {
    const [, digits, unit] = value.match(/^(\d+(?:\.\d+)?)(ms|s)$/) ?? [];
    const parsed = Number(digits) * (unit === "s" ? 1000 : 1);
    if (parsed >= low && parsed <= high) return parsed;
    throw new InvalidArgumentError(
      `Accepted is a time from ${low}ms to ${high / 1000}s with its unit, such as 500ms or 2s.`,
    );
  };
}

/**
 * The accepted name that was meant, in whatever case it was written.
 *
 * @param kind What it is a name of, for the sentence.
 * @throws {UserError} where it is none of them.
 */
export function oneOf<T extends string>(kind: string, found: string, accepted: readonly T[]): T {
  const match = accepted.find((name) => name.toLowerCase() === found.toLowerCase());
  if (match !== undefined) return match;
  throw new UserError(
    `Unknown ${kind} "${found}": accepted are ${accepted.join(", ")}${didYouMean(found, accepted)}`,
  );
}
