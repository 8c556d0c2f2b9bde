/**
 * The failure of a build: sentences for a person, never a stack trace.
 *
 * @module
 */

/** A build that cannot be used; `message` holds one sentence a line (or asc's own messages). */
export class BuildError extends Error {
  override readonly name = "BuildError";
  /** Exit code of the command line: a check failed. */
  readonly exitCode = 1;
}
